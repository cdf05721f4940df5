/* SPDX-License-Identifier: MIT
 *
 * Which projects deliver, and under which names. */
#include "publish/publisher_int.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_MIN = 64, SITE_BLOCK_BYTES = 512, LOAD_BLOCK_BYTES = 64 * 1024 };

/* Names ---------------------------------------------------------------------------------------- */

static void names_add(struct names *t, str name, struct site *s)
{
	uint64_t hash = str_hash_seeded(name, hash_seed());
	size_t i = hash & t->mask;

	for (; t->v[i].p; i = (i + 1) & t->mask)
		if (t->v[i].hash == hash && str_eq((str){ t->v[i].p, t->v[i].n }, name))
			return;
	t->v[i] = (struct name_slot){ hash, name.p, name.n, s };
}

/* Former names never take what is somebody's present one, so they come last. */
static void names_fill(struct names *t, struct site *sites, bool former)
{
	for (struct site *s = sites; s; s = s->next)
		for (size_t i = 0; i < s->names.n; i++)
			if ((i >= 2) == former)
				names_add(t, s->names.v[i], s);
}

static void names_rebuild(struct publisher *p)
{
	size_t n = 0, cap = NAMES_MIN;
	struct names *t;

	for (struct site *s = p->sites; s; s = s->next)
		n += s->names.n;
	while (cap < n * 2)
		cap *= 2;
	t = calloc(1, sizeof(*t) + cap * sizeof(t->v[0]));
	if (!t)
		abort();
	t->mask = cap - 1;
	names_fill(t, p->sites, false);
	names_fill(t, p->sites, true);
	index_retire(free, index_swap(&p->names, t));
}

struct site *publisher_site(struct publisher *p, str name)
{
	const struct names *t = index_load(&p->names);
	uint64_t hash = str_hash_seeded(name, hash_seed());

	if (!t)
		return NULL;
	for (size_t i = hash & t->mask; t->v[i].p; i = (i + 1) & t->mask)
		if (t->v[i].hash == hash && t->v[i].n == name.n &&
		    memcmp(t->v[i].p, name.p, name.n) == 0)
			return t->v[i].site;
	return NULL;
}

/* Sites ---------------------------------------------------------------------------------------- */

struct site *site_by_id(struct publisher *p, int64_t project_id)
{
	struct site *s = p->sites;

	while (s && s->project_id != project_id)
		s = s->next;
	return s;
}

static enum site_missing missing_of(str text)
{
	if (str_eq(text, S("strict")))
		return MISSING_STRICT;
	return str_eq(text, S("compat")) ? MISSING_COMPAT : MISSING_DEFAULT;
}

/* Does the alias lead to this project, and as what? */
static bool alias_name(struct arena *a, const struct slug_alias_row *alias,
		       const struct site_row *row, str *out)
{
	if (alias->project_slug.n > 0) {
		if (alias->project_id != row->project_id)
			return false;
		*out = arena_printf(a, FMT_STR "/" FMT_STR, ARG_STR(alias->organization_slug),
		                    ARG_STR(alias->project_slug));
		return true;
	}
	if (alias->organization_id != row->organization_id)
		return false;
	*out = arena_printf(a, FMT_STR "/" FMT_STR, ARG_STR(alias->organization_slug),
			    ARG_STR(row->slug));
	return true;
}

static struct site *site_make(const struct publisher *p, const struct site_row *row)
{
	struct arena *a = arena_create(SITE_BLOCK_BYTES);
	struct site *s = arena_new(a, struct site);
	str *names = arena_array(a, str, 2 + p->aliases.n);
	size_t n = 2;

	s->arena = a;
	s->project_id = row->project_id;
	s->organization_id = row->organization_id;
	s->seq = row->seq;
	s->uuid = arena_lower(a, row->public_id);
	s->name = site_name(a, row->organization_slug, row->slug);
	s->missing = missing_of(row->missing);
	names[0] = s->name;
	names[1] = s->uuid;
	for (size_t i = 0; i < p->aliases.n; i++)
		if (alias_name(a, &p->aliases.v[i], row, &names[n]))
			n++;
	s->names = (struct strs){ names, n, true };
	return s;
}

