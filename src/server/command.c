/* SPDX-License-Identifier: MIT
 *
 * From the words of the command line to the JSON input of an operation. */
#include "server/command.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STDIN_SECRET_MAX = 4096, VALUES_MAX = 256 };

static bool usage(const struct command *c, const char *what, const char *which)
{
	fprintf(stderr, "bi18n %s: %s%s\nTry: bi18n %s --help\n", c->words, what, which, c->words);
	return false;
}

static const struct option_row *option_find(const struct command *c, str flag)
{
	for (const struct option_row *o = c->options; o->flag != NULL; o++) {
		if (str_eq(str_from(o->flag), flag))
			return o;
	}
	return NULL;
}

/* "90", "90s", "15m", "24h", "30d" */
static bool duration_parse(str s, int64_t *seconds_out)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {
		{ 's', 1 },
		{ 'm', 60 },
		{ 'h', 3600 },
		{ 'd', 86400 },
	};
	int64_t factor = 1, value;

	for (size_t i = 0; i < COUNT(units) && s.n > 0; i++) {
		if (s.p[s.n - 1] == units[i].unit) {
			factor = units[i].seconds;
			s = str_sub(s, 0, s.n - 1);
			break;
		}
	}
	if (!str_i64(s, 0, INT64_C(315360000), &value))
		return false;
	*seconds_out = value * factor;
	return true;
}

struct parse {
	struct cli *cli;
	const struct command *c;
	struct json_out o;
	str values[VALUES_MAX]; /* of list options, in the order given */
	const struct option_row *value_of[VALUES_MAX];
	size_t values_n, positional_n;
	uint64_t seen;
};

static bool list_values(struct parse *p, const struct option_row *o, str value)
{
	str rest = value, part;

	if (o->kind == OPTION_EACH) {
		if (p->values_n == VALUES_MAX)
			return usage(p->c, "too many values for ", o->flag);
		p->value_of[p->values_n] = o;
		p->values[p->values_n++] = value;
		return true;
	}
	while (str_cut(&rest, ',', &part)) {
		part = str_trim(part);
		if (part.n == 0)
			continue;
		if (p->values_n == VALUES_MAX)
			return usage(p->c, "too many values for ", o->flag);
		p->value_of[p->values_n] = o;
		p->values[p->values_n++] = part;
	}
	return true;
}

static bool option_value(struct parse *p, const struct option_row *o, str value)
{
	uint64_t bit = (uint64_t)1 << (o - p->c->options);
	int64_t number;

	if (o->kind == OPTION_LIST || o->kind == OPTION_EACH) {
		p->seen |= bit;
		return list_values(p, o, value);
	}
	if (p->seen & bit)
		return usage(p->c, "given twice: ", o->flag);
	p->seen |= bit;
	json_key(&p->o, str_from(o->field));
	switch (o->kind) {
	case OPTION_FLAG:
	case OPTION_OFF:
		json_put_bool(&p->o, o->kind == OPTION_FLAG);
		return true;
	case OPTION_COUNT:
		if (!str_i64(value, 0, INT64_C(1) << 52, &number))
			return usage(p->c, "a whole number is needed after ", o->flag);
		json_put_i64(&p->o, number);
		return true;
	case OPTION_DURATION:
		if (!duration_parse(value, &number))
			return usage(p->c,
				     "a duration such as 90s, 15m, 24h or 30d is needed after ",
				     o->flag);
		json_put_i64(&p->o, number);
		return true;
	default:
		json_put_str(&p->o, value);
		return true;
	}
}

static bool positional_value(struct parse *p, str value)
{
	if (p->positional_n >= COUNT(p->c->positional) || p->c->positional[p->positional_n] == NULL)
		return usage(p->c,
			     "does not know what to do with: ", arena_cstr(p->cli->arena, value));
	json_key(&p->o, str_from(p->c->positional[p->positional_n++]));
	json_put_str(&p->o, value);
	return true;
}

static bool parse_words(struct parse *p, int argc, char **argv)
{
	bool options_over = false;

	for (int i = 0; i < argc; i++) {
		str word = str_from(argv[i]), value = STR_NONE;
		const struct option_row *o;
		ptrdiff_t equals;

		if (options_over || !str_starts(word, S("--"))) {
			if (!positional_value(p, word))
				return false;
			continue;
		}
		if (word.n == 2) {
			options_over = true;
			continue;
		}
		equals = str_index(word, '=');
		if (equals >= 0) {
			value = str_from_at(word, (size_t)equals + 1);
			word = str_sub(word, 0, (size_t)equals);
		}
		o = option_find(p->c, word);
		if (o == NULL)
			return usage(p->c, "unknown option ", arena_cstr(p->cli->arena, word));
		if (o->kind == OPTION_FLAG || o->kind == OPTION_OFF) {
			if (value.p != NULL)
				return usage(p->c, "takes no value: ", o->flag);
		} else if (value.p == NULL) {
			if (i + 1 >= argc)
				return usage(p->c, "needs a value: ", o->flag);
			value = str_from(argv[++i]);
		}
		if (!utf8_valid(value))
			return usage(p->c, "not UTF-8: ", o->flag);
		if (!option_value(p, o, value))
			return false;
	}
	return true;
}

