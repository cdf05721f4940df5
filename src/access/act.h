/* SPDX-License-Identifier: MIT
 *
 * All that a rule may depend on: who asks, when, with which connection. Nothing about HTTP. */
#ifndef ACCESS_ACT_H
#define ACCESS_ACT_H

#include "base/arena.h"
#include "base/err.h"
#include "model/model.h"

struct db;
struct store;
struct bearers;
struct apps;
struct settings;
struct mints;
struct rate_left;

enum principal_kind {
	WHO_ANONYMOUS  = 1 << 0,
	WHO_SESSION    = 1 << 1,   /* a person with a cookie                                          */
	WHO_ACCESS     = 1 << 2,   /* partner access token: mint, /me, delete its grants; nothing else */
	WHO_INSTALL    = 1 << 3,   /* bi_oat_                                                          */
	WHO_KEY        = 1 << 4,   /* bi-…                                                             */
	WHO_PUBLIC_KEY = 1 << 5,   /* bi_pub_                                                          */
	WHO_LOCAL      = 1 << 6,   /* the operator: command line or control.sock                       */
	WHO_CLIENT     = 1 << 7,   /* an app that has authenticated itself                             */
};

struct principal {
	enum principal_kind kind;
	int64_t account_id;            /* 0: none                                        */
	int64_t app_id;
	int64_t organization_id;       /* INSTALL, KEY: the only one it may touch         */
	int64_t grant_id, family_id, session_id, key_id;
	int64_t scopes;
	struct project_set projects;
	str     grant_public_id;
	str     organization_public_id, organization_slug, organization_name;   /* INSTALL, KEY: from memory */
	int64_t auth_time_ms;          /* SESSION */
	int64_t expires_ms;
	int64_t issued_ms;             /* ACCESS, INSTALL: 0 where it is not known */
};

/* Settings that rules read; filled by wiring from the config table, constant afterwards. */
struct settings {
	str     public_url;            /* issuer, no trailing slash                        */
	str     cdn_base_url;          /* public_url unless set                            */
	str     security_contact;      /* a URI; empty: no security.txt                    */
	int64_t code_ttl_s, access_ttl_s, refresh_idle_s, refresh_absolute_s, refresh_absolute_public_s;
	int64_t installation_ttl_s, installation_tokens_max, mint_coalesce_ms, mint_per_minute_max;
	int64_t requests_per_minute_max;   /* per grant */
	int64_t refresh_grace_s, session_ttl_s, session_idle_s, login_attempts_max, login_window_s;
	int64_t authorize_per_minute_max;  /* per address */
	int64_t client_failures_per_address_max, client_failures_per_app_max;   /* in a minute */
	int64_t audit_kept_days;       /* 0: for ever                                       */
	int64_t audit_page_max, audit_scan_max, audit_export_max;    /* 0: the built-in limit */
	int64_t audit_refusals_per_minute_max;   /* of one kind and app; 0: the built-in limit */
	int64_t apps_per_person_max;   /* 0: no limit                                       */
	int64_t key_ttl_s, publish_cooldown_s, publish_pending_hold_ms;
	int64_t import_bytes_max;      /* of one imported file; 0: the built-in limit      */
	int64_t families_max;          /* live families per app and account                */
	bool    publish_drafts;        /* of new projects (R11)                            */
	bool    fill_from_source;      /* of new projects (R28)                            */
	bool    missing_strict;        /* R10 */
	bool    namespaced_missing_404;
	bool    okhttp_gzip;           /* gzip to okhttp clients; identity otherwise       */
	uint8_t server_key[32];
	int64_t epoch;                 /* of derivable tokens; grows with each restore     */
};

struct act {
	struct store   *store;
	struct db      *db;            /* NULL on the inline lane                          */
	struct bearers *bearers;       /* live tokens in memory                            */
	struct apps    *apps;          /* registered apps in memory                        */
	struct mints   *mints;         /* tokens minted just now (oauth/mints.h); may be NULL */
	struct arena   *arena;         /* results live here                                */
	const struct principal *who;   /* never NULL; may be anonymous                     */
	const struct settings *settings;
	int64_t         now_ms;        /* read once, when the request arrived              */
	str             request_id, address, user_agent;
	void           *publisher;     /* struct publisher *: live snapshots, job runner   */
	struct rate_left *left;        /* for the answer's RateLimit fields; may be NULL   */
};

/* For calls on the slow lane: run fn on the write lane (in a savepoint) or with a read connection, and wait. tx is a
 * copy of act with db set; its arena is act's. Never from a loop or the writer thread. */
typedef bool (*act_fn)(const struct act *tx, void *arg, struct err *e);
bool act_write(const struct act *act, act_fn fn, void *arg, struct err *e) MUST_CHECK;
bool act_read(const struct act *act, act_fn fn, void *arg, struct err *e) MUST_CHECK;

#endif
