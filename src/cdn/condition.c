/* SPDX-License-Identifier: MIT */
#include "cdn/condition.h"

#include <string.h>

#include "base/clock.h"

/* Takes one entity tag from the front, quotes included; tags may contain commas. false: no further
 * tag. */
static bool next_tag(str *rest, str *tag)
{
	const char *end;

	while (rest->n > 0 && (rest->p[0] == ',' || rest->p[0] == ' ' || rest->p[0] == '\t'))
		*rest = str_from_at(*rest, 1);
	if (str_starts(*rest, S("W/")))
		*rest = str_from_at(*rest, 2);
	if (rest->n < 2 || rest->p[0] != '"')
		return false;
	end = memchr(rest->p + 1, '"', rest->n - 1);
	if (!end)
		return false;
	*tag = str_sub(*rest, 0, (size_t)(end - rest->p) + 1);
	*rest = str_from_at(*rest, tag->n);
	return true;
}

bool etag_matches(str if_none_match, str etag)
{
	str rest = if_none_match, tag;

	if (str_eq(str_trim(if_none_match), S("*")))
		return true;
	while (next_tag(&rest, &tag))
		if (str_eq(tag, etag))
			return true;
	return false;
}

bool is_unchanged(str if_none_match, str if_modified_since, str etag, int64_t modified_s)
{
	int64_t since;

	if (if_none_match.p)
		return str_eq(if_none_match, etag) || etag_matches(if_none_match, etag);
	return if_modified_since.p && clock_parse_http_date(if_modified_since, &since) &&
	       modified_s <= since / 1000;
}
