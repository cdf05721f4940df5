/* SPDX-License-Identifier: MIT */
#include "oauth/resource.h"

enum { RESOURCES_MAX = 8 };

/* Appended to public_url. The slash is there because URL libraries add it to an origin. */
static const str resources[] = { STR(""), STR("/"), STR("/api/oauth-client") };

static bool is_ours(const struct settings *s, str resource)
{
	if (!str_starts(resource, s->public_url))
		return false;
	for (size_t i = 0; i < COUNT(resources); i++) {
		if (str_eq(str_from_at(resource, s->public_url.n), resources[i]))
			return true;
	}
	return false;
}

static str without_slash(str resource)
{
	return str_ends(resource, S("/")) ? str_sub(resource, 0, resource.n - 1) : resource;
}

static bool is_among(str resource, str list)
{
	str word;

	while (str_cut(&list, ' ', &word)) {
		if (str_eq(without_slash(word), without_slash(resource)))
			return true;
	}
	return false;
}

bool resource_check(const struct act *act, struct strs asked, str granted, str *text_out)
{
	str named[RESOURCES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < asked.n; i++) {
		if (asked.v[i].n == 0)          /* as if it were omitted: RFC 6749 3.1, 3.2 */
			continue;
		if (n == RESOURCES_MAX || !is_ours(act->settings, asked.v[i]))
			return false;
		if (granted.n > 0 && !is_among(asked.v[i], granted))
			return false;
		named[n++] = asked.v[i];
	}
	*text_out = n == 0 ? S("") : arena_join(act->arena, named, n, S(" "));
	return true;
}
