/* SPDX-License-Identifier: MIT
 *
 * Language codes, their names, and letters in the other case. The only file of this folder that
 * knows ICU. Any thread. */
#ifndef CATALOG_LANGUAGE_H
#define CATALOG_LANGUAGE_H

#include "base/arena.h"
#include "base/err.h"

enum {
	LANGUAGE_BYTES_MAX = 35,     /* ruling R31: store and commands                  */
	LANGUAGE_WIRE_BYTES_MAX = 10,/* tRPC input tables                               */
	LANGUAGE_BYTES_MIN = 2,
};

/* Lower case, '-' between subtags (contract "platform-api" section 6). false, *e untouched: not the
 * shape of BCP 47, or a first subtag that is no known language. */
bool language_code(struct arena *a, str text, str *out) MUST_CHECK;
/* The same, with an ERR_INVALID_REQUEST that names the code. */
bool language_needed(struct arena *a, str text, str *out, struct err *e) MUST_CHECK;
/* In English: "Turkish", "Chinese (Simplified)"; the code itself when nobody has named it. */
str  language_name(struct arena *a, str code);

/* The text itself and, when it has letters beyond ASCII, in lower case (also as Turkish has it: I
 * is ı), in upper case, and with a capital first. Databases fold ASCII only; these cover how words
 * are really written. No duplicates. */
enum { CASE_VARIANTS_MAX = 6 };
struct strs case_variants(struct arena *a, str text);

#endif
