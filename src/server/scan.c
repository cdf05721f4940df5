/* SPDX-License-Identifier: MIT
 *
 * `bi18n scan PATH`: secrets of ours in files, and in everything a git checkout has ever held. The
 * form of a token proves itself by its checksum, so a finding is one; what is shown of it is of no
 * use to anyone. Source: contract rule 215; docs/tokens.md. */
#include "server/scan_int.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN_DIGITS = 4 };

/* Public keys and the ids of consent pages are no secrets. */
static const char *const kind_words[TOKEN_KIND_COUNT] = {
	[TOKEN_CODE] = "authorization code",      [TOKEN_ACCESS] = "access token",
	[TOKEN_REFRESH] = "refresh token",        [TOKEN_INSTALLATION] = "installation token",
	[TOKEN_SECRET_KEY] = "secret key",        [TOKEN_CLIENT_SECRET] = "client secret",
	[TOKEN_SESSION] = "session",
};

/* Findings ------------------------------------------------------------------------------------- */

/* Names of files may hold anything; terminals obey some of it. */
static str printable(struct arena *a, str s)
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

static bool seen_before(struct scan *s, str token, str path)
{
	struct digest both[] = { sha256(token), sha256(path) },
	              d = sha256((str){ (const char *)both, sizeof(both) });

	for (size_t i = 0; i < s->history_n; i++) {
		if (digest_equal(&s->history[i].token_and_path, &d))
			return true;
	}
	s->history[s->history_n++].token_and_path = d;
	return false;
}

static void put_member(struct json_out *o, str name, str value)
{
	json_key(o, name);
	json_put_str(o, value);
}

static void report(struct scan *s, const char *kind, str token, const struct scan_place *place)
{
	struct arena *a = s->cli->arena;
	str file = printable(a, place->file), shown = masked(a, token);

	s->found++;
	if (!s->cli->json && place->commit.p != NULL)
		printf(FMT_STR ":" FMT_STR ": %s " FMT_STR "\n", ARG_STR(place->commit),
		       ARG_STR(file), kind, ARG_STR(shown));
	else if (!s->cli->json)
		printf(FMT_STR ":%lld: %s " FMT_STR "\n", ARG_STR(file), (long long)place->line,
		       kind, ARG_STR(shown));
	json_open_object(&s->out);
	put_member(&s->out, S("file"), file);
	if (place->commit.p != NULL) {
		put_member(&s->out, S("commit"), place->commit);
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

	while (token_find(text, &at, &token, &kind)) {
		if (at <= known || kind_words[kind] == NULL)
			continue;
		if (s->found == SCAN_FINDINGS_MAX)
			return false;
		if (place->commit.p == NULL || !seen_before(s, token, place->file))
			report(s, kind_words[kind], token, place);
	}
	return true;
}

void scan_unreadable(struct scan *s, str path, const char *why)
{
	s->incomplete = true;
	path = printable(s->cli->arena, path);
	fprintf(stderr, "bi18n scan: " FMT_STR ": %s\n", ARG_STR(path), why);
}

/* Files ---------------------------------------------------------------------------------------- */

static bool scan_file(struct scan *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct scan_place place = { .file = str_from(path) };
	struct scan_reader reader;
	struct scan_piece piece;
	bool room = true, failed = false;

	if (fd < 0) {
		scan_unreadable(s, str_from(path), strerror(errno));
		return true;
	}
	s->files++;
	scan_reader_init(&reader, fd);
	while (room && scan_reader_next(&reader, &piece, &failed)) {
		place.line += piece.begins_line;
		room = scan_text(s, piece.text, piece.known, &place);
	}
	if (failed)
		scan_unreadable(s, str_from(path), strerror(errno));
	scan_reader_fini(&reader);
	close(fd);
	return room;
}

/* Directories that wait, so that depth needs no stack. */
struct waiting { struct waiting *next; char path[]; };

static void wait_for(struct waiting **list, const char *path)
{
	size_t n = strlen(path) + 1;
	struct waiting *w = heap_alloc(sizeof(*w) + n);

	memcpy(w->path, path, n);
	w->next = *list;
	*list = w;
}

/* One entry of a directory. `root`: its history is known already. */
static bool scan_entry(struct scan *s, struct waiting **list, const char *directory,
                       const char *name, bool root)
{
	const char *slash = directory[strlen(directory) - 1] == '/' ? "" : "/";
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s%s%s", directory, slash, name) >= PATH_MAX) {
		scan_unreadable(s, str_from(name), "its path is too long");
		return true;
	}
	if (lstat(path, &st) != 0) {
		scan_unreadable(s, str_from(path), strerror(errno));
		return true;
	}
	if (strcmp(name, ".git") == 0)          /* a file in submodules and worktrees */
		return root || scan_history(s, directory, ".");
	if (S_ISDIR(st.st_mode))
		wait_for(list, path);
	return !S_ISREG(st.st_mode) || scan_file(s, path);
}

