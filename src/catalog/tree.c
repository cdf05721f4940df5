/* SPDX-License-Identifier: MIT */
#include "catalog/tree.h"

#include "base/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { NAMESPACE_BYTES_MAX = 128, TREE_CAP_FIRST = 64, JSON_LEAF_BYTES_MAX = 64 << 20 };

/* NUL sorts before every character that a name may hold, so that byte order of whole paths is byte
 * order of the segments at every level, and a parent is always followed at once by its children. */
#define SEGMENT_END '\0'

bool namespace_is_valid(str name)
{
	if (name.n == 0 || name.n > NAMESPACE_BYTES_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		        (c >= '0' && c <= '9');

		if (!alnum && (i == 0 || (c != '_' && c != '-')))
			return false;
	}
	return true;
}

/* File names of the delivery address space (contract "cdn-and-cli" 4.4). */
bool namespace_is_reserved(str name)
{
	static const str words[] = { STR("translations"), STR("batch"), STR("manifest") };

	for (size_t i = 0; i < COUNT(words); i++)
		if (str_eq(name, words[i]))
			return true;
	return false;
}

str key_full_name(struct arena *a, str namespace, str name)
{
	if (str_eq(namespace, NAMESPACE_DEFAULT))
		return name;
	return arena_join(a, (const str[]){ namespace, name }, 2, S("."));
}

void key_split_name(str full, str *namespace_out, str *name_out)
{
	ptrdiff_t dot = str_index(full, '.');
	str first = dot < 0 ? STR_NONE : str_sub(full, 0, (size_t)dot);

	*namespace_out = NAMESPACE_DEFAULT;
	*name_out = full;
	if (!namespace_is_valid(first) || namespace_is_reserved(first) ||
	    str_eq(first, NAMESPACE_DEFAULT) ||
	    (size_t)dot + 1 == full.n)
		return;
	*namespace_out = first;
	*name_out = str_from_at(full, (size_t)dot + 1);
}

void tree_init(struct tree *t, struct arena *a, const struct project *p)
{
	*t = (struct tree){
		.arena = a, .flat = project_is_flat(p), .namespaced = project_is_namespaced(p),
		.default_wrapped = p->default_wrapped,
	};
}

static str leaf_path(const struct tree *t, str namespace, str name)
{
	bool rooted = str_eq(namespace, NAMESPACE_DEFAULT) && !t->default_wrapped;
	bool joined = t->flat && !t->namespaced;
	size_t n = (rooted ? 0 : namespace.n + 1) + name.n;
	char *p = arena_text(t->arena, n + 1), *at = p;

	if (!rooted) {
		memcpy(at, namespace.p, namespace.n);
		at += namespace.n;
		*at++ = joined ? '.' : SEGMENT_END;
	}
	for (size_t i = 0; i < name.n; i++)
		*at++ = !t->flat && name.p[i] == '.' ? SEGMENT_END : name.p[i];
	return (str){ p, n };
}

static void tree_push(struct tree *t, const struct tree_leaf *leaf)
{
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : TREE_CAP_FIRST;
		struct tree_leaf *v = arena_array(t->arena, struct tree_leaf, cap);

		if (t->n)
			memcpy(v, t->v, t->n * sizeof(*v));
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n++] = *leaf;
}

void tree_add(struct tree *t, str namespace, str name, str value, bool json)
{
	assert(!t->finished);
	/* Rows come ordered by namespace: one copy of its name serves a whole run. */
	str kept = t->n && str_eq(t->v[t->n - 1].namespace, namespace) ? t->v[t->n - 1].namespace
	                                                                : arena_str(t->arena,
	                                                                            namespace);

	tree_push(t, &(struct tree_leaf){
		.path = leaf_path(t, namespace, name), .namespace = kept,
		.name = arena_str(t->arena, name), .value = arena_str(t->arena, value),
		.json = json,
	});
}

