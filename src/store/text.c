/* SPDX-License-Identifier: MIT */
#include "store/text.h"

#include "store/json_rows.h"

#include <stdlib.h>
#include <string.h>

static const str state_names[] = {
	[TEXT_DRAFT] = STR("draft"), [TEXT_PENDING] = STR("pending"),
	[TEXT_REVIEWED] = STR("reviewed"),
	[TEXT_APPROVED] = STR("approved"), [TEXT_PUBLISHED] = STR("published"),
};

str text_state_name(enum text_state s)
{
	return state_names[s];
}

bool text_state_by_name(str name, enum text_state *out)
{
	for (size_t i = 0; i < COUNT(state_names); i++)
		if (str_eq(name, state_names[i])) {
			*out = (enum text_state)i;
			return true;
		}
	return false;
}

/* Rows hold only names that this file wrote. */
static enum text_state state_of(str name)
{
	enum text_state s = TEXT_DRAFT;

	return text_state_by_name(name, &s) ? s : TEXT_DRAFT;
}

static str kind_name(bool json)
{
	return json ? S("json") : S("text");
}

static bool kind_is_json(str kind)
{
	return str_eq(kind, S("json"));
}

str json_list_text(struct arena *a, const struct strs *list)
{
	struct json_rows r;

	json_rows_begin(&r, a);
	for (size_t i = 0; i < list->n; i++)
		json_put_str(&r.o, list->v[i]);
	return json_rows_text(&r);
}

static str ids_text(struct arena *a, const struct text_key *keys, size_t n)
{
	struct json_rows r;

	json_rows_begin(&r, a);
	for (size_t i = 0; i < n; i++) {
		json_row_open(&r);
		json_put_i64(&r.o, keys[i].id);
		json_row_close(&r);
	}
	return json_rows_text(&r);
}

/* [i, namespace, name, public id] of the keys that are not there yet, or of all. */
static str names_text(struct arena *a, const struct text_key *keys, size_t n, bool only_new)
{
	struct json_rows r;

	json_rows_begin(&r, a);
	for (size_t i = 0; i < n; i++) {
		if (only_new && keys[i].id)
			continue;
		json_row_open(&r);
		json_put_i64(&r.o, (int64_t)i);
		json_put_str(&r.o, keys[i].namespace);
		json_put_str(&r.o, keys[i].name);
		json_put_str(&r.o, keys[i].public_id);
		json_row_close(&r);
	}
	return json_rows_text(&r);
}

/* Keys ----------------------------------------------------------------------------------------- */

static bool count_of(bool ok, const struct rows *r, int64_t *out)
{
	if (ok)
		*out = CELL(r, 0, 0).i;
	return ok;
}

static void keys_of(struct arena *a, const struct rows *r, struct text_key_list *out)
{
	*out = (struct text_key_list){ arena_array(a, struct text_key, r->n), r->n };
	for (size_t i = 0; i < r->n; i++)
		out->v[i] = (struct text_key){
			.id = CELL(r, i, 0).i, .public_id = CELL(r, i, 1).s,
			.namespace = CELL(r, i, 2).s,
			.name = CELL(r, i, 3).s, .deleted = CELL(r, i, 4).i != 0,
		};
}

bool store_key_count(struct db *db, struct arena *a, int64_t project_id, int64_t *out,
                     struct err *e)
{
	struct rows r;

	return count_of(DB_RUN(db, a, SQL_KEY_COUNT, &r, e, A_I64(project_id)), &r, out);
}

bool store_keys_by_public_ids(struct db *db, struct arena *a, int64_t project_id,
                              const struct strs *public_ids,
                              struct text_key_list *out, struct err *e)
{
	struct json_rows json;
	struct rows r;

	json_rows_begin(&json, a);
	for (size_t i = 0; i < public_ids->n; i++) {
		json_row_open(&json);
		json_put_str(&json.o, public_ids->v[i]);
		json_row_close(&json);
	}
	if (!DB_RUN(db, a, SQL_KEYS_BY_PUBLIC_IDS, &r, e, A_TEXT(json_rows_text(&json)),
	            A_I64(project_id)))
		return false;
	keys_of(a, &r, out);
	return true;
}

