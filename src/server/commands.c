/* SPDX-License-Identifier: MIT
 *
 * The table of commands. A new command is a row here and an operation; code only where a file or a
 * terminal is involved. */
#include "server/command.h"

#define END_OPTIONS          \
	{                    \
		.flag = NULL \
	}

static const struct option_row no_options[] = { END_OPTIONS };

static const struct option_row user_add_options[] = {
	{ "--email", "email", OPTION_STR, true, "address the person signs in with" },
	{ "--name", "name", OPTION_STR, true, "name shown to others" },
	END_OPTIONS
};
static const struct option_row user_email_options[] = {
	{ "--email", "email", OPTION_STR, true, "address of the account" }, END_OPTIONS
};
static const struct option_row org_add_options[] = {
	{ "--slug", "slug", OPTION_STR, true, "a-z, 0-9 and -, the first part of every address" },
	{ "--name", "name", OPTION_STR, true, "name shown to people" },
	{ "--owner", "owner", OPTION_STR, true, "email of an existing account" },
	END_OPTIONS
};
static const struct option_row member_add_options[] = {
	{ "--org", "organization", OPTION_STR, true, "slug of the organization" },
	{ "--email", "email", OPTION_STR, true, "address of an existing account" },
	{ "--role", "role", OPTION_STR, true, "owner, admin or member" },
	END_OPTIONS
};
static const struct option_row member_remove_options[] = {
	{ "--org", "organization", OPTION_STR, true, "slug of the organization" },
	{ "--email", "email", OPTION_STR, true, "address of the member" },
	END_OPTIONS
};
static const struct option_row project_add_options[] = {
	{ "--name", "name", OPTION_STR, false, "name shown to people (default: the slug)" },
	{ "--source", "source", OPTION_STR, true, "source language, a BCP 47 tag such as en" },
	{ "--languages", "languages", OPTION_LIST, false, "target languages, comma-separated" },
	{ "--namespaced", "namespaced", OPTION_FLAG, false, "one delivered file a namespace" },
	{ "--flat", "flat", OPTION_FLAG, false, "keys with dots stay flat" },
	END_OPTIONS
};
static const struct option_row import_options[] = {
	{ "--language", "language", OPTION_STR, true, "language of the file" },
	{ "--namespace", "namespace", OPTION_STR, false, "put every key into this namespace" },
	{ "--format", "format", OPTION_STR, false, "auto or json (default: auto)" },
	{ "--draft", "draft", OPTION_FLAG, false, "write drafts; the default is approved" },
	{ "--path", "path", OPTION_STR, false, "take the subtree a.b.c of the file" },
	END_OPTIONS
};
static const struct option_row export_options[] = {
	{ "--language", "language", OPTION_STR, true, "language to write" },
	{ "--namespace", "namespace", OPTION_STR, false, "only this namespace" },
	{ "--format", "format", OPTION_STR, false, "json (default)" },
	{ "--draft", "draft", OPTION_FLAG, false,
	  "latest texts, not only what a publish would ship" },
	END_OPTIONS
};
static const struct option_row publish_options[] = {
	{ "--wait", "wait", OPTION_FLAG, false,
	  "wait until it is delivered and print its version" },
	END_OPTIONS
};
static const struct option_row project_set_options[] = {
	{ "--drafts", "drafts", OPTION_STR, false, "on or off: publish drafts too" },
	{ "--fill", "fill", OPTION_STR, false,
	  "on or off: publish the source text where a language has none" },
	{ "--default-namespace", "defaultNamespace", OPTION_STR, false,
	  "root or wrapped: where keys of the default namespace lie in a file" },
	{ "--missing", "missing", OPTION_STR, false,
	  "server, compat (200 {}) or strict (404): the answer for files that do not exist" },
	END_OPTIONS
};
static const struct option_row rollback_options[] = {
	{ "--to", "to", OPTION_COUNT, false, "the snapshot with this number (default: the one before)" },
	END_OPTIONS
};
static const struct option_row app_add_options[] = {
	{ "--name", "name", OPTION_STR, true, "name shown on the consent page" },
	{ "--type", "type", OPTION_STR, true, "web, native or spa" },
	{ "--redirect-uri", "redirectUris", OPTION_EACH, true,
	  "where people return to; repeat for several" },
	{ "--org", "organization", OPTION_STR, false, "organization that owns the app" },
	{ "--scope", "scopes", OPTION_LIST, false, "scopes the app may ask for (default: all)" },
	{ "--refresh-policy", "refreshPolicy", OPTION_STR, false,
	  "stable, rotating or lagging (default: by type)" },
	{ "--dev-loopback", "devLoopback", OPTION_FLAG, false,
	  "redirect URIs on loopback match with any port" },
	{ "--invalid-grant-401", "invalidGrant401", OPTION_FLAG, false,
	  "answer invalid_grant with 401 instead of 400, for clients that expect it" },
	END_OPTIONS
};
static const struct option_row rotate_options[] = {
	{ "--overlap", "overlapS", OPTION_DURATION, false,
	  "how long the old secret still works (default 24h)" },
	END_OPTIONS
};
static const struct option_row key_add_options[] = {
	{ "--org", "organization", OPTION_STR, true, "slug of the organization" },
	{ "--level", "level", OPTION_STR, false, "read, write, publish or admin" },
	{ "--public", "public", OPTION_FLAG, false,
	  "a public key instead: read-only, may be seen by anyone" },
	{ "--project", "projects", OPTION_LIST, false, "only these projects (slugs)" },
	{ "--name", "name", OPTION_STR, false, "to recognise it by" },
	END_OPTIONS
};
static const struct option_row key_list_options[] = {
	{ "--org", "organization", OPTION_STR, false, "only this organization" }, END_OPTIONS
};
static const struct option_row grant_list_options[] = {
	{ "--org", "organization", OPTION_STR, false, "only this organization" },
	{ "--app", "app", OPTION_STR, false, "only this client_id" },
	END_OPTIONS
};
static const struct option_row audit_options[] = {
	{ "--since", "since", OPTION_STR, false, "ISO time, day or duration such as 24h" },
	{ "--until", "until", OPTION_STR, false, "ISO time, day (to its end) or duration" },
	{ "--kind", "kind", OPTION_STR, false, "only this event (token.minted) or group (token)" },
	{ "--grant", "grant", OPTION_STR, false, "only this grant" },
	{ "--org", "organization", OPTION_STR, false, "only this organization" },
	{ "--app", "app", OPTION_STR, false, "only this client_id" },
	{ "--follow", "follow", OPTION_FLAG, false, "go on with new events until interrupted" },
	END_OPTIONS
};
static const struct option_row serve_options[] = {
	{ "--listen", "listen", OPTION_STR, false, "address and port (default 127.0.0.1:52490)" },
	{ "--public-url", "publicUrl", OPTION_STR, false,
	  "the address people and apps use; needed off loopback" },
	END_OPTIONS
};

