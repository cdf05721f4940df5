/* SPDX-License-Identifier: MIT */
#include "base/json_oracle.h"

#include <jansson.h>
#include <stdlib.h>

enum { READ = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL };

bool oracle_accepts(str text)
{
	json_t *v = json_loadb(text.p, text.n, READ, NULL);

	json_decref(v);
	return v != NULL;
}

str oracle_rewrites(struct arena *a, str text)
{
	json_t *v = json_loadb(text.p, text.n, READ, NULL);
	char *dump = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	str out = arena_str(a, str_from(dump));

	free(dump);
	json_decref(v);
	return out;
}
