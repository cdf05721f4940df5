/* SPDX-License-Identifier: MIT */
#include "catalog/summary.h"

#include "access/principal.h"
#include "base/json.h"
#include "catalog/language.h"
#include "catalog/project.h"
#include "catalog/tree.h"
#include "store/catalog.h"
#include "store/text.h"

enum { CONTEXT_BYTES_MAX = 1 << 20, EXAMPLES_MAX = 2 };

static const struct field visible_project_fields[] = {
	FIELD(struct visible_project, id, "id"),
	FIELD(struct visible_project, slug, "slug"),
	FIELD(struct visible_project, name, "name"),
	FIELD(struct visible_project, organization_name, "organizationName"),
	FIELD(struct visible_project, source_language, "sourceLanguage"),
	FIELD(struct visible_project, target_languages, "targetLanguages"),
	FIELD(struct visible_project, cdn_format, "cdnFormat"),
	FIELD(struct visible_project, file_structure, "fileStructure"),
	FIELD(struct visible_project, key_format, "keyFormat"),
	FIELD_END
};
const struct field visible_out_fields[] = {
	FIELD(struct visible_out, cdn_base_url, "cdnBaseUrl"),
	FIELD_OF_LIST(struct visible_out, projects, "projects", struct visible_project,
	              visible_project_fields),
	FIELD_END
};
const struct field summary_in_fields[] = {
	PROJECT_IDENTITY_FIELDS(struct summary_in),
	FIELD_END
};
static const struct field namespace_compact_fields[] = {
	FIELD(struct summary_namespace, name, "nm"),
	FIELD(struct summary_namespace, keys, "kc"),
	FIELD(struct summary_namespace, description, "desc"),
	FIELD_RAW_JSON(struct summary_namespace, context, "ctx"),
	FIELD_END
};
static const struct field namespace_verbose_fields[] = {
	FIELD(struct summary_namespace, name, "name"),
	FIELD(struct summary_namespace, keys, "keyCount"),
	FIELD_END
};
static const struct field coverage_fields[] = {
	FIELD(struct summary_coverage, texts, "tr"),
	FIELD(struct summary_coverage, percent, "pct"),
	FIELD_END
};
static const struct field language_fields[] = {
	FIELD(struct summary_language, code, "code"),
	FIELD(struct summary_language, name, "name"),
	FIELD(struct summary_language, status, "status"),
	FIELD(struct summary_language, coverage, "coverage"),
	FIELD_END
};
static const struct field cdn_fields[] = {
	FIELD(struct summary_cdn, base, "base"),
	FIELD(struct summary_cdn, manifest, "mfst"),
	FIELD(struct summary_cdn, pattern, "pat"),
	FIELD(struct summary_cdn, examples, "ex", .flags = FIELD_BATCHED),
	FIELD(struct summary_cdn, example, "ex", .flags = FIELD_UNBATCHED),
	FIELD(struct summary_cdn, file_structure, "fs"),
	FIELD(struct summary_cdn, key_format, "kf"),
	FIELD(struct summary_cdn, base, "baseUrl", .flags = FIELD_UNBATCHED),
	FIELD(struct summary_cdn, manifest, "manifestUrl", .flags = FIELD_UNBATCHED),
	FIELD_END
};
const struct field summary_out_fields[] = {
	FIELD(struct summary_out, project, "prj"),
	FIELD(struct summary_out, source_language, "sl"),
	FIELD_OF_LIST(struct summary_out, namespaces, "nss", struct summary_namespace,
	              namespace_compact_fields),
	FIELD(struct summary_out, targets, "lng"),
	FIELD(struct summary_out, keys, "tk"),
	FIELD_OF_MAP(struct summary_out, coverage, "cov", struct summary_coverage, coverage_fields),
	FIELD_OF_OBJECT(struct summary_out, cdn, "cdn", cdn_fields),
	FIELD(struct summary_out, message, "msg", .flags = FIELD_OPTIONAL),
	FIELD(struct summary_out, name, "name", .flags = FIELD_UNBATCHED),
	FIELD(struct summary_out, project, "slug", .flags = FIELD_UNBATCHED),
	FIELD(struct summary_out, source_language, "sourceLanguageCode", .flags = FIELD_UNBATCHED),
	FIELD(struct summary_out, keys, "keyCount", .flags = FIELD_UNBATCHED),
	FIELD_OF_LIST(struct summary_out, namespaces, "namespaces", struct summary_namespace,
	              namespace_verbose_fields, .flags = FIELD_UNBATCHED),
	FIELD_OF_LIST(struct summary_out, languages, "languages", struct summary_language,
	              language_fields, .flags = FIELD_UNBATCHED),
	FIELD_END
};

