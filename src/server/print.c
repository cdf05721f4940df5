/* SPDX-License-Identifier: MIT
 *
 * Results for people and for scripts. */
#include "server/command.h"

#include "base/text.h"

#include <stdio.h>
#include <unistd.h>

enum { COLUMNS_MAX = 16, CELL_MAX = 60, OUTPUT_MAX = 256 * 1024 * 1024 };

void print_json(const struct json *v)
{
	struct buf b;
	struct json_out o;

	buf_init(&b, OUTPUT_MAX);
	json_out_init(&o, &b);
	json_put(&o, v);
	buf_char(&b, '\n');
	fwrite(b.p, 1, b.n, stdout);
	fflush(stdout);
	buf_fini(&b);
}

static void scalar_text(struct buf *b, const struct json *v)
{
	struct json_out o;

	if (v == NULL || v->kind == JSON_NULL) {
		buf_char(b, '-');
	} else if (v->kind == JSON_STRING) {
		buf_str(b, v->text);
	} else if (v->kind == JSON_ARRAY) {
		for (const struct json *i = v->first; i != NULL; i = i->next) {
			if (i != v->first)
				BUF_LIT(b, ", ");
			if (i->kind == JSON_STRING) {
				buf_str(b, i->text);
			} else {
				json_out_init(&o, b);
				json_put(&o, i);
			}
		}
	} else {
		json_out_init(&o, b);
		json_put(&o, v);
	}
}

static void print_object(const struct json *v)
{
	struct buf b;
	int width = 0;

	for (const struct json *m = v->first; m != NULL; m = m->next)
		width = (int)m->name.n > width ? (int)m->name.n : width;
	for (const struct json *m = v->first; m != NULL; m = m->next) {
		if (m->kind == JSON_ARRAY && m->first != NULL && m->first->kind == JSON_OBJECT) {
			printf(FMT_STR ":\n", ARG_STR(m->name));
			print_result(m);
			continue;
		}
		buf_init(&b, OUTPUT_MAX);
		scalar_text(&b, m);
		printf("%-*.*s  " FMT_STR "\n", width, ARG_STR(m->name), ARG_STR(buf_view(&b)));
		buf_fini(&b);
	}
}

static void print_table(const struct json *list)
{
	size_t width[COLUMNS_MAX] = { 0 };
	str head[COLUMNS_MAX];
	size_t columns = 0;
	struct buf b;

	for (const struct json *m = list->first->first; m != NULL && columns < COLUMNS_MAX;
	     m = m->next) {
		head[columns] = m->name;
		width[columns++] = m->name.n;
	}
	buf_init(&b, OUTPUT_MAX);
	for (const struct json *row = list->first; row != NULL; row = row->next) {
		for (size_t i = 0; i < columns; i++) {
			size_t n;

			buf_reset(&b);
			scalar_text(&b, json_get(row, head[i]));
			n = utf8_length(buf_view(&b));
			n = n > CELL_MAX ? CELL_MAX : n;
			width[i] = n > width[i] ? n : width[i];
		}
	}
	for (size_t i = 0; i < columns; i++)
		printf("%-*.*s%s", i + 1 < columns ? (int)width[i] : 0, ARG_STR(head[i]),
		       i + 1 < columns ? "  " : "\n");
	for (const struct json *row = list->first; row != NULL; row = row->next) {
		for (size_t i = 0; i < columns; i++) {
			size_t n;

			buf_reset(&b);
			scalar_text(&b, json_get(row, head[i]));
			n = utf8_length(buf_view(&b));
			printf(FMT_STR "%*s%s", ARG_STR(buf_view(&b)),
			       i + 1 < columns && n < width[i] ? (int)(width[i] - n) : 0, "",
			       i + 1 < columns ? "  " : "\n");
		}
	}
	buf_fini(&b);
}

void print_result(const struct json *v)
{
	struct buf b;

	if (v->kind == JSON_OBJECT) {
		print_object(v);
	} else if (v->kind == JSON_ARRAY && v->first != NULL && v->first->kind == JSON_OBJECT) {
		print_table(v);
	} else if (v->kind == JSON_ARRAY && v->first == NULL) {
		printf("(none)\n");
	} else {
		buf_init(&b, OUTPUT_MAX);
		scalar_text(&b, v);
		printf(FMT_STR "\n", ARG_STR(buf_view(&b)));
		buf_fini(&b);
	}
}
