/* SPDX-License-Identifier: MIT
 *
 * What the parts of the library share: the client, a connection as this process knows it, one call. */
#ifndef CLIENT_CLIENT_INT_H
#define CLIENT_CLIENT_INT_H

#include <pthread.h>

#include "client/json.h"
#include "client/seal.h"
#include "client/shared.h"
#include "client/slot.h"
#include "client/transport.h"

enum {
	SECOND_MS = 1000,
	PENDING_LIFE_MS = 10 * 60 * SECOND_MS,
	RENEW_BEFORE_MS = 60 * SECOND_MS,
	ANSWER_OAUTH_BYTES_MAX = 256 * 1024,   /* a token or mint answer is small */
	BASE_URL_MAX = 512
};

/* What went wrong, without the caller's large struct. */
struct fault {
	enum bi18n_code code;
	int             http_status;
	int64_t         retry_after_ms;
	char            required[BI18N_SCOPE_MAX];
	char            message[BI18N_MESSAGE_MAX];
};

/* The right to mint, held for others to see while this call is on its way. */
struct lease {
	const char *key, *holder;
	int64_t     renew_ms;                  /* real time, as the shared cache's own */
	bool        lost;
};

/* One call of the program on its way: memory, deadline, what went wrong. */
struct work {
	struct bi18n       *client;
	struct pool         pool;
	struct pool        *answers;           /* where answers are put: `pool`, but for call_send's */
	struct pool        *result;            /* where call_send's are; NULL: `pool` as well */
	struct bi18n_cancel *cancel;
	int64_t             deadline_ms;       /* steady */
	struct bi18n_error *error;             /* the caller's; may be NULL */
	struct lease       *lease;             /* NULL: none */
	struct fault        fault;
	struct pool_near    near;              /* of `pool`; not cleared */
};

/* A connection as this process knows it. Lives as long as the client: readers hold no reference. */
struct entry {
	char           *owner, *organization;  /* the organization's id */
	struct slot     slot;
	atomic_int      state;                 /* enum bi18n_code, as last met */
	atomic_int_fast64_t quiet_until_ms;    /* 429: send nothing before (steady) */
	atomic_uint_fast64_t quiet_path;       /* hash of what it is about; 0: all */

	pthread_mutex_t lock;                  /* what follows, and writing the slot */
	pthread_cond_t  landed;
	bool            flying;                /* a thread is renewing the token */
	bool            doubted;               /* the token was rejected; mint at once */
	uint64_t        flights;
	enum bi18n_code failed_code;           /* of the last flight; OK: it succeeded */
	int             failed_status;
	int64_t         pause_until_ms;        /* no new flight before, after a failed one */
	int64_t         doubted_ms;            /* when a 401 last led to a mint */
	char            failed_scope[BI18N_SCOPE_MAX];
	char            grant_id[BI18N_ID_MAX];/* whose token is in the slot */
	struct access  *access;                /* an access token not used up yet, or NULL */
	struct ready_url *url;                 /* the last authorize URL of a state, or NULL */
};

struct table;

struct counters {
	atomic_uint_fast64_t calls, mints, refreshes, retries, token_hits, shared_hits;
};

struct bi18n {
	struct bi18n_allocator alloc;
	struct bi18n_clock     clock;          /* all set */
	struct bi18n_store     store;
	struct transport       transport;
	struct shared          shared;         /* get == NULL: no shared cache */
	struct seal_keys       keys;
	struct table          *table;
	struct cdn            *cdn;
	struct counters        counters;
	bool                   fast_clock;     /* the system's: read it without the callback */
	bool                   store_open;
	atomic_int_fast64_t    slept_seen_ms, slept_ms;   /* see steady_now */
	atomic_int_fast64_t    settle_quiet_ms;           /* see provisionals_settle */