static const struct command commands[] = {
	{ .words = "init",
	  .run = run_init,
	  .options = no_options,
	  .help = "make the store and the server key, if there are none yet" },
	{ .words = "serve", .run = run_serve, .options = serve_options, .help = "run the server" },
	{ .words = "demo",
	  .run = run_demo,
	  .options = serve_options,
	  .help = "make a demo: people, an organization, two apps and projects with real strings" },
	{ .words = "user add",
	  .operation = "user.add",
	  .options = user_add_options,
	  .stdin_field = "password",
	  .help = "add a person; the password (at least 12 characters) is read from standard "
		  "input" },
	{ .words = "user list",
	  .operation = "user.list",
	  .options = no_options,
	  .help = "list people" },
	{ .words = "user passwd",
	  .operation = "user.passwd",
	  .options = user_email_options,
	  .stdin_field = "password",
	  .help = "set a new password (standard input) and end the person's sessions" },
	{ .words = "user disable",
	  .operation = "user.disable",
	  .options = user_email_options,
	  .help = "end a person's sessions and grants and keep them out" },
	{ .words = "user delete",
	  .operation = "user.delete",
	  .options = user_email_options,
	  .help = "delete a disabled person with their connections and memberships" },
	{ .words = "org add",
	  .operation = "org.add",
	  .options = org_add_options,
	  .help = "add an organization" },
	{ .words = "org list",
	  .operation = "org.list",
	  .options = no_options,
	  .help = "list organizations" },
	{ .words = "org member add",
	  .operation = "org.member.add",
	  .options = member_add_options,
	  .help = "add a member or change a role" },
	{ .words = "org member remove",
	  .operation = "org.member.remove",
	  .options = member_remove_options,
	  .help = "remove a member; connections this person made stop at once" },
	{ .words = "project add",
	  .operation = "project.add",
	  .options = project_add_options,
	  .positional = { "project" },
	  .positional_help = "ORG/SLUG",
	  .help = "add a project" },
	{ .words = "project list",
	  .operation = "project.list",
	  .options = no_options,
	  .positional = { "organization" },
	  .positional_help = "[ORG]",
	  .positional_optional = true,
	  .help = "list projects" },
	{ .words = "project show",
	  .operation = "project.show",
	  .options = no_options,
	  .positional = { "project" },
	  .positional_help = "ORG/SLUG",
	  .help = "show a project" },
	{ .words = "project set",
	  .operation = "project.set",
	  .options = project_set_options,
	  .positional = { "project" },
	  .positional_help = "ORG/SLUG",
	  .help = "show or change how a project is published and delivered" },
	{ .words = "import",
	  .operation = "import",
	  .run = run_import,
	  .options = import_options,
	  .positional = { "project", "file" },
	  .positional_help = "ORG/SLUG FILE|-",
	  .help = "read strings from a file; reports every key it skips and why" },
	{ .words = "export",
	  .operation = "export",
	  .run = run_export,
	  .options = export_options,
	  .positional = { "project" },
	  .positional_help = "ORG/SLUG",
	  .help = "write strings to standard output" },
	{ .words = "publish",
	  .operation = "publish.local",
	  .run = run_publish,
	  .options = publish_options,
	  .positional = { "project" },
	  .positional_help = "ORG/SLUG",
	  .help = "deliver what is approved" },
	{ .words = "publish rollback",
	  .operation = "publish.rollback",
	  .options = rollback_options,
	  .positional = { "project" },
	  .positional_help = "ORG/SLUG",
	  .help = "deliver an earlier snapshot again; texts stay as they are" },
	{ .words = "app add",
	  .operation = "app.add",
	  .options = app_add_options,
	  .help = "register an app; a web app's secret is shown this once" },
	{ .words = "app list",
	  .operation = "app.list",
	  .options = no_options,
	  .help = "list apps" },
	{ .words = "app rotate-secret",
	  .operation = "app.rotate_secret",
	  .options = rotate_options,
	  .positional = { "clientId" },
	  .positional_help = "CLIENT_ID",
	  .help = "give an app a new secret" },
	{ .words = "app disable",
	  .operation = "app.disable",
	  .options = no_options,
	  .positional = { "clientId" },
	  .positional_help = "CLIENT_ID",
	  .help = "stop an app; its tokens stop at once" },
	{ .words = "app delete",
	  .operation = "app.delete",
	  .options = no_options,
	  .positional = { "clientId" },
	  .positional_help = "CLIENT_ID",
	  .help = "delete a disabled app with its connections and tokens" },
	{ .words = "key add",
	  .operation = "api_key.add",
	  .options = key_add_options,
	  .help = "make an organization key; it is shown this once" },
	{ .words = "key list",
	  .operation = "api_key.list",
	  .options = key_list_options,
	  .help = "list keys" },
	{ .words = "key revoke",
	  .operation = "api_key.revoke",
	  .options = no_options,
	  .positional = { "id" },
	  .positional_help = "ID",
	  .help = "revoke a key" },
	{ .words = "grant list",
	  .operation = "grant.list",
	  .options = grant_list_options,
	  .help = "list connections of apps to organizations" },
	{ .words = "grant revoke",
	  .operation = "grant.revoke",
	  .options = no_options,
	  .positional = { "grant_id" },
	  .positional_help = "GRANT_ID",
	  .help = "end a connection; its tokens stop at once" },
	{ .words = "audit",
	  .operation = "audit.list",
	  .run = run_audit,
	  .options = audit_options,
	  .help = "print what happened, one JSON object a line" },
	{ .words = "backup",
	  .operation = "store.backup",
	  .run = run_backup,
	  .options = no_options,
	  .positional = { "file" },
	  .positional_help = "FILE",
	  .help = "copy the store into a new file, online" },
	{ .words = "restore",
	  .run = run_restore,
	  .options = no_options,
	  .positional = { "file" },
	  .positional_help = "FILE",
	  .help = "put a backup into an empty store" },
	{ .words = "server-key rotate",
	  .run = run_server_key_rotate,
	  .options = no_options,
	  .help = "seal the store under a new server key; the server must be stopped, tokens go on" },
	{ .words = "verify",
	  .operation = "store.verify",
	  .run = run_verify,
	  .options = no_options,
	  .help = "check every invariant, digest and delivered body" },
	{ .words = "scan",
	  .run = run_scan,
	  .options = no_options,
	  .positional = { "path" },
	  .positional_help = "PATH",
	  .help = "look for leaked tokens in files and in git repositories; exit status 1 on a find" },
	{ .words = "config show",
	  .run = run_config_show,
	  .options = no_options,
	  .help = "every setting: value, source, default, range" },
	{ .words = "version",
	  .run = run_version,
	  .options = no_options,
	  .help = "version and commit" },
};

const struct command *command_table(size_t *n_out)
{
	*n_out = COUNT(commands);
	return commands;
}
