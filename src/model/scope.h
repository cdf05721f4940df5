/* SPDX-License-Identifier: MIT
 *
 * The thirteen platform scopes. Source: contract "platform-api" section 4.3. The order is the
 * order on the consent page and in every answer; the bit positions are stored and never change. */
#ifndef MODEL_SCOPE_H
#define MODEL_SCOPE_H

#include "base/arena.h"

/*        name                  wire name                preselected on consent */
#define SCOPE_TABLE(X) \
	X(ORG_READ,             "org:read",              1) \
	X(PROJECTS_READ,        "projects:read",         1) \
	X(PROJECTS_WRITE,       "projects:write",        0) \
	X(KEYS_READ,            "keys:read",             1) \
	X(KEYS_WRITE,           "keys:write",            1) \
	X(TRANSLATIONS_READ,    "translations:read",     1) \
	X(TRANSLATIONS_WRITE,   "translations:write",    1) \
	X(TRANSLATIONS_PUBLISH, "translations:publish",  0) \
	X(CONTENT_READ,         "content:read",          1) \
	X(CONTENT_WRITE,        "content:write",         1) \
	X(CONTENT_PUBLISH,      "content:publish",       0) \
	X(GLOSSARY_READ,        "glossary:read",         1) \
	X(GLOSSARY_WRITE,       "glossary:write",        0)

enum scope_bit {
#define X(id, name, preselected) SCOPE_BIT_##id,
	SCOPE_TABLE(X)
#undef X
	SCOPE_COUNT
};
_Static_assert(SCOPE_COUNT <= 63, "a scope set is one non-negative int64");
#define SCOPE_OF(bit) ((int64_t)1 << (bit))
enum scope_set_constants { SCOPE_NONE = 0 };
#define X(id, name, preselected) \
	static const int64_t SCOPE_##id __attribute__((unused)) = SCOPE_OF(SCOPE_BIT_##id);
SCOPE_TABLE(X)
#undef X
#define SCOPE_ALL (((int64_t)1 << SCOPE_COUNT) - 1)

str     scope_name(enum scope_bit bit);
bool    scope_is_destructive(enum scope_bit bit);           /* unticked and warned about on consent */
int64_t scope_by_name(str name);                            /* 0: unknown                            */
/* Space-separated scope text (RFC 6749 3.3) -> set. OpenID names (openid profile email
 * offline_access) go to *openid_out as text in the order given, duplicates collapsed. false: a
 * name outside both, or a character outside the grammar. */
bool    scope_parse(struct arena *a, str text, int64_t *set_out, str *openid_out) MUST_CHECK;
str     scope_text(struct arena *a, int64_t set);           /* space separated, table order           */
struct strs scope_list(struct arena *a, int64_t set);
/* Presets of secret keys (read, write, publish, admin); 0: unknown level. */
int64_t scope_level(str level);

#endif
