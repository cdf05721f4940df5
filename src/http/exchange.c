/* SPDX-License-Identifier: MIT
 *
 * One request and its answer: reading, routing, the call of the handler, refusals. */
#include "http/http_int.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"

/* ---- what handlers see ---- */

const struct http_request *http_request(const struct http_exchange *x)
{
	return &x->request;
}

struct arena *http_arena(struct http_exchange *x)
{
	x->arena_used = true;
	return x->arena;
}

const void *http_route_row(const struct http_exchange *x)
{
	return x->match.route == NULL ? NULL : x->match.route->row;
}

void *http_user(const struct http_exchange *x)
{
	return x->loop->server->config.user;
}

str http_path_param(const struct http_exchange *x, const char *name)
{
	for (size_t i = 0; i < x->match.params_n; i++)
		if (str_eq(x->match.params[i].name, str_from(name)))
			return x->match.params[i].value;
	return STR_NONE;
}

str http_header(const struct http_exchange *x, str lower_name)
{
	for (size_t i = 0; i < x->request.headers_n; i++)
		if (str_eq_nocase(x->headers[i].name, lower_name))
			return x->headers[i].value;
	return STR_NONE;
}

/* ---- life ---- */

void exchange_restart(struct http_exchange *x)
{
	parse_start(&x->parse, &x->request, x->headers, &x->loop->server->parse_limits);
}

struct http_exchange *exchange_take(struct connection *c)
{
	struct http_exchange *x = loop_exchange_take(c->loop);

	x->connection = c;
	x->loop = c->loop;
	x->state = EXCHANGE_HEAD;
	x->next = NULL;
	x->body_seen = 0;
	x->match.route = NULL;
	x->unrouted = false;
	x->match.allow = 0;
	x->match.params_n = 0;
	x->status = 0;
	x->close = false;
	memset(x->pieces, 0, sizeof x->pieces);
	x->answer_bytes = 0;
	x->done = NULL;
	exchange_restart(x);
	return x;
}

/* Also where an answer is counted: only now is it known to have left, or to be lost. */
void exchange_release(struct http_exchange *x)
{
	const struct http_config *config = &x->loop->server->config;

	if (config->access != NULL && x->status != 0)
		config->access(x, x->status, x->answer_bytes, clock_mono_ns() - x->started_ns);
	if (x->done != NULL)
		x->done(x->done_arg);
	if (x->stream != NULL)
		stream_free(x);
	intake_body_free(x);
	if (x->arena_used)
		arena_reset(x->arena);
	x->arena_used = false;
	loop_exchange_give(x->loop, x);
}

/* ---- who asks ---- */

static str first_element(str list)
{
	str element;

	return parse_list_next(&list, &element) ? element : STR_NONE;
}

/* Only a trusted proxy may say who the client is and how it came (contract: trusted_proxies). */
static void believe_proxy(struct http_exchange *x)
{
	struct http_request *r = &x->request;
	const struct networks *trusted = &x->loop->server->trusted;
	struct address client;

	if (address_forwarded(trusted, r->known[HTTP_X_FORWARDED_FOR], &client))
		r->peer = address_text(&client, x->peer_text);
	r->secure = str_eq_nocase(first_element(r->known[HTTP_X_FORWARDED_PROTO]), S("https"));
}

static void identify(struct http_exchange *x)
{
	struct connection *c = x->connection;
	struct http_request *r = &x->request;

	r->now_ms = clock_now_ms();
	/* Loops count in fields of their own, so that no counter is shared. */
	r->id = ((uint64_t)x->loop->index << 48 | x->loop->exchanges_n) ^ x->loop->server->id_mask;
	r->peer = c->peer;
	r->over_unix_socket = c->over_unix;
	if (x->loop->server->config.access != NULL)
		x->started_ns = clock_mono_ns();
	if (c->trusted)
		believe_proxy(x);
}

/* ---- refusing ---- */

static void call_error(struct http_exchange *x, const struct err *e)
{
	const struct http_config *config = &x->loop->server->config;
	http_error_fn shape = config->error;

	if (x->match.route != NULL && x->match.route->error != NULL)
		shape = x->match.route->error;
	else if (x->unrouted && config->fallback_error != NULL)
		shape = config->fallback_error;
	x->state = EXCHANGE_WORKING;
	if (shape == NULL)
		answer_plain(x, e);
	else
		shape(x, e);
}

static void leave_body_unread(struct http_exchange *x)
{
	if (x->parse.body == PARSE_BODY_NONE)
		return;
	x->close = true;
	x->connection->linger = true;
}

/* The request could be read; only this one answer is an error. */
static void exchange_fail(struct http_exchange *x, enum err_code code, const char *why)
{
	struct err e = { .code = ERR_NONE };

	leave_body_unread(x);
	(void)err_set(&e, code, "%s", why);
	if (code == ERR_UNAVAILABLE)
		e.retry_after_s = 1;
	call_error(x, &e);
}

void exchange_refuse(struct http_exchange *x, enum err_code code, const char *why)
{
	if (x->request.id == 0)
		identify(x);
	x->close = true;
	x->connection->linger = true;
	exchange_fail(x, code, why);
}

/* ---- routing ---- */

static enum router_found find_route(struct http_exchange *x)
{
	const struct http_server *s = x->loop->server;
	const struct http_request *r = &x->request;

	if (x->connection->over_unix && s->unix_router != NULL) {
		enum router_found found = router_find(s->unix_router, r->method, r->path, &x->match);

		if (found == ROUTER_OK || found == ROUTER_NO_METHOD)
			return found;
	}
	return router_find(s->router, r->method, r->path, &x->match);
}

