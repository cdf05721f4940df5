/* SPDX-License-Identifier: MIT
 *
 * Cold things become hot: read from blobs, checked, given heads. On threads that may wait for the
 * disk. */
#include "publish/publisher_int.h"

#include "base/json.h"
#include "base/log.h"

enum { FETCH_BLOCK_BYTES = 16 * 1024 };

/* Bodies --------------------------------------------------------------------------------------- */

static bool read_form(struct publisher *p, struct arena *a, str digest, enum blob_form form,
		      str *out, struct err *e)
{
	struct buf b;

	buf_init_arena(&b, a, BODY_BYTES_MAX);
	if (!blobs_get(p->config.blobs, digest, form, &b, e))
		return false;
	*out = buf_view(&b);
	return true;
}

/* The identity form is lost; the gzip form holds the same bytes. Its last four bytes are their
 * number. */
static bool recover(struct publisher *p, struct arena *a, str digest, str *out)
{
	struct blob_item item = { digest, BLOB_IDENTITY, STR_NONE };
	struct err e = { 0 };
	struct digest d;
	const uint8_t *tail;
	uint32_t bytes;
	str gz;

	if (!read_form(p, a, digest, BLOB_GZIP, &gz, &e) || gz.n < 18)
		return false;
	tail = (const uint8_t *)gz.p + gz.n - 4;
	bytes = (uint32_t)tail[0] | (uint32_t)tail[1] << 8 | (uint32_t)tail[2] << 16 |
		(uint32_t)tail[3] << 24;
	if (bytes > BODY_BYTES_MAX || !unpack_gzip(a, gz, bytes, &item.bytes))
		return false;
	d = sha256(item.bytes);
	if (!str_eq(digest_hex(a, &d), digest))
		return false;
	if (!blobs_replace(p->config.blobs, &item, &e))
		log_event(LOG_WARN, "body_not_mended", "digest=%.16s error=%s", digest.p, e.msg);
	*out = item.bytes;
	return true;
}

static void mend_forms(struct publisher *p, struct arena *a, str digest, struct packed *got)
{
	static const enum blob_form forms[] = { BLOB_GZIP, BLOB_BROTLI };
	struct packed made = { .form = { got->form[HOT_IDENTITY] } };
	struct err e = { 0 };

	pack(a, PACK_AT_ONCE, &made);
	for (size_t i = 0; i < COUNT(forms); i++) {
		struct blob_item item = { digest, forms[i], made.form[forms[i]] };

		if (got->form[forms[i]].p || !item.bytes.p)
			continue;
		got->form[forms[i]] = item.bytes;
		if (!blobs_replace(p->config.blobs, &item, &e))
			log_event(LOG_WARN, "body_not_mended", "digest=%.16s error=%s", digest.p,
				  e.msg);
	}
}

_Static_assert((int)BLOB_GZIP == (int)HOT_GZIP && (int)BLOB_BROTLI == (int)HOT_BROTLI,
               "forms have the same numbers in both modules");

bool body_read(struct publisher *p, str digest, struct body **out, struct err *e)
{
	struct arena *a = arena_create(FETCH_BLOCK_BYTES);
	struct packed got = { 0 };
	struct err ignored = { 0 };
	bool ok = read_form(p, a, digest, BLOB_IDENTITY, &got.form[HOT_IDENTITY], e);

	if (!ok && e->code != ERR_UNAVAILABLE)
		ok = recover(p, a, digest, &got.form[HOT_IDENTITY]);
	if (ok && got.form[HOT_IDENTITY].n >= PUBLISH_PACKED_BYTES_MIN) {
		bool whole = read_form(p, a, digest, BLOB_GZIP, &got.form[HOT_GZIP], &ignored);

		whole = read_form(p, a, digest, BLOB_BROTLI, &got.form[HOT_BROTLI], &ignored) &&
			whole;
		if (!whole)
			mend_forms(p, a, digest, &got);
	}
	if (ok)
		*out = body_make(&got);
	arena_destroy(a);
	return ok;
}

/* Files ---------------------------------------------------------------------------------------- */

/* Under the mutex: where the file is now; NULL: replaced meanwhile. */
static struct file *locate(struct publisher *p, const struct fetch *f)
{
	struct site *s = site_by_id(p, f->project_id);
	struct live *l = s ? index_load(&s->live) : NULL;
	struct file *file;

