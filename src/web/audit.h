/* SPDX-License-Identifier: MIT
 *
 * The record of an organization for its administrators: a page with filters, and a file of all that fits them. For
 * the rows of pages.c.
 * Source: contract rule 221. */
#ifndef WEB_AUDIT_H
#define WEB_AUDIT_H

#include "web/page.h"

void extend_audit(struct page_job *j, struct json_out *v);
/* JSON lines, page by page, so that neither memory nor a thread is held for the whole of it. */
void finish_audit_export(struct page_job *j);

#endif
