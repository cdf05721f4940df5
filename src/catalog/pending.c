/* SPDX-License-Identifier: MIT */
#include "catalog/pending.h"

#include "base/clock.h"
#include "base/json.h"
#include "catalog/project.h"
#include "catalog/tree.h"
#include "store/catalog.h"
#include "store/publish.h"
#include "store/text.h"

enum { PREVIEWS_MAX = 5, DELETED_MAX = 100, RECENT_MAX = 3, RESULT_DEPTH_MAX = 8 };

const struct field pending_in_fields[] = {
	PROJECT_IDENTITY_FIELDS(struct pending_in),
	FIELD_END
};
static const struct field item_fields[] = {
	FIELD(struct pending_item, id, "kid"),
	FIELD(struct pending_item, name, "k"),
	FIELD(struct pending_item, namespace, "ns"),
	FIELD(struct pending_item, text, "t"),
	FIELD(struct pending_item, state, "st"),
	FIELD_END
};
static const struct field language_fields[] = {
	FIELD(struct pending_language, count, "cnt"),
	FIELD_OF_LIST(struct pending_language, preview, "prv", struct pending_item, item_fields),
	FIELD_END
};
static const struct field deleted_fields[] = {
	FIELD(struct pending_deleted, id, "kid"),
	FIELD(struct pending_deleted, name, "k"),
	FIELD(struct pending_deleted, namespace, "ns"),
	FIELD(struct pending_deleted, source, "src"),
	FIELD_END
};
static const struct field job_fields[] = {
	FIELD(struct pending_job, id, "id"),
	FIELD(struct pending_job, kind, "tp"),
	FIELD(struct pending_job, state, "st"),
	FIELD(struct pending_job, at, "at"),
	FIELD(struct pending_job, fresh, "nk"),
	FIELD(struct pending_job, updated, "uk"),
	FIELD(struct pending_job, files, "tf"),
	FIELD_END
};
static const struct field sum_fields[] = {
	FIELD(struct pending_sum, texts, "tr"),
	FIELD(struct pending_sum, deleted, "del_k"),
	FIELD(struct pending_sum, languages, "lng_chg"),
	FIELD(struct pending_sum, total, "tot"),
	FIELD_END
};
const struct field pending_out_fields[] = {
	FIELD(struct pending_out, project, "prj"),
	FIELD(struct pending_out, has_changes, "has_chg"),
	FIELD_OF_OBJECT(struct pending_out, sum, "sum", sum_fields),
	FIELD_OF_MAP(struct pending_out, languages, "by_lng", struct pending_language,
	             language_fields),
	FIELD_OF_LIST(struct pending_out, deleted, "del_k", struct pending_deleted, deleted_fields),
	FIELD(struct pending_out, destination, "pub_dst"),
	FIELD(struct pending_out, reason, "no_pub_rsn", .flags = FIELD_OPTIONAL),
	FIELD_OF_LIST(struct pending_out, recent, "recent", struct pending_job, job_fields,
	              .flags = FIELD_OPTIONAL),
	FIELD(struct pending_out, hint, "hint", .flags = FIELD_OPTIONAL),
	FIELD_END
};

static str namespace_shown(str namespace)
{
	return str_eq(namespace, NAMESPACE_DEFAULT) ? STR_NONE : namespace;
}

static bool preview_of(const struct act *act, const struct project *p, struct pending_language *l,
                       struct err *e)
{
	struct pending_text_list texts;
	struct pending_item *v;

	if (!store_pending_preview(act->db, act->arena, p->id, l->language, p->publish_drafts,
	                           PREVIEWS_MAX, &texts, e))
		return false;
	v = arena_array(act->arena, struct pending_item, texts.n + 1);
	for (size_t i = 0; i < texts.n; i++)
		v[i] = (struct pending_item){
			texts.v[i].public_id, texts.v[i].name,
			namespace_shown(texts.v[i].namespace),
			texts.v[i].value, texts.v[i].state,
		};
	l->preview = (struct list){ v, texts.n, true };
	return true;
}

