/* SPDX-License-Identifier: MIT */
#include "access/account.h"

#include "access/audit.h"
#include "access/bearer.h"
#include "store/account.h"
#include "store/erase.h"

enum { EVENTS_A_SLICE = 10000 };

struct account_erasing { str email; struct account account; int64_t after_id, last_id; };

/* ERR_NOT_FOUND, ERR_CONFLICT. */
static bool may_go(const struct act *act, struct account_erasing *w, struct err *e)
{
	struct left_alone alone;

	if (!account_need(act, w->email, &w->account, e))
		return false;
	if (w->account.disabled_ms == 0)
		return err_set(e, ERR_CONFLICT, "Disable the person first; then they can be deleted.");
	if (!store_account_leaves_alone(act->db, act->arena, w->account.id, &alone, e))
		return false;
	if (alone.organization_slug.n > 0)
		return err_set(e, ERR_CONFLICT, "The organization " FMT_STR " would have no owner: give it another first.",
		               ARG_STR(alone.organization_slug));
	return alone.client_id.n == 0 ||
	       err_set(e, ERR_CONFLICT, "The app " FMT_STR " would be nobody's: disable and delete it first.",
	               ARG_STR(alone.client_id));
}

static bool look(const struct act *read, void *arg, struct err *e)
{
	struct account_erasing *w = arg;

	return may_go(read, w, e) && store_audit_last(read->db, read->arena, &w->last_id, e);
}

static bool erase_traces(const struct act *tx, void *arg, struct err *e)
{
	const struct account_erasing *w = arg;

	return store_account_erase_traces(tx->db, tx->arena, w->account.id, w->after_id,
	                                  w->after_id + EVENTS_A_SLICE, e);
}

/* Asked again, because time has passed. The event has no address of the person: the operator acts. */
static bool erase_account(const struct act *tx, void *arg, struct err *e)
{
	struct account_erasing *w = arg;
	struct audit_detail detail = { 0 };
	bool done;

	if (!may_go(tx, w, e))
		return false;
	detail.account_id = w->account.id;
	bearer_account_deny(tx, w->account.id);
	if (!store_account_erase(tx->db, tx->arena, w->account.id, &done, e))
		return false;
	return (done || err_set(e, ERR_NOT_FOUND, "Nobody has this address.")) &&
	       audit_add(tx, AUDIT_USER_DELETED, &detail, e);
}

/* The record first, slice by slice so that nobody waits; the person last, so that what was interrupted
 * can be asked for again. */
bool account_delete(const struct act *act, const void *in, void *out, struct err *e)
{
	struct account_erasing w = { .email = ((const struct account_email_in *)in)->email };

	if (!act_read(act, look, &w, e))
		return false;
	for (w.after_id = 0; w.after_id < w.last_id; w.after_id += EVENTS_A_SLICE) {
		if (!act_write(act, erase_traces, &w, e))
			return false;
	}
	if (!act_write(act, erase_account, &w, e))
		return false;
	*(struct account_view *)out = (struct account_view){ w.account.public_id, w.account.email,
		                                             w.account.name, true };
	return true;
}
