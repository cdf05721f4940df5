/* SPDX-License-Identifier: MIT */
#include "base/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONFIG_ARENA_BYTES = 8 * 1024,
	FILE_BYTES_MAX = 64 * 1024,
	LINE_BYTES_MAX = 198,        /* what Debian's inih holds, with newline and NUL */
	SHOWN_BYTES_MAX = 40,        /* of a bad value, so that the range still fits */
};

struct value { int64_t number; str text; const char *source; };

struct config {
	struct arena            *arena;
	const struct config_row *rows;
	size_t                   n;
	struct value            *values;
};

static bool is_text(const struct config_row *row)
{
	return row->type == CONFIG_STR || row->type == CONFIG_SECRET;
}

struct config *config_create(const struct config_row *rows, size_t n)
{
	struct arena *a = arena_create(CONFIG_ARENA_BYTES);
	struct config *c = arena_new(a, struct config);

	*c = (struct config){ a, rows, n, arena_array(a, struct value, n) };
	for (size_t i = 0; i < n; i++)
		c->values[i] = (struct value){ rows[i].initial, str_from(rows[i].initial_text),
		                                "default" };
	return c;
}

void config_destroy(struct config *c)
{
	if (c != NULL)
		arena_destroy(c->arena);
}

/* "16m", "90s" … Units depend on what the row counts. */
static bool number_parse(const struct config_row *row, str s, int64_t *out)
{
	static const struct {
		enum config_type type;
		str unit;
		int64_t factor;
	} units[] = {
		{ CONFIG_SIZE, STR("k"), 1024 },
		{ CONFIG_SIZE, STR("m"), 1048576 },
		{ CONFIG_SIZE, STR("g"), 1073741824 },
		{ CONFIG_TIME_MS, STR("ms"), 1 },
		{ CONFIG_TIME_MS, STR("s"), 1000 },
		{ CONFIG_TIME_MS, STR("m"), 60000 },
		{ CONFIG_TIME_S, STR("s"), 1 },
		{ CONFIG_TIME_S, STR("m"), 60 },
		{ CONFIG_TIME_S, STR("h"), 3600 },
		{ CONFIG_TIME_S, STR("d"), 86400 },
	};
	int64_t factor = 1;

	for (size_t i = 0; i < COUNT(units); i++) {
		size_t n = s.n - units[i].unit.n;

		if (units[i].type != row->type || s.n <= units[i].unit.n ||
		    !str_eq_nocase(str_from_at(s, n), units[i].unit))
			continue;
		factor = units[i].factor;
		s = str_sub(s, 0, n);
		break;
	}
	return str_i64(s, INT64_MIN, INT64_MAX, out) && !__builtin_mul_overflow(*out, factor, out);
}

static bool bool_parse(str s, int64_t *out)
{
	static const str words[] = {      /* no and yes in turn */
		STR("0"), STR("1"), STR("false"), STR("true"),
		STR("no"), STR("yes"), STR("off"), STR("on"),
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		if (str_eq_nocase(s, words[i])) {
			*out = i % 2;
			return true;
		}
	}
	return false;
}

/* The value is not shown: it may be a secret, or contain one. */
static bool set_text(struct config *c, size_t i, str value, const char *source, struct err *e)
{
	const struct config_row *row = &c->rows[i];

	if ((int64_t)value.n < row->min || (int64_t)value.n > row->max)
		return err_set(e, ERR_INVALID_REQUEST,
		               "%s (%s): %lld to %lld bytes are allowed, not %zu", row->name, source,
		               (long long)row->min, (long long)row->max, value.n);
	c->values[i] = (struct value){ 0, arena_str(c->arena, value), source };
	return true;
}

static const char *const kinds[] = {
	[CONFIG_INT] = "a whole number",
	[CONFIG_SIZE] = "a size in bytes (or 64k, 16m, 1g)",
	[CONFIG_TIME_S] = "a time in seconds (or 15m, 24h, 30d)",
	[CONFIG_TIME_MS] = "a time in milliseconds (or 90s, 5m)",
	[CONFIG_BOOL] = "yes or no",
};

static bool set_row(struct config *c, size_t i, str value, const char *source, struct err *e)
{
	const struct config_row *row = &c->rows[i];
	str shown = str_sub(value, 0, SHOWN_BYTES_MAX);
	int64_t number;
	bool ok;

	if (is_text(row))
		return set_text(c, i, value, source, e);
	ok = row->type == CONFIG_BOOL ? bool_parse(value, &number) :
		number_parse(row, value, &number);
	if (!ok)
		return err_set(e, ERR_INVALID_REQUEST,
		               "%s (%s): \"" FMT_STR "\" is not %s, %lld to %lld",
		               row->name, source, ARG_STR(shown), kinds[row->type],
		               (long long)row->min, (long long)row->max);
	if (number < row->min || number > row->max)
		return err_set(e, ERR_INVALID_REQUEST,
		               "%s (%s): " FMT_STR " is outside %lld to %lld", row->name, source, ARG_STR(shown), (long long)row->min,
		               (long long)row->max);
	c->values[i] = (struct value){ number, STR_NONE, source };
	return true;
}

static ptrdiff_t row_find(const struct config *c, str name)
{
	for (size_t i = 0; i < c->n; i++)
		if (str_eq(str_from(c->rows[i].name), name))
			return (ptrdiff_t)i;
	return -1;
}

bool config_set(struct config *c, str name, str value, const char *source, struct err *e)
{
	ptrdiff_t row = row_find(c, name);

	if (row >= 0)
		return set_row(c, (size_t)row, value, source, e);
	return err_set(e, ERR_INVALID_REQUEST,
	               "there is no setting \"" FMT_STR "\" (%s); bi18n config show lists them",
		       ARG_STR(name), source);
}

