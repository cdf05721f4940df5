/* SPDX-License-Identifier: MIT
 *
 * One request through one operation: credential, admission, input, call, answer. */
#include "api/api_int.h"

#include "base/text.h"
#include "operation/form.h"

static void call_answer(void *arg)
{
	struct api_call *c = arg;
	const struct api_bound *b = c->bound;
	int status = b->row->status;
	struct json_out o;
	struct buf body;

	if (!c->ok) {
		api_answer_error(c->x, b, c, &c->err);
		return;
	}
	buf_init_arena(&body, c->op.arena, API_ANSWER_BYTES_MAX);
	json_out_init(&o, &body);
	fields_write(&o, b->op->out, c->op.out, FIELDS_BATCHED);
	if (body.full) {
		(void)err_log(&c->err, ERR_INTERNAL, 0, "the answer is larger than %d bytes", API_ANSWER_BYTES_MAX);
		api_answer_error(c->x, b, c, &c->err);
		return;
	}
	if (b->row->created != NULL && !*(const bool *)((const char *)c->op.out + b->created_offset))
		status = 200;
	api_answer_json(c->x, b->row, c, status, buf_view(&body));
}

static void call_done(struct operation_call *op, bool ok, const struct err *e)
{
	struct api_call *c = (struct api_call *)(void *)op;

	c->ok = ok;
	if (!ok)
		c->err = *e;
	/* The writer thread serves all writers: it must not spend its time on text. */
	if (op->op->lane == LANE_WRITE)
		http_post(c->x, call_answer, c);
	else
		call_answer(c);
}

/* Rule 106: an app's secret, a code or a refresh token does not travel in the clear. Who ends TLS for us says so in
 * X-Forwarded-Proto and is among trusted_proxies; on this very machine nobody listens in. */
static bool is_in_the_clear(const struct http_request *r, str public_url)
{
	return str_starts(public_url, S("https://")) && !r->secure && !r->over_unix_socket &&
	       !str_starts(r->peer, S("127.")) && !str_eq(r->peer, S("::1"));
}

/* The token endpoint reads its credential with its input: there it belongs to the app, not to a
 * principal. */
static bool identify(struct api_call *c, struct err *e)
{
	const struct http_request *r = http_request(c->x);
	struct credential cred = { .address = r->peer };
	struct param *params;
	size_t params_n;

	c->op.who = &c->who;
	if (c->bound->row->flavour == FLAVOUR_OAUTH) {
		c->who.kind = WHO_ANONYMOUS;
		return !is_in_the_clear(r, operation_settings(c->op.env)->public_url) ||
		       err_set(e, ERR_INVALID_REQUEST, "Send this over https. (Operators: the proxy that ends TLS has to send"
		               " X-Forwarded-Proto and to be in trusted_proxies.)");
	}
	if (r->query.n > 0) {
		if (!form_parse(c->op.arena, r->query, API_PARAMS_MAX, &params, &params_n))
			return err_set(e, ERR_INVALID_REQUEST, "The query is malformed, or has too many parameters.");
		if (!credential_not_in_query(params, params_n, e))
			return false;
	}
	if (!credential_read(c->op.arena, r->known[HTTP_AUTHORIZATION], r->known[HTTP_X_API_KEY],
	                     (c->bound->op->who & WHO_CLIENT) != 0, &cred, e))
		return false;
	c->auth_header = cred.client_id.p != NULL;
	/* A browser sends its cookie by itself, so it counts only where nothing is changed. */
	if ((c->bound->op->who & WHO_SESSION) != 0 && c->bound->row->methods == HTTP_GET &&
	    cred.bearer.p == NULL && cred.api_key.p == NULL)
		cred.session = http_cookie(c->x, operation_session_cookie(c->op.env));
	if (!operation_authenticate(c->op.env, c->op.arena, &cred, r->now_ms, &c->who, e))
		return false;
	c->authenticated = true;
	return true;
}

void api_handle(struct http_exchange *x)
{
	const struct api_bound *b = http_route_row(x);
	const struct http_request *r = http_request(x);
	struct arena *a = http_arena(x);
	struct api_call *c = arena_new(a, struct api_call);

	c->x = x;
	c->bound = b;
	c->op = (struct operation_call){
		.op = b->op, .env = b->api->config.env, .arena = a, .now_ms = r->now_ms, .done = call_done,
		.request_id = http_request_id(x), .address = r->peer, .user_agent = r->known[HTTP_USER_AGENT],
	};
	if (!identify(c, &c->err) || !operation_admit(&c->op, &c->err) || !api_read_input(c, &c->err)) {
		api_answer_error(x, b, c, &c->err);
		return;
	}
	operation_start(&c->op);
}
