/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include "base/field.h"

#include <string.h>

enum { LANGUAGE_BYTES_MAX = 35, SLUG_BYTES_MAX = 63, UUID_BYTES = 36 };

static const uint64_t HIGH_BITS = 0x8080808080808080ULL;

size_t utf8_sequence(const unsigned char *p, size_t n)
{
	unsigned char lead = p[0];
	unsigned char low = 0x80, high = 0xbf;
	size_t need;

	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	need = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	/* Unicode 15.0 table 3-7: overlong forms, surrogates and what is above U+10FFFF. */
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (n < need || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return need;
}

size_t ascii_prefix(str s)
{
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		uint64_t word;

		memcpy(&word, s.p + i, sizeof(word));
		if ((word & HIGH_BITS) != 0)
			break;
	}
	while (i < s.n && (unsigned char)s.p[i] < 0x80)
		i++;
	return i;
}

bool utf8_valid(str s)
{
	size_t i = 0;

	while (i < s.n) {
		size_t n;

		i += ascii_prefix(str_from_at(s, i));
		if (i == s.n)
			break;
		n = utf8_sequence((const unsigned char *)s.p + i, s.n - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

size_t utf8_length(str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c);
}

bool percent_decode(struct arena *a, str s, bool plus_is_space, str *out)
{
	char *p;
	size_t n = 0;

	if (!str_has(s, '%') && !(plus_is_space && str_has(s, '+'))) {
		if (str_has(s, '\0') || !utf8_valid(s))
			return false;
		*out = s;
		return true;
	}
	p = arena_text(a, s.n);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '+' && plus_is_space) {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
			int low = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0')
			return false;
		p[n++] = c;
	}
	if (!utf8_valid((str){ p, n }))
		return false;
	*out = (str){ p, n };
	return true;
}

void percent_encode(struct buf *b, str s)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char escape[3] = { '%', digits[c >> 4], digits[c & 15] };

		if (is_alpha((char)c) || is_digit((char)c) ||
		    c == '-' || c == '.' || c == '_' || c == '~')
			continue;
		buf_str(b, str_sub(s, from, i - from));
		buf_str(b, (str){ escape, sizeof(escape) });
		from = i + 1;
	}
	buf_str(b, str_from_at(s, from));
}

static const char base64url_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

str base64url_encode(struct arena *a, const uint8_t *bytes, size_t n)
{
	char *p, *start;
	uint32_t bits = 0;
	unsigned held = 0;

	start = p = arena_text(a, n / 3 * 4 + (n % 3 == 0 ? 0 : n % 3 + 1));
	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | bytes[i];
		for (held += 8; held >= 6; held -= 6)
			*p++ = base64url_digits[bits >> (held - 6) & 63];
	}
	if (held > 0)
		*p++ = base64url_digits[bits << (6 - held) & 63];
	return (str){ start, (size_t)(p - start) };
}

static int base64_value(char c, char digit62, char digit63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (is_digit(c))
		return c - '0' + 52;
	return c == digit62 ? 62 : c == digit63 ? 63 : -1;
}

/* Canonical only: bits that no byte uses must be zero; a value has one text (RFC 4648 3.5). */
static bool base64_read(struct arena *a, str s, char digit62, char digit63, str *out)
{
	char *p;
	size_t n = 0;
	uint32_t bits = 0;
	unsigned held = 0;

	if (s.n % 4 == 1)
		return false;
	p = arena_text(a, s.n / 4 * 3 + 2);
	for (size_t i = 0; i < s.n; i++) {
		int v = base64_value(s.p[i], digit62, digit63);

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		held += 6;
		if (held >= 8) {
			held -= 8;
			p[n++] = (char)(bits >> held);
		}
	}
	if ((bits & ((1u << held) - 1)) != 0)
		return false;
	*out = (str){ p, n };
	return true;
}

bool base64url_decode(struct arena *a, str s, uint8_t **out, size_t *n_out)
{
	str bytes;

	if (!base64_read(a, s, '-', '_', &bytes))
		return false;
	*out = (uint8_t *)(uintptr_t)bytes.p;
	*n_out = bytes.n;
	return true;
}

bool base64_decode(struct arena *a, str s, str *out)
{
	if (str_ends(s, S("="))) {
		if (s.n % 4 != 0)
			return false;
		s.n -= str_ends(s, S("==")) ? 2 : 1;
	}
	return base64_read(a, s, '+', '/', out);
}

str hex_encode(struct arena *a, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *p = arena_text(a, 2 * n);

	for (size_t i = 0; i < n; i++) {
		p[2 * i] = digits[bytes[i] >> 4];
		p[2 * i + 1] = digits[bytes[i] & 15];
	}
	return (str){ p, 2 * n };
}

bool hex_decode(str s, uint8_t *out, size_t n)
{
	if (s.n != 2 * n)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (hex_value(s.p[i]) < 0)
			return false;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(hex_value(s.p[2 * i]) << 4 | hex_value(s.p[2 * i + 1]));
	return true;
}

