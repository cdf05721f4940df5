/* SPDX-License-Identifier: MIT
 *
 * libbi18n: the partner's side of Better I18N. It connects a customer's organizations over OAuth 2.0,
 * keeps one connection per organization, keeps the tokens, and calls the platform with them. Installation
 * tokens live in memory (and, if asked for, sealed in Redis) and nowhere else; a 403 or a 410 is never
 * retried; the latest refresh token is in the store before anything that came with it is used.
 *
 * Conventions
 *   Results      Every function that can fail returns enum bi18n_code, BI18N_OK being 0, and fills
 *                *error (which may be NULL). Outputs are untouched unless it returns BI18N_OK.
 *   Text         NUL-terminated UTF-8. Borrowed for the call. Texts inside a result live as long as it.
 *   Ownership    What a function hands out through `T **out` is yours; bi18n_free() releases any of it.
 *   Threads      One client serves any number of threads at once; every function taking a client may be
 *                called from any of them, except that bi18n_close() must be the last. Nothing here forks
 *                or ends the process, prints, or keeps state outside the client.
 *   Times        Milliseconds since 1970 (`_at_ms`) or durations (`_ms`); 0 means "not".
 *   Structs      Zero-fill those that you pass in: { 0 } asks for the defaults everywhere.
 *
 * Source: contract "seed" (rows 01 to 15), RFC 6749, 7009, 7636, 8252, 9207, 9700.
 *
 *	struct bi18n_options options = { .client_id = id, .client_secret = secret,
 *	                                 .base_url = "https://i18n.example", .store = "sqlite:/var/lib/app/i18n.db",
 *	                                 .keys = &key, .keys_n = 1, .redirect_uri = "https://app.example/callback" };
 *	struct bi18n *client;
 *	struct bi18n_error error;
 *
 *	if (bi18n_open(&options, &client, &error) != BI18N_OK)
 *		fail(error.message); */
#ifndef BI18N_H
#define BI18N_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BI18N_VERSION_MAJOR 0
#define BI18N_VERSION_MINOR 1
#define BI18N_VERSION_PATCH 0

enum {
	BI18N_KEY_BYTES = 32,      /* an AES-256 key                                           */
	BI18N_TOKEN_MAX = 256,     /* any token with its NUL                                   */
	BI18N_URL_MAX = 4096,      /* an authorize URL with its NUL                            */
	BI18N_SCOPE_MAX = 64,      /* one scope name with its NUL                              */
	BI18N_SCOPES_MAX = 512,    /* a list of scopes, separated by spaces, with its NUL      */
	BI18N_ID_MAX = 128,        /* an owner, organization, grant or project id with its NUL */
	BI18N_MESSAGE_MAX = 256,   /* a message with its NUL                                   */
	BI18N_DIGEST_MAX = 65      /* a SHA-256 in hex with its NUL                            */
};

/* States and faults --------------------------------------------------------------------------------- */

/* The first block are states of a connection: data to show, not errors to log. bi18n_code_text() gives a
 * sentence for the user interface, bi18n_code_next_step() what the program or the user does next. */
enum bi18n_code {
	BI18N_OK = 0,
	BI18N_CONNECTED = 0,           /* the same, where a state is meant                          */
	BI18N_RECONNECT_REQUIRED = 1,  /* revoked (410, invalid_grant): show "Reconnect"            */
	BI18N_SCOPE_REQUIRED = 2,      /* a permission is missing (403): show "Needs permission"    */
	BI18N_RATE_LIMITED = 3,        /* 429: nothing is sent again before error.retry_after_ms    */
	BI18N_TRY_LATER = 4,           /* network or server in trouble; error.retry_after_ms        */
	BI18N_NOT_CONNECTED = 5,       /* this owner has no such connection: connect first          */

	BI18N_EINVAL = 20,             /* an argument or option is wrong; error.message says which  */
	BI18N_ENOMEM = 21,             /* the allocator returned NULL; nothing was lost             */
	BI18N_ECANCELED = 22,          /* bi18n_cancel() was called                                 */
	BI18N_ESTORE = 23,             /* the store failed; what was not stored was not used        */
	BI18N_EKEY = 24,               /* no key opens a stored secret, or it was tampered with     */
	BI18N_ECLIENT = 25,            /* the server refuses client_id or client_secret             */
	BI18N_EDENIED = 26,            /* the user (or the server) declined the authorization       */
	BI18N_ESTATE = 27,             /* callback of another owner, of another server, or too late */
	BI18N_EPROTOCOL = 28,          /* an answer that is none: malformed, too large, a redirect  */
	BI18N_EINSECURE = 29,          /* a base URL without TLS off loopback                       */
	BI18N_EFORBIDDEN = 30,         /* 403 for another reason than a scope                       */
	BI18N_ENOTFOUND = 31,          /* 404                                                       */
	BI18N_EREFUSED = 32,           /* any other 4xx                                             */
	BI18N_EUNSUPPORTED = 33        /* built without this store or cache                         */
};

