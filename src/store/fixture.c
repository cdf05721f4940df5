/* SPDX-License-Identifier: MIT */
#include "store/fixture.h"

#include "base/test.h"
#include "store/driver_int.h"

#include <ftw.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARENA_BYTES = 16 * 1024, FILES_OPEN_MAX = 16 };

static const char *postgres_url(void)
{
	const char *url = getenv("BI18N_TEST_POSTGRES");

	return url != NULL && url[0] != '\0' ? url : NULL;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

/* Outside any store: a bare connection to the database of the environment. */
static void postgres_script(const char *text)
{
	struct store bare = { .driver = &postgres_driver, .arena = arena_create(ARENA_BYTES) };
	struct err e = { 0 };
	bool ok;

	bare.config.database = str_from(postgres_url());
	ok = bare.driver->open(&bare, &e) &&
	     bare.driver->connect(&bare, CONNECTION_WRITER, &bare.writer, &e) &&
	     bare.driver->script(bare.writer, text, &e);
	if (!ok)
		fprintf(stderr, "%s\n", e.msg);
	CHECK(ok);
	bare.driver->disconnect(bare.writer);
	arena_destroy(bare.arena);
}

static void make_schema(struct fixture *f)
{
	static unsigned made;
	char text[128];
	const char *url = postgres_url();

	snprintf(f->schema, sizeof(f->schema), "t_%ld_%u", (long)getpid(), made++);
	snprintf(text, sizeof(text), "CREATE SCHEMA %s", f->schema);
	postgres_script(text);
	snprintf(f->url, sizeof(f->url), "%s%coptions=-csearch_path%%3D%s", url,
	         strchr(url, '?') != NULL ? '&' : '?', f->schema);
}

static void open_store(struct fixture *f)
{
	struct err e = { 0 };
	bool ok;

	f->config.data_dir = str_from(f->dir);
	f->config.database = f->url[0] != '\0' ? str_from(f->url) : STR_NONE;
	ok = store_open(&f->config, &f->store, &e);
	if (!ok)
		fprintf(stderr, "%s\n", e.msg);
	CHECK(ok);
}

static void fixture_run(bool postgres, void (*fn)(struct fixture *f))
{
	struct fixture f = {
		.config = { .readers = 2,
		            .queue_max = 4096,
		            .batch_tasks_max = 512,
		            .batch_ms_max = 5,
		            .create = true },
	};

	test_directory(f.dir, sizeof(f.dir), "bi18n-store");
	f.arena = arena_create(ARENA_BYTES);
	if (postgres)
		make_schema(&f);
	open_store(&f);
	fn(&f);
	fixture_read_end(&f);
	store_close(f.store);
	if (postgres) {
		char text[128];

		snprintf(text, sizeof(text), "DROP SCHEMA %s CASCADE", f.schema);
		postgres_script(text);
	}
	arena_destroy(f.arena);
	CHECK(nftw(f.dir, remove_one, FILES_OPEN_MAX, FTW_DEPTH | FTW_PHYS) == 0);
}

static bool embedded_takes_part(void)
{
	const char *stores = getenv("BI18N_TEST_STORES");

	return postgres_url() == NULL || stores == NULL || strcmp(stores, "postgres") != 0;
}

void fixture_embedded(void (*fn)(struct fixture *f))
{
	if (!embedded_takes_part())
		test_skip();
	fixture_run(false, fn);
}

void fixture_postgres(void (*fn)(struct fixture *f))
{
	if (postgres_url() == NULL)
		test_skip();
	fixture_run(true, fn);
}

void fixture_each(void (*fn)(struct fixture *f))
{
	if (embedded_takes_part())
		fixture_run(false, fn);
	if (postgres_url() != NULL)
		fixture_run(true, fn);
}

void fixture_compare(void (*embedded)(struct fixture *f), void (*postgres)(struct fixture *f))
{
	if (postgres_url() == NULL)
		test_skip();
	fixture_run(false, embedded);
	fixture_run(true, postgres);
}

void fixture_reopen(struct fixture *f)
{
	fixture_read_end(f);
	store_close(f->store);
	open_store(f);
}

struct waited {
	struct write_task task;
	bool (*fn)(struct db *db, struct arena *a, void *arg, struct err *e);
	struct arena *arena;
	void         *arg;
	struct err    err;
	bool          ok;
	sem_t         finished;
};

static bool waited_run(struct db *db, struct write_task *t, struct err *e)
{
	struct waited *w = (struct waited *)t;

	return w->fn(db, w->arena, w->arg, e);
}

static void waited_done(struct write_task *t, bool ok, const struct err *e)
{
	struct waited *w = (struct waited *)t;

	w->ok = ok;
	w->err = *e;
	sem_post(&w->finished);
}

bool fixture_write(struct fixture *f,
                   bool (*fn)(struct db *db, struct arena *a, void *arg, struct err *e), void *arg,
                   struct err *e)
{
	struct waited w = { .task = { .run = waited_run, .done = waited_done },
		            .fn = fn,
		            .arena = f->arena,
		            .arg = arg };

	fixture_read_end(f);
	sem_init(&w.finished, 0, 0);
	CHECK(store_write(f->store, &w.task));
	while (sem_wait(&w.finished) != 0)
		;
	sem_destroy(&w.finished);
	*e = w.err;
	return w.ok;
}

struct db *fixture_read(struct fixture *f)
{
	struct err e;

	if (f->reader == NULL)
		CHECK(store_read_begin(f->store, &f->reader, &e));
	return f->reader;
}

void fixture_read_end(struct fixture *f)
{
	store_read_end(f->store, f->reader);
	f->reader = NULL;
}
