/* SPDX-License-Identifier: MIT
 *
 * jansson behind two functions, because its names and ours clash. For tests only. */
#ifndef BASE_JSON_ORACLE_H
#define BASE_JSON_ORACLE_H

#include "base/arena.h"

bool oracle_accepts(str text);
str  oracle_rewrites(struct arena *a, str text);     /* read and written again, compact */

#endif
