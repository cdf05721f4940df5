/* SPDX-License-Identifier: MIT
 *
 * Compressed forms of a body. */
#ifndef PUBLISH_PACK_H
#define PUBLISH_PACK_H

#include "base/buf.h"
#include "publish/live.h"

enum pack_effort {
	PACK_CHEAP,
	PACK_AT_ONCE,
	PACK_BEHIND
}; /* gzip 1 and no brotli; gzip 9 and brotli 5; brotli 11 */

struct packed { str form[HOT_FORMS]; };       /* absent: would not be shorter, or not asked for */

/* Fills the compressed forms of out->form[HOT_IDENTITY] into the arena. */
void pack(struct arena *a, enum pack_effort effort, struct packed *out);
bool unpack_gzip(struct arena *a, str gzip, size_t bytes, str *out) MUST_CHECK;

#endif
