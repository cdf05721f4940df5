/* SPDX-License-Identifier: MIT */
#include "access/audit.h"

#include "base/log.h"
#include "base/text.h"
#include "store/account.h"

#include <assert.h>
#include <string.h>

enum {
	DETAIL_BYTES_MAX     = 16 * 1024,
	HEADER_BYTES_MAX     = 256,
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
