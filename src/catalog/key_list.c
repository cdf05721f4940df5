/* SPDX-License-Identifier: MIT */
#include "catalog/key_list.h"

#include "base/json.h"
#include "catalog/language.h"
#include "catalog/project.h"
#include "store/text.h"

#include <stdlib.h>

enum {
	PAGE_KEYS_MAX = 250, PAGE_KEYS_DEFAULT = 20, PAGES_MAX = 100000000,
	TEXTS_JSON_BYTES_MAX = 64 << 20,
	NOTE_FROM_KEYS = 500,
};

static const char *const field_names[] = {
	"id", "sourceText", "translations", "translatedLanguages", "translatedLanguageCount", NULL
};

const struct field key_list_in_fields[] = {
	PROJECT_IDENTITY_FIELDS(struct key_list_in),
	{ .name = "search", .kind = FIELD_STR_OR_STRS,
	  .offset = offsetof(struct key_list_in, search) },
	FIELD(struct key_list_in, namespaces, "namespaces", .flags = FIELD_COERCED),
	FIELD(struct key_list_in, missing_language, "missingLanguage", .flags = FIELD_LOWER),
	FIELD(struct key_list_in, fields, "fields", .flags = FIELD_COERCED, .one_of = field_names),
	FIELD(struct key_list_in, page, "page", .flags = FIELD_COERCED, .min = 1, .max = PAGES_MAX,
	      .initial = 1),
	FIELD(struct key_list_in, limit, "limit", .flags = FIELD_COERCED, .min = 1,
	      .max = PAGE_KEYS_MAX, .initial = PAGE_KEYS_DEFAULT),
	FIELD_END
};
static const struct field listed_fields[] = {
	FIELD(struct key_listed, name, "k"),
	FIELD(struct key_listed, namespace, "ns"),
	FIELD(struct key_listed, id, "id", .flags = FIELD_OPTIONAL),
	FIELD_RAW_JSON(struct key_listed, source, "src", .flags = FIELD_OPTIONAL),
	FIELD(struct key_listed, languages, "tl", .flags = FIELD_OPTIONAL),
	FIELD_RAW_JSON(struct key_listed, count, "tlc", .flags = FIELD_OPTIONAL),
	FIELD_RAW_JSON(struct key_listed, texts, "tr", .flags = FIELD_OPTIONAL),
	FIELD_END
};
const struct field key_list_out_fields[] = {
	FIELD(struct key_list_out, total, "tot"),
	FIELD(struct key_list_out, returned, "ret"),
	FIELD(struct key_list_out, page, "pg"),
	FIELD(struct key_list_out, limit, "lim"),
	FIELD(struct key_list_out, has_more, "has_more"),
	FIELD(struct key_list_out, namespaces, "nss"),
	FIELD_OF_LIST(struct key_list_out, keys, "k", struct key_listed, listed_fields),
	FIELD(struct key_list_out, note, "note", .flags = FIELD_OPTIONAL),
	FIELD_END
};

/* Searching ------------------------------------------------------------------------------------ */

static str pattern_of(struct arena *a, str needle)
{
	char *p = arena_text(a, needle.n * 2 + 2), *at = p;

	*at++ = '%';
	for (size_t i = 0; i < needle.n; i++) {
		if (needle.p[i] == '%' || needle.p[i] == '_' || needle.p[i] == '~')
			*at++ = '~';
		*at++ = needle.p[i];
	}
	*at++ = '%';
	return (str){ p, (size_t)(at - p) };
}

struct strs search_patterns(struct arena *a, const struct strs *needles)
{
	str *v = arena_array(a, str, needles->n * CASE_VARIANTS_MAX + 1);
	size_t n = 0;

	for (size_t i = 0; i < needles->n; i++) {
		struct strs variants = { 0 };

		if (needles->v[i].n)
			variants = case_variants(a, needles->v[i]);
		for (size_t k = 0; k < variants.n; k++)
			v[n++] = pattern_of(a, variants.v[k]);
	}
	return (struct strs){ v, n, true };
}

static bool search_fits(const struct key_list_in *i, struct err *e)
{
	if (i->search.n > SEARCHES_MAX)
		return err_set(e, ERR_INVALID_REQUEST, "search: at most %d texts", SEARCHES_MAX);
	if (i->namespaces.n > FILTER_ITEMS_MAX)
		return err_set(e, ERR_INVALID_REQUEST, "namespaces: at most %d", FILTER_ITEMS_MAX);
	for (size_t k = 0; k < i->search.n; k++)
		if (i->search.v[k].n > SEARCH_CHARS_MAX)
			return err_set(e, ERR_INVALID_REQUEST,
			               "search: at most %d bytes a text", SEARCH_CHARS_MAX);
	return true;
}

/* Listing -------------------------------------------------------------------------------------- */

struct wanted { bool id, source, texts, languages, count; };

static struct wanted wanted_of(const struct strs *fields)
{
	struct wanted w = { 0 };

