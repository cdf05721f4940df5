/* SPDX-License-Identifier: MIT
 *
 * Grants in memory: by id for tokens, by current public id for mints, and former public ids as
 * aliases. */
#include "access/bearer_int.h"

#include "store/bearer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct grant_node *grant_node_find(struct bearers *b, int64_t id)
{
	uint8_t key[32];
	struct index_node *n;

	key_of_id(id, key);
	n = index_find(b->grants, key);
	return n == NULL ? NULL : NODE_OF(n, struct grant_node, by_id);
}

struct grant_node *grant_node_named(struct bearers *b, str public_id, bool *is_alias_out)
{
	struct index_node *n;
	uint8_t key[32];

	*is_alias_out = false;
	if (!key_of_name(public_id, key))
		return NULL;
	n = index_find(b->names, key);
	if (n != NULL)
		return NODE_OF(n, struct grant_node, by_name);
	*is_alias_out = true;
	n = index_find(b->aliases, key);
	return n == NULL ? NULL : grant_node_find(b, NODE_OF(n, struct alias_node, node)->grant_id);
}

bool grant_is_dead(const struct grant_node *g, int64_t now_ms)
{
	return atomic_load(&g->denied) != 0 || (g->expires_ms != 0 && g->expires_ms <= now_ms);
}

void grant_count_token(struct bearers *b, int64_t grant_id, int32_t more)
{
	struct grant_node *g;

	index_read_begin();
	g = grant_node_find(b, grant_id);
	if (g != NULL)
		atomic_fetch_add(&g->tokens_live, more);
	index_read_end();
}

/* Look-ups ----------------------------------------------------------------------------------- */

/* In a read section. */
static void grant_view(struct arena *a, const struct grant_node *g, struct bearer_grant *out)
{
	const struct organization_text *t = index_load(&g->organization->text);

	*out = (struct bearer_grant){
		.id = g->id,
		.app_id = g->app_id,
		.account_id = g->account_id,
		.scopes = g->scopes,
		.expires_ms = g->expires_ms,
		.version = g->version,
		.projects = projects_copy(a, g->mode, g->projects, g->projects_n),
		.public_id = arena_str(a, name_of_key(g->by_name.key)),
		.organization = { .id = g->organization->id,
				  .public_id = arena_str(a, t->public_id),
				  .slug = arena_str(a, t->slug),
				  .name = arena_str(a, t->name) },
		.revoked = atomic_load(&g->denied) != 0,
		.suspended = g->suspended,
		.tokens_live = atomic_load(&g->tokens_live),
	};
}

bool bearer_grant_find(struct bearers *b, struct arena *a, str public_id, struct bearer_grant *out)
{
	const struct grant_node *g;
	bool is_alias;

	index_read_begin();
	g = grant_node_named(b, public_id, &is_alias);
	if (g != NULL) {
		grant_view(a, g, out);
		out->is_alias = is_alias;
	}
	index_read_end();
	return g != NULL;
}

bool bearer_grant_by_id(struct bearers *b, struct arena *a, int64_t id, struct bearer_grant *out)
{
	const struct grant_node *g;

	index_read_begin();
	g = grant_node_find(b, id);
	if (g != NULL)
		grant_view(a, g, out);
	index_read_end();
	return g != NULL;
}

/* Changes ------------------------------------------------------------------------------------ */

static struct grant_node *grant_node_make(const struct bearer_grant *g)
{
	size_t n = g->projects.mode == PROJECTS_SELECTED ? g->projects.n : 0;
	struct grant_node *node =
		heap_alloc(offsetof(struct grant_node, projects) + n * sizeof(int64_t));
	bool fits = key_of_name(g->public_id, node->by_name.key);

	assert(fits);   /* our own ids; the loader refuses others */
	key_of_id(g->id, node->by_id.key);
	node->id = g->id;
	node->app_id = g->app_id;
	node->account_id = g->account_id;
	node->scopes = g->scopes;
	node->expires_ms = g->expires_ms;
	node->version = (uint32_t)g->version;
	node->mode = (uint8_t)(g->projects.mode == PROJECTS_SELECTED && n == 0 ? PROJECTS_NONE
									       : g->projects.mode);
	node->projects_n = (uint32_t)n;
	node->suspended = g->suspended;
	node->denied = g->revoked;
	node->revoked = g->revoked;
	if (n > 0)
		memcpy(node->projects, g->projects.ids, n * sizeof(int64_t));
	return node;
}

static void grant_counters_copy(struct grant_node *to, struct grant_node *from)
{
	to->requests = atomic_load(&from->requests);
	to->mints = atomic_load(&from->mints);
	to->tokens_live = atomic_load(&from->tokens_live);
	to->denied = atomic_load(&from->denied) + to->denied;
	to->revoked = atomic_load(&from->revoked) || to->revoked;
}

static void alias_node_put(struct bearers *b, const uint8_t key[32], int64_t grant_id)
{
	struct alias_node *alias = heap_alloc(sizeof(*alias));

	memcpy(alias->node.key, key, 32);
	alias->grant_id = grant_id;
	index_retire(free, index_put(b->aliases, &alias->node));
}

/* With `change` held. */
static void grant_node_replace(struct bearers *b, struct grant_node *fresh)
{
	struct grant_node *old;
	bool renamed;

	index_read_begin();
	old = grant_node_find(b, fresh->id);
	index_read_end();
	renamed = old != NULL && memcmp(old->by_name.key, fresh->by_name.key, 32) != 0;
	if (old != NULL)
		grant_counters_copy(fresh, old);
	/* The new name and the alias exist before the old name goes: no reader finds nothing. */
	if (renamed)
		alias_node_put(b, old->by_name.key, fresh->id);
	index_put(b->grants, &fresh->by_id);
	index_put(b->names, &fresh->by_name);
	if (renamed)
		index_remove(b->names, old->by_name.key);
	index_retire(free, old);
}

