/* SPDX-License-Identifier: MIT
 *
 * What can wait: loading the files of quiet projects, the best compression, retention, news from
 * other nodes. One thread of low priority. */
#include "publish/publisher_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/crypto.h"

enum {
	BEHIND_NICE = 19,
	BEHIND_BLOCK_BYTES = 64 * 1024,
	REMOTE_LOOK_MS = 1000, /* several nodes: how soon another node's publish is seen */
	REMOTE_CLOCKS_APART_MS = 10000,
	FIRST_SWEEP_MS = 10 * 60 * 1000,
};

/* Better compression --------------------------------------------------------------------------- */

void behind_densify(struct publisher *p, int64_t project_id, str digest)
{
	struct denser *d;

	if (p->config.quiet || digest.n != BLOB_NAME_BYTES)
		return;
	d = calloc(1, sizeof(*d));
	if (!d)
		abort();
	d->project_id = project_id;
	memcpy(d->digest, digest.p, BLOB_NAME_BYTES);
	pthread_mutex_lock(&p->mutex);
	*p->densers_last = d;
	p->densers_last = &d->next;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->mutex);
}

static struct denser *take_denser(struct publisher *p)
{
	struct denser *d;

	pthread_mutex_lock(&p->mutex);
	d = p->closing ? NULL : p->densers;
	if (d) {
		p->densers = d->next;
		if (!p->densers)
			p->densers_last = &p->densers;
	}
	pthread_mutex_unlock(&p->mutex);
	return d;
}

/* Under the mutex. The heads tell lengths, so they are made anew. */
static void swap_body(struct publisher *p, struct arena *a, struct file *f, enum file_use use,
		      struct body *b)
{
	struct hot_facts facts = { .class = use == FILE_FROZEN ? HOT_FROZEN : HOT_CURRENT,
		                   .etag = etag_of(a, f->digest), .modified_ms = f->changed_ms };
	struct hot *h;

	if (!index_load(&f->hot[use]))
		return;
	h = hot_make(p, &facts, b, STR_NONE);
	hot_install(p, &f->hot[use], h);
	hot_unref(h);
}

static void swap_bodies(struct publisher *p, struct arena *a, int64_t project_id, str digest,
			struct body *b)
{
	struct site *s;
	struct live *l;

	pthread_mutex_lock(&p->mutex);
	s = site_by_id(p, project_id);
	l = s ? index_load(&s->live) : NULL;
	for (size_t i = 0; l && i < l->files_n; i++)
		for (int use = 0; use < FILE_USES && str_eq(l->files[i].digest, digest); use++)
			swap_body(p, a, &l->files[i], (enum file_use)use, b);
	pthread_mutex_unlock(&p->mutex);
}

static void densify(struct publisher *p, struct arena *a, const struct denser *d)
{
	str digest = { d->digest, BLOB_NAME_BYTES };
	struct packed packed = { 0 };
	struct body *old = NULL, *fresh;
	struct err e = { 0 };
	struct blob_item item;

	/* Read back what publish has written, so that nothing large waits in memory. */
	if (!body_read(p, digest, &old, &e))
		return;
	memcpy(packed.form, old->form, sizeof(packed.form));
	pack(a, PACK_BEHIND, &packed);
	item = (struct blob_item){ digest, BLOB_BROTLI, packed.form[HOT_BROTLI] };
	if (item.bytes.n > 0 && item.bytes.n < old->form[HOT_BROTLI].n) {
		if (blobs_replace(p->config.blobs, &item, &e)) {
			fresh = body_make(&packed);
			swap_bodies(p, a, d->project_id, digest, fresh);
			body_unref(fresh);
		} else {
			log_event(LOG_WARN, "body_not_densified", "digest=%.16s error=%s", digest.p,
				  e.msg);
		}
	}
	body_unref(old);
}

/* Loading -------------------------------------------------------------------------------------- */

/* A project whose files nobody has asked for yet; 0: none. */
static int64_t next_cold(struct publisher *p)
{
	struct site *s;
	int64_t id;

	pthread_mutex_lock(&p->mutex);
	for (s = p->closing ? NULL : p->sites; s && (s->looked || index_load(&s->live));
	     s = s->next)
		;
	id = s ? s->project_id : 0;
	if (s)
		s->looked = true;
	pthread_mutex_unlock(&p->mutex);
	return id;
}

