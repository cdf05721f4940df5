/* SPDX-License-Identifier: MIT
 *
 * What a snapshot says beside its files: JSON in its row. */
#ifndef PUBLISH_META_H
#define PUBLISH_META_H

#include "base/buf.h"
#include "base/err.h"

struct snapshot_meta {
	str  source;
	struct strs languages; /* listed in the manifest, in its order; the source first */
	struct strs spaces;    /* byte order */
	bool namespaced;
};

str  meta_write(struct arena *a, const struct snapshot_meta *m);
bool meta_read(struct arena *a, str text, struct snapshot_meta *out, struct err *e) MUST_CHECK;

#endif