/* What happened and what to do. Caller's memory; no function reads it. */
struct bi18n_error {
	enum bi18n_code code;
	int     http_status;                     /* of the answer that caused it; 0: none                */
	int64_t retry_after_ms;                  /* wait at least this long before the next call; 0: no  */
	char    required_scope[BI18N_SCOPE_MAX]; /* BI18N_SCOPE_REQUIRED: the scope that is missing      */
	char    message[BI18N_MESSAGE_MAX];      /* for the log; never holds a token or a secret         */
	/* BI18N_RECONNECT_REQUIRED, BI18N_SCOPE_REQUIRED: where to send the user's browser. Asks for all that
	 * was granted and for what is missing; good for ten minutes and for one use. "" if the client has no
	 * redirect_uri or the store is away. */
	char    authorize_url[BI18N_URL_MAX];
};

/* Constant texts, never NULL. */
const char *bi18n_code_name(enum bi18n_code code);       /* "RECONNECT_REQUIRED", "EINVAL", ...          */
const char *bi18n_code_text(enum bi18n_code code);       /* one English sentence for a user              */
const char *bi18n_code_next_step(enum bi18n_code code);  /* "send the user to authorize_url", ...        */
const char *bi18n_version(void);

/* Allocation, time, cancellation -------------------------------------------------------------------- */

/* Called from many threads at once; may return NULL. Used for all that this library allocates itself;
 * libcurl, OpenSSL and the database drivers keep to their own. `release` gets what `allocate` gave. */
struct bi18n_allocator {
	void *context;
	void *(*allocate)(void *context, size_t bytes);
	void  (*release)(void *context, void *memory);
};

/* For tests and for programs with their own idea of time. All three or none. steady_ms never goes back
 * and counts while the machine sleeps; wall_ms is the time of day, used for the store's columns and the
 * ten minutes of a callback only. sleep_ms may return early. */
struct bi18n_clock {
	void *context;
	int64_t (*steady_ms)(void *context);
	int64_t (*wall_ms)(void *context);
	void    (*sleep_ms)(void *context, int64_t ms);
};

/* One may serve many calls. A call that it stops returns BI18N_ECANCELED within 50 ms, wherever it waits: for the
 * network, between attempts, for another thread or process that mints. (Only a statement of the store is let end, and
 * a Redis that hangs is given half a second.) Needs no client, hence not its allocator. */
struct bi18n_cancel;
struct bi18n_cancel *bi18n_cancel_create(void);                   /* NULL: no memory or no descriptor  */
void bi18n_cancel(struct bi18n_cancel *cancel);                   /* any thread, also a signal handler */
void bi18n_cancel_destroy(struct bi18n_cancel **cancel);          /* after the last call that used it  */

/* What every call to the network may be given. NULL and zeroes: the defaults. */
struct bi18n_call {
	struct bi18n_cancel *cancel;
	int64_t timeout_ms;                      /* for the call with all its waits; 0: options.timeout_ms */
};

/* Stores -------------------------------------------------------------------------------------------- */

/* A row of bi18n_connection. The first seven columns are those that the platform asks partners to keep;
 * the rest is bookkeeping. No text is NULL. There is no column for an installation token, on purpose. */
struct bi18n_row {
	const char *owner_id;
	const char *grant_id;
	const char *refresh_token;       /* sealed: "v1.<key>.<base64url>"; "": none left                 */
	const char *organization_id;     /* "?...": not known yet; see bi18n_callback()                   */
	const char *scopes;              /* a JSON array                                                  */
	const char *project_ids;         /* a JSON array; "[]" is all, unless project_access says not     */
	int64_t     disconnected_at_ms;  /* NULL in SQL; 0: connected                                     */
	const char *organization_slug;   /* "" if the server does not tell                                */
	const char *project_access;      /* "all" or "selected"                                           */
	const char *refresh_digest;      /* SHA-256 of the refresh token in hex; what `swap` compares     */
	int64_t     created_at_ms;
	int64_t     updated_at_ms;
};

