/* SPDX-License-Identifier: MIT
 *
 * Translations, typed, over tRPC. Source: contract "platform-api" sections 7.3, 7.5, 7.7, 7.13 and 7.15. */
#include "client/client_int.h"

#define SYNC_WAIT_MS "5000"     /* how long the server may hold one question */

enum { INPUT_BYTES_MAX = 1024 * 1024, LIMIT_MAX = 200, NUMBER_MAX = 24 };

static void member(struct text *t, const char *name, const char *value)
{
	text_addz(t, t->n > 0 && t->p[t->n - 1] != '{' ? "," : "");
	text_json(t, name);
	text_add(t, S(":"));
	text_json(t, value);
}

/* {"orgSlug":…,"projectSlug":… of the project; without its brace. */
static bool input_begin(struct work *w, const char *owner, const char *organization, const char *project,
                        struct entry **entry, struct text *t)
{
	struct project_slugs slugs;

	if (!project_slugs(w, owner, organization, project, entry, &slugs))
		return false;
	text_init(t, &w->pool, INPUT_BYTES_MAX);
	text_add(t, S("{"));
	member(t, "orgSlug", slugs.organization);
	member(t, "projectSlug", slugs.project);
	return true;
}

static bool procedure(struct work *w, const char *owner, const char *organization, const char *name, struct text *t,
                      bool query, struct entry **entry, const struct jvalue **out)
{
	const char *input;
	str         data;

	text_add(t, S("}"));
	input = text_cstr(t);
	if (input == NULL)
		return t->too_big ? fault_set(w, BI18N_EINVAL, "too long a text") : fault_nomem(w);
	if (!trpc_send(w, owner, organization, name, input, query, &data, entry))
		return false;
	*out = json_read(&w->pool, data);
	if (*out != NULL)
		return true;
	return w->pool.failed ? fault_nomem(w) : fault_set(w, BI18N_EPROTOCOL, "an answer that is not JSON");
}

/* Reading ------------------------------------------------------------------------------------------ */

static void text_give(struct pool *p, const struct jvalue *v, const char *language, struct bi18n_text *out)
{
	const struct jvalue *translation = json_member(json_member(v, "tr"), language);

	out->key_id = pool_cstr(p, str_from(json_text_or(v, "id", "")));
	out->key = pool_cstr(p, str_from(json_text_or(v, "k", "")));
	out->name_space = pool_cstr(p, str_from(json_text_or(v, "ns", "default")));
	out->source = pool_cstr(p, str_from(json_text_or(v, "src", "")));
	out->text = pool_cstr(p, str_from(json_text_or(translation, "t", "")));
	out->status = pool_cstr(p, str_from(json_text_or(translation, "st", "")));
}

static bool texts_give(struct work *w, const struct jvalue *v, const char *language, struct bi18n_texts **out)
{
	const struct jvalue *keys = json_member(v, "keys"), *more = json_member(v, "has_more");
	struct bi18n_texts  *result;
	struct bi18n_text   *list;
	size_t               n = 0;

	if (keys == NULL || keys->kind != JARRAY)
		return fault_set(w, BI18N_EPROTOCOL, "an answer without keys");
	result = result_create(&w->client->alloc, sizeof(*result));
	if (result == NULL)
		return fault_nomem(w);
	list = pool_alloc(result_pool(result), (keys->count + 1) * sizeof(*list));
	for (const struct jvalue *one = keys->first; list != NULL && one != NULL; one = one->next)
		text_give(result_pool(result), one, language, &list[n++]);
	result->n = n;
	result->v = list;
	result->more = more != NULL && more->kind == JTRUE;
	if (result_pool(result)->failed) {
		bi18n_free(result);
		return fault_nomem(w);
	}
	*out = result;
	return true;
}

enum bi18n_code bi18n_texts(struct bi18n *client, const char *owner_id, const char *organization,
                            const char *project, const char *language, const char *search, int limit,
                            const struct bi18n_call *call, struct bi18n_texts **out, struct bi18n_error *error)
{
	char                 number[NUMBER_MAX];
	const struct jvalue *v;
	struct entry        *entry = NULL;
	struct text          t;
	struct work          w;

	work_begin(&w, client, call, error);
	if (language == NULL || limit < 1 || limit > LIMIT_MAX) {
		fault_put(&w, BI18N_EINVAL, "language: required; limit: 1 to %d", LIMIT_MAX);
		return work_end(&w);
	}
	if (!input_begin(&w, owner_id, organization, project, &entry, &t))
		return work_end_with(&w, entry);
	if (search != NULL)
		member(&t, "search", search);
	text_add(&t, S(",\"languages\":["));
	text_json(&t, language);
	snprintf(number, sizeof(number), "%d", limit);
	text_add(&t, S("],\"limit\":"));
	text_addz(&t, number);
	if (procedure(&w, owner_id, organization, "mcp.getAllTranslations", &t, true, &entry, &v))
		texts_give(&w, v, language, out);
	return work_end_with(&w, entry);
}

/* Writing ------------------------------------------------------------------------------------------ */

static bool key_found(struct work *w, const struct jvalue *v)
{
	int64_t wrote = 0;

	if (json_member(v, "errors") != NULL && json_number(v, "cnt", 0, INT64_MAX, &wrote) && wrote == 0)
		return fault_set(w, BI18N_ENOTFOUND, "key_id: there is no such key");
	return true;
}

