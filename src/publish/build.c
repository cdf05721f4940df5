/* SPDX-License-Identifier: MIT */
#include "publish/build.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/tree.h"
#include "crypto/crypto.h"
#include "publish/publisher_int.h"
#include "store/catalog.h"

enum {
	KEYS_NAMED_MAX = 100,
	DROPPED_NAMED_MAX = 20,
	MARKS_FIRST = 64,
	VERSION_HASH = 8,
	BASE36_MAX = 16
};

/* Choosing ------------------------------------------------------------------------------------- */

static int chosen_cmp(const void *a, const void *b)
{
	const struct chosen_text *x = a, *y = b;
	int order = str_cmp(x->key_id, y->key_id);

	return order ? order : str_cmp(x->language, y->language);
}

void build_choose(struct chosen_list *list)
{
	if (list->n > 0)
		qsort(list->v, list->n, sizeof(*list->v), chosen_cmp);
}

static bool is_chosen(const struct build *b, str key_id, str language)
{
	struct chosen_text want = { key_id, language };

	return b->chosen.n > 0 &&
	       bsearch(&want, b->chosen.v, b->chosen.n, sizeof(want), chosen_cmp) != NULL;
}

static bool names_language(const struct build *b, str language)
{
	for (size_t i = 0; i < b->chosen.n; i++)
		if (str_eq(b->chosen.v[i].language, language))
			return true;
	return false;
}

static bool strs_has(const struct strs *s, str want)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->v[i], want))
			return true;
	return false;
}

static void add_code(struct strs *list, str code)
{
	if (!strs_has(list, code))
		((str *)list->v)[list->n++] = code;
}

/* Which languages the snapshot has, source first. Changes of the table wait for a full publish. */
static struct strs codes_of(struct build *b)
{
	size_t room = 1 + b->languages.n + b->before_meta.languages.n + b->before_files.n;
	struct strs list = { arena_array(b->arena, str, room), 0, true };
	bool fresh = b->scope == BUILD_ALL || b->before.id == 0;

	add_code(&list, b->project.source_language);
	if (!fresh)
		for (size_t i = 0; i < b->before_meta.languages.n; i++)
			add_code(&list, b->before_meta.languages.v[i]);
	for (size_t i = 0; i < b->languages.n; i++) {
		const struct language *l = &b->languages.v[i];

		if (str_eq(l->status, S("active")) && (fresh || names_language(b, l->code)))
			add_code(&list, l->code);
	}
	return list;
}

/* Reading -------------------------------------------------------------------------------------- */

struct reading { struct build *b; struct tree *tree; str language; };

static bool is_shipped(const struct build *b, const struct publish_text *t, str language)
{
	bool ready;

	if (str_eq(t->state, S("published")))
		return true;
	ready = str_eq(t->state, S("approved")) || b->project.publish_drafts;
	if (!ready || b->scope == BUILD_PUBLISHED)
		return false;
	return b->scope == BUILD_ALL || is_chosen(b, t->key_public_id, language);
}

static void add_mark(struct build *b, const struct mark *m)
{
	if (b->marks_n == b->marks_cap) {
		size_t cap = b->marks_cap ? b->marks_cap * 2 : MARKS_FIRST;
		struct mark *v = arena_array(b->arena, struct mark, cap);

		if (b->marks_n > 0)
			memcpy(v, b->marks, b->marks_n * sizeof(*v));
		b->marks = v;
		b->marks_cap = cap;
	}
	b->marks[b->marks_n++] = *m;
}

static void name_key(struct build *b, str space, str key)
{
	str full;

	if (b->keys.n >= KEYS_NAMED_MAX)
		return;
	full = key_full_name(b->arena, space, key);
	if (!strs_has(&b->keys, full))
		((str *)b->keys.v)[b->keys.n++] = arena_str(b->arena, full);
}

static bool read_text(const struct publish_text *t, void *arg)
{
	struct reading *r = arg;
	struct build *b = r->b;
	bool shipped = is_shipped(b, t, r->language);

	/* A deleted key goes with a full publish; otherwise it is still there as it was published.
	 */
	if (t->deleted_ms != 0 && b->scope == BUILD_ALL)
		return true;
	if (t->deleted_ms != 0 && shipped && !str_eq(t->state, S("published")))
		shipped = false;
	if (shipped && !str_eq(t->state, S("published"))) {
		add_mark(b, &(struct mark){ t->key_id, t->revision, 0, r->language });
		name_key(b, t->space, t->key);
	}
	if (!shipped && t->was_id != 0 && str_eq(t->was_state, S("approved")))
		add_mark(b, &(struct mark){ t->key_id, 0, t->was_id, r->language });
	if (shipped)
		tree_add(r->tree, t->space, t->key, t->value, str_eq(t->kind, S("json")));
	else if (t->was_id != 0)
		tree_add(r->tree, t->space, t->key, t->was_value, str_eq(t->was_kind, S("json")));
	return true;
}

static bool read_tree(struct build *b, struct db *db, str language, struct tree *tree,
		      struct err *e)
{
	struct reading r = { b, tree, language };

