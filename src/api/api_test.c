/* SPDX-License-Identifier: MIT
 *
 * The channel over a real socket, with a small table of operations in place of the domains'. */
#include "api/api.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/test.h"
#include "operation/loopback_test.h"

/* ---- operations ---- */

struct nothing { int64_t unused; };
struct thing_in { str project_id, code; bool fail_500, fail_busy; };
struct thing_out { str name, code; bool added; };
struct token_in { str grant_type, client_id, client_secret, client_auth, refresh_token; };
struct token_out { str access_token, token_type, who; };

static const struct field thing_in_fields[] = {
	FIELD(struct thing_in, project_id, "projectId", .flags = FIELD_REQUIRED, .min = 1, .max = 64),
	FIELD(struct thing_in, code, "code", .flags = FIELD_REQUIRED),
	FIELD_END
};
static const struct field thing_out_fields[] = {
	FIELD(struct thing_out, name, "name"), FIELD(struct thing_out, code, "code"),
	FIELD(struct thing_out, added, "added"), FIELD_END
};
static const struct field create_fields[] = {
	FIELD(struct thing_in, code, "name", .flags = FIELD_REQUIRED), FIELD_END
};
static const struct field get_fields[] = {
	FIELD(struct thing_in, project_id, "projectId", .flags = FIELD_REQUIRED), FIELD_END
};
static const struct field token_in_fields[] = {
	FIELD(struct token_in, grant_type, "grant_type"), FIELD(struct token_in, client_id, "client_id"),
	FIELD(struct token_in, client_secret, "client_secret"), FIELD(struct token_in, client_auth, "client_auth"),
	FIELD(struct token_in, refresh_token, "refresh_token"), FIELD_END
};
static const struct field token_out_fields[] = {
	FIELD(struct token_out, access_token, "access_token"), FIELD(struct token_out, token_type, "token_type"),
	FIELD(struct token_out, who, "who"), FIELD_END
};

static bool list(const struct act *act, const void *in, void *out, struct err *e)
{
	struct thing_out *o = out;

	(void)in, (void)e;
	o->name = act->who->organization_slug;
	return true;
}

static bool add(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct thing_in *i = in;
	struct thing_out *o = out;

	(void)act, (void)e;
	*o = (struct thing_out){ .name = i->project_id, .code = i->code, .added = !str_eq(i->code, S("de")) };
	return true;
}

static bool get(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct thing_in *i = in;

	(void)act;
	if (str_eq(i->project_id, S("busy"))) {
		(void)err_set(e, ERR_UNAVAILABLE, "Busy.");
		e->retry_after_s = 7;
		return false;
	}
	if (str_eq(i->project_id, S("bug")))
		return err_log(e, ERR_INTERNAL, 0, "a detail of the machine");
	((struct thing_out *)out)->name = i->project_id;
	return true;
}

static bool exchange(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct token_in *i = in;

	(void)act;
	if (i->grant_type.n == 0)
		return err_set(e, ERR_INVALID_REQUEST, "grant_type is missing");
	if (str_eq(i->grant_type, S("limited")))
		return err_set(e, ERR_RATE_LIMITED, "Slow down");
	if (str_eq(i->grant_type, S("bug")))
		return err_log(e, ERR_INTERNAL, 0, "a detail");
	if (str_eq(i->client_secret, S("wrong")))
		return err_set(e, ERR_INVALID_CLIENT, "wrong secret");
	if (str_eq(i->refresh_token, S("dead"))) {
		(void)err_set(e, ERR_INVALID_GRANT, "expired");
		e->status = str_eq(i->client_id, S("legacy")) ? 401 : 0;
		return false;
	}
	*(struct token_out *)out = (struct token_out){ S("bi_at_x"), S("Bearer"), i->client_auth };
	return true;
}

