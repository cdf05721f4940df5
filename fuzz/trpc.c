/* SPDX-License-Identifier: MIT
 *
 * A tRPC request: method ("p" for POST), decoded path, query, one a line, then the body. A plan
 * has as many calls as it says, and inputs only where the text has them. */
#include <assert.h>

#include "rpc/rpc_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BATCH_MAX = 100 };

size_t operation_table(const struct operation **rows_out)
{
	*rows_out = NULL;
	return 0;
}

const struct operation *operation_find(str name)
{
	(void)name;
	return NULL;
}

static void check_plan(struct arena *a, const struct rpc_text *t, const struct rpc_plan *plan)
{
	size_t bytes = 0;

	assert(plan->paths_n >= 1 && plan->paths_n <= BATCH_MAX);
	assert(plan->batch || plan->paths_n == 1);
	assert(!plan->input_bad || plan->input == NULL);
	for (size_t i = 0; i < plan->paths_n; i++) {
		bytes += plan->paths[i].n;
		assert(!plan->batch || !str_has(plan->paths[i], ','));
		if (rpc_input_at(a, plan, i) != NULL)
			assert(plan->input != NULL);
	}
	assert(bytes + plan->paths_n - 1 == t->path.n);
}

static void check_envelope(struct arena *a, const struct err *e, str path)
{
	struct json_fault fault;
	struct json_out o;
	struct json *v;
	struct buf b;
	int64_t code;

	buf_init_arena(&b, a, MIB);
	json_out_init(&o, &b);
	rpc_put_error(&o, e, path);
	assert(json_parse(a, buf_view(&b), JSON_DEPTH_DEFAULT, &v, &fault));
	assert(json_i64(json_get(json_get(v, S("error")), S("code")), &code) && code < 0);
	assert(json_str(json_get(json_get(v, S("error")), S("message"))).n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create(4 * KIB);
	str rest = arena_str(a, (str){ (const char *)data, size }), method = S("");
	struct rpc_text t = { .content_type = S("application/json") };
	struct err e = { .code = ERR_NONE };
	struct rpc_plan plan;

	(void)str_cut(&rest, '\n', &method);
	(void)str_cut(&rest, '\n', &t.path);
	(void)str_cut(&rest, '\n', &t.query);
	t.post = str_eq(method, S("p"));
	t.body = rest.p == NULL ? S("") : rest;
	if (!rpc_parse(a, &t, BATCH_MAX, &plan, &e)) {
		check_envelope(a, &e, STR_NONE);
	} else {
		rpc_parse_input(a, &plan);
		check_plan(a, &t, &plan);
		if (plan.input_bad)
			check_envelope(a, &plan.input_err, plan.paths[0]);
	}
	arena_destroy(a);
	return 0;
}
