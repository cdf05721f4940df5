/* SPDX-License-Identifier: MIT
 *
 * What a person does about their own account: apps they develop, sign-ins, password. For the rows of pages.c and
 * forms.c.
 * Source: contract "own-interfaces", Developer console. */
#ifndef WEB_SETTINGS_H
#define WEB_SETTINGS_H

#include "web/page.h"

void extend_apps(struct page_job *j, struct json_out *v);
void extend_app(struct page_job *j, struct json_out *v);
void prepare_app_act(struct page_job *j);
const char *choose_app_act(struct page_job *j);
void finish_app_act(struct page_job *j, bool ok, const struct err *e);

void extend_sessions(struct page_job *j, struct json_out *v);
const char *choose_session_act(struct page_job *j);
void finish_session_act(struct page_job *j, bool ok, const struct err *e);

void extend_password(struct page_job *j, struct json_out *v);
void prepare_password(struct page_job *j);
void finish_password(struct page_job *j, bool ok, const struct err *e);

#endif
