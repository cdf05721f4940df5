/* SPDX-License-Identifier: MIT
 *
 * The API description (OpenAPI 3.1), printed from the route rows and the field tables, so that it
 * cannot lag behind them. */
#include "api/api_int.h"

enum { OPENAPI_BYTES_MAX = 1024 * 1024, SCHEMA_DEPTH_MAX = 8 };

static void put_text(struct json_out *o, str name, str value)
{
	json_key(o, name);
	json_put_str(o, value);
}

/* ---- schemas ---- */

static void put_bounds(struct json_out *o, const struct field *f)
{
	static const struct { enum field_kind kind; str min, max; } names[] = {
		{ FIELD_STR,  STR("minLength"), STR("maxLength") }, { FIELD_I64,  STR("minimum"), STR("maximum") },
		{ FIELD_STRS, STR("minItems"), STR("maxItems") },   { FIELD_LIST, STR("minItems"), STR("maxItems") },
		{ FIELD_STR_MAP, STR("minProperties"), STR("maxProperties") },
	};

	if (f->min == 0 && f->max == 0)
		return;
	for (size_t i = 0; i < COUNT(names); i++) {
		if (names[i].kind != f->kind)
			continue;
		json_key(o, names[i].min);
		json_put_i64(o, f->min);
		if (f->max != 0) {
			json_key(o, names[i].max);
			json_put_i64(o, f->max);
		}
	}
}

static void put_choices(struct json_out *o, const struct field *f)
{
	if (f->one_of == NULL)
		return;
	json_key(o, S("enum"));
	json_open_array(o);
	for (const char *const *v = f->one_of; *v != NULL; v++)
		json_put_str(o, str_from(*v));
	json_close_array(o);
}

/* An absent text of an answer is null unless its row leaves it out (base/field.h). */
static void put_string_type(struct json_out *o, const struct field *f, bool nullable)
{

	json_key(o, S("type"));
	if (nullable) {
		json_open_array(o);
		json_put_str(o, S("string"));
		json_put_str(o, S("null"));
		json_close_array(o);
	} else {
		json_put_str(o, S("string"));
	}
	if ((f->flags & FIELD_UUID) != 0)
		put_text(o, S("format"), S("uuid"));
	put_choices(o, f);
}

static void put_object(struct json_out *o, const struct field *fields, unsigned depth, bool in);

static void put_schema(struct json_out *o, const struct field *f, unsigned depth, bool in)
{
	static const struct { enum field_kind kind; str type; } scalars[] = {
		{ FIELD_I64, STR("integer") }, { FIELD_BOOL, STR("boolean") }, { FIELD_F64, STR("number") },
	};

	if (f->kind == FIELD_OBJECT) {
		put_object(o, f->sub, depth + 1, in);
		return;
	}
	json_open_object(o);
	for (size_t i = 0; i < COUNT(scalars); i++) {
		if (scalars[i].kind == f->kind)
			put_text(o, S("type"), scalars[i].type);
	}
	if (f->kind == FIELD_STR)
		put_string_type(o, f, !in && (f->flags & FIELD_OPTIONAL) == 0);
	if (f->kind == FIELD_STRS || f->kind == FIELD_STR_OR_STRS || f->kind == FIELD_LIST) {
		put_text(o, S("type"), S("array"));
		json_key(o, S("items"));
		if (f->kind == FIELD_LIST) {
			put_object(o, f->sub, depth + 1, in);
		} else {
			json_open_object(o);
			put_string_type(o, f, false);
			json_close_object(o);
		}
	}
	if (f->kind == FIELD_MAP || f->kind == FIELD_STR_MAP) {
		put_text(o, S("type"), S("object"));
		json_key(o, S("additionalProperties"));
		if (f->kind == FIELD_MAP)
			put_object(o, f->sub, depth + 1, in);
		else
			json_put_raw(o, S("{\"type\":\"string\"}"));
	}
	if (in)
		put_bounds(o, f);
	json_close_object(o);
}

/* Not for the client to send: it stands in the path, or the channel adds it. */
static bool is_elsewhere(const struct api_bound *b, const char *name)
{
	if (b->row->input == INPUT_TOKEN && str_eq(str_from(name), S(TOKEN_CLIENT_AUTH)))
		return true;
	for (const char *const *p = b->params; *p != NULL; p++) {
		if (str_eq(str_from(*p), str_from(name)))
			return true;
	}
	return false;
}

static bool is_required(const struct field *f, bool in)
{
	return in ? (f->flags & FIELD_REQUIRED) != 0 : (f->flags & (FIELD_OPTIONAL | FIELD_UNBATCHED)) == 0;
}

