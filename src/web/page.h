/* SPDX-License-Identifier: MIT
 *
 * One page being made: the operations it asks, the view it collects, the template it ends in. */
#ifndef WEB_PAGE_H
#define WEB_PAGE_H

#include "base/field.h"
#include "http/http.h"
#include "operation/operation.h"
#include "web/strings.h"

enum { PAGE_STEPS_MAX = 3, PARAMS_MAX = 2048 };

struct page_job;

struct page_step {
	const char *key;            /* the answer's place in the view                      */
	const char *operation;
};

enum page_flag {
	PAGE_SIGNED_IN   = 1 << 0,  /* without a session: to the sign-in page and back      */
	PAGE_MAYBE       = 1 << 1,  /* steps run only with a session                        */
	PAGE_POPUP       = 1 << 2,  /* may be in a pop-up window: no COOP (ruling R17)      */
	PAGE_FILTER      = 1 << 3,  /* its query is a filter form: an empty field filters nothing */
	PAGE_AWAY        = 1 << 4,  /* its forms end at the app, wherever that leads on to  */
	PAGE_CORRECTS    = 1 << 5,  /* what is wrong with its query is said on the page itself: `extend` finds
	                             * form_error, and no answer of the step that refused it   */
};

struct page {
	const char *pattern;
	const char *template;       /* NULL: `finish` answers                               */
	unsigned    flags;
	struct page_step steps[PAGE_STEPS_MAX];
	const char *script;
	/* Adds members to the view, after the steps. NULL: nothing to add. */
	void      (*extend)(struct page_job *j, struct json_out *view);
	void      (*finish)(struct page_job *j);
};

struct form {
	const char *pattern;
	const char *operation;
	unsigned    flags;
	/* Which operation, when one address serves several; NULL: `operation`. */
	const char *(*choose)(struct page_job *j);
	/* The answer: a redirect or a page. out is the operation's; e is set when it failed. */
	void      (*finish)(struct page_job *j, bool ok, const struct err *e);
	/* Turns fields of the form into parameters of the operation (page_rename). NULL: they are the same. */
	void      (*prepare)(struct page_job *j);
};

struct page_job {
	struct operation_call call;          /* first: done() casts back */
	struct http_exchange *x;
	struct arena         *arena;
	const struct page    *page;
	const struct form    *form;
	struct principal      who;
	bool                  signed_in;
	size_t                language;
	int                   step;
	struct param         *params;        /* query, path and form */
	size_t                params_n;
	struct buf            view_text;
	struct json_out       view;
	const struct json    *answers[PAGE_STEPS_MAX];
	const struct json    *form_answer;   /* on a page that answers a form: what was done */
	const struct err     *form_error;    /* or why not */
	int                   status;
	int                   retry_after_s; /* 0: no Retry-After */
};

void page_handle(struct http_exchange *x);   /* http_route.row is a struct page */
void form_handle(struct http_exchange *x);   /* http_route.row is a struct form */

str  page_param(const struct page_job *j, str name);            /* absent: not sent */
bool page_param_is(const struct page_job *j, str name, str value);
/* 303 to an address of ours (starts with "/") or to a validated redirect URI. */
void page_redirect(struct page_job *j, str location);
void page_redirect_with(struct page_job *j, str location, const struct http_pair *headers, size_t n);
void page_error(struct page_job *j, const struct err *e);
void page_error_text(struct page_job *j, int status, const char *string_key, const struct err *e);
/* Answers a form with a page, as if that had been asked for; its `extend` finds form_answer or form_error. */
void page_show(struct page_job *j, const char *pattern, int status, const struct err *e);
void page_rename(struct page_job *j, str from, str to);
/* Headers of every answer of ours: content security and its like. */
enum { PAGE_HEADERS_MAX = 12 };
size_t page_headers(struct page_job *j, struct http_pair out[PAGE_HEADERS_MAX]);
/* Fills call.in for the operation in call.op from the parameters. */
bool page_input(struct page_job *j, struct err *e) MUST_CHECK;
/* Renders a template with what `fill` adds to the common view. */
void page_render(struct page_job *j, const char *template, int status,
                 void (*fill)(struct page_job *j, struct json_out *view));
str  page_query_encoded(struct page_job *j, str value);
str  page_here(struct page_job *j);                              /* path and query of this request */
/* A path of our own: starts with one slash, no backslash, no control character. */
bool page_is_local(str path);
/* Does this path lead to the consent page, so that an app waits for the visitor? */
bool page_is_consent(str path);
bool page_is_secure(struct page_job *j);
str  page_session_cookie(struct page_job *j);
struct http_pair page_cookie(struct page_job *j, str name, str value, int64_t max_age_s);
enum { COOKIE_SESSION_END = 0 };

#endif
