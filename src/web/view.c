/* SPDX-License-Identifier: MIT */
#include "web/view.h"

void put_param(struct page_job *j, struct json_out *v, const char *name)
{
	str value = page_param(j, str_from(name));

	json_key(v, str_from(name));
	json_put_str(v, value.p == NULL ? S("") : value);
}

const struct json *answer(const struct page_job *j, const char *key)
{
	for (int i = 0; i < j->step; i++) {
		if (str_eq(str_from(j->page->steps[i].key), str_from(key)))
			return j->answers[i];
	}
	return NULL;
}

void put_str(struct json_out *v, const char *name, str value)
{
	json_key(v, str_from(name));
	json_put_str(v, value);
}

void put_bool(struct json_out *v, const char *name, bool value)
{
	json_key(v, str_from(name));
	json_put_bool(v, value);
}

str words(struct page_job *j, const char *group, str name)
{
	str key = arena_printf(j->arena, "%s." FMT_STR, group, ARG_STR(name));
	char *at = (char *)(uintptr_t)key.p;

	for (size_t i = 0; i < key.n; i++)
		at[i] = at[i] == ':' ? '_' : at[i];
	return strings_named(j->language, key);
}

str carried(struct page_job *j, const char *name, str value)
{
	return value.n == 0 ? S("") : arena_printf(j->arena, "&%s=" FMT_STR, name, ARG_STR(page_query_encoded(j, value)));
}

void put_day(struct json_out *v, const struct json *object, const char *from, const char *to)
{
	put_str(v, to, str_sub(json_str(json_get(object, str_from(from))), 0, 10));
}

str minute_of(struct page_job *j, str at)
{
	return arena_printf(j->arena, FMT_STR " " FMT_STR " UTC", ARG_STR(str_sub(at, 0, 10)), ARG_STR(str_sub(at, 11, 5)));
}

void put_administered(struct page_job *j, struct json_out *v, str chosen)
{
	const struct json *all = json_get(answer(j, "user"), S("organizations"));

	json_key(v, S("organizations"));
	json_open_array(v);
	for (const struct json *o = all == NULL ? NULL : all->first; o != NULL; o = o->next) {
		str role = json_str(json_get(o, S("role"))), slug = json_str(json_get(o, S("slug")));

		if (!str_eq(role, S("owner")) && !str_eq(role, S("admin")))
			continue;
		json_open_object(v);
		put_str(v, "slug", slug);
		put_str(v, "name", json_str(json_get(o, S("name"))));
		put_bool(v, "chosen", str_eq(slug, chosen));
		json_close_object(v);
	}
	json_close_array(v);
}

void put_permissions(struct page_job *j, struct json_out *v, const struct json *scopes)
{
	json_key(v, S("permissions"));
	json_open_array(v);
	for (const struct json *s = scopes == NULL ? NULL : scopes->first; s != NULL; s = s->next) {
		json_open_object(v);
		put_str(v, "name", json_str(s));
		put_str(v, "text", words(j, "scopes", json_str(s)));
		json_close_object(v);
	}
	json_close_array(v);
}