static str cdn_format(const struct act *act, const struct project *p)
{
	return arena_printf(act->arena,
	                    FMT_STR "/" FMT_STR "/" FMT_STR "/{locale}/{namespace}.json",
	                    ARG_STR(act->settings->cdn_base_url), ARG_STR(p->organization_slug),
	                    ARG_STR(p->slug));
}

bool project_list_visible(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct principal *who = act->who;
	struct visible_out *o = out;
	struct project_list projects;
	struct language_list *languages;
	struct visible_project *v;
	size_t n = 0;

	(void)in;
	if (who->kind == WHO_SESSION
	    ? !store_projects_of_account(act->db, act->arena, who->account_id, &projects, e)
	    : !store_projects_of_organization(act->db, act->arena, who->organization_id, &projects,
	                                      e))
		return false;
	languages = arena_array(act->arena, struct language_list, projects.n + 1);
	v = arena_array(act->arena, struct visible_project, projects.n + 1);
	if (!store_languages_of_projects(act->db, act->arena, &projects, languages, e))
		return false;
	for (size_t i = 0; i < projects.n; i++) {
		const struct project *p = &projects.v[i];

		if (who->kind != WHO_SESSION && !access_sees_project(who, p->organization_id,
		                                                     p->id))
			continue;
		v[n++] = (struct visible_project){
			.id = p->public_id, .slug = project_full_slug(act->arena, p),
			.name = p->name,
			.organization_name = p->organization_name,
			.source_language = p->source_language,
			.target_languages = languages_shown(act->arena, &languages[i]),
			.cdn_format = cdn_format(act, p), .file_structure = p->file_structure,
			.key_format = p->key_format,
		};
	}
	o->cdn_base_url = act->settings->cdn_base_url;
	o->projects = (struct list){ v, n, true };
	return true;
}

/* One project ---------------------------------------------------------------------------------- */

/* {t, d, ap, tg} of what is set; "null" when nothing is. */
static str context_json(struct arena *a, const struct namespace_row *row)
{
	const struct { const char *name; str text; } members[] = {
		{ "t", row->team }, { "d", row->domain }, { "ap", row->ai_prompt },
	};
	struct json_out o;
	struct buf b;

	if (!row->team.n && !row->domain.n && !row->ai_prompt.n && !row->tags.n)
		return S("null");
	buf_init_arena(&b, a, CONTEXT_BYTES_MAX);
	json_out_init(&o, &b);
	json_open_object(&o);
	for (size_t i = 0; i < COUNT(members); i++)
		if (members[i].text.n) {
			json_key(&o, str_from(members[i].name));
			json_put_str(&o, members[i].text);
		}
	if (row->tags.n) {
		json_key(&o, S("tg"));
		json_put_raw(&o, row->tags);
	}
	json_close_object(&o);
	return b.full ? S("null") : buf_view(&b);
}

static struct list namespaces_of(struct arena *a, const struct namespace_list *rows)
{
	struct summary_namespace *v = arena_array(a, struct summary_namespace, rows->n + 1);
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const struct namespace_row *row = &rows->v[i];
		str context = context_json(a, row);

