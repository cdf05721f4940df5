/* SPDX-License-Identifier: MIT */
#include "store/publish.h"

#include <stdio.h>

/* Jobs ----------------------------------------------------------------------------------------- */

static void job_of(const struct cell *c, struct job *j)
{
	*j = (struct job){
		.id = c[0].i,
		.public_id = c[1].s,
		.kind = c[2].s,
		.project_id = c[3].i,
		.account_id = c[4].i,
		.app_id = c[5].i,
		.via = c[6].s,
		.state = c[7].s,
		.input = c[8].s,
		.result = c[9].s,
		.log = c[10].s,
		.error = c[11].s,
		.owner = c[12].s,
		.epoch = c[13].i,
		.lease_until_ms = c[14].i,
		.not_before_ms = c[15].i,
		.attempts = c[16].i,
		.created_ms = c[17].i,
		.started_ms = c[18].i,
		.finished_ms = c[19].i,
	};
}

static void job_first(const struct rows *r, struct job *out)
{
	*out = (struct job){ 0 };
	if (r->n > 0)
		job_of(r->cells, out);
}

bool store_job_insert(struct db *db, struct arena *a, const struct job *j, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_JOB_INSERT, &r, e, A_TEXT(j->public_id), A_TEXT(j->kind),
	              A_I64(j->project_id), A_I64(j->account_id), A_I64(j->app_id), A_TEXT(j->via),
	              A_TEXT(j->input), A_I64(j->not_before_ms), A_I64(j->created_ms));
}

bool store_job_claim(struct db *db, struct arena *a, str owner, int64_t lease_until_ms,
		     int64_t now_ms, struct job *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_JOB_CLAIM, &r, e, A_TEXT(owner), A_I64(lease_until_ms),
		    A_I64(now_ms)))
		return false;
	job_first(&r, out);
	return true;
}

bool store_job_hold(struct db *db, struct arena *a, const struct job *j, int64_t lease_until_ms,
		    str log, str result, bool *held, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_JOB_HOLD, &r, e, A_I64(lease_until_ms), A_TEXT(log), A_TEXT(result),
	            A_I64(j->id), A_TEXT(j->owner), A_I64(j->epoch)))
		return false;
	*held = r.changed == 1;
	return true;
}

bool store_job_renew(struct db *db, struct arena *a, const struct job *j, int64_t lease_until_ms,
                     struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_JOB_RENEW, &r, e, A_I64(lease_until_ms), A_I64(j->id),
		      A_TEXT(j->owner), A_I64(j->epoch));
}

bool store_job_retry(struct db *db, struct arena *a, const struct job *j, int64_t not_before_ms,
		     str log, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_JOB_RETRY, &r, e, A_I64(not_before_ms), A_TEXT(log), A_I64(j->id),
	              A_TEXT(j->owner), A_I64(j->epoch));
}

bool store_job_finish(struct db *db, struct arena *a, const struct job *j, bool *held,
		      struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_JOB_FINISH, &r, e, A_TEXT(j->state), A_I64(j->finished_ms),
		    A_TEXT(j->log), A_TEXT(j->result), A_TEXT(j->error), A_I64(j->id),
		    A_TEXT(j->owner), A_I64(j->epoch)))
		return false;
	*held = r.changed == 1;
	return true;
}

bool store_job_cancel(struct db *db, struct arena *a, str public_id, int64_t now_ms,
		      bool *cancelled, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_JOB_CANCEL, &r, e, A_I64(now_ms), A_TEXT(public_id)))
		return false;
	*cancelled = r.changed == 1;
	return true;
}

bool store_job_by_public_id(struct db *db, struct arena *a, str public_id, struct job *out,
			    struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_JOB_BY_PUBLIC_ID, &r, e, A_TEXT(public_id)))
		return false;
	job_first(&r, out);
	return true;
}

bool store_job_list(struct db *db, struct arena *a, int64_t project_id, str state, str kind,
		    int64_t limit, struct store_job_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_JOB_LIST, &r, e, A_I64(project_id), A_TEXT(state.p ? state : S("")),
	            A_TEXT(kind.p ? kind : S("")), A_I64(limit)))
		return false;
	out->n = r.n;
	out->v = arena_array(a, struct job, r.n);
	for (size_t i = 0; i < r.n; i++)
		job_of(&CELL(&r, i, 0), &out->v[i]);
	return true;
}

bool store_job_state(struct db *db, struct arena *a, str public_id, str *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_JOB_STATE, &r, e, A_TEXT(public_id)))
		return false;
	*out = r.n > 0 ? CELL(&r, 0, 0).s : STR_NONE;
	return true;
}

