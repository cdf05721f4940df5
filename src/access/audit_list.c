/* SPDX-License-Identifier: MIT
 *
 * Reading the record: for the operator as it grows, for administrators from the newest back. The record has no index
 * but its id, so that writing it costs little (ruling R23): times become ids by bisection, and one call looks through
 * a bounded number of events. */
#include "access/audit.h"

#include "access/principal.h"
#include "base/clock.h"
#include "base/text.h"
#include "store/account.h"
#include "store/bearer.h"

enum {
	LIST_DEFAULT         = 100,
	LIST_MAX             = 1000,
	PAGE_DEFAULT         = 50,
	PAGE_MAX_DEFAULT     = 500,
	SCAN_MAX_DEFAULT     = 200000,
	AGO_MAX              = 1000000,
	DAY_BYTES            = 10,
};
static const int64_t DAY_MS = INT64_C(86400000);
/* Ids follow time as closely as batches and several servers let them. */
static const int64_t ORDER_SLACK_MS = INT64_C(60000);

const struct field audit_in_fields[] = {
	FIELD(struct audit_in, since, "since", FIELD_NONEMPTY),
	FIELD(struct audit_in, until, "until", FIELD_NONEMPTY),
	FIELD(struct audit_in, grant, "grant", FIELD_NONEMPTY),
	FIELD(struct audit_in, organization, "organization", FIELD_NONEMPTY),
	FIELD(struct audit_in, app, "app", FIELD_NONEMPTY),
	FIELD(struct audit_in, kind, "kind", FIELD_NONEMPTY),
	FIELD(struct audit_in, after, "after", FIELD_COERCED, .min = 0, .max = INT64_MAX),
	FIELD(struct audit_in, limit, "limit", FIELD_COERCED, .min = 1, .max = LIST_MAX, .initial = LIST_DEFAULT),
	FIELD_END
};
const struct field audit_search_in_fields[] = {
	FIELD(struct audit_search_in, organization, "organization", FIELD_NONEMPTY),
	FIELD(struct audit_search_in, app, "app", FIELD_NONEMPTY),
	FIELD(struct audit_search_in, grant, "grant", FIELD_NONEMPTY),
	FIELD(struct audit_search_in, kind, "kind", FIELD_NONEMPTY),
	FIELD(struct audit_search_in, since, "since", FIELD_NONEMPTY),
	FIELD(struct audit_search_in, until, "until", FIELD_NONEMPTY),
	FIELD(struct audit_search_in, cursor, "cursor", FIELD_NONEMPTY),
	FIELD(struct audit_search_in, limit, "limit", FIELD_COERCED, .min = 1, .max = INT64_MAX),
	FIELD_END
};

