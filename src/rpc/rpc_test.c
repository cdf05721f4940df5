/* SPDX-License-Identifier: MIT
 *
 * The channel over a real socket, with a small table of operations in place of the domains'. */
#include "rpc/rpc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/test.h"
#include "operation/loopback_test.h"

/* ---- operations ---- */

struct in  { str text; };
struct out { str text, plain; };

static const struct field in_fields[] = { FIELD(struct in, text, "text", .flags = FIELD_REQUIRED), FIELD_END };
static const struct field out_fields[] = {
	FIELD(struct out, text, "text"), FIELD(struct out, plain, "plain", .flags = FIELD_UNBATCHED), FIELD_END
};

static _Atomic int steps;         /* order in which mutations took effect */

static bool nothing_needed(const struct act *act, const void *in, void *out, struct err *e)
{
	(void)act, (void)in, (void)e;
	*(struct out *)out = (struct out){ S("all"), S("cli") };
	return true;
}

static bool say(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct in *i = in;

	(void)act;
	if (str_eq(i->text, S("conflict")))
		return err_set(e, ERR_CONFLICT, "Path collision");
	if (str_eq(i->text, S("limit"))) {
		(void)err_set(e, ERR_RATE_LIMITED, "Wait 30 s");
		e->retry_after_s = 30;
		return false;
	}
	if (str_eq(i->text, S("bug")))
		return err_log(e, ERR_INTERNAL, 0, "a detail of the machine");
	*(struct out *)out = (struct out){ i->text, S("cli") };
	return true;
}

/* The first is slow: only a chain keeps the order. */
static bool step(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct in *i = in;

	(void)e;
	if (str_eq(i->text, S("slow")))
		nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
	*(struct out *)out = (struct out){ .text = arena_printf(act->arena, "%d", atomic_fetch_add(&steps, 1)) };
	return true;
}

#define ROW(n, f, ...) \
	{ .name = (n), .who = WHO_INSTALL | WHO_KEY, .in = in_fields, .in_size = sizeof(struct in), \
	  .out = out_fields, .out_size = sizeof(struct out), .call = (f), .lane = __VA_ARGS__ }
