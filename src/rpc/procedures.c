/* SPDX-License-Identifier: MIT
 *
 * Every procedure. A new one is a row here and an operation. Source: contract "platform-api"
 * section 2.1. */
#include "rpc/rpc_int.h"

const struct procedure procedures[] = {
	{ "mcp.listProjects",        PROCEDURE_QUERY,    "project.list_visible" },
	{ "mcp.getProject",          PROCEDURE_QUERY,    "project.summary" },
	{ "mcp.getAllTranslations",  PROCEDURE_QUERY,    "text.all" },
	{ "mcp.listKeys",            PROCEDURE_QUERY,    "key.list" },
	{ "mcp.createKeys",          PROCEDURE_MUTATION, "key.create" },
	{ "mcp.updateKeys",          PROCEDURE_MUTATION, "key.update" },
	{ "mcp.deleteKeys",          PROCEDURE_MUTATION, "key.delete" },
	{ "mcp.setTranslations",     PROCEDURE_MUTATION, "text.set" },
	{ "mcp.addLanguages",        PROCEDURE_MUTATION, "language.propose" },
	{ "mcp.updateLanguages",     PROCEDURE_MUTATION, "language.edit" },
	{ "mcp.deleteLanguages",     PROCEDURE_MUTATION, "language.archive" },
	{ "mcp.getPendingChanges",   PROCEDURE_QUERY,    "pending.get" },
	{ "mcp.publishTranslations", PROCEDURE_MUTATION, "publish.start" },
	{ "mcp.getSyncs",            PROCEDURE_QUERY,    "job.list" },
	{ "mcp.getSync",             PROCEDURE_QUERY,    "job.get" },
	{ "mcp.cancelSync",          PROCEDURE_MUTATION, "job.cancel" },
};
const size_t procedures_n = COUNT(procedures);
