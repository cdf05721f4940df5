/* SPDX-License-Identifier: MIT
 *
 * A project by any of its names: its slug within the connection's organization, "org/slug", or its id. REST knows
 * ids, tRPC knows slugs; where they differ the list of projects is asked. Source: contract "platform-api" sections
 * 7.1 and 13. */
#include "client/client_int.h"

enum { UUID_CHARS = 36, LIST_PATH_MAX = 512 };

/* Cuts "org/slug". *organization absent: only a slug. false: neither. */
static bool name_cut(const char *project, str *organization, str *slug)
{
	str rest, first;

	if (project == NULL || !id_is_sane(project))
		return false;
	rest = str_from(project);
	(void)str_cut(&rest, '/', &first);
	*organization = rest.p == NULL ? STR_NONE : first;
	*slug = rest.p == NULL ? first : rest;
	return slug->n > 0 && !str_has(*slug, '/') && (organization->p == NULL || organization->n > 0);
}

static bool name_is_id(const char *project)
{
	size_t n = 0;

	for (; project[n] != '\0' && n < UUID_CHARS; n++) {
		bool dash = n == 8 || n == 13 || n == 18 || n == 23;
		char c = project[n];

		if (dash ? c != '-' : !((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f')))
			return false;
	}
	return n == UUID_CHARS && project[n] == '\0';
}

bool projects_list(struct work *w, const char *owner, const char *organization, struct entry **entry,
                   const struct jvalue **out)
{
	struct bi18n_request request = { .method = "GET" };
	const struct jvalue *list;
	struct text          path;

	if (!entry_find(w, owner, organization, entry))
		return false;
	text_init(&path, &w->pool, LIST_PATH_MAX);
	text_addz(&path, "/api/oauth-client/organizations/");
	text_percent(&path, (*entry)->organization);
	text_addz(&path, "/projects");
	request.path = text_cstr(&path);
	if (!rest_send(w, owner, (*entry)->organization, &request, entry, out))
		return false;
	list = json_member(*out, "projects");
	*out = list;
	return (list != NULL && list->kind == JARRAY) || fault_set(w, BI18N_EPROTOCOL, "an answer without projects");
}

/* The list's "org/slug", or "slug" alone. */
static bool slug_fits(const struct jvalue *one, str organization, str slug)
{
	str listed = str_from(json_text_or(one, "slug", "")), before = STR_NONE, rest = listed;

	if (str_has(listed, '/'))
		(void)str_cut(&rest, '/', &before);
	return str_eq_nocase(rest, slug) &&
	       (organization.p == NULL || before.p == NULL || str_eq_nocase(before, organization));
}

/* An id wins over a slug that looks like one. */
static bool project_listed(struct work *w, const char *owner, const char *organization, const char *project,
                           struct entry **entry, const struct jvalue **out)
{
	const struct jvalue *list, *found = NULL;
	str                  part, slug;

	if (!name_cut(project, &part, &slug))
		return fault_set(w, BI18N_EINVAL, "project: its slug, \"org/slug\" or its id");
	if (!projects_list(w, owner, organization, entry, &list))
		return false;
	for (const struct jvalue *one = list->first; one != NULL; one = one->next) {
		if (str_eq_nocase(str_from(json_text_or(one, "id", "")), str_from(project))) {
			found = one;
			break;
		}
		if (found == NULL && slug_fits(one, part, slug))
			found = one;
	}
	*out = found;
	return found != NULL || fault_set(w, BI18N_ENOTFOUND, "project: there is no \"%s\" here", project);
}

bool project_slugs(struct work *w, const char *owner, const char *organization, const char *project,
                   struct entry **entry, struct project_slugs *out)
{
	const struct jvalue *listed;
	struct grant         g;
	str                  part, slug;

	if (!name_cut(project, &part, &slug))
		return fault_set(w, BI18N_EINVAL, "project: its slug, \"org/slug\" or its id");
	if (!grant_find(w, owner, organization, false, &g))
		return false;
	if (name_is_id(project) || (part.p == NULL && g.slug[0] == '\0')) {
		if (!project_listed(w, owner, organization, project, entry, &listed) ||
		    !name_cut(json_text_or(listed, "slug", ""), &part, &slug))
			return w->fault.code == BI18N_OK
			       ? fault_set(w, BI18N_EPROTOCOL, "a project without a slug") : false;
	}
	out->organization = part.p != NULL ? pool_cstr(&w->pool, part) : g.slug[0] == '\0' ? g.organization : g.slug;
	out->project = pool_cstr(&w->pool, slug);
	return !w->pool.failed || fault_nomem(w);
}

bool project_id(struct work *w, const char *owner, const char *organization, const char *project,
                struct entry **entry, const char **out)
{
	const struct jvalue *listed;

	if (project != NULL && name_is_id(project)) {
		*out = project;
		return true;
	}
	if (!project_listed(w, owner, organization, project, entry, &listed))
		return false;
	*out = json_text_or(listed, "id", "");
	return id_is_sane(*out) || fault_set(w, BI18N_EPROTOCOL, "a project without an id");
}
