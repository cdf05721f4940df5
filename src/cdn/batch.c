/* SPDX-License-Identifier: MIT
 *
 * The query of batch.json. Source: contract "cdn-and-cli" 4.4 and 7. */
#include "cdn/cdn_int.h"

#include <stdlib.h>

#include "base/text.h"

static int name_cmp(const void *a, const void *b)
{
	return str_cmp(*(const str *)a, *(const str *)b);
}

/* Adds the names of one ns= value; an escaped comma separates like a plain one. */
static bool add_names(struct arena *a, str value, struct strs *out, bool *too_many)
{
	str *v = (str *)out->v, name;

	if (!percent_decode(a, value, true, &value))
		return false;
	while (str_cut(&value, ',', &name)) {
		if (name.n == 0)
			continue;
		if (out->n == BATCH_NAMES_MAX) {
			*too_many = true;
			return false;
		}
		v[out->n++] = name;
	}
	return true;
}

bool batch_names(struct arena *a, str query, struct strs *out, bool *too_many)
{
	str *v = arena_array(a, str, BATCH_NAMES_MAX), pair, name;
	size_t kept = 0;

	*out = (struct strs){ v, 0, true };
	*too_many = false;
	while (query.n > 0 && str_cut(&query, '&', &pair)) {
		str value = pair;

		if (str_cut(&value, '=', &name) && str_eq(name, S("ns")) && value.p &&
		    !add_names(a, value, out, too_many))
			return false;
	}
	if (out->n > 0)
		qsort(v, out->n, sizeof(*v), name_cmp);
	for (size_t i = 0; i < out->n; i++)
		if (kept == 0 || !str_eq(v[i], v[kept - 1]))
			v[kept++] = v[i];
	out->n = kept;
	return true;
}