	char                  *client_id, *client_secret, *redirect_uri;
	char                  *base_url, *authorize_base_url, *cdn_base_url, *issuer, *cdn_prefix;
	int64_t                timeout_ms, connect_timeout_ms, wait_max_ms, jitter_ms, cdn_fresh_ms;
	int                    attempts_max;
	size_t                 answer_bytes_max, cdn_cache_bytes_max;
};

/* The client with another transport and, if not NULL, another shared cache: for tests. Both are the client's
 * from here on, also when this fails. */
enum bi18n_code client_open(const struct bi18n_options *options, const struct transport *transport,
                            const struct shared *shared, struct bi18n **out, struct bi18n_error *error);

/* work.c: one call ---------------------------------------------------------------------------------- */

void work_begin(struct work *w, struct bi18n *client, const struct bi18n_call *call, struct bi18n_error *error);
/* Hands the fault to the caller and releases everything; returns its code. */
enum bi18n_code work_end(struct work *w);
/* As work_end, and for states of `entry` makes the authorize URL. */
enum bi18n_code work_end_with(struct work *w, struct entry *entry);
/* All false, so that a failing path is one line; macros, so that the compiler sees it. */
#define fault_set(w, ...)       (fault_put((w), __VA_ARGS__), false)
#define fault_nomem(w)          (fault_put((w), BI18N_ENOMEM, "out of memory"), false)
#define fault_store(w, stored)  (fault_put_store((w), (stored)), false)
void fault_put(struct work *w, enum bi18n_code code, const char *fmt, ...) PRINTF(3, 4);
void fault_put_store(struct work *w, enum bi18n_stored stored);
void fault_clear(struct work *w);

/* Keeps the lease, if there is one; called wherever the call waits. false: another process has it by now. */
bool lease_keep(struct work *w);

int64_t steady_now(struct bi18n *client);
int64_t wall_now(struct bi18n *client);
bool    work_alive(struct work *w);                       /* false: cancelled or too late, fault set */
bool    work_sleep(struct work *w, int64_t ms);           /* false: as work_alive */
int64_t jitter(int64_t max_ms);                           /* 0..max_ms at random */

/* url.c --------------------------------------------------------------------------------------------- */

/* https, or http on a loopback host; no path, query or user. OK, EINVAL or EINSECURE. */
enum bi18n_code base_url_check(const char *url);
/* The same, but with a path and a query if it likes. */
enum bi18n_code server_url_check(const char *url);
/* The value of `name` in a query, decoded; NULL: absent. *twice_out: it is there more than once. */
char *query_value(struct pool *p, str query, const char *name, bool *twice_out);
bool  id_is_sane(const char *id);                          /* 1..127 visible ASCII, no quotes, no '\' */
bool  token_is_sane(const char *token);                    /* 1..255 visible ASCII                     */

/* scope.c ------------------------------------------------------------------------------------------- */

/* Known names only, each once, in the order given; NULL: unknown name, or too long. */
char *scopes_clean(struct pool *p, const char *scopes, const char **unknown_out);
char *scopes_union(struct pool *p, const char *a, const char *b);
char *scopes_minus(struct pool *p, const char *a, const char *b);
void  scopes_destructive(const char *scopes, char out[BI18N_SCOPES_MAX]);
bool  scope_in(const char *scopes, str name);
/* A JSON array of strings <-> text separated by spaces. NULL: not such an array, or no memory. */
char *list_from_json(struct pool *p, const struct jvalue *array);
char *list_from_json_text(struct pool *p, const char *json);
char *list_to_json(struct pool *p, const char *list);

/* exchange.c: a request with retries ---------------------------------------------------------------- */

/* true: an answer that is not 5xx, 429 or a redirect (304 is one). */
bool exchange(struct work *w, struct transport_request *request, struct transport_answer *out);
/* when.c: Retry-After, a day at most; `date` is the answer's Date header. -1: neither seconds nor a date. */
int64_t retry_after_ms(const char *header, const char *date, int64_t wall_ms);
/* {"error":…} of an answer, or its tRPC form; "" if there is none. required_out may be NULL. */
const char *answer_error(struct work *w, const struct transport_answer *answer, const char **required_out);
/* The fault of a 4xx that no state explains. */
bool fault_answer(struct work *w, const struct transport_answer *answer);

