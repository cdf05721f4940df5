/* SPDX-License-Identifier: MIT */
#include "oauth/family.h"

#include "base/test.h"

enum { SECOND = 1000, DAY = 24 * 3600 * SECOND };
#define HOME S("203.0.113.0/24")
#define CAFE S("198.51.100.0/24")
#define THIEF S("192.0.2.0/24")

static const struct family_rules stable   = { REFRESH_STABLE,   120 * SECOND, (int64_t)30 * DAY };
static const struct family_rules rotating = { REFRESH_ROTATING, 120 * SECOND, (int64_t)30 * DAY };
static const struct family_rules lagging  = { REFRESH_LAGGING,  120 * SECOND, (int64_t)30 * DAY };

static struct family_state begun(const struct family_rules *rules)
{
	struct family_state s;

	family_begin(&s, 0, (int64_t)90 * DAY, HOME, rules);
	return s;
}

static enum family_verdict present(struct family_state *s, const struct family_rules *rules,
                                   int64_t generation, int64_t now_ms, str network, bool bound)
{
	struct family_event ev = { generation, now_ms, network, bound };

	return family_step(s, &ev, rules);
}

TEST(rule_123_stable_gives_the_same_token_each_time)
{
	struct family_state s = begun(&stable);

	for (int i = 1; i < 100; i++)
		CHECK(present(&s, &stable, 1, i * (int64_t)DAY / 2, HOME, true) == FAMILY_SAME);
	CHECK_I64(s.generation, 1);
}

TEST(rule_123_idle_and_absolute_limits_end_a_family)
{
	struct family_state s = begun(&stable), t = begun(&rotating);
	int64_t now = 0;

	CHECK(present(&s, &stable, 1, (int64_t)30 * DAY - 1, HOME, true) == FAMILY_SAME);
	CHECK(present(&s, &stable, 1, (int64_t)60 * DAY - 2, HOME, true) == FAMILY_SAME);
	CHECK(present(&s, &stable, 1, (int64_t)90 * DAY, HOME, true) == FAMILY_EXPIRED);
	for (now = 0; now < (int64_t)90 * DAY; now += DAY)
		CHECK(present(&t, &rotating, t.generation, now, HOME, false) == FAMILY_ROTATED);
	CHECK(present(&t, &rotating, t.generation, now, HOME, false) == FAMILY_EXPIRED);
	t = begun(&rotating);
	CHECK(present(&t, &rotating, 1, (int64_t)30 * DAY, HOME, false) == FAMILY_EXPIRED);
}

TEST(rule_125_grace_answers_with_the_same_successor)
{
	struct family_state s = begun(&rotating);

	CHECK(present(&s, &rotating, 1, 10 * SECOND, HOME, false) == FAMILY_ROTATED);
	CHECK_I64(s.generation, 2);
	CHECK(present(&s, &rotating, 1, 130 * SECOND, THIEF, false) == FAMILY_SAME);
	CHECK_I64(s.generation, 2);
	CHECK(present(&s, &rotating, 1, 130 * SECOND + 1, HOME, false) == FAMILY_REUSED);
}

TEST(rule_125_grace_counts_from_each_replacement)
{
	struct family_state s = begun(&rotating);

	CHECK(present(&s, &rotating, 1, 1 * SECOND, HOME, false) == FAMILY_ROTATED);
	CHECK(present(&s, &rotating, 2, 100 * SECOND, HOME, false) == FAMILY_ROTATED);
	CHECK(present(&s, &rotating, 1, 110 * SECOND, HOME, false) == FAMILY_SAME);
	CHECK(present(&s, &rotating, 2, 200 * SECOND, HOME, false) == FAMILY_SAME);
	CHECK(present(&s, &rotating, 1, 200 * SECOND, HOME, false) == FAMILY_REUSED);
}

