/* SPDX-License-Identifier: MIT
 *
 * Wording and order of members are part of the contract: agents read the text as it is. */
#include "base/field_int.h"

enum {
	ISSUES_MAX = 200,
	ISSUES_BYTES_MAX = 256 * 1024,
	ISSUES_END_BYTES = 2,            /* "\n]" */
	ISSUES_INDENT = 2,
	PATH_TEXT_BYTES_MAX = 128,
	PATH_NAME_BYTES_MAX = 1024,      /* names are the client's; the list stays readable */
};

void issues_init(struct issues *is, struct arena *a)
{
	*is = (struct issues){ .a = a };
	buf_init_arena(&is->text, a, ISSUES_BYTES_MAX);
	json_out_init(&is->out, &is->text);
	is->out.indent = ISSUES_INDENT;
}

bool issues_end(struct issues *is, struct err *e)
{
	if (is->n == 0)
		return true;
	is->text.max += ISSUES_END_BYTES;
	json_close_array(&is->out);
	err_set(e, ERR_INVALID_REQUEST, FMT_STR, ARG_STR(is->first));
	e->issues = buf_view(&is->text);
	return false;
}

static void path_write(struct json_out *o, const struct path *at)
{
	const struct path *steps[JSON_DEPTH_MAX];
	size_t n = 0;

	for (; at != NULL && n < COUNT(steps); at = at->above)
		steps[n++] = at;
	json_key(o, S("path"));
	json_open_array(o);
	while (n > 0) {
		n--;
		if (steps[n]->name.p != NULL)
			json_put_str(o, str_sub(steps[n]->name, 0, PATH_NAME_BYTES_MAX));
		else
			json_put_i64(o, (int64_t)steps[n]->index);
	}
	json_close_array(o);
}

/* "translations.0.key" */
static str path_text(struct arena *a, const struct path *at)
{
	str text = STR_NONE;

	for (; at != NULL; at = at->above) {
		str step = at->name.p != NULL ? str_sub(at->name, 0, PATH_TEXT_BYTES_MAX) :
			arena_printf(a, "%zu", at->index);

		text = text.p == NULL ? step :
			arena_printf(a, FMT_STR "." FMT_STR, ARG_STR(step), ARG_STR(text));
	}
	return text;
}

/* false: enough were reported already. */
static bool issue_begin(struct issues *is)
{
	if (is->cut || is->n == ISSUES_MAX)
		return false;
	if (is->n == 0)
		json_open_array(&is->out);
	json_open_object(&is->out);
	return true;
}

static void issue_end(struct issues *is, size_t mark, const struct path *at, str message)
{
	path_write(&is->out, at);
	json_key(&is->out, S("message"));
	json_put_str(&is->out, message);
	json_close_object(&is->out);
	if (is->text.full) {
		is->text.n = mark;       /* a half issue would break the list */
		is->text.full = false;
		is->cut = true;
		return;
	}
	if (is->n++ == 0)
		is->first = at == NULL ? message :
			arena_printf(is->a, FMT_STR ": " FMT_STR, ARG_STR(path_text(is->a, at)),
			             ARG_STR(message));
}

static void member(struct json_out *o, const char *name, const char *value)
{
	json_key(o, str_from(name));
	json_put_str(o, str_from(value));
}

static const char *kind_name(const struct json *v)
{
	static const char *const names[] = {
		[JSON_NULL] = "null", [JSON_FALSE] = "boolean", [JSON_TRUE] = "boolean",
		[JSON_NUMBER] = "number", [JSON_STRING] = "string", [JSON_ARRAY] = "array",
		[JSON_OBJECT] = "object",
	};

	return v == NULL ? "undefined" : names[v->kind];
}

void issue_type(struct issues *is, const struct path *at, const char *expected,
                const struct json *received)
{
	size_t mark = is->text.n;

	if (!issue_begin(is))
		return;
	member(&is->out, "expected", expected);
	member(&is->out, "code", "invalid_type");
	issue_end(is, mark, at, arena_printf(is->a, "Invalid input: expected %s, received %s",
	                                     expected, kind_name(received)));
}

void issue_not_integer(struct issues *is, const struct path *at)
{
	size_t mark = is->text.n;

	if (!issue_begin(is))
		return;
	member(&is->out, "expected", "int");
	member(&is->out, "format", "safeint");
	member(&is->out, "code", "invalid_type");
	issue_end(is, mark, at, S("Invalid input: expected int, received number"));
}

void issue_size(struct issues *is, const struct path *at, const char *origin, int which,
                int64_t limit)
{
	bool small = which == ISSUE_TOO_SMALL;
	size_t mark = is->text.n;
	const char *verb = "to have", *unit = " items";

	if (!issue_begin(is))
		return;
	if (str_eq(str_from(origin), S("string")))
		unit = " characters";
	else if (str_eq(str_from(origin), S("map")))
		unit = " entries";
	else if (str_eq(str_from(origin), S("number")))
		verb = "to be", unit = "";
	member(&is->out, "origin", origin);
	member(&is->out, "code", small ? "too_small" : "too_big");
	json_key(&is->out, small ? S("minimum") : S("maximum"));
	json_put_i64(&is->out, limit);
	json_key(&is->out, S("inclusive"));
	json_put_bool(&is->out, true);
	issue_end(is, mark, at, arena_printf(is->a, "Too %s: expected %s %s %s%lld%s",
	                                     small ? "small" : "big", origin, verb,
	                                     small ? ">=" : "<=", (long long)limit, unit));
}

void issue_option(struct issues *is, const struct path *at, const char *const *one_of)
{
	size_t mark = is->text.n;
	struct buf list;

	if (!issue_begin(is))
		return;
	buf_init_arena(&list, is->a, ISSUES_BYTES_MAX);
	member(&is->out, "code", "invalid_value");
	json_key(&is->out, S("values"));
	json_open_array(&is->out);
	for (size_t i = 0; one_of[i] != NULL; i++) {
		json_put_str(&is->out, str_from(one_of[i]));
		buf_printf(&list, "%s\"%s\"", i > 0 ? "|" : "", one_of[i]);
	}
	json_close_array(&is->out);
	issue_end(is, mark, at, arena_printf(is->a, "%s" FMT_STR, one_of[1] == NULL ?
	                                     "Invalid input: expected " :
	                                     "Invalid option: expected one of ",
	                                     ARG_STR(buf_view(&list))));
}

void issue_uuid(struct issues *is, const struct path *at)
{
	size_t mark = is->text.n;

	if (!issue_begin(is))
		return;
	member(&is->out, "origin", "string");
	member(&is->out, "code", "invalid_format");
	member(&is->out, "format", "uuid");
	issue_end(is, mark, at, S("Invalid UUID"));
}

void issue_custom(struct issues *is, const struct path *at, str message)
{
	size_t mark = is->text.n;

	if (!issue_begin(is))
		return;
	member(&is->out, "code", "custom");
	issue_end(is, mark, at, message);
}
