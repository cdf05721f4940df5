/* SPDX-License-Identifier: MIT */
#include "rpc/rpc_int.h"

static void route_error(struct http_exchange *x, const struct err *e)
{
	rpc_send_error(x, e);
}

struct rpc *rpc_create(const struct rpc_config *config)
{
	/* The engine reads a target as long as the most generous route takes and refuses longer
	 * ones before it knows where they lead. The first route, which serves nothing, makes it
	 * read far enough for this channel to refuse by itself. */
	static const struct { const char *pattern; size_t target_bytes_max; } rows[] = {
		{ "/api/trpc", RPC_TARGET_READ_MAX }, { "/api/trpc/*", RPC_TARGET_BYTES_MAX },
	};
	struct arena *a = arena_create(RPC_ITEM_ARENA_BYTES);
	struct rpc *rpc = arena_new(a, struct rpc);

	rpc->config = *config;
	rpc->arena = a;
	if (rpc->config.body_bytes_max == 0)
		rpc->config.body_bytes_max = RPC_BODY_BYTES_MAX;
	if (rpc->config.batch_max == 0)
		rpc->config.batch_max = RPC_BATCH_MAX;
	rpc->operations = arena_array(a, const struct operation *, procedures_n);
	for (size_t i = 0; i < procedures_n; i++)
		rpc->operations[i] = operation_find(str_from(procedures[i].operation));
	rpc->routes = arena_array(a, struct http_route, COUNT(rows));
	for (; rpc->routes_n < COUNT(rows); rpc->routes_n++)
		rpc->routes[rpc->routes_n] = (struct http_route){
			.methods = HTTP_GET | HTTP_POST, .pattern = rows[rpc->routes_n].pattern, .handler = rpc_handle,
			.error = route_error, .body_bytes_max = rpc->config.body_bytes_max,
			.target_bytes_max = rows[rpc->routes_n].target_bytes_max, .row = rpc,
		};
	return rpc;
}

void rpc_destroy(struct rpc *rpc)
{
	if (rpc != NULL)
		arena_destroy(rpc->arena);
}

const struct http_route *rpc_routes(const struct rpc *rpc, size_t *n_out)
{
	*n_out = rpc->routes_n;
	return rpc->routes;
}
