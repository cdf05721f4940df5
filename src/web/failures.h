/* SPDX-License-Identifier: MIT
 *
 * What a refusal means and what to do about it, in words: for the developer console and the audit. */
#ifndef WEB_FAILURES_H
#define WEB_FAILURES_H

#include "web/page.h"

/* Of an event of this kind and reason (absent: the event has none). Absent when nothing is known about it. A text
 * that ends in a colon goes on with the event's `value`. */
str failure_words(struct page_job *j, str kind, str reason);

#endif