static bool scan_directory(struct scan *s, struct waiting **list, const char *path, bool root)
{
	struct dirent **entries;
	bool room = true;
	int n = scandir(path, &entries, NULL, alphasort);

	if (n < 0) {
		scan_unreadable(s, str_from(path), strerror(errno));
		return true;
	}
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (room && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			room = scan_entry(s, list, path, name, root);
		free(entries[i]);
	}
	free(entries);
	return room;
}

static bool scan_tree(struct scan *s, const char *path)
{
	struct waiting *list = NULL;
	bool room = true, root = true;

	wait_for(&list, path);
	while (list != NULL) {
		struct waiting *w = list;

		list = w->next;
		room = room && scan_directory(s, &list, w->path, root);
		root = false;
		free(w);
	}
	return room;
}

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

/* A file's history is that of its name in its directory. */
static bool scan_path_history(struct scan *s, const char *path, bool is_file)
{
	char full[PATH_MAX];
	const char *name = ".";

	if (realpath(path, full) == NULL) {
		scan_unreadable(s, str_from(path), strerror(errno));
		return true;
	}
	if (is_file) {
		char *slash = strrchr(full, '/');

		name = slash + 1;
		*slash = '\0';
	}
	return !in_checkout(full) || scan_history(s, full[0] == '\0' ? "/" : full, name);
}

/* The command ---------------------------------------------------------------------------------- */

static int finish(struct scan *s, bool room)
{
	struct json_out *o = &s->out;

	json_close_array(o);
	json_key(o, S("files"));
	json_put_i64(o, (int64_t)s->files);
	json_key(o, S("commits"));
	json_put_i64(o, (int64_t)s->commits);
	json_key(o, S("complete"));
	json_put_bool(o, room && !s->incomplete);
	json_close_object(o);
	if (s->cli->json)
		printf(FMT_STR "\n", ARG_STR(buf_view(&s->text)));
	fflush(stdout);
	if (!room)
		fprintf(stderr, "bi18n scan: stopped after %d findings\n", SCAN_FINDINGS_MAX);
	fprintf(stderr, "%zu found in %zu files and %zu commits%s.\n", s->found, s->files,
	        s->commits, s->incomplete ? "; not everything could be read" : "");
	if (s->found > 0) {
		fprintf(stderr, "Report them where they were issued, so that they end: POST "
		                "/api/oauth-client/leaked.\n");
		return EXIT_REFUSED;
	}
	return s->incomplete ? EXIT_AWAY : EXIT_DONE;
}

int run_scan(struct cli *cli, str input)
{
	struct scan s = { .cli = cli };
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
	room = S_ISDIR(st.st_mode) ? scan_tree(&s, path) : scan_file(&s, path);
	if (room && (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)))
		room = scan_path_history(&s, path, S_ISREG(st.st_mode));
	code = finish(&s, room);
	buf_fini(&s.text);
	free(s.history);
	return code;
}
