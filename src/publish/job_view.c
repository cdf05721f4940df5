/* SPDX-License-Identifier: MIT
 *
 * Jobs as clients see them. */
#include "publish/requests.h"

#include "access/audit.h"
#include "access/principal.h"
#include "base/clock.h"
#include "catalog/project.h"
#include "publish/publisher_int.h"
#include "store/account.h"
#include "store/catalog.h"

enum { RESULT_DEPTH_MAX = 8, LOG_LINES_MAX = 200 };

static const char *const job_states[] = { "pending", "in_progress", "completed",
					  "failed",  "cancelled",   NULL };
/* Two of them only as filters: names that older documents use. */
static const char *const job_types[] = {
	"initial_import", "source_sync", "cdn_upload", "batch_publish",
	"publish_batch",  "publish",	 NULL
};

static const struct field person_fields[] = {
	FIELD(struct job_person, name, "nm"),
	FIELD(struct job_person, image, "img"),
	FIELD_END
};
static const struct field key_fields[] = {
	FIELD(struct job_key, key, "k"),
	FIELD(struct job_key, act, "act"),
	FIELD_END
};
const struct field job_get_in_fields[] = {
	FIELD(struct job_get_in, sync_id, "syncId", .flags = FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD(struct job_get_in, wait_ms, "waitMs", .flags = FIELD_COERCED,
	      .max = JOBS_WAIT_MS_MAX),
	FIELD_END
};
const struct field job_view_fields[] = {
	FIELD(struct job_view, id, "id"),
	FIELD(struct job_view, type, "tp"),
	FIELD(struct job_view, status, "st"),
	FIELD(struct job_view, started_at, "st_at"),
	FIELD(struct job_view, completed_at, "cp_at", .flags = FIELD_OPTIONAL),
	FIELD(struct job_view, error, "err_msg", .flags = FIELD_OPTIONAL),
	FIELD_OF_OBJECT(struct job_view, trigger, "trig_by", person_fields),
	FIELD(struct job_view, log, "log"),
	FIELD_OF_LIST(struct job_view, keys, "aff_k", struct job_key, key_fields),
	FIELD(struct job_view, hint, "hint", .flags = FIELD_OPTIONAL),
	FIELD(struct job_view, type, "type", .flags = FIELD_UNBATCHED),
	FIELD(struct job_view, status, "status", .flags = FIELD_UNBATCHED),
	FIELD(struct job_view, started_at, "createdAt", .flags = FIELD_UNBATCHED),
	FIELD(struct job_view, completed_at, "completedAt",
	      .flags = FIELD_UNBATCHED | FIELD_OPTIONAL),
	FIELD(struct job_view, error, "errorMessage", .flags = FIELD_UNBATCHED | FIELD_OPTIONAL),
	FIELD(struct job_view, new_keys, "newKeys", .flags = FIELD_UNBATCHED | FIELD_OPTIONAL),
	FIELD(struct job_view, updated_keys, "updatedKeys",
	      .flags = FIELD_UNBATCHED | FIELD_OPTIONAL),
	FIELD(struct job_view, log, "logs", .flags = FIELD_UNBATCHED),
	FIELD_END
};
const struct field job_list_in_fields[] = {
	PROJECT_IDENTITY_FIELDS(struct job_list_in),
	FIELD(struct job_list_in, status, "status", .one_of = job_states),
	FIELD(struct job_list_in, type, "type", .one_of = job_types),
	FIELD(struct job_list_in, limit, "limit", .min = 1, .max = SYNCS_MAX,
	      .initial = SYNCS_DEFAULT),
	FIELD_END
};
static const struct field meta_fields[] = {
	FIELD(struct job_meta, keys, "kp"),
	FIELD(struct job_meta, files, "tf"),
	FIELD(struct job_meta, files, "pf"),
	FIELD_END
};
static const struct field item_fields[] = {
	FIELD(struct job_item, id, "id"),
	FIELD(struct job_item, type, "tp"),
	FIELD(struct job_item, status, "st"),
	FIELD(struct job_item, started_at, "st_at"),
	FIELD(struct job_item, completed_at, "cp_at", .flags = FIELD_OPTIONAL),
	FIELD(struct job_item, error, "err_msg", .flags = FIELD_OPTIONAL),
	FIELD_OF_OBJECT(struct job_item, meta, "meta", meta_fields),
	FIELD_END
};
static const struct field item_long_fields[] = {
	FIELD(struct job_item, id, "id"),
	FIELD(struct job_item, type, "type"),
	FIELD(struct job_item, status, "status"),
	FIELD(struct job_item, started_at, "createdAt"),
	FIELD(struct job_item, completed_at, "completedAt", .flags = FIELD_OPTIONAL),
	FIELD(struct job_item, error, "errorMessage", .flags = FIELD_OPTIONAL),
	FIELD_END
};
const struct field job_list_out_fields[] = {
	FIELD(struct job_list_out, project, "prj"),
	FIELD(struct job_list_out, total, "tot"),
	FIELD_OF_LIST(struct job_list_out, items, "sy", struct job_item, item_fields),
	FIELD(struct job_list_out, message, "msg", .flags = FIELD_OPTIONAL),
	FIELD_OF_LIST(struct job_list_out, items, "jobs", struct job_item, item_long_fields,
	              .flags = FIELD_UNBATCHED),
	FIELD_END
};
const struct field job_cancel_in_fields[] = {
	FIELD(struct job_cancel_in, org_slug, "orgSlug"),
	FIELD(struct job_cancel_in, project_slug, "projectSlug"),
	FIELD(struct job_cancel_in, sync_id, "syncId", .flags = FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD_END
};
const struct field job_cancel_out_fields[] = {
	FIELD(struct job_cancel_out, id, "id"),
	FIELD(struct job_cancel_out, cancelled, "can"),
	FIELD(struct job_cancel_out, previous, "prev"),
	FIELD(struct job_cancel_out, reason, "rsn"),
	FIELD(struct job_cancel_out, hint, "hint", .flags = FIELD_OPTIONAL),
	FIELD(struct job_cancel_out, cancelled, "cancelled", .flags = FIELD_UNBATCHED),
	FIELD(struct job_cancel_out, previous, "previousStatus", .flags = FIELD_UNBATCHED),
	FIELD_END
};

/* Finding -------------------------------------------------------------------------------------- */

/* A job names no project in its input: whoever may see its project may see it. */
static bool find_job(const struct act *act, str id, struct job *j, struct project *p, struct err *e)
{
	if (!store_job_by_public_id(act->db, act->arena, id, j, e))
		return false;
	*p = (struct project){ 0 };
	if (j->id != 0 && !store_project_by_id(act->db, act->arena, j->project_id, p, e))
		return false;
	if (p->id == 0)
		return err_set(e, ERR_NOT_FOUND, "There is no sync job with this id.");
	return access_may_project(act, p->organization_id, p->id, e);
}

static str iso_or_none(struct arena *a, int64_t ms)
{
	return ms > 0 ? clock_iso(a, ms) : STR_NONE;
}

static const struct json *result_of(struct arena *a, const struct job *j)
{
	struct json_fault fault;
	struct json *v;

	return j->result.n > 0 && json_parse(a, j->result, RESULT_DEPTH_MAX, &v, &fault) ? v : NULL;
}

static int64_t number_in(const struct json *v, str name)
{
	int64_t n;

	return json_i64(json_get(v, name), &n) ? n : 0;
}

static struct strs lines_of(struct arena *a, str text)
{
	str *v = arena_array(a, str, LOG_LINES_MAX), line;
	size_t n = 0;

	while (n < LOG_LINES_MAX && str_cut(&text, '\n', &line))
		if (line.n > 0)
			v[n++] = line;
	return (struct strs){ v, n, true };
}

static struct list keys_of(struct arena *a, const struct json *result)
{
	const struct json *list = json_get(result, S("affected")), *item;
	size_t room = list ? list->count : 0, n = 0;
	struct job_key *v = arena_array(a, struct job_key, room);

	for (item = room > 0 ? list->first : NULL; item; item = item->next)
		v[n++] = (struct job_key){ json_str(json_get(item, S("k"))),
					   json_str(json_get(item, S("act"))) };
	return (struct list){ v, n, true };
}

static bool person_of(const struct act *act, const struct job *j, struct job_person *out,
		      struct err *e)
{
	struct account who = { 0 };

	if (j->account_id != 0 && !store_account_by_id(act->db, act->arena, j->account_id, &who, e))
		return false;
	*out = (struct job_person){ who.id != 0		       ? who.name
				    : str_eq(j->via, S("api")) ? S("API key")
							       : S("Operator"),
				    STR_NONE };
	return true;
}

/* job.get -------------------------------------------------------------------------------------- */

int64_t job_get_wait_ms(const void *in, str *topic_out)
{
	const struct job_get_in *i = in;

	*topic_out = i->sync_id;
	return i->wait_ms;
}

static str hint_of(const struct job *j)
{
	if (str_eq(j->state, S("failed")))
		return S(
			"Nothing was changed on the CDN. Fix what err_msg says and publish again.");
	if (str_eq(j->state, S("cancelled")))
		return S("It was cancelled before it started; the changes still wait.");
	if (job_state_is_final(j->state))
		return STR_NONE;
	return S("Still running. Call getSync again with waitMs 25000.");
}

bool job_get(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct job_get_in *i = in;
	struct job_view *v = out;
	const struct json *result;
	struct project p;
	struct job j;

	if (!find_job(act, i->sync_id, &j, &p, e))
		return false;
	result = result_of(act->arena, &j);
	*v = (struct job_view){
		.id = j.public_id, .type = j.kind, .status = j.state,
		.started_at = clock_iso(act->arena, j.started_ms > 0 ? j.started_ms : j.created_ms),
		.completed_at = iso_or_none(act->arena, j.finished_ms),
		.error = j.error.n > 0 ? j.error : STR_NONE, .hint = hint_of(&j),
		.log = lines_of(act->arena, j.log), .keys = keys_of(act->arena, result),
		.updated_keys = number_in(result, S("published")),
	};
	return person_of(act, &j, &v->trigger, e);
}

/* job.list ------------------------------------------------------------------------------------- */

static struct job_item item_of(struct arena *a, const struct job *j)
{
	const struct json *result = result_of(a, j);

	return (struct job_item){
		.id = j->public_id,
		.type = j->kind,
		.status = j->state,
		.started_at = clock_iso(a, j->started_ms > 0 ? j->started_ms : j->created_ms),
		.completed_at = iso_or_none(a, j->finished_ms),
		.error = j->error.n > 0 ? j->error : STR_NONE,
		.meta = { number_in(result, S("published")), number_in(result, S("files")) },
	};
}

bool job_list(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct job_list_in *i = in;
	struct job_list_out *o = out;
	struct job_item *items;
	struct store_job_list list;
	struct project p;
	bool old_name = str_eq(i->type, S("publish_batch")) || str_eq(i->type, S("publish"));

	if (!project_find(act, i->org_slug, i->project_slug, &p, e) ||
	    !store_job_list(act->db, act->arena, p.id, i->status,
			    old_name ? S("batch_publish") : i->type, i->limit, &list, e))
		return false;
	items = arena_array(act->arena, struct job_item, list.n);
	for (size_t k = 0; k < list.n; k++)
		items[k] = item_of(act->arena, &list.v[k]);
	*o = (struct job_list_out){ .project = project_full_slug(act->arena, &p),
				    .total = (int64_t)list.n,
				    .items = { items, list.n, true } };
	if (list.n == 0)
		o->message = i->status.n + i->type.n > 0 ? S("No job matches these filters.")
		                                         : S("This project has no jobs yet.");
	return true;
}

/* job.cancel ----------------------------------------------------------------------------------- */

/* When the input names a project, the job must be one of it. */
static bool same_project(const struct act *act, const struct job_cancel_in *i,
			 const struct project *of_job, struct err *e)
{
	struct project named;

	if (i->org_slug.n + i->project_slug.n == 0)
		return true;
	if (!project_find(act, i->org_slug, i->project_slug, &named, e))
		return false;
	return named.id == of_job->id ||
	       err_set(e, ERR_FORBIDDEN, "This job belongs to another project.");
}

bool job_cancel(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct job_cancel_in *i = in;
	struct publisher *publisher = act->publisher;
	struct job_cancel_out *o = out;
	struct audit_detail detail = { 0 };
	struct project p;
	struct job j;

	if (!find_job(act, i->sync_id, &j, &p, e) || !same_project(act, i, &p, e))
		return false;
	*o = (struct job_cancel_out){ .id = j.public_id, .previous = j.state };
	if (!jobs_cancel(publisher->config.jobs, act->db, act->arena, j.public_id, act->now_ms,
			 &o->cancelled, e))
		return false;
	o->reason = o->cancelled		  ? S("cancelled")
		    : job_state_is_final(j.state) ? S("terminal_state")
						  : S("already_in_progress");
	if (!o->cancelled) {
		o->hint = S("Only a pending job can be cancelled.");
		return true;
	}
	detail = (struct audit_detail){ .organization_id = p.organization_id, .project_id = p.id,
		                        AUDIT_FACTS({ S("job"), j.public_id }) };
	return audit_add(act, AUDIT_PUBLISH_CANCELLED, &detail, e);
}