/* A callback on its way: between authorize URL and callback, at most ten minutes. */
struct bi18n_pending {
	const char *state_digest;        /* SHA-256 of `state` in hex: the key                            */
	const char *owner_id;
	const char *verifier;            /* PKCE, sealed                                                  */
	const char *redirect_uri;
	const char *scopes;              /* asked for, separated by spaces                                */
	int64_t     expires_at_ms;
};

enum bi18n_stored {
	BI18N_STORED = 0,
	BI18N_STORED_NONE = 1,           /* no such row                                                   */
	BI18N_STORED_CONFLICT = 2,       /* swap: the row is not as expected any more                     */
	BI18N_STORED_FAILED = 3,         /* unavailable, or it is not known whether it was written        */
	BI18N_STORED_NOMEM = 4
};

/* Told each row; it and its texts live for the call only. false: stop. */
typedef bool bi18n_row_fn(void *visitor, const struct bi18n_row *row);
typedef bool bi18n_pending_fn(void *visitor, const struct bi18n_pending *pending);

/* A store of your own. Every function is called from many threads at once, and has made its change durable
 * when it returns BI18N_STORED. Each change of a row is one atomic statement. */
struct bi18n_store {
	void *context;
	/* All rows or none. A row that is there for (owner_id, organization_id) is replaced, but for its
	 * created_at_ms, whatever its state. */
	enum bi18n_stored (*upsert)(void *context, const struct bi18n_row *rows, size_t rows_n);
	/* `organization` is an id or a slug; an id wins. */
	enum bi18n_stored (*find)(void *context, const char *owner_id, const char *organization,
	                          bi18n_row_fn *visit, void *visitor);
	/* Those of an owner, or of all if owner_id is NULL; by owner, then organization slug. */
	enum bi18n_stored (*list)(void *context, const char *owner_id, bi18n_row_fn *visit, void *visitor);
	/* Replaces the row of (row->owner_id, row->organization_id) only if its refresh_digest still is
	 * `expected_digest` and its grant_id `expected_grant`; else CONFLICT (or NONE). Keeps created_at_ms. */
	enum bi18n_stored (*swap)(void *context, const char *expected_digest, const char *expected_grant,
	                          const struct bi18n_row *row);
	/* Removes the row of (owner_id, organization_id) and, if `row` is not NULL, does with it what upsert does:
	 * both or neither. NONE, and nothing is changed, if there is no such row. */
	enum bi18n_stored (*replace)(void *context, const char *owner_id, const char *organization_id,
	                             const struct bi18n_row *row);
	/* Also forgets what has expired before now_ms. */
	enum bi18n_stored (*pending_put)(void *context, const struct bi18n_pending *pending, int64_t now_ms);
	/* Removes and tells it, so that of two callbacks with one state only one finds it. */
	enum bi18n_stored (*pending_take)(void *context, const char *state_digest,
	                                  bi18n_pending_fn *visit, void *visitor);
	void (*close)(void *context);            /* by bi18n_close(); may be NULL                         */
};

/* The client ---------------------------------------------------------------------------------------- */

/* Seals refresh tokens (AES-256-GCM) in the store and tokens in Redis. `id` is written beside what it
 * sealed; never give one id to two keys. */
struct bi18n_key {
	uint8_t id;                              /* 0..255                                                */
	uint8_t bytes[BI18N_KEY_BYTES];          /* from a random source; BI18N_EINVAL if all are zero    */
};

struct bi18n_options {
	const char *client_id;                   /* required                                              */
	const char *client_secret;               /* NULL: a public client, whose refresh tokens rotate    */
	const char *redirect_uri;                /* NULL: every authorize request names its own           */

	const char *base_url;                    /* API; NULL: the hosted service with its three hosts.
	                                          * https, or http on a loopback host; no path            */
	const char *authorize_base_url;          /* where browsers go; NULL: base_url                     */
	const char *cdn_base_url;                /* NULL: base_url                                        */
	const char *issuer;                      /* what `iss` must be; NULL: what the server's metadata
	                                          * says, which must be base_url or authorize_base_url    */

