/* SPDX-License-Identifier: MIT
 *
 * The tRPC channel: /api/trpc/<procedure>[,…]. A procedure is a row of procedures.c that names an
 * operation; this folder translates the two dialects (batched and plain) and wraps every error in
 * the envelope, the engine's own ones included.
 * Source: contract "platform-api" sections 3, 4.4, 5; "observed-traffic" section 3; rulings R5,
 * R16, R26, R35. */
#ifndef RPC_RPC_H
#define RPC_RPC_H

#include "http/http.h"
#include "operation/operation.h"

struct rpc_config {
	struct operation_env *env;
	size_t body_bytes_max;            /* 0: 16 MiB  */
	size_t batch_max;                 /* 0: 100     */
};

struct rpc;
/* Resolves the operations of all procedures; one without an operation does not exist. */
struct rpc *rpc_create(const struct rpc_config *config);
void rpc_destroy(struct rpc *rpc);
/* For http_config; they live as long as `rpc`. */
const struct http_route *rpc_routes(const struct rpc *rpc, size_t *n_out);

#endif
