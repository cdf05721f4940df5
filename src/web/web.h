/* SPDX-License-Identifier: MIT
 *
 * The pages: sign-in, consent, completion, connected apps, start page, projects, the demo app's callback.
 * Server-rendered, complete without JavaScript. A page is a row of pages.c; a form post is a row of forms.c; both
 * only name operations.
 * Source: contract "own-interfaces", Pages; checklist rules 61-76, 239; rulings R17, R36, R39, R40. */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "http/http.h"

/* Rows for the server's route table. http_user() of the server is the struct operation_env. */
const struct http_route *web_routes(size_t *n_out);
/* Once, before serving. */
void web_init(void);
/* The error shape of pages, for engine errors on their routes. */
void web_error(struct http_exchange *x, const struct err *e);

#endif
