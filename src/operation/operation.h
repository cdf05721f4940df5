/* SPDX-License-Identifier: MIT
 *
 * Every act a client can ask for, as one table. A row says who may (token kinds, scope), which
 * fields go in and out, where it runs and what it calls. Channels name a row and translate
 * shapes. */
#ifndef OPERATION_OPERATION_H
#define OPERATION_OPERATION_H

#include "access/act.h"
#include "access/rate.h"
#include "base/field.h"

enum lane { LANE_INLINE, LANE_READ, LANE_WRITE, LANE_SLOW };
/* INLINE: memory only, on the caller's thread; a call that finds that it needs the store (act->db is
 * NULL) fails with e->keep, and is made again on the write lane. READ: pool thread with a read connection. WRITE:
 * writer thread, in a savepoint. SLOW: pool thread without a connection (hashes, files); the call
 * opens what it needs itself. */

/* GRANT is counted here, for each request of a grant or key. The others by the call itself,
 * because only it knows what counts: the grant that a mint resolves to, a password or a client
 * secret that was wrong. */
enum rate_class { RATE_NONE, RATE_GRANT, RATE_MINT, RATE_LOGIN, RATE_TOKEN };

typedef bool (*operation_fn)(const struct act *act, const void *in, void *out, struct err *e);

struct operation {
	const char  *name;                       /* "project.create"                                    */
	unsigned     who;                        /* bits of enum principal_kind                          */
	int64_t      scopes;                     /* all of them needed, for INSTALL and KEY              */
	enum lane    lane;
	enum rate_class rate;
	const struct field *in;  size_t in_size;
	const struct field *out; size_t out_size;
	operation_fn call;
	/* Scope that depends on the input (status: "published" needs publish); 0: none more. May
	 * be NULL. */
	int64_t    (*more_scopes)(const void *in);
	/* Waits without a thread until the topic changes or the time is up, then runs. NULL: at
	 * once. Returns ms, topic in *out. */
	int64_t    (*wait_ms)(const void *in, str *topic_out);
	/* SESSION: least enum role in the organization named by the input; the call checks. */
	unsigned     role;
};

const struct operation *operation_find(str name);   /* NULL: no such row */
size_t operation_table(const struct operation **rows_out);

/* The long-lived surroundings, made by wiring. All pointers are borrowed and must outlive the
 * env. */
struct jobs;
struct operation_config {
	struct store          *store;             /* NULL: no read and write lanes (tests)                     */
	struct bearers        *bearers;
	struct apps           *apps;
	const struct settings *settings;
	void                  *publisher;
	struct jobs           *jobs;              /* its hub serves the waits; NULL: nothing waits              */
	str                    operator_token;    /* may read /metrics; absent or empty: nobody by token        */
	unsigned               read_threads;      /* as many as the store has read connections; 0: 4           */
	unsigned               slow_threads;      /* 0: 4                                                      */
	size_t                 queue_max;         /* calls that may wait for a thread; 0: 4096                  */
};
struct operation_env;
struct operation_env *operation_env_create(const struct operation_config *config);
/* Runs what is queued, then joins. After the channels have stopped and before the store closes.
 * NULL is fine. */
void operation_env_destroy(struct operation_env *env);
/* Tokens minted just now, for the timer that wipes them (oauth/sweep.h). */
struct mints *operation_mints(const struct operation_env *env);
const struct settings *operation_settings(const struct operation_env *env);
/* Is the store there and writing? Cheap; any thread. */
bool operation_ready(const struct operation_env *env);
/* Constant time. false when no operator token is set. */
bool operation_is_operator(const struct operation_env *env, str token);
/* Counters of operations, store and live tokens as Prometheus text. Any thread. */
void operation_metrics(const struct operation_env *env, struct buf *b);

struct credential {              /* as a channel found them (operation/credential.h); absent when not sent */
	str bearer;                  /* Authorization: Bearer …            */
	str api_key;                 /* x-api-key                          */
	str session;                 /* cookie                             */
	str client_id, client_secret;/* Authorization: Basic …             */
	str address;                 /* the peer's, to count failures of client_id by */
	bool local;                  /* control.sock or command line       */
};

/* One call in flight. Channels embed it in what they need for the answer; zero it, fill the first
 * part, start. `done` is called exactly once, on any thread (the caller's own for inline lanes
 * and refusals); `out` is valid when ok. */
struct operation_call {
	const struct operation *op;
	struct operation_env   *env;
	struct arena           *arena;
	const struct principal *who;              /* set, or leave NULL and call operation_authenticate first */
	const void             *in;               /* decoded by the row's fields                              */
	void                   *out;              /* allocated by start when NULL                              */
	int64_t                 now_ms;
	str                     request_id, address, user_agent;
	void                  (*done)(struct operation_call *c, bool ok, const struct err *e);
	void                   *channel;          /* the channel's own                                         */
	bool                    admitted;         /* operation_admit said yes; start does not ask again         */
	struct rate_left        left;             /* of the grant's requests (of a mint: of its mints)           */
	int64_t                 started_ns;       /* private                                                   */
	struct operation_flight *flight;          /* private: what the lane needs, in `arena`                   */
};

/* Who is asking, from memory alone: bearers, keys and sessions are complete there. Inline, takes
 * no lock. Nothing sent: WHO_ANONYMOUS. ERR_INVALID_TOKEN, ERR_GRANT_REVOKED, ERR_INVALID_REQUEST
 * (two different credentials), ERR_LOGIN_REQUIRED (a cookie that is no session),
 * ERR_INVALID_CLIENT. */
bool operation_authenticate(struct operation_env *env, struct arena *a, const struct credential *cred, int64_t now_ms,
                            struct principal *who, struct err *e) MUST_CHECK;

/* Kind of token, rate and the row's scopes, before the input is looked at: who may not call must
 * not learn what the input lacks. A refusal by scope is audited. ERR_INVALID_TOKEN,
 * ERR_LOGIN_REQUIRED, ERR_FORBIDDEN, ERR_RATE_LIMITED, ERR_MISSING_SCOPE. */
bool operation_admit(struct operation_call *c, struct err *e) MUST_CHECK;
/* Admits unless that is done, checks the scopes that depend on the input, then runs the call on
 * its lane. */
void operation_start(struct operation_call *c);
/* JSON in -> struct by the row's fields, in c->arena. NULL (nothing sent) and null are {} for a
 * row that needs no input. */
bool operation_read_input(struct operation_call *c, const struct json *input, struct err *e) MUST_CHECK;
/* Query, form and path parameters -> the same. */
bool operation_read_params(struct operation_call *c, const struct param *params, size_t params_n,
                           struct err *e) MUST_CHECK;
/* The fields RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10): a window of a
 * minute, named by what it counts. Absent: nothing was counted. */
struct rate_fields { str policy, limit; };
struct rate_fields operation_rate_fields(struct arena *a, const struct operation_call *c);
/* All scopes this call needs, those of its input (when read) included: for a challenge that names
 * them at once. */
int64_t operation_scopes(const struct operation_call *c);

#endif
