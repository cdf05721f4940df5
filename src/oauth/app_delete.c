/* SPDX-License-Identifier: MIT */
#include "oauth/app.h"

#include "access/apps.h"
#include "access/audit.h"
#include "oauth/app_int.h"
#include "store/erase.h"

const struct field app_deleted_fields[] = {
	FIELD(struct app_deleted, client_id, "clientId"),
	FIELD(struct app_deleted, name, "name"),
	FIELD_END
};

bool app_delete(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct app_ref_in *i = in;
	struct app_deleted *o = out;
	struct app app;
	bool done;

	if (!app_held(act, i->client_id, &app, e))
		return false;
	/* What is disabled is in nobody's hands any more: no request that began earlier can still
	 * add to it. */
	if (app.disabled_ms == 0)
		return err_set(e, ERR_CONFLICT, "Disable the app first; then it can be deleted.");
	if (!store_app_erase(act->db, act->arena, app.id, &done, e))
		return false;
	if (!done)
		return err_set(e, ERR_NOT_FOUND, "No app has this clientId.");
	*o = (struct app_deleted){ app.client_id, app.name };
	apps_forget(act, app.id);
	return audit_add(act, AUDIT_APP_DELETED, &(struct audit_detail){
			.app_id = app.id, .organization_id = app.organization_id,
			AUDIT_FACTS({ S("clientId"), app.client_id }, { S("name"), app.name }) }, e);
}
