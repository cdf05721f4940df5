/* SPDX-License-Identifier: MIT
 *
 * The publish job. Order: read in one view, make bodies durable, commit, swap, mark what was
 * shipped. A run that is cut off anywhere is run again from the start and finds the same files
 * already there; only the commit makes something visible. */
#include "publish/run.h"

#include <string.h>

#include "access/audit.h"
#include "base/clock.h"
#include "base/json.h"
#include "publish/build.h"
#include "publish/publisher_int.h"

enum {
	SLICE = 1000, /* rows that one write task marks: some 10 ms */
	CONFLICTS_MAX = 3,
	WARM_SHARE = 4, /* at most this part of the memory for one publish */
	DENSE_BYTES_MAX = 8 * 1024 * 1024,
	RESULT_BYTES_MAX = 256 * 1024,
};

/* Input ---------------------------------------------------------------------------------------- */

static const struct field order_text_fields[] = {
	FIELD(struct chosen_text, key_id, "keyId", .flags = FIELD_REQUIRED | FIELD_LOWER),
	FIELD(struct chosen_text, language, "languageCode", .flags = FIELD_REQUIRED | FIELD_LOWER),
	FIELD_END
};
const struct field publish_order_fields[] = {
	FIELD_OF_LIST(struct publish_order, texts, "translations", struct chosen_text,
	              order_text_fields, .flags = FIELD_OPTIONAL),
	FIELD(struct publish_order, back, "back", .flags = FIELD_OPTIONAL),
	FIELD(struct publish_order, back_to, "backTo", .flags = FIELD_OPTIONAL),
	FIELD_END
};

static bool order_read(struct arena *a, str input, struct publish_order *out, struct err *e)
{
	struct json_fault fault;
	struct json *v;

	*out = (struct publish_order){ 0 };
	if (input.n == 0)
		return true;
	return (json_parse(a, input, JSON_DEPTH_DEFAULT, &v, &fault) &&
	        fields_read(a, publish_order_fields, v, out, e)) ||
	       err_log(e, ERR_INTERNAL, 0, "the input of a publish job cannot be read");
}

/* One run -------------------------------------------------------------------------------------- */

struct publishing {
	struct publisher *p;
	struct job_run   *run;
	struct publish_order order;
	struct build      b;
	int64_t           now_ms;
	struct snapshot snapshot; /* to be added; meta absent: nothing has changed */
	struct live      *live;
	bool *fresh; /* [files.n]: the body is new, so its forms are here */
	size_t            marked, purged;
	bool              committed;
};

static bool read_view(struct publishing *x, struct err *e)
{
	struct build *b = &x->b;
	struct db *db;
	bool ok;

	*b = (struct build){ .arena = x->run->arena,
		             .scope = x->order.texts.present ? BUILD_CHOSEN : BUILD_ALL,
		             .chosen = { x->order.texts.v, x->order.texts.n } };
	build_choose(&b->chosen);
	if (!store_read_begin(x->run->store, &db, e))
		return false;
	if (x->order.back)
		ok = build_back(b, db, x->run->job->project_id, x->order.back_to, x->now_ms, e);
	else
		ok = build_read(b, db, x->run->job->project_id, x->now_ms, e);
	store_read_end(x->run->store, db);
	return ok;
}

/* Bodies --------------------------------------------------------------------------------------- */

static bool has_bodies(struct publishing *x, struct err *e)
{
	for (size_t i = 0; i < x->b.files.n; i++)
		if (!blobs_has(x->p->config.blobs, x->b.files.v[i].digest, BLOB_IDENTITY))
			return err_set(e, ERR_PRECONDITION_FAILED,
				       "a file of that snapshot is no longer kept");
	return true;
}

/* What is there already is only touched, so that a sweep does not take it from under the commit. */
static bool put_bodies(struct publishing *x, struct err *e)
{
	struct build *b = &x->b;
	struct blob_item *items = arena_array(b->arena, struct blob_item, b->files.n * BLOB_FORMS);
	size_t n = 0;

	x->fresh = arena_array(b->arena, bool, b->files.n);
	if (x->order.back)
		return has_bodies(x, e);
	for (size_t i = 0; i < b->files.n; i++) {
		str digest = b->files.v[i].digest;

		x->fresh[i] = !blobs_has(x->p->config.blobs, digest, BLOB_IDENTITY);
		if (x->fresh[i])
			pack(b->arena, PACK_AT_ONCE, &b->bodies[i]);
		for (int form = 0; form < BLOB_FORMS; form++)
			if (b->bodies[i].form[form].p)
				items[n++] = (struct blob_item){ digest, (enum blob_form)form,
								 b->bodies[i].form[form] };
	}
	return blobs_put(x->p->config.blobs, items, n, e);
}