#define IN(f, T)  .in = (f), .in_size = sizeof(T)
#define OUT(f, T) .out = (f), .out_size = sizeof(T)
static const struct operation rows[] = {
	{ .name = "organizations.list", .who = WHO_INSTALL, .scopes = SCOPE_OF(SCOPE_BIT_ORG_READ), .lane = LANE_INLINE,
	  OUT(thing_out_fields, struct thing_out), .call = list },
	{ .name = "project.create", .who = WHO_INSTALL, .scopes = SCOPE_OF(SCOPE_BIT_PROJECTS_WRITE), .lane = LANE_WRITE,
	  IN(create_fields, struct thing_in), OUT(thing_out_fields, struct thing_out), .call = add },
	{ .name = "project.get", .who = WHO_INSTALL, .scopes = SCOPE_OF(SCOPE_BIT_PROJECTS_READ), .lane = LANE_READ,
	  IN(get_fields, struct thing_in), OUT(thing_out_fields, struct thing_out), .call = get },
	{ .name = "language.add", .who = WHO_INSTALL | WHO_KEY, .lane = LANE_WRITE,
	  IN(thing_in_fields, struct thing_in), OUT(thing_out_fields, struct thing_out), .call = add },
	{ .name = "token.exchange", .who = WHO_ANONYMOUS, .lane = LANE_WRITE,
	  IN(token_in_fields, struct token_in), OUT(token_out_fields, struct token_out), .call = exchange },
	{ .name = "local.get", .who = WHO_LOCAL, .lane = LANE_SLOW, IN(get_fields, struct thing_in),
	  OUT(thing_out_fields, struct thing_out), .call = get },
};

size_t operation_table(const struct operation **rows_out)
{
	*rows_out = rows;
	return COUNT(rows);
}

const struct operation *operation_find(str name)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (str_eq(str_from(rows[i].name), name))
			return &rows[i];
	}
	return NULL;
}

/* ---- a server around it ---- */

struct site {
	struct bench       *b;
	struct api         *api;
	struct http_server *server;
	str                 socket_path;
};

static struct site site_open(void)
{
	struct site s = { .b = bench_open() };
	struct http_config config = { .listen = "127.0.0.1:0", .loops = 1, .error = api_error };
	struct err e = { .code = ERR_NONE };

	s.api = api_create(&(struct api_config){ .env = s.b->env, .version = S("1.2.3") });
	s.socket_path = arena_printf(s.b->arena, "%s/control.sock", s.b->directory);
	config.unix_path = arena_cstr(s.b->arena, s.socket_path);
	config.routes = api_routes(s.api, &config.routes_n);
	config.unix_routes = api_control_routes(s.api, &config.unix_routes_n);
	if (!http_server_create(&config, &s.server, &e))
		test_fail(__FILE__, __LINE__, e.msg[0] != '\0' ? e.msg : e.say);
	http_server_run(s.server);
	return s;
}

static void site_close(struct site *s)
{
	http_server_stop(s->server, 1000);
	http_server_destroy(s->server);
	api_destroy(s->api);
	bench_close(s->b);
}

/* headers: lines that end with CRLF. */
static struct reply ask(struct site *s, const char *line, str headers, str body)
{
	struct arena *a = s->b->arena;

	return loopback_ask(a, http_server_port(s->server), arena_printf(a,
		"%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n" FMT_STR "\r\n" FMT_STR,
		line, body.n, ARG_STR(headers), ARG_STR(body)));
}

static struct reply ask_get(struct site *s, const char *target, str headers)
{
	struct arena *a = s->b->arena;

	return loopback_ask(a, http_server_port(s->server), arena_printf(a,
		"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" FMT_STR "\r\n", target, ARG_STR(headers)));
}

static str bearer(struct site *s, str token)
{
	return arena_printf(s->b->arena, "Authorization: Bearer " FMT_STR "\r\n", ARG_STR(token));
}

static bool has(str text, str part)
{
	return str_find(text, part) >= 0;
}

#define ORGANIZATIONS "/api/oauth-client/organizations"
#define PROJECT "/api/oauth-client/v1/projects/"
#define CHALLENGE "Bearer resource_metadata=\"https://i18n.example/.well-known/oauth-protected-resource\""
#define FORM_TYPE "Content-Type: application/x-www-form-urlencoded\r\n"
#define JSON_TYPE "Content-Type: application/json\r\n"

