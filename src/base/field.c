/* SPDX-License-Identifier: MIT
 *
 * Input by field tables. Recursion follows the tables, whose depth is fixed, never the input. */
#include "base/field_int.h"

#include "base/text.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t INTEGER_MAX = (int64_t)1 << 53;

static void read_fields(struct issues *is, const struct field *fields, const struct json *object,
                        void *out, const struct path *at);

static bool coerced(const struct issues *is, const struct field *f)
{
	return is->coerce_all || (f->flags & FIELD_COERCED) != 0;
}

static void *member_at(const struct field *f, void *out)
{
	return (char *)out + f->offset;
}

static bool is_one_of(const char *const *one_of, str s)
{
	for (; *one_of != NULL; one_of++)
		if (str_eq(s, str_from(*one_of)))
			return true;
	return false;
}

/* Text of a string field or of a list item. Lengths belong to string fields only. */
static void check_text(struct issues *is, const struct field *f, str s, const struct path *at,
                       bool with_length, str *out)
{
	int64_t length;

	if ((f->flags & FIELD_LOWER) != 0)
		s = arena_lower(is->a, s);
	*out = s;
	if (str_has(s, '\0')) {
		issue_custom(is, at, S("Invalid input: a NUL character is not allowed"));
		return;
	}
	if (f->one_of != NULL && !is_one_of(f->one_of, s)) {
		issue_option(is, at, f->one_of);
		return;
	}
	if ((f->flags & FIELD_UUID) != 0 && !is_uuid(s))
		issue_uuid(is, at);
	if (!with_length)
		return;
	length = (int64_t)utf8_length(s);
	if (length < f->min)
		issue_size(is, at, "string", ISSUE_TOO_SMALL, f->min);
	else if (f->max > 0 && length > f->max)
		issue_size(is, at, "string", ISSUE_TOO_BIG, f->max);
}

static void read_str(struct issues *is, const struct field *f, const struct json *v, void *out,
                     const struct path *at)
{
	if (v->kind == JSON_STRING)
		check_text(is, f, v->text, at, true, out);
	else if (f->one_of != NULL)
		issue_option(is, at, f->one_of);
	else
		issue_type(is, at, "string", v);
}

static bool in_range(struct issues *is, const struct field *f, double v, const struct path *at)
{
	if (f->min == 0 && f->max == 0)
		return true;
	if (v < (double)f->min)
		issue_size(is, at, "number", ISSUE_TOO_SMALL, f->min);
	else if (v > (double)f->max)
		issue_size(is, at, "number", ISSUE_TOO_BIG, f->max);
	else
		return true;
	return false;
}

static void read_i64(struct issues *is, const struct field *f, const struct json *v, void *out,
                     const struct path *at)
{
	int64_t n;

	if (v->kind == JSON_STRING && coerced(is, f)) {
		if (!str_i64(str_trim(v->text), -INTEGER_MAX, INTEGER_MAX, &n)) {
			issue_type(is, at, "number", v);
			return;
		}
	} else if (v->kind != JSON_NUMBER) {
		issue_type(is, at, "number", v);
		return;
	} else if (!json_i64(v, &n)) {
		issue_not_integer(is, at);
		return;
	}
	if (in_range(is, f, (double)n, at))
		*(int64_t *)out = n;
}

static void read_bool(struct issues *is, const struct field *f, const struct json *v, void *out,
                      const struct path *at)
{
	static const char *const yes[] = { "true", "1", "on", NULL };
	static const char *const no[] = { "false", "0", "off", NULL };
	bool text = v->kind == JSON_STRING && coerced(is, f);

	if (v->kind == JSON_TRUE || (text && is_one_of(yes, v->text)))
		*(bool *)out = true;
	else if (v->kind == JSON_FALSE || (text && is_one_of(no, v->text)))
		*(bool *)out = false;
	else
		issue_type(is, at, "boolean", v);
}

static void read_f64(struct issues *is, const struct field *f, const struct json *v, void *out,
                     const struct path *at)
{
	struct json_fault fault;
	struct json *parsed;
	double d;

	if (v->kind == JSON_STRING && coerced(is, f) &&
	    json_parse(is->a, v->text, 1, &parsed, &fault))
		v = parsed;
	d = v->kind == JSON_NUMBER ? strtod(arena_cstr(is->a, v->text), NULL) : NAN;
	if (!isfinite(d))
		issue_type(is, at, "number", v);
	else if (in_range(is, f, d, at))
		*(double *)out = d;
}

