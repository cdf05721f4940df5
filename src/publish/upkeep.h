/* SPDX-License-Identifier: MIT
 *
 * What an operator does to a whole store: an online backup into one file, and the check of
 * everything. Source: contract "own-interfaces", backup and verify; design section 5. */
#ifndef PUBLISH_UPKEEP_H
#define PUBLISH_UPKEEP_H

#include "access/act.h"
#include "base/field.h"

/* store.view {} -> {schemaVersion}; inline lane. */
struct store_view_out { int64_t schema_version; };
extern const struct field store_view_out_fields[];
bool upkeep_view(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* store.backup {file} -> {ok, problems, file, bytes, keyFile hint}; slow lane. The file must not
 * exist. */
struct backup_in { str file; };
struct backup_out { bool ok; struct strs problems; str file; int64_t bytes, bodies; str reminder; };
extern const struct field backup_in_fields[], backup_out_fields[];
bool upkeep_backup(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* store.verify {} -> {ok, problems}; slow lane. Database integrity, invariants, every body of every
 * kept snapshot. */
struct verify_out { bool ok; struct strs problems; };
extern const struct field verify_out_fields[];
bool upkeep_verify(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* Puts a backup's bodies and database into an empty data directory; the caller has checked that it
 * is empty. */
bool upkeep_unpack(str file, str data_dir, int64_t *bodies_out, struct err *e) MUST_CHECK;
/* After a restore; act->db is a savepoint. */
bool upkeep_note_restore(const struct act *act, struct err *e) MUST_CHECK;

#endif
