/* SPDX-License-Identifier: MIT
 *
 * Delivery: every address below /{org}/{project}/ and /{uuid}/. Answers from memory on the loop
 * thread; what is not in memory is fetched on another thread, and only for projects that are known
 * to deliver. Sources: contract "cdn-and-cli" sections 4, 7-10; rulings R9, R10, R26, R35, R38. */
#ifndef CDN_CDN_H
#define CDN_CDN_H

#include "http/http.h"
#include "publish/publisher.h"

enum { CDN_TARGET_BYTES_MAX = 16 * 1024 };

/* Once, before the server runs; keeps both. */
void cdn_init(struct publisher *p, const struct settings *s);
/* The server's fallback: everything that no route takes. */
void cdn_handle(struct http_exchange *x);
/* Errors of the engine at such an address, with the headers without which no page sees them. */
void cdn_error(struct http_exchange *x, const struct err *e);
/* hot_head_fn: the head of a 200 or 304, as http_send_prebuilt wants it. */
void cdn_head(struct buf *b, const struct hot_facts *f, enum hot_form form, bool unchanged);

#endif