/* skip: members that travel elsewhere. */
static void put_members(struct json_out *o, const struct field *fields, const struct api_bound *skip,
                        unsigned depth, bool in)
{
	bool any = false;

	json_key(o, S("properties"));
	json_open_object(o);
	for (const struct field *f = fields; f != NULL && f->name != NULL; f++) {
		if ((!in && (f->flags & FIELD_UNBATCHED) != 0) || (skip != NULL && is_elsewhere(skip, f->name)))
			continue;
		json_key(o, str_from(f->name));
		put_schema(o, f, depth, in);
		any = any || is_required(f, in);
	}
	json_close_object(o);
	if (!any)
		return;
	json_key(o, S("required"));
	json_open_array(o);
	for (const struct field *f = fields; f != NULL && f->name != NULL; f++) {
		if (is_required(f, in) && !(skip != NULL && is_elsewhere(skip, f->name)))
			json_put_str(o, str_from(f->name));
	}
	json_close_array(o);
}

/* The first member of a FIELD_MAP's element is the key, which is not in the table of its fields.
 * Tables are ours and shallow; the depth is bounded all the same, because a table may refer to
 * itself. */
static void put_object(struct json_out *o, const struct field *fields, unsigned depth, bool in)
{
	json_open_object(o);
	put_text(o, S("type"), S("object"));
	if (depth < SCHEMA_DEPTH_MAX)
		put_members(o, fields, NULL, depth, in);
	json_close_object(o);
}

/* ---- one route ---- */

static const struct { unsigned who; str scheme; } schemes[] = {
	{ WHO_INSTALL | WHO_ACCESS | WHO_KEY, STR("bearer") }, { WHO_INSTALL | WHO_KEY, STR("apiKey") },
	{ WHO_CLIENT, STR("client") }, { WHO_SESSION, STR("session") },
};

static void put_security(struct json_out *o, const struct api_bound *b)
{
	json_key(o, S("security"));
	json_open_array(o);
	for (size_t i = 0; i < COUNT(schemes) && b->op != NULL; i++) {
		unsigned who = b->row->flavour == FLAVOUR_OAUTH ? WHO_CLIENT : b->op->who;

		if ((who & schemes[i].who) == 0 || (schemes[i].who == WHO_SESSION && b->row->methods != HTTP_GET))
			continue;
		json_open_object(o);
		json_key(o, schemes[i].scheme);
		json_open_array(o);
		json_close_array(o);
		json_close_object(o);
	}
	/* Or without the header: a public app, and one that authenticates itself in the body. */
	if (b->row->flavour == FLAVOUR_OAUTH) {
		json_open_object(o);
		json_close_object(o);
	}
	json_close_array(o);
}

static void put_parameter(struct json_out *o, str name, const char *where, const struct field *f)
{
	json_open_object(o);
	put_text(o, S("name"), name);
	put_text(o, S("in"), str_from(where));
	json_key(o, S("required"));
	json_put_bool(o, str_eq(str_from(where), S("path")) || (f != NULL && (f->flags & FIELD_REQUIRED) != 0));
	json_key(o, S("schema"));
	if (f != NULL)
		put_schema(o, f, 0, true);
	else
		json_put_raw(o, S("{\"type\":\"string\"}"));
	json_close_object(o);
}

static void put_parameters(struct json_out *o, const struct api_bound *b)
{
	json_key(o, S("parameters"));
	json_open_array(o);
	for (const char *const *p = b->params; *p != NULL; p++)
		put_parameter(o, str_from(*p), "path", NULL);
	for (const struct field *f = b->op != NULL ? b->op->in : NULL; f != NULL && f->name != NULL; f++) {
		if (b->row->input == INPUT_QUERY && !is_elsewhere(b, f->name))
			put_parameter(o, str_from(f->name), "query", f);
	}
	json_close_array(o);
}

static void put_content(struct json_out *o, str type, const struct field *fields, const struct api_bound *skip, bool in)
{
	json_key(o, type);
	json_open_object(o);
	json_key(o, S("schema"));
	/* A row without a name stands for the whole value (base/field.h). */
	if (fields[0].name != NULL && fields[0].name[0] == '\0') {
		put_schema(o, &fields[0], 0, in);
	} else {
		json_open_object(o);
		put_text(o, S("type"), S("object"));
		put_members(o, fields, skip, 0, in);
		json_close_object(o);
	}
	json_close_object(o);
}

static void put_request_body(struct json_out *o, const struct api_bound *b)
{
	bool token = b->row->input == INPUT_TOKEN;

	if (b->op == NULL || b->op->in == NULL || (b->row->input != INPUT_JSON && !token))
		return;
	json_key(o, S("requestBody"));
	json_open_object(o);
	json_key(o, S("content"));
	json_open_object(o);
	if (token)
		put_content(o, S("application/x-www-form-urlencoded"), b->op->in, b, true);
	put_content(o, S("application/json"), b->op->in, b, true);
	json_close_object(o);
	json_close_object(o);
}

static void put_success(struct json_out *o, const struct api_bound *b, int status)
{
	char code[4] = { (char)('0' + status / 100), (char)('0' + status / 10 % 10), (char)('0' + status % 10) };

	json_key(o, (str){ code, 3 });
	json_open_object(o);
	put_text(o, S("description"), S("Done"));
	if (b->op != NULL && b->op->out != NULL) {
		json_key(o, S("content"));
		json_open_object(o);
		put_content(o, S("application/json"), b->op->out, NULL, false);
		json_close_object(o);
	}
	json_close_object(o);
}