TEST(a_bearer_route_answers_from_memory)
{
	struct site s = site_open();
	struct reply r = ask_get(&s, ORGANIZATIONS, bearer(&s, s.b->install));

	CHECK_I64(r.status, 200);
	CHECK_STR(r.body, S("{\"name\":\"acme\",\"code\":null,\"added\":false}"));
	CHECK_STR(reply_header(&r, S("Cache-Control")), S("no-store"));
	CHECK_STR(reply_header(&r, S("Content-Type")), S("application/json"));
	CHECK(reply_header(&r, S("Access-Control-Allow-Origin")).p == NULL);
	r = ask_get(&s, ORGANIZATIONS, arena_printf(s.b->arena, "x-api-key: " FMT_STR "\r\n", ARG_STR(s.b->install)));
	CHECK_I64(r.status, 200);
	site_close(&s);
}

TEST(rule_23_without_credentials_the_challenge_has_no_error)
{
	struct site s = site_open();
	struct reply r = ask_get(&s, ORGANIZATIONS, S(""));

	CHECK_I64(r.status, 401);
	CHECK_STR(reply_header(&r, S("WWW-Authenticate")), S(CHALLENGE ", scope=\"org:read\""));
	CHECK(has(r.body, S("\"error\":\"invalid_token\"")) && has(r.body, S("bi_oat_")));
	r = ask_get(&s, ORGANIZATIONS, S("Authorization: Digest x\r\n"));
	CHECK_I64(r.status, 401);
	CHECK(!has(reply_header(&r, S("WWW-Authenticate")), S("error=")));
	site_close(&s);
}

TEST(rule_24_an_unknown_token_is_named_in_the_challenge)
{
	struct site s = site_open();
	struct reply r = ask_get(&s, ORGANIZATIONS, S("Authorization: Bearer bi_oat_unknown\r\n"));

	CHECK_I64(r.status, 401);
	CHECK(str_starts(reply_header(&r, S("WWW-Authenticate")), S(CHALLENGE ", error=\"invalid_token\"")));
	site_close(&s);
}

TEST(rule_26_a_missing_scope_is_403_with_all_scopes_in_the_challenge)
{
	struct site s = site_open();
	struct reply r = ask(&s, "POST /api/oauth-client/v1/projects", bearer(&s, s.b->install), S("{"));

	/* Before the body is looked at. */
	CHECK_I64(r.status, 403);
	CHECK(has(r.body, S("\"error\":\"missing_scope\"")) && has(r.body, S("\"required\":\"projects:write\"")));
	CHECK(has(reply_header(&r, S("WWW-Authenticate")), S("error=\"insufficient_scope\"")));
	CHECK(has(reply_header(&r, S("WWW-Authenticate")), S("scope=\"projects:write\"")));
	site_close(&s);
}

TEST(e_13_a_revoked_grant_is_410_with_a_challenge)
{
	struct site s = site_open();
	struct reply r = ask_get(&s, ORGANIZATIONS, bearer(&s, s.b->revoked));

	CHECK_I64(r.status, 410);
	CHECK(has(r.body, S("\"error\":\"grant_revoked\"")));
	CHECK(has(reply_header(&r, S("WWW-Authenticate")), S("error=\"invalid_token\"")));
	site_close(&s);
}

TEST(rule_28_a_token_in_the_address_is_400)
{
	struct site s = site_open();

	CHECK_I64(ask_get(&s, ORGANIZATIONS "?access_token=x", bearer(&s, s.b->install)).status, 400);
	CHECK_I64(ask_get(&s, arena_cstr(s.b->arena, arena_printf(s.b->arena, ORGANIZATIONS "?t=" FMT_STR,
	                                 ARG_STR(s.b->install))), S("")).status, 400);
	CHECK_I64(ask_get(&s, ORGANIZATIONS "?other=1", bearer(&s, s.b->install)).status, 200);
	site_close(&s);
}

