/* SPDX-License-Identifier: MIT
 *
 * Every change of keys and texts goes through these calls: names that would clash, new keys, text
 * rows with their revisions. For a write transaction; call store_project_lock first, so that what
 * is read here still holds when it is written. */
#ifndef CATALOG_WRITE_H
#define CATALOG_WRITE_H

#include "access/act.h"
#include "base/field.h"
#include "store/text.h"

enum {
	CALL_KEYS_MAX = 10000,       /* keys or texts of one call: the writer serves others too     */
	WRITE_ROWS_MAX = 500,        /* rows of one statement                                    */
	KEY_BYTES_MAX = 1024,        /* of a name with its namespace                             */
	KEY_SEGMENTS_MAX = 48,       /* so that a file with it can be read again                 */
	TEXT_BYTES_MAX = 1 << 20,
};

/* Fit for a store and for files: no U+0000, not too long, not too deep. On failure *why_out says in
 * words what is wrong. */
bool key_name_fits(str full_name, const char **why_out);
bool text_fits(str value, const char **why_out);

/* Sets id and public_id of those keys that are live. */
bool keys_find(const struct act *act, const struct project *p, struct text_key *keys, size_t n,
               struct err *e) MUST_CHECK;

/* In a nested project no name may be both a text and a parent ("a" and "a.b"). For each key whose
 * id is 0, clash_out[i] is the full name of a live key that it cannot stand beside, absent if there
 * is none. Flat projects have no clashes. */
bool keys_clash(const struct act *act, const struct project *p, const struct text_key *keys,
                size_t n, str *clash_out, struct err *e) MUST_CHECK;
/* The same within one batch of full names: clash_out[i] = 1 + index of a name of which names[i] is
 * a parent, or of an equal one earlier; 0 if none. */
void names_clash(struct arena *a, bool flat, const str *names, size_t n, size_t *clash_out);

/* Makes namespaces and keys for those whose id is 0. A name that somebody else has just taken is
 * found instead. */
bool keys_make(const struct act *act, const struct project *p, struct text_key *keys, size_t n,
               struct err *e) MUST_CHECK;

enum write_rule {
	/* an equal value is only raised to a later state, never lowered */
	WRITE_RAISE,
	/* the state is what the caller says */
	WRITE_EXACT,
};
/* Writes changes[].to. Of several for one key and language the last one counts. Afterwards the
 * first *written_n entries are those that changed something, with what was there before; the rest
 * is in no order. */
bool texts_write(const struct act *act, const struct project *p, struct text_change *changes,
                 size_t n, enum write_rule rule, size_t *written_n, struct err *e) MUST_CHECK;

/* {has, cnt, hint} for answers of writes; cnt stops at PENDING_COUNT_MAX. */
enum { PENDING_COUNT_MAX = 1000 };
struct pending_hint { bool has; int64_t count; str hint; };
extern const struct field pending_compact_fields[];      /* has cnt hint               */
extern const struct field pending_verbose_fields[];      /* hasChanges count hint      */
bool pending_hint(const struct act *act, const struct project *p, struct pending_hint *out,
                  struct err *e) MUST_CHECK;

#endif
