/* SPDX-License-Identifier: MIT
 *
 * From a request to what answers it. */
#include "cdn/cdn_int.h"

/* Set once before the loops start; a handler gets nothing but its exchange. */
struct cdn cdn;

void cdn_init(struct publisher *p, const struct settings *s)
{
	cdn = (struct cdn){ p, s };
}

static void look(struct visit *v);

/* Waiting for memory --------------------------------------------------------------------------- */

static void arrived(void *arg)
{
	struct visit *v = arg;
	struct hot *h = v->fetch.hot;

	if (h) {
		send_hot(v->x, h);
		hot_unref(h);
		return;
	}
	/* A site is there now, or a publish has replaced the file meanwhile: look again. */
	if (++v->attempts < CDN_ATTEMPTS_MAX && (v->fetch.kind != FETCH_SITE || v->fetch.ok))
		look(v);
	else
		send_plain(v->x, PLAIN_UNAVAILABLE);
}

static void fetched(struct fetch *f)
{
	struct visit *v = f->arg;

	http_post(v->x, arrived, v);
}

/* Ends the read section before anything waits. `from` is on the stack on the first attempt. */
static void fetch(struct visit *from, const struct fetch *what)
{
	struct visit *v = from;

	if (v->attempts == 0) {
		v = arena_new(http_arena(from->x), struct visit);
		*v = *from;
	}
	v->fetch = *what;
	v->fetch.done = fetched;
	v->fetch.arg = v;
	index_read_end();
	if (!publisher_fetch(cdn.publisher, &v->fetch))
		send_plain(v->x, PLAIN_UNAVAILABLE);
}

static void fetch_site(struct visit *v, const struct site *s)
{
	fetch(v, &(struct fetch){ .kind = FETCH_SITE, .project_id = s->project_id });
}

static void fetch_file(struct visit *v, const struct site *s, const struct live *l,
		       const struct found *found)
{
	struct arena *a = http_arena(v->x);

	fetch(v, &(struct fetch){
			 .kind = FETCH_FILE,
			 .project_id = s->project_id,
			 .use = found->use,
			 .manifest = found->file == &l->manifest,
			 .language = arena_str(a, found->file->language),
			 .space = arena_str(a, found->file->space),
			 .digest = arena_str(a, found->file->digest),
		 });
}

/* Not there ------------------------------------------------------------------------------------ */

static bool is_strict(const struct site *s)
{
	if (s && s->missing != MISSING_DEFAULT)
		return s->missing == MISSING_STRICT;
	return cdn.settings->missing_strict;
}

/* Contract section 9.3. What is missing is never cached and never "not modified". */
static enum plain missing(const struct site *s, const struct live *l, str rest)
{
	struct address a = cdn_address(rest);
	enum plain usual = is_strict(s) ? PLAIN_ABSENT : PLAIN_EMPTY;
	bool published = l && a.locale.p && live_has_language(l, a.locale);

	switch (a.kind) {
	case ADDRESS_OTHER:
		return PLAIN_NOT_FOUND;
	case ADDRESS_VERSION:
		return published ? PLAIN_EMPTY : PLAIN_ABSENT;
	case ADDRESS_SPACE:
		if (published)
			return PLAIN_EMPTY;
		/* Clients of namespaced projects fall back to their stored copy only on an error.
		 */
		if (l && l->namespaced && cdn.settings->namespaced_missing_404)
			return PLAIN_ABSENT;
		return usual;
	default:
		return usual;
	}
}

/* Batches -------------------------------------------------------------------------------------- */

static void look_batch(struct visit *v, const struct site *s, struct live *l,
		       const struct found *found)
{
	struct arena *a = http_arena(v->x);
	struct hot *h;
	struct strs names;
	bool too_many;

	if (!batch_names(a, http_request(v->x)->query, &names, &too_many)) {
		index_read_end();
		send_plain(v->x, too_many ? PLAIN_TOO_LONG : PLAIN_BAD_PATH);
		return;
	}
	if (names.n == 0) {
		str *all = arena_array(a, str, l->spaces.n);

		for (size_t i = 0; i < l->spaces.n; i++)
			all[i] = arena_str(a, l->spaces.v[i]);
		names = (struct strs){ all, l->spaces.n, true };
	}
	h = live_batch(l, batch_key(a, found->file->language, &names));
	if (h) {
		send_hot(v->x, h);
		index_read_end();
		return;
	}
	fetch(v, &(struct fetch){ .kind = FETCH_BATCH, .project_id = s->project_id, .spaces = names,
	                          .language = arena_str(a, found->file->language) });
}

/* Looking -------------------------------------------------------------------------------------- */

/* In a read section. true: ended, section and all. false: not found as it is spelled. */
static bool look_as_spelled(struct visit *v, struct site **site_out, struct live **live_out)
{
	struct site *s = publisher_site(cdn.publisher, v->path.project);
	struct live *l = s ? site_live(s) : NULL;
	struct found found;
	struct hot *h;

	*site_out = s;
	*live_out = l;
	if (s && !l && v->attempts == 0) {
		fetch_site(v, s);
		return true;
	}
	if (!l)
		return false;
	live_find(l, v->path.rest, &found);
	if (found.kind == FOUND_NOTHING)
		return false;
	if (found.kind == FOUND_BATCH) {
		look_batch(v, s, l, &found);
		return true;
	}
	h = file_hot(found.file, found.use);
	if (!h) {
		fetch_file(v, s, l, &found);
		return true;
	}
	send_hot(v->x, h);
	index_read_end();
	return true;
}

static void look(struct visit *v)
{
	struct site *s;
	struct live *l;
	struct cdn_path canonical;
	enum plain which;

	index_read_begin();
	if (look_as_spelled(v, &s, &l))
		return;
	if (!v->canonical) {
		if (!cdn_path_canonical(http_arena(v->x), &v->path, &canonical)) {
			index_read_end();
			send_plain(v->x, PLAIN_BAD_PATH);
			return;
		}
		v->path = canonical;
		v->canonical = true;
		if (look_as_spelled(v, &s, &l))
			return;
	}
	which = missing(s, l, v->path.rest);
	index_read_end();
	send_plain(v->x, which);
}

void cdn_handle(struct http_exchange *x)
{
	const struct http_request *q = http_request(x);
	struct visit v;

	if (q->method == HTTP_OPTIONS) {
		send_plain(x, PLAIN_PREFLIGHT);
		return;
	}
	if (q->method != HTTP_GET && q->method != HTTP_HEAD) {
		send_plain(x, PLAIN_METHOD);
		return;
	}
	if (!cdn_path_split(q->path, &v.path)) {
		send_plain(x, PLAIN_NOT_FOUND);
		return;
	}
	v.x = x;
	v.canonical = false;
	v.attempts = 0;
	look(&v);
}

void cdn_error(struct http_exchange *x, const struct err *e)
{
	enum http_method method = http_request(x)->method;

	if (e->code == ERR_URI_TOO_LONG)
		send_plain(x, PLAIN_TOO_LONG);
	else if (method != HTTP_GET && method != HTTP_HEAD && method != HTTP_OPTIONS)
		send_plain(x, PLAIN_METHOD);
	else if (e->code == ERR_PAYLOAD_TOO_LARGE)
		send_plain(x, PLAIN_TOO_LARGE);
	else if (e->code == ERR_UNAVAILABLE)
		send_plain(x, PLAIN_UNAVAILABLE);
	else
		send_plain(x, PLAIN_BAD_PATH);
}
