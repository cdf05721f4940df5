/* SPDX-License-Identifier: MIT */
#include "catalog/text_set.h"

#include "access/audit.h"
#include "access/principal.h"
#include "catalog/clip.h"
#include "catalog/project.h"
#include "store/catalog.h"

#include <stdlib.h>

enum { SET_KEYS_MAX = 500 };

static const char *const states[] = { "draft", "pending", "reviewed", "approved", "published",
                                      NULL };

static const struct field set_item_fields[] = {
	FIELD(struct text_set_item, id, "id", .flags = FIELD_REQUIRED | FIELD_UUID | FIELD_LOWER),
	FIELD_OF_STR_MAP(struct text_set_item, texts, "t", .flags = FIELD_REQUIRED | FIELD_LOWER),
	FIELD_END
};
const struct field text_set_in_fields[] = {
	PROJECT_IDENTITY_FIELDS(struct text_set_in),
	FIELD_OF_LIST(struct text_set_in, items, "t", struct text_set_item, set_item_fields,
	              .flags = FIELD_REQUIRED | FIELD_COERCED, .min = 1, .max = SET_KEYS_MAX),
	FIELD_END
};
static const struct field update_item_fields[] = {
	FIELD(struct key_update_item, id, "id", .flags = FIELD_REQUIRED | FIELD_LOWER),
	FIELD(struct key_update_item, language, "l", .flags = FIELD_REQUIRED | FIELD_LOWER),
	FIELD(struct key_update_item, text, "t", .flags = FIELD_REQUIRED),
	FIELD(struct key_update_item, source, "s"),
	FIELD(struct key_update_item, state, "st", .one_of = states),
	FIELD_END
};
const struct field key_update_in_fields[] = {
	PROJECT_IDENTITY_FIELDS(struct key_update_in),
	FIELD_OF_LIST(struct key_update_in, items, "t", struct key_update_item, update_item_fields,
	              .flags = FIELD_REQUIRED | FIELD_COERCED, .min = 1,
	              .max = CALL_KEYS_MAX),
	FIELD_END
};
static const struct field set_updated_fields[] = {
	FIELD(struct text_updated, id, "id"),
	FIELD(struct text_updated, name, "k"),
	FIELD(struct text_updated, languages, "lng"),
	FIELD_END
};
static const struct field update_updated_fields[] = {
	FIELD(struct text_updated, id, "id"),
	FIELD(struct text_updated, name, "k"),
	FIELD(struct text_updated, languages, "lng"),
	FIELD(struct text_updated, source, "src"),
	FIELD_END
};
static const struct field miss_fields[] = {
	FIELD(struct text_miss, id, "id"),
	FIELD(struct text_miss, languages, "l"),
	FIELD(struct text_miss, code, "code"),
	FIELD(struct text_miss, message, "msg"),
	FIELD_END
};
const struct field text_set_out_fields[] = {
	FIELD(struct text_set_out, ok, "ok"),
	FIELD(struct text_set_out, count, "cnt"),
	FIELD(struct text_set_out, wrote, "wrote"),
	FIELD_OF_LIST(struct text_set_out, updated, "upd", struct text_updated, set_updated_fields),
	FIELD_OF_LIST(struct text_set_out, errors, "errors", struct text_miss, miss_fields,
	              .flags = FIELD_OPTIONAL | FIELD_BATCHED),
	FIELD(struct text_set_out, error_texts, "errors",
	      .flags = FIELD_OPTIONAL | FIELD_UNBATCHED),
	FIELD_OF_OBJECT(struct text_set_out, pending, "pub", pending_compact_fields,
	                .flags = FIELD_OPTIONAL),
	FIELD(struct text_set_out, hint, "hint", .flags = FIELD_OPTIONAL),
	FIELD(struct text_set_out, count, "updated", .flags = FIELD_UNBATCHED),
	FIELD_END
};
const struct field key_update_out_fields[] = {
	FIELD(struct text_set_out, ok, "ok"),
	FIELD(struct text_set_out, count, "cnt"),
	FIELD_OF_LIST(struct text_set_out, updated, "upd", struct text_updated,
	              update_updated_fields),
	FIELD_OF_LIST(struct text_set_out, errors, "errors", struct text_miss, miss_fields,
	              .flags = FIELD_OPTIONAL),
	FIELD_OF_OBJECT(struct text_set_out, pending, "pub", pending_compact_fields,
	                .flags = FIELD_OPTIONAL),
	FIELD(struct text_set_out, hint, "hint", .flags = FIELD_OPTIONAL),
	FIELD_END
};
const struct field text_edit_in_fields[] = {
	FIELD(struct text_edit_in, project, "project", .flags = FIELD_REQUIRED),
	FIELD(struct text_edit_in, key, "key", .flags = FIELD_REQUIRED | FIELD_UUID | FIELD_LOWER),
	FIELD(struct text_edit_in, language, "language", .flags = FIELD_REQUIRED | FIELD_LOWER),
	FIELD(struct text_edit_in, value, "value"),
	FIELD(struct text_edit_in, state, "state", .one_of = states),
	FIELD_END
};
const struct field text_edit_out_fields[] = {
	FIELD(struct text_edit_out, id, "id"),
	FIELD(struct text_edit_out, language, "language"),
	FIELD(struct text_edit_out, value, "value"),
	FIELD(struct text_edit_out, state, "state"),
	FIELD(struct text_edit_out, changed, "changed"),
	FIELD_END
};

