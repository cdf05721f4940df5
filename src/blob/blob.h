/* SPDX-License-Identifier: MIT
 *
 * Bodies that never change: content-addressed bytes under the hex SHA-256 of their identity form,
 * with a gzip and a brotli form beside it. Knows nothing of projects or snapshots; who still needs
 * a body is the caller's business (blob_each, blob_remove).
 *
 * Whatever is put is durable when the call returns true: written aside, synced, renamed, directory
 * synced. A reader sees the whole of a body or none of it. Any thread. */
#ifndef BLOB_BLOB_H
#define BLOB_BLOB_H

#include "base/buf.h"
#include "crypto/crypto.h"

enum blob_form { BLOB_IDENTITY, BLOB_GZIP, BLOB_BROTLI, BLOB_FORMS };
enum { BLOB_NAME_BYTES = 64, BLOB_BYTES_MAX = 256 * 1024 * 1024 };

struct blobs;

/* Makes the directory (0700) when it is missing. ERR_UNAVAILABLE: not writable. */
bool blobs_open(str directory, struct blobs **out, struct err *e) MUST_CHECK;
void blobs_close(struct blobs **b);

struct blob_item {
	str name;                    /* 64 hex digits */
	enum blob_form form;
	str bytes;
};

/* Puts them all or fails; an item that is there already and whole in length is only touched (see
 * blob_each). One sync serves a long list. ERR_UNAVAILABLE with retry_after_s: no room, no access;
 * items that were complete by then stay, nothing is half there. */
bool blobs_put(struct blobs *b, const struct blob_item *items, size_t n, struct err *e) MUST_CHECK;

/* The same for one item, but replaces what is there: a better compressed form of the same body. */
bool blobs_replace(struct blobs *b, const struct blob_item *item, struct err *e) MUST_CHECK;

/* Reads into `out` (heap, appended). ERR_NOT_FOUND: not there. ERR_INTERNAL: what is there is not
 * what was put (the identity form is checked against its name, the others against a digest kept
 * beside them). */
bool blobs_get(struct blobs *b, str name, enum blob_form form, struct buf *out,
	       struct err *e) MUST_CHECK;

bool blobs_has(struct blobs *b, str name, enum blob_form form);

/* Makes it young again, for the sweep. Missing is fine. */
void blobs_touch(struct blobs *b, str name);

/* Visits every name once; age_ms since it was put or touched last. fn returns false to stop. */
bool blobs_each(struct blobs *b, bool (*fn)(str name, int64_t age_ms, void *arg), void *arg,
                struct err *e) MUST_CHECK;

/* Removes all forms of a name. Missing is fine. */
bool blobs_remove(struct blobs *b, str name, struct err *e) MUST_CHECK;

#endif
