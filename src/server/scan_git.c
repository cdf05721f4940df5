/* SPDX-License-Identifier: MIT
 *
 * Asking git, without pager, external programs, hooks, colours and network: the configuration of a
 * repository that is looked at may be anybody's. */
#include "server/scan_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 48 };

extern char **environ;

/* Without what a hook's git tells its children (another repository, another index), and with what
 * keeps it from locking, asking, fetching (a repository's own configuration can allow a protocol, and
 * with it a command, but not against this) and from showing one object in the place of another. */
static char **git_environment(struct arena *a)
{
	static const char *const added[] = { "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0",
		                             "GIT_NO_LAZY_FETCH=1", "GIT_NO_REPLACE_OBJECTS=1",
		                             "GIT_ALLOW_PROTOCOL=none" };
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

static size_t add_words(const char **out, size_t n, const char *const *words)
{
	while (*words != NULL && n < WORDS_MAX - 1)
		out[n++] = *words++;
	return n;
}

static bool spawn(struct arena *a, const char *const *words, int in, int out, pid_t *pid_out)
{
	posix_spawn_file_actions_t actions;
	int failed;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (in >= 0)
		posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	else
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	failed = posix_spawnp(pid_out, "git", &actions, NULL, (char *const *)(void *)words,
	                      git_environment(a));
	posix_spawn_file_actions_destroy(&actions);
	errno = failed;
	return failed == 0;
}

bool git_start(struct arena *a, const char *const where[2], const char *const *words, int in,
               struct git *out)
{
	const char *const common[] = { "git", where[0], where[1], "--no-pager",
		                       "--literal-pathspecs", "-c", "core.quotePath=off",
		                       "-c", "core.fsmonitor=false", NULL };
	const char *all[WORDS_MAX] = { NULL };
	bool started;
	int ends[2];

	(void)add_words(all, add_words(all, 0, common), words);
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	started = spawn(a, all, in, ends[1], &out->pid);
	close(ends[1]);
	if (started)
		scan_reader_init(&out->out, ends[0]);
	else
		close(ends[0]);
	return started;
}

bool git_end(struct git *g, bool at_end)
{
	int status = 0;

	if (!at_end)
		kill(g->pid, SIGTERM);
	close(g->out.fd);
	scan_reader_fini(&g->out);
	while (waitpid(g->pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void git_missing(struct scan *s, const char *directory)
{
	s->without_git = errno == ENOENT;
	scan_unreadable(s, str_from(directory),
	                s->without_git ? "its history needs git, which is not installed"
	                                : strerror(errno));
}
