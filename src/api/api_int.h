/* SPDX-License-Identifier: MIT */
#ifndef API_API_INT_H
#define API_API_INT_H

#include <stdatomic.h>

#include "api/api.h"
#include "operation/credential.h"

enum {
	API_BODY_BYTES_MAX     = 16 * 1024,
	API_LEAK_BYTES_MAX     = 64 * 1024,           /* a hundred tokens (oauth/leak.h)            */
	API_IGNORED_BYTES_MAX  = 4 * 1024,            /* a body where none means anything          */
	API_PARAMS_MAX         = 64,                  /* rule 107                                   */
	API_PATH_PARAMS_MAX    = 4,
	API_ANSWER_BYTES_MAX   = 64 * 1024 * 1024,
	API_CONTROL_BYTES_MAX  = 16 * 1024 * 1024,
	API_CORS_MAX_AGE_S     = 86400,
	API_DOCUMENT_MAX_AGE_S = 300,
};

enum flavour {
	FLAVOUR_REST,            /* {"error","error_description","required"?} and a Bearer challenge     */
	FLAVOUR_OAUTH,           /* RFC 6749 5.2; a Basic challenge only for who used Basic; CORS always */
};

enum api_input {
	INPUT_NONE,              /* path parameters only                                            */
	INPUT_QUERY,             /* and the query                                                   */
	INPUT_JSON,              /* and a JSON body, which may be left out                          */
	INPUT_TOKEN,             /* a form or flat JSON, with client authentication (token_input.c) */
};

enum document_kind { DOCUMENT_NONE, DOCUMENT_SERVER, DOCUMENT_RESOURCE, DOCUMENT_OPENAPI, DOCUMENT_COUNT };

struct api_row {
	unsigned        methods;
	const char     *pattern;                      /* path parameters are named as the operation's fields */
	const char     *operation;                    /* NULL: `handler` answers by itself               */
	int             status;                       /* of success                                      */
	const char     *created;                      /* a boolean of the answer: false turns 201 into 200 */
	enum api_input  input;
	enum flavour    flavour;
	size_t          body_bytes_max;
	http_handler_fn handler;
	enum document_kind document;
	const char     *cors;                         /* methods that a page elsewhere may use; NULL: none  */
	const char     *summary;                      /* for the description; NULL: not described        */
};

extern const struct api_row api_rows[], api_control_rows[];
extern const size_t api_rows_n, api_control_rows_n;

/* A row and what it was resolved to at start: http_route.row. */
struct api_bound {
	struct api             *api;
	const struct api_row   *row;
	const struct operation *op;
	const char             *params[API_PATH_PARAMS_MAX];  /* names of path parameters; NULL ends */
	size_t                  created_offset;               /* of the member `created` in the answer */
};

/* Made once, served from memory. */
struct document {
	str path;                                     /* where it lives                              */
	str body, etag;
};

enum { STATUS_CLASSES = 6 };

struct api {
	struct api_config  config;
	struct arena      *arena;                     /* everything below lives here                 */
	struct http_route *routes, *control_routes;
	struct api_bound  *bounds;
	size_t             routes_n, control_routes_n;
	str                challenge;                 /* resource_metadata="…"                       */
	struct document    documents[DOCUMENT_COUNT];
	_Atomic uint64_t   answers[STATUS_CLASSES];   /* by first digit of the status                */
	_Atomic uint64_t   answer_ns;
	int64_t            started_ms;
};

/* One request on its way through an operation. */
struct api_call {
	struct operation_call   op;                   /* first: operation_call * is api_call *        */
	struct http_exchange   *x;
	const struct api_bound *bound;
	struct principal        who;
	bool                    authenticated;        /* `who` is known                              */
	bool                    auth_header;          /* the app authenticates by header, or tries to */
	bool                    ok;
	struct err              err;
};

/* call.c */
void api_handle(struct http_exchange *x);         /* rows with an operation                      */

/* input.c: ERR_INVALID_REQUEST, ERR_UNSUPPORTED_MEDIA_TYPE */
bool api_read_input(struct api_call *c, struct err *e) MUST_CHECK;
/* token_input.c */
bool token_read_input(struct api_call *c, struct err *e) MUST_CHECK;
#define TOKEN_CLIENT_AUTH "client_auth"           /* added by the channel: a client cannot send it */
struct token_text { str query, authorization, content_type, body; };      /* as sent */
/* The parameters, with client_id, client_secret and client_auth (basic, post or none) as the
 * client authenticated itself. *header_out: there is an Authorization header, of whatever scheme.
 * ERR_INVALID_REQUEST. */
bool token_request(struct arena *a, const struct token_text *t, struct param **out, size_t *n_out, bool *header_out,
                   struct err *e) MUST_CHECK;
/* "Application/JSON; charset=utf-8" -> is it this type? */
bool media_type_is(str header, str type);
bool media_type_is_json(str header);

/* answer.c */
/* c: NULL for routes without an operation. */
void api_answer_json(struct http_exchange *x, const struct api_row *row, const struct api_call *c, int status,
                     str body);
void api_answer_error(struct http_exchange *x, const struct api_bound *bound, const struct api_call *c,
                      const struct err *e);
void api_preflight(struct http_exchange *x);      /* rows with `cors`                            */
void api_route_error(struct http_exchange *x, const struct err *e);
void api_log_failure(struct http_exchange *x, const char *what, const struct err *e);

/* documents.c */
void documents_build(struct api *api);
void document_handle(struct http_exchange *x);    /* rows with `document`                        */
void well_known_handle(struct http_exchange *x);  /* path-insertion forms; the rest is 404       */
/* openapi.c */
str  openapi_text(const struct api *api);

/* health.c */
void health_handle(struct http_exchange *x);
void ready_handle(struct http_exchange *x);
void metrics_handle(struct http_exchange *x);

/* control.c */
void control_handle(struct http_exchange *x);
void control_error(struct http_exchange *x, const struct err *e);

#endif
