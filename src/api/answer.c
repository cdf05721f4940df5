/* SPDX-License-Identifier: MIT
 *
 * Answers and errors in the two flavours, with their challenges.
 * Sources: RFC 6750 section 3, RFC 6749 section 5.2; contract "platform-api" 4.4; rules 23-26,
 * 99-105; E-13 to E-16. */
#include "api/api_int.h"

#include "base/log.h"

enum { ERROR_BYTES_MAX = 8 * 1024, HEADERS_MAX = 12 };

struct headers { struct http_pair v[HEADERS_MAX]; size_t n; };

static void put(struct headers *h, str name, str value)
{
	if (h->n < HEADERS_MAX)
		h->v[h->n++] = (struct http_pair){ name, value };
}

static void put_cors(struct headers *h, const struct api_row *row)
{
	if (row == NULL || row->cors == NULL)
		return;
	put(h, S("Access-Control-Allow-Origin"), S("*"));
	put(h, S("Access-Control-Expose-Headers"), S("ETag, Retry-After, WWW-Authenticate, X-Request-Id"));
}

static void put_private(struct headers *h, const struct api_row *row)
{
	put(h, S("Cache-Control"), S("no-store"));
	if (row != NULL && row->flavour == FLAVOUR_OAUTH)
		put(h, S("Pragma"), S("no-cache"));
	put(h, S("X-Content-Type-Options"), S("nosniff"));
}

static void put_rate(struct headers *h, struct arena *a, const struct api_call *c)
{
	struct rate_fields fields;

	if (c == NULL)
		return;
	fields = operation_rate_fields(a, &c->op);
	if (fields.policy.p == NULL)
		return;
	put(h, S("RateLimit-Policy"), fields.policy);
	put(h, S("RateLimit"), fields.limit);
}

void api_answer_json(struct http_exchange *x, const struct api_row *row, const struct api_call *c, int status,
                     str body)
{
	struct headers h = { .n = 0 };

	put_private(&h, row);
	put_cors(&h, row);
	put_rate(&h, http_arena(x), c);
	http_send(x, &(struct http_answer){
		.status = status, .content_type = S("application/json"), .body = body,
		.headers = h.v, .headers_n = h.n,
	});
}

/* error_description in a header: RFC 6750 3 allows printable ASCII without '"' and '\'. */
static void put_quoted(struct buf *b, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"')
			buf_char(b, '\'');
		else if (*p >= 0x20 && *p < 0x7f && *p != '\\')
			buf_char(b, *p);
	}
}

static void put_bearer_error(struct buf *b, const char *name, const struct err *e)
{
	buf_printf(b, ", error=\"%s\", error_description=\"", name);
	put_quoted(b, e->say);
	buf_char(b, '"');
}

/* Absent when this error has no challenge. Nothing but where to look when nothing was sent (rule
 * 23). */
static str bearer_challenge(struct arena *a, const struct api_bound *bound, const struct api_call *c,
                            const struct err *e)
{
	bool sent = c == NULL || !c->authenticated || c->who.kind != WHO_ANONYMOUS;
	int64_t scopes = c != NULL ? operation_scopes(&c->op) : SCOPE_NONE;
	struct buf b;

	buf_init_arena(&b, a, ERROR_BYTES_MAX);
	BUF_LIT(&b, "Bearer ");
	buf_str(&b, bound->api->challenge);
	if (e->code == ERR_MISSING_SCOPE)
		put_bearer_error(&b, "insufficient_scope", e);
	else if (e->code == ERR_GRANT_REVOKED || (e->code == ERR_INVALID_TOKEN && sent))
		put_bearer_error(&b, "invalid_token", e);
	else if (e->code != ERR_INVALID_TOKEN)
		return STR_NONE;
	if (scopes != SCOPE_NONE)
		buf_printf(&b, ", scope=\"" FMT_STR "\"", ARG_STR(scope_text(a, scopes)));
	else if (e->code == ERR_MISSING_SCOPE)
		buf_printf(&b, ", scope=\"" FMT_STR "\"", ARG_STR(e->required));
	return buf_view(&b);
}

static str challenge_for(struct arena *a, const struct api_bound *bound, const struct api_call *c,
                         const struct err *e)
{
	if (bound == NULL)
		return STR_NONE;
	/* Rule 100: only for who used the header; client libraries hide the error code behind a
	 * challenge. */
	if (e->code == ERR_INVALID_CLIENT)
		return c != NULL && c->auth_header ? S("Basic realm=\"bi18n\", charset=\"UTF-8\"") : STR_NONE;
	if (bound->row->flavour == FLAVOUR_OAUTH)
		return STR_NONE;
	if (bound->op == NULL)
		return e->code == ERR_INVALID_TOKEN ? S("Bearer realm=\"operator\"") : STR_NONE;
	return bearer_challenge(a, bound, c, e);
}