	const char *store;                       /* "sqlite:FILE" or "postgres://..."                     */
	const struct bi18n_store *custom_store;  /* instead; copied, its context is borrowed until close  */
	const struct bi18n_key *keys;            /* the first one seals, all of them open; copied         */
	size_t      keys_n;                      /* 1..16                                                 */
	const char *redis;                       /* NULL: none; "redis://[:PASSWORD@]HOST[:PORT][/DB]" or
	                                          * "unix:PATH". Shares installation tokens, sealed, among
	                                          * processes, so that they mint once together            */

	int64_t     timeout_ms;                  /* of a call with its retries and waits; default 30 000  */
	int64_t     connect_timeout_ms;          /* default 10 000                                        */
	int64_t     wait_max_ms;                 /* longest Retry-After that a call sits out by itself
	                                          * instead of returning RATE_LIMITED; default 2 000,
	                                          * negative: never                                       */
	int         attempts_max;                /* of an idempotent request that meets a network fault or
	                                          * a 5xx; default 4, 1: no retry                         */
	int64_t     refresh_jitter_ms;           /* tokens are renewed this much at random after the last
	                                          * 60 s of their life began; default 5 000, at most
	                                          * 30 000, negative: none                                */
	size_t      answer_bytes_max;            /* default 16 MiB                                        */
	size_t      cdn_cache_bytes_max;         /* default 8 MiB                                         */
	int64_t     cdn_fresh_ms;                /* how long a CDN answer is used unasked; default 60 000 */
	const char *ca_file;                     /* PEM bundle instead of the system's                    */
	const char *user_agent;                  /* put before "libbi18n/VERSION"                         */

	const struct bi18n_allocator *allocator; /* NULL: malloc and free; copied                         */
	const struct bi18n_clock *clock;         /* NULL: the system's; copied                            */
};

struct bi18n;

/* Opens the store (creating or migrating its tables) and checks every option; does not touch the platform.
 * EINVAL, ENOMEM, ESTORE, EINSECURE, EUNSUPPORTED. Options are copied. */
enum bi18n_code bi18n_open(const struct bi18n_options *options, struct bi18n **out,
                           struct bi18n_error *error);
/* Wipes every secret in memory, sets *client to NULL. NULL and a NULL client are fine. Results outlive it
 * only if the allocator does; release them before. */
void bi18n_close(struct bi18n **client);

/* Releases a result of any function here, wiping it first. NULL is fine. */
void bi18n_free(void *result);
/* Overwrites with zeroes, also where a compiler would leave that out. */
void bi18n_wipe(void *memory, size_t bytes);

/* Counted since bi18n_open(). */
struct bi18n_stats {
	uint64_t calls;                          /* requests asked for by the program                     */
	uint64_t mints;                          /* installation tokens received                          */
	uint64_t refreshes;                      /* token answers received for a refresh token            */
	uint64_t retries;                        /* requests sent again, for whatever reason              */
	uint64_t token_hits;                     /* installation tokens taken from memory by slow calls   */
	uint64_t shared_hits;                    /* installation tokens taken from Redis                  */
};
void bi18n_stats(const struct bi18n *client, struct bi18n_stats *out);

/* Connect ------------------------------------------------------------------------------------------- */

struct bi18n_authorize {
	const char *owner_id;                    /* required: your name for who owns the connection; the
	                                          * callback must come from the same one                  */
	const char *scopes;                      /* required: names separated by spaces                   */
	const char *redirect_uri;                /* NULL: options.redirect_uri                            */
	const char *login_hint;                  /* NULL: none                                            */
	const char *ui_locales;                  /* NULL: none; "tr en"                                   */
};

struct bi18n_authorization {
	char url[BI18N_URL_MAX];                 /* where to send the browser, within ten minutes         */
	char destructive[BI18N_SCOPES_MAX];      /* those of the scopes that can publish or create and are
	                                          * unticked on the consent page; "": none. Ask for them
	                                          * only if you need them                                 */
};

/* Starts a connection: makes state and PKCE, keeps them (verifier sealed) for ten minutes, builds the URL.
 * Also adds a further organization: the user picks it on the consent page. An unknown scope is EINVAL. */
enum bi18n_code bi18n_authorize_url(struct bi18n *client, const struct bi18n_authorize *in,
                                    struct bi18n_authorization *out, struct bi18n_error *error);

/* The same, with all that the connection has plus `scope` (names separated by spaces; NULL: only what it
 * has): reconnecting and stepping up. Works on disconnected connections. NOT_CONNECTED if there is none. */