bool store_keys_by_names(struct db *db, struct arena *a, int64_t project_id, struct text_key *keys,
                         size_t n, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_KEYS_BY_NAMES, &r, e, A_TEXT(names_text(a, keys, n, false)),
	            A_I64(project_id)))
		return false;
	for (size_t i = 0; i < r.n; i++) {
		struct text_key *k = &keys[CELL(&r, i, 0).i];

		k->id = CELL(&r, i, 1).i;
		k->public_id = CELL(&r, i, 2).s;
	}
	return true;
}

bool store_keys_between(struct db *db, struct arena *a, int64_t project_id,
                        struct key_range *ranges, size_t n, struct err *e)
{
	struct json_rows json;
	struct rows r;

	json_rows_begin(&json, a);
	for (size_t i = 0; i < n; i++) {
		json_row_open(&json);
		json_put_i64(&json.o, (int64_t)i);
		json_put_str(&json.o, ranges[i].namespace);
		json_put_str(&json.o, ranges[i].low);
		json_put_str(&json.o, ranges[i].high);
		json_row_close(&json);
	}
	if (!DB_RUN(db, a, SQL_KEYS_BETWEEN, &r, e, A_I64(project_id),
	            A_TEXT(json_rows_text(&json))))
		return false;
	for (size_t i = 0; i < r.n; i++)
		if (!CELL(&r, i, 2).null)
			ranges[CELL(&r, i, 0).i].found = CELL(&r, i, 2).s;
	return true;
}

bool store_names_elsewhere(struct db *db, struct arena *a, int64_t project_id,
                           const struct text_key *keys,
                           size_t n, struct name_place_list *out, struct err *e)
{
	struct json_rows json;
	struct rows r;

	json_rows_begin(&json, a);
	for (size_t i = 0; i < n; i++) {
		json_row_open(&json);
		json_put_i64(&json.o, (int64_t)i);
		json_put_str(&json.o, keys[i].name);
		json_row_close(&json);
	}
	if (!DB_RUN(db, a, SQL_NAMESPACES_WITH_NAMES, &r, e, A_TEXT(json_rows_text(&json)),
	            A_I64(project_id)))
		return false;
	*out = (struct name_place_list){ arena_array(a, struct name_place, r.n), r.n };
	for (size_t i = 0; i < r.n; i++)
		out->v[i] = (struct name_place){ (size_t)CELL(&r, i, 0).i, CELL(&r, i, 1).s };
	return true;
}

bool store_keys_deleted_by_names(struct db *db, struct arena *a, int64_t project_id,
                                 const struct text_key *keys, size_t n, int64_t *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_KEYS_DELETED_BY_NAMES, &r, e, A_I64(project_id),
	            A_TEXT(names_text(a, keys, n, false))))
		return false;
	*out = (int64_t)r.n;
	return true;
}

static int by_public_id(const void *a, const void *b)
{
	return str_cmp((*(struct text_key *const *)a)->public_id,
	               (*(struct text_key *const *)b)->public_id);
}

bool store_keys_insert(struct db *db, struct arena *a, int64_t project_id, struct text_key *keys,
                       size_t n, int64_t now_ms, struct err *e)
{
	struct text_key **order = arena_array(a, struct text_key *, n + 1);
	size_t fresh = 0;
	struct rows r;

	for (size_t i = 0; i < n; i++)
		if (keys[i].id == 0)
			order[fresh++] = &keys[i];
	if (fresh == 0)
		return true;
	if (!DB_RUN(db, a, SQL_KEYS_INSERT, &r, e, A_I64(project_id), A_I64(now_ms),
	            A_TEXT(names_text(a, keys, n, true))))
		return false;
	/* Neither database promises an order of RETURNING. */
	qsort(order, fresh, sizeof(struct text_key *), by_public_id);
	for (size_t i = 0; i < r.n; i++) {
		struct text_key probe = { .public_id = CELL(&r, i, 1).s }, *p = &probe, **hit;

		hit = bsearch(&p, order, fresh, sizeof(struct text_key *), by_public_id);
		if (hit)
			(*hit)->id = CELL(&r, i, 0).i;
	}
	return true;
}

