/* SPDX-License-Identifier: MIT */
#include "catalog/language.h"

#include "base/text.h"
#include "catalog/clip.h"

#include <string.h>
#include <unicode/ucasemap.h>
#include <unicode/uloc.h>
#include <unicode/ustring.h>

enum { NAME_UNITS_MAX = 128, CASE_GROWTH = 3, SUBTAG_BYTES_MAX = 8 };

/* ISO 639 as ICU knows it, and what CLDR has a name for: some codes are only in one of the two. */
static bool is_known_language(const char *subtag)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar name[NAME_UNITS_MAX];

	for (const char *const *p = uloc_getISOLanguages(); *p; p++)
		if (strcmp(*p, subtag) == 0)
			return true;
	uloc_getDisplayLanguage(subtag, "en", name, NAME_UNITS_MAX, &status);
	return U_SUCCESS(status) && status != U_USING_DEFAULT_WARNING;
}

bool language_code(struct arena *a, str text, str *out)
{
	char subtag[SUBTAG_BYTES_MAX + 1] = { 0 };
	str tag, rest, first;

	if (!text.p || !language_tag(a, text, &tag))
		return false;
	rest = tag;
	if (!str_cut(&rest, '-', &first) || first.n > SUBTAG_BYTES_MAX)
		return false;
	memcpy(subtag, first.p, first.n);
	if (!is_known_language(subtag))
		return false;
	*out = tag;
	return true;
}

bool language_needed(struct arena *a, str text, str *out, struct err *e)
{
	if (language_code(a, text, out))
		return true;
	return err_set(e, ERR_INVALID_REQUEST,
	               "\"" FMT_STR "\" is not a language code. Use a BCP 47 tag such as en, pt-br"
	               " or zh-hans.", ARG_STR(clip(text, CLIP_CHARS)));
}

str language_name(struct arena *a, str code)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar name[NAME_UNITS_MAX];
	char text[NAME_UNITS_MAX * CASE_GROWTH];
	int32_t n, bytes;

	n = uloc_getDisplayName(arena_cstr(a, code), "en", name, NAME_UNITS_MAX, &status);
	if (U_FAILURE(status) || status == U_USING_DEFAULT_WARNING || n <= 0)
		return code;
	u_strToUTF8(text, (int32_t)sizeof(text), &bytes, name, n, &status);
	if (U_FAILURE(status))
		return code;
	return arena_str(a, (str){ text, (size_t)bytes });
}

/* Case ----------------------------------------------------------------------------------------- */

typedef int32_t (*case_fn)(const UCaseMap *map, char *to, int32_t to_n, const char *from,
                           int32_t from_n, UErrorCode *status);

static str mapped(struct arena *a, const UCaseMap *map, case_fn fn, str text)
{
	UErrorCode status = U_ZERO_ERROR;
	size_t room = text.n * CASE_GROWTH + 1;
	char *to = arena_text(a, room);
	int32_t n = fn(map, to, (int32_t)room, text.p, (int32_t)text.n, &status);

	return U_FAILURE(status) ? text : (str){ to, (size_t)n };
}

static void variant_add(struct strs *list, str *v, str text)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(v[i], text))
			return;
	v[list->n++] = text;
}

static bool is_ascii(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static void variants_in(struct arena *a, const char *locale, str text, struct strs *list, str *v)
{
	UErrorCode status = U_ZERO_ERROR;
	UCaseMap *map = ucasemap_open(locale, 0, &status);
	str lower, capital[2];
	int32_t first = 0;

	if (U_FAILURE(status))
		return;
	lower = mapped(a, map, ucasemap_utf8ToLower, text);
	U8_FWD_1(lower.p, first, (int32_t)lower.n);
	capital[0] = mapped(a, map, ucasemap_utf8ToUpper, str_sub(lower, 0, (size_t)first));
	capital[1] = str_from_at(lower, (size_t)first);
	variant_add(list, v, lower);
	variant_add(list, v, arena_join(a, capital, COUNT(capital), S("")));
	ucasemap_close(map);
}

static str upper(struct arena *a, str text)
{
	UErrorCode status = U_ZERO_ERROR;
	UCaseMap *map = ucasemap_open("", 0, &status);
	str result = text;

	if (U_SUCCESS(status))
		result = mapped(a, map, ucasemap_utf8ToUpper, text);
	ucasemap_close(map);
	return result;
}

struct strs case_variants(struct arena *a, str text)
{
	str *v = arena_array(a, str, CASE_VARIANTS_MAX);
	struct strs list = { v, 0, true };

	variant_add(&list, v, text);
	if (is_ascii(text) || text.n > INT32_MAX / CASE_GROWTH)
		return list;
	variants_in(a, "", text, &list, v);
	variant_add(&list, v, upper(a, text));
	variants_in(a, "tr", text, &list, v);
	return list;
}
