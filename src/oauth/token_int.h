/* SPDX-License-Identifier: MIT
 *
 * What the two ways to a token answer share. */
#ifndef OAUTH_TOKEN_INT_H
#define OAUTH_TOKEN_INT_H

#include "crypto/crypto.h"
#include "oauth/family.h"
#include "oauth/token.h"

struct named_projects;
struct family_row;
struct derived;

/* The app has proved who it is. `resource`: checked, space separated. */
struct token_asker { struct app app; str resource, network; };

bool code_exchange(const struct act *act, const struct token_asker *asker,
                   const struct token_in *in, struct token_out *out, struct err *e) MUST_CHECK;
bool refresh_exchange(const struct act *act, const struct token_asker *asker,
                      const struct token_in *in, struct token_out *out, struct err *e) MUST_CHECK;

/* The family that a refresh token names, and its secret (the caller wipes it). row->id 0: unknown,
 * another app's, or a MAC that is wrong; nobody learns which (rule 103). */
enum { ANY_APP = 0 };
bool family_open(const struct act *act, int64_t app_id, const struct derived *d,
                 struct family_row *row, uint8_t secret[KEY_BYTES], struct err *e) MUST_CHECK;

void family_state_of(const struct family_row *row, struct family_state *out);
/* The person, their role and the grant still are as the family needs them. */
bool family_surroundings_live(const struct act *act, const struct family_row *row);
struct family_rules family_rules_of(const struct settings *s, const struct app *app);
int64_t family_absolute_ms(const struct settings *s, const struct app *app);

/* An access token of this family. scopes: SCOPE_ALL or what it was narrowed to. expires_ms: at most
 * the family's end. */
struct access_source {
	const uint8_t *secret;
	int64_t family_id, generation, serial, scopes, expires_ms;
};
void token_put_access(const struct act *act, const struct access_source *source,
                      struct token_out *out);

/* One grant of the answer; the first one also fills the top level. projects: of a limited grant,
 * those that still exist. */
struct granted {
	str grant_id, organization_id, organization_slug, organization_name, refresh_token;
	int64_t scopes;
	enum project_mode mode;
	const struct named_projects *projects;
};
void token_put_grant(const struct act *act, const struct granted *g, struct token_out *out);
/* scopes in table order, then the OpenID names that were asked for. */
str  token_scope_text(struct arena *a, int64_t scopes, str openid);
/* Public ids as answers show them: present and empty for all, left out (not present) for a limited
 * grant without projects. */
struct strs project_ids_shown(struct arena *a, enum project_mode mode,
                              const struct named_projects *projects);

#endif
