/* SPDX-License-Identifier: MIT
 *
 * Names to connections. Readers take no lock: a table of atomic pointers is only ever filled; when it is half
 * full a larger one takes its place and the old one stays until the client is closed, so that nobody reads
 * freed memory. All of them together are at most twice the last. */
#include "client/client_int.h"

enum { ROOM_FIRST = 64 };

struct alias {
	uint64_t      hash;
	struct entry *entry;
	struct alias *older;                          /* all aliases, for the end */
	bool          first;                          /* made the entry, and ends it */
	char          name[];                         /* organization's id or slug */
};

struct place {
	struct place          *older;
	size_t                 room, used;
	_Atomic(struct alias *) v[];
};

struct table {
	uint64_t               seed;
	_Atomic(struct place *) place;
	pthread_mutex_t        lock;                  /* of writers */
	struct alias          *aliases;
};

static uint64_t name_hash(const struct table *t, const char *owner, const char *name)
{
	return str_hash_seeded(str_from(owner), t->seed) * 31 ^ str_hash_seeded(str_from(name), t->seed);
}

static struct place *place_create(struct bi18n *client, size_t room)
{
	struct place *place = plain_alloc(&client->alloc, sizeof(*place) + room * sizeof(place->v[0]));

	if (place != NULL)
		place->room = room;
	return place;
}

static struct alias *place_find(struct place *place, uint64_t hash, const char *owner, const char *name)
{
	for (size_t i = hash & (place->room - 1);; i = (i + 1) & (place->room - 1)) {
		struct alias *alias = atomic_load_explicit(&place->v[i], memory_order_acquire);

		if (alias == NULL)
			return NULL;
		if (alias->hash == hash && strcmp(alias->name, name) == 0 && strcmp(alias->entry->owner, owner) == 0)
			return alias;
	}
}

static void place_put(struct place *place, struct alias *alias)
{
	size_t i = alias->hash & (place->room - 1);

	while (atomic_load_explicit(&place->v[i], memory_order_relaxed) != NULL)
		i = (i + 1) & (place->room - 1);
	atomic_store_explicit(&place->v[i], alias, memory_order_release);
	place->used++;
}

bool table_create(struct bi18n *client)
{
	struct table *t = plain_alloc(&client->alloc, sizeof(*t));
	struct place *place;

	if (t == NULL)
		return false;
	place = place_create(client, ROOM_FIRST);
	if (place == NULL || !random_bytes(&t->seed, sizeof(t->seed))) {
		plain_free(&client->alloc, place,
		           place == NULL ? 0 : sizeof(*place) + ROOM_FIRST * sizeof(place->v[0]));
		plain_free(&client->alloc, t, sizeof(*t));
		return false;
	}
	pthread_mutex_init(&t->lock, NULL);
	atomic_init(&t->place, place);
	client->table = t;
	return true;
}

struct entry *table_find(const struct bi18n *client, const char *owner, const char *organization)
{
	struct table *t = client->table;
	struct alias *alias = place_find(atomic_load_explicit(&t->place, memory_order_acquire),
	                                 name_hash(t, owner, organization), owner, organization);

	return alias == NULL ? NULL : alias->entry;
}

static struct entry *entry_create(struct bi18n *client, const char *owner, const char *organization)
{
	struct entry      *entry = plain_alloc(&client->alloc, sizeof(*entry));
	pthread_condattr_t attributes;

	if (entry == NULL)
		return NULL;
	entry->owner = plain_cstr(&client->alloc, owner);
	entry->organization = plain_cstr(&client->alloc, organization);
	if (entry->owner == NULL || entry->organization == NULL) {
		plain_free(&client->alloc, entry->owner, entry->owner == NULL ? 0 : strlen(owner) + 1);
		plain_free(&client->alloc, entry->organization,
		           entry->organization == NULL ? 0 : strlen(organization) + 1);
		plain_free(&client->alloc, entry, sizeof(*entry));
		return NULL;
	}
	entry->doubted_ms = INT64_MIN / 2;
	pthread_mutex_init(&entry->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&entry->landed, &attributes);
	pthread_condattr_destroy(&attributes);
	return entry;
}

static void entry_destroy(struct bi18n *client, struct entry *entry)
{
	access_put(client, entry, NULL, "", 0);
	ready_url_drop(client, entry);
	pthread_mutex_destroy(&entry->lock);
	pthread_cond_destroy(&entry->landed);
	plain_free(&client->alloc, entry->owner, strlen(entry->owner) + 1);
	plain_free(&client->alloc, entry->organization, strlen(entry->organization) + 1);
	plain_free(&client->alloc, entry, sizeof(*entry));
}

