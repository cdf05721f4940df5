/* SPDX-License-Identifier: MIT
 *
 * JSON (RFC 8259): a strict reader into the arena and a streaming writer.
 *
 * Reader: UTF-8 only (invalid sequences, lone surrogates, NUL byte in source refused), no comments, no
 * trailing commas, nothing after the value, duplicate member names refused, depth at most `depth_max`. Strings
 * without escapes are slices of the input, which must outlive the values. No recursion. An escaped NUL (\u0000) is
 * JSON and accepted here; field tables refuse it. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_kind kind;
	uint32_t       count;        /* children of an array or object           */
	str            name;         /* member name, when the parent is an object */
	str            text;         /* STRING: decoded; NUMBER: as written      */
	struct json   *first, *next; /* children; next sibling                   */
};

struct json_fault { size_t offset; const char *what; };   /* what: static English text */

enum {
	JSON_DEPTH_DEFAULT = 64,
	JSON_DEPTH_MAX = 128,        /* a larger depth_max counts as this */
	JSON_OUT_DEPTH_MAX = 256,    /* so that anything read can be written inside an envelope */
};

/* false: malformed, *fault says where and why. Values live in `a`. */
bool json_parse(struct arena *a, str text, unsigned depth_max, struct json **out,
                struct json_fault *fault) MUST_CHECK;

const struct json *json_get(const struct json *object, str name);   /* NULL: absent or not an object */
str  json_str(const struct json *v);                                /* absent unless a string       */
bool json_i64(const struct json *v, int64_t *out) MUST_CHECK;       /* integral number in ±2^53; 1.0 and 1e2 count */
bool json_is_true(const struct json *v);
/* Equal values: objects regardless of member order, numbers by text. */
bool json_equal(const struct json *a, const struct json *b);

/* Writer. Puts commas and colons by itself; a call in a wrong place is an assertion failure. Bytes that are not UTF-8
 * become U+FFFD. */
struct json_out {
	struct buf *b;
	unsigned    depth;
	uint64_t    has_item[JSON_OUT_DEPTH_MAX / 64 + 1], is_object[JSON_OUT_DEPTH_MAX / 64 + 1];   /* a bit a level */
	bool        after_key;
	unsigned    indent;                /* 0: compact; else spaces a level */
};

void json_out_init(struct json_out *o, struct buf *b);
void json_open_object(struct json_out *o);
void json_close_object(struct json_out *o);
void json_open_array(struct json_out *o);
void json_close_array(struct json_out *o);
void json_key(struct json_out *o, str name);
void json_put_str(struct json_out *o, str s);        /* absent -> null; escapes the minimum of RFC 8259 */
void json_put_i64(struct json_out *o, int64_t v);
void json_put_f64(struct json_out *o, double v);     /* shortest text that reads back equal */
void json_put_bool(struct json_out *o, bool v);
void json_put_null(struct json_out *o);
void json_put_raw(struct json_out *o, str json);     /* already JSON; absent -> null */
void json_put(struct json_out *o, const struct json *v);
/* Appends s as a JSON string with quotes. html_safe: "<" before "/" or "!" becomes \u003c. */
void json_escape(struct buf *b, str s, bool html_safe);

#endif