/* One text that somebody wants, whichever procedure it came by. An absent language only names the
 * key. */
struct wish { str id, language, text; enum text_state state; };

struct setting {
	const struct act *act;
	const struct project *project;
	struct wish *wishes;
	size_t n;
	struct strs languages;           /* targets */
	struct text_key_list keys;       /* ordered by public id */
	size_t unknown_languages;
	str unknown_language;
};

static int by_public_id(const void *a, const void *b)
{
	return str_cmp(((const struct text_key *)a)->public_id,
	               ((const struct text_key *)b)->public_id);
}

static const struct text_key *key_of(const struct setting *s, str id)
{
	struct text_key probe = { .public_id = id };

	if (s->keys.n == 0)
		return NULL;
	return bsearch(&probe, s->keys.v, s->keys.n, sizeof(probe), by_public_id);
}

static bool takes_language(const struct setting *s, str language)
{
	if (str_eq(language, s->project->source_language))
		return true;
	for (size_t i = 0; i < s->languages.n; i++)
		if (str_eq(s->languages.v[i], language))
			return true;
	return false;
}

static bool keys_load(struct setting *s, const str *ids, size_t n, struct err *e)
{
	const struct act *act = s->act;
	struct text_key_list part;
	struct text_key *v = arena_array(act->arena, struct text_key, n + 1);
	size_t found = 0, kept = 0;

	for (size_t i = 0; i < n; i += WRITE_ROWS_MAX) {
		struct strs slice = { ids + i, n - i < WRITE_ROWS_MAX ? n - i : WRITE_ROWS_MAX,
		                      true };

		if (!store_keys_by_public_ids(act->db, act->arena, s->project->id, &slice, &part,
		                              e))
			return false;
		for (size_t k = 0; k < part.n && found < n; k++)
			v[found++] = part.v[k];
	}
	if (found)
		qsort(v, found, sizeof(*v), by_public_id);
	for (size_t i = 0; i < found; i++)
		if (kept == 0 || v[kept - 1].id != v[i].id)
			v[kept++] = v[i];
	s->keys = (struct text_key_list){ v, kept };
	return true;
}

/* Who asks again for a language of the same key is told once. */
static void language_add(struct strs *list, str *v, str language)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(v[i], language))
			return;
	v[list->n++] = language;
}

static int by_id(const void *a, const void *b)
{
	const struct wish *x = *(const struct wish *const *)a, *y = *(const struct wish *const *)b;
	int order = str_cmp(x->id, y->id);

	return order ? order : (x > y) - (x < y);
}

/* The wishes for one key: a run of the array sorted by id. */
struct run { struct wish **v; size_t n; };

static int by_turn(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return (x->v[0] > y->v[0]) - (x->v[0] < y->v[0]);
}

