/* SPDX-License-Identifier: MIT */
#include "publish/meta.h"

#include "base/field.h"

enum { META_BYTES_MAX = 4 * 1024 * 1024, META_DEPTH_MAX = 4 };

static const struct field meta_fields[] = {
	FIELD(struct snapshot_meta, source, "source", .flags = FIELD_REQUIRED),
	FIELD(struct snapshot_meta, languages, "languages", .flags = FIELD_REQUIRED),
	FIELD(struct snapshot_meta, spaces, "namespaces", .flags = FIELD_REQUIRED),
	FIELD(struct snapshot_meta, namespaced, "namespaced"),
	FIELD_END
};

str meta_write(struct arena *a, const struct snapshot_meta *m)
{
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, a, META_BYTES_MAX);
	json_out_init(&o, &b);
	fields_write(&o, meta_fields, m, FIELDS_BATCHED);
	return buf_view(&b);
}

bool meta_read(struct arena *a, str text, struct snapshot_meta *out, struct err *e)
{
	struct json_fault fault;
	struct json *v;

	/* The values may point into the text, which dies with its row. */
	text = arena_str(a, text);
	*out = (struct snapshot_meta){ 0 };
	if (!json_parse(a, text, META_DEPTH_MAX, &v, &fault))
		return err_log(e, ERR_INTERNAL, 0, "snapshot meta: %s", fault.what);
	if (fields_read(a, meta_fields, v, out, e))
		return true;
	return err_log(e, ERR_INTERNAL, 0, "snapshot meta: %.100s", e->say);
}
