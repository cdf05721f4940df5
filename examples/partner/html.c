/* SPDX-License-Identifier: MIT */
#include "app.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STATUS_OK = 200,
	STATUS_SEE_OTHER = 303,
	STATUS_BAD = 400,
	STATUS_FORBIDDEN = 403,
	STATUS_NOT_FOUND = 404,
	STATUS_GATEWAY = 502,
	STATUS_LATER = 503,
	SECOND_MS = 1000
};

static const char style[] =
	"body{font:1rem/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 "
	"1rem;color:#1d2433;background:#fff}"
	"h1{font-size:1.5rem}h2{font-size:1.2rem;margin:.2rem 0}p{margin:.5rem "
	"0}a{color:#1a56b8}table{border-collapse:collapse;width:100%}"
	"th,td{text-align:start;padding:.5rem;border-bottom:1px solid #d8dde6;vertical-align:top}"
	"button,.button{font:inherit;padding:.3rem .8rem;border:1px solid "
	"#1a56b8;border-radius:.4rem;background:#1a56b8;"
	"color:#fff;cursor:pointer;text-decoration:none;display:inline-block}"
	"button.quiet{background:#fff;color:#1a56b8}form{display:inline}"
	"input{font:inherit;padding:.3rem;border:1px solid #717b8c;border-radius:.3rem}td "
	"input{width:14rem}"
	".card{border:1px solid #d8dde6;border-radius:.6rem;padding:1rem;margin:1rem 0}"
	".state{border-radius:1rem;padding:.1rem .7rem;font-size:.9rem}"
	".good{background:#d9f2e0;color:#0b5227}.act{background:#ffe9c7;color:#6b3c00}"
	"code{font-size:.9em}pre{background:#f3f5f9;padding:1rem;overflow:auto}.scopes{color:#"
	"4a5366;font-size:.9rem}";

static void add_escaped(struct evbuffer *out, const char *text)
{
	char *safe = evhttp_htmlescape(text);

	if (safe != NULL)
		evbuffer_add(out, safe, strlen(safe));
	free(safe);
}

void html(struct visit *v, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	for (const char *at = format, *next; *at != '\0'; at = next) {
		next = strstr(at, "%s");
		evbuffer_add(v->page, at, next == NULL ? strlen(at) : (size_t)(next - at));
		if (next == NULL)
			break;
		add_escaped(v->page, va_arg(args, const char *));
		next += 2;
	}
	va_end(args);
}

void page_begin(struct visit *v, const char *title)
{
	html(v,
	     "<!doctype html><html lang=en><head><meta charset=utf-8><title>%s</title>"
	     "<meta name=viewport content=\"width=device-width\"><style>",
	     title);
	evbuffer_add(v->page, style, sizeof(style) - 1);
	html(v, "</style></head><body><header><a href=\"/\">Site builder</a>");
	if (v->owner[0] != '\0')
		html(v, " &middot; signed in as %s", v->owner);
	html(v, "</header><main><h1>%s</h1>", title);
}

static void common_headers(struct visit *v)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(v->request);

	evhttp_add_header(headers, "Content-Type", "text/html; charset=utf-8");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	/* The callback's address holds a code; nobody whom this page links to is to learn it. */
	evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(headers, "Content-Security-Policy",
			  "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
			  "base-uri 'none'");
}

void page_send(struct visit *v, int status)
{
	html(v, "</main></body></html>\n");
	common_headers(v);
	evhttp_send_reply(v->request, status, status == STATUS_OK ? "OK" : "See page", v->page);
}

void redirect(struct visit *v, const char *location)
{
	common_headers(v);
	evhttp_add_header(evhttp_request_get_output_headers(v->request), "Location", location);
	evhttp_send_reply(v->request, STATUS_SEE_OTHER, "See Other", NULL);
}