/* Memory --------------------------------------------------------------------------------------- */

static bool make_live(struct publishing *x, struct err *e)
{
	struct build *b = &x->b;
	size_t n = b->before_files.n + b->archive.n;
	struct snapshot_file *archive = arena_array(b->arena, struct snapshot_file, n);
	struct live_parts parts = {
		.name = site_name(b->arena, b->project.organization_slug, b->project.slug),
		.snapshot = &x->snapshot, .files = b->files, .archive = { archive, n },
	};

	if (b->before_files.n > 0)
		memcpy(archive, b->before_files.v, b->before_files.n * sizeof(*archive));
	if (b->archive.n > 0)
		memcpy(archive + b->before_files.n, b->archive.v, b->archive.n * sizeof(*archive));
	return live_make(x->p, &parts, &x->live, e);
}

static size_t warm_file(struct publishing *x, struct file *f, enum hot_class class,
			const struct packed *packed)
{
	struct hot_facts facts = { .class = class, .etag = etag_of(x->b.arena, f->digest),
		                   .modified_ms = f->changed_ms };
	struct body *body = body_make(packed);
	struct hot *h = hot_make(x->p, &facts, body, STR_NONE);
	size_t weight = h->weight;

	body_unref(body);
	pthread_mutex_lock(&x->p->mutex);
	hot_install(x->p, &f->hot[FILE_CURRENT], h);
	pthread_mutex_unlock(&x->p->mutex);
	hot_unref(h);
	return weight;
}

/* New bodies are here anyway: the first readers need not wait for the disk. */
static void warm(struct publishing *x)
{
	size_t budget = x->p->config.memory_bytes_max / WARM_SHARE, used;
	struct packed manifest = { .form = { x->live->manifest_text } };
	struct build *b = &x->b;

	pack(b->arena, PACK_AT_ONCE, &manifest);
	used = warm_file(x, &x->live->manifest, HOT_MANIFEST, &manifest);
	for (size_t i = 0; i < b->files.n && used < budget; i++) {
		struct file *f = live_file(x->live, b->files.v[i].language, b->files.v[i].space);

		if (x->fresh[i] && f)
			used += warm_file(x, f, HOT_CURRENT, &b->bodies[i]);
	}
}

static void show(struct publishing *x)
{
	const struct project *pr = &x->b.project;
	struct site_row row = {
		.project_id = pr->id,
		.organization_id = pr->organization_id,
		.seq = x->snapshot.seq,
		.public_id = pr->public_id,
		.organization_slug = pr->organization_slug,
		.slug = pr->slug,
		.file_structure = pr->file_structure,
		.missing = pr->missing,
	};

	warm(x);
	site_publish(x->p, &row, x->live);
	x->live = NULL;
	for (size_t i = 0; i < x->b.files.n; i++)
		if (x->fresh[i] && x->b.bodies[i].form[HOT_BROTLI].p &&
		    x->b.bodies[i].form[HOT_IDENTITY].n <= DENSE_BYTES_MAX)
			behind_densify(x->p, pr->id, x->b.files.v[i].digest);
}

/* Commits -------------------------------------------------------------------------------------- */

static bool audit(struct publishing *x, struct db *db, struct err *e)
{
	const struct job *j = x->run->job;
	struct principal who = { .kind = WHO_LOCAL,
				 .account_id = j->account_id,
				 .app_id = j->app_id };
	struct act act = { .store = x->run->store, .db = db, .arena = x->run->arena, .who = &who,
		           .settings = x->p->config.settings, .now_ms = x->now_ms };
	struct audit_detail detail = {
		.organization_id = x->b.project.organization_id,
		.project_id = j->project_id,
		AUDIT_FACTS({ S("job"), j->public_id },
			    { S("sequence"),
			      arena_printf(act.arena, "%lld", (long long)x->snapshot.seq) }),
	};

	return audit_add(&act, x->order.back ? AUDIT_PUBLISH_ROLLED_BACK : AUDIT_PUBLISH_COMPLETED,
			 &detail, e);
}

