/* SPDX-License-Identifier: MIT
 *
 * Base64url and hex: every value has exactly one text. */
#include <assert.h>
#include <string.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create(4 * KIB);
	str text = arena_str(a, (str){ (const char *)data, size }), standard;
	uint8_t *bytes;
	size_t n;

	if (base64url_decode(a, text, &bytes, &n))
		assert(str_eq(base64url_encode(a, bytes, n), text));
	if (base64_decode(a, text, &standard))
		assert(standard.n <= size / 4 * 3 + 2);
	assert(base64url_decode(a, base64url_encode(a, data, size), &bytes, &n));
	assert(n == size && (n == 0 || memcmp(bytes, data, n) == 0));
	bytes = arena_raw(a, size);
	assert(hex_decode(hex_encode(a, data, size), bytes, size));
	assert(size == 0 || memcmp(bytes, data, size) == 0);
	arena_destroy(a);
	return 0;
}
