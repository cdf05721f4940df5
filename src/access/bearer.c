/* SPDX-License-Identifier: MIT
 *
 * The tables as such, and the one question asked on every request: who is this? */
#include "access/bearer_int.h"

#include "access/narrow.h"
#include "access/rate.h"
#include "crypto/token.h"
#include "store/db.h"

#include <stdlib.h>
#include <string.h>

enum {
	RATE_SLOTS     = 65536,
	MINUTE_MS      = 60 * 1000,
	SECOND_MS      = 1000,
	INDEX_HINT     = 1024,
	REMOVE_AT_ONCE = 256,           /* nodes taken out while commits wait */
};

#define EACH_INDEX(b)                                                                      \
	{                                                                                  \
		&(b)->organizations, &(b)->grants, &(b)->names, &(b)->aliases,             \
		&(b)->tokens, &(b)->families, &(b)->access_denied, &(b)->keys,             \
		&(b)->sessions, &(b)->session_ids, &(b)->public_ids                        \
	}

struct bearers *bearers_create(const struct settings *settings)
{
	struct bearers *b = heap_alloc(sizeof(*b));
	struct index **all[] = EACH_INDEX(b);

	b->settings = settings;
	b->rates = rates_create(RATE_SLOTS);
	pthread_mutex_init(&b->change, NULL);
	for (size_t i = 0; i < COUNT(all); i++)
		*all[i] = index_create(INDEX_HINT);
	return b;
}

void bearers_fit(struct bearers *b)
{
	struct index **all[] = EACH_INDEX(b);

	for (size_t i = 0; i < COUNT(all); i++)
		index_fit(*all[i]);
}

struct node_list { struct index_node **v; size_t n; };

static bool collect(struct index_node *n, void *arg)
{
	struct node_list *nodes = arg;

	nodes->v[nodes->n++] = n;
	return true;
}

static void index_free_all(struct index *ix, void (*release)(struct index_node *))
{
	struct node_list nodes = { heap_alloc((index_count(ix) + 1) * sizeof(*nodes.v)), 0 };

	index_read_begin();
	index_each(ix, collect, &nodes);
	index_read_end();
	index_destroy(ix);
	for (size_t i = 0; i < nodes.n; i++)
		release(nodes.v[i]);
	free(nodes.v);
}

struct removal {
	bool   (*match)(const struct index_node *, void *);
	void    *arg;
	uint8_t (*keys)[32];
	size_t   n, cap;
};

static bool collect_matching(struct index_node *n, void *arg)
{
	struct removal *r = arg;

	if (!r->match(n, r->arg))
		return true;
	if (r->n == r->cap) {
		size_t cap = r->cap == 0 ? 64 : r->cap * 2;
		uint8_t (*keys)[32] = heap_alloc(cap * sizeof(*keys));

		if (r->n > 0)
			memcpy(keys, r->keys, r->n * sizeof(*keys));
		free(r->keys);
		r->keys = keys;
		r->cap = cap;
	}
	memcpy(r->keys[r->n++], n->key, 32);
	return true;
}

/* With `change` held. What was found a moment ago may have been replaced: it is looked at again. */
static void remove_if_still(struct bearers *b, struct index *ix, const struct removal *r,
			    const uint8_t key[32],
			    void (*gone)(struct bearers *, struct index_node *))
{
	struct index_node *n;
	bool still;

	index_read_begin();
	n = index_find(ix, key);
	still = n != NULL && r->match(n, r->arg);
	index_read_end();
	if (still && (n = index_remove(ix, key)) != NULL)
		gone(b, n);
}

void nodes_remove(struct bearers *b, struct index *ix,
		  bool (*match)(const struct index_node *, void *), void *arg,
		  void (*gone)(struct bearers *, struct index_node *))
{
	struct removal r = { .match = match, .arg = arg };

	index_read_begin();
	index_each(ix, collect_matching, &r);
	index_read_end();
	for (size_t i = 0; i < r.n;) {
		size_t until = i + REMOVE_AT_ONCE < r.n ? i + REMOVE_AT_ONCE : r.n;

		pthread_mutex_lock(&b->change);
		for (; i < until; i++)
			remove_if_still(b, ix, &r, r.keys[i], gone);
		pthread_mutex_unlock(&b->change);
	}
	free(r.keys);
}

static void node_free(struct index_node *n)
{
	free(n);
}

static void family_free(struct index_node *n)
{
	struct family_node *f = NODE_OF(n, struct family_node, node);

	wipe(f->secret, sizeof(f->secret));
	free(f);
}

static void organization_free(struct index_node *n)
{
	struct organization_node *o = NODE_OF(n, struct organization_node, node);

	free(o->text);
	free(o);
}

