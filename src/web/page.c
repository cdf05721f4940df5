/* SPDX-License-Identifier: MIT */
#include "web/page.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "operation/form.h"
#include "web/assets.h"
#include "web/rows.h"
#include "web/template.h"
#include "web/web.h"

#include <string.h>

enum { VIEW_BYTES_MAX = 64 * 1024 * 1024, PAGE_BYTES_MAX = 64 * 1024 * 1024 };

static const str form_cookie_names[] = { STR("bi18n_form"), STR("__Host-bi18n_form") };
static const str language_cookie = STR("bi18n_language");

bool page_is_secure(struct page_job *j)
{
	return str_starts(operation_settings(j->call.env)->public_url, S("https://"));
}

str page_session_cookie(struct page_job *j)
{
	return operation_session_cookie(j->call.env);
}

struct http_pair page_cookie(struct page_job *j, str name, str value, int64_t max_age_s)
{
	str age = max_age_s < 0 ? S("") : arena_printf(j->arena, "; Max-Age=%lld", (long long)max_age_s);

	return (struct http_pair){ S("Set-Cookie"),
		arena_printf(j->arena, FMT_STR "=" FMT_STR "; Path=/; HttpOnly; SameSite=Lax" FMT_STR "%s", ARG_STR(name),
			     ARG_STR(value), ARG_STR(age), page_is_secure(j) ? "; Secure" : "") };
}

bool page_is_local(str path)
{
	if (path.n == 0 || path.n > 8 * KIB || path.p[0] != '/' || str_starts(path, S("//")) || str_has(path, '\\'))
		return false;
	for (size_t i = 0; i < path.n; i++) {
		if ((unsigned char)path.p[i] <= 0x20 || path.p[i] == 0x7f)
			return false;
	}
	return true;
}

bool page_is_consent(str path)
{
	return str_starts(path, S("/consent?"));
}

str page_query_encoded(struct page_job *j, str value)
{
	struct buf b;

	buf_init_arena(&b, j->arena, 64 * KIB);
	percent_encode(&b, value);
	return buf_view(&b);
}

str page_here(struct page_job *j)
{
	const struct http_request *q = http_request(j->x);

	if (q->query.n == 0)
		return q->path;
	return arena_printf(j->arena, FMT_STR "?" FMT_STR, ARG_STR(q->path), ARG_STR(q->query));
}

str page_param(const struct page_job *j, str name)
{
	for (size_t i = 0; i < j->params_n; i++) {
		if (str_eq(j->params[i].name, name))
			return j->params[i].value;
	}
	return STR_NONE;
}

bool page_param_is(const struct page_job *j, str name, str value)
{
	str got = page_param(j, name);

	return got.p != NULL && str_eq(got, value);
}

/* Answers -------------------------------------------------------------------------------------- */

#define POLICY \
	"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; base-uri 'none'; " \
	"frame-ancestors 'none'"

static unsigned flags_of(const struct page_job *j)
{
	return j->page != NULL ? j->page->flags : j->form != NULL ? j->form->flags : 0;
}

size_t page_headers(struct page_job *j, struct http_pair out[PAGE_HEADERS_MAX])
{
	unsigned flags = flags_of(j);
	size_t n = 0;

	/* Chromium holds every hop that a form leads to against form-action: our way back to the app, which may have
	 * no host that a policy can name ([::1]), and where the app sends the browser next, which nobody here knows. */
	out[n++] = (struct http_pair){ S("Content-Security-Policy"), flags & PAGE_AWAY
		? S(POLICY) : S(POLICY "; form-action 'self'") };
	out[n++] = (struct http_pair){ S("X-Frame-Options"), S("DENY") };
	out[n++] = (struct http_pair){ S("X-Content-Type-Options"), S("nosniff") };
	out[n++] = (struct http_pair){ S("Referrer-Policy"), S("no-referrer") };
	out[n++] = (struct http_pair){ S("Cache-Control"), S("no-store") };
	out[n++] = (struct http_pair){ S("Cross-Origin-Resource-Policy"), S("same-origin") };
	if (!(flags & PAGE_POPUP))
		out[n++] = (struct http_pair){ S("Cross-Origin-Opener-Policy"), S("same-origin") };
	return n;
}

