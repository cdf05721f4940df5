/* SPDX-License-Identifier: MIT
 *
 * UTF-8 against a decoder that computes code points; and the writers of text, which must give something
 * valid for any bytes. */
#include <assert.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Code points by arithmetic instead of tables; -1: not valid. */
static long count_code_points(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	long count = 0;

	for (size_t i = 0; i < n; count++) {
		uint8_t lead = p[i++];
		unsigned more = lead < 0x80 ? 0 : lead < 0xc0 ? 9 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 :
			lead < 0xf8 ? 3 : 9;
		uint32_t code = more == 0 ? lead : lead & (0x3fu >> more);

		if (more > 3 || n - i < more)
			return -1;
		for (unsigned k = 0; k < more; k++, i++) {
			if ((p[i] & 0xc0) != 0x80)
				return -1;
			code = code << 6 | (p[i] & 0x3f);
		}
		if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return -1;
	}
	return count;
}

static void check_writers(struct arena *a, str text, bool valid)
{
	struct json_fault fault;
	struct json *v;
	struct buf b;

	buf_init_arena(&b, a, 64 * MIB);
	for (int html_safe = 0; html_safe < 2; html_safe++) {
		buf_reset(&b);
		json_escape(&b, text, html_safe != 0);
		assert(json_parse(a, buf_view(&b), 1, &v, &fault) && v->kind == JSON_STRING);
		assert(!valid || str_eq(v->text, text));
		assert(html_safe == 0 || str_find(buf_view(&b), S("</")) < 0);
	}
	buf_reset(&b);
	html_escape(&b, text);
	assert(!str_has(buf_view(&b), '<') && !str_has(buf_view(&b), '"'));
}

static void check_language_tag(struct arena *a, str text)
{
	str tag, again;

	if (language_tag(a, text, &tag))
		assert(language_tag(a, tag, &again) && str_eq(tag, again) && !str_has(tag, '_'));
}

static void check_redaction(struct arena *a, str text)
{
	char *copy = arena_cstr(a, text);
	size_t n = log_redact(copy, text.n);

	assert(n <= text.n && log_redact(copy, n) == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create(4 * KIB);
	str text = arena_str(a, (str){ (const char *)data, size });
	long points = count_code_points(data, size);

	assert(utf8_valid(text) == (points >= 0));
	assert(points < 0 || utf8_length(text) == (size_t)points);
	check_writers(a, text, points >= 0);
	check_language_tag(a, text);
	check_redaction(a, text);
	arena_destroy(a);
	return 0;
}