enum bi18n_code bi18n_reauthorize_url(struct bi18n *client, const char *owner_id, const char *organization,
                                      const char *scope, struct bi18n_authorization *out,
                                      struct bi18n_error *error);

/* One organization that an owner connected. */
struct bi18n_connection {
	const char *owner_id;
	const char *grant_id;
	const char *organization_id;
	const char *organization_slug;           /* "" if the server does not tell                        */
	const char *scopes;                      /* granted, separated by spaces                          */
	const char *declined_scopes;             /* bi18n_callback(): asked for and not granted; else ""  */
	const char *const *project_ids;          /* none with all_projects                                */
	size_t      project_ids_n;
	bool        all_projects;
	enum bi18n_code state;                   /* CONNECTED or RECONNECT_REQUIRED, and from what this
	                                          * client met last: SCOPE_REQUIRED, RATE_LIMITED,
	                                          * TRY_LATER                                             */
	int64_t     disconnected_at_ms;          /* 0: connected                                          */
	int64_t     created_at_ms, updated_at_ms;
};
struct bi18n_connections {
	size_t n;
	const struct bi18n_connection *v;
};

/* Ends a connection attempt. `query` is what the browser brought: the whole callback URL, or what is behind
 * its '?'. Checks state (known, unused, of this owner, at most ten minutes old) and `iss`, redeems the code,
 * and stores one row per organization in one transaction, over a row that is there for (owner,
 * organization), whose disconnected_at it clears. Tells the connections that this consent made.
 *
 * A server that names the organization only with an installation token: the row waits for it under a name of its
 * own that begins with '?', so that its refresh token is stored before anything is minted.
 *
 * ESTATE, EDENIED, ECLIENT, EPROTOCOL, ESTORE. A code is sent once and never again: after TRY_LATER or a
 * crash the user connects anew, unless bi18n_connections() tells that it was stored. */
enum bi18n_code bi18n_callback(struct bi18n *client, const char *owner_id, const char *query,
                               const struct bi18n_call *call, struct bi18n_connections **out,
                               struct bi18n_error *error);

/* An owner's connections, or everybody's if owner_id is NULL; from the store, not the network (unless a crash cut a
 * callback off whose organization the server had not told yet: then that is completed, in ten seconds at most). */
enum bi18n_code bi18n_connections(struct bi18n *client, const char *owner_id,
                                  struct bi18n_connections **out, struct bi18n_error *error);
/* One: NOT_CONNECTED if it is not there. `organization` is an id or a slug here and below, or NULL where the
 * owner has exactly one connection (EINVAL if several). */
enum bi18n_code bi18n_connection(struct bi18n *client, const char *owner_id, const char *organization,
                                 struct bi18n_connections **out, struct bi18n_error *error);

/* Revokes the grant on the server, then marks the row disconnected and drops its refresh token. A grant that
 * is gone already is fine. If the server cannot be reached nothing changes (TRY_LATER). */
enum bi18n_code bi18n_disconnect(struct bi18n *client, const char *owner_id, const char *organization,
                                 const struct bi18n_call *call, struct bi18n_error *error);

/* Seals every stored refresh token with the first key; *changed_out (may be NULL) counts those that were
 * sealed with another. After it has returned OK the other keys may go. */
enum bi18n_code bi18n_rotate_keys(struct bi18n *client, size_t *changed_out, struct bi18n_error *error);

/* Tokens -------------------------------------------------------------------------------------------- */

/* The connection's installation token, good for 60 s at least (less only while renewing it fails). From
 * memory if it can be: no lock, no system call. Else one thread renews it while the others wait, or go on
 * with the old one while that is good. Copies at most BI18N_TOKEN_MAX bytes; wipe them after use; never
 * write them to a file or a database. *expires_in_ms (may be NULL): its life. */
enum bi18n_code bi18n_installation_token(struct bi18n *client, const char *owner_id, const char *organization,
                                         const struct bi18n_call *call, char token[BI18N_TOKEN_MAX],
                                         int64_t *expires_in_ms, struct bi18n_error *error);

/* "This token was answered with 401": forgets it if it still is the one in memory, so that the next call
 * mints. bi18n_request() does so itself. Believed once in 30 s (TRY_LATER), unless the grant has changed. */
enum bi18n_code bi18n_token_rejected(struct bi18n *client, const char *owner_id, const char *organization,
                                     const char *token, struct bi18n_error *error);

/* Calls --------------------------------------------------------------------------------------------- */