/* States first, because they are the ones that users meet: each has a page that leads out of it. */
static const struct refusal {
	enum bi18n_code code;
	int status;
	const char *title, *button;
} refusals[] = {
	{ BI18N_RECONNECT_REQUIRED, STATUS_OK, "Reconnect", "Reconnect" },
	{ BI18N_SCOPE_REQUIRED, STATUS_OK, "Needs permission", "Give permission" },
	{ BI18N_NOT_CONNECTED, STATUS_NOT_FOUND, "Not connected", NULL },
	{ BI18N_RATE_LIMITED, STATUS_LATER, "One moment", NULL },
	{ BI18N_TRY_LATER, STATUS_LATER, "One moment", NULL },
	{ BI18N_EDENIED, STATUS_OK, "Not connected", NULL },
	{ BI18N_ESTATE, STATUS_BAD, "Please start again", NULL },
	{ BI18N_EINVAL, STATUS_BAD, "That does not work", NULL },
	{ BI18N_EFORBIDDEN, STATUS_FORBIDDEN, "Not allowed", NULL },
	{ BI18N_ENOTFOUND, STATUS_NOT_FOUND, "Not found", NULL },
	{ BI18N_EREFUSED, STATUS_BAD, "That does not work", NULL },
	{ BI18N_OK, STATUS_GATEWAY, "Something went wrong", NULL }, /* the rest */
};

static const struct refusal *refusal_of(enum bi18n_code code)
{
	const struct refusal *r = refusals;

	while (r->code != code && r->code != BI18N_OK)
		r++;
	return r;
}

void refusal_page(struct visit *v, const struct bi18n_error *error)
{
	const struct refusal *r = refusal_of(error->code);
	char wait[24];

	/* For the operator; it never holds a token. Users read the text of the code. */
	fprintf(stderr, "%s: %s: %s\n", v->owner, bi18n_code_name(error->code), error->message);
	page_begin(v, r->title);
	html(v, "<p>%s</p>", bi18n_code_text(error->code));
	if (error->required_scope[0] != '\0')
		html(v, "<p>It is called <code>%s</code>.</p>", error->required_scope);
	if (r->button != NULL && error->authorize_url[0] != '\0')
		html(v, "<p><a class=button href=\"%s\">%s</a></p>", error->authorize_url,
		     r->button);
	html(v, "<p><a href=\"/\">Back to your connections</a></p>");
	if (error->retry_after_ms > 0) {
		snprintf(wait, sizeof(wait), "%lld",
			 (long long)(error->retry_after_ms + SECOND_MS - 1) / SECOND_MS);
		evhttp_add_header(evhttp_request_get_output_headers(v->request), "Retry-After",
				  wait);
	}
	page_send(v, r->status);
}

void form_begin(struct visit *v, const char *path)
{
	html(v, "<form method=\"post\" action=\"%s\">", path);
	hidden(v, "csrf", v->csrf);
}

void hidden(struct visit *v, const char *name, const char *value)
{
	html(v, "<input type=\"hidden\" name=\"%s\" value=\"%s\">", name, value);
}

const char *field(const struct visit *v, const char *name)
{
	const char *value = evhttp_find_header(&v->fields, name);

	return value == NULL ? "" : value;
}

char *place(const struct visit *v, const char *path)
{
	static const char *const names[] = { "organization", "project", "language" };
	struct evbuffer *out = evbuffer_new();
	char *text;
	size_t n;

	if (out == NULL)
		return NULL;
	evbuffer_add_printf(out, "%s", path);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *value = evhttp_uriencode(field(v, names[i]), -1, 0);

		evbuffer_add_printf(out, "%c%s=%s", i == 0 ? '?' : '&', names[i],
				    value == NULL ? "" : value);
		free(value);
	}
	n = evbuffer_get_length(out);
	text = calloc(1, n + 1);
	if (text != NULL)
		evbuffer_remove(out, text, n);
	evbuffer_free(out);
	return text;
}
