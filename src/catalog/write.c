/* SPDX-License-Identifier: MIT */
#include "catalog/write.h"

#include "access/id.h"
#include "catalog/tree.h"
#include "store/catalog.h"

#include <stdlib.h>
#include <string.h>

const struct field pending_compact_fields[] = {
	FIELD(struct pending_hint, has, "has"),
	FIELD(struct pending_hint, count, "cnt"),
	FIELD(struct pending_hint, hint, "hint"),
	FIELD_END
};
const struct field pending_verbose_fields[] = {
	FIELD(struct pending_hint, has, "hasChanges"),
	FIELD(struct pending_hint, count, "count"),
	FIELD(struct pending_hint, hint, "hint"),
	FIELD_END
};

static size_t slice_of(size_t n, size_t from)
{
	return n - from < WRITE_ROWS_MAX ? n - from : WRITE_ROWS_MAX;
}

bool key_name_fits(str full_name, const char **why_out)
{
	size_t segments = 1;

	for (size_t i = 0; i < full_name.n; i++)
		segments += full_name.p[i] == '.';
	*why_out = full_name.n > KEY_BYTES_MAX ? "the name is longer than 1024 bytes"
	         : segments > KEY_SEGMENTS_MAX ? "the name is nested deeper than 48 levels"
	         : str_has(full_name, '\0') ? "the name holds the character U+0000"
	         : NULL;
	return *why_out == NULL;
}

bool text_fits(str value, const char **why_out)
{
	*why_out = value.n > TEXT_BYTES_MAX ? "the text is longer than 1 MiB"
	         : str_has(value, '\0') ? "the text holds the character U+0000"
	         : NULL;
	return *why_out == NULL;
}

bool keys_find(const struct act *act, const struct project *p, struct text_key *keys, size_t n,
               struct err *e)
{
	for (size_t i = 0; i < n; i += WRITE_ROWS_MAX)
		if (!store_keys_by_names(act->db, act->arena, p->id, keys + i, slice_of(n, i), e))
			return false;
	return true;
}

/* Clashes -------------------------------------------------------------------------------------- */

/* What to look up for the keys of a batch: names that would be parents of a key or the same place
 * under another identity, and ranges that would be its children. `owner` is the key's index. */
struct probes {
	struct arena *arena;
	struct text_key *names;    size_t *name_owners;  size_t names_n, names_cap;
	struct key_range *ranges;  size_t *range_owners; size_t ranges_n;
};

static void probe_name(struct probes *pr, size_t owner, str namespace, str name)
{
	if (pr->names_n == pr->names_cap) {
		size_t cap = pr->names_cap ? pr->names_cap * 2 : WRITE_ROWS_MAX;
		struct text_key *names = arena_array(pr->arena, struct text_key, cap);
		size_t *owners = arena_array(pr->arena, size_t, cap);

		if (pr->names_n) {
			memcpy(names, pr->names, pr->names_n * sizeof(*names));
			memcpy(owners, pr->name_owners, pr->names_n * sizeof(*owners));
		}
		pr->names = names;
		pr->name_owners = owners;
		pr->names_cap = cap;
	}
	pr->name_owners[pr->names_n] = owner;
	pr->names[pr->names_n++] = (struct text_key){ .namespace = namespace, .name = name };
}

/* Names that begin with `name` and a dot: '/' is the character after '.'. An absent name: all of
 * the namespace. */
static void probe_children(struct probes *pr, size_t owner, str namespace, str name)
{
	struct key_range *r = &pr->ranges[pr->ranges_n];

	*r = (struct key_range){ .namespace = namespace, .low = S(""),
	                         .high = S("\xf4\x8f\xbf\xbf") };
	if (name.p) {
		r->low = arena_join(pr->arena, (const str[]){ name, S(".") }, 2, STR_NONE);
		r->high = arena_join(pr->arena, (const str[]){ name, S("/") }, 2, STR_NONE);
	}
	pr->range_owners[pr->ranges_n++] = owner;
}

/* Both ways in which a full name can be stored: whole in the default namespace, or split (see
 * key_split_name). */
static void probe_full(struct probes *pr, size_t owner, str full)
{
	str namespace, name;

	probe_name(pr, owner, NAMESPACE_DEFAULT, full);
	key_split_name(full, &namespace, &name);
	if (!str_eq(namespace, NAMESPACE_DEFAULT))
		probe_name(pr, owner, namespace, name);
}

