/* SPDX-License-Identifier: MIT
 *
 * `bi18n demo`: people, an organization, two apps and two projects with the product's own interface
 * strings. Idempotent: what is there stays; passwords and secrets are random and shown the one time
 * they are made. */
#include "server/command.h"
#include "server/runtime.h"

#include "base/config.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "web/strings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEMO_ORGANIZATION "demo"
#define DEMO_OWNER "owner@demo.example"
#define DEMO_TRANSLATOR "translator@demo.example"
static const str demo_scopes =
	STR("org:read projects:read projects:write keys:read keys:write translations:read "
	    "translations:write translations:publish");

enum { INPUT_BYTES_MAX = 16 * 1024 * 1024, PASSWORD_RANDOM_BYTES = 15 };

struct demo {
	struct cli *cli;
	str url;
	str owner_password, translator_password; /* absent: the account was there already */
	str web_id, web_secret, native_id;
};

/* Calls an operation with string members: name, value, …, NULL. */
static bool call(struct demo *d, const char *operation, const struct json **result, struct err *e,
		 const char *const *members)
{
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, d->cli->arena, INPUT_BYTES_MAX);
	json_out_init(&o, &b);
	json_open_object(&o);
	for (; members[0] != NULL; members += 2) {
		str value = str_from(members[1]);

		json_key(&o, str_from(members[0]));
		if (str_starts(value, S("[")) || str_eq(value, S("true")) || str_eq(value, S("0")))
			json_put_raw(&o, value);
		else
			json_put_str(&o, value);
	}
	json_close_object(&o);
	return command_call(d->cli, str_from(operation), buf_view(&b), result, e);
}
#define CALL(d, operation, result, e, ...) \
	call((d), (operation), (result), (e), (const char *const[]){ __VA_ARGS__, NULL })

/* Done before counts as done. */
static bool settled(bool ok, const struct err *e)
{
	return ok || e->code == ERR_CONFLICT || e->code == ERR_SLUG_TAKEN;
}

static str random_password(struct arena *a)
{
	uint8_t bytes[PASSWORD_RANDOM_BYTES];

	random_bytes(bytes, sizeof(bytes));
	return base64url_encode(a, bytes, sizeof(bytes));
}

static bool add_person(struct demo *d, const char *email, const char *name, str *password_out,
		       struct err *e)
{
	const struct json *result;
	str password = random_password(d->cli->arena);
	bool ok = CALL(d, "user.add", &result, e, "email", email, "name", name, "password",
		       arena_cstr(d->cli->arena, password));

	if (ok)
		*password_out = password;
	return settled(ok, e);
}

static bool add_people(struct demo *d, struct err *e)
{
	const struct json *result;

	return add_person(d, DEMO_OWNER, "Olivia Owner", &d->owner_password, e) &&
	       add_person(d, DEMO_TRANSLATOR, "Tarik Translator", &d->translator_password, e) &&
	       settled(CALL(d, "org.add", &result, e, "slug", DEMO_ORGANIZATION, "name",
			    "Demo Company", "owner", DEMO_OWNER),
		       e) &&
	       settled(CALL(d, "org.member.add", &result, e, "organization", DEMO_ORGANIZATION,
			    "email", DEMO_TRANSLATOR, "role", "member"),
		       e);
}

/* An app of the same name is the demo's, from an earlier run. */
static str find_app(const struct json *apps, const char *name)
{
	const struct json *list = apps->kind == JSON_ARRAY ? apps : apps->first;

	for (const struct json *app = list == NULL ? NULL : list->first; app != NULL;
	     app = app->next) {
		if (str_eq(json_str(json_get(app, S("name"))), str_from(name)))
			return json_str(json_get(app, S("clientId")));
	}
	return STR_NONE;
}

static bool add_app(struct demo *d, const struct json *apps, const char *name, const char *type,
		    const char *redirects, str *id_out, str *secret_out, struct err *e)
{
	const struct json *result;

	*id_out = find_app(apps, name);
	if (id_out->n > 0)
		return true;
	if (!CALL(d, "app.add", &result, e, "name", name, "type", type, "redirectUris", redirects,
		  "organization", DEMO_ORGANIZATION))
		return false;
	*id_out = json_str(json_get(result, S("clientId")));
	*secret_out = json_str(json_get(result, S("clientSecret")));
	return true;
}

static bool add_apps(struct demo *d, struct err *e)
{
	const struct json *apps;
	str none;
	char *callback = arena_cstr(
		d->cli->arena, arena_printf(d->cli->arena, "[\"" FMT_STR "/demo-app/callback\"]",
					    ARG_STR(d->url)));

	return CALL(d, "app.list", &apps, e, NULL, NULL) &&
	       add_app(d, apps, "Demo Site Builder", "web", callback, &d->web_id, &d->web_secret,
		       e) &&
	       add_app(d, apps, "Demo Editor", "native", "[\"http://127.0.0.1:8989/callback\"]",
		       &d->native_id, &none, e);
}

static bool add_project(struct demo *d, const char *project, const char *name,
			const char *namespaced, struct err *e)
{
	const struct json *result;
	bool ok = CALL(d, "project.add", &result, e, "project", project, "name", name, "source",
		       "en", "languages", "[\"tr\",\"de\",\"ja\",\"ar\"]", "publishCooldownS", "0",
		       namespaced, "true");

	if (!ok)
		return settled(ok, e);
	for (size_t i = 0; i < interface_files_n; i++) {
		struct arena *a = d->cli->arena;

		if (!CALL(d, "import", &result, e, "project", project, "language",
			  arena_cstr(a, interface_files[i].language), "content",
			  arena_cstr(a, interface_files[i].json)))
			return false;
	}
	return CALL(d, "publish.local", &result, e, "project", project, "wait", "true");
}

