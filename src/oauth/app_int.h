/* SPDX-License-Identifier: MIT */
#ifndef OAUTH_APP_INT_H
#define OAUTH_APP_INT_H

#include "oauth/app.h"

/* An app that act->who may manage; others' do not exist: ERR_NOT_FOUND. */
bool app_held(const struct act *act, str client_id, struct app *out, struct err *e) MUST_CHECK;

#endif