static bool mark_slice(struct publishing *x, struct db *db, struct err *e)
{
	struct build *b = &x->b;
	size_t left = SLICE;

	for (; x->marked < b->marks_n && left > 0; x->marked++, left--) {
		const struct mark *m = &b->marks[x->marked];
		bool ok = m->was_id != 0 ? store_revision_published(db, b->arena, m->was_id, e)
					 : store_text_published(db, b->arena, m->key_id,
								m->language, m->revision, e);

		if (!ok)
			return false;
	}
	for (; x->purged < b->deleted.n && left > 0; x->purged++, left--)
		if (!store_key_purge(db, b->arena, b->deleted.v[x->purged].id, e))
			return false;
	return true;
}

static bool commit_first(struct db *db, void *arg, struct err *e)
{
	struct publishing *x = arg;

	if (!job_hold(x->run, db, e))
		return false;
	if (x->snapshot.meta.p &&
	    (!store_snapshot_add(db, x->b.arena, &x->snapshot, &x->b.files, e) || !audit(x, db, e)))
		return false;
	if (x->b.scope == BUILD_ALL &&
	    !store_languages_published(db, x->b.arena, x->b.project.id, &x->b.languages, e))
		return false;
	return mark_slice(x, db, e);
}

static bool commit_more(struct db *db, void *arg, struct err *e)
{
	struct publishing *x = arg;

	return job_hold(x->run, db, e) && mark_slice(x, db, e);
}

static bool commit_rest(struct publishing *x, struct err *e)
{
	while (x->marked < x->b.marks_n || x->purged < x->b.deleted.n) {
		size_t marked = x->marked, purged = x->purged;

		if (!jobs_write(x->run->store, commit_more, x, e)) {
			x->marked = marked;
			x->purged = purged;
			return false;
		}
	}
	return true;
}

/* Result --------------------------------------------------------------------------------------- */

static void put_act(struct json_out *o, str key, str act)
{
	json_open_object(o);
	json_key(o, S("k"));
	json_put_str(o, key);
	json_key(o, S("act"));
	json_put_str(o, act);
	json_close_object(o);
}

static size_t texts_marked(const struct build *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->marks_n; i++)
		n += b->marks[i].was_id == 0;
	return n;
}

static str result_text(struct publishing *x)
{
	struct build *b = &x->b;
	struct json_out o;
	struct buf text;
	int64_t languages = 0;

	for (size_t i = 0; i < b->languages.n; i++)
		languages += b->languages.v[i].changed;
	buf_init_arena(&text, b->arena, RESULT_BYTES_MAX);
	json_out_init(&o, &text);
	json_open_object(&o);
	json_key(&o, S("published"));
	json_put_i64(&o, (int64_t)texts_marked(b));
	json_key(&o, S("deletedKeys"));
	json_put_i64(&o, (int64_t)b->deleted.n);
	json_key(&o, S("languageChanges"));
	json_put_i64(&o, b->scope == BUILD_ALL ? languages : 0);
	json_key(&o, S("keys"));
	json_put_i64(&o, b->leaves);
	json_key(&o, S("files"));
	json_put_i64(&o, (int64_t)b->files.n);
	json_key(&o, S("sequence"));
	json_put_i64(&o, x->snapshot.seq);
	json_key(&o, S("version"));
	json_put_str(&o, b->files.n > 0 ? b->files.v[0].version : STR_NONE);
	json_key(&o, S("affected"));
	json_open_array(&o);
	for (size_t i = 0; i < b->keys.n; i++)
		put_act(&o, b->keys.v[i], S("published"));
	for (size_t i = 0; i < b->deleted.n && i < PUBLISH_AFFECTED_MAX; i++)
		put_act(&o,
			arena_printf(b->arena, FMT_STR "." FMT_STR, ARG_STR(b->deleted.v[i].space),
				     ARG_STR(b->deleted.v[i].key)),
			S("deleted"));
	json_close_array(&o);
	json_close_object(&o);
	return text.full ? S("{}") : buf_view(&text);
}