		if (row->keys || row->description.n || !str_eq(context, S("null")))
			v[n++] = (struct summary_namespace){
				row->name, row->keys, row->description.n ? row->description
				: STR_NONE, context,
			};
	}
	return (struct list){ v, n, true };
}

static void languages_of(struct arena *a, const struct language_list *languages,
                         const struct coverage_list *coverage, struct summary_out *o)
{
	struct summary_coverage *cov = arena_array(a, struct summary_coverage, languages->n + 1);
	struct summary_language *v = arena_array(a, struct summary_language, languages->n + 1);
	size_t n = 0;

	for (size_t i = 0; i < languages->n; i++) {
		const struct language *l = &languages->v[i];
		int64_t texts = 0;

		if (str_eq(l->status, S("archived")))
			continue;
		for (size_t k = 0; k < coverage->n; k++)
			if (str_eq(coverage->v[k].language, l->code))
				texts = coverage->v[k].texts;
		cov[n] = (struct summary_coverage){ l->code, texts, coverage_percent(texts,
		                                                                     o->keys) };
		v[n] = (struct summary_language){ l->code, language_name(a, l->code), l->status,
		                                  cov[n].percent };
		n++;
	}
	o->coverage = (struct list){ cov, n, true };
	o->languages = (struct list){ v, n, true };
}

/* One or two real addresses: the source language and the first target. */
static void cdn_of(const struct act *act, const struct project *p,
                   const struct namespace_list *namespaces, struct summary_out *o)
{
	str *examples = arena_array(act->arena, str, EXAMPLES_MAX);
	str codes[EXAMPLES_MAX] = { p->source_language, o->targets.n ? o->targets.v[0] : STR_NONE };
	str file = S("translations");
	size_t n = 0;

	if (project_is_namespaced(p))
		for (size_t i = 0; i < namespaces->n; i++)
			if (namespaces->v[i].keys &&
			    !str_eq(namespaces->v[i].name, NAMESPACE_DEFAULT)) {
				file = namespaces->v[i].name;
				break;
			}
	for (size_t i = 0; i < EXAMPLES_MAX && codes[i].n; i++)
		examples[n++] = arena_printf(act->arena,
		                             FMT_STR "/" FMT_STR "/" FMT_STR "/" FMT_STR ".json",
		                             ARG_STR(act->settings->cdn_base_url),
		                             ARG_STR(o->project), ARG_STR(codes[i]), ARG_STR(file));
	o->cdn = (struct summary_cdn){
		.base = act->settings->cdn_base_url, .manifest = project_manifest_url(act, p),
		.pattern = project_cdn_pattern(act, p), .example = examples[0],
		.examples = { examples, n, true }, .file_structure = p->file_structure,
		.key_format = p->key_format,
	};
}

bool project_summary(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct summary_in *i = in;
	struct summary_out *o = out;
	struct namespace_list namespaces;
	struct language_list languages;
	struct coverage_list coverage;
	struct project p;

	if (!project_find(act, i->org_slug, i->project_slug, &p, e) ||
	    !store_namespaces(act->db, act->arena, p.id, &namespaces, e) ||
	    !store_languages(act->db, act->arena, p.id, &languages, e) ||
	    !store_coverage(act->db, act->arena, p.id, &coverage, e) ||
	    !store_key_count(act->db, act->arena, p.id, &o->keys, e))
		return false;
	o->project = project_full_slug(act->arena, &p);
	o->source_language = p.source_language;
	o->name = p.name;
	o->targets = languages_shown(act->arena, &languages);
	o->namespaces = namespaces_of(act->arena, &namespaces);
	languages_of(act->arena, &languages, &coverage, o);
	cdn_of(act, &p, &namespaces, o);
	if (o->keys == 0)
		o->message = S("The project has no keys yet. Create some with createKeys.");
	else if (o->targets.n == 0)
		o->message = S("The project has no target languages yet. Add some with"
		               " proposeLanguages.");
	return true;
}
