/* SPDX-License-Identifier: MIT
 *
 * Path, query and JSON body to one input of an operation. */
#include "api/api_int.h"

#include "base/text.h"

bool media_type_is(str header, str type)
{
	str rest = header, bare = STR_NONE;

	(void)str_cut(&rest, ';', &bare);
	return str_eq_nocase(str_trim(bare), type);
}

bool media_type_is_json(str header)
{
	str rest = header, bare = STR_NONE;

	(void)str_cut(&rest, ';', &bare);
	bare = str_trim(bare);
	return str_eq_nocase(bare, S("application/json")) ||
	       (bare.n > 5 && str_eq_nocase(str_from_at(bare, bare.n - 5), S("+json")));
}

static bool read_params(struct api_call *c, struct err *e)
{
	const struct http_request *r = http_request(c->x);
	struct param *query = NULL, *all;
	size_t n = 0;

	if (c->bound->row->input == INPUT_QUERY && r->query.n > 0 &&
	    !form_parse(c->op.arena, r->query, API_PARAMS_MAX, &query, &n))
		return err_set(e, ERR_INVALID_REQUEST, "The query is malformed, or has too many parameters.");
	all = arena_array(c->op.arena, struct param, n + API_PATH_PARAMS_MAX);
	for (size_t i = 0; i < n; i++)
		all[i] = query[i];
	for (const char *const *name = c->bound->params; *name != NULL; name++)
		all[n++] = (struct param){ str_from(*name), http_path_param(c->x, *name) };
	return operation_read_params(&c->op, all, n, e);
}

/* The address says which thing is meant; a member of the same name in the body must not say
 * otherwise. */
static void drop_member(struct json *object, str name)
{
	struct json **at = &object->first;

	while (*at != NULL && !str_eq((*at)->name, name))
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = (*at)->next;
	object->count--;
}

static void add_path_params(struct api_call *c, struct json *object)
{
	for (const char *const *name = c->bound->params; *name != NULL; name++) {
		struct json *member = arena_new(c->op.arena, struct json);

		drop_member(object, str_from(*name));
		*member = (struct json){
			.kind = JSON_STRING, .name = str_from(*name), .text = http_path_param(c->x, *name),
			.next = object->first,
		};
		object->first = member;
		object->count++;
	}
}

static bool read_json(struct api_call *c, struct err *e)
{
	const struct http_request *r = http_request(c->x);
	str type = r->known[HTTP_CONTENT_TYPE];
	struct json_fault fault;
	struct json *v;

	if (type.p != NULL && !media_type_is_json(type))
		return err_set(e, ERR_UNSUPPORTED_MEDIA_TYPE, "Send the body as Content-Type: application/json.");
	if (!json_parse(c->op.arena, r->body, JSON_DEPTH_DEFAULT, &v, &fault))
		return err_set(e, ERR_INVALID_REQUEST, "The body is not JSON: %s at byte %zu.", fault.what, fault.offset);
	if (v->kind == JSON_OBJECT)
		add_path_params(c, v);
	return operation_read_input(&c->op, v, e);
}

bool api_read_input(struct api_call *c, struct err *e)
{
	enum api_input input = c->bound->row->input;

	if (input == INPUT_TOKEN)
		return token_read_input(c, e);
	if (input == INPUT_JSON && http_request(c->x)->body.n > 0)
		return read_json(c, e);
	return read_params(c, e);
}
