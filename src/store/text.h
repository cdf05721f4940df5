/* SPDX-License-Identifier: MIT
 *
 * Typed store calls of keys and their texts. Calls that take an array run one statement for all of
 * it: callers keep batches to a few hundred. Rows come back in the given arena. */
#ifndef STORE_TEXT_H
#define STORE_TEXT_H

#include "model/model.h"
#include "store/db.h"

struct text_key { int64_t id; str public_id, namespace, name; bool deleted; };
struct text_key_list { struct text_key *v; size_t n; };

/* Ordered: a later one has been seen by more people. Approved and published texts are what publish
 * ships (ruling R28). */
enum text_state { TEXT_DRAFT, TEXT_PENDING, TEXT_REVIEWED, TEXT_APPROVED, TEXT_PUBLISHED };
str  text_state_name(enum text_state s);
bool text_state_by_name(str name, enum text_state *out) MUST_CHECK;

struct text { int64_t key_id; str language, value; bool json; enum text_state state; };
struct text_list { struct text *v; size_t n; };

bool store_key_count(struct db *db, struct arena *a, int64_t project_id, int64_t *out,
                     struct err *e) MUST_CHECK;
/* Those of the project, deleted ones too, in no order; ids in lower case. */
bool store_keys_by_public_ids(struct db *db, struct arena *a, int64_t project_id,
                              const struct strs *public_ids,
                              struct text_key_list *out, struct err *e) MUST_CHECK;
/* Sets id and public_id of each live key with the given namespace and name; leaves the others
 * alone. */
bool store_keys_by_names(struct db *db, struct arena *a, int64_t project_id, struct text_key *keys,
                         size_t n, struct err *e) MUST_CHECK;
/* For each range one live key of the namespace with low <= name < high, absent if there is none. */
struct key_range { str namespace, low, high, found; };
bool store_keys_between(struct db *db, struct arena *a, int64_t project_id,
                        struct key_range *ranges, size_t n, struct err *e) MUST_CHECK;
/* (index into keys, namespace) of every live key with the same name, whatever its namespace; in
 * this order. */
struct name_place { size_t key; str namespace; };
struct name_place_list { struct name_place *v; size_t n; };
bool store_names_elsewhere(struct db *db, struct arena *a, int64_t project_id,
                           const struct text_key *keys,
                           size_t n, struct name_place_list *out, struct err *e) MUST_CHECK;
/* How many of these names belong to a deleted key that waits for its purge. */
bool store_keys_deleted_by_names(struct db *db, struct arena *a, int64_t project_id,
                                 const struct text_key *keys,
                                 size_t n, int64_t *out, struct err *e) MUST_CHECK;
/* Inserts every key whose id is 0 and sets it. One whose name is taken meanwhile keeps 0. */
bool store_keys_insert(struct db *db, struct arena *a, int64_t project_id, struct text_key *keys,
                       size_t n, int64_t now_ms, struct err *e) MUST_CHECK;
bool store_keys_delete(struct db *db, struct arena *a, int64_t project_id,
                       const struct text_key *keys, size_t n,
                       int64_t now_ms, int64_t *deleted_out, struct err *e) MUST_CHECK;

/* Lists for people and agents, in the order namespace, name (bytes). */
struct key_filter {
	int64_t project_id;
	/* LIKE patterns with ~ as escape; any of them; none: no search */
	struct strs patterns;
	/* none: all */
	struct strs namespaces;
	/* keys.…: only keys without a non-empty text in it; '' is off */
	str missing_language;
	/* texts.…: exact names, none: all */
	struct strs names;
	/* texts.…: where to search, what status is about; none: everywhere */
	struct strs languages;
	/* texts.…: all missing draft published */
	str source_language, status;
	int64_t limit, offset;
};
bool store_keys_count(struct db *db, struct arena *a, const struct key_filter *f, int64_t *out,
                      struct err *e) MUST_CHECK;
bool store_keys_page(struct db *db, struct arena *a, const struct key_filter *f,
                     struct text_key_list *out, struct err *e) MUST_CHECK;
/* Matches without regard to status and limit. */
bool store_texts_count(struct db *db, struct arena *a, const struct key_filter *f, int64_t *out,
                       struct err *e) MUST_CHECK;
bool store_texts_find(struct db *db, struct arena *a, const struct key_filter *f,
                      struct text_key_list *out, struct err *e) MUST_CHECK;
/* Texts of these keys, ordered by key id and language; no languages: all. */
bool store_texts_of_keys(struct db *db, struct arena *a, const struct text_key_list *keys,
                         const struct strs *languages, struct text_list *out,
                         struct err *e) MUST_CHECK;
/* Those of one key, out of such a list. */
struct text_list text_list_of_key(const struct text_list *all, int64_t key_id);
/* Writing. A change names what a text is to become; the calls fill what it was. */
struct text_change {
	struct text to;
	bool     existed;            /* after texts_now: what stands there …        */
	struct text was;
	int64_t  revision;           /* … and its revision, 0 when new               */
};
bool store_texts_now(struct db *db, struct arena *a, struct text_change *changes, size_t n,
                     struct err *e) MUST_CHECK;
struct text_author { int64_t account_id, app_id; };
/* Keeps the present rows as revisions, then writes. Call store_texts_now first, in the same
 * transaction. */
bool store_texts_put(struct db *db, struct arena *a, int64_t project_id,
                     const struct text_change *changes, size_t n,
                     struct text_author who, int64_t now_ms, struct err *e) MUST_CHECK;
/* Takes back what store_texts_put wrote, where nobody has written since, and keys without any
 * text. */
bool store_texts_undo(struct db *db, struct arena *a, const struct text_change *changes, size_t n,
                      int64_t now_ms, struct err *e) MUST_CHECK;
bool store_keys_undo(struct db *db, struct arena *a, const struct text_key *keys, size_t n,
                     struct err *e) MUST_CHECK;

/* Every text of one language and, if given, one namespace, in list order. A text that waits for
 * approval carries what it was when last approved (approved.p absent: never). Strings live for the
 * call; fn returns false to stop. */
struct text_row { str namespace, name, value, approved; bool json,
                  approved_json; enum text_state state; };
bool store_texts_each(struct db *db, struct arena *a, int64_t project_id, str language,
                      str namespace, bool (*fn)(const struct text_row *row, void *arg), void *arg,
                      struct err *e) MUST_CHECK;

/* What waits for a publish; drafts count when the project publishes them. */
struct pending_text { str public_id, namespace, name, value, state; };
struct pending_text_list { struct pending_text *v; size_t n; };
bool store_pending_texts(struct db *db, struct arena *a, int64_t project_id, bool drafts,
                         struct rows *out,
                         struct err *e) MUST_CHECK;   /* (language, count) */
bool store_pending_preview(struct db *db, struct arena *a, int64_t project_id, str language,
                           bool drafts,
                           int64_t limit, struct pending_text_list *out, struct err *e) MUST_CHECK;
bool store_pending_keys(struct db *db, struct arena *a, int64_t project_id, str source_language,
                        int64_t limit,
/* value: source text or absent */
                        struct pending_text_list *out, struct err *e) MUST_CHECK;
bool store_pending_counts(struct db *db, struct arena *a, int64_t project_id, int64_t *keys_out,
                          int64_t *languages_out, struct err *e) MUST_CHECK;
/* About how many changes of any kind wait; counting stops at `most` of each kind. */
bool store_pending_some(struct db *db, struct arena *a, int64_t project_id, bool drafts,
                        int64_t most, int64_t *out, struct err *e) MUST_CHECK;

#endif