void page_redirect_with(struct page_job *j, str location, const struct http_pair *extra, size_t extra_n)
{
	struct http_pair headers[PAGE_HEADERS_MAX];
	size_t n = page_headers(j, headers);

	if (str_starts(location, S("/")))
		location = arena_printf(j->arena, FMT_STR FMT_STR, ARG_STR(operation_public_path(j->call.env)),
					ARG_STR(location));
	headers[n++] = (struct http_pair){ S("Location"), location };
	for (size_t i = 0; i < extra_n && n < PAGE_HEADERS_MAX; i++)
		headers[n++] = extra[i];
	http_send(j->x, &(struct http_answer){ .status = 303, .headers = headers, .headers_n = n });
}

void page_redirect(struct page_job *j, str location)
{
	page_redirect_with(j, location, NULL, 0);
}

/* The browser's own secret, to which every form is bound; made when it has none yet. */
static str form_secret(struct page_job *j, bool *fresh)
{
	str got = http_cookie(j->x, form_cookie_names[page_is_secure(j)]);

	*fresh = got.n < 20 || got.n > 64;
	return *fresh ? operation_form_secret(j->arena) : got;
}

/* Where the language form leads back to. After a post that is the form's page: the sign-in page, which takes `next`. */
static str page_again(struct page_job *j)
{
	str next = page_param(j, S("next"));

	if (http_request(j->x)->method == HTTP_GET)
		return page_here(j);
	if (j->form != NULL && j->page != NULL)
		return str_from(j->page->pattern);
	if (j->form == NULL || next.n == 0 || !page_is_local(next))
		return S("/");
	return arena_printf(j->arena, "%s?next=" FMT_STR, j->form->pattern, ARG_STR(page_query_encoded(j, next)));
}

static void view_common(struct page_job *j, struct json_out *v, str csrf)
{
	json_key(v, S("locale"));
	json_put_str(v, strings_code(j->language));
	json_key(v, S("dir"));
	json_put_str(v, strings_rtl(j->language) ? S("rtl") : S("ltr"));
	json_key(v, S("root"));
	json_put_str(v, operation_public_path(j->call.env));
	json_key(v, S("assets"));
	json_put_str(v, assets_version);
	json_key(v, S("csrf"));
	json_put_str(v, csrf);
	json_key(v, S("here"));
	json_put_str(v, page_again(j));
	if (j->page != NULL && j->page->script != NULL) {
		json_key(v, S("script"));
		json_put_str(v, str_from(j->page->script));
	}
	json_key(v, S("languages"));
	json_open_array(v);
	for (size_t i = 0; i < interface_files_n; i++) {
		json_open_object(v);
		json_key(v, S("code"));
		json_put_str(v, strings_code(i));
		json_key(v, S("name"));
		json_put_str(v, strings_native_name(i));
		json_key(v, S("current"));
		json_put_bool(v, i == j->language);
		json_close_object(v);
	}
	json_close_array(v);
}

void page_render(struct page_job *j, const char *template, int status,
                 void (*fill)(struct page_job *j, struct json_out *view))
{
	struct http_pair headers[PAGE_HEADERS_MAX];
	struct json_fault fault;
	struct json *view;
	struct buf text, page;
	struct json_out v;
	bool fresh;
	str secret = form_secret(j, &fresh);
	size_t n;

	buf_init_arena(&text, j->arena, VIEW_BYTES_MAX);
	json_out_init(&v, &text);
	json_open_object(&v);
	view_common(j, &v, operation_form_mark(j->call.env, j->arena, secret,
					       http_cookie(j->x, page_session_cookie(j))));
	for (int i = 0; j->page != NULL && i < j->step && i < PAGE_STEPS_MAX; i++) {
		if (j->answers[i] == NULL)
			continue;
		json_key(&v, str_from(j->page->steps[i].key));
		json_put(&v, j->answers[i]);
	}
	if (fill != NULL)
		fill(j, &v);
	json_close_object(&v);
	if (text.full || !json_parse(j->arena, buf_view(&text), JSON_DEPTH_DEFAULT, &view, &fault)) {
		log_event(LOG_ERROR, "view", "template=%s what=%s", template, text.full ? "too large" : fault.what);
		http_send(j->x, &(struct http_answer){ .status = 500 });
		return;
	}
	buf_init_arena(&page, j->arena, PAGE_BYTES_MAX);
	template_write(&page, template_find(template), view, strings_text, &j->language);
	n = page_headers(j, headers);
	headers[n++] = (struct http_pair){ S("Vary"), S("Cookie, Accept-Language") };
	headers[n++] = (struct http_pair){ S("Content-Language"), strings_code(j->language) };
	if (fresh)
		headers[n++] = page_cookie(j, form_cookie_names[page_is_secure(j)], secret, -1);
	if (j->retry_after_s > 0)
		headers[n++] = (struct http_pair){ S("Retry-After"), arena_printf(j->arena, "%d", j->retry_after_s) };
	http_send(j->x, &(struct http_answer){ .status = status, .content_type = S("text/html; charset=utf-8"),
		.body = buf_view(&page), .headers = headers, .headers_n = n });
}

