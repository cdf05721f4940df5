/* SPDX-License-Identifier: MIT
 *
 * Clock, allocator and store of the driver. */
#include "driver.h"

#include <ctype.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/store_sql.h"

enum { US_PER_MS = 1000, US_PER_S = 1000000, NS_PER_US = 1000, SECRET_RUN_MIN = 20 };

/* Clock -------------------------------------------------------------------------------------------- */

static int64_t read_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / NS_PER_US;
}

static int64_t steady_ms(void *context)
{
	struct driver_clock *c = context;

	return (read_us(CLOCK_BOOTTIME) + atomic_load_explicit(&c->steady_us, memory_order_relaxed)) / US_PER_MS;
}

static int64_t wall_ms(void *context)
{
	struct driver_clock *c = context;

	return (read_us(CLOCK_REALTIME) + atomic_load_explicit(&c->wall_us, memory_order_relaxed)) / US_PER_MS;
}

static void sleep_ms(void *context, int64_t ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * US_PER_MS * NS_PER_US };

	(void)context;
	nanosleep(&t, NULL);
}

void clock_init(struct driver_clock *c)
{
	c->clock = (struct bi18n_clock){ c, steady_ms, wall_ms, sleep_ms };
}

/* Allocator ---------------------------------------------------------------------------------------- */

union header {
	size_t      bytes;
	max_align_t align;
};

static void *allocate(void *context, size_t bytes)
{
	struct driver_allocator *m = context;
	union header            *block;

	atomic_fetch_add(&m->asked, 1);
	if (atomic_load(&m->fail_at) > 0 && atomic_fetch_sub(&m->fail_at, 1) == 1) {
		atomic_store(&m->failed, true);
		return NULL;
	}
	/* Zeroed, so that looking for secrets at its end reads nothing that nobody wrote. */
	block = calloc(1, sizeof(*block) + bytes);
	if (block == NULL)
		return NULL;
	block->bytes = bytes;
	atomic_fetch_add(&m->live, 1);
	atomic_fetch_add(&m->live_bytes, (int64_t)bytes);
	return block + 1;
}

/* Something that begins like a secret and goes on like one: it should have been wiped. */
static bool secret_in(const char *p, size_t n)
{
	static const str prefixes[] = { STR("bi_oat_"), STR("bi_at_"), STR("bi_ac_"), STR("bi_cs_"), STR("rt_") };

	for (size_t i = 0; i < COUNT(prefixes); i++) {
		const char *at = p, *end = p + n;

		while ((at = memmem(at, (size_t)(end - at), prefixes[i].p, prefixes[i].n)) != NULL) {
			size_t run = 0;

			at += prefixes[i].n;
			while (at + run < end && isalnum((unsigned char)at[run]))
				run++;
			if (run >= SECRET_RUN_MIN)
				return true;
		}
	}
	return false;
}

static void release(void *context, void *memory)
{
	struct driver_allocator *m = context;
	union header            *block = memory;

	if (block-- == NULL)
		return;
	if (secret_in(memory, block->bytes))
		atomic_fetch_add(&m->secrets, 1);
	atomic_fetch_sub(&m->live, 1);
	atomic_fetch_sub(&m->live_bytes, (int64_t)block->bytes);
	free(block);
}

void memory_init(struct driver_allocator *m)
{
	m->allocator = (struct bi18n_allocator){ m, allocate, release };
}

/* Store -------------------------------------------------------------------------------------------- */

static void *kill_soon(void *us)
{
	usleep((useconds_t)(intptr_t)us);
	raise(SIGKILL);
	return NULL;
}

static void die(void)
{
	raise(SIGKILL);
	pause();
}

/* What a hook makes of a call; STORED: it goes on. */
static enum bi18n_stored hook_at(struct hook *hook, enum hook_when when)
{
	pthread_t thread;

	if (hook->act == HOOK_NONE || hook->when != when)
		return BI18N_STORED;
	if (atomic_load(&hook->left) >= 0 && atomic_fetch_sub(&hook->left, 1) != 1)
		return BI18N_STORED;
	if (hook->act == HOOK_FAIL)
		return BI18N_STORED_FAILED;
	if (hook->act == HOOK_NOMEM)
		return BI18N_STORED_NOMEM;
	if (hook->act == HOOK_PAUSE)
		usleep((useconds_t)(hook->number * US_PER_MS));
	else if (when != HOOK_DURING)
		die();
	else if (pthread_create(&thread, NULL, kill_soon, (void *)(intptr_t)hook->number) != 0)
		die();
	return BI18N_STORED;
}