void bearers_grant_put(struct bearers *b, const struct bearer_grant *g)
{
	struct grant_node *fresh = grant_node_make(g);

	pthread_mutex_lock(&b->change);
	fresh->organization = organization_node_put(b, &g->organization);
	grant_node_replace(b, fresh);
	pthread_mutex_unlock(&b->change);
}

void bearers_alias_put(struct bearers *b, str public_id, int64_t grant_id)
{
	uint8_t key[32];

	if (!key_of_name(public_id, key))
		return;
	pthread_mutex_lock(&b->change);
	alias_node_put(b, key, grant_id);
	pthread_mutex_unlock(&b->change);
}

struct grant_pending { struct bearers *b; struct bearer_grant g; };

static void grant_commit(void *arg)
{
	struct grant_pending *p = arg;

	bearers_grant_put(p->b, &p->g);
}

void bearer_grant_put(const struct act *act, const struct bearer_grant *g)
{
	struct grant_pending *p = arena_new(act->arena, struct grant_pending);
	struct arena *a = act->arena;

	p->b = act->bearers;
	p->g = *g;
	p->g.public_id = arena_str(a, g->public_id);
	p->g.projects = projects_copy(a, (uint8_t)g->projects.mode, g->projects.ids, g->projects.n);
	p->g.organization.public_id = arena_str(a, g->organization.public_id);
	p->g.organization.slug = arena_str(a, g->organization.slug);
	p->g.organization.name = arena_str(a, g->organization.name);
	after_commit(act, grant_commit, p);
}

struct bearer_grant bearer_grant_from(const struct grant *g)
{
	return (struct bearer_grant){
		.id = g->id, .app_id = g->app_id, .account_id = g->account_id, .scopes = g->scopes,
		.expires_ms = g->expires_ms, .version = g->version, .projects = g->projects,
		.public_id = g->public_id, .organization = { .id = g->organization_id },
		.revoked = g->revoked_ms != 0, .suspended = g->suspended_ms != 0,
	};
}

bool bearer_grant_refresh(const struct act *act, int64_t id, struct err *e)
{
	struct bearer_grant g;
	struct grant row;

	if (!store_bearer_grant(act->db, act->arena, id, &row, e))
		return false;
	if (row.id != 0) {
		g = bearer_grant_from(&row);
		bearer_grant_put(act, &g);
	}
	return true;
}

/* Denials ------------------------------------------------------------------------------------ */

struct grant_denial { struct bearers *b; int64_t id; };

/* By id each time: the node may have been replaced meanwhile. */
static void grant_deny_more(const struct grant_denial *d, uint32_t more)
{
	struct grant_node *g;

	pthread_mutex_lock(&d->b->change);
	index_read_begin();
	g = grant_node_find(d->b, d->id);
	if (g != NULL)
		atomic_fetch_add(&g->denied, more);
	index_read_end();
	pthread_mutex_unlock(&d->b->change);
}

static void grant_deny_undo(void *arg)
{
	grant_deny_more(arg, UINT32_MAX);      /* minus one */
}

static void grant_deny_commit(void *arg)
{
	struct grant_denial *d = arg;
	struct grant_node *g;

	pthread_mutex_lock(&d->b->change);
	index_read_begin();
	g = grant_node_find(d->b, d->id);
	if (g != NULL) {
		/* It may have come into memory after the denial, in the same batch. */
		if (atomic_load(&g->denied) == 0)
			atomic_store(&g->denied, 1);
		atomic_store(&g->revoked, true);
	}
	index_read_end();
	pthread_mutex_unlock(&d->b->change);
}

void bearer_grant_deny(const struct act *act, int64_t id)
{
	struct grant_denial *d = arena_new(act->arena, struct grant_denial);

	d->b = act->bearers;
	d->id = id;
	grant_deny_more(d, 1);
	after_failure(act, grant_deny_undo, d);
	after_commit(act, grant_deny_commit, d);
}

struct grant_filter { int64_t organization_id, account_id, app_id; struct id_list found; };

/* A member of the filter that is 0 matches all. */
static bool grant_collect(struct index_node *n, void *arg)
{
	const struct grant_node *g = NODE_OF(n, struct grant_node, by_id);
	struct grant_filter *f = arg;

	if ((f->organization_id == 0 || g->organization->id == f->organization_id) &&
	    (f->account_id == 0 || g->account_id == f->account_id) &&
	    (f->app_id == 0 || g->app_id == f->app_id))
		id_list_add(&f->found, g->id);
	return true;
}

static void grants_deny(const struct act *act, struct grant_filter filter)
{
	filter.found = (struct id_list){ .arena = act->arena };
	index_read_begin();
	index_each(act->bearers->grants, grant_collect, &filter);
	index_read_end();
	for (size_t i = 0; i < filter.found.n; i++)
		bearer_grant_deny(act, filter.found.v[i]);
}

void bearer_member_deny(const struct act *act, int64_t organization_id, int64_t account_id)
{
	if (organization_id != 0 && account_id != 0)
		grants_deny(act, (struct grant_filter){ .organization_id = organization_id,
							.account_id = account_id });
}

void bearer_account_deny(const struct act *act, int64_t account_id)
{
	if (account_id == 0)
		return;
	grants_deny(act, (struct grant_filter){ .account_id = account_id });
	families_deny(act, account_id, 0);
	keys_deny(act, account_id);
	bearer_session_deny_account(act, account_id);
}

void bearer_app_deny(const struct act *act, int64_t app_id)
{
	if (app_id == 0)
		return;
	grants_deny(act, (struct grant_filter){ .app_id = app_id });
	families_deny(act, 0, app_id);
}
