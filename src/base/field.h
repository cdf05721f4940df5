/* SPDX-License-Identifier: MIT
 *
 * Field tables: a struct's members with their wire names, kinds and bounds. One table serves
 * JSON in, JSON out, query and form parameters, and the API description.
 * Source of the issue texts: contract "platform-api" section 5.6. */
#ifndef BASE_FIELD_H
#define BASE_FIELD_H

#include "base/err.h"
#include "base/json.h"

enum field_kind {
	FIELD_STR,      /* str                                                        */
	FIELD_I64,      /* int64_t                                                    */
	FIELD_BOOL,     /* bool                                                       */
	FIELD_F64,      /* double                                                     */
	FIELD_JSON,     /* in: const struct json *; out: str with ready JSON          */
	FIELD_STRS,     /* struct strs                                                */
	FIELD_LIST,     /* struct list of structs described by sub                    */
	FIELD_OBJECT,   /* struct described by sub, in place                          */
	FIELD_STR_MAP,  /* struct list of struct str_pair -> JSON object of strings    */
	FIELD_MAP,      /* struct list of structs whose FIRST member is `str key` -> JSON object by key (out only) */
	FIELD_STR_OR_STRS, /* struct strs; accepts one string or an array              */
};


struct list { void *v; size_t n; bool present; };
struct str_pair { str name, value; };

enum field_flag {
	FIELD_REQUIRED = 1 << 0,  /* in: missing is an issue                                            */
	FIELD_OPTIONAL = 1 << 1,  /* out: left out when absent / false-y: absent str, n == 0 && !present, 0, false */
	FIELD_COERCED  = 1 << 2,  /* in: lists also as a string holding a JSON array; numbers as strings */
	FIELD_LOWER    = 1 << 3,  /* in: ASCII lower-cased (strings, list items, map names)               */
	FIELD_NONEMPTY = 1 << 4,  /* in: "" counts as missing                                            */
	FIELD_UNBATCHED= 1 << 5,  /* out: only when encoding for the un-batched dialect (ruling R16)       */
	FIELD_UUID     = 1 << 6,  /* in: strings (or list items) must be 8-4-4-4-12 hex                   */
	FIELD_NULL     = 1 << 7,  /* out: absent str is null (the default for str without OPTIONAL)      */
	FIELD_BATCHED  = 1 << 9,  /* out: only outside the un-batched dialect, where it has another type   */
	FIELD_STRICT   = 1 << 8,  /* in: null is an issue even when optional (else null counts as missing) */
};

struct field {
	const char    *name;
	enum field_kind kind;
	unsigned       flags;
	size_t         offset;
	const struct field *sub;      /* LIST, OBJECT, MAP                                            */
	size_t         size;          /* LIST, MAP: bytes of one element                              */
	int64_t        min, max;      /* STR: length in characters; I64: value; lists: count; 0,0 = unbounded */
	int64_t        initial;       /* in: I64/BOOL default when missing                             */
	const char    *const *one_of; /* STR/STRS: allowed values, NULL-terminated; NULL = any          */
};

/* The compiler derives the kind from the member, so table and struct cannot disagree. More members of
 * struct field may follow as designated initialisers: FIELD(struct t, x, "x", .flags = FIELD_REQUIRED). */
#define FIELD(...)            FIELD_OF_TYPE(__VA_ARGS__, )
#define FIELD_RAW_JSON(...)   FIELD_OF_KIND(FIELD_JSON, __VA_ARGS__, )
#define FIELD_OF_STR_MAP(...) FIELD_OF_KIND(FIELD_STR_MAP, __VA_ARGS__, )
#define FIELD_OF_LIST(...)    FIELD_OF_ELEMENTS(FIELD_LIST, __VA_ARGS__, )
#define FIELD_OF_MAP(...)     FIELD_OF_ELEMENTS(FIELD_MAP, __VA_ARGS__, )
#define FIELD_OF_OBJECT(...)  FIELD_OF_SUB(__VA_ARGS__, )

#define FIELD_OF_TYPE(T, member, wire, ...) \
	{ .name = (wire), .offset = offsetof(T, member), .kind = _Generic(((T *)0)->member, \
		str: FIELD_STR, int64_t: FIELD_I64, bool: FIELD_BOOL, double: FIELD_F64, \
		struct strs: FIELD_STRS, const struct json *: FIELD_JSON), __VA_ARGS__ }
#define FIELD_OF_KIND(kind_, T, member, wire, ...) \
	{ .name = (wire), .offset = offsetof(T, member), .kind = (kind_), __VA_ARGS__ }
#define FIELD_OF_ELEMENTS(kind_, T, member, wire, E, fields, ...) \
	{ .name = (wire), .offset = offsetof(T, member), .kind = (kind_), .sub = (fields), \
	  .size = sizeof(E), __VA_ARGS__ }
#define FIELD_OF_SUB(T, member, wire, fields, ...) \
	{ .name = (wire), .offset = offsetof(T, member), .kind = FIELD_OBJECT, .sub = (fields), \
	  __VA_ARGS__ }
#define FIELD_END { .name = NULL }

/* JSON object -> struct. Unknown members are ignored. Issues are collected (the first 200); on any, returns false with
 * ERR_INVALID_REQUEST, e->say = the first issue in words ("name: Invalid input: …"), e->issues = the pretty-printed
 * JSON list of section 5.6. `v` NULL or not an object: one issue at the root. Results live in `a`. */
bool fields_read(struct arena *a, const struct field *fields, const struct json *v, void *out,
                 struct err *e) MUST_CHECK;

/* Name/value parameters (query, form, path) -> struct; same checks; a repeated name is refused unless
 * the field is STRS. An empty value of a non-STRS field counts as missing (RFC 6749 3.1). */
struct param { str name, value; };
bool fields_read_params(struct arena *a, const struct field *fields, const struct param *params,
                        size_t params_n, void *out, struct err *e) MUST_CHECK;

enum { FIELDS_BATCHED = 0, FIELDS_UNBATCHED = 1 };
/* A table whose one row is named "" stands for that value itself: an answer that is a list, say. */
void fields_write(struct json_out *o, const struct field *fields, const void *in, int dialect);

#endif