	if (!l)
		return NULL;
	if (f->manifest)
		return &l->manifest;
	file = live_file(l, f->language, f->space);
	if (file && str_eq(file->digest, f->digest))
		return file;
	for (size_t i = 0; f->use == FILE_FROZEN && i < l->archived_n; i++)
		if (str_eq(l->archived[i].digest, f->digest) &&
		    str_eq(l->archived[i].language, f->language) &&
		    str_eq(l->archived[i].space, f->space))
			return &l->archived[i];
	return NULL;
}

/* What is known of a file while nothing is locked. */
struct sight {
	struct arena *a;
	struct hot_facts facts;
	str digest, manifest_text;
	struct body *body;
	bool found;
};

static void look(struct publisher *p, struct fetch *f, struct sight *s)
{
	struct file *file;
	struct hot *other;

	pthread_mutex_lock(&p->mutex);
	file = locate(p, f);
	if (file) {
		s->found = true;
		f->hot = index_load(&file->hot[f->use]);
		if (f->hot)
			hot_ref(f->hot);
		s->digest = arena_str(s->a, file->digest);
		s->facts.class = f->manifest		 ? HOT_MANIFEST
				 : f->use == FILE_FROZEN ? HOT_FROZEN
							 : HOT_CURRENT;
		s->facts.etag = etag_of(s->a, file->digest);
		s->facts.modified_ms = file->changed_ms;
		other = index_load(&file->hot[f->use == FILE_FROZEN ? FILE_CURRENT : FILE_FROZEN]);
		if (other) {
			s->body = other->shared;
			body_ref(s->body);
		}
		if (f->manifest)
			s->manifest_text = arena_str(s->a, ((struct live *)index_load(
				&site_by_id(p, f->project_id)->live))->manifest_text);
	}
	pthread_mutex_unlock(&p->mutex);
}

static struct body *manifest_body(struct arena *a, str text)
{
	struct packed m = { .form = { text } };

	pack(a, PACK_AT_ONCE, &m);
	return body_make(&m);
}

static void install(struct publisher *p, const struct fetch *f, const struct sight *s)
{
	struct file *file;

	pthread_mutex_lock(&p->mutex);
	file = locate(p, f);
	/* The manifest may have changed since it was looked at; then this one is answered, not
	 * kept. */
	if (file && str_eq(file->digest, s->digest) && !index_load(&file->hot[f->use]))
		hot_install(p, &file->hot[f->use], f->hot);
	pthread_mutex_unlock(&p->mutex);
}

static void fetch_file(struct publisher *p, struct fetch *f, struct arena *a)
{
	struct sight s = { .a = a };
	struct err e = { 0 };

	look(p, f, &s);
	if (!s.found || f->hot)
		goto out;
	if (!s.body && f->manifest)
		s.body = manifest_body(a, s.manifest_text);
	if (!s.body && !body_read(p, s.digest, &s.body, &e)) {
		log_event(LOG_ERROR, "body_lost", "project=%lld digest=%.16s error=%s",
			  (long long)f->project_id, s.digest.p, e.msg);
		if (e.code != ERR_UNAVAILABLE)
			repair_ask(p, f->project_id);
		goto out;
	}
	f->hot = hot_make(p, &s.facts, s.body, STR_NONE);
	install(p, f, &s);
out:
	body_unref(s.body);
}

/* Batches -------------------------------------------------------------------------------------- */

struct fragment { str space, digest; struct body *body; };
struct batch {
	struct arena    *a;
	struct fragment *v;
	int64_t          seq, found, modified_ms;
	bool known; /* every name is one of the project's, so the list is worth keeping */
	bool             cached;
};

static bool has_space(const struct live *l, str space)
{
	for (size_t i = 0; i < l->spaces.n; i++)
		if (str_eq(l->spaces.v[i], space))
			return true;
	return false;
}

static void look_fragment(struct live *l, const struct fetch *f, struct batch *b, size_t i)
{
	struct file *file = live_file(l, f->language, f->spaces.v[i]);
	struct hot *h;

	b->v[i].space = f->spaces.v[i];
	if (!file || f->spaces.v[i].n == 0) {
		b->known = b->known && has_space(l, f->spaces.v[i]);
		return;
	}
	b->found++;
	b->v[i].digest = arena_str(b->a, file->digest);
	h = index_load(&file->hot[FILE_CURRENT]);
	if (h) {
		b->v[i].body = h->shared;
		body_ref(h->shared);
	}
}