void html_escape(struct buf *b, str s)
{
	static const str entity[128] = {
		['&'] = STR("&amp;"), ['<'] = STR("&lt;"), ['>'] = STR("&gt;"),
		['"'] = STR("&quot;"), ['\''] = STR("&#39;"),
	};
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= COUNT(entity) || entity[c].p == NULL)
			continue;
		buf_str(b, str_sub(s, from, i - from));
		buf_str(b, entity[c]);
		from = i + 1;
	}
	buf_str(b, str_from_at(s, from));
}

static bool form_pair(struct arena *a, str pair, struct param *out)
{
	str name = STR_NONE, value = pair;

	str_cut(&value, '=', &name);
	if (value.p == NULL)
		value = S("");
	return percent_decode(a, name, true, &out->name) &&
	       percent_decode(a, value, true, &out->value);
}

static size_t pairs_count(str body)
{
	size_t n = 0;
	str pair;

	while (str_cut(&body, '&', &pair))
		n += pair.n > 0;
	return n;
}

bool form_parse(struct arena *a, str body, size_t pairs_max, struct param **out, size_t *n_out)
{
	size_t n = pairs_count(body), at = 0;
	struct param *pairs;
	str pair;

	if (n > pairs_max)
		return false;
	pairs = arena_array(a, struct param, n);
	while (str_cut(&body, '&', &pair))
		if (pair.n > 0 && !form_pair(a, pair, &pairs[at++]))
			return false;
	*out = pairs;
	*n_out = n;
	return true;
}

bool is_uuid(str s)
{
	if (s.n != UUID_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s.p[i] != '-' : hex_value(s.p[i]) < 0)
			return false;
	}
	return true;
}

bool is_slug(str s)
{
	if (s.n == 0 || s.n > SLUG_BYTES_MAX || is_uuid(s) ||
	    !is_lower_alnum(s.p[0]) || !is_lower_alnum(s.p[s.n - 1]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_lower_alnum(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

static bool all_of(str s, bool (*fits)(char))
{
	for (size_t i = 0; i < s.n; i++)
		if (!fits(s.p[i]))
			return false;
	return true;
}

/* RFC 5646 section 2.1: in which order the parts of a tag may come. */
enum tag_part {
	TAG_LANGUAGE, TAG_EXTLANG, TAG_SCRIPT, TAG_REGION, TAG_VARIANT, TAG_EXTENSION, TAG_PRIVATE
};

struct tag {
	enum tag_part part;
	bool open;                   /* a singleton came and what it introduces did not yet */
};

static bool is_variant(str s)
{
	return s.n >= 5 || (s.n == 4 && is_digit(s.p[0]));
}

/* false: s cannot stand anywhere behind the language. */
static bool tag_part_of(str s, enum tag_part *out)
{
	bool letters = all_of(s, is_alpha);

	if (s.n == 1)
		*out = s.p[0] == 'x' ? TAG_PRIVATE : TAG_EXTENSION;
	else if (letters && s.n == 3)
		*out = TAG_EXTLANG;
	else if (letters && s.n == 4)
		*out = TAG_SCRIPT;
	else if ((letters && s.n == 2) || (s.n == 3 && all_of(s, is_digit)))
		*out = TAG_REGION;
	else if (is_variant(s))
		*out = TAG_VARIANT;
	else
		return false;
	return true;
}

/* The next subtag: 1 to 8 lower-case letters and digits. */
static bool tag_next(struct tag *t, str s)
{
	bool free_form = t->part == TAG_PRIVATE || (t->part == TAG_EXTENSION && s.n > 1);
	enum tag_part part;

	if (free_form) {
		t->open = false;
		return true;
	}
	if (t->open || !tag_part_of(s, &part) || part < t->part)
		return false;
	if (part == t->part && (part == TAG_SCRIPT || part == TAG_REGION))
		return false;
	t->part = part;
	t->open = s.n == 1;
	return true;
}

bool language_tag(struct arena *a, str s, str *out)
{
	struct tag tag = { TAG_LANGUAGE, false };
	str rest, subtag = STR_NONE;
	char *p;

	if (s.n == 0 || s.n > LANGUAGE_BYTES_MAX)
		return false;
	s = arena_lower(a, s);
	p = (char *)(uintptr_t)s.p;
	for (size_t i = 0; i < s.n; i++)
		if (p[i] == '_')
			p[i] = '-';
	rest = s;
	str_cut(&rest, '-', &subtag);
	if (subtag.n < 2 || subtag.n > 8 || !all_of(subtag, is_alpha))
		return false;
	while (str_cut(&rest, '-', &subtag))
		if (subtag.n == 0 || subtag.n > 8 || !all_of(subtag, is_lower_alnum) ||
		    !tag_next(&tag, subtag))
			return false;
	if (tag.open)
		return false;
	*out = s;
	return true;
}
