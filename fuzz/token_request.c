/* SPDX-License-Identifier: MIT
 *
 * What a token request carries, once its form is read: codes, verifiers, refresh tokens, scopes,
 * resources; and the texts that the store gives back. What is read and written again is the same.
 */
#include <assert.h>

#include "base/text.h"
#include "crypto/token.h"
#include "oauth/choice.h"
#include "oauth/family.h"
#include "oauth/pkce.h"
#include "oauth/resource.h"
#include "oauth/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARAMETERS_MAX = 64 };

static void check_request(struct arena *a, const struct token_in *in)
{
	static const struct settings settings = { .public_url = STR("https://bi18n.example") };
	struct act act = { .arena = a, .settings = &settings };
	struct derived d;
	str text, openid;
	int64_t scopes;

	if (derived_parse(in->refresh_token, TOKEN_REFRESH, &d))
		assert(d.counter == 0 && d.expires_s == 0 && d.family > 0);
	if (scope_parse(a, in->scope, &scopes, &openid))
		assert((scopes & ~SCOPE_ALL) == 0);
	if (resource_check(&act, in->resource, S(""), &text))
		assert((in->resource.n == 0) == (text.n == 0));
	assert(!pkce_s256_matches(in->code_verifier, in->code) || in->code.n == 43);
}

static void check_choice(struct arena *a, str text)
{
	struct choice c, again;
	str written;

	if (!choice_parse(a, text, &c))
		return;
	written = choice_text(a, &c);
	assert(choice_parse(a, written, &again) && again.scopes == c.scopes && again.n == c.n);
	assert(str_eq(choice_text(a, &again), written));
}

static void check_family(struct arena *a, str text)
{
	struct family_state s = { .generation = 1 }, again = { .generation = 1 };

	family_history_parse(text, &s);
	family_networks_parse(text, &s);
	family_history_parse(family_history_text(a, &s), &again);
	family_networks_parse(family_networks_text(a, &s), &again);
	assert(again.replaced_n == s.replaced_n && again.networks_n == s.networks_n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create(16 * 1024);
	str text = { (const char *)data, size };
	struct token_in in = { 0 };
	struct param *params;
	struct err e;
	size_t n;

	if (form_parse(a, text, PARAMETERS_MAX, &params, &n) &&
	    fields_read_params(a, token_in_fields, params, n, &in, &e))
		check_request(a, &in);
	check_choice(a, text);
	check_family(a, text);
	arena_destroy(a);
	return 0;
}
