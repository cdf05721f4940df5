/* SPDX-License-Identifier: MIT
 *
 * Partner REST, typed. Source: contract "platform-api" section 13. */
#include "client/client_int.h"

enum { PATH_MAX_BYTES = 1024, BODY_MAX_BYTES = 64 * 1024 };
#define PARTNER "/api/oauth-client"

bool rest_send(struct work *w, const char *owner, const char *organization, const struct bi18n_request *r,
               struct entry **entry, const struct jvalue **out)
{
	struct transport_answer answer;

	if (r->path == NULL)
		return fault_nomem(w);
	if (!call_send(w, owner, organization, r, &answer, entry))
		return false;
	*out = json_read(&w->pool, answer.body);
	if (*out != NULL)
		return true;
	return w->pool.failed ? fault_nomem(w) : fault_set(w, BI18N_EPROTOCOL, "an answer that is not JSON");
}

static const char *path_of(struct work *w, const char *before, const char *id, const char *after)
{
	struct text t;

	text_init(&t, &w->pool, PATH_MAX_BYTES);
	text_addz(&t, before);
	text_percent(&t, id);
	text_addz(&t, after);
	return text_cstr(&t);
}

static const char *text_give(struct pool *p, const struct jvalue *v, const char *name)
{
	return pool_cstr(p, str_from(json_text_or(v, name, "")));
}

static const char *const *texts_give(struct pool *p, const struct jvalue *array, size_t *n_out)
{
	size_t       n = array == NULL || array->kind != JARRAY ? 0 : array->count, i = 0;
	const char **v = pool_alloc(p, (n + 1) * sizeof(*v));

	for (const struct jvalue *one = n == 0 ? NULL : array->first; v != NULL && one != NULL; one = one->next) {
		if (one->kind == JSTRING)
			v[i++] = pool_cstr(p, one->text);
	}
	*n_out = i;
	return v;
}

static bool give(struct work *w, void *result)
{
	if (!result_pool(result)->failed)
		return true;
	bi18n_free(result);
	return fault_nomem(w);
}

/* Organizations ------------------------------------------------------------------------------------ */

static bool organizations_give(struct work *w, const struct jvalue *v, struct bi18n_organizations **out)
{
	const struct jvalue        *list = json_member(v, "organizations");
	struct bi18n_organizations *result;
	struct bi18n_organization  *o;
	size_t                      n = 0;

	if (list == NULL || list->kind != JARRAY)
		return fault_set(w, BI18N_EPROTOCOL, "an answer without organizations");
	result = result_create(&w->client->alloc, sizeof(*result));
	if (result == NULL)
		return fault_nomem(w);
	o = pool_alloc(result_pool(result), (list->count + 1) * sizeof(*o));
	for (const struct jvalue *one = list->first; o != NULL && one != NULL; one = one->next, n++) {
		o[n].id = text_give(result_pool(result), one, "id");
		o[n].slug = text_give(result_pool(result), one, "slug");
		o[n].name = text_give(result_pool(result), one, "name");
	}
	result->v = o;
	result->n = n;
	if (!give(w, result))
		return false;
	*out = result;
	return true;
}

enum bi18n_code bi18n_organizations(struct bi18n *client, const char *owner_id, const char *organization,
                                    const struct bi18n_call *call, struct bi18n_organizations **out,
                                    struct bi18n_error *error)
{
	struct bi18n_request request = { .method = "GET", .path = PARTNER "/organizations" };
	const struct jvalue *v;
	struct entry        *entry = NULL;
	struct work          w;

	work_begin(&w, client, call, error);
	if (rest_send(&w, owner_id, organization, &request, &entry, &v))
		organizations_give(&w, v, out);
	return work_end_with(&w, entry);
}

/* Projects ----------------------------------------------------------------------------------------- */

static void project_give(struct pool *p, const struct jvalue *v, struct bi18n_project *out)
{
	out->id = text_give(p, v, "id");
	out->slug = text_give(p, v, "slug");
	out->name = text_give(p, v, "name");
	out->source_language = text_give(p, v, "sourceLanguage");
	out->target_languages = texts_give(p, json_member(v, "targetLanguages"), &out->target_languages_n);
	out->cdn_base_url = text_give(p, json_member(v, "cdn"), "baseUrl");
	if (!json_number(v, "keyCount", 0, INT64_MAX, &out->key_count))
		out->key_count = 0;
}

/* n of them, from `first` on. */
static bool projects_give(struct work *w, const struct jvalue *first, size_t n, struct bi18n_projects **out)
{
	size_t                 i = 0;
	struct bi18n_projects *result;
	struct bi18n_project  *v;

	result = result_create(&w->client->alloc, sizeof(*result));
	if (result == NULL)
		return fault_nomem(w);
	v = pool_alloc(result_pool(result), (n + 1) * sizeof(*v));
	for (const struct jvalue *one = first; v != NULL && i < n; one = one->next)
		project_give(result_pool(result), one, &v[i++]);
	result->v = v;
	result->n = i;
	if (!give(w, result))
		return false;
	*out = result;
	return true;
}

