/* SPDX-License-Identifier: MIT
 *
 * The query of an authorize request, for each kind of app. What is refused has an error that can be
 * sent; what passes asks for no more than the app may, with PKCE where it is needed. */
#include <assert.h>

#include "base/text.h"
#include "oauth/authorize_int.h"
#include "oauth/pkce.h"
#include "oauth/redirect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARAMETERS_MAX = 64 };

static void check(struct arena *a, const struct authorize_in *in, enum app_kind kind)
{
	static const struct settings settings = { .public_url = STR("https://bi18n.example") };
	struct act act = { .arena = a, .settings = &settings };
	struct begin b = { .in = in };

	b.app = (struct app){ .kind = kind,
			      .confidential = kind == APP_WEB,
			      .pkce_required = kind != APP_WEB,
			      .mcp_class = kind == APP_NATIVE,
			      .scopes = SCOPE_ALL & ~SCOPE_CONTENT_WRITE };
	b.row = (struct authorization_request){ .redirect_uri = S("https://app.example/cb"),
						.state = in->state,
						.issuer = settings.public_url };
	if (!authorize_check(&act, &b)) {
		assert(b.error.n > 0 && b.description.n > 0);
		assert(str_starts(authorize_error_uri(a, &b.row, b.error, b.description),
		                  b.row.redirect_uri));
		return;
	}
	assert(b.row.scopes != 0 && (b.row.scopes & ~b.app.scopes) == 0);
	assert(b.row.challenge.n == 0 || pkce_challenge_is_sane(b.row.challenge));
	assert(b.app.confidential || b.row.challenge.n > 0);
	assert(str_eq(in->response_type, S("code")));
	assert(!b.prompt.none || (!b.prompt.login && !b.prompt.consent));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create(16 * 1024);
	struct authorize_in in = { 0 };
	struct param *params;
	struct err e;
	size_t n;

	if (form_parse(a, (str){ (const char *)data, size }, PARAMETERS_MAX, &params, &n) &&
	    fields_read_params(a, authorize_in_fields, params, n, &in, &e)) {
		check(a, &in, APP_WEB);
		check(a, &in, APP_NATIVE);
		check(a, &in, APP_SPA);
	}
	arena_destroy(a);
	return 0;
}
