/* SPDX-License-Identifier: MIT
 *
 * Output by field tables. */
#include "base/field.h"

static const void *member_at(const struct field *f, const void *in)
{
	return (const char *)in + f->offset;
}

static bool is_shown(const struct field *f, const void *in, int dialect);

/* Absent, 0, false, or a list without items that nobody called present. */
static bool is_nothing(const struct field *f, const void *p, int dialect)
{
	switch (f->kind) {
	case FIELD_STR: case FIELD_JSON:
		return ((const str *)p)->p == NULL;
	case FIELD_I64:
		return *(const int64_t *)p == 0;
	case FIELD_BOOL:
		return !*(const bool *)p;
	case FIELD_F64:
		return *(const double *)p == 0.0;
	case FIELD_STRS: case FIELD_STR_OR_STRS:
		return ((const struct strs *)p)->n == 0 && !((const struct strs *)p)->present;
	case FIELD_LIST: case FIELD_STR_MAP: case FIELD_MAP:
		return ((const struct list *)p)->n == 0 && !((const struct list *)p)->present;
	case FIELD_OBJECT:
		for (const struct field *sub = f->sub; sub->name != NULL; sub++)
			if (is_shown(sub, p, dialect) &&
			    !is_nothing(sub, member_at(sub, p), dialect))
				return false;
		return true;
	}
	return true;
}

static bool is_shown(const struct field *f, const void *in, int dialect)
{
	if ((f->flags & FIELD_UNBATCHED) != 0 && dialect != FIELDS_UNBATCHED)
		return false;
	if ((f->flags & FIELD_BATCHED) != 0 && dialect == FIELDS_UNBATCHED)
		return false;
	return (f->flags & FIELD_OPTIONAL) == 0 || !is_nothing(f, member_at(f, in), dialect);
}

static void write_strs(struct json_out *o, const struct strs *list)
{
	json_open_array(o);
	for (size_t i = 0; i < list->n; i++)
		json_put_str(o, list->v[i]);
	json_close_array(o);
}

static void write_list(struct json_out *o, const struct field *f, const struct list *list,
                       int dialect)
{
	json_open_array(o);
	for (size_t i = 0; i < list->n; i++)
		fields_write(o, f->sub, (const char *)list->v + i * f->size, dialect);
	json_close_array(o);
}

static void write_str_map(struct json_out *o, const struct list *list)
{
	const struct str_pair *pairs = list->v;

	json_open_object(o);
	for (size_t i = 0; i < list->n; i++) {
		json_key(o, pairs[i].name);
		json_put_str(o, pairs[i].value);
	}
	json_close_object(o);
}

static void write_map(struct json_out *o, const struct field *f, const struct list *list,
                      int dialect)
{
	json_open_object(o);
	for (size_t i = 0; i < list->n; i++) {
		const char *item = (const char *)list->v + i * f->size;

		json_key(o, *(const str *)(const void *)item);
		fields_write(o, f->sub, item, dialect);
	}
	json_close_object(o);
}

static void write_value(struct json_out *o, const struct field *f, const void *p, int dialect)
{
	switch (f->kind) {
	case FIELD_STR:
		json_put_str(o, *(const str *)p);
		break;
	case FIELD_JSON:
		json_put_raw(o, *(const str *)p);
		break;
	case FIELD_I64:
		json_put_i64(o, *(const int64_t *)p);
		break;
	case FIELD_BOOL:
		json_put_bool(o, *(const bool *)p);
		break;
	case FIELD_F64:
		json_put_f64(o, *(const double *)p);
		break;
	case FIELD_STRS: case FIELD_STR_OR_STRS:
		write_strs(o, p);
		break;
	case FIELD_LIST:
		write_list(o, f, p, dialect);
		break;
	case FIELD_OBJECT:
		fields_write(o, f->sub, p, dialect);
		break;
	case FIELD_STR_MAP:
		write_str_map(o, p);
		break;
	case FIELD_MAP:
		write_map(o, f, p, dialect);
		break;
	}
}

void fields_write(struct json_out *o, const struct field *fields, const void *in, int dialect)
{
	if (fields->name != NULL && fields->name[0] == '\0') {
		write_value(o, fields, member_at(fields, in), dialect);
		return;
	}
	json_open_object(o);
	for (const struct field *f = fields; f->name != NULL; f++) {
		if (!is_shown(f, in, dialect))
			continue;
		json_key(o, str_from(f->name));
		write_value(o, f, member_at(f, in), dialect);
	}
	json_close_object(o);
}
