/* SPDX-License-Identifier: MIT
 *
 * The pages' own strings: compiled in from the JSON files of strings, the same ones that `bi18n demo` imports
 * as its first project (ruling R39). Loaded once; constant afterwards, except for the operator's overrides. */
#ifndef WEB_STRINGS_H
#define WEB_STRINGS_H

#include "base/json.h"

struct interface_file { str language, json; };
extern const struct interface_file interface_files[];   /* English first */
extern const size_t interface_files_n;
extern const char *const interface_keys[];               /* sorted; the index is what templates carry */
extern const size_t interface_keys_n;

void strings_load(void);                                 /* once, before the first page */
/* Best of the compiled languages for an Accept-Language value or a ui_locales list; English when none fits. */
size_t strings_pick(str accept_language);
size_t strings_by_code(str code, bool *found);
str  strings_code(size_t language);
str  strings_native_name(size_t language);
bool strings_rtl(size_t language);
/* A language's name in one of ours: "tr" in German is "Türkisch"; the tag itself when it has no name. Lives in `a`. */
str  strings_language_name(struct arena *a, size_t language, str tag);
/* Text of a key; falls back to English. `arg` for template_write is a pointer to the language's index. */
str  strings_text(int key, void *language);
str  strings_named(size_t language, str key);            /* by name; the key itself when unknown */
/* The operator's project may override single strings (not scope names or warnings). json: nested or flat object;
 * NULL clears. */
void strings_override(size_t language, const struct json *messages);

#endif
