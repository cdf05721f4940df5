/* SPDX-License-Identifier: MIT
 *
 * Pages as templates, compiled into tables at build time by compile.py, which also checks that every string
 * they name exists. Everything that is written is HTML-escaped; there is no way to write raw HTML.
 *
 *   {{=a.b}}                 value                     {{t key x=a.b}}        interface string, {x} replaced
 *   {{if a.b}}…{{else}}…{{end}}   {{each a.b}}…{{end}}   {{include name}}
 *
 * Inside each, names look in the item first. Indentation is dropped, except in <pre>. href, action and src that begin
 * with "/" are put under the path of public_url ({{=root}}). */
#ifndef WEB_TEMPLATE_H
#define WEB_TEMPLATE_H

#include "base/json.h"

enum template_kind {
	TEMPLATE_TEXT, TEMPLATE_VALUE, TEMPLATE_STRING, TEMPLATE_IF, TEMPLATE_ELSE, TEMPLATE_EACH, TEMPLATE_END
};

enum { TEMPLATE_ARGS_MAX = 4 };
struct template_op {
	enum template_kind kind;
	str  text;                 /* TEXT: the bytes; VALUE, IF, EACH: the path; STRING: the key     */
	int  jump;                 /* IF: to ELSE or END; ELSE: to END; EACH: to END; END of each: to EACH */
	struct { str name, path; } args[TEMPLATE_ARGS_MAX];
	int  string;               /* STRING: index of the key                                         */
};
struct template {
	const char *name;
	const struct template_op *ops;
	size_t ops_n;
};

const struct template *template_find(const char *name);

/* Strings of one locale, by index; missing ones fall back to English before this is called. */
typedef str (*template_string_fn)(int index, void *arg);
void template_write(struct buf *out, const struct template *t, const struct json *view,
                    template_string_fn string, void *arg);

#endif
