/* SPDX-License-Identifier: MIT */
#include "model/model.h"

#include "base/buf.h"

enum { PROJECT_IDS_TEXT_MAX = 1024 * 1024 };

static const str roles[] = {
	[ROLE_NONE] = STR("none"), [ROLE_MEMBER] = STR("member"), [ROLE_ADMIN] = STR("admin"),
	[ROLE_OWNER] = STR("owner"),
};
static const str app_kinds[] = {
	[APP_WEB] = STR("web"), [APP_NATIVE] = STR("native"), [APP_SPA] = STR("spa"),
};
static const str refresh_policies[] = {
	[REFRESH_STABLE] = STR("stable"), [REFRESH_ROTATING] = STR("rotating"), [REFRESH_LAGGING] = STR("lagging"),
};
static const str project_modes[] = {
	[PROJECTS_ALL] = STR("all"), [PROJECTS_SELECTED] = STR("selected"), [PROJECTS_NONE] = STR("none"),
};

/* -1: not in the table. */
static int find_name(const str *names, size_t n, str name)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(names[i], name))
			return (int)i;
	}
	return -1;
}

static str name_at(const str *names, size_t n, size_t i)
{
	return i < n ? names[i] : STR_NONE;
}

enum role role_by_name(str name)
{
	int i = find_name(roles, COUNT(roles), name);

	return i < 0 ? ROLE_NONE : (enum role)i;
}

str role_name(enum role r)
{
	return name_at(roles, COUNT(roles), r);
}

bool app_kind_by_name(str name, enum app_kind *out)
{
	int i = find_name(app_kinds, COUNT(app_kinds), name);

	if (i >= 0)
		*out = (enum app_kind)i;
	return i >= 0;
}

str app_kind_name(enum app_kind k)
{
	return name_at(app_kinds, COUNT(app_kinds), k);
}

bool refresh_policy_by_name(str name, enum refresh_policy *out)
{
	int i = find_name(refresh_policies, COUNT(refresh_policies), name);

	if (i >= 0)
		*out = (enum refresh_policy)i;
	return i >= 0;
}

str refresh_policy_name(enum refresh_policy p)
{
	return name_at(refresh_policies, COUNT(refresh_policies), p);
}

bool project_set_has(const struct project_set *set, int64_t project_id)
{
	if (set->mode == PROJECTS_ALL)
		return true;
	for (size_t i = 0; set->mode == PROJECTS_SELECTED && i < set->n; i++) {
		if (set->ids[i] == project_id)
			return true;
	}
	return false;
}

str project_mode_name(enum project_mode m)
{
	return name_at(project_modes, COUNT(project_modes), m);
}

enum project_mode project_mode_by_name(str name)
{
	int i = find_name(project_modes, COUNT(project_modes), name);

	return i < 0 ? PROJECTS_NONE : (enum project_mode)i;
}

str project_access_name(enum project_mode m)
{
	return m == PROJECTS_ALL ? S("all") : S("selected");
}

str project_ids_text(struct arena *a, const struct project_set *set)
{
	struct buf b;

	buf_init_arena(&b, a, PROJECT_IDS_TEXT_MAX);
	for (size_t i = 0; set->mode == PROJECTS_SELECTED && i < set->n; i++) {
		if (i > 0)
			buf_char(&b, ' ');
		buf_i64(&b, set->ids[i]);
	}
	return b.n == 0 ? S("") : buf_view(&b);
}

static size_t count_words(str text)
{
	size_t n = 0;
	str word;

	while (str_cut(&text, ' ', &word))
		n += word.n > 0;
	return n;
}

struct project_set project_set_parse(struct arena *a, str mode, str ids_text)
{
	struct project_set set = { .mode = project_mode_by_name(mode) };
	int64_t *ids;
	str word;

	if (set.mode != PROJECTS_SELECTED)
		return set;
	ids = arena_array(a, int64_t, count_words(ids_text) + 1);
	while (str_cut(&ids_text, ' ', &word)) {
		/* A word that is no id is left out: less access, never more. */
		if (word.n > 0 && str_i64(word, 1, INT64_MAX, &ids[set.n]))
			set.n++;
	}
	set.ids = ids;
	if (set.n == 0)
		set.mode = PROJECTS_NONE;
	return set;
}

bool project_is_namespaced(const struct project *p)
{
	return str_eq(p->file_structure, S("namespaced_folders"));
}

bool project_is_flat(const struct project *p)
{
	return str_eq(p->key_format, S("flat"));
}