static void read_json(struct issues *is, const struct field *f, const struct json *v, void *out,
                      const struct path *at)
{
	(void)is;
	(void)f;
	(void)at;
	*(const struct json **)out = v;
}

/* The array itself, or the one inside a string where that is allowed. NULL: an issue was noted. */
static const struct json *array_of(struct issues *is, const struct field *f, const struct json *v,
                                   const struct path *at)
{
	struct json_fault fault;
	struct json *parsed;

	if (v->kind == JSON_ARRAY)
		return v;
	if (v->kind == JSON_STRING && coerced(is, f) &&
	    json_parse(is->a, v->text, JSON_DEPTH_DEFAULT, &parsed, &fault) &&
	    parsed->kind == JSON_ARRAY)
		return parsed;
	issue_type(is, at, "array", v);
	return NULL;
}

static bool count_fits(struct issues *is, const struct field *f, size_t n, const char *origin,
                       const struct path *at)
{
	if (n < (size_t)f->min)
		issue_size(is, at, origin, ISSUE_TOO_SMALL, f->min);
	else if (f->max > 0 && n > (size_t)f->max)
		issue_size(is, at, origin, ISSUE_TOO_BIG, f->max);
	else
		return true;
	return false;
}

static void read_strs(struct issues *is, const struct field *f, const struct json *v, void *out,
                      const struct path *at)
{
	const struct json *array = array_of(is, f, v, at);
	str *items;
	size_t n = 0;

	if (array == NULL || !count_fits(is, f, array->count, "array", at))
		return;
	items = arena_array(is->a, str, array->count);
	for (const struct json *item = array->first; item != NULL; item = item->next, n++) {
		struct path here = { at, STR_NONE, n };

		if (item->kind == JSON_STRING)
			check_text(is, f, item->text, &here, false, &items[n]);
		else
			issue_type(is, &here, "string", item);
	}
	*(struct strs *)out = (struct strs){ items, n, true };
}

static void read_str_or_strs(struct issues *is, const struct field *f, const struct json *v,
                             void *out, const struct path *at)
{
	struct json_fault fault;
	struct json *parsed;
	str *one;

	if (v->kind == JSON_STRING && coerced(is, f) && str_starts(v->text, S("[")) &&
	    json_parse(is->a, v->text, 1, &parsed, &fault))
		v = parsed;
	if (v->kind != JSON_STRING) {
		read_strs(is, f, v, out, at);
		return;
	}
	one = arena_new(is->a, str);
	check_text(is, f, v->text, at, false, one);
	*(struct strs *)out = (struct strs){ one, 1, true };
}

static void read_list(struct issues *is, const struct field *f, const struct json *v, void *out,
                      const struct path *at)
{
	const struct json *array = array_of(is, f, v, at);
	char *items;
	size_t n = 0;

	if (array == NULL || !count_fits(is, f, array->count, "array", at))
		return;
	items = arena_alloc_array(is->a, f->size, array->count);
	for (const struct json *item = array->first; item != NULL; item = item->next, n++) {
		struct path here = { at, STR_NONE, n };

		if (item->kind == JSON_OBJECT)
			read_fields(is, f->sub, item, items + n * f->size, &here);
		else
			issue_type(is, &here, "object", item);
	}
	*(struct list *)out = (struct list){ items, n, true };
}

/* The object itself, or the one inside a string where that is allowed. */
static const struct json *object_of(struct issues *is, const struct field *f,
                                    const struct json *v, const char *expected,
                                    const struct path *at)
{
	struct json_fault fault;
	struct json *parsed;

	if (v->kind == JSON_OBJECT)
		return v;
	if (v->kind == JSON_STRING && coerced(is, f) &&
	    json_parse(is->a, v->text, JSON_DEPTH_DEFAULT, &parsed, &fault) &&
	    parsed->kind == JSON_OBJECT)
		return parsed;
	issue_type(is, at, expected, v);
	return NULL;
}

