/* SPDX-License-Identifier: MIT
 *
 * From texts to files: what a publish of a project would ship, read in one view of the store. No
 * writing. */
#ifndef PUBLISH_BUILD_H
#define PUBLISH_BUILD_H

#include "publish/meta.h"
#include "publish/pack.h"
#include "store/publish.h"

enum build_scope {
	BUILD_ALL,	 /* everything that waits: texts, deletions, languages */
	BUILD_CHOSEN,	 /* only the chosen texts; the rest as it was published */
	BUILD_PUBLISHED, /* nothing new: what was published, for making lost bodies again */
};

struct chosen_text { str key_id, language; };             /* public id of the key, lower case */
struct chosen_list { struct chosen_text *v; size_t n; };  /* sorted by build_choose */
void build_choose(struct chosen_list *list);

/* A text (revision of a row) that is shipped and not yet marked so; was_id != 0: the shipped one is
 * that older revision. */
struct mark { int64_t key_id, revision, was_id; str language; };

struct build {
	struct arena *arena;
	enum build_scope scope;
	struct chosen_list chosen;

	/* As read. */
	struct project project;
	struct language_list languages;          /* of the table */
	struct snapshot before;                  /* live one; id 0: none */
	struct snapshot_meta before_meta;
	struct snapshot_file_list before_files, archive;
	struct deleted_key_list deleted;         /* purged with this publish */

	/* As made. */
	struct snapshot_meta meta;
	struct snapshot_file_list files;
	struct packed *bodies;                   /* [files.n]; identity only */
	struct mark *marks;
	size_t marks_n, marks_cap;
	struct strs keys;                        /* full names of what changes, a few */
	struct strs dropped; /* full names that gave way to a parent */
	int64_t leaves;                          /* of all whole files */
	bool changed;                            /* differs from what is live */
};

/* In one read view. ERR_NOT_FOUND: the project is gone. now_ms: time of the new files; a locale
 * that has not changed keeps its version and time. */
bool build_read(struct build *b, struct db *db, int64_t project_id, int64_t now_ms,
		struct err *e) MUST_CHECK;
/* The files of an earlier snapshot again, under new versions where they differ from what is live.
 * seq 0: the one before the live one. ERR_NOT_FOUND: not kept. bodies stay empty. */
bool build_back(struct build *b, struct db *db, int64_t project_id, int64_t seq, int64_t now_ms,
                struct err *e) MUST_CHECK;

#endif
