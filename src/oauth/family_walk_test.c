/* SPDX-License-Identifier: MIT
 *
 * The small world of model/family.pml, walked with the real code: every state that any sequence of
 * presentations reaches, and the same claims about every step. A tick is half of
 * FAMILY_RETRY_MS. */
#include "oauth/family.h"

#include "base/test.h"

#include <stdlib.h>
#include <string.h>

enum {
	TICK = FAMILY_RETRY_MS / 2,
	GRACE = 1, RETRY = 2, IDLE = 4, LIFE = 6, GENERATIONS = 5, NETWORKS = 3,
	STATES_MAX = 1 << 20, SLOTS = 1 << 22,
};

static const str networks[NETWORKS] = { STR("203.0.113.0/24"), STR("198.51.100.0/24"),
	                                STR("192.0.2.0/24") };

/* Numbers small enough to be compared and hashed as bytes; ghosts last. */
struct world {
	uint8_t generation, rotated, idle_end, network, replaced_n, networks_n, ended, now;
	uint8_t replaced[GENERATIONS], name[NETWORKS], first[NETWORKS];
	uint8_t true_replaced[GENERATIONS + 1], true_first[NETWORKS];
};

struct walk {
	struct world *states;
	uint32_t     *slots;                     /* index of a state and one, or 0 */
	size_t        n;
	enum refresh_policy policy;
};

static uint8_t tick_of(int64_t ms)
{
	return (uint8_t)(ms / TICK);
}

static uint8_t network_of(str name)
{
	for (uint8_t i = 0; i < NETWORKS; i++) {
		if (str_eq(networks[i], name))
			return i;
	}
	return 0;
}

static struct family_state unpack(const struct world *w)
{
	struct family_state s = {
		.generation = w->generation, .rotated_ms = w->rotated * (int64_t)TICK,
		.idle_expires_ms = w->idle_end * (int64_t)TICK, .expires_ms = LIFE * (int64_t)TICK,
		.revoked_ms = w->ended, .network = networks[w->network],
		.replaced_n = w->replaced_n, .networks_n = w->networks_n,
	};

	for (size_t i = 0; i < s.replaced_n; i++)
		s.replaced[i] = (struct family_run){ w->replaced[i] * (int64_t)TICK,
			                             w->replaced[i] * (int64_t)TICK, 1 };
	for (size_t i = 0; i < s.networks_n; i++)
		s.networks[i] = (struct family_network){ networks[w->name[i]], w->first[i] };
	return s;
}

static void pack(const struct family_state *s, struct world *w)
{
	w->generation = (uint8_t)s->generation;
	w->rotated = tick_of(s->rotated_ms);
	w->idle_end = tick_of(s->idle_expires_ms);
	w->network = network_of(s->network);
	w->replaced_n = (uint8_t)s->replaced_n;
	w->networks_n = (uint8_t)s->networks_n;
	memset(w->replaced, 0, sizeof(w->replaced));
	for (size_t i = 0; i < s->replaced_n; i++)
		w->replaced[i] = tick_of(s->replaced[i].last_ms);
	for (size_t i = 0; i < s->networks_n; i++) {
		w->name[i] = network_of(s->networks[i].name);
		w->first[i] = (uint8_t)s->networks[i].first_generation;
	}
}

static void visit(struct walk *walk, const struct world *w)
{
	uint64_t at = str_hash((str){ (const char *)w, sizeof(*w) });

	for (;; at++) {
		uint32_t *slot = &walk->slots[at % SLOTS];

		if (*slot == 0) {
			CHECK(walk->n < STATES_MAX);
			walk->states[walk->n] = *w;
			*slot = (uint32_t)++walk->n;
			return;
		}
		if (memcmp(&walk->states[*slot - 1], w, sizeof(*w)) == 0)
			return;
	}
}

struct step {
	const struct walk *walk;
	const struct world *before;
	uint8_t generation, network;
	bool bound;
	enum family_verdict verdict;
	int64_t generation_after;
};

static bool accepted(const struct step *p)
{
	return p->verdict == FAMILY_ROTATED || p->verdict == FAMILY_SAME;
}

