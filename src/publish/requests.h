/* SPDX-License-Identifier: MIT
 *
 * What clients ask of publishing: start it, look at its jobs, cancel, go back. Sources: contract
 * "platform-api" 7.13-7.16, "cdn-and-cli" 17 A10, A14-A16 and 18; rulings R16, R32. Members marked
 * un-batched are for the command line client. */
#ifndef PUBLISH_REQUESTS_H
#define PUBLISH_REQUESTS_H

#include "access/act.h"
#include "base/field.h"

enum {
	PUBLISH_CHOSEN_MAX = 1000,    /* texts that one call may name */
	PUBLISH_WAIT_MS = 600 * 1000, /* longest wait of a command */
	SYNCS_MAX = 50,
	SYNCS_DEFAULT = 10,
};

/* publish.start; write lane. ERR_RATE_LIMITED within the cool-down, ERR_PRECONDITION_FAILED while
 * another one runs. */
struct publish_in {
	str org_slug, project_slug;
	struct list texts;
}; /* of struct chosen_text */
struct publish_out {
	bool    success;
	int64_t published, repositories, deleted_keys, language_changes;
	struct strs jobs;
	str     message, hint;
};
extern const struct field publish_in_fields[], publish_out_fields[];
bool publish_start(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* publish.local {project, wait}: commands and pages, without a cool-down; slow lane. */
struct publish_local_in { str project; bool wait; };
struct publish_local_out { struct strs jobs; int64_t published; str version; };
extern const struct field publish_local_in_fields[], publish_local_out_fields[];
bool publish_local(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;
/* publish.rollback {project, to?}: the snapshot before the live one, or the one with this number;
 * waits. */
struct rollback_in { str project; int64_t to; };
extern const struct field rollback_in_fields[];
bool publish_rollback(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* job.get; read lane. */
struct job_get_in { str sync_id; int64_t wait_ms; };
struct job_person { str name, image; };
struct job_key { str key, act; };
struct job_view {
	str     id, type, status, started_at, completed_at, error, hint;
	struct job_person trigger;
	struct strs log;
	struct list keys;                    /* of struct job_key */
	int64_t new_keys, updated_keys;
};
extern const struct field job_get_in_fields[], job_view_fields[];
bool job_get(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;
int64_t job_get_wait_ms(const void *in, str *topic_out);

/* job.list; read lane. */
struct job_list_in { str org_slug, project_slug, status, type; int64_t limit; };
struct job_meta { int64_t keys, files; };
struct job_item {
	str id, type, status, started_at, completed_at, error;
	struct list trigger;
	struct job_meta meta;
};
struct job_list_out { str project, message; int64_t total; struct list items; };
extern const struct field job_list_in_fields[], job_list_out_fields[];
bool job_list(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* job.cancel; write lane. Not being able to is an answer, not an error. */
struct job_cancel_in { str org_slug, project_slug, sync_id; };
struct job_cancel_out { str id, previous, reason, hint; bool cancelled; };
extern const struct field job_cancel_in_fields[], job_cancel_out_fields[];
bool job_cancel(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