static void put_responses(struct json_out *o, const struct api_bound *b)
{
	json_key(o, S("responses"));
	json_open_object(o);
	put_success(o, b, b->op != NULL ? b->row->status : 200);
	if (b->row->created != NULL)
		put_success(o, b, 200);
	json_key(o, S("default"));
	json_put_raw(o, S("{\"$ref\":\"#/components/responses/Error\"}"));
	json_close_object(o);
}

static void put_route(struct json_out *o, const struct api *api, const struct api_bound *b)
{
	static const struct { unsigned bit; str name; } methods[] = {
		{ HTTP_GET, STR("get") }, { HTTP_POST, STR("post") }, { HTTP_DELETE, STR("delete") },
	};

	for (size_t i = 0; i < COUNT(methods); i++) {
		if ((b->row->methods & methods[i].bit) != 0)
			json_key(o, methods[i].name);
	}
	json_open_object(o);
	put_text(o, S("summary"), str_from(b->row->summary));
	if (b->op != NULL) {
		put_text(o, S("operationId"), str_from(b->op->name));
		if (b->op->scopes != SCOPE_NONE)
			put_text(o, S("description"), arena_printf(api->arena, "Scopes: " FMT_STR ".",
			                                           ARG_STR(scope_text(api->arena, b->op->scopes))));
		put_security(o, b);
		put_parameters(o, b);
		put_request_body(o, b);
	}
	put_responses(o, b);
	json_close_object(o);
}

/* "/a/:name" -> "/a/{name}" */
static str template_of(struct arena *a, str pattern)
{
	str rest = pattern, segment;
	struct buf b;

	buf_init_arena(&b, a, pattern.n * 2);
	while (str_cut(&rest, '/', &segment)) {
		bool param = segment.n > 0 && segment.p[0] == ':';

		if (b.n > 0 || segment.n > 0)
			buf_char(&b, '/');
		if (param)
			buf_printf(&b, "{" FMT_STR "}", ARG_STR(str_from_at(segment, 1)));
		else
			buf_str(&b, segment);
	}
	return buf_view(&b);
}

/* Routes of one path share one object; rows of one path need not be neighbours. */
static void put_paths(struct json_out *o, const struct api *api)
{
	json_key(o, S("paths"));
	json_open_object(o);
	for (size_t i = 0; i < api->routes_n; i++) {
		str pattern = str_from(api->routes[i].pattern);
		bool open = false, before = false;

		for (size_t k = 0; k < i && !before; k++)
			before = api->bounds[k].row->summary != NULL &&
			         str_eq(str_from(api->routes[k].pattern), pattern);
		for (size_t k = i; k < api->routes_n && !before; k++) {
			if (api->bounds[k].row->summary == NULL || !str_eq(str_from(api->routes[k].pattern), pattern))
				continue;
			if (!open) {
				json_key(o, template_of(api->arena, pattern));
				json_open_object(o);
				open = true;
			}
			put_route(o, api, &api->bounds[k]);
		}
		if (open)
			json_close_object(o);
	}
	json_close_object(o);
}

static void put_components(struct json_out *o)
{
	json_key(o, S("components"));
	json_put_raw(o, S("{\"securitySchemes\":{"
	    "\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
	    "\"apiKey\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"x-api-key\"},"
	    "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"__Host-bi18n_session\","
	    "\"description\":\"The browser's own; bi18n_session on loopback without TLS\"},"
	    "\"client\":{\"type\":\"http\",\"scheme\":\"basic\"}},"
	    "\"responses\":{\"Error\":{\"description\":\"Refused: error names the reason, error_description says what to do\","
	    "\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Error\"}}}}},"
	    "\"schemas\":{\"Error\":{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{"
	    "\"error\":{\"type\":\"string\"},\"error_description\":{\"type\":\"string\"},"
	    "\"required\":{\"type\":\"string\",\"description\":\"with missing_scope: the scope\"}}}}}"));
}

str openapi_text(const struct api *api)
{
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, api->arena, OPENAPI_BYTES_MAX);
	json_out_init(&o, &b);
	json_open_object(&o);
	put_text(&o, S("openapi"), S("3.1.0"));
	json_key(&o, S("info"));
	json_open_object(&o);
	put_text(&o, S("title"), S("bi18n"));
	put_text(&o, S("version"), api->config.version);
	json_close_object(&o);
	json_key(&o, S("servers"));
	json_open_array(&o);
	json_open_object(&o);
	put_text(&o, S("url"), operation_settings(api->config.env)->public_url);
	json_close_object(&o);
	json_close_array(&o);
	put_paths(&o, api);
	put_components(&o);
	json_close_object(&o);
	return buf_view(&b);
}
