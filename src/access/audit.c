/* SPDX-License-Identifier: MIT */
#include "access/audit.h"

#include "access/bearer.h"
#include "access/rate.h"
#include "base/log.h"
#include "base/text.h"
#include "store/account.h"

#include <assert.h>
#include <string.h>

enum {
	DETAIL_BYTES_MAX     = 16 * 1024,
	HEADER_BYTES_MAX     = 256,
	VALUE_BYTES_MAX      = 300,
	REFUSALS_DEFAULT     = 10,
	REFUSALS_WINDOW_S    = 60,
};

str audit_kind_name(enum audit_kind kind)
{
	static const str names[AUDIT_KIND_COUNT] = {
#define X(id, name, outcome) [AUDIT_##id] = STR(name),
		AUDIT_TABLE(X)
#undef X
	};

	assert(kind < AUDIT_KIND_COUNT);
	return names[kind];
}

str audit_outcome(str kind)
{
	enum { DONE, REFUSED, FAILED };
	static const struct { str kind; int outcome; } rows[] = {
#define X(id, name, outcome) { STR(name), outcome },
		AUDIT_TABLE(X)
#undef X
	};
	static const str names[] = { STR("done"), STR("refused"), STR("failed") };

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (str_eq(rows[i].kind, kind))
			return names[rows[i].outcome];
	}
	return STR_NONE;
}

/* {"name":"value",…}; whatever looks like a token is masked, should a caller err. */
static str detail_text(struct arena *a, const struct audit_detail *d)
{
	struct json_out o;
	struct buf b;

	if (d->facts_n == 0)
		return S("");
	buf_init_arena(&b, a, DETAIL_BYTES_MAX);
	json_out_init(&o, &b);
	json_open_object(&o);
	for (size_t i = 0; i < d->facts_n; i++) {
		json_key(&o, d->facts[i].name);
		json_put_str(&o, d->facts[i].value);
	}
	json_close_object(&o);
	if (b.full)
		return S("{\"truncated\":\"true\"}");
	b.n = log_redact(b.p, b.n);
	return buf_view(&b);
}

str audit_header_text(struct arena *a, str s)
{
	char *clean;

	s = str_sub(s, 0, HEADER_BYTES_MAX);
	if (utf8_valid(s) && memchr(s.p == NULL ? "" : s.p, '\0', s.n) == NULL)
		return s.p == NULL ? S("") : s;
	clean = arena_cstr(a, s);
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)clean[i] >= 0x80 || clean[i] == '\0')
			clean[i] = '?';
	}
	return (str){ clean, s.n };
}

static int64_t or_else(int64_t id, int64_t other)
{
	return id != 0 ? id : other;
}

bool audit_add(const struct act *act, enum audit_kind kind, const struct audit_detail *detail,
	       struct err *e)
{
	static const struct audit_detail nothing = { 0 };
	const struct audit_detail *d = detail == NULL ? &nothing : detail;
	const struct principal *who = act->who;
	struct audit_row row = {
		.at_ms = act->now_ms, .kind = audit_kind_name(kind),
		.account_id = or_else(d->account_id, who->account_id),
		.app_id = or_else(d->app_id, who->app_id),
		.organization_id = or_else(d->organization_id, who->organization_id),
		.installation_id = or_else(d->grant_id, who->grant_id), .project_id = d->project_id,
		.request_id = audit_header_text(act->arena, act->request_id),
		.address = audit_header_text(act->arena, act->address),
		.user_agent = audit_header_text(act->arena, act->user_agent),
		.detail = detail_text(act->arena, d),
	};

	return store_audit_append(act->db, act->arena, &row, e);
}

/* Refusals ------------------------------------------------------------------------------------- */

str audit_value(struct arena *a, str s)
{
	char *clean = arena_cstr(a, audit_header_text(a, s));
	size_t n = str_from(clean).n;

	n = n < VALUE_BYTES_MAX ? n : VALUE_BYTES_MAX;
	while (n > 0 && ((unsigned char)clean[n] & 0xc0) == 0x80)
		n--;                    /* never half a character */
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)clean[i] < 0x20 || clean[i] == 0x7f)
			clean[i] = '?';
	}
	return (str){ clean, n };
}