TEST(rule_165_two_different_headers_are_400)
{
	struct site s = site_open();
	str both = arena_printf(s.b->arena, "Authorization: Bearer " FMT_STR "\r\nx-api-key: " FMT_STR "\r\n",
	                        ARG_STR(s.b->install), ARG_STR(s.b->secret_key));

	CHECK_I64(ask_get(&s, ORGANIZATIONS, both).status, 400);
	CHECK_I64(ask_get(&s, ORGANIZATIONS, S("Authorization: Bearer a b\r\n")).status, 400);
	site_close(&s);
}

TEST(path_and_body_become_one_input_and_the_path_wins)
{
	struct site s = site_open();
	str headers = arena_printf(s.b->arena, FMT_STR JSON_TYPE, ARG_STR(bearer(&s, s.b->install)));
	struct reply r = ask(&s, "POST " PROJECT "p%201/languages", headers, S("{\"projectId\":\"evil\",\"code\":\"fr\"}"));

	CHECK_I64(r.status, 201);
	CHECK_STR(r.body, S("{\"name\":\"p 1\",\"code\":\"fr\",\"added\":true}"));
	r = ask(&s, "POST " PROJECT "p/languages", headers, S("{\"code\":\"de\"}"));
	CHECK_I64(r.status, 200);
	site_close(&s);
}

TEST(bad_bodies_get_a_clear_400_or_415)
{
	struct site s = site_open();
	str token = bearer(&s, s.b->install);
	str json = arena_printf(s.b->arena, FMT_STR JSON_TYPE, ARG_STR(token));
	str form = arena_printf(s.b->arena, FMT_STR FORM_TYPE, ARG_STR(token));
	struct reply r = ask(&s, "POST " PROJECT "p/languages", json, S("{\"code\":"));

	CHECK_I64(r.status, 400);
	CHECK(has(r.body, S("The body is not JSON")));
	CHECK_I64(ask(&s, "POST " PROJECT "p/languages", json, S("[]")).status, 400);
	CHECK_I64(ask(&s, "POST " PROJECT "p/languages", json, S("{}")).status, 400);
	CHECK_I64(ask(&s, "POST " PROJECT "p/languages", token, S("")).status, 400);
	CHECK_I64(ask(&s, "POST " PROJECT "p/languages", form, S("code=fr")).status, 415);
	site_close(&s);
}

TEST(failures_of_ours_tell_no_detail_and_when_to_come_back)
{
	struct site s = site_open();
	struct reply r = ask_get(&s, PROJECT "bug", bearer(&s, s.b->install));

	CHECK_I64(r.status, 500);
	CHECK(has(r.body, S("\"error\":\"internal_error\"")) && !has(r.body, S("machine")));
	r = ask_get(&s, PROJECT "busy", bearer(&s, s.b->install));
	CHECK_I64(r.status, 503);
	CHECK_STR(reply_header(&r, S("Retry-After")), S("7"));
	site_close(&s);
}

TEST(errors_of_the_engine_have_the_rest_shape)
{
	struct site s = site_open();
	struct reply r = ask(&s, "PUT " ORGANIZATIONS, S(""), S(""));

	CHECK_I64(r.status, 405);
	CHECK(has(r.body, S("\"error\":\"method_not_allowed\"")));
	CHECK(has(reply_header(&r, S("Allow")), S("GET")));
	r = ask_get(&s, "/api/oauth-client/nope", S(""));
	CHECK_I64(r.status, 404);
	CHECK(has(r.body, S("\"error\":\"not_found\"")));
	site_close(&s);
}

/* ---- token endpoint ---- */

static struct reply token(struct site *s, str headers, str body)
{
	return ask(s, "POST /api/auth/mcp/token", headers, body);
}

