/* SPDX-License-Identifier: MIT */
#include "web/project.h"

#include "web/view.h"

#include <string.h>

/* Each is a select; its names are those of project.set, its words lie under projectSettings. */
static const struct { const char *name, *values[3]; } choices[] = {
	{ "drafts",           { "off", "on" } },
	{ "fill",             { "on", "off" } },
	{ "defaultNamespace", { "root", "wrapped" } },
	{ "missing",          { "server", "compat", "strict" } },
};

static str settings_path(struct page_job *j)
{
	return arena_printf(j->arena, "/projects/" FMT_STR "/" FMT_STR "/settings",
			    ARG_STR(page_query_encoded(j, page_param(j, S("orgSlug")))),
			    ARG_STR(page_query_encoded(j, page_param(j, S("projectSlug")))));
}

void put_project_settings_link(struct page_job *j, struct json_out *v)
{
	const struct json *all = json_get(answer(j, "user"), S("organizations"));
	bool administers = false;

	for (const struct json *o = all == NULL ? NULL : all->first; o != NULL; o = o->next) {
		str role = json_str(json_get(o, S("role")));

		administers |= str_eq_nocase(json_str(json_get(o, S("slug"))), page_param(j, S("orgSlug"))) &&
			       (str_eq(role, S("owner")) || str_eq(role, S("admin")));
	}
	put_bool(v, "administers", administers);
	put_str(v, "settings_path", settings_path(j));
}

/* A switch of the answer is a boolean. */
static str value_now(const struct json *options, const char *name)
{
	const struct json *value = json_get(options, str_from(name));

	if (value != NULL && (value->kind == JSON_TRUE || value->kind == JSON_FALSE))
		return json_is_true(value) ? S("on") : S("off");
	return json_str(value);
}

static str word(struct page_job *j, const char *name, const char *of)
{
	return words(j, "projectSettings", arena_printf(j->arena, "%s%s", name, of));
}

void extend_project_settings(struct page_job *j, struct json_out *v)
{
	const struct json *options = answer(j, "result");
	str path = settings_path(j);

	put_bool(v, "done", page_param(j, S("done")).n > 0);
	put_str(v, "action", path);
	put_str(v, "project_path", str_sub(path, 0, path.n - strlen("/settings")));
	json_key(v, S("choices"));
	json_open_array(v);
	for (size_t i = 0; i < COUNT(choices); i++) {
		const char *name = choices[i].name;
		str now = value_now(options, name);

		json_open_object(v);
		put_str(v, "name", str_from(name));
		put_str(v, "label", word(j, name, ""));
		put_str(v, "help", word(j, name, "Help"));
		json_key(v, S("values"));
		json_open_array(v);
		for (size_t k = 0; k < COUNT(choices[i].values) && choices[i].values[k] != NULL; k++) {
			const char *value = choices[i].values[k];

			json_open_object(v);
			put_str(v, "value", str_from(value));
			put_str(v, "text", word(j, name, arena_cstr(j->arena, arena_printf(j->arena, "_%s", value))));
			put_bool(v, "current", str_eq(now, str_from(value)));
			json_close_object(v);
		}
		json_close_array(v);
		json_close_object(v);
	}
	json_close_array(v);
}

void finish_project_settings(struct page_job *j, bool ok, const struct err *e)
{
	if (!ok)
		page_error(j, e);
	else
		page_redirect(j, arena_printf(j->arena, FMT_STR "?done=1", ARG_STR(settings_path(j))));
}
