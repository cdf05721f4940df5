/* SPDX-License-Identifier: MIT
 *
 * Life of the publisher; retention and checking. */
#include "publish/publisher_int.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

enum {
	FETCH_THREADS = 2,
	SWEEP_SNAPSHOTS_MAX = 100,
	DAY_MS = 24 * 3600 * 1000,
	CHECK_BLOCK_BYTES = 64 * 1024
};

struct publisher *publisher_create(const struct publisher_config *c)
{
	struct publisher *p = calloc(1, sizeof(*p));
	pthread_condattr_t attr;

	if (!p)
		abort();
	p->config = *c;
	p->densers_last = &p->densers;
	pthread_mutex_init(&p->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &attr);
	pthread_condattr_destroy(&attr);
	p->pool = pool_create("fetch", c->fetch_threads > 0 ? c->fetch_threads : FETCH_THREADS,
	                      PUBLISH_FETCH_QUEUE_MAX);
	jobs_register(c->jobs, "batch_publish", publish_run, p);
	jobs_register(c->jobs, "cdn_upload", repair_run, p);
	return p;
}

bool publisher_start(struct publisher *p, struct err *e)
{
	p->looked_ms = clock_now_ms();
	if (!sites_load(p, e))
		return false;
	if (p->config.quiet)
		return true;
	if (pthread_create(&p->behind, NULL, behind_main, p) != 0)
		return err_log(e, ERR_UNAVAILABLE, 0, "cannot start the publisher's thread");
	p->behind_started = true;
	return true;
}

void publisher_destroy(struct publisher *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->mutex);
	p->closing = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->mutex);
	if (p->behind_started)
		pthread_join(p->behind, NULL);
	pool_destroy(p->pool);
	while (p->densers) {
		struct denser *d = p->densers;

		p->densers = d->next;
		free(d);
	}
	sites_free(p);
	index_barrier();
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

struct jobs *publisher_jobs(struct publisher *p)
{
	return p->config.jobs;
}

size_t publisher_memory(struct publisher *p)
{
	size_t weight;

	pthread_mutex_lock(&p->mutex);
	weight = p->weight;
	pthread_mutex_unlock(&p->mutex);
	return weight;
}

/* Retention ------------------------------------------------------------------------------------ */

struct sweeping {
	struct publisher *p;
	struct arena     *a;
	struct db        *db;
	struct rows       old;
	struct strs       unused;        /* bodies nobody names */
	size_t            unused_cap;
	bool              failed;
	struct err       *e;
};

static bool delete_snapshots(struct db *db, void *arg, struct err *e)
{
	struct sweeping *s = arg;

	for (size_t i = 0; i < s->old.n; i++)
		if (!store_snapshot_delete(db, s->a, CELL(&s->old, i, 0).i, e))
			return false;
	return true;
}

/* Their bodies become young first: they stay for another while, in case a backup is under way. */
static bool touch_bodies(struct sweeping *s, struct err *e)
{
	struct strs digests;

	for (size_t i = 0; i < s->old.n; i++) {
		if (!store_snapshot_digests(s->db, s->a, CELL(&s->old, i, 0).i, &digests, e))
			return false;
		for (size_t k = 0; k < digests.n; k++)
			blobs_touch(s->p->config.blobs, digests.v[k]);
	}
	return true;
}

static bool sweep_snapshots(struct sweeping *s, int64_t now_ms, struct publish_sweep *out,
			    struct err *e)
{
	const struct publisher_config *c = &s->p->config;
	int64_t before = now_ms - c->snapshots_kept_days * DAY_MS;
	bool ok;

	do {
		if (!store_read_begin(c->store, &s->db, e))
			return false;
		ok = store_snapshots_old(s->db, s->a, before, c->snapshots_kept,
					 SWEEP_SNAPSHOTS_MAX, &s->old, e) &&
		     touch_bodies(s, e);
		store_read_end(c->store, s->db);
		if (!ok || (s->old.n > 0 && !jobs_write(c->store, delete_snapshots, s, e)))
			return false;
		out->snapshots += (int64_t)s->old.n;
		for (size_t i = 0; i < s->old.n; i++)
			if (!site_load(s->p, CELL(&s->old, i, 1).i, true, e))
				return false;
	} while (s->old.n == SWEEP_SNAPSHOTS_MAX);
	return true;
}

static bool note_unused(str name, int64_t age_ms, void *arg)
{
	struct sweeping *s = arg;
	str *v = (str *)s->unused.v;
	bool used;

	if (age_ms < PUBLISH_BLOB_UNUSED_MS)
		return true;
	if (!store_digest_used(s->db, s->a, name, &used, s->e)) {
		s->failed = true;
		return false;
	}
	if (used)
		return true;
	if (s->unused.n == s->unused_cap) {
		s->unused_cap = s->unused_cap ? s->unused_cap * 2 : 64;
		v = arena_array(s->a, str, s->unused_cap);
		for (size_t i = 0; i < s->unused.n; i++)
			v[i] = s->unused.v[i];
		s->unused.v = v;
	}
	v[s->unused.n++] = arena_str(s->a, name);
	return true;
}

static bool sweep_bodies(struct sweeping *s, struct publish_sweep *out, struct err *e)
{
	const struct publisher_config *c = &s->p->config;
	bool ok;

	if (!store_read_begin(c->store, &s->db, e))
		return false;
	s->e = e;
	ok = blobs_each(c->blobs, note_unused, s, e) && !s->failed;
	store_read_end(c->store, s->db);
	for (size_t i = 0; ok && i < s->unused.n; i++) {
		ok = blobs_remove(c->blobs, s->unused.v[i], e);
		out->bodies += ok;
	}
	return ok;
}

bool publisher_sweep(struct publisher *p, int64_t now_ms, struct publish_sweep *out, struct err *e)
{
	struct sweeping s = { .p = p, .a = arena_create(CHECK_BLOCK_BYTES) };
	bool ok;

	*out = (struct publish_sweep){ 0 };
	ok = sweep_snapshots(&s, now_ms, out, e) && sweep_bodies(&s, out, e);
	arena_destroy(s.a);
	return ok;
}

/* Checking ------------------------------------------------------------------------------------- */

struct checking { struct publisher *p; struct arena *a; struct buf body; str *v; size_t n, cap; };

static void add_problem(struct checking *c, str line)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		str *v = arena_array(c->a, str, cap);

		for (size_t i = 0; i < c->n; i++)
			v[i] = c->v[i];
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n++] = line;
}

static bool check_body(str digest, void *arg)
{
	struct checking *c = arg;
	struct err e = { 0 };

	buf_reset(&c->body);
	if (!blobs_get(c->p->config.blobs, digest, BLOB_IDENTITY, &c->body, &e))
		add_problem(c, arena_printf(c->a, "body " FMT_STR " is %s", ARG_STR(digest),
		                            e.code == ERR_NOT_FOUND ? "missing" : "damaged"));
	return true;
}

bool publisher_verify(struct publisher *p, struct arena *a, struct strs *problems, struct err *e)
{
	struct checking c = { .p = p, .a = a };
	struct db *db;
	bool ok;

	for (size_t i = 0; i < problems->n; i++)
		add_problem(&c, problems->v[i]);
	if (!store_read_begin(p->config.store, &db, e))
		return false;
	buf_init(&c.body, BODY_BYTES_MAX);
	ok = store_digests_each(db, a, check_body, &c, e);
	buf_fini(&c.body);
	store_read_end(p->config.store, db);
	if (ok)
		*problems = (struct strs){ c.v, c.n, true };
	return ok;
}
