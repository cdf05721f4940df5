/* SPDX-License-Identifier: MIT
 *
 * Readers while grants are replaced and revoked. Under ThreadSanitizer built with
 * -Dindex=atomics. */
#include "access/scene_test.h"

#include "access/rate.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { READERS = 3, GRANTS = 40, HOUR_MS = 3600 * 1000 };

struct race {
	struct scene f;
	str            token[GRANTS];
	_Atomic int    revoked_up_to;         /* grants below are revoked, for everybody to see */
	_Atomic bool   stop, wrong;
};

/* A token that was revoked before the question was asked must not be let in. */
static void ask_all(struct race *r, struct arena *a)
{
	for (int i = 0; i < GRANTS; i++) {
		int revoked = atomic_load(&r->revoked_up_to);
		struct principal who;
		struct err e = { 0 };
		bool ok;

		arena_reset(a);
		ok = bearer_principal(r->f.act.bearers, a, r->token[i], r->f.act.now_ms, &who, &e);
		if (ok && i < revoked)
			atomic_store(&r->wrong, true);
		if (ok && !str_eq(who.organization_slug, S("acme")))
			atomic_store(&r->wrong, true);
		if (!ok && e.code != ERR_GRANT_REVOKED)
			atomic_store(&r->wrong, true);
	}
}

static void *reader(void *arg)
{
	struct arena *a = arena_create(4096);
	struct race *r = arg;

	while (!atomic_load(&r->stop))
		ask_all(r, a);
	ask_all(r, a);
	arena_destroy(a);
	return NULL;
}

static struct bearer_grant grant_number(struct race *r, int i)
{
	struct bearer_grant g = scene_grant();

	g.id = i + 1;
	g.public_id = arena_printf(r->f.arena, "grt_%d", i);
	return g;
}

static void *sweeper(void *arg)
{
	struct race *r = arg;

	while (!atomic_load(&r->stop))
		bearers_sweep(r->f.act.bearers, r->f.act.now_ms);
	return NULL;
}

TEST(rule_146_revocation_holds_for_the_very_next_question)
{
	struct race *r = calloc(1, sizeof(*r));
	pthread_t threads[READERS + 1];

	scene_memory(&r->f);
	for (int i = 0; i < GRANTS; i++) {
		struct bearer_grant g = grant_number(r, i);

		bearer_grant_put(&r->f.act, &g);
		r->token[i] = scene_token(&r->f, g.id, 1, r->f.act.now_ms + HOUR_MS);
	}
	for (int i = 0; i < READERS; i++)
		CHECK(pthread_create(&threads[i], NULL, reader, r) == 0);
	CHECK(pthread_create(&threads[READERS], NULL, sweeper, r) == 0);
	for (int i = 0; i < GRANTS; i++) {
		struct bearer_grant g = grant_number(r, i);

		for (int again = 0; again < 20; again++)
			bearer_grant_put(&r->f.act, &g); /* replaced as a whole, same meaning */
		bearer_grant_deny(&r->f.act, g.id);
		atomic_store(&r->revoked_up_to, i + 1);
	}
	atomic_store(&r->stop, true);
	for (int i = 0; i <= READERS; i++)
		pthread_join(threads[i], NULL);
	CHECK(!atomic_load(&r->wrong));
	scene_memory_close(&r->f);
	free(r);
}

TEST(rate_of_a_grant_is_exact_with_many_askers)
{
	enum { LIMIT = 1000, ASKS = 2000 };
	_Atomic uint64_t window = 0;
	struct rate_left left = { .max = LIMIT };
	int let_in = 0;

	for (int i = 0; i < ASKS; i++)
		let_in += rate_window_take(&window, 60000, 1000000, &left);
	CHECK_I64(let_in, LIMIT);
}
