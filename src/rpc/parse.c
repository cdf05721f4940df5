/* SPDX-License-Identifier: MIT
 *
 * From target and body to a list of calls. Wording of the errors is the reference server's:
 * agents read it.
 * Source: contract "platform-api" sections 5.1, 5.5, 14. */
#include "rpc/rpc_int.h"

#include "base/text.h"

enum { CONTENT_TYPE_SHOWN_MAX = 80 };

/* A second `input` would let two readers of the same request see different things (ruling R25). */
static bool single_param(const struct param *params, size_t n, str name, str *out, struct err *e)
{
	*out = STR_NONE;
	for (size_t i = 0; i < n; i++) {
		if (!str_eq(params[i].name, name))
			continue;
		if (out->p != NULL)
			return err_set(e, ERR_INVALID_REQUEST, "\"" FMT_STR "\" is given twice", ARG_STR(name));
		*out = params[i].value;
	}
	return true;
}

static bool content_type_ok(str header, struct err *e)
{
	str rest = header, bare = STR_NONE;

	(void)str_cut(&rest, ';', &bare);
	if (str_eq_nocase(str_trim(bare), S("application/json")))
		return true;
	if (header.p == NULL)
		return err_set(e, ERR_UNSUPPORTED_MEDIA_TYPE, "Missing content-type header");
	return err_set(e, ERR_UNSUPPORTED_MEDIA_TYPE, "Unsupported content-type \"" FMT_STR "\"",
	               ARG_STR(str_sub(header, 0, CONTENT_TYPE_SHOWN_MAX)));
}

static bool split_paths(struct arena *a, str path, size_t batch_max, struct rpc_plan *plan, struct err *e)
{
	str rest = path, *paths;
	size_t n = 1;

	for (size_t i = 0; i < path.n; i++)
		n += path.p[i] == ',';
	if (n > batch_max)
		return err_set(e, ERR_INVALID_REQUEST, "Batch call exceeds maximum size");
	paths = arena_array(a, str, n);
	for (size_t i = 0; i < n; i++)
		(void)str_cut(&rest, ',', &paths[i]);
	plan->paths = paths;
	plan->paths_n = n;
	return true;
}

/* Not an error of the request: what is wrong with the procedure or the caller is said first. */
void rpc_parse_input(struct arena *a, struct rpc_plan *plan)
{
	struct json_fault fault;
	str text = plan->input_text;
	struct json *v;

	if (text.n == 0)
		return;
	if (!json_parse(a, text, JSON_DEPTH_DEFAULT, &v, &fault)) {
		plan->input_bad = true;
		(void)err_set(&plan->input_err, ERR_INVALID_REQUEST, "Malformed JSON in input: %s at position %zu",
		              fault.what, fault.offset);
	} else if (plan->batch && v->kind != JSON_OBJECT) {
		plan->input_bad = true;
		(void)err_set(&plan->input_err, ERR_INVALID_REQUEST,
		              "\"input\" needs to be an object when doing a batch call");
	} else {
		plan->input = v;
	}
}

bool rpc_parse(struct arena *a, const struct rpc_text *t, size_t batch_max, struct rpc_plan *out, struct err *e)
{
	struct param *params = NULL;
	str batch, input;
	size_t n = 0;

	*out = (struct rpc_plan){ .batch = false };
	if (t->query.n > 0 && !form_parse(a, t->query, RPC_PARAMS_MAX, &params, &n))
		return err_set(e, ERR_INVALID_REQUEST, "The query is malformed, or has too many parameters");
	if (!credential_not_in_query(params, n, e) || !single_param(params, n, S("batch"), &batch, e) ||
	    !single_param(params, n, S("input"), &input, e))
		return false;
	if (t->post && !content_type_ok(t->content_type, e))
		return false;
	out->batch = str_eq(batch, S("1"));
	if (out->batch) {
		if (!split_paths(a, t->path, batch_max, out, e))
			return false;
	} else {
		str *path = arena_new(a, str);

		*path = t->path;
		out->paths = path;
		out->paths_n = 1;
	}
	out->input_text = t->post ? t->body : input;
	return true;
}

const struct json *rpc_input_at(struct arena *a, const struct rpc_plan *plan, size_t index)
{
	if (!plan->batch || plan->input == NULL)
		return plan->input;
	return json_get(plan->input, arena_printf(a, "%zu", index));
}
