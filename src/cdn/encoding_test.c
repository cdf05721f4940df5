/* SPDX-License-Identifier: MIT */
#include "cdn/encoding.h"

#include "base/test.h"

static struct hot with(bool gzip, bool brotli)
{
	struct hot h = { .body = { [HOT_IDENTITY] = STR("{}") } };

	if (gzip)
		h.body[HOT_GZIP] = S("g");
	if (brotli)
		h.body[HOT_BROTLI] = S("b");
	return h;
}

TEST(encoding_follows_the_weights)
{
	static const struct { const char *accept; enum hot_form want; } rows[] = {
		{ NULL, HOT_IDENTITY },
		{ "", HOT_IDENTITY },
		{ "gzip", HOT_GZIP },
		{ "br", HOT_BROTLI },
		{ "gzip, br", HOT_BROTLI },
		{ "gzip, deflate, br, zstd", HOT_BROTLI },
		{ "deflate", HOT_IDENTITY },
		{ "br;q=0.5, gzip", HOT_GZIP },
		{ "br;q=0, gzip;q=0", HOT_IDENTITY },
		{ "GZIP", HOT_GZIP },
		{ "x-gzip", HOT_GZIP },
		{ "*", HOT_BROTLI },
		{ "*;q=0", HOT_IDENTITY },
		{ "gzip, *;q=0", HOT_GZIP },
		{ "identity;q=0, gzip;q=0.1", HOT_GZIP },
		{ "identity, gzip;q=0.5", HOT_IDENTITY },
		{ "br ; q=0.8 , gzip;Q=0.9", HOT_GZIP },
		{ "gzip;q=1.0, br;q=1.000", HOT_BROTLI },
		{ "gzip;q=2", HOT_IDENTITY },
		{ "gzip;q=abc, br", HOT_BROTLI },
		{ "gzip;q=0.0001", HOT_IDENTITY },
		{ ",,gzip,", HOT_GZIP },
		{ "identity;q=0", HOT_IDENTITY },
		{ "br;level=4;q=0.3, gzip;q=0.2", HOT_BROTLI },
	};
	struct hot h = with(true, true);

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_I64(encoding_choose(&h, str_from(rows[i].accept), STR_NONE, false),
			  rows[i].want);
}

TEST(encoding_offers_only_what_exists)
{
	struct hot none = with(false, false), gzip = with(true, false), brotli = with(false, true);

	CHECK_I64(encoding_choose(&none, S("gzip, br"), STR_NONE, false), HOT_IDENTITY);
	CHECK_I64(encoding_choose(&gzip, S("gzip, br"), STR_NONE, false), HOT_GZIP);
	CHECK_I64(encoding_choose(&brotli, S("gzip, br"), STR_NONE, false), HOT_BROTLI);
	CHECK_I64(encoding_choose(&brotli, S("gzip"), STR_NONE, false), HOT_IDENTITY);
}

TEST(encoding_never_gives_brotli_to_okhttp)
{
	struct hot h = with(true, true);

	CHECK_I64(encoding_choose(&h, S("gzip, br"), S("okhttp/4.9.2"), false), HOT_IDENTITY);
	CHECK_I64(encoding_choose(&h, S("gzip, br"), S("okhttp/4.9.2"), true), HOT_GZIP);
	CHECK_I64(encoding_choose(&h, S("br"), S("okhttp/4.9.2"), true), HOT_IDENTITY);
	CHECK_I64(encoding_choose(&h, S("gzip, br"), S("my okhttp/4"), false), HOT_BROTLI);
}
