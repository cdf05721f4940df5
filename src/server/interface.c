/* SPDX-License-Identifier: MIT */
#include "server/interface.h"

#include "server/runtime.h"
#include "server/settings.h"
#include "web/strings.h"

#include "base/log.h"

/* What the project would publish in this language; a language or project that is not there
 * overrides nothing. */
static void override_language(struct cli *cli, str project, size_t language)
{
	const struct json *result;
	struct json_fault fault;
	struct json *messages;
	struct json_out o;
	struct buf b;
	struct err e = { 0 };

	buf_init_arena(&b, cli->arena, 4 * KIB);
	json_out_init(&o, &b);
	json_open_object(&o);
	json_key(&o, S("project"));
	json_put_str(&o, project);
	json_key(&o, S("language"));
	json_put_str(&o, strings_code(language));
	json_close_object(&o);
	if (!command_call(cli, S("export"), buf_view(&b), &result, &e) ||
	    !json_parse(cli->arena, json_str(json_get(result, S("content"))), JSON_DEPTH_DEFAULT,
			&messages, &fault)) {
		log_event(LOG_WARN, "ui_project",
			  "project=" FMT_STR " language=" FMT_STR " error=%s", ARG_STR(project),
			  ARG_STR(strings_code(language)), e.say);
		return;
	}
	strings_override(language, messages);
}

void interface_override(struct cli *cli)
{
	str project = config_str(cli->config, SETTING_ui_project);

	for (size_t i = 0; project.n > 0 && i < interface_files_n; i++)
		override_language(cli, project, i);
}
