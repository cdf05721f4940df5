/* SPDX-License-Identifier: MIT
 *
 * What is delivered, as memory sees it. A site is a project that has been published; its `live` is
 * one snapshot, swapped as one pointer, so that a reader sees all of a publish or nothing of it. A
 * file's `hot` is what goes out on the wire: bodies and finished response heads; absent until
 * somebody asked (publisher_fetch) and after eviction.
 *
 * Pointers named `void *` here are RCU pointers: index_load inside a read section. What is found
 * stays valid until the section ends; a hot may be kept longer with hot_ref. Nothing here knows
 * HTTP: heads come from a callback. */
#ifndef PUBLISH_LIVE_H
#define PUBLISH_LIVE_H

#include "base/buf.h"
#include "base/index.h"

#include <stdatomic.h>

enum hot_form { HOT_IDENTITY, HOT_GZIP, HOT_BROTLI, HOT_FORMS };

enum file_use {
	FILE_CURRENT, /* under an address whose content changes with a publish */
	FILE_FROZEN,  /* under its version: never changes */
	FILE_USES
};

enum hot_class { HOT_MANIFEST, HOT_CURRENT, HOT_FROZEN, HOT_BATCH };

/* All that a response head depends on. */
struct hot_facts {
	enum hot_class class;
	str etag; /* quoted */
	int64_t modified_ms;
	size_t bytes[HOT_FORMS]; /* 0: the form does not exist; identity always does */
	int64_t spaces_asked, spaces_found;      /* HOT_BATCH */
};
/* Appends the head of an answer with this form's body, or of a "not modified" one. */
typedef void (*hot_head_fn)(struct buf *b, const struct hot_facts *f, enum hot_form form,
			    bool unchanged);

struct hot {
	_Atomic uint32_t refs;
	_Atomic uint32_t used; /* hot_touch */
	uint32_t seen;	       /* private: `used` at the last visit of the evictor */
	str      etag;
	int64_t  modified_s;
	str head[HOT_FORMS], body[HOT_FORMS]; /* absent: no such form */
	str      head_unchanged;
	str key;	     /* HOT_BATCH: "language\nns,ns" */
	struct body *shared; /* private from here on */
	struct hot *newer, *older;
	void   **slot;
	size_t   weight;
};

struct file {
	str language, space, version, digest; /* space "": the whole locale; digest: hex */
	int64_t bytes, leaves, changed_ms;
	void *hot[FILE_USES]; /* struct hot * */
};

enum slot_kind { SLOT_FILE, SLOT_BATCH, SLOT_ARCHIVED };
struct slot {
	uint64_t     hash;
	const char *path; /* NULL: free */
	uint32_t     path_n;
	enum slot_kind kind;
	struct file *file; /* SLOT_BATCH: the language's whole file */
};

enum { LIVE_BATCHES_MAX = 32 };

struct live {
	struct arena *arena;
	int64_t      seq, published_ms;
	bool         namespaced;
	struct strs languages; /* in the order of the manifest */
	struct strs  spaces;
	str          source_language;
	struct file  manifest;
	str          manifest_text;
	struct file *files, *archived;
	size_t       files_n, archived_n;
	struct slot *slots; /* power of two, linear probing */
	size_t       mask;
	void        *batches[LIVE_BATCHES_MAX];  /* struct hot * */
	unsigned batch_next; /* private: which one gives way */
};

enum site_missing { MISSING_DEFAULT, MISSING_COMPAT, MISSING_STRICT };
struct site {
	int64_t project_id;
	str uuid, name; /* lower case; name = "org/slug" */
	enum site_missing missing;
	void *live;	     /* struct live *; NULL: not loaded yet */
	struct arena *arena; /* private from here on */
	int64_t organization_id, seq, repair_ms;
	bool looked;	   /* the background thread has tried to load it */
	struct strs names; /* all that leads here: name, uuid, former names */
	struct site *next;
};

/* What an address below a project leads to. `rest` is what follows "/org/slug/", without the query,
 * canonical: "en/translations.json", "en.json", "translations/en.json", "en/common.json",
 * "manifest.json", "v/…", "en/batch.json". */
enum found_kind { FOUND_NOTHING, FOUND_FILE, FOUND_BATCH };
struct found { enum found_kind kind; struct file *file; enum file_use use; };
void live_find(const struct live *l, str rest, struct found *out);
/* NULL: not published. */
struct file *live_file(const struct live *l, str language, str space);
bool live_has_language(const struct live *l, str language);

static inline void hot_touch(struct hot *h, int64_t now_ms)
{
	uint32_t now = (uint32_t)(now_ms >> 8);

	/* Written at most four times a second, so that loops do not fight for the line. */
	if (atomic_load_explicit(&h->used, memory_order_relaxed) != now)
		atomic_store_explicit(&h->used, now, memory_order_relaxed);
}

static inline void hot_ref(struct hot *h)
{
	atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
}
void hot_unref(void *hot);

#endif
