/* SPDX-License-Identifier: MIT
 *
 * The command line as a table: words, options, operation. A command turns its words into the JSON
 * input of one operation; the operation runs inside the server over control.sock when one is
 * running on the store, else in this process. Source: contract "own-interfaces", Commands. */
#ifndef SERVER_COMMAND_H
#define SERVER_COMMAND_H

#include "base/err.h"
#include "base/json.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_MISSING = 3, EXIT_AWAY = 4 };

enum option_kind {
	OPTION_STR,
	OPTION_LIST,       /* repeated, or comma-separated                    */
	OPTION_EACH,       /* repeated only (values may hold commas: URIs)    */
	OPTION_FLAG,       /* no value: true                                  */
	OPTION_OFF,        /* no value: false                                 */
	OPTION_COUNT,      /* a whole number, 0 or more                       */
	OPTION_DURATION,   /* 90, 90s, 15m, 24h, 30d -> seconds               */
};

struct option_row {
	const char      *flag;       /* "--email"                                 */
	const char      *field;      /* member of the operation's input           */
	enum option_kind kind;
	bool             required;
	const char      *help;
};

struct cli;
struct command {
	const char *words;                       /* "user add"                                      */
	const char *operation;                   /* NULL: `run` does it all                         */
	int       (*run)(struct cli *cli, str input);
	const struct option_row *options;        /* ended by a row without flag                     */
	const char *positional[3];               /* fields of the words after the options           */
	const char *positional_help;
	const char *stdin_field;                 /* a secret or a file read from standard input     */
	bool        positional_optional;
	const char *help;
};

/* What every command has at hand. */
struct cli {
	struct arena         *arena;
	struct config        *config;
	const struct command *command;
	str                   data_dir;
	bool                  json;
	struct runtime       *runtime;           /* NULL until a command runs in this process */
};

const struct command *command_table(size_t *n_out);
/* Words, options and positionals -> JSON text of the operation's input. On a usage error prints it
 * and returns false. */
bool command_input(struct cli *cli, int argc, char **argv, str *input_out) MUST_CHECK;
void command_help(const struct command *c);
void command_overview(void);
int  command_exit_code(enum err_code code);
/* Runs one operation, wherever the store is; result is parsed JSON in cli->arena. */
bool command_call(struct cli *cli, str operation, str input, const struct json **result, struct err *e) MUST_CHECK;
/* The usual ending: call, print (JSON with --json, else text), exit code. */
int  command_finish(struct cli *cli, str operation, str input);
int  command_fail(struct cli *cli, const struct err *e);
/* Text for people: objects as "name: value" lines, lists of objects as columns. */
void print_result(const struct json *v);
void print_json(const struct json *v);
/* A finished JSON object: as it is with --json, else as text for people. */
int  print_outcome(struct cli *cli, struct buf *b);

int run_serve(struct cli *cli, str input);
int run_init(struct cli *cli, str input);
int run_export(struct cli *cli, str input);
int run_import(struct cli *cli, str input);
int run_publish(struct cli *cli, str input);
int run_audit(struct cli *cli, str input);
int run_backup(struct cli *cli, str input);
int run_server_key_rotate(struct cli *cli, str input);
int run_restore(struct cli *cli, str input);
int run_verify(struct cli *cli, str input);
int run_config_show(struct cli *cli, str input);
int run_demo(struct cli *cli, str input);
int run_scan(struct cli *cli, str input);
int run_version(struct cli *cli, str input);

#endif