static bool params_decode(struct http_exchange *x)
{
	for (size_t i = 0; i < x->match.params_n; i++) {
		str *value = &x->match.params[i].value;

		if (value->n == 0 || memchr(value->p, '%', value->n) == NULL)
			continue;
		if (!percent_decode(http_arena(x), *value, false, value))
			return false;
	}
	return true;
}

static void answer_options(struct http_exchange *x, unsigned methods)
{
	struct http_answer a = { .status = 204 };

	x->match.allow = methods | HTTP_OPTIONS;
	leave_body_unread(x);
	x->state = EXCHANGE_WORKING;
	http_send(x, &a);
}

static void call_handler(struct http_exchange *x)
{
	http_handler_fn handler = x->match.route == NULL ? x->loop->server->config.fallback
	                                                 : x->match.route->handler;

	x->state = EXCHANGE_WORKING;
	handler(x);
}

/* curl and others hold a large body back until they are told to send it. Past answers go first; if
 * the socket takes nothing now, the client sends on its own after a moment (RFC 9110 10.1.1). */
static void say_continue(struct http_exchange *x)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct connection *c = x->connection;
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text, sizeof text - 1);

	if (c->in_at < c->in_n || !output_flush(c))
		return;
	if (uv_try_write(&c->uv.stream, &buf, 1) < (int)buf.len)
		return;
}

/* Content-Encoding: absent, or a list of nothing but "identity". */
static bool is_plain(str codings)
{
	str coding;

	while (parse_list_next(&codings, &coding)) {
		if (!str_eq_nocase(coding, S("identity")))
			return false;
	}
	return true;
}

static void take_body(struct http_exchange *x, size_t body_max)
{
	x->body_max = body_max;
	if (x->parse.body == PARSE_BODY_NONE) {
		x->request.body = S("");
		call_handler(x);
		return;
	}
	if (body_max == 0 ||
	    (x->parse.body == PARSE_BODY_LENGTH && x->parse.body_bytes > body_max)) {
		exchange_refuse(x, ERR_PAYLOAD_TOO_LARGE, body_max == 0
		                ? "no request body is accepted here" : "the request body is too large");
		return;
	}
	/* Nothing is ever unpacked: a small body must not become a large one behind the limit. */
	if (!is_plain(x->request.known[HTTP_CONTENT_ENCODING])) {
		exchange_refuse(x, ERR_UNSUPPORTED_MEDIA_TYPE, "a compressed request body is not accepted");
		return;
	}
	if (!intake_body_begin(x))
		return;
	if (x->parse.expect_continue)
		say_continue(x);
}

static size_t target_max(const struct http_exchange *x, enum router_found found)
{
	size_t most = TARGET_BYTES_DEFAULT;

	if (found == ROUTER_NOTHING)
		most = x->loop->server->config.fallback_target_bytes_max;
	else if (x->match.route != NULL && x->match.route->target_bytes_max != 0)
		most = x->match.route->target_bytes_max;
	return most;
}

static void route(struct http_exchange *x)
{
	const struct http_config *config = &x->loop->server->config;
	enum router_found found = find_route(x);

	x->unrouted = found == ROUTER_NOTHING && config->fallback != NULL;
	if (x->request.target.n > target_max(x, found)) {
		exchange_fail(x, ERR_URI_TOO_LONG, "the request target is too long");
	} else if (x->unrouted) {
		take_body(x, 0);
	} else if (found == ROUTER_NOTHING || found == ROUTER_NO_PATTERN) {
		exchange_fail(x, ERR_NOT_FOUND, "there is nothing at this address");
	} else if (found == ROUTER_NO_METHOD && x->request.method == HTTP_OPTIONS) {
		answer_options(x, x->match.allow);
	} else if (found == ROUTER_NO_METHOD) {
		x->match.allow |= HTTP_OPTIONS;
		exchange_fail(x, ERR_METHOD_NOT_ALLOWED, "this method is not allowed here");
	} else if (!params_decode(x)) {
		exchange_fail(x, ERR_INVALID_REQUEST, "the path has a malformed escape");
	} else {
		x->match.allow = 0;
		take_body(x, x->match.route->body_bytes_max);
	}
}

static void head_complete(struct http_exchange *x)
{
	const unsigned all = HTTP_GET | HTTP_HEAD | HTTP_POST | HTTP_PUT | HTTP_PATCH | HTTP_DELETE;

	x->connection->in_at += x->parse.at;
	if (x->parse.body == PARSE_BODY_CHUNKED)
		intake_copy_head(x);
	if (x->parse.repeated != 0)
		parse_join_repeated(&x->parse, http_arena(x));
	identify(x);
	if (x->request.method == HTTP_OTHER)
		exchange_refuse(x, ERR_NOT_IMPLEMENTED, "this method is not known here");
	else if (x->request.path.p[0] == '*')
		answer_options(x, all);
	else
		route(x);
}

static bool read_head(struct http_exchange *x)
{
	struct connection *c = x->connection;

	switch (parse_head(&x->parse, c->in + c->in_at, c->in_n - c->in_at)) {
	case PARSE_MORE:
		if (intake_may_grow(c))
			return false;
		exchange_refuse(x, ERR_UNAVAILABLE,
		                "too many large requests are under way, try again in a moment");
		return true;
	case PARSE_BAD:
		exchange_refuse(x, x->parse.code, x->parse.why);
		return true;
	case PARSE_DONE:
		head_complete(x);
		return true;
	}
	return false;
}

bool exchange_read(struct http_exchange *x)
{
	if (x->state == EXCHANGE_HEAD)
		return read_head(x);
	if (x->state != EXCHANGE_BODY || !intake_body(x))
		return false;
	if (x->state == EXCHANGE_BODY)
		call_handler(x);
	return true;
}
