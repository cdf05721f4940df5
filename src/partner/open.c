/* SPDX-License-Identifier: MIT
 *
 * From options and environment to a client. */
#include "partner/partner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/text.h"

#define KEY_HELP                                                                                 \
	"make one and keep it: export BI18N_STORE_KEY=$(openssl rand 32 | basenc --base64url | " \
	"tr -d =)"

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

/* The id that a program's only key has by custom, so that this command opens its store; and the one that this command
 * gave first. */
enum { KEYS = 2 };
static const uint8_t key_ids[KEYS] = { 1, 0 };

/* BI18N_STORE_KEY: 32 bytes in base64url, with or without padding. */
static bool keys_read(struct arena *a, struct bi18n_key out[KEYS])
{
	str text = str_from(environment("BI18N_STORE_KEY"));
	uint8_t *bytes;
	size_t n;

	while (text.n > 0 && text.p[text.n - 1] == '=')
		text.n--;
	if (text.p == NULL || !base64url_decode(a, text, &bytes, &n) || n != BI18N_KEY_BYTES)
		return false;
	for (size_t i = 0; i < KEYS; i++) {
		out[i].id = key_ids[i];
		memcpy(out[i].bytes, bytes, n);
	}
	bi18n_wipe(bytes, n);
	return true;
}

static bool directory_make(char *path)
{
	for (char *c = path + 1; *c != '\0'; c++) {
		bool made;

		if (*c != '/')
			continue;
		*c = '\0';
		made = mkdir(path, S_IRWXU) == 0 || errno == EEXIST;
		*c = '/';
		if (!made)
			return false;
	}
	return true;
}

/* NULL: there is no place for it. */
static const char *store_default(struct arena *a)
{
	const char *data = environment("XDG_DATA_HOME"), *home = environment("HOME");
	str path;
	char *text;

	if (data == NULL && home == NULL)
		return NULL;
	path = data != NULL ? arena_printf(a, "%s/bi18n-partner/connections.db", data)
			    : arena_printf(a, "%s/.local/share/bi18n-partner/connections.db", home);
	text = arena_cstr(a, path);
	return directory_make(text) ? arena_cstr(a, arena_printf(a, "sqlite:%s", text)) : NULL;
}

static bool refuse(int *exit_out, int code)
{
	*exit_out = code;
	return false;
}

static bool open_with(struct partner *p, struct bi18n_options *in, int *exit_out)
{
	struct bi18n_error error;

	in->base_url = p->options->base_url;
	in->authorize_base_url = p->options->authorize_base_url;
	in->cdn_base_url = p->options->cdn_base_url;
	in->user_agent = "bi18n-partner";
	if (bi18n_open(in, &p->client, &error) == BI18N_OK)
		return true;
	return refuse(exit_out, partner_fail(p, NULL, &error));
}

bool partner_open(struct partner *p, const char *redirect_uri, int *exit_out)
{
	struct bi18n_key keys[KEYS];
	struct bi18n_options in = {
		.client_id = environment("BI18N_CLIENT_ID"),
		.client_secret = environment("BI18N_CLIENT_SECRET"),
		.store = p->options->store,
		.redis = p->options->redis,
		.keys = keys,
		.keys_n = KEYS,
		.redirect_uri = redirect_uri,
	};
	bool ok;

	if (in.client_id == NULL)
		return refuse(
			exit_out,
			partner_usage("BI18N_CLIENT_ID is not set: the id of your registered app"));
	if (in.store == NULL)
		in.store = store_default(p->arena);
	if (in.store == NULL)
		return refuse(exit_out,
			      partner_usage("--store: no data directory to put it by default"));
	if (in.redirect_uri == NULL)
		in.redirect_uri =
			arena_cstr(p->arena, arena_printf(p->arena, "http://127.0.0.1:%d/callback",
							  CALLBACK_PORT_DEFAULT));
	if (!keys_read(p->arena, keys))
		return refuse(exit_out,
			      partner_usage("BI18N_STORE_KEY: 32 bytes in base64url; " KEY_HELP));
	ok = open_with(p, &in, exit_out);
	bi18n_wipe(keys, sizeof(keys));
	return ok;
}

