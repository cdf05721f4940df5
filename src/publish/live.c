/* SPDX-License-Identifier: MIT
 *
 * One snapshot in memory: every address below a project, in one table. */
#include "publish/live.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "catalog/tree.h"
#include "publish/manifest.h"
#include "publish/meta.h"
#include "publish/publisher_int.h"

enum { LIVE_BLOCK_BYTES = 8 * 1024, SLOTS_MIN = 16, ADDRESSES_OF_WHOLE = 4 };

/* Making --------------------------------------------------------------------------------------- */

static void slots_init(struct live *l, size_t n)
{
	size_t cap = SLOTS_MIN;

	while (cap < n * 2)
		cap *= 2;
	l->slots = arena_array(l->arena, struct slot, cap);
	l->mask = cap - 1;
}

/* The first to take an address keeps it. */
static void slot_add(struct live *l, enum slot_kind kind, struct file *f, str path)
{
	uint64_t hash = str_hash_seeded(path, hash_seed());
	size_t i = hash & l->mask;

	while (l->slots[i].path) {
		if (l->slots[i].hash == hash &&
		    str_eq((str){ l->slots[i].path, l->slots[i].path_n }, path))
			return;
		i = (i + 1) & l->mask;
	}
	l->slots[i] = (struct slot){ hash, path.p, (uint32_t)path.n, kind, f };
}

static void add_whole(struct live *l, struct file *f)
{
	struct arena *a = l->arena;
	str lang = f->language;

	slot_add(l, SLOT_FILE, f, arena_printf(a, FMT_STR "/translations.json", ARG_STR(lang)));
	slot_add(l, SLOT_FILE, f, arena_printf(a, FMT_STR ".json", ARG_STR(lang)));
	slot_add(l, SLOT_FILE, f, arena_printf(a, "translations/" FMT_STR ".json", ARG_STR(lang)));
	slot_add(l, SLOT_BATCH, f, arena_printf(a, FMT_STR "/batch.json", ARG_STR(lang)));
}

static void add_space(struct live *l, struct file *f)
{
	if (!namespace_is_reserved(f->space))
		slot_add(l, SLOT_FILE, f,
			 arena_printf(l->arena, FMT_STR "/" FMT_STR ".json", ARG_STR(f->language),
				      ARG_STR(f->space)));
}

static void add_archived(struct live *l, struct file *f)
{
	str space = f->space.n > 0 ? f->space : S("translations");

	slot_add(l, SLOT_ARCHIVED, f,
		 arena_printf(l->arena, "v/" FMT_STR "/" FMT_STR "/" FMT_STR ".json",
			      ARG_STR(f->version), ARG_STR(f->language), ARG_STR(space)));
}

static void file_copy(struct live *l, const struct snapshot_file *row, struct file *f)
{
	struct arena *a = l->arena;

	*f = (struct file){
		.language = arena_str(a, row->language), .space = arena_str(a, row->space),
		.version = arena_str(a, row->version), .digest = arena_str(a, row->digest),
		.bytes = row->bytes, .leaves = row->leaves, .changed_ms = row->changed_ms,
	};
}

static int file_order(const struct file *f, str language, str space)
{
	int order = str_cmp(f->language, language);

	return order ? order : str_cmp(f->space, space);
}

struct file *live_file(const struct live *l, str language, str space)
{
	size_t from = 0, to = l->files_n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int order = file_order(&l->files[mid], language, space);

		if (order == 0)
			return &l->files[mid];
		if (order < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}

static int file_cmp(const void *a, const void *b)
{
	const struct file *y = b;

	return file_order(a, y->language, y->space);
}

static void copy_files(struct live *l, const struct live_parts *parts)
{
	l->files = arena_array(l->arena, struct file, parts->files.n);
	l->files_n = parts->files.n;
	for (size_t i = 0; i < parts->files.n; i++)
		file_copy(l, &parts->files.v[i], &l->files[i]);
	/* Searched in byte order, which is not what every database sorts by. */
	if (l->files_n > 0)
		qsort(l->files, l->files_n, sizeof(*l->files), file_cmp);
}

/* A version that is live is found through its current file; an archived one is listed once however
 * many snapshots held it. */
static bool is_live_version(const struct live *l, const struct snapshot_file *row)
{
	struct file *f = live_file(l, row->language, row->space);

	return f && str_eq(f->version, row->version);
}

static void copy_archive(struct live *l, const struct live_parts *parts)
{
	l->archived = arena_array(l->arena, struct file, parts->archive.n);
	for (size_t i = 0; i < parts->archive.n; i++) {
		const struct snapshot_file *row = &parts->archive.v[i];

		if (!is_live_version(l, row))
			file_copy(l, row, &l->archived[l->archived_n++]);
	}
}

static void fill_slots(struct live *l)
{
	slots_init(l, l->files_n * ADDRESSES_OF_WHOLE + l->archived_n + 1);
	slot_add(l, SLOT_FILE, &l->manifest, S("manifest.json"));
	for (size_t i = 0; i < l->files_n; i++)
		if (l->files[i].space.n == 0)
			add_whole(l, &l->files[i]);
	for (size_t i = 0; i < l->files_n; i++)
		if (l->files[i].space.n > 0)
			add_space(l, &l->files[i]);
	for (size_t i = 0; i < l->archived_n; i++)
		add_archived(l, &l->archived[i]);
}

static void make_manifest(struct publisher *p, str name, struct live *l)
{
	struct digest d;
	struct buf b;

	buf_init_arena(&b, l->arena, MANIFEST_BYTES_MAX);
	manifest_write(&b, p->config.settings->cdn_base_url, name, l);
	l->manifest_text = buf_view(&b);
	d = sha256(l->manifest_text);
	l->manifest = (struct file){
		.language = S(""),
		.space = S(""),
		.version = S(""),
		.digest = digest_hex(l->arena, &d),
		.bytes = (int64_t)b.n,
		.changed_ms = l->published_ms,
	};
}

bool live_make(struct publisher *p, const struct live_parts *parts, struct live **out,
	       struct err *e)
{
	struct arena *a = arena_create(LIVE_BLOCK_BYTES);
	struct live *l = arena_new(a, struct live);
	struct snapshot_meta meta;

