/* SPDX-License-Identifier: MIT
 *
 * The operator's own wording: a project named by ui_project overrides single strings of the pages
 * (ruling R39). Read once, at start. */
#ifndef SERVER_INTERFACE_H
#define SERVER_INTERFACE_H

#include "server/command.h"

/* cli->runtime is open. */
void interface_override(struct cli *cli);

#endif
