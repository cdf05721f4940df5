/* SPDX-License-Identifier: MIT */
#include "publish/fixture_test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "store/account.h"
#include "store/catalog.h"
#include "store/text.h"

static void plain_head(struct buf *b, const struct hot_facts *f, enum hot_form form, bool unchanged)
{
	buf_printf(b, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n", unchanged ? 304 : 200,
		   f->bytes[form]);
}

static void must(bool ok, const struct err *e)
{
	if (!ok)
		fprintf(stderr, "error %d: %s | %s\n", (int)e->code, e->say, e->msg);
	CHECK(ok);
}

void world_start(struct world *w)
{
	struct err e = { 0 };

	fixture_reopen(w->f);
	w->store = w->f->store;
	must(blobs_open(arena_printf(w->a, "%s/blob", w->path), &w->blobs, &e), &e);
	w->jobs = jobs_create(
		&(struct jobs_config){ .store = w->store, .threads = 2, .retry_first_ms = 5 });
	w->publisher = publisher_create(
		&(struct publisher_config){ .store = w->store,
					    .blobs = w->blobs,
					    .jobs = w->jobs,
					    .settings = &w->settings,
					    .memory_bytes_max = w->memory_bytes_max,
					    .snapshots_kept = 3,
					    .snapshots_kept_days = 30,
					    .head = w->head,
					    .quiet = !w->behind });
	must(publisher_start(w->publisher, &e), &e);
	must(jobs_start(w->jobs, &e), &e);
}

void world_stop(struct world *w)
{
	jobs_stop(w->jobs);
	publisher_destroy(w->publisher);
	jobs_destroy(w->jobs);
	blobs_close(&w->blobs);
}

static bool add_organization(struct db *db, void *arg, struct err *e)
{
	struct world *w = arg;
	struct organization o = { .public_id = S("org_acme"), .slug = S("acme"), .name = S("Acme"),
		                  .created_ms = clock_now_ms() };

	return store_organization_insert(db, w->a, &o, &w->organization_id, e);
}

void world_make(struct world *w, struct fixture *f, hot_head_fn head)
{
	struct err e = { 0 };

	*w = (struct world){ .f = f,
			     .a = arena_create(16 * KIB),
			     .head = head ? head : plain_head,
			     .memory_bytes_max = 64 * MIB,
			     .path = f->dir,
			     .settings = { .public_url = S("http://cdn.test"),
					   .cdn_base_url = S("http://cdn.test"),
					   .publish_cooldown_s = 30,
					   .namespaced_missing_404 = true },
			     .who = { .kind = WHO_LOCAL } };
	crypto_init();
	f->config.readers = 4;
	world_start(w);
	must(jobs_write(w->store, add_organization, w, &e), &e);
}

void world_drop(struct world *w)
{
	world_stop(w);
	arena_destroy(w->a);
}

struct act world_act(struct world *w)
{
	return (struct act){ .store = w->store,
			     .arena = w->a,
			     .who = &w->who,
			     .settings = &w->settings,
			     .now_ms = clock_now_ms(),
			     .publisher = w->publisher,
			     .request_id = S("r1"),
			     .address = S("127.0.0.1"),
			     .user_agent = S("test") };
}

struct making { struct world *w; const struct project_wish *wish; struct project p; };

static bool add_project(struct db *db, void *arg, struct err *e)
{
	struct making *m = arg;
	struct arena *a = m->w->a;
	str rest = str_from(m->wish->languages), code;
	bool added;

	m->p = (struct project){
		.public_id = uuid_v4(a),
		.organization_id = m->w->organization_id,
		.slug = str_from(m->wish->slug),
		.name = str_from(m->wish->slug),
		.source_language = str_from(m->wish->source),
		.file_structure = m->wish->namespaced ? S("namespaced_folders") : S("single_file"),
		.key_format = m->wish->flat ? S("flat") : S("nested"),
		.publish_drafts = m->wish->drafts,
		.publish_cooldown_s = -1,
		.missing = S(""),
		.created_ms = clock_now_ms(),
	};
	if (!store_project_insert(db, a, &m->p, e))
		return false;
	while (rest.n > 0 && str_cut(&rest, ' ', &code))
		if (!store_language_insert(db, a, m->p.id, code, S("active"), clock_now_ms(),
					   &added, e))
			return false;
	return true;
}

