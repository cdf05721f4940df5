/* SPDX-License-Identifier: MIT
 *
 * `bi18n scan PATH`: secrets of ours in files, and in everything a git repository holds. The
 * form of a token proves itself by its checksum, so a finding is one; what is shown of it is of no
 * use to anyone. Source: contract rule 215; docs/tokens.md. */
#include "server/scan_int.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN_DIGITS = 4, TICKS = 256, PROGRESS_MS = 1000 };

/* Public keys and the ids of consent pages are no secrets. */
static const char *const kind_words[TOKEN_KIND_COUNT] = {
	[TOKEN_CODE] = "authorization code",      [TOKEN_ACCESS] = "access token",
	[TOKEN_REFRESH] = "refresh token",        [TOKEN_INSTALLATION] = "installation token",
	[TOKEN_SECRET_KEY] = "secret key",        [TOKEN_CLIENT_SECRET] = "client secret",
	[TOKEN_SESSION] = "session",
};

/* Findings ------------------------------------------------------------------------------------- */

/* Names of files may hold anything; terminals obey some of it. */
str scan_printable(struct arena *a, str s)
{
	bool utf8 = utf8_valid(s);
	char *p = arena_alloc(a, s.n + 1);

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		p[i] = c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8) ? '?' : s.p[i];
	}
	return (str){ p, s.n };
}

/* Prefix and the last of the checksum: enough to tell two apart. */
static str masked(struct arena *a, str token)
{
	size_t prefix = 0;

	while (prefix < token.n && token.p[prefix] != '-' && token.p[prefix] != '_')
		prefix++;
	for (size_t i = prefix; i < token.n; i++) {
		if (token.p[i] == '_')
			prefix = i;
	}
	return arena_printf(a, FMT_STR "…" FMT_STR, ARG_STR(str_sub(token, 0, prefix + 1)),
	                    ARG_STR(str_from_at(token, token.n - SHOWN_DIGITS)));
}

/* A commit's find counts once a path; an object has no path, so there any place counts. */
static bool seen_before(struct scan *s, str token, const struct scan_place *place)
{
	struct digest of_token = sha256(token), of_place = sha256(place->file);
	bool anywhere = place->object.p != NULL && !str_eq(place->file, S("(tag)"));

	for (size_t i = 0; i < s->history_n; i++) {
		if (digest_equal(&s->history[i].token, &of_token) &&
		    (anywhere || digest_equal(&s->history[i].place, &of_place)))
			return true;
	}
	s->history[s->history_n++] = (struct finding_seen){ of_token, of_place };
	return false;
}

/* The line on a terminal that tells progress and is written anew every second. */
static void untell(struct scan *s)
{
	if (s->told)
		fputs("\r\033[K", stderr);
	s->told = false;
}

static void tell(struct scan *s)
{
	int64_t now_ms;

	if (!s->tells || s->ticks++ % TICKS != 0)
		return;
	now_ms = clock_mono_ms();
	if (now_ms < s->next_ms)
		return;
	s->next_ms = now_ms + PROGRESS_MS;
	s->told = true;
	fprintf(stderr, "\r\033[K%zu files, %zu commits, %zu objects, %zu found", s->files,
	        s->commits, s->objects, s->found);
	fflush(stderr);
}

static void put_member(struct json_out *o, str name, str value)
{
	json_key(o, name);
	json_put_str(o, value);
}

static void report(struct scan *s, const char *kind, str token, const struct scan_place *place)
{
	struct arena *a = s->cli->arena;
	str file = scan_printable(a, place->file), shown = masked(a, token);
	str from = place->object.p != NULL ? place->object : place->commit;

	s->found++;
	untell(s);
	if (!s->cli->json && from.p != NULL)
		printf(FMT_STR "%s" FMT_STR ":" FMT_STR ": %s " FMT_STR "\n", ARG_STR(s->repository),
		       s->repository.p != NULL ? ":" : "", ARG_STR(from), ARG_STR(file), kind,
		       ARG_STR(shown));
	else if (!s->cli->json)
		printf(FMT_STR ":%lld: %s " FMT_STR "\n", ARG_STR(file), (long long)place->line,
		       kind, ARG_STR(shown));
	json_open_object(&s->out);
	if (s->repository.p != NULL)
		put_member(&s->out, S("repository"), s->repository);
	put_member(&s->out, S("file"), file);
	if (from.p != NULL) {
		put_member(&s->out, place->object.p != NULL ? S("object") : S("commit"), from);
	} else {
		json_key(&s->out, S("line"));
		json_put_i64(&s->out, place->line);
	}
	put_member(&s->out, S("kind"), str_from(kind));
	put_member(&s->out, S("token"), shown);
	json_close_object(&s->out);
}

