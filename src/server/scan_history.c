/* SPDX-License-Identifier: MIT
 *
 * The history of a git checkout, as `git log` tells it: every line that a commit added, every
 * message. git is run without pager, external programs, colours and network. */
#include "server/scan_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMMIT_BYTES = 64, PATH_BYTES = 4096, COMMIT_SHOWN = 12 };

extern char **environ;

struct git { pid_t pid; int fd; };

/* Without what a hook's git tells its children (another repository, another index), and with what
 * keeps git from locking, asking and fetching. */
static char **git_environment(struct arena *a)
{
	static const char *const added[] = { "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0",
		                             "GIT_NO_LAZY_FETCH=1" };
	size_t n = 0, kept = 0;
	char **out;

	while (environ[n] != NULL)
		n++;
	out = arena_array(a, char *, n + COUNT(added) + 1);
	for (size_t i = 0; i < n; i++) {
		if (!str_starts(str_from(environ[i]), S("GIT_")))
			out[kept++] = environ[i];
	}
	for (size_t i = 0; i < COUNT(added); i++)
		out[kept++] = arena_cstr(a, str_from(added[i]));
	return out;
}

/* Merges show what is in none of their parents (-c); oldest first, so that each token is reported
 * where it came from. A NUL byte begins a commit: no line of a patch does. */
static bool git_start(struct arena *a, const char *directory, const char *pathspec, struct git *out)
{
	const char *const words[] = {
		"git", "-C", directory, "--no-pager", "--literal-pathspecs",
		"-c", "core.quotePath=off", "-c", "core.fsmonitor=false",
		"-c", "protocol.allow=never",
		"log", "--all", "--topo-order", "--reverse", "--patch", "-c", "--unified=0",
		"--text", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-notes",
		"--no-show-signature", "--src-prefix=a/", "--dst-prefix=b/", "--format=%x00%H%n%B",
		"--", pathspec, NULL
	};
	posix_spawn_file_actions_t actions;
	int ends[2], failed;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	failed = posix_spawnp(&out->pid, "git", &actions, NULL, (char *const *)(void *)words,
	                      git_environment(a));
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	out->fd = ends[0];
	if (failed == 0)
		return true;
	close(ends[0]);
	errno = failed;
	return false;
}

static bool git_end(struct git *g)
{
	int status = 0;

	close(g->fd);
	while (waitpid(g->pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct story {
	char commit[COMMIT_BYTES], path[PATH_BYTES];
	struct scan_place place;
	bool removed;                            /* of the line that goes on */
};

static str keep(char *room, size_t size, str text)
{
	text = str_sub(text, 0, size);
	memcpy(room, text.p, text.n);
	return (str){ room, text.n };
}

/* "+++ b/some/path" with the tab that git adds when there are blanks in it. */
static void note_path(struct story *t, str line)
{
	str path = str_from_at(line, S("+++ ").n);

	if (str_ends(path, S("\t")))
		path = str_sub(path, 0, path.n - 1);
	if (str_starts(path, S("b/")))
		t->place.file = keep(t->path, sizeof(t->path), str_from_at(path, 2));
}

/* Only what names commit and path is understood; any line that was not removed is looked at. */
static void read_line(struct scan *s, struct story *t, str line)
{
	t->removed = false;
	if (str_ends(line, S("\n")))
		line = str_sub(line, 0, line.n - 1);
	if (line.n > 0 && line.p[0] == '\0') {
		t->place.commit = keep(t->commit, sizeof(t->commit),
		                       str_sub(str_from_at(line, 1), 0, COMMIT_SHOWN));
		t->place.file = S("(message)");
		s->commits++;
	} else if (str_starts(line, S("+++ "))) {
		note_path(t, line);
	} else {
		t->removed = line.n > 0 && line.p[0] == '-';
	}
}

bool scan_history(struct scan *s, const char *directory, const char *pathspec)
{
	struct story t = { .place = { .commit = S("?"), .file = S("?") } };
	struct scan_reader reader;
	struct scan_piece piece;
	bool room = true, failed = false;
	struct git git;

	if (!git_start(s->cli->arena, directory, pathspec, &git)) {
		scan_unreadable(s, str_from(directory),
		                errno == ENOENT ? "its history needs git, which is not installed"
		                                : strerror(errno));
		return true;
	}
	scan_reader_init(&reader, git.fd);
	while (room && scan_reader_next(&reader, &piece, &failed)) {
		if (piece.begins_line)
			read_line(s, &t, piece.text);
		if (!t.removed)
			room = scan_text(s, piece.text, piece.known, &t.place);
	}
	scan_reader_fini(&reader);
	if (!room)
		kill(git.pid, SIGTERM);
	if (!git_end(&git) && room)
		scan_unreadable(s, str_from(directory), "git could not read the history");
	return room;
}
