/* SPDX-License-Identifier: MIT
 *
 * A request of the token endpoint: query, Authorization, Content-Type, one a line, then the body.
 * Whatever is sent, there is exactly one client_auth, it is ours, and a Basic credential is never
 * mixed with one of the body. */
#include <assert.h>

#include "api/api_int.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The table is not part of this; without it the whole server would be linked in. */
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

static size_t count(const struct param *params, size_t n, str name, str *last)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		if (!str_eq(params[i].name, name))
			continue;
		*last = params[i].value;
		found++;
	}
	return found;
}

static void check(const struct param *params, size_t n, bool header)
{
	bool basic;
	str how = STR_NONE, value = STR_NONE;

	assert(n <= API_PARAMS_MAX + 3);
	assert(count(params, n, S("client_auth"), &how) == 1);
	basic = str_eq(how, S("basic"));
	assert(header || !basic);              /* a header of another scheme is none of ours */
	if (basic)
		assert(count(params, n, S("client_secret"), &value) == 1);
	for (size_t i = 0; i < n; i++)
		assert(utf8_valid(params[i].name) && utf8_valid(params[i].value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create(4 * KIB);
	str rest = arena_str(a, (str){ (const char *)data, size });
	struct token_text t = { .query = STR_NONE };
	struct err e = { .code = ERR_NONE };
	struct param *params;
	bool header;
	size_t n;

	(void)str_cut(&rest, '\n', &t.query);
	(void)str_cut(&rest, '\n', &t.authorization);
	(void)str_cut(&rest, '\n', &t.content_type);
	t.body = rest.p == NULL ? S("") : rest;
	if (token_request(a, &t, &params, &n, &header, &e))
		check(params, n, header);
	else
		assert(e.code == ERR_INVALID_REQUEST && e.say[0] != '\0');
	arena_destroy(a);
	return 0;
}
