/* SPDX-License-Identifier: MIT */
#include "access/audit.h"

#include "access/principal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "store/account.h"
#include "store/bearer.h"

#include <assert.h>
#include <string.h>

enum {
	DETAIL_BYTES_MAX     = 16 * 1024,
	HEADER_BYTES_MAX     = 256,
	LIST_DEFAULT         = 100,
	LIST_MAX             = 1000,
};

str audit_kind_name(enum audit_kind kind)
{
	static const str names[AUDIT_KIND_COUNT] = {
#define X(id, name) [AUDIT_##id] = STR(name),
		AUDIT_TABLE(X)
#undef X
	};

	assert(kind < AUDIT_KIND_COUNT);
	return names[kind];
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

/* Listing ------------------------------------------------------------------------------------ */

const struct field audit_in_fields[] = {
	FIELD(struct audit_in, since, "since", FIELD_NONEMPTY),
	FIELD(struct audit_in, grant, "grant", FIELD_NONEMPTY),
	FIELD(struct audit_in, organization, "organization", FIELD_NONEMPTY),
	FIELD(struct audit_in, app, "app", FIELD_NONEMPTY),
	FIELD(struct audit_in, after, "after", FIELD_COERCED, .min = 0, .max = INT64_MAX),
	FIELD(struct audit_in, limit, "limit", FIELD_COERCED, .min = 1, .max = LIST_MAX, .initial = LIST_DEFAULT),
	FIELD_END
};

static const struct field event_fields[] = {
	FIELD(struct audit_event, id, "id"),
	FIELD(struct audit_event, at, "at"),
	FIELD(struct audit_event, kind, "kind"),
	FIELD(struct audit_event, account, "account"),
	FIELD(struct audit_event, app, "app"),
	FIELD(struct audit_event, organization, "organization"),
	FIELD(struct audit_event, grant, "grant"),
	FIELD(struct audit_event, project, "project"),
	FIELD(struct audit_event, request_id, "requestId"),
	FIELD(struct audit_event, address, "address"),
	FIELD(struct audit_event, user_agent, "userAgent"),
	FIELD_RAW_JSON(struct audit_event, detail, "detail"),
	FIELD_END
};

const struct field audit_out_fields[] = {
	FIELD_OF_LIST(struct audit_out, events, "events", struct audit_event, event_fields),
	FIELD(struct audit_out, next, "next"),
	FIELD_END
};

/* An ISO time, or how long ago: 90s, 15m, 24h, 30d. */
static bool since_parse(str s, int64_t now_ms, int64_t *out, struct err *e)
{
	static const struct { char unit; int64_t ms; } units[] = {
		{ 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 },
	};
	int64_t n;

	*out = 0;
	if (s.n == 0 || clock_parse_iso(s, out))
		return true;
	for (size_t i = 0; i < COUNT(units); i++) {
		if (s.p[s.n - 1] == units[i].unit &&
		    str_i64(str_sub(s, 0, s.n - 1), 0, 1000000, &n)) {
			*out = now_ms - n * units[i].ms;
			return true;
		}
	}
	return err_set(e, ERR_INVALID_REQUEST,
		       "since: an ISO time such as 2026-08-04T10:31:30Z, or how long ago,"
		       " such as 24h.");
}

/* An id of 0 after a name was given: there is no such thing. */
static bool found(bool asked, int64_t id, const char *what, struct err *e)
{
	return !asked || id != 0 || err_set(e, ERR_NOT_FOUND, "There is no such %s.", what);
}

static bool audit_filter_make(const struct act *act, const struct audit_in *in,
			      struct audit_filter *f, struct err *e)
{
	struct organization o = { 0 };

	*f = (struct audit_filter){ .after_id = in->after, .limit = in->limit };
	if (!since_parse(in->since, act->now_ms, &f->since_ms, e))
		return false;
	if (in->grant.n > 0 &&
	    !store_bearer_grant_id(act->db, act->arena, in->grant, &f->installation_id, e))
		return false;
	if (in->app.n > 0 && !store_bearer_app_id(act->db, act->arena, in->app, &f->app_id, e))
		return false;
	if (in->organization.n > 0 &&
	    !store_organization_by_ref(act->db, act->arena, in->organization, &o, e))
		return false;
	f->organization_id = o.id;
	return found(in->grant.n > 0, f->installation_id, "grant", e) &&
	       found(in->app.n > 0, f->app_id, "app", e) &&
	       found(in->organization.n > 0, o.id, "organization", e);
}

static struct audit_event event_from(struct arena *a, const struct audit_row *row)
{
	return (struct audit_event){
		.id = row->id,
		.at = clock_iso(a, row->at_ms),
		.kind = row->kind,
		.account = row->account,
		.app = row->app,
		.organization = row->organization,
		.grant = row->grant,
		.project = row->project,
		.request_id = row->request_id,
		.address = row->address,
		.user_agent = row->user_agent,
		.detail = row->detail.n == 0 ? S("{}") : row->detail,
	};
}

static bool audit_read(const struct act *act, const struct audit_filter *filter, int64_t after,
		       struct audit_out *o, struct err *e)
{
	struct audit_event *events;
	struct audit_rows rows;

	if (!store_audit_list(act->db, act->arena, filter, &rows, e))
		return false;
	events = arena_array(act->arena, struct audit_event, rows.n);
	for (size_t n = 0; n < rows.n; n++)
		events[n] = event_from(act->arena, &rows.v[n]);
	o->events = (struct list){ events, rows.n, true };
	o->next = rows.n > 0 ? rows.v[rows.n - 1].id : after;
	return true;
}

bool audit_list(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct audit_in *i = in;
	struct audit_filter filter;

	return audit_filter_make(act, i, &filter, e) &&
	       audit_read(act, &filter, i->after, out, e);
}

bool audit_organization(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct audit_in *i = in;
	struct audit_filter filter;
	struct organization o;

	if (i->organization.n == 0)
		return err_set(e, ERR_INVALID_REQUEST, "organization is missing.");
	/* Who may look comes before what there is to find. */
	if (!store_organization_by_ref(act->db, act->arena, i->organization, &o, e))
		return false;
	if (o.id == 0)
		return err_set(e, ERR_NOT_FOUND, "There is no such organization.");
	if (!access_needs_role(act, o.id, ROLE_ADMIN, e))
		return false;
	if (audit_filter_make(act, i, &filter, e))
		return audit_read(act, &filter, i->after, out, e);
	if (e->code != ERR_NOT_FOUND)
		return false;
	*(struct audit_out *)out = (struct audit_out){ { NULL, 0, true }, i->after };
	return true;
}