static const struct operation rows[] = {
	{ .name = "project.list_visible", .who = WHO_INSTALL | WHO_KEY, .lane = LANE_INLINE,
	  .out = out_fields, .out_size = sizeof(struct out), .call = nothing_needed },
	ROW("project.summary", say, LANE_READ),
	ROW("key.list", say, LANE_SLOW),
	ROW("text.all", say, LANE_INLINE, .scopes = SCOPE_OF(SCOPE_BIT_TRANSLATIONS_READ)),
	ROW("key.create", say, LANE_WRITE),
	ROW("text.set", step, LANE_SLOW),
	ROW("publish.start", step, LANE_WRITE),
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

struct site { struct bench *b; struct rpc *rpc; struct http_server *server; };

static struct site site_open(void)
{
	struct site s = { .b = bench_open() };
	struct http_config config = { .listen = "127.0.0.1:0", .loops = 1 };
	struct err e = { .code = ERR_NONE };

	s.rpc = rpc_create(&(struct rpc_config){ .env = s.b->env, .body_bytes_max = 64 * KIB });
	config.routes = rpc_routes(s.rpc, &config.routes_n);
	if (!http_server_create(&config, &s.server, &e))
		test_fail(__FILE__, __LINE__, e.msg[0] != '\0' ? e.msg : e.say);
	http_server_run(s.server);
	return s;
}

static void site_close(struct site *s)
{
	http_server_stop(s->server, 1000);
	http_server_destroy(s->server);
	rpc_destroy(s->rpc);
	bench_close(s->b);
}

static struct reply send_it(struct site *s, const char *method, str target, str credential, str type, str body)
{
	struct arena *a = s->b->arena;
	struct buf b;

	buf_init_arena(&b, a, 16 * MIB);
	buf_printf(&b, "%s /api/trpc/" FMT_STR " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
	           method, ARG_STR(target));
	if (credential.n > 0)
		buf_printf(&b, "x-api-key: " FMT_STR "\r\n", ARG_STR(credential));
	if (type.n > 0)
		buf_printf(&b, FMT_STR "\r\n", ARG_STR(type));
	buf_printf(&b, "Content-Length: %zu\r\n\r\n", body.n);
	buf_str(&b, body);
	return loopback_ask(a, http_server_port(s->server), buf_view(&b));
}

static struct reply query(struct site *s, str target)
{
	return send_it(s, "GET", target, s->b->secret_key, S(""), S(""));
}

static struct reply mutate(struct site *s, str target, str body)
{
	return send_it(s, "POST", target, s->b->secret_key, S("Content-Type: application/json"), body);
}

#define ERROR(message, code, name, status, path, more) \
	"{\"error\":{\"message\":\"" message "\",\"code\":" code ",\"data\":{\"code\":\"" name "\",\"httpStatus\":" status \
	",\"path\":\"" path "\"" more "}}}"
#define HELLO "%7B%22text%22%3A%22hello%22%7D"            /* {"text":"hello"} */
#define HELLO_0 "%7B%220%22%3A" HELLO "%7D"                /* {"0":…}          */

TEST(a_plain_query_answers_one_object_with_what_only_it_gets)
{
	struct site s = site_open();
	struct reply r = query(&s, S("mcp.getProject?input=" HELLO));

	CHECK_I64(r.status, 200);
	CHECK_STR(r.body, S("{\"result\":{\"data\":{\"text\":\"hello\",\"plain\":\"cli\"}}}"));
	CHECK_STR(reply_header(&r, S("Content-Type")), S("application/json"));
	CHECK_STR(reply_header(&r, S("Cache-Control")), S("no-store"));
	CHECK_STR(reply_header(&r, S("Vary")), S("trpc-accept, accept"));
	CHECK(reply_header(&r, S("Access-Control-Allow-Origin")).p == NULL);
	site_close(&s);
}

TEST(a_batch_of_one_answers_an_array)
{
	struct site s = site_open();
	struct reply r = query(&s, S("mcp.getProject?batch=1&input=" HELLO_0));

	CHECK_I64(r.status, 200);
	CHECK_STR(r.body, S("[{\"result\":{\"data\":{\"text\":\"hello\"}}}]"));
	site_close(&s);
}

TEST(an_absent_input_and_an_empty_one_mean_the_same)
{
	static const str targets[] = {
		STR("mcp.listProjects?batch=1&input=%7B%7D"), STR("mcp.listProjects?batch=1"),
		STR("mcp.listProjects?batch=1&input=%7B%220%22%3A%7B%7D%7D"), STR("mcp.listProjects?batch=1&input=%7B%220%22%3Anull%7D"),
	};
	struct site s = site_open();

	for (size_t i = 0; i < COUNT(targets); i++)
		CHECK_STR(query(&s, targets[i]).body, S("[{\"result\":{\"data\":{\"text\":\"all\"}}}]"));
	CHECK_I64(query(&s, S("mcp.listProjects")).status, 200);
	site_close(&s);
}

TEST(items_of_a_batch_are_independent_and_a_mixture_is_207)
{
	struct site s = site_open();
	struct reply r = query(&s, S("mcp.getProject,mcp.nope,mcp.listKeys,mcp.listProjects?batch=1&input="
		"%7B%220%22%3A" HELLO "%2C%222%22%3A%7B%22text%22%3A%22conflict%22%7D%7D"));

	CHECK_I64(r.status, 207);
	CHECK_STR(r.body, S("[{\"result\":{\"data\":{\"text\":\"hello\"}}},"
		ERROR("No procedure found on path \\\"mcp.nope\\\"", "-32004", "NOT_FOUND", "404", "mcp.nope", "") ","
		ERROR("Path collision", "-32009", "CONFLICT", "409", "mcp.listKeys", "") ","
		"{\"result\":{\"data\":{\"text\":\"all\"}}}]"));
	site_close(&s);
}

TEST(equal_failures_give_their_own_status)
{
	struct site s = site_open();

	CHECK_I64(query(&s, S("a,b?batch=1")).status, 404);
	CHECK_I64(query(&s, S("a%2Cb?batch=1")).status, 404);
	CHECK_I64(query(&s, S("a,mcp.getProject?batch=1")).status, 207);
	CHECK_I64(query(&s, S("nope")).status, 404);
	site_close(&s);
}

TEST(a_query_is_read_and_a_mutation_is_posted)
{
	struct site s = site_open();
	struct reply r = mutate(&s, S("mcp.getProject"), S("{\"text\":\"x\"}"));

	CHECK_I64(r.status, 405);
	CHECK_STR(r.body, S(ERROR("Unsupported POST-request to query procedure at path \\\"mcp.getProject\\\"", "-32005",
		"METHOD_NOT_SUPPORTED", "405", "mcp.getProject", "")));
	r = query(&s, S("mcp.createKeys?batch=1&input=" HELLO_0));
	CHECK_I64(r.status, 405);
	CHECK(str_find(r.body, S("Unsupported GET-request to mutation procedure")) > 0);
	r = mutate(&s, S("mcp.createKeys"), S("{\"text\":\"x\"}"));
	CHECK_STR(r.body, S("{\"result\":{\"data\":{\"text\":\"x\",\"plain\":\"cli\"}}}"));
	r = query(&s, S("mcp.getProject,mcp.createKeys?batch=1"));
	CHECK_I64(r.status, 400);
	CHECK(str_find(r.body, S("Cannot mix procedure types in call: ")) > 0);
	site_close(&s);
}

TEST(input_issues_come_as_text_that_agents_read)
{
	struct site s = site_open();
	struct reply r = query(&s, S("mcp.getProject?input=%7B%7D"));

	CHECK_I64(r.status, 400);
	CHECK(str_starts(r.body, S("{\"error\":{\"message\":\"[\\n  {\\n")));
	CHECK(str_find(r.body, S("Invalid input: expected string, received undefined")) > 0);
	CHECK(str_find(r.body, S("\"code\":-32600")) > 0);
	r = query(&s, S("mcp.getProject"));
	CHECK(str_find(r.body, S("expected object, received undefined")) > 0);
	r = query(&s, S("mcp.getProject?input=%7B"));
	CHECK_I64(r.status, 400);
	CHECK(str_find(r.body, S("\"path\":\"mcp.getProject\"")) > 0);
	site_close(&s);
}

TEST(who_may_not_call_learns_nothing_about_the_input)
{
	struct site s = site_open();
	struct reply r = send_it(&s, "GET", S("mcp.getProject?input=%7B%7D"), STR_NONE, S(""), S(""));

	CHECK_I64(r.status, 401);
	CHECK(str_starts(r.body, S("{\"error\":{\"message\":\"Unauthorized")));
	CHECK(str_find(r.body, S("\"code\":-32001,\"data\":{\"code\":\"UNAUTHORIZED\",\"httpStatus\":401")) > 0);
	r = send_it(&s, "GET", S("mcp.getAllTranslations?batch=1"), s.b->install, S(""), S(""));
	CHECK_I64(r.status, 403);
	CHECK_STR(r.body, S("[" ERROR("missing_scope: translations:read", "-32003", "FORBIDDEN", "403", "mcp.getAllTranslations",
		",\"error\":\"missing_scope\",\"required\":\"translations:read\"") "]"));
	site_close(&s);
}

TEST(a_revoked_grant_is_410_and_a_public_key_403)
{
	struct site s = site_open();
	struct reply r = send_it(&s, "GET", S("mcp.listProjects?batch=1"), s.b->revoked, S(""), S(""));

	CHECK_I64(r.status, 410);
	CHECK_STR(r.body, S("[" ERROR("grant_revoked", "-32001", "UNAUTHORIZED", "410", "mcp.listProjects",
		",\"error\":\"grant_revoked\"") "]"));
	r = send_it(&s, "GET", S("mcp.listProjects"), s.b->public_key, S(""), S(""));
	CHECK_I64(r.status, 403);
	CHECK(str_find(r.body, S("\"code\":-32003,\"data\":{\"code\":\"FORBIDDEN\"")) > 0);
	site_close(&s);
}

TEST(a_limit_says_when_to_come_back)
{
	struct site s = site_open();
	struct reply r = query(&s, S("mcp.getProject?input=%7B%22text%22%3A%22limit%22%7D"));

	CHECK_I64(r.status, 429);
	CHECK_STR(reply_header(&r, S("Retry-After")), S("30"));
	CHECK(str_find(r.body, S("\"code\":-32029,\"data\":{\"code\":\"TOO_MANY_REQUESTS\"")) > 0);
	r = query(&s, S("mcp.getProject?input=%7B%22text%22%3A%22bug%22%7D"));
	CHECK_I64(r.status, 500);
	CHECK(str_find(r.body, S("machine")) < 0 && str_find(r.body, S("\"code\":-32603")) > 0);
	site_close(&s);
}

TEST(errors_of_the_engine_are_wrapped_too)
{
	struct site s = site_open();
	struct arena *a = s.b->arena;
	char *large = arena_alloc(a, 200 * KIB);
	struct reply r;

	memset(large, 'a', 200 * KIB);
	r = query(&s, arena_printf(a, "mcp.listProjects?input=" FMT_STR, 200 * 1024, large));
	CHECK_I64(r.status, 414);
	CHECK(str_starts(r.body, S("{\"error\":{\"message\":\"")) && str_find(r.body, S("\"httpStatus\":414")) > 0);
	CHECK_I64(query(&s, arena_printf(a, "mcp.listProjects?other=" FMT_STR, 120 * 1024, large)).status, 200);
	r = mutate(&s, S("mcp.createKeys"), (str){ large, 64 * KIB + 1 });
	CHECK_I64(r.status, 413);
	CHECK(str_find(r.body, S("PAYLOAD_TOO_LARGE")) > 0);
	r = send_it(&s, "PUT", S("mcp.createKeys"), s.b->secret_key, S(""), S(""));
	CHECK_I64(r.status, 405);
	CHECK(str_find(r.body, S("METHOD_NOT_SUPPORTED")) > 0);
	r = send_it(&s, "POST", S("mcp.createKeys"), s.b->secret_key, S("Content-Type: text/plain"), S("{}"));
	CHECK_I64(r.status, 415);
	CHECK(str_find(r.body, S("\"path\"")) < 0);
	r = send_it(&s, "HEAD", S("mcp.listProjects"), s.b->secret_key, S(""), S(""));
	CHECK_I64(r.status, 204);
	r = query(&s, S(""));
	CHECK_I64(r.status, 404);
	CHECK(str_find(r.body, S("\"code\":-32004")) > 0);
	site_close(&s);
}

static str batch_body(struct arena *a, size_t n, const char *first)
{
	struct buf b;

	buf_init_arena(&b, a, 64 * KIB);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s\"%zu\":{\"text\":\"%s\"}", i > 0 ? "," : "{", i, i == 0 ? first : "x");
	buf_char(&b, '}');
	return buf_view(&b);
}

