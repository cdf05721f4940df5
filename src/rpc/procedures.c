/* SPDX-License-Identifier: MIT
 *
 * Every procedure. A new one is a row here and an operation. Source: contract "platform-api" section 2.1. */
#include "rpc/rpc_int.h"

const struct procedure procedures[] = {
	{ "mcp.listProjects",        PROCEDURE_QUERY,    "project.list_visible" },
	{ "mcp.getProject",          PROCEDURE_QUERY,    "project.summary" },
	{ "mcp.getAllTranslations",  PROCEDURE_QUERY,    "text.all" },
	{ "mcp.listKeys",            PROCEDURE_QUERY,    "key.list" },
	{ "mcp.createKeys",          PROCEDURE_MUTATION, "key.create" },
	{ "mcp.setTranslations",     PROCEDURE_MUTATION, "text.set" },
	{ "mcp.getPendingChanges",   PROCEDURE_QUERY,    "pending.get" },
	{ "mcp.publishTranslations", PROCEDURE_MUTATION, "publish.start" },
	{ "mcp.getSync",             PROCEDURE_QUERY,    "job.get" },
};
const size_t procedures_n = COUNT(procedures);
