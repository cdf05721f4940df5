/* SPDX-License-Identifier: MIT
 *
 * The one way in which a function fails. A row is what clients see: status and wire name. Channels
 * (tRPC, pages) translate from this table; domain code never names a status.
 * Sources: RFC 6749 section 5.2, RFC 6750 section 3.1, contract "platform-api" sections 4.4 and 13. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/str.h"

/*        code                    HTTP  wire name                      tRPC name                 */
#define ERR_TABLE(X) \
	X(NONE,                      200, "",                          "")                      \
	X(INVALID_REQUEST,           400, "invalid_request",           "BAD_REQUEST")           \
	X(INVALID_CLIENT,            401, "invalid_client",            "UNAUTHORIZED")          \
	X(INVALID_GRANT,             400, "invalid_grant",             "BAD_REQUEST")           \
	X(INVALID_SCOPE,             400, "invalid_scope",             "BAD_REQUEST")           \
	X(INVALID_TARGET,            400, "invalid_target",            "BAD_REQUEST")           \
	X(INVALID_AUTHORIZATION_DETAILS, 400, "invalid_authorization_details", "BAD_REQUEST")   \
	X(UNAUTHORIZED_CLIENT,       400, "unauthorized_client",       "FORBIDDEN")             \
	X(UNSUPPORTED_GRANT_TYPE,    400, "unsupported_grant_type",    "BAD_REQUEST")           \
	X(UNSUPPORTED_RESPONSE_TYPE, 400, "unsupported_response_type", "BAD_REQUEST")           \
	X(ACCESS_DENIED,             403, "access_denied",             "FORBIDDEN")             \
	X(LOGIN_REQUIRED,            401, "login_required",            "UNAUTHORIZED")          \
	X(CONSENT_REQUIRED,          400, "consent_required",          "BAD_REQUEST")           \
	X(INTERACTION_REQUIRED,      400, "interaction_required",      "BAD_REQUEST")           \
	X(INVALID_TOKEN,             401, "invalid_token",             "UNAUTHORIZED")          \
	X(MISSING_SCOPE,             403, "missing_scope",             "FORBIDDEN")             \
	X(WRONG_ORGANIZATION,        403, "wrong_organization",        "FORBIDDEN")             \
	X(NO_PROJECTS_IN_GRANT,      403, "no_projects_in_grant",      "FORBIDDEN")             \
	X(FORBIDDEN,                 403, "forbidden",                 "FORBIDDEN")             \
	X(NOT_FOUND,                 404, "not_found",                 "NOT_FOUND")             \
	X(GRANT_NOT_FOUND,           404, "grant_not_found",           "NOT_FOUND")             \
	X(METHOD_NOT_ALLOWED,        405, "method_not_allowed",        "METHOD_NOT_SUPPORTED")  \
	X(CONFLICT,                  409, "conflict",                  "CONFLICT")              \
	X(SLUG_TAKEN,                409, "slug_taken",                "CONFLICT")              \
	X(GRANT_REVOKED,             410, "grant_revoked",             "UNAUTHORIZED")          \
	X(PRECONDITION_FAILED,       412, "precondition_failed",       "PRECONDITION_FAILED")   \
	X(PAYLOAD_TOO_LARGE,         413, "payload_too_large",         "PAYLOAD_TOO_LARGE")     \
	X(URI_TOO_LONG,              414, "uri_too_long",              "BAD_REQUEST")           \
	X(UNSUPPORTED_MEDIA_TYPE,    415, "unsupported_media_type",    "UNSUPPORTED_MEDIA_TYPE")\
	X(EXPECTATION_FAILED,        417, "expectation_failed",        "BAD_REQUEST")           \
	X(REQUEST_TIMEOUT,           408, "request_timeout",           "TIMEOUT")               \
	X(HEADERS_TOO_LARGE,         431, "headers_too_large",         "BAD_REQUEST")           \
	X(RATE_LIMITED,              429, "rate_limited",              "TOO_MANY_REQUESTS")     \
	X(UNAVAILABLE,               503, "temporarily_unavailable",   "SERVICE_UNAVAILABLE")   \
	X(NOT_IMPLEMENTED,           501, "not_implemented",           "NOT_IMPLEMENTED")       \
	X(VERSION_NOT_SUPPORTED,     505, "version_not_supported",     "BAD_REQUEST")           \
	X(INTERNAL,                  500, "internal_error",            "INTERNAL_SERVER_ERROR")

enum err_code {
#define X(code, status, name, trpc) ERR_##code,
	ERR_TABLE(X)
#undef X
	ERR_COUNT
};

struct err {
	enum err_code code;
	int  sys;             /* errno or driver code, 0 if none; log only                     */
	int  status;          /* 0, or instead of the table's (ruling R1)                      */
	bool keep;            /* the refusal is a fact: what was written before it is committed */
	int  retry_after_s;   /* RATE_LIMITED, UNAVAILABLE: seconds, at least 1; else 0        */
	str  required;        /* MISSING_SCOPE: the scope; static text                         */
	str  issues;          /* INVALID_REQUEST: pretty JSON list of input issues, in the arena of the request */
	char say[192];        /* for the client: what is wrong and what to do; never a secret  */
	char msg[192];        /* for the log: detail the client must not see                   */
};

/* Fills *e with the code and a text that the client may read, and returns false, so that a failing
 * path is one line. Never put a secret, a path or a driver message here: those go to err_log. */
bool err_set(struct err *e, enum err_code code, const char *say, ...) PRINTF(3, 4);
/* The same, for failures whose text is for the log alone; the client gets the code's stock phrase. */
bool err_log(struct err *e, enum err_code code, int sys, const char *msg, ...) PRINTF(4, 5);

int  err_status(enum err_code code);
str  err_name(enum err_code code);
str  err_trpc_name(enum err_code code);

#endif