static bool first_i64(struct rows *r, int64_t *out)
{
	*out = r->n > 0 && !r->cells[0].null ? r->cells[0].i : 0;
	return true;
}

bool store_job_last_publish(struct db *db, struct arena *a, int64_t project_id, str via,
                            int64_t *created_ms_out, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_JOB_LAST_PUBLISH, &r, e, A_I64(project_id), A_TEXT(via)) &&
	       first_i64(&r, created_ms_out);
}

bool store_jobs_open(struct db *db, struct arena *a, int64_t project_id, str kind, int64_t *n_out,
                     struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_JOB_OPEN_OF_PROJECT, &r, e, A_I64(project_id), A_TEXT(kind)) &&
	       first_i64(&r, n_out);
}

static void strs_of(struct arena *a, const struct rows *r, struct strs *out)
{
	str *v = arena_array(a, str, r->n);

	for (size_t i = 0; i < r->n; i++)
		v[i] = CELL(r, i, 0).s;
	*out = (struct strs){ v, r->n, true };
}

bool store_jobs_open_ids(struct db *db, struct arena *a, struct strs *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN0(db, a, SQL_LOAD_JOBS_OPEN, &r, e))
		return false;
	strs_of(a, &r, out);
	return true;
}

bool store_jobs_next_ms(struct db *db, struct arena *a, int64_t *out, struct err *e)
{
	struct rows r;

	return DB_RUN0(db, a, SQL_LOAD_JOB_NEXT, &r, e) && first_i64(&r, out);
}

bool store_jobs_take_up(struct db *db, struct arena *a, struct err *e)
{
	struct rows r;

	return DB_RUN0(db, a, SQL_ADMIN_JOBS_TAKE_UP, &r, e);
}

/* Projects that deliver ------------------------------------------------------------------------ */

static struct site_row site_of(const struct cell *c)
{
	return (struct site_row){
		.project_id = c[0].i,
		.public_id = c[1].s,
		.organization_slug = c[2].s,
		.slug = c[3].s,
		.organization_id = c[4].i,
		.file_structure = c[5].s,
		.missing = c[6].s,
		.seq = c[7].i,
	};
}

struct site_visit { bool (*fn)(const struct site_row *, void *); void *arg; };

static bool visit_site(const struct cell *row, void *arg)
{
	const struct site_visit *v = arg;
	struct site_row s = site_of(row);

	return v->fn(&s, v->arg);
}

bool store_sites_each(struct db *db, struct arena *a, bool (*fn)(const struct site_row *, void *),
                      void *arg, struct err *e)
{
	struct site_visit v = { fn, arg };

	return db_each(db, a, SQL_LOAD_SITES, NULL, 0, visit_site, &v, e);
}

bool store_site(struct db *db, struct arena *a, int64_t project_id, struct site_row *out,
		struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_SITE_BY_ID, &r, e, A_I64(project_id)))
		return false;
	*out = r.n > 0 ? site_of(r.cells) : (struct site_row){ 0 };
	return true;
}

bool store_slug_aliases(struct db *db, struct arena *a, struct slug_alias_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN0(db, a, SQL_LOAD_SLUG_ALIASES, &r, e))
		return false;
	out->n = r.n;
	out->v = arena_array(a, struct slug_alias_row, r.n);
	for (size_t i = 0; i < r.n; i++)
		out->v[i] = (struct slug_alias_row){ CELL(&r, i, 0).s, CELL(&r, i, 1).s,
			                             CELL(&r, i, 2).i, CELL(&r, i, 3).i };
	return true;
}

bool store_sites_since(struct db *db, struct arena *a, int64_t published_ms, struct rows *out,
		       struct err *e)
{
	return DB_RUN(db, a, SQL_LOAD_SITES_SINCE, out, e, A_I64(published_ms));
}

/* Snapshots ------------------------------------------------------------------------------------ */

static bool snapshot_first(const struct rows *r, struct snapshot *out)
{
	const struct cell *c = r->cells;

	*out = (struct snapshot){ 0 };
	if (r->n > 0)
		*out = (struct snapshot){ .id = c[0].i,
					  .project_id = c[1].i,
					  .seq = c[2].i,
					  .meta = c[3].s,
					  .live = c[4].i != 0,
					  .created_ms = c[5].i };
	return true;
}

bool store_snapshot_live(struct db *db, struct arena *a, int64_t project_id, struct snapshot *out,
                         struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_SNAPSHOT_LIVE, &r, e, A_I64(project_id)) &&
	       snapshot_first(&r, out);
}

