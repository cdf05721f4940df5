/* SPDX-License-Identifier: MIT
 *
 * Starting a publish: who may, when, and what is told at once. */
#include "publish/requests.h"

#include <pthread.h>

#include "access/audit.h"
#include "access/id.h"
#include "access/principal.h"
#include "base/clock.h"
#include "catalog/project.h"
#include "publish/build.h"
#include "publish/publisher_int.h"
#include "publish/run.h"
#include "store/catalog.h"
#include "store/text.h"

enum { INPUT_BYTES_MAX = 256 * 1024, INPUT_DEPTH_MAX = 8 };

static const struct field text_fields[] = {
	FIELD(struct chosen_text, key_id, "keyId",
	      .flags = FIELD_REQUIRED | FIELD_UUID | FIELD_LOWER),
	FIELD(struct chosen_text, language, "languageCode", .flags = FIELD_REQUIRED | FIELD_LOWER),
	FIELD_END
};
const struct field publish_in_fields[] = {
	PROJECT_IDENTITY_FIELDS(struct publish_in),
	FIELD_OF_LIST(struct publish_in, texts, "translations", struct chosen_text, text_fields,
	              .flags = FIELD_COERCED, .max = PUBLISH_CHOSEN_MAX),
	FIELD_END
};
const struct field publish_out_fields[] = {
	FIELD(struct publish_out, success, "success"),
	FIELD(struct publish_out, published, "published"),
	FIELD(struct publish_out, repositories, "repositories"),
	FIELD(struct publish_out, jobs, "syncJobIds"),
	FIELD(struct publish_out, deleted_keys, "deletedKeysProcessed", .flags = FIELD_OPTIONAL),
	FIELD(struct publish_out, language_changes, "languageChangesProcessed",
	      .flags = FIELD_OPTIONAL),
	FIELD(struct publish_out, message, "message"),
	FIELD(struct publish_out, hint, "hint", .flags = FIELD_OPTIONAL),
	FIELD_END
};
const struct field publish_local_in_fields[] = {
	FIELD(struct publish_local_in, project, "project", .flags = FIELD_REQUIRED),
	FIELD(struct publish_local_in, wait, "wait"),
	FIELD_END
};
const struct field publish_local_out_fields[] = {
	FIELD(struct publish_local_out, jobs, "syncJobIds"),
	FIELD(struct publish_local_out, published, "published"),
	FIELD(struct publish_local_out, version, "version"),
	FIELD_END
};
const struct field rollback_in_fields[] = {
	FIELD(struct rollback_in, project, "project", .flags = FIELD_REQUIRED),
	FIELD(struct rollback_in, to, "to", .flags = FIELD_COERCED),
	FIELD_END
};

/* What waits ----------------------------------------------------------------------------------- */

struct pending { int64_t texts, keys, languages; };

static bool count_pending(const struct act *act, const struct project *p, struct pending *out,
			  struct err *e)
{
	struct rows r;

	*out = (struct pending){ 0 };
	if (!store_pending_texts(act->db, act->arena, p->id, p->publish_drafts, &r, e) ||
	    !store_pending_counts(act->db, act->arena, p->id, &out->keys, &out->languages, e))
		return false;
	for (size_t i = 0; i < r.n; i++)
		out->texts += CELL(&r, i, 1).i;
	return true;
}

static bool count_chosen(const struct act *act, const struct project *p, const struct list *texts,
                         struct pending *out, struct err *e)
{
	const struct chosen_text *v = texts->v;
	bool waits;

	*out = (struct pending){ 0 };
	for (size_t i = 0; i < texts->n; i++) {
		if (!store_publish_pending_one(act->db, act->arena, p, v[i].key_id, v[i].language,
					       &waits, e))
			return false;
		out->texts += waits;
	}
	return true;
}

/* Permission to start -------------------------------------------------------------------------- */

static bool check_cooldown(const struct act *act, const struct project *p, struct err *e)
{
	int64_t pause = p->publish_cooldown_s >= 0 ? p->publish_cooldown_s
						   : act->settings->publish_cooldown_s;
	int64_t last, left;

	if (!store_job_last_publish(act->db, act->arena, p->id, S("api"), &last, e))
		return false;
	left = last == 0 ? 0 : (last + pause * 1000 - act->now_ms + 999) / 1000;
	if (left <= 0)
		return true;
	err_set(e, ERR_RATE_LIMITED,
		"This project was published less than %lld s ago. Try again in %lld s.",
		(long long)pause, (long long)left);
	e->retry_after_s = (int)left;
	return false;
}

