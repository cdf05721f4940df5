/* SPDX-License-Identifier: MIT
 *
 * Metadata documents, built once at start from what is really there.
 * Sources: RFC 8414, RFC 9116, RFC 9728, RFC 9207; contract rules 1-22, 226; E-33 to E-36; ruling R27. */
#include "api/api_int.h"

#include "base/clock.h"
#include "operation/form.h"

enum { DOCUMENT_BYTES_MAX = 64 * 1024, CONTACT_VALID_DAYS = 90 };
#define DAY_MS INT64_C(86400000)

static void put_list(struct json_out *o, str name, const char *const *values)
{
	json_key(o, name);
	json_open_array(o);
	for (; *values != NULL; values++)
		json_put_str(o, str_from(*values));
	json_close_array(o);
}

static void put_address(struct json_out *o, const struct api *api, str name, const char *path)
{
	json_key(o, name);
	json_put_str(o, arena_printf(api->arena, FMT_STR "%s",
	                             ARG_STR(operation_settings(api->config.env)->public_url), path));
}

/* The second list is what a client should ask for when it knows nothing better: reading (rule
 * 21). */
static void put_scopes(struct json_out *o, int64_t scopes, bool offline)
{
	json_key(o, S("scopes_supported"));
	json_open_array(o);
	for (int bit = 0; bit < SCOPE_COUNT; bit++) {
		if ((scopes & SCOPE_OF(bit)) != 0)
			json_put_str(o, scope_name(bit));
	}
	if (offline)
		json_put_str(o, S("offline_access"));
	json_close_array(o);
}

static str server_text(const struct api *api)
{
	static const char *const responses[] = { "code", NULL }, *const modes[] = { "query", NULL },
		*const grants[] = { "authorization_code", "refresh_token", NULL },
		*const methods[] = { "client_secret_basic", "client_secret_post", "none", NULL },
		*const challenges[] = { "S256", NULL };
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, api->arena, DOCUMENT_BYTES_MAX);
	json_out_init(&o, &b);
	json_open_object(&o);
	json_key(&o, S("issuer"));
	json_put_str(&o, operation_settings(api->config.env)->public_url);
	put_address(&o, api, S("authorization_endpoint"), "/api/auth/mcp/authorize");
	put_address(&o, api, S("token_endpoint"), "/api/auth/mcp/token");
	if (operation_find(S("token.revoke")) != NULL) {
		put_address(&o, api, S("revocation_endpoint"), "/api/auth/mcp/revoke");
		put_list(&o, S("revocation_endpoint_auth_methods_supported"), methods);
	}
	if (operation_find(S("token.introspect")) != NULL) {
		put_address(&o, api, S("introspection_endpoint"), "/api/auth/mcp/introspect");
		put_list(&o, S("introspection_endpoint_auth_methods_supported"), methods);
	}
	put_scopes(&o, SCOPE_ALL, true);
	put_list(&o, S("response_types_supported"), responses);
	put_list(&o, S("response_modes_supported"), modes);
	put_list(&o, S("grant_types_supported"), grants);
	put_list(&o, S("token_endpoint_auth_methods_supported"), methods);
	put_list(&o, S("code_challenge_methods_supported"), challenges);
	json_key(&o, S("authorization_response_iss_parameter_supported"));
	json_put_bool(&o, true);
	json_close_object(&o);
	return buf_view(&b);
}

static str resource_text(const struct api *api)
{
	static const char *const methods[] = { "header", NULL };
	str public_url = operation_settings(api->config.env)->public_url;
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, api->arena, DOCUMENT_BYTES_MAX);
	json_out_init(&o, &b);
	json_open_object(&o);
	json_key(&o, S("resource"));
	json_put_str(&o, public_url);
	json_key(&o, S("authorization_servers"));
	json_open_array(&o);
	json_put_str(&o, public_url);
	json_close_array(&o);
	put_list(&o, S("bearer_methods_supported"), methods);
	put_scopes(&o, scope_level(S("read")), false);
	json_close_object(&o);
	return buf_view(&b);
}

static void document_set(struct api *api, enum document_kind kind, str path, str body)
{
	api->documents[kind] = (struct document){
		.path = path, .body = body,
		.etag = arena_printf(api->arena, "\"%016llx\"", (unsigned long long)str_hash(body)),
	};
}

