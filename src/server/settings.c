/* SPDX-License-Identifier: MIT */
#include "server/settings.h"

#include "base/text.h"
#include "oauth/redirect.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A row's default is text or a number; the table writes both in one column. */
#define INITIAL_STR(v) .initial_text = (v)
#define INITIAL_SECRET(v) .initial_text = (v)
#define INITIAL_BOOL(v) .initial = (v)
#define INITIAL_INT(v) .initial = (v)
#define INITIAL_SIZE(v) .initial = (v)
#define INITIAL_TIME_S(v) .initial = (v)
#define INITIAL_TIME_MS(v) .initial = (v)

static const struct config_row rows[] = {
#define SETTING(name_, type_, initial_, min_, max_, meaning_) \
	{ .name = #name_,                                     \
	  .type = CONFIG_##type_,                             \
	  INITIAL_##type_(initial_),                          \
	  .min = (min_),                                      \
	  .max = (max_),                                      \
	  .meaning = (meaning_) },
#include "server/config.def"
#undef SETTING
};

static bool home_directory(struct cli *cli, str *out, struct err *e)
{
	const char *data = getenv("BI18N_DATA"), *xdg = getenv("XDG_DATA_HOME"),
		   *home = getenv("HOME");

	if (data != NULL && data[0] != '\0')
		*out = str_from(data);
	else if (xdg != NULL && xdg[0] == '/')
		*out = arena_printf(cli->arena, "%s/bi18n", xdg);
	else if (home != NULL && home[0] == '/')
		*out = arena_printf(cli->arena, "%s/.local/share/bi18n", home);
	else
		return err_set(e, ERR_INVALID_REQUEST,
			       "where is the data? Give --data DIR or set BI18N_DATA");
	return true;
}

/* Absolute, because a running server is found through it from anywhere. */
static bool data_directory(struct cli *cli, str given, struct err *e)
{
	char here[PATH_MAX];

	if (given.n > 0)
		cli->data_dir = given;
	else if (!home_directory(cli, &cli->data_dir, e))
		return false;
	while (cli->data_dir.n > 1 && str_ends(cli->data_dir, S("/")))
		cli->data_dir.n--;
	if (str_starts(cli->data_dir, S("/")))
		return true;
	if (getcwd(here, sizeof(here)) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "current directory: %s", strerror(errno));
	cli->data_dir = arena_printf(cli->arena, "%s/" FMT_STR, here, ARG_STR(cli->data_dir));
	return true;
}

static bool take_flag(struct cli *cli, const struct json *input, const char *member,
		      const char *setting, const char *flag, struct err *e)
{
	str value = json_str(json_get(input, str_from(member)));

	return value.n == 0 || config_set(cli->config, str_from(setting), value, flag, e);
}

/* What apps compare byte by byte, and send secrets to (RFC 8414 2, RFC 6749 3.2). */
static bool is_issuer(str url)
{
	struct redirect parts;

	return redirect_parse(url, &parts) && !parts.private_use && !str_has(url, '?') && !str_ends(url, S("/")) &&
	       (parts.loopback || str_eq(parts.scheme, S("https")));
}

static bool check_choices(struct cli *cli, struct err *e)
{
	static const struct {
		enum setting row;
		const char *words[5];
	} choices[] = {
		{ SETTING_log_level, { "debug", "info", "warn", "error", NULL } },
		{ SETTING_missing_content, { "compat", "strict", NULL } },
	};
	str url = config_str(cli->config, SETTING_public_url);

	for (size_t i = 0; i < COUNT(choices); i++) {
		str value = config_str(cli->config, choices[i].row);
		bool known = false;

		for (size_t k = 0; choices[i].words[k] != NULL; k++)
			known = known || str_eq(value, str_from(choices[i].words[k]));
		if (!known)
			return err_set(e, ERR_INVALID_REQUEST,
				       "%s: \"" FMT_STR "\" is not one of its values: %s",
				       rows[choices[i].row].name, ARG_STR(value),
				       rows[choices[i].row].meaning);
	}
	return url.n == 0 || is_issuer(url) ||
	       err_set(e, ERR_INVALID_REQUEST,
		       "public_url: \"" FMT_STR "\" must be https:// (http:// only on localhost, 127.0.0.1 or [::1]),"
		       " lower case, with no slash at the end, no query and no fragment",
		       ARG_STR(url));
}

/* RFC 9116 2.5.3: a URI, https where it is of the web. It stands alone in its line. */
static bool check_contact(struct cli *cli, struct err *e)
{
	str contact = config_str(cli->config, SETTING_security_contact);
	bool fits = str_starts(contact, S("mailto:")) || str_starts(contact, S("https://")) ||
		    str_starts(contact, S("tel:"));

	for (size_t i = 0; i < contact.n; i++)
		fits = fits && contact.p[i] > ' ' && contact.p[i] < 0x7f;
	return contact.n == 0 || fits ||
	       err_set(e, ERR_INVALID_REQUEST,
		       "security_contact: \"" FMT_STR "\" must be mailto:…, https://… or tel:…",
		       ARG_STR(contact));
}

