/* SPDX-License-Identifier: MIT */
#include "web/audit.h"

#include "web/failures.h"
#include "web/view.h"

enum { VALUE_CHARACTERS_MAX = 400 };

static const char *const filters[] = { "organization", "app", "grant", "kind", "since", "until" };

/* Kinds that an organization's record can hold, by group. */
static const struct { const char *group, *kinds[6]; } groups[] = {
	{ "authorize",    { "shown", "approved", "denied", "refused" } },
	{ "grant",        { "created", "changed", "revoked" } },
	{ "code",         { "issued", "redeemed", "replayed", "refused" } },
	{ "token",        { "issued", "refreshed", "refresh_refused", "reuse_detected", "minted", "revoked" } },
	{ "family",       { "evicted" } },
	{ "scope",        { "denied" } },
	{ "app",          { "created", "changed", "secret_rotated", "disabled", "auth_failed" } },
	{ "member",       { "set", "removed" } },
	{ "key",          { "created", "revoked" } },
	{ "project",      { "created", "changed" } },
	{ "language",     { "added" } },
	{ "text",         { "imported", "keys_created", "changed", "keys_deleted" } },
	{ "publish",      { "started", "completed", "failed", "cancelled", "rolled_back" } },
	{ "organization", { "created" } },
};

/* The filters, and more, as an address. */
static str address(struct page_job *j, const char *path, str organization, str more)
{
	str to = arena_printf(j->arena, "%s?" FMT_STR, path,
			      ARG_STR(str_sub(carried(j, "organization", organization), 1, SIZE_MAX)));

	for (size_t i = 1; i < COUNT(filters); i++)
		to = arena_printf(j->arena, FMT_STR FMT_STR, ARG_STR(to),
				  ARG_STR(carried(j, filters[i], page_param(j, str_from(filters[i])))));
	return arena_printf(j->arena, FMT_STR FMT_STR, ARG_STR(to), ARG_STR(more));
}

static str narrowed(struct page_job *j, str organization, const char *filter, str value)
{
	return arena_printf(j->arena, "/settings/audit?" FMT_STR FMT_STR,
			    ARG_STR(str_sub(carried(j, "organization", organization), 1, SIZE_MAX)),
			    ARG_STR(carried(j, filter, value)));
}

/* The filter form ------------------------------------------------------------------------------ */

static void put_option(struct json_out *v, str value, str name, bool chosen)
{
	json_open_object(v);
	put_str(v, "value", value);
	put_str(v, "name", name);
	put_bool(v, "chosen", chosen);
	json_close_object(v);
}

static str event_words(struct page_job *j, str kind)
{
	str name = arena_printf(j->arena, FMT_STR, ARG_STR(kind));
	char *at = (char *)(uintptr_t)name.p;

	for (size_t i = 0; i < name.n; i++)
		at[i] = at[i] == '.' ? '_' : at[i];
	return words(j, "events", name);
}

static void put_kinds(struct page_job *j, struct json_out *v)
{
	str chosen = page_param(j, S("kind"));

	json_key(v, S("groups"));
	json_open_array(v);
	for (size_t g = 0; g < COUNT(groups); g++) {
		str group = str_from(groups[g].group);

		json_open_object(v);
		put_str(v, "value", group);
		put_str(v, "name", words(j, "eventGroups", group));
		put_bool(v, "several", groups[g].kinds[1] != NULL);
		put_bool(v, "chosen", str_eq(chosen, group));
		json_key(v, S("kinds"));
		json_open_array(v);
		for (size_t k = 0; k < COUNT(groups[g].kinds) && groups[g].kinds[k] != NULL; k++) {
			str kind = arena_printf(j->arena, "%s.%s", groups[g].group, groups[g].kinds[k]);

			put_option(v, kind, event_words(j, kind), str_eq(chosen, kind));
		}
		json_close_array(v);
		json_close_object(v);
	}
	json_close_array(v);
}

/* What a field for a day can show: other forms of a time work in the address alone. */
static str day_shown(str time)
{
	return time.n >= 10 && str_has(time, '-') ? str_sub(time, 0, 10) : S("");
}

static void put_filter(struct page_job *j, struct json_out *v)
{
	str app = page_param(j, S("app")), grant = page_param(j, S("grant"));
	bool some = false;

	for (size_t i = 1; i < COUNT(filters); i++)
		some |= page_param(j, str_from(filters[i])).n > 0;
	put_bool(v, "filtered", some);
	put_str(v, "app_typed", app.p == NULL ? S("") : app);
	put_str(v, "grant_typed", grant.p == NULL ? S("") : grant);
	put_str(v, "since_typed", day_shown(page_param(j, S("since"))));
	put_str(v, "until_typed", day_shown(page_param(j, S("until"))));
	put_kinds(j, v);
}

/* The table ------------------------------------------------------------------------------------ */

static bool is_shown_elsewhere(str name)
{
	return str_eq(name, S("reason")) || str_eq(name, S("value")) || str_eq(name, S("required"));
}

