/* SPDX-License-Identifier: MIT */
#include "publish/manifest.h"

#include "base/clock.h"
#include "base/json.h"
#include "publish/language_name.h"

enum { MANIFEST_BLOCK_BYTES = 4 * 1024 };

/* The countries of all languages. One that a code names itself always stays; one that is only
 * likely gives way when it is taken, because clients let the last language of a country win. */
static str *countries(struct arena *a, const struct strs *languages)
{
	str *out = arena_array(a, str, languages->n);
	bool *own = arena_array(a, bool, languages->n);

	for (size_t i = 0; i < languages->n; i++)
		out[i] = language_country(a, languages->v[i], &own[i]);
	for (size_t i = 0; i < languages->n; i++)
		for (size_t j = 0; j < languages->n && !own[i] && out[i].p; j++)
			if (j != i && out[j].p && str_eq(out[i], out[j]) && (own[j] || j < i))
				out[i] = STR_NONE;
	return out;
}

static void put_language(struct json_out *o, struct arena *a, const struct live *l, str code,
			 str country)
{
	const struct file *f = live_file(l, code, S(""));

	json_open_object(o);
	json_key(o, S("code"));
	json_put_str(o, code);
	json_key(o, S("name"));
	json_put_str(o, language_name_english(a, code));
	json_key(o, S("nativeName"));
	json_put_str(o, language_name_native(a, code));
	json_key(o, S("flagUrl"));
	json_put_null(o);
	json_key(o, S("countryCode"));
	json_put_str(o, country);
	json_key(o, S("isSource"));
	json_put_bool(o, str_eq(code, l->source_language));
	json_key(o, S("lastUpdated"));
	json_put_str(o, f ? clock_iso(a, f->changed_ms) : STR_NONE);
	json_key(o, S("keyCount"));
	json_put_i64(o, f ? f->leaves : 0);
	json_close_object(o);
}

static void put_file(struct json_out *o, struct arena *a, str prefix, const struct file *f)
{
	json_key(o, f->language);
	json_open_object(o);
	json_key(o, S("url"));
	json_put_str(o, arena_printf(a, FMT_STR "/" FMT_STR "/translations.json", ARG_STR(prefix),
	                             ARG_STR(f->language)));
	json_key(o, S("size"));
	json_put_i64(o, f->bytes);
	json_key(o, S("lastModified"));
	json_put_str(o, clock_iso(a, f->changed_ms));
	json_key(o, S("version"));
	json_put_str(o, f->version);
	json_close_object(o);
}

static void put_strs(struct json_out *o, str name, const struct strs *v)
{
	json_key(o, name);
	json_open_array(o);
	for (size_t i = 0; i < v->n; i++)
		json_put_str(o, v->v[i]);
	json_close_array(o);
}

void manifest_write(struct buf *b, str base_url, str project, const struct live *l)
{
	struct arena *a = arena_create(MANIFEST_BLOCK_BYTES);
	str prefix = arena_printf(a, FMT_STR "/" FMT_STR, ARG_STR(base_url), ARG_STR(project));
	str *country = countries(a, &l->languages);
	ptrdiff_t slash = str_index(project, '/');
	struct json_out o;

	json_out_init(&o, b);
	json_open_object(&o);
	json_key(&o, S("projectSlug"));
	json_put_str(&o, str_from_at(project, (size_t)(slash + 1)));
	json_key(&o, S("sourceLanguage"));
	json_put_str(&o, l->source_language);
	json_key(&o, S("languages"));
	json_open_array(&o);
	for (size_t i = 0; i < l->languages.n; i++)
		put_language(&o, a, l, l->languages.v[i], country[i]);
	json_close_array(&o);
	json_key(&o, S("files"));
	json_open_object(&o);
	for (size_t i = 0; i < l->languages.n; i++) {
		const struct file *f = live_file(l, l->languages.v[i], S(""));

		if (f)
			put_file(&o, a, prefix, f);
	}
	json_close_object(&o);
	json_key(&o, S("updatedAt"));
	json_put_str(&o, clock_iso(a, l->published_ms));
	if (l->namespaced && l->spaces.n > 0) {
		json_key(&o, S("batch"));
		json_put_bool(&o, true);
		put_strs(&o, S("namespaces"), &l->spaces);
	}
	json_key(&o, S("project"));
	json_put_str(&o, project);
	json_key(&o, S("defaultLocale"));
	json_put_str(&o, l->source_language);
	put_strs(&o, S("locales"), &l->languages);
	json_close_object(&o);
	arena_destroy(a);
}