TEST(rule_96_a_token_answer_is_200_no_store_with_cors)
{
	struct site s = site_open();
	struct reply r = token(&s, S(FORM_TYPE), S("grant_type=x&client_id=c"));

	CHECK_I64(r.status, 200);
	CHECK_STR(r.body, S("{\"access_token\":\"bi_at_x\",\"token_type\":\"Bearer\",\"who\":\"none\"}"));
	CHECK_STR(reply_header(&r, S("Cache-Control")), S("no-store"));
	CHECK_STR(reply_header(&r, S("Pragma")), S("no-cache"));
	CHECK_STR(reply_header(&r, S("Access-Control-Allow-Origin")), S("*"));
	r = token(&s, S(JSON_TYPE), S("{\"grant_type\":\"x\",\"client_secret\":\"s\"}"));
	CHECK(has(r.body, S("\"who\":\"post\"")));
	r = token(&s, S(FORM_TYPE "Authorization: basic YTpi\r\n"), S("grant_type=x"));
	CHECK(has(r.body, S("\"who\":\"basic\"")));
	site_close(&s);
}

TEST(rule_95_repeated_parameters_are_refused)
{
	struct site s = site_open();
	struct reply r = token(&s, S(FORM_TYPE), S("grant_type=x&grant_type=x"));

	CHECK_I64(r.status, 400);
	CHECK(has(r.body, S("\"error\":\"invalid_request\"")));
	CHECK_STR(reply_header(&r, S("Access-Control-Allow-Origin")), S("*"));
	site_close(&s);
}

TEST(rule_99_and_100_a_basic_challenge_only_for_who_used_basic)
{
	struct site s = site_open();
	struct reply r = token(&s, S(FORM_TYPE), S("grant_type=x&client_secret=wrong"));

	CHECK_I64(r.status, 401);
	CHECK(has(r.body, S("\"error\":\"invalid_client\"")));
	CHECK(reply_header(&r, S("WWW-Authenticate")).p == NULL);
	r = token(&s, S(FORM_TYPE "Authorization: Basic YTp3cm9uZw==\r\n"), S("grant_type=x"));
	CHECK_I64(r.status, 401);
	CHECK(str_starts(reply_header(&r, S("WWW-Authenticate")), S("Basic ")));
	site_close(&s);
}

TEST(ruling_1_invalid_grant_is_400_and_401_for_apps_that_ask_for_it)
{
	struct site s = site_open();
	struct reply r = token(&s, S(FORM_TYPE), S("grant_type=x&refresh_token=dead"));

	CHECK_I64(r.status, 400);
	CHECK(has(r.body, S("\"error\":\"invalid_grant\"")));
	r = token(&s, S(FORM_TYPE), S("grant_type=x&refresh_token=dead&client_id=legacy"));
	CHECK_I64(r.status, 401);
	CHECK(reply_header(&r, S("WWW-Authenticate")).p == NULL);
	site_close(&s);
}

TEST(rule_104_throttle_and_failure_are_temporarily_unavailable)
{
	struct site s = site_open();
	struct reply r = token(&s, S(FORM_TYPE), S("grant_type=limited"));

	CHECK_I64(r.status, 429);
	CHECK(has(r.body, S("\"error\":\"temporarily_unavailable\"")));
	CHECK(reply_header(&r, S("Retry-After")).n > 0);
	r = token(&s, S(FORM_TYPE), S("grant_type=bug"));
	CHECK(has(r.body, S("\"error\":\"temporarily_unavailable\"")));
	site_close(&s);
}

TEST(rule_94_the_token_endpoint_takes_post_only)
{
	struct site s = site_open();
	struct reply r = ask_get(&s, "/api/auth/mcp/token?grant_type=x", S(""));

	CHECK_I64(r.status, 405);
	CHECK(has(reply_header(&r, S("Allow")), S("POST")));
	CHECK(has(r.body, S("\"error\":\"invalid_request\"")));
	CHECK_STR(reply_header(&r, S("Access-Control-Allow-Origin")), S("*"));
	CHECK_I64(token(&s, S("Content-Type: text/plain\r\n"), S("x")).status, 400);
	CHECK_I64(ask(&s, "POST /api/auth/mcp/token?client_secret=x", S(FORM_TYPE), S("grant_type=x")).status, 400);
	site_close(&s);
}

