/* SPDX-License-Identifier: MIT
 *
 * Upkeep of what authorization leaves behind. */
#ifndef OAUTH_SWEEP_H
#define OAUTH_SWEEP_H

#include "access/act.h"

/* Wipes coalesced tokens whose time is over; deletes expired requests and codes and families long
 * over, in slices. Slow lane; a timer calls it every few seconds. */
bool oauth_sweep(const struct act *act, struct err *e) MUST_CHECK;

#endif
