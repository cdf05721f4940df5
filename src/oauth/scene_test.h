/* SPDX-License-Identifier: MIT
 *
 * A small world on a fresh store of each database, for the tests of this folder: an owner with two
 * organizations and three projects, a member, a web app, an editor on loopback and a browser app.
 * Time stands still until a test moves it. */
#ifndef OAUTH_SCENE_TEST_H
#define OAUTH_SCENE_TEST_H

#include "access/act.h"
#include "base/test.h"
#include "oauth/consent.h"
#include "oauth/install.h"
#include "oauth/token.h"
#include "store/fixture.h"

#define WEB_REDIRECT    "https://partner.example/cb"
#define EDITOR_REDIRECT "http://localhost:8989/callback"
#define SPA_REDIRECT    "https://spa.example/cb"
#define VERIFIER        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE       "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

struct scene_app { str id, secret, redirect; };

struct scene {
	struct fixture  *fixture;
	struct arena    *arena;
	struct settings  settings;
	struct act       act;                    /* of whoever asks next; act.now_ms is the clock */
	struct principal operator_, owner, member, nobody;
	struct organization acme, beta;          /* the owner's                                   */
	struct project   web, docs, site;        /* acme/web acme/docs beta/site                  */
	struct scene_app partner, editor, spa;
};

void scene_run(struct fixture *f, void (*fn)(struct scene *s));
#define SCENE_TEST(name) \
	static void name##_scene(struct scene *s); \
	static void name##_on(struct fixture *f) { scene_run(f, name##_scene); } \
	TEST(name) { fixture_each(name##_on); } \
	static void name##_scene(struct scene *s)

typedef bool (*scene_fn)(const struct act *act, const void *in, void *out, struct err *e);
/* As the write lane would: what a refusal wants kept is committed. */
bool scene_write(struct scene *s, const struct principal *who, scene_fn fn, const void *in,
                 void *out, struct err *e);
bool scene_read(struct scene *s, const struct principal *who, scene_fn fn, const void *in,
                void *out, struct err *e);
/* From any thread. */
bool scene_submit(const struct act *act, scene_fn fn, const void *in, void *out, struct err *e);

struct scene_consent {
	const struct scene_app *app;
	str scope;                               /* asked                                   */
	const str *organizations, *projects,
		*scopes; /* ticked; NULL-ended by an absent one; scopes NULL: acme's usual */
	bool pkce;
};
/* From the authorize endpoint to the code, as the owner. */
str  scene_code(struct scene *s, const struct scene_consent *c);
struct authorize_in scene_authorize(const struct scene_app *app, bool pkce);
struct token_in scene_exchange_in(const struct scene_app *app, str code, bool pkce);
struct token_in scene_refresh_in(const struct scene_app *app, str refresh_token);
/* Consent for acme, all projects, keys:read and translations:read, with the web app (or another):
 * tokens. */
struct token_out scene_connect(struct scene *s, const struct scene_app *app);
struct token_out scene_redeem(struct scene *s, const struct scene_app *app, str code, bool pkce);

/* Who the text stands for; kind 0: refused, *e says why. */
struct principal scene_bearer(struct scene *s, str text, struct err *e);
bool scene_mint(struct scene *s, const struct principal *who, str grant_id, struct mint_out *out,
                struct err *e);
enum err_code scene_token_state(struct scene *s, str text);      /* ERR_NONE: good */
const struct token_grant *scene_grant(const struct token_out *t, size_t i);
bool scene_app_disable(struct scene *s, const struct scene_app *app);
size_t scene_audited(struct scene *s, const char *kind);
void scene_restart(struct scene *s);                             /* memory from the store again */

#endif