/* Errors --------------------------------------------------------------------------------------- */

struct error_text { const char *key; const struct err *e; };

static void fill_error(struct page_job *j, struct json_out *v)
{
	const struct error_text *t = j->call.channel;

	json_key(v, S("message"));
	json_put_str(v, strings_named(j->language, str_from(t->key)));
	if (t->e != NULL && t->e->say[0] != '\0') {
		json_key(v, S("detail"));
		json_put_str(v, str_from(t->e->say));
	}
	/* Nobody asked who this is: no menu, and no offer to sign in either. */
	json_key(v, S("hide_sign_in"));
	json_put_bool(v, true);
	json_key(v, S("request_id"));
	json_put_str(v, http_request_id(j->x));
}

void page_error_text(struct page_job *j, int status, const char *string_key, const struct err *e)
{
	struct error_text t = { string_key, e };

	j->page = NULL;
	j->call.channel = &t;
	page_render(j, "error", status, fill_error);
}

void page_error(struct page_job *j, const struct err *e)
{
	const char *key = j->page != NULL && j->page->template == NULL ? "error.badLink" : "error.invalid";

	if (e->code == ERR_INTERNAL)
		log_event(LOG_ERROR, "page", "request=" FMT_STR " %s", ARG_STR(http_request_id(j->x)), e->msg);
	switch (err_status(e->code)) {
	case 403:
		key = "error.forbidden";
		break;
	case 404:
		/* In the flow it is the app's request that is no longer there. */
		key = flags_of(j) & PAGE_POPUP ? "error.expired" : "error.notFound";
		break;
	case 409:
		key = "complete.expired";
		break;
	case 410:
		key = "error.expired";
		break;
	case 429:
		key = "error.limited";
		break;
	case 500:
	case 503:
		key = "error.unavailable";
		break;
	default:
		break;
	}
	j->retry_after_s = e->retry_after_s;
	page_error_text(j, err_status(e->code), key, e);
}

/* Requests ------------------------------------------------------------------------------------- */

static size_t pick_language(struct http_exchange *x, str wanted)
{
	bool found;
	size_t language = strings_by_code(http_cookie(x, language_cookie), &found);

	if (found)
		return language;
	if (wanted.n > 0)
		return strings_pick(wanted);
	return strings_pick(http_request(x)->known[HTTP_ACCEPT_LANGUAGE]);
}

static void path_params(struct page_job *j, const char *pattern)
{
	str rest = str_from(pattern), part;

	while (str_cut(&rest, '/', &part)) {
		const char *name;

		if (part.n < 2 || part.p[0] != ':')
			continue;
		name = arena_cstr(j->arena, str_from_at(part, 1));
		j->params[j->params_n++] = (struct param){ str_from(name), http_path_param(j->x, name) };
	}
}

enum { PATH_PARAMS_MAX = 4 };

static size_t drop_empty(struct param *params, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (params[i].value.n > 0)
			params[kept++] = params[i];
	}
	return kept;
}

/* Query, path and body into one list; false: answered 400. */
static bool read_params(struct page_job *j, const char *pattern, str body)
{
	struct param *query, *fields;
	size_t query_n = 0, fields_n = 0;
	struct err e;

	if (!form_parse(j->arena, http_request(j->x)->query, PARAMS_MAX, &query, &query_n) ||
	    !form_parse(j->arena, body, PARAMS_MAX, &fields, &fields_n)) {
		err_set(&e, ERR_INVALID_REQUEST, "The address or the form is not well-formed.");
		page_error(j, &e);
		return false;
	}
	j->params = arena_array(j->arena, struct param, query_n + fields_n + PATH_PARAMS_MAX);
	memcpy(j->params, query, query_n * sizeof(*query));
	memcpy(j->params + query_n, fields, fields_n * sizeof(*fields));
	j->params_n = query_n + fields_n;
	if (j->page != NULL && (j->page->flags & PAGE_FILTER))
		j->params_n = drop_empty(j->params, j->params_n);
	path_params(j, pattern);
	return true;
}

