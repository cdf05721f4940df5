/* SPDX-License-Identifier: MIT */
#include "catalog/leaf.h"

#include "base/json.h"
#include "catalog/clip.h"
#include "catalog/write.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_FIRST = 64, DEPTH_SPARE = 2 };

static void *grown(struct arena *a, const void *v, size_t n, size_t *cap, size_t size)
{
	void *more;

	*cap = *cap ? *cap * 2 : LIST_FIRST;
	more = arena_alloc_array(a, size, *cap);
	if (n)
		memcpy(more, v, n * size);
	return more;
}

void leaf_skip_add(struct arena *a, struct leaf_list *list, str key, str reason)
{
	if (list->skips_n == list->skips_cap)
		list->skips = grown(a, list->skips, list->skips_n, &list->skips_cap,
		                    sizeof(*list->skips));
	list->skips[list->skips_n++] = (struct leaf_skip){ key, reason };
}

static void leaf_add(struct arena *a, struct leaf_list *list, const struct leaf *leaf)
{
	if (list->n == list->cap)
		list->v = grown(a, list->v, list->n, &list->cap, sizeof(*list->v));
	list->v[list->n++] = *leaf;
}

/* Canonical JSON ------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return str_cmp((*(struct json *const *)a)->name, (*(struct json *const *)b)->name);
}

static void sort_members(struct arena *a, struct json *object)
{
	struct json **v = arena_array(a, struct json *, object->count + 1);
	size_t n = 0;

	for (struct json *m = object->first; m; m = m->next)
		v[n++] = m;
	if (n < 2)
		return;
	qsort(v, n, sizeof(*v), by_name);
	object->first = v[0];
	for (size_t i = 0; i < n; i++)
		v[i]->next = i + 1 < n ? v[i + 1] : NULL;
}

/* Order of members says nothing in JSON; one order makes equal values equal bytes. Depth is bounded
 * by the reader; returns that of the value, 0 for one without children. */
static size_t sort_deep(struct arena *a, struct json *root)
{
	struct json *above[LEAF_DEPTH_MAX + 1];
	struct json *v = root;
	size_t depth = 0, deepest = 0;

	while (v) {
		if (v->kind == JSON_OBJECT)
			sort_members(a, v);
		if ((v->kind == JSON_OBJECT || v->kind == JSON_ARRAY) && v->first) {
			above[depth++] = v;
			deepest = depth > deepest ? depth : deepest;
			v = v->first;
			continue;
		}
		while (depth > 0 && !v->next)
			v = above[--depth];
		v = depth > 0 ? v->next : NULL;
	}
	return deepest;
}

static str canonical(struct arena *a, struct json *v, size_t *depth_out)
{
	struct json_out o;
	struct buf b;

	*depth_out = sort_deep(a, v);
	buf_init_arena(&b, a, LEAF_FILE_BYTES_MAX);
	json_out_init(&o, &b);
	json_put(&o, v);
	return buf_view(&b);
}

/* Walking -------------------------------------------------------------------------------------- */

/* prefix.p NULL: the root */
struct level { struct json *next; str prefix; const char *refused; };

struct walk {
	struct arena *arena;
	const struct leaf_options *options;
	struct leaf_list *out;
	struct level levels[LEAF_DEPTH_MAX + 1];
	size_t depth;
};

static const char *name_refused(const struct leaf_options *o, str name)
{
	if (str_has(name, '.') && !o->dots_are_names && !o->dots_are_paths)
		return "the name holds a dot, which a nested project reads as a path; import with"
		       " --format flat to split it";
	return NULL;
}

static size_t segments_of(str name)
{
	size_t n = 1;

	for (size_t i = 0; i < name.n; i++)
		n += name.p[i] == '.';
	return n;
}

static const char *value_refused(struct walk *w, struct json *v, struct leaf *leaf)
{
	const char *why;
	size_t depth = 0;

	if (leaf->json)
		leaf->value = canonical(w->arena, v, &depth);
	else
		leaf->value = v->text.p ? v->text : S("");
	if (!text_fits(leaf->value, &why))
		return why;
	/* A file with it must be readable again, also inside a namespace. */
	if (segments_of(leaf->name) + depth > LEAF_DEPTH_MAX - DEPTH_SPARE)
		return "it is nested too deeply";
	return NULL;
}

static void walk_leaf(struct walk *w, struct json *v, str name, const char *refused)
{
	struct leaf leaf = { .name = name, .json = v->kind != JSON_STRING };
	const char *why = refused;

	if (!why && key_name_fits(name, &why))
		why = value_refused(w, v, &leaf);
	if (why)
		leaf_skip_add(w->arena, w->out, name, str_from(why));
	else
		leaf_add(w->arena, w->out, &leaf);
}