static void claim_of_predecessor(const struct step *p)
{
	const struct world *w = p->before;
	bool outside = w->now > w->true_replaced[p->generation] + GRACE, newer = false;
	bool elsewhere = p->network != w->network;

	for (size_t i = 0; i < NETWORKS; i++)
		newer = newer || w->true_first[i] > p->generation;
	CHECK(p->verdict != FAMILY_REUSED || (outside && !p->bound));
	CHECK(outside || p->verdict == FAMILY_SAME);
	CHECK(!p->bound || p->generation != w->generation - 1 ||
	      w->now > w->true_replaced[p->generation] + RETRY || accepted(p));
	if (p->bound || !outside)
		return;
	CHECK(p->walk->policy != REFRESH_ROTATING || p->verdict == FAMILY_REUSED);
	if (p->walk->policy == REFRESH_LAGGING && elsewhere) {
		CHECK(!accepted(p));
		CHECK(newer == (p->verdict == FAMILY_REUSED));
	}
}

static void claim(const struct step *p)
{
	const struct world *w = p->before;

	CHECK(p->verdict != FAMILY_SAME || p->generation_after == w->generation);
	CHECK(p->verdict != FAMILY_ROTATED ||
	      (p->generation == w->generation && p->generation_after == w->generation + 1));
	CHECK(!w->ended || p->verdict == FAMILY_REVOKED);
	CHECK(w->now < LIFE || !accepted(p));
	CHECK(p->walk->policy != REFRESH_STABLE || p->verdict != FAMILY_ROTATED);
	if (p->verdict == FAMILY_REVOKED || p->verdict == FAMILY_EXPIRED)
		return;
	if (p->generation == w->generation)
		CHECK(accepted(p));
	else
		claim_of_predecessor(p);
}

static void present(struct walk *walk, const struct world *w, uint8_t generation, uint8_t network,
                    bool bound)
{
	const struct family_rules rules = { walk->policy, GRACE * (int64_t)TICK,
		                            IDLE * (int64_t)TICK };
	struct family_event ev = { generation, w->now * (int64_t)TICK, networks[network], bound };
	struct family_state s = unpack(w);
	struct step p = { walk, w, generation, network, bound, FAMILY_SAME, 0 };
	struct world next = *w;

	p.verdict = family_step(&s, &ev, &rules);
	p.generation_after = s.generation;
	claim(&p);
	if (accepted(&p))
		pack(&s, &next);
	if (p.verdict == FAMILY_ROTATED) {
		next.true_replaced[generation] = w->now;
		if (next.true_first[network] == 0)
			next.true_first[network] = next.generation;
	}
	next.ended = next.ended || p.verdict == FAMILY_REUSED;
	visit(walk, &next);
}

static void walk_from(struct walk *walk, struct world w)
{
	struct world later = w;

	if (w.now < LIFE) {
		later.now++;
		visit(walk, &later);
	}
	if (w.generation == GENERATIONS)
		return;
	for (uint8_t generation = 1; generation <= w.generation; generation++) {
		for (uint8_t network = 0; network < NETWORKS; network++) {
			present(walk, &w, generation, network, false);
			present(walk, &w, generation, network, true);
		}
	}
}

static size_t walk_all(enum refresh_policy policy)
{
	const struct family_rules rules = { policy, GRACE * (int64_t)TICK, IDLE * (int64_t)TICK };
	struct walk walk = { .policy = policy };
	struct family_state s;
	struct world begin;

	walk.states = calloc(STATES_MAX, sizeof(*walk.states));
	walk.slots = calloc(SLOTS, sizeof(*walk.slots));
	CHECK(walk.states != NULL && walk.slots != NULL);
	memset(&begin, 0, sizeof(begin));
	begin.true_first[0] = 1;
	family_begin(&s, 0, LIFE * (int64_t)TICK, networks[0], &rules);
	pack(&s, &begin);
	visit(&walk, &begin);
	for (size_t i = 0; i < walk.n; i++)
		walk_from(&walk, walk.states[i]);
	free(walk.states);
	free(walk.slots);
	return walk.n;
}

TEST(ruling_37_every_state_of_a_stable_family_keeps_its_claims)
{
	CHECK(walk_all(REFRESH_STABLE) > 10);
}

TEST(ruling_37_every_state_of_a_rotating_family_keeps_its_claims)
{
	CHECK(walk_all(REFRESH_ROTATING) > 1000);
}

TEST(ruling_37_every_state_of_a_lagging_family_keeps_its_claims)
{
	CHECK(walk_all(REFRESH_LAGGING) > 10000);
}