void bearers_destroy(struct bearers *b)
{
	if (b == NULL)
		return;
	index_barrier();
	index_destroy(b->names);          /* its nodes are part of the grants */
	index_free_all(b->grants, node_free);
	index_free_all(b->aliases, node_free);
	index_free_all(b->tokens, node_free);
	index_free_all(b->families, family_free);
	index_free_all(b->access_denied, node_free);
	index_free_all(b->keys, node_free);
	index_destroy(b->session_ids);
	index_free_all(b->sessions, node_free);
	index_free_all(b->public_ids, node_free);
	index_free_all(b->organizations, organization_free);
	rates_destroy(b->rates);
	pthread_mutex_destroy(&b->change);
	free(b);
}

struct rates *bearers_rates(struct bearers *b)
{
	return b->rates;
}

void bearers_count(struct bearers *b, struct bearers_counts *out)
{
	*out = (struct bearers_counts){
		.grants = index_count(b->grants),
		.tokens = index_count(b->tokens),
		.families = index_count(b->families),
		.keys = index_count(b->keys),
		.sessions = index_count(b->sessions),
		.organizations = index_count(b->organizations),
	};
}

/* Keys --------------------------------------------------------------------------------------- */

void key_of_id(int64_t id, uint8_t key[32])
{
	uint64_t mixed = (uint64_t)id;

	/* The index takes its hash from the first bytes: spread consecutive ids (splitmix64). */
	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	mixed ^= mixed >> 31;
	memset(key, 0, 32);
	memcpy(key, &mixed, sizeof(mixed));
	memcpy(key + sizeof(mixed), &id, sizeof(id));
}

bool key_of_name(str name, uint8_t key[32])
{
	uint64_t hash = str_hash_seeded(name, hash_seed());

	if (name.n == 0 || name.n > NAME_BYTES_MAX)
		return false;
	memset(key, 0, 32);
	memcpy(key, &hash, sizeof(hash));
	memcpy(key + sizeof(hash), name.p, name.n);
	return true;
}

str name_of_key(const uint8_t key[32])
{
	const char *p = (const char *)key + sizeof(uint64_t);

	return (str){ p, strnlen(p, NAME_BYTES_MAX) };
}

/* Hooks -------------------------------------------------------------------------------------- */

void after_commit(const struct act *act, void (*fn)(void *), void *arg)
{
	if (act->db == NULL)
		fn(arg);
	else
		db_after_commit(act->db, fn, arg);
}

void after_failure(const struct act *act, void (*fn)(void *), void *arg)
{
	if (act->db != NULL)
		db_after_failure(act->db, fn, arg);
}

void id_list_add(struct id_list *list, int64_t id)
{
	if (list->n == list->cap) {
		size_t cap = list->cap == 0 ? 64 : list->cap * 2;
		int64_t *v = arena_array(list->arena, int64_t, cap);

		if (list->n > 0)
			memcpy(v, list->v, list->n * sizeof(*v));
		list->v = v;
		list->cap = cap;
	}
	list->v[list->n++] = id;
}

/* Organizations ------------------------------------------------------------------------------ */

struct organization_node *organization_node_find(struct bearers *b, int64_t id)
{
	uint8_t key[32];
	struct index_node *n;

	key_of_id(id, key);
	n = index_find(b->organizations, key);
	return n == NULL ? NULL : NODE_OF(n, struct organization_node, node);
}

static char *put_text(char *p, str s, str *out)
{
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	*out = (str){ p, s.n };
	return p + s.n;
}

static struct organization_text *organization_text_make(const struct organization *o)
{
	struct organization_text *t =
		heap_alloc(sizeof(*t) + o->public_id.n + o->slug.n + o->name.n);
	char *p = t->bytes;

	p = put_text(p, o->public_id, &t->public_id);
	p = put_text(p, o->slug, &t->slug);
	put_text(p, o->name, &t->name);
	return t;
}

struct organization_node *organization_node_put(struct bearers *b, const struct organization *o)
{
	struct organization_node *n;

	index_read_begin();
	n = organization_node_find(b, o->id);
	index_read_end();
	if (n != NULL && o->public_id.p == NULL)
		return n;
	if (n == NULL) {
		n = heap_alloc(sizeof(*n));
		n->id = o->id;
		n->text = organization_text_make(o);
		key_of_id(o->id, n->node.key);
		index_put(b->organizations, &n->node);
		return n;
	}
	index_retire(free, index_swap(&n->text, organization_text_make(o)));
	return n;
}

void bearers_organization_put(struct bearers *b, const struct organization *o)
{
	pthread_mutex_lock(&b->change);
	organization_node_put(b, o);
	pthread_mutex_unlock(&b->change);
}

struct organization_pending { struct bearers *b; struct organization o; };

static void organization_commit(void *arg)
{
	struct organization_pending *p = arg;

	bearers_organization_put(p->b, &p->o);
}