static bool languages_of(const struct act *act, const struct project *p, struct pending_out *o,
                         struct err *e)
{
	struct pending_language *v;
	struct rows rows;

	if (!store_pending_texts(act->db, act->arena, p->id, p->publish_drafts, &rows, e))
		return false;
	v = arena_array(act->arena, struct pending_language, rows.n + 1);
	for (size_t i = 0; i < rows.n; i++) {
		v[i] = (struct pending_language){ .language = CELL(&rows, i, 0).s,
		                                  .count = CELL(&rows, i, 1).i };
		o->sum.texts += v[i].count;
		if (!preview_of(act, p, &v[i], e))
			return false;
	}
	o->languages = (struct list){ v, rows.n, true };
	return true;
}

static bool deleted_of(const struct act *act, const struct project *p, struct pending_out *o,
                       struct err *e)
{
	struct pending_text_list keys;
	struct pending_deleted *v;

	if (!store_pending_counts(act->db, act->arena, p->id, &o->sum.deleted, &o->sum.languages,
	                          e) ||
	    !store_pending_keys(act->db, act->arena, p->id, p->source_language, DELETED_MAX, &keys,
	                        e))
		return false;
	v = arena_array(act->arena, struct pending_deleted, keys.n + 1);
	for (size_t i = 0; i < keys.n; i++)
		v[i] = (struct pending_deleted){
			keys.v[i].public_id, keys.v[i].name, namespace_shown(keys.v[i].namespace),
			keys.v[i].value,
		};
	o->deleted = (struct list){ v, keys.n, true };
	return true;
}

static int64_t number_in(const struct json *result, str name)
{
	int64_t n = 0;

	return json_i64(json_get(result, name), &n) ? n : 0;
}

static struct pending_job job_of(struct arena *a, const struct job *j)
{
	struct json_fault fault;
	struct json *result = NULL;
	int64_t at = j->finished_ms ? j->finished_ms : j->started_ms;

	if (!j->result.n || !json_parse(a, j->result, RESULT_DEPTH_MAX, &result, &fault))
		result = NULL;
	return (struct pending_job){
		.id = j->public_id, .state = j->state, .at = at ? clock_iso(a, at) : STR_NONE,
		.kind = str_eq(j->kind, S("initial_import")) ? S("import")
		      : str_eq(j->kind, S("source_sync")) ? S("sync") : S("publish"),
		.updated = number_in(result, S("published")),
		.files = number_in(result, S("files")),
	};
}

static bool recent_of(const struct act *act, const struct project *p, struct pending_out *o,
                      struct err *e)
{
	struct store_job_list jobs;
	struct pending_job *v;

	if (!store_job_list(act->db, act->arena, p->id, S(""), S(""), RECENT_MAX, &jobs, e))
		return false;
	v = arena_array(act->arena, struct pending_job, jobs.n + 1);
	for (size_t i = 0; i < jobs.n; i++) {
		v[i] = job_of(act->arena, &jobs.v[i]);
		if (str_eq(jobs.v[i].state, S("pending")) ||
		    str_eq(jobs.v[i].state, S("in_progress")))
			o->reason = S("A publish is running; wait for it with getSync.");
	}
	o->recent = (struct list){ v, jobs.n, false };
	return true;
}

bool pending_get(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct pending_in *i = in;
	struct pending_out *o = out;
	struct project p;

	if (!project_find(act, i->org_slug, i->project_slug, &p, e) ||
	    !languages_of(act, &p, o, e) ||
	    !deleted_of(act, &p, o, e) || !recent_of(act, &p, o, e))
		return false;
	o->project = project_full_slug(act->arena, &p);
	o->destination = S("cdn");
	o->sum.total = o->sum.texts + o->sum.deleted + o->sum.languages;
	o->has_changes = o->sum.total > 0;
	if (!o->has_changes)
		o->reason = S("Nothing waits for a publish.");
	else if (!o->reason.p)
		o->hint = S("Deliver these changes with publishTranslations.");
	return true;
}