bool settings_read(struct cli *cli, str data, str database, str input, struct err *e)
{
	struct json_fault fault;
	struct json *v;

	cli->config = config_create(rows, COUNT(rows));
	if (!json_parse(cli->arena, input, JSON_DEPTH_DEFAULT, &v, &fault))
		return err_log(e, ERR_INTERNAL, 0, "own input: %s", fault.what);
	return data_directory(cli, data, e) &&
	       config_read_file(
		       cli->config,
		       arena_cstr(cli->arena, arena_printf(cli->arena, FMT_STR "/bi18n.conf",
							   ARG_STR(cli->data_dir))),
		       e) &&
	       config_read_environment(cli->config, "BI18N_", e) &&
	       (database.n == 0 ||
		config_set(cli->config, S("database"), database, "--database", e)) &&
	       take_flag(cli, v, "listen", "listen", "--listen", e) &&
	       take_flag(cli, v, "publicUrl", "public_url", "--public-url", e) &&
	       check_choices(cli, e) && check_contact(cli, e);
}

void settings_for_rules(struct arena *a, const struct config *c, struct settings *out)
{
	str url = config_str(c, SETTING_public_url), cdn = config_str(c, SETTING_cdn_base_url);

	if (url.n == 0)
		url = arena_printf(a, "http://" FMT_STR, ARG_STR(config_str(c, SETTING_listen)));
	*out = (struct settings){
		.public_url = url,
		.cdn_base_url = cdn.n > 0 ? cdn : url,
		.security_contact = config_str(c, SETTING_security_contact),
		.code_ttl_s = config_i64(c, SETTING_code_ttl_s),
		.access_ttl_s = config_i64(c, SETTING_access_token_ttl_s),
		.refresh_idle_s = config_i64(c, SETTING_refresh_idle_s),
		.refresh_absolute_s = config_i64(c, SETTING_refresh_absolute_s),
		.refresh_absolute_public_s = config_i64(c, SETTING_refresh_absolute_public_s),
		.installation_ttl_s = config_i64(c, SETTING_installation_token_ttl_s),
		.installation_tokens_max = config_i64(c, SETTING_installation_tokens_max),
		.mint_coalesce_ms = config_i64(c, SETTING_mint_coalesce_ms),
		.mint_per_minute_max = config_i64(c, SETTING_mint_per_minute_max),
		.requests_per_minute_max = config_i64(c, SETTING_requests_per_minute_max),
		.authorize_per_minute_max = config_i64(c, SETTING_authorize_per_minute_max),
		.client_failures_per_address_max =
			config_i64(c, SETTING_client_failures_per_address_max),
		.client_failures_per_app_max = config_i64(c, SETTING_client_failures_per_app_max),
		.refresh_grace_s = config_i64(c, SETTING_refresh_grace_s),
		.session_ttl_s = config_i64(c, SETTING_session_ttl_s),
		.session_idle_s = config_i64(c, SETTING_session_idle_s),
		.login_attempts_max = config_i64(c, SETTING_login_attempts_max),
		.login_window_s = config_i64(c, SETTING_login_window_s),
		.key_ttl_s = config_i64(c, SETTING_key_ttl_s),
		.publish_cooldown_s = config_i64(c, SETTING_publish_cooldown_s),
		.publish_pending_hold_ms = config_i64(c, SETTING_publish_pending_hold_ms),
		.audit_kept_days = config_i64(c, SETTING_audit_kept_days),
		.audit_page_max = config_i64(c, SETTING_audit_page_max),
		.audit_scan_max = config_i64(c, SETTING_audit_scan_max),
		.audit_export_max = config_i64(c, SETTING_audit_export_max),
		.audit_refusals_per_minute_max = config_i64(c, SETTING_audit_refusals_per_minute_max),
		.apps_per_person_max = config_i64(c, SETTING_apps_per_person_max),
		.import_bytes_max = config_i64(c, SETTING_import_bytes_max),
		.families_max = config_i64(c, SETTING_refresh_families_max),
		.publish_drafts = config_bool(c, SETTING_publish_drafts_default),
		.fill_from_source = config_bool(c, SETTING_fill_from_source_default),
		.missing_strict = str_eq(config_str(c, SETTING_missing_content), S("strict")),
		.namespaced_missing_404 = config_bool(c, SETTING_namespaced_missing_404),
		.okhttp_gzip = config_bool(c, SETTING_okhttp_gzip),
	};
}
