/* SPDX-License-Identifier: MIT
 *
 * Fresh public names, for domain modules that do not include crypto. */
#ifndef ACCESS_ID_H
#define ACCESS_ID_H

#include "base/arena.h"

str id_uuid(struct arena *a);                    /* UUIDv4: projects, keys, jobs (ruling R14) */
str id_public(struct arena *a, str prefix);      /* "org_", "grt_", "usr_" … and 20 base62    */

#endif