static const struct field event_fields[] = {
	FIELD(struct audit_event, id, "id"),
	FIELD(struct audit_event, at, "at"),
	FIELD(struct audit_event, kind, "kind"),
	FIELD(struct audit_event, outcome, "outcome"),
	FIELD(struct audit_event, account, "account"),
	FIELD(struct audit_event, account_name, "accountName", FIELD_OPTIONAL),
	FIELD(struct audit_event, account_email, "accountEmail", FIELD_OPTIONAL),
	FIELD(struct audit_event, app, "app"),
	FIELD(struct audit_event, app_name, "appName", FIELD_OPTIONAL),
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
static const struct field place_fields[] = {
	FIELD(struct audit_place, id, "id"),
	FIELD(struct audit_place, slug, "slug"),
	FIELD(struct audit_place, name, "name"),
	FIELD_END
};
const struct field audit_search_out_fields[] = {
	FIELD_OF_OBJECT(struct audit_search_out, organization, "organization", place_fields),
	FIELD_OF_LIST(struct audit_search_out, events, "events", struct audit_event, event_fields),
	FIELD(struct audit_search_out, next_cursor, "nextCursor"),
	FIELD(struct audit_search_out, newer_cursor, "newerCursor"),
	FIELD(struct audit_search_out, searched_to, "searchedTo", FIELD_OPTIONAL),
	FIELD_END
};

/* Filters -------------------------------------------------------------------------------------- */

/* 90s, 15m, 24h, 30d */
static bool ago_parse(str s, int64_t *out)
{
	static const struct { char unit; int64_t ms; } units[] = {
		{ 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 },
	};
	int64_t n;

	for (size_t i = 0; i < COUNT(units) && s.n > 1; i++) {
		if (s.p[s.n - 1] == units[i].unit && str_i64(str_sub(s, 0, s.n - 1), 0, AGO_MAX, &n)) {
			*out = n * units[i].ms;
			return true;
		}
	}
	return false;
}

static bool time_parse(const struct act *act, const char *field, str s, bool to_the_end, int64_t *out, struct err *e)
{
	str midnight = arena_printf(act->arena, FMT_STR "T00:00:00Z", ARG_STR(str_sub(s, 0, DAY_BYTES)));
	int64_t ago_ms;

	*out = 0;
	if (s.n == 0 || clock_parse_iso(s, out))
		return true;
	if (s.n == DAY_BYTES && clock_parse_iso(midnight, out)) {
		*out += to_the_end ? DAY_MS : 0;
		return true;
	}
	if (ago_parse(s, &ago_ms)) {
		*out = act->now_ms > ago_ms ? act->now_ms - ago_ms : 1;
		return true;
	}
	err_set(e, ERR_INVALID_REQUEST, "%s: an ISO time such as 2026-08-04T10:31:30Z, a day such as 2026-08-04, or"
	        " how long ago, such as 24h.", field);
	e->required = str_from(field);
	return false;
}

static bool kind_parse(const struct act *act, str kind, str *out, struct err *e)
{
	str group = arena_printf(act->arena, FMT_STR ".", ARG_STR(kind));

	*out = kind;
	if (kind.n == 0 || audit_outcome(kind).p != NULL)
		return true;
	for (int i = 0; i < AUDIT_KIND_COUNT; i++) {
		if (str_starts(audit_kind_name((enum audit_kind)i), group)) {
			*out = arena_printf(act->arena, FMT_STR "%%", ARG_STR(group));
			return true;
		}
	}
	err_set(e, ERR_INVALID_REQUEST, "kind: an event such as token.minted, or a group such as token.");
	e->required = S("kind");
	return false;
}

/* An id of 0 after a name was given: there is no such thing. */
static bool found(bool asked, int64_t id, const char *what, struct err *e)
{
	return !asked || id != 0 || err_set(e, ERR_NOT_FOUND, "There is no such %s.", what);
}

static bool filter_make(const struct act *act, const struct audit_in *in, struct audit_filter *f, struct err *e)
{
	struct organization o = { 0 };

	*f = (struct audit_filter){ .after_id = in->after, .limit = in->limit };
	if (!time_parse(act, "since", in->since, false, &f->since_ms, e) ||
	    !time_parse(act, "until", in->until, true, &f->until_ms, e) ||
	    !kind_parse(act, in->kind, &f->kind, e))
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

/* Events --------------------------------------------------------------------------------------- */

static struct audit_event event_from(struct arena *a, const struct audit_row *row)
{
	return (struct audit_event){
		.id = row->id,
		.at = clock_iso(a, row->at_ms),
		.kind = row->kind,
		.outcome = audit_outcome(row->kind),
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

bool audit_list(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct audit_in *i = in;
	struct audit_out *o = out;
	struct audit_filter filter;
	struct audit_event *events;
	struct audit_rows rows;

	if (!filter_make(act, i, &filter, e) || !store_audit_list(act->db, act->arena, &filter, &rows, e))
		return false;
	events = arena_array(act->arena, struct audit_event, rows.n + 1);
	for (size_t n = 0; n < rows.n; n++)
		events[n] = event_from(act->arena, &rows.v[n]);
	o->events = (struct list){ events, rows.n, true };
	o->next = rows.n > 0 ? rows.v[rows.n - 1].id : i->after;
	return true;
}

/* What is about an app of the organization may be about a stranger, who is nobody's business there. */
static struct audit_event event_for(struct arena *a, const struct audit_row *row)
{
	struct audit_event event = event_from(a, row);
	bool stranger = row->organization_id == 0 && !row->of_member;

	event.app_name = row->app_name.n > 0 ? row->app_name : STR_NONE;
	if (!stranger) {
		event.account_name = row->account_name.n > 0 ? row->account_name : STR_NONE;
		event.account_email = row->account_email.n > 0 ? row->account_email : STR_NONE;
	} else if (row->account_id != 0 || str_starts(row->kind, S("authorize."))) {
		event.account = STR_NONE;
		event.address = event.user_agent = S("");
	}
	return event;
}

/* Pages of an organization ---------------------------------------------------------------------- */

struct search {
	const struct act *act;
	struct audit_filter filter;
	int64_t limit, scan_max;
	int64_t low, high;              /* ids between which the times lie, both left out */
	int64_t cursor;                 /* 0: from the newest */
	bool    newer;                  /* from the cursor on to newer ones */
	struct audit_rows rows;         /* newest first */
	int64_t next, newer_than;       /* 0: there is no more */
	int64_t searched_to;            /* the id at which the search ended early; 0: it did not */
};

/* Before every event from at_ms on, as far as ids follow time. */
static bool id_before(const struct act *act, int64_t at_ms, int64_t end, int64_t *out, struct err *e)
{
	int64_t low = 0, high = end, id, at;

	while (low < high) {
		int64_t middle = low + (high - low) / 2;

		if (!store_audit_from(act->db, act->arena, middle, &id, &at, e))
			return false;
		if (id == 0 || id >= high || at >= at_ms)
			high = middle;
		else
			low = id + 1;
	}
	*out = low > 0 ? low - 1 : 0;
	return true;
}

static bool bounds_find(struct search *s, struct err *e)
{
	const struct act *act = s->act;
	int64_t last;

	if (!store_audit_last(act->db, act->arena, &last, e))
		return false;
	s->low = 0;
	s->high = last + 1;
	if (s->filter.since_ms > 0 &&
	    !id_before(act, s->filter.since_ms - ORDER_SLACK_MS, last + 1, &s->low, e))
		return false;
	if (s->filter.until_ms > 0) {
		if (!id_before(act, s->filter.until_ms + ORDER_SLACK_MS, last + 1, &s->high, e))
			return false;
		s->high++;
	}
	return true;
}

/* "o12": older than event 12; "n12": newer. */
static bool cursor_parse(str s, struct search *out, struct err *e)
{
	if (s.n == 0)
		return true;
	out->newer = s.p[0] == 'n';
	if ((s.p[0] == 'n' || s.p[0] == 'o') && str_i64(str_from_at(s, 1), 1, INT64_MAX - 1, &out->cursor))
		return true;
	err_set(e, ERR_INVALID_REQUEST, "cursor: one that an answer held as nextCursor or newerCursor.");
	e->required = S("cursor");
	return false;
}

static str cursor_text(struct arena *a, char direction, int64_t id)
{
	return id == 0 ? STR_NONE : arena_printf(a, "%c%lld", direction, (long long)id);
}

static bool list_between(struct search *s, int64_t after, int64_t before, bool newest_first, struct err *e)
{
	s->filter.after_id = after;
	s->filter.before_id = before;
	s->filter.newest_first = newest_first;
	s->filter.limit = s->limit + 1;         /* one more says whether there are more */
	return store_audit_list(s->act->db, s->act->arena, &s->filter, &s->rows, e);
}

static bool find_older(struct search *s, struct err *e)
{
	int64_t before = s->cursor != 0 && s->cursor < s->high ? s->cursor : s->high;
	int64_t after = before - 1 - s->scan_max > s->low ? before - 1 - s->scan_max : s->low;

	if (!list_between(s, after, before, true, e))
		return false;
	if (s->rows.n > (size_t)s->limit) {
		s->rows.n = (size_t)s->limit;
		s->next = s->rows.v[s->rows.n - 1].id;
	} else if (after > s->low) {
		s->next = after + 1;
		s->searched_to = after + 1;
	}
	if (before < s->high)
		s->newer_than = s->rows.n > 0 ? s->rows.v[0].id : before - 1;
	return true;
}

static void turn_round(struct audit_rows *rows)
{
	for (size_t i = 0; i < rows->n / 2; i++) {
		struct audit_row row = rows->v[i];

		rows->v[i] = rows->v[rows->n - 1 - i];
		rows->v[rows->n - 1 - i] = row;
	}
}

/* *full_out false: fewer than a page are newer, so the first page shows them too. */
static bool find_newer(struct search *s, bool *full_out, struct err *e)
{
	int64_t after = s->cursor > s->low ? s->cursor : s->low;
	int64_t before = s->high - after - 1 > s->scan_max ? after + 1 + s->scan_max : s->high;

	if (!list_between(s, after, before, false, e))
		return false;
	*full_out = s->rows.n > (size_t)s->limit || before < s->high;
	if (s->rows.n > (size_t)s->limit) {
		s->rows.n = (size_t)s->limit;
		s->newer_than = s->rows.v[s->rows.n - 1].id;
	} else {
		s->newer_than = before - 1;
	}
	turn_round(&s->rows);
	s->next = s->rows.n > 0 ? s->rows.v[s->rows.n - 1].id : after + 1;
	return true;
}

static bool find(struct search *s, struct err *e)
{
	bool full;

	if (s->cursor != 0 && s->newer) {
		if (!find_newer(s, &full, e))
			return false;
		if (full)
			return true;
		s->cursor = s->next = s->newer_than = 0;
	}
	return find_older(s, e);
}

static bool search_answer(struct search *s, struct audit_search_out *out, struct err *e)
{
	struct arena *a = s->act->arena;
	struct audit_event *events = arena_array(a, struct audit_event, s->rows.n + 1);
	int64_t id, at_ms;

	for (size_t i = 0; i < s->rows.n; i++)
		events[i] = event_for(a, &s->rows.v[i]);
	out->events = (struct list){ events, s->rows.n, true };
	out->next_cursor = cursor_text(a, 'o', s->next);
	out->newer_cursor = cursor_text(a, 'n', s->newer_than);
	if (s->searched_to == 0)
		return true;
	if (!store_audit_from(s->act->db, a, s->searched_to, &id, &at_ms, e))
		return false;
	out->searched_to = clock_iso(a, at_ms);
	return true;
}

/* The organization that is meant; id 0: the person administers none. */
static bool organization_find(const struct act *act, str ref, struct organization *out, struct err *e)
{
	struct membership_list all;

	*out = (struct organization){ .id = 0 };
	if (ref.n > 0) {
		if (!store_organization_by_ref(act->db, act->arena, ref, out, e))
			return false;
		return out->id != 0 ? access_needs_role(act, out->id, ROLE_ADMIN, e)
		                    : err_set(e, ERR_NOT_FOUND, "There is no such organization.");
	}
	if (act->who->kind != WHO_SESSION)
		return err_set(e, ERR_INVALID_REQUEST, "organization is missing.");
	if (!store_memberships(act->db, act->arena, act->who->account_id, &all, e))
		return false;
	for (size_t i = 0; i < all.n && out->id == 0; i++) {
		if (all.v[i].role >= ROLE_ADMIN)
			*out = all.v[i].organization;
	}
	return true;
}

/* A key is as good as an administrator when nothing was taken from it. */
static bool key_suffices(const struct principal *who, struct err *e)
{
	return who->kind != WHO_KEY || (who->scopes == SCOPE_ALL && who->projects.mode == PROJECTS_ALL) ||
	       err_set(e, ERR_FORBIDDEN, "This takes a key of the level admin, for all projects.");
}

static int64_t or_default(int64_t setting, int64_t otherwise)
{
	return setting > 0 ? setting : otherwise;
}

static bool limit_fit(const struct act *act, int64_t *limit, struct err *e)
{
	int64_t most = or_default(act->settings->audit_page_max, PAGE_MAX_DEFAULT);

	if (*limit == 0)
		*limit = most < PAGE_DEFAULT ? most : PAGE_DEFAULT;
	if (*limit <= most)
		return true;
	err_set(e, ERR_INVALID_REQUEST, "limit: 1 to %lld.", (long long)most);
	e->required = S("limit");
	return false;
}

bool audit_organization(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct audit_search_in *i = in;
	const struct audit_in filters = { .app = i->app, .grant = i->grant, .kind = i->kind,
		                          .since = i->since, .until = i->until };
	struct audit_search_out *o = out;
	struct organization org;
	struct search s = { .act = act, .limit = i->limit,
		            .scan_max = or_default(act->settings->audit_scan_max, SCAN_MAX_DEFAULT) };

	*o = (struct audit_search_out){ .events = { NULL, 0, true } };
	/* Who may look comes before what there is to find. */
	if (!organization_find(act, i->organization, &org, e) || !key_suffices(act->who, e))
		return false;
	o->organization = (struct audit_place){ org.public_id, org.slug, org.name };
	if (!limit_fit(act, &s.limit, e) || !cursor_parse(i->cursor, &s, e))
		return false;
	if (!filter_make(act, &filters, &s.filter, e))
		return e->code == ERR_NOT_FOUND;
	if (org.id == 0)
		return true;
	s.filter.organization_id = org.id;
	return bounds_find(&s, e) && find(&s, e) && search_answer(&s, o, e);
}
