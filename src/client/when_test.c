/* SPDX-License-Identifier: MIT */
#include "client/client_int.h"

#include "base/test.h"

static const int64_t wall_ms = 784111777000;      /* Sun, 06 Nov 1994 08:49:37 GMT */

TEST(retry_after_is_seconds_or_a_date_in_any_of_three_forms)
{
	static const struct { const char *header; int64_t ms; } rows[] = {
		{ "0", 0 },
		{ "120", 120000 },
		{ "86400", 86400000 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
		{ "Sun, 06 Nov 1994 08:50:07 GMT", 30000 },
		{ "Sunday, 06-Nov-94 08:50:07 GMT", 30000 },
		{ "Sun Nov  6 08:50:07 1994", 30000 },
		{ "Mon, 07 Nov 1994 00:00:00 GMT", 54623000 },
		{ "Sun, 06 Nov 1994 08:00:00 GMT", 0 },                 /* past: at once  */
		{ "Tue, 29 Feb 2028 00:00:00 GMT", 86400000 },          /* a day at most  */
		{ "999999999999999999999999", 86400000 },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_I64(retry_after_ms(rows[i].header, "", wall_ms), rows[i].ms);
}

TEST(a_date_is_measured_from_the_servers_own)
{
	/* Ten years behind, and ahead: what counts is what the server's clock says. */
	CHECK_I64(retry_after_ms("Tue, 29 Feb 2028 00:00:10 GMT", "Mon, 28 Feb 2028 23:59:59 GMT", wall_ms), 11000);
	CHECK_I64(retry_after_ms("Wed, 01 Mar 2028 00:00:10 GMT", "Tue, 29 Feb 2028 23:59:59 GMT", 0), 11000);
	CHECK_I64(retry_after_ms("Sun, 06 Nov 1994 08:50:07 GMT", "yesterday", wall_ms), 30000);
}

TEST(what_is_neither_is_none)
{
	static const char *const rows[] = {
		"", "soon", "-1", "1e3", "+5", "5 ", "1.5", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
		"Sun, 06 Nov 1994 08:49:37 GMTX", "Sun, 06 Nox 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 anF 1994 08:49:37 GMT", "06 Nov 1994 08:49:37 GMT",
		"Sun, -6 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z",
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_I64(retry_after_ms(rows[i], "", wall_ms), -1);
}
