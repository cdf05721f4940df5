/* SPDX-License-Identifier: MIT */
#include "base/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG_ARENA_BYTES = 8 * 1024, FILE_BYTES_MAX = 1024 * 1024 };

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
		c->values[i] = (struct value){ rows[i].initial, str_from(rows[i].initial_text), "default" };
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
	static const struct { enum config_type type; const char *unit; int64_t factor; } units[] = {
		{ CONFIG_SIZE, "k", 1024 }, { CONFIG_SIZE, "m", 1048576 }, { CONFIG_SIZE, "g", 1073741824 },
		{ CONFIG_TIME_MS, "ms", 1 }, { CONFIG_TIME_MS, "s", 1000 }, { CONFIG_TIME_MS, "m", 60000 },
		{ CONFIG_TIME_S, "s", 1 }, { CONFIG_TIME_S, "m", 60 }, { CONFIG_TIME_S, "h", 3600 }, { CONFIG_TIME_S, "d", 86400 },
	};
	int64_t factor = 1;

	for (size_t i = 0; i < COUNT(units); i++) {
		str unit = str_from(units[i].unit);

		if (units[i].type == row->type && s.n > unit.n && str_eq_nocase(str_from_at(s, s.n - unit.n), unit)) {
			factor = units[i].factor;
			s = str_sub(s, 0, s.n - unit.n);
			break;
		}
	}
	return str_i64(s, INT64_MIN, INT64_MAX, out) && !__builtin_mul_overflow(*out, factor, out);
}

static bool bool_parse(str s, int64_t *out)
{
	static const char *const words[2][4] = { { "0", "false", "no", "off" }, { "1", "true", "yes", "on" } };

	for (int v = 0; v < 2; v++) {
		for (size_t i = 0; i < 4; i++) {
			if (str_eq_nocase(s, str_from(words[v][i]))) {
				*out = v;
				return true;
			}
		}
	}
	return false;
}

static bool set_text(struct config *c, size_t i, str value, const char *source, struct err *e)
{
	const struct config_row *row = &c->rows[i];

	if ((int64_t)value.n < row->min || (int64_t)value.n > row->max)
		return err_set(e, ERR_INVALID_REQUEST, "%s (%s): %lld to %lld characters are allowed", row->name, source,
			       (long long)row->min, (long long)row->max);
	c->values[i] = (struct value){ 0, arena_str(c->arena, value), source };
	return true;
}

static bool set_row(struct config *c, size_t i, str value, const char *source, struct err *e)
{
	static const char *const kinds[] = {
		[CONFIG_INT] = "a whole number", [CONFIG_SIZE] = "a size (bytes, or 64k, 16m, 1g)",
		[CONFIG_TIME_S] = "a time (seconds, or 15m, 24h, 30d)", [CONFIG_TIME_MS] = "a time (milliseconds, or 90s, 5m)",
		[CONFIG_BOOL] = "yes or no",
	};
	const struct config_row *row = &c->rows[i];
	int64_t number;

	if (is_text(row))
		return set_text(c, i, value, source, e);
	if (!(row->type == CONFIG_BOOL ? bool_parse(value, &number) : number_parse(row, value, &number)))
		return err_set(e, ERR_INVALID_REQUEST, "%s (%s): \"" FMT_STR "\" is not %s", row->name, source, ARG_STR(value),
			       kinds[row->type]);
	if (number < row->min || number > row->max)
		return err_set(e, ERR_INVALID_REQUEST, "%s (%s): " FMT_STR " is outside %lld to %lld", row->name, source,
			       ARG_STR(value), (long long)row->min, (long long)row->max);
	c->values[i] = (struct value){ number, STR_NONE, source };
	return true;
}

bool config_set(struct config *c, str name, str value, const char *source, struct err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		if (str_eq(str_from(c->rows[i].name), name))
			return set_row(c, i, value, source, e);
	}
	return err_set(e, ERR_INVALID_REQUEST, "there is no setting \"" FMT_STR "\" (%s); bi18n config show lists them",
		       ARG_STR(name), source);
}

struct reading { struct config *c; struct err *e; const char *path; };

static int take_line(void *user, const char *section, const char *name, const char *value)
{
	struct reading *r = user;

	(void)section;
	return config_set(r->c, str_from(name), str_from(value), arena_cstr(r->c->arena, str_from(r->path)), r->e);
}

bool config_read_file(struct config *c, const char *path, struct err *e)
{
	struct reading r = { c, e, path };
	FILE *file = fopen(path, "re");
	int line;

	*e = (struct err){ 0 };
	if (file == NULL)
		return errno == ENOENT || errno == ENOTDIR ||
		       err_set(e, ERR_INVALID_REQUEST, "%s cannot be read: %s", path, strerror(errno));
	line = ini_parse_file(file, take_line, &r);
	fclose(file);
	if (line == 0)
		return true;
	if (e->code == ERR_NONE)
		err_set(e, ERR_INVALID_REQUEST, "%s: line %d is not \"name = value\"", path, line);
	return false;
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
	for (size_t i = 0; i < c->n; i++) {
		if (str_eq(str_from(c->rows[i].name), name))
			return c->values[i].text;
	}
	return STR_NONE;
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
