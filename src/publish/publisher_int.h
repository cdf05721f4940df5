/* SPDX-License-Identifier: MIT
 *
 * The insides of the publisher. Only files of this folder include it. */
#ifndef PUBLISH_PUBLISHER_INT_H
#define PUBLISH_PUBLISHER_INT_H

#include "publish/pack.h"
#include "publish/publisher.h"
#include "store/publish.h"

#include <pthread.h>

enum { BODY_BYTES_MAX = 64 * 1024 * 1024, MANIFEST_BYTES_MAX = 8 * 1024 * 1024 };

/* Bytes in up to three forms, shared by the uses of one content. */
struct body {
	_Atomic uint32_t refs;
	size_t bytes;
	str    form[HOT_FORMS];
};

/* Names to sites; replaced as a whole, because it changes rarely and is read on every request. */
struct names {
	size_t mask;
	struct name_slot { uint64_t hash; const char *p; size_t n; struct site *site; } v[];
};

/* Work for the background thread. */
struct denser { struct denser *next; int64_t project_id; char digest[BLOB_NAME_BYTES]; };

struct publisher {
	struct publisher_config config;
	struct pool     *pool;
	void *names; /* struct names *, RCU */

	pthread_mutex_t mutex; /* of everything below, and of every slot that is written */
	struct site     *sites;
	struct slug_alias_list aliases;
	struct arena    *aliases_arena;
	struct hot      *newest, *oldest;
	size_t           weight;

	pthread_t        behind;
	pthread_cond_t   wake;
	bool             behind_started, closing;
	struct denser   *densers, **densers_last;
	int64_t          swept_ms, looked_ms;
};

/* hot.c */
struct body *body_make(const struct packed *packed);
void body_ref(struct body *b);
void body_unref(struct body *b);
struct hot *hot_make(struct publisher *p, struct hot_facts *facts, struct body *b,
		     str key); /* takes a reference of b */
/* Under the mutex. The slot gets one reference. */
void hot_install(struct publisher *p, void **slot, struct hot *h);
void hot_drop(struct publisher *p, void **slot); /* retires what is there; empty is fine */
void hot_move(void **from, void **to);		 /* the same content in a new snapshot */
str  etag_of(struct arena *a, str digest);

/* live.c: from rows; no lock. */
struct live_parts {
	str name;                        /* "org/slug" */
	const struct snapshot *snapshot;
	struct snapshot_file_list files, archive;
};
bool live_make(struct publisher *p, const struct live_parts *parts, struct live **out,
	       struct err *e) MUST_CHECK;
void live_free(void *live);
/* The slot of a file that has the same place and content in l; NULL: none. Under the mutex. */
struct file *live_twin(struct live *l, const struct file *f);

/* site.c */
struct site *site_by_id(struct publisher *p, int64_t project_id);          /* under the mutex */
/* Loads names, and the files when `files`; keeps what is newer. */
bool site_load(struct publisher *p, int64_t project_id, bool files, struct err *e) MUST_CHECK;
bool sites_load(struct publisher *p, struct err *e) MUST_CHECK;
/* Makes `fresh` the live one of the project unless a later one is; takes it. Under no lock. */
void site_publish(struct publisher *p, const struct site_row *row, struct live *fresh);
str  site_name(struct arena *a, str organization_slug, str slug);
void sites_free(struct publisher *p);

/* fetch.c */
void fetch_run(struct pool_task *t);
/* Reads a body from blobs, mends lost compressed forms. ERR_NOT_FOUND, ERR_INTERNAL: gone, so a
 * repair was asked for. */
bool body_read(struct publisher *p, str digest, struct body **out, struct err *e) MUST_CHECK;

/* behind.c */
void *behind_main(void *publisher);
void behind_densify(struct publisher *p, int64_t project_id,
		    str digest); /* queue a better compression */
void repair_ask(struct publisher *p, int64_t project_id);

/* run.c */
bool publish_run(struct job_run *run, struct err *e);
bool repair_run(struct job_run *run, struct err *e);

#endif