void documents_build(struct api *api)
{
	/* The path of an issuer such as https://host/i18n: RFC 8414 3.1 puts the well-known part before it. */
	str suffix = operation_public_path(api->config.env);

	document_set(api, DOCUMENT_SERVER,
	             arena_printf(api->arena, "/.well-known/oauth-authorization-server" FMT_STR, ARG_STR(suffix)),
	             server_text(api));
	document_set(api, DOCUMENT_RESOURCE,
	             arena_printf(api->arena, "/.well-known/oauth-protected-resource" FMT_STR, ARG_STR(suffix)),
	             resource_text(api));
	document_set(api, DOCUMENT_OPENAPI, S("/openapi.json"), openapi_text(api));
}

/* RFC 9110 13.1.2: weak comparison; a list of ours can only hold the one tag we know. */
static bool client_has(const struct http_request *r, str etag)
{
	str sent = r->known[HTTP_IF_NONE_MATCH];

	return sent.p != NULL && (str_eq(str_trim(sent), S("*")) || str_find(sent, etag) >= 0);
}

static void document_send(struct http_exchange *x, const struct document *d)
{
	bool has = client_has(http_request(x), d->etag);
	const struct http_pair headers[] = {
		{ S("Cache-Control"), S("public, max-age=300") },
		{ S("ETag"), d->etag },
		{ S("Access-Control-Allow-Origin"), S("*") },
		{ S("Access-Control-Expose-Headers"), S("ETag") },
		{ S("X-Content-Type-Options"), S("nosniff") },
	};

	http_send(x, &(struct http_answer){
		.status = has ? 304 : 200,
		.content_type = has ? STR_NONE : S("application/json"),
		.body = d->body, .headers = headers, .headers_n = COUNT(headers),
	});
}

void document_handle(struct http_exchange *x)
{
	const struct api_bound *b = http_route_row(x);

	document_send(x, &b->api->documents[b->row->document]);
}

/* RFC 9116. Written anew for each request, because it has an end; that moves once a day. Canonical
 * is for https alone (2.5.2). */
static str security_text(struct http_exchange *x, const struct settings *s)
{
	int64_t today_ms = http_request(x)->now_ms / DAY_MS * DAY_MS;
	struct buf b;

	buf_init_arena(&b, http_arena(x), DOCUMENT_BYTES_MAX);
	buf_printf(&b, "Contact: " FMT_STR "\nExpires: " FMT_STR "\n", ARG_STR(s->security_contact),
	           ARG_STR(clock_iso(http_arena(x), today_ms + CONTACT_VALID_DAYS * DAY_MS)));
	if (str_starts(s->public_url, S("https://")) &&
	    str_index(str_from_at(s->public_url, S("https://").n), '/') < 0)
		buf_printf(&b, "Canonical: " FMT_STR "/.well-known/security.txt\n",
		           ARG_STR(s->public_url));
	return buf_view(&b);
}

static void security_send(struct http_exchange *x, const struct settings *s)
{
	const struct http_pair headers[] = {
		{ S("Cache-Control"), S("public, max-age=3600") },
		{ S("Access-Control-Allow-Origin"), S("*") },
		{ S("X-Content-Type-Options"), S("nosniff") },
	};

	http_send(x, &(struct http_answer){
		.status = 200, .content_type = S("text/plain; charset=utf-8"),
		.body = security_text(x, s), .headers = headers, .headers_n = COUNT(headers),
	});
}

void well_known_handle(struct http_exchange *x)
{
	const struct api_bound *b = http_route_row(x);
	const struct settings *s = operation_settings(b->api->config.env);
	struct err e = { .code = ERR_NONE };

	if (s->security_contact.n > 0 &&
	    str_eq(http_request(x)->path, S("/.well-known/security.txt"))) {
		security_send(x, s);
		return;
	}

	for (size_t i = 0; i < DOCUMENT_COUNT; i++) {
		const struct document *d = &b->api->documents[i];

		if (d->path.n > 0 && str_eq(d->path, http_request(x)->path)) {
			document_send(x, d);
			return;
		}
	}
	(void)err_set(&e, ERR_NOT_FOUND, "There is no such document here.");
	api_answer_error(x, b, NULL, &e);
}