TEST(rule_126_a_bound_app_may_ask_again_for_a_day)
{
	struct family_state s = begun(&rotating);

	CHECK(present(&s, &rotating, 1, 0, HOME, true) == FAMILY_ROTATED);
	CHECK(present(&s, &rotating, 1, DAY, CAFE, true) == FAMILY_SAME);
	CHECK(present(&s, &rotating, 1, DAY + 1, CAFE, true) == FAMILY_REFUSED);
	CHECK(present(&s, &rotating, 2, DAY + 2, CAFE, true) == FAMILY_ROTATED);
	CHECK(present(&s, &rotating, 1, DAY + 200 * SECOND, CAFE, true) == FAMILY_REFUSED);
}

TEST(rule_123_lagging_answers_any_predecessor_from_the_same_network)
{
	struct family_state s = begun(&lagging);

	for (int i = 1; i <= 20; i++)
		CHECK(present(&s, &lagging, i, (int64_t)i * 3600 * SECOND, HOME, false) ==
		      FAMILY_ROTATED);
	CHECK(present(&s, &lagging, 1, (int64_t)21 * 3600 * SECOND, HOME, false) == FAMILY_SAME);
	CHECK_I64(s.generation, 21);
}

TEST(rule_123_lagging_refuses_a_stale_token_from_elsewhere_and_lives)
{
	struct family_state s = begun(&lagging);

	for (int i = 1; i <= 3; i++)
		CHECK(present(&s, &lagging, i, (int64_t)i * 3600 * SECOND, HOME, false) ==
		      FAMILY_ROTATED);
	CHECK(present(&s, &lagging, 2, (int64_t)4 * 3600 * SECOND, THIEF, false) == FAMILY_REFUSED);
	CHECK(present(&s, &lagging, 4, (int64_t)5 * 3600 * SECOND, HOME, false) == FAMILY_ROTATED);
}

TEST(rule_123_lagging_finds_a_thief_who_went_first)
{
	struct family_state s = begun(&lagging);

	CHECK(present(&s, &lagging, 1, 3600 * SECOND, THIEF, false) == FAMILY_ROTATED);
	CHECK(present(&s, &lagging, 1, 7200 * SECOND, HOME, false) == FAMILY_REUSED);
}

TEST(rule_123_lagging_lets_a_laptop_move)
{
	struct family_state s = begun(&lagging);

	CHECK(present(&s, &lagging, 1, 3600 * SECOND, HOME, false) == FAMILY_ROTATED);
	CHECK(present(&s, &lagging, 2, 7200 * SECOND, CAFE, false) == FAMILY_ROTATED);
	/* The second process on the laptop still holds the first token and is in the café too. */
	CHECK(present(&s, &lagging, 1, 9000 * SECOND, CAFE, false) == FAMILY_SAME);
	CHECK(present(&s, &lagging, 3, 10000 * SECOND, HOME, false) == FAMILY_ROTATED);
}

TEST(family_refuses_generations_it_never_made)
{
	struct family_state s = begun(&rotating);

	CHECK(present(&s, &rotating, 2, 0, HOME, true) == FAMILY_EXPIRED);
	CHECK(present(&s, &rotating, 0, 0, HOME, true) == FAMILY_EXPIRED);
	s.revoked_ms = 1;
	CHECK(present(&s, &rotating, 1, 0, HOME, true) == FAMILY_REVOKED);
}

