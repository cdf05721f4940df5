/* SPDX-License-Identifier: MIT */
#include "client/api.h"

static const struct {
	enum bi18n_code code;
	const char     *name, *text, *next_step;
} codes[] = {
	{ BI18N_CONNECTED, "CONNECTED", "Connected.", "nothing to do" },
	{ BI18N_RECONNECT_REQUIRED, "RECONNECT_REQUIRED",
	  "Access was withdrawn. Reconnect to go on.",
	  "show \"Reconnect\" and send the user to authorize_url; do not call again before" },
	{ BI18N_SCOPE_REQUIRED, "SCOPE_REQUIRED", "This needs a permission that was not granted.",
	  "show \"Needs permission\" and send the user to authorize_url; do not call again before" },
	{ BI18N_RATE_LIMITED, "RATE_LIMITED", "Too many requests. Please wait a moment.",
	  "call again after retry_after_ms" },
	{ BI18N_TRY_LATER, "TRY_LATER", "The service cannot be reached right now.",
	  "call again after retry_after_ms" },
	{ BI18N_NOT_CONNECTED, "NOT_CONNECTED", "Not connected yet.",
	  "start a connection with bi18n_authorize_url()" },
	{ BI18N_EINVAL, "EINVAL", "This request is not valid.", "correct the argument that the message names" },
	{ BI18N_ENOMEM, "ENOMEM", "Out of memory.", "release memory and call again" },
	{ BI18N_ECANCELED, "ECANCELED", "Canceled.", "nothing to do" },
	{ BI18N_ESTORE, "ESTORE", "The connection could not be saved or read.",
	  "look after the store, then call again" },
	{ BI18N_EKEY, "EKEY", "The connection cannot be opened.",
	  "give the key that sealed it; if it is lost, let the user reconnect" },
	{ BI18N_ECLIENT, "ECLIENT", "This application is not set up correctly.",
	  "correct client_id and client_secret" },
	{ BI18N_EDENIED, "EDENIED", "The connection was declined.", "offer to connect again" },
	{ BI18N_ESTATE, "ESTATE", "This connection attempt has expired or began elsewhere.",
	  "start again with bi18n_authorize_url()" },
	{ BI18N_EPROTOCOL, "EPROTOCOL", "The service answered in an unexpected way.",
	  "check base_url; report it if it is right" },
	{ BI18N_EINSECURE, "EINSECURE", "This address is not secure.", "use https, or http on a loopback host" },
	{ BI18N_EFORBIDDEN, "EFORBIDDEN", "This is not allowed.", "use a resource of this connection" },
	{ BI18N_ENOTFOUND, "ENOTFOUND", "This does not exist.", "check names and ids" },
	{ BI18N_EREFUSED, "EREFUSED", "The service refused this request.", "correct what the message names" },
	{ BI18N_EUNSUPPORTED, "EUNSUPPORTED", "This is not available here.",
	  "use a build with this store or cache" },
};

static size_t code_index(enum bi18n_code code)
{
	for (size_t i = 0; i < COUNT(codes); i++) {
		if (codes[i].code == code)
			return i;
	}
	return COUNT(codes);
}

const char *bi18n_code_name(enum bi18n_code code)
{
	size_t i = code_index(code);

	return i < COUNT(codes) ? codes[i].name : "UNKNOWN";
}

const char *bi18n_code_text(enum bi18n_code code)
{
	size_t i = code_index(code);

	return i < COUNT(codes) ? codes[i].text : "Something went wrong.";
}

const char *bi18n_code_next_step(enum bi18n_code code)
{
	size_t i = code_index(code);

	return i < COUNT(codes) ? codes[i].next_step : "look at the message";
}

#define TEXT_OF(x) #x
#define VERSION_OF(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

const char *bi18n_version(void)
{
	return VERSION_OF(BI18N_VERSION_MAJOR, BI18N_VERSION_MINOR, BI18N_VERSION_PATCH);
}