/* One run a key, in the order in which the keys came. */
static size_t runs_of(struct setting *s, struct run *runs)
{
	struct wish **order = arena_array(s->act->arena, struct wish *, s->n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		order[i] = &s->wishes[i];
	if (s->n)
		qsort(order, s->n, sizeof(*order), by_id);
	for (size_t i = 0, end; i < s->n; i = end) {
		for (end = i; end < s->n && str_eq(order[end]->id, order[i]->id); end++)
			;
		runs[n++] = (struct run){ order + i, end - i };
	}
	if (n)
		qsort(runs, n, sizeof(*runs), by_turn);
	return n;
}

static void answer_key(struct setting *s, const struct run *run, struct text_set_out *o)
{
	str id = run->v[0]->id, *v = arena_array(s->act->arena, str, run->n + 1);
	const struct text_key *key = key_of(s, id);
	struct strs languages = { v, 0, true };
	bool source = false;

	for (size_t i = 0; i < run->n; i++) {
		str language = run->v[i]->language;

		if (language.p && (!key || takes_language(s, language)))
			language_add(&languages, v, language);
		source |= language.p && str_eq(language, s->project->source_language);
	}
	if (!key)
		((struct text_miss *)o->errors.v)[o->errors.n++] = (struct text_miss){
			.id = id, .languages = languages, .code = S("not_found"),
			.message = S("The project has no key with this id. Look it up with"
			             " listKeys."),
		};
	else if (languages.n)
		((struct text_updated *)o->updated.v)[o->updated.n++] = (struct text_updated){
			.id = key->public_id, .name = key->name, .languages = languages,
			.source = source,
		};
	o->count += key && languages.n;
	o->wrote += key ? (int64_t)languages.n : 0;
}

static void answer(struct setting *s, struct text_set_out *o)
{
	struct arena *a = s->act->arena;
	struct run *runs = arena_array(a, struct run, s->n + 1);
	str *texts = arena_array(a, str, s->n + 1);
	size_t n = runs_of(s, runs);

	o->updated = (struct list){ arena_array(a, struct text_updated, n + 1), 0, true };
	o->errors = (struct list){ arena_array(a, struct text_miss, n + 1), 0, false };
	for (size_t i = 0; i < n; i++)
		answer_key(s, &runs[i], o);
	for (size_t i = 0; i < o->errors.n; i++) {
		const struct text_miss *m = (const struct text_miss *)o->errors.v + i;

		texts[i] = arena_printf(a, FMT_STR ": not_found (" FMT_STR ")", ARG_STR(m->id),
		                        ARG_STR(arena_join(a, m->languages.v, m->languages.n,
		                                           S(", "))));
	}
	o->error_texts = (struct strs){ texts, o->errors.n, false };
	o->ok = o->errors.n < n || n == 0;
	if (s->unknown_languages)
		o->hint = arena_printf(a, "%zu texts were left out because the project lacks"
		                          " their language (\"" FMT_STR
		                       "\"). Add it with proposeLanguages first.",
		                       s->unknown_languages,
		                       ARG_STR(clip(s->unknown_language, CLIP_CHARS)));
}

static bool write(struct setting *s, size_t *accepted, enum write_rule rule, struct err *e)
{
	struct text_change *changes = arena_array(s->act->arena, struct text_change, s->n + 1);
	size_t n = 0, written;

	for (size_t i = 0; i < s->n; i++) {
		const struct wish *w = &s->wishes[i];
		const struct text_key *key = key_of(s, w->id);

		if (!key || !w->language.p)
			continue;
		if (!takes_language(s, w->language)) {
			s->unknown_languages++;
			s->unknown_language = w->language;
			continue;
		}
		changes[n++] = (struct text_change){ .to = {
			.key_id = key->id, .language = w->language, .value = w->text,
			.state = w->state,
		} };
	}
	*accepted = n;
	return texts_write(s->act, s->project, changes, n, rule, &written, e);
}

static bool audit(const struct setting *s, size_t texts, struct err *e)
{
	struct audit_detail detail = {
		.organization_id = s->project->organization_id, .project_id = s->project->id,
		AUDIT_FACTS({ S("texts"), arena_printf(s->act->arena, "%zu", texts) }),
	};

	return texts == 0 || audit_add(s->act, AUDIT_TEXT_CHANGED, &detail, e);
}

static bool settle(struct setting *s, const str *ids, size_t ids_n, enum write_rule rule,
                   struct text_set_out *o, struct err *e)
{
	const struct act *act = s->act;
	struct language_list languages;
	size_t accepted;

	if (!store_project_lock(act->db, act->arena, s->project->id, e) ||
	    !store_languages(act->db, act->arena, s->project->id, &languages, e) ||
	    !keys_load(s, ids, ids_n, e))
		return false;
	s->languages = languages_shown(act->arena, &languages);
	if (!write(s, &accepted, rule, e) || !audit(s, accepted, e))
		return false;
	answer(s, o);
	return accepted == 0 || pending_hint(act, s->project, &o->pending, e);
}

static bool text_checked(const char *what, size_t i, str text, struct err *e)
{
	const char *why;

	return text_fits(text, &why) || err_set(e, ERR_INVALID_REQUEST,
	                                        "%s[%zu]: %s", what, i, why);
}

bool text_set(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct text_set_in *i = in;
	const struct text_set_item *items = i->items.v;
	struct project p;
	struct setting s = { .act = act, .project = &p };
	str *ids = arena_array(act->arena, str, i->items.n + 1);
	size_t most = 0;

	if (!project_find(act, i->org_slug, i->project_slug, &p, e))
		return false;
	for (size_t k = 0; k < i->items.n; k++)
		most += items[k].texts.n + 1;
	s.wishes = arena_array(act->arena, struct wish, most + 1);
	for (size_t k = 0; k < i->items.n; k++) {
		const struct str_pair *texts = items[k].texts.v;

		ids[k] = items[k].id;
		s.wishes[s.n++] = (struct wish){ .id = items[k].id };
		for (size_t t = 0; t < items[k].texts.n; t++) {
			if (!text_checked("t", k, texts[t].value, e))
				return false;
			if (!str_eq(texts[t].name, p.source_language))
				s.wishes[s.n++] =
				        (struct wish){ items[k].id, texts[t].name, texts[t].value,
				                       TEXT_APPROVED };
		}
	}
	return settle(&s, ids, i->items.n, WRITE_RAISE, out, e);
}

/* A published text is one that has been delivered; what is written now has not been yet. */
static enum text_state state_wanted(str name, enum text_state otherwise)
{
	enum text_state state = otherwise;

	if (!name.n || !text_state_by_name(name, &state))
		return otherwise;
	return state == TEXT_PUBLISHED ? TEXT_APPROVED : state;
}

bool key_update(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct key_update_in *i = in;
	const struct key_update_item *items = i->items.v;
	struct project p;
	struct setting s = { .act = act, .project = &p };
	str *ids = arena_array(act->arena, str, i->items.n + 1);
	struct text_set_out *o = out;

	if (!project_find(act, i->org_slug, i->project_slug, &p, e))
		return false;
	s.wishes = arena_array(act->arena, struct wish, i->items.n + 1);
	for (size_t k = 0; k < i->items.n; k++) {
		if (!text_checked("t", k, items[k].text, e))
			return false;
		ids[k] = items[k].id;
		s.wishes[s.n++] = (struct wish){
			items[k].id, items[k].source ? p.source_language : items[k].language,
			items[k].text,
			state_wanted(items[k].state, TEXT_APPROVED),
		};
	}
	return settle(&s, ids, i->items.n, WRITE_EXACT, o, e);
}

bool text_edit(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct text_edit_in *i = in;
	struct text_edit_out *o = out;
	struct project p;
	struct setting s = { .act = act, .project = &p };
	struct text_set_out result = { 0 };
	struct wish wish;

	if (!project_find_name(act, i->project, &p, e) ||
	    !access_needs_role(act, p.organization_id, ROLE_MEMBER, e) ||
	    !text_checked("value", 0, i->value, e))
		return false;
	wish = (struct wish){
		i->key, i->language, i->value.p ? i->value : S(""),
		state_wanted(i->state, TEXT_DRAFT),
	};
	s.wishes = &wish;
	s.n = 1;
	if (!settle(&s, &i->key, 1, WRITE_EXACT, &result, e))
		return false;
	if (result.errors.n)
		return err_set(e, ERR_NOT_FOUND, "Key not found");
	if (s.unknown_languages)
		return err_set(e, ERR_INVALID_REQUEST,
		               "The project has no language \"" FMT_STR "\"",
		               ARG_STR(clip(i->language, CLIP_CHARS)));
	*o = (struct text_edit_out){ i->key, i->language, wish.text, text_state_name(wish.state),
	                             result.wrote > 0 };
	return true;
}
