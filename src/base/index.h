/* SPDX-License-Identifier: MIT
 *
 * Read-mostly hash index: readers take no lock (RCU). The only file that knows liburcu; built with
 * -Dindex=atomics it is a C11 reader-writer lock instead, so that ThreadSanitizer can see it.
 *
 * Keys are 32 bytes that are already well mixed (digests) or str_hash-expanded. Nodes are embedded. */
#ifndef BASE_INDEX_H
#define BASE_INDEX_H

#include "base/str.h"

struct index;
struct index_node {
	_Alignas(16) uint64_t private_[4];   /* room for the implementation */
	uint8_t key[32];
};

struct index *index_create(size_t buckets_hint);
void index_destroy(struct index *ix);                        /* does not free nodes still in it */
size_t index_count(const struct index *ix);
/* As many buckets as there are nodes: a chain costs a look into far memory for each of its nodes. Allocates
 * and waits for readers; never in a read section. */
void index_fit(struct index *ix);

/* Every thread that reads calls thread_in once before and thread_out before it ends. */
void index_thread_in(void);
void index_thread_out(void);
/* Read section: nodes found stay valid until read_end. Never block inside. */
void index_read_begin(void);
void index_read_end(void);

struct index_node *index_find(struct index *ix, const uint8_t key[32]);             /* in a read section */
/* Puts the node in, replacing one of the same key; the replaced node is returned (release it with index_retire). */
struct index_node *index_put(struct index *ix, struct index_node *n);
struct index_node *index_remove(struct index *ix, const uint8_t key[32]);           /* NULL: was not there */
/* Visits all; in a read section; fn returns false to stop. */
void index_each(struct index *ix, bool (*fn)(struct index_node *, void *), void *arg);
/* Calls fn(p) once no reader can still see it. Any thread, does not block. */
void index_retire(void (*fn)(void *), void *p);
/* RCU pointer, for snapshots: load inside a read section; swap returns the old one, to be retired. */
void *index_load(void *const *slot);
void *index_swap(void **slot, void *fresh);
void index_barrier(void);                                     /* waits for all retired calls; at shutdown */

#endif