static int leaf_order(const void *a, const void *b)
{
	const struct tree_leaf *x = a, *y = b;
	int order = str_cmp(x->path, y->path);

	return order ? order : str_cmp(x->namespace, y->namespace);
}

static bool is_parent_of(str parent, str child)
{
	return child.n > parent.n && child.p[parent.n] == SEGMENT_END && str_starts(child, parent);
}

/* Does the text at i give way to its successor? */
static bool gives_way(const struct tree *t, size_t i)
{
	return i + 1 < t->n && (str_eq(t->v[i].path, t->v[i + 1].path) ||
	                        is_parent_of(t->v[i].path, t->v[i + 1].path));
}

static void tree_settle(struct tree *t)
{
	struct tree_leaf *kept = t->v;
	str *dropped;
	size_t dropped_n = 0;

	if (t->n)
		qsort(t->v, t->n, sizeof(*t->v), leaf_order);
	for (size_t i = 0; i < t->n; i++)
		dropped_n += gives_way(t, i);
	dropped = arena_array(t->arena, str, t->dropped.n + dropped_n + 1);
	if (t->dropped.n)
		memcpy(dropped, t->dropped.v, t->dropped.n * sizeof(*dropped));
	for (size_t i = 0; i < t->n; i++) {
		struct tree_leaf leaf = t->v[i];

		if (gives_way(t, i))
			dropped[t->dropped.n++] =
			        key_full_name(t->arena, leaf.namespace, leaf.name);
		else
			*kept++ = leaf;
	}
	t->dropped.v = dropped;
	t->n = (size_t)(kept - t->v);
}

void tree_finish(struct tree *t)
{
	assert(!t->finished);
	tree_settle(t);
	t->finished = true;
}

void tree_fill(struct tree *t, const struct tree *source)
{
	size_t own = t->n, at = 0;

	assert(t->finished && source->finished);
	for (size_t i = 0; i < source->n; i++) {
		while (at < own && str_cmp(t->v[at].path, source->v[i].path) < 0)
			at++;
		if (at == own || !str_eq(t->v[at].path, source->v[i].path))
			tree_push(t, &source->v[i]);
	}
	if (t->n > own)
		tree_settle(t);
}

static int str_order(const void *a, const void *b)
{
	return str_cmp(*(const str *)a, *(const str *)b);
}

struct strs tree_namespaces(const struct tree *t)
{
	str *v = arena_array(t->arena, str, t->n + 1);
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < t->n; i++)
		if (i == 0 || !str_eq(t->v[i].namespace, t->v[i - 1].namespace))
			v[n++] = t->v[i].namespace;
	if (n)
		qsort(v, n, sizeof(*v), str_order);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !str_eq(v[i], v[kept - 1]))
			v[kept++] = v[i];
	return (struct strs){ v, kept, true };
}

size_t tree_count(const struct tree *t, str namespace)
{
	size_t n = 0;

	if (!namespace.p)
		return t->n;
	for (size_t i = 0; i < t->n; i++)
		n += str_eq(t->v[i].namespace, namespace);
	return n;
}

/* Writing -------------------------------------------------------------------------------------- */

struct writer {
	struct buf *b;
	struct arena *arena;
	enum tree_style style;
	size_t depth;                /* open objects                                  */
	bool   first;                /* nothing yet in the innermost one              */
	/* path of the innermost open object below the root; absent at the root */
	str    open;
};

static void write_line(struct writer *w)
{
	if (w->style != TREE_PRETTY)
		return;
	buf_char(w->b, '\n');
	for (size_t i = 0; i < w->depth; i++)
		BUF_LIT(w->b, "  ");
}

static void write_name(struct writer *w, str name)
{
	if (!w->first)
		buf_char(w->b, ',');
	write_line(w);
	json_escape(w->b, name, w->style == TREE_COMPACT);
	buf_char(w->b, ':');
	if (w->style == TREE_PRETTY)
		buf_char(w->b, ' ');
	w->first = false;
}