/* model/family.pml, WITHOUT_RUNS: a family that forgot would end here. */
TEST(ruling_37_a_burst_of_refreshes_forgets_no_grace)
{
	enum { BURST = 5000, EVERY_MS = 20 };
	struct family_state s = begun(&rotating), back;
	struct arena *a = arena_create(16384);

	for (int i = 0; i < BURST; i++) {
		CHECK(present(&s, &rotating, s.generation, i * EVERY_MS, HOME, false) ==
		      FAMILY_ROTATED);
		CHECK(s.replaced_n < FAMILY_HISTORY_MAX);
	}
	for (int i = 1; i <= BURST; i += 99) {
		back = s;
		family_history_parse(family_history_text(a, &s), &back);
		CHECK(present(&back, &rotating, i, 120 * SECOND, CAFE, false) == FAMILY_SAME);
		CHECK(present(&back, &rotating, i, 120 * SECOND + (i - 1) * EVERY_MS, CAFE,
		              false) == FAMILY_SAME);
		CHECK(present(&back, &rotating, i, 123 * SECOND + i * EVERY_MS, CAFE, false) ==
		      FAMILY_REUSED);
	}
	/* When none of them can be asked about any more, there is one again. */
	CHECK(present(&s, &rotating, s.generation, 300 * SECOND, HOME, false) == FAMILY_ROTATED);
	CHECK_I64((int64_t)s.replaced_n, 1);
	arena_destroy(a);
}

/* WITHOUT_SLACK: a request that came in within the grace may be judged after a later one. */
TEST(ruling_37_a_request_that_was_overtaken_is_judged_by_when_it_came)
{
	struct family_state s = begun(&rotating);

	CHECK(present(&s, &rotating, 1, 0, HOME, false) == FAMILY_ROTATED);
	CHECK(present(&s, &rotating, 2, 120 * SECOND + FAMILY_SLACK_MS, HOME, false) ==
	      FAMILY_ROTATED);
	CHECK(present(&s, &rotating, 1, 120 * SECOND, HOME, false) == FAMILY_SAME);
}

TEST(rule_227_a_clock_that_steps_ends_no_family)
{
	struct family_state s = begun(&rotating);
	int64_t noon = (int64_t)DAY / 2;

	CHECK(present(&s, &rotating, 1, noon, HOME, false) == FAMILY_ROTATED);
	CHECK(present(&s, &rotating, 1, noon - 90 * SECOND, HOME, false) == FAMILY_SAME);
	CHECK(present(&s, &rotating, 2, noon - 90 * SECOND, HOME, false) == FAMILY_ROTATED);
	CHECK(present(&s, &rotating, 2, noon + 20 * SECOND, HOME, false) == FAMILY_SAME);
	CHECK(present(&s, &rotating, 3, noon + 20 * SECOND, HOME, false) == FAMILY_ROTATED);
}

TEST(rule_227_a_burst_while_the_clock_is_set_back_forgets_no_grace)
{
	enum { BURST = 100 };
	struct family_state s = begun(&rotating);
	int64_t noon = (int64_t)DAY / 2, now;

	for (int i = 0; i < BURST; i++) {
		now = i < BURST / 2 ? noon : noon - 3600 * SECOND;
		CHECK(present(&s, &rotating, s.generation, now, HOME, false) == FAMILY_ROTATED);
	}
	CHECK(present(&s, &rotating, BURST / 2, noon + 120 * SECOND, HOME, false) == FAMILY_SAME);
}

TEST(rule_123_a_grace_does_not_move_a_lagging_family_to_where_it_was_asked_from)
{
	struct family_state s = begun(&lagging);

	CHECK_STR(s.network, HOME);
	CHECK(present(&s, &lagging, 1, 3600 * SECOND, HOME, false) == FAMILY_ROTATED);
	CHECK(present(&s, &lagging, 1, 3660 * SECOND, THIEF, false) == FAMILY_SAME);
	CHECK(present(&s, &lagging, 1, 7200 * SECOND, THIEF, false) == FAMILY_REFUSED);
	CHECK(present(&s, &lagging, 1, 7200 * SECOND, HOME, false) == FAMILY_SAME);
}