struct bi18n_request {
	const char *method;                      /* "GET", "POST", ...                                    */
	const char *path;                        /* from base_url on: "/api/..." with its query, encoded  */
	const void *body;                        /* NULL: none                                            */
	size_t      body_n;
	const char *content_type;                /* NULL: application/json                                */
	const char *if_none_match;               /* NULL: none                                            */
	bool        idempotent;                  /* may be sent twice, though its method does not say so  */
};

struct bi18n_answer {
	int         status;                      /* 2xx or 304                                            */
	const char *body;                        /* with a NUL behind it                                  */
	size_t      body_n;
	const char *content_type;                /* "" if there is none                                   */
	const char *etag;                        /* "" if there is none                                   */
	bool        stale;                       /* CDN: kept from before; asking again failed or is on   */
};

/* Any request to the platform with the connection's token (Bearer; x-api-key under /api/trpc/).
 *   401          the token is minted again and the request sent again, once
 *   403          missing_scope: SCOPE_REQUIRED with authorize_url; else EFORBIDDEN; never sent again
 *   410          the row is read again: RECONNECT_REQUIRED, unless the user has reconnected meanwhile
 *   429          Retry-After is sat out (wait_max_ms), or RATE_LIMITED; later calls of this connection
 *                return it without a request until the time has come
 *   5xx, network GET, HEAD, PUT, DELETE, OPTIONS and `idempotent`: sent again with growing, random pauses;
 *                then, and for others at once, TRY_LATER
 * Redirects are refused (EPROTOCOL). What a refusal says for people is in error.message, shortened. */
enum bi18n_code bi18n_request(struct bi18n *client, const char *owner_id, const char *organization,
                              const struct bi18n_request *request, const struct bi18n_call *call,
                              struct bi18n_answer **out, struct bi18n_error *error);

/* One tRPC procedure ("mcp.listKeys"). `input` is a JSON object or NULL; body of the answer is the JSON of
 * result.data. Errors inside the envelope count like the statuses above. A query is idempotent.
 * Source: contract "platform-api" sections 5 and 7. */
enum bi18n_code bi18n_trpc_query(struct bi18n *client, const char *owner_id, const char *organization,
                                 const char *procedure, const char *input, const struct bi18n_call *call,
                                 struct bi18n_answer **out, struct bi18n_error *error);
enum bi18n_code bi18n_trpc_mutation(struct bi18n *client, const char *owner_id, const char *organization,
                                    const char *procedure, const char *input, const struct bi18n_call *call,
                                    struct bi18n_answer **out, struct bi18n_error *error);

/* Partner REST, typed. Source: contract "platform-api" section 13.
 *
 * Here and below `project` is whatever names it: its slug within the connection's organization ("web"), the
 * "org/project" that bi18n_projects() tells, or its id. What a call needs and was not given costs one request
 * more, for the list of projects (projects:read): an id where texts are meant, a slug where REST is. */
struct bi18n_organization { const char *id, *slug, *name; };
struct bi18n_organizations { size_t n; const struct bi18n_organization *v; };
struct bi18n_project {
	const char *id, *slug;                   /* slug: "org/project"                                   */
	const char *name, *source_language;
	const char *const *target_languages;
	size_t      target_languages_n;
	int64_t     key_count;                   /* bi18n_project_get() only, else 0                      */
	const char *cdn_base_url;                /* bi18n_project_get() only, else ""                     */
};
struct bi18n_projects { size_t n; const struct bi18n_project *v; };

enum bi18n_code bi18n_organizations(struct bi18n *client, const char *owner_id, const char *organization,
                                    const struct bi18n_call *call, struct bi18n_organizations **out,
                                    struct bi18n_error *error);                     /* org:read       */
enum bi18n_code bi18n_projects(struct bi18n *client, const char *owner_id, const char *organization,
                               const struct bi18n_call *call, struct bi18n_projects **out,
                               struct bi18n_error *error);                          /* projects:read  */
enum bi18n_code bi18n_project_get(struct bi18n *client, const char *owner_id, const char *organization,
                                  const char *project, const struct bi18n_call *call,
                                  struct bi18n_projects **out, struct bi18n_error *error);
enum bi18n_code bi18n_project_create(struct bi18n *client, const char *owner_id, const char *organization,
                                     const char *slug, const char *name, const char *source_language,
                                     const struct bi18n_call *call, struct bi18n_projects **out,
                                     struct bi18n_error *error);                    /* projects:write */
