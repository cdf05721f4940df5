/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_AFTER_LEAST_S = 1 };

static const struct {
	int status;
	str name, trpc;
} rows[ERR_COUNT] = {
#define X(code, status, name, trpc) [ERR_##code] = { status, STR(name), STR(trpc) },
	ERR_TABLE(X)
#undef X
};

/* What a client reads when the cause is for the log alone. */
static const char *const stock[ERR_COUNT] = {
	[ERR_NONE]                      = "",
	[ERR_INVALID_REQUEST]           = "The request is malformed",
	[ERR_INVALID_CLIENT]            = "Client authentication failed",
	[ERR_INVALID_GRANT]             = "The grant is invalid, expired or revoked",
	[ERR_INVALID_SCOPE]             = "The requested scope is unknown or not allowed",
	[ERR_INVALID_TARGET]            = "The requested resource is unknown",
	[ERR_INVALID_AUTHORIZATION_DETAILS] = "This type of authorization_details is unknown",
	[ERR_UNAUTHORIZED_CLIENT]       = "This client may not do that",
	[ERR_UNSUPPORTED_GRANT_TYPE]    = "This grant type is not supported",
	[ERR_UNSUPPORTED_RESPONSE_TYPE] = "This response type is not supported",
	[ERR_ACCESS_DENIED]             = "Access was denied",
	[ERR_LOGIN_REQUIRED]            = "Sign in first",
	[ERR_CONSENT_REQUIRED]          = "Consent is required",
	[ERR_INTERACTION_REQUIRED]      = "Interaction with the user is required",
	[ERR_INVALID_TOKEN]             = "The token is missing, invalid or expired",
	[ERR_MISSING_SCOPE]             = "The token lacks a required scope",
	[ERR_WRONG_ORGANIZATION]        = "The token belongs to another organization",
	[ERR_NO_PROJECTS_IN_GRANT]      = "The grant covers no project",
	[ERR_FORBIDDEN]                 = "This is not allowed",
	[ERR_NOT_FOUND]                 = "Not found",
	[ERR_GRANT_NOT_FOUND]           = "There is no such grant",
	[ERR_METHOD_NOT_ALLOWED]        = "The method is not allowed here",
	[ERR_CONFLICT]                  = "The request conflicts with the current state",
	[ERR_SLUG_TAKEN]                = "This slug is taken",
	[ERR_GRANT_REVOKED]             = "The grant was revoked; connect again",
	[ERR_PRECONDITION_FAILED]       = "A precondition of the request failed",
	[ERR_PAYLOAD_TOO_LARGE]         = "The request body is too large",
	[ERR_URI_TOO_LONG]              = "The request target is too long",
	[ERR_UNSUPPORTED_MEDIA_TYPE]    = "This content type is not supported",
	[ERR_EXPECTATION_FAILED]        = "The expectation cannot be met",
	[ERR_REQUEST_TIMEOUT]           = "The request took too long to arrive",
	[ERR_HEADERS_TOO_LARGE]         = "The request header is too large",
	[ERR_RATE_LIMITED]              = "Too many requests; try again later",
	[ERR_UNAVAILABLE]               = "Temporarily unavailable; try again later",
	[ERR_NOT_IMPLEMENTED]           = "This is not implemented",
	[ERR_VERSION_NOT_SUPPORTED]     = "This protocol version is not supported",
	[ERR_INTERNAL]                  = "Internal error",
};

static void begin(struct err *e, enum err_code code)
{
	bool later = code == ERR_RATE_LIMITED || code == ERR_UNAVAILABLE;

	assert(code > ERR_NONE && code < ERR_COUNT);
	*e = (struct err){ .code = code, .retry_after_s = later ? RETRY_AFTER_LEAST_S : 0 };
}

/* A cut inside a UTF-8 sequence would make the text unfit for JSON. */
static void drop_cut_sequence(char *text, size_t n)
{
	size_t at = n, need;
	unsigned char lead;

	while (at > 0 && n - at < 3 && ((unsigned char)text[at - 1] & 0xc0) == 0x80)
		at--;
	if (at == 0)
		return;
	lead = (unsigned char)text[--at];
	need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	if (n - at < need)
		text[at] = '\0';
}

/* The arguments may point into *e itself, so format before anything is overwritten. */
static void format(char *out, size_t size, const char *fmt, va_list args)
{
	int n = vsnprintf(out, size, fmt, args);

	if (n < 0)
		out[0] = '\0';
	else if ((size_t)n >= size)
		drop_cut_sequence(out, size - 1);
}

bool err_set(struct err *e, enum err_code code, const char *say, ...)
{
	char text[sizeof(e->say)];
	va_list args;

	va_start(args, say);
	format(text, sizeof(text), say, args);
	va_end(args);
	begin(e, code);
	memcpy(e->say, text, sizeof(text));
	return false;
}

bool err_log(struct err *e, enum err_code code, int sys, const char *msg, ...)
{
	char text[sizeof(e->msg)];
	va_list args;

	va_start(args, msg);
	format(text, sizeof(text), msg, args);
	va_end(args);
	begin(e, code);
	e->sys = sys;
	memcpy(e->msg, text, sizeof(text));
	snprintf(e->say, sizeof(e->say), "%s", stock[code]);
	return false;
}

int err_status(enum err_code code)
{
	assert(code < ERR_COUNT);
	return rows[code].status;
}

str err_name(enum err_code code)
{
	assert(code < ERR_COUNT);
	return rows[code].name;
}

str err_trpc_name(enum err_code code)
{
	assert(code < ERR_COUNT);
	return rows[code].trpc;
}