static void site_free(void *site)
{
	struct site *s = site;

	if (s)
		arena_destroy(s->arena);
}

/* Every place of a snapshot that may hold a hot. */
static void live_slots(struct live *l,
		       void (*fn)(void **slot, struct file *f, enum file_use use, void *arg),
		       void *arg)
{
	fn(&l->manifest.hot[FILE_CURRENT], &l->manifest, FILE_CURRENT, arg);
	for (size_t i = 0; i < l->files_n; i++) {
		fn(&l->files[i].hot[FILE_CURRENT], &l->files[i], FILE_CURRENT, arg);
		fn(&l->files[i].hot[FILE_FROZEN], &l->files[i], FILE_FROZEN, arg);
	}
	for (size_t i = 0; i < l->archived_n; i++)
		fn(&l->archived[i].hot[FILE_FROZEN], &l->archived[i], FILE_FROZEN, arg);
	for (int i = 0; i < LIVE_BATCHES_MAX; i++)
		fn(&l->batches[i], NULL, FILE_CURRENT, arg);
}

static void take_over(void **slot, struct file *f, enum file_use use, void *arg)
{
	struct file *twin = f ? live_twin(arg, f) : NULL;

	if (twin && twin != f)
		hot_move(slot, &twin->hot[use]);
}

static void drop_own(void **slot, struct file *f, enum file_use use, void *arg)
{
	struct hot *h = index_load(slot);

	(void)f;
	(void)use;
	if (h && h->slot == slot)
		hot_drop(arg, slot);
}

/* Under the mutex. What has not changed stays hot in the new snapshot. */
static void live_replace(struct publisher *p, struct site *s, struct live *fresh)
{
	struct live *old = index_load(&s->live);

	if (old && fresh)
		live_slots(old, take_over, fresh);
	index_swap(&s->live, fresh);
	if (!old)
		return;
	live_slots(old, drop_own, p);
	index_retire(live_free, old);
}

/* Makes `fresh` the live one of the project unless a later one is; takes it. */
static void site_swap(struct publisher *p, int64_t project_id, struct live *fresh)
{
	struct site *s;
	struct live *old;

	pthread_mutex_lock(&p->mutex);
	s = site_by_id(p, project_id);
	old = s ? index_load(&s->live) : NULL;
	/* A slower loader must not put back what a publish has replaced. */
	if (s && (!old || old->seq <= fresh->seq)) {
		s->seq = fresh->seq;
		live_replace(p, s, fresh);
		fresh = NULL;
	}
	pthread_mutex_unlock(&p->mutex);
	live_free(fresh);
}

/* Under the mutex. row NULL: the project is gone. The files move to the new site. */
static struct site *site_put(struct publisher *p, int64_t project_id, const struct site_row *row)
{
	struct site **at = &p->sites, *old, *s = NULL;

	while (*at && (*at)->project_id != project_id)
		at = &(*at)->next;
	old = *at;
	if (row) {
		s = site_make(p, row);
		if (old) {
			s->seq = old->seq;
			s->live = index_load(&old->live);
		}
		s->next = old ? old->next : NULL;
		*at = s;
	} else if (old) {
		*at = old->next;
		live_replace(p, old, NULL);
	}
	names_rebuild(p);
	if (old)
		index_retire(site_free, old);
	return s;
}

static bool aliases_load(struct publisher *p, struct db *db, struct err *e)
{
	struct arena *a = arena_create(SITE_BLOCK_BYTES);
	struct slug_alias_list fresh;

	if (!store_slug_aliases(db, a, &fresh, e)) {
		arena_destroy(a);
		return false;
	}
	pthread_mutex_lock(&p->mutex);
	arena_destroy(p->aliases_arena);
	p->aliases_arena = a;
	p->aliases = fresh;
	pthread_mutex_unlock(&p->mutex);
	return true;
}

static bool site_differs(const struct site *s, const struct site *fresh)
{
	bool same = s->missing == fresh->missing && s->names.n == fresh->names.n;

	for (size_t i = 0; same && i < s->names.n; i++)
		same = str_eq(s->names.v[i], fresh->names.v[i]);
	return !same;
}

