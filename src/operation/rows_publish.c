/* SPDX-License-Identifier: MIT
 *
 * Rows of publishing and its jobs. Scopes: contract "platform-api" 2.1. */
#include "operation/operation.h"

#include "publish/options.h"
#include "publish/requests.h"

#define IN(fields, type)  .in = (fields), .in_size = sizeof(struct type)
#define OUT(fields, type) .out = (fields), .out_size = sizeof(struct type)

const struct operation publish_operations[] = {
	{ .name = "publish.start",
	  .who = WHO_KEY | WHO_INSTALL,
	  .lane = LANE_WRITE,
	  .rate = RATE_GRANT,
	  .scopes = SCOPE_OF(SCOPE_BIT_TRANSLATIONS_PUBLISH),
	  IN(publish_in_fields, publish_in),
	  OUT(publish_out_fields, publish_out),
	  .call = publish_start },
	{ .name = "publish.local",
	  .who = WHO_LOCAL | WHO_SESSION,
	  .lane = LANE_SLOW,
	  .role = ROLE_ADMIN,
	  IN(publish_local_in_fields, publish_local_in),
	  OUT(publish_local_out_fields, publish_local_out),
	  .call = publish_local },
	{ .name = "publish.rollback",
	  .who = WHO_LOCAL,
	  .lane = LANE_SLOW,
	  IN(rollback_in_fields, rollback_in),
	  OUT(publish_local_out_fields, publish_local_out),
	  .call = publish_rollback },
	{ .name = "project.settings",
	  .who = WHO_LOCAL | WHO_SESSION,
	  .lane = LANE_READ,
	  .role = ROLE_ADMIN,
	  IN(project_settings_in_fields, project_settings_in),
	  OUT(project_options_fields, project_options),
	  .call = project_settings },
	{ .name = "project.set",
	  .who = WHO_LOCAL | WHO_SESSION,
	  .lane = LANE_SLOW,
	  .role = ROLE_ADMIN,
	  IN(project_set_in_fields, project_set_in),
	  OUT(project_options_fields, project_options),
	  .call = project_set },
	{ .name = "job.get",
	  .who = WHO_KEY | WHO_INSTALL | WHO_LOCAL | WHO_SESSION,
	  .lane = LANE_READ,
	  .rate = RATE_GRANT,
	  .scopes = SCOPE_OF(SCOPE_BIT_PROJECTS_READ),
	  IN(job_get_in_fields, job_get_in),
	  OUT(job_view_fields, job_view),
	  .call = job_get,
	  .wait_ms = job_get_wait_ms },
	{ .name = "job.list",
	  .who = WHO_KEY | WHO_INSTALL | WHO_LOCAL | WHO_SESSION,
	  .lane = LANE_READ,
	  .rate = RATE_GRANT,
	  .scopes = SCOPE_OF(SCOPE_BIT_PROJECTS_READ),
	  IN(job_list_in_fields, job_list_in),
	  OUT(job_list_out_fields, job_list_out),
	  .call = job_list },
	{ .name = "job.cancel",
	  .who = WHO_KEY | WHO_INSTALL | WHO_LOCAL | WHO_SESSION,
	  .lane = LANE_WRITE,
	  .rate = RATE_GRANT,
	  .scopes = SCOPE_OF(SCOPE_BIT_TRANSLATIONS_PUBLISH),
	  IN(job_cancel_in_fields, job_cancel_in),
	  OUT(job_cancel_out_fields, job_cancel_out),
	  .call = job_cancel },
};
const size_t publish_operations_n = COUNT(publish_operations);
