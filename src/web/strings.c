/* SPDX-License-Identifier: MIT */
#include "web/strings.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>
#include <unicode/uloc.h>
#include <unicode/ustring.h>

enum { LANGUAGES_MAX = 16, LOAD_BYTES = 64 * 1024, NAME_UNITS_MAX = 128, UNIT_BYTES_MAX = 3 };

struct language_strings { str *texts; str *overrides; };

/* Written once at start (and by strings_override, before serving): constant while pages are written. */
static struct language_strings languages[LANGUAGES_MAX];
static struct arena *memory;

static const struct { const char *code, *native_name; bool rtl; } names[] = {
	{ "en", "English", false }, { "ar", "العربية", true }, { "de", "Deutsch", false },
	{ "ja", "日本語", false }, { "tr", "Türkçe", false },
};

static int key_index(str key)
{
	size_t low = 0, high = interface_keys_n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = str_cmp(key, str_from(interface_keys[middle]));

		if (order == 0)
			return (int)middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

/* Interface files are two levels deep: group, then string. */
static void take(str *texts, const struct json *messages)
{
	for (const struct json *group = messages->first; group != NULL; group = group->next) {
		if (group->kind == JSON_STRING) {
			int i = key_index(group->name);

			if (i >= 0)
				texts[i] = arena_str(memory, group->text);
			continue;
		}
		for (const struct json *s = group->first; s != NULL; s = s->next) {
			int i = key_index(arena_printf(memory, FMT_STR "." FMT_STR, ARG_STR(group->name),
						       ARG_STR(s->name)));

			if (i >= 0 && s->kind == JSON_STRING)
				texts[i] = arena_str(memory, s->text);
		}
	}
}

void strings_load(void)
{
	assert(interface_files_n <= LANGUAGES_MAX);
	if (memory != NULL)
		return;
	memory = arena_create(LOAD_BYTES);
	for (size_t i = 0; i < interface_files_n; i++) {
		struct arena *scratch = arena_create(LOAD_BYTES);
		struct json_fault fault;
		struct json *tree;
		bool ok = json_parse(scratch, interface_files[i].json, JSON_DEPTH_DEFAULT, &tree, &fault);

		assert(ok);
		languages[i].texts = arena_array(memory, str, interface_keys_n);
		languages[i].overrides = arena_array(memory, str, interface_keys_n);
		if (ok)
			take(languages[i].texts, tree);
		arena_destroy(scratch);
	}
}

size_t strings_by_code(str code, bool *found)
{
	for (size_t i = 0; i < interface_files_n; i++) {
		if (str_eq_nocase(interface_files[i].language, code)) {
			*found = true;
			return i;
		}
	}
	*found = false;
	return 0;
}

/* "0", "1", "0.5", "0.333" -> thousandths; anything odd counts as 1. */
static int quality(str s)
{
	int value = 0, digits = 0;

	if (s.n == 0 || (s.p[0] != '0' && s.p[0] != '1'))
		return 1000;
	if (s.p[0] == '1')
		return 1000;
	for (size_t i = 2; i < s.n && digits < 3 && s.p[i] >= '0' && s.p[i] <= '9'; i++, digits++)
		value = value * 10 + (s.p[i] - '0');
	for (; digits < 3; digits++)
		value *= 10;
	return value;
}

size_t strings_pick(str accept)
{
	size_t best = 0;
	int best_quality = 0;
	char separator = str_index(accept, ',') < 0 ? ' ' : ',';     /* ui_locales is separated by blanks */
	str part;

	while (str_cut(&accept, separator, &part)) {
		str rest = str_trim(part), tag, parameter;
		int q = 1000;
		bool found;
		size_t i;

		if (!str_cut(&rest, ';', &tag))
			continue;
		while (str_cut(&rest, ';', &parameter)) {
			parameter = str_trim(parameter);
			if (str_starts(parameter, S("q=")))
				q = quality(str_from_at(parameter, 2));
		}
		tag = str_trim(tag);
		if (str_index(tag, '-') > 0)
			tag = str_sub(tag, 0, (size_t)str_index(tag, '-'));
		i = strings_by_code(tag, &found);
		if (found && q > best_quality) {
			best = i;
			best_quality = q;
		}
	}
	return best;
}

str strings_code(size_t language)
{
	return interface_files[language].language;
}

str strings_native_name(size_t language)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		if (str_eq(str_from(names[i].code), strings_code(language)))
			return str_from(names[i].native_name);
	}
	return strings_code(language);
}

bool strings_rtl(size_t language)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		if (str_eq(str_from(names[i].code), strings_code(language)))
			return names[i].rtl;
	}
	return false;
}

str strings_language_name(struct arena *a, size_t language, str tag)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar name[NAME_UNITS_MAX];
	char text[NAME_UNITS_MAX * UNIT_BYTES_MAX];
	int32_t n, bytes;

	n = uloc_getDisplayName(arena_cstr(a, tag), arena_cstr(a, strings_code(language)), name, NAME_UNITS_MAX,
				&status);
	if (U_FAILURE(status) || status == U_USING_DEFAULT_WARNING || n <= 0)
		return tag;
	u_strToUTF8(text, (int32_t)sizeof(text), &bytes, name, n, &status);
	return U_FAILURE(status) ? tag : arena_str(a, (str){ text, (size_t)bytes });
}

str strings_text(int key, void *language)
{
	const struct language_strings *l = &languages[*(size_t *)language];

	if (l->overrides[key].p != NULL)
		return l->overrides[key];
	return l->texts[key].p != NULL ? l->texts[key] : languages[0].texts[key];
}

str strings_named(size_t language, str key)
{
	int i = key_index(key);

	return i < 0 ? key : strings_text(i, &language);
}

void strings_override(size_t language, const struct json *messages)
{
	str *overrides = languages[language].overrides;

	memset(overrides, 0, interface_keys_n * sizeof(*overrides));
	if (messages == NULL)
		return;
	take(overrides, messages);
	/* What a person consents to is never in another project's hands (ruling R39). */
	for (size_t i = 0; i < interface_keys_n; i++) {
		str key = str_from(interface_keys[i]);

		if (str_starts(key, S("scopes.")) || str_starts(key, S("consent.")))
			overrides[i] = STR_NONE;
	}
}