	tree_init(tree, b->arena, &b->project);
	if (!store_publish_texts_each(db, b->arena, b->project.id, language, b->scope == BUILD_ALL,
				      read_text, &r, e))
		return false;
	tree_finish(tree);
	for (size_t i = 0; i < tree->dropped.n && b->dropped.n < DROPPED_NAMED_MAX; i++)
		if (!strs_has(&b->dropped, tree->dropped.v[i]))
			((str *)b->dropped.v)[b->dropped.n++] = tree->dropped.v[i];
	return true;
}

static bool read_before(struct build *b, struct db *db, struct err *e)
{
	int64_t id = b->project.id;

	return store_languages(db, b->arena, id, &b->languages, e) &&
	       store_snapshot_live(db, b->arena, id, &b->before, e) &&
	       (b->before.id == 0 ||
		(meta_read(b->arena, b->before.meta, &b->before_meta, e) &&
		 store_snapshot_files(db, b->arena, b->before.id, &b->before_files, e) &&
		 store_snapshot_archive(db, b->arena, id, &b->archive, e))) &&
	       (b->scope != BUILD_ALL ||
		store_publish_keys_deleted(db, b->arena, id, &b->deleted, e));
}

/* Files ---------------------------------------------------------------------------------------- */

static str base36(struct arena *a, int64_t v)
{
	char digits[BASE36_MAX];
	size_t n = BASE36_MAX;

	do {
		digits[--n] = "0123456789abcdefghijklmnopqrstuvwxyz"[v % 36];
		v /= 36;
	} while (v > 0);
	return arena_str(a, (str){ digits + n, BASE36_MAX - n });
}

static bool add_file(struct build *b, const struct tree *tree, str language, str space,
		     struct err *e)
{
	size_t i = b->files.n;
	struct snapshot_file *f = &b->files.v[i];
	struct digest d;
	struct buf text;

	buf_init_arena(&text, b->arena, BODY_BYTES_MAX);
	tree_write(tree, space.n > 0 ? space : STR_NONE, TREE_COMPACT, &text);
	if (text.full)
		return err_set(e, ERR_PAYLOAD_TOO_LARGE,
			       "the file of " FMT_STR " would be larger than %d MiB",
			       ARG_STR(language), BODY_BYTES_MAX >> 20);
	b->bodies[i].form[HOT_IDENTITY] = buf_view(&text);
	d = sha256(buf_view(&text));
	*f = (struct snapshot_file){
		.language = language,
		.space = space,
		.digest = digest_hex(b->arena, &d),
		.bytes = (int64_t)text.n,
		.leaves = (int64_t)tree_count(tree, space.n > 0 ? space : STR_NONE),
	};
	b->files.n++;
	return true;
}

static bool same_files(const struct build *b, const struct snapshot_file *v, size_t n, str *version,
		       int64_t *ms)
{
	size_t seen = 0, same = 0;

	for (size_t i = 0; i < b->before_files.n; i++) {
		const struct snapshot_file *f = &b->before_files.v[i];

		if (!str_eq(f->language, v[0].language))
			continue;
		seen++;
		*version = f->version;
		*ms = f->changed_ms;
		for (size_t k = 0; k < n; k++)
			same += str_eq(v[k].space, f->space) && str_eq(v[k].digest, f->digest);
	}
	return seen == n && same == n;
}

/* All files of a locale share one version and one time. The time only grows, even when the clock
 * does not. */
static bool date_files(struct build *b, struct db *db, size_t from, int64_t now_ms, struct err *e)
{
	struct snapshot_file *v = &b->files.v[from];
	size_t n = b->files.n - from;
	int64_t ms = 0, last;
	str version;

	if (!same_files(b, v, n, &version, &ms)) {
		if (!store_language_changed(db, b->arena, b->project.id, v[0].language, &last, e))
			return false;
		ms = now_ms > last ? now_ms : last + 1;
		version = arena_printf(b->arena, FMT_STR "-%.*s", ARG_STR(base36(b->arena, ms)),
				       VERSION_HASH, v[0].digest.p);
		b->changed = true;
	}
	for (size_t i = 0; i < n; i++) {
		v[i].version = version;
		v[i].changed_ms = ms;
	}
	return true;
}

static void grow_files(struct build *b, size_t more)
{
	struct snapshot_file *v = arena_array(b->arena, struct snapshot_file, b->files.n + more);
	struct packed *bodies = arena_array(b->arena, struct packed, b->files.n + more);

	if (b->files.n > 0) {
		memcpy(v, b->files.v, b->files.n * sizeof(*v));
		memcpy(bodies, b->bodies, b->files.n * sizeof(*bodies));
	}
	b->files.v = v;
	b->bodies = bodies;
}

static void merge_spaces(struct build *b, const struct strs *more)
{
	str *v = arena_array(b->arena, str, b->meta.spaces.n + more->n);
	size_t i = 0, k = 0, n = 0;

	while (i < b->meta.spaces.n || k < more->n) {
		int order = i == b->meta.spaces.n ? 1
			    : k == more->n	  ? -1
						  : str_cmp(b->meta.spaces.v[i], more->v[k]);

		v[n++] = order <= 0 ? b->meta.spaces.v[i] : more->v[k];
		i += order <= 0;
		k += order >= 0;
	}
	b->meta.spaces = (struct strs){ v, n, true };
}