bool store_keys_delete(struct db *db, struct arena *a, int64_t project_id,
                       const struct text_key *keys, size_t n,
                       int64_t now_ms, int64_t *deleted_out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_KEYS_DELETE, &r, e, A_I64(now_ms), A_I64(project_id),
	            A_TEXT(ids_text(a, keys, n))))
		return false;
	*deleted_out = r.changed;
	return true;
}

bool store_keys_undo(struct db *db, struct arena *a, const struct text_key *keys, size_t n,
                     struct err *e)
{
	struct rows r;

	return n == 0 || DB_RUN(db, a, SQL_KEYS_UNDO, &r, e, A_TEXT(ids_text(a, keys, n)));
}

/* Lists ---------------------------------------------------------------------------------------- */

bool store_keys_count(struct db *db, struct arena *a, const struct key_filter *f, int64_t *out,
                      struct err *e)
{
	struct rows r;

	return count_of(DB_RUN(db, a, SQL_KEYS_COUNT, &r, e,
	                       A_TEXT(json_list_text(a, &f->patterns)),
	                       A_I64(f->project_id), A_TEXT(json_list_text(a, &f->namespaces)),
	                       A_TEXT(f->missing_language.p ? f->missing_language : S(""))), &r,
	                       out);
}

bool store_keys_page(struct db *db, struct arena *a, const struct key_filter *f,
                     struct text_key_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_KEYS_PAGE, &r, e, A_TEXT(json_list_text(a, &f->patterns)),
	            A_I64(f->project_id), A_TEXT(json_list_text(a, &f->namespaces)),
	            A_TEXT(f->missing_language.p ? f->missing_language : S("")), A_I64(f->limit),
	            A_I64(f->offset)))
		return false;
	keys_of(a, &r, out);
	return true;
}

enum { TEXTS_COUNT_ARGS = 6, TEXTS_FIND_ARGS = 9 };

static void texts_args(struct arena *a, const struct key_filter *f,
                       struct sql_arg args[TEXTS_FIND_ARGS])
{
	args[0] = A_TEXT(json_list_text(a, &f->patterns));
	args[1] = A_I64(f->project_id);
	args[2] = A_TEXT(json_list_text(a, &f->namespaces));
	args[3] = A_TEXT(json_list_text(a, &f->names));
	args[4] = A_TEXT(json_list_text(a, &f->languages));
	args[5] = A_TEXT(f->source_language);
	args[6] = A_TEXT(f->status);
	args[7] = A_I64((int64_t)f->languages.n);
	args[8] = A_I64(f->limit);
}

bool store_texts_count(struct db *db, struct arena *a, const struct key_filter *f, int64_t *out,
                       struct err *e)
{
	struct sql_arg args[TEXTS_FIND_ARGS];
	struct rows r;

	texts_args(a, f, args);
	return count_of(db_run(db, a, SQL_TEXTS_COUNT, args, TEXTS_COUNT_ARGS, &r, e), &r, out);
}

bool store_texts_find(struct db *db, struct arena *a, const struct key_filter *f,
                      struct text_key_list *out, struct err *e)
{
	struct sql_arg args[TEXTS_FIND_ARGS];
	struct rows r;

	texts_args(a, f, args);
	if (!db_run(db, a, SQL_TEXTS_FIND, args, TEXTS_FIND_ARGS, &r, e))
		return false;
	keys_of(a, &r, out);
	return true;
}