static bool parts_load(struct db *db, struct arena *a, int64_t project_id,
		       struct snapshot *snapshot, struct live_parts *parts, struct err *e)
{
	return store_snapshot_live(db, a, project_id, snapshot, e) &&
	       (snapshot->id == 0 ||
	        (store_snapshot_files(db, a, snapshot->id, &parts->files, e) &&
	         store_snapshot_archive(db, a, project_id, &parts->archive, e)));
}

/* What the store says of one project, in one view. */
struct loaded { struct site_row row; struct snapshot snapshot; struct live_parts parts; };

static bool load_view(struct publisher *p, struct arena *a, int64_t project_id, bool files,
                      struct loaded *out, struct err *e)
{
	struct db *db;
	bool ok;

	if (!store_read_begin(p->config.store, &db, e))
		return false;
	ok = aliases_load(p, db, e) && store_site(db, a, project_id, &out->row, e) &&
	     (!files || parts_load(db, a, project_id, &out->snapshot, &out->parts, e));
	store_read_end(p->config.store, db);
	return ok;
}

static void site_refresh(struct publisher *p, int64_t project_id, const struct site_row *row)
{
	struct site *known, *fresh;
	bool change;

	pthread_mutex_lock(&p->mutex);
	known = site_by_id(p, project_id);
	fresh = row->project_id != 0 ? site_make(p, row) : NULL;
	change = !known != !fresh || (known && site_differs(known, fresh));
	site_free(fresh);
	if (change)
		site_put(p, project_id, row->project_id != 0 ? row : NULL);
	pthread_mutex_unlock(&p->mutex);
}

void site_publish(struct publisher *p, const struct site_row *row, struct live *fresh)
{
	site_refresh(p, row->project_id, row);
	site_swap(p, row->project_id, fresh);
}

str site_name(struct arena *a, str organization_slug, str slug)
{
	return arena_lower(
		a, arena_printf(a, FMT_STR "/" FMT_STR, ARG_STR(organization_slug), ARG_STR(slug)));
}

bool site_load(struct publisher *p, int64_t project_id, bool files, struct err *e)
{
	struct arena *a = arena_create(LOAD_BLOCK_BYTES);
	struct loaded l = { 0 };
	struct live *live = NULL;
	bool ok = load_view(p, a, project_id, files, &l, e);

	if (ok)
		site_refresh(p, project_id, &l.row);
	if (ok && l.row.project_id != 0 && l.snapshot.id != 0) {
		l.parts.name = site_name(a, l.row.organization_slug, l.row.slug);
		l.parts.snapshot = &l.snapshot;
		ok = live_make(p, &l.parts, &live, e);
	}
	if (ok && live)
		site_swap(p, project_id, live);
	arena_destroy(a);
	return ok;
}

bool publisher_refresh(struct publisher *p, int64_t project_id, struct err *e)
{
	return site_load(p, project_id, true, e);
}

static bool site_append(const struct site_row *row, void *arg)
{
	struct publisher *p = arg;
	struct site *s = site_make(p, row);

	s->next = p->sites;
	p->sites = s;
	return true;
}

bool sites_load(struct publisher *p, struct err *e)
{
	struct arena *a = arena_create(LOAD_BLOCK_BYTES);
	struct db *db;
	bool ok = store_read_begin(p->config.store, &db, e);

	if (ok) {
		ok = aliases_load(p, db, e);
		pthread_mutex_lock(&p->mutex);
		ok = ok && store_sites_each(db, a, site_append, p, e);
		names_rebuild(p);
		pthread_mutex_unlock(&p->mutex);
		store_read_end(p->config.store, db);
	}
	arena_destroy(a);
	return ok;
}

void sites_free(struct publisher *p)
{
	while (p->sites) {
		struct site *s = p->sites;

		p->sites = s->next;
		live_replace(p, s, NULL);
		site_free(s);
	}
	free(index_swap(&p->names, NULL));
	arena_destroy(p->aliases_arena);
}
