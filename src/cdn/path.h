/* SPDX-License-Identifier: MIT
 *
 * The grammar of delivery addresses. Source: contract "cdn-and-cli" section 4. */
#ifndef CDN_PATH_H
#define CDN_PATH_H

#include "base/arena.h"

struct cdn_path {
	str project; /* "org/slug" or a uuid */
	str rest;    /* what follows its slash, at least one character */
};

/* Cuts a path in two where it stands: nothing is decoded. false: it cannot be a delivery address.
 */
bool cdn_path_split(str path, struct cdn_path *out);
/* The same address as memory knows it: escapes decoded, project and locale in lower case, '_' in a
 * locale as '-'. false: a malformed escape. May return its input. */
bool cdn_path_canonical(struct arena *a, const struct cdn_path *in, struct cdn_path *out);

enum address_kind {
	ADDRESS_OTHER,
	ADDRESS_MANIFEST,
	ADDRESS_LOCALE,
	ADDRESS_SPACE,
	ADDRESS_BATCH,
	ADDRESS_VERSION
};
struct address { enum address_kind kind; str locale, space; };
/* What a canonical rest asks for, whether it exists or not. space of LOCALE and of a version's
 * whole file: "". */
struct address cdn_address(str rest);

#endif