bool store_texts_of_keys(struct db *db, struct arena *a, const struct text_key_list *keys,
                         const struct strs *languages, struct text_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_TEXTS_OF_KEYS, &r, e, A_TEXT(ids_text(a, keys->v, keys->n)),
	            A_TEXT(json_list_text(a, languages))))
		return false;
	*out = (struct text_list){ arena_array(a, struct text, r.n), r.n };
	for (size_t i = 0; i < r.n; i++)
		out->v[i] = (struct text){
			.key_id = CELL(&r, i, 0).i, .language = CELL(&r, i, 1).s,
			.value = CELL(&r, i, 2).s,
			.json = kind_is_json(CELL(&r, i, 3).s), .state = state_of(CELL(&r, i, 4).s),
		};
	return true;
}

struct text_list text_list_of_key(const struct text_list *all, int64_t key_id)
{
	size_t low = 0, high = all->n, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (all->v[middle].key_id < key_id)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < all->n && all->v[end].key_id == key_id; end++)
		;
	if (end == low)
		return (struct text_list){ NULL, 0 };
	return (struct text_list){ all->v + low, end - low };
}

/* Writing -------------------------------------------------------------------------------------- */

static void put_text(struct json_rows *r, size_t i, const struct text *t, int64_t revision)
{
	json_row_open(r);
	json_put_i64(&r->o, (int64_t)i);
	json_put_i64(&r->o, t->key_id);
	json_put_str(&r->o, t->language);
	json_put_str(&r->o, t->value);
	json_put_str(&r->o, kind_name(t->json));
	json_put_str(&r->o, text_state_name(t->state));
	json_put_i64(&r->o, revision);
	json_row_close(r);
}

bool store_texts_now(struct db *db, struct arena *a, struct text_change *changes, size_t n,
                     struct err *e)
{
	struct json_rows json;
	struct rows r;

	json_rows_begin(&json, a);
	for (size_t i = 0; i < n; i++) {
		json_row_open(&json);
		json_put_i64(&json.o, (int64_t)i);
		json_put_i64(&json.o, changes[i].to.key_id);
		json_put_str(&json.o, changes[i].to.language);
		json_row_close(&json);
		changes[i].existed = false;
		changes[i].revision = 0;
	}
	if (!DB_RUN(db, a, SQL_TEXTS_NOW, &r, e, A_TEXT(json_rows_text(&json))))
		return false;
	for (size_t i = 0; i < r.n; i++) {
		struct text_change *c = &changes[CELL(&r, i, 0).i];

		c->existed = true;
		c->revision = CELL(&r, i, 4).i;
		c->was = (struct text){
			.key_id = c->to.key_id, .language = c->to.language,
			.value = CELL(&r, i, 1).s,
			.json = kind_is_json(CELL(&r, i, 2).s), .state = state_of(CELL(&r, i, 3).s),
		};
	}
	return true;
}

bool store_texts_put(struct db *db, struct arena *a, int64_t project_id,
                     const struct text_change *changes, size_t n,
                     struct text_author who, int64_t now_ms, struct err *e)
{
	struct json_rows json, places;
	size_t replaced = 0;
	struct rows r;

	json_rows_begin(&json, a);
	json_rows_begin(&places, a);
	for (size_t i = 0; i < n; i++) {
		put_text(&json, i, &changes[i].to, 0);
		if (!changes[i].existed)
			continue;
		json_row_open(&places);
		json_put_i64(&places.o, (int64_t)i);
		json_put_i64(&places.o, changes[i].to.key_id);
		json_put_str(&places.o, changes[i].to.language);
		json_row_close(&places);
		replaced++;
	}
	if (replaced && !DB_RUN(db, a, SQL_TEXTS_KEEP, &r, e, A_I64(who.account_id),
	                        A_I64(who.app_id), A_I64(now_ms), A_TEXT(json_rows_text(&places))))
		return false;
	return n == 0 || DB_RUN(db, a, SQL_TEXTS_PUT, &r, e, A_I64(project_id), A_I64(now_ms),
	                        A_TEXT(json_rows_text(&json)));
}