int64_t world_project(struct world *w, const struct project_wish *wish)
{
	struct making m = { w, wish, { 0 } };
	struct err e = { 0 };

	must(jobs_write(w->store, add_project, &m, &e), &e);
	return m.p.id;
}

/* What no call of ours does: behind the store's back. */
static void sql_embedded(struct world *w, const char *text)
{
	str file = arena_printf(w->a, "%s/bi18n.db", w->path);
	sqlite3 *db;

	CHECK(sqlite3_open_v2(arena_cstr(w->a, file), &db, SQLITE_OPEN_READWRITE, NULL) ==
	      SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	CHECK(sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(db);
}

static void sql(struct world *w, const char *text)
{
	PGconn *c;
	PGresult *r;

	if (w->f->url[0] == 0) {
		sql_embedded(w, text);
		return;
	}
	c = PQconnectdb(w->f->url);
	r = PQexec(c, text);
	CHECK(PQresultStatus(r) == PGRES_COMMAND_OK);
	PQclear(r);
	PQfinish(c);
}

void world_fill_from_source(struct world *w)
{
	sql(w, "UPDATE project SET fill_from_source = 1");
}

void world_unfinish(struct world *w)
{
	sql(w, "UPDATE text SET state = 'approved'");
	sql(w, "UPDATE job SET state = 'in_progress', owner = 'dead', lease_until_ms = 0, "
	       "finished_ms = 0");
}

struct writing {
	struct world *w;
	int64_t project_id;
	struct text_key key;
	struct text_change change;
	bool deleting;
};

static bool write_text(struct db *db, void *arg, struct err *e)
{
	struct writing *x = arg;
	struct arena *a = x->w->a;
	struct strs spaces = { &x->key.namespace, 1, true };
	int64_t now = clock_now_ms(), n;

	if (x->deleting)
		return store_keys_by_names(db, a, x->project_id, &x->key, 1, e) &&
		       store_keys_delete(db, a, x->project_id, &x->key, 1, now, &n, e);
	if (!store_namespaces_ensure(db, a, x->project_id, &spaces, now, e) ||
	    !store_keys_by_names(db, a, x->project_id, &x->key, 1, e))
		return false;
	if (x->key.id == 0) {
		x->key.public_id = uuid_v4(a);
		if (!store_keys_insert(db, a, x->project_id, &x->key, 1, now, e))
			return false;
	}
	if (!x->change.to.language.p)
		return true;
	x->change.to.key_id = x->key.id;
	return store_texts_now(db, a, &x->change, 1, e) &&
	       store_texts_put(db, a, x->project_id, &x->change, 1, (struct text_author){ 0, 0 },
			       now, e);
}

void world_text(struct world *w, int64_t project_id, const char *space, const char *key,
		const char *language, const char *value, const char *state)
{
	struct writing x = { .w = w,
			     .project_id = project_id,
			     .key = { .namespace = str_from(space), .name = str_from(key) },
			     .change = { .to = { .language = str_from(language),
						 .value = str_from(value) } } };
	struct err e = { 0 };

	CHECK(text_state_by_name(str_from(state), &x.change.to.state));
	must(jobs_write(w->store, write_text, &x, &e), &e);
}

void world_delete_key(struct world *w, int64_t project_id, const char *space, const char *key)
{
	struct writing x = { .w = w, .project_id = project_id, .deleting = true,
		             .key = { .namespace = str_from(space), .name = str_from(key) } };
	struct err e = { 0 };

	must(jobs_write(w->store, write_text, &x, &e), &e);
}

str world_key_id(struct world *w, int64_t project_id, const char *space, const char *key)
{
	struct writing x = { .w = w, .project_id = project_id,
		             .key = { .namespace = str_from(space), .name = str_from(key) } };
	struct err e = { 0 };

	must(jobs_write(w->store, write_text, &x, &e), &e);
	return x.key.public_id;
}

bool world_try_publish(struct world *w, const char *slug, struct publish_local_out *out,
		       struct err *e)
{
	struct publish_local_in in = { arena_printf(w->a, "acme/%s", slug), true };
	struct act act = world_act(w);

	return publish_local(&act, &in, out, e);
}

struct publish_local_out world_publish(struct world *w, const char *slug)
{
	struct publish_local_out out;
	struct err e = { 0 };

	must(world_try_publish(w, slug, &out, &e), &e);
	return out;
}

struct rows world_rows(struct world *w, enum sql_id id, const struct sql_arg *args, size_t n)
{
	struct err e = { 0 };
	struct rows r;
	struct db *db;

	must(store_read_begin(w->store, &db, &e), &e);
	must(db_run(db, w->a, id, args, n, &r, &e), &e);
	store_read_end(w->store, db);
	return r;
}

/* Delivery ------------------------------------------------------------------------------------- */

struct bell { pthread_mutex_t mutex; pthread_cond_t wake; bool rung; };

static void ring(struct fetch *f)
{
	struct bell *b = f->arg;

	pthread_mutex_lock(&b->mutex);
	b->rung = true;
	pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&b->mutex);
}

static void fetch_now(struct world *w, struct fetch *f)
{
	struct bell b = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };

	f->done = ring;
	f->arg = &b;
	CHECK(publisher_fetch(w->publisher, f));
	pthread_mutex_lock(&b.mutex);
	while (!b.rung)
		pthread_cond_wait(&b.wake, &b.mutex);
	pthread_mutex_unlock(&b.mutex);
}

