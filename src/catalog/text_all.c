/* SPDX-License-Identifier: MIT */
#include "catalog/text_all.h"

#include "base/json.h"
#include "catalog/clip.h"
#include "catalog/key_list.h"
#include "catalog/project.h"
#include "catalog/tree.h"
#include "store/catalog.h"
#include "store/text.h"

enum {
	KEYS_MAX = 200, KEYS_DEFAULT = 100, DESCRIPTION_CHARS = 80, AI_PROMPT_CHARS = 100,
	ECHO_BYTES_MAX = 1 << 20,
	TEXT_JSON_BYTES_MAX = 64 << 20,
};

static const char *const statuses[] = { "missing", "draft", "published", "all", NULL };

const struct field text_all_in_fields[] = {
	PROJECT_IDENTITY_FIELDS(struct text_all_in),
	FIELD(struct text_all_in, namespaces, "namespaces", .flags = FIELD_COERCED),
	FIELD(struct text_all_in, keys, "keys", .flags = FIELD_COERCED),
	{ .name = "search", .kind = FIELD_STR_OR_STRS,
	  .offset = offsetof(struct text_all_in, search) },
	FIELD(struct text_all_in, languages, "languages", .flags = FIELD_COERCED | FIELD_LOWER),
	FIELD(struct text_all_in, status, "status", .one_of = statuses),
	FIELD(struct text_all_in, limit, "limit", .flags = FIELD_COERCED, .min = 1,
	      .max = KEYS_MAX),
	FIELD(struct text_all_in, compact, "compact"),
	FIELD_END
};
static const struct field text_fields[] = {
	FIELD(struct text_shown, id, "id"),
	FIELD(struct text_shown, text, "t"),
	FIELD(struct text_shown, state, "st"),
	FIELD_END
};
static const struct field key_fields[] = {
	FIELD(struct key_shown, id, "id"),
	FIELD(struct key_shown, name, "k"),
	FIELD(struct key_shown, namespace, "ns", .flags = FIELD_OPTIONAL),
	FIELD_RAW_JSON(struct key_shown, source, "src", .flags = FIELD_OPTIONAL),
	FIELD_OF_MAP(struct key_shown, texts, "tr", struct text_shown, text_fields,
	             .flags = FIELD_OPTIONAL),
	FIELD_RAW_JSON(struct key_shown, count, "tc", .flags = FIELD_OPTIONAL),
	FIELD(struct key_shown, name, "key", .flags = FIELD_UNBATCHED),
	FIELD(struct key_shown, namespace_name, "namespace", .flags = FIELD_UNBATCHED),
	FIELD_END
};
static const struct field namespace_fields[] = {
	FIELD(struct namespace_shown, keys, "kc"),
	FIELD(struct namespace_shown, description, "desc", .flags = FIELD_OPTIONAL),
	FIELD(struct namespace_shown, ai_prompt, "ap", .flags = FIELD_OPTIONAL),
	FIELD_END
};
const struct field text_all_out_fields[] = {
	FIELD(struct text_all_out, project, "prj"),
	FIELD(struct text_all_out, source_language, "sl"),
	FIELD(struct text_all_out, returned, "ret"),
	FIELD(struct text_all_out, total, "tot"),
	FIELD(struct text_all_out, has_more, "has_more"),
	FIELD_RAW_JSON(struct text_all_out, search, "srch", .flags = FIELD_OPTIONAL),
	FIELD(struct text_all_out, languages, "lng", .flags = FIELD_OPTIONAL),
	FIELD(struct text_all_out, status, "st", .flags = FIELD_OPTIONAL),
	FIELD_OF_LIST(struct text_all_out, keys, "keys", struct key_shown, key_fields),
	FIELD_OF_MAP(struct text_all_out, namespaces, "nsd", struct namespace_shown,
	             namespace_fields, .flags = FIELD_OPTIONAL),
	FIELD(struct text_all_out, hint, "hint", .flags = FIELD_OPTIONAL),
	FIELD(struct text_all_out, returned, "returned", .flags = FIELD_UNBATCHED),
	FIELD(struct text_all_out, total, "total", .flags = FIELD_UNBATCHED),
	FIELD(struct text_all_out, has_more, "hasMore", .flags = FIELD_UNBATCHED),
	FIELD_END
};

static bool filters_fit(const struct text_all_in *i, struct err *e)
{
	if (i->search.n > SEARCHES_MAX)
		return err_set(e, ERR_INVALID_REQUEST, "search: at most %d texts", SEARCHES_MAX);
	for (size_t k = 0; k < i->search.n; k++)
		if (i->search.v[k].n > SEARCH_CHARS_MAX)
			return err_set(e, ERR_INVALID_REQUEST,
			               "search: at most %d bytes a text", SEARCH_CHARS_MAX);
	if (i->namespaces.n > FILTER_ITEMS_MAX || i->languages.n > FILTER_ITEMS_MAX)
		return err_set(e, ERR_INVALID_REQUEST,
		               "namespaces, languages: at most %d each", FILTER_ITEMS_MAX);
	if (i->keys.n > FILTER_NAMES_MAX)
		return err_set(e, ERR_INVALID_REQUEST, "keys: at most %d", FILTER_NAMES_MAX);
	return true;
}

static str shortened(str s, size_t chars)
{
	return s.n ? clip(s, chars) : STR_NONE;
}

/* As it came: one text or a list. */
static str search_echo(struct arena *a, const struct strs *search)
{
	struct json_out o;
	struct buf b;

	if (!search->present)
		return STR_NONE;
	buf_init_arena(&b, a, ECHO_BYTES_MAX);
	json_out_init(&o, &b);
	if (search->n == 1) {
		json_put_str(&o, search->v[0]);
		return buf_view(&b);
	}
	json_open_array(&o);
	for (size_t i = 0; i < search->n; i++)
		json_put_str(&o, search->v[i]);
	json_close_array(&o);
	return buf_view(&b);
}

