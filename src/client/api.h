/* SPDX-License-Identifier: MIT
 *
 * The public header with its functions visible; everything else in this folder is compiled hidden. */
#ifndef CLIENT_API_H
#define CLIENT_API_H

#include "base/str.h"

#pragma GCC visibility push(default)
#include <bi18n.h>
#pragma GCC visibility pop

#endif
