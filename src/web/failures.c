/* SPDX-License-Identifier: MIT */
#include "web/failures.h"

#include "web/view.h"

/* The first row that fits; a row without a reason fits all of its kind. */
static const struct { const char *kind, *reason, *words; } rows[] = {
	{ "app.auth_failed",       "disabled",              "appDisabled" },
	{ "app.auth_failed",       "secret_expired",        "expiredSecret" },
	{ "app.auth_failed",       "secret_missing",        "missingSecret" },
	{ "app.auth_failed",       "secret_needless",       "needlessSecret" },
	{ "app.auth_failed",       "method",                "secretMethod" },
	{ "app.auth_failed",       NULL,                    "auth" },
	{ "authorize.refused",     "disabled",              "appDisabled" },
	{ "authorize.refused",     "redirect_unregistered", "redirectUnregistered" },
	{ "authorize.refused",     "redirect_missing",      "redirectMissing" },
	{ "authorize.refused",     "too_long",              "tooLong" },
	{ "authorize.refused",     "request_object",        "requestObject" },
	{ "authorize.refused",     "response",              "response" },
	{ "authorize.refused",     "prompt",                "prompt" },
	{ "authorize.refused",     "pkce_missing",          "pkceMissing" },
	{ "authorize.refused",     "pkce_method",           "pkceMethod" },
	{ "authorize.refused",     "pkce_challenge",        "pkceChallenge" },
	{ "authorize.refused",     "scope_unknown",         "unknownScope" },
	{ "authorize.refused",     "scope_forbidden",       "forbiddenScope" },
	{ "authorize.refused",     "scope_none",            "noScope" },
	{ "authorize.refused",     "resource",              "resource" },
	{ "authorize.refused",     NULL,                    "other" },
	{ "code.refused",          "code_unknown",          "unknownCode" },
	{ "code.refused",          "code_expired",          "expiredCode" },
	{ "code.refused",          "code_foreign",          "foreignCode" },
	{ "code.refused",          "redirect_mismatch",     "redirectMismatch" },
	{ "code.refused",          "redirect_missing",      "redirectMissing" },
	{ "code.refused",          "verifier_missing",      "verifierMissing" },
	{ "code.refused",          "verifier_malformed",    "verifierMalformed" },
	{ "code.refused",          "pkce_failed",           "pkce" },
	{ "code.refused",          "resource",              "resource" },
	{ "code.refused",          "gone",                  "gone" },
	{ "code.refused",          NULL,                    "other" },
	{ "code.replayed",         NULL,                    "replayed" },
	{ "token.refresh_refused", "token_unknown",         "unknownToken" },
	{ "token.refresh_refused", "expired",               "expired" },
	{ "token.refresh_refused", "revoked",               "revoked" },
	{ "token.refresh_refused", "stale",                 "stale" },
	{ "token.refresh_refused", "scope",                 "refreshScope" },
	{ "token.refresh_refused", "resource",              "resource" },
	{ "token.refresh_refused", NULL,                    "other" },
	{ "token.reuse_detected",  NULL,                    "reused" },
	{ "scope.denied",          NULL,                    "scopeDenied" },
};

str failure_words(struct page_job *j, str kind, str reason)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (str_eq(kind, str_from(rows[i].kind)) &&
		    (rows[i].reason == NULL || str_eq(reason, str_from(rows[i].reason))))
			return words(j, "failures", str_from(rows[i].words));
	}
	return STR_NONE;
}