void bearer_organization_put(const struct act *act, const struct organization *o)
{
	struct organization_pending *p = arena_new(act->arena, struct organization_pending);

	p->b = act->bearers;
	p->o = *o;
	p->o.public_id = arena_str(act->arena, o->public_id);
	p->o.slug = arena_str(act->arena, o->slug);
	p->o.name = arena_str(act->arena, o->name);
	after_commit(act, organization_commit, p);
}

/* Who is asking ------------------------------------------------------------------------------ */

/* One text for garbage, unknown and expired: a guess must not learn which. */
static bool refuse_token(struct err *e)
{
	return err_set(e, ERR_INVALID_TOKEN,
		       "The access token is unknown or has expired. Mint a new one.");
}

/* One block for all texts of a principal. */
static void principal_name(struct arena *a, struct organization_node *n, str grant_name,
			   struct principal *out)
{
	const struct organization_text *t = index_load(&n->text);
	char *p = arena_alloc(a, t->public_id.n + t->slug.n + t->name.n + grant_name.n + 1);

	out->organization_id = n->id;
	p = put_text(p, t->public_id, &out->organization_public_id);
	p = put_text(p, t->slug, &out->organization_slug);
	p = put_text(p, t->name, &out->organization_name);
	if (grant_name.p != NULL)
		put_text(p, grant_name, &out->grant_public_id);
}

struct project_set projects_copy(struct arena *a, uint8_t mode, const int64_t *ids, size_t n)
{
	struct project_set set = { .mode = (enum project_mode)mode };
	int64_t *copy;

	if (set.mode != PROJECTS_SELECTED || n == 0)
		return set;
	copy = arena_array(a, int64_t, n);
	memcpy(copy, ids, n * sizeof(*copy));
	set.ids = copy;
	set.n = n;
	return set;
}

static void installation_fill(struct arena *a, const struct token_node *t,
			      const struct grant_node *g, struct principal *out)
{
	*out = (struct principal){
		.kind = WHO_INSTALL,
		.account_id = g->account_id,
		.app_id = g->app_id,
		.grant_id = g->id,
		.scopes = t->narrowed ? t->tail[0] & g->scopes : g->scopes,
		.expires_ms = token_expires_ms(t),
		.issued_ms = t->life_s == 0 ? 0 : token_expires_ms(t) - t->life_s * SECOND_MS,
	};
	if (t->narrowed)
		out->projects = projects_copy(a, (uint8_t)t->mode, t->tail + 1, t->projects_n);
	else
		out->projects = projects_copy(a, g->mode, g->projects, g->projects_n);
	principal_name(a, g->organization, name_of_key(g->by_name.key), out);
}

/* In a read section. */
static bool installation_check(struct bearers *b, struct arena *a, const struct digest *d,
			       int64_t now_ms, struct principal *out, struct err *e)
{
	struct index_node *n = index_find(b->tokens, d->b);
	const struct token_node *t = n == NULL ? NULL : NODE_OF(n, struct token_node, node);
	const struct grant_node *g = t == NULL ? NULL : grant_node_find(b, t->grant_id);

	if (g == NULL || token_is_dead(t, now_ms))
		return refuse_token(e);
	if (grant_is_dead(g, now_ms))
		return err_set(e, ERR_GRANT_REVOKED,
			       "This connection was revoked. Ask the person to connect again.");
	if (t->grant_version != g->version)
		return refuse_token(e);        /* minted before a new consent: ruling R3 */
	if (g->suspended)
		return err_set(e, ERR_FORBIDDEN,
			       "This connection is suspended. Ask an administrator of the organization.");
	installation_fill(a, t, g, out);
	return true;
}

static bool installation_principal(struct bearers *b, struct arena *a, str text, int64_t now_ms,
                                   struct principal *out, struct err *e)
{
	struct digest d = sha256(text);
	bool ok;

	index_read_begin();
	ok = installation_check(b, a, &d, now_ms, out, e);
	index_read_end();
	return ok;
}

/* A token that its family's end cut short does not say when it was made. */
static int64_t access_issued_ms(const struct settings *s, struct family_node *f,
				int64_t expires_ms, int64_t now_ms)
{
	int64_t issued_ms = expires_ms - s->access_ttl_s * SECOND_MS;

	if (atomic_load(&f->expires_ms) / SECOND_MS * SECOND_MS <= expires_ms)
		return 0;
	return issued_ms < now_ms ? issued_ms : now_ms;
}

/* In a read section. A revoked grant is not looked at here: its app may still ask, and hears
 * 410 from what it asks for (ruling R33); a denied family is the end. */
static bool access_check(struct bearers *b, const struct derived *token, str text, int64_t now_ms,
                         struct principal *out, struct err *e)
{
	struct family_node *f = family_node_find(b, token->family);
	int64_t expires_ms = (int64_t)token->expires_s * SECOND_MS;
	struct digest d;

