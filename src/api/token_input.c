/* SPDX-License-Identifier: MIT
 *
 * The body of a token or revocation request with the client's own authentication.
 * Sources: RFC 6749 sections 2.3.1, 3.2; contract rules 94, 95, 107-110; observed traffic section
 * 13. */
#include "api/api_int.h"

#include "base/text.h"

static const str CLIENT_AUTH = STR(TOKEN_CLIENT_AUTH);

static bool scalar_text(const struct json *v, str *out)
{
	if (v->kind == JSON_STRING || v->kind == JSON_NUMBER)
		*out = v->text;
	else if (v->kind == JSON_TRUE || v->kind == JSON_FALSE)
		*out = v->kind == JSON_TRUE ? S("true") : S("false");
	else
		return false;
	return true;
}

static bool push(struct param *params, size_t *n, str name, str value, struct err *e)
{
	if (*n == API_PARAMS_MAX)
		return err_set(e, ERR_INVALID_REQUEST, "More than %d parameters.", API_PARAMS_MAX);
	params[(*n)++] = (struct param){ name, value };
	return true;
}

static bool push_member(const struct json *member, struct param *params, size_t *n, struct err *e)
{
	const struct json *v = member->kind == JSON_ARRAY ? member->first : member;
	str text;

	for (; v != NULL; v = member->kind == JSON_ARRAY ? v->next : NULL) {
		if (!scalar_text(v, &text))
			return err_set(e, ERR_INVALID_REQUEST, FMT_STR ": a text is needed.",
			               (int)(member->name.n < 64 ? member->name.n : 64), member->name.p);
		if (!push(params, n, member->name, text, e))
			return false;
	}
	return true;
}

static bool json_params(struct arena *a, str body, struct param **out, size_t *n_out, struct err *e)
{
	struct json_fault fault;
	struct json *v;

	if (!json_parse(a, body, JSON_DEPTH_DEFAULT, &v, &fault))
		return err_set(e, ERR_INVALID_REQUEST, "The body is not JSON: %s at byte %zu.", fault.what, fault.offset);
	if (v->kind != JSON_OBJECT)
		return err_set(e, ERR_INVALID_REQUEST, "The JSON body must be an object.");
	*out = arena_array(a, struct param, API_PARAMS_MAX);
	*n_out = 0;
	for (const struct json *member = v->first; member != NULL; member = member->next) {
		/* null is what some clients send for "not given" (RFC 6749 3.2 has empty mean
		 * omitted). */
		if (member->kind != JSON_NULL && !push_member(member, *out, n_out, e))
			return false;
	}
	return true;
}

static bool token_params(struct arena *a, str content_type, str body, struct param **out, size_t *n_out, struct err *e)
{
	if (media_type_is_json(content_type))
		return json_params(a, body, out, n_out, e);
	if (content_type.n > 0 && !media_type_is(content_type, S("application/x-www-form-urlencoded")))
		return err_set(e, ERR_INVALID_REQUEST,
		               "Send the parameters as application/x-www-form-urlencoded or application/json.");
	if (!form_parse(a, body, API_PARAMS_MAX, out, n_out))
		return err_set(e, ERR_INVALID_REQUEST, "The form is malformed, or has more than %d parameters.",
		               API_PARAMS_MAX);
	return true;
}

static str param_value(const struct param *params, size_t n, str name)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(params[i].name, name) && params[i].value.n > 0)
			return params[i].value;
	}
	return STR_NONE;
}

static void drop_param(struct param *params, size_t *n, str name)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		if (!str_eq(params[i].name, name))
			params[kept++] = params[i];
	}
	*n = kept;
}

/* Adds id, secret and the method that was used. `all` has room for three more. */
static bool add_client(struct arena *a, str encoded, struct param *all, size_t *n, struct err *e)
{
	str sent_id = param_value(all, *n, S("client_id")), sent_secret = param_value(all, *n, S("client_secret"));
	str id, secret;

	if (encoded.p == NULL) {
		all[(*n)++] = (struct param){ CLIENT_AUTH, sent_secret.p != NULL ? S("post") : S("none") };
		return true;
	}
	if (!basic_read(a, encoded, &id, &secret, e))
		return false;
	if (sent_secret.p != NULL)
		return err_set(e, ERR_INVALID_REQUEST, "Authenticate by the Authorization header or in the body, not both.");
	if (sent_id.p != NULL && !str_eq(sent_id, id))
		return err_set(e, ERR_INVALID_REQUEST, "client_id differs from the one in the Authorization header.");
	if (sent_id.p == NULL) {
		drop_param(all, n, S("client_id"));
		all[(*n)++] = (struct param){ S("client_id"), id };
	}
	drop_param(all, n, S("client_secret"));
	all[(*n)++] = (struct param){ S("client_secret"), secret };
	all[(*n)++] = (struct param){ CLIENT_AUTH, S("basic") };
	return true;
}

bool token_request(struct arena *a, const struct token_text *t, struct param **out, size_t *n_out, bool *header_out,
                   struct err *e)
{
	enum authorization kind;
	struct param *sent, *all;
	str encoded;
	size_t n;

	*header_out = false;
	if (t->query.n > 0)
		return err_set(e, ERR_INVALID_REQUEST, "Send the parameters in the body, not in the address.");
	*header_out = str_trim(t->authorization).n > 0;
	if (!authorization_read(t->authorization, &kind, &encoded, e))
		return err_set(e, ERR_INVALID_REQUEST,
		               "Authorization is not Basic with the base64 of the app's id:secret.");
	if (!token_params(a, t->content_type, t->body, &sent, &n, e))
		return false;
	all = arena_array(a, struct param, n + 3);
	for (size_t i = 0; i < n; i++)
		all[i] = sent[i];
	drop_param(all, &n, CLIENT_AUTH);
	if (!add_client(a, kind == AUTHORIZATION_BASIC ? encoded : STR_NONE, all, &n, e))
		return false;
	*out = all;
	*n_out = n;
	return true;
}

bool token_read_input(struct api_call *c, struct err *e)
{
	const struct http_request *r = http_request(c->x);
	struct token_text text = {
		.query = r->query, .authorization = r->known[HTTP_AUTHORIZATION],
		.content_type = r->known[HTTP_CONTENT_TYPE], .body = r->body,
	};
	struct param *params;
	size_t n;

	return token_request(c->op.arena, &text, &params, &n, &c->auth_header, e) &&
	       operation_read_params(&c->op, params, n, e);
}
