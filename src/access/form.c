/* SPDX-License-Identifier: MIT */
#include "access/form.h"

#include "base/text.h"
#include "crypto/crypto.h"

enum { SECRET_BYTES = 24 };

str form_secret(struct arena *a)
{
	uint8_t bytes[SECRET_BYTES];

	random_bytes(bytes, sizeof(bytes));
	return base64url_encode(a, bytes, sizeof(bytes));
}

str form_mark(const struct settings *s, struct arena *a, str secret, str session)
{
	str text = arena_printf(a, "form|" FMT_STR "|" FMT_STR, ARG_STR(secret), ARG_STR(session));
	struct digest d = hmac_sha256(s->server_key, KEY_BYTES, text);

	return base64url_encode(a, d.b, sizeof(d.b));
}

bool form_mark_is(const struct settings *s, struct arena *a, str secret, str session, str mark)
{
	return secret_equal(form_mark(s, a, secret, session), mark);
}
