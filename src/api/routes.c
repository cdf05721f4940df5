/* SPDX-License-Identifier: MIT
 *
 * Every REST route. A new one is a row here and an operation. */
#include "api/api_int.h"

#define PARTNER "/api/oauth-client"
#define CORS_READ "GET, HEAD, OPTIONS"
#define CORS_POST "POST, OPTIONS"

/* An operation answers; what the columns mean: api_int.h. */
#define ASK(path, name, in, text) \
	{ .methods = HTTP_GET, .pattern = (path), .operation = (name), .status = 200, .input = (in), .summary = (text) }
/* Last the summary, then what else the row sets. */
#define DO(method, path, name, code, ...) \
	{ .methods = (method), .pattern = (path), .operation = (name), .status = (code), .input = INPUT_JSON, \
	  .body_bytes_max = API_BODY_BYTES_MAX, .summary = __VA_ARGS__ }
#define OAUTH(path, name, text) \
	{ .methods = HTTP_POST, .pattern = (path), .operation = (name), .status = 200, .input = INPUT_TOKEN, \
	  .flavour = FLAVOUR_OAUTH, .body_bytes_max = API_BODY_BYTES_MAX, .cors = CORS_POST, .summary = (text) }, \
	{ .methods = HTTP_OPTIONS, .pattern = (path), .operation = (name), .handler = api_preflight, \
	  .flavour = FLAVOUR_OAUTH, .body_bytes_max = API_IGNORED_BYTES_MAX, .cors = CORS_POST }
#define DOCUMENT(path, kind, text) \
	{ .methods = HTTP_GET, .pattern = (path), .handler = document_handle, .document = (kind), .cors = CORS_READ, \
	  .summary = (text) }, \
	{ .methods = HTTP_OPTIONS, .pattern = (path), .handler = api_preflight, .document = (kind), \
	  .body_bytes_max = API_IGNORED_BYTES_MAX, .cors = CORS_READ }

const struct api_row api_rows[] = {
	ASK(PARTNER "/me", "me.get", INPUT_NONE, "Who this token stands for, and what it may touch"),
	ASK(PARTNER "/organizations", "organizations.list", INPUT_NONE, "The organization of an installation token"),
	ASK(PARTNER "/organizations/:organization/projects", "project.list_org", INPUT_QUERY,
	    "Projects that the token may see"),
	DO(HTTP_POST, PARTNER "/v1/projects", "project.create", 201, "Create a project"),
	ASK(PARTNER "/v1/projects/:projectId", "project.get", INPUT_NONE,
	    "One project with languages, coverage and delivery addresses"),
	DO(HTTP_POST, PARTNER "/v1/projects/:projectId/languages", "language.add", 201, "Add a target language",
	   .created = "added"),
	ASK(PARTNER "/installations", "install.list", INPUT_QUERY, "Grants that the access token may mint for"),
	DO(HTTP_POST, PARTNER "/installations/:grantId/tokens", "install.mint", 200, "Mint an installation token"),
	{ .methods = HTTP_DELETE, .pattern = PARTNER "/installations/:grantId", .operation = "install.delete",
	  .status = 200, .input = INPUT_NONE, .body_bytes_max = API_IGNORED_BYTES_MAX,
	  .summary = "Revoke a grant with all its tokens" },
	{ .methods = HTTP_POST, .pattern = PARTNER "/leaked", .operation = "token.leaked", .status = 200,
	  .input = INPUT_JSON, .body_bytes_max = API_LEAK_BYTES_MAX,
	  .summary = "Report tokens found where they do not belong" },

	/* Asked by an administrator's key, or by the browser in which one is signed in. */
	ASK("/api/organizations/:organization/audit", "audit.organization", INPUT_QUERY,
	    "What happened in an organization, newest first, for its administrators"),

	OAUTH("/api/auth/mcp/token", "token.exchange", "Exchange a code, or refresh (RFC 6749)"),
	OAUTH("/api/auth/mcp/revoke", "token.revoke", "Revoke a token (RFC 7009)"),
	/* Asked by servers: no page elsewhere needs it (ruling R35). */
	{ .methods = HTTP_POST, .pattern = "/api/auth/mcp/introspect", .operation = "token.introspect", .status = 200,
	  .input = INPUT_TOKEN, .flavour = FLAVOUR_OAUTH, .body_bytes_max = API_BODY_BYTES_MAX,
	  .summary = "What a token is worth right now (RFC 7662)" },

	DOCUMENT("/.well-known/oauth-authorization-server", DOCUMENT_SERVER, "Server metadata (RFC 8414)"),
	DOCUMENT("/.well-known/oauth-protected-resource", DOCUMENT_RESOURCE, "Resource metadata (RFC 9728)"),
	DOCUMENT("/openapi.json", DOCUMENT_OPENAPI, "This description"),
	{ .methods = HTTP_GET, .pattern = "/.well-known/*", .handler = well_known_handle, .cors = CORS_READ },
	{ .methods = HTTP_OPTIONS, .pattern = "/.well-known/*", .handler = api_preflight, .cors = CORS_READ },

	{ .methods = HTTP_GET, .pattern = "/health", .handler = health_handle, .summary = "Is the process alive?" },
	{ .methods = HTTP_GET, .pattern = "/ready", .handler = ready_handle, .summary = "Can it serve? 503: not now" },
	{ .methods = HTTP_GET, .pattern = "/metrics", .handler = metrics_handle,
	  .summary = "Counters as Prometheus text, for the operator" },
};
const size_t api_rows_n = COUNT(api_rows);

const struct api_row api_control_rows[] = {
	{ .methods = HTTP_POST, .pattern = "/op/:name", .handler = control_handle },
};
const size_t api_control_rows_n = COUNT(api_control_rows);
