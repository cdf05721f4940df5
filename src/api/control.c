/* SPDX-License-Identifier: MIT
 *
 * The control channel: POST /op/NAME on the unix socket, which only its owner can open. Commands
 * beside a running server are carried out here, so that the next request sees what they did. JSON
 * input in, {ok, result} or {ok, error, …} out. */
#include "api/api_int.h"

struct control {
	struct operation_call op;        /* first */
	struct http_exchange *x;
	struct principal      who;
	bool                  ok;
	struct err            err;
};

enum { CONTROL_ANSWER_BYTES_MAX = 256 * 1024 * 1024 };      /* an exported file */

static void send_json(struct http_exchange *x, int status, str body)
{
	static const struct http_pair headers[] = { { STR("Cache-Control"), STR("no-store") } };

	http_send(x, &(struct http_answer){
		.status = status, .content_type = S("application/json"), .body = body,
		.headers = headers, .headers_n = COUNT(headers),
	});
}

void control_error(struct http_exchange *x, const struct err *e)
{
	struct json_out o;
	struct buf b;

	api_log_failure(x, "control", e);
	buf_init_arena(&b, http_arena(x), MIB);
	json_out_init(&o, &b);
	json_open_object(&o);
	json_key(&o, S("ok"));
	json_put_bool(&o, false);
	json_key(&o, S("error"));
	json_put_str(&o, err_name(e->code));
	json_key(&o, S("description"));
	json_put_str(&o, str_from(e->say));
	json_key(&o, S("status"));
	json_put_i64(&o, err_status(e->code));
	json_key(&o, S("retryAfter"));
	json_put_i64(&o, e->retry_after_s);
	json_close_object(&o);
	send_json(x, err_status(e->code), buf_view(&b));
}

static void control_answer(void *arg)
{
	struct control *c = arg;
	struct json_out o;
	struct buf b;

	if (!c->ok) {
		control_error(c->x, &c->err);
		return;
	}
	buf_init_arena(&b, c->op.arena, CONTROL_ANSWER_BYTES_MAX);
	json_out_init(&o, &b);
	json_open_object(&o);
	json_key(&o, S("ok"));
	json_put_bool(&o, true);
	json_key(&o, S("result"));
	if (c->op.op->out != NULL)
		fields_write(&o, c->op.op->out, c->op.out, FIELDS_UNBATCHED);      /* as a command in its own process */
	else
		json_put_raw(&o, S("{}"));
	json_close_object(&o);
	if (b.full) {
		(void)err_log(&c->err, ERR_INTERNAL, 0, "the answer is larger than %d bytes", CONTROL_ANSWER_BYTES_MAX);
		control_error(c->x, &c->err);
		return;
	}
	send_json(c->x, 200, buf_view(&b));
}

static void control_done(struct operation_call *op, bool ok, const struct err *e)
{
	struct control *c = (struct control *)(void *)op;

	c->ok = ok;
	if (!ok)
		c->err = *e;
	if (op->op->lane == LANE_WRITE)
		http_post(c->x, control_answer, c);
	else
		control_answer(c);
}

static bool control_read(struct control *c, struct err *e)
{
	const struct http_request *r = http_request(c->x);
	struct json_fault fault;
	struct json *input = NULL;

	if (r->body.n > 0 && !json_parse(c->op.arena, r->body, JSON_DEPTH_DEFAULT, &input, &fault))
		return err_set(e, ERR_INVALID_REQUEST, "The input is not JSON: %s at byte %zu.", fault.what, fault.offset);
	return operation_read_input(&c->op, input, e);
}

void control_handle(struct http_exchange *x)
{
	const struct api_bound *b = http_route_row(x);
	const struct http_request *r = http_request(x);
	struct control *c = arena_new(http_arena(x), struct control);
	const struct credential local = { .local = true };

	c->x = x;
	c->op = (struct operation_call){
		.op = operation_find(http_path_param(x, "name")), .env = b->api->config.env, .arena = http_arena(x),
		.who = &c->who, .now_ms = r->now_ms, .done = control_done, .request_id = http_request_id(x),
		.address = S("local"), .user_agent = r->known[HTTP_USER_AGENT],
	};
	if (c->op.op == NULL) {
		(void)err_set(&c->err, ERR_NOT_FOUND, "This server has no such operation; is it of another version?");
		control_error(x, &c->err);
		return;
	}
	if (!operation_authenticate(c->op.env, c->op.arena, &local, r->now_ms, &c->who, &c->err) ||
	    !operation_admit(&c->op, &c->err) || !control_read(c, &c->err)) {
		control_error(x, &c->err);
		return;
	}
	operation_start(&c->op);
}
