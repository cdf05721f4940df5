/* SPDX-License-Identifier: MIT
 *
 * The REST channel: partner routes, token endpoint, metadata documents, health and metrics, the
 * API description, and the control channel of the command line. A route is a row of routes.c that
 * names an operation; this folder translates shapes and errors and knows no rule.
 * Sources: contract "platform-api" 4.4, 12.1, 12.5, 13; rules 1-28, 94-110, 162-169;
 * "own-interfaces"; rulings R1, R26, R35, R41. */
#ifndef API_API_H
#define API_API_H

#include "http/http.h"
#include "operation/operation.h"

struct api_config {
	struct operation_env *env;
	str    version;                        /* of the server, for /health and the description     */
	size_t control_body_bytes_max;         /* one command: an import carries its file; 0: 16 MiB */
};

struct api;
/* Resolves every row's operation and builds the documents once. A row whose operation does not
 * exist is left out, also from the documents: nothing is advertised that is not alive. */
struct api *api_create(const struct api_config *config);
void api_destroy(struct api *api);

/* For http_config: routes for everyone, and those of the unix socket alone. They live as long as
 * `api`. */
const struct http_route *api_routes(const struct api *api, size_t *n_out);
const struct http_route *api_control_routes(const struct api *api, size_t *n_out);
/* For http_config.error: requests that belong to no route get the REST shape. */
void api_error(struct http_exchange *x, const struct err *e);
/* To be called from http_config.access: counts answers for /metrics. Any thread. */
void api_count(struct api *api, int status, int64_t ns);

#endif
