/* SPDX-License-Identifier: MIT */
#include "publish/options.h"

#include "access/audit.h"
#include "access/principal.h"
#include "catalog/project.h"
#include "publish/publisher_int.h"
#include "store/catalog.h"

static const char *const switches[] = { "on", "off", NULL };
static const char *const places[] = { "root", "wrapped", NULL };
static const char *const profiles[] = { "server", "compat", "strict", NULL };

const struct field project_settings_in_fields[] = {
	FIELD(struct project_settings_in, project, "project"),
	FIELD(struct project_settings_in, organization_slug, "orgSlug"),
	FIELD(struct project_settings_in, slug, "projectSlug"),
	FIELD_END
};
const struct field project_set_in_fields[] = {
	FIELD(struct project_set_in, of.project, "project"),
	FIELD(struct project_set_in, of.organization_slug, "orgSlug"),
	FIELD(struct project_set_in, of.slug, "projectSlug"),
	FIELD(struct project_set_in, drafts, "drafts", .one_of = switches),
	FIELD(struct project_set_in, fill, "fill", .one_of = switches),
	FIELD(struct project_set_in, default_namespace, "defaultNamespace", .one_of = places),
	FIELD(struct project_set_in, missing, "missing", .one_of = profiles),
	FIELD_END
};
const struct field project_options_fields[] = {
	FIELD(struct project_options, project, "project"),
	FIELD(struct project_options, name, "name"),
	FIELD(struct project_options, drafts, "drafts"),
	FIELD(struct project_options, fill, "fill"),
	FIELD(struct project_options, default_namespace, "defaultNamespace"),
	FIELD(struct project_options, missing, "missing"),
	FIELD_END
};

static bool find(const struct act *act, const struct project_settings_in *in, struct project *out,
		 struct err *e)
{
	bool found = in->slug.n > 0 ? project_find(act, in->organization_slug, in->slug, out, e)
				    : project_find_name(act, in->project, out, e);

	return found && access_needs_role(act, out->organization_id, ROLE_ADMIN, e);
}

static struct project_options options_of(const struct act *act, const struct project *p)
{
	return (struct project_options){
		.project = project_full_slug(act->arena, p),
		.name = p->name,
		.drafts = p->publish_drafts,
		.fill = p->fill_from_source,
		.default_namespace = p->default_wrapped ? S("wrapped") : S("root"),
		.missing = p->missing.n > 0 ? p->missing : S("server"),
	};
}

bool project_settings(const struct act *act, const void *in, void *out, struct err *e)
{
	struct project p;

	if (!find(act, in, &p, e))
		return false;
	*(struct project_options *)out = options_of(act, &p);
	return true;
}

struct change { const struct project_set_in *in; struct project project; bool any; };

static bool change_switch(bool *value, str wanted)
{
	bool before = *value;

	if (wanted.n > 0)
		*value = str_eq(wanted, S("on")) || str_eq(wanted, S("wrapped"));
	return *value != before;
}

static bool change(const struct act *tx, void *arg, struct err *e)
{
	struct change *c = arg;
	const struct project_set_in *in = c->in;
	struct project *p = &c->project;
	struct project_options shown;
	struct audit_detail detail;
	str missing;
	bool files;

	if (!find(tx, &in->of, p, e))
		return false;
	missing = in->missing.n == 0 ? p->missing : str_eq(in->missing, S("server")) ? S("") : in->missing;
	files = change_switch(&p->publish_drafts, in->drafts);
	files |= change_switch(&p->fill_from_source, in->fill);
	files |= change_switch(&p->default_wrapped, in->default_namespace);
	c->any = files || !str_eq(missing, p->missing);
	p->missing = missing;
	if (!c->any)
		return true;
	shown = options_of(tx, p);
	detail = (struct audit_detail){
		.organization_id = p->organization_id, .project_id = p->id,
		AUDIT_FACTS({ S("drafts"), p->publish_drafts ? S("on") : S("off") },
			    { S("fill"), p->fill_from_source ? S("on") : S("off") },
			    { S("defaultNamespace"), shown.default_namespace },
			    { S("missing"), shown.missing }),
	};
	return store_project_set_options(tx->db, tx->arena, p, files, e) &&
	       audit_add(tx, AUDIT_PROJECT_CHANGED, &detail, e);
}

bool project_set(const struct act *act, const void *in, void *out, struct err *e)
{
	struct change c = { .in = in };

	if (!act_write(act, change, &c, e) ||
	    (c.any && !site_load(act->publisher, c.project.id, false, e)))
		return false;
	*(struct project_options *)out = options_of(act, &c.project);
	return true;
}
