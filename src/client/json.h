/* SPDX-License-Identifier: MIT
 *
 * Reads the JSON of answers: RFC 8259 to the letter, bounded in depth and members, into a pool. Not the
 * server's reader, whose arena cannot fail. */
#ifndef CLIENT_JSON_H
#define CLIENT_JSON_H

#include "client/pool.h"

enum jkind { JNULL, JFALSE, JTRUE, JNUMBER, JSTRING, JARRAY, JOBJECT };

struct jvalue {
	enum jkind     kind;
	str            key;      /* decoded; of a member of an object                                    */
	str            text;     /* decoded, of a string; as written, of a number; NUL-terminated both   */
	size_t         begin, end;          /* where the value stands in the source                      */
	size_t         key_begin;           /* where the member's key stands, with its quote             */
	struct jvalue *first, *last, *next;
	size_t         count;
};

/* NULL: not JSON (or too deep, or too many values), or pool->failed. U+0000 becomes U+FFFD, because texts
 * leave here NUL-terminated. Keys may repeat; the first one is found. */
struct jvalue *json_read(struct pool *p, str source);

const struct jvalue *json_member(const struct jvalue *v, const char *name);     /* NULL-safe */
const char *json_text(const struct jvalue *v, const char *name);                /* NULL: absent or no string */
const char *json_text_or(const struct jvalue *v, const char *name, const char *fallback);
bool json_number(const struct jvalue *v, const char *name, int64_t min, int64_t max, int64_t *out);

#endif
