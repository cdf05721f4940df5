/* SPDX-License-Identifier: MIT
 *
 * Redirect URIs. What passes has one reading: it is printable, names its host as people are shown
 * it, matches itself and no other port unless on loopback, and an answer only adds to it. */
#include <assert.h>
#include <string.h>

#include "oauth/redirect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_chars(str s)
{
	for (size_t i = 0; i < s.n; i++)
		assert(s.p[i] > ' ' && s.p[i] <= '~' && s.p[i] != '\\' && s.p[i] != '#');
}

static void check_loopback(str uri)
{
	static const str names[] = { STR("http://127.0.0.1"), STR("http://[::1]"),
				     STR("http://localhost") };
	bool known = false;

	for (size_t i = 0; i < COUNT(names); i++) {
		if (!str_starts(uri, names[i]))
			continue;
		known = uri.n == names[i].n || strchr(":/?", uri.p[names[i].n]) != NULL;
	}
	assert(known);
}

static void check_parsed(struct arena *a, str uri, const struct redirect *r)
{
	static const struct str_pair pairs[] = { { STR("code"), STR("a&b#c d\n") } };
	struct app app = { .kind = APP_NATIVE, .redirect_uris = { &uri, 1, true } };
	str answer = redirect_with(a, uri, pairs, COUNT(pairs));
	struct err e;

	check_chars(uri);
	check_chars(answer);
	assert(str_starts(answer, uri) && answer.n > uri.n);
	assert(redirect_shown(a, uri).n > 0 && redirect_host(uri).n > 0);
	assert(!str_has(r->host, '@') && !str_has(r->host, '%'));
	if (r->loopback)
		check_loopback(uri);
	assert(redirect_check(uri, APP_NATIVE, &e) == redirect_matches(&app, uri));
	app.kind = APP_WEB;
	assert(redirect_check(uri, APP_WEB, &e) == redirect_matches(&app, uri));
}

/* Two lines: a registered URI and the one presented. */
static void check_pair(str registered, str presented)
{
	struct app app = { .kind = APP_WEB, .redirect_uris = { &registered, 1, true } };

	assert(!redirect_matches(&app, presented) || str_eq(registered, presented));
	app.kind = APP_NATIVE;
	assert(!redirect_matches(&app, presented) || str_eq(registered, presented) ||
	       (redirect_is_loopback(registered) && redirect_is_loopback(presented) &&
	        str_eq(redirect_host(registered), redirect_host(presented))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create(4096);
	str rest = { (const char *)data, size }, first, second;
	struct redirect r;

	if (size > 0 && str_cut(&rest, '\n', &first)) {
		if (redirect_parse(first, &r))
			check_parsed(a, first, &r);
		if (str_cut(&rest, '\n', &second))
			check_pair(first, second);
	}
	arena_destroy(a);
	return 0;
}