static void put_facts(struct json_out *v, const struct json *detail)
{
	json_key(v, S("facts"));
	json_open_array(v);
	for (const struct json *m = detail == NULL ? NULL : detail->first; m != NULL; m = m->next) {
		if (m->kind != JSON_STRING || is_shown_elsewhere(m->name) || m->text.n == 0)
			continue;
		json_open_object(v);
		put_str(v, "fact", m->name);
		put_str(v, "is", str_sub(m->text, 0, VALUE_CHARACTERS_MAX));
		json_close_object(v);
	}
	json_close_array(v);
}

/* A person by name; who is no member of the organization has none here. */
static void put_who(struct page_job *j, struct json_out *v, const struct json *event)
{
	str name = json_str(json_get(event, S("accountName"))), email = json_str(json_get(event, S("accountEmail")));
	bool own = json_str(json_get(event, S("organization"))).n > 0;
	str from = json_str(json_get(event, S("address")));
	bool local = str_eq(from, S("local")), placed = from.n > 0 && !local;

	put_str(v, "who", name.n > 0 ? name : email.n > 0 ? email : STR_NONE);
	if (name.n == 0 && email.n == 0)
		put_str(v, "nobody", strings_named(j->language, placed ? S("audit.nobody") :
						   own || local ? S("audit.server") : S("audit.someone")));
	put_str(v, "email", name.n > 0 ? email : STR_NONE);
	put_str(v, "from", local ? STR_NONE : from);
}

static void put_event(struct page_job *j, struct json_out *v, const struct json *event, str organization)
{
	const struct json *detail = json_get(event, S("detail"));
	str kind = json_str(json_get(event, S("kind"))), at = json_str(json_get(event, S("at")));
	str app = json_str(json_get(event, S("app"))), grant = json_str(json_get(event, S("grant")));
	str name = json_str(json_get(event, S("appName"))), outcome = json_str(json_get(event, S("outcome")));
	str why = failure_words(j, kind, json_str(json_get(detail, S("reason"))));
	str value = json_str(json_get(detail, S("value"))), required = json_str(json_get(detail, S("required")));

	json_open_object(v);
	put_str(v, "at", at);
	put_str(v, "second", arena_printf(j->arena, FMT_STR " " FMT_STR, ARG_STR(str_sub(at, 0, 10)),
					  ARG_STR(str_sub(at, 11, 8))));
	put_str(v, "kind", kind);
	put_str(v, "text", event_words(j, kind));
	put_str(v, "why", why);
	put_str(v, "value", value.n > 0 ? value : required);
	put_facts(v, detail);
	put_who(j, v, event);
	put_str(v, "app_name", name.n > 0 ? name : app);
	put_str(v, "app_address", app.n > 0 ? narrowed(j, organization, "app", app) : STR_NONE);
	put_str(v, "grant_id", grant);
	put_str(v, "grant_address", grant.n > 0 ? narrowed(j, organization, "grant", grant) : STR_NONE);
	put_str(v, "project", json_str(json_get(event, S("project"))));
	put_str(v, "outcome_name", words(j, "outcomes", outcome));
	put_bool(v, "good", str_eq(outcome, S("done")));
	put_str(v, "request_id", json_str(json_get(event, S("requestId"))));
	json_close_object(v);
}

static void put_link(struct page_job *j, struct json_out *v, const char *name, str organization, str cursor)
{
	put_str(v, name, cursor.n == 0 ? STR_NONE :
		address(j, "/settings/audit", organization, carried(j, "cursor", cursor)));
}

static void put_events(struct page_job *j, struct json_out *v, const struct json *result, str organization)
{
	const struct json *all = json_get(result, S("events"));
	str to = json_str(json_get(result, S("searchedTo")));

	json_key(v, S("events"));
	json_open_array(v);
	for (const struct json *e = all == NULL ? NULL : all->first; e != NULL; e = e->next)
		put_event(j, v, e, organization);
	json_close_array(v);
	put_link(j, v, "older", organization, json_str(json_get(result, S("nextCursor"))));
	put_link(j, v, "newer", organization, json_str(json_get(result, S("newerCursor"))));
	put_str(v, "searched_to", to.n == 0 ? STR_NONE : minute_of(j, to));
}

void extend_audit(struct page_job *j, struct json_out *v)
{
	const struct json *result = answer(j, "result");
	str organization = json_str(json_get(json_get(result, S("organization")), S("slug")));

	if (organization.n == 0)
		organization = page_param(j, S("organization"));
	put_administered(j, v, organization);
	put_filter(j, v);
	put_bool(v, "problem", j->form_error != NULL);
	put_str(v, "problem_text", j->form_error == NULL ? S("") : str_from(j->form_error->say));
	put_str(v, "organization", organization);
	put_str(v, "unfiltered", narrowed(j, organization, "organization", STR_NONE));
	put_str(v, "export", address(j, "/settings/audit/export", organization, S("")));
	put_events(j, v, result, organization);
}