static str batch_path(struct arena *a, size_t n, const char *path)
{
	struct buf b;

	buf_init_arena(&b, a, 64 * KIB);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i > 0 ? "," : "", path);
	buf_printf(&b, "?batch=1");
	return buf_view(&b);
}

static void check_order(struct site *s, const char *path, size_t n)
{
	struct arena *a = s->b->arena;
	struct reply r;
	struct buf want;

	atomic_store(&steps, 0);
	r = mutate(s, batch_path(a, n, path), batch_body(a, n, "slow"));
	CHECK_I64(r.status, 200);
	buf_init_arena(&want, a, 64 * KIB);
	for (size_t i = 0; i < n; i++)
		buf_printf(&want, "%s{\"result\":{\"data\":{\"text\":\"%zu\"}}}", i > 0 ? "," : "[", i);
	buf_char(&want, ']');
	CHECK_STR(r.body, buf_view(&want));
}

TEST(mutations_take_effect_in_the_order_of_their_positions)
{
	struct site s = site_open();

	check_order(&s, "mcp.setTranslations", 20);       /* a lane of many threads: one after the other */
	check_order(&s, "mcp.publishTranslations", 100);  /* the write lane keeps the order by itself    */
	site_close(&s);
}

TEST(a_failing_mutation_does_not_hold_up_the_next)
{
	struct site s = site_open();
	struct reply r;

	atomic_store(&steps, 0);
	r = mutate(&s, S("mcp.nope,mcp.setTranslations,mcp.setTranslations?batch=1"),
	           S("{\"1\":{},\"2\":{\"text\":\"x\"}}"));
	CHECK_I64(r.status, 207);
	CHECK(str_ends(r.body, S("{\"result\":{\"data\":{\"text\":\"0\"}}}]")));
	site_close(&s);
}

TEST(more_than_a_hundred_calls_are_one_error)
{
	struct site s = site_open();
	struct reply r = query(&s, batch_path(s.b->arena, 101, "mcp.listProjects"));

	CHECK_I64(r.status, 400);
	CHECK(str_find(r.body, S("Batch call exceeds maximum size")) > 0);
	CHECK_I64(query(&s, batch_path(s.b->arena, 100, "mcp.listProjects")).status, 200);
	site_close(&s);
}

TEST(a_bearer_counts_as_much_as_an_api_key_and_two_that_differ_are_refused)
{
	struct site s = site_open();
	struct arena *a = s.b->arena;
	str line = arena_printf(a, "Authorization: Bearer " FMT_STR, ARG_STR(s.b->secret_key));

	CHECK_I64(send_it(&s, "GET", S("mcp.listProjects"), STR_NONE, line, S("")).status, 200);
	CHECK_I64(send_it(&s, "GET", S("mcp.listProjects"), s.b->secret_key, line, S("")).status, 200);
	CHECK_I64(send_it(&s, "GET", S("mcp.listProjects"), s.b->install, line, S("")).status, 400);
	site_close(&s);
}