static void read_object(struct issues *is, const struct field *f, const struct json *v, void *out,
                        const struct path *at)
{
	const struct json *object = object_of(is, f, v, "object", at);

	if (object != NULL)
		read_fields(is, f->sub, object, out, at);
}

static int by_name_then_place(const void *a, const void *b)
{
	const struct str_pair *const *v = a, *const *w = b;
	int order = str_cmp((*v)->name, (*w)->name);

	return order != 0 ? order : (*v > *w) - (*v < *w);
}

/* Names that became equal in lower case: the later one wins. */
static size_t drop_overwritten(struct arena *a, struct str_pair *pairs, size_t n)
{
	struct str_pair **sorted = arena_array(a, struct str_pair *, n);
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		sorted[i] = &pairs[i];
	qsort(sorted, n, sizeof(struct str_pair *), by_name_then_place);
	for (size_t i = 0; i + 1 < n; i++)
		if (str_eq(sorted[i]->name, sorted[i + 1]->name))
			sorted[i]->value = STR_NONE;
	for (size_t i = 0; i < n; i++)
		if (pairs[i].value.p != NULL)
			pairs[kept++] = pairs[i];
	return kept;
}

static void read_str_map(struct issues *is, const struct field *f, const struct json *v, void *out,
                         const struct path *at)
{
	const struct json *object = object_of(is, f, v, "record", at);
	struct field plain = { .flags = 0 };
	struct str_pair *pairs;
	size_t n = 0;

	if (object == NULL || !count_fits(is, f, object->count, "map", at))
		return;
	pairs = arena_array(is->a, struct str_pair, object->count);
	for (const struct json *item = object->first; item != NULL; item = item->next) {
		struct path here = { at, item->name, 0 };

		if (item->kind != JSON_STRING) {
			issue_type(is, &here, "string", item);
			continue;
		}
		plain.flags = f->flags & FIELD_LOWER;
		check_text(is, &plain, item->name, &here, false, &pairs[n].name);
		plain.flags = 0;
		check_text(is, &plain, item->text, &here, false, &pairs[n].value);
		n++;
	}
	if ((f->flags & FIELD_LOWER) != 0 && n > 1)
		n = drop_overwritten(is->a, pairs, n);
	*(struct list *)out = (struct list){ pairs, n, true };
}

static const struct kind {
	void (*read)(struct issues *, const struct field *, const struct json *, void *,
	             const struct path *);
	const char *expected;
} kinds[] = {
	[FIELD_STR]         = { read_str,         "string"  },
	[FIELD_I64]         = { read_i64,         "number"  },
	[FIELD_BOOL]        = { read_bool,        "boolean" },
	[FIELD_F64]         = { read_f64,         "number"  },
	[FIELD_JSON]        = { read_json,        "unknown" },
	[FIELD_STRS]        = { read_strs,        "array"   },
	[FIELD_LIST]        = { read_list,        "array"   },
	[FIELD_OBJECT]      = { read_object,      "object"  },
	[FIELD_STR_MAP]     = { read_str_map,     "record"  },
	[FIELD_MAP]         = { NULL,             NULL      },
	[FIELD_STR_OR_STRS] = { read_str_or_strs, "array"   },
};

static bool is_empty(const struct json *v)
{
	return (v->kind == JSON_STRING && v->text.n == 0) ||
	       (v->kind == JSON_ARRAY && v->count == 0);
}

static bool is_missing(const struct field *f, const struct json *v)
{
	unsigned null_is_issue = FIELD_REQUIRED | FIELD_STRICT;

	if (v == NULL)
		return true;
	if (v->kind == JSON_NULL)
		return f->kind != FIELD_JSON && (f->flags & null_is_issue) == 0;
	return (f->flags & FIELD_NONEMPTY) != 0 && is_empty(v);
}

static void set_initial(const struct field *f, void *out)
{
	if (f->kind == FIELD_I64)
		*(int64_t *)out = f->initial;
	else if (f->kind == FIELD_BOOL)
		*(bool *)out = f->initial != 0;
	else if (f->kind == FIELD_OBJECT)
		for (const struct field *sub = f->sub; sub->name != NULL; sub++)
			set_initial(sub, member_at(sub, out));
}

