/* SPDX-License-Identifier: MIT
 *
 * Randomness and random names. Nothing is buffered in the process, so that a fork cannot repeat
 * it. */
#include "crypto/base62.h"
#include "crypto/crypto_int.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum { PUBLIC_ID_DIGITS = 20 };

void random_bytes(void *out, size_t n)
{
	uint8_t *p = out;

	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			crypto_die("getrandom");
		p += got;
		n -= (size_t)got;
	}
}

int64_t random_id(void)
{
	int64_t id;

	do {
		random_bytes(&id, sizeof(id));
		id &= INT64_MAX >> 1;
	} while (id == 0);
	return id;
}

str uuid_v4(struct arena *a)
{
	uint8_t b[16];
	str hex;

	random_bytes(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);   /* version 4, variant 10: RFC 9562 5.4 */
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	hex = hex_encode(a, b, sizeof(b));
	return arena_printf(a, "%.8s-%.4s-%.4s-%.4s-%.12s", hex.p, hex.p + 8, hex.p + 12,
			    hex.p + 16, hex.p + 20);
}

str public_id(struct arena *a, str prefix)
{
	char *text = arena_alloc(a, prefix.n + PUBLIC_ID_DIGITS);

	memcpy(text, prefix.p, prefix.n);
	base62_random(text + prefix.n, PUBLIC_ID_DIGITS);
	return (str){ text, prefix.n + PUBLIC_ID_DIGITS };
}
