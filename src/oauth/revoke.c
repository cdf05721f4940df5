/* SPDX-License-Identifier: MIT */
#include "oauth/revoke.h"

#include "access/audit.h"
#include "access/bearer.h"
#include "store/oauth.h"

#include <string.h>

bool family_tokens_end(const struct act *act, int64_t family_id, struct err *e)
{
	struct strs digests;
	struct digest d;

	if (!store_tokens_of_family_disable(act->db, act->arena, family_id, act->now_ms, &digests,
	                                    e))
		return false;
	for (size_t i = 0; i < digests.n; i++) {
		if (digests.v[i].n != DIGEST_BYTES)
			continue;
		memcpy(d.b, digests.v[i].p, DIGEST_BYTES);
		bearer_token_deny(act, &d);
	}
	return true;
}

bool family_end(const struct act *act, int64_t family_id, str reason, struct err *e)
{
	bool done;

	bearer_family_deny(act, family_id);
	return store_family_revoke(act->db, act->arena, family_id, act->now_ms, reason, &done, e) &&
	       family_tokens_end(act, family_id, e);
}

bool grant_end(const struct act *act, const struct grant_ref *grant, str reason, bool *done_out,
               struct err *e)
{
	struct audit_detail detail = {
		.grant_id = grant->id, .app_id = grant->app_id, .account_id = grant->account_id,
		.organization_id = grant->organization_id, AUDIT_FACTS({ S("reason"), reason }),
	};
	bool done;

	bearer_grant_deny(act, grant->id);
	if (!store_grant_revoke(act->db, act->arena, grant->id, act->now_ms, &done, e))
		return false;
	if (done_out != NULL)
		*done_out = done;
	if (!done)
		return true;                    /* the same answer twice */
	return store_grant_end_tokens(act->db, act->arena, grant->id, act->now_ms, reason, e) &&
	       audit_add(act, AUDIT_GRANT_REVOKED, &detail, e);
}
