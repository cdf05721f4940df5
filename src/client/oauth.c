/* SPDX-License-Identifier: MIT
 *
 * The token endpoint. Source: RFC 6749 sections 4.1.3, 5 and 6; contract "oauth-checklist" B.7 and B.9. */
#include "client/client_int.h"

enum {
	FORM_BYTES_MAX = 16 * 1024,
	ACCESS_LIFE_S_DEFAULT = 300,
	ACCESS_LIFE_S_MAX = 24 * 60 * 60,
	ACCESS_MARGIN_MS = 10 * SECOND_MS
};
#define TOKEN_PATH "/api/auth/mcp/token"

static bool token_send(struct work *w, struct text *form, bool repeatable, struct transport_answer *answer)
{
	struct transport_request request = {
		.method = "POST", .repeatable = repeatable, .answer_bytes_max = ANSWER_OAUTH_BYTES_MAX,
		.headers = { "Content-Type: application/x-www-form-urlencoded", "Accept: application/json" },
		.headers_n = 2,
	};
	const char *url = pool_printf(&w->pool, "%s" TOKEN_PATH, w->client->base_url);
	const char *body;

	text_pair(form, "client_id", w->client->client_id);
	text_pair(form, "client_secret", w->client->client_secret);
	body = text_cstr(form);
	if (body == NULL || url == NULL)
		return form->too_big ? fault_set(w, BI18N_EINVAL, "a request of more than %d bytes", FORM_BYTES_MAX)
		                     : fault_nomem(w);
	request.url = url;
	request.body = (str){ body, form->n };
	return exchange(w, &request, answer);
}

/* Scopes as an array ("scopes") or as text ("scope"); `fallback` where the answer has neither. */
static const char *answer_scopes(struct work *w, const struct jvalue *v, const char *fallback)
{
	const struct jvalue *array = json_member(v, "scopes");
	const char          *text = json_text(v, "scope");
	struct text          t;

	if (array != NULL)
		return list_from_json(&w->pool, array);
	if (text == NULL)
		return fallback;
	text_init(&t, &w->pool, BI18N_SCOPES_MAX - 1);
	text_addz(&t, text);
	return text_cstr(&t);
}

/* A member that is there and no text is not the same as one that is not there. */
static bool texts_are(const struct jvalue *v)
{
	static const char *const names[] = { "grant_id", "organization_id", "organization_slug", "refresh_token",
	                                     "scope", "project_access" };

	for (size_t i = 0; i < COUNT(names); i++) {
		const struct jvalue *member = json_member(v, names[i]);

		if (member != NULL && member->kind != JSTRING)
			return false;
	}
	return true;
}

/* One grant from an answer, on top of what `g` holds already. A list that limits never becomes "all": where
 * the answer names no projects, what was known stays. Source: contract rulings R18, R42. */
static bool grant_parse(struct work *w, const struct jvalue *v, struct grant *g)
{
	const struct jvalue *projects = json_member(v, "project_ids");
	const char          *access = json_text(v, "project_access");

	g->grant_id = json_text_or(v, "grant_id", g->grant_id);
	g->organization = json_text_or(v, "organization_id", g->organization);
	g->slug = json_text_or(v, "organization_slug", g->slug);
	g->refresh = json_text_or(v, "refresh_token", g->refresh);
	g->scopes = answer_scopes(w, v, g->scopes);
	if (projects != NULL) {
		g->projects = list_from_json(&w->pool, projects);
		g->all_projects = g->projects != NULL && g->projects[0] == '\0';
	}
	if (access != NULL && strcmp(access, "selected") == 0)
		g->all_projects = false;
	if (access != NULL && strcmp(access, "all") == 0 && projects == NULL) {
		g->projects = "";
		g->all_projects = true;
	}
	return texts_are(v) && g->scopes != NULL && g->projects != NULL && id_is_sane(g->grant_id) &&
	       token_is_sane(g->refresh) &&
	       (g->organization[0] == '\0' || id_is_sane(g->organization)) &&
	       (g->slug[0] == '\0' || id_is_sane(g->slug));
}

static bool malformed(struct work *w)
{
	return w->pool.failed ? fault_nomem(w) : fault_set(w, BI18N_EPROTOCOL, "a token answer that is malformed");
}

/* The members that every token answer has. */
static bool token_parse(struct work *w, const struct jvalue *v, int64_t asked_ms, struct token_answer *out)
{
	int64_t life_s = ACCESS_LIFE_S_DEFAULT, life_ms;

	out->access = json_text_or(v, "access_token", "");
	if (!str_eq_nocase(str_from(json_text_or(v, "token_type", "")), S("Bearer")) || !token_is_sane(out->access))
		return malformed(w);
	if (json_member(v, "expires_in") != NULL && !json_number(v, "expires_in", 0, ACCESS_LIFE_S_MAX, &life_s))
		return malformed(w);
	life_ms = life_s * SECOND_MS;
	out->access_until_ms = asked_ms + life_ms - (life_ms / 4 < ACCESS_MARGIN_MS ? life_ms / 4 : ACCESS_MARGIN_MS);
	return true;
}