/* The gap that docs/refresh.md names: it ends a family too early, never too late. */
TEST(rule_123_lagging_knows_the_last_sixteen_networks)
{
	struct arena *a = arena_create(4096);
	struct family_state s = begun(&lagging), before;

	for (int i = 1; i <= FAMILY_NETWORKS_MAX; i++)
		CHECK(present(&s, &lagging, i, (int64_t)i * 3600 * SECOND,
		              arena_printf(a, "10.0.%d.0/24", i), false) == FAMILY_ROTATED);
	CHECK_I64((int64_t)s.networks_n, FAMILY_NETWORKS_MAX);
	CHECK_STR(s.networks[0].name, S("10.0.1.0/24"));
	CHECK_STR(s.networks[FAMILY_NETWORKS_MAX - 1].name, S("10.0.16.0/24"));
	/* Known ones stay what they are, the forgotten one is new again. */
	CHECK(present(&s, &lagging, 17, (int64_t)17 * 3600 * SECOND, S("10.0.1.0/24"), false) ==
	      FAMILY_ROTATED);
	CHECK_I64(s.networks[0].first_generation, 2);
	before = s;
	CHECK(present(&s, &lagging, 17, (int64_t)18 * 3600 * SECOND, HOME, false) ==
	      FAMILY_REFUSED);
	s = before;
	CHECK(present(&s, &lagging, 18, (int64_t)18 * 3600 * SECOND, HOME, false) ==
	      FAMILY_ROTATED);
	CHECK(present(&s, &lagging, 17, (int64_t)19 * 3600 * SECOND, CAFE, false) ==
	      FAMILY_REUSED);
	arena_destroy(a);
}

TEST(family_notes_what_its_policy_needs_and_no_more)
{
	struct family_state s = begun(&rotating), t = begun(&stable);

	CHECK(present(&s, &rotating, 1, 5 * SECOND, CAFE, false) == FAMILY_ROTATED);
	CHECK_I64((int64_t)s.networks_n, 0);
	CHECK_I64((int64_t)t.networks_n, 0);
	CHECK_I64(s.used_ms, 5 * SECOND);
	CHECK(present(&s, &rotating, 1, 6 * SECOND, CAFE, false) == FAMILY_SAME);
	CHECK_I64(s.used_ms, 6 * SECOND);
	CHECK_I64(s.rotated_ms, 5 * SECOND);
	family_begin(&t, 7, 100, HOME, &stable);
	CHECK_I64(t.rotated_ms, 7);
	CHECK_I64(t.idle_expires_ms, 100);
	CHECK(present(&t, &stable, 1, 99, HOME, true) == FAMILY_SAME);
	CHECK_I64(t.idle_expires_ms, 100);
	t.idle_expires_ms = 200;
	CHECK(present(&t, &stable, 1, 100, HOME, true) == FAMILY_EXPIRED);
}

/* What an app was set to before does not bind what it is set to now. */
TEST(family_follows_an_app_whose_policy_or_grace_is_changed)
{
	static const struct family_rules none = { REFRESH_ROTATING, 0, (int64_t)30 * DAY },
	                                 hour = { REFRESH_ROTATING, 3600 * SECOND,
		                                  (int64_t)30 * DAY };
	struct family_state s = begun(&rotating), t;
	int64_t now = 0;

	CHECK(present(&s, &rotating, 1, 0, HOME, false) == FAMILY_ROTATED);
	t = s;
	CHECK(present(&t, &none, 1, SECOND, HOME, false) == FAMILY_REUSED);
	t = s;
	CHECK(present(&t, &stable, 2, SECOND, HOME, true) == FAMILY_SAME);
	CHECK(present(&t, &stable, 1, SECOND, HOME, true) == FAMILY_SAME);
	CHECK(present(&t, &stable, 1, 2 * (int64_t)DAY, HOME, true) == FAMILY_REFUSED);
	CHECK(present(&t, &stable, 1, 2 * (int64_t)DAY, HOME, false) == FAMILY_REUSED);
	/* Short graces leave short runs; with a long one after them the list is full. */
	for (int i = 0; i < 200; i++, now += SECOND)
		CHECK(present(&s, &none, s.generation, now, HOME, false) == FAMILY_ROTATED);
	for (int i = 0; i < 40; i++, now += 3 * SECOND)
		CHECK(present(&s, &rotating, s.generation, now, HOME, false) == FAMILY_ROTATED);
	for (int i = 0; i < 200; i++, now += 58 * SECOND) {
		CHECK(present(&s, &hour, s.generation, now, HOME, false) == FAMILY_ROTATED);
		CHECK(s.replaced_n <= FAMILY_HISTORY_MAX);
		CHECK(present(&s, &hour, s.generation - 1, now + 3600 * SECOND, CAFE, false) ==
		      FAMILY_SAME);
	}
}

