/* SPDX-License-Identifier: MIT
 *
 * Authorization and x-api-key, one a line: what is accepted is one token inside the header, and a
 * Basic credential is clean text. */
#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "operation/credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_token(str token, str header)
{
	assert(token.n > 0 && token.n <= CREDENTIAL_BYTES_MAX);
	assert(token.p >= header.p && token.p + token.n <= header.p + header.n);
	for (size_t i = 0; i < token.n; i++)
		assert(token.p[i] > 0x20 && token.p[i] < 0x7f && token.p[i] != ',');
}

static void check_basic(struct arena *a, str encoded)
{
	struct err e = { .code = ERR_NONE };
	str id, secret;

	if (!basic_read(a, encoded, &id, &secret, &e)) {
		assert(e.code == ERR_INVALID_REQUEST && e.say[0] != '\0');
		return;
	}
	assert(utf8_valid(id) && utf8_valid(secret) && !str_has(id, '\0') && !str_has(secret, '\0'));
}

static void check_header(struct arena *a, str header)
{
	struct err e = { .code = ERR_NONE };
	enum authorization kind;
	str token;

	if (!authorization_read(header, &kind, &token, &e)) {
		assert(e.code == ERR_INVALID_TOKEN || e.code == ERR_INVALID_REQUEST);
		return;
	}
	assert((kind == AUTHORIZATION_NONE) == (token.p == NULL));
	if (kind != AUTHORIZATION_NONE)
		assert_token(token, header);
	if (kind == AUTHORIZATION_BASIC)
		check_basic(a, token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create(4 * KIB);
	str rest = arena_str(a, (str){ (const char *)data, size }), header = S("");
	struct credential cred = { .local = false };
	struct err e = { .code = ERR_NONE };

	(void)str_cut(&rest, '\n', &header);
	check_header(a, header);
	check_basic(a, header);
	if (credential_read(a, header, rest, true, &cred, &e)) {
		assert(cred.bearer.p == NULL || cred.client_id.p == NULL);
		assert(!cred.local && cred.session.p == NULL);
	}
	arena_destroy(a);
	return 0;
}
