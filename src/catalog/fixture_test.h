/* SPDX-License-Identifier: MIT
 *
 * An organization with a project on each database, and calls of operations with JSON in and JSON
 * out, as channels make them. */
#ifndef CATALOG_FIXTURE_TEST_H
#define CATALOG_FIXTURE_TEST_H

#include "access/act.h"
#include "base/field.h"
#include "base/json.h"
#include "base/test.h"
#include "store/fixture.h"

struct shop {
	struct fixture  *f;
	struct settings  settings;
	struct principal who;        /* WHO_LOCAL until shop_as_token   */
	struct act       act;        /* slow lane: no connection         */
	int64_t          organization_id;
};

/* Runs fn on each database, with the organization acme and nothing in it. */
void shop_each(void (*fn)(struct shop *s));
/* The same on the embedded store alone: for what depends on time or size. */
void shop_embedded(void (*fn)(struct shop *s));

/* From now on calls come from an installation token of acme that may touch every project. */
void shop_as_token(struct shop *s);
void shop_as_local(struct shop *s);
/* project.add acme/web, source en, targets tr and de; `more` are further members ("\"flat\":true")
 * or "". */
void shop_project(struct shop *s, const char *more);

typedef bool (*call_fn)(const struct act *act, const void *in, void *out, struct err *e);
enum shop_lane { SHOP_READ, SHOP_WRITE, SHOP_SLOW };
struct shop_call {
	call_fn call;
	const struct field *in, *out;
	size_t in_size, out_size;
	enum shop_lane lane;
};
#define SHOP_CALL(fn, lane_, T_in, in_fields, T_out, out_fields) \
	{ (fn), (in_fields), (out_fields), sizeof(struct T_in), sizeof(struct T_out), (lane_) }

/* Input as JSON text; the answer, or "ERROR <code>: <say>". */
str shop_do(struct shop *s, const struct shop_call *c, str input);
str shop_do_unbatched(struct shop *s, const struct shop_call *c, str input);
const struct json *shop_json(struct shop *s, str text);      /* must parse */

/* The calls that most tests need. Keys are "[{…}]"; an export is the file itself, or "ERROR …";
 * the id is that of the first key of that name. */
str shop_create(struct shop *s, const char *keys);
str shop_import(struct shop *s, const char *language, str content, const char *more);
str shop_export(struct shop *s, const char *language, const char *more);
str shop_key_id(struct shop *s, const char *name);
bool shop_has(str answer, const char *part);
int64_t shop_number(struct shop *s, str answer, const char *member);

#endif
