/* SPDX-License-Identifier: MIT
 *
 * A file of texts: what is read and written again as a file is read to the same texts, and the
 * second file is the first byte for byte. The first byte chooses how dots are read. */
#include <assert.h>

#include "base/json.h"
#include "catalog/leaf.h"
#include "catalog/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static str written(struct arena *a, const struct leaf_list *leaves, bool flat)
{
	struct project p = {
		.file_structure = S("single_file"), .key_format = flat ? S("flat") : S("nested"),
	};
	str space, name;
	struct tree t;
	struct buf b;

	tree_init(&t, a, &p);
	for (size_t i = 0; i < leaves->n; i++) {
		key_split_name(leaves->v[i].name, &space, &name);
		tree_add(&t, space, name, leaves->v[i].value, leaves->v[i].json);
	}
	tree_finish(&t);
	assert(t.dropped.n == 0 && tree_count(&t, STR_NONE) == leaves->n);
	buf_init_arena(&b, a, 64 * MIB);
	tree_write(&t, STR_NONE, TREE_COMPACT, &b);
	buf_reset(&b);
	tree_write(&t, STR_NONE, TREE_PRETTY, &b);
	assert(!b.full);
	return buf_view(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create(4 * KIB);
	struct leaf_options o = { .bytes_max = 0 };
	struct leaf_list first, second;
	struct json *v, *w;
	struct json_fault fault;
	struct err e;
	str text, file;

	if (size > 0) {
		o.dots_are_names = data[0] == 'n';
		o.dots_are_paths = data[0] == 'p';
		text = arena_str(a, (str){ (const char *)data + 1, size - 1 });
		if (leaves_read(a, text, &o, &first, &e)) {
			file = written(a, &first, o.dots_are_names);
			o.dots_are_paths = false;
			assert(leaves_read(a, file, &o, &second, &e));
			assert(second.n == first.n && second.skips_n == 0);
			assert(str_eq(file, written(a, &second, o.dots_are_names)));
			if (data[0] == 'j' && first.skips_n == 0) {
				assert(json_parse(a, text, LEAF_DEPTH_MAX, &v, &fault));
				assert(json_parse(a, file, LEAF_DEPTH_MAX, &w, &fault));
				assert(json_equal(v, w));
			}
		}
	}
	arena_destroy(a);
	return 0;
}
