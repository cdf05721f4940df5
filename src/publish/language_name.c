/* SPDX-License-Identifier: MIT */
#include "publish/language_name.h"

#include <string.h>

#include <unicode/uldnames.h>
#include <unicode/uloc.h>
#include <unicode/ustring.h>

enum { NAME_CHARS_MAX = 128 };

static bool icu_locale(struct arena *a, str code, char out[ULOC_FULLNAME_CAPACITY])
{
	UErrorCode status = U_ZERO_ERROR;
	int32_t parsed = 0;

	uloc_forLanguageTag(arena_cstr(a, code), out, ULOC_FULLNAME_CAPACITY, &parsed, &status);
	return U_SUCCESS(status) && status != U_STRING_NOT_TERMINATED_WARNING &&
	       parsed == (int32_t)code.n && out[0];
}

static str utf8_of(struct arena *a, const UChar *s, int32_t n)
{
	UErrorCode status = U_ZERO_ERROR;
	int32_t bytes = 0;
	char *p = arena_text(a, NAME_CHARS_MAX * 4);

	u_strToUTF8(p, NAME_CHARS_MAX * 4, &bytes, s, n, &status);
	return U_SUCCESS(status) ? (str){ p, (size_t)bytes } : STR_NONE;
}

static str name_in(struct arena *a, str code, const char *reader)
{
	UDisplayContext how[] = { UDISPCTX_STANDARD_NAMES,
				  UDISPCTX_CAPITALIZATION_FOR_UI_LIST_OR_MENU };
	char locale[ULOC_FULLNAME_CAPACITY];
	UErrorCode status = U_ZERO_ERROR;
	UChar name[NAME_CHARS_MAX];
	ULocaleDisplayNames *names;
	str out = code;
	int32_t n;

	if (!icu_locale(a, code, locale))
		return code;
	names = uldn_openForContext(reader ? reader : locale, how, 2, &status);
	if (U_FAILURE(status))
		return code;
	n = uldn_localeDisplayName(names, locale, name, NAME_CHARS_MAX, &status);
	if (U_SUCCESS(status) && n > 0 && n <= NAME_CHARS_MAX)
		out = utf8_of(a, name, n);
	uldn_close(names);
	return out.n > 0 ? out : code;
}

str language_name_english(struct arena *a, str code)
{
	return name_in(a, code, "en");
}

str language_name_native(struct arena *a, str code)
{
	return name_in(a, code, NULL);
}

str language_country(struct arena *a, str code, bool *own_out)
{
	char locale[ULOC_FULLNAME_CAPACITY], likely[ULOC_FULLNAME_CAPACITY],
		country[ULOC_COUNTRY_CAPACITY];
	UErrorCode status = U_ZERO_ERROR;
	int32_t n;

	*own_out = false;
	if (!icu_locale(a, code, locale))
		return STR_NONE;
	n = uloc_getCountry(locale, country, sizeof(country), &status);
	*own_out = U_SUCCESS(status) && n == 2;
	if (n == 0) {
		uloc_addLikelySubtags(locale, likely, sizeof(likely), &status);
		if (U_SUCCESS(status))
			n = uloc_getCountry(likely, country, sizeof(country), &status);
	}
	/* Regions of more than one country ("419") have three digits. */
	return U_SUCCESS(status) && n == 2 ? arena_lower(a, (str){ country, 2 }) : STR_NONE;
}
