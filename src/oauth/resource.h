/* SPDX-License-Identifier: MIT
 *
 * Resource indicators: which audiences an app may name. Source: RFC 8707 section 2; contract rules
 * 30, 56, 101. */
#ifndef OAUTH_RESOURCE_H
#define OAUTH_RESOURCE_H

#include "access/act.h"

/* All of `asked` must be resources of this server; with `granted` (space separated, "" is any) also
 * among those. On success *text_out is `asked` space separated, "" for none. false: invalid_target.
 */
bool resource_check(const struct act *act, struct strs asked, str granted,
                    str *text_out) MUST_CHECK;

#endif
