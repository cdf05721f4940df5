/* SPDX-License-Identifier: MIT */
#include "rpc/rpc_int.h"

#include "base/test.h"

/* "path:input path:input" or "! CODE message". */
static str plan_text(struct arena *a, const struct rpc_text *t, size_t batch_max)
{
	struct err e = { .code = ERR_NONE };
	struct rpc_plan plan;
	struct json_out o;
	struct buf b;

	if (!rpc_parse(a, t, batch_max, &plan, &e))
		return arena_printf(a, "! " FMT_STR " %s", ARG_STR(err_trpc_name(e.code)), e.say);
	rpc_parse_input(a, &plan);
	buf_init_arena(&b, a, MIB);
	for (size_t i = 0; i < plan.paths_n; i++) {
		const struct json *input = rpc_input_at(a, &plan, i);

		buf_printf(&b, "%s" FMT_STR ":", i > 0 ? " " : "", ARG_STR(plan.paths[i]));
		json_out_init(&o, &b);
		if (plan.input_bad)
			buf_printf(&b, "! %s", plan.input_err.say);
		else if (input != NULL)
			json_put(&o, input);
	}
	return buf_view(&b);
}

static void check(struct rpc_text t, str want)
{
	struct arena *a = arena_create(4096);

	CHECK_STR(plan_text(a, &t, 4), want);
	arena_destroy(a);
}

#define POST_JSON .post = true, .content_type = S("application/json")

TEST(a_plain_query_has_its_input_bare)
{
	check((struct rpc_text){ .path = S("mcp.getProject"), .query = S("input=%7B%22a%22%3A1%7D") },
	      S("mcp.getProject:{\"a\":1}"));
	check((struct rpc_text){ .path = S("mcp.listProjects") }, S("mcp.listProjects:"));
	check((struct rpc_text){ .path = S("a,b"), .query = S("input=") }, S("a,b:"));
}

TEST(a_batch_has_inputs_by_position)
{
	check((struct rpc_text){ .path = S("a,b,c"), .query = S("batch=1&input=%7B%221%22%3A%7B%22x%22%3A2%7D%7D") },
	      S("a: b:{\"x\":2} c:"));
	check((struct rpc_text){ .path = S("a"), .query = S("input=%7B%7D&batch=1") }, S("a:"));
	check((struct rpc_text){ .path = S("a,b"), .query = S("batch=1") }, S("a: b:"));
}

TEST(only_batch_1_makes_a_batch)
{
	check((struct rpc_text){ .path = S("a,b"), .query = S("batch=0") }, S("a,b:"));
	check((struct rpc_text){ .path = S("a,b"), .query = S("batch=true") }, S("a,b:"));
}

TEST(a_mutation_has_its_input_in_the_body)
{
	check((struct rpc_text){ POST_JSON, .path = S("m"), .body = S("{\"k\":[]}") }, S("m:{\"k\":[]}"));
	check((struct rpc_text){ POST_JSON, .path = S("m,n"), .query = S("batch=1"), .body = S("{\"0\":{},\"1\":{\"a\":\"\xC5\x9F\"}}") },
	      S("m:{} n:{\"a\":\"\xC5\x9F\"}"));
	check((struct rpc_text){ POST_JSON, .path = S("m"), .body = S("") }, S("m:"));
	/* The body counts, not the query. */
	check((struct rpc_text){ POST_JSON, .path = S("m"), .query = S("input=1"), .body = S("{}") }, S("m:{}"));
}

TEST(media_types_are_case_insensitive_and_may_have_parameters)
{
	check((struct rpc_text){ .post = true, .content_type = S("Application/JSON; charset=utf-8"), .path = S("m") }, S("m:"));
	check((struct rpc_text){ .content_type = S("text/plain"), .path = S("q") }, S("q:"));
	check((struct rpc_text){ .post = true, .path = S("m") }, S("! UNSUPPORTED_MEDIA_TYPE Missing content-type header"));
	check((struct rpc_text){ .post = true, .content_type = S("text/plain"), .path = S("m") },
	      S("! UNSUPPORTED_MEDIA_TYPE Unsupported content-type \"text/plain\""));
}

TEST(malformed_input_is_an_error_of_each_call)
{
	struct arena *a = arena_create(4096);
	struct rpc_text t = { .path = S("a,b"), .query = S("batch=1&input=%7B") };
	struct err e = { .code = ERR_NONE };
	struct rpc_plan plan;

	CHECK(rpc_parse(a, &t, 4, &plan, &e));
	rpc_parse_input(a, &plan);
	CHECK(plan.input_bad && plan.input_err.code == ERR_INVALID_REQUEST && plan.paths_n == 2);
	arena_destroy(a);
	check((struct rpc_text){ .path = S("a"), .query = S("batch=1&input=[]") },
	      S("a:! \"input\" needs to be an object when doing a batch call"));
}

TEST(too_many_calls_and_repeated_parameters_are_refused)
{
	check((struct rpc_text){ .path = S("a,b,c,d"), .query = S("batch=1") }, S("a: b: c: d:"));
	check((struct rpc_text){ .path = S("a,b,c,d,e"), .query = S("batch=1") },
	      S("! BAD_REQUEST Batch call exceeds maximum size"));
	check((struct rpc_text){ .path = S("a"), .query = S("input=1&input=2") },
	      S("! BAD_REQUEST \"input\" is given twice"));
	check((struct rpc_text){ .path = S("a"), .query = S("input=%zz") },
	      S("! BAD_REQUEST The query is malformed, or has too many parameters"));
}

TEST(empty_names_are_calls_of_no_procedure)
{
	check((struct rpc_text){ .path = S(""), .query = S("batch=1") }, S(":"));
	check((struct rpc_text){ .path = S("a,"), .query = S("batch=1") }, S("a: :"));
}