/* The file as inih reads it: whole lines from memory, because it cuts long ones without a word. */
struct reading {
	struct config *c;
	struct err    *e;
	const char    *path, *source;
	str            rest;
	int            line;
	bool           too_long;
	bool          *seen;         /* one a row */
};

static char *next_line(char *out, int size, void *user)
{
	struct reading *r = user;
	str line;

	if (r->too_long || r->rest.n == 0 || !str_cut(&r->rest, '\n', &line))
		return NULL;
	r->line++;
	line = str_trim(line);       /* an indented line would continue the one before */
	if (line.n + 2 > (size_t)size) {
		r->too_long = true;
		return NULL;
	}
	memcpy(out, line.p, line.n);
	out[line.n] = '\n';
	out[line.n + 1] = '\0';
	return out;
}

static bool take_line(struct reading *r, const char *section, str name, str value)
{
	ptrdiff_t row = row_find(r->c, name);

	if (section[0] != '\0')
		return err_set(r->e, ERR_INVALID_REQUEST,
		               "%s: line %d is in section [%s], but there are no sections here",
		               r->path, r->line, section);
	if (row >= 0 && r->seen[row])
		return err_set(r->e, ERR_INVALID_REQUEST, "%s: line %d sets " FMT_STR " again",
		               r->path, r->line, ARG_STR(name));
	if (row >= 0)
		r->seen[row] = true;
	return config_set(r->c, name, value, r->source, r->e);
}

/* Called for later lines, too, after one has failed: the first failure stands. */
static int on_line(void *user, const char *section, const char *name, const char *value)
{
	struct reading *r = user;

	return r->e->code != ERR_NONE || take_line(r, section, str_from(name), str_from(value));
}

static bool read_lines(struct config *c, const char *path, str text, struct err *e)
{
	struct reading r = {
		.c = c, .e = e, .path = path, .rest = text,
		.source = arena_cstr(c->arena, str_from(path)),
		.seen = arena_array(c->arena, bool, c->n),
	};
	int bad;

	e->code = ERR_NONE;
	bad = ini_parse_stream(next_line, &r, on_line, &r);
	if (r.too_long)
		return err_set(e, ERR_INVALID_REQUEST,
		               "%s: line %d is longer than %d bytes; set it in the environment",
		               path, r.line, LINE_BYTES_MAX);
	if (e->code != ERR_NONE)
		return false;
	return bad == 0 ||
	       err_set(e, ERR_INVALID_REQUEST, "%s: line %d is not \"name = value\"", path, bad);
}

bool config_read_file(struct config *c, const char *path, struct err *e)
{
	FILE *file = fopen(path, "re");
	char *text;
	size_t n;
	bool whole;

	if (file == NULL)
		return errno == ENOENT || errno == ENOTDIR ||
		       err_set(e, ERR_INVALID_REQUEST, "%s cannot be read: %s", path,
		               strerror(errno));
	text = arena_text(c->arena, FILE_BYTES_MAX + 1);
	n = fread(text, 1, FILE_BYTES_MAX + 1, file);
	whole = ferror(file) == 0;
	fclose(file);
	if (!whole)
		return err_set(e, ERR_INVALID_REQUEST, "%s cannot be read", path);
	if (n > FILE_BYTES_MAX)
		return err_set(e, ERR_INVALID_REQUEST, "%s is larger than %d bytes", path,
		               FILE_BYTES_MAX);
	if (str_has((str){ text, n }, '\0'))
		return err_set(e, ERR_INVALID_REQUEST, "%s is not a text file", path);
	return read_lines(c, path, (str){ text, n }, e);
}

bool config_read_environment(struct config *c, const char *prefix, struct err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		str name = arena_printf(c->arena, "%s%s", prefix, c->rows[i].name);
		char *upper = arena_cstr(c->arena, name);
		const char *value;

		for (char *p = upper; *p != '\0'; p++)
			*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
		value = getenv(upper);
		if (value != NULL && !set_row(c, i, str_from(value), upper, e))
			return false;
	}
	return true;
}

int64_t config_i64(const struct config *c, size_t row)
{
	return c->values[row].number;
}

bool config_bool(const struct config *c, size_t row)
{
	return c->values[row].number != 0;
}

str config_str(const struct config *c, size_t row)
{
	return c->values[row].text;
}

str config_str_named(const struct config *c, str name)
{
	ptrdiff_t row = row_find(c, name);

	return row < 0 ? STR_NONE : c->values[row].text;
}

static void put_value(const struct config_row *row, int64_t number, str text, struct json_out *o)
{
	if (row->type == CONFIG_SECRET)
		json_put_str(o, text.n > 0 ? S("***") : S(""));
	else if (row->type == CONFIG_STR)
		json_put_str(o, text);
	else if (row->type == CONFIG_BOOL)
		json_put_bool(o, number != 0);
	else
		json_put_i64(o, number);
}

void config_write(const struct config *c, struct json_out *o)
{
	json_open_array(o);
	for (size_t i = 0; i < c->n; i++) {
		const struct config_row *row = &c->rows[i];

		json_open_object(o);
		json_key(o, S("name"));
		json_put_str(o, str_from(row->name));
		json_key(o, S("value"));
		put_value(row, c->values[i].number, c->values[i].text, o);
		json_key(o, S("source"));
		json_put_str(o, str_from(c->values[i].source));
		json_key(o, S("default"));
		put_value(row, row->initial, str_from(row->initial_text), o);
		json_key(o, S("min"));
		json_put_i64(o, row->min);
		json_key(o, S("max"));
		json_put_i64(o, row->max);
		json_key(o, S("meaning"));
		json_put_str(o, str_from(row->meaning));
		json_close_object(o);
	}
	json_close_array(o);
}