static void probe_key(struct probes *pr, const struct project *p, size_t owner,
                      const struct text_key *key)
{
	/* A wrapped default namespace is an object of its own: only names inside one namespace can
	 * clash. */
	bool apart = p->default_wrapped;
	str full = apart ? key->name : key_full_name(pr->arena, key->namespace, key->name);
	str namespace, name;

	for (size_t i = 0; i < full.n; i++) {
		if (full.p[i] != '.')
			continue;
		if (apart)
			probe_name(pr, owner, key->namespace, str_sub(full, 0, i));
		else
			probe_full(pr, owner, str_sub(full, 0, i));
	}
	probe_children(pr, owner, key->namespace, key->name);
	if (apart)
		return;
	key_split_name(full, &namespace, &name);
	if (!str_eq(key->namespace, NAMESPACE_DEFAULT)) {
		probe_name(pr, owner, NAMESPACE_DEFAULT, full);
		probe_children(pr, owner, NAMESPACE_DEFAULT, full);
	} else if (!str_eq(namespace, NAMESPACE_DEFAULT)) {
		probe_name(pr, owner, namespace, name);
		probe_children(pr, owner, namespace, name);
	} else if (namespace_is_valid(full)) {
		probe_children(pr, owner, full, STR_NONE);
	}
}

enum { RANGES_PER_KEY = 2 };

static bool probes_run(const struct act *act, const struct project *p, struct probes *pr,
                       str *clash_out, struct err *e)
{
	if (!keys_find(act, p, pr->names, pr->names_n, e))
		return false;
	for (size_t i = 0; i < pr->names_n; i++)
		if (pr->names[i].id)
			clash_out[pr->name_owners[i]] =
				key_full_name(act->arena, pr->names[i].namespace,
				              pr->names[i].name);
	for (size_t i = 0; i < pr->ranges_n; i += WRITE_ROWS_MAX)
		if (!store_keys_between(act->db, act->arena, p->id, pr->ranges + i,
		                        slice_of(pr->ranges_n, i), e))
			return false;
	for (size_t i = 0; i < pr->ranges_n; i++)
		if (pr->ranges[i].found.p)
			clash_out[pr->range_owners[i]] =
				key_full_name(act->arena, pr->ranges[i].namespace,
				              pr->ranges[i].found);
	return true;
}

bool keys_clash(const struct act *act, const struct project *p, const struct text_key *keys,
                size_t n, str *clash_out, struct err *e)
{
	struct probes pr = { .arena = act->arena };

	memset(clash_out, 0, n * sizeof(*clash_out));
	if (project_is_flat(p))
		return true;
	pr.ranges = arena_array(act->arena, struct key_range, n * RANGES_PER_KEY + 1);
	pr.range_owners = arena_array(act->arena, size_t, n * RANGES_PER_KEY + 1);
	for (size_t i = 0; i < n; i++)
		if (keys[i].id == 0)
			probe_key(&pr, p, i, &keys[i]);
	return probes_run(act, p, &pr, clash_out, e);
}

struct placed_name { str path; size_t index; };

