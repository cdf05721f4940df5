/* SPDX-License-Identifier: MIT
 *
 * Typed store calls of jobs, snapshots and publishing. Rows come back in the given arena; "not
 * found" is an id of 0. */
#ifndef STORE_PUBLISH_H
#define STORE_PUBLISH_H

#include "model/model.h"
#include "store/db.h"

/* Jobs; the states move only through conditional statements. */
bool store_job_insert(struct db *db, struct arena *a, const struct job *j,
		      struct err *e) MUST_CHECK;
bool store_job_claim(struct db *db, struct arena *a, str owner, int64_t lease_until_ms,
		     int64_t now_ms, struct job *out, struct err *e) MUST_CHECK;
/* *held false: another owner has it, or it is finished. */
bool store_job_hold(struct db *db, struct arena *a, const struct job *j, int64_t lease_until_ms,
		    str log, str result, bool *held, struct err *e) MUST_CHECK;
bool store_job_renew(struct db *db, struct arena *a, const struct job *j, int64_t lease_until_ms,
                     struct err *e) MUST_CHECK;
bool store_job_retry(struct db *db, struct arena *a, const struct job *j, int64_t not_before_ms,
		     str log, struct err *e) MUST_CHECK;
/* Takes state, finished_ms, log, result and error from *j. */
bool store_job_finish(struct db *db, struct arena *a, const struct job *j, bool *held,
		      struct err *e) MUST_CHECK;
bool store_job_cancel(struct db *db, struct arena *a, str public_id, int64_t now_ms,
		      bool *cancelled, struct err *e) MUST_CHECK;
bool store_job_by_public_id(struct db *db, struct arena *a, str public_id, struct job *out,
			    struct err *e) MUST_CHECK;
struct store_job_list { struct job *v; size_t n; };
bool store_job_list(struct db *db, struct arena *a, int64_t project_id, str state, str kind,
		    int64_t limit, struct store_job_list *out, struct err *e) MUST_CHECK;
bool store_job_state(struct db *db, struct arena *a, str public_id, str *out,
		     struct err *e) MUST_CHECK;
bool store_job_last_publish(struct db *db, struct arena *a, int64_t project_id, str via,
			    int64_t *created_ms_out, struct err *e) MUST_CHECK;
bool store_jobs_open(struct db *db, struct arena *a, int64_t project_id, str kind, int64_t *n_out,
		     struct err *e) MUST_CHECK;
bool store_jobs_open_ids(struct db *db, struct arena *a, struct strs *out,
			 struct err *e) MUST_CHECK;
bool store_jobs_next_ms(struct db *db, struct arena *a, int64_t *out,
			struct err *e) MUST_CHECK; /* 0: none */
bool store_jobs_take_up(struct db *db, struct arena *a, struct err *e) MUST_CHECK;

/* Projects that have been published. */
struct site_row {
	int64_t project_id, organization_id, seq;
	str public_id, organization_slug, slug, file_structure, missing;
};
bool store_sites_each(struct db *db, struct arena *a, bool (*fn)(const struct site_row *, void *),
		      void *arg, struct err *e) MUST_CHECK;
bool store_site(struct db *db, struct arena *a, int64_t project_id, struct site_row *out,
		struct err *e) MUST_CHECK;
struct slug_alias_row { str organization_slug, project_slug; int64_t organization_id, project_id; };
struct slug_alias_list { struct slug_alias_row *v; size_t n; };
bool store_slug_aliases(struct db *db, struct arena *a, struct slug_alias_list *out,
			struct err *e) MUST_CHECK;
bool store_sites_since(struct db *db, struct arena *a, int64_t published_ms, struct rows *out,
		       struct err *e) MUST_CHECK;

/* Snapshots. */
struct snapshot { int64_t id, project_id, seq, created_ms; str meta; bool live; };
struct snapshot_file {
	str language, space, version, digest;
	int64_t bytes, leaves, changed_ms;
}; /* space '': the whole locale */
struct snapshot_file_list { struct snapshot_file *v; size_t n; };
bool store_snapshot_live(struct db *db, struct arena *a, int64_t project_id, struct snapshot *out,
			 struct err *e) MUST_CHECK;
bool store_snapshot_by_seq(struct db *db, struct arena *a, int64_t project_id, int64_t seq,
			   struct snapshot *out, struct err *e) MUST_CHECK;
bool store_snapshot_before(struct db *db, struct arena *a, int64_t project_id, int64_t seq,
			   struct snapshot *out, struct err *e) MUST_CHECK;
bool store_snapshot_files(struct db *db, struct arena *a, int64_t snapshot_id,
			  struct snapshot_file_list *out, struct err *e) MUST_CHECK;
bool store_snapshot_archive(struct db *db, struct arena *a, int64_t project_id,
			    struct snapshot_file_list *out, struct err *e) MUST_CHECK;
/* When the locale changed last, in any snapshot kept; 0: never published. */
bool store_language_changed(struct db *db, struct arena *a, int64_t project_id, str language,
			    int64_t *out, struct err *e) MUST_CHECK;
/* Makes a new snapshot the live one, if the project still stands at s->seq - 1: ERR_CONFLICT
 * otherwise. */
bool store_snapshot_add(struct db *db, struct arena *a, const struct snapshot *s,
                        const struct snapshot_file_list *files, struct err *e) MUST_CHECK;

/* What a publish reads and marks. was_*: what a text that waits was when it was last published or,
 * if `approved`, approved; absent when it never was. */
struct publish_text {
	str     space, key, key_public_id, value, kind, state, was_value, was_kind, was_state;
	int64_t key_id, deleted_ms, revision, was_id;
};
bool store_publish_texts_each(struct db *db, struct arena *a, int64_t project_id, str language,
			      bool approved, bool (*fn)(const struct publish_text *, void *),
			      void *arg, struct err *e) MUST_CHECK;
struct deleted_key { int64_t id; str space, key; };
struct deleted_key_list { struct deleted_key *v; size_t n; };
bool store_publish_keys_deleted(struct db *db, struct arena *a, int64_t project_id,
				struct deleted_key_list *out, struct err *e) MUST_CHECK;
/* Is this one text waiting? */
bool store_publish_pending_one(struct db *db, struct arena *a, const struct project *p,
			       str key_public_id, str language, bool *out,
			       struct err *e) MUST_CHECK;
bool store_text_published(struct db *db, struct arena *a, int64_t key_id, str language,
			  int64_t revision, struct err *e) MUST_CHECK;
bool store_revision_published(struct db *db, struct arena *a, int64_t revision_id,
			      struct err *e) MUST_CHECK;
bool store_key_purge(struct db *db, struct arena *a, int64_t key_id, struct err *e) MUST_CHECK;
bool store_languages_published(struct db *db, struct arena *a, int64_t project_id,
			       const struct language_list *read, struct err *e) MUST_CHECK;

/* Retention. */
bool store_snapshots_old(struct db *db, struct arena *a, int64_t before_ms, int64_t kept,
			 int64_t limit, struct rows *out, struct err *e) MUST_CHECK;
bool store_snapshot_digests(struct db *db, struct arena *a, int64_t snapshot_id, struct strs *out,
			    struct err *e) MUST_CHECK;
bool store_snapshot_delete(struct db *db, struct arena *a, int64_t snapshot_id,
			   struct err *e) MUST_CHECK;
bool store_digest_used(struct db *db, struct arena *a, str digest, bool *out,
		       struct err *e) MUST_CHECK;
bool store_digests_each(struct db *db, struct arena *a, bool (*fn)(str digest, void *), void *arg,
			struct err *e) MUST_CHECK;

#endif
