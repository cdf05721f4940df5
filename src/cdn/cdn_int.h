/* SPDX-License-Identifier: MIT
 *
 * What the files of this folder share. */
#ifndef CDN_CDN_INT_H
#define CDN_CDN_INT_H

#include "cdn/cdn.h"
#include "cdn/path.h"

/* The charset is not optional: some clients read JSON as Latin-1 without it. */
#define CDN_JSON_HEADERS \
	"Content-Type: application/json; charset=utf-8\r\n" \
	"X-Content-Type-Options: nosniff\r\n"
/* On every answer, errors too: without them a browser reports a network failure and tries again. */
#define CDN_COMMON_HEADERS \
	"Vary: Accept-Encoding\r\n" \
	"Access-Control-Allow-Origin: *\r\n" \
	"Access-Control-Expose-Headers: ETag, X-Cache-Status, X-Batch-Count, X-Batch-Requested, " \
	"X-Better-i18n-Version\r\n" \
	"Timing-Allow-Origin: *\r\n" \
	"Cross-Origin-Resource-Policy: cross-origin\r\n"

enum { CDN_ATTEMPTS_MAX = 3, BATCH_NAMES_MAX = 2048 };

struct cdn { struct publisher *publisher; const struct settings *settings; };
extern struct cdn cdn;

/* answer.c: one of these ends the exchange. Loop thread. */
enum plain {
	PLAIN_PREFLIGHT,
	PLAIN_METHOD,
	PLAIN_EMPTY,
	PLAIN_ABSENT,
	PLAIN_NOT_FOUND,
	PLAIN_BAD_PATH,
	PLAIN_TOO_LONG,
	PLAIN_TOO_LARGE,
	PLAIN_UNAVAILABLE,
	PLAIN_COUNT
};
void send_plain(struct http_exchange *x, enum plain which);
void send_hot(struct http_exchange *x,
	      struct hot *h); /* in a read section, or with a reference held */

/* batch.c: names of ?ns=, decoded, sorted, without repetition. false: malformed, or too many
 * (*too_many). None: n == 0. */
bool batch_names(struct arena *a, str query, struct strs *out, bool *too_many);

/* One request while it is looked at; in the arena of the exchange once it waits. */
struct visit {
	struct http_exchange *x;
	struct cdn_path path; /* canonical once `canonical` */
	bool     canonical;
	int attempts; /* things fetched so far */
	struct fetch fetch;
};

#endif
