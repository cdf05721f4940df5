/* SPDX-License-Identifier: MIT */
#ifndef RPC_RPC_INT_H
#define RPC_RPC_INT_H

#include <stdatomic.h>

#include "operation/credential.h"
#include "rpc/rpc.h"

enum {
	RPC_TARGET_BYTES_MAX  = 128 * 1024,          /* ruling R26                                   */
	RPC_TARGET_READ_MAX   = 512 * 1024,          /* read, so that the refusal is an envelope      */
	RPC_BODY_BYTES_MAX    = 16 * 1024 * 1024,
	RPC_BATCH_MAX         = 100,
	RPC_PARAMS_MAX        = 32,                  /* of the query: batch, input and what others add */
	RPC_ANSWER_BYTES_MAX  = 256 * 1024 * 1024,
	RPC_ITEM_ARENA_BYTES  = 4 * 1024,
};

enum procedure_type { PROCEDURE_QUERY, PROCEDURE_MUTATION };

struct procedure {
	const char         *path;
	enum procedure_type type;
	const char         *operation;
};
extern const struct procedure procedures[];
extern const size_t procedures_n;

struct rpc {
	struct rpc_config        config;
	struct arena            *arena;
	const struct operation **operations;         /* of each procedure; NULL: not in this build   */
	struct http_route       *routes;
	size_t                   routes_n;
};

/* What the target and the body of one request say, before anything is known about procedures.
 * ---- parse.c */
struct rpc_text {
	bool post;
	str  path;                                   /* after /api/trpc/, percent-decoded            */
	str  query, content_type, body;
};
struct rpc_plan {
	bool batch;
	const str *paths;
	size_t     paths_n;
	str        input_text;                       /* not parsed yet                                */
	bool       input_bad;                        /* then input_err says why, for each call        */
	struct err input_err;
	const struct json *input;                    /* NULL: none sent                               */
};
/* false: the request as a whole is wrong. ERR_INVALID_REQUEST, ERR_UNSUPPORTED_MEDIA_TYPE. */
bool rpc_parse(struct arena *a, const struct rpc_text *t, size_t batch_max, struct rpc_plan *out,
               struct err *e) MUST_CHECK;
/* Parsed, a text takes many times its own size: not before the caller is known. */
void rpc_parse_input(struct arena *a, struct rpc_plan *plan);
/* Input of the call at `index`; NULL: none. */
const struct json *rpc_input_at(struct arena *a, const struct rpc_plan *plan, size_t index);

/* envelope.c */
void rpc_put_result(struct json_out *o, const struct operation *op, const void *out, int dialect);
/* path absent: the error is the request's. */
void rpc_put_error(struct json_out *o, const struct err *e, str path);
int  rpc_status(const struct err *e);
struct rpc_extra { int retry_after_s; struct rate_fields rate; };       /* zero: neither */
void rpc_send(struct http_exchange *x, int status, str body, const struct rpc_extra *extra);
void rpc_send_error(struct http_exchange *x, const struct err *e);
void rpc_log_failure(str request_id, str path, const struct err *e);       /* any thread */

/* batch.c */
void rpc_handle(struct http_exchange *x);

#endif