bool store_snapshot_by_seq(struct db *db, struct arena *a, int64_t project_id, int64_t seq,
                           struct snapshot *out, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_SNAPSHOT_BY_SEQ, &r, e, A_I64(project_id), A_I64(seq)) &&
	       snapshot_first(&r, out);
}

bool store_snapshot_before(struct db *db, struct arena *a, int64_t project_id, int64_t seq,
                           struct snapshot *out, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_SNAPSHOT_BEFORE, &r, e, A_I64(project_id), A_I64(seq)) &&
	       snapshot_first(&r, out);
}

static bool files_of(struct arena *a, const struct rows *r, struct snapshot_file_list *out)
{
	out->n = r->n;
	out->v = arena_array(a, struct snapshot_file, r->n);
	for (size_t i = 0; i < r->n; i++)
		out->v[i] = (struct snapshot_file){
			.language = CELL(r, i, 0).s,
			.space = CELL(r, i, 1).s,
			.version = CELL(r, i, 2).s,
			.digest = CELL(r, i, 3).s,
			.bytes = CELL(r, i, 4).i,
			.leaves = CELL(r, i, 5).i,
			.changed_ms = CELL(r, i, 6).i,
		};
	return true;
}

bool store_snapshot_files(struct db *db, struct arena *a, int64_t snapshot_id,
                          struct snapshot_file_list *out, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_SNAPSHOT_FILES, &r, e, A_I64(snapshot_id)) && files_of(a, &r, out);
}

bool store_snapshot_archive(struct db *db, struct arena *a, int64_t project_id,
                            struct snapshot_file_list *out, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_SNAPSHOT_ARCHIVE, &r, e, A_I64(project_id)) &&
	       files_of(a, &r, out);
}

bool store_language_changed(struct db *db, struct arena *a, int64_t project_id, str language,
                            int64_t *out, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_SNAPSHOT_LANGUAGE_CHANGED, &r, e, A_I64(project_id),
		      A_TEXT(language)) &&
	       first_i64(&r, out);
}

static bool add_file(struct db *db, struct arena *a, int64_t snapshot_id,
		     const struct snapshot_file *f, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_SNAPSHOT_FILE_INSERT, &r, e, A_I64(snapshot_id),
		      A_TEXT(f->language), A_TEXT(f->space), A_TEXT(f->version), A_TEXT(f->digest),
		      A_I64(f->bytes), A_I64(f->leaves), A_I64(f->changed_ms));
}

bool store_snapshot_add(struct db *db, struct arena *a, const struct snapshot *s,
                        const struct snapshot_file_list *files, struct err *e)
{
	struct rows r;
	int64_t id;

	if (!DB_RUN(db, a, SQL_PROJECT_PUBLISHED, &r, e, A_I64(s->seq), A_I64(s->created_ms),
	            A_I64(s->project_id), A_I64(s->seq - 1)))
		return false;
	if (r.changed != 1)
		return err_set(e, ERR_CONFLICT, "the project was published in between");
	if (!DB_RUN(db, a, SQL_SNAPSHOT_RETIRE, &r, e, A_I64(s->project_id)) ||
	    !DB_RUN(db, a, SQL_SNAPSHOT_INSERT, &r, e, A_I64(s->project_id), A_I64(s->seq),
	            A_TEXT(s->meta), A_I64(s->created_ms)))
		return false;
	id = CELL(&r, 0, 0).i;
	for (size_t i = 0; i < files->n; i++)
		if (!add_file(db, a, id, &files->v[i], e))
			return false;
	return true;
}

/* Texts ---------------------------------------------------------------------------------------- */

struct text_visit { bool (*fn)(const struct publish_text *, void *); void *arg; };

static bool visit_text(const struct cell *c, void *arg)
{
	const struct text_visit *v = arg;
	struct publish_text t = {
		.space = c[0].s,
		.key = c[1].s,
		.key_id = c[2].i,
		.key_public_id = c[3].s,
		.deleted_ms = c[4].i,
		.value = c[5].s,
		.kind = c[6].s,
		.state = c[7].s,
		.revision = c[8].i,
		.was_id = c[9].null ? 0 : c[9].i,
		.was_value = c[10].null ? STR_NONE : c[10].s,
		.was_kind = c[11].null ? STR_NONE : c[11].s,
		.was_state = c[12].null ? STR_NONE : c[12].s,
	};

	return v->fn(&t, v->arg);
}