static bool project_one_give(struct work *w, const struct jvalue *v, struct bi18n_projects **out)
{
	if (json_text(v, "id") == NULL)
		return fault_set(w, BI18N_EPROTOCOL, "an answer without a project");
	return projects_give(w, v, 1, out);
}

enum bi18n_code bi18n_projects(struct bi18n *client, const char *owner_id, const char *organization,
                               const struct bi18n_call *call, struct bi18n_projects **out,
                               struct bi18n_error *error)
{
	const struct jvalue *list;
	struct entry        *entry = NULL;
	struct work          w;

	work_begin(&w, client, call, error);
	if (projects_list(&w, owner_id, organization, &entry, &list))
		projects_give(&w, list->first, list->count, out);
	return work_end_with(&w, entry);
}

enum bi18n_code bi18n_project_get(struct bi18n *client, const char *owner_id, const char *organization,
                                  const char *project, const struct bi18n_call *call,
                                  struct bi18n_projects **out, struct bi18n_error *error)
{
	struct bi18n_request request = { .method = "GET" };
	const struct jvalue *v;
	const char          *id;
	struct entry        *entry = NULL;
	struct work          w;

	work_begin(&w, client, call, error);
	if (project_id(&w, owner_id, organization, project, &entry, &id)) {
		request.path = path_of(&w, PARTNER "/v1/projects/", id, "");
		if (rest_send(&w, owner_id, organization, &request, &entry, &v))
			project_one_give(&w, v, out);
	}
	return work_end_with(&w, entry);
}

static void member(struct text *t, const char *name, const char *value)
{
	text_addz(t, t->n > 1 ? "," : "");
	text_json(t, name);
	text_add(t, S(":"));
	text_json(t, value);
}

static bool body_end(struct work *w, struct text *t, struct bi18n_request *request)
{
	text_add(t, S("}"));
	request->body = text_cstr(t);
	request->body_n = t->n;
	if (request->body != NULL)
		return true;
	return t->too_big ? fault_set(w, BI18N_EINVAL, "too long a text") : fault_nomem(w);
}

enum bi18n_code bi18n_project_create(struct bi18n *client, const char *owner_id, const char *organization,
                                     const char *slug, const char *name, const char *source_language,
                                     const struct bi18n_call *call, struct bi18n_projects **out,
                                     struct bi18n_error *error)
{
	struct bi18n_request request = { .method = "POST", .path = PARTNER "/v1/projects" };
	const struct jvalue *v;
	struct entry        *entry = NULL;
	struct text          body;
	struct work          w;

	work_begin(&w, client, call, error);
	if (slug == NULL || name == NULL || source_language == NULL) {
		fault_put(&w, BI18N_EINVAL, "slug, name, source_language: required");
		return work_end(&w);
	}
	text_init(&body, &w.pool, BODY_MAX_BYTES);
	text_add(&body, S("{"));
	member(&body, "name", name);
	member(&body, "slug", slug);
	member(&body, "sourceLanguage", source_language);
	if (body_end(&w, &body, &request) && rest_send(&w, owner_id, organization, &request, &entry, &v))
		project_one_give(&w, v, out);
	return work_end_with(&w, entry);
}

enum bi18n_code bi18n_language_add(struct bi18n *client, const char *owner_id, const char *organization,
                                   const char *project, const char *language, const struct bi18n_call *call,
                                   bool *added_out, struct bi18n_error *error)
{
	struct bi18n_request request = { .method = "POST", .idempotent = true };
	const struct jvalue *v, *added;
	const char          *id;
	struct entry        *entry = NULL;
	struct text          body;
	struct work          w;

	work_begin(&w, client, call, error);
	if (language == NULL) {
		fault_put(&w, BI18N_EINVAL, "language: required");
		return work_end(&w);
	}
	if (!project_id(&w, owner_id, organization, project, &entry, &id))
		return work_end_with(&w, entry);
	request.path = path_of(&w, PARTNER "/v1/projects/", id, "/languages");
	text_init(&body, &w.pool, BODY_MAX_BYTES);
	text_add(&body, S("{"));
	member(&body, "code", language);
	if (body_end(&w, &body, &request) && rest_send(&w, owner_id, organization, &request, &entry, &v)) {
		added = json_member(v, "added");
		if (added_out != NULL)
			*added_out = added != NULL && added->kind == JTRUE;
	}
	return work_end_with(&w, entry);
}

enum bi18n_code bi18n_me(struct bi18n *client, const char *owner_id, const char *organization,
                         const struct bi18n_call *call, struct bi18n_answer **out, struct bi18n_error *error)
{
	struct bi18n_request request = { .method = "GET", .path = PARTNER "/me" };

	return bi18n_request(client, owner_id, organization, &request, call, out, error);
}
