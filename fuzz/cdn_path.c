/* SPDX-License-Identifier: MIT
 *
 * A delivery address: path, then query after the first '?'. What is canonical stays as it is; what
 * can be asked for has the parts it claims. */
#include <assert.h>

#include "cdn/cdn_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(struct arena *a, str path)
{
	struct cdn_path p, once, twice;
	struct address address;

	if (!cdn_path_split(path, &p))
		return;
	assert(p.project.n > 0 && p.rest.n > 0 && p.project.n + p.rest.n < path.n);
	if (!cdn_path_canonical(a, &p, &once))
		return;
	/* An escaped percent sign is decoded once; only then may a second pass differ. */
	if (!str_has(once.project, '%') && !str_has(once.rest, '%')) {
		assert(cdn_path_canonical(a, &once, &twice));
		assert(str_eq(once.project, twice.project) && str_eq(once.rest, twice.rest));
	}
	address = cdn_address(once.rest);
	switch (address.kind) {
	case ADDRESS_OTHER:
	case ADDRESS_MANIFEST:
		assert(address.locale.p == NULL);
		break;
	case ADDRESS_SPACE:
		assert(address.locale.n > 0 && address.space.n > 0);
		break;
	default:
		assert(address.locale.n > 0);
	}
}

static void check_query(struct arena *a, str query)
{
	struct strs names;
	bool too_many;

	if (!batch_names(a, query, &names, &too_many))
		return;
	assert(names.n <= BATCH_NAMES_MAX);
	for (size_t i = 0; i < names.n; i++)
		assert(names.v[i].n > 0 && (i == 0 || str_cmp(names.v[i - 1], names.v[i]) < 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str rest = { (const char *)data, size }, path;
	struct arena *a;

	if (size == 0 || size > CDN_TARGET_BYTES_MAX)
		return 0;
	a = arena_create(4 * KIB);
	if (str_cut(&rest, '?', &path)) {
		if (path.n > 0 && path.p[0] == '/')
			check_path(a, path);
		check_query(a, rest);
	}
	arena_destroy(a);
	return 0;
}