enum bi18n_code bi18n_text_set(struct bi18n *client, const char *owner_id, const char *organization,
                               const char *project, const char *key_id, const char *language, const char *text,
                               const struct bi18n_call *call, struct bi18n_error *error)
{
	const struct jvalue *v;
	struct entry        *entry = NULL;
	struct text          t;
	struct work          w;

	work_begin(&w, client, call, error);
	if (key_id == NULL || language == NULL || text == NULL)
		fault_put(&w, BI18N_EINVAL, "key_id, language, text: required");
	else if (input_begin(&w, owner_id, organization, project, &entry, &t)) {
		text_add(&t, S(",\"t\":[{"));
		member(&t, "id", key_id);
		text_add(&t, S(",\"t\":{"));
		member(&t, language, text);
		text_add(&t, S("}}]"));
		if (procedure(&w, owner_id, organization, "mcp.setTranslations", &t, false, &entry, &v))
			(void)key_found(&w, v);
	}
	return work_end_with(&w, entry);
}

static bool key_id_give(struct work *w, const struct jvalue *v, char **out)
{
	const struct jvalue *keys = json_member(v, "k");
	const char          *id = json_text(keys == NULL ? NULL : keys->first, "id");
	char                *result;

	if (id == NULL)
		return fault_set(w, BI18N_EREFUSED, "no key was created: it exists already, or its text does");
	if (out == NULL)
		return true;
	result = result_create(&w->client->alloc, strlen(id) + 1);
	if (result == NULL)
		return fault_nomem(w);
	memcpy(result, id, strlen(id) + 1);
	*out = result;
	return true;
}

enum bi18n_code bi18n_key_create(struct bi18n *client, const char *owner_id, const char *organization,
                                 const char *project, const char *name_space, const char *key, const char *source,
                                 const struct bi18n_call *call, char **key_id_out, struct bi18n_error *error)
{
	const struct jvalue *v;
	struct entry        *entry = NULL;
	struct text          t;
	struct work          w;

	work_begin(&w, client, call, error);
	if (key == NULL || source == NULL)
		fault_put(&w, BI18N_EINVAL, "key, source: required");
	else if (input_begin(&w, owner_id, organization, project, &entry, &t)) {
		text_add(&t, S(",\"k\":[{"));
		member(&t, "n", key);
		member(&t, "v", source);
		if (name_space != NULL)
			member(&t, "ns", name_space);
		text_add(&t, S("}]"));
		if (procedure(&w, owner_id, organization, "mcp.createKeys", &t, false, &entry, &v))
			(void)key_id_give(&w, v, key_id_out);
	}
	return work_end_with(&w, entry);
}

/* Publishing --------------------------------------------------------------------------------------- */

/* Until the job ends, or the call's time does. */
static bool sync_wait(struct work *w, const char *owner, const char *organization, const char *id,
                      struct entry **entry)
{
	for (;;) {
		const struct jvalue *v;
		const char          *state;
		struct text          t;

		text_init(&t, &w->pool, INPUT_BYTES_MAX);
		text_add(&t, S("{"));
		member(&t, "syncId", id);
		text_add(&t, S(",\"waitMs\":"));
		text_add(&t, S(SYNC_WAIT_MS));
		if (!procedure(w, owner, organization, "mcp.getSync", &t, true, entry, &v))
			return false;
		state = json_text_or(v, "st", "");
		if (strcmp(state, "completed") == 0)
			return true;
		if (strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0)
			return fault_set(w, BI18N_EREFUSED, "publishing %s: %.128s", state, json_text_or(v, "err_msg", ""));
		if (!work_sleep(w, SECOND_MS / 10))
			return false;
	}
}

static bool syncs_wait(struct work *w, const char *owner, const char *organization, const struct jvalue *ids,
                       struct entry **entry)
{
	for (const struct jvalue *id = ids == NULL ? NULL : ids->first; id != NULL; id = id->next) {
		if (id->kind != JSTRING || !sync_wait(w, owner, organization, id->text.p, entry))
			return w->fault.code == BI18N_OK && fault_set(w, BI18N_EPROTOCOL, "a job without an id");
	}
	return true;
}

enum bi18n_code bi18n_publish(struct bi18n *client, const char *owner_id, const char *organization,
                              const char *project, bool wait, const struct bi18n_call *call, int64_t *published_out,
                              struct bi18n_error *error)
{
	const struct jvalue *v;
	struct entry        *entry = NULL;
	struct text          t;
	struct work          w;

	work_begin(&w, client, call, error);
	if (input_begin(&w, owner_id, organization, project, &entry, &t) &&
	    procedure(&w, owner_id, organization, "mcp.publishTranslations", &t, false, &entry, &v)) {
		int64_t published = 0;

		if (!json_number(v, "published", 0, INT64_MAX, &published))
			fault_put(&w, BI18N_EPROTOCOL, "an answer without a count");
		else if ((!wait || syncs_wait(&w, owner_id, organization, json_member(v, "syncJobIds"), &entry)) &&
		         published_out != NULL)
			*published_out = published;
	}
	return work_end_with(&w, entry);
}