	l->arena = a;
	l->seq = parts->snapshot->seq;
	l->published_ms = parts->snapshot->created_ms;
	if (!meta_read(a, parts->snapshot->meta, &meta, e)) {
		arena_destroy(a);
		return false;
	}
	l->source_language = meta.source;
	l->languages = meta.languages;
	l->spaces = meta.spaces;
	l->namespaced = meta.namespaced;
	copy_files(l, parts);
	copy_archive(l, parts);
	make_manifest(p, parts->name, l);
	fill_slots(l);
	*out = l;
	return true;
}

void live_free(void *live)
{
	struct live *l = live;

	if (l)
		arena_destroy(l->arena);
}

struct file *live_twin(struct live *l, const struct file *f)
{
	struct file *t = f->language.n == 0 ? &l->manifest : live_file(l, f->language, f->space);

	/* The head tells the time of the change, so equal bytes alone do not make a twin. */
	return t && t->changed_ms == f->changed_ms && str_eq(t->digest, f->digest) ? t : NULL;
}

/* Finding -------------------------------------------------------------------------------------- */

static const struct slot *slot_find(const struct live *l, str path)
{
	uint64_t hash = str_hash_seeded(path, hash_seed());

	for (size_t i = hash & l->mask; l->slots[i].path; i = (i + 1) & l->mask) {
		const struct slot *s = &l->slots[i];

		if (s->hash == hash && s->path_n == path.n && memcmp(s->path, path.p, path.n) == 0)
			return s;
	}
	return NULL;
}

static void found_in(const struct slot *s, enum file_use use, struct found *out)
{
	if (!s)
		return;
	out->file = s->file;
	out->kind = s->kind == SLOT_BATCH ? FOUND_BATCH : FOUND_FILE;
	out->use = s->kind == SLOT_ARCHIVED ? FILE_FROZEN : use;
}

/* "v/{version}/{locale}/{file}": the current content when the version is live, a former one when it
 * is kept. Of an unknown version the current content is given, not frozen (contract section 8). */
static void find_version(const struct live *l, str rest, struct found *out)
{
	str part = rest, version, file;
	const struct slot *s;

	if (!str_cut(&part, '/', &version) || !str_cut(&part, '/', &version) || part.p == NULL)
		return;
	file = part;
	/* Versions have no aliases: two segments and no "en.json" or "batch.json". */
	if (str_index(file, '/') < 0 || str_starts(file, S("translations/")))
		return;
	s = slot_find(l, file);
	if (s && s->kind == SLOT_FILE && str_eq(s->file->version, version)) {
		found_in(s, FILE_FROZEN, out);
		return;
	}
	found_in(slot_find(l, rest), FILE_FROZEN, out);
	if (out->kind == FOUND_NOTHING && s && s->kind == SLOT_FILE)
		found_in(s, FILE_CURRENT, out);
}

void live_find(const struct live *l, str rest, struct found *out)
{
	*out = (struct found){ FOUND_NOTHING, NULL, FILE_CURRENT };
	if (rest.n > 2 && rest.p[0] == 'v' && rest.p[1] == '/')
		find_version(l, rest, out);
	else
		found_in(slot_find(l, rest), FILE_CURRENT, out);
}

bool live_has_language(const struct live *l, str language)
{
	return live_file(l, language, S("")) != NULL;
}

struct hot *live_batch(struct live *l, str key)
{
	for (int i = 0; i < LIVE_BATCHES_MAX; i++) {
		struct hot *h = index_load(&l->batches[i]);

		if (h && str_eq(h->key, key))
			return h;
	}
	return NULL;
}

str batch_key(struct arena *a, str language, const struct strs *spaces)
{
	return arena_printf(a, FMT_STR "\n" FMT_STR, ARG_STR(language),
	                    ARG_STR(arena_join(a, spaces->v, spaces->n, S(","))));
}