/* A target language without a single text has no file and is not listed: clients take an empty one
 * for a failure. */
static bool add_language(struct build *b, struct db *db, const struct tree *tree, str language,
			 int64_t now_ms, struct err *e)
{
	struct strs spaces = tree_namespaces(tree);
	size_t from = b->files.n;

	if (tree_count(tree, STR_NONE) == 0 && !str_eq(language, b->project.source_language))
		return true;
	grow_files(b, 1 + spaces.n);
	if (!add_file(b, tree, language, S(""), e))
		return false;
	for (size_t i = 0; i < spaces.n; i++)
		if (!namespace_is_reserved(spaces.v[i]) &&
		    !add_file(b, tree, language, spaces.v[i], e))
			return false;
	merge_spaces(b, &spaces);
	b->leaves += b->files.v[from].leaves;
	((str *)b->meta.languages.v)[b->meta.languages.n++] = language;
	return date_files(b, db, from, now_ms, e);
}

static bool same_strs(const struct strs *a, const struct strs *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = str_eq(a->v[i], b->v[i]);
	return same;
}

static bool add_languages(struct build *b, struct db *db, int64_t now_ms, struct err *e)
{
	struct strs codes = codes_of(b);
	struct tree source, target;

	b->meta.languages = (struct strs){ arena_array(b->arena, str, codes.n), 0, true };
	if (!read_tree(b, db, codes.v[0], &source, e) ||
	    !add_language(b, db, &source, codes.v[0], now_ms, e))
		return false;
	for (size_t i = 1; i < codes.n; i++) {
		if (!read_tree(b, db, codes.v[i], &target, e))
			return false;
		if (b->project.fill_from_source)
			tree_fill(&target, &source);
		if (!add_language(b, db, &target, codes.v[i], now_ms, e))
			return false;
	}
	return true;
}

static void compare_meta(struct build *b)
{
	b->meta.languages.present = b->meta.spaces.present = true;
	b->changed = b->changed || b->before.id == 0 ||
		     b->meta.namespaced != b->before_meta.namespaced ||
		     !str_eq(b->meta.source, b->before_meta.source) ||
		     !same_strs(&b->meta.languages, &b->before_meta.languages) ||
		     !same_strs(&b->meta.spaces, &b->before_meta.spaces);
}

static bool read_project(struct build *b, struct db *db, int64_t project_id, struct err *e)
{
	if (!store_project_by_id(db, b->arena, project_id, &b->project, e))
		return false;
	if (b->project.id == 0)
		return err_set(e, ERR_NOT_FOUND, "the project no longer exists");
	return read_before(b, db, e);
}

bool build_read(struct build *b, struct db *db, int64_t project_id, int64_t now_ms, struct err *e)
{
	if (!read_project(b, db, project_id, e))
		return false;
	b->keys = (struct strs){ arena_array(b->arena, str, KEYS_NAMED_MAX), 0, true };
	b->dropped = (struct strs){ arena_array(b->arena, str, DROPPED_NAMED_MAX), 0, true };
	b->meta = (struct snapshot_meta){ .source = b->project.source_language,
		                          .namespaced = project_is_namespaced(&b->project) };
	if (!add_languages(b, db, now_ms, e))
		return false;
	compare_meta(b);
	return true;
}

/* Dates the files one locale at a time; they come sorted by language, the whole locale first. */
static bool date_again(struct build *b, struct db *db, const struct snapshot_file_list *rows,
		       int64_t now_ms, struct err *e)
{
	grow_files(b, rows->n);
	for (size_t from = 0, i = 0; i < rows->n; i++) {
		b->files.v[b->files.n++] = rows->v[i];
		if (i + 1 < rows->n && str_eq(rows->v[i + 1].language, rows->v[from].language))
			continue;
		if (!date_files(b, db, from, now_ms, e))
			return false;
		from = i + 1;
	}
	return true;
}

bool build_back(struct build *b, struct db *db, int64_t project_id, int64_t seq, int64_t now_ms,
		struct err *e)
{
	struct snapshot_file_list rows;
	struct snapshot target = { 0 };
	bool ok;

	b->scope = BUILD_PUBLISHED;
	if (!read_project(b, db, project_id, e))
		return false;
	ok = seq > 0 ? store_snapshot_by_seq(db, b->arena, project_id, seq, &target, e)
	             : store_snapshot_before(db, b->arena, project_id, b->before.seq, &target, e);
	if (!ok)
		return false;
	if (target.id == 0)
		return err_set(e, ERR_NOT_FOUND,
			       "there is no such earlier snapshot of the project");
	if (!meta_read(b->arena, target.meta, &b->meta, e) ||
	    !store_snapshot_files(db, b->arena, target.id, &rows, e) ||
	    !date_again(b, db, &rows, now_ms, e))
		return false;
	compare_meta(b);
	return true;
}
