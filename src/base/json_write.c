/* SPDX-License-Identifier: MIT
 *
 * The writer. Its state is two bits a level, so that it can be a local variable. */
#include "base/json.h"

#include "base/json_scan.h"
#include "base/text.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BITS = 64, F64_DIGITS_LEAST = 15, F64_DIGITS_MOST = 17 };

void json_out_init(struct json_out *o, struct buf *b)
{
	*o = (struct json_out){ .b = b };
}

static bool bit_get(const uint64_t *bits, unsigned at)
{
	return (bits[at / WORD_BITS] >> at % WORD_BITS & 1) != 0;
}

static void bit_put(uint64_t *bits, unsigned at, bool on)
{
	uint64_t bit = (uint64_t)1 << at % WORD_BITS;

	bits[at / WORD_BITS] = on ? bits[at / WORD_BITS] | bit : bits[at / WORD_BITS] & ~bit;
}

static void new_line(struct json_out *o)
{
	if (o->indent == 0)
		return;
	buf_char(o->b, '\n');
	for (unsigned i = 0; i < o->depth * o->indent; i++)
		buf_char(o->b, ' ');
}

static void before_item(struct json_out *o)
{
	bool more = bit_get(o->has_item, o->depth);

	assert(o->depth > 0 || !more);       /* one value, unless inside something */
	if (more)
		buf_char(o->b, ',');
	bit_put(o->has_item, o->depth, true);
	if (o->depth > 0)
		new_line(o);
}

static void before_value(struct json_out *o)
{
	if (o->after_key) {
		o->after_key = false;
		return;
	}
	assert(!bit_get(o->is_object, o->depth));
	before_item(o);
}

static void open_level(struct json_out *o, bool is_object)
{
	before_value(o);
	assert(o->depth < JSON_OUT_DEPTH_MAX);
	buf_char(o->b, is_object ? '{' : '[');
	o->depth++;
	bit_put(o->has_item, o->depth, false);
	bit_put(o->is_object, o->depth, is_object);
}

static void close_level(struct json_out *o, bool is_object)
{
	bool had_items;

	assert(o->depth > 0 && !o->after_key && bit_get(o->is_object, o->depth) == is_object);
	had_items = bit_get(o->has_item, o->depth);
	o->depth--;
	if (had_items)
		new_line(o);
	buf_char(o->b, is_object ? '}' : ']');
}

void json_open_object(struct json_out *o)
{
	open_level(o, true);
}

void json_close_object(struct json_out *o)
{
	close_level(o, true);
}

void json_open_array(struct json_out *o)
{
	open_level(o, false);
}

void json_close_array(struct json_out *o)
{
	close_level(o, false);
}

void json_key(struct json_out *o, str name)
{
	assert(bit_get(o->is_object, o->depth) && !o->after_key);
	before_item(o);
	json_escape(o->b, name, false);
	if (o->indent > 0)
		BUF_LIT(o->b, ": ");
	else
		buf_char(o->b, ':');
	o->after_key = true;
}

void json_put_str(struct json_out *o, str s)
{
	before_value(o);
	if (s.p == NULL)
		BUF_LIT(o->b, "null");
	else
		json_escape(o->b, s, false);
}

void json_put_i64(struct json_out *o, int64_t v)
{
	before_value(o);
	buf_i64(o->b, v);
}

