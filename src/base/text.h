/* SPDX-License-Identifier: MIT
 *
 * Small encodings: UTF-8, base64url, percent, hex, HTML. Decoders are strict: anything odd is false. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"

bool   utf8_valid(str s);                       /* no overlong, no surrogates, at most U+10FFFF */
size_t utf8_length(str s);                      /* code points of valid UTF-8 */
/* Bytes of the sequence that starts at p[0], n > 0 bytes are there; 0: not valid UTF-8. */
size_t utf8_sequence(const unsigned char *p, size_t n);
size_t ascii_prefix(str s);                     /* bytes before the first one above 0x7f */

/* Percent-decoding (RFC 3986 2.1); '+' is a space only if plus_is_space (forms, queries). false: truncated or non-hex
 * escape, a decoded NUL, or a result that is not UTF-8. Returns the input itself when nothing is encoded. */
bool percent_decode(struct arena *a, str s, bool plus_is_space, str *out) MUST_CHECK;
void percent_encode(struct buf *b, str s);      /* all but unreserved characters */

str  base64url_encode(struct arena *a, const uint8_t *bytes, size_t n);            /* no padding */
bool base64url_decode(struct arena *a, str s, uint8_t **out, size_t *n_out) MUST_CHECK;  /* canonical only */
/* Standard alphabet; padded as it should be, or not at all. */
bool base64_decode(struct arena *a, str s, str *out) MUST_CHECK;
str  hex_encode(struct arena *a, const uint8_t *bytes, size_t n);
bool hex_decode(str s, uint8_t *out, size_t n) MUST_CHECK;                         /* exactly 2n digits */

void html_escape(struct buf *b, str s);         /* & < > " ' */

/* application/x-www-form-urlencoded (also queries) into pairs, in order. false: bad escape, or more than
 * pairs_max. Source: WHATWG URL 5.1; contract rules 95, 107, 229. */
struct param;
bool form_parse(struct arena *a, str body, size_t pairs_max, struct param **out, size_t *n_out) MUST_CHECK;

bool is_uuid(str s);                            /* 8-4-4-4-12 hex, any case */
/* Slug: 1..63 of a-z 0-9 '-', starts and ends with a letter or digit, not like a UUID. */
bool is_slug(str s);
/* Lower case, '_' -> '-'. false unless a well-formed BCP 47 shape of at most 35 bytes. */
bool language_tag(struct arena *a, str s, str *out) MUST_CHECK;

#endif
