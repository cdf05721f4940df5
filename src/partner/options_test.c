/* SPDX-License-Identifier: MIT */
#include "partner/options.h"

#include <stdlib.h>

#include "base/test.h"

static struct options options;
static char why[160];

static bool parse(char **argv)
{
	int n = 0;

	while (argv[n] != NULL)
		n++;
	return options_parse(n, argv, &options, why, sizeof(why));
}
#define ARGV(...) ((char *[]){ (char *)"bi18n-partner", __VA_ARGS__, NULL })

TEST(options_stand_before_and_after_words)
{
	CHECK(parse(ARGV((char *)"--owner", (char *)"u1", (char *)"call", (char *)"GET",
			 (char *)"--json", (char *)"/x", (char *)"--data=-")));
	CHECK(strcmp(options.owner, "u1") == 0);
	CHECK(options.json);
	CHECK(options.words_n == 3 && strcmp(options.words[2], "/x") == 0);
	CHECK(strcmp(options.data, "-") == 0);
}

TEST(two_dashes_end_the_options)
{
	CHECK(parse(ARGV((char *)"call", (char *)"--", (char *)"--json")));
	CHECK(!options.json);
	CHECK(options.words_n == 2);
}

TEST(options_are_refused_by_name_value_and_range)
{
	CHECK(!parse(ARGV((char *)"--ownr", (char *)"u1")));
	CHECK(!parse(ARGV((char *)"--owner")));
	CHECK(!parse(ARGV((char *)"--owner=")));
	CHECK(!parse(ARGV((char *)"--json=yes")));
	CHECK(!parse(ARGV((char *)"--threads", (char *)"0")));
	CHECK(!parse(ARGV((char *)"--threads", (char *)"1025")));
	CHECK(strstr(why, "1 to 1024") != NULL);
	CHECK(!parse(ARGV((char *)"--calls", (char *)"ten")));
	CHECK(!parse(ARGV((char *)"a", (char *)"b", (char *)"c", (char *)"d", (char *)"e")));
}

TEST(what_is_not_given_comes_from_the_environment_or_the_table)
{
	setenv("BI18N_STORE", "sqlite:from-environment", 1);
	CHECK(parse(ARGV((char *)"hammer")));
	CHECK(strcmp(options.store, "sqlite:from-environment") == 0);
	CHECK(options.threads == 8 && options.processes == 1);
	CHECK(parse(ARGV((char *)"hammer", (char *)"--store", (char *)"sqlite:given")));
	CHECK(strcmp(options.store, "sqlite:given") == 0);
	unsetenv("BI18N_STORE");
}

TEST(an_option_of_another_command_is_found)
{
	CHECK(strcmp(options_foreign(4, ARGV((char *)"status", (char *)"--threads", (char *)"3"),
				     FOR_STATUS),
		     "--threads") == 0);
	CHECK(options_foreign(4, ARGV((char *)"hammer", (char *)"--threads", (char *)"3"),
			      FOR_HAMMER) == NULL);
	/* A value that looks like an option is still a value. */
	CHECK(options_foreign(4, ARGV((char *)"call", (char *)"--data", (char *)"--scope"),
			      FOR_CALL) == NULL);
}