/* true: an answer of OAuth's, an error perhaps. v_out absent on an error. */
static bool token_answer_read(struct work *w, const struct transport_answer *answer, struct token_answer *out,
                              const struct jvalue **v_out)
{
	*v_out = NULL;
	out->error = "";
	out->status = answer->status;
	if (answer->status == 200) {
		*v_out = json_read(&w->pool, answer->body);
		return *v_out != NULL || malformed(w);
	}
	out->error = answer_error(w, answer, NULL);
	if (w->pool.failed)
		return fault_nomem(w);
	if (strcmp(out->error, "invalid_client") == 0 || strcmp(out->error, "unauthorized_client") == 0) {
		fault_put(w, BI18N_ECLIENT, "the server refuses client_id or client_secret (%s)", out->error);
		w->fault.http_status = answer->status;
		return false;
	}
	return strcmp(out->error, "invalid_grant") == 0 || strcmp(out->error, "grant_revoked") == 0 ||
	       fault_answer(w, answer);
}

static const struct grant no_grant = { .owner = "", .organization = "", .slug = "", .grant_id = "", .refresh = "",
	                               .digest = "", .scopes = "", .projects = "", .all_projects = true };

static bool grants_parse(struct work *w, const struct jvalue *v, struct token_answer *out)
{
	const struct jvalue *list = json_member(v, "grants");
	size_t               n = list == NULL || list->kind != JARRAY ? 0 : list->count, i = 0;

	out->grants_n = n > 0 ? n : 1;
	out->grants = pool_alloc(&w->pool, out->grants_n * sizeof(out->grants[0]));
	if (out->grants == NULL)
		return fault_nomem(w);
	if (n == 0) {
		out->grants[0] = no_grant;
		return grant_parse(w, v, &out->grants[0]) || malformed(w);
	}
	for (const struct jvalue *one = list->first; one != NULL; one = one->next, i++) {
		out->grants[i] = no_grant;
		if (!grant_parse(w, one, &out->grants[i]) || out->grants[i].organization[0] == '\0')
			return malformed(w);
	}
	return true;
}

bool token_redeem(struct work *w, const char *code, const char *verifier, const char *redirect_uri,
                  struct token_answer *out)
{
	int64_t                 asked_ms = steady_now(w->client);
	struct transport_answer answer;
	const struct jvalue    *v;
	struct text             form;

	text_init(&form, &w->pool, FORM_BYTES_MAX);
	text_pair(&form, "grant_type", "authorization_code");
	text_pair(&form, "code", code);
	text_pair(&form, "code_verifier", verifier);
	text_pair(&form, "redirect_uri", redirect_uri);
	/* Never twice: the second use of a code revokes what the first one brought (RFC 6749 4.1.2). */
	if (!token_send(w, &form, false, &answer) || !token_answer_read(w, &answer, out, &v))
		return false;
	return v == NULL || (token_parse(w, v, asked_ms, out) && grants_parse(w, v, out));
}

/* Where one consent made several grants, a refresh may tell of all; ours is the one of our organization. */
static const struct jvalue *refreshed_part(const struct jvalue *v, const struct grant *grant)
{
	const struct jvalue *list = json_member(v, "grants");
	const char          *organization = json_text(v, "organization_id");

	if (organization == NULL || strcmp(organization, grant->organization) == 0)
		return v;
	for (const struct jvalue *one = list == NULL ? NULL : list->first; one != NULL; one = one->next) {
		if (strcmp(json_text_or(one, "organization_id", ""), grant->organization) == 0)
			return one;
	}
	return organization_is_provisional(grant->organization) ? v : NULL;
}

bool token_refresh(struct work *w, const struct grant *grant, struct token_answer *out)
{
	int64_t                 asked_ms = steady_now(w->client);
	struct transport_answer answer;
	const struct jvalue    *v;
	struct text             form;

	text_init(&form, &w->pool, FORM_BYTES_MAX);
	text_pair(&form, "grant_type", "refresh_token");
	text_pair(&form, "refresh_token", grant->refresh);
	/* Again is safe: the server answers a predecessor with the same successor (contract rule 125). */
	if (!token_send(w, &form, true, &answer) || !token_answer_read(w, &answer, out, &v))
		return false;
	if (v == NULL)
		return true;
	out->grants = pool_alloc(&w->pool, sizeof(out->grants[0]));
	if (out->grants == NULL)
		return fault_nomem(w);
	out->grants_n = 1;
	out->grants[0] = *grant;
	v = refreshed_part(v, grant);
	return v != NULL ? (token_parse(w, v, asked_ms, out) && grant_parse(w, v, &out->grants[0])) || malformed(w)
	                 : fault_set(w, BI18N_EPROTOCOL, "a refresh that answers for another organization");
}
