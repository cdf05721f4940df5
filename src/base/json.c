/* SPDX-License-Identifier: MIT
 *
 * The reader. A loop with its own stack of open containers: depth costs no memory of its own. */
#include "base/json.h"

#include "base/json_scan.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { PAIRWISE_MAX = 12 };          /* members up to which comparing each with each is faster */

struct level {
	struct json *node, *last;
};

struct reader {
	const char   *start, *p, *end;
	struct arena *a;
	struct json  *root;
	str           name;          /* of the next value, in an object */
	unsigned      depth, depth_max;
	struct level  open[JSON_DEPTH_MAX];
	const struct json **slots;   /* scratch for the search for duplicate names */
	size_t        slots_n;
	struct json_fault *fault;
};

static bool fail(struct reader *r, const char *at, const char *what)
{
	r->fault->offset = (size_t)(at - r->start);
	r->fault->what = what;
	return false;
}

static void skip_blank(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
		r->p++;
}

static bool next_is(const struct reader *r, char c)
{
	return r->p < r->end && *r->p == c;
}

static struct json *add(struct reader *r, enum json_kind kind, str text)
{
	struct json *v = arena_raw(r->a, sizeof(*v));
	struct level *in = r->depth > 0 ? &r->open[r->depth - 1] : NULL;

	*v = (struct json){ .kind = kind, .name = r->name, .text = text };
	r->name = STR_NONE;
	if (in == NULL)
		r->root = v;
	else if (in->last == NULL)
		in->node->first = v;
	else
		in->last->next = v;
	if (in != NULL) {
		in->last = v;
		in->node->count++;
	}
	return v;
}

static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

static bool is_high_surrogate(int unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(int unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* Length of the escape that starts with the backslash at p; 0: *what says why not. */
static size_t escape_length(const char *p, const char *end, const char **what)
{
	int unit;

	*what = "unknown escape in a string";
	if (end - p < 2)
		return 0;
	if (p[1] != 'u')
		return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL ? 2 : 0;
	unit = hex4(p + 2, end);
	*what = "\\u must be followed by four hexadecimal digits";
	if (unit < 0)
		return 0;
	*what = "half of a surrogate pair";
	if (is_low_surrogate(unit))
		return 0;
	if (!is_high_surrogate(unit))
		return 6;
	if (end - p < 12 || p[6] != '\\' || p[7] != 'u' || !is_low_surrogate(hex4(p + 8, end)))
		return 0;
	return 12;
}

static char *put_utf8(char *to, int code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	} else {
		*to++ = (char)(0xf0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	}
	return to;
}

static char *put_escape(char *to, const char *p, size_t length, const char *end)
{
	static const char letters[] = "bfnrt", meaning[] = "\b\f\n\r\t";
	const char *at;
	int code;

	if (length == 2) {
		at = strchr(letters, p[1]);
		*to++ = at == NULL ? p[1] : meaning[at - letters];
		return to;
	}
	code = hex4(p + 2, end);
	if (length == 12)
		code = 0x10000 + ((code - 0xd800) << 10) + (hex4(p + 8, end) - 0xdc00);
	return put_utf8(to, code);
}

/* raw was checked already. A decoded string is never longer than its source. */
static str unescape(struct arena *a, str raw)
{
	char *start = arena_text(a, raw.n), *to = start;
	const char *p = raw.p, *end = raw.p + raw.n, *what;

	while (p < end) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		size_t run = (size_t)((slash == NULL ? end : slash) - p);

		to = mempcpy(to, p, run);
		p += run;
		if (slash != NULL) {
			size_t length = escape_length(p, end, &what);

			to = put_escape(to, p, length, end);
			p += length;
		}
	}
	return (str){ start, (size_t)(to - start) };
}

/* Length of one character that is not plain; 0: it cannot stand in a string. */
static size_t special_length(struct reader *r, const char *p)
{
	const char *what;
	size_t n;

	if ((unsigned char)*p >= 0x80) {
		n = utf8_sequence((const unsigned char *)p, (size_t)(r->end - p));
		what = "invalid UTF-8";
	} else if (*p == '\\') {
		n = escape_length(p, r->end, &what);
	} else {
		n = 0;
		what = "control character in a string";
	}
	if (n == 0)
		fail(r, p, what);
	return n;
}

static bool read_string(struct reader *r, str *out)
{
	const char *start = r->p + 1, *p = start;
	bool escaped = false;

	for (;;) {
		size_t n;

		p += json_plain_run(p, (size_t)(r->end - p));
		if (p == r->end)
			return fail(r, r->p, "string without an end");
		if (*p == '"')
			break;
		escaped |= *p == '\\';
		n = special_length(r, p);
		if (n == 0)
			return false;
		p += n;
	}
	*out = (str){ start, (size_t)(p - start) };
	if (escaped)
		*out = unescape(r->a, *out);
	r->p = p + 1;
	return true;
}

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static bool read_number(struct reader *r)
{
	const char *p = r->p, *from;

	if (*p == '-')
		p++;
	from = p;
	p = skip_digits(p, r->end);
	if (p == from)
		return fail(r, p, "digit expected");
	if (*from == '0' && p - from > 1)
		return fail(r, from, "number with a leading zero");
	if (p < r->end && *p == '.') {
		from = ++p;
		p = skip_digits(p, r->end);
		if (p == from)
			return fail(r, p, "digit expected after the decimal point");
	}
	if (p < r->end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < r->end && (*p == '+' || *p == '-'))
			p++;
		from = p;
		p = skip_digits(p, r->end);
		if (p == from)
			return fail(r, p, "digit expected in the exponent");
	}
	add(r, JSON_NUMBER, (str){ r->p, (size_t)(p - r->p) });
	r->p = p;
	return true;
}