TEST(rule_105_preflights_are_204)
{
	struct site s = site_open();
	struct reply r = ask(&s, "OPTIONS /api/auth/mcp/token",
	                     S("Origin: https://spa.example\r\nAccess-Control-Request-Method: POST\r\n"), S(""));

	CHECK_I64(r.status, 204);
	CHECK_STR(reply_header(&r, S("Access-Control-Allow-Origin")), S("*"));
	CHECK(has(reply_header(&r, S("Access-Control-Allow-Headers")), S("Authorization")));
	r = ask(&s, "OPTIONS /.well-known/oauth-authorization-server", S(""), S(""));
	CHECK_I64(r.status, 204);
	CHECK(has(reply_header(&r, S("Access-Control-Allow-Headers")), S("MCP-Protocol-Version")));
	r = ask(&s, "OPTIONS " ORGANIZATIONS, S(""), S(""));
	CHECK(reply_header(&r, S("Access-Control-Allow-Origin")).p == NULL);
	site_close(&s);
}

/* ---- documents ---- */

static const struct json *document(struct site *s, const char *path)
{
	struct reply r = ask_get(s, path, S(""));
	struct json_fault fault;
	struct json *v;

	CHECK_I64(r.status, 200);
	CHECK(json_parse(s->b->arena, r.body, JSON_DEPTH_DEFAULT, &v, &fault));
	return v;
}

static bool member_is(const struct json *v, const char *name, const char *want)
{
	return str_eq(json_str(json_get(v, str_from(name))), str_from(want));
}

TEST(rules_1_to_14_server_metadata_says_what_is_alive)
{
	struct site s = site_open();
	const struct json *v = document(&s, "/.well-known/oauth-authorization-server");

	CHECK(member_is(v, "issuer", "https://i18n.example"));
	CHECK(member_is(v, "token_endpoint", "https://i18n.example/api/auth/mcp/token"));
	CHECK(json_get(v, S("revocation_endpoint")) == NULL);
	CHECK(json_get(v, S("registration_endpoint")) == NULL);
	CHECK(json_is_true(json_get(v, S("authorization_response_iss_parameter_supported"))));
	CHECK((json_get(v, S("code_challenge_methods_supported")))->count == 1);
	CHECK((json_get(v, S("scopes_supported")))->count >= 13);
	site_close(&s);
}

TEST(rules_19_to_21_resource_metadata_names_this_origin)
{
	struct site s = site_open();
	const struct json *v = document(&s, "/.well-known/oauth-protected-resource");
	const struct json *scopes = json_get(v, S("scopes_supported"));

	CHECK(member_is(v, "resource", "https://i18n.example"));
	for (const struct json *scope = scopes->first; scope != NULL; scope = scope->next)
		CHECK(str_ends(scope->text, S(":read")));
	site_close(&s);
}

TEST(rule_2_unknown_well_known_names_are_404_json)
{
	static const char *const paths[] = {
		"/.well-known/openid-configuration", "/.well-known/x", "/.well-known/",
		"/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server/api/auth",
	};
	struct site s = site_open();

	for (size_t i = 0; i < COUNT(paths); i++) {
		struct reply r = ask_get(&s, paths[i], S(""));

		CHECK_I64(r.status, 404);
		CHECK(has(r.body, S("\"error\":\"not_found\"")));
	}
	site_close(&s);
}

TEST(rule_16_documents_are_cacheable_and_revalidate)
{
	struct site s = site_open();
	struct reply r = ask_get(&s, "/.well-known/oauth-authorization-server", S(""));
	str etag = reply_header(&r, S("ETag"));

	CHECK_STR(reply_header(&r, S("Cache-Control")), S("public, max-age=300"));
	CHECK(etag.n > 2);
	r = ask_get(&s, "/.well-known/oauth-authorization-server",
	            arena_printf(s.b->arena, "If-None-Match: W/" FMT_STR "\r\n", ARG_STR(etag)));
	CHECK_I64(r.status, 304);
	CHECK_I64((int64_t)r.body.n, 0);
	site_close(&s);
}