static void write_open(struct writer *w)
{
	buf_char(w->b, '{');
	w->depth++;
	w->first = true;
}

static void write_close(struct writer *w)
{
	w->depth--;
	if (!w->first)
		write_line(w);
	buf_char(w->b, '}');
	w->first = false;
}

static str parent_path(str path)
{
	while (path.n && path.p[path.n - 1] != SEGMENT_END)
		path.n--;
	if (path.n == 0)
		return STR_NONE;
	path.n--;
	return path;
}

static bool holds_path(str object, str parent)
{
	return !object.p || (parent.p && (is_parent_of(object, parent) ||
	                                  (object.n == parent.n && str_starts(parent, object))));
}

/* Closes and opens objects until the one at `parent` is the innermost. */
static void write_move(struct writer *w, str parent)
{
	while (!holds_path(w->open, parent)) {
		write_close(w);
		w->open = parent_path(w->open);
	}
	while (parent.p && !(w->open.p && w->open.n == parent.n)) {
		size_t from = w->open.p ? w->open.n + 1 : 0;
		str rest = str_from_at(parent, from);
		ptrdiff_t end = str_index(rest, SEGMENT_END);
		size_t n = end < 0 ? rest.n : (size_t)end;

		write_name(w, str_sub(rest, 0, n));
		write_open(w);
		w->open = (str){ parent.p, from + n };
	}
}

/* In JSON "<" stands only inside strings, so that escaping it anywhere keeps the value. */
static void write_json_compact(struct buf *b, str json)
{
	ptrdiff_t at;

	while ((at = str_index(json, '<')) >= 0) {
		str rest = str_from_at(json, (size_t)at + 1);
		bool escape = rest.n && (rest.p[0] == '/' || rest.p[0] == '!');

		buf_str(b, str_sub(json, 0, (size_t)at));
		if (escape)
			BUF_LIT(b, "\\u003c");
		else
			buf_char(b, '<');
		json = rest;
	}
	buf_str(b, json);
}

static void write_json_pretty(struct writer *w, str json)
{
	struct json_out o;
	struct json_fault fault;
	struct json *v;
	struct buf text;
	str rest, line;

	if (!json_parse(w->arena, json, JSON_DEPTH_DEFAULT, &v, &fault)) {
		buf_str(w->b, json);
		return;
	}
	buf_init(&text, JSON_LEAF_BYTES_MAX);
	json_out_init(&o, &text);
	o.indent = 2;
	json_put(&o, v);
	rest = buf_view(&text);
	for (bool first = true; str_cut(&rest, '\n', &line); first = false) {
		if (!first)
			write_line(w);
		buf_str(w->b, line);
	}
	w->b->full |= text.full;
	buf_fini(&text);
}

static void write_leaf(struct writer *w, const struct tree_leaf *leaf, str path)
{
	str parent = parent_path(path);

	write_move(w, parent);
	write_name(w, str_from_at(path, parent.p ? parent.n + 1 : 0));
	if (!leaf->json)
		json_escape(w->b, leaf->value, w->style == TREE_COMPACT);
	else if (w->style == TREE_COMPACT)
		write_json_compact(w->b, leaf->value);
	else
		write_json_pretty(w, leaf->value);
}

void tree_write(const struct tree *t, str namespace, enum tree_style style, struct buf *b)
{
	struct writer w = { .b = b, .arena = t->arena, .style = style };

	assert(t->finished);
	write_open(&w);
	for (size_t i = 0; i < t->n; i++) {
		const struct tree_leaf *leaf = &t->v[i];
		str path = leaf->path;

		if (namespace.p) {
			if (!str_eq(leaf->namespace, namespace))
				continue;
			path = str_from_at(path, path.n - leaf->name.n);
		}
		write_leaf(&w, leaf, path);
	}
	write_move(&w, STR_NONE);
	write_close(&w);
	if (style == TREE_PRETTY)
		buf_char(b, '\n');
}