/* The job -------------------------------------------------------------------------------------- */

/* The snapshot that will stand when this run has committed; the one that stands when nothing
 * changes. */
static void plan(struct publishing *x)
{
	struct build *b = &x->b;

	x->snapshot = b->before;
	x->snapshot.meta = STR_NONE;
	if (!b->changed)
		return;
	x->snapshot = (struct snapshot){
		.project_id = b->project.id,
		.seq = b->project.publish_seq + 1,
		.live = true,
		.created_ms =
			x->now_ms > b->before.created_ms ? x->now_ms : b->before.created_ms + 1,
		.meta = meta_write(b->arena, &b->meta),
	};
}

static bool attempt(struct publishing *x, struct err *e)
{
	struct build *b = &x->b;

	x->marked = x->purged = 0;
	x->now_ms = clock_now_ms();
	if (!read_view(x, e))
		return false;
	plan(x);
	job_note(x->run, "FILE_GENERATION %zu files, %lld keys%s", b->files.n, (long long)b->leaves,
	         b->changed ? "" : ", nothing has changed");
	for (size_t i = 0; i < b->dropped.n; i++)
		job_note(x->run, "FILE_GENERATION " FMT_STR " is left out: other keys are below it",
		         ARG_STR(b->dropped.v[i]));
	if (b->changed && (!put_bodies(x, e) || !make_live(x, e)))
		return false;
	/* A run that was cut off after its commit finds nothing changed; what it said then still
	 * holds. */
	if (b->changed || x->run->result.n == 0)
		x->run->result = result_text(x);
	if (b->changed)
		job_note(x->run, "CDN_UPLOAD snapshot %lld", (long long)x->snapshot.seq);
	x->committed = jobs_write(x->run->store, commit_first, x, e);
	if (!x->committed) {
		live_free(x->live);
		x->live = NULL;
		return false;
	}
	if (x->live)
		show(x);
	return commit_rest(x, e);
}

bool publish_run(struct job_run *run, struct err *e)
{
	struct publishing x = { .p = run->arg, .run = run };
	bool ok = false;

	if (!order_read(run->arena, run->job->input, &x.order, e))
		return false;
	job_note(run, "STATUS_UPDATE started, attempt %lld", (long long)run->job->attempts);
	for (int i = 0; !ok && i < CONFLICTS_MAX; i++) {
		*e = (struct err){ 0 };
		ok = attempt(&x, e);
		if (!ok && (e->code != ERR_CONFLICT || x.committed))
			break;
	}
	if (ok)
		job_note(run, "SYNC_COMPLETED");
	else
		job_note(run, "STATUS_UPDATE failed: %s",
			 e->say[0] ? e->say : "the server could not finish it");
	return ok;
}

/* Repair --------------------------------------------------------------------------------------- */

/* Lost bodies are made again from what the texts were when they were published. Only bodies whose
 * digest comes out the same are written; nothing new is published. */
bool repair_run(struct job_run *run, struct err *e)
{
	struct publisher *p = run->arg;
	struct build b = { .arena = run->arena, .scope = BUILD_PUBLISHED };
	size_t lost = 0, made = 0;
	struct blob_item item;
	struct db *db;
	bool ok;

	if (!store_read_begin(run->store, &db, e))
		return false;
	ok = build_read(&b, db, run->job->project_id, clock_now_ms(), e);
	store_read_end(run->store, db);
	for (size_t i = 0; ok && i < b.before_files.n; i++) {
		str digest = b.before_files.v[i].digest;
		size_t k = 0;

		while (k < b.files.n && !str_eq(b.files.v[k].digest, digest))
			k++;
		if (k == b.files.n) {
			lost += !blobs_has(p->config.blobs, digest, BLOB_IDENTITY);
			continue;
		}
		item = (struct blob_item){ digest, BLOB_IDENTITY, b.bodies[k].form[HOT_IDENTITY] };
		ok = blobs_replace(p->config.blobs, &item, e);
		made++;
	}
	job_note(run, "CDN_UPLOAD %zu bodies made again, %zu lost", made, lost);
	if (ok && lost > 0)
		return err_set(e, ERR_PRECONDITION_FAILED,
			       "%zu files cannot be made again from the texts; publish the project",
			       lost);
	return ok;
}
