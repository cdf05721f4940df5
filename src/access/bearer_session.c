/* SPDX-License-Identifier: MIT
 *
 * Sessions in memory: by digest for requests, by id for endings. */
#include "access/bearer_int.h"

#include <stdlib.h>
#include <string.h>

/* By id, or all of an account. */
struct denial { struct bearers *b; int64_t id, account_id; uint32_t more; };

void bearers_session_put(struct bearers *b, const struct bearer_session *s)
{
	struct session_node *node = heap_alloc(sizeof(*node));

	memcpy(node->node.key, s->digest.b, DIGEST_BYTES);
	node->id = s->id;
	node->account_id = s->account_id;
	node->auth_time_ms = s->auth_time_ms;
	node->expires_ms = s->expires_ms;
	node->seen_ms = s->seen_ms;
	node->noted_ms = s->seen_ms;
	key_of_id(s->id, node->by_id.key);
	pthread_mutex_lock(&b->change);
	index_put(b->session_ids, &node->by_id);
	index_retire(free, index_put(b->sessions, &node->node));
	pthread_mutex_unlock(&b->change);
}

struct session_pending { struct bearers *b; struct bearer_session s; };

static void session_commit(void *arg)
{
	struct session_pending *p = arg;

	bearers_session_put(p->b, &p->s);
}

void bearer_session_add(const struct act *act, const struct bearer_session *s)
{
	struct session_pending *p = arena_new(act->arena, struct session_pending);

	*p = (struct session_pending){ act->bearers, *s };
	after_commit(act, session_commit, p);
}

void session_gone(struct bearers *b, struct index_node *n)
{
	index_remove(b->session_ids, NODE_OF(n, struct session_node, node)->by_id.key);
	index_retire(free, n);
}

/* In a read section, or with `change` held. */
static struct session_node *session_node_by_id(struct bearers *b, int64_t id)
{
	uint8_t key[32];
	struct index_node *n;

	key_of_id(id, key);
	n = index_find(b->session_ids, key);
	return n == NULL ? NULL : NODE_OF(n, struct session_node, by_id);
}

static void session_deny_more(const struct denial *d, uint32_t more)
{
	struct session_node *s;

	index_read_begin();
	s = session_node_by_id(d->b, d->id);
	if (s != NULL)
		atomic_fetch_add(&s->denied, more);
	index_read_end();
}

static void session_deny_undo(void *arg)
{
	session_deny_more(arg, UINT32_MAX);    /* minus one */
}

static void session_deny_commit(void *arg)
{
	const struct denial *d = arg;
	struct index_node *n = NULL;
	struct session_node *s;

	pthread_mutex_lock(&d->b->change);
	index_read_begin();
	s = session_node_by_id(d->b, d->id);
	index_read_end();
	if (s != NULL)
		n = index_remove(d->b->sessions, s->node.key);
	if (n != NULL)
		session_gone(d->b, n);
	pthread_mutex_unlock(&d->b->change);
}

void bearer_session_deny(const struct act *act, int64_t id)
{
	struct denial *d = arena_new(act->arena, struct denial);

	*d = (struct denial){ .b = act->bearers, .id = id };
	session_deny_more(d, 1);
	after_failure(act, session_deny_undo, d);
	after_commit(act, session_deny_commit, d);
}

static bool session_matches(const struct index_node *n, void *arg)
{
	return NODE_OF(n, const struct session_node, node)->account_id ==
	       ((const struct denial *)arg)->account_id;
}

static bool session_deny_one(struct index_node *n, void *arg)
{
	const struct denial *d = arg;

	if (session_matches(n, arg))
		atomic_fetch_add(&NODE_OF(n, struct session_node, node)->denied, d->more);
	return true;
}

static void account_sessions_deny_more(struct denial *d, uint32_t more)
{
	d->more = more;
	index_read_begin();
	index_each(d->b->sessions, session_deny_one, d);
	index_read_end();
}

static void account_sessions_undo(void *arg)
{
	account_sessions_deny_more(arg, UINT32_MAX);
}

static void account_sessions_commit(void *arg)
{
	struct denial *d = arg;

	nodes_remove(d->b, d->b->sessions, session_matches, d, session_gone);
}

void bearer_session_deny_account(const struct act *act, int64_t account_id)
{
	struct denial *d = arena_new(act->arena, struct denial);

	*d = (struct denial){ .b = act->bearers, .account_id = account_id };
	account_sessions_deny_more(d, 1);
	after_failure(act, account_sessions_undo, d);
	after_commit(act, account_sessions_commit, d);
}

bool session_is_dead(struct bearers *b, const struct session_node *s, int64_t now_ms)
{
	int64_t idle_ms = b->settings->session_idle_s * 1000;

	return atomic_load(&s->denied) != 0 || s->expires_ms <= now_ms ||
	       (idle_ms > 0 && now_ms - atomic_load(&s->seen_ms) > idle_ms);
}

bool bearer_session_find(struct bearers *b, const struct digest *digest, int64_t now_ms,
			 struct bearer_session *out)
{
	struct session_node *s = NULL;
	struct index_node *n;
	bool live;

	index_read_begin();
	n = index_find(b->sessions, digest->b);
	if (n != NULL)
		s = NODE_OF(n, struct session_node, node);
	live = s != NULL && !session_is_dead(b, s, now_ms);
	if (live) {
		atomic_store_explicit(&s->seen_ms, now_ms, memory_order_relaxed);
		*out = (struct bearer_session){ *digest, s->id, s->account_id, s->auth_time_ms, now_ms, s->expires_ms };
	}
	index_read_end();
	return live;
}
