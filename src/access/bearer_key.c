/* SPDX-License-Identifier: MIT
 *
 * Organization keys in memory. */
#include "access/bearer_int.h"

#include <stdlib.h>
#include <string.h>

void bearers_key_put(struct bearers *b, const struct bearer_key *k)
{
	size_t n = k->projects.mode == PROJECTS_SELECTED ? k->projects.n : 0;
	struct key_node *node =
		heap_alloc(offsetof(struct key_node, projects) + n * sizeof(int64_t));

	memcpy(node->node.key, k->digest.b, DIGEST_BYTES);
	node->id = k->id;
	node->account_id = k->account_id;
	node->scopes = k->scopes;
	node->expires_ms = k->expires_ms;
	node->is_public = k->is_public;
	node->mode = (uint8_t)(k->projects.mode == PROJECTS_SELECTED && n == 0 ? PROJECTS_NONE
									       : k->projects.mode);
	node->projects_n = (uint32_t)n;
	if (n > 0)
		memcpy(node->projects, k->projects.ids, n * sizeof(int64_t));
	pthread_mutex_lock(&b->change);
	node->organization = organization_node_put(b, &k->organization);
	index_retire(free, index_put(b->keys, &node->node));
	pthread_mutex_unlock(&b->change);
}

struct key_pending { struct bearers *b; struct bearer_key k; };

static void key_commit(void *arg)
{
	struct key_pending *p = arg;

	bearers_key_put(p->b, &p->k);
}

void bearer_key_add(const struct act *act, const struct bearer_key *k)
{
	struct key_pending *p = arena_new(act->arena, struct key_pending);
	struct arena *a = act->arena;

	p->b = act->bearers;
	p->k = *k;
	p->k.projects = projects_copy(a, (uint8_t)k->projects.mode, k->projects.ids, k->projects.n);
	p->k.organization.public_id = arena_str(a, k->organization.public_id);
	p->k.organization.slug = arena_str(a, k->organization.slug);
	p->k.organization.name = arena_str(a, k->organization.name);
	after_commit(act, key_commit, p);
}

/* By id, or all of an account; -1 matches nothing. */
struct denial { struct bearers *b; int64_t id, account_id; uint32_t more; };

static bool key_matches(const struct index_node *n, void *arg)
{
	const struct key_node *k = NODE_OF(n, const struct key_node, node);
	const struct denial *d = arg;

	return k->id == d->id || k->account_id == d->account_id;
}

static bool key_deny_one(struct index_node *n, void *arg)
{
	const struct denial *d = arg;

	if (key_matches(n, arg))
		atomic_fetch_add(&NODE_OF(n, struct key_node, node)->denied, d->more);
	return true;
}

/* Keys are few and looked for by digest: a denial walks all of them. */
static void keys_deny_more(struct denial *d, uint32_t more)
{
	d->more = more;
	index_read_begin();
	index_each(d->b->keys, key_deny_one, d);
	index_read_end();
}

static void key_deny_undo(void *arg)
{
	keys_deny_more(arg, UINT32_MAX);       /* minus one */
}

static void key_deny_commit(void *arg)
{
	struct denial *d = arg;

	nodes_remove(d->b, d->b->keys, key_matches, d, node_gone);
}

static void key_deny(const struct act *act, int64_t id, int64_t account_id)
{
	struct denial *d = arena_new(act->arena, struct denial);

	*d = (struct denial){ .b = act->bearers, .id = id, .account_id = account_id };
	keys_deny_more(d, 1);
	after_failure(act, key_deny_undo, d);
	after_commit(act, key_deny_commit, d);
}

void bearer_key_deny(const struct act *act, int64_t id)
{
	key_deny(act, id, -1);
}

void keys_deny(const struct act *act, int64_t account_id)
{
	key_deny(act, -1, account_id);
}
