/* SPDX-License-Identifier: MIT
 *
 * Rows of the operator's whole-store acts and of the signed-in person's own view. */
#include "operation/operation.h"

#include "access/profile.h"
#include "publish/upkeep.h"

const struct operation upkeep_operations[] = {
	{ .name = "store.view",
	  .who = WHO_LOCAL,
	  .lane = LANE_INLINE,
	  .out = store_view_out_fields,
	  .out_size = sizeof(struct store_view_out),
	  .call = upkeep_view },
	{ .name = "store.backup",
	  .who = WHO_LOCAL,
	  .lane = LANE_SLOW,
	  .in = backup_in_fields,
	  .in_size = sizeof(struct backup_in),
	  .out = backup_out_fields,
	  .out_size = sizeof(struct backup_out),
	  .call = upkeep_backup },
	{ .name = "store.verify",
	  .who = WHO_LOCAL,
	  .lane = LANE_SLOW,
	  .out = verify_out_fields,
	  .out_size = sizeof(struct verify_out),
	  .call = upkeep_verify },
	{ .name = "account.view",
	  .who = WHO_SESSION,
	  .lane = LANE_READ,
	  .out = profile_out_fields,
	  .out_size = sizeof(struct profile_out),
	  .call = profile_view },
};
const size_t upkeep_operations_n = COUNT(upkeep_operations);
