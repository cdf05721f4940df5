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
	FIELD(struct app_failure_view, value, "value", .flags = FIELD_OPTIONAL),
	FIELD(struct app_failure_view, address, "address", .flags = FIELD_OPTIONAL),
	FIELD_END
};
const struct field app_failures_out_fields[] = {
	FIELD_OF_LIST(struct app_failures_out, failures, "failures", struct app_failure_view,
	              failure_fields),
	FIELD_END
};

const struct field app_failures_in_fields[] = {
	FIELD(struct app_failures_in, client_id, "clientId", .flags = FIELD_NONEMPTY, .max = 255),
	FIELD_END
};

static struct app_failure_view view(struct arena *a, const struct app_failure *f)
{
	struct json_fault fault;
	struct json *detail = NULL;
	str value;

	if (f->detail.n > 0 && !json_parse(a, f->detail, JSON_DEPTH_DEFAULT, &detail, &fault))
		detail = NULL;
	value = json_str(json_get(detail, S("value")));
	return (struct app_failure_view){
		.client_id = f->client_id,
		.at = clock_iso(a, f->at_ms),
		.kind = f->kind,
		.reason = json_str(json_get(detail, S("reason"))),
		.value = value.n > 0 ? value : json_str(json_get(detail, S("required"))),
		.address = f->address.n == 0 || str_starts(f->kind, S("authorize.")) ? STR_NONE : f->address,
	};
}

bool app_failures(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct app_failures_in *i = in;
	struct app_failures_out *o = out;
	struct app_failure_view *views;
	struct app_failure_list found;
	bool one = i->client_id.n > 0;
	size_t n = 0;

	if (!store_app_failures(act->db, act->arena, act->who->account_id, FAILURES_LOOK_BACK,
	                        one ? FAILURES_OF_ONE_MAX : FAILURES_EACH_MAX, &found, e))
		return false;
	views = arena_array(act->arena, struct app_failure_view, found.n + 1);
	for (size_t k = 0; k < found.n; k++) {
		if (!one || str_eq(found.v[k].client_id, i->client_id))
			views[n++] = view(act->arena, &found.v[k]);
	}
	o->failures = (struct list){ views, n, true };
	return true;
}
