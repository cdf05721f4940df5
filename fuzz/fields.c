/* SPDX-License-Identifier: MIT
 *
 * Field tables: whatever the input, either a struct that keeps its bounds or a readable list of issues.
 * An input that starts with "?" is a form; any other is JSON. */
#include <assert.h>
#include <string.h>

#include "base/field.h"
#include "base/text.h"

enum { PAIRS_MAX = 64, ISSUES_BYTES_MOST = 300 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct item { str code; int64_t n; bool on; };
struct input {
	str name, kind, id;
	int64_t page;
	bool on;
	double ratio;
	struct strs tags, search;
	struct list items, texts;
	struct item inside;
	const struct json *any;
};

static const char *const kinds[] = { "draft", "active", NULL };
static const struct field item_fields[] = {
	FIELD(struct item, code, "code", .flags = FIELD_REQUIRED | FIELD_LOWER, .min = 2, .max = 10),
	FIELD(struct item, n, "n", .initial = 3),
	FIELD(struct item, on, "on", .flags = FIELD_COERCED),
	FIELD_END,
};
static const struct field input_fields[] = {
	FIELD(struct input, name, "name", .flags = FIELD_REQUIRED | FIELD_NONEMPTY, .max = 20),
	FIELD(struct input, kind, "kind", .flags = FIELD_STRICT, .one_of = kinds),
	FIELD(struct input, id, "id", .flags = FIELD_UUID),
	FIELD(struct input, page, "page", .flags = FIELD_COERCED, .min = 1, .max = 250, .initial = 1),
	FIELD(struct input, on, "on"),
	FIELD(struct input, ratio, "ratio", .flags = FIELD_COERCED),
	FIELD(struct input, tags, "tags", .flags = FIELD_COERCED | FIELD_LOWER, .min = 1, .max = 3),
	{ .name = "search", .kind = FIELD_STR_OR_STRS, .offset = offsetof(struct input, search) },
	FIELD_OF_LIST(struct input, items, "items", struct item, item_fields, .flags = FIELD_COERCED,
	              .max = 4),
	FIELD_OF_STR_MAP(struct input, texts, "texts", .flags = FIELD_LOWER, .max = 8),
	FIELD_OF_OBJECT(struct input, inside, "inside", item_fields),
	FIELD(struct input, any, "any"),
	FIELD_END,
};

static void check_issues(struct arena *a, const struct err *e)
{
	struct json_fault fault;
	struct json *issues;

	assert(e->code == ERR_INVALID_REQUEST && e->say[0] != '\0');
	assert(e->issues.n < ISSUES_BYTES_MOST);
	assert(json_parse(a, e->issues, 8, &issues, &fault));
	assert(issues->kind == JSON_ARRAY && issues->count > 0);
	for (const struct json *v = issues->first; v != NULL; v = v->next) {
		assert(json_str(json_get(v, S("code"))).n > 0);
		assert(json_get(v, S("path"))->kind == JSON_ARRAY);
		assert(json_str(json_get(v, S("message"))).n > 0);
	}
}

static void check_text(str s)
{
	assert(utf8_valid(s) && !str_has(s, '\0'));
}

static void check_struct(struct arena *a, const struct input *in)
{
	const struct str_pair *texts = in->texts.v;
	const struct item *items = in->items.v;
	struct json_fault fault;
	struct json_out o;
	struct json *v;
	struct buf b;

	check_text(in->name);
	assert(in->name.n > 0 && utf8_length(in->name) <= 20);
	assert(in->kind.p == NULL || str_eq(in->kind, S("draft")) || str_eq(in->kind, S("active")));
	assert(in->id.p == NULL || is_uuid(in->id));
	assert(in->page >= 1 && in->page <= 250);
	assert(in->tags.n <= 3 && (in->tags.n >= 1 || !in->tags.present));
	assert(in->items.n <= 4 && in->texts.n <= 8);
	for (size_t i = 0; i < in->items.n; i++)
		assert(utf8_length(items[i].code) >= 2 && utf8_length(items[i].code) <= 10);
	for (size_t i = 0; i < in->texts.n; i++) {
		check_text(texts[i].name);
		check_text(texts[i].value);
		for (size_t k = 0; k < i; k++)
			assert(!str_eq(texts[i].name, texts[k].name));
	}
	buf_init_arena(&b, a, 64 * MIB);
	json_out_init(&o, &b);
	fields_write(&o, item_fields, &in->inside, FIELDS_BATCHED);
	assert(json_parse(a, buf_view(&b), 4, &v, &fault));
}

static bool read_json(struct arena *a, str text, struct input *out, struct err *e, bool *ok)
{
	struct json_fault fault;
	struct json *v;

	if (!json_parse(a, text, JSON_DEPTH_DEFAULT, &v, &fault))
		return false;
	*ok = fields_read(a, input_fields, v, out, e);
	return true;
}

static bool read_form(struct arena *a, str text, struct input *out, struct err *e, bool *ok)
{
	struct param *pairs;
	size_t n;

	if (!form_parse(a, text, PAIRS_MAX, &pairs, &n))
		return false;
	*ok = fields_read_params(a, input_fields, pairs, n, out, e);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create(4 * KIB);
	str text = arena_str(a, (str){ (const char *)data, size });
	struct input in;
	struct err e;
	bool ok = false, read;

	memset(&in, 0, sizeof(in));
	read = str_starts(text, S("?")) ? read_form(a, str_from_at(text, 1), &in, &e, &ok) :
		read_json(a, text, &in, &e, &ok);
	if (read && ok)
		check_struct(a, &in);
	else if (read)
		check_issues(a, &e);
	arena_destroy(a);
	return 0;
}