static void walk_member(struct walk *w, struct json *v)
{
	struct level *here = &w->levels[w->depth - 1];
	const char *refused = here->refused ? here->refused : name_refused(w->options, v->name);
	str name = v->name.p ? v->name : S("");

	if (here->prefix.p)
		name = arena_join(w->arena, (const str[]){ here->prefix, name }, 2, S("."));
	if (v->kind == JSON_OBJECT && v->first)
		w->levels[w->depth++] = (struct level){ v->first, name, refused };
	else
		walk_leaf(w, v, name, refused);
}

static void walk(struct walk *w, struct json *root)
{
	w->levels[w->depth++] = (struct level){ root->first, STR_NONE, NULL };
	while (w->depth > 0) {
		struct level *here = &w->levels[w->depth - 1];
		struct json *v = here->next;

		if (!v) {
			w->depth--;
			continue;
		}
		here->next = v->next;
		walk_member(w, v);
	}
}

/* Two leaves of one name, or a leaf that is also a parent: possible only where dots are paths. */
static void drop_clashes(struct arena *a, bool flat, struct leaf_list *list)
{
	str *names = arena_array(a, str, list->n + 1);
	size_t *clash = arena_array(a, size_t, list->n + 1), kept = 0;

	for (size_t i = 0; i < list->n; i++)
		names[i] = list->v[i].name;
	names_clash(a, flat, names, list->n, clash);
	for (size_t i = 0; i < list->n; i++) {
		if (!clash[i]) {
			list->v[kept++] = list->v[i];
			continue;
		}
		leaf_skip_add(a, list, names[i], str_eq(names[i], names[clash[i] - 1])
		              ? S("the name stands in the file twice")
		              : arena_printf(a, "a text cannot also be a parent, here of"
		                                " \"" FMT_STR "\"",
		                             ARG_STR(names[clash[i] - 1])));
	}
	list->n = kept;
}

/* Reading -------------------------------------------------------------------------------------- */

static bool refuse_at(str text, size_t offset, const char *what, struct err *e)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < offset && i < text.n; i++) {
		if (text.p[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)text.p[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	return err_set(e, ERR_INVALID_REQUEST,
	               "The file cannot be read: %s (line %zu, column %zu). Nothing was imported.",
	               what, line, column);
}

static const char *kind_words(const struct json *v)
{
	static const char *const words[] = {
		[JSON_NULL] = "null", [JSON_FALSE] = "a boolean", [JSON_TRUE] = "a boolean",
		[JSON_NUMBER] = "a number", [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object",
	};

	return words[v->kind];
}

static size_t first_place(str text)
{
	size_t i = 0;

	while (i < text.n && (text.p[i] == ' ' || text.p[i] == '\t' || text.p[i] == '\n' ||
	                      text.p[i] == '\r'))
		i++;
	return i;
}

static bool subtree(struct json *root, str path, struct json **out, struct err *e)
{
	str rest = path, segment;
	struct json *v = root;

	while (rest.p && str_cut(&rest, '.', &segment)) {
		struct json *m = v->kind == JSON_OBJECT ? v->first : NULL;

		while (m && !str_eq(m->name, segment))
			m = m->next;
		if (!m)
			return err_set(e, ERR_INVALID_REQUEST,
			               "The file has nothing at \"" FMT_STR "\": \"" FMT_STR "\""
			               " is not there.", ARG_STR(clip(path, CLIP_CHARS)),
			               ARG_STR(clip(segment, CLIP_CHARS)));
		v = m;
	}
	if (v->kind != JSON_OBJECT)
		return err_set(e, ERR_INVALID_REQUEST,
		               "\"" FMT_STR "\" is %s; texts are imported from an object.",
		               ARG_STR(clip(path, CLIP_CHARS)), kind_words(v));
	*out = v;
	return true;
}

bool leaves_read(struct arena *a, str text, const struct leaf_options *options,
                 struct leaf_list *out, struct err *e)
{
	size_t most = options->bytes_max ? options->bytes_max : LEAF_FILE_BYTES_MAX;
	struct walk *w = arena_new(a, struct walk);
	struct json_fault fault;
	struct json *root;

	if (text.n > most)
		return err_set(e, ERR_PAYLOAD_TOO_LARGE,
		               "The file has %zu bytes; at most %zu are read (import_bytes_max).",
		               text.n, most);
	if (str_starts(text, S("\xef\xbb\xbf")))
		return refuse_at(text, 0, "it begins with a byte order mark; save it as UTF-8"
		                          " without one", e);
	if (!json_parse(a, text, LEAF_DEPTH_MAX, &root, &fault))
		return refuse_at(text, fault.offset, fault.what, e);
	if (root->kind != JSON_OBJECT)
		return refuse_at(text, first_place(text), arena_cstr(a, arena_printf(a,
		                 "it must hold one JSON object, not %s", kind_words(root))), e);
	if (options->path.n && !subtree(root, options->path, &root, e))
		return false;
	*out = (struct leaf_list){ 0 };
	w->arena = a;
	w->options = options;
	w->out = out;
	walk(w, root);
	drop_clashes(a, options->dots_are_names, out);
	return true;
}
