/* SPDX-License-Identifier: MIT
 *
 * bi18n: finds the command, reads the settings, runs it. */
#include "server/command.h"
#include "server/runtime.h"
#include "server/settings.h"

#include "base/config.h"
#include "base/log.h"
#include "crypto/crypto.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { COMMAND_ARENA_BYTES = 64 * 1024, WORDS_MAX = 3 };

struct globals {
	str data, database;
	bool json, help;
};

/* Options that may stand before or after the command's words. Returns how many arguments it is, 0:
 * not one, -1: value missing. */
static int global_option(struct globals *g, int argc, char **argv, int at)
{
	str word = str_from(argv[at]);

	if (str_eq(word, S("--json"))) {
		g->json = true;
		return 1;
	}
	if (str_eq(word, S("--help")) || str_eq(word, S("-h"))) {
		g->help = true;
		return 1;
	}
	if (str_starts(word, S("--data=")) || str_starts(word, S("--database="))) {
		str value = str_from_at(word, (size_t)str_index(word, '=') + 1);

		*(str_starts(word, S("--data=")) ? &g->data : &g->database) = value;
		return 1;
	}
	if (str_eq(word, S("--data")) || str_eq(word, S("--database"))) {
		if (at + 1 >= argc)
			return -1;
		*(word.n == 6 ? &g->data : &g->database) = str_from(argv[at + 1]);
		return 2;
	}
	return 0;
}

/* The longest row whose words begin the arguments. */
static const struct command *find_command(int argc, char **argv, int *words_out)
{
	const struct command *best = NULL;
	size_t n;
	const struct command *table = command_table(&n);

	for (size_t i = 0; i < n; i++) {
		str rest = str_from(table[i].words), word;
		int k = 0;
		bool same = true;

		while (same && str_cut(&rest, ' ', &word)) {
			same = k < argc && str_eq(word, str_from(argv[k]));
			k++;
		}
		if (same && (best == NULL || k > *words_out)) {
			best = &table[i];
			*words_out = k;
		}
	}
	return best;
}

static void list_group(const char *first)
{
	size_t n;
	const struct command *table = command_table(&n);
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (first != NULL && str_starts(str_from(table[i].words), str_from(first))) {
			fprintf(stderr, "%s  bi18n %-22s %s\n", any ? "" : "Did you mean\n",
				table[i].words, table[i].help);
			any = true;
		}
	}
	if (!any)
		fprintf(stderr, "Try: bi18n --help\n");
}

/* Core dumps of a process that holds keys end up in places nobody guards. */
static void harden(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	if (getenv("BI18N_DEBUGGABLE") == NULL)
		prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is an error of the write, as a full disk is */
}

static int run(struct cli *cli, const struct globals *g, int argc, char **argv)
{
	struct err e = { 0 };
	str input;
	int code;

	if (!command_input(cli, argc, argv, &input))
		return EXIT_USAGE;
	if (!settings_read(cli, g->data, g->database, input, &e)) {
		command_fail(cli, &e);
		return EXIT_USAGE;
	}
	code = cli->command->run != NULL
		       ? cli->command->run(cli, input)
		       : command_finish(cli, str_from(cli->command->operation), input);
	runtime_close(cli->runtime);
	cli->runtime = NULL;
	return code;
}

static int no_command(const struct globals *g, int words_n, char **words)
{
	if (words_n == 0 || strcmp(words[0], "help") == 0) {
		command_overview();
		return g->help || words_n > 0 ? EXIT_DONE : EXIT_USAGE;
	}
	fprintf(stderr, "bi18n: there is no command \"%s%s%s\"\n", words[0], words_n > 1 ? " " : "",
		words_n > 1 ? words[1] : "");
	list_group(words[0]);
	return EXIT_USAGE;
}

static int dispatch(const struct globals *g, int words_n, char **words)
{
	struct cli cli = { 0 };
	int used = 0, code;

	cli.command = find_command(words_n, words, &used);
	if (cli.command == NULL)
		return no_command(g, words_n, words);
	if (g->help) {
		command_help(cli.command);
		return EXIT_DONE;
	}
	crypto_init();
	cli.arena = arena_create(COMMAND_ARENA_BYTES);
	cli.json = g->json;
	code = run(&cli, g, words_n - used, words + used);
	config_destroy(cli.config);
	arena_destroy(cli.arena);
	return code;
}

/* Takes the options that every command has out of the line; words gets the rest. */
static bool split_globals(struct globals *g, int argc, char **argv, char **words, int *words_n)
{
	bool options_over = false;

	for (int i = 1; i < argc; i++) {
		int taken = options_over ? 0 : global_option(g, argc, argv, i);

		options_over = options_over || strcmp(argv[i], "--") == 0;
		if (taken < 0) {
			fprintf(stderr, "bi18n: %s needs a value\n", argv[i]);
			return false;
		}
		if (taken == 0)
			words[(*words_n)++] = argv[i];
		i += taken > 1 ? taken - 1 : 0;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct globals g = { 0 };
	char **words = calloc((size_t)argc + 1, sizeof(*words));
	int words_n = 0, code = EXIT_USAGE;

	if (words == NULL)
		return EXIT_AWAY;
	harden();
	if (split_globals(&g, argc, argv, words, &words_n))
		code = dispatch(&g, words_n, words);
	free(words);
	return code;
}
