/* SPDX-License-Identifier: MIT
 *
 * The history of a git repository, as `git log` tells it: every line that a commit added, every
 * message. */
#include "server/scan_int.h"

#include <string.h>

enum { COMMIT_BYTES = 64, PATH_BYTES = 4096, COMMIT_SHOWN = 12 };

struct story {
	char commit[COMMIT_BYTES], path[PATH_BYTES];
	struct scan_place place;
	bool in_message, in_hunk;
	bool removed;                            /* of the line that goes on */
};

static str keep(char *room, size_t size, str text)
{
	text = str_sub(text, 0, size);
	memcpy(room, text.p, text.n);
	return (str){ room, text.n };
}

/* "+++ b/some/path", with a tab behind it when there are blanks in it, or in quotes and escaped. */
static void note_path(struct story *t, str line)
{
	str path = str_from_at(line, S("+++ ").n);

	if (str_ends(path, S("\t")))
		path = str_sub(path, 0, path.n - 1);
	if (str_starts(path, S("\"")) && str_ends(path, S("\"")))
		path = str_sub(path, 1, path.n - 2);
	if (str_starts(path, S("b/")))
		t->place.file = keep(t->path, sizeof(t->path), str_from_at(path, 2));
}

/* Only what names commit and path is understood; any line that was not removed is looked at. No line
 * of a message or a patch begins with NUL: "NUL commit" begins a message, NUL alone ends it. */
static void read_line(struct scan *s, struct story *t, str line)
{
	t->removed = false;
	if (str_ends(line, S("\n")))
		line = str_sub(line, 0, line.n - 1);
	if (line.n > 1 && line.p[0] == '\0') {
		t->place.commit = keep(t->commit, sizeof(t->commit),
		                       str_sub(str_from_at(line, 1), 0, COMMIT_SHOWN));
		t->place.file = S("(message)");
		t->in_message = true;
		s->commits++;
	} else if (line.n > 0 && line.p[0] == '\0') {
		t->in_message = t->in_hunk = false;
	} else if (!t->in_message && str_starts(line, S("diff "))) {
		t->in_hunk = false;
	} else if (!t->in_message && str_starts(line, S("@@"))) {
		t->in_hunk = true;
	} else if (!t->in_message && !t->in_hunk && str_starts(line, S("+++ "))) {
		note_path(t, line);
	} else {
		t->removed = t->in_hunk && line.n > 0 && line.p[0] == '-';
	}
}

/* Merges show what is in none of their parents (-c); oldest first, so that each token is reported
 * where it came from. What reflogs name counts. Without a path no commit is left out, with one
 * (--full-history) none that changed it. */
bool scan_history(struct scan *s, const char *const where[2], const char *shown,
                  const char *pathspec, bool *whole_out)
{
	const char *const words[] = {
		"log", "--all", "--reflog", "--topo-order", "--reverse", "--root", "--patch", "-c",
		"--unified=0", "--text", "--encoding=UTF-8", "--submodule=short", "--no-color", "--no-ext-diff", "--no-textconv",
		"--no-renames", "--no-notes", "--no-show-signature", "--src-prefix=a/",
		"--dst-prefix=b/", "--format=%x00%H%n%B%n%x00",
		pathspec == NULL ? NULL : "--full-history", "--", pathspec, NULL
	};
	struct story t = { .place = { .commit = S("?"), .file = S("?") } };
	struct scan_piece piece;
	bool room = true, failed = false;
	struct git git;

	*whole_out = false;
	if (!git_start(s->cli->arena, where, words, -1, &git)) {
		git_missing(s, shown);
		return true;
	}
	while (room && scan_reader_next(&git.out, &piece, &failed)) {
		if (piece.begins_line)
			read_line(s, &t, piece.text);
		if (!t.removed)
			room = scan_text(s, piece.text, piece.known, &t.place);
	}
	*whole_out = git_end(&git, room) && !failed;
	if (!*whole_out && room)
		scan_unreadable(s, str_from(shown), "git could not read the history");
	return room;
}
