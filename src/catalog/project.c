/* SPDX-License-Identifier: MIT */
#include "catalog/project.h"

#include "access/audit.h"
#include "access/id.h"
#include "access/principal.h"
#include "base/text.h"
#include "catalog/clip.h"
#include "catalog/language.h"
#include "store/account.h"
#include "store/catalog.h"
#include "store/text.h"

enum { PROJECT_NAME_CHARS_MAX = 200, PROJECT_LANGUAGES_MAX = 500, SLUG_BYTES_MAX = 63 };

const struct field project_fields[] = {
	FIELD(struct project_view, id, "id"),
	FIELD(struct project_view, slug, "slug"),
	FIELD(struct project_view, name, "name"),
	FIELD(struct project_view, source_language, "sourceLanguage"),
	FIELD(struct project_view, target_languages, "targetLanguages"),
	FIELD(struct project_view, file_structure, "fileStructure"),
	FIELD(struct project_view, key_format, "keyFormat"),
	FIELD_END
};
const struct field project_add_in_fields[] = {
	FIELD(struct project_add_in, project, "project", .flags = FIELD_REQUIRED),
	FIELD(struct project_add_in, name, "name", .max = PROJECT_NAME_CHARS_MAX),
	FIELD(struct project_add_in, source, "source", .flags = FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD(struct project_add_in, languages, "languages", .max = PROJECT_LANGUAGES_MAX),
	FIELD(struct project_add_in, namespaced, "namespaced"),
	FIELD(struct project_add_in, flat, "flat"),
	FIELD_END
};
const struct field project_show_in_fields[] = {
	FIELD(struct project_show_in, project, "project", .flags = FIELD_REQUIRED),
	FIELD_END
};
const struct field project_list_in_fields[] = {
	FIELD(struct project_list_in, organization, "organization"),
	FIELD_END
};
const struct field project_list_out_fields[] = {
	FIELD_OF_LIST(struct project_list_out, projects, "projects", struct project_view,
	              project_fields),
	FIELD_END
};
const struct field project_org_in_fields[] = {
	FIELD(struct project_org_in, organization, "organization", .flags = FIELD_REQUIRED),
	FIELD_END
};
const struct field project_create_in_fields[] = {
	FIELD(struct project_create_in, name, "name", .flags = FIELD_REQUIRED, .min = 1,
	      .max = PROJECT_NAME_CHARS_MAX),
	FIELD(struct project_create_in, slug, "slug", .flags = FIELD_REQUIRED),
	FIELD(struct project_create_in, source_language, "sourceLanguage", .flags = FIELD_REQUIRED),
	FIELD_END
};
const struct field project_get_in_fields[] = {
	FIELD(struct project_get_in, project_id, "projectId", .flags = FIELD_REQUIRED),
	FIELD_END
};
static const struct field project_language_fields[] = {
	FIELD(struct project_language_view, code, "code"),
	FIELD(struct project_language_view, status, "status"),
	FIELD(struct project_language_view, coverage, "coverage"),
	FIELD_END
};
static const struct field project_cdn_fields[] = {
	FIELD(struct project_cdn_view, base_url, "baseUrl"),
	FIELD(struct project_cdn_view, manifest_url, "manifestUrl"),
	FIELD(struct project_cdn_view, pattern, "pattern"),
	FIELD_END
};
const struct field project_detail_fields[] = {
	FIELD(struct project_detail, project.id, "id"),
	FIELD(struct project_detail, project.slug, "slug"),
	FIELD(struct project_detail, project.name, "name"),
	FIELD(struct project_detail, project.source_language, "sourceLanguage"),
	FIELD(struct project_detail, project.target_languages, "targetLanguages"),
	FIELD(struct project_detail, project.file_structure, "fileStructure"),
	FIELD(struct project_detail, project.key_format, "keyFormat"),
	FIELD(struct project_detail, key_count, "keyCount"),
	FIELD_OF_LIST(struct project_detail, languages, "languages", struct project_language_view,
	              project_language_fields),
	FIELD_OF_OBJECT(struct project_detail, cdn, "cdn", project_cdn_fields),
	FIELD_END
};

/* Finding -------------------------------------------------------------------------------------- */

static bool project_checked(const struct act *act, const struct project *p, struct project *out,
                            struct err *e)
{
	if (p->id == 0)
		return err_set(e, ERR_NOT_FOUND, "Project not found");
	if (access_may_project(act, p->organization_id, p->id, e)) {
		*out = *p;
		return true;
	}
	/* Word for word what an unknown one gets. */
	return e->code == ERR_NOT_FOUND ? err_set(e, ERR_NOT_FOUND, "Project not found") : false;
}

bool project_find(const struct act *act, str organization_slug, str slug, struct project *out,
                  struct err *e)
{
	struct project p;

	return store_project_by_slugs(act->db, act->arena,
	                              arena_lower(act->arena, organization_slug),
	                              arena_lower(act->arena, slug), &p, e) &&
	       project_checked(act, &p, out, e);
}

bool project_find_name(const struct act *act, str name, struct project *out, struct err *e)
{
	str organization, slug = name;

	if (!str_cut(&slug, '/', &organization) || !slug.p || str_has(slug, '/') ||
	    !organization.n || !slug.n)
		return err_set(e, ERR_INVALID_REQUEST,
		               "Name the project as ORG/SLUG, for example acme/web.");
	return project_find(act, organization, slug, out, e);
}

bool project_find_id(const struct act *act, str public_id, struct project *out, struct err *e)
{
	struct project p = { 0 };

	if (is_uuid(public_id) &&
	    !store_project_by_public_id(act->db, act->arena, arena_lower(act->arena, public_id), &p,
	                                e))
		return false;
	return project_checked(act, &p, out, e);
}

str project_full_slug(struct arena *a, const struct project *p)
{
	return arena_join(a, (const str[]){ p->organization_slug, p->slug }, 2, S("/"));
}

/* Views ---------------------------------------------------------------------------------------- */

struct strs languages_shown(struct arena *a, const struct language_list *list)
{
	str *v = arena_array(a, str, list->n + 1);
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		if (!str_eq(list->v[i].status, S("archived")))
			v[n++] = list->v[i].code;
	return (struct strs){ v, n, true };
}

static struct project_view view_of(struct arena *a, const struct project *p,
                                   const struct language_list *languages)
{
	return (struct project_view){
		.id = p->public_id, .slug = project_full_slug(a, p), .name = p->name,
		.source_language = p->source_language, .file_structure = p->file_structure,
		.key_format = p->key_format, .target_languages = languages_shown(a, languages),
	};
}

static bool view_load(const struct act *act, const struct project *p, struct project_view *out,
                      struct err *e)
{
	struct language_list languages;

	if (!store_languages(act->db, act->arena, p->id, &languages, e))
		return false;
	*out = view_of(act->arena, p, &languages);
	return true;
}

static bool views_load(const struct act *act, const struct project_list *projects,
                       struct project_list_out *out, struct err *e)
{
	struct language_list *languages = arena_array(act->arena, struct language_list,
	                                              projects->n + 1);
	struct project_view *v = arena_array(act->arena, struct project_view, projects->n + 1);
	size_t n = 0;

	if (!store_languages_of_projects(act->db, act->arena, projects, languages, e))
		return false;
	for (size_t i = 0; i < projects->n; i++) {
		const struct project *p = &projects->v[i];

		if (access_sees_project(act->who, p->organization_id, p->id))
			v[n++] = view_of(act->arena, p, &languages[i]);
	}
	out->projects = (struct list){ v, n, true };
	return true;
}

bool project_show(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct project_show_in *i = in;
	struct project p;

	return project_find_name(act, i->project, &p, e) && view_load(act, &p, out, e);
}

bool project_list_all(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct project_list_in *i = in;
	struct organization organization;
	struct project_list projects;

	if (!i->organization.n)
		return store_projects_all(act->db, act->arena, &projects, e) &&
		       views_load(act, &projects, out, e);
	if (!store_organization_by_ref(act->db, act->arena, i->organization, &organization, e))
		return false;
	if (organization.id == 0)
		return err_set(e, ERR_NOT_FOUND, "Organization not found");
	return store_projects_of_organization(act->db, act->arena, organization.id, &projects, e) &&
	       views_load(act, &projects, out, e);
}

bool project_list_org(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct project_org_in *i = in;
	struct organization organization;
	struct project_list projects;

	if (!store_organization_by_ref(act->db, act->arena, i->organization, &organization, e))
		return false;
	if (organization.id == 0)
		return err_set(e, ERR_NOT_FOUND, "Organization not found");
	/* Word for word what an unknown one gets. */
	if (!access_may_project(act, organization.id, 0, e))
		return e->code == ERR_NOT_FOUND ?
		       err_set(e, ERR_NOT_FOUND, "Organization not found") : false;
	return store_projects_of_organization(act->db, act->arena, organization.id, &projects, e) &&
	       views_load(act, &projects, out, e);
}

double coverage_percent(int64_t texts, int64_t keys)
{
	if (keys <= 0)
		return 0;
	return (double)((texts * 1000 + keys / 2) / keys) / 10;
}

str project_cdn_pattern(const struct act *act, const struct project *p)
{
	return arena_printf(act->arena, FMT_STR "/" FMT_STR "/" FMT_STR "/{locale}/%s.json",
	                    ARG_STR(act->settings->cdn_base_url), ARG_STR(p->organization_slug),
	                    ARG_STR(p->slug),
	                    project_is_namespaced(p) ? "{namespace}" : "translations");
}

str project_manifest_url(const struct act *act, const struct project *p)
{
	return arena_printf(act->arena, FMT_STR "/" FMT_STR "/" FMT_STR "/manifest.json",
	                    ARG_STR(act->settings->cdn_base_url), ARG_STR(p->organization_slug),
	                    ARG_STR(p->slug));
}

static int64_t texts_in(const struct coverage_list *coverage, str language)
{
	for (size_t i = 0; i < coverage->n; i++)
		if (str_eq(coverage->v[i].language, language))
			return coverage->v[i].texts;
	return 0;
}

bool project_get(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct project_get_in *i = in;
	struct project_detail *detail = out;
	struct project_language_view *views;
	struct language_list languages;
	struct coverage_list coverage;
	struct project p;

	if (!project_find_id(act, i->project_id, &p, e) ||
	    !store_languages(act->db, act->arena, p.id, &languages, e) ||
	    !store_coverage(act->db, act->arena, p.id, &coverage, e) ||
	    !store_key_count(act->db, act->arena, p.id, &detail->key_count, e))
		return false;
	views = arena_array(act->arena, struct project_language_view, languages.n + 1);
	views[0] = (struct project_language_view){ p.source_language, S("active"),
		coverage_percent(texts_in(&coverage, p.source_language), detail->key_count) };
	for (size_t k = 0; k < languages.n; k++)
		views[k + 1] = (struct project_language_view){ languages.v[k].code,
		                                               languages.v[k].status,
			coverage_percent(texts_in(&coverage, languages.v[k].code),
			                 detail->key_count) };
	detail->languages = (struct list){ views, languages.n + 1, true };
	detail->project = view_of(act->arena, &p, &languages);
	detail->cdn = (struct project_cdn_view){
		act->settings->cdn_base_url, project_manifest_url(act, &p),
		project_cdn_pattern(act, &p),
	};
	return true;
}

/* Making --------------------------------------------------------------------------------------- */

/* Words that would make an address of this project ambiguous, or that pages use. */
static bool slug_is_reserved(str slug)
{
	static const str words[] = {
		STR("v"), STR("new"), STR("api"), STR("settings"), STR("translations"),
		STR("manifest"), STR("batch"),
	};

	for (size_t i = 0; i < COUNT(words); i++)
		if (str_eq(slug, words[i]))
			return true;
	return false;
}

static bool slug_needed(const struct act *act, str text, str *out, struct err *e)
{
	str slug = arena_lower(act->arena, text);

	if (!is_slug(slug))
		return err_set(e, ERR_INVALID_REQUEST,
		               "slug: \"" FMT_STR "\" cannot be one. Use 1 to %d of a-z, 0-9 and"
		               " \"-\", with a letter or digit at both ends.",
		               ARG_STR(clip(text, CLIP_CHARS)), SLUG_BYTES_MAX);
	if (slug_is_reserved(slug))
		return err_set(e, ERR_INVALID_REQUEST,
		               "slug: \"" FMT_STR "\" is reserved. Choose another.", ARG_STR(slug));
	*out = slug;
	return true;
}

static bool languages_insert(const struct act *act, const struct project *p,
                             const struct strs *codes, struct err *e)
{
	for (size_t i = 0; i < codes->n; i++) {
		bool added;
		str code;

		if (!language_needed(act->arena, codes->v[i], &code, e))
			return false;
		if (!str_eq(code, p->source_language) &&
		    !store_language_insert(act->db, act->arena, p->id, code, S("active"),
		                           act->now_ms, &added, e))
			return false;
	}
	return true;
}

/* p has slug, name and organization; the rest is filled here. */
static bool project_make(const struct act *act, struct project *p, str source,
                         const struct strs *languages, struct err *e)
{
	struct audit_detail detail;

	if (!slug_needed(act, p->slug, &p->slug, e) ||
	    !language_needed(act->arena, source, &p->source_language, e))
		return false;
	p->public_id = id_uuid(act->arena);
	p->created_ms = act->now_ms;
	p->publish_drafts = act->settings->publish_drafts;
	p->fill_from_source = act->settings->fill_from_source;
	if (!p->name.n)
		p->name = p->slug;
	if (!store_project_insert(act->db, act->arena, p, e) ||
	    !languages_insert(act, p, languages, e))
		return false;
	detail = (struct audit_detail){
		.organization_id = p->organization_id, .project_id = p->id,
		AUDIT_FACTS({ S("slug"), p->slug }, { S("sourceLanguage"), p->source_language }),
	};
	return audit_add(act, AUDIT_PROJECT_CREATED, &detail, e);
}

bool project_add(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct project_add_in *i = in;
	struct organization organization;
	str organization_slug, slug = i->project;
	struct project p;

	if (!str_cut(&slug, '/', &organization_slug) || !slug.n || !organization_slug.n ||
	    str_has(slug, '/'))
		return err_set(e, ERR_INVALID_REQUEST,
		               "Name the project as ORG/SLUG, for example acme/web.");
	if (!store_organization_by_slug(act->db, act->arena,
	                                arena_lower(act->arena, organization_slug),
	                                &organization, e))
		return false;
	if (organization.id == 0)
		return err_set(e, ERR_NOT_FOUND,
		               "There is no organization \"" FMT_STR "\". Add it first.",
		               ARG_STR(clip(organization_slug, CLIP_CHARS)));
	p = (struct project){
		.organization_id = organization.id, .organization_slug = organization.slug,
		.organization_name = organization.name, .slug = slug, .name = i->name,
		.file_structure = i->namespaced ? S("namespaced_folders") : S("single_file"),
		.key_format = i->flat ? S("flat") : S("nested"),
	};
	return project_make(act, &p, i->source, &i->languages, e) && view_load(act, &p, out, e);
}

bool project_create(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct project_create_in *i = in;
	const struct principal *who = act->who;
	const struct strs none = { 0 };
	struct project p;

	if (who->projects.mode != PROJECTS_ALL)
		return err_set(e, ERR_FORBIDDEN,
		               "This connection is limited to chosen projects and cannot add one."
		               " Connect again and choose all projects.");
	p = (struct project){
		.organization_id = who->organization_id,
		.organization_slug = who->organization_slug,
		.organization_name = who->organization_name, .slug = i->slug, .name = i->name,
		.file_structure = S("single_file"), .key_format = S("nested"),
	};
	return project_make(act, &p, i->source_language, &none, e) && view_load(act, &p, out, e);
}
