/* SPDX-License-Identifier: MIT
 *
 * Registered apps in memory, with redirect URIs and digests of secrets. Complete from apps_load
 * on; readers take no lock.
 * Sources: contract rules 108-118. */
#ifndef ACCESS_APPS_H
#define ACCESS_APPS_H

#include "access/act.h"
#include "crypto/crypto.h"

struct apps;
struct apps *apps_create(void);
void apps_destroy(struct apps *apps);
bool apps_load(struct apps *apps, struct store *store,
	       struct err *e) MUST_CHECK; /* blocks; once, at start */

/* Copies into `a`, disabled apps too (disabled_ms says so). false: no such app. Inline. */
bool apps_find(struct apps *apps, struct arena *a, str client_id, struct app *out) MUST_CHECK;
bool apps_by_id(struct apps *apps, struct arena *a, int64_t id, struct app *out) MUST_CHECK;

/* Is `secret` one of the app's live secrets? Compares digests in constant time with all of
 * them, and does the same work for an unknown app. Does not look at disabled_ms.
 * *secret_id_out (may be NULL): which one, for its last use. */
bool apps_authenticate(struct apps *apps, str client_id, str secret, int64_t now_ms,
                       int64_t *secret_id_out) MUST_CHECK;

/* Is it one that worked once and has ended? */
bool apps_secret_ended(struct apps *apps, str client_id, str secret, int64_t now_ms);

/* Whose live secret is it? Looks at all apps: for reports of leaks, not for requests. */
bool apps_secret_owner(struct apps *apps, str secret, int64_t now_ms, int64_t *app_id_out,
		       int64_t *secret_id_out) MUST_CHECK;

/* Reads the app's rows in this transaction and shows them in memory after the commit: call it
 * after any change of an app, its redirect URIs or its secrets. (A disabled app also needs
 * bearer_app_deny.) */
bool apps_refresh(const struct act *act, int64_t app_id, struct err *e) MUST_CHECK;

/* It was deleted in this transaction. */
void apps_forget(const struct act *act, int64_t app_id);

#endif
