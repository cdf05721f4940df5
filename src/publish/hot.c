/* SPDX-License-Identifier: MIT
 *
 * Hot bodies: made once, read by every loop without a lock, evicted when memory runs out. Eviction
 * is a clock: the oldest one that was not read since the last visit goes. */
#include "publish/publisher_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES_MAX = 8 * 1024, EVICT_TO_PERCENT = 90 };

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static char *append(char *at, str s, str *out)
{
	if (s.p) {
		memcpy(at, s.p, s.n);
		*out = (str){ at, s.n };
	}
	return at + s.n;
}

struct body *body_make(const struct packed *packed)
{
	size_t bytes = 0;
	struct body *b;
	char *at;

	for (int i = 0; i < HOT_FORMS; i++)
		bytes += packed->form[i].n;
	b = must(calloc(1, sizeof(*b) + bytes + 1));
	b->refs = 1;
	b->bytes = bytes;
	at = (char *)(b + 1);
	for (int i = 0; i < HOT_FORMS; i++)
		at = append(at, packed->form[i], &b->form[i]);
	return b;
}

void body_ref(struct body *b)
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
}

void body_unref(struct body *b)
{
	if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
		free(b);
}

str etag_of(struct arena *a, str digest)
{
	/* 128 bits of the hash: enough that two bodies never share one, short enough for every
	 * request. */
	return arena_printf(a, "\"%.32s\"", digest.p);
}

struct heads { struct buf text; size_t end[HOT_FORMS + 1]; };

static void write_heads(struct publisher *p, struct hot_facts *facts, const struct body *b,
			struct heads *h)
{
	for (int i = 0; i < HOT_FORMS; i++)
		facts->bytes[i] = b->form[i].n;
	for (int i = 0; i < HOT_FORMS; i++) {
		if (b->form[i].p)
			p->config.head(&h->text, facts, (enum hot_form)i, false);
		h->end[i] = h->text.n;
	}
	p->config.head(&h->text, facts, HOT_IDENTITY, true);
	h->end[HOT_FORMS] = h->text.n;
	assert(!h->text.full);
}

struct hot *hot_make(struct publisher *p, struct hot_facts *facts, struct body *b, str key)
{
	struct heads h = { 0 };
	struct hot *hot;
	size_t from = 0;
	char *at;

	buf_init(&h.text, HEAD_BYTES_MAX);
	write_heads(p, facts, b, &h);
	hot = must(calloc(1, sizeof(*hot) + h.text.n + facts->etag.n + key.n + 1));
	hot->refs = 1;
	hot->modified_s = facts->modified_ms / 1000;
	hot->shared = b;
	body_ref(b);
	hot->weight = sizeof(*hot) + h.text.n + b->bytes;
	at = (char *)(hot + 1);
	for (int i = 0; i < HOT_FORMS; i++) {
		if (b->form[i].p) {
			at = append(at, (str){ h.text.p + from, h.end[i] - from }, &hot->head[i]);
			hot->body[i] = b->form[i];
		}
		from = h.end[i];
	}
	at = append(at, (str){ h.text.p + from, h.end[HOT_FORMS] - from }, &hot->head_unchanged);
	at = append(at, facts->etag, &hot->etag);
	append(at, key, &hot->key);
	buf_fini(&h.text);
	return hot;
}

void hot_unref(void *arg)
{
	struct hot *h = arg;

	if (h && atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) == 1) {
		body_unref(h->shared);
		free(h);
	}
}

static void list_add(struct publisher *p, struct hot *h)
{
	h->newer = NULL;
	h->older = p->newest;
	if (p->newest)
		p->newest->newer = h;
	else
		p->oldest = h;
	p->newest = h;
}

static void list_remove(struct publisher *p, struct hot *h)
{
	if (h->newer)
		h->newer->older = h->older;
	else
		p->newest = h->older;
	if (h->older)
		h->older->newer = h->newer;
	else
		p->oldest = h->newer;
	h->newer = h->older = NULL;
}

void hot_drop(struct publisher *p, void **slot)
{
	struct hot *h = index_swap(slot, NULL);

	if (!h)
		return;
	list_remove(p, h);
	p->weight -= h->weight;
	index_retire(hot_unref, h);
}

/* Each one is visited at most twice, so this ends even when everything is in use. */
static void evict(struct publisher *p, const struct hot *keep)
{
	size_t enough = p->config.memory_bytes_max / 100 * EVICT_TO_PERCENT;
	uint32_t used;

	while (p->oldest && p->weight > enough) {
		struct hot *h = p->oldest;

		used = atomic_load_explicit(&h->used, memory_order_relaxed);
		if (h == keep && h == p->newest)
			return;
		if (h == keep || used != h->seen) {
			h->seen = used;
			list_remove(p, h);
			list_add(p, h);
			continue;
		}
		hot_drop(p, h->slot);
	}
}

void hot_install(struct publisher *p, void **slot, struct hot *h)
{
	hot_drop(p, slot);
	hot_ref(h);
	h->slot = slot;
	list_add(p, h);
	p->weight += h->weight;
	index_swap(slot, h);
	if (p->weight > p->config.memory_bytes_max)
		evict(p, h);
}

/* Readers of the old snapshot still go through *from, which keeps the pointer without owning it. */
void hot_move(void **from, void **to)
{
	struct hot *h = index_load(from);

	if (!h)
		return;
	h->slot = to;
	index_swap(to, h);
}
