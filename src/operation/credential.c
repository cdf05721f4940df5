/* SPDX-License-Identifier: MIT */
#include "operation/credential.h"

#include "base/text.h"

enum { TOKEN_LIKE_BYTES_MIN = 20 };      /* shorter ones are words, such as a search for "rt_" */

/* RFC 6750 2.1: 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" */
static bool is_token68_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       str_has(S("-._~+/"), c);
}

static bool is_token68(str s)
{
	size_t i = 0;

	while (i < s.n && is_token68_char(s.p[i]))
		i++;
	if (i == 0)
		return false;
	while (i < s.n && s.p[i] == '=')
		i++;
	return i == s.n;
}

static bool token_check(str token, struct err *e)
{
	if (str_has(token, ' ') || str_has(token, ',') || str_has(token, '\t'))
		return err_set(e, ERR_INVALID_REQUEST, "Send exactly one credential in the Authorization header.");
	if (token.n > CREDENTIAL_BYTES_MAX || !is_token68(token))
		return err_set(e, ERR_INVALID_TOKEN, "The credential has a form that no token of this server has.");
	return true;
}

bool authorization_read(str header, enum authorization *kind_out, str *token_out, struct err *e)
{
	static const struct { str scheme; enum authorization kind; } schemes[] = {
		{ STR("bearer"), AUTHORIZATION_BEARER }, { STR("basic"), AUTHORIZATION_BASIC },
	};
	str rest = str_trim(header), scheme;
	enum authorization kind = AUTHORIZATION_NONE;

	*kind_out = AUTHORIZATION_NONE;
	*token_out = STR_NONE;
	if (!str_cut(&rest, ' ', &scheme))
		return true;
	for (size_t i = 0; i < COUNT(schemes); i++) {
		if (str_eq_nocase(scheme, schemes[i].scheme))
			kind = schemes[i].kind;
	}
	rest = str_trim(rest);
	if (kind == AUTHORIZATION_NONE || rest.n == 0)
		return true;
	if (!token_check(rest, e))
		return false;
	*kind_out = kind;
	*token_out = rest;
	return true;
}

/* RFC 6749 2.3.1 has both parts form-encoded; what does not decode was sent raw. */
static str form_decoded(struct arena *a, str raw)
{
	str decoded;

	return percent_decode(a, raw, true, &decoded) ? decoded : raw;
}

bool basic_read(struct arena *a, str encoded, str *id_out, str *secret_out, struct err *e)
{
	str text;
	ptrdiff_t colon;

	if (encoded.n > BASIC_BYTES_MAX || !base64_decode(a, encoded, &text) || !utf8_valid(text) ||
	    str_has(text, '\0'))
		return err_set(e, ERR_INVALID_REQUEST, "The Basic credential is not base64 of id:secret.");
	colon = str_index(text, ':');
	if (colon < 0)
		return err_set(e, ERR_INVALID_REQUEST, "The Basic credential has no ':' between id and secret.");
	*id_out = form_decoded(a, str_sub(text, 0, (size_t)colon));
	*secret_out = form_decoded(a, str_from_at(text, (size_t)colon + 1));
	return true;
}

bool credential_read(struct arena *a, str authorization, str api_key, bool basic, struct credential *out,
                     struct err *e)
{
	enum authorization kind;
	str token;

	if (!authorization_read(authorization, &kind, &token, e))
		return false;
	if (kind == AUTHORIZATION_BEARER)
		out->bearer = token;
	if (kind == AUTHORIZATION_BASIC && basic &&
	    !basic_read(a, token, &out->client_id, &out->client_secret, e))
		return false;
	api_key = str_trim(api_key);
	if (api_key.n == 0)
		return true;
	if (!token_check(api_key, e))
		return false;
	out->api_key = api_key;
	return true;
}

bool credential_not_in_query(const struct param *params, size_t params_n, struct err *e)
{
	static const str prefixes[] = { STR("bi_oat_"), STR("bi_at_"), STR("bi-"), STR("rt_") };

	for (size_t i = 0; i < params_n; i++) {
		bool token = str_eq(params[i].name, S("access_token"));

		for (size_t p = 0; p < COUNT(prefixes) && !token; p++)
			token = str_starts(params[i].value, prefixes[p]) && params[i].value.n >= TOKEN_LIKE_BYTES_MIN;
		if (token)
			return err_set(e, ERR_INVALID_REQUEST, "A token must not be sent in the address, where it is logged."
			               " Send it in the Authorization header, and replace this one.");
	}
	return true;
}