static void write_lists(struct parse *p)
{
	for (const struct option_row *o = p->c->options; o->flag != NULL; o++) {
		if ((o->kind != OPTION_LIST && o->kind != OPTION_EACH) ||
		    !(p->seen >> (o - p->c->options) & 1))
			continue;
		json_key(&p->o, str_from(o->field));
		json_open_array(&p->o);
		for (size_t i = 0; i < p->values_n; i++) {
			if (p->value_of[i] == o)
				json_put_str(&p->o, p->values[i]);
		}
		json_close_array(&p->o);
	}
}

static bool check_complete(struct parse *p)
{
	for (const struct option_row *o = p->c->options; o->flag != NULL; o++) {
		if (o->required && !(p->seen >> (o - p->c->options) & 1))
			return usage(p->c, "needs ", o->flag);
	}
	if (p->positional_n < COUNT(p->c->positional) &&
	    p->c->positional[p->positional_n] != NULL && !p->c->positional_optional)
		return usage(p->c, "needs ", p->c->positional_help);
	return true;
}

/* A secret: one line of standard input, without its line end; never an argument, where other users
 * could see it. */
static bool read_secret(struct parse *p)
{
	char *text = arena_alloc(p->cli->arena, STDIN_SECRET_MAX + 1);
	size_t n = 0;

	if (isatty(STDIN_FILENO))
		fprintf(stderr, "%s (then Enter): ", p->c->stdin_field);
	while (n < STDIN_SECRET_MAX) {
		ssize_t got = read(STDIN_FILENO, text + n, STDIN_SECRET_MAX - n);

		if (got <= 0)
			break;
		n += (size_t)got;
		if (memchr(text, '\n', n) != NULL)
			break;
	}
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n' || text[i] == '\r') {
			n = i;
			break;
		}
	}
	if (n == 0)
		return usage(p->c, "standard input has no ", p->c->stdin_field);
	if (!utf8_valid((str){ text, n }))
		return usage(p->c, "not UTF-8: ", p->c->stdin_field);
	json_key(&p->o, str_from(p->c->stdin_field));
	json_put_str(&p->o, (str){ text, n });
	return true;
}

bool command_input(struct cli *cli, int argc, char **argv, str *input_out)
{
	struct parse p = { .cli = cli, .c = cli->command };
	struct buf b;

	buf_init_arena(&b, cli->arena, MIB);
	json_out_init(&p.o, &b);
	json_open_object(&p.o);
	if (!parse_words(&p, argc, argv) || !check_complete(&p))
		return false;
	write_lists(&p);
	if (cli->command->stdin_field != NULL && !read_secret(&p))
		return false;
	json_close_object(&p.o);
	*input_out = buf_view(&b);
	return true;
}

void command_help(const struct command *c)
{
	printf("Usage: bi18n [--data DIR | --database URL] %s", c->words);
	for (const struct option_row *o = c->options; o->flag != NULL; o++) {
		bool valued = o->kind != OPTION_FLAG && o->kind != OPTION_OFF;

		printf(" %s%s%s%s", o->required ? "" : "[", o->flag, valued ? " …" : "",
		       o->required ? "" : "]");
	}
	printf("%s%s [--json]\n\n  %s\n", c->positional_help ? " " : "",
	       c->positional_help ? c->positional_help : "", c->help);
	if (c->options[0].flag != NULL)
		printf("\nOptions:\n");
	for (const struct option_row *o = c->options; o->flag != NULL; o++)
		printf("  %-16s %s%s\n", o->flag, o->help, o->required ? " (required)" : "");
	printf("\nExit status: 0 done, 1 refused, 2 usage, 3 not found, 4 store or network "
	       "unavailable.\n");
}

void command_overview(void)
{
	size_t n;
	const struct command *table = command_table(&n);

	printf("Usage: bi18n [--data DIR | --database URL] COMMAND …\n\nCommands:\n");
	for (size_t i = 0; i < n; i++)
		printf("  %-20s %s\n", table[i].words, table[i].help);
	printf("\nEvery command has --help and --json. Without --data the store is $BI18N_DATA, "
	       "else\n"
	       "$XDG_DATA_HOME/bi18n, else ~/.local/share/bi18n. Settings: flags, then "
	       "BI18N_<NAME>,\n"
	       "then bi18n.conf in the data directory, then defaults (bi18n config show).\n");
}

int command_exit_code(enum err_code code)
{
	switch (err_status(code)) {
	case 404:
		return EXIT_MISSING;
	case 429:
	case 500:
	case 503:
		return EXIT_AWAY;
	default:
		return EXIT_REFUSED;
	}
}