bool store_texts_undo(struct db *db, struct arena *a, const struct text_change *changes, size_t n,
                      int64_t now_ms, struct err *e)
{
	struct json_rows fresh, old;
	struct rows r;

	json_rows_begin(&fresh, a);
	json_rows_begin(&old, a);
	for (size_t i = 0; i < n; i++) {
		if (changes[i].existed)
			put_text(&old, i, &changes[i].was, changes[i].revision + 1);
		else
			put_text(&fresh, i, &changes[i].to, 0);
	}
	return DB_RUN(db, a, SQL_TEXTS_UNDO_NEW, &r, e, A_TEXT(json_rows_text(&fresh))) &&
	       DB_RUN(db, a, SQL_TEXTS_UNDO_OLD, &r, e, A_I64(now_ms),
	              A_TEXT(json_rows_text(&old)));
}

/* Reading for files and publishes -------------------------------------------------------------- */

struct each { bool (*fn)(const struct text_row *row, void *arg); void *arg; };

static bool each_row(const struct cell *c, void *arg)
{
	struct each *each = arg;
	struct text_row row = {
		.namespace = c[0].s, .name = c[1].s, .value = c[2].s, .json = kind_is_json(c[3].s),
		.state = state_of(c[4].s),
		.approved = c[5].null ? STR_NONE : c[5].s, .approved_json = !c[6].null &&
		kind_is_json(c[6].s),
	};

	return each->fn(&row, each->arg);
}

bool store_texts_each(struct db *db, struct arena *a, int64_t project_id, str language,
                      str namespace,
                      bool (*fn)(const struct text_row *row, void *arg), void *arg, struct err *e)
{
	struct each each = { fn, arg };
	struct sql_arg args[] = {
		A_TEXT(language), A_I64(project_id), A_TEXT(namespace.p ? namespace : S("")),
	};

	return db_each(db, a, SQL_TEXTS_EACH, args, COUNT(args), each_row, &each, e);
}

/* Pending changes ------------------------------------------------------------------------------ */

static void pending_of(struct arena *a, const struct rows *r, struct pending_text_list *out)
{
	*out = (struct pending_text_list){ arena_array(a, struct pending_text, r->n), r->n };
	for (size_t i = 0; i < r->n; i++)
		out->v[i] = (struct pending_text){
			.public_id = CELL(r, i, 0).s, .namespace = CELL(r, i, 1).s,
			.name = CELL(r, i, 2).s,
			.value = CELL(r, i, 3).null ? STR_NONE : CELL(r, i, 3).s,
			.state = r->cols > 4 ? CELL(r, i, 4).s : STR_NONE,
		};
}

bool store_pending_texts(struct db *db, struct arena *a, int64_t project_id, bool drafts,
                         struct rows *out, struct err *e)
{
	return DB_RUN(db, a, SQL_PENDING_TEXTS, out, e, A_I64(project_id), A_I64(drafts));
}

bool store_pending_preview(struct db *db, struct arena *a, int64_t project_id, str language,
                           bool drafts, int64_t limit, struct pending_text_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_PENDING_PREVIEW, &r, e, A_I64(project_id), A_TEXT(language),
	            A_I64(drafts), A_I64(limit)))
		return false;
	pending_of(a, &r, out);
	return true;
}

bool store_pending_keys(struct db *db, struct arena *a, int64_t project_id, str source_language,
                        int64_t limit, struct pending_text_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_PENDING_KEYS, &r, e, A_TEXT(source_language), A_I64(project_id),
	            A_I64(limit)))
		return false;
	pending_of(a, &r, out);
	return true;
}

bool store_pending_counts(struct db *db, struct arena *a, int64_t project_id, int64_t *keys_out,
                          int64_t *languages_out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_PENDING_COUNTS, &r, e, A_I64(project_id)))
		return false;
	*keys_out = CELL(&r, 0, 0).i;
	*languages_out = CELL(&r, 0, 1).i;
	return true;
}

bool store_pending_some(struct db *db, struct arena *a, int64_t project_id, bool drafts,
                        int64_t most, int64_t *out, struct err *e)
{
	struct rows r;

	return count_of(DB_RUN(db, a, SQL_PENDING_SOME, &r, e, A_I64(project_id), A_I64(drafts),
	                       A_I64(most)), &r, out);
}
