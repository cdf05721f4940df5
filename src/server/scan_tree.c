/* SPDX-License-Identifier: MIT
 *
 * Files and folders, and the repositories among them. Symbolic links are not followed: what they
 * point at is looked at where it is. */
#include "server/scan_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files ---------------------------------------------------------------------------------------- */

bool scan_file(struct scan *s, const char *path)
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

/* Repositories --------------------------------------------------------------------------------- */

/* The one line of a small file, behind `prefix`. Absent: not such a file. */
static str read_pointer(struct arena *a, const char *path, str prefix)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[PATH_MAX];
	ssize_t n;
	str line;

	if (fd < 0)
		return STR_NONE;
	n = read(fd, text, sizeof(text));
	close(fd);
	line = (str){ text, n < 0 ? 0 : (size_t)n };
	if (!str_starts(line, prefix))
		return STR_NONE;
	line = str_from_at(line, prefix.n);
	while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	return arena_str(a, line);
}

static const char *resolve(struct arena *a, const char *directory, str path)
{
	char full[PATH_MAX];

	path = path.n > 0 && path.p[0] == '/' ? path
	                                      : arena_printf(a, "%s/" FMT_STR, directory, ARG_STR(path));
	return realpath(arena_cstr(a, path), full) == NULL ? NULL : arena_cstr(a, str_from(full));
}

/* Where the objects of a ".git" lie: worktrees and submodules have a file there that names another
 * place, and a worktree's place names the one that all of them share. NULL: git has to tell. */
static const char *store_of(struct arena *a, const char *directory, const char *path)
{
	str elsewhere = read_pointer(a, path, S("gitdir: ")), shared;
	const char *place = elsewhere.p == NULL ? resolve(a, ".", str_from(path))
	                                        : resolve(a, directory, elsewhere);

	if (place == NULL)
		return NULL;
	shared = read_pointer(a, arena_cstr(a, arena_printf(a, "%s/commondir", place)), S(""));
	return shared.p == NULL ? place : resolve(a, place, shared);
}

/* Once a store, however many checkouts it has. */
static void add_repository(struct scan *s, const char *directory, const char *path)
{
	struct arena *a = s->cli->arena;
	const char *store = store_of(a, directory, path);
	struct repository *r, **end = &s->repositories;

	for (; *end != NULL; end = &(*end)->next) {
		if (store != NULL && strcmp((*end)->store, store) == 0)
			return;
	}
	r = arena_new(a, struct repository);
	*r = (struct repository){ NULL, store == NULL ? "" : store,
		                  arena_cstr(a, str_from(path)) };
	*end = r;
}

/* The repository is named outright: nobody's else above it is meant, a bare one needs no consent,
 * and whose files they are does not matter to one who reads. */
bool scan_repositories(struct scan *s)
{
	struct arena *a = s->cli->arena;
	bool room = true, shown;

	for (const struct repository *r = s->repositories; room && r != NULL; r = r->next) {
		const char *const where[2] = {
			arena_cstr(a, arena_printf(a, "--git-dir=%s", r->path)), "--work-tree=." };
		bool own = s->root_is_repository && r == s->repositories;

		s->repository = own ? STR_NONE : scan_printable(a, str_from(r->path));
		s->history_n = 0;
		room = scan_history(s, where, r->path, NULL, &shown) &&
		       (s->without_git || scan_objects(s, where, r->path, shown));
	}
	return room;
}

/* Folders -------------------------------------------------------------------------------------- */

static bool has_entry(struct dirent *const *entries, int n, const char *name)
{
	for (int i = 0; i < n; i++) {
		if (strcmp(entries[i]->d_name, name) == 0)
			return true;
	}
	return false;
}

static bool is_git_directory(struct dirent *const *entries, int n)
{
	return has_entry(entries, n, "HEAD") && has_entry(entries, n, "objects") &&
	       has_entry(entries, n, "refs");
}

/* What people write there themselves, addresses with passwords above all, and the repositories of
 * submodules. The rest is told by git. */
static bool is_read_in_git_directory(const char *name)
{
	static const char *const names[] = { "config", "config.worktree", "hooks", "modules" };

	for (size_t i = 0; i < COUNT(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* One entry of a directory. */
static bool scan_entry(struct scan *s, struct waiting **list, const char *directory,
                       const char *name)
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
	if (strcmp(name, ".git") == 0)
		add_repository(s, directory, path);
	if (S_ISDIR(st.st_mode))
		wait_for(list, path);
	return !S_ISREG(st.st_mode) || scan_file(s, path);
}

static bool scan_directory(struct scan *s, struct waiting **list, const char *path)
{
	struct dirent **entries;
	bool room = true, git;
	int n = scandir(path, &entries, NULL, alphasort);

	if (n < 0) {
		scan_unreadable(s, str_from(path), strerror(errno));
		return true;
	}
	git = is_git_directory(entries, n);
	if (git)
		add_repository(s, path, path);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (room && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		    (!git || is_read_in_git_directory(name)))
			room = scan_entry(s, list, path, name);
		free(entries[i]);
	}
	free(entries);
	return room;
}

bool scan_tree(struct scan *s, const char *path)
{
	struct waiting *list = NULL;
	bool room = true, root = true;

	wait_for(&list, path);
	while (list != NULL) {
		struct waiting *w = list;

		list = w->next;
		room = room && scan_directory(s, &list, w->path);
		s->root_is_repository |= root && s->repositories != NULL;
		root = false;
		free(w);
	}
	return room;
}
