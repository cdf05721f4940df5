/* SPDX-License-Identifier: MIT
 *
 * Scope names. Source: contract "platform-api" section 4.3; OpenID's names may stand beside them. */
#include "client/client_int.h"

static const struct {
	str  name;
	bool destructive;
} known[] = {
	{ STR("org:read"), false },           { STR("projects:read"), false },
	{ STR("projects:write"), true },      { STR("keys:read"), false },
	{ STR("keys:write"), false },         { STR("translations:read"), false },
	{ STR("translations:write"), false }, { STR("translations:publish"), true },
	{ STR("content:read"), false },       { STR("content:write"), false },
	{ STR("content:publish"), true },     { STR("glossary:read"), false },
	{ STR("glossary:write"), true },      { STR("openid"), false },
	{ STR("profile"), false },            { STR("email"), false },
	{ STR("offline_access"), false },
};

static ptrdiff_t known_index(str name)
{
	for (size_t i = 0; i < COUNT(known); i++) {
		if (str_eq(known[i].name, name))
			return (ptrdiff_t)i;
	}
	return -1;
}

bool scope_in(const char *scopes, str name)
{
	str rest = str_from(scopes), part;

	while (str_cut(&rest, ' ', &part)) {
		if (str_eq(part, name))
			return true;
	}
	return false;
}

static void list_add(struct text *t, str name)
{
	if (t->n > 0)
		text_add(t, S(" "));
	text_add(t, name);
}

/* Adds those of `from` that pass: not in t yet, and not in `without`. */
static void list_add_all(struct text *t, const char *from, const char *without)
{
	str rest = str_from(from), part;

	while (str_cut(&rest, ' ', &part)) {
		const char *so_far = text_cstr(t);

		if (part.n > 0 && so_far != NULL && !scope_in(so_far, part) && !scope_in(without, part))
			list_add(t, part);
	}
}

char *scopes_clean(struct pool *p, const char *scopes, const char **unknown_out)
{
	struct text t;
	str         rest = str_from(scopes), part;

	*unknown_out = NULL;
	while (str_cut(&rest, ' ', &part)) {
		if (part.n > 0 && known_index(part) < 0) {
			*unknown_out = pool_printf(p, "%.*s", (int)(part.n < BI18N_SCOPE_MAX ? part.n : 60), part.p);
			return NULL;
		}
	}
	text_init(&t, p, BI18N_SCOPES_MAX - 1);
	list_add_all(&t, scopes, "");
	return text_cstr(&t);
}

char *scopes_union(struct pool *p, const char *a, const char *b)
{
	struct text t;

	text_init(&t, p, BI18N_SCOPES_MAX - 1);
	list_add_all(&t, a, "");
	list_add_all(&t, b, "");
	return text_cstr(&t);
}

char *scopes_minus(struct pool *p, const char *a, const char *b)
{
	struct text t;

	text_init(&t, p, BI18N_SCOPES_MAX - 1);
	list_add_all(&t, a, b);
	return text_cstr(&t);
}

void scopes_destructive(const char *scopes, char out[BI18N_SCOPES_MAX])
{
	str    rest = str_from(scopes), part;
	size_t n = 0;

	out[0] = '\0';
	while (str_cut(&rest, ' ', &part)) {
		ptrdiff_t i = known_index(part);

		if (i >= 0 && known[i].destructive && !scope_in(out, part) && n + part.n + 2 < BI18N_SCOPES_MAX)
			n += (size_t)snprintf(out + n, BI18N_SCOPES_MAX - n, "%s" FMT_STR, n > 0 ? " " : "",
			                      ARG_STR(part));
	}
}

enum { LIST_BYTES_MAX = 64 * 1024 };

char *list_from_json(struct pool *p, const struct jvalue *array)
{
	struct text t;

	if (array == NULL || array->kind != JARRAY)
		return NULL;
	text_init(&t, p, LIST_BYTES_MAX);
	for (const struct jvalue *v = array->first; v != NULL; v = v->next) {
		if (v->kind != JSTRING || !id_is_sane(v->text.p))
			return NULL;
		list_add(&t, v->text);
	}
	return text_cstr(&t);
}

char *list_from_json_text(struct pool *p, const char *json)
{
	return list_from_json(p, json_read(p, str_from(json)));
}

char *list_to_json(struct pool *p, const char *list)
{
	struct text t;
	str         rest = str_from(list), part;
	bool        first = true;

	text_init(&t, p, 2 * LIST_BYTES_MAX);
	text_add(&t, S("["));
	while (str_cut(&rest, ' ', &part)) {
		char *name;

		if (part.n == 0)
			continue;
		if (!first)
			text_add(&t, S(","));
		first = false;
		name = pool_cstr(p, part);
		if (name == NULL)
			return NULL;
		text_json(&t, name);
	}
	text_add(&t, S("]"));
	return text_cstr(&t);
}
