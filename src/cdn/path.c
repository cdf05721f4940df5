/* SPDX-License-Identifier: MIT */
#include "cdn/path.h"

#include <string.h>

#include "base/text.h"

enum { UUID_BYTES = 36, SEGMENTS_MAX = 4 };

static str json_suffix = STR(".json");

bool cdn_path_split(str path, struct cdn_path *out)
{
	const char *p = path.p + 1, *end = path.p + path.n, *slash;

	if (path.n < 2)
		return false;
	slash = memchr(p, '/', (size_t)(end - p));
	if (!slash || slash == p)
		return false;
	if (slash - p != UUID_BYTES || !is_uuid((str){ p, UUID_BYTES })) {
		const char *second = slash + 1;

		slash = memchr(second, '/', (size_t)(end - second));
		if (!slash || slash == second)
			return false;
	}
	out->project = (str){ p, (size_t)(slash - p) };
	out->rest = (str){ slash + 1, (size_t)(end - slash - 1) };
	return out->rest.n > 0;
}

static str without_json(str file)
{
	return str_ends(file, json_suffix) ? str_sub(file, 0, file.n - json_suffix.n) : STR_NONE;
}

static str locale_canonical(struct arena *a, str s)
{
	char *p = arena_text(a, s.n + 1);

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		p[i] = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	return (str){ p, s.n };
}

/* Which segment is the locale, by their number: "en.json", "en/x.json" or "translations/en.json",
 * "v/1/en/x.json". */
static size_t locale_segment(const str *v, size_t n)
{
	if (n == 2)
		return str_eq_nocase(v[0], S("translations")) ? 1 : 0;
	return n == 4 ? 2 : 0;
}

static size_t segments_of(str rest, str v[SEGMENTS_MAX + 1])
{
	size_t n = 0;

	while (n <= SEGMENTS_MAX && str_cut(&rest, '/', &v[n]))
		n++;
	return n;
}

static bool rest_canonical(struct arena *a, str rest, str *out)
{
	str v[SEGMENTS_MAX + 1], name;
	size_t n = segments_of(rest, v), at;

	if (n > SEGMENTS_MAX) {
		*out = rest;
		return true;
	}
	/* A slash that was escaped is none of ours: no name may hold one. */
	for (size_t i = 0; i < n; i++)
		if (!percent_decode(a, v[i], false, &v[i]) || str_has(v[i], '/'))
			return false;
	at = locale_segment(v, n);
	if (n == 2 && at == 1)
		v[0] = S("translations");
	name = without_json(v[at]);
	/* The extension is not part of the locale and keeps its case; "manifest.json" is no locale
	 * at all. */
	if (n == 1 && str_eq(v[0], S("manifest.json")))
		*out = v[0];
	else if (name.p)
		v[at] = arena_join(a, (const str[]){ locale_canonical(a, name), json_suffix }, 2,
				   S(""));
	else
		v[at] = locale_canonical(a, v[at]);
	*out = n == 1 ? v[0] : arena_join(a, v, n, S("/"));
	return true;
}

bool cdn_path_canonical(struct arena *a, const struct cdn_path *in, struct cdn_path *out)
{
	str project;

	if (!percent_decode(a, in->project, false, &project) ||
	    !rest_canonical(a, in->rest, &out->rest))
		return false;
	out->project = arena_lower(a, project);
	return true;
}

static bool is_named(str s)
{
	return s.p != NULL && s.n > 0;
}

static struct address address_of_two(str first, str second)
{
	str name = without_json(second);

	if (!is_named(name) || first.n == 0)
		return (struct address){ ADDRESS_OTHER, STR_NONE, STR_NONE };
	if (str_eq(first, S("translations")))
		return (struct address){ ADDRESS_LOCALE, name, S("") };
	if (str_eq(name, S("translations")))
		return (struct address){ ADDRESS_LOCALE, first, S("") };
	if (str_eq(name, S("batch")))
		return (struct address){ ADDRESS_BATCH, first, S("") };
	return (struct address){ ADDRESS_SPACE, first, name };
}

struct address cdn_address(str rest)
{
	str v[SEGMENTS_MAX + 1];
	size_t n = segments_of(rest, v);
	struct address out = { ADDRESS_OTHER, STR_NONE, STR_NONE };

	if (n == 1 && str_eq(v[0], S("manifest.json")))
		return (struct address){ ADDRESS_MANIFEST, STR_NONE, STR_NONE };
	if (n == 1 && is_named(without_json(v[0])))
		return (struct address){ ADDRESS_LOCALE, without_json(v[0]), S("") };
	if (n == 2)
		return address_of_two(v[0], v[1]);
	if (n == 4 && str_eq(v[0], S("v")) && v[1].n > 0) {
		out = address_of_two(v[2], v[3]);
		if (out.kind == ADDRESS_LOCALE || out.kind == ADDRESS_SPACE)
			out.kind = ADDRESS_VERSION;
		else
			out = (struct address){ ADDRESS_OTHER, STR_NONE, STR_NONE };
	}
	return out;
}
