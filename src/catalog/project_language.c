/* SPDX-License-Identifier: MIT */
#include "catalog/project_language.h"

#include "access/audit.h"
#include "catalog/language.h"
#include "catalog/project.h"
#include "store/catalog.h"

enum { LANGUAGES_MAX = 50 };

static const char *const new_statuses[] = { "active", "draft", NULL };
static const char *const statuses[] = { "active", "draft", "archived", NULL };

const struct field language_add_in_fields[] = {
	FIELD(struct language_add_in, project_id, "projectId", .flags = FIELD_REQUIRED),
	FIELD(struct language_add_in, code, "code", .flags = FIELD_REQUIRED),
	FIELD_END
};
const struct field language_add_out_fields[] = {
	FIELD(struct language_add_out, code, "code"),
	FIELD(struct language_add_out, status, "status"),
	FIELD(struct language_add_out, added, "added"),
	FIELD_END
};
static const struct field proposed_in_fields[] = {
	FIELD(struct language_proposed, code, "languageCode", .flags = FIELD_REQUIRED | FIELD_LOWER,
	      .min = LANGUAGE_BYTES_MIN, .max = LANGUAGE_WIRE_BYTES_MAX),
	FIELD(struct language_proposed, status, "status", .flags = FIELD_STRICT,
	      .one_of = new_statuses),
	FIELD_END
};
const struct field language_propose_in_fields[] = {
	PROJECT_IDENTITY_FIELDS(struct language_propose_in),
	FIELD_OF_LIST(struct language_propose_in, languages, "languages", struct language_proposed,
	              proposed_in_fields,
	              .flags = FIELD_REQUIRED | FIELD_COERCED, .min = 1, .max = LANGUAGES_MAX),
	FIELD_END
};
static const struct field proposed_out_fields[] = {
	FIELD(struct language_proposed, code, "languageCode"),
	FIELD(struct language_proposed, status, "status"),
	FIELD(struct language_proposed, added, "added"),
	FIELD_END
};
const struct field language_propose_out_fields[] = {
	FIELD(struct language_propose_out, success, "success"),
	FIELD(struct language_propose_out, added, "added"),
	FIELD(struct language_propose_out, skipped, "skipped"),
	FIELD_OF_LIST(struct language_propose_out, results, "results", struct language_proposed,
	              proposed_out_fields),
	FIELD(struct language_propose_out, skipped_as_source, "skippedAsSource",
	      .flags = FIELD_OPTIONAL),
	FIELD(struct language_propose_out, warnings, "warnings", .flags = FIELD_OPTIONAL),
	FIELD_OF_OBJECT(struct language_propose_out, pending, "pendingPublish",
	                pending_verbose_fields, .flags = FIELD_OPTIONAL),
	FIELD(struct language_propose_out, hint, "hint", .flags = FIELD_OPTIONAL),
	FIELD_END
};
static const struct field edit_in_fields[] = {
	FIELD(struct language_edit_item, code, "languageCode",
	      .flags = FIELD_REQUIRED | FIELD_LOWER,
	      .min = LANGUAGE_BYTES_MIN, .max = LANGUAGE_WIRE_BYTES_MAX),
	FIELD(struct language_edit_item, status, "status", .one_of = statuses),
	FIELD(struct language_edit_item, new_status, "newStatus", .one_of = statuses),
	FIELD_END
};
const struct field language_edit_in_fields[] = {
	PROJECT_IDENTITY_FIELDS(struct language_edit_in),
	FIELD_OF_LIST(struct language_edit_in, updates, "updates", struct language_edit_item,
	              edit_in_fields,
	              .flags = FIELD_REQUIRED | FIELD_COERCED, .min = 1, .max = LANGUAGES_MAX),
	FIELD_END
};
static const struct field edited_fields[] = {
	FIELD(struct language_edited, code, "languageCode"),
	FIELD(struct language_edited, previous, "previousStatus"),
	FIELD(struct language_edited, status, "newStatus"),
	FIELD(struct language_edited, changed, "changed"),
	FIELD_END
};
const struct field language_edit_out_fields[] = {
	FIELD(struct language_edit_out, success, "success"),
	FIELD_OF_LIST(struct language_edit_out, results, "results", struct language_edited,
	              edited_fields),
	FIELD(struct language_edit_out, not_found, "notFound"),
	FIELD_OF_OBJECT(struct language_edit_out, pending, "pendingPublish", pending_verbose_fields,
	                .flags = FIELD_OPTIONAL),
	FIELD(struct language_edit_out, hint, "hint", .flags = FIELD_OPTIONAL),
	FIELD(struct language_edit_out, updated, "updated", .flags = FIELD_UNBATCHED),
	FIELD_END
};
const struct field language_archive_in_fields[] = {
	PROJECT_IDENTITY_FIELDS(struct language_archive_in),
	FIELD(struct language_archive_in, codes, "languageCodes",
	      .flags = FIELD_REQUIRED | FIELD_COERCED | FIELD_LOWER,
	      .min = 1, .max = LANGUAGES_MAX),
	FIELD_END
};
const struct field language_archive_out_fields[] = {
	FIELD(struct language_archive_out, success, "success"),
	FIELD(struct language_archive_out, archived, "archived"),
	FIELD(struct language_archive_out, already, "alreadyArchived"),
	FIELD(struct language_archive_out, not_found, "notFound"),
	FIELD_OF_OBJECT(struct language_archive_out, pending, "pendingPublish",
	                pending_verbose_fields, .flags = FIELD_OPTIONAL),
	FIELD_END
};

