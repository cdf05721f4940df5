/* SPDX-License-Identifier: MIT */
#include "oauth/app_failures.h"

#include "base/clock.h"
#include "base/json.h"
#include "store/oauth.h"

static const struct field failure_fields[] = {
	FIELD(struct app_failure_view, client_id, "clientId"),
	FIELD(struct app_failure_view, at, "at"),
	FIELD(struct app_failure_view, kind, "kind"),
	FIELD(struct app_failure_view, reason, "reason", .flags = FIELD_OPTIONAL),
	FIELD(struct app_failure_view, address, "address"),
	FIELD_END
};
const struct field app_failures_out_fields[] = {
	FIELD_OF_LIST(struct app_failures_out, failures, "failures", struct app_failure_view,
	              failure_fields),
	FIELD_END
};

/* {"reason":"expired"} -> expired */
static str reason_of(struct arena *a, str detail)
{
	struct json_fault fault;
	struct json *v;

	if (detail.n == 0 || !json_parse(a, detail, JSON_DEPTH_DEFAULT, &v, &fault))
		return STR_NONE;
	return json_str(json_get(v, S("reason")));
}

bool app_failures(const struct act *act, const void *in, void *out, struct err *e)
{
	struct app_failures_out *o = out;
	struct app_failure_view *views;
	struct app_failure_list found;

	(void)in;
	if (!store_app_failures(act->db, act->arena, act->who->account_id, FAILURES_LOOK_BACK,
	                        FAILURES_OF_APP_MAX, &found, e))
		return false;
	views = arena_array(act->arena, struct app_failure_view, found.n + 1);
	for (size_t i = 0; i < found.n; i++)
		views[i] = (struct app_failure_view){
			.client_id = found.v[i].client_id,
			.at = clock_iso(act->arena, found.v[i].at_ms),
			.kind = found.v[i].kind,
			.reason = reason_of(act->arena, found.v[i].detail),
			.address = found.v[i].address,
		};
	o->failures = (struct list){ views, found.n, true };
	return true;
}
