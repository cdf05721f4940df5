/* SPDX-License-Identifier: MIT
 *
 * Which form of a body a client gets. Sources: RFC 9110 12.5.3; contract "cdn-and-cli" 10.6. */
#ifndef CDN_ENCODING_H
#define CDN_ENCODING_H

#include "publish/live.h"

/* Weights in thousandths; 0: not acceptable. */
struct encodings { int weight[HOT_FORMS]; };

/* Absent or empty: identity only. Unknown codings and malformed members are skipped. */
struct encodings encodings_accepted(str accept_encoding);

bool encoding_is_okhttp(str user_agent);

/* The heaviest of what exists; of equals the shortest kind. Identity when nothing fits: an answer
 * is worth more than the letter of the rule. `okhttp` clients are handed undecoded bytes by some of
 * their platforms. */
enum hot_form encoding_choose(const struct hot *h, str accept_encoding, str user_agent,
			      bool okhttp_gzip);

#endif
