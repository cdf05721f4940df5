/* SPDX-License-Identifier: MIT
 *
 * For operators and load balancers. Source: contract "own-interfaces"; ruling R41. */
#include "api/api_int.h"

#include "base/clock.h"

enum { METRICS_BYTES_MAX = 1024 * 1024, HEALTH_BYTES_MAX = 512 };

void health_handle(struct http_exchange *x)
{
	const struct api_bound *b = http_route_row(x);
	struct json_out o;
	struct buf body;

	buf_init_arena(&body, http_arena(x), HEALTH_BYTES_MAX);
	json_out_init(&o, &body);
	json_open_object(&o);
	json_key(&o, S("status"));
	json_put_str(&o, S("ok"));
	json_key(&o, S("version"));
	json_put_str(&o, b->api->config.version);
	json_key(&o, S("uptimeS"));
	json_put_i64(&o, (clock_mono_ms() - b->api->started_ms) / 1000);
	json_close_object(&o);
	api_answer_json(x, b->row, NULL, 200, buf_view(&body));
}

void ready_handle(struct http_exchange *x)
{
	const struct api_bound *b = http_route_row(x);
	struct err e = { .code = ERR_NONE };

	if (operation_ready(b->api->config.env)) {
		api_answer_json(x, b->row, NULL, 200, S("{\"status\":\"ready\"}"));
		return;
	}
	(void)err_set(&e, ERR_UNAVAILABLE, "The store is away; delivered files are still served.");
	api_answer_error(x, b, NULL, &e);
}

/* The socket is owner-only, so who can open it is the operator. */
static bool is_operator(struct http_exchange *x, const struct api_bound *b, struct err *e)
{
	const struct http_request *r = http_request(x);
	enum authorization kind;
	str token;

	if (r->over_unix_socket)
		return true;
	if (!authorization_read(r->known[HTTP_AUTHORIZATION], &kind, &token, e))
		return false;
	if (kind == AUTHORIZATION_BEARER && operation_is_operator(b->api->config.env, token))
		return true;
	return err_set(e, ERR_INVALID_TOKEN,
	               "Send the operator's token (setting metrics_token), or ask over the control socket.");
}

static void put_answers(struct api *api, struct buf *b)
{
	BUF_LIT(b, "# HELP bi18n_http_answers_total Answers by class of status.\n"
	           "# TYPE bi18n_http_answers_total counter\n");
	for (size_t i = 1; i < STATUS_CLASSES; i++)
		buf_printf(b, "bi18n_http_answers_total{status=\"%zuxx\"} %llu\n", i, (unsigned long long)
		           atomic_load_explicit(&api->answers[i], memory_order_relaxed));
	buf_printf(b, "# HELP bi18n_http_seconds_total Time from request to answer, summed up.\n"
	              "# TYPE bi18n_http_seconds_total counter\nbi18n_http_seconds_total %.6f\n",
	           (double)atomic_load_explicit(&api->answer_ns, memory_order_relaxed) / 1e9);
	buf_printf(b, "# HELP bi18n_uptime_seconds Age of the process.\n# TYPE bi18n_uptime_seconds gauge\n"
	              "bi18n_uptime_seconds %lld\n",
	           (long long)((clock_mono_ms() - api->started_ms) / 1000));
}

void metrics_handle(struct http_exchange *x)
{
	static const struct http_pair headers[] = { { STR("Cache-Control"), STR("no-store") } };
	const struct api_bound *b = http_route_row(x);
	struct err e = { .code = ERR_NONE };
	struct buf body;

	if (!is_operator(x, b, &e)) {
		api_answer_error(x, b, NULL, &e);
		return;
	}
	buf_init_arena(&body, http_arena(x), METRICS_BYTES_MAX);
	put_answers(b->api, &body);
	operation_metrics(b->api->config.env, &body);
	http_send(x, &(struct http_answer){
		.status = 200, .content_type = S("text/plain; version=0.0.4; charset=utf-8"), .body = buf_view(&body),
		.headers = headers, .headers_n = COUNT(headers),
	});
}
