/* SPDX-License-Identifier: MIT
 *
 * tRPC, one procedure a request, in the batched form. Source: contract "platform-api" section 5. */
#include "client/client_int.h"

enum { PROCEDURE_MAX = 64, INPUT_BYTES_MAX = 1024 * 1024 };

static bool procedure_is_sane(const char *name)
{
	size_t n = 0;

	for (; name[n] != '\0'; n++) {
		char c = name[n];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_'))
			return false;
	}
	return n > 0 && n < PROCEDURE_MAX;
}

static bool input_is_object(struct work *w, const char *input)
{
	const struct jvalue *v = json_read(&w->pool, str_from(input));

	return v != NULL && v->kind == JOBJECT;
}

/* {"0":input}: the input of the only call. */
static const char *batch_input(struct work *w, const char *input)
{
	struct text t;

	text_init(&t, &w->pool, INPUT_BYTES_MAX);
	text_addz(&t, input == NULL ? "{" : "{\"0\":");
	text_addz(&t, input == NULL ? "" : input);
	text_add(&t, S("}"));
	return text_cstr(&t);
}

static bool trpc_request(struct work *w, const char *procedure, const char *input, bool query,
                         struct bi18n_request *out)
{
	struct text path;
	const char *batch = batch_input(w, input);

	text_init(&path, &w->pool, INPUT_BYTES_MAX);
	text_addz(&path, "/api/trpc/");
	text_addz(&path, procedure);
	text_addz(&path, "?batch=1");
	if (query && batch != NULL) {
		text_addz(&path, "&input=");
		text_percent(&path, batch);
	}
	*out = (struct bi18n_request){ .method = query ? "GET" : "POST", .path = text_cstr(&path) };
	if (batch == NULL || out->path == NULL)
		return w->pool.failed ? fault_nomem(w) : fault_set(w, BI18N_EINVAL, "input: too large");
	if (!query) {
		out->body = batch;
		out->body_n = strlen(batch);
	}
	return true;
}

/* result.data of the only call, as it stands in the answer. */
static bool trpc_data(struct work *w, const struct transport_answer *answer, str *out)
{
	const struct jvalue *v = json_read(&w->pool, answer->body), *result, *data;

	if (v != NULL && v->kind == JARRAY)
		v = v->first;
	result = json_member(v, "result");
	data = json_member(result, "data");
	if (result == NULL)
		return w->pool.failed ? fault_nomem(w) : fault_set(w, BI18N_EPROTOCOL, "a tRPC answer that is malformed");
	*out = data == NULL ? S("null") : str_sub(answer->body, data->begin, data->end - data->begin);
	return true;
}

bool trpc_send(struct work *w, const char *owner, const char *organization, const char *procedure,
               const char *input, bool query, str *data_out, struct entry **entry_out)
{
	struct bi18n_request    request;
	struct transport_answer answer;

	if (procedure == NULL || !procedure_is_sane(procedure))
		return fault_set(w, BI18N_EINVAL, "procedure: such as \"mcp.listKeys\"");
	if (input != NULL && !input_is_object(w, input))
		return w->pool.failed ? fault_nomem(w) : fault_set(w, BI18N_EINVAL, "input: a JSON object");
	return trpc_request(w, procedure, input, query, &request) &&
	       call_send(w, owner, organization, &request, &answer, entry_out) && trpc_data(w, &answer, data_out);
}

static enum bi18n_code trpc_call(struct bi18n *client, const char *owner, const char *organization,
                                 const char *procedure, const char *input, bool query,
                                 const struct bi18n_call *call, struct bi18n_answer **out,
                                 struct bi18n_error *error)
{
	struct transport_answer answer = { .status = 200, .content_type = "application/json", .etag = "" };
	struct entry           *entry = NULL;
	struct work             w;

	work_begin(&w, client, call, error);
	if (trpc_send(&w, owner, organization, procedure, input, query, &answer.body, &entry))
		answer_give(&w, &answer, out);
	return work_end_with(&w, entry);
}

enum bi18n_code bi18n_trpc_query(struct bi18n *client, const char *owner_id, const char *organization,
                                 const char *procedure, const char *input, const struct bi18n_call *call,
                                 struct bi18n_answer **out, struct bi18n_error *error)
{
	return trpc_call(client, owner_id, organization, procedure, input, true, call, out, error);
}

enum bi18n_code bi18n_trpc_mutation(struct bi18n *client, const char *owner_id, const char *organization,
                                    const char *procedure, const char *input, const struct bi18n_call *call,
                                    struct bi18n_answer **out, struct bi18n_error *error)
{
	return trpc_call(client, owner_id, organization, procedure, input, false, call, out, error);
}
