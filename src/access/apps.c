/* SPDX-License-Identifier: MIT
 *
 * An app in memory is one block with an arena of its own, replaced as a whole. */
#include "access/apps.h"

#include "access/bearer_int.h"
#include "store/bearer.h"
#include "store/db.h"

#include <stdlib.h>
#include <string.h>

enum { APP_ARENA_BYTES = 1024, INDEX_HINT = 64, LOAD_ARENA_BYTES = 16 * 1024 };

struct apps {
	pthread_mutex_t change;
	struct index   *by_client, *by_id;
};

struct app_secret { int64_t id, expires_ms; struct digest digest; };

struct app_node {
	struct index_node  by_client;           /* key: digest of the client id */
	struct index_node  by_id;
	struct arena      *arena;
	struct app         app;
	struct app_secret *secrets;
	size_t             secrets_n;
};

struct apps *apps_create(void)
{
	struct apps *apps = heap_alloc(sizeof(*apps));

	pthread_mutex_init(&apps->change, NULL);
	apps->by_client = index_create(INDEX_HINT);
	apps->by_id = index_create(INDEX_HINT);
	return apps;
}

static void app_node_free(void *p)
{
	struct app_node *n = p;

	arena_destroy(n->arena);
	free(n);
}

static bool any_node(struct index_node *n, void *arg)
{
	*(struct index_node **)arg = n;
	return false;
}

void apps_destroy(struct apps *apps)
{
	struct index_node *n;

	if (apps == NULL)
		return;
	index_barrier();
	for (;;) {
		n = NULL;
		index_read_begin();
		index_each(apps->by_id, any_node, &n);
		index_read_end();
		if (n == NULL)
			break;
		index_remove(apps->by_client, NODE_OF(n, struct app_node, by_id)->by_client.key);
		index_remove(apps->by_id, n->key);
		index_retire(app_node_free, NODE_OF(n, struct app_node, by_id));
	}
	index_barrier();
	index_destroy(apps->by_client);
	index_destroy(apps->by_id);
	pthread_mutex_destroy(&apps->change);
	free(apps);
}

static struct app app_copy(struct arena *a, const struct app *from)
{
	struct app to = *from;
	str *uris = arena_array(a, str, from->redirect_uris.n);

	to.client_id = arena_str(a, from->client_id);
	to.name = arena_str(a, from->name);
	to.icon_url = arena_str(a, from->icon_url);
	to.auth_method = arena_str(a, from->auth_method);
	for (size_t i = 0; i < from->redirect_uris.n; i++)
		uris[i] = arena_str(a, from->redirect_uris.v[i]);
	to.redirect_uris = (struct strs){ uris, from->redirect_uris.n, true };
	return to;
}

/* Looking up --------------------------------------------------------------------------------- */

/* In a read section. */
static struct app_node *app_node_by_client(struct apps *apps, str client_id)
{
	struct digest d = sha256(client_id);
	struct index_node *n = index_find(apps->by_client, d.b);

	return n == NULL ? NULL : NODE_OF(n, struct app_node, by_client);
}

bool apps_find(struct apps *apps, struct arena *a, str client_id, struct app *out)
{
	const struct app_node *n;

	index_read_begin();
	n = app_node_by_client(apps, client_id);
	if (n != NULL)
		*out = app_copy(a, &n->app);
	index_read_end();
	return n != NULL;
}

bool apps_by_id(struct apps *apps, struct arena *a, int64_t id, struct app *out)
{
	struct index_node *n;
	uint8_t key[32];

	key_of_id(id, key);
	index_read_begin();
	n = index_find(apps->by_id, key);
	if (n != NULL)
		*out = app_copy(a, &NODE_OF(n, struct app_node, by_id)->app);
	index_read_end();
	return n != NULL;
}

/* All secrets are compared, so that the time tells nothing of which one it was. */
static bool any_secret_matches(const struct app_node *n, const struct digest *given, int64_t now_ms,
			       int64_t *id_out)
{
	bool found = false;

	for (size_t i = 0; i < n->secrets_n; i++) {
		const struct app_secret *s = &n->secrets[i];
		bool live = s->expires_ms == 0 || s->expires_ms > now_ms;
		bool same = digest_equal(&s->digest, given);

		if (same && live) {
			*id_out = s->id;
			found = true;
		}
	}
	return found;
}

bool apps_authenticate(struct apps *apps, str client_id, str secret, int64_t now_ms,
		       int64_t *secret_id_out)
{
	struct digest given = sha256(secret); /* before the look-up: known or not, it costs this */
	const struct app_node *n;
	int64_t id = 0;
	bool ok;

	index_read_begin();
	n = app_node_by_client(apps, client_id);
	ok = n != NULL && any_secret_matches(n, &given, now_ms, &id);
	index_read_end();
	if (ok && secret_id_out != NULL)
		*secret_id_out = id;
	return ok;
}

bool apps_secret_ended(struct apps *apps, str client_id, str secret, int64_t now_ms)
{
	struct digest given = sha256(secret);
	const struct app_node *n;
	bool ended = false;

	index_read_begin();
	n = app_node_by_client(apps, client_id);
	for (size_t i = 0; n != NULL && i < n->secrets_n; i++) {
		const struct app_secret *s = &n->secrets[i];

		ended |= s->expires_ms != 0 && s->expires_ms <= now_ms && digest_equal(&s->digest, &given);
	}
	index_read_end();
	return ended;
}