static bool make(struct demo *d, struct err *e)
{
	return add_people(d, e) && add_apps(d, e) &&
	       add_project(d, DEMO_ORGANIZATION "/interface", "Interface of bi18n", "unused", e) &&
	       add_project(d, DEMO_ORGANIZATION "/pages", "Interface of bi18n, a file a namespace",
			   "namespaced", e);
}

static str connect_url(struct demo *d)
{
	struct buf b;

	buf_init_arena(&b, d->cli->arena, 8 * KIB);
	buf_str(&b, d->url);
	BUF_LIT(&b, "/api/auth/mcp/authorize?response_type=code&client_id=");
	buf_str(&b, d->web_id);
	/* The callback page reads the app's id back from the state, for the curl lines it prints.
	 */
	BUF_LIT(&b, "&state=");
	buf_str(&b, d->web_id);
	BUF_LIT(&b, "&redirect_uri=");
	percent_encode(&b,
		       arena_printf(d->cli->arena, FMT_STR "/demo-app/callback", ARG_STR(d->url)));
	BUF_LIT(&b, "&scope=");
	percent_encode(&b, demo_scopes);
	return buf_view(&b);
}

/* What a person types to reach this store: the program as it was called, and the data directory. */
static str program(struct demo *d)
{
	return arena_printf(d->cli->arena, "%s --data " FMT_STR, program_invocation_name,
	                    ARG_STR(d->cli->data_dir));
}

static void print_account(struct demo *d, const char *email, const char *role, str password)
{
	if (password.p != NULL)
		printf("  %-26s %-9s password: " FMT_STR "\n", email, role, ARG_STR(password));
	else
		printf("  %-26s %-9s password as before; a new one:\n"
		       "      " FMT_STR " user passwd --email %s\n",
		       email, role, ARG_STR(program(d)), email);
}

static void print_text(struct demo *d)
{
	printf("\nThe demo is ready.\n\nSign in at " FMT_STR "/login as\n", ARG_STR(d->url));
	print_account(d, DEMO_OWNER, "owner", d->owner_password);
	print_account(d, DEMO_TRANSLATOR, "member", d->translator_password);
	printf("\nConnect the demo app: open\n  " FMT_STR "\n", ARG_STR(connect_url(d)));
	printf("It returns to a page that prints the next curl lines. They need:\n  "
	       "CLIENT_ID=" FMT_STR "\n",
	       ARG_STR(d->web_id));
	if (d->web_secret.p != NULL)
		printf("  CLIENT_SECRET=" FMT_STR "\n", ARG_STR(d->web_secret));
	else
		printf("  CLIENT_SECRET as before; a new one:\n"
		       "      " FMT_STR " app rotate-secret " FMT_STR "\n",
		       ARG_STR(program(d)), ARG_STR(d->web_id));
	printf("\nDelivered already:\n  curl -s " FMT_STR
	       "/demo/interface/tr.json\n  curl -s " FMT_STR "/demo/pages/manifest.json\n\n"
	       "Everything forgotten and made anew: script/server --reset\n\n",
	       ARG_STR(d->url), ARG_STR(d->url));
	fflush(stdout);
}

static void put_account(struct json_out *o, const char *email, str password)
{
	json_open_object(o);
	json_key(o, S("email"));
	json_put_str(o, str_from(email));
	json_key(o, S("password"));
	json_put_str(o, password);
	json_close_object(o);
}

static void print_document(struct demo *d)
{
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, d->cli->arena, MIB);
	json_out_init(&o, &b);
	json_open_object(&o);
	json_key(&o, S("url"));
	json_put_str(&o, d->url);
	json_key(&o, S("connectUrl"));
	json_put_str(&o, connect_url(d));
	json_key(&o, S("users"));
	json_open_array(&o);
	put_account(&o, DEMO_OWNER, d->owner_password);
	put_account(&o, DEMO_TRANSLATOR, d->translator_password);
	json_close_array(&o);
	json_key(&o, S("apps"));
	json_open_array(&o);
	for (int i = 0; i < 2; i++) {
		json_open_object(&o);
		json_key(&o, S("clientId"));
		json_put_str(&o, i == 0 ? d->web_id : d->native_id);
		json_key(&o, S("clientSecret"));
		json_put_str(&o, i == 0 ? d->web_secret : STR_NONE);
		json_close_object(&o);
	}
	json_close_array(&o);
	json_key(&o, S("projects"));
	json_open_array(&o);
	json_put_str(&o, S(DEMO_ORGANIZATION "/interface"));
	json_put_str(&o, S(DEMO_ORGANIZATION "/pages"));
	json_close_array(&o);
	json_close_object(&o);
	printf(FMT_STR "\n", ARG_STR(buf_view(&b)));
}

int run_demo(struct cli *cli, str input)
{
	struct demo d = { .cli = cli };
	struct err e = { 0 };

	(void)input;
	d.url = config_str_named(cli->config, S("public_url"));
	if (d.url.n == 0)
		d.url = arena_printf(cli->arena, "http://" FMT_STR,
				     ARG_STR(config_str_named(cli->config, S("listen"))));
	strings_load();
	if (!make(&d, &e))
		return command_fail(cli, &e);
	if (cli->json)
		print_document(&d);
	else
		print_text(&d);
	return EXIT_DONE;
}
