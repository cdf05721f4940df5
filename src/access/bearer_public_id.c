/* SPDX-License-Identifier: MIT
 *
 * Public ids of people and projects: they never change and are never given to another, so what has
 * been kept once stays right. */
#include "access/bearer_int.h"

#include <string.h>

static void key_of_noun(enum bearer_noun noun, int64_t id, uint8_t key[32])
{
	key_of_id(id, key);
	key[31] = (uint8_t)noun;
}

str bearer_public_id(struct bearers *b, struct arena *a, enum bearer_noun noun, int64_t id)
{
	const struct public_id_node *p;
	struct index_node *n;
	str text = STR_NONE;
	uint8_t key[32];

	key_of_noun(noun, id, key);
	index_read_begin();
	n = index_find(b->public_ids, key);
	if (n != NULL) {
		p = NODE_OF(n, struct public_id_node, node);
		text = arena_str(a, (str){ p->text, p->n });
	}
	index_read_end();
	return text;
}

void bearer_public_id_keep(struct bearers *b, enum bearer_noun noun, int64_t id, str public_id)
{
	struct public_id_node *p;
	struct index_node *old;

	if (public_id.n == 0 || public_id.n > PUBLIC_ID_BYTES_MAX)
		return;
	p = heap_alloc(sizeof(*p));
	key_of_noun(noun, id, p->node.key);
	memcpy(p->text, public_id.p, public_id.n);
	p->n = (uint8_t)public_id.n;
	pthread_mutex_lock(&b->change);
	old = index_put(b->public_ids, &p->node);
	if (old != NULL)
		node_gone(b, old);
	pthread_mutex_unlock(&b->change);
}