static bool check_idle(const struct act *act, const struct project *p, struct err *e)
{
	int64_t open;

	if (!store_jobs_open(act->db, act->arena, p->id, S("batch_publish"), &open, e))
		return false;
	return open == 0 ||
	       err_set(e, ERR_PRECONDITION_FAILED,
		       "Another publish of this project is running. Wait for it with getSync.");
}

/* Adding the job ------------------------------------------------------------------------------- */

static str via_of(const struct principal *who)
{
	return who->kind == WHO_LOCAL	  ? S("local")
	       : who->kind == WHO_SESSION ? S("session")
					  : S("api");
}

static str order_text(struct arena *a, const struct publish_order *order)
{
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, a, INPUT_BYTES_MAX);
	json_out_init(&o, &b);
	fields_write(&o, publish_order_fields, order, FIELDS_BATCHED);
	return buf_view(&b);
}

static bool add_job(const struct act *act, const struct project *p,
		    const struct publish_order *order, str *id_out, struct err *e)
{
	struct publisher *publisher = act->publisher;
	struct job_new n = {
		.public_id = id_uuid(act->arena),
		.kind = S("batch_publish"),
		.via = via_of(act->who),
		.input = order_text(act->arena, order),
		.project_id = p->id,
		.account_id = act->who->account_id,
		.app_id = act->who->app_id,
		.now_ms = act->now_ms,
	};
	struct audit_detail detail = { .organization_id = p->organization_id, .project_id = p->id,
		                       AUDIT_FACTS({ S("job"), n.public_id }) };

	if (act->who->kind != WHO_LOCAL)
		n.hold_ms = act->settings->publish_pending_hold_ms;
	if (n.input.n >= INPUT_BYTES_MAX)
		return err_set(e, ERR_PAYLOAD_TOO_LARGE,
			       "Name fewer translations, or none to publish everything.");
	*id_out = n.public_id;
	return jobs_add(publisher->config.jobs, act->db, act->arena, &n, e) &&
	       audit_add(act, AUDIT_PUBLISH_STARTED, &detail, e);
}

/* publish.start -------------------------------------------------------------------------------- */

static void say_nothing(const struct act *act, const struct project *p, struct publish_out *o)
{
	*o = (struct publish_out){
		.success = true,
		.repositories = 1,
		.jobs = { NULL, 0, true },
		.message = arena_printf(act->arena, "Nothing to publish in " FMT_STR ".",
					ARG_STR(project_full_slug(act->arena, p))),
		.hint = S("getPendingChanges lists what waits; only approved translations can be "
			  "published."),
	};
}

static void say_started(const struct act *act, const struct project *p, const struct pending *n,
			str id, struct publish_out *o)
{
	str *ids = arena_array(act->arena, str, 1);

	ids[0] = id;
	*o = (struct publish_out){
		.success = true,
		.published = n->texts,
		.repositories = 1,
		.deleted_keys = n->keys,
		.language_changes = n->languages,
		.jobs = { ids, 1, true },
		.message = arena_printf(act->arena, "Publishing %lld translation%s of " FMT_STR ".",
					(long long)n->texts, n->texts == 1 ? "" : "s",
					ARG_STR(project_full_slug(act->arena, p))),
		.hint = S("getSync with this id and waitMs 25000 answers when it has finished."),
	};
}

bool publish_start(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct publish_in *i = in;
	struct publish_order order = { .texts = i->texts };
	struct pending n;
	struct project p;
	bool chosen = i->texts.present;
	str id;

	if (!project_find(act, i->org_slug, i->project_slug, &p, e))
		return false;
	if (chosen && i->texts.n == 0) {
		say_nothing(act, &p, out);
		return true;
	}
	if (!store_project_lock(act->db, act->arena, p.id, e) || !check_cooldown(act, &p, e) ||
	    !check_idle(act, &p, e) ||
	    !(chosen ? count_chosen(act, &p, &i->texts, &n, e) : count_pending(act, &p, &n, e)))
		return false;
	/* A project that was never published gets its first files even when they are empty. */
	if (n.texts + n.keys + n.languages == 0 && (chosen || p.publish_seq > 0)) {
		say_nothing(act, &p, out);
		return true;
	}
	if (!add_job(act, &p, &order, &id, e))
		return false;
	say_started(act, &p, &n, id, out);
	return true;
}