/* Every sequence of five presentations: R37 as a property, for all policies. */
TEST(ruling_37_no_death_within_the_grace_or_with_a_binding)
{
	static const struct family_rules *const all[] = { &stable, &rotating, &lagging };
	static const int64_t pauses[] = { 0, 60 * SECOND, 119 * SECOND, 121 * SECOND, 2 * DAY };
	enum { STEPS = 5, CHOICES = 3 * 5 * 2 * 2 };
	int64_t total = 1;

	for (int i = 0; i < STEPS - 1; i++)
		total *= CHOICES;
	for (int64_t run = 0; run < total; run += 7) {
		struct family_state s = begun(all[run % 3]);
		int64_t replaced_ms[STEPS + 2] = { 0 }, now = 0, code = run;

		for (int i = 0; i < STEPS - 1; i++, code /= CHOICES) {
			int64_t back = code % 3, generation = s.generation - back;
			bool bound = (code / 30 & 1) != 0;
			enum family_verdict v;

			now += pauses[code / 3 % 5];
			v = present(&s, all[run % 3], generation, now,
			            (code / 15 & 1) != 0 ? HOME : CAFE, bound);
			if (v == FAMILY_REUSED) {
				CHECK(!bound);
				CHECK(now - replaced_ms[generation] > 120 * SECOND);
				break;
			}
			if (v == FAMILY_ROTATED)
				replaced_ms[s.generation - 1] = now;
		}
	}
}

TEST(family_columns_survive_being_written)
{
	struct arena *a = arena_create(1024);
	struct family_state s = begun(&lagging), back = { 0 };

	for (int i = 1; i <= 12; i++)
		CHECK(present(&s, &lagging, i, i * SECOND, i % 2 == 0 ? HOME : CAFE, false) ==
		      FAMILY_ROTATED);
	family_history_parse(family_history_text(a, &s), &back);
	family_networks_parse(family_networks_text(a, &s), &back);
	CHECK_I64((int64_t)back.replaced_n, 12);
	CHECK_I64(back.replaced[0].last_ms, 12 * SECOND);
	CHECK_I64((int64_t)back.networks_n, 2);
	CHECK_STR(back.networks[1].name, CAFE);
	CHECK_I64(back.networks[1].first_generation, 2);
	family_history_parse(S("12 x"), &back);
	CHECK_I64((int64_t)back.replaced_n, 1);
	CHECK_I64(back.replaced[0].first_ms, 12);
	s.replaced[0] = (struct family_run){ 5, 9, 3 };
	s.replaced_n = 1;
	family_history_parse(family_history_text(a, &s), &back);
	CHECK(back.replaced[0].first_ms == 5 && back.replaced[0].last_ms == 9 &&
	      back.replaced[0].count == 3);
	family_history_parse(S("12,0,12 11"), &back);
	CHECK_I64((int64_t)back.replaced_n, 0);
	family_networks_parse(S("1 a 0 b 3 c"), &back);
	CHECK_I64((int64_t)back.networks_n, 1);
	family_networks_parse(S("1 0123456789012345678901234567890123456789012345678901234567890123"
	                        "4"),
	                      &back);
	CHECK_I64((int64_t)back.networks_n, 0);
	arena_destroy(a);
}
