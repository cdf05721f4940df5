/* SPDX-License-Identifier: MIT */
#include "server/scan_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void scan_reader_init(struct scan_reader *r, int fd)
{
	*r = (struct scan_reader){ .fd = fd, .bytes = heap_alloc(SCAN_PIECE_BYTES) };
}

void scan_reader_fini(struct scan_reader *r)
{
	free(r->bytes);
	r->bytes = NULL;
}

static bool fill(struct scan_reader *r)
{
	ssize_t got;

	memmove(r->bytes, r->bytes + r->at, r->n - r->at);
	r->n -= r->at;
	r->at = 0;
	do
		got = read(r->fd, r->bytes + r->n, SCAN_PIECE_BYTES - r->n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return false;
	r->over = got == 0;
	r->n += (size_t)got;
	return true;
}

/* What is left of this piece's line is cut here: the next one begins with its end once more. */
static void cut(struct scan_reader *r)
{
	r->at = r->n - SCAN_TOKEN_MAX;
	r->overlap = SCAN_TOKEN_MAX;
}

static const char *line_end(const struct scan_reader *r)
{
	return memchr(r->bytes + r->at + r->overlap, '\n', r->n - r->at - r->overlap);
}

bool scan_reader_next(struct scan_reader *r, struct scan_piece *out, bool *failed_out)
{
	const char *end;

	*failed_out = false;
	while ((end = line_end(r)) == NULL && !r->over && r->n - r->at < SCAN_PIECE_BYTES) {
		if (!fill(r)) {
			*failed_out = true;
			return false;
		}
	}
	if (r->n - r->at == r->overlap && end == NULL)
		return false;
	*out = (struct scan_piece){
		.text = { r->bytes + r->at, end != NULL ? (size_t)(end + 1 - (r->bytes + r->at))
		                                        : r->n - r->at },
		.known = r->overlap, .begins_line = r->overlap == 0,
	};
	r->overlap = 0;
	if (end == NULL && !r->over)
		cut(r);
	else
		r->at += out->text.n;
	return true;
}