static bool read_literal(struct reader *r, str word, enum json_kind kind)
{
	if (!str_starts((str){ r->p, (size_t)(r->end - r->p) }, word))
		return fail(r, r->p, "value expected");
	r->p += word.n;
	add(r, kind, STR_NONE);
	return true;
}

static bool open_container(struct reader *r, enum json_kind kind)
{
	struct json *v;

	if (r->depth == r->depth_max)
		return fail(r, r->p, "nested too deeply");
	v = add(r, kind, STR_NONE);
	r->open[r->depth++] = (struct level){ v, NULL };
	r->p++;
	return true;
}

/* A scalar, or the start of a container. */
static bool read_value(struct reader *r)
{
	str text;

	skip_blank(r);
	if (r->p == r->end)
		return fail(r, r->p, "value expected, but the text ends");
	switch (*r->p) {
	case '{':
		return open_container(r, JSON_OBJECT);
	case '[':
		return open_container(r, JSON_ARRAY);
	case '"':
		if (!read_string(r, &text))
			return false;
		add(r, JSON_STRING, text);
		return true;
	case 't':
		return read_literal(r, S("true"), JSON_TRUE);
	case 'f':
		return read_literal(r, S("false"), JSON_FALSE);
	case 'n':
		return read_literal(r, S("null"), JSON_NULL);
	case '-': case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		return read_number(r);
	default:
		return fail(r, r->p, "value expected");
	}
}

static bool read_name(struct reader *r)
{
	skip_blank(r);
	if (!next_is(r, '"'))
		return fail(r, r->p, "member name expected");
	if (!read_string(r, &r->name))
		return false;
	skip_blank(r);
	if (!next_is(r, ':'))
		return fail(r, r->p, "colon expected");
	r->p++;
	return true;
}

static const struct json *duplicate_pairwise(const struct json *object)
{
	for (const struct json *v = object->first; v != NULL; v = v->next)
		for (const struct json *w = object->first; w != v; w = w->next)
			if (str_eq(v->name, w->name))
				return v;
	return NULL;
}

static const struct json *duplicate_hashed(struct reader *r, const struct json *object)
{
	uint64_t seed = hash_seed();   /* clients choose the names */
	size_t n = 32;

	while (n < (size_t)object->count * 2)
		n *= 2;
	if (n > r->slots_n) {
		free(r->slots);
		r->slots = heap_alloc(n * sizeof(r->slots[0]));
		r->slots_n = n;
	}
	memset(r->slots, 0, n * sizeof(r->slots[0]));
	for (const struct json *v = object->first; v != NULL; v = v->next) {
		size_t i = (size_t)str_hash_seeded(v->name, seed) & (n - 1);

		for (; r->slots[i] != NULL; i = (i + 1) & (n - 1))
			if (str_eq(r->slots[i]->name, v->name))
				return v;
		r->slots[i] = v;
	}
	return NULL;
}

static bool close_container(struct reader *r)
{
	const struct json *v = r->open[--r->depth].node, *twice = NULL;

	if (v->kind == JSON_OBJECT && v->count > 1)
		twice = v->count <= PAIRWISE_MAX ? duplicate_pairwise(v) : duplicate_hashed(r, v);
	if (twice != NULL) {
		/* A name with escapes was copied; then the end of its object has to do. */
		bool slice = twice->name.p >= r->start && twice->name.p < r->end;

		return fail(r, slice ? twice->name.p - 1 : r->p, "duplicate member name");
	}
	r->p++;
	return true;
}

static bool in_object(const struct reader *r)
{
	return r->open[r->depth - 1].node->kind == JSON_OBJECT;
}

static bool read_separator(struct reader *r)
{
	if (!next_is(r, ','))
		return fail(r, r->p, in_object(r) ? "comma or } expected" : "comma or ] expected");
	r->p++;
	return true;
}

static bool read_document(struct reader *r)
{
	for (;;) {
		unsigned depth_before = r->depth;
		bool opened;

		if (!read_value(r))
			return false;
		opened = r->depth > depth_before;
		skip_blank(r);
		while (r->depth > 0 && next_is(r, in_object(r) ? '}' : ']')) {
			if (!close_container(r))
				return false;
			opened = false;
			skip_blank(r);
		}
		if (r->depth == 0)
			break;
		if (!opened && !read_separator(r))
			return false;
		if (in_object(r) && !read_name(r))
			return false;
	}
	return r->p == r->end || fail(r, r->p, "something after the value");
}

bool json_parse(struct arena *a, str text, unsigned depth_max, struct json **out,
                struct json_fault *fault)
{
	struct reader r;
	bool ok;

	if (text.p == NULL)
		text = S("");
	r.start = r.p = text.p;
	r.end = text.p + text.n;
	r.a = a;
	r.root = NULL;
	r.name = STR_NONE;
	r.depth = 0;
	r.depth_max = depth_max < JSON_DEPTH_MAX ? depth_max : JSON_DEPTH_MAX;
	r.slots = NULL;
	r.slots_n = 0;
	r.fault = fault;
	if (text.n > UINT32_MAX)
		return fail(&r, r.p, "text too large");
	if (str_starts(text, S("\xef\xbb\xbf")))
		return fail(&r, r.p, "byte order mark before the value");
	ok = read_document(&r);
	free(r.slots);
	if (ok)
		*out = r.root;
	return ok;
}