static bool audit(const struct act *act, const struct project *p, enum audit_kind kind, str code,
                  str status, struct err *e)
{
	struct audit_detail detail = {
		.organization_id = p->organization_id, .project_id = p->id,
		AUDIT_FACTS({ S("language"), code }, { S("status"), status }),
	};

	return audit_add(act, kind, &detail, e);
}

static bool insert(const struct act *act, const struct project *p, str code, str status,
                   bool *added, struct err *e)
{
	return store_language_insert(act->db, act->arena, p->id, code, status, act->now_ms, added,
	                             e) &&
	       (!*added || audit(act, p, AUDIT_LANGUAGE_ADDED, code, status, e));
}

static const struct language *language_in(const struct language_list *list, str code)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->v[i].code, code))
			return &list->v[i];
	return NULL;
}

bool language_add(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct language_add_in *i = in;
	struct language_add_out *o = out;
	struct language_list languages;
	const struct language *there;
	struct project p;
	str code;

	if (!project_find_id(act, i->project_id, &p, e) ||
	    !language_needed(act->arena, i->code, &code, e) ||
	    !store_languages(act->db, act->arena, p.id, &languages, e))
		return false;
	*o = (struct language_add_out){ code, S("active"), false };
	if (str_eq(code, p.source_language))
		return true;
	there = language_in(&languages, code);
	if (there)
		o->status = there->status;
	return there || insert(act, &p, code, S("active"), &o->added, e);
}

/* Several -------------------------------------------------------------------------------------- */

/* All are checked before anything is written; the message names every bad code. */
static bool codes_known(const struct act *act, struct language_proposed *v, size_t n, struct err *e)
{
	str *bad = arena_array(act->arena, str, n + 1), code;
	size_t bad_n = 0;

	for (size_t i = 0; i < n; i++) {
		if (!language_code(act->arena, v[i].code, &code))
			bad[bad_n++] = v[i].code;
		else
			v[i].code = code;
	}
	if (bad_n == 0)
		return true;
	return err_set(e, ERR_INVALID_REQUEST,
	               "Unknown language codes: " FMT_STR ". Use BCP 47 tags such as en, pt-br or"
	               " zh-hans; nothing was added.",
	               ARG_STR(arena_join(act->arena, bad, bad_n < 6 ? bad_n : 6, S(", "))));
}

