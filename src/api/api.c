/* SPDX-License-Identifier: MIT */
#include "api/api_int.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"

enum { API_ARENA_BYTES = 32 * 1024 };

/* Names of ":name" segments, in the order of the pattern. */
static void bind_params(struct api_bound *b, struct arena *a)
{
	str rest = str_from(b->row->pattern), segment;
	size_t n = 0;

	while (str_cut(&rest, '/', &segment)) {
		if (segment.n == 0 || segment.p[0] != ':')
			continue;
		assert(n < API_PATH_PARAMS_MAX - 1);
		b->params[n++] = arena_cstr(a, str_from_at(segment, 1));
	}
}

static void bind_created(struct api_bound *b)
{
	const struct field *f = b->op->out;

	if (b->row->created == NULL)
		return;
	while (f->name != NULL && !str_eq(str_from(f->name), str_from(b->row->created)))
		f++;
	assert(f->name != NULL && f->kind == FIELD_BOOL);
	b->created_offset = f->offset;
}

static struct http_route route_of(const struct api_bound *b)
{
	const struct api_row *row = b->row;

	return (struct http_route){
		.methods = row->methods, .pattern = row->pattern, .body_bytes_max = row->body_bytes_max,
		.handler = row->handler != NULL ? row->handler : api_handle,
		.error = api_route_error, .row = b,
	};
}

/* false: its operation does not exist in this build, so neither does the route. */
static bool bind(struct api *api, const struct api_row *row, struct api_bound *b)
{
	*b = (struct api_bound){ .api = api, .row = row };
	if (row->operation != NULL) {
		b->op = operation_find(str_from(row->operation));
		if (b->op == NULL)
			return false;
		bind_created(b);
	}
	bind_params(b, api->arena);
	return true;
}

static void build_routes(struct api *api)
{
	size_t n = 0;

	api->bounds = arena_array(api->arena, struct api_bound, api_rows_n + api_control_rows_n);
	api->routes = arena_array(api->arena, struct http_route, api_rows_n);
	api->control_routes = arena_array(api->arena, struct http_route, api_control_rows_n);
	for (size_t i = 0; i < api_rows_n; i++) {
		if (!bind(api, &api_rows[i], &api->bounds[n]))
			continue;
		api->routes[api->routes_n++] = route_of(&api->bounds[n++]);
	}
	for (size_t i = 0; i < api_control_rows_n; i++) {
		struct http_route *r = &api->control_routes[api->control_routes_n++];

		(void)bind(api, &api_control_rows[i], &api->bounds[n]);
		*r = route_of(&api->bounds[n++]);
		r->error = control_error;
		r->body_bytes_max = api->config.control_body_bytes_max;
	}
}

struct api *api_create(const struct api_config *config)
{
	struct arena *a = arena_create(API_ARENA_BYTES);
	struct api *api = arena_new(a, struct api);
	str public_url = operation_settings(config->env)->public_url;

	api->config = *config;
	api->arena = a;
	api->started_ms = clock_mono_ms();
	if (api->config.control_body_bytes_max == 0)
		api->config.control_body_bytes_max = API_CONTROL_BYTES_MAX;
	api->challenge = arena_printf(a, "resource_metadata=\"" FMT_STR "/.well-known/oauth-protected-resource\"",
	                              ARG_STR(public_url));
	build_routes(api);
	documents_build(api);
	return api;
}

void api_destroy(struct api *api)
{
	if (api != NULL)
		arena_destroy(api->arena);
}

const struct http_route *api_routes(const struct api *api, size_t *n_out)
{
	*n_out = api->routes_n;
	return api->routes;
}

const struct http_route *api_control_routes(const struct api *api, size_t *n_out)
{
	*n_out = api->control_routes_n;
	return api->control_routes;
}