str audit_uri(struct arena *a, str uri)
{
	ptrdiff_t query = str_index(uri, '?'), fragment = str_index(uri, '#'), at, slash;
	ptrdiff_t authority = str_find(uri, S("://"));
	str host, start;

	if (query >= 0)
		uri = str_sub(uri, 0, (size_t)query);
	if (fragment >= 0 && (size_t)fragment < uri.n)
		uri = str_sub(uri, 0, (size_t)fragment);
	if (authority < 0 || (size_t)authority + 3 > uri.n)
		return audit_value(a, uri);
	start = str_sub(uri, 0, (size_t)authority + 3);
	host = str_from_at(uri, (size_t)authority + 3);
	slash = str_index(host, '/');
	while ((at = str_index(host, '@')) >= 0 && (slash < 0 || at < slash)) {
		host = str_from_at(host, (size_t)at + 1);
		slash = str_index(host, '/');
	}
	return audit_value(a, arena_printf(a, FMT_STR FMT_STR "%s", ARG_STR(start), ARG_STR(host),
	                                   query >= 0 ? "?…" : ""));
}

static str refusal_name(const struct act *act, enum audit_kind kind, const struct audit_detail *d, str reason)
{
	str name;

	if (d->counted_as.n > 0)
		return arena_printf(act->arena, "%d " FMT_STR, (int)kind, ARG_STR(d->counted_as));
	name = arena_printf(act->arena, "%d %lld %lld %lld " FMT_STR, (int)kind, (long long)d->app_id,
			    (long long)d->account_id, (long long)d->grant_id, ARG_STR(reason));
	for (size_t i = 0; i < d->facts_n; i++)
		name = arena_printf(act->arena, FMT_STR " " FMT_STR, ARG_STR(name), ARG_STR(d->facts[i].value));
	return name;
}

static int64_t refusals_max(const struct act *act)
{
	int64_t max = act->settings->audit_refusals_per_minute_max;

	return max > 0 ? max : REFUSALS_DEFAULT;
}

/* *last_out: the one after which others are left out for a while. false: this one is. */
static bool refusal_counts(const struct act *act, str name, bool *last_out)
{
	struct rates *rates = act->bearers == NULL ? NULL : bearers_rates(act->bearers);
	int64_t max = refusals_max(act);
	struct err full;

	*last_out = false;
	if (rates == NULL)
		return true;
	if (!rate_take(rates, RATE_AUDIT, name, max, REFUSALS_WINDOW_S, act->now_ms, &full))
		return false;
	*last_out = !rate_allows(rates, RATE_AUDIT, name, max, REFUSALS_WINDOW_S, act->now_ms);
	return true;
}

bool audit_refusal_due(const struct act *act, enum audit_kind kind, str counted_as)
{
	struct audit_detail d = { .counted_as = counted_as };

	return act->bearers == NULL ||
	       rate_allows(bearers_rates(act->bearers), RATE_AUDIT, refusal_name(act, kind, &d, STR_NONE),
			   refusals_max(act), REFUSALS_WINDOW_S, act->now_ms);
}

bool audit_refusal(const struct act *act, enum audit_kind kind, const struct audit_detail *detail, str reason,
		   str value, struct err *e)
{
	struct str_pair facts[AUDIT_FACTS_MAX + 3];
	struct audit_detail d = *detail;
	size_t n = 0;
	bool last;

	assert(detail->facts_n <= AUDIT_FACTS_MAX);
	d.app_id = or_else(d.app_id, act->who->app_id);
	d.account_id = or_else(d.account_id, act->who->account_id);
	d.grant_id = or_else(d.grant_id, act->who->grant_id);
	if (!refusal_counts(act, refusal_name(act, kind, &d, reason), &last))
		return true;
	while (n < detail->facts_n) {
		facts[n] = detail->facts[n];
		n++;
	}
	if (reason.n > 0)
		facts[n++] = (struct str_pair){ S("reason"), reason };
	if (value.n > 0)
		facts[n++] = (struct str_pair){ S("value"), value };
	if (last)
		facts[n++] = (struct str_pair){ S("more"), S("left out for a minute") };
	d.facts = facts;
	d.facts_n = n;
	return audit_add(act, kind, &d, e);
}
