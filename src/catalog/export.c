/* SPDX-License-Identifier: MIT */
#include "catalog/export.h"

#include "access/principal.h"
#include "catalog/clip.h"
#include "catalog/language.h"
#include "catalog/project.h"
#include "store/catalog.h"
#include "store/text.h"

enum { EXPORT_BYTES_MAX = 1 << 30 };

static const char *const formats[] = { "auto", "json", "flat", NULL };

const struct field export_in_fields[] = {
	FIELD(struct export_in, project, "project", .flags = FIELD_REQUIRED),
	FIELD(struct export_in, language, "language", .flags = FIELD_REQUIRED),
	FIELD(struct export_in, namespace, "namespace"),
	FIELD(struct export_in, format, "format", .one_of = formats),
	FIELD(struct export_in, draft, "draft"),
	FIELD(struct export_in, flat, "flat"),
	FIELD_END
};
const struct field export_out_fields[] = {
	FIELD(struct export_out, content, "content"),
	FIELD_END
};

struct loading { struct tree *tree; enum texts_wanted which; bool drafts; };

static bool add_row(const struct text_row *row, void *arg)
{
	struct loading *l = arg;
	bool shipped = row->state == TEXT_APPROVED || row->state == TEXT_PUBLISHED || l->drafts;

	if (shipped || l->which == TEXTS_LATEST)
		tree_add(l->tree, row->namespace, row->name, row->value, row->json);
	else if (row->approved.p)
		tree_add(l->tree, row->namespace, row->name, row->approved, row->approved_json);
	return true;
}

bool tree_load(const struct act *act, const struct project *p, str language, str namespace,
               enum texts_wanted which, struct tree *out, struct err *e)
{
	struct loading l = { out, which, p->publish_drafts };

	tree_init(out, act->arena, p);
	if (!store_texts_each(act->db, act->arena, p->id, language, namespace, add_row, &l, e))
		return false;
	tree_finish(out);
	return true;
}

static bool has_language(const struct act *act, const struct project *p, str language,
                         struct err *e)
{
	struct language_list languages;

	if (str_eq(language, p->source_language))
		return true;
	if (!store_languages(act->db, act->arena, p->id, &languages, e))
		return false;
	for (size_t i = 0; i < languages.n; i++)
		if (str_eq(languages.v[i].code, language))
			return true;
	return err_set(e, ERR_NOT_FOUND,
	               "The project has no language \"" FMT_STR "\".", ARG_STR(language));
}

static bool has_namespace(const struct act *act, const struct project *p, str name, struct err *e)
{
	struct namespace_list namespaces;

	if (!name.n || str_eq(name, NAMESPACE_DEFAULT))
		return true;
	if (!store_namespaces(act->db, act->arena, p->id, &namespaces, e))
		return false;
	for (size_t i = 0; i < namespaces.n; i++)
		if (str_eq(namespaces.v[i].name, name))
			return true;
	return err_set(e, ERR_NOT_FOUND,
	               "The project has no namespace \"" FMT_STR "\".",
	               ARG_STR(clip(name, CLIP_CHARS)));
}

bool export_texts(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct export_in *i = in;
	struct export_out *o = out;
	str namespace = i->namespace.n ? i->namespace : STR_NONE, language;
	struct project p;
	struct tree tree;
	struct buf b;

	if (!project_find_name(act, i->project, &p, e) ||
	    !access_needs_role(act, p.organization_id, ROLE_MEMBER, e) ||
	    !language_needed(act->arena, i->language, &language, e) ||
	    !has_language(act, &p, language, e) ||
	    !has_namespace(act, &p, namespace, e))
		return false;
	if (i->flat || str_eq(i->format, S("flat"))) {
		p.key_format = S("flat");
		p.file_structure = S("single_file");
	}
	if (!tree_load(act, &p, language, namespace, i->draft ? TEXTS_LATEST : TEXTS_PUBLISHABLE,
	               &tree, e))
		return false;
	buf_init_arena(&b, act->arena, EXPORT_BYTES_MAX);
	tree_write(&tree, namespace, TREE_PRETTY, &b);
	if (b.full)
		return err_set(e, ERR_PAYLOAD_TOO_LARGE,
		               "The file would be larger than 1 GiB; export one namespace each.");
	o->content = buf_view(&b);
	return true;
}