/* All digests come from one snapshot; the bodies behind them cannot change. */
static bool look_batch(struct publisher *p, struct fetch *f, str key, struct batch *b)
{
	struct site *s;
	struct file *whole;
	struct live *l;

	pthread_mutex_lock(&p->mutex);
	s = site_by_id(p, f->project_id);
	l = s ? index_load(&s->live) : NULL;
	f->hot = l ? live_batch(l, key) : NULL;
	whole = l ? live_file(l, f->language, S("")) : NULL;
	if (f->hot) {
		hot_ref(f->hot);
	} else if (whole) {
		b->seq = l->seq;
		b->modified_ms = whole->changed_ms;
		b->known = true;
		for (size_t i = 0; i < f->spaces.n; i++)
			look_fragment(l, f, b, i);
	}
	pthread_mutex_unlock(&p->mutex);
	return !f->hot && whole;
}

static bool join(struct publisher *p, struct fetch *f, struct batch *b, struct buf *out,
		 struct err *e)
{
	buf_char(out, '{');
	for (size_t i = 0; i < f->spaces.n; i++) {
		struct fragment *g = &b->v[i];

		if (i > 0)
			buf_char(out, ',');
		json_escape(out, g->space, true);
		buf_char(out, ':');
		if (g->digest.p && !g->body && !body_read(p, g->digest, &g->body, e))
			return false;
		buf_str(out, g->body ? g->body->form[HOT_IDENTITY] : S("{}"));
	}
	buf_char(out, '}');
	return !out->full || err_log(e, ERR_INTERNAL, 0, "batch too large");
}

static struct hot *make_batch(struct publisher *p, struct fetch *f, struct batch *b, str text,
			      str key)
{
	struct packed packed = { .form = { text } };
	struct digest d = sha256(text);
	struct hot_facts facts = { .class = HOT_BATCH,
				   .etag = etag_of(b->a, digest_hex(b->a, &d)),
				   .modified_ms = b->modified_ms,
				   .spaces_asked = (int64_t)f->spaces.n,
				   .spaces_found = b->found };
	struct body *body;
	struct hot *h;

	pack(b->a, b->known ? PACK_AT_ONCE : PACK_CHEAP, &packed);
	body = body_make(&packed);
	h = hot_make(p, &facts, body, key);
	body_unref(body);
	return h;
}

static void install_batch(struct publisher *p, const struct fetch *f, const struct batch *b)
{
	struct site *s;
	struct live *l;

	pthread_mutex_lock(&p->mutex);
	s = site_by_id(p, f->project_id);
	l = s ? index_load(&s->live) : NULL;
	if (l && l->seq == b->seq && !live_batch(l, f->hot->key))
		hot_install(p, &l->batches[l->batch_next++ % LIVE_BATCHES_MAX], f->hot);
	pthread_mutex_unlock(&p->mutex);
}

static void fetch_batch(struct publisher *p, struct fetch *f, struct arena *a)
{
	struct batch b = { .a = a, .v = arena_array(a, struct fragment, f->spaces.n + 1) };
	str key = batch_key(a, f->language, &f->spaces);
	struct err e = { 0 };
	struct buf text;

	if (!look_batch(p, f, key, &b))
		return;
	buf_init_arena(&text, a, BODY_BYTES_MAX);
	if (join(p, f, &b, &text, &e)) {
		f->hot = make_batch(p, f, &b, buf_view(&text), key);
		if (b.known)
			install_batch(p, f, &b);
	} else {
		log_event(LOG_ERROR, "batch_failed", "project=%lld error=%s",
			  (long long)f->project_id, e.msg);
		if (e.code == ERR_NOT_FOUND)
			repair_ask(p, f->project_id);
	}
	for (size_t i = 0; i < f->spaces.n; i++)
		body_unref(b.v[i].body);
}

/* The pool ------------------------------------------------------------------------------------- */

void fetch_run(struct pool_task *t)
{
	struct fetch *f = (struct fetch *)t;
	struct publisher *p = f->publisher;
	struct arena *a = arena_create(FETCH_BLOCK_BYTES);
	struct err e = { 0 };

	switch (f->kind) {
	case FETCH_SITE:
		f->ok = site_load(p, f->project_id, true, &e);
		if (!f->ok)
			log_event(LOG_ERROR, "site_not_loaded", "project=%lld error=%s",
			          (long long)f->project_id, e.msg);
		break;
	case FETCH_FILE:
		fetch_file(p, f, a);
		break;
	case FETCH_BATCH:
		fetch_batch(p, f, a);
		break;
	}
	arena_destroy(a);
	f->done(f);
}

bool publisher_fetch(struct publisher *p, struct fetch *f)
{
	_Static_assert(offsetof(struct fetch, task) == 0, "the pool hands back the task");
	f->publisher = p;
	f->task.run = fetch_run;
	f->hot = NULL;
	f->ok = false;
	return pool_submit(p->pool, &f->task);
}