/* row.c: rows of the store, opened ------------------------------------------------------------------ */

struct grant {
	const char *owner, *organization, *slug, *grant_id;
	const char *refresh;                       /* plain; "": none                */
	const char *digest;                        /* as stored                      */
	const char *scopes, *projects;             /* separated by spaces            */
	bool        all_projects, first_key;
	int64_t     disconnected_ms, created_ms, updated_ms;
};

/* NOT_CONNECTED if there is none. `opened`: with its refresh token (EKEY). organization NULL: the only one. */
bool grant_find(struct work *w, const char *owner, const char *organization, bool opened, struct grant *out);
bool grant_list(struct work *w, const char *owner, bool opened, struct grant **out, size_t *n_out);
/* Connections only: rows that were left provisional are completed first, or left out. */
bool grant_list_settled(struct work *w, const char *owner, struct grant **out, size_t *n_out);
/* Exactly this row, whatever its name. */
bool grant_load(struct work *w, const char *owner, const char *organization, bool opened, struct grant *out);
/* What the store keeps of it; seals the refresh token anew. */
bool grant_row(struct work *w, const struct grant *g, struct bi18n_row *out);
/* Stores `next` if `seen` is still there. *stored_out tells STORED from CONFLICT and NONE; else a fault. */
bool grant_swap(struct work *w, const struct grant *seen, struct grant *next, enum bi18n_stored *stored_out);
bool grants_upsert(struct work *w, struct grant *v, size_t n);
/* Marks it disconnected if it is still what was seen. *gone_out false: it is another one by now. */
bool grant_disconnect(struct work *w, const struct grant *seen, bool *gone_out);

/* oauth.c: the token endpoint ----------------------------------------------------------------------- */

struct token_answer {
	const char   *access;
	int64_t       access_until_ms;             /* steady */
	struct grant *grants;                      /* owner, scopes… filled from the answer  */
	size_t        grants_n;
	const char   *error;                       /* "" or the OAuth error: then nothing else */
	int           status;
};
/* true with out->error set: the server said no in OAuth's way. */
bool token_redeem(struct work *w, const char *code, const char *verifier, const char *redirect_uri,
                  struct token_answer *out);
bool token_refresh(struct work *w, const struct grant *grant, struct token_answer *out);

/* table.c: connections of this process -------------------------------------------------------------- */

bool table_create(struct bi18n *client);
void table_destroy(struct bi18n *client);
/* Without a lock. NULL: not known by this name yet. */
struct entry *table_find(const struct bi18n *client, const char *owner, const char *organization);
/* The entry of a row, under the name asked for; NULL: no memory. */
struct entry *table_add(struct bi18n *client, const char *owner, const char *organization_id, const char *name);
/* By either name, from the store if need be. */
bool entry_find(struct work *w, const char *owner, const char *organization, struct entry **out);
void entry_each(struct bi18n *client, const char *owner, void (*visit)(struct bi18n *, struct entry *));

/* access.c: access tokens between their arrival and their use ---------------------------------------- */

struct access {
	int64_t until_ms;
	char    digest[BI18N_DIGEST_MAX];          /* of the refresh token of its family */
	char    token[BI18N_TOKEN_MAX];
};
void access_put(struct bi18n *client, struct entry *entry, const char *token, const char *digest,
                int64_t until_ms);                          /* NULL token: drops it; no memory: none kept */
bool access_get(struct work *w, struct entry *entry, const char *digest, char out[BI18N_TOKEN_MAX]);
void ready_url_drop(struct bi18n *client, struct entry *entry);

/* mint.c, token.c: installation tokens --------------------------------------------------------------- */

