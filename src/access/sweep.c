/* SPDX-License-Identifier: MIT
 *
 * Upkeep: what has expired leaves memory, then the store; uses of sessions and keys are noted now
 * and then. */
#include "access/bearer_int.h"

#include "store/account.h"
#include "store/bearer.h"

#include <stdlib.h>

#define DAY_MS INT64_C(86400000)

enum {
	SLICE_ROWS = 500, /* rows deleted in one write task, so that others are not held up */
	SLICES_MAX = 40, /* of one sweep; the next goes on */
	NOTE_AFTER_MS =
		60 * 1000, /* a use is noted when it is this much newer than what the store has */
	NOTES_MAX = 500,
};

/* Memory ------------------------------------------------------------------------------------- */

struct sweep { struct bearers *b; int64_t now_ms; };

static bool token_is_over(const struct index_node *n, void *arg)
{
	return token_expires_ms(NODE_OF(n, const struct token_node, node)) <=
	       ((const struct sweep *)arg)->now_ms;
}

static bool family_is_over(const struct index_node *n, void *arg)
{
	return atomic_load(&NODE_OF(n, struct family_node, node)->expires_ms) <=
	       ((const struct sweep *)arg)->now_ms;
}

static bool access_denied_is_over(const struct index_node *n, void *arg)
{
	return NODE_OF(n, const struct access_denied_node, node)->expires_ms <=
	       ((const struct sweep *)arg)->now_ms;
}

static bool key_is_over(const struct index_node *n, void *arg)
{
	int64_t expires_ms = NODE_OF(n, const struct key_node, node)->expires_ms;

	return expires_ms != 0 && expires_ms <= ((const struct sweep *)arg)->now_ms;
}

static bool session_is_over(const struct index_node *n, void *arg)
{
	const struct sweep *s = arg;
	const struct session_node *session = NODE_OF(n, const struct session_node, node);

	/* A denied one may yet be given back; its commit takes it out. */
	return atomic_load(&session->denied) == 0 && session_is_dead(s->b, session, s->now_ms);
}

static bool grant_is_over(const struct index_node *n, void *arg)
{
	const struct grant_node *g = NODE_OF(n, const struct grant_node, by_id);

	(void)arg;
	return atomic_load(&g->revoked) && atomic_load(&g->tokens_live) <= 0;
}

static bool alias_is_over(const struct index_node *n, void *arg)
{
	const struct sweep *s = arg;

	return grant_node_find(s->b, NODE_OF(n, const struct alias_node, node)->grant_id) == NULL;
}

static void grant_gone(struct bearers *b, struct index_node *n)
{
	struct grant_node *g = NODE_OF(n, struct grant_node, by_id);

	index_remove(b->names, g->by_name.key);
	index_retire(free, g);
}

void node_gone(struct bearers *b, struct index_node *n)
{
	(void)b;
	index_retire(free, n);
}

void bearers_sweep(struct bearers *b, int64_t now_ms)
{
	struct sweep s = { b, now_ms };
	const struct {
		struct index *ix;
		bool (*is_over)(const struct index_node *, void *);
		void (*gone)(struct bearers *, struct index_node *);
	} rows[] = {            /* tokens before grants, grants before aliases */
		{ b->tokens,        token_is_over,         token_gone },
		{ b->families,      family_is_over,        family_gone },
		{ b->access_denied, access_denied_is_over, node_gone },
		{ b->keys,          key_is_over,           node_gone },
		{ b->sessions,      session_is_over,       session_gone },
		{ b->grants,        grant_is_over,         grant_gone },
		{ b->aliases,       alias_is_over,         node_gone },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		nodes_remove(b, rows[i].ix, rows[i].is_over, &s, rows[i].gone);
	bearers_fit(b);
}

/* Store -------------------------------------------------------------------------------------- */

struct note { int64_t id, used_ms; };
struct notes { struct note v[NOTES_MAX]; size_t n; };

static bool session_note(struct index_node *n, void *arg)
{
	struct session_node *s = NODE_OF(n, struct session_node, node);
	int64_t seen_ms = atomic_load(&s->seen_ms);
	struct notes *notes = arg;

	if (seen_ms - atomic_load(&s->noted_ms) >= NOTE_AFTER_MS) {
		atomic_store(&s->noted_ms, seen_ms);
		notes->v[notes->n++] = (struct note){ s->id, seen_ms };
	}
	return notes->n < NOTES_MAX;
}

static bool key_note(struct index_node *n, void *arg)
{
	struct key_node *k = NODE_OF(n, struct key_node, node);
	int64_t used_ms = atomic_load(&k->used_ms);
	struct notes *notes = arg;

	if (used_ms - atomic_load(&k->noted_ms) >= NOTE_AFTER_MS) {
		atomic_store(&k->noted_ms, used_ms);
		notes->v[notes->n++] = (struct note){ k->id, used_ms };
	}
	return notes->n < NOTES_MAX;
}

struct uses { struct notes sessions, keys; };

static bool write_uses(const struct act *tx, void *arg, struct err *e)
{
	const struct uses *uses = arg;

	for (size_t i = 0; i < uses->sessions.n; i++) {
		const struct note *n = &uses->sessions.v[i];

		if (!store_session_touch(tx->db, tx->arena, n->id, n->used_ms, e))
			return false;
	}
	for (size_t i = 0; i < uses->keys.n; i++) {
		const struct note *n = &uses->keys.v[i];

		if (!store_api_key_used(tx->db, tx->arena, n->id, n->used_ms, e))
			return false;
	}
	return true;
}

static bool note_uses(const struct act *act, struct err *e)
{
	struct uses *uses = arena_new(act->arena, struct uses);

	index_read_begin();
	index_each(act->bearers->sessions, session_note, &uses->sessions);
	index_each(act->bearers->keys, key_note, &uses->keys);
	index_read_end();
	return uses->sessions.n + uses->keys.n == 0 || act_write(act, write_uses, uses, e);
}

static bool purge_slice(const struct act *tx, void *arg, struct err *e)
{
	int64_t kept_ms = tx->settings->audit_kept_days * DAY_MS, tokens = 0, events = 0;
	struct strs sessions;

	if (!store_tokens_purge(tx->db, tx->arena, tx->now_ms, SLICE_ROWS, &tokens, e) ||
	    !store_session_purge(tx->db, tx->arena, tx->now_ms, SLICE_ROWS, &sessions, e) ||
	    (kept_ms > 0 && !store_audit_purge(tx->db, tx->arena, tx->now_ms - kept_ms, SLICE_ROWS,
	                                       &events, e)))
		return false;
	*(bool *)arg = tokens == SLICE_ROWS || sessions.n == SLICE_ROWS || events == SLICE_ROWS;
	return true;
}

bool access_sweep(const struct act *act, struct err *e)
{
	bool more = true;

	bearers_sweep(act->bearers, act->now_ms);
	if (!note_uses(act, e))
		return false;
	for (int slice = 0; more && slice < SLICES_MAX; slice++) {
		if (!act_write(act, purge_slice, &more, e))
			return false;
	}
	return true;
}
