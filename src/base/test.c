/* SPDX-License-Identifier: MIT */
#include "base/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { CASES_MAX = 2048 };

struct test_case { const char *name; void (*fn)(void); };

static struct test_case cases[CASES_MAX];
static size_t cases_n;

void test_register(const char *name, void (*fn)(void))
{
	if (cases_n == CASES_MAX) {
		fprintf(stderr, "more than %d test cases in one executable\n", CASES_MAX);
		_Exit(1);
	}
	cases[cases_n++] = (struct test_case){ name, fn };
}

void test_fail(const char *file, int line, const char *what)
{
	print_error("%s:%d: does not hold: %s\n", file, line, what);
	_fail(file, line);
}

void test_skip(void)
{
	skip();
}

void test_str(const char *file, int line, str got, str want)
{
	if (str_eq(got, want) && (got.p == NULL) == (want.p == NULL))
		return;
	print_error("%s:%d:\n  got  %s\"" FMT_STR "\"\n  want %s\"" FMT_STR "\"\n", file, line,
	            got.p == NULL ? "absent " : "", ARG_STR(got),
	            want.p == NULL ? "absent " : "", ARG_STR(want));
	_fail(file, line);
}

void test_i64(const char *file, int line, int64_t got, int64_t want)
{
	if (got == want)
		return;
	print_error("%s:%d:\n  got  %lld\n  want %lld\n", file, line, (long long)got,
	            (long long)want);
	_fail(file, line);
}

void test_directory(char *out, size_t size, const char *name)
{
	const char *parent = getenv("TMPDIR");

	(void)snprintf(out, size, "%s/%s-XXXXXX", parent != NULL && parent[0] == '/' ? parent : "/tmp", name);
	CHECK(mkdtemp(out) != NULL);
}

static void run(void **state)
{
	const struct test_case *c = *state;

	c->fn();
}

static bool chosen(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strstr(name, argv[i]) != NULL)
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[CASES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < cases_n; i++)
		if (chosen(cases[i].name, argc, argv))
			tests[n++] = (struct CMUnitTest){ cases[i].name, run, NULL, NULL, &cases[i] };
	if (n == 0) {
		fprintf(stderr, "no test case has such a name\n");
		return 1;
	}
	return _cmocka_run_group_tests("", tests, n, NULL, NULL) == 0 ? 0 : 1;
}
