/* SPDX-License-Identifier: MIT
 *
 * A backup file: a copy of the embedded database with the delivered bodies in one more table, so
 * that one file is everything but the server key. store_backup makes the copy; these add the bodies
 * and take a file apart again. */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include "base/arena.h"
#include "base/err.h"

struct backup_body { str name; int64_t form; str bytes; };

/* Adds bodies to a fresh backup. next sets *more_out to false after the last one; bytes must live
 * until the next call. */
typedef bool (*backup_next_fn)(void *arg, struct backup_body *out, bool *more_out, struct err *e);
bool backup_add_bodies(str file, backup_next_fn next, void *arg, struct err *e) MUST_CHECK;

/* Checks that `file` is a whole backup of a known schema, hands every body to `take`, begins a new
 * token epoch without installation tokens, sessions and codes, and only then gives the copy the name
 * database_file (which must not exist). On failure or a crash before there is no database_file. */
typedef bool (*backup_take_fn)(void *arg, const struct backup_body *body, struct err *e);
bool backup_unpack(str file, str database_file, backup_take_fn take, void *arg, struct err *e) MUST_CHECK;

#endif