	if (f == NULL || !derived_verify(token, TOKEN_ACCESS, f->secret, b->settings->epoch))
		return refuse_token(e);
	if (expires_ms <= now_ms || atomic_load(&f->expires_ms) <= now_ms ||
	    atomic_load(&f->denied) != 0)
		return refuse_token(e);
	if (index_count(b->access_denied) > 0) {
		d = sha256(text);
		if (index_find(b->access_denied, d.b) != NULL)
			return refuse_token(e);
	}
	*out = (struct principal){
		.kind = WHO_ACCESS,
		.account_id = f->account_id,
		.app_id = f->app_id,
		.grant_id = f->grant_id,
		.family_id = token->family,
		.expires_ms = expires_ms,
		.issued_ms = access_issued_ms(b->settings, f, expires_ms, now_ms),
		.scopes = access_counter_scopes(token->counter),
		.projects = { .mode = PROJECTS_NONE },
	};
	return true;
}

static bool access_principal(struct bearers *b, str text, int64_t now_ms, struct principal *out,
			     struct err *e)
{
	struct derived token;
	bool ok;

	if (!derived_parse(text, TOKEN_ACCESS, &token))
		return refuse_token(e);
	index_read_begin();
	ok = access_check(b, &token, text, now_ms, out, e);
	index_read_end();
	return ok;
}

/* In a read section. */
static bool key_check(struct bearers *b, struct arena *a, const struct digest *d, int64_t now_ms,
                      struct principal *out, struct err *e)
{
	struct index_node *n = index_find(b->keys, d->b);
	struct key_node *k = n == NULL ? NULL : NODE_OF(n, struct key_node, node);

	if (k == NULL || atomic_load(&k->denied) != 0 ||
	    (k->expires_ms != 0 && k->expires_ms <= now_ms))
		return refuse_token(e);
	*out = (struct principal){
		.kind = k->is_public ? WHO_PUBLIC_KEY : WHO_KEY,
		.account_id = k->account_id,
		.key_id = k->id,
		.scopes = k->scopes,
		.expires_ms = k->expires_ms,
		.projects = projects_copy(a, k->mode, k->projects, k->projects_n),
	};
	principal_name(a, k->organization, STR_NONE, out);
	atomic_store_explicit(&k->used_ms, now_ms, memory_order_relaxed);
	return true;
}

static bool key_principal(struct bearers *b, struct arena *a, str text, int64_t now_ms,
			  struct principal *out, struct err *e)
{
	struct digest d = sha256(text);
	bool ok;

	index_read_begin();
	ok = key_check(b, a, &d, now_ms, out, e);
	index_read_end();
	return ok;
}

bool bearer_principal(struct bearers *b, struct arena *a, str text, int64_t now_ms,
		      struct principal *out, struct err *e)
{
	switch (token_kind_of(text)) {
	case TOKEN_INSTALLATION:
		return installation_principal(b, a, text, now_ms, out, e);
	case TOKEN_ACCESS:
		return access_principal(b, text, now_ms, out, e);
	case TOKEN_SECRET_KEY:
	case TOKEN_PUBLIC_KEY:
		return key_principal(b, a, text, now_ms, out, e);
	default:
		return refuse_token(e); /* also codes, refresh tokens and secrets: rules 129, 164 */
	}
}

/* Rates -------------------------------------------------------------------------------------- */

static bool window_take(_Atomic uint64_t *window, struct rate_left *left, int64_t now_ms,
			const char *what, struct err *e)
{
	if (left->max <= 0 || rate_window_take(window, MINUTE_MS, now_ms, left))
		return true;
	err_set(e, ERR_RATE_LIMITED, "More than %lld %s a minute. Wait %d s.",
		(long long)left->max, what, left->reset_s);
	e->retry_after_s = left->reset_s;
	return false;
}

bool bearer_request_take(struct bearers *b, int64_t grant_id, int64_t now_ms,
			 struct rate_left *left, struct err *e)
{
	struct grant_node *g;
	bool ok;

	index_read_begin();
	g = grant_node_find(b, grant_id);
	if (g == NULL)
		left->max = 0;
	ok = g == NULL || window_take(&g->requests, left, now_ms, "requests", e);
	index_read_end();
	return ok;
}

bool bearer_mint_take(struct bearers *b, int64_t grant_id, int64_t now_ms, struct rate_left *left,
		      struct err *e)
{
	struct grant_node *g;
	bool ok;

	index_read_begin();
	g = grant_node_find(b, grant_id);
	if (g == NULL)
		left->max = 0;
	ok = g == NULL || window_take(&g->mints, left, now_ms, "new tokens", e);
	index_read_end();
	return ok;
}
