/* SPDX-License-Identifier: MIT
 *
 * What went wrong last for the apps of a person, for the developer console: from the audit, so that nothing has
 * to be written twice.
 * Source: contract "own-interfaces", Developer console. */
#ifndef OAUTH_APP_FAILURES_H
#define OAUTH_APP_FAILURES_H

#include "access/act.h"
#include "base/field.h"

/* FAILURES_LOOK_BACK: how many of the latest events are looked at, so that a long audit costs no more. */
enum { FAILURES_EACH_MAX = 5, FAILURES_OF_ONE_MAX = 20, FAILURES_LOOK_BACK = 50000 };

/* reason: absent when there is but one; value: what was wrong; address: of the app's server, absent where it is a
 * person's browser */
struct app_failure_view { str client_id, at, kind, reason, value, address; };
struct app_failures_out { struct list failures; };
extern const struct field app_failures_out_fields[];
struct app_failures_in { str client_id; };
extern const struct field app_failures_in_fields[];
/* app.failures {clientId?} -> {failures}: a few of each app that the person manages, or more of one, newest first.
 * Read lane. */
bool app_failures(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