	if (!fields->present)
		return (struct wanted){ .id = true, .source = true };
	for (size_t i = 0; i < fields->n; i++) {
		w.id |= str_eq(fields->v[i], S("id"));
		w.source |= str_eq(fields->v[i], S("sourceText"));
		w.texts |= str_eq(fields->v[i], S("translations"));
		w.languages |= str_eq(fields->v[i], S("translatedLanguages"));
		w.count |= str_eq(fields->v[i], S("translatedLanguageCount"));
	}
	return w;
}

static void show_source(struct arena *a, const struct text_list *texts, str source_language,
                        struct key_listed *k)
{
	struct buf b;

	k->source = S("null");
	for (size_t i = 0; i < texts->n; i++)
		if (str_eq(texts->v[i].language, source_language)) {
			buf_init_arena(&b, a, TEXTS_JSON_BYTES_MAX);
			json_escape(&b, texts->v[i].value, false);
			k->source = buf_view(&b);
		}
}

static void show_texts(struct arena *a, const struct text_list *texts, str source_language,
                       struct key_listed *k)
{
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, a, TEXTS_JSON_BYTES_MAX);
	json_out_init(&o, &b);
	json_open_object(&o);
	for (size_t i = 0; i < texts->n; i++) {
		if (str_eq(texts->v[i].language, source_language))
			continue;
		json_key(&o, texts->v[i].language);
		json_put_str(&o, texts->v[i].value);
	}
	json_close_object(&o);
	k->texts = buf_view(&b);
}

static void show_languages(struct arena *a, const struct text_list *texts, str source_language,
                           const struct wanted *w, struct key_listed *k)
{
	str *v = arena_array(a, str, texts->n + 1);
	size_t n = 0;

	for (size_t i = 0; i < texts->n; i++)
		if (texts->v[i].value.n && !str_eq(texts->v[i].language, source_language))
			v[n++] = texts->v[i].language;
	if (w->languages)
		k->languages = (struct strs){ v, n, true };
	if (w->count)
		k->count = arena_printf(a, "%zu", n);
}

static int64_t namespace_index(str *names, size_t *n, str namespace)
{
	for (size_t i = 0; i < *n; i++)
		if (str_eq(names[i], namespace))
			return (int64_t)i;
	names[*n] = namespace;
	return (int64_t)(*n)++;
}

static bool page_texts(const struct act *act, const struct project *p,
                       const struct text_key_list *keys,
                       const struct wanted *w, struct text_list *out, struct err *e)
{
	const struct strs source = { &p->source_language, 1, true }, all = { 0 };

	*out = (struct text_list){ 0 };
	if (keys->n == 0 || !(w->source || w->texts || w->languages || w->count))
		return true;
	return store_texts_of_keys(act->db, act->arena, keys, w->texts || w->languages || w->count
	                           ? &all : &source, out, e);
}

static void show_page(const struct act *act, const struct project *p,
                      const struct text_key_list *keys,
                      const struct text_list *texts, const struct wanted *w, struct key_list_out *o)
{
	struct key_listed *v = arena_array(act->arena, struct key_listed, keys->n + 1);
	str *names = arena_array(act->arena, str, keys->n + 1);
	size_t names_n = 0;

	for (size_t i = 0; i < keys->n; i++) {
		struct text_list own = text_list_of_key(texts, keys->v[i].id);

		v[i].name = keys->v[i].name;
		v[i].namespace = namespace_index(names, &names_n, keys->v[i].namespace);
		if (w->id)
			v[i].id = keys->v[i].public_id;
		if (w->source)
			show_source(act->arena, &own, p->source_language, &v[i]);
		if (w->texts)
			show_texts(act->arena, &own, p->source_language, &v[i]);
		show_languages(act->arena, &own, p->source_language, w, &v[i]);
	}
	o->keys = (struct list){ v, keys->n, true };
	o->namespaces = (struct strs){ names, names_n, true };
}

bool key_list(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct key_list_in *i = in;
	struct key_list_out *o = out;
	struct wanted w = wanted_of(&i->fields);
	struct text_key_list keys;
	struct text_list texts;
	struct project p;
	struct key_filter f;

	if (!search_fits(i, e) || !project_find(act, i->org_slug, i->project_slug, &p, e))
		return false;
	f = (struct key_filter){
		.project_id = p.id, .patterns = search_patterns(act->arena, &i->search),
		.namespaces = i->namespaces, .missing_language = i->missing_language,
		.limit = i->limit, .offset = (i->page - 1) * i->limit,
	};
	if (!store_keys_count(act->db, act->arena, &f, &o->total, e) ||
	    !store_keys_page(act->db, act->arena, &f, &keys, e) ||
	    !page_texts(act, &p, &keys, &w, &texts, e))
		return false;
	show_page(act, &p, &keys, &texts, &w, o);
	o->returned = (int64_t)keys.n;
	o->page = i->page;
	o->limit = i->limit;
	o->has_more = keys.n && f.offset + o->returned < o->total;
	if (o->total > NOTE_FROM_KEYS && !f.patterns.n && !f.namespaces.n && !f.missing_language.n)
		o->note =
		        S("Many keys: narrow the list with search, namespaces or missingLanguage.");
	return true;
}
