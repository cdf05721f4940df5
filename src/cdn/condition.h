/* SPDX-License-Identifier: MIT
 *
 * Has the client got this already? Sources: RFC 9110 13.1.2, 13.1.3; contract "cdn-and-cli" 10.4.
 */
#ifndef CDN_CONDITION_H
#define CDN_CONDITION_H

#include "base/str.h"

/* if_none_match: a list of entity tags, weak or strong, or "*". Weak comparison. */
bool etag_matches(str if_none_match, str etag);
/* If-Modified-Since counts only when If-None-Match was not sent. Never true without a validator. */
bool is_unchanged(str if_none_match, str if_modified_since, str etag, int64_t modified_s);

#endif
