/* SPDX-License-Identifier: MIT
 *
 * The JSON of one language: texts in, one object out, the same bytes for the same texts everywhere.
 * Used by publish (compact) and by export (pretty). No store, no clock.
 *
 * Layout (contract "cdn-and-cli" 6.1, 6.2): a nested project splits names at dots; a flat one keeps
 * them, joined to their namespace with a dot, or inside one object a namespace when the project is
 * namespaced. The default namespace stands at the root, or in an object "default" when the project
 * says so. Names are in byte order at every level. When a name is both a text and a parent, the
 * object stays and the text is dropped and reported.
 *
 *	tree_init(&t, arena, project);
 *	for each row: tree_add(&t, namespace, name, value, is_json);
 *	tree_finish(&t);                          then optionally tree_fill(&t, &source_tree)
 *	tree_write(&t, STR_NONE, TREE_COMPACT, &buf);  */
#ifndef CATALOG_TREE_H
#define CATALOG_TREE_H

#include "base/buf.h"
#include "model/model.h"

#define NAMESPACE_DEFAULT S("default")

struct tree_leaf {
	str  path;                   /* segments separated by NUL, as in the whole file           */
	str  namespace, name;
	/* text, or JSON text when json */
	str  value;
	bool json;
};

struct tree {
	struct arena *arena;
	bool    flat, namespaced, default_wrapped;
	bool    finished;
	struct tree_leaf *v;
	size_t  n, cap;
	struct strs dropped;         /* after finish: full names whose text gave way */
};

void tree_init(struct tree *t, struct arena *a, const struct project *p);
/* Copies the strings. Any order. */
void tree_add(struct tree *t, str namespace, str name, str value, bool json);
/* Sorts, drops duplicates and collisions. Once. */
void tree_finish(struct tree *t);
/* Adds what `source` has and t lacks (fallback filling). Both finished, same arena lifetime; t
 * stays finished. */
void tree_fill(struct tree *t, const struct tree *source);

/* Namespaces that have leaves, in byte order. */
struct strs tree_namespaces(const struct tree *t);
/* Leaves of one namespace; absent name: of all. */
size_t tree_count(const struct tree *t, str namespace);

enum tree_style {
	TREE_COMPACT,                /* no blanks; "<" escaped before "/" and "!" (pages) */
	TREE_PRETTY,                 /* two spaces a level, a newline at the end */
};
/* One object: the whole language (absent namespace), or what is inside one namespace, not wrapped.
 * An unknown namespace gives {}. */
void tree_write(const struct tree *t, str namespace, enum tree_style style, struct buf *b);

/* The name by which files and people know a key: "namespace.name", or the name alone in the default
 * namespace. */
str key_full_name(struct arena *a, str namespace, str name);
/* The reverse (ruling R29): of two or more segments the first is the namespace, else everything is
 * in the default one. A first segment that cannot be a namespace (empty, "default", odd characters)
 * stays part of the name. */
void key_split_name(str full, str *namespace_out, str *name_out);
/* ^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$ (contract "cdn-and-cli" 4.4). */
bool namespace_is_valid(str name);
/* Words that delivery addresses need: translations, batch, manifest. */
bool namespace_is_reserved(str name);

#endif
