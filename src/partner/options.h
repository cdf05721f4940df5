/* SPDX-License-Identifier: MIT
 *
 * The command line of bi18n-partner: one row an option, from which parser, range check and --help
 * come. */
#ifndef PARTNER_OPTIONS_H
#define PARTNER_OPTIONS_H

#include "base/str.h"

enum { OPTION_WORDS_MAX = 4 };

struct options {
	const char *base_url, *authorize_base_url, *cdn_base_url, *store, *redis, *owner,
		*organization;
	const char *scope, *login_hint, *data, *content_type, *name_space, *target, *server_url,
		*path;
	int64_t port, wait_s, threads, calls, processes;
	bool json, help, no_browser, check, idempotent;
	const char *words[OPTION_WORDS_MAX]; /* the command and what it works on */
	size_t words_n;
};

/* One bit a command, for option_row.commands. */
enum command_bit {
	FOR_CONNECT = 1 << 0,
	FOR_STATUS = 1 << 1,
	FOR_TOKEN = 1 << 2,
	FOR_CALL = 1 << 3,
	FOR_CDN = 1 << 4,
	FOR_MCP = 1 << 5,
	FOR_DISCONNECT = 1 << 6,
	FOR_HAMMER = 1 << 7,
	FOR_ALL = (1 << 8) - 1,
	FOR_ONE = FOR_CONNECT | FOR_TOKEN | FOR_CALL | FOR_MCP | FOR_DISCONNECT | FOR_HAMMER
};

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER };
struct option_row {
	const char *flag; /* "--owner"                                     */
	enum option_kind kind;
	size_t at; /* in struct options                             */
	int64_t min, max, initial;
	unsigned commands;
	const char *environment; /* where it comes from if not given, or NULL     */
	const char *value, *help;
};
const struct option_row *option_table(size_t *n_out);

/* Options may stand anywhere; "--" ends them. "--name value" and "--name=value". False: *why says
 * it. The texts are borrowed from argv and the environment. */
bool options_parse(int argc, char **argv, struct options *out, char *why,
		   size_t why_bytes) MUST_CHECK;
/* The first option that was given and that these commands do not have; NULL: none. */
const char *options_foreign(int argc, char **argv, unsigned commands);

#endif
