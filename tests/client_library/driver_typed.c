/* SPDX-License-Identifier: MIT
 *
 * The typed calls: organizations, projects, texts. */
#include "driver.h"

#define WHO(d, in) (d)->client, text_of(d, in, "owner"), text_of(d, in, "organization")

static void list_put(struct json_out *o, const char *name, const char *const *v, size_t n)
{
	json_key(o, str_from(name));
	json_open_array(o);
	for (size_t i = 0; i < n; i++)
		json_put_str(o, str_from(v[i]));
	json_close_array(o);
}

static enum bi18n_code projects_put(enum bi18n_code code, struct bi18n_projects *list, struct json_out *o)
{
	if (code != BI18N_OK)
		return code;
	json_open_array(o);
	for (size_t i = 0; i < list->n; i++) {
		const struct bi18n_project *p = &list->v[i];

		json_open_object(o);
		put_text(o, "id", p->id);
		put_text(o, "slug", p->slug);
		put_text(o, "name", p->name);
		put_text(o, "sourceLanguage", p->source_language);
		list_put(o, "targetLanguages", p->target_languages, p->target_languages_n);
		put_number(o, "keyCount", p->key_count);
		put_text(o, "cdnBaseUrl", p->cdn_base_url);
		json_close_object(o);
	}
	json_close_array(o);
	bi18n_free(list);
	return BI18N_OK;
}

static enum bi18n_code do_organizations(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_organizations *list = NULL;
	enum bi18n_code             code = bi18n_organizations(WHO(d, in), NULL, &list, &d->error);

	if (code != BI18N_OK)
		return code;
	json_open_array(o);
	for (size_t i = 0; i < list->n; i++)
		json_put_str(o, str_from(list->v[i].slug));
	json_close_array(o);
	bi18n_free(list);
	return BI18N_OK;
}

static enum bi18n_code do_projects(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_projects *list = NULL;
	enum bi18n_code        code = bi18n_projects(WHO(d, in), NULL, &list, &d->error);

	return projects_put(code, list, o);
}

static enum bi18n_code do_project(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_projects *list = NULL;
	enum bi18n_code code = bi18n_project_get(WHO(d, in), text_of(d, in, "project"), NULL, &list, &d->error);

	return projects_put(code, list, o);
}

static enum bi18n_code do_project_create(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_projects *list = NULL;
	enum bi18n_code code = bi18n_project_create(WHO(d, in), text_of(d, in, "slug"), text_of(d, in, "name"),
	                                            text_of(d, in, "language"), NULL, &list, &d->error);

	return projects_put(code, list, o);
}

static enum bi18n_code do_language(struct driver *d, const struct json *in, struct json_out *o)
{
	bool            added = false;
	enum bi18n_code code = bi18n_language_add(WHO(d, in), text_of(d, in, "project"), text_of(d, in, "language"), NULL,
	                                          &added, &d->error);

	if (code == BI18N_OK)
		json_put_bool(o, added);
	return code;
}

static enum bi18n_code do_texts(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_texts *list = NULL;
	enum bi18n_code     code = bi18n_texts(WHO(d, in), text_of(d, in, "project"), text_of(d, in, "language"),
	                                       text_of(d, in, "search"), (int)number_of(in, "limit", 50), NULL, &list,
	                                       &d->error);

	if (code != BI18N_OK)
		return code;
	json_open_array(o);
	for (size_t i = 0; i < list->n; i++) {
		json_open_object(o);
		put_text(o, "id", list->v[i].key_id);
		put_text(o, "key", list->v[i].key);
		put_text(o, "source", list->v[i].source);
		put_text(o, "text", list->v[i].text);
		json_close_object(o);
	}
	json_close_array(o);
	bi18n_free(list);
	return BI18N_OK;
}

static enum bi18n_code do_text_set(struct driver *d, const struct json *in, struct json_out *o)
{
	(void)o;
	return bi18n_text_set(WHO(d, in), text_of(d, in, "project"), text_of(d, in, "id"), text_of(d, in, "language"),
	                      text_of(d, in, "text"), NULL, &d->error);
}

static enum bi18n_code do_key_create(struct driver *d, const struct json *in, struct json_out *o)
{
	char           *id = NULL;
	enum bi18n_code code = bi18n_key_create(WHO(d, in), text_of(d, in, "project"), text_of(d, in, "namespace"),
	                                        text_of(d, in, "key"), text_of(d, in, "source"), NULL, &id, &d->error);

	if (code == BI18N_OK)
		json_put_str(o, str_from(id));
	bi18n_free(id);
	return code;
}

static enum bi18n_code do_publish(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_call call = { .timeout_ms = number_of(in, "timeoutMs", 0) };
	int64_t           published = 0;
	enum bi18n_code   code = bi18n_publish(WHO(d, in), text_of(d, in, "project"), flag_of(in, "wait"), &call,
	                                       &published, &d->error);

	if (code == BI18N_OK)
		json_put_i64(o, published);
	return code;
}

static const struct driver_command typed[] = {
	{ STR("organizations"), true, do_organizations },
	{ STR("projects"), true, do_projects },
	{ STR("project"), true, do_project },
	{ STR("projectCreate"), true, do_project_create },
	{ STR("language"), true, do_language },
	{ STR("texts"), true, do_texts },
	{ STR("textSet"), true, do_text_set },
	{ STR("keyCreate"), true, do_key_create },
	{ STR("publish"), true, do_publish },
};

const struct driver_command *typed_find(str name)
{
	for (size_t i = 0; i < COUNT(typed); i++) {
		if (str_eq(typed[i].name, name))
			return &typed[i];
	}
	return NULL;
}
