/* SPDX-License-Identifier: MIT */
#include "client/json.h"

enum { DEPTH_MAX = 32, VALUES_MAX = 200000 };

struct reader {
	struct pool   *pool;
	str            s;
	size_t         i, values_n;
	struct jvalue *open[DEPTH_MAX];
	size_t         depth;
};

static void skip_blank(struct reader *r)
{
	while (r->i < r->s.n && strchr(" \t\r\n", r->s.p[r->i]) != NULL && r->s.p[r->i] != '\0')
		r->i++;
}

static bool take(struct reader *r, char c)
{
	if (r->i >= r->s.n || r->s.p[r->i] != c)
		return false;
	r->i++;
	return true;
}

static bool digit_at(const struct reader *r)
{
	return r->i < r->s.n && r->s.p[r->i] >= '0' && r->s.p[r->i] <= '9';
}

static bool digits(struct reader *r)
{
	if (!digit_at(r))
		return false;
	while (digit_at(r))
		r->i++;
	return true;
}

static bool read_number(struct reader *r, struct jvalue *v)
{
	size_t begin = r->i;

	take(r, '-');
	if (!take(r, '0') && !digits(r))
		return false;
	if (take(r, '.') && !digits(r))
		return false;
	if (take(r, 'e') || take(r, 'E')) {
		if (!take(r, '+'))
			take(r, '-');
		if (!digits(r))
			return false;
	}
	v->kind = JNUMBER;
	v->text.n = r->i - begin;
	v->text.p = pool_cstr(r->pool, str_sub(r->s, begin, v->text.n));
	return v->text.p != NULL;
}

static bool hex4(struct reader *r, uint32_t *out)
{
	uint32_t v = 0;

	if (r->s.n - r->i < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = r->s.p[r->i++];

		v <<= 4;
		if (c >= '0' && c <= '9')
			v |= (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v |= (uint32_t)((c | 32) - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

static char *put_code_point(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 63));
		*to++ = (char)(0x80 | (c & 63));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 63));
		*to++ = (char)(0x80 | (c >> 6 & 63));
		*to++ = (char)(0x80 | (c & 63));
	}
	return to;
}

/* After the 'u'. A pair of surrogates is one code point; a lone one is refused. */
static bool unicode_escape(struct reader *r, char **to)
{
	uint32_t high, low;

	if (!hex4(r, &high) || (high >= 0xdc00 && high <= 0xdfff))
		return false;
	if (high >= 0xd800 && high <= 0xdbff) {
		if (!take(r, '\\') || !take(r, 'u') || !hex4(r, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	}
	*to = put_code_point(*to, high == 0 ? 0xfffd : high);
	return true;
}

static bool escape(struct reader *r, char **to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char       *at;
	char              c;

	if (r->i >= r->s.n)
		return false;
	c = r->s.p[r->i++];
	if (c == 'u')
		return unicode_escape(r, to);
	at = c == '\0' ? NULL : strchr(from, c);
	if (at == NULL)
		return false;
	*(*to)++ = into[at - from];
	return true;
}

/* Length of the UTF-8 sequence at p, 0 if there is none. Source: RFC 3629 section 4. */
static size_t utf8_at(const unsigned char *p, size_t n)
{
	size_t   length = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t c;

	if (length == 1)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n < length)
		return 0;
	c = p[0] & (0xffU >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 63);
	}
	if ((length == 3 && (c < 0x800 || (c >= 0xd800 && c <= 0xdfff))) ||
	    (length == 4 && (c < 0x10000 || c > 0x10ffff)))
		return 0;
	return length;
}

static bool copy_character(struct reader *r, char **to)
{
	const unsigned char *p = (const unsigned char *)r->s.p + r->i;
	size_t               n;

	if (*p < 0x20)
		return false;
	n = utf8_at(p, r->s.n - r->i);
	if (n == 0)
		return false;
	memcpy(*to, p, n);
	*to += n;
	r->i += n;
	return true;
}

/* Decoded text is never longer than its source: six bytes of escape give at most three. */
static bool read_string(struct reader *r, str *out)
{
	size_t close = r->i + 1;
	char  *begin, *to;

	if (!take(r, '"'))
		return false;
	while (close < r->s.n && r->s.p[close] != '"')
		close += r->s.p[close] == '\\' ? 2 : 1;
	if (close >= r->s.n)
		return false;
	begin = to = pool_alloc(r->pool, close - r->i + 1);
	if (begin == NULL)
		return false;
	while (r->s.p[r->i] != '"') {
		if (take(r, '\\') ? !escape(r, &to) : !copy_character(r, &to))
			return false;
	}
	r->i++;
	*out = (str){ begin, (size_t)(to - begin) };
	return true;
}