/* A function of the store between its hooks. */
#define HOOKED(s, function, call) \
	enum bi18n_stored stored, after; \
	atomic_fetch_add(&(s)->calls[function], 1); \
	stored = hook_at(&(s)->hooks[function], HOOK_BEFORE); \
	if (stored == BI18N_STORED) { \
		hook_at(&(s)->hooks[function], HOOK_DURING); \
		stored = call; \
		after = hook_at(&(s)->hooks[function], HOOK_AFTER); \
		stored = after == BI18N_STORED ? stored : after; \
	} \
	return stored

static enum bi18n_stored on_upsert(void *context, const struct bi18n_row *rows, size_t n)
{
	struct driver_store *s = context;

	HOOKED(s, STORE_UPSERT, s->inner.upsert(s->inner.context, rows, n));
}

static enum bi18n_stored on_find(void *context, const char *owner, const char *organization, bi18n_row_fn *visit,
                                 void *visitor)
{
	struct driver_store *s = context;

	HOOKED(s, STORE_FIND, s->inner.find(s->inner.context, owner, organization, visit, visitor));
}

static enum bi18n_stored on_list(void *context, const char *owner, bi18n_row_fn *visit, void *visitor)
{
	struct driver_store *s = context;

	HOOKED(s, STORE_LIST, s->inner.list(s->inner.context, owner, visit, visitor));
}

static enum bi18n_stored on_swap(void *context, const char *digest, const char *grant, const struct bi18n_row *row)
{
	struct driver_store *s = context;

	HOOKED(s, STORE_SWAP, s->inner.swap(s->inner.context, digest, grant, row));
}

static enum bi18n_stored on_replace(void *context, const char *owner, const char *organization,
                                    const struct bi18n_row *row)
{
	struct driver_store *s = context;

	HOOKED(s, STORE_REPLACE, s->inner.replace(s->inner.context, owner, organization, row));
}

static enum bi18n_stored on_put(void *context, const struct bi18n_pending *pending, int64_t now_ms)
{
	struct driver_store *s = context;

	HOOKED(s, STORE_PUT, s->inner.pending_put(s->inner.context, pending, now_ms));
}

static enum bi18n_stored on_take(void *context, const char *digest, bi18n_pending_fn *visit, void *visitor)
{
	struct driver_store *s = context;

	HOOKED(s, STORE_TAKE, s->inner.pending_take(s->inner.context, digest, visit, visitor));
}

static void on_close(void *context)
{
	struct driver_store *s = context;

	if (s->inner.close != NULL)
		s->inner.close(s->inner.context);
}

enum bi18n_code store_open(struct driver *d, const char *url, char why[BI18N_MESSAGE_MAX])
{
	struct driver_store *s = &d->store;
	enum bi18n_code      code;

	if (url == NULL)
		return BI18N_EINVAL;
	if (strncmp(url, "sqlite:", strlen("sqlite:")) == 0)
		code = sqlite_open(url + strlen("sqlite:"), &d->memory.allocator, &s->inner, why);
	else
		code = postgres_open(url, &d->memory.allocator, &s->inner, why);
	s->outer = (struct bi18n_store){
		s, on_upsert, on_find, on_list, on_swap, on_replace, on_put, on_take, on_close,
	};
	return code;
}

static int index_in(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; name != NULL && i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return (int)i;
	}
	return -1;
}

bool store_hook(struct driver *d, const struct json *in)
{
	static const char *const functions[] = { "upsert", "find", "list", "swap", "replace", "put", "take" };
	static const char *const acts[] = { "none", "kill", "fail", "nomem", "pause" };
	static const char *const whens[] = { "before", "after", "during" };
	int          function = index_in(functions, COUNT(functions), text_of(d, in, "function"));
	int          act = index_in(acts, COUNT(acts), text_of(d, in, "act"));
	int          when = index_in(whens, COUNT(whens), text_of(d, in, "when"));
	struct hook *hook;

	if (function < 0 || act < 0 || when < 0)
		return false;
	hook = &d->store.hooks[function];
	hook->act = (enum hook_act)act;
	hook->when = (enum hook_when)when;
	hook->number = number_of(in, "number", 0);
	atomic_store(&hook->left, number_of(in, "nth", 1));
	return true;
}
