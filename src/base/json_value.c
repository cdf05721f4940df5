/* SPDX-License-Identifier: MIT
 *
 * Looking at values that the reader made. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

static const int64_t SAFE_INTEGER_MAX = (int64_t)1 << 53;

const struct json *json_get(const struct json *object, str name)
{
	if (object == NULL || object->kind != JSON_OBJECT)
		return NULL;
	for (const struct json *v = object->first; v != NULL; v = v->next)
		if (str_eq(v->name, name))
			return v;
	return NULL;
}

str json_str(const struct json *v)
{
	return v != NULL && v->kind == JSON_STRING ? v->text : STR_NONE;
}

bool json_is_true(const struct json *v)
{
	return v != NULL && v->kind == JSON_TRUE;
}

enum { EXPONENT_LIMIT = 100000, SAFE_DIGITS_MAX = 16 };

/* The part behind "e", kept within bounds that decide everything a larger one would. */
static int64_t read_exponent(str s)
{
	bool negative = str_starts(s, S("-"));
	int64_t v = 0;

	if (negative || str_starts(s, S("+")))
		s = str_from_at(s, 1);
	for (size_t i = 0; i < s.n && v < EXPONENT_LIMIT; i++)
		v = v * 10 + (s.p[i] - '0');
	return negative ? -v : v;
}

/* A number as digits and a power of ten; zeros at both ends are gone. At most SAFE_DIGITS_MAX. */
struct decimal {
	int64_t digits, exponent;
	size_t  n;
};

static bool read_decimal(str s, struct decimal *out)
{
	struct decimal d = { 0 };
	bool fraction = false;
	int64_t zeros = 0;       /* seen after the last other digit, not yet part of `digits` */
	size_t i;

	for (i = 0; i < s.n && s.p[i] != 'e' && s.p[i] != 'E'; i++) {
		if (s.p[i] == '.') {
			fraction = true;
			continue;
		}
		d.exponent -= fraction;
		if (s.p[i] == '0') {
			zeros += d.n > 0;
			continue;
		}
		if (d.n + (size_t)zeros + 1 > SAFE_DIGITS_MAX)
			return false;
		d.n += (size_t)zeros + 1;
		for (; zeros > 0; zeros--)
			d.digits *= 10;
		d.digits = d.digits * 10 + (s.p[i] - '0');
	}
	d.exponent += zeros + read_exponent(str_from_at(s, i + 1));
	*out = d;
	return true;
}

bool json_i64(const struct json *v, int64_t *out)
{
	struct decimal d;
	bool negative;

	if (v == NULL || v->kind != JSON_NUMBER)
		return false;
	negative = v->text.p[0] == '-';
	if (!read_decimal(str_from_at(v->text, negative), &d))
		return false;
	if (d.n == 0) {
		*out = 0;
		return true;
	}
	if (d.exponent < 0 || d.exponent + (int64_t)d.n > SAFE_DIGITS_MAX)
		return false;
	for (; d.exponent > 0; d.exponent--)
		d.digits *= 10;
	if (d.digits > SAFE_INTEGER_MAX)
		return false;
	*out = negative ? -d.digits : d.digits;
	return true;
}

/* Pairs still to be compared. A list instead of recursion: depth belongs to the client. */
struct pair { const struct json *a, *b; };
struct pairs {
	struct pair *v;
	size_t n, cap;
};

static void pairs_push(struct pairs *p, const struct json *a, const struct json *b)
{
	if (p->n == p->cap) {
		struct pair *larger = heap_alloc((p->cap * 2 + 64) * sizeof(*larger));

		if (p->n > 0)
			memcpy(larger, p->v, p->n * sizeof(*larger));
		free(p->v);
		p->v = larger;
		p->cap = p->cap * 2 + 64;
	}
	p->v[p->n++] = (struct pair){ a, b };
}

static int by_name(const void *a, const void *b)
{
	const struct json *const *v = a, *const *w = b;

	return str_cmp((*v)->name, (*w)->name);
}

static const struct json **sorted_members(const struct json *object)
{
	const struct json **v = heap_alloc(object->count * sizeof(const struct json *));
	size_t n = 0;

	for (const struct json *m = object->first; m != NULL; m = m->next)
		v[n++] = m;
	qsort(v, n, sizeof(*v), by_name);
	return v;
}

/* Members in different orders meet by sorting both sides. */
static bool push_members(struct pairs *p, const struct json *a, const struct json *b)
{
	const struct json **in_a = sorted_members(a), **in_b = sorted_members(b);
	bool same = true;

	for (size_t i = 0; same && i < a->count; i++) {
		same = str_eq(in_a[i]->name, in_b[i]->name);
		pairs_push(p, in_a[i], in_b[i]);
	}
	free(in_a);
	free(in_b);
	return same;
}

static bool names_in_order(const struct json *a, const struct json *b)
{
	const struct json *w = b->first;

	for (const struct json *v = a->first; v != NULL; v = v->next, w = w->next)
		if (!str_eq(v->name, w->name))
			return false;
	return true;
}

static bool compare(struct pairs *p, const struct json *a, const struct json *b)
{
	const struct json *w = b->first;

	if (a->kind != b->kind || a->count != b->count || !str_eq(a->text, b->text))
		return false;
	if (a->kind == JSON_OBJECT && !names_in_order(a, b))
		return push_members(p, a, b);
	for (const struct json *v = a->first; v != NULL; v = v->next, w = w->next)
		pairs_push(p, v, w);
	return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
	struct pairs todo = { 0 };
	bool same = true;

	if (a == NULL || b == NULL)
		return a == b;
	pairs_push(&todo, a, b);
	while (same && todo.n > 0) {
		struct pair next = todo.v[--todo.n];

		same = compare(&todo, next.a, next.b);
	}
	free(todo.v);
	return same;
}