static bool read_word(struct reader *r, struct jvalue *v)
{
	static const struct { str word; enum jkind kind; } words[] = {
		{ STR("null"), JNULL }, { STR("true"), JTRUE }, { STR("false"), JFALSE },
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		if (str_starts(str_from_at(r->s, r->i), words[i].word)) {
			v->kind = words[i].kind;
			r->i += words[i].word.n;
			return true;
		}
	}
	return false;
}

static bool read_container(struct reader *r, struct jvalue *v, enum jkind kind)
{
	if (r->depth == DEPTH_MAX)
		return false;
	r->i++;
	v->kind = kind;
	r->open[r->depth++] = v;
	return true;
}

static bool read_value(struct reader *r, struct jvalue *v)
{
	v->begin = r->i;
	if (r->i >= r->s.n)
		return false;
	switch (r->s.p[r->i]) {
	case '{': return read_container(r, v, JOBJECT);
	case '[': return read_container(r, v, JARRAY);
	case '"':
		v->kind = JSTRING;
		if (!read_string(r, &v->text))
			return false;
		break;
	case 'n': case 't': case 'f':
		if (!read_word(r, v))
			return false;
		break;
	default:
		if (!read_number(r, v))
			return false;
	}
	v->end = r->i;
	return true;
}

static struct jvalue *value_new(struct reader *r)
{
	return ++r->values_n > VALUES_MAX ? NULL : pool_alloc(r->pool, sizeof(struct jvalue));
}

/* The next member or element of the innermost open container; its key is read, its value is not. */
static struct jvalue *child_new(struct reader *r)
{
	struct jvalue *parent = r->open[r->depth - 1], *v = value_new(r);

	if (v == NULL)
		return NULL;
	if (parent->kind == JOBJECT) {
		v->key_begin = r->i;
		if (!read_string(r, &v->key))
			return NULL;
		skip_blank(r);
		if (!take(r, ':'))
			return NULL;
		skip_blank(r);
	}
	if (parent->last != NULL)
		parent->last->next = v;
	else
		parent->first = v;
	parent->last = v;
	parent->count++;
	return v;
}

/* One step inside the innermost container: it ends, or one more child begins. */
static bool step(struct reader *r)
{
	struct jvalue *parent = r->open[r->depth - 1], *v;

	skip_blank(r);
	if (take(r, parent->kind == JOBJECT ? '}' : ']')) {
		parent->end = r->i;
		r->depth--;
		return true;
	}
	if (parent->count > 0) {
		if (!take(r, ','))
			return false;
		skip_blank(r);
	}
	v = child_new(r);
	return v != NULL && read_value(r, v);
}

struct jvalue *json_read(struct pool *p, str source)
{
	struct reader  r = { .pool = p, .s = source };
	struct jvalue *root = value_new(&r);

	skip_blank(&r);
	if (root == NULL || !read_value(&r, root))
		return NULL;
	while (r.depth > 0) {
		if (!step(&r))
			return NULL;
	}
	skip_blank(&r);
	return r.i == source.n ? root : NULL;
}

const struct jvalue *json_member(const struct jvalue *v, const char *name)
{
	if (v == NULL || v->kind != JOBJECT)
		return NULL;
	for (const struct jvalue *m = v->first; m != NULL; m = m->next) {
		if (str_eq(m->key, str_from(name)))
			return m;
	}
	return NULL;
}

const char *json_text(const struct jvalue *v, const char *name)
{
	const struct jvalue *m = json_member(v, name);

	return m != NULL && m->kind == JSTRING ? m->text.p : NULL;
}

const char *json_text_or(const struct jvalue *v, const char *name, const char *fallback)
{
	const char *text = json_text(v, name);

	return text != NULL ? text : fallback;
}

bool json_number(const struct jvalue *v, const char *name, int64_t min, int64_t max, int64_t *out)
{
	const struct jvalue *m = json_member(v, name);

	return m != NULL && m->kind == JNUMBER && str_i64(m->text, min, max, out);
}
