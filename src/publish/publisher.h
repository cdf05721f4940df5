/* SPDX-License-Identifier: MIT
 *
 * Holds what is delivered and makes new snapshots. One a process; act->publisher points to it.
 *
 * A publish reads approved texts in one consistent view, puts the bodies into blobs, durable, then
 * commits one transaction, then swaps one pointer. Sources: contract "cdn-and-cli" sections 5-8 and
 * 20; design section 7. */
#ifndef PUBLISH_PUBLISHER_H
#define PUBLISH_PUBLISHER_H

#include "access/act.h"
#include "base/pool.h"
#include "blob/blob.h"
#include "jobs/jobs.h"
#include "publish/live.h"

enum {
	PUBLISH_PACKED_BYTES_MIN = 256, /* shorter bodies are not worth compressing */
	PUBLISH_SWEEP_MS = 3600 * 1000,
	PUBLISH_BLOB_UNUSED_MS =
		24 * 3600 * 1000,      /* a backup that runs meanwhile may still need them */
	PUBLISH_REPAIR_MS = 60 * 1000, /* between two attempts to make lost bodies again */
	PUBLISH_FETCH_QUEUE_MAX = 4096,
};

struct publisher;

struct publisher_config {
	struct store *store;
	struct blobs *blobs;
	struct jobs *jobs; /* the kinds of publish are registered here */
	const struct settings *settings;
	size_t memory_bytes_max; /* bodies and heads kept hot */
	int64_t  snapshots_kept, snapshots_kept_days;
	unsigned fetch_threads; /* 0: 2 */
	hot_head_fn head;	/* cdn_head */
	bool quiet;		/* no background thread: commands and tests */
};

/* Registers its job kinds, so before jobs_start. */
struct publisher *publisher_create(const struct publisher_config *c);
/* Reads which projects deliver (names only; their files come behind or when asked for) and starts
 * the background thread. */
bool publisher_start(struct publisher *p, struct err *e) MUST_CHECK;
/* After jobs_stop and after the last reader; before jobs_destroy. NULL is fine. */
void publisher_destroy(struct publisher *p);
struct jobs *publisher_jobs(struct publisher *p);
size_t publisher_memory(struct publisher *p);        /* bytes held hot */

/* A project was renamed, deleted, or published by another process: read it again. Not on a loop
 * thread. */
bool publisher_refresh(struct publisher *p, int64_t project_id, struct err *e) MUST_CHECK;

/* Deletes snapshots beyond retention and bodies nobody needs any more. */
struct publish_sweep { int64_t snapshots, bodies; };
bool publisher_sweep(struct publisher *p, int64_t now_ms, struct publish_sweep *out,
		     struct err *e) MUST_CHECK;
/* Adds a line for each body of a snapshot that is missing or damaged (`bi18n verify`). */
bool publisher_verify(struct publisher *p, struct arena *a, struct strs *problems,
		      struct err *e) MUST_CHECK;

/* Delivery ------------------------------------------------------------------------------------- */

/* In an index read section. name: "org/slug" or uuid, lower case. NULL: never published under this
 * name. */
struct site *publisher_site(struct publisher *p, str name);
static inline struct live *site_live(struct site *s)
{
	return index_load(&s->live);
}
static inline struct hot *file_hot(struct file *f, enum file_use use)
{
	return index_load(&f->hot[use]);
}
/* NULL: not assembled yet. */
struct hot *live_batch(struct live *l, str key);
str batch_key(struct arena *a, str language, const struct strs *spaces);

/* Brings something into memory, on a thread of its own pool. The strings must live until done. */
enum fetch_kind { FETCH_SITE, FETCH_FILE, FETCH_BATCH };
struct fetch {
	struct pool_task  task;
	struct publisher *publisher;
	int64_t           project_id;
	enum fetch_kind   kind;
	enum file_use     use;
	bool              manifest;
	str language, space, digest;   /* FILE: which; digest as found */
	struct strs spaces;	       /* BATCH: sorted, without repetition */
	void (*done)(struct fetch *f); /* on the pool's thread */
	void             *arg;
	/* result */
	struct hot *hot; /* one reference, the caller's; NULL: none */
	bool ok;	 /* SITE: it is in memory now */
};
bool publisher_fetch(struct publisher *p, struct fetch *f) MUST_CHECK;   /* false: queue full */

#endif