TEST(the_description_lists_each_route_with_its_fields)
{
	struct site s = site_open();
	const struct json *v = document(&s, "/openapi.json");
	const struct json *paths = json_get(v, S("paths"));
	const struct json *post = json_get(json_get(paths, S("/api/oauth-client/v1/projects/{projectId}/languages")), S("post"));

	CHECK(member_is(v, "openapi", "3.1.0"));
	CHECK(json_get(json_get(paths, S("/api/oauth-client/organizations")), S("get")) != NULL);
	CHECK(member_is(post, "operationId", "language.add"));
	CHECK(json_get(json_get(post, S("responses")), S("201")) != NULL);
	CHECK(json_get(json_get(post, S("responses")), S("200")) != NULL);
	CHECK((json_get(post, S("parameters")))->count == 1);
	/* No operation, no route: nothing to describe. */
	CHECK(json_get(paths, S("/api/oauth-client/me")) == NULL);
	site_close(&s);
}

/* ---- operators ---- */

TEST(health_and_ready_answer_without_credentials)
{
	struct site s = site_open();
	struct reply r = ask_get(&s, "/health", S(""));

	CHECK_I64(r.status, 200);
	CHECK(has(r.body, S("\"status\":\"ok\"")) && has(r.body, S("\"version\":\"1.2.3\"")));
	CHECK_I64(ask_get(&s, "/ready", S("")).status, 200);
	site_close(&s);
}

static struct reply ask_socket(struct site *s, const char *line, str body)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct arena *a = s->b->arena;
	str request = arena_printf(a, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n" FMT_STR,
	                           line, body.n, ARG_STR(body));
	struct reply r = { .status = 0 };
	struct buf b;
	ssize_t n;

	memcpy(address.sun_path, s->socket_path.p, s->socket_path.n);
	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	CHECK(write(fd, request.p, request.n) == (ssize_t)request.n);
	buf_init_arena(&b, a, MIB);
	for (char chunk[4096]; (n = read(fd, chunk, sizeof chunk)) > 0;)
		buf_str(&b, (str){ chunk, (size_t)n });
	close(fd);
	r.head = buf_view(&b);
	CHECK(r.head.n > 12);
	r.status = (r.head.p[9] - '0') * 100 + (r.head.p[10] - '0') * 10 + (r.head.p[11] - '0');
	r.body = str_from_at(r.head, (size_t)str_find(r.head, S("\r\n\r\n")) + 4);
	return r;
}

TEST(ruling_41_metrics_need_the_operator_token_or_the_socket)
{
	struct site s = site_open();
	struct reply r = ask_get(&s, "/metrics", bearer(&s, S("operator-secret")));

	CHECK_I64(r.status, 200);
	CHECK(has(r.body, S("# TYPE bi18n_http_answers_total counter\n")));
	CHECK_I64(ask_get(&s, "/metrics", S("")).status, 401);
	CHECK_I64(ask_get(&s, "/metrics", bearer(&s, S("operator"))).status, 401);
	CHECK_I64(ask_get(&s, "/metrics", bearer(&s, s.b->install)).status, 401);
	CHECK_I64(ask_socket(&s, "GET /metrics", S("")).status, 200);
	site_close(&s);
}

TEST(the_control_channel_runs_operations_for_the_operator_only)
{
	struct site s = site_open();
	struct reply r = ask_socket(&s, "POST /op/local.get", S("{\"projectId\":\"p\"}"));

	CHECK_I64(r.status, 200);
	CHECK(has(r.body, S("{\"ok\":true,\"result\":{\"name\":\"p\"")));
	r = ask_socket(&s, "POST /op/local.get", S("{}"));
	CHECK_I64(r.status, 400);
	CHECK(has(r.body, S("{\"ok\":false,\"error\":\"invalid_request\"")));
	r = ask_socket(&s, "POST /op/local.get", S("{\"projectId\":\"busy\"}"));
	CHECK(has(r.body, S("\"status\":503,\"retryAfter\":7")));
	CHECK(has(ask_socket(&s, "POST /op/nope", S("{}")).body, S("\"error\":\"not_found\"")));
	CHECK(has(ask_socket(&s, "POST /op/organizations.list", S("{}")).body, S("\"ok\":false")));
	CHECK_I64(ask(&s, "POST /op/local.get", S(JSON_TYPE), S("{\"projectId\":\"p\"}")).status, 404);
	site_close(&s);
}
