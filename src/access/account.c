/* SPDX-License-Identifier: MIT */
#include "access/account.h"

#include "access/audit.h"
#include "access/bearer.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "store/account.h"
#include "store/bearer.h"

enum { LIST_MAX = 100000, DOMAIN_LABEL_MAX = 63 };

const struct field account_fields[] = {
	FIELD(struct account_view, id, "id"),
	FIELD(struct account_view, email, "email"),
	FIELD(struct account_view, name, "name"),
	FIELD(struct account_view, disabled, "disabled", FIELD_OPTIONAL),
	FIELD_END
};
const struct field account_add_in_fields[] = {
	FIELD(struct account_add_in, email, "email", FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD(struct account_add_in, name, "name", FIELD_REQUIRED | FIELD_NONEMPTY, .min = 1,
	      .max = NAME_CHARACTERS_MAX),
	FIELD(struct account_add_in, password, "password", FIELD_REQUIRED),
	FIELD_END
};
const struct field account_list_out_fields[] = {
	FIELD_OF_LIST(struct account_list_out, users, "", struct account_view, account_fields),
	FIELD_END
};
const struct field account_passwd_in_fields[] = {
	FIELD(struct account_passwd_in, email, "email", FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD(struct account_passwd_in, password, "password", FIELD_REQUIRED),
	FIELD_END
};
const struct field account_email_in_fields[] = {
	FIELD(struct account_email_in, email, "email", FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD_END
};

static bool label_is_sane(str label)
{
	return label.n > 0 && label.n <= DOMAIN_LABEL_MAX && label.p[0] != '-' &&
	       label.p[label.n - 1] != '-';
}

bool email_is_sane(str email)
{
	ptrdiff_t at = str_index(email, '@');
	str domain, label;

	if (email.n > EMAIL_BYTES_MAX || at < 1 || !utf8_valid(email))
		return false;
	for (size_t i = 0; i < email.n; i++) {
		unsigned char c = (unsigned char)email.p[i];

		if (c <= ' ' || c == 0x7f || str_has(S("<>()[],;:\\\""), (char)c))
			return false;
	}
	domain = str_from_at(email, (size_t)at + 1);
	if (domain.n == 0 || str_has(domain, '@'))
		return false;
	while (str_cut(&domain, '.', &label)) {
		if (!label_is_sane(label))
			return false;
	}
	return true;
}

bool password_is_fit(str password, struct err *e)
{
	if (!utf8_valid(password) || utf8_length(password) < PASSWORD_CHARACTERS_MIN)
		return err_set(e, ERR_INVALID_REQUEST, "password: at least %d characters.",
			       PASSWORD_CHARACTERS_MIN);
	if (password.n > PASSWORD_BYTES_MAX)
		return err_set(e, ERR_INVALID_REQUEST, "password: at most %d bytes.",
			       PASSWORD_BYTES_MAX);
	return true;
}

/* The person of an address; ERR_NOT_FOUND. */
bool account_need(const struct act *tx, str email, struct account *out, struct err *e)
{
	if (!store_account_by_email(tx->db, tx->arena, email, out, e))
		return false;
	return out->id != 0 ||
	       err_set(e, ERR_NOT_FOUND, "There is no account with this email address.");
}

/* Adding ------------------------------------------------------------------------------------- */

struct account_writing { struct account account; str email, hash; };

static bool account_add_write(const struct act *tx, void *arg, struct err *e)
{
	struct account_writing *w = arg;
	struct audit_detail detail = { AUDIT_FACTS({ S("user"), w->account.public_id }) };

	if (!store_account_insert(tx->db, tx->arena, &w->account, &w->account.id, e))
		return e->code == ERR_CONFLICT
			       ? err_set(e, ERR_CONFLICT,
					 "There is an account with this email address already.")
			       : false;
	detail.account_id = w->account.id;
	return store_password_set(tx->db, tx->arena, w->account.id, w->hash, tx->now_ms, e) &&
	       audit_add(tx, AUDIT_USER_CREATED, &detail, e);
}

bool account_add(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct account_add_in *i = in;
	struct account_writing w = { 0 };

	if (!email_is_sane(i->email))
		return err_set(e, ERR_INVALID_REQUEST, "email: not an email address.");
	if (!password_is_fit(i->password, e))
		return false;
	w.account = (struct account){ .public_id = public_id(act->arena, S("usr_")),
				      .email = i->email,
				      .name = i->name,
				      .locale = S(""),
				      .created_ms = act->now_ms };
	w.hash = password_hash(act->arena, i->password);
	if (!act_write(act, account_add_write, &w, e))
		return false;
	*(struct account_view *)out = (struct account_view){ w.account.public_id, i->email, i->name, false };
	return true;
}

/* Listing ------------------------------------------------------------------------------------ */

static struct account_view view_of(const struct account *a)
{
	return (struct account_view){ a->public_id, a->email, a->name, a->disabled_ms != 0 };
}

bool account_list(const struct act *act, const void *in, void *out, struct err *e)
{
	struct account_list_out *o = out;
	struct account_view *views;
	struct account_list all;

	(void)in;
	if (!store_account_list(act->db, act->arena, 0, LIST_MAX, &all, e))
		return false;
	views = arena_array(act->arena, struct account_view, all.n);
	for (size_t n = 0; n < all.n; n++)
		views[n] = view_of(&all.v[n]);
	o->users = (struct list){ views, all.n, true };
	return true;
}

/* Changing ----------------------------------------------------------------------------------- */

static bool end_sessions(const struct act *tx, int64_t account_id, struct err *e)
{
	struct strs digests;

	bearer_session_deny_account(tx, account_id);
	return store_session_delete_all(tx->db, tx->arena, account_id, &digests, e);
}

static bool account_passwd_write(const struct act *tx, void *arg, struct err *e)
{
	struct account_writing *w = arg;
	struct audit_detail detail = { 0 };

	if (!account_need(tx, w->email, &w->account, e))
		return false;
	detail.account_id = w->account.id;
	return store_password_set(tx->db, tx->arena, w->account.id, w->hash, tx->now_ms, e) &&
	       end_sessions(tx, w->account.id, e) &&
	       audit_add(tx, AUDIT_USER_PASSWORD_CHANGED, &detail, e);
}

bool account_passwd(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct account_passwd_in *i = in;
	struct account_writing w = { .email = i->email };

	if (!password_is_fit(i->password, e))
		return false;
	w.hash = password_hash(act->arena, i->password);
	if (!act_write(act, account_passwd_write, &w, e))
		return false;
	*(struct account_view *)out = view_of(&w.account);
	return true;
}

bool account_disable(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct account_email_in *i = in;
	struct audit_detail detail = { 0 };
	struct account account;
	int64_t grants = 0;
	bool changed;

	if (!account_need(act, i->email, &account, e))
		return false;
	*(struct account_view *)out = view_of(&account);
	((struct account_view *)out)->disabled = true;
	bearer_account_deny(act, account.id);       /* before the commit: fails closed */
	if (!store_account_disable(act->db, act->arena, account.id, act->now_ms, &changed, e))
		return false;
	if (!changed)
		return true;                        /* disabled already: the same answer twice */
	detail.account_id = account.id;
	return end_sessions(act, account.id, e) &&
	       store_grants_end(act->db, act->arena, account.id, 0, act->now_ms,
				S("account_disabled"), &grants, e) &&
	       store_families_end(act->db, act->arena, account.id, act->now_ms,
				  S("account_disabled"), e) &&
	       store_api_keys_revoke_account(act->db, act->arena, account.id, act->now_ms, e) &&
	       audit_add(act, AUDIT_USER_DISABLED, &detail, e);
}