/* What other nodes have published since the last look. */
static void look_at_remote(struct publisher *p, struct arena *a)
{
	int64_t since = p->looked_ms - REMOTE_CLOCKS_APART_MS, now = clock_now_ms();
	struct err e = { 0 };
	struct rows r;
	struct db *db;
	bool ok;

	if (!store_read_begin(p->config.store, &db, &e))
		return;
	ok = store_sites_since(db, a, since, &r, &e);
	store_read_end(p->config.store, db);
	for (size_t i = 0; ok && i < r.n; i++) {
		struct site *s;
		bool known;

		pthread_mutex_lock(&p->mutex);
		s = site_by_id(p, CELL(&r, i, 0).i);
		known = s && s->seq >= CELL(&r, i, 1).i;
		pthread_mutex_unlock(&p->mutex);
		if (!known)
			ok = site_load(p, CELL(&r, i, 0).i, true, &e);
	}
	if (ok)
		p->looked_ms = now;
	else
		log_event(LOG_WARN, "remote_publishes_unknown", "error=%s", e.msg);
}

static void sweep(struct publisher *p)
{
	struct publish_sweep done;
	struct err e = { 0 };

	if (!publisher_sweep(p, clock_now_ms(), &done, &e))
		log_event(LOG_WARN, "sweep_failed", "error=%s", e.msg);
	else if (done.snapshots > 0 || done.bodies > 0)
		log_event(LOG_INFO, "swept", "snapshots=%lld bodies=%lld",
			  (long long)done.snapshots, (long long)done.bodies);
}

/* Repair --------------------------------------------------------------------------------------- */

struct asking { struct publisher *p; struct arena *a; int64_t project_id; };

static bool add_repair(struct db *db, void *arg, struct err *e)
{
	struct asking *x = arg;
	struct job_new n = { .public_id = uuid_v4(x->a),
			     .kind = S("cdn_upload"),
			     .via = S("system"),
			     .project_id = x->project_id,
			     .now_ms = clock_now_ms() };
	int64_t open;

	return store_jobs_open(db, x->a, x->project_id, n.kind, &open, e) &&
	       (open > 0 || jobs_add(x->p->config.jobs, db, x->a, &n, e));
}

void repair_ask(struct publisher *p, int64_t project_id)
{
	int64_t now = clock_mono_ms();
	struct err e = { 0 };
	struct asking x = { p, NULL, project_id };
	struct site *s;
	bool due;

	pthread_mutex_lock(&p->mutex);
	s = site_by_id(p, project_id);
	due = s && (s->repair_ms == 0 || now - s->repair_ms >= PUBLISH_REPAIR_MS);
	if (due)
		s->repair_ms = now;
	pthread_mutex_unlock(&p->mutex);
	if (!due)
		return;
	x.a = arena_create(KIB);
	if (!jobs_write(p->config.store, add_repair, &x, &e))
		log_event(LOG_WARN, "repair_not_started", "project=%lld error=%s",
			  (long long)project_id, e.msg);
	arena_destroy(x.a);
}

/* The thread ----------------------------------------------------------------------------------- */

static bool wait_for_work(struct publisher *p, int64_t until_ms)
{
	struct timespec at = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };
	bool closing;

	pthread_mutex_lock(&p->mutex);
	if (!p->closing && !p->densers)
		pthread_cond_timedwait(&p->wake, &p->mutex, &at);
	closing = p->closing;
	pthread_mutex_unlock(&p->mutex);
	return !closing;
}

void *behind_main(void *arg)
{
	struct publisher *p = arg;
	struct arena *a = arena_create(BEHIND_BLOCK_BYTES);
	bool remote = store_is_postgres(p->config.store);
	int64_t sweep_at = clock_mono_ms() + FIRST_SWEEP_MS, until, id;
	struct err e = { 0 };
	struct denser *d;

	setpriority(PRIO_PROCESS, (id_t)gettid(), BEHIND_NICE);
	while ((id = next_cold(p)) != 0 && site_load(p, id, true, &e))
		;
	do {
		while ((d = take_denser(p)) != NULL) {
			densify(p, a, d);
			arena_reset(a);
			free(d);
		}
		if (remote)
			look_at_remote(p, a);
		if (clock_mono_ms() >= sweep_at) {
			sweep(p);
			sweep_at = clock_mono_ms() + PUBLISH_SWEEP_MS;
		}
		arena_reset(a);
		until = remote ? clock_mono_ms() + REMOTE_LOOK_MS : sweep_at;
	} while (wait_for_work(p, until));
	arena_destroy(a);
	return NULL;
}