void json_put_f64(struct json_out *o, double v)
{
	char text[32];
	int n = 0;

	before_value(o);
	if (!isfinite(v)) {
		BUF_LIT(o->b, "null");       /* as JavaScript does */
		return;
	}
	for (int digits = F64_DIGITS_LEAST; digits <= F64_DIGITS_MOST; digits++) {
		n = snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_str(o->b, (str){ text, (size_t)n });
}

void json_put_bool(struct json_out *o, bool v)
{
	before_value(o);
	buf_str(o->b, v ? S("true") : S("false"));
}

void json_put_null(struct json_out *o)
{
	json_put_str(o, STR_NONE);
}

void json_put_raw(struct json_out *o, str json)
{
	before_value(o);
	buf_str(o->b, json.p == NULL ? S("null") : json);
}

/* A scalar, or the start of a container. */
static void put_start(struct json_out *o, const struct json *v)
{
	switch (v->kind) {
	case JSON_NULL:
		json_put_null(o);
		break;
	case JSON_FALSE: case JSON_TRUE:
		json_put_bool(o, v->kind == JSON_TRUE);
		break;
	case JSON_NUMBER:
		json_put_raw(o, v->text);
		break;
	case JSON_STRING:
		json_put_str(o, v->text.p == NULL ? S("") : v->text);
		break;
	case JSON_ARRAY: case JSON_OBJECT:
		open_level(o, v->kind == JSON_OBJECT);
		break;
	}
}

static bool is_container(const struct json *v)
{
	return v->kind == JSON_ARRAY || v->kind == JSON_OBJECT;
}

void json_put(struct json_out *o, const struct json *v)
{
	const struct json *above[JSON_DEPTH_MAX];
	unsigned n = 0;

	if (v == NULL) {
		json_put_null(o);
		return;
	}
	for (;;) {
		if (n > 0 && above[n - 1]->kind == JSON_OBJECT)
			json_key(o, v->name);
		put_start(o, v);
		if (is_container(v) && v->first != NULL) {
			assert(n < JSON_DEPTH_MAX);
			above[n++] = v;
			v = v->first;
			continue;
		}
		if (is_container(v))
			close_level(o, v->kind == JSON_OBJECT);
		while (n > 0 && v->next == NULL) {
			v = above[--n];
			close_level(o, v->kind == JSON_OBJECT);
		}
		if (n == 0)
			return;
		v = v->next;
	}
}

/* A character that cannot stand as it is. */
static void put_escaped(struct buf *b, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	static const char short_form[32] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
	};
	char text[6] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };

	if (c == '"' || c == '\\')
		text[1] = (char)c;
	else if (c < 0x20 && short_form[c] != 0)
		text[1] = short_form[c];
	buf_str(b, (str){ text, text[1] == 'u' ? sizeof(text) : 2 });
}

/* Longest start of s that needs no escape. */
static size_t clean_run(str s)
{
	size_t i = 0;

	for (;;) {
		size_t n;

		i += json_plain_run(s.p + i, s.n - i);
		if (i == s.n || (unsigned char)s.p[i] < 0x80)
			return i;
		n = utf8_sequence((const unsigned char *)s.p + i, s.n - i);
		if (n == 0)
			return i;
		i += n;
	}
}

static void put_text(struct buf *b, str s)
{
	while (s.n > 0) {
		size_t run = clean_run(s);

		buf_str(b, str_sub(s, 0, run));
		if (run == s.n)
			return;
		if ((unsigned char)s.p[run] >= 0x80)
			BUF_LIT(b, "\xef\xbf\xbd");
		else
			put_escaped(b, (unsigned char)s.p[run]);
		s = str_from_at(s, run + 1);
	}
}

/* "</script" ends a script and "<!--" changes how it is read (HTML 13.2.5.4), whatever quotes
 * surround them. */
static void put_text_html_safe(struct buf *b, str s)
{
	ptrdiff_t at;

	while ((at = str_index(s, '<')) >= 0) {
		str after = str_from_at(s, (size_t)at + 1);
		bool risky = str_starts(after, S("/")) || str_starts(after, S("!"));

		put_text(b, str_sub(s, 0, (size_t)at));
		buf_str(b, risky ? S("\\u003c") : S("<"));
		s = after;
	}
	put_text(b, s);
}

static void put_plain(struct buf *b, str s)
{
	char *p = b->p + b->n;

	p[0] = '"';
	memcpy(p + 1, s.p, s.n);
	p[s.n + 1] = '"';
	b->n += s.n + 2;
}

void json_escape(struct buf *b, str s, bool html_safe)
{
	if (!buf_reserve(b, s.n + 2))
		return;
	if (!html_safe && s.n > 0 && json_plain_run(s.p, s.n) == s.n) {
		put_plain(b, s);
		return;
	}
	buf_char(b, '"');
	if (html_safe)
		put_text_html_safe(b, s);
	else
		put_text(b, s);
	buf_char(b, '"');
}