/* RFC 6749 5.2 has few codes, and clients act on them: an unknown one makes some open a browser
 * (rule 104). */
static str oauth_name(enum err_code code)
{
	switch (code) {
	case ERR_INVALID_CLIENT:
	case ERR_INVALID_GRANT:
	case ERR_INVALID_SCOPE:
	case ERR_INVALID_TARGET:
	case ERR_INVALID_AUTHORIZATION_DETAILS:
	case ERR_UNAUTHORIZED_CLIENT:
	case ERR_UNSUPPORTED_GRANT_TYPE:
		return err_name(code);
	case ERR_RATE_LIMITED:
	case ERR_UNAVAILABLE:
	case ERR_INTERNAL:
		return S("temporarily_unavailable");
	default:
		return S("invalid_request");
	}
}

static str error_body(struct arena *a, str name, const struct err *e)
{
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, a, ERROR_BYTES_MAX);
	json_out_init(&o, &b);
	json_open_object(&o);
	json_key(&o, S("error"));
	json_put_str(&o, name);
	json_key(&o, S("error_description"));
	json_put_str(&o, str_from(e->say));
	if (e->code == ERR_MISSING_SCOPE) {
		json_key(&o, S("required"));
		json_put_str(&o, e->required);
	}
	json_close_object(&o);
	return buf_view(&b);
}

void api_log_failure(struct http_exchange *x, const char *what, const struct err *e)
{
	if (e->code == ERR_INTERNAL || e->msg[0] != '\0')
		log_event(e->code == ERR_INTERNAL ? LOG_ERROR : LOG_WARN, "call_failed",
		          "request=" FMT_STR " what=%s code=" FMT_STR " sys=%d detail=%s",
		          ARG_STR(http_request_id(x)), what, ARG_STR(err_name(e->code)), e->sys, e->msg);
}

void api_answer_error(struct http_exchange *x, const struct api_bound *bound, const struct api_call *c,
                      const struct err *e)
{
	struct arena *a = http_arena(x);
	const struct api_row *row = bound != NULL ? bound->row : NULL;
	bool oauth = row != NULL && row->flavour == FLAVOUR_OAUTH;
	str challenge = challenge_for(a, bound, c, e);
	struct headers h = { .n = 0 };
	int status = e->status != 0 ? e->status : err_status(e->code);

	/* Rule 94: media types are a malformed request here, never 415. */
	if (oauth && e->code == ERR_UNSUPPORTED_MEDIA_TYPE)
		status = err_status(ERR_INVALID_REQUEST);
	api_log_failure(x, row != NULL ? row->pattern : "-", e);
	put_private(&h, row);
	put_cors(&h, row);
	if (challenge.p != NULL)
		put(&h, S("WWW-Authenticate"), challenge);
	put_rate(&h, a, c);
	if (e->retry_after_s > 0)
		put(&h, S("Retry-After"), arena_printf(a, "%d", e->retry_after_s));
	http_send(x, &(struct http_answer){
		.status = status, .content_type = S("application/json"),
		.body = error_body(a, oauth ? oauth_name(e->code) : err_name(e->code), e),
		.headers = h.v, .headers_n = h.n,
	});
}

void api_route_error(struct http_exchange *x, const struct err *e)
{
	api_answer_error(x, http_route_row(x), NULL, e);
}

/* Only for requests without a route of this folder: the row is not looked at. */
void api_error(struct http_exchange *x, const struct err *e)
{
	api_answer_error(x, NULL, NULL, e);
}

void api_preflight(struct http_exchange *x)
{
	const struct api_bound *bound = http_route_row(x);
	struct headers h = { .n = 0 };

	put_cors(&h, bound->row);
	put(&h, S("Access-Control-Allow-Methods"), str_from(bound->row->cors));
	put(&h, S("Access-Control-Allow-Headers"), S("Content-Type, Authorization, Accept, MCP-Protocol-Version"));
	put(&h, S("Access-Control-Max-Age"), arena_printf(http_arena(x), "%d", API_CORS_MAX_AGE_S));
	http_send(x, &(struct http_answer){ .status = 204, .headers = h.v, .headers_n = h.n });
}

void api_count(struct api *api, int status, int64_t ns)
{
	size_t class = (size_t)status / 100;

	if (class < STATUS_CLASSES)
		atomic_fetch_add_explicit(&api->answers[class], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&api->answer_ns, (uint64_t)ns, memory_order_relaxed);
}
