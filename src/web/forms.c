/* SPDX-License-Identifier: MIT
 *
 * Form posts as a table. Every answer is 303, or a page that says what is wrong (contract "own-interfaces"). */
#include "web/project.h"
#include "web/rows.h"
#include "web/settings.h"

#include "base/text.h"

enum { AGAIN_BYTES_MAX = 4 * 1024, NAME_BYTES_MAX = 128 };

static str out_str(struct page_job *j, const char *member)
{
	struct json_fault fault;
	struct json *v;
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, j->arena, MIB);
	json_out_init(&o, &b);
	fields_write(&o, j->call.op->out, j->call.out, FIELDS_BATCHED);
	if (b.full || !json_parse(j->arena, buf_view(&b), JSON_DEPTH_DEFAULT, &v, &fault))
		return STR_NONE;
	return json_str(json_get(v, str_from(member)));
}

/* Sign in and out ------------------------------------------------------------------------------ */

static void fill_login(struct page_job *j, struct json_out *v)
{
	const struct err *e = j->call.channel;
	str next = page_param(j, S("next")), email = page_param(j, S("email"));
	str locales = page_param(j, S("ui_locales"));

	json_key(v, S("next"));
	json_put_str(v, page_is_local(next) ? next : S("/"));
	json_key(v, S("email"));
	json_put_str(v, email);
	json_key(v, S("ui_locales"));
	json_put_str(v, locales.p == NULL ? S("") : locales);
	json_key(v, S("connecting"));
	json_put_bool(v, page_is_consent(next));
	json_key(v, S("hide_sign_in"));
	json_put_bool(v, true);
	json_key(v, S("wrong"));
	json_put_bool(v, e->code != ERR_RATE_LIMITED);
	json_key(v, S("limited"));
	json_put_i64(v, e->code == ERR_RATE_LIMITED ? e->retry_after_s : 0);
}

static void finish_login(struct page_job *j, bool ok, const struct err *e)
{
	str next = page_param(j, S("next"));
	struct http_pair cookie;

	if (!ok && (e->code == ERR_INTERNAL || e->code == ERR_UNAVAILABLE)) {
		page_error(j, e);
		return;
	}
	if (!ok) {
		/* One text for an unknown address, a wrong password and an ill-formed field: no one learns who has
		 * an account. */
		j->call.channel = (void *)(uintptr_t)e;
		j->retry_after_s = e->retry_after_s;
		page_render(j, "login", e->code == ERR_RATE_LIMITED ? 429 : 403, fill_login);
		return;
	}
	cookie = page_cookie(j, page_session_cookie(j), out_str(j, "token"),
			     operation_settings(j->call.env)->session_ttl_s);
	page_redirect_with(j, page_is_local(next) ? next : S("/"), &cookie, 1);
}

static void finish_logout(struct page_job *j, bool ok, const struct err *e)
{
	struct http_pair cookie = page_cookie(j, page_session_cookie(j), S(""), COOKIE_SESSION_END);

	if (!ok && e->code == ERR_UNAVAILABLE) {
		page_error(j, e);
		return;
	}
	page_redirect_with(j, S("/"), &cookie, 1);
}

/* Consent -------------------------------------------------------------------------------------- */

/* The consent page again, with what was ticked; a list that is too long for an address is cut. */
static str consent_again(struct page_job *j, str request, str problem)
{
	struct buf b;

	buf_init_arena(&b, j->arena, 2 * AGAIN_BYTES_MAX);
	buf_str(&b, arena_printf(j->arena, "/consent?request=" FMT_STR "&problem=" FMT_STR, ARG_STR(request), ARG_STR(problem)));
	for (size_t i = 0; i < j->params_n && buf_view(&b).n < AGAIN_BYTES_MAX; i++) {
		str name = j->params[i].name;

		if (!str_eq(name, S("scope")) && !str_eq(name, S("organization")) && !str_eq(name, S("project")) &&
		    !str_eq(name, S("project_access")))
			continue;
		BUF_LIT(&b, "&");
		buf_str(&b, name);
		BUF_LIT(&b, "=");
		percent_encode(&b, str_sub(j->params[i].value, 0, NAME_BYTES_MAX));
	}
	return buf_view(&b);
}

static void finish_consent(struct page_job *j, bool ok, const struct err *e)
{
	str request = page_query_encoded(j, page_param(j, S("request")));
	str redirect;

	if (!ok && e->code == ERR_INVALID_REQUEST && e->required.n > 0) {
		page_redirect(j, consent_again(j, request, e->required));
		return;
	}
	if (!ok) {
		page_error(j, e);
		return;
	}
	redirect = out_str(j, "redirect_to");
	page_redirect(j, redirect.n > 0 ? redirect :
		      arena_printf(j->arena, "/complete?request=" FMT_STR, ARG_STR(request)));
}

static void finish_complete(struct page_job *j, bool ok, const struct err *e)
{
	if (!ok && (e->code == ERR_CONFLICT || e->code == ERR_GRANT_REVOKED || e->code == ERR_NOT_FOUND))
		page_error_text(j, 410, "complete.expired", NULL);
	else if (!ok)
		page_error(j, e);
	else
		page_redirect(j, out_str(j, "redirect_to"));
}

/* Connected apps ------------------------------------------------------------------------------- */

static const char *choose_revoke(struct page_job *j)
{
	if (page_param_is(j, S("decision"), S("revoke")))
		return "grant.revoke";
	if (page_param_is(j, S("decision"), S("revoke-app")) || page_param(j, S("revoke-app")).p != NULL)
		return "connected.revoke_app";
	return NULL;
}

static void finish_revoke(struct page_job *j, bool ok, const struct err *e)
{
	struct err refused;

	if (j->call.op == NULL) {
		err_set(&refused, ERR_INVALID_REQUEST, "decision: revoke or revoke-app is needed.");
		page_error(j, &refused);
	} else if (!ok) {
		page_error(j, e);
	} else {
		page_redirect(j, S("/settings/connected-apps?done=1"));
	}
}

static const struct form forms[] = {
	{ "/login", "session.login", PAGE_POPUP, NULL, finish_login, NULL },
	{ "/logout", "session.logout", PAGE_SIGNED_IN, NULL, finish_logout, NULL },
	{ "/consent", "consent.decide", PAGE_SIGNED_IN | PAGE_POPUP, NULL, finish_consent, NULL },
	{ "/complete", "authorize.complete", PAGE_SIGNED_IN | PAGE_POPUP, NULL, finish_complete, NULL },
	{ "/settings/connected-apps", NULL, PAGE_SIGNED_IN, choose_revoke, finish_revoke, NULL },
	{ "/settings/apps", NULL, PAGE_SIGNED_IN, choose_app_act, finish_app_act, prepare_app_act },
	{ "/settings/sessions", NULL, PAGE_SIGNED_IN, choose_session_act, finish_session_act, NULL },
	{ "/projects/:orgSlug/:projectSlug/settings", "project.set", PAGE_SIGNED_IN, NULL, finish_project_settings, NULL },
	{ "/settings/password", "session.password", PAGE_SIGNED_IN, NULL, finish_password, prepare_password },
};

const struct form *form_rows(size_t *n_out)
{
	*n_out = COUNT(forms);
	return forms;
}
