/* SPDX-License-Identifier: MIT
 *
 * A small world for tests of publishing and delivery: a store, bodies, a runner and a publisher in
 * a directory of their own. */
#ifndef PUBLISH_FIXTURE_TEST_H
#define PUBLISH_FIXTURE_TEST_H

#include "base/test.h"
#include "publish/publisher.h"
#include "publish/requests.h"
#include "store/fixture.h"

/* A test that runs on each database. */
#define WORLD_TEST(name) \
	static void name##_on(struct fixture *f); \
	TEST(name) { fixture_each(name##_on); } \
	static void name##_on(struct fixture *f)

struct world {
	struct fixture   *f;
	struct arena     *a;
	struct store     *store;
	struct blobs     *blobs;
	struct jobs      *jobs;
	struct publisher *publisher;
	struct settings   settings;
	struct principal  who;
	hot_head_fn       head;
	size_t            memory_bytes_max;
	bool              behind;            /* with the background thread */
	const char       *path;              /* the data directory */
	int64_t           organization_id;
};

void world_make(struct world *w, struct fixture *f, hot_head_fn head); /* NULL: a head of our own */
void world_drop(struct world *w);
void world_stop(struct world *w);                        /* as if the process had ended */
void world_start(struct world *w);
struct act world_act(struct world *w);

struct project_wish { const char *slug, *source, *languages; bool namespaced, flat, fill, drafts; };
int64_t world_project(struct world *w, const struct project_wish *wish);
/* state as stored; replaces what is there, as an edit does. */
void world_text(struct world *w, int64_t project_id, const char *space, const char *key,
		const char *language, const char *value, const char *state);
void world_delete_key(struct world *w, int64_t project_id, const char *space, const char *key);
str  world_key_id(struct world *w, int64_t project_id, const char *space, const char *key);
void world_fill_from_source(struct world *w);
/* Takes back all marks and opens all jobs again, under a dead owner. */
void world_unfinish(struct world *w);
/* Publishes "acme/SLUG" and waits; fails the test unless it works. */
struct publish_local_out world_publish(struct world *w, const char *slug);
bool world_try_publish(struct world *w, const char *slug, struct publish_local_out *out,
		       struct err *e);
/* Number of rows that a statement of sql.def with these arguments gives. */
struct rows world_rows(struct world *w, enum sql_id id, const struct sql_arg *args, size_t n);
#define WORLD_ROWS(w, id, ...)                                   \
	world_rows((w), (id), (struct sql_arg[]){ __VA_ARGS__ }, \
		   sizeof((struct sql_arg[]){ __VA_ARGS__ }) / sizeof(struct sql_arg))
/* The body that "rest" of the project leads to, fetched if it is cold; absent: nothing there. In
 * w->a. */
str  world_body(struct world *w, const char *project, const char *rest);
str  world_etag(struct world *w, const char *project, const char *rest);

#endif