static struct hot *reach(struct world *w, const char *project, const char *rest)
{
	struct fetch f = { 0 };
	struct hot *h = NULL;
	struct found found = { 0 };
	struct site *s;
	struct live *l;

	index_read_begin();
	s = publisher_site(w->publisher, str_from(project));
	f.project_id = s ? s->project_id : 0;
	l = s ? site_live(s) : NULL;
	index_read_end();
	if (s && !l) {
		f.kind = FETCH_SITE;
		fetch_now(w, &f);
		CHECK(f.ok);
	}
	index_read_begin();
	s = publisher_site(w->publisher, str_from(project));
	l = s ? site_live(s) : NULL;
	if (l)
		live_find(l, str_from(rest), &found);
	if (found.kind == FOUND_FILE) {
		h = file_hot(found.file, found.use);
		if (h)
			hot_ref(h);
		f = (struct fetch){ .kind = FETCH_FILE,
				    .project_id = s->project_id,
				    .use = found.use,
				    .manifest = found.file == &l->manifest,
				    .language = arena_str(w->a, found.file->language),
				    .space = arena_str(w->a, found.file->space),
				    .digest = arena_str(w->a, found.file->digest) };
	}
	index_read_end();
	if (found.kind == FOUND_FILE && !h) {
		fetch_now(w, &f);
		h = f.hot;
	}
	return h;
}

str world_body(struct world *w, const char *project, const char *rest)
{
	struct hot *h = reach(w, project, rest);
	str body = h ? arena_str(w->a, h->body[HOT_IDENTITY]) : STR_NONE;

	hot_unref(h);
	return body;
}

str world_etag(struct world *w, const char *project, const char *rest)
{
	struct hot *h = reach(w, project, rest);
	str etag = h ? arena_str(w->a, h->etag) : STR_NONE;

	hot_unref(h);
	return etag;
}
