/* SPDX-License-Identifier: MIT
 *
 * One event a line, asked for page by page. Between two pages nothing waits but a timer: a client that reads slowly
 * holds no thread. */
#include "web/audit.h"

#include "base/clock.h"
#include "base/text.h"
#include "web/view.h"

#include <string.h>

enum {
	PAGE_EVENTS = 500, EVENTS_MAX_DEFAULT = 100000, ARENA_BYTES = 256 * 1024, PAGE_BYTES_MAX = 64 * 1024 * 1024,
	PENDING_MAX = 128 * 1024, PAUSE_MS = 50, CURSOR_BYTES_MAX = 24,
};

struct export {
	struct page_job    *job;
	struct http_stream *stream;      /* NULL: nothing has been sent */
	struct arena       *arena;       /* of one page */
	struct param       *params;      /* the filters, then cursor and limit */
	int64_t             written, events_max;
	char                cursor[CURSOR_BYTES_MAX];
	size_t              cursor_n;
	int64_t             paused_ms;
};

static void export_step(void *arg);

static void export_end(struct export *x)
{
	arena_destroy(x->arena);
	http_stream_end(x->stream);
}

static void stream_begin(struct export *x, const struct json *organization)
{
	struct page_job *j = x->job;
	struct http_pair headers[PAGE_HEADERS_MAX];
	size_t n = page_headers(j, headers);

	headers[n++] = (struct http_pair){ S("Content-Disposition"),
		arena_printf(j->arena, "attachment; filename=\"audit-" FMT_STR "-" FMT_STR ".jsonl\"",
			     ARG_STR(json_str(json_get(organization, S("slug")))),
			     ARG_STR(str_sub(clock_iso(j->arena, j->call.now_ms), 0, 10))) };
	x->stream = http_stream_begin(j->x, &(struct http_answer){ .status = 200,
		.content_type = S("application/x-ndjson; charset=utf-8"), .headers = headers, .headers_n = n });
}

/* The last line of a file that does not hold everything. */
static bool write_cut(struct export *x)
{
	str text = arena_printf(x->arena, "{\"truncated\":true,\"events\":%lld,\"cursor\":\"" FMT_STR "\",\"message\":"
		"\"Only the newest %lld events that fit are here. Ask for the others with until set to the time of the"
		" last one, or from the API with this cursor.\"}\n", (long long)x->written,
		ARG_STR(((str){ x->cursor, x->cursor_n })), (long long)x->written);

	return http_stream_write(x->stream, text);
}

static bool write_events(struct export *x, const struct json *events)
{
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, x->arena, PAGE_BYTES_MAX);
	for (const struct json *e = events->first; e != NULL; e = e->next) {
		json_out_init(&o, &b);
		json_put(&o, e);
		BUF_LIT(&b, "\n");
		x->written++;
	}
	return b.n == 0 || http_stream_write(x->stream, buf_view(&b));
}

static const struct json *page_of(struct export *x, const struct operation_call *c)
{
	struct json_fault fault;
	struct json_out o;
	struct json *v;
	struct buf b;

	buf_init_arena(&b, x->arena, PAGE_BYTES_MAX);
	json_out_init(&o, &b);
	fields_write(&o, c->op->out, c->out, FIELDS_UNBATCHED);
	return !b.full && json_parse(x->arena, buf_view(&b), JSON_DEPTH_DEFAULT, &v, &fault) ? v : NULL;
}

static void export_failed(struct export *x, const struct err *e)
{
	struct page_job *j = x->job;

	j->call.arena = j->arena;
	if (x->stream == NULL) {
		struct arena *arena = x->arena;         /* *e may lie in it, and x is gone with the answer */

		page_error(j, e);
		arena_destroy(arena);
		return;
	}
	/* What was sent is good as far as it goes; its last line says that it stops there. */
	(void)write_cut(x);
	export_end(x);
}

static void export_done(struct operation_call *c, bool ok, const struct err *e)
{
	struct page_job *j = (struct page_job *)c;
	struct export *x = c->channel;
	const struct json *page;
	bool going;
	str cursor;

	page = ok ? page_of(x, c) : NULL;
	if (page == NULL) {
		struct err internal;

		(void)err_log(&internal, ERR_INTERNAL, 0, "a page of the audit is too large");
		export_failed(x, ok ? &internal : e);
		return;
	}
	if (x->stream == NULL)
		stream_begin(x, json_get(page, S("organization")));
	cursor = json_str(json_get(page, S("nextCursor")));
	x->cursor_n = cursor.n < CURSOR_BYTES_MAX ? cursor.n : 0;
	if (x->cursor_n > 0)
		memcpy(x->cursor, cursor.p, x->cursor_n);
	going = write_events(x, json_get(page, S("events")));
	if (going && x->cursor_n > 0 && x->written < x->events_max) {
		x->paused_ms = clock_mono_ms();
		http_post(j->x, export_step, x);
		return;
	}
	if (going && x->cursor_n > 0)
		(void)write_cut(x);
	export_end(x);
}

/* A timer that comes early says that the server stops. */
static bool is_stopping(const struct export *x)
{
	return clock_mono_ms() - x->paused_ms < PAUSE_MS / 2;
}

static void export_resume(void *arg)
{
	struct export *x = arg;

	if (is_stopping(x)) {
		(void)write_cut(x);
		export_end(x);
		return;
	}
	export_step(x);
}

static void export_step(void *arg)
{
	struct export *x = arg;
	struct page_job *j = x->job;
	int64_t left = x->events_max - x->written;
	int64_t page = operation_settings(j->call.env)->audit_page_max;
	struct err e;

	page = page > 0 && page < PAGE_EVENTS ? page : PAGE_EVENTS;
	if (x->stream != NULL && http_stream_pending(x->stream) > PENDING_MAX) {
		x->paused_ms = clock_mono_ms();
		http_after(j->x, PAUSE_MS, export_resume, x);
		return;
	}
	arena_destroy(x->arena);
	x->arena = arena_create(ARENA_BYTES);
	x->params[0].value = (str){ x->cursor, x->cursor_n };
	x->params[1].value = arena_printf(x->arena, "%lld", (long long)(left < page ? left : page));
	j->call.arena = x->arena;
	j->call.out = NULL;
	j->call.admitted = false;
	j->call.done = export_done;
	j->call.channel = x;
	if (page_input(j, &e))
		operation_start(&j->call);
	else
		export_failed(x, &e);
}

void finish_audit_export(struct page_job *j)
{
	const struct settings *settings = operation_settings(j->call.env);
	struct export *x = arena_new(j->arena, struct export);
	struct err e;
	size_t n = 2;

	*x = (struct export){ .job = j, .params = arena_array(j->arena, struct param, j->params_n + 2),
		.events_max = settings->audit_export_max > 0 ? settings->audit_export_max : EVENTS_MAX_DEFAULT };
	x->params[0].name = S("cursor");
	x->params[1].name = S("limit");
	for (size_t i = 0; i < j->params_n; i++) {
		if (!str_eq(j->params[i].name, S("cursor")) && !str_eq(j->params[i].name, S("limit")))
			x->params[n++] = j->params[i];
	}
	j->params = x->params;
	j->params_n = n;
	j->call.op = operation_find(S("audit.organization"));
	if (j->call.op != NULL)
		export_step(x);
	else
		page_error(j, (err_log(&e, ERR_INTERNAL, 0, "no operation audit.organization"), &e));
}