static str json_text(struct arena *a, str text)
{
	struct buf b;

	buf_init_arena(&b, a, TEXT_JSON_BYTES_MAX);
	json_escape(&b, text, false);
	return buf_view(&b);
}

static void show_texts(struct arena *a, const struct text_list *texts, str source_language,
                       bool compact, struct key_shown *k)
{
	struct text_shown *v = arena_array(a, struct text_shown, texts->n + 1);
	size_t shown = 0, filled = 0;

	if (!compact)
		k->source = S("null");
	for (size_t i = 0; i < texts->n; i++) {
		const struct text *t = &texts->v[i];

		if (str_eq(t->language, source_language)) {
			if (!compact)
				k->source = json_text(a, t->value);
			continue;
		}
		filled += t->value.n != 0;
		v[shown++] = (struct text_shown){
			.language = t->language, .text = t->value,
			.state = text_state_name(t->state),
			.id = arena_printf(a, FMT_STR ":" FMT_STR, ARG_STR(k->id),
			                   ARG_STR(t->language)),
		};
	}
	if (compact)
		k->count = arena_printf(a, "%zu", filled);
	else
		k->texts = (struct list){ v, shown, false };
}

static void show_keys(const struct act *act, const struct project *p,
                      const struct text_key_list *keys,
                      const struct text_list *texts, bool compact, struct text_all_out *o)
{
	struct key_shown *v = arena_array(act->arena, struct key_shown, keys->n + 1);

	for (size_t i = 0; i < keys->n; i++) {
		const struct text_key *key = &keys->v[i];
		struct text_list own = text_list_of_key(texts, key->id);

		v[i] = (struct key_shown){
			.id = key->public_id, .name = key->name, .namespace_name = key->namespace,
			.namespace = str_eq(key->namespace, NAMESPACE_DEFAULT) ? STR_NONE
			: key->namespace,
		};
		show_texts(act->arena, &own, p->source_language, compact, &v[i]);
	}
	o->keys = (struct list){ v, keys->n, true };
}

/* Of the namespaces that appear in the answer. */
static bool show_namespaces(const struct act *act, const struct project *p,
                            const struct text_key_list *keys, struct text_all_out *o, struct err *e)
{
	struct namespace_list all;
	struct namespace_shown *v;
	size_t n = 0, at = 0;

	if (keys->n == 0)
		return true;
	if (!store_namespaces(act->db, act->arena, p->id, &all, e))
		return false;
	v = arena_array(act->arena, struct namespace_shown, all.n + 1);
	/* Both lists are in byte order of the namespace. */
	for (size_t i = 0; i < all.n && at < keys->n; i++) {
		const struct namespace_row *row = &all.v[i];

		if (!str_eq(keys->v[at].namespace, row->name))
			continue;
		v[n++] = (struct namespace_shown){
			row->name, row->keys, shortened(row->description, DESCRIPTION_CHARS),
			shortened(row->ai_prompt, AI_PROMPT_CHARS),
		};
		while (at < keys->n && str_eq(keys->v[at].namespace, row->name))
			at++;
	}
	o->namespaces = (struct list){ v, n, false };
	return true;
}

static bool find(const struct act *act, const struct text_all_in *i, const struct project *p,
                 struct text_key_list *keys, struct text_all_out *o, struct err *e)
{
	int64_t limit = i->limit >= 1 ? (int64_t)i->limit : KEYS_DEFAULT;
	bool by_status = i->languages.n && i->status.n;
	struct key_filter f = {
		.project_id = p->id, .patterns = search_patterns(act->arena, &i->search),
		.namespaces = i->namespaces, .names = i->keys, .languages = i->languages,
		.source_language = p->source_language, .status = by_status ? i->status : S("all"),
		.limit = limit + 1,
	};

	if (!store_texts_count(act->db, act->arena, &f, &o->total, e) ||
	    !store_texts_find(act->db, act->arena, &f, keys, e))
		return false;
	o->has_more = keys->n > (size_t)limit;
	if (o->has_more)
		keys->n = (size_t)limit;
	return true;
}

bool text_all(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct text_all_in *i = in;
	struct text_all_out *o = out;
	struct text_key_list keys;
	struct text_list texts;
	struct strs languages;
	struct project p;
	str *codes;

	if (!filters_fit(i, e) || !project_find(act, i->org_slug, i->project_slug, &p, e) ||
	    !find(act, i, &p, &keys, o, e))
		return false;
	codes = arena_array(act->arena, str, i->languages.n + 1);
	for (size_t k = 0; k < i->languages.n; k++)
		codes[k] = i->languages.v[k];
	codes[i->languages.n] = p.source_language;
	languages = (struct strs){ codes, i->languages.n ? i->languages.n + 1 : 0, true };
	if (!store_texts_of_keys(act->db, act->arena, &keys, &languages, &texts, e))
		return false;
	show_keys(act, &p, &keys, &texts, i->compact, o);
	if (!i->compact && !show_namespaces(act, &p, &keys, o, e))
		return false;
	o->project = project_full_slug(act->arena, &p);
	o->source_language = p.source_language;
	o->returned = (int64_t)keys.n;
	o->search = search_echo(act->arena, &i->search);
	o->languages = i->languages;
	o->status = i->status.n && !str_eq(i->status, S("all")) ? i->status : STR_NONE;
	if (o->status.n && !i->languages.n)
		o->hint = S("status was ignored: it says something about languages, so name them"
		            " too.");
	else if (o->has_more)
		o->hint = S("There are more matches: narrow the search or raise limit (at most"
		            " 200).");
	return true;
}
