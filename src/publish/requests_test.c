/* SPDX-License-Identifier: MIT */
#include "publish/fixture_test.h"

#include "base/clock.h"
#include "base/json.h"
#include "publish/build.h"

static const struct project_wish app = { .slug = "app", .source = "en", .languages = "tr" };
static const struct project_wish other = { .slug = "other", .source = "en", .languages = "" };

struct call {
	struct world *w;
	bool (*fn)(const struct act *, const void *, void *, struct err *);
	const void *in;
	void *out;
};

static bool in_task(struct db *db, void *arg, struct err *e)
{
	struct call *c = arg;
	struct act act = world_act(c->w);

	act.db = db;
	return c->fn(&act, c->in, c->out, e);
}

static bool start(struct world *w, const struct list *texts, struct publish_out *out, struct err *e)
{
	struct publish_in in = { S("acme"), S("app"), texts ? *texts : (struct list){ 0 } };
	struct call c = { w, publish_start, &in, out };

	*e = (struct err){ 0 };
	return jobs_write(w->store, in_task, &c, e);
}

static bool get(struct world *w, str id, struct job_view *out, struct err *e)
{
	struct job_get_in in = { id, 0 };
	struct call c = { w, job_get, &in, out };

	*e = (struct err){ 0 };
	return jobs_write(w->store, in_task, &c, e);
}

static void wait_final(struct world *w, str id, struct job_view *out)
{
	struct err e;

	do
		CHECK(get(w, id, out, &e));
	while (!job_state_is_final(out->status));
}

static void key_of_acme(struct world *w)
{
	w->who = (struct principal){ .kind = WHO_KEY, .organization_id = w->organization_id,
		                     .scopes = SCOPE_ALL, .projects = { PROJECTS_ALL, NULL, 0 } };
}

static int64_t make(struct world *w, struct fixture *f)
{
	int64_t id;

	world_make(w, f, NULL);
	id = world_project(w, &app);
	key_of_acme(w);
	world_text(w, id, "common", "a", "en", "A", "approved");
	world_text(w, id, "common", "b", "en", "B", "approved");
	return id;
}

WORLD_TEST(publish_start_answers_at_once_and_the_job_completes)
{
	struct publish_out out;
	struct job_view v;
	struct world w;
	struct err e;

	make(&w, f);
	CHECK(start(&w, NULL, &out, &e));
	CHECK(out.success && out.published == 2 && out.repositories == 1 && out.jobs.n == 1);
	wait_final(&w, out.jobs.v[0], &v);
	CHECK_STR(v.status, S("completed"));
	CHECK_STR(v.type, S("batch_publish"));
	CHECK_I64((int64_t)v.keys.n, 2);
	CHECK_STR(((struct job_key *)v.keys.v)[0].act, S("published"));
	CHECK(v.log.n >= 3 && v.completed_at.n == 24 && !v.hint.p);
	CHECK_STR(world_body(&w, "acme/app", "en/common.json"), S("{\"a\":\"A\",\"b\":\"B\"}"));
	world_drop(&w);
}

WORLD_TEST(publish_start_within_the_cooldown_is_rate_limited_with_the_seconds_left)
{
	struct publish_out out;
	struct job_view v;
	struct world w;
	struct err e;
	int64_t id = make(&w, f);

	CHECK(start(&w, NULL, &out, &e));
	wait_final(&w, out.jobs.v[0], &v);
	world_text(&w, id, "common", "a", "en", "AA", "approved");
	CHECK(!start(&w, NULL, &out, &e));
	CHECK_I64(e.code, ERR_RATE_LIMITED);
	CHECK(e.retry_after_s >= 29 && e.retry_after_s <= 30);
	CHECK(str_find(str_from(e.say), S("Try again in")) > 0);
	clock_shift_ms(31 * 1000);
	CHECK(start(&w, NULL, &out, &e));
	wait_final(&w, out.jobs.v[0], &v);
	clock_shift_ms(0);
	world_drop(&w);
}

WORLD_TEST(publish_local_has_no_cooldown_and_starts_none)
{
	struct publish_out out;
	struct world w;
	struct err e;
	int64_t id = make(&w, f);

	w.who = (struct principal){ .kind = WHO_LOCAL };
	world_publish(&w, "app");
	world_publish(&w, "app");
	key_of_acme(&w);
	world_text(&w, id, "common", "a", "en", "AA", "approved");
	CHECK(start(&w, NULL, &out, &e));
	world_drop(&w);
}

WORLD_TEST(publish_start_with_nothing_waiting_or_an_empty_list_starts_no_job)
{
	struct list none = { NULL, 0, true };
	struct publish_out out;
	struct world w;
	struct err e;

	make(&w, f);
	CHECK(start(&w, &none, &out, &e));
	CHECK(out.success && out.published == 0 && out.jobs.n == 0 && out.jobs.present &&
	      out.hint.n > 0);
	w.who = (struct principal){ .kind = WHO_LOCAL };
	world_publish(&w, "app");
	key_of_acme(&w);
	CHECK(start(&w, NULL, &out, &e));
	CHECK(out.success && out.published == 0 && out.jobs.n == 0);
	world_drop(&w);
}

