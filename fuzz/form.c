/* SPDX-License-Identifier: MIT
 *
 * Forms and percent-decoding: what is accepted is clean text, and encoding it gives the same pairs. */
#include <assert.h>

#include "base/field.h"
#include "base/text.h"

enum { PAIRS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_clean(str s)
{
	assert(utf8_valid(s) && !str_has(s, '\0'));
}

static str encoded(struct arena *a, const struct param *pairs, size_t n)
{
	struct buf b;

	buf_init_arena(&b, a, 64 * MIB);
	for (size_t i = 0; i < n; i++) {
		percent_encode(&b, pairs[i].name);
		buf_char(&b, '=');
		percent_encode(&b, pairs[i].value);
		buf_char(&b, '&');
	}
	return buf_view(&b);
}

static void check_form(struct arena *a, str body)
{
	struct param *pairs, *again;
	size_t n, again_n;

	if (!form_parse(a, body, PAIRS_MAX, &pairs, &n))
		return;
	assert(n <= PAIRS_MAX);
	assert(form_parse(a, encoded(a, pairs, n), PAIRS_MAX, &again, &again_n) && n == again_n);
	for (size_t i = 0; i < n; i++) {
		assert_clean(pairs[i].name);
		assert_clean(pairs[i].value);
		assert(str_eq(pairs[i].name, again[i].name) && str_eq(pairs[i].value, again[i].value));
	}
}

static void check_percent(struct arena *a, str text, bool plus_is_space)
{
	struct buf b;
	str out, again;

	if (!percent_decode(a, text, plus_is_space, &out))
		return;
	assert_clean(out);
	buf_init_arena(&b, a, 64 * MIB);
	percent_encode(&b, out);
	assert(percent_decode(a, buf_view(&b), plus_is_space, &again) && str_eq(out, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create(4 * KIB);
	str text = arena_str(a, (str){ (const char *)data, size });

	check_form(a, text);
	check_percent(a, text, true);
	check_percent(a, text, false);
	arena_destroy(a);
	return 0;
}