/* Without a store: published texts are for everybody
 * ------------------------------------------------- */

static enum bi18n_stored no_upsert(void *context, const struct bi18n_row *rows, size_t n)
{
	(void)context, (void)rows, (void)n;
	return BI18N_STORED_FAILED;
}

static enum bi18n_stored no_find(void *context, const char *owner, const char *organization,
				 bi18n_row_fn *visit, void *visitor)
{
	(void)context, (void)owner, (void)organization, (void)visit, (void)visitor;
	return BI18N_STORED_NONE;
}

static enum bi18n_stored no_list(void *context, const char *owner, bi18n_row_fn *visit,
				 void *visitor)
{
	(void)context, (void)owner, (void)visit, (void)visitor;
	return BI18N_STORED_NONE;
}

static enum bi18n_stored no_swap(void *context, const char *digest, const char *grant,
				 const struct bi18n_row *row)
{
	(void)context, (void)digest, (void)grant, (void)row;
	return BI18N_STORED_NONE;
}

static enum bi18n_stored no_replace(void *context, const char *owner, const char *organization,
				    const struct bi18n_row *row)
{
	(void)context, (void)owner, (void)organization, (void)row;
	return BI18N_STORED_NONE;
}

static enum bi18n_stored no_put(void *context, const struct bi18n_pending *pending, int64_t now_ms)
{
	(void)context, (void)pending, (void)now_ms;
	return BI18N_STORED_FAILED;
}

static enum bi18n_stored no_take(void *context, const char *digest, bi18n_pending_fn *visit,
				 void *visitor)
{
	(void)context, (void)digest, (void)visit, (void)visitor;
	return BI18N_STORED_NONE;
}

bool partner_open_bare(struct partner *p, int *exit_out)
{
	static const struct bi18n_store nowhere = { .upsert = no_upsert,
						    .find = no_find,
						    .list = no_list,
						    .swap = no_swap,
						    .replace = no_replace,
						    .pending_put = no_put,
						    .pending_take = no_take };
	struct bi18n_key key = { 0 };
	struct bi18n_options in = {
		.client_id = "bi18n-partner", .custom_store = &nowhere, .keys = &key, .keys_n = 1
	};

	if (getrandom(key.bytes, sizeof(key.bytes), 0) != (ssize_t)sizeof(key.bytes))
		return refuse(exit_out, partner_usage("the system has no random bytes"));
	return open_with(p, &in, exit_out);
}

const char *partner_owner(struct partner *p, int *exit_out)
{
	const char *organization = p->options->organization, *owner = NULL;
	struct bi18n_connections *all;
	struct bi18n_error error;
	bool several = false;

	if (p->options->owner != NULL)
		return p->options->owner;
	if (bi18n_connections(p->client, NULL, &all, &error) != BI18N_OK) {
		*exit_out = partner_fail(p, NULL, &error);
		return NULL;
	}
	for (size_t i = 0; i < all->n; i++) {
		const struct bi18n_connection *c = &all->v[i];

		if (organization != NULL && strcmp(c->organization_slug, organization) != 0 &&
		    strcmp(c->organization_id, organization) != 0)
			continue;
		several = several || (owner != NULL && strcmp(owner, c->owner_id) != 0);
		owner = arena_cstr(p->arena, str_from(c->owner_id));
	}
	bi18n_free(all);
	if (owner != NULL && !several)
		return owner;
	if (several) {
		*exit_out = partner_usage(
			"several owners have such a connection: say which with --owner");
		return NULL;
	}
	error = (struct bi18n_error){ .code = BI18N_NOT_CONNECTED };
	snprintf(error.message, sizeof(error.message), "no connection%s%.60s",
		 organization == NULL ? "" : " to ", organization == NULL ? "" : organization);
	*exit_out = partner_fail(p, NULL, &error);
	return NULL;
}
