/* SPDX-License-Identifier: MIT
 *
 * Results and errors as tRPC clients read them. Source: contract "platform-api" 5.2, 5.5;
 * "observed-traffic" 3.1. */
#include "rpc/rpc_int.h"

#include "base/log.h"

enum { ERROR_BYTES_MAX = 64 * 1024 };

/* By the name in ERR_TABLE; what is not here is an internal error to JSON-RPC, whatever its
 * status. */
static const struct { str name; int code; } codes[] = {
	{ STR("PARSE_ERROR"),            -32700 }, { STR("BAD_REQUEST"),          -32600 },
	{ STR("UNAUTHORIZED"),           -32001 }, { STR("PAYMENT_REQUIRED"),     -32002 },
	{ STR("FORBIDDEN"),              -32003 }, { STR("NOT_FOUND"),            -32004 },
	{ STR("METHOD_NOT_SUPPORTED"),   -32005 }, { STR("TIMEOUT"),              -32008 },
	{ STR("CONFLICT"),               -32009 }, { STR("PRECONDITION_FAILED"),  -32012 },
	{ STR("PAYLOAD_TOO_LARGE"),      -32013 }, { STR("UNSUPPORTED_MEDIA_TYPE"), -32015 },
	{ STR("TOO_MANY_REQUESTS"),      -32029 },
};
enum { CODE_INTERNAL = -32603 };

static int rpc_code(const struct err *e)
{
	str name = err_trpc_name(e->code);

	for (size_t i = 0; i < COUNT(codes); i++) {
		if (str_eq(codes[i].name, name))
			return codes[i].code;
	}
	return CODE_INTERNAL;
}

/* Conditions that the OAuth side has a name for: programs look for it, whatever the message says.
 * */
static bool has_oauth_name(enum err_code code)
{
	switch (code) {
	case ERR_INVALID_TOKEN:
	case ERR_LOGIN_REQUIRED:
	case ERR_MISSING_SCOPE:
	case ERR_WRONG_ORGANIZATION:
	case ERR_NO_PROJECTS_IN_GRANT:
	case ERR_GRANT_REVOKED:
	case ERR_RATE_LIMITED:
	case ERR_FORBIDDEN:
		return true;
	default:
		return false;
	}
}

/* The message is all that an agent gets to see, so it names the reason itself. */
static void put_message(struct json_out *o, const struct err *e)
{
	char text[sizeof e->say + 64];
	int n = 0;

	if (e->code == ERR_INVALID_REQUEST && e->issues.n > 0) {
		json_put_str(o, e->issues);
		return;
	}
	if (e->code == ERR_MISSING_SCOPE)
		n = snprintf(text, sizeof text, "missing_scope: " FMT_STR, ARG_STR(e->required));
	else if (e->code == ERR_GRANT_REVOKED)
		n = snprintf(text, sizeof text, "grant_revoked");
	else if (e->code == ERR_INVALID_TOKEN)
		n = snprintf(text, sizeof text, "Unauthorized: %s", e->say);
	else
		n = snprintf(text, sizeof text, "%s", e->say);
	json_put_str(o, (str){ text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1 });
}

int rpc_status(const struct err *e)
{
	return e->status != 0 ? e->status : err_status(e->code);
}

void rpc_put_error(struct json_out *o, const struct err *e, str path)
{
	json_open_object(o);
	json_key(o, S("error"));
	json_open_object(o);
	json_key(o, S("message"));
	put_message(o, e);
	json_key(o, S("code"));
	json_put_i64(o, rpc_code(e));
	json_key(o, S("data"));
	json_open_object(o);
	json_key(o, S("code"));
	json_put_str(o, err_trpc_name(e->code));
	json_key(o, S("httpStatus"));
	json_put_i64(o, rpc_status(e));
	if (path.p != NULL) {
		json_key(o, S("path"));
		json_put_str(o, path);
	}
	if (has_oauth_name(e->code)) {
		json_key(o, S("error"));
		json_put_str(o, err_name(e->code));
	}
	if (e->code == ERR_MISSING_SCOPE) {
		json_key(o, S("required"));
		json_put_str(o, e->required);
	}
	json_close_object(o);
	json_close_object(o);
	json_close_object(o);
}

void rpc_put_result(struct json_out *o, const struct operation *op, const void *out, int dialect)
{
	json_open_object(o);
	json_key(o, S("result"));
	json_open_object(o);
	json_key(o, S("data"));
	if (op->out != NULL)
		fields_write(o, op->out, out, dialect);
	else
		json_put_raw(o, S("{}"));
	json_close_object(o);
	json_close_object(o);
}

void rpc_send(struct http_exchange *x, int status, str body, const struct rpc_extra *extra)
{
	enum { EXTRA_MAX = 3 };
	struct http_pair headers[3 + EXTRA_MAX] = {
		{ S("Vary"), S("trpc-accept, accept") },
		{ S("Cache-Control"), S("no-store") },
		{ S("X-Content-Type-Options"), S("nosniff") },
	};
	size_t n = COUNT(headers) - EXTRA_MAX;

	if (extra->rate.policy.p != NULL) {
		headers[n++] = (struct http_pair){ S("RateLimit-Policy"), extra->rate.policy };
		headers[n++] = (struct http_pair){ S("RateLimit"), extra->rate.limit };
	}
	if (extra->retry_after_s > 0)
		headers[n++] = (struct http_pair){
			S("Retry-After"), arena_printf(http_arena(x), "%d", extra->retry_after_s) };
	http_send(x, &(struct http_answer){
		.status = status, .content_type = body.p != NULL ? S("application/json") : STR_NONE, .body = body,
		.headers = headers, .headers_n = n,
	});
}

void rpc_log_failure(str request_id, str path, const struct err *e)
{
	if (e->code == ERR_INTERNAL || e->msg[0] != '\0')
		log_event(e->code == ERR_INTERNAL ? LOG_ERROR : LOG_WARN, "call_failed",
		          "request=" FMT_STR " what=" FMT_STR " code=" FMT_STR " sys=%d detail=%s",
		          ARG_STR(request_id), ARG_STR(path), ARG_STR(err_name(e->code)), e->sys, e->msg);
}

void rpc_send_error(struct http_exchange *x, const struct err *e)
{
	struct json_out o;
	struct buf b;

	rpc_log_failure(http_request_id(x), S("trpc"), e);
	buf_init_arena(&b, http_arena(x), ERROR_BYTES_MAX);
	json_out_init(&o, &b);
	rpc_put_error(&o, e, STR_NONE);
	rpc_send(x, rpc_status(e), buf_view(&b), &(struct rpc_extra){ .retry_after_s = e->retry_after_s });
}
