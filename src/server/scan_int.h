/* SPDX-License-Identifier: MIT
 *
 * What the two halves of `bi18n scan` share: reading in pieces, and reporting what was found. */
#ifndef SERVER_SCAN_INT_H
#define SERVER_SCAN_INT_H

#include "crypto/token.h"
#include "server/command.h"

enum {
	SCAN_FINDINGS_MAX = 10000,
	SCAN_PIECE_BYTES  = 256 * 1024,
	SCAN_TOKEN_MAX    = 255,        /* ruling R21: no token is longer */
};

struct finding_seen { struct digest token_and_path; };

struct scan {
	struct cli     *cli;
	struct buf      text;                    /* the findings as JSON */
	struct json_out out;
	struct finding_seen *history;            /* each token once a path, at its first commit */
	size_t history_n, found, files, commits;
	bool   incomplete;                       /* something could not be read */
};

/* Where a piece of text comes from: file and line, or commit and path. */
struct scan_place { str file, commit; int64_t line; };

/* Reports every secret that ends behind the first `known` bytes. false: too many findings. */
bool scan_text(struct scan *s, str text, size_t known, const struct scan_place *place) MUST_CHECK;
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

/* What any commit under this directory has ever added at `pathspec`. */
bool scan_history(struct scan *s, const char *directory, const char *pathspec) MUST_CHECK;

#endif
