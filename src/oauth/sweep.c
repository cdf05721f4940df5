/* SPDX-License-Identifier: MIT */
#include "oauth/sweep.h"

#include "access/bearer.h"
#include "oauth/mints.h"
#include "store/oauth.h"

enum { SLICE_ROWS = 500, SLICES_MAX = 20, FAMILY_KEPT_MS = 7 * 24 * 3600 * 1000 };

static bool purge_slice(const struct act *tx, void *arg, struct err *e)
{
	return store_oauth_purge(tx->db, tx->arena, tx->now_ms, SLICE_ROWS, arg, e);
}

static bool families_list(const struct act *read, void *arg, struct err *e)
{
	return store_families_over(read->db, read->arena, read->now_ms - FAMILY_KEPT_MS, SLICE_ROWS,
	                           arg, e);
}

static bool families_delete(const struct act *tx, void *arg, struct err *e)
{
	const struct id_set *ids = arg;

	for (size_t i = 0; i < ids->n; i++) {
		bearer_family_deny(tx, ids->v[i]);
		if (!store_family_delete(tx->db, tx->arena, ids->v[i], tx->now_ms - FAMILY_KEPT_MS,
		                         e))
			return false;
	}
	return true;
}

bool oauth_sweep(const struct act *act, struct err *e)
{
	int64_t n = SLICE_ROWS;
	struct id_set families;

	mints_sweep(act->mints, act->now_ms, act->settings->mint_coalesce_ms);
	for (int i = 0; n >= SLICE_ROWS && i < SLICES_MAX; i++) {
		if (!act_write(act, purge_slice, &n, e))
			return false;
	}
	/* Found by reading, so that the writer only touches what goes. */
	if (!act_read(act, families_list, &families, e))
		return false;
	return families.n == 0 || act_write(act, families_delete, &families, e);
}
