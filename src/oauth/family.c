/* SPDX-License-Identifier: MIT */
#include "oauth/family.h"

#include "base/buf.h"

#include <string.h>

enum { FAMILY_TEXT_MAX = 8192 };

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Was `generation` replaced at most grace_ms ago? What is forgotten was not. */
static bool in_grace(const struct family_state *s, const struct family_event *ev, int64_t grace_ms)
{
	int64_t age = s->generation - 1 - ev->generation;

	for (size_t i = 0; age >= 0 && i < s->replaced_n; i++) {
		if (age < s->replaced[i].count)
			return ev->now_ms - s->replaced[i].last_ms <= grace_ms;
		age -= s->replaced[i].count;
	}
	return false;
}

/* The chain was advanced from a network that nobody had used before the presented token was
 * replaced. */
static bool looks_stolen(const struct family_state *s, int64_t generation)
{
	for (size_t i = 0; i < s->networks_n; i++) {
		if (s->networks[i].first_generation > generation)
			return true;
	}
	return false;
}

static void note_network(struct family_state *s, str network)
{
	for (size_t i = 0; i < s->networks_n; i++) {
		if (str_eq(s->networks[i].name, network))
			return;
	}
	if (s->networks_n == FAMILY_NETWORKS_MAX) {
		s->networks_n--;
		memmove(s->networks, s->networks + 1, s->networks_n * sizeof(s->networks[0]));
	}
	s->networks[s->networks_n++] = (struct family_network){ network, s->generation };
}

/* Can no request that is on its way still be within the grace of what was replaced then? */
static bool is_past(int64_t replaced_ms, int64_t now_ms, const struct family_rules *rules)
{
	return now_ms - replaced_ms > rules->grace_ms + FAMILY_SLACK_MS;
}

/* In a burst, and whenever there is no room. A run is short: its end stands for all of it. */
static bool joins(const struct family_state *s, int64_t now_ms, const struct family_rules *rules)
{
	int64_t run_ms = (rules->grace_ms + FAMILY_SLACK_MS) / FAMILY_RUNS_A_GRACE;

	return s->replaced_n == FAMILY_HISTORY_MAX ||
	       (s->replaced_n >= FAMILY_EXACT_MAX && now_ms - s->replaced[0].first_ms < run_ms);
}

static void note_replaced(struct family_state *s, int64_t now_ms, const struct family_rules *rules)
{
	struct family_run *newest = &s->replaced[0];

	while (s->replaced_n > 0 && is_past(s->replaced[s->replaced_n - 1].last_ms, now_ms, rules))
		s->replaced_n--;
	if (joins(s, now_ms, rules)) {
		newest->count++;
		newest->last_ms = now_ms > newest->last_ms ? now_ms : newest->last_ms;
		return;
	}
	memmove(newest + 1, newest, s->replaced_n * sizeof(*newest));
	*newest = (struct family_run){ now_ms, now_ms, 1 };
	s->replaced_n++;
}

static enum family_verdict accept(struct family_state *s, const struct family_event *ev,
                                  const struct family_rules *rules, bool rotate)
{
	if (rotate) {
		s->generation++;
		s->rotated_ms = ev->now_ms;
		note_replaced(s, ev->now_ms, rules);
		s->network = ev->network;
		if (rules->policy == REFRESH_LAGGING)
			note_network(s, ev->network);
	}
	s->used_ms = ev->now_ms;
	s->idle_expires_ms = least(ev->now_ms + rules->idle_ms, s->expires_ms);
	return rotate ? FAMILY_ROTATED : FAMILY_SAME;
}

/* A token that has been replaced, outside of its grace. */
static enum family_verdict judge_predecessor(struct family_state *s, const struct family_event *ev,
                                             const struct family_rules *rules)
{
	bool newest = ev->generation == s->generation - 1;

	/* The answer with the successor may have been lost, or its receiver crashed: the successor
	 * is unused. */
	if (ev->bound && newest && ev->now_ms - s->rotated_ms <= FAMILY_RETRY_MS)
		return accept(s, ev, rules, false);
	if (ev->bound)
		return FAMILY_REFUSED;
	if (rules->policy != REFRESH_LAGGING)
		return FAMILY_REUSED;
	if (str_eq(ev->network, s->network))
		return accept(s, ev, rules, false);
	return looks_stolen(s, ev->generation) ? FAMILY_REUSED : FAMILY_REFUSED;
}

