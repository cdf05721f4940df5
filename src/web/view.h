/* SPDX-License-Identifier: MIT
 *
 * What pages put into their view: small things that several of them need. */
#ifndef WEB_VIEW_H
#define WEB_VIEW_H

#include "web/page.h"

/* The answer of the step with this key; NULL: not asked. */
const struct json *answer(const struct page_job *j, const char *key);
void put_param(struct page_job *j, struct json_out *v, const char *name);
void put_str(struct json_out *v, const char *name, str value);
void put_bool(struct json_out *v, const char *name, bool value);
/* The day of the time in member `from`. */
void put_day(struct json_out *v, const struct json *object, const char *from, const char *to);
/* "2026-11-24T10:31:30.000Z" -> "2026-11-24 10:31 UTC" */
str  minute_of(struct page_job *j, str at);
/* "organizations": those that the visitor administers, of the step "user". */
void put_administered(struct page_job *j, struct json_out *v, str chosen);
/* "permissions": scopes with their words. */
void put_permissions(struct page_job *j, struct json_out *v, const struct json *scopes);
/* The words of the visitor's language: "scopes", "org:read" -> scopes.org_read. */
str  words(struct page_job *j, const char *group, str name);
/* "&name=value" when there is a value. */
str  carried(struct page_job *j, const char *name, str value);

#endif