/* Brings a new token into the entry's slot: from the shared cache, or from the server. */
bool token_renew(struct work *w, struct entry *entry, const char *rejected);
/* A good token, renewing it if need be. */
bool token_take(struct work *w, struct entry *entry, char token[BI18N_TOKEN_MAX], int64_t *expires_in_ms);
/* The grant's access token, refreshing if need be; see mint.c. */
enum step { STEP_DONE, STEP_FAILED, STEP_AGAIN };
enum step access_for(struct work *w, struct entry *entry, struct grant *grant, char out[BI18N_TOKEN_MAX]);
struct minted {
	const char *token;
	int64_t     life_ms;
};
bool mint_send(struct work *w, const struct grant *grant, const char *access, struct transport_answer *out);
/* What a 200 says; *next_out is the grant as it is by now. EPROTOCOL. */
bool mint_read(struct work *w, const struct transport_answer *answer, const struct grant *grant, struct minted *out,
               struct grant *next_out);
/* Into memory, and to the shared cache. */
void mint_keep(struct work *w, struct entry *entry, const struct grant *grant, const struct minted *minted,
               int64_t asked_ms);
/* The server says that the grant is no more: marks it, unless the row is another by now (AGAIN). racing: another
 * process may hold the successor of its refresh token at this moment. */
enum step grant_gone(struct work *w, struct entry *entry, const struct grant *grant, bool racing);
/* The token was answered with 401: a new one is minted next. false: that was done a moment ago, so that it
 * would not help again, and the grant is still the connection's. */
bool token_doubt(struct work *w, struct entry *entry, const char *token);

/* provisional.c: rows that wait for the name of their organization --------------------------------- */

bool organization_is_provisional(const char *organization);
/* Names the row of a grant whose organization is not known. */
bool provisional_name(struct work *w, struct grant *g);
/* Mints, which tells the organization, and stores `g` under it; `g` is stored under its provisional name. */
bool provisional_settle(struct work *w, struct grant *g, const char *access);
/* Completes those of the rows that were left. true: there is something new in the store. Sets no fault. */
bool provisionals_settle(struct work *w, const struct grant *v, size_t n);

/* authorize.c ---------------------------------------------------------------------------------------- */

/* The ready URL of a state: what the connection has plus `scope`. "" if it cannot be made. */
void ready_url(struct bi18n *client, struct entry *entry, const char *scope, char out[BI18N_URL_MAX]);

/* call.c --------------------------------------------------------------------------------------------- */

/* bi18n_request within a call: the answer is in w->result, or else in w->pool. *entry_out as soon as it is known. */
bool call_send(struct work *w, const char *owner, const char *organization, const struct bi18n_request *request,
               struct transport_answer *out, struct entry **entry_out);
/* Copies an answer to a result of the program's. */
bool answer_give(struct work *w, const struct transport_answer *answer, struct bi18n_answer **out);

/* rest.c: an answer that must be JSON; request->path NULL: no memory. */
bool rest_send(struct work *w, const char *owner, const char *organization, const struct bi18n_request *request,
               struct entry **entry_out, const struct jvalue **out);

/* project.c: slug, "org/slug" or id; the one that the call needs is looked up in the list (projects:read) if it is
 * not the one given. EINVAL, ENOTFOUND, and what a call says. */
struct project_slugs { const char *organization, *project; };
bool project_slugs(struct work *w, const char *owner, const char *organization, const char *project,
                   struct entry **entry_out, struct project_slugs *out);
bool project_id(struct work *w, const char *owner, const char *organization, const char *project,
                struct entry **entry_out, const char **out);
/* The array of the organization's projects. */
bool projects_list(struct work *w, const char *owner, const char *organization, struct entry **entry_out,
                   const struct jvalue **out);

/* trpc.c: data of the answer as parsed JSON */
bool trpc_send(struct work *w, const char *owner, const char *organization, const char *procedure,
               const char *input, bool query, str *data_out, struct entry **entry_out);

/* cdn.c */
bool cdn_create(struct bi18n *client);
void cdn_destroy(struct bi18n *client);

#endif
