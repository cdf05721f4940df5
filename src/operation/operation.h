/* SPDX-License-Identifier: MIT
 *
 * Every act a client can ask for, as one table. A row says who may (token kinds, scope), which fields
 * go in and out, where it runs and what it calls. Channels name a row and translate shapes. */
#ifndef OPERATION_OPERATION_H
#define OPERATION_OPERATION_H

#include "access/act.h"
#include "base/field.h"

enum lane { LANE_INLINE, LANE_READ, LANE_WRITE, LANE_SLOW };
/* INLINE: memory only, on the caller's thread. READ: pool thread with a read connection. WRITE: writer thread, in a savepoint.
 * SLOW: pool thread without a connection (hashes, files); the call opens what it needs itself. */

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
	/* Scope that depends on the input (status: "published" needs publish); 0: none more. May be NULL. */
	int64_t    (*more_scopes)(const void *in);
	/* Waits without a thread until the topic changes or the time is up, then runs. NULL: at once. Returns ms, topic in *out. */
	int64_t    (*wait_ms)(const void *in, str *topic_out);
	unsigned     role;                       /* SESSION: least enum role in the organization named by the input; the call checks */
};

const struct operation *operation_find(str name);
size_t operation_table(const struct operation **rows_out);

/* The long-lived surroundings, made by wiring. */
struct operation_env;

struct credential {              /* as a channel found them; absent when not sent */
	str bearer;                  /* Authorization: Bearer …            */
	str api_key;                 /* x-api-key                          */
	str session;                 /* cookie                             */
	bool local;                  /* control.sock or command line       */
};

/* One call in flight. Channels embed it in what they need for the answer; zero it, fill the first part, start. `done` is called
 * exactly once, on any thread (the caller's own for inline lanes and refusals); `out` is valid when ok. */
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
	/* private */
	_Alignas(16) unsigned char private_[256];
};

/* Who is asking, from memory alone: bearers, keys and sessions are complete there. Inline, takes no lock.
 * Nothing sent: WHO_ANONYMOUS. ERR_INVALID_TOKEN, ERR_GRANT_REVOKED, ERR_INVALID_REQUEST (two different credentials). */
bool operation_authenticate(struct operation_env *env, struct arena *a, const struct credential *cred, int64_t now_ms,
                            struct principal *who, struct err *e) MUST_CHECK;

/* Checks kind, scopes and rate, then runs the call on its lane. Refusals by scope are audited. */
void operation_start(struct operation_call *c);
/* JSON in -> struct by the row's fields, in c->arena. */
bool operation_read_input(struct operation_call *c, const struct json *input, struct err *e) MUST_CHECK;

#endif