static void note_missing(struct issues *is, const struct field *f, const struct json *v,
                         const struct path *at)
{
	if (v != NULL)
		issue_size(is, at, v->kind == JSON_ARRAY ? "array" : "string", ISSUE_TOO_SMALL, 1);
	else if (f->one_of != NULL && f->kind == FIELD_STR)
		issue_option(is, at, f->one_of);
	else
		issue_type(is, at, kinds[f->kind].expected, NULL);
}

static void read_fields(struct issues *is, const struct field *fields, const struct json *object,
                        void *out, const struct path *at)
{
	for (const struct field *f = fields; f->name != NULL; f++) {
		struct path here = { at, str_from(f->name), 0 };
		const struct json *v = json_get(object, here.name);

		assert(kinds[f->kind].read != NULL);
		set_initial(f, member_at(f, out));
		if (!is_missing(f, v))
			kinds[f->kind].read(is, f, v, member_at(f, out), &here);
		else if ((f->flags & FIELD_REQUIRED) != 0)
			note_missing(is, f, v, &here);
	}
}

bool fields_read(struct arena *a, const struct field *fields, const struct json *v, void *out,
                 struct err *e)
{
	struct issues is;

	issues_init(&is, a);
	if (v == NULL || v->kind != JSON_OBJECT)
		issue_type(&is, NULL, "object", v);
	else
		read_fields(&is, fields, v, out, NULL);
	return issues_end(&is, e);
}

static struct json *text_value(struct arena *a, str text)
{
	struct json *v = arena_new(a, struct json);

	v->kind = JSON_STRING;
	v->text = text;
	return v;
}

static void append(struct json *parent, struct json **last, struct json *v)
{
	if (*last == NULL)
		parent->first = v;
	else
		(*last)->next = v;
	*last = v;
	parent->count++;
}

static bool takes_many(const struct field *f)
{
	return f->kind == FIELD_STRS || f->kind == FIELD_STR_OR_STRS;
}

/* A field of kind JSON is JSON in a parameter, too. */
static struct json *one_value(struct issues *is, const struct field *f, str text,
                              const struct path *at)
{
	struct json_fault fault;
	struct json *v;

	if (f->kind != FIELD_JSON)
		return text_value(is->a, text);
	if (json_parse(is->a, text, JSON_DEPTH_DEFAULT, &v, &fault))
		return v;
	issue_custom(is, at, arena_printf(is->a, "Invalid JSON: %s at byte %zu", fault.what,
	                                  fault.offset));
	return NULL;
}

/* All parameters of a field's name as one value; NULL: none. */
static struct json *param_value(struct issues *is, const struct field *f,
                                const struct param *params, size_t params_n)
{
	struct path here = { NULL, str_from(f->name), 0 };
	struct json *many = NULL, *last = NULL, *one = NULL;

	for (size_t i = 0; i < params_n; i++) {
		if (!str_eq(params[i].name, here.name))
			continue;
		if (takes_many(f)) {
			if (many == NULL) {
				many = arena_new(is->a, struct json);
				many->kind = JSON_ARRAY;
			}
			append(many, &last, text_value(is->a, params[i].value));
		} else if (one != NULL) {
			issue_custom(is, &here, S("Invalid input: given more than once"));
			return one;
		} else if (params[i].value.n > 0) {
			one = one_value(is, f, params[i].value, &here);
		}
	}
	return many != NULL ? many : one;
}

/* Parameters become the object that a JSON client would have sent; then all goes the same way. */
bool fields_read_params(struct arena *a, const struct field *fields, const struct param *params,
                        size_t params_n, void *out, struct err *e)
{
	struct json object = { .kind = JSON_OBJECT }, *last = NULL;
	struct issues is;

	issues_init(&is, a);
	is.coerce_all = true;
	for (const struct field *f = fields; f->name != NULL; f++) {
		struct json *v = param_value(&is, f, params, params_n);

		if (v == NULL)
			continue;
		v->name = str_from(f->name);
		append(&object, &last, v);
	}
	if (is.n == 0)
		read_fields(&is, fields, &object, out, NULL);
	return issues_end(&is, e);
}
