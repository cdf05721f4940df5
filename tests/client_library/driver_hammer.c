/* SPDX-License-Identifier: MIT
 *
 * Many threads on one client, and the same command again and again with one allocation more that works. */
#include "driver.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CODES 40u     /* more than the library has */

enum { THREADS_MAX = 256, ORGANIZATIONS_MAX = 16, BATCH = 64, AHEAD_US = 20 * 1000000, SWEEP_MAX = 20000, SCRATCH_BYTES = 1 << 22 };

struct hammer {
	struct driver      *d;
	const char         *owner, *path;          /* path NULL: only the token */
	const char         *organizations[ORGANIZATIONS_MAX];
	size_t              organizations_n;
	int64_t             calls, advance_us;
	atomic_int_fast64_t taken, codes[CODES], least_life_ms, started_us[THREADS_MAX];
	size_t              threads_n;
};

struct hand {
	struct hammer *h;
	size_t         at;
};

static unsigned slot_of(enum bi18n_code code)
{
	return (unsigned)code < CODES ? (unsigned)code : CODES - 1;
}

static void life_seen(struct hammer *h, int64_t life_ms)
{
	int64_t least = atomic_load(&h->least_life_ms);

	while (life_ms < least && !atomic_compare_exchange_weak(&h->least_life_ms, &least, life_ms))
		;
}

static enum bi18n_code call_once(struct hammer *h, const char *organization)
{
	struct bi18n_request request = { .method = "GET", .path = h->path };
	struct bi18n_answer *answer = NULL;
	char                 token[BI18N_TOKEN_MAX] = "";
	int64_t              life_ms = 0;
	enum bi18n_code      code;

	if (h->path != NULL) {
		code = bi18n_request(h->d->client, h->owner, organization, &request, NULL, &answer, NULL);
		bi18n_free(answer);
		return code;
	}
	code = bi18n_installation_token(h->d->client, h->owner, organization, NULL, token, &life_ms, NULL);
	if (code == BI18N_OK && strncmp(token, "bi_oat_", strlen("bi_oat_")) != 0)
		abort();
	if (code == BI18N_OK)
		life_seen(h, life_ms);
	bi18n_wipe(token, sizeof(token));
	return code;
}

/* The clock moves with the calls, but never far ahead of one that is on its way: to that one it would look as if
 * the network had become thousands of times slower. */
static bool may_move(const struct hammer *h, int64_t now_us)
{
	for (size_t i = 0; i < h->threads_n; i++) {
		if (now_us - atomic_load_explicit(&h->started_us[i], memory_order_relaxed) > AHEAD_US)
			return false;
	}
	return true;
}

static void clock_move(struct hammer *h, size_t at)
{
	struct driver_clock *clock = &h->d->clock;

	atomic_store(&h->started_us[at], INT64_MAX);
	if (h->advance_us == 0)
		return;
	while (!may_move(h, atomic_load(&clock->steady_us)))
		sched_yield();
	atomic_fetch_add(&clock->steady_us, h->advance_us);
	atomic_fetch_add(&clock->wall_us, h->advance_us);
}

static void *worker(void *context)
{
	struct hand   *hand = context;
	struct hammer *h = hand->h;
	int64_t        from;

	while ((from = atomic_fetch_add(&h->taken, BATCH)) < h->calls) {
		for (int64_t i = from; i < from + BATCH && i < h->calls; i++) {
			enum bi18n_code code;

			atomic_store(&h->started_us[hand->at], atomic_load(&h->d->clock.steady_us));
			code = call_once(h, h->organizations[(size_t)i % h->organizations_n]);
			atomic_fetch_add(&h->codes[slot_of(code)], 1);
			clock_move(h, hand->at);
		}
	}
	return NULL;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void organizations_read(struct hammer *h, const struct json *in)
{
	const struct json *list = json_get(in, S("organizations"));

	for (const struct json *one = list == NULL ? NULL : list->first; one != NULL; one = one->next) {
		if (h->organizations_n < ORGANIZATIONS_MAX)
			h->organizations[h->organizations_n++] = arena_cstr(h->d->arena, json_str(one));
	}
}

static void codes_put(struct json_out *o, const atomic_int_fast64_t *codes)
{
	json_key(o, S("codes"));
	json_open_object(o);
	for (unsigned i = 0; i < CODES; i++) {
		if (codes[i] > 0)
			put_number(o, bi18n_code_name((enum bi18n_code)i), codes[i]);
	}
	json_close_object(o);
}

enum bi18n_code hammer_run(struct driver *d, const struct json *in, struct json_out *o)
{
	static struct hammer h;
	static struct hand   hands[THREADS_MAX];
	pthread_t            threads[THREADS_MAX];
	int64_t              wanted = number_of(in, "threads", 8), started_ms = now_ms(), n = 0;
	int64_t              before_us = atomic_load(&d->clock.steady_us);

	memset(&h, 0, sizeof(h));
	h.d = d;
	h.owner = text_of(d, in, "owner");
	h.path = text_of(d, in, "path");
	h.calls = number_of(in, "calls", 1000);
	h.advance_us = number_of(in, "advanceUs", 0);
	atomic_store(&h.least_life_ms, INT64_MAX);
	organizations_read(&h, in);
	if (h.organizations_n == 0 || d->client == NULL || wanted > THREADS_MAX)
		return BI18N_EINVAL;
	h.threads_n = (size_t)wanted;
	for (int64_t i = 0; i < wanted; i++) {
		hands[i] = (struct hand){ &h, (size_t)i };
		atomic_store(&h.started_us[i], INT64_MAX);
	}
	while (n < wanted && pthread_create(&threads[n], NULL, worker, &hands[n]) == 0)
		n++;
	for (int64_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	json_open_object(o);
	put_number(o, "threads", n);
	codes_put(o, h.codes);
	put_number(o, "leastLifeMs", atomic_load(&h.least_life_ms));
	put_number(o, "elapsedMs", now_ms() - started_ms);
	put_number(o, "movedMs", (atomic_load(&d->clock.steady_us) - before_us) / 1000);
	json_close_object(o);
	return BI18N_OK;
}

/* {"command": {…}, "undo": {…}, "step": 1}: the command with its first, second, … allocation failing, until one run
 * needs no more of them. `undo`, if there, follows each run, with memory again. */
enum bi18n_code sweep_run(struct driver *d, const struct json *in, struct json_out *o)
{
	const struct json  *command = json_get(in, S("command")), *undo = json_get(in, S("undo"));
	atomic_int_fast64_t codes[CODES] = { 0 };
	struct buf          scratch;
	struct json_out     ignored;
	enum bi18n_code     code = BI18N_ENOMEM;
	int64_t             n = 0;
	bool                failed = true;

	if (command == NULL)
		return BI18N_EINVAL;
	for (n = 1; failed && n < SWEEP_MAX; n++) {
		buf_init(&scratch, SCRATCH_BYTES);
		json_out_init(&ignored, &scratch);
		json_open_array(&ignored);
		atomic_store(&d->memory.failed, false);
		atomic_store(&d->memory.fail_at, n);
		code = command_run(d, command, &ignored);
		atomic_store(&d->memory.fail_at, 0);
		failed = atomic_load(&d->memory.failed);
		atomic_fetch_add(&codes[slot_of(code)], 1);
		if (undo != NULL)
			command_run(d, undo, &ignored);
		buf_fini(&scratch);
	}
	json_open_object(o);
	put_number(o, "runs", n - 1);
	put_text(o, "last", bi18n_code_name(code));
	codes_put(o, codes);
	json_close_object(o);
	return BI18N_OK;
}
