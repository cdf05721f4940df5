/* SPDX-License-Identifier: MIT
 *
 * Deleting an app or a person for good (contract rule 224): all rows that hang on them, in the
 * transaction at hand. Only of what has been disabled before, so that nothing of it is in use. The
 * record of what happened stays. */
#ifndef STORE_ERASE_H
#define STORE_ERASE_H

#include "store/db.h"

/* *done_out false: there is none, or it is not disabled; nothing was changed then. */
bool store_app_erase(struct db *db, struct arena *a, int64_t app_id, bool *done_out, struct err *e) MUST_CHECK;
bool store_account_erase(struct db *db, struct arena *a, int64_t account_id, bool *done_out,
                         struct err *e) MUST_CHECK;

/* Addresses and programs of the person in events after_id < id <= until_id. */
bool store_account_erase_traces(struct db *db, struct arena *a, int64_t account_id, int64_t after_id,
                                int64_t until_id, struct err *e) MUST_CHECK;

/* What would be left without anybody: absent when nothing would. */
struct left_alone { str organization_slug, client_id; };
bool store_account_leaves_alone(struct db *db, struct arena *a, int64_t account_id, struct left_alone *out,
                                struct err *e) MUST_CHECK;

#endif
