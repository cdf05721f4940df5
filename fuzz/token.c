/* SPDX-License-Identifier: MIT
 *
 * Token texts: the classifier, and derivable tokens read back and made again. */
#include "crypto/token.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const uint8_t secret[KEY_BYTES] = { 1, 2, 3 };

/* One text for one value: what is read must be written the same, whatever its MAC is. */
static void check_derivable(struct arena *a, str text, enum token_kind kind)
{
	struct derived d;
	str again;

	if (!derived_parse(text, kind, &d))
		return;
	assert(token_kind_of(text) == kind && d.family > 0);
	again = derived_token(a, kind, secret, 1, d.family, d.generation, d.counter, d.expires_s);
	assert(again.n == text.n);
	if (derived_verify(&d, kind, secret, 1))
		assert(str_eq(again, text));
	else
		assert(!str_eq(again, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_create(1024);
	str text = { (const char *)data, n };
	enum token_kind kind = token_kind_of(text);

	assert(kind < TOKEN_KIND_COUNT);
	assert(kind == TOKEN_UNKNOWN || n <= 255);
	check_derivable(a, text, TOKEN_ACCESS);
	check_derivable(a, text, TOKEN_REFRESH);
	arena_destroy(a);
	return 0;
}