bool language_propose(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct language_propose_in *i = in;
	struct language_propose_out *o = out;
	size_t n = i->languages.n;
	struct language_proposed *v = arena_array(act->arena, struct language_proposed, n + 1);
	str *warnings = arena_array(act->arena, str, n + 1);
	struct language_list languages;
	struct project p;

	for (size_t k = 0; k < n; k++)
		v[k] = ((const struct language_proposed *)i->languages.v)[k];
	if (!project_find(act, i->org_slug, i->project_slug, &p, e) || !codes_known(act, v, n, e) ||
	    !store_project_lock(act->db, act->arena, p.id, e) ||
	    !store_languages(act->db, act->arena, p.id, &languages, e))
		return false;
	o->success = true;
	o->warnings.v = warnings;
	for (size_t k = 0; k < n; k++) {
		const struct language *there = language_in(&languages, v[k].code);

		v[k].added = false;
		v[k].status = there ? there->status : v[k].status.n ? v[k].status : S("active");
		if (str_eq(v[k].code, p.source_language)) {
			v[k].status = S("active");
			warnings[o->warnings.n++] =
			        arena_printf(act->arena, "\"" FMT_STR "\" is the source language;"
			                                              " it has"
			                                         " every key already.",
			                                         ARG_STR(v[k].code));
			o->skipped_as_source++;
			continue;
		}
		if (!there && !insert(act, &p, v[k].code, v[k].status, &v[k].added, e))
			return false;
		o->added += v[k].added;
		o->skipped += !v[k].added;
	}
	o->results = (struct list){ v, n, true };
	return o->added == 0 || pending_hint(act, &p, &o->pending, e);
}

static bool set_status(const struct act *act, const struct project *p, str code, str status,
                       bool *changed, struct err *e)
{
	return store_language_set_status(act->db, act->arena, p->id, code, status, changed, e) &&
	       (!*changed || audit(act, p, AUDIT_PROJECT_CHANGED, code, status, e));
}

bool language_edit(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct language_edit_in *i = in;
	const struct language_edit_item *items = i->updates.v;
	struct language_edit_out *o = out;
	size_t n = i->updates.n;
	struct language_edited *v = arena_array(act->arena, struct language_edited, n + 1);
	str *missing = arena_array(act->arena, str, n + 1);
	struct language_list languages;
	struct project p;

	if (!project_find(act, i->org_slug, i->project_slug, &p, e) ||
	    !store_project_lock(act->db, act->arena, p.id, e) ||
	    !store_languages(act->db, act->arena, p.id, &languages, e))
		return false;
	o->results = (struct list){ v, 0, true };
	o->not_found = (struct strs){ missing, 0, true };
	for (size_t k = 0; k < n; k++) {
		const struct language *there = language_in(&languages, items[k].code);
		str status = items[k].status.n ? items[k].status : items[k].new_status;
		struct language_edited *r;

		if (!status.n)
			return err_set(e, ERR_INVALID_REQUEST,
			               "updates[%zu].status: say active, draft or archived", k);
		if (!there) {
			missing[o->not_found.n++] = items[k].code;
			continue;
		}
		r = &v[o->results.n++];
		*r = (struct language_edited){ there->code, there->status, status, false };
		if (!set_status(act, &p, there->code, status, &r->changed, e))
			return false;
		o->updated += r->changed;
	}
	o->success = true;
	return o->updated == 0 || pending_hint(act, &p, &o->pending, e);
}

bool language_archive(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct language_archive_in *i = in;
	struct language_archive_out *o = out;
	size_t n = i->codes.n;
	str *archived = arena_array(act->arena, str, n + 1),
	        *already = arena_array(act->arena, str, n + 1);
	str *missing = arena_array(act->arena, str, n + 1);
	struct language_list languages;
	struct project p;

	if (!project_find(act, i->org_slug, i->project_slug, &p, e) ||
	    !store_project_lock(act->db, act->arena, p.id, e) ||
	    !store_languages(act->db, act->arena, p.id, &languages, e))
		return false;
	*o = (struct language_archive_out){
		.success = true, .archived = { archived, 0, true }, .already = { already, 0, true },
		.not_found = { missing, 0, true },
	};
	for (size_t k = 0; k < n; k++) {
		const struct language *there = language_in(&languages, i->codes.v[k]);
		bool changed = false;

		if (there && !set_status(act, &p, there->code, S("archived"), &changed, e))
			return false;
		if (!there)
			missing[o->not_found.n++] = i->codes.v[k];
		else if (changed)
			archived[o->archived.n++] = there->code;
		else
			already[o->already.n++] = there->code;
	}
	return o->archived.n == 0 || pending_hint(act, &p, &o->pending, e);
}