/* Under the lock: room for one more. */
static struct place *place_ready(struct bi18n *client, struct table *t)
{
	struct place *place = atomic_load_explicit(&t->place, memory_order_relaxed), *larger;

	if (2 * (place->used + 1) <= place->room)
		return place;
	larger = place_create(client, 2 * place->room);
	if (larger == NULL)
		return NULL;
	for (struct alias *alias = t->aliases; alias != NULL; alias = alias->older)
		place_put(larger, alias);
	larger->older = place;
	atomic_store_explicit(&t->place, larger, memory_order_release);
	return larger;
}

/* Under the lock. entry NULL: makes it; the first name of an entry is its organization's id. */
static struct alias *alias_add(struct bi18n *client, struct entry *entry, const char *owner, const char *name)
{
	struct table *t = client->table;
	size_t        bytes = strlen(name) + 1;
	struct place *place = place_ready(client, t);
	struct alias *alias = place == NULL ? NULL : plain_alloc(&client->alloc, sizeof(*alias) + bytes);

	if (alias == NULL)
		return NULL;
	alias->first = entry == NULL;
	alias->entry = entry != NULL ? entry : entry_create(client, owner, name);
	if (alias->entry == NULL) {
		plain_free(&client->alloc, alias, sizeof(*alias) + bytes);
		return NULL;
	}
	alias->hash = name_hash(t, owner, name);
	memcpy(alias->name, name, bytes);
	alias->older = t->aliases;
	t->aliases = alias;
	place_put(place, alias);
	return alias;
}

static struct entry *table_add_locked(struct bi18n *client, const char *owner, const char *organization_id,
                                      const char *name)
{
	struct entry *entry = table_find(client, owner, organization_id);
	struct alias *alias;

	if (entry == NULL) {
		alias = alias_add(client, NULL, owner, organization_id);
		if (alias == NULL)
			return NULL;
		entry = alias->entry;
	}
	/* Another name is a convenience: without memory for it the next call looks in the store again. */
	if (name != NULL && table_find(client, owner, name) == NULL)
		alias_add(client, entry, owner, name);
	return entry;
}

struct entry *table_add(struct bi18n *client, const char *owner, const char *organization_id, const char *name)
{
	struct entry *entry;

	pthread_mutex_lock(&client->table->lock);
	entry = table_add_locked(client, owner, organization_id, name);
	pthread_mutex_unlock(&client->table->lock);
	return entry;
}

bool entry_find(struct work *w, const char *owner, const char *organization, struct entry **out)
{
	struct entry *entry = NULL;
	struct grant  g;

	if (owner != NULL && organization != NULL)
		entry = table_find(w->client, owner, organization);
	if (entry == NULL) {
		if (!grant_find(w, owner, organization, false, &g))
			return false;
		entry = table_add(w->client, owner, g.organization, organization);
	}
	if (entry == NULL)
		return fault_nomem(w);
	*out = entry;
	return true;
}

void entry_each(struct bi18n *client, const char *owner, void (*visit)(struct bi18n *, struct entry *))
{
	pthread_mutex_lock(&client->table->lock);
	for (struct alias *alias = client->table->aliases; alias != NULL; alias = alias->older) {
		if (alias->first && (owner == NULL || strcmp(alias->entry->owner, owner) == 0))
			visit(client, alias->entry);
	}
	pthread_mutex_unlock(&client->table->lock);
}

static void table_free(struct bi18n *client, struct table *t)
{
	struct place *place = atomic_load_explicit(&t->place, memory_order_relaxed);

	while (t->aliases != NULL) {
		struct alias *alias = t->aliases;

		t->aliases = alias->older;
		plain_free(&client->alloc, alias, sizeof(*alias) + strlen(alias->name) + 1);
	}
	while (place != NULL) {
		struct place *older = place->older;

		plain_free(&client->alloc, place, sizeof(*place) + place->room * sizeof(place->v[0]));
		place = older;
	}
	pthread_mutex_destroy(&t->lock);
	plain_free(&client->alloc, t, sizeof(*t));
	client->table = NULL;
}

void table_destroy(struct bi18n *client)
{
	struct table *t = client->table;

	if (t == NULL)
		return;
	for (struct alias *alias = t->aliases; alias != NULL; alias = alias->older) {
		if (alias->first)
			entry_destroy(client, alias->entry);
	}
	table_free(client, t);
}
