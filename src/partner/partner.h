/* SPDX-License-Identifier: MIT
 *
 * bi18n-partner: libbi18n from a shell. Each command is one row of the table in commands.c; what
 * the rows share is here. The command line may end the process when memory runs out; the library
 * may not. */
#ifndef PARTNER_PARTNER_H
#define PARTNER_PARTNER_H

#include <bi18n.h>

#include "base/arena.h"
#include "base/json.h"
#include "partner/options.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1, /* by the platform or the user                            */
	EXIT_USAGE = 2,	  /* options, environment, addresses                        */
	EXIT_STATE = 3,	  /* a state of the connection, printed on standard output  */
	EXIT_AWAY = 4	  /* store, key, memory                                     */
};

enum { CALLBACK_PORT_DEFAULT = 8989, OUTPUT_BYTES_MAX = 64 * 1024 * 1024 };

struct partner {
	const struct options *options;
	struct arena *arena;  /* wiped at the end                                       */
	struct bi18n *client; /* NULL until partner_open()                              */
};

typedef int command_fn(struct partner *p);
struct command {
	unsigned bit;		  /* its bit in option_row.commands                         */
	const char *name, *words; /* "call", "METHOD PATH"                                  */
	size_t words_n;
	command_fn *run;
	const char *help;
};
const struct command *command_find(const char *name); /* NULL: none */
const struct command *command_table(size_t *n_out);

command_fn connect_command, hammer_command;

/* Opens the client from options and environment. redirect_uri NULL: the default loopback address.
 * False: said why; *exit_out is the exit code. */
bool partner_open(struct partner *p, const char *redirect_uri, int *exit_out) MUST_CHECK;
/* For `cdn`, which needs neither app nor store nor key. */
bool partner_open_bare(struct partner *p, int *exit_out) MUST_CHECK;
/* Whose connection a command means: --owner, or the only owner who has a connection (to
 * --organization). NULL: said why. */
const char *partner_owner(struct partner *p, int *exit_out);

/* Prints what went wrong and tells the exit code: states on standard output, errors on standard
 * error and, with
 * --json, on standard output too. owner may be NULL. */
int partner_fail(const struct partner *p, const char *owner, const struct bi18n_error *error);
/* The same on standard error only: for a command whose document is out already. */
int partner_complain(const struct bi18n_error *error);
/* A fault of the command itself. Exits as usage. */
int partner_usage(const char *fmt, ...) PRINTF(1, 2);

/* Printing
 * ------------------------------------------------------------------------------------------ */

/* A JSON document in memory; print_end() writes it as one line. */
struct print {
	struct buf buf;
	struct json_out out;
};
void print_begin(struct print *print);
void print_end(struct print *print);
void print_member(struct print *print, const char *name, const char *value); /* NULL, "": null */
void print_number(struct print *print, const char *name, int64_t value);
void print_connections(const struct partner *p, const struct bi18n_connections *list,
		       bool declined);
/* Text of others for a terminal: control characters become '?'. */
void print_plain(FILE *file, const char *text);

#endif