bool scan_text(struct scan *s, str text, size_t known, const struct scan_place *place)
{
	enum token_kind kind;
	size_t at = 0;
	str token;

	tell(s);
	while (token_find(text, &at, &token, &kind)) {
		if (at <= known || kind_words[kind] == NULL)
			continue;
		if (s->found == SCAN_FINDINGS_MAX)
			return false;
		if (place->line > 0 || !seen_before(s, token, place))
			report(s, kind_words[kind], token, place);
	}
	return true;
}

void scan_unreadable(struct scan *s, str path, const char *why)
{
	s->incomplete = true;
	path = scan_printable(s->cli->arena, path);
	untell(s);
	fprintf(stderr, "bi18n scan: " FMT_STR ": %s\n", ARG_STR(path), why);
}

/* History of a part ---------------------------------------------------------------------------- */

/* Is `directory`, an absolute path, or one above it a checkout? */
static bool in_checkout(const char *directory)
{
	char path[PATH_MAX];
	size_t n = strlen(directory);

	if (n + sizeof("/.git") > sizeof(path))
		return false;
	memcpy(path, directory, n + 1);
	for (;;) {
		memcpy(path + n, "/.git", sizeof("/.git"));
		if (access(path, F_OK) == 0)
			return true;
		if (n == 0)
			return false;
		do
			n--;
		while (n > 0 && path[n] != '/');
	}
}

/* That of a file is that of its name in its directory; a repository's own waits already. */
static bool scan_part(struct scan *s, const char *path, bool is_file)
{
	const char *where[2] = { "-C", NULL }, *name = ".";
	char full[PATH_MAX];
	bool whole;

	if (realpath(path, full) == NULL) {
		scan_unreadable(s, str_from(path), strerror(errno));
		return true;
	}
	if (is_file) {
		char *slash = strrchr(full, '/');

		name = slash + 1;
		*slash = '\0';
	}
	if (!in_checkout(full))
		return true;
	where[1] = full[0] == '\0' ? "/" : full;
	return scan_history(s, where, where[1], name, &whole);
}

/* The command ---------------------------------------------------------------------------------- */

static int finish(struct scan *s, bool room)
{
	struct json_out *o = &s->out;

	untell(s);
	json_close_array(o);
	json_key(o, S("files"));
	json_put_i64(o, (int64_t)s->files);
	json_key(o, S("commits"));
	json_put_i64(o, (int64_t)s->commits);
	json_key(o, S("objects"));
	json_put_i64(o, (int64_t)s->objects);
	json_key(o, S("complete"));
	json_put_bool(o, room && !s->incomplete);
	json_close_object(o);
	if (s->cli->json)
		printf(FMT_STR "\n", ARG_STR(buf_view(&s->text)));
	fflush(stdout);
	if (!room)
		fprintf(stderr, "bi18n scan: stopped after %d findings\n", SCAN_FINDINGS_MAX);
	fprintf(stderr, "%zu found in %zu files, %zu commits and %zu other objects%s.\n", s->found,
	        s->files, s->commits, s->objects, s->incomplete ? "; not everything could be read" : "");
	if (s->found > 0) {
		fprintf(stderr, "Report them where they were issued, so that they end: POST "
		                "/api/oauth-client/leaked.\n");
		return EXIT_REFUSED;
	}
	return s->incomplete ? EXIT_AWAY : EXIT_DONE;
}

static bool scan_all(struct scan *s, const char *path, const struct stat *st)
{
	bool room;

	if (!S_ISDIR(st->st_mode))
		return scan_file(s, path) && (!S_ISREG(st->st_mode) || scan_part(s, path, true));
	room = scan_tree(s, path);
	/* At the root of a repository its history is no part of another's. */
	if (room && !s->root_is_repository)
		room = scan_part(s, path, false);
	return room && scan_repositories(s);
}

int run_scan(struct cli *cli, str input)
{
	struct scan s = { .cli = cli, .tells = !cli->json && isatty(STDERR_FILENO) };
	struct json_fault fault;
	struct json *given;
	struct stat st;
	char *path;
	bool room;
	int code;

	if (!json_parse(cli->arena, input, JSON_DEPTH_DEFAULT, &given, &fault))
		return EXIT_USAGE;
	path = arena_cstr(cli->arena, json_str(json_get(given, S("path"))));
	if (stat(path, &st) != 0) {
		fprintf(stderr, "bi18n scan: %s: %s\n", path, strerror(errno));
		return EXIT_MISSING;
	}
	s.history = heap_alloc(SCAN_FINDINGS_MAX * sizeof(*s.history));
	buf_init(&s.text, 64 * MIB);
	json_out_init(&s.out, &s.text);
	json_open_object(&s.out);
	json_key(&s.out, S("findings"));
	json_open_array(&s.out);
	room = scan_all(&s, path, &st);
	code = finish(&s, room);
	buf_fini(&s.text);
	free(s.history);
	return code;
}