struct secret_search { struct digest given; int64_t now_ms, app_id, secret_id; };

static bool search_secrets(struct index_node *n, void *arg)
{
	const struct app_node *app = NODE_OF(n, struct app_node, by_id);
	struct secret_search *s = arg;

	if (!any_secret_matches(app, &s->given, s->now_ms, &s->secret_id))
		return true;
	s->app_id = app->app.id;
	return false;
}

bool apps_secret_owner(struct apps *apps, str secret, int64_t now_ms, int64_t *app_id_out,
		       int64_t *secret_id_out)
{
	struct secret_search s = { .given = sha256(secret), .now_ms = now_ms };

	index_read_begin();
	index_each(apps->by_id, search_secrets, &s);
	index_read_end();
	*app_id_out = s.app_id;
	*secret_id_out = s.secret_id;
	return s.app_id != 0;
}

/* Changing ----------------------------------------------------------------------------------- */

static struct app_node *app_node_make(const struct stored_app *from)
{
	struct app_node *n = heap_alloc(sizeof(*n));
	struct digest client = sha256(from->app.client_id);

	n->arena = arena_create(APP_ARENA_BYTES);
	n->app = app_copy(n->arena, &from->app);
	n->secrets = arena_array(n->arena, struct app_secret, from->secrets_n);
	for (size_t i = 0; i < from->secrets_n; i++) {
		const struct stored_secret *s = &from->secrets[i];

		if (s->digest.n != DIGEST_BYTES)
			continue;               /* damaged: it authenticates nobody */
		n->secrets[n->secrets_n] =
			(struct app_secret){ .id = s->id, .expires_ms = s->expires_ms };
		memcpy(n->secrets[n->secrets_n++].digest.b, s->digest.p, DIGEST_BYTES);
	}
	memcpy(n->by_client.key, client.b, sizeof(client.b));
	key_of_id(from->app.id, n->by_id.key);
	return n;
}

static void apps_put(struct apps *apps, const struct stored_app *app)
{
	struct app_node *fresh = app_node_make(app);
	struct index_node *old;

	pthread_mutex_lock(&apps->change);
	index_put(apps->by_client, &fresh->by_client);
	old = index_put(apps->by_id, &fresh->by_id);
	pthread_mutex_unlock(&apps->change);
	if (old != NULL)
		index_retire(app_node_free, NODE_OF(old, struct app_node, by_id));
}

struct app_pending { struct apps *apps; struct stored_app app; };

static void app_commit(void *arg)
{
	const struct app_pending *p = arg;

	apps_put(p->apps, &p->app);
}

bool apps_refresh(const struct act *act, int64_t app_id, struct err *e)
{
	struct app_pending *p = arena_new(act->arena, struct app_pending);

	p->apps = act->apps;
	if (!store_bearer_app(act->db, act->arena, app_id, &p->app, e))
		return false;
	if (p->app.app.id != 0)
		after_commit(act, app_commit, p);
	return true;
}

static void app_forget_commit(void *arg)
{
	const struct app_pending *p = arg;
	struct index_node *old;
	uint8_t key[32];

	key_of_id(p->app.app.id, key);
	pthread_mutex_lock(&p->apps->change);
	index_read_begin();
	old = index_find(p->apps->by_id, key);
	index_read_end();
	if (old != NULL) {
		index_remove(p->apps->by_client, NODE_OF(old, struct app_node, by_id)->by_client.key);
		index_remove(p->apps->by_id, key);
	}
	pthread_mutex_unlock(&p->apps->change);
	if (old != NULL)
		index_retire(app_node_free, NODE_OF(old, struct app_node, by_id));
}

void apps_forget(const struct act *act, int64_t app_id)
{
	struct app_pending *p = arena_new(act->arena, struct app_pending);

	p->apps = act->apps;
	p->app.app.id = app_id;
	after_commit(act, app_forget_commit, p);
}

static bool load_apps(struct apps *apps, struct db *db, struct arena *a, struct err *e)
{
	struct arena *scratch;
	int64_t *ids;
	size_t n;
	bool ok = true;

	if (!store_bearer_app_ids(db, a, &ids, &n, e))
		return false;
	scratch = arena_create(LOAD_ARENA_BYTES);
	for (size_t i = 0; ok && i < n; i++) {
		struct stored_app app;

		arena_reset(scratch);
		ok = store_bearer_app(db, scratch, ids[i], &app, e);
		if (ok)
			apps_put(apps, &app);
	}
	arena_destroy(scratch);
	return ok;
}

bool apps_load(struct apps *apps, struct store *store, struct err *e)
{
	struct arena *a = arena_create(LOAD_ARENA_BYTES);
	struct db *db;
	bool ok = store_read_begin(store, &db, e);

	if (ok) {
		ok = load_apps(apps, db, a, e);
		store_read_end(store, db);
	}
	arena_destroy(a);
	return ok;
}