enum family_verdict family_step(struct family_state *state, const struct family_event *ev,
                                const struct family_rules *rules)
{
	if (state->revoked_ms != 0)
		return FAMILY_REVOKED;
	/* A generation of the future comes from time that a restored backup has lost. */
	if (ev->now_ms >= state->expires_ms || ev->now_ms >= state->idle_expires_ms ||
	    ev->generation > state->generation || ev->generation < 1)
		return FAMILY_EXPIRED;
	if (ev->generation == state->generation)
		return accept(state, ev, rules, rules->policy != REFRESH_STABLE);
	if (in_grace(state, ev, rules->grace_ms))
		return accept(state, ev, rules, false);
	return judge_predecessor(state, ev, rules);
}

void family_begin(struct family_state *state, int64_t now_ms, int64_t expires_ms, str network,
                  const struct family_rules *rules)
{
	*state = (struct family_state){
		.generation = 1, .used_ms = now_ms, .rotated_ms = now_ms, .expires_ms = expires_ms,
		.idle_expires_ms = least(now_ms + rules->idle_ms, expires_ms), .network = network,
	};
	if (rules->policy == REFRESH_LAGGING)
		note_network(state, network);
}

str family_history_text(struct arena *a, const struct family_state *s)
{
	struct buf b;

	buf_init_arena(&b, a, FAMILY_TEXT_MAX);
	for (size_t i = 0; i < s->replaced_n; i++) {
		const struct family_run *run = &s->replaced[i];

		buf_printf(&b, "%s%lld", i > 0 ? " " : "", (long long)run->last_ms);
		if (run->count > 1)
			buf_printf(&b, ",%lld,%lld", (long long)run->count,
			           (long long)run->first_ms);
	}
	return b.n == 0 ? S("") : buf_view(&b);
}

static bool run_parse(str text, struct family_run *out)
{
	str last, count, first;

	if (!str_cut(&text, ',', &last) || !str_i64(last, 0, INT64_MAX, &out->last_ms))
		return false;
	out->first_ms = out->last_ms;
	out->count = 1;
	return !str_cut(&text, ',', &count) ||
	       (str_cut(&text, ',', &first) && str_i64(count, 1, INT64_MAX, &out->count) &&
	        str_i64(first, 0, INT64_MAX, &out->first_ms));
}

void family_history_parse(str text, struct family_state *s)
{
	str part;

	s->replaced_n = 0;
	while (s->replaced_n < FAMILY_HISTORY_MAX && str_cut(&text, ' ', &part)) {
		if (!run_parse(part, &s->replaced[s->replaced_n]))
			return;
		s->replaced_n++;
	}
}

str family_networks_text(struct arena *a, const struct family_state *s)
{
	struct buf b;

	buf_init_arena(&b, a, FAMILY_TEXT_MAX);
	for (size_t i = 0; i < s->networks_n; i++) {
		if (i > 0)
			buf_char(&b, ' ');
		buf_i64(&b, s->networks[i].first_generation);
		buf_char(&b, ' ');
		buf_str(&b, s->networks[i].name);
	}
	return b.n == 0 ? S("") : buf_view(&b);
}

void family_networks_parse(str text, struct family_state *s)
{
	str first, name;

	s->networks_n = 0;
	while (s->networks_n < FAMILY_NETWORKS_MAX && str_cut(&text, ' ', &first) &&
	       str_cut(&text, ' ', &name)) {
		struct family_network *n = &s->networks[s->networks_n];

		if (name.n > FAMILY_NETWORK_BYTES_MAX ||
		    !str_i64(first, 1, INT64_MAX, &n->first_generation))
			return;
		n->name = name;
		s->networks_n++;
	}
}
