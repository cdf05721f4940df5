/* SPDX-License-Identifier: MIT */
#include "web/web.h"

#include "web/assets.h"
#include "web/rows.h"
#include "web/strings.h"

enum { ROUTES_MAX = 64, FORM_BYTES_MAX = 64 * 1024, AUTHORIZE_TARGET_MAX = 8 * 1024 };

static void asset_handle(struct http_exchange *x)
{
	static const struct http_pair headers[] = {
		{ STR("Cache-Control"), STR("public, max-age=31536000, immutable") },
		{ STR("X-Content-Type-Options"), STR("nosniff") },
		{ STR("Cross-Origin-Resource-Policy"), STR("same-origin") },
	};
	str name = http_path_param(x, "name");
	struct err e;

	/* Any version gives today's file: an old page in an open tab still gets a style sheet. */
	for (size_t i = 0; i < assets_n; i++) {
		if (!str_eq(assets[i].name, name))
			continue;
		http_send(x, &(struct http_answer){ .status = 200, .content_type = assets[i].content_type,
			.body = assets[i].bytes, .headers = headers, .headers_n = COUNT(headers) });
		return;
	}
	err_set(&e, ERR_NOT_FOUND, "There is no such file.");
	web_error(x, &e);
}

void web_init(void)
{
	strings_load();
}

/* The table is made once from the rows of pages and forms; it lives as long as the process. */
const struct http_route *web_routes(size_t *n_out)
{
	static struct http_route routes[ROUTES_MAX];
	static size_t n;
	size_t pages_n, forms_n;
	const struct page *pages = page_rows(&pages_n);
	const struct form *forms = form_rows(&forms_n);

	for (size_t i = 0; n < pages_n && i < pages_n; i++)
		routes[n++] = (struct http_route){ .methods = HTTP_GET, .pattern = pages[i].pattern,
			.handler = page_handle, .error = web_error, .row = &pages[i],
			.target_bytes_max = AUTHORIZE_TARGET_MAX };
	for (size_t i = 0; n < pages_n + forms_n && i < forms_n; i++)
		routes[n++] = (struct http_route){ .methods = HTTP_POST, .pattern = forms[i].pattern,
			.handler = form_handle, .error = web_error, .row = &forms[i],
			.body_bytes_max = FORM_BYTES_MAX };
	if (n == pages_n + forms_n)
		routes[n++] = (struct http_route){ .methods = HTTP_GET, .pattern = "/assets/:version/:name",
			.handler = asset_handle, .error = web_error };
	*n_out = n;
	return routes;
}
