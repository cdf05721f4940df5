/* SPDX-License-Identifier: MIT
 *
 * The chunked transfer coding of a request body, decoded as bytes arrive. Pure like parse.h.
 * Extensions and trailer fields are checked, bounded and dropped. Source: RFC 9112 7.1. */
#ifndef HTTP_CHUNK_H
#define HTTP_CHUNK_H

#include "base/err.h"

enum {
	CHUNK_EXTRA_BYTES_MAX = 8 * 1024,   /* extensions and trailer fields of one body        */
	CHUNK_DIGITS_MAX      = 16,         /* of a size, leading zeros included                */
};

enum chunk_result {
	CHUNK_MORE,   /* all input is used up                                                   */
	CHUNK_DATA,   /* *data_out is the next piece of the body, a slice of the input           */
	CHUNK_DONE,   /* the body is complete; *rest is what follows it                          */
	CHUNK_BAD,    /* refused: code, why                                                      */
};

struct chunks {
	int           state;
	uint64_t      left;      /* bytes of the current chunk still to come                    */
	unsigned      digits;
	size_t        extra;     /* extension and trailer bytes seen                            */
	enum err_code code;
	const char   *why;       /* static English, for the client                              */
};

void chunks_start(struct chunks *c);
/* Takes from the front of *rest. Call until it is not CHUNK_DATA. */
enum chunk_result chunks_next(struct chunks *c, str *rest, str *data_out);

#endif
