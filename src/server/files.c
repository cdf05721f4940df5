/* SPDX-License-Identifier: MIT
 *
 * Commands that move files: import, export, publish, audit, backup, verify. */
#include "server/command.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_BYTES_MAX = 1024 * 1024 * 1024,
	READ_BYTES = 256 * 1024,
	AUDIT_PAGE = 500,
	DAY_BYTES = 10,
	FOLLOW_PAUSE_MS = 500
};

static bool parse_input(struct cli *cli, str input, struct json **out, struct err *e)
{
	struct json_fault fault;

	if (json_parse(cli->arena, input, JSON_DEPTH_DEFAULT, out, &fault))
		return true;
	return err_log(e, ERR_INTERNAL, 0, "own input: %s", fault.what);
}

static bool read_all(struct cli *cli, str path, struct buf *out, struct err *e)
{
	bool standard = str_eq(path, S("-"));
	const char *name = arena_cstr(cli->arena, path);
	int fd = standard ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t got = 1;

	buf_init(out, FILE_BYTES_MAX);
	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_FORBIDDEN, "%s: %s", name,
			       strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_INVALID_REQUEST,
			       "%s is a directory; give a file, or - for standard input", name);
	}
	while (got > 0 && buf_reserve(out, READ_BYTES)) {
		got = read(fd, out->p + out->n, READ_BYTES);
		if (got > 0)
			out->n += (size_t)got;
	}
	if (!standard)
		close(fd);
	if (got < 0)
		return err_set(e, ERR_UNAVAILABLE, "%s: %s", name, strerror(errno));
	if (out->full)
		return err_set(e, ERR_PAYLOAD_TOO_LARGE, "%s is larger than %d MiB", name,
			       FILE_BYTES_MAX / (1024 * 1024));
	return true;
}

/* The operation takes the file's text; who reads the file is this process, so that a path never
 * reaches the server. */
int run_import(struct cli *cli, str input)
{
	struct json *given;
	struct json_out o;
	struct buf file, b;
	struct err e = { 0 };
	int code;

	if (!parse_input(cli, input, &given, &e) ||
	    !read_all(cli, json_str(json_get(given, S("file"))), &file, &e))
		return command_fail(cli, &e);
	if (!utf8_valid(buf_view(&file))) {
		err_set(&e, ERR_INVALID_REQUEST, "the file is not UTF-8 text");
		buf_fini(&file);
		return command_fail(cli, &e);
	}
	buf_init(&b, (size_t)FILE_BYTES_MAX * 2);
	json_out_init(&o, &b);
	json_open_object(&o);
	for (const struct json *m = given->first; m != NULL; m = m->next) {
		if (str_eq(m->name, S("file")))
			continue;
		json_key(&o, m->name);
		json_put(&o, m);
	}
	json_key(&o, S("content"));
	json_put_str(&o, buf_view(&file));
	json_close_object(&o);
	buf_fini(&file);
	code = command_finish(cli, str_from(cli->command->operation), buf_view(&b));
	buf_fini(&b);
	return code;
}

int run_export(struct cli *cli, str input)
{
	const struct json *result;
	struct err e = { 0 };
	str content;

	if (!command_call(cli, str_from(cli->command->operation), input, &result, &e))
		return command_fail(cli, &e);
	content = json_str(json_get(result, S("content")));
	if (fwrite(content.p, 1, content.n, stdout) != content.n || fflush(stdout) != 0) {
		err_set(&e, ERR_UNAVAILABLE, "standard output: %s", strerror(errno));
		return command_fail(cli, &e);
	}
	return EXIT_DONE;
}

int run_publish(struct cli *cli, str input)
{
	return command_finish(cli, str_from(cli->command->operation), input);
}

/* Audit ---------------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static bool is_day(struct cli *cli, str s)
{
	int64_t at;

	return s.n == DAY_BYTES &&
	       clock_parse_iso(arena_printf(cli->arena, FMT_STR "T00:00:00Z", ARG_STR(s)), &at);
}

/* "24h" -> an ISO time that long ago, from now, however long --follow goes on; an ISO time or a day stays. */
static bool time_fixed(struct cli *cli, str since, str *out)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = {
		{ 's', 1000 },
		{ 'm', 60000 },
		{ 'h', 3600000 },
		{ 'd', INT64_C(86400000) },
	};
	int64_t amount, at;

	if (clock_parse_iso(since, &at) || is_day(cli, since)) {
		*out = since;
		return true;
	}
	for (size_t i = 0; i < COUNT(units) && since.n > 1; i++) {
		if (since.p[since.n - 1] == units[i].unit &&
		    str_i64(str_sub(since, 0, since.n - 1), 0, 1000000, &amount)) {
			*out = clock_iso(cli->arena, clock_now_ms() - amount * units[i].ms);
			return true;
		}
	}
	return false;
}

