/* SPDX-License-Identifier: MIT
 *
 * Registered apps. The operator registers any; a person their own, or for organizations they
 * administer. The kind decides the rest: web apps have a secret and keep one refresh token; native
 * and spa apps have none, prove themselves with PKCE and get a new refresh token each time.
 * Sources: contract "own-interfaces"; rules 39, 93, 112-118, 122-123, 174; rulings R2, R8. */
#ifndef OAUTH_APP_H
#define OAUTH_APP_H

#include "access/act.h"
#include "base/field.h"

enum { APP_NAME_CHARACTERS_MAX = 100, APP_ICON_BYTES_MAX = 2048, SECRET_OVERLAP_S = 24 * 3600,
       SECRET_OVERLAP_S_MAX = 30 * 24 * 3600 };

struct app_view {
	str client_id, client_secret;        /* the secret only where it is made */
	str name, type, organization, icon_url, refresh_policy, created_at, disabled_at;
	struct strs redirect_uris, scopes;
	bool verified;
};
extern const struct field app_view_fields[];

struct app_add_in {
	str name, type, organization, icon_url, refresh_policy;
	struct strs redirect_uris, scopes;
	bool dev_loopback;
	bool invalid_grant_401;              /* for clients that expect 401 (ruling R1) */
};
extern const struct field app_add_in_fields[];
bool app_add(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

struct app_list_out { struct list apps; };
extern const struct field app_list_out_fields[];
bool app_list(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

struct app_ref_in { str client_id; };
extern const struct field app_ref_in_fields[];
bool app_show(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;
/* Stops it at once: no sign-in, no token, all its connections end. */
bool app_disable(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* Only of a disabled app: it, its connections, their tokens, codes and requests are gone. ERR_CONFLICT. */
struct app_deleted { str client_id, name; };
extern const struct field app_deleted_fields[];
bool app_delete(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* The present secret works for overlapS more; one that was on its way out ends now. */
struct app_rotate_in { str client_id; int64_t overlap_s; };
extern const struct field app_rotate_in_fields[];
bool app_rotate_secret(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
