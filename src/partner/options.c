/* SPDX-License-Identifier: MIT */
#include "partner/options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct options, member)
#define TEXT(flag, member, commands, env, value, help)                             \
	{                                                                          \
		flag, OPTION_TEXT, AT(member), 0, 0, 0, commands, env, value, help \
	}
#define NUMBER(flag, member, min, max, initial, commands, value, help)                          \
	{                                                                                       \
		flag, OPTION_NUMBER, AT(member), min, max, initial, commands, NULL, value, help \
	}
#define FLAG(flag, member, commands, help)                                       \
	{                                                                        \
		flag, OPTION_FLAG, AT(member), 0, 0, 0, commands, NULL, "", help \
	}

static const struct option_row rows[] = {
	TEXT("--base-url", base_url, FOR_ALL, "BI18N_BASE_URL", "URL",
	     "the server; default: the hosted service"),
	TEXT("--authorize-base-url", authorize_base_url, FOR_ALL, NULL, "URL",
	     "where browsers go, if elsewhere"),
	TEXT("--cdn-base-url", cdn_base_url, FOR_ALL, NULL, "URL",
	     "where published texts are, if elsewhere"),
	TEXT("--store", store, FOR_ALL, "BI18N_STORE", "STORE",
	     "sqlite:FILE or postgres://...; default: a file in your data directory"),
	TEXT("--redis", redis, FOR_ALL, "BI18N_REDIS", "URL", "share tokens among processes"),
	TEXT("--owner", owner, FOR_ALL, NULL, "ID", "who owns the connection, in your words"),
	TEXT("--organization", organization, FOR_ONE, NULL, "SLUG",
	     "which connection, where there are several"),
	TEXT("--scope", scope, FOR_CONNECT, NULL, "\"SCOPE ...\"", "permissions to ask for"),
	TEXT("--login-hint", login_hint, FOR_CONNECT, NULL, "EMAIL", "who is likely to sign in"),
	FLAG("--no-browser", no_browser, FOR_CONNECT,
	     "print {\"authorizeUrl\"} instead; implies --json"),
	NUMBER("--port", port, 0, 65535, 0, FOR_CONNECT, "N",
	       "of the callback; default: 8989, or any if taken"),
	NUMBER("--wait", wait_s, 1, 600, 600, FOR_CONNECT, "SECONDS",
	       "how long to wait for the callback"),
	FLAG("--check", check, FOR_STATUS, "ask the server too, not only the store"),
	TEXT("--data", data, FOR_CALL, NULL, "JSON|-", "the body; -: from standard input"),
	TEXT("--content-type", content_type, FOR_CALL, NULL, "TYPE",
	     "of the body; default: application/json"),
	FLAG("--idempotent", idempotent, FOR_CALL, "may be sent again after a fault"),
	TEXT("--namespace", name_space, FOR_CDN, NULL, "NAME", "this namespace only"),
	TEXT("--target", target, FOR_MCP, NULL, "LIST", "of cursor,claude,vscode; default: all"),
	TEXT("--server-url", server_url, FOR_MCP, NULL, "URL",
	     "the MCP server; default: base URL + /mcp"),
	NUMBER("--threads", threads, 1, 1024, 8, FOR_HAMMER, "N", "in each process"),
	NUMBER("--calls", calls, 1, 1000000000, 1000, FOR_HAMMER, "M", "in all"),
	NUMBER("--processes", processes, 1, 64, 1, FOR_HAMMER, "P", "that share the calls"),
	TEXT("--path", path, FOR_HAMMER, NULL, "PATH",
	     "what to GET; default: /api/oauth-client/me"),
	FLAG("--json", json, FOR_ALL, "one JSON document on standard output"),
	FLAG("--help", help, FOR_ALL, "this"),
	FLAG("-h", help, FOR_ALL, NULL),
};

const struct option_row *option_table(size_t *n_out)
{
	*n_out = COUNT(rows);
	return rows;
}

/* *value_out: what is behind '=', absent if there is none. */
static const struct option_row *row_find(const char *word, str *value_out)
{
	str flag = str_from(word);
	ptrdiff_t equals = str_starts(flag, S("--")) ? str_index(flag, '=') : -1;

	*value_out = STR_NONE;
	if (equals >= 0) {
		*value_out = str_from_at(flag, (size_t)equals + 1);
		flag = str_sub(flag, 0, (size_t)equals);
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (str_eq(str_from(rows[i].flag), flag))
			return &rows[i];
	}
	return NULL;
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

static bool number_set(const struct option_row *row, struct options *out, str value, char *why,
		       size_t why_bytes)
{
	if (str_i64(value, row->min, row->max, (int64_t *)((char *)out + row->at)))
		return true;
	snprintf(why, why_bytes, "%s: a number from %lld to %lld", row->flag, (long long)row->min,
		 (long long)row->max);
	return false;
}

/* Takes the option at argv[*i], moving *i over a value of its own. */
static bool option_take(int argc, char **argv, int *i, struct options *out, char *why,
			size_t why_bytes)
{
	str value;
	const struct option_row *row = row_find(argv[*i], &value);

	if (row == NULL || (row->kind == OPTION_FLAG && value.p != NULL)) {
		snprintf(why, why_bytes,
			 row == NULL ? "no such option: %.60s" : "no value belongs to %.60s",
			 argv[*i]);
		return false;
	}
	if (row->kind == OPTION_FLAG) {
		*(bool *)((char *)out + row->at) = true;
		return true;
	}
	if (value.p == NULL && *i + 1 < argc)
		value = str_from(argv[++*i]);
	if (value.n == 0) {
		snprintf(why, why_bytes, "%s needs a value", row->flag);
		return false;
	}
	if (row->kind == OPTION_NUMBER)
		return number_set(row, out, value, why, why_bytes);
	*(const char **)((char *)out + row->at) = value.p;
	return true;
}

static void defaults_set(struct options *out)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *value =
			rows[i].environment == NULL ? NULL : getenv(rows[i].environment);

		if (rows[i].kind == OPTION_NUMBER)
			*(int64_t *)((char *)out + rows[i].at) = rows[i].initial;
		if (value != NULL && value[0] != '\0')
			*(const char **)((char *)out + rows[i].at) = value;
	}
}

bool options_parse(int argc, char **argv, struct options *out, char *why, size_t why_bytes)
{
	bool over = false;

	*out = (struct options){ 0 };
	defaults_set(out);
	for (int i = 1; i < argc; i++) {
		if (!over && strcmp(argv[i], "--") == 0) {
			over = true;
		} else if (!over && is_option(argv[i])) {
			if (!option_take(argc, argv, &i, out, why, why_bytes))
				return false;
		} else if (out->words_n == OPTION_WORDS_MAX) {
			snprintf(why, why_bytes, "one word too many: %.60s", argv[i]);
			return false;
		} else {
			out->words[out->words_n++] = argv[i];
		}
	}
	return true;
}

const char *options_foreign(int argc, char **argv, unsigned commands)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		str value;
		const struct option_row *row =
			is_option(argv[i]) ? row_find(argv[i], &value) : NULL;

		if (row == NULL)
			continue;
		if ((row->commands & commands) == 0)
			return row->flag;
		i += row->kind != OPTION_FLAG && value.p == NULL;
	}
	return NULL;
}