static bool is_time(const struct json *m)
{
	return str_eq(m->name, S("since")) || str_eq(m->name, S("until"));
}

static bool times_fix(struct cli *cli, struct json *given)
{
	for (struct json *m = given->first; m != NULL; m = m->next) {
		if (!is_time(m) || time_fixed(cli, m->text, &m->text))
			continue;
		fprintf(stderr, "bi18n audit: --" FMT_STR " takes an ISO time (2026-01-31T12:00:00Z), a day"
		        " (2026-01-31) or a duration (90s, 15m, 24h, 30d)\n", ARG_STR(m->name));
		return false;
	}
	return true;
}

static str audit_input(struct cli *cli, const struct json *given, int64_t after)
{
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, cli->arena, 64 * KIB);
	json_out_init(&o, &b);
	json_open_object(&o);
	for (const struct json *m = given->first; m != NULL; m = m->next) {
		if (str_eq(m->name, S("follow")))
			continue;
		json_key(&o, m->name);
		json_put(&o, m);
	}
	json_key(&o, S("after"));
	json_put_i64(&o, after);
	json_key(&o, S("limit"));
	json_put_i64(&o, AUDIT_PAGE);
	json_close_object(&o);
	return buf_view(&b);
}

int run_audit(struct cli *cli, str input)
{
	struct json *given;
	struct err e = { 0 };
	int64_t after = 0;
	bool follow;

	if (!parse_input(cli, input, &given, &e))
		return command_fail(cli, &e);
	follow = json_is_true(json_get(given, S("follow")));
	if (!times_fix(cli, given))
		return EXIT_USAGE;
	signal(SIGINT, interrupt);
	while (!interrupted) {
		const struct json *result, *events;

		if (!command_call(cli, str_from(cli->command->operation),
				  audit_input(cli, given, after), &result, &e))
			return command_fail(cli, &e);
		events = json_get(result, S("events"));
		for (const struct json *v = events == NULL ? NULL : events->first; v != NULL;
		     v = v->next)
			print_json(v);
		if (!json_i64(json_get(result, S("next")), &after))
			break;
		if (events != NULL && events->count >= AUDIT_PAGE)
			continue;
		if (!follow)
			break;
		usleep(FOLLOW_PAUSE_MS * 1000);
	}
	return EXIT_DONE;
}

/* Backup and verify ---------------------------------------------------------------------------- */

/* The server writes the file, so it gets an absolute path; what it makes is readable by its owner
 * only. */
int run_backup(struct cli *cli, str input)
{
	char directory[PATH_MAX];
	struct json *given;
	struct json_out o;
	struct buf b;
	struct err e = { 0 };
	str file;

	if (!parse_input(cli, input, &given, &e))
		return command_fail(cli, &e);
	file = json_str(json_get(given, S("file")));
	if (!str_starts(file, S("/"))) {
		if (getcwd(directory, sizeof(directory)) == NULL) {
			err_set(&e, ERR_UNAVAILABLE, "current directory: %s", strerror(errno));
			return command_fail(cli, &e);
		}
		file = arena_printf(cli->arena, "%s/" FMT_STR, directory, ARG_STR(file));
	}
	buf_init_arena(&b, cli->arena, 64 * KIB);
	json_out_init(&o, &b);
	json_open_object(&o);
	json_key(&o, S("file"));
	json_put_str(&o, file);
	json_close_object(&o);
	return command_finish(cli, str_from(cli->command->operation), buf_view(&b));
}

int run_verify(struct cli *cli, str input)
{
	const struct json *result;
	struct err e = { 0 };

	if (!command_call(cli, str_from(cli->command->operation), input, &result, &e))
		return command_fail(cli, &e);
	if (cli->json)
		print_json(result);
	else
		print_result(result);
	return json_is_true(json_get(result, S("ok"))) ? EXIT_DONE : EXIT_REFUSED;
}
