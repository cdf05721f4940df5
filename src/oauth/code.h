/* SPDX-License-Identifier: MIT
 *
 * Authorization codes: made when the person goes back to the app, used once.
 * Sources: RFC 6749 4.1.2; contract rules 74, 77, 78, 86. */
#ifndef OAUTH_CODE_H
#define OAUTH_CODE_H

#include "access/act.h"

struct authorization_request;

/* A fresh code for what the request's choice approved; audited. auth_time_ms: when the person
 * signed in. */
bool code_issue(const struct act *act, const struct authorization_request *r, int64_t auth_time_ms,
                str *code_out, struct err *e) MUST_CHECK;

#endif
