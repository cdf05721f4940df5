/* SPDX-License-Identifier: MIT */
#include "cdn/path.h"

#include "base/test.h"

#define UUID "0f3c2a9e-1111-4222-8333-444455556666"

TEST(cdn_path_is_cut_into_project_and_rest)
{
	static const struct { const char *path, *project, *rest; } rows[] = {
		{ "/acme/app/manifest.json", "acme/app", "manifest.json" },
		{ "/acme/app/en.json", "acme/app", "en.json" },
		{ "/acme/app/en/translations.json", "acme/app", "en/translations.json" },
		{ "/acme/app/translations/en.json", "acme/app", "translations/en.json" },
		{ "/acme/app/v/loyw3v28-0f3c2a9e/en/common.json", "acme/app",
		  "v/loyw3v28-0f3c2a9e/en/common.json" },
		{ "/" UUID "/manifest.json", UUID, "manifest.json" },
		{ "/" UUID "/en/common.json", UUID, "en/common.json" },
		{ "/0F3C2A9E-1111-4222-8333-444455556666/en.json",
		  "0F3C2A9E-1111-4222-8333-444455556666", "en.json" },
		{ "/acme/" UUID "/en.json", "acme/" UUID, "en.json" },
		{ "/", NULL, NULL }, { "", NULL, NULL }, { "/acme", NULL, NULL }, { "/acme/", NULL, NULL },
		{ "/acme/app", NULL, NULL }, { "/acme/app/", NULL, NULL }, { "/acme//en.json", NULL, NULL },
		{ "//app/en.json", NULL, NULL }, { "/" UUID, NULL, NULL }, { "/" UUID "/", NULL, NULL },
		{ "/favicon.ico", NULL, NULL },
	};
	struct cdn_path p;

	for (size_t i = 0; i < COUNT(rows); i++) {
		bool ok = cdn_path_split(str_from(rows[i].path), &p);

		CHECK(ok == (rows[i].project != NULL));
		if (!ok)
			continue;
		CHECK_STR(p.project, str_from(rows[i].project));
		CHECK_STR(p.rest, str_from(rows[i].rest));
	}
}

TEST(cdn_path_canonical_lowers_project_and_locale_but_not_namespaces)
{
	static const struct { const char *project, *rest, *project_out, *rest_out; } rows[] = {
		{ "Acme/App", "EN.json", "acme/app", "en.json" },
		{ "acme/app", "pt_BR/translations.json", "acme/app", "pt-br/translations.json" },
		{ "acme/app", "translations/tr_TR.json", "acme/app", "translations/tr-tr.json" },
		{ "acme/app", "EN/Common.json", "acme/app", "en/Common.json" },
		{ "acme/app", "en/my_space.json", "acme/app", "en/my_space.json" },
		{ "acme/app", "v/AbC/EN/my_space.json", "acme/app", "v/AbC/en/my_space.json" },
		{ "acme/app", "manifest.json", "acme/app", "manifest.json" },
		{ "acme/app", "en%2Djp/caf%C3%A9.json", "acme/app", "en-jp/caf\xc3\xa9.json" },
		{ "%41cme/app", "zh_Hant_TW/batch.json", "acme/app", "zh-hant-tw/batch.json" },
		{ "0F3C2A9E-1111-4222-8333-444455556666", "en.json",
		  "0f3c2a9e-1111-4222-8333-444455556666", "en.json" },
		{ "acme/app", "a/b/c/d/e/f.json", "acme/app", "a/b/c/d/e/f.json" },
	};
	struct arena *a = arena_create(1024);
	struct cdn_path in, out;

	for (size_t i = 0; i < COUNT(rows); i++) {
		in = (struct cdn_path){ str_from(rows[i].project), str_from(rows[i].rest) };
		CHECK(cdn_path_canonical(a, &in, &out));
		CHECK_STR(out.project, str_from(rows[i].project_out));
		CHECK_STR(out.rest, str_from(rows[i].rest_out));
	}
	in = (struct cdn_path){ S("acme/app"), S("en%zz.json") };
	CHECK(!cdn_path_canonical(a, &in, &out));
	in.rest = S("en%2Fx.json");
	CHECK(!cdn_path_canonical(a, &in, &out));
	in.rest = S("%ff/x.json");
	CHECK(!cdn_path_canonical(a, &in, &out));
	arena_destroy(a);
}

TEST(cdn_address_names_every_shape)
{
	static const struct {
		const char *rest;
		enum address_kind kind;
		const char *locale, *space;
	} rows[] = {
		{ "manifest.json", ADDRESS_MANIFEST, NULL, NULL },
		{ "en.json", ADDRESS_LOCALE, "en", "" },
		{ "translations/en.json", ADDRESS_LOCALE, "en", "" },
		{ "en/translations.json", ADDRESS_LOCALE, "en", "" },
		{ "en/common.json", ADDRESS_SPACE, "en", "common" },
		{ "en/batch.json", ADDRESS_BATCH, "en", "" },
		{ "v/x/en/common.json", ADDRESS_VERSION, "en", "common" },
		{ "v/x/en/translations.json", ADDRESS_VERSION, "en", "" },
		{ "v/x/en/batch.json", ADDRESS_OTHER, NULL, NULL },
		{ "v/x/en.json", ADDRESS_OTHER, NULL, NULL },
		{ "v/x.json", ADDRESS_SPACE, "v", "x" },
		{ "en", ADDRESS_OTHER, NULL, NULL },
		{ "en/common", ADDRESS_OTHER, NULL, NULL },
		{ ".json", ADDRESS_OTHER, NULL, NULL },
		{ "en/.json", ADDRESS_OTHER, NULL, NULL },
		{ "/x.json", ADDRESS_OTHER, NULL, NULL },
		{ "a/b/c.json", ADDRESS_OTHER, NULL, NULL },
		{ "a/b/c/d/e.json", ADDRESS_OTHER, NULL, NULL },
		{ "index.html", ADDRESS_OTHER, NULL, NULL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct address a = cdn_address(str_from(rows[i].rest));

		CHECK(a.kind == rows[i].kind);
		CHECK_STR(a.locale, str_from(rows[i].locale));
		CHECK_STR(a.space, str_from(rows[i].space));
	}
}
