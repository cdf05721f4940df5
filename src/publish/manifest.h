/* SPDX-License-Identifier: MIT
 *
 * manifest.json. Source: contract "cdn-and-cli" section 5; ruling R9. */
#ifndef PUBLISH_MANIFEST_H
#define PUBLISH_MANIFEST_H

#include "base/buf.h"
#include "publish/live.h"

/* base_url: without a slash at the end. project: "org/slug". Same snapshot, same bytes. */
void manifest_write(struct buf *b, str base_url, str project, const struct live *l);

#endif