WORLD_TEST(publish_start_of_chosen_texts_leaves_the_others_waiting)
{
	struct chosen_text chosen[1];
	struct list texts = { chosen, 1, true };
	struct publish_out out;
	struct job_view v;
	struct world w;
	struct rows r;
	struct err e;
	int64_t id = make(&w, f);

	w.who = (struct principal){ .kind = WHO_LOCAL };
	world_publish(&w, "app");
	key_of_acme(&w);
	world_text(&w, id, "common", "a", "en", "A2", "approved");
	world_text(&w, id, "common", "b", "en", "B2", "approved");
	world_text(&w, id, "common", "c", "en", "C", "approved");
	world_delete_key(&w, id, "common", "c");
	chosen[0] = (struct chosen_text){ world_key_id(&w, id, "common", "a"), S("en") };
	CHECK(start(&w, &texts, &out, &e));
	CHECK_I64(out.published, 1);
	wait_final(&w, out.jobs.v[0], &v);
	CHECK_STR(v.status, S("completed"));
	CHECK_STR(world_body(&w, "acme/app", "en/common.json"), S("{\"a\":\"A2\",\"b\":\"B\"}"));
	r = WORLD_ROWS(&w, SQL_PENDING_TEXTS, A_I64(id), A_I64(0));
	CHECK_I64(CELL(&r, 0, 1).i, 1);
	r = WORLD_ROWS(&w, SQL_PUBLISH_KEYS_DELETED, A_I64(id));
	CHECK_I64((int64_t)r.n, 1);
	world_drop(&w);
}

WORLD_TEST(publish_start_while_one_is_pending_is_refused_and_cancel_frees_it)
{
	struct job_cancel_in cancel = { S("acme"), S("app"), STR_NONE };
	struct job_cancel_out done;
	struct publish_out out;
	struct job_view v;
	struct call c;
	struct world w;
	struct err e;
	str id;

	make(&w, f);
	w.settings.publish_pending_hold_ms = 60 * 1000;
	w.settings.publish_cooldown_s = 0;
	CHECK(start(&w, NULL, &out, &e));
	id = out.jobs.v[0];
	CHECK(get(&w, id, &v, &e));
	CHECK_STR(v.status, S("pending"));
	CHECK(v.hint.n > 0);
	CHECK(!start(&w, NULL, &out, &e));
	CHECK_I64(e.code, ERR_PRECONDITION_FAILED);
	/* Of another project: refused and untouched. */
	world_project(&w, &other);
	cancel = (struct job_cancel_in){ S("acme"), S("other"), id };
	c = (struct call){ &w, job_cancel, &cancel, &done };
	e = (struct err){ 0 };
	CHECK(!jobs_write(w.store, in_task, &c, &e));
	CHECK_I64(e.code, ERR_FORBIDDEN);
	cancel = (struct job_cancel_in){ S(""), S(""), id };
	CHECK(jobs_write(w.store, in_task, &c, &e));
	CHECK(done.cancelled);
	CHECK_STR(done.previous, S("pending"));
	CHECK_STR(done.reason, S("cancelled"));
	CHECK(jobs_write(w.store, in_task, &c, &e));
	CHECK(!done.cancelled);
	CHECK_STR(done.reason, S("terminal_state"));
	CHECK(get(&w, id, &v, &e));
	CHECK_STR(v.status, S("cancelled"));
	world_drop(&w);
}

WORLD_TEST(job_get_of_an_unknown_id_or_a_foreign_organization_is_not_found)
{
	struct publish_out out;
	struct job_view v;
	struct world w;
	struct err e;

	make(&w, f);
	CHECK(!get(&w, S("nope"), &v, &e));
	CHECK_I64(e.code, ERR_NOT_FOUND);
	CHECK(start(&w, NULL, &out, &e));
	w.who.organization_id = 4711;
	CHECK(!get(&w, out.jobs.v[0], &v, &e));
	CHECK_I64(e.code, ERR_NOT_FOUND);
	world_drop(&w);
}

WORLD_TEST(job_list_shows_the_newest_first_and_filters)
{
	struct job_list_in in = { S("acme"), S("app"), STR_NONE, STR_NONE, 10 };
	struct job_list_out out;
	struct call c = { .fn = job_list, .in = &in, .out = &out };
	struct world w;
	struct err e = { 0 };

	make(&w, f);
	w.who = (struct principal){ .kind = WHO_LOCAL };
	world_publish(&w, "app");
	world_publish(&w, "app");
	c.w = &w;
	CHECK(jobs_write(w.store, in_task, &c, &e));
	CHECK_I64(out.total, 2);
	CHECK_STR(((struct job_item *)out.items.v)[1].status, S("completed"));
	CHECK_I64(((struct job_item *)out.items.v)[1].meta.keys, 2);
	CHECK_I64(((struct job_item *)out.items.v)[0].meta.keys, 0);
	in.status = S("failed");
	CHECK(jobs_write(w.store, in_task, &c, &e));
	CHECK(out.total == 0 && out.message.n > 0);
	world_drop(&w);
}

static str written(struct world *w, const struct field *fields, const void *out, int dialect)
{
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, w->a, MIB);
	json_out_init(&o, &b);
	fields_write(&o, fields, out, dialect);
	return buf_view(&b);
}

WORLD_TEST(job_view_has_the_compact_names_and_more_for_the_command_line_client)
{
	struct publish_out out;
	struct job_view v;
	struct world w;
	struct err e;
	str text;

	make(&w, f);
	CHECK(start(&w, NULL, &out, &e));
	CHECK(str_find(
		      written(&w, publish_out_fields, &out, FIELDS_BATCHED),
		      S("\"success\":true,\"published\":2,\"repositories\":1,\"syncJobIds\":[\"")) >
	      0);
	wait_final(&w, out.jobs.v[0], &v);
	text = written(&w, job_view_fields, &v, FIELDS_BATCHED);
	CHECK(str_find(text, S("\"tp\":\"batch_publish\"")) > 0 &&
	      str_find(text, S("\"type\"")) < 0);
	text = written(&w, job_view_fields, &v, FIELDS_UNBATCHED);
	CHECK(str_find(text, S("\"type\":\"batch_publish\",\"status\":\"completed\"")) > 0);
	world_drop(&w);
}
