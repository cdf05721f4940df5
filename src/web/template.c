/* SPDX-License-Identifier: MIT */
#include "web/template.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

enum { SCOPES_MAX = 8 };

struct scope { const struct json *value; int op; };
struct writer {
	struct buf *out;
	struct scope scopes[SCOPES_MAX];    /* [0] is the view; items of each above it */
	int depth;
};

static const struct json *walk(const struct json *from, str path)
{
	str part;

	while (from != NULL && str_cut(&path, '.', &part))
		from = json_get(from, part);
	return from;
}

/* The innermost scope that knows the path's first name wins; "." is the item itself. */
static const struct json *lookup(const struct writer *w, str path)
{
	ptrdiff_t dot = str_index(path, '.');
	str first = dot < 0 ? path : str_sub(path, 0, (size_t)dot);

	if (str_eq(path, S(".")))
		return w->scopes[w->depth].value;
	for (int i = w->depth; i >= 0; i--) {
		if (json_get(w->scopes[i].value, first) != NULL)
			return walk(w->scopes[i].value, path);
	}
	return NULL;
}

static bool truthy(const struct json *v)
{
	if (v == NULL)
		return false;
	switch (v->kind) {
	case JSON_STRING:
		return v->text.n > 0;
	case JSON_NUMBER:
		return !str_eq(v->text, S("0"));
	case JSON_ARRAY:
	case JSON_OBJECT:
		return v->count > 0;
	default:
		return v->kind == JSON_TRUE;
	}
}

static void write_value(struct buf *out, const struct json *v)
{
	if (v != NULL && (v->kind == JSON_STRING || v->kind == JSON_NUMBER))
		html_escape(out, v->text);
	else if (v != NULL && v->kind == JSON_TRUE)
		BUF_LIT(out, "true");
}

/* Replaces {name} by the argument's value; an unknown {name} stays as it is. */
static void write_string(const struct writer *w, const struct template_op *op, str text)
{
	while (text.n > 0) {
		ptrdiff_t open = str_index(text, '{'), close = str_index(text, '}');
		str name;
		int i;

		if (open < 0 || close < open) {
			html_escape(w->out, text);
			return;
		}
		html_escape(w->out, str_sub(text, 0, (size_t)open));
		name = str_sub(text, (size_t)open + 1, (size_t)(close - open - 1));
		for (i = 0; i < TEMPLATE_ARGS_MAX && !str_eq(op->args[i].name, name); i++)
			;
		if (i < TEMPLATE_ARGS_MAX && name.n > 0)
			write_value(w->out, lookup(w, op->args[i].path));
		else
			html_escape(w->out, str_sub(text, (size_t)open, (size_t)(close - open + 1)));
		text = str_from_at(text, (size_t)close + 1);
	}
}

/* Begins a loop; returns where to go on. */
static int each_begin(struct writer *w, const struct template_op *ops, int at)
{
	const struct json *list = lookup(w, ops[at].text);

	if (list == NULL || list->kind != JSON_ARRAY || list->first == NULL)
		return ops[at].jump + 1;
	assert(w->depth + 1 < SCOPES_MAX);
	w->scopes[++w->depth] = (struct scope){ list->first, at };
	return at + 1;
}

static int each_end(struct writer *w, int at)
{
	struct scope *s = &w->scopes[w->depth];

	if (s->value->next != NULL) {
		s->value = s->value->next;
		return s->op + 1;
	}
	w->depth--;
	return at + 1;
}

void template_write(struct buf *out, const struct template *t, const struct json *view,
                    template_string_fn string, void *arg)
{
	struct writer w = { .out = out, .scopes = { { view, -1 } }, .depth = 0 };

	for (int at = 0; at < (int)t->ops_n;) {
		const struct template_op *op = &t->ops[at];

		switch (op->kind) {
		case TEMPLATE_TEXT:
			buf_str(out, op->text);
			at++;
			break;
		case TEMPLATE_VALUE:
			write_value(out, lookup(&w, op->text));
			at++;
			break;
		case TEMPLATE_STRING:
			write_string(&w, op, string(op->string, arg));
			at++;
			break;
		case TEMPLATE_IF:
			at = truthy(lookup(&w, op->text)) ? at + 1 : op->jump + 1;
			break;
		case TEMPLATE_ELSE:
			at = op->jump + 1;
			break;
		case TEMPLATE_EACH:
			at = each_begin(&w, t->ops, at);
			break;
		case TEMPLATE_END:
			at = op->jump >= 0 ? each_end(&w, at) : at + 1;
			break;
		}
	}
}
