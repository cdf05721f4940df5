/* SPDX-License-Identifier: MIT
 *
 * The JSON reader and writer: what is read can be written and read again, and jansson agrees. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_oracle.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static str written(struct arena *a, const struct json *v, unsigned indent)
{
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, a, 64 * MIB);
	json_out_init(&o, &b);
	o.indent = indent;
	json_put(&o, v);
	assert(!b.full && b.n > 0);
	return buf_view(&b);
}

/* The oracle holds numbers in an int64_t or a double, and refuses those that do not fit. So it
 * does names with a NUL. */
static bool oracle_can_hold(const struct json *number)
{
	char *text = strndup(number->text.p, number->text.n);
	bool whole = strpbrk(text, ".eE") == NULL, fits;
	int64_t i;

	fits = whole ? str_i64(number->text, INT64_MIN, INT64_MAX, &i) : isfinite(strtod(text, NULL));
	free(text);
	return fits;
}

/* Every value, by hand and not by recursion: first child, then next, then up. */
static bool oracle_can_hold_all(const struct json *root)
{
	const struct json *above[JSON_DEPTH_MAX], *v = root;
	size_t n = 0;

	for (;;) {
		assert(utf8_valid(v->name) && utf8_valid(v->text));
		if (str_has(v->name, '\0') || (v->kind == JSON_NUMBER && !oracle_can_hold(v)))
			return false;
		if (v->first != NULL) {
			above[n++] = v;
			v = v->first;
			continue;
		}
		while (n > 0 && v->next == NULL)
			v = above[--n];
		if (n == 0)
			return true;
		v = v->next;
	}
}

static void check_value(struct arena *a, const struct json *v)
{
	struct json_fault fault;
	struct json *again;
	int64_t i;

	assert(json_parse(a, written(a, v, 0), JSON_DEPTH_DEFAULT, &again, &fault));
	assert(json_equal(v, again));
	assert(json_parse(a, written(a, v, 2), JSON_DEPTH_DEFAULT, &again, &fault));
	assert(json_equal(v, again));
	if (json_i64(v, &i))
		assert((double)i == strtod(arena_cstr(a, v->text), NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create(4 * KIB);
	str text = arena_str(a, (str){ (const char *)data, size });
	struct json_fault fault = { 0, NULL };
	struct json *v;

	if (json_parse(a, text, JSON_DEPTH_DEFAULT, &v, &fault)) {
		check_value(a, v);
		assert(oracle_accepts(text) || !oracle_can_hold_all(v));
	} else {
		assert(fault.offset <= size && fault.what != NULL);
		/* The oracle goes deeper, and takes a NUL after the value for the end of the text. */
		assert(strcmp(fault.what, "nested too deeply") == 0 || str_has(text, '\0') ||
		       !oracle_accepts(text));
	}
	arena_destroy(a);
	return 0;
}
