/* SPDX-License-Identifier: MIT
 *
 * Refresh families in memory: what an access token is checked against. */
#include "access/bearer_int.h"

#include <stdlib.h>
#include <string.h>

struct family_node *family_node_find(struct bearers *b, int64_t id)
{
	uint8_t key[32];
	struct index_node *n;

	key_of_id(id, key);
	n = index_find(b->families, key);
	return n == NULL ? NULL : NODE_OF(n, struct family_node, node);
}

bool bearer_family_find(struct bearers *b, int64_t id, struct bearer_family *out)
{
	const struct family_node *f;
	bool live;

	index_read_begin();
	f = family_node_find(b, id);
	live = f != NULL && atomic_load(&f->denied) == 0;
	if (live) {
		*out = (struct bearer_family){
			.id = id,
			.app_id = f->app_id,
			.account_id = f->account_id,
			.grant_id = f->grant_id,
			.code_id = f->code_id,
			.expires_ms = atomic_load(&f->expires_ms),
		};
		memcpy(out->secret, f->secret, KEY_BYTES);
	}
	index_read_end();
	return live;
}

static void family_node_free(void *p)
{
	struct family_node *f = p;

	wipe(f->secret, sizeof(f->secret));
	free(f);
}

void family_gone(struct bearers *b, struct index_node *n)
{
	(void)b;
	index_retire(family_node_free, NODE_OF(n, struct family_node, node));
}

void bearers_family_put(struct bearers *b, const struct bearer_family *f)
{
	struct family_node *node = heap_alloc(sizeof(*node));
	struct index_node *old;

	key_of_id(f->id, node->node.key);
	memcpy(node->secret, f->secret, KEY_BYTES);
	node->app_id = f->app_id;
	node->account_id = f->account_id;
	node->grant_id = f->grant_id;
	node->code_id = f->code_id;
	node->expires_ms = f->expires_ms;
	pthread_mutex_lock(&b->change);
	old = index_put(b->families, &node->node);
	if (old != NULL)
		family_gone(b, old);
	pthread_mutex_unlock(&b->change);
}

struct family_pending { struct bearers *b; struct bearer_family f; };

static void family_forget(void *arg)
{
	struct family_pending *p = arg;

	wipe(p->f.secret, sizeof(p->f.secret));
}

static void family_commit(void *arg)
{
	struct family_pending *p = arg;

	bearers_family_put(p->b, &p->f);
	family_forget(p);
}

void bearer_family_add(const struct act *act, const struct bearer_family *f)
{
	struct family_pending *p = arena_new(act->arena, struct family_pending);

	p->b = act->bearers;
	p->f = *f;
	after_failure(act, family_forget, p);
	after_commit(act, family_commit, p);
}

static void family_extend_commit(void *arg)
{
	struct family_pending *p = arg;
	struct family_node *f;

	index_read_begin();
	f = family_node_find(p->b, p->f.id);
	if (f != NULL)
		atomic_store(&f->expires_ms, p->f.expires_ms);
	index_read_end();
}

void bearer_family_extend(const struct act *act, int64_t id, int64_t expires_ms)
{
	struct family_pending *p = arena_new(act->arena, struct family_pending);

	p->b = act->bearers;
	p->f.id = id;
	p->f.expires_ms = expires_ms;
	after_commit(act, family_extend_commit, p);
}

static void family_deny_more(const struct family_pending *p, uint32_t more)
{
	struct family_node *f;

	index_read_begin();
	f = family_node_find(p->b, p->f.id);
	if (f != NULL)
		atomic_fetch_add(&f->denied, more);
	index_read_end();
}

static void family_deny_undo(void *arg)
{
	family_deny_more(arg, UINT32_MAX);     /* minus one */
}

static void family_deny_commit(void *arg)
{
	const struct family_pending *p = arg;
	struct index_node *n;
	uint8_t key[32];

	key_of_id(p->f.id, key);
	pthread_mutex_lock(&p->b->change);
	n = index_remove(p->b->families, key);
	if (n != NULL)
		family_gone(p->b, n);
	pthread_mutex_unlock(&p->b->change);
}