static struct page_job *job_new(struct http_exchange *x, const struct page *page, const struct form *form)
{
	struct page_job *j = arena_new(http_arena(x), struct page_job);
	const struct http_request *q = http_request(x);

	*j = (struct page_job){ .x = x, .arena = http_arena(x), .page = page, .form = form, .status = 200 };
	j->call = (struct operation_call){ .env = http_user(x), .arena = j->arena, .who = &j->who, .now_ms = q->now_ms,
		.request_id = http_request_id(x), .address = q->peer,
		.user_agent = q->known[HTTP_USER_AGENT] };
	j->language = pick_language(x, STR_NONE);
	return j;
}

/* A cookie that is no longer good is no error on a page: the visitor is simply not signed in. */
static void find_session(struct page_job *j)
{
	struct credential cred = { .session = http_cookie(j->x, page_session_cookie(j)) };
	struct err e;

	if (cred.session.n > 0 &&
	    operation_authenticate(j->call.env, j->arena, &cred, j->call.now_ms, &j->who, &e)) {
		j->signed_in = j->who.kind == WHO_SESSION;
		return;
	}
	j->who = (struct principal){ .kind = WHO_ANONYMOUS };
}

static void to_sign_in(struct page_job *j)
{
	page_redirect(j, arena_printf(j->arena, "/login?next=" FMT_STR, ARG_STR(page_query_encoded(j, page_here(j)))));
}

static const struct json *answer_json(struct page_job *j)
{
	struct json_fault fault;
	struct json *v;
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, j->arena, VIEW_BYTES_MAX);
	json_out_init(&o, &b);
	fields_write(&o, j->call.op->out, j->call.out, FIELDS_UNBATCHED);   /* with the names for people */
	if (b.full || !json_parse(j->arena, buf_view(&b), JSON_DEPTH_DEFAULT, &v, &fault))
		return NULL;
	return v;
}

static void next_step(struct page_job *j);

static void step_refused(struct page_job *j, const struct err *e)
{
	struct err *kept;

	if (!(flags_of(j) & PAGE_CORRECTS) || e->code != ERR_INVALID_REQUEST) {
		page_error(j, e);
		return;
	}
	kept = arena_new(j->arena, struct err);
	*kept = *e;
	j->form_error = kept;
	j->status = err_status(e->code);
	j->answers[j->step++] = NULL;
	next_step(j);
}

static void page_done(struct operation_call *c, bool ok, const struct err *e)
{
	struct page_job *j = (struct page_job *)c;
	str redirect, locale;

	if (!ok) {
		if (e->code == ERR_LOGIN_REQUIRED)
			to_sign_in(j);
		else
			step_refused(j, e);
		return;
	}
	j->answers[j->step++] = answer_json(j);
	/* An operation that already knows where the visitor goes ends the page. */
	redirect = json_str(json_get(j->answers[j->step - 1], S("redirect_to")));
	/* The language that the app asked for (ui_locales) lies with its request. */
	locale = json_str(json_get(j->answers[j->step - 1], S("locale")));
	if (locale.n > 0)
		j->language = pick_language(j->x, locale);
	if (redirect.n > 0)
		page_redirect(j, redirect);
	else
		next_step(j);
}

bool page_input(struct page_job *j, struct err *e)
{
	void *in;

	if (j->call.op->in == NULL || j->call.op->in_size == 0) {
		j->call.in = NULL;
		return true;
	}
	in = arena_alloc(j->arena, j->call.op->in_size);
	j->call.in = in;
	return fields_read_params(j->arena, j->call.op->in, j->params, j->params_n, in, e);
}

static void next_step(struct page_job *j)
{
	const struct page *p = j->page;
	bool over = j->step >= PAGE_STEPS_MAX || p->steps[j->step].operation == NULL;
	struct err e;

	if (over || ((p->flags & PAGE_MAYBE) && !j->signed_in)) {
		if (p->finish != NULL)
			p->finish(j);
		else
			page_render(j, p->template, j->status, p->extend);
		return;
	}
	j->call.op = operation_find(str_from(p->steps[j->step].operation));
	j->call.out = NULL;
	j->call.admitted = false;           /* that was for the step before */
	j->call.done = page_done;
	if (j->call.op == NULL)
		err_log(&e, ERR_INTERNAL, 0, "no operation %s", p->steps[j->step].operation);
	else if (page_input(j, &e)) {
		operation_start(&j->call);
		return;
	}
	step_refused(j, &e);
}

