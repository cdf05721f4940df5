/* SPDX-License-Identifier: MIT
 *
 * Nodes of the bearer tables. Readers stay inside a read section and take no lock; those who
 * change things hold `change`. Sizes matter: a server may hold hundreds of thousands of tokens
 * (bearer_test.c counts). */
#ifndef ACCESS_BEARER_INT_H
#define ACCESS_BEARER_INT_H

#include "access/bearer.h"
#include "base/index.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	NAME_BYTES_MAX = 24,        /* of a grant's public id: it lives in the key of its node */
	PUBLIC_ID_BYTES_MAX = 40,   /* of a person's or a project's                            */
	LIFE_S_MAX = (1 << 13) - 1, /* of an installation token, as its node can say it        */
	TOKEN_PROJECTS_MAX = (1 << 16) - 1,
};

struct bearers {
	const struct settings *settings;
	struct rates   *rates;
	pthread_mutex_t change;
	struct index   *organizations;   /* by id                        */
	struct index   *grants;          /* by id                        */
	struct index   *names;           /* grants by current public id  */
	struct index   *aliases;         /* former public ids            */
	struct index   *tokens;          /* by digest                    */
	struct index   *families;        /* by id                        */
	struct index   *access_denied;   /* single access tokens, by digest */
	struct index   *keys;            /* by digest                    */
	struct index   *sessions;        /* by digest                    */
	struct index   *session_ids;     /* the same nodes by id         */
	struct index   *public_ids;      /* by noun and id               */
};

struct organization_text {           /* replaced as a whole */
	str  public_id, slug, name;
	char bytes[];
};
struct organization_node {           /* stays until the end: many point here */
	struct index_node node;
	int64_t id;
	void   *text;                    /* struct organization_text *, by index_load */
};

struct grant_node {
	struct index_node by_id, by_name;
	struct organization_node *organization;
	int64_t id, app_id, account_id, scopes, expires_ms;
	_Atomic uint64_t requests, mints;      /* rate_window_take */
	_Atomic uint32_t denied;               /* revocations begun; undone ones are taken back */
	_Atomic int32_t  tokens_live;
	uint32_t version, projects_n;
	_Atomic bool revoked;                  /* for good: may be swept */
	bool     suspended;
	uint8_t  mode;
	int64_t  projects[];
};

struct alias_node {
	struct index_node node;
	int64_t grant_id;
};

struct token_node {
	struct index_node node;
	_Atomic uint64_t state;                /* expires_ms in the low 48 bits, denials above */
	int64_t  grant_id;
	uint32_t grant_version;
	uint32_t mode : 2, narrowed : 1, life_s : 13, projects_n : 16;
	int64_t tail[]; /* narrowed: scopes, then project ids; else all as the grant's */
};

struct public_id_node {
	struct index_node node;
	uint8_t n;
	char    text[PUBLIC_ID_BYTES_MAX];
};

struct family_node {
	struct index_node node;
	uint8_t  secret[KEY_BYTES];
	int64_t  app_id, account_id, grant_id, code_id;
	_Atomic int64_t expires_ms;
	_Atomic uint32_t denied;
};

struct access_denied_node {
	struct index_node node;
	int64_t expires_ms;
};

struct key_node {
	struct index_node node;
	struct organization_node *organization;
	int64_t id, account_id, scopes, expires_ms;
	_Atomic int64_t  used_ms, noted_ms;    /* noted: what the store knows */
	_Atomic uint32_t denied;
	uint32_t projects_n;
	bool     is_public;
	uint8_t  mode;
	int64_t  projects[];
};

struct session_node {
	struct index_node node, by_id;
	int64_t id, account_id, auth_time_ms, expires_ms;
	_Atomic int64_t  seen_ms, noted_ms;    /* noted: what the store knows */
	_Atomic uint32_t denied;
};

#define NODE_OF(n, T, member) ((T *)(void *)((char *)(n) - offsetof(T, member)))

void key_of_id(int64_t id, uint8_t key[32]);
bool key_of_name(str name,
		 uint8_t key[32]) MUST_CHECK; /* false: longer than NAME_BYTES_MAX, or empty */
str  name_of_key(const uint8_t key[32]);                     /* borrowed */

struct bearer_grant bearer_grant_from(const struct grant *g);       /* a row; borrows its texts */

/* In a read section, or with `change` held. NULL: not there. */
struct organization_node *organization_node_find(struct bearers *b, int64_t id);
struct grant_node   *grant_node_find(struct bearers *b, int64_t id);
struct grant_node   *grant_node_named(struct bearers *b, str public_id, bool *is_alias_out);
struct family_node  *family_node_find(struct bearers *b, int64_t id);
bool grant_is_dead(const struct grant_node *g, int64_t now_ms);
bool token_is_dead(const struct token_node *t, int64_t now_ms);      /* expired or denied */
int64_t token_expires_ms(const struct token_node *t);
struct project_set projects_copy(struct arena *a, uint8_t mode, const int64_t *ids, size_t n);

/* With `change` held. An organization that is only named by its id keeps the texts it has. */
struct organization_node *organization_node_put(struct bearers *b, const struct organization *o);
/* With `change` held: one more or one less live token of a grant. */
void grant_count_token(struct bearers *b, int64_t grant_id, int32_t more);

/* Takes out what matches; gone() retires it, with `change` held. Takes `change` itself, for a
 * few nodes at a time. */
void nodes_remove(struct bearers *b, struct index *ix,
		  bool (*match)(const struct index_node *, void *), void *arg,
		  void (*gone)(struct bearers *, struct index_node *));
void token_gone(struct bearers *b, struct index_node *n);
void family_gone(struct bearers *b, struct index_node *n);
void session_gone(struct bearers *b, struct index_node *n);
void node_gone(struct bearers *b, struct index_node *n); /* index_node first, nothing secret */

/* At once; `change` is taken inside. The loader and the hooks of bearer.h use these. */
void bearers_organization_put(struct bearers *b, const struct organization *o);
void bearers_grant_put(struct bearers *b, const struct bearer_grant *g);
void bearers_alias_put(struct bearers *b, str public_id, int64_t grant_id);
void bearers_token_put(struct bearers *b, const struct bearer_token *t);
void bearers_fit(struct bearers *b);         /* its indexes, to what is in them; not in a read section */
void bearers_family_put(struct bearers *b, const struct bearer_family *f);
void bearers_access_deny(struct bearers *b, const struct digest *digest, int64_t expires_ms);
void bearers_key_put(struct bearers *b, const struct bearer_key *k);
void bearers_session_put(struct bearers *b, const struct bearer_session *s);
bool session_is_dead(struct bearers *b, const struct session_node *s, int64_t now_ms);

/* Denials of several; ids of 0 match nothing. */
void families_deny(const struct act *act, int64_t account_id, int64_t app_id);
void keys_deny(const struct act *act, int64_t account_id);

/* Runs fn(arg) after the commit, or at once without a store. `arg` lives in act->arena. */
void after_commit(const struct act *act, void (*fn)(void *), void *arg);
void after_failure(const struct act *act, void (*fn)(void *), void *arg);

/* Collected under index_each, then acted upon outside of it. */
struct id_list { int64_t *v; size_t n, cap; struct arena *arena; };
void id_list_add(struct id_list *list, int64_t id);

#endif
