/* SPDX-License-Identifier: MIT
 *
 * What the parts of `bi18n scan` share: reading in pieces, asking git, reporting what was found. */
#ifndef SERVER_SCAN_INT_H
#define SERVER_SCAN_INT_H

#include "crypto/token.h"
#include "server/command.h"

enum {
	SCAN_FINDINGS_MAX = 10000,
	SCAN_PIECE_BYTES  = 256 * 1024,
	SCAN_TOKEN_MAX    = 255,        /* ruling R21: no token is longer */
};

struct finding_seen { struct digest token, place; };

/* One that waits for its turn. `store`: where its objects are, absolute; "" when unknown. */
struct repository { struct repository *next; const char *store, *path; };

struct scan {
	struct cli     *cli;
	struct buf      text;                    /* the findings as JSON */
	struct json_out out;
	struct finding_seen *history;            /* each token once a path, at its first commit */
	struct repository *repositories;
	str     repository;                      /* that is read; absent: PATH's own */
	size_t  history_n, found, files, commits, objects;
	bool    incomplete;                      /* something could not be read */
	bool    root_is_repository, without_git;
	bool    tells, told;                     /* progress: to be shown; on the terminal now */
	unsigned ticks;
	int64_t next_ms;
};

/* Where a piece of text comes from: file and line, or commit and path, or an object and its type. */
struct scan_place { str file, commit, object; int64_t line; };

/* Reports every secret that ends behind the first `known` bytes. false: too many findings. */
bool scan_text(struct scan *s, str text, size_t known, const struct scan_place *place) MUST_CHECK;
/* Without what a terminal would obey. */
str  scan_printable(struct arena *a, str s);
/* Says why something was not read; the scan is then not complete. */
void scan_unreadable(struct scan *s, str path, const char *why);

/* A stream line by line; a line that does not fit comes in pieces that overlap by what a token may
 * be long. */
struct scan_reader { int fd; char *bytes; size_t at, n, overlap; bool over; };
struct scan_piece { str text; size_t known; bool begins_line; };

void scan_reader_init(struct scan_reader *r, int fd);
void scan_reader_fini(struct scan_reader *r);
/* false: the end, or *failed_out: errno says why. */
bool scan_reader_next(struct scan_reader *r, struct scan_piece *out, bool *failed_out) MUST_CHECK;

/* git at work: `where` are two options that name the repository, `words` the rest up to NULL, `in`
 * its standard input or -1. */
struct git { pid_t pid; struct scan_reader out; };
bool git_start(struct arena *a, const char *const where[2], const char *const *words, int in,
               struct git *out) MUST_CHECK;
/* false: it failed. Ends it first when it is not at its end. */
bool git_end(struct git *g, bool at_end) MUST_CHECK;
/* Says that git could not be run: errno. */
void git_missing(struct scan *s, const char *directory);

/* These return false when there are too many findings. */

/* Every regular file; what is met of repositories waits in s->repositories. */
bool scan_tree(struct scan *s, const char *path) MUST_CHECK;
bool scan_file(struct scan *s, const char *path) MUST_CHECK;
/* Every repository that waits: its history, and all else that its store holds. */
bool scan_repositories(struct scan *s) MUST_CHECK;
/* What any commit that is named has ever added at `pathspec`, NULL: anywhere. *whole_out: git told
 * all of it. */
bool scan_history(struct scan *s, const char *const where[2], const char *shown,
                  const char *pathspec, bool *whole_out) MUST_CHECK;
/* The store's objects except those that the history showed, if it did. */
bool scan_objects(struct scan *s, const char *const where[2], const char *shown,
                  bool history_shown) MUST_CHECK;

#endif