/* publish.local, publish.rollback -------------------------------------------------------------- */

struct local { str project; struct publish_order order; str job_id; int64_t published; };

static bool start_local(const struct act *tx, void *arg, struct err *e)
{
	struct local *l = arg;
	struct pending n;
	struct project p;

	if (!project_find_name(tx, l->project, &p, e) ||
	    !access_needs_role(tx, p.organization_id, ROLE_ADMIN, e) ||
	    !count_pending(tx, &p, &n, e) || !add_job(tx, &p, &l->order, &l->job_id, e))
		return false;
	l->published = l->order.back ? 0 : n.texts;
	return true;
}

struct bell { pthread_mutex_t mutex; pthread_cond_t wake; bool rung; };

static void ring(void *arg)
{
	struct bell *b = arg;

	pthread_mutex_lock(&b->mutex);
	b->rung = true;
	pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&b->mutex);
}

static void wait_for_job(struct jobs *j, str id)
{
	struct bell b = { .mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

	jobs_wait(j, id, clock_mono_ms() + PUBLISH_WAIT_MS, ring, &b);
	pthread_mutex_lock(&b.mutex);
	while (!b.rung)
		pthread_cond_wait(&b.wake, &b.mutex);
	pthread_mutex_unlock(&b.mutex);
	pthread_cond_destroy(&b.wake);
	pthread_mutex_destroy(&b.mutex);
}

struct ended { str id; struct job job; };

static bool read_job(const struct act *tx, void *arg, struct err *e)
{
	struct ended *x = arg;

	return store_job_by_public_id(tx->db, tx->arena, x->id, &x->job, e);
}

/* false: it failed, with the job's own text. */
static bool job_outcome(const struct act *act, const struct job *j, struct publish_local_out *o,
			struct err *e)
{
	struct json_fault fault;
	struct json *v;
	int64_t n;

	if (str_eq(j->state, S("failed"))) {
		/* Only a lack of resources is tried that often. */
		if (j->attempts < JOBS_ATTEMPTS_MAX)
			return err_set(e, ERR_PRECONDITION_FAILED, "Publishing failed: " FMT_STR,
				       ARG_STR(j->error));
		err_set(e, ERR_UNAVAILABLE,
			"Publishing failed for lack of room or of the store; nothing was changed.");
		e->retry_after_s = 1;
		return false;
	}
	if (!str_eq(j->state, S("completed")) ||
	    !json_parse(act->arena, j->result, INPUT_DEPTH_MAX, &v, &fault))
		return true;
	o->version = json_str(json_get(v, S("version")));
	if (json_i64(json_get(v, S("published")), &n))
		o->published = n;
	return true;
}

static bool publish_and_wait(const struct act *act, struct local *l, bool wait,
			     struct publish_local_out *o, struct err *e)
{
	struct publisher *p = act->publisher;
	struct ended x;
	str *ids;

	if (!act_write(act, start_local, l, e))
		return false;
	ids = arena_array(act->arena, str, 1);
	ids[0] = l->job_id;
	*o = (struct publish_local_out){ .jobs = { ids, 1, true }, .published = l->published };
	/* Without a server nobody would be left to run the job. */
	if (!wait && !p->config.quiet)
		return true;
	wait_for_job(p->config.jobs, l->job_id);
	x.id = l->job_id;
	if (!act_read(act, read_job, &x, e) || !job_outcome(act, &x.job, o, e))
		return false;
	if (!wait)
		o->version = STR_NONE;
	return true;
}

bool publish_local(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct publish_local_in *i = in;
	struct local l = { .project = i->project };

	return publish_and_wait(act, &l, i->wait, out, e);
}

bool publish_rollback(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct rollback_in *i = in;
	struct local l = { .project = i->project, .order = { .back = true, .back_to = i->to } };

	return publish_and_wait(act, &l, true, out, e);
}
