/* SPDX-License-Identifier: MIT
 *
 * Installation tokens in memory. A token that is not narrower than its grant carries no list of
 * its own. */
#include "access/bearer_int.h"

#include <stdlib.h>
#include <string.h>

static const uint64_t EXPIRY_MASK = ((uint64_t)1 << 48) - 1;
static const uint64_t DENIAL = (uint64_t)1 << 48;

int64_t token_expires_ms(const struct token_node *t)
{
	return (int64_t)(atomic_load(&t->state) & EXPIRY_MASK);
}

bool token_is_dead(const struct token_node *t, int64_t now_ms)
{
	uint64_t state = atomic_load(&t->state);

	return state > EXPIRY_MASK || (int64_t)state <= now_ms;
}

static bool same_projects(const struct project_set *set, const struct grant_node *g)
{
	if (set->mode != (enum project_mode)g->mode)
		return false;
	if (set->mode != PROJECTS_SELECTED)
		return true;
	return set->n == g->projects_n &&
	       memcmp(set->ids, g->projects, set->n * sizeof(int64_t)) == 0;
}

/* In a read section. */
static bool is_narrowed(const struct bearer_token *t, const struct grant_node *g)
{
	return g == NULL || t->grant_version != (int64_t)g->version || t->scopes != g->scopes ||
	       !same_projects(&t->projects, g);
}

static uint32_t life_s(const struct bearer_token *t)
{
	int64_t ms = t->issued_ms == 0 ? 0 : t->expires_ms - t->issued_ms;

	return ms <= 0 || ms / 1000 > LIFE_S_MAX ? 0 : (uint32_t)(ms / 1000);
}

static struct token_node *token_node_make(const struct bearer_token *t, bool narrowed)
{
	size_t n = narrowed && t->projects.mode == PROJECTS_SELECTED ? t->projects.n : 0;
	size_t tail_n = narrowed ? 1 + n : 0;
	struct token_node *node =
		heap_alloc(offsetof(struct token_node, tail) + tail_n * sizeof(int64_t));

	memcpy(node->node.key, t->digest.b, DIGEST_BYTES);
	node->state = (uint64_t)t->expires_ms & EXPIRY_MASK;
	node->grant_id = t->grant_id;
	node->grant_version = (uint32_t)t->grant_version;
	node->mode = (uint32_t)t->projects.mode & 3;
	node->narrowed = narrowed;
	node->life_s = life_s(t) & LIFE_S_MAX;
	node->projects_n = (uint32_t)n & TOKEN_PROJECTS_MAX;
	if (narrowed)
		node->tail[0] = t->scopes;
	if (n > 0)
		memcpy(node->tail + 1, t->projects.ids, n * sizeof(int64_t));
	return node;
}

void bearers_token_put(struct bearers *b, const struct bearer_token *t)
{
	struct token_node *node;
	struct index_node *old;

	pthread_mutex_lock(&b->change);
	index_read_begin();
	node = token_node_make(t, is_narrowed(t, grant_node_find(b, t->grant_id)));
	index_read_end();
	old = index_put(b->tokens, &node->node);
	if (old == NULL)
		grant_count_token(b, t->grant_id, 1);
	index_retire(free, old);
	pthread_mutex_unlock(&b->change);
}

struct token_pending { struct bearers *b; struct bearer_token t; };

static void token_commit(void *arg)
{
	struct token_pending *p = arg;

	bearers_token_put(p->b, &p->t);
}

void bearer_token_add(const struct act *act, const struct bearer_token *t)
{
	struct token_pending *p = arena_new(act->arena, struct token_pending);

	p->b = act->bearers;
	p->t = *t;
	p->t.projects = projects_copy(act->arena, (uint8_t)t->projects.mode, t->projects.ids,
				      t->projects.n);
	after_commit(act, token_commit, p);
}

void token_gone(struct bearers *b, struct index_node *n)
{
	grant_count_token(b, NODE_OF(n, struct token_node, node)->grant_id, -1);
	index_retire(free, n);
}

static void token_deny_more(const struct token_pending *p, uint64_t more)
{
	struct index_node *n;

	index_read_begin();
	n = index_find(p->b->tokens, p->t.digest.b);
	if (n != NULL)
		atomic_fetch_add(&NODE_OF(n, struct token_node, node)->state, more);
	index_read_end();
}

static void token_deny_undo(void *arg)
{
	token_deny_more(arg, (uint64_t)0 - DENIAL);
}

static void token_deny_commit(void *arg)
{
	const struct token_pending *p = arg;
	struct index_node *n;

	pthread_mutex_lock(&p->b->change);
	n = index_remove(p->b->tokens, p->t.digest.b);
	if (n != NULL)
		token_gone(p->b, n);
	pthread_mutex_unlock(&p->b->change);
}

void bearer_token_deny(const struct act *act, const struct digest *digest)
{
	struct token_pending *p = arena_new(act->arena, struct token_pending);

	p->b = act->bearers;
	p->t.digest = *digest;
	token_deny_more(p, DENIAL);
	after_failure(act, token_deny_undo, p);
	after_commit(act, token_deny_commit, p);
}
