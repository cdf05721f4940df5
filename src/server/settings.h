/* SPDX-License-Identifier: MIT
 *
 * config.def as code: which row is which, and what rules read of it. */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include "access/act.h"
#include "base/config.h"
#include "server/command.h"

enum setting {
#define SETTING(name, type, initial, min, max, meaning) SETTING_##name,
#include "server/config.def"
#undef SETTING
	SETTING_COUNT
};

/* Data directory (made absolute, not created), then flags of `input`, environment, bi18n.conf,
 * defaults. */
bool settings_read(struct cli *cli, str data, str database, str input, struct err *e) MUST_CHECK;
/* The part that rules read. Server key and epoch are not set here. */
void settings_for_rules(struct arena *a, const struct config *c, struct settings *out);

#endif