void bearer_family_deny(const struct act *act, int64_t id)
{
	struct family_pending *p = arena_new(act->arena, struct family_pending);

	p->b = act->bearers;
	p->f.id = id;
	family_deny_more(p, 1);
	after_failure(act, family_deny_undo, p);
	after_commit(act, family_deny_commit, p);
}

struct family_filter { int64_t account_id, app_id; struct id_list found; };

static bool family_collect(struct index_node *n, void *arg)
{
	const struct family_node *f = NODE_OF(n, struct family_node, node);
	struct family_filter *filter = arg;
	int64_t id;

	if (f->account_id == filter->account_id || f->app_id == filter->app_id) {
		memcpy(&id, f->node.key + sizeof(uint64_t), sizeof(id));   /* key_of_id */
		id_list_add(&filter->found, id);
	}
	return true;
}

void families_deny(const struct act *act, int64_t account_id, int64_t app_id)
{
	struct family_filter filter = {
		.account_id = account_id == 0 ? -1 : account_id,
		.app_id = app_id == 0 ? -1 : app_id,
		.found = { .arena = act->arena },
	};

	index_read_begin();
	index_each(act->bearers->families, family_collect, &filter);
	index_read_end();
	for (size_t i = 0; i < filter.found.n; i++)
		bearer_family_deny(act, filter.found.v[i]);
}

/* Single access tokens ----------------------------------------------------------------------- */

struct access_denial { struct bearers *b; struct digest digest; int64_t expires_ms; };

void bearers_access_deny(struct bearers *b, const struct digest *digest, int64_t expires_ms)
{
	struct access_denied_node *node = heap_alloc(sizeof(*node));

	memcpy(node->node.key, digest->b, DIGEST_BYTES);
	node->expires_ms = expires_ms;
	pthread_mutex_lock(&b->change);
	index_retire(free, index_put(b->access_denied, &node->node));
	pthread_mutex_unlock(&b->change);
}

static void access_deny_undo(void *arg)
{
	struct access_denial *d = arg;

	pthread_mutex_lock(&d->b->change);
	index_retire(free, index_remove(d->b->access_denied, d->digest.b));
	pthread_mutex_unlock(&d->b->change);
}

void bearer_access_deny(const struct act *act, const struct digest *digest, int64_t expires_ms)
{
	struct access_denial *d = arena_new(act->arena, struct access_denial);
	bool known;

	*d = (struct access_denial){ act->bearers, *digest, expires_ms };
	index_read_begin();
	known = index_find(act->bearers->access_denied, digest->b) != NULL;
	index_read_end();
	bearers_access_deny(act->bearers, digest, expires_ms);
	if (!known)
		after_failure(act, access_deny_undo, d);
}

/* At rest ------------------------------------------------------------------------------------ */

/* The context binds the sealed secret to its row: it cannot be moved to another. */
static str seal_context(struct arena *a, int64_t family_id)
{
	return arena_printf(a, "refresh family %lld", (long long)family_id);
}

str family_secret_seal(struct arena *a, const struct settings *s, int64_t family_id,
		       const uint8_t secret[KEY_BYTES])
{
	return seal(a, s->server_key, seal_context(a, family_id),
		    (str){ (const char *)secret, KEY_BYTES });
}

bool family_secret_unseal(struct arena *a, const struct settings *s, int64_t family_id, str sealed,
                          uint8_t secret_out[KEY_BYTES])
{
	str plain;
	bool ok = unseal(a, s->server_key, seal_context(a, family_id), sealed, &plain);

	if (ok && plain.n == KEY_BYTES)
		memcpy(secret_out, plain.p, KEY_BYTES);
	if (ok)
		wipe((void *)(uintptr_t)plain.p, plain.n);
	return ok && plain.n == KEY_BYTES;
}
