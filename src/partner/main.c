/* SPDX-License-Identifier: MIT */
#include "partner/partner.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { ARENA_BYTES = 16 * 1024, WHY_BYTES = 160 };

static void option_help(unsigned commands)
{
	size_t n;
	const struct option_row *rows = option_table(&n);

	for (size_t i = 0; i < n; i++) {
		char left[40];

		if ((rows[i].commands & commands) == 0 || rows[i].help == NULL)
			continue;
		snprintf(left, sizeof(left), "%s %s", rows[i].flag, rows[i].value);
		printf("  %-26s %s", left, rows[i].help);
		printf(rows[i].environment != NULL ? " (%s)\n" : "%s\n",
		       rows[i].environment != NULL ? rows[i].environment : "");
	}
}

static void overview(FILE *file)
{
	size_t n;
	const struct command *table = command_table(&n);

	fprintf(file, "Usage: bi18n-partner COMMAND [OPTION...]\n\n");
	for (size_t i = 0; i < n; i++) {
		char left[40];

		snprintf(left, sizeof(left), "%s %s", table[i].name, table[i].words);
		fprintf(file, "  %-26s %s\n", left, table[i].help);
	}
	fprintf(file,
		"\nEnvironment\n"
		"  BI18N_CLIENT_ID            your registered app\n"
		"  BI18N_CLIENT_SECRET        its secret; leave it out for a public client\n"
		"  BI18N_STORE_KEY            32 bytes in base64url that seal what is stored\n"
		"\nExit: 0 done, 1 refused, 2 usage, 3 a state of the connection (printed), 4 "
		"store or key.\n"
		"More: bi18n-partner COMMAND --help\n");
}

static int command_help(const struct command *c)
{
	printf("Usage: bi18n-partner %s%s%s [OPTION...]    %s\n\n", c->name,
	       c->words_n > 0 ? " " : "", c->words, c->help);
	option_help(c->bit);
	return EXIT_DONE;
}

static int run(const struct command *c, struct options *options)
{
	struct partner p = { .options = options, .arena = arena_create(ARENA_BYTES) };
	int code;

	options->json = options->json || options->no_browser;
	arena_wipe_always(p.arena);
	code = c->run(&p);
	bi18n_close(&p.client);
	arena_destroy(p.arena);
	if (code == EXIT_DONE && (fflush(stdout) != 0 || ferror(stdout)))
		code = EXIT_REFUSED;
	return code;
}

/* Memory of a process that holds tokens must not end in a core file. */
static void harden(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	if (getenv("BI18N_DEBUGGABLE") == NULL)
		prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	struct options options;
	const struct command *c;
	const char *foreign;
	char why[WHY_BYTES];

	harden();
	if (!options_parse(argc, argv, &options, why, sizeof(why)))
		return partner_usage("%s", why);
	if (options.words_n == 0) {
		overview(options.help ? stdout : stderr);
		return options.help ? EXIT_DONE : EXIT_USAGE;
	}
	c = command_find(options.words[0]);
	if (c == NULL)
		return partner_usage("no such command: %.60s; see bi18n-partner --help",
				     options.words[0]);
	if (options.help)
		return command_help(c);
	foreign = options_foreign(argc, argv, c->bit);
	if (foreign != NULL)
		return partner_usage("%s has no option %s; see bi18n-partner %s --help", c->name,
				     foreign, c->name);
	if (options.words_n != c->words_n + 1)
		return partner_usage("usage: bi18n-partner %s %s", c->name, c->words);
	return run(c, &options);
}
