/* SPDX-License-Identifier: MIT
 *
 * Accept-Encoding on the first line, If-None-Match on the second, User-Agent on the third. */
#include <assert.h>

#include "cdn/condition.h"
#include "cdn/encoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WEIGHT_MAX = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str rest = { (const char *)data, size }, accept = STR_NONE, tags = STR_NONE,
	    agent = STR_NONE;
	struct encodings e;

	if (size == 0 || !str_cut(&rest, '\n', &accept))
		return 0;
	(void)(str_cut(&rest, '\n', &tags) && str_cut(&rest, '\n', &agent));
	e = encodings_accepted(accept);
	for (int i = 0; i < HOT_FORMS; i++)
		assert(e.weight[i] >= 0 && e.weight[i] <= WEIGHT_MAX);
	for (int forms = 0; forms < 4; forms++) {
		struct hot h = { .body = { STR("{}") } };
		enum hot_form got;

		if (forms & 1)
			h.body[HOT_GZIP] = S("g");
		if (forms & 2)
			h.body[HOT_BROTLI] = S("b");
		got = encoding_choose(&h, accept, agent, false);
		assert(h.body[got].p != NULL);
		assert(got == HOT_IDENTITY || e.weight[got] > 0);
		assert(!str_starts(agent, S("okhttp/")) || got == HOT_IDENTITY);
	}
	/* A tag that no list can hold unless it was written there. */
	if (etag_matches(tags, S("\"0123456789abcdef\"")))
		assert(str_has(tags, '*') || str_find(tags, S("\"0123456789abcdef\"")) >= 0);
	return 0;
}