void page_show(struct page_job *j, const char *pattern, int status, const struct err *e)
{
	size_t n;
	const struct page *pages = page_rows(&n);

	if (e != NULL) {
		struct err *kept = arena_new(j->arena, struct err);

		*kept = *e;
		j->form_error = kept;
	} else {
		j->form_answer = answer_json(j);
	}
	for (size_t i = 0; i < n; i++) {
		if (str_eq(str_from(pages[i].pattern), str_from(pattern)))
			j->page = &pages[i];
	}
	j->status = status;
	next_step(j);
}

void page_rename(struct page_job *j, str from, str to)
{
	for (size_t i = 0; i < j->params_n; i++) {
		if (str_eq(j->params[i].name, from))
			j->params[i].name = to;
	}
}

void page_handle(struct http_exchange *x)
{
	const struct page *page = http_route_row(x);
	struct page_job *j = job_new(x, page, NULL);

	if (!read_params(j, page->pattern, STR_NONE))
		return;
	j->language = pick_language(x, page_param(j, S("ui_locales")));
	find_session(j);
	if ((page->flags & PAGE_SIGNED_IN) && !j->signed_in)
		to_sign_in(j);
	else
		next_step(j);
}

/* Forms ---------------------------------------------------------------------------------------- */

static void form_done(struct operation_call *c, bool ok, const struct err *e)
{
	struct page_job *j = (struct page_job *)c;

	if (!ok && e->code == ERR_INTERNAL)
		log_event(LOG_ERROR, "form", "request=" FMT_STR " %s", ARG_STR(c->request_id), e->msg);
	j->form->finish(j, ok, e);
}

/* The hidden mark binds a form to this browser and session; a foreign Origin is refused before it is looked at.
 * Our own pages send "null", because of their Referrer-Policy; then Sec-Fetch-Site, where there is one, has
 * already spoken. */
static bool form_is_ours(struct page_job *j)
{
	const struct http_request *q = http_request(j->x);
	str origin = q->known[HTTP_ORIGIN], site = q->known[HTTP_SEC_FETCH_SITE];
	str secret = http_cookie(j->x, form_cookie_names[page_is_secure(j)]);
	str mark = page_param(j, S("csrf"));

	if (site.n > 0 && !str_eq(site, S("same-origin")) && !str_eq(site, S("none")))
		return false;
	if (origin.n > 0 && !str_eq(origin, S("null")) &&
	    !operation_origin_is_ours(j->call.env, origin, q->known[HTTP_HOST]))
		return false;
	return secret.n > 0 && mark.n > 0 &&
	       operation_form_mark_is(j->call.env, j->arena, secret, http_cookie(j->x, page_session_cookie(j)), mark);
}

static bool is_form_body(str content_type)
{
	ptrdiff_t semicolon = str_index(content_type, ';');

	if (semicolon >= 0)
		content_type = str_sub(content_type, 0, (size_t)semicolon);
	return str_eq_nocase(str_trim(content_type), S("application/x-www-form-urlencoded"));
}

void form_handle(struct http_exchange *x)
{
	const struct form *form = http_route_row(x);
	struct page_job *j = job_new(x, NULL, form);
	const char *operation;
	struct err e;

	if (!is_form_body(http_request(x)->known[HTTP_CONTENT_TYPE])) {
		err_set(&e, ERR_UNSUPPORTED_MEDIA_TYPE, "Forms are sent as application/x-www-form-urlencoded.");
		page_error(j, &e);
		return;
	}
	if (!read_params(j, form->pattern, http_request(x)->body))
		return;
	j->language = pick_language(x, page_param(j, S("ui_locales")));
	find_session(j);
	if (!form_is_ours(j)) {
		page_error_text(j, 403, "error.forged", NULL);
		return;
	}
	if ((form->flags & PAGE_SIGNED_IN) && !j->signed_in) {
		page_redirect(j, S("/login"));
		return;
	}
	if (form->prepare != NULL)
		form->prepare(j);
	operation = form->choose != NULL ? form->choose(j) : form->operation;
	j->call.op = operation == NULL ? NULL : operation_find(str_from(operation));
	j->call.done = form_done;
	if (operation == NULL)
		form->finish(j, true, NULL);
	else if (j->call.op == NULL)
		form->finish(j, false, (err_log(&e, ERR_INTERNAL, 0, "no operation %s", operation), &e));
	else if (!page_input(j, &e))
		form->finish(j, false, &e);
	else
		operation_start(&j->call);
}

void web_error(struct http_exchange *x, const struct err *e)
{
	page_error(job_new(x, NULL, NULL), e);
}
