/* SPDX-License-Identifier: MIT
 *
 * Style sheet, script and icon, compiled in; their address carries a digest and is cached for a year. */
#ifndef WEB_ASSETS_H
#define WEB_ASSETS_H

#include "base/str.h"

struct asset { str name, content_type, bytes; };
extern const struct asset assets[];
extern const size_t assets_n;
extern const str assets_version;

#endif