bool store_publish_texts_each(struct db *db, struct arena *a, int64_t project_id, str language,
			      bool approved, bool (*fn)(const struct publish_text *, void *),
			      void *arg, struct err *e)
{
	struct text_visit v = { fn, arg };
	struct sql_arg args[] = { A_TEXT(approved ? S("approved") : S("published")),
				  A_I64(project_id), A_TEXT(language) };

	return db_each(db, a, SQL_PUBLISH_TEXTS, args, COUNT(args), visit_text, &v, e);
}

bool store_publish_keys_deleted(struct db *db, struct arena *a, int64_t project_id,
                                struct deleted_key_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_PUBLISH_KEYS_DELETED, &r, e, A_I64(project_id)))
		return false;
	out->n = r.n;
	out->v = arena_array(a, struct deleted_key, r.n);
	for (size_t i = 0; i < r.n; i++)
		out->v[i] = (struct deleted_key){ CELL(&r, i, 0).i, CELL(&r, i, 1).s,
						  CELL(&r, i, 2).s };
	return true;
}

bool store_publish_pending_one(struct db *db, struct arena *a, const struct project *p,
			       str key_public_id, str language, bool *out, struct err *e)
{
	struct rows r;
	int64_t n;

	if (!DB_RUN(db, a, SQL_PUBLISH_PENDING_ONE, &r, e, A_TEXT(key_public_id), A_I64(p->id),
	            A_TEXT(language), A_I64(p->publish_drafts)))
		return false;
	first_i64(&r, &n);
	*out = n > 0;
	return true;
}

bool store_text_published(struct db *db, struct arena *a, int64_t key_id, str language,
			  int64_t revision, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_TEXT_PUBLISHED, &r, e, A_I64(key_id), A_TEXT(language),
		      A_I64(revision));
}

bool store_revision_published(struct db *db, struct arena *a, int64_t revision_id, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_REVISION_PUBLISHED, &r, e, A_I64(revision_id));
}

bool store_key_purge(struct db *db, struct arena *a, int64_t key_id, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_KEY_PURGE_HISTORY, &r, e, A_I64(key_id)) &&
	       DB_RUN(db, a, SQL_KEY_PURGE_TEXTS, &r, e, A_I64(key_id)) &&
	       DB_RUN(db, a, SQL_KEY_PURGE, &r, e, A_I64(key_id));
}

bool store_languages_published(struct db *db, struct arena *a, int64_t project_id,
                               const struct language_list *read, struct err *e)
{
	struct rows r;

	for (size_t i = 0; i < read->n; i++)
		if (read->v[i].changed &&
		    !DB_RUN(db, a, SQL_LANGUAGE_PUBLISHED, &r, e, A_I64(project_id),
		            A_TEXT(read->v[i].code), A_TEXT(read->v[i].status)))
			return false;
	return DB_RUN(db, a, SQL_PROJECT_LANGUAGES_PUBLISHED, &r, e, A_I64(project_id));
}

/* Retention ------------------------------------------------------------------------------------ */

bool store_snapshots_old(struct db *db, struct arena *a, int64_t before_ms, int64_t kept,
			 int64_t limit, struct rows *out, struct err *e)
{
	return DB_RUN(db, a, SQL_LOAD_SNAPSHOTS_OLD, out, e, A_I64(before_ms), A_I64(kept),
		      A_I64(limit));
}

bool store_snapshot_digests(struct db *db, struct arena *a, int64_t snapshot_id, struct strs *out,
                            struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_SNAPSHOT_DIGESTS, &r, e, A_I64(snapshot_id)))
		return false;
	strs_of(a, &r, out);
	return true;
}

bool store_snapshot_delete(struct db *db, struct arena *a, int64_t snapshot_id, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_SNAPSHOT_FILES_DELETE, &r, e, A_I64(snapshot_id)) &&
	       DB_RUN(db, a, SQL_SNAPSHOT_DELETE, &r, e, A_I64(snapshot_id));
}

bool store_digest_used(struct db *db, struct arena *a, str digest, bool *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_SNAPSHOT_DIGEST_USED, &r, e, A_TEXT(digest)))
		return false;
	*out = r.n > 0;
	return true;
}

struct digest_visit { bool (*fn)(str, void *); void *arg; };

static bool visit_digest(const struct cell *c, void *arg)
{
	const struct digest_visit *v = arg;

	return v->fn(c[0].s, v->arg);
}

bool store_digests_each(struct db *db, struct arena *a, bool (*fn)(str digest, void *), void *arg,
                        struct err *e)
{
	struct digest_visit v = { fn, arg };

	return db_each(db, a, SQL_LOAD_DIGESTS, NULL, 0, visit_digest, &v, e);
}
