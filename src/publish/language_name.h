/* SPDX-License-Identifier: MIT
 *
 * What a language is called, and which country stands for it. From ICU; any thread. */
#ifndef PUBLISH_LANGUAGE_NAME_H
#define PUBLISH_LANGUAGE_NAME_H

#include "base/arena.h"

/* As in a list or menu: "Turkish", "Türkçe". An unknown code names itself. */
str language_name_english(struct arena *a, str code);
str language_name_native(struct arena *a, str code);
/* ISO 3166-1 alpha-2 in lower case; absent: none. *own: the code itself says so ("pt-br"), it is
 * not just where most of its speakers live. */
str language_country(struct arena *a, str code, bool *own_out);

#endif