static int by_path(const void *a, const void *b)
{
	const struct placed_name *x = a, *y = b;
	int order = str_cmp(x->path, y->path);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static bool is_parent_path(str parent, str child)
{
	return child.n > parent.n && child.p[parent.n] == '\0' && str_starts(child, parent);
}

void names_clash(struct arena *a, bool flat, const str *names, size_t n, size_t *clash_out)
{
	struct placed_name *v = arena_array(a, struct placed_name, n + 1);

	for (size_t i = 0; i < n; i++) {
		char *path = arena_text(a, names[i].n + 1);

		/* As in catalog/tree.c: with NUL for the dot a parent sorts right before its
		 * children. */
		for (size_t k = 0; k < names[i].n; k++)
			path[k] = !flat && names[i].p[k] == '.' ? '\0' : names[i].p[k];
		v[i] = (struct placed_name){ { path, names[i].n }, i };
		clash_out[i] = 0;
	}
	if (n)
		qsort(v, n, sizeof(*v), by_path);
	for (size_t i = 0; i < n; i++) {
		str path = v[i].path;
		size_t next = i + 1;

		while (next < n && str_eq(v[next].path, path))
			clash_out[v[next++].index] = 1 + v[i].index;
		for (size_t k = i; k < next; k++)
			if (!flat && next < n && is_parent_path(path, v[next].path))
				clash_out[v[k].index] = 1 + v[next].index;
		i = next - 1;
	}
}

/* Keys ----------------------------------------------------------------------------------------- */

static int str_order(const void *a, const void *b)
{
	return str_cmp(*(const str *)a, *(const str *)b);
}

static struct strs new_namespaces(struct arena *a, const struct text_key *keys, size_t n)
{
	str *v = arena_array(a, str, n + 1);
	size_t found = 0, kept = 0;

	for (size_t i = 0; i < n; i++)
		if (keys[i].id == 0 && (found == 0 || !str_eq(v[found - 1], keys[i].namespace)))
			v[found++] = keys[i].namespace;
	if (found)
		qsort(v, found, sizeof(*v), str_order);
	for (size_t i = 0; i < found; i++)
		if (kept == 0 || !str_eq(v[i], v[kept - 1]))
			v[kept++] = v[i];
	return (struct strs){ v, kept, true };
}

static bool keys_make_slice(const struct act *act, const struct project *p, struct text_key *keys,
                            size_t n, struct err *e)
{
	size_t missing = 0;

	for (size_t i = 0; i < n; i++)
		if (keys[i].id == 0)
			keys[i].public_id = id_uuid(act->arena);
	if (!store_keys_insert(act->db, act->arena, p->id, keys, n, act->now_ms, e))
		return false;
	for (size_t i = 0; i < n; i++)
		missing += keys[i].id == 0;
	return missing == 0 || store_keys_by_names(act->db, act->arena, p->id, keys, n, e);
}

bool keys_make(const struct act *act, const struct project *p, struct text_key *keys, size_t n,
               struct err *e)
{
	struct strs namespaces = new_namespaces(act->arena, keys, n);

	if (namespaces.n && !store_namespaces_ensure(act->db, act->arena, p->id, &namespaces,
	                                             act->now_ms, e))
		return false;
	for (size_t i = 0; i < n; i += WRITE_ROWS_MAX)
		if (!keys_make_slice(act, p, keys + i, slice_of(n, i), e))
			return false;
	return true;
}

/* Texts ---------------------------------------------------------------------------------------- */

static int by_place(const struct text_change *x, const struct text_change *y)
{
	if (x->to.key_id != y->to.key_id)
		return x->to.key_id < y->to.key_id ? -1 : 1;
	return str_cmp(x->to.language, y->to.language);
}

/* The array holds every change behind a pointer to it, so that equal places keep the order of the
 * caller. */
static int by_place_then_turn(const void *a, const void *b)
{
	const struct text_change *x = *(const struct text_change *const *)a,
	        *y = *(const struct text_change *const *)b;
	int order = by_place(x, y);

	return order ? order : (x > y) - (x < y);
}

static size_t keep_last_of_each(struct arena *a, struct text_change *changes, size_t n)
{
	struct text_change **order = arena_array(a, struct text_change *, n + 1);
	struct text_change *kept = arena_array(a, struct text_change, n + 1);
	size_t kept_n = 0;

	for (size_t i = 0; i < n; i++)
		order[i] = &changes[i];
	if (n)
		qsort(order, n, sizeof(*order), by_place_then_turn);
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || by_place(order[i], order[i + 1]) != 0)
			kept[kept_n++] = *order[i];
	if (kept_n)
		memcpy(changes, kept, kept_n * sizeof(*kept));
	return kept_n;
}

static bool is_change(const struct text_change *c, enum write_rule rule)
{
	if (!c->existed || c->to.json != c->was.json || !str_eq(c->to.value, c->was.value))
		return true;
	/* Published is approved and delivered: approving it again changes nothing. */
	if (c->to.state == TEXT_APPROVED && c->was.state == TEXT_PUBLISHED)
		return false;
	return rule == WRITE_EXACT ? c->to.state != c->was.state : c->to.state > c->was.state;
}

bool texts_write(const struct act *act, const struct project *p, struct text_change *changes,
                 size_t n, enum write_rule rule, size_t *written_n, struct err *e)
{
	struct text_author author = { act->who->account_id, act->who->app_id };
	size_t written = 0;

	n = keep_last_of_each(act->arena, changes, n);
	for (size_t i = 0; i < n; i += WRITE_ROWS_MAX) {
		size_t slice = slice_of(n, i), first = written;

		if (!store_texts_now(act->db, act->arena, changes + i, slice, e))
			return false;
		for (size_t k = i; k < i + slice; k++)
			if (is_change(&changes[k], rule))
				changes[written++] = changes[k];
		if (written > first && !store_texts_put(act->db, act->arena, p->id, changes + first,
		                                        written - first, author, act->now_ms, e))
			return false;
	}
	*written_n = written;
	return true;
}

/* Pending -------------------------------------------------------------------------------------- */

bool pending_hint(const struct act *act, const struct project *p, struct pending_hint *out,
                  struct err *e)
{
	int64_t count;

	if (!store_pending_some(act->db, act->arena, p->id, p->publish_drafts, PENDING_COUNT_MAX,
	                        &count, e))
		return false;
	*out = (struct pending_hint){
		.has = count > 0, .count = count,
		.hint = count >= PENDING_COUNT_MAX ? S("1000 or more changes wait for a publish;"
		                                       " call publishTranslations.")
		      : count > 0 ? S("These changes wait for a publish; call publishTranslations"
		                      " to deliver them.")
		      : S("Nothing waits for a publish."),
	};
	return true;
}