/* *added_out (may be NULL): false if the project had it already. */
enum bi18n_code bi18n_language_add(struct bi18n *client, const char *owner_id, const char *organization,
                                   const char *project, const char *language,
                                   const struct bi18n_call *call, bool *added_out,
                                   struct bi18n_error *error);                      /* projects:write */
/* GET /api/oauth-client/me with the installation token; the answer as it is. */
enum bi18n_code bi18n_me(struct bi18n *client, const char *owner_id, const char *organization,
                         const struct bi18n_call *call, struct bi18n_answer **out,
                         struct bi18n_error *error);

/* Translations, typed, over tRPC. */
struct bi18n_text {
	const char *key_id, *key, *name_space;   /* name_space: "default" where the project has none      */
	const char *source;                      /* text in the source language; "" if there is none      */
	const char *text;                        /* in the language asked for; "" if there is none        */
	const char *status;                      /* of `text`: "draft", "approved", ...; "" if none       */
};
struct bi18n_texts { size_t n; bool more; const struct bi18n_text *v; };

/* At most `limit` (1..200) keys whose name or text contains `search` (NULL: all). translations:read */
enum bi18n_code bi18n_texts(struct bi18n *client, const char *owner_id, const char *organization,
                            const char *project, const char *language, const char *search, int limit,
                            const struct bi18n_call *call, struct bi18n_texts **out,
                            struct bi18n_error *error);
/* Writes one text of one key. ENOTFOUND if there is no such key. translations:write */
enum bi18n_code bi18n_text_set(struct bi18n *client, const char *owner_id, const char *organization,
                               const char *project, const char *key_id, const char *language,
                               const char *text, const struct bi18n_call *call, struct bi18n_error *error);
/* Adds a key with its source text; *key_id_out (may be NULL) is released with bi18n_free(). keys:write */
enum bi18n_code bi18n_key_create(struct bi18n *client, const char *owner_id, const char *organization,
                                 const char *project, const char *name_space, const char *key,
                                 const char *source, const struct bi18n_call *call, char **key_id_out,
                                 struct bi18n_error *error);
/* Publishes all that is pending. Waits until it is delivered if `wait`. *published_out (may be NULL): texts.
 * translations:publish */
enum bi18n_code bi18n_publish(struct bi18n *client, const char *owner_id, const char *organization,
                              const char *project, bool wait, const struct bi18n_call *call,
                              int64_t *published_out, struct bi18n_error *error);

/* CDN ----------------------------------------------------------------------------------------------- */

/* Published texts: {cdn}/{project}/{locale}.json, `project` being "org/project"; name_space NULL: all. (There is
 * no connection here whose organization a slug alone could be of.)
 * Needs no connection. Kept in memory: within cdn_fresh_ms as it is; after that at once as well (stale) while
 * a thread of the library asks again with its ETag; if that fails it stays. Source: contract "cdn-and-cli". */
enum bi18n_code bi18n_cdn_get(struct bi18n *client, const char *project, const char *locale,
                              const char *name_space, const struct bi18n_call *call,
                              struct bi18n_answer **out, struct bi18n_error *error);

/* MCP ----------------------------------------------------------------------------------------------- */

enum bi18n_mcp_target {
	BI18N_MCP_CURSOR = 1,                    /* DIR/.cursor/mcp.json                                  */
	BI18N_MCP_CLAUDE = 2,                    /* DIR/.mcp.json                                         */
	BI18N_MCP_VSCODE = 4,                    /* DIR/.vscode/mcp.json                                  */
	BI18N_MCP_ALL = 7
};

/* Enters the server "better-i18n" with the connection's installation token into a workspace's configuration,
 * or renews the token there. Other servers and members stay byte for byte; a file that is not JSON is left
 * alone (EINVAL). Files are replaced whole and are the owner's only (0600); symbolic links are refused. The
 * token is good for an hour at most: call it again when the workspace opens. This is the one place where an
 * installation token meets a file, because editors read it from there (seed row 15); keep those files out of
 * version control. `server_url` (https, or http on a loopback host: EINSECURE) NULL: base_url + "/mcp". */
enum bi18n_code bi18n_mcp_config(struct bi18n *client, const char *owner_id, const char *organization,
                                 const char *directory, unsigned targets, const char *server_url,
                                 const struct bi18n_call *call, struct bi18n_error *error);

#ifdef __cplusplus
}
#endif

#endif
