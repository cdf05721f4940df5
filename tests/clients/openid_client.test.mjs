// SPDX-License-Identifier: MIT
// openid-client 6 against the running server: discovery, code and PKCE, both ways to authenticate, refresh, refusals.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import * as oidc from 'openid-client';
import { authorize, startServer } from '../lib/server.mjs';
import { organizations } from '../lib/oauth.mjs';

let server, seed;

before(async () => {
  server = await startServer();
  seed = server.seed();
});
after(() => server?.close());

const discover = (app, authentication) => oidc.discovery(new URL(server.url), app.clientId, app.clientSecret, authentication, { algorithm: 'oauth2', execute: [oidc.allowInsecureRequests] });

// The library makes the address, a person consents, the library reads what came back.
async function consented(config, app, parameters = {}) {
  const verifier = oidc.randomPKCECodeVerifier(), state = oidc.randomState();
  const redirect = app.redirectUris[0];
  const url = oidc.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'org:read translations:read', state, code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...parameters });
  assert.equal(url.origin + url.pathname, `${server.url}/api/auth/mcp/authorize`);
  const asked = Object.fromEntries(url.searchParams);
  const back = await authorize(server, seed, { app, redirect, scope: asked.scope, state, challenge: asked.code_challenge });
  return { back: new URL(back.location), verifier, state };
}

const ways = [
  ['client_secret_basic', () => seed.web, (app) => oidc.ClientSecretBasic(app.clientSecret)],
  ['client_secret_post', () => seed.web, (app) => oidc.ClientSecretPost(app.clientSecret)],
  ['none (public app)', () => seed.native, () => oidc.None()],
];
for (const [name, appOf, authenticationOf] of ways) {
  describe(name, () => {
    test('rule_120 seed_08 discovery, code with PKCE, mint with the token, refresh', async () => {
      const app = appOf();
      const config = await discover(app, authenticationOf(app));
      assert.equal(config.serverMetadata().issuer, server.url);
      const { back, verifier, state } = await consented(config, app);
      const tokens = await oidc.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, expectedState: state });
      assert.equal(tokens.token_type, 'bearer');
      assert.deepEqual(tokens.scope.split(' ').sort(), ['org:read', 'translations:read']);
      assert.match(tokens.grant_id, /^grt_/);
      assert.ok(tokens.expiresIn() > 0);
      const minted = await oidc.fetchProtectedResource(config, tokens.access_token, new URL(`${server.url}/api/oauth-client/installations/${tokens.grant_id}/tokens`), 'POST');
      assert.equal(minted.status, 200);
      assert.equal((await organizations(server, (await minted.json()).installation_token)).status, 200);
      const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token);
      assert.match(fresh.access_token, /^bi_at_/);
      assert.notEqual(fresh.access_token, tokens.access_token);
      assert.match(fresh.refresh_token, /^rt_/);
      assert.equal(fresh.grant_id, tokens.grant_id);
    });

    test('rule_101 a wrong code is invalid_grant with 400, as the class the library has for it', async () => {
      const app = appOf();
      const config = await discover(app, authenticationOf(app));
      const back = new URL(`${app.redirectUris[0]}?code=bi_ac_wrong&state=s&iss=${encodeURIComponent(server.url)}`);
      const error = await oidc.authorizationCodeGrant(config, back, { pkceCodeVerifier: oidc.randomPKCECodeVerifier(), expectedState: 's' }).then(() => assert.fail('accepted'), (e) => e);
      assert.ok(error instanceof oidc.ResponseBodyError, `${error}`);
      assert.equal(error.error, 'invalid_grant');
      assert.equal(error.status, 400);
    });
  });
}

test('rule_090 another verifier than the challenge\'s is invalid_grant', async () => {
  const config = await discover(seed.native, oidc.None());
  const { back, state } = await consented(config, seed.native);
  await assert.rejects(oidc.authorizationCodeGrant(config, back, { pkceCodeVerifier: oidc.randomPKCECodeVerifier(), expectedState: state }), (e) => e instanceof oidc.ResponseBodyError && e.error === 'invalid_grant');
});

test('rule_009 the answer names its issuer: the library checks it and refuses another or none', async () => {
  const config = await discover(seed.web, oidc.ClientSecretBasic(seed.web.clientSecret));
  assert.equal(config.serverMetadata().authorization_response_iss_parameter_supported, true);
  const { back, verifier, state } = await consented(config, seed.web);
  const checks = { pkceCodeVerifier: verifier, expectedState: state };
  const other = new URL(back), none = new URL(back);
  other.searchParams.set('iss', 'https://evil.example');
  none.searchParams.delete('iss');
  for (const url of [other, none]) await assert.rejects(oidc.authorizationCodeGrant(config, url, checks), (e) => e.code === 'OAUTH_INVALID_RESPONSE', url.search);
  assert.ok((await oidc.authorizationCodeGrant(config, back, checks)).access_token, 'and the code is still good');
});

test('rule_073 a refusal comes back as the class the library has for it', async () => {
  const config = await discover(seed.web, oidc.ClientSecretBasic(seed.web.clientSecret));
  const back = await authorize(server, seed, { state: 'refused', decision: 'deny' });
  const error = await oidc.authorizationCodeGrant(config, new URL(back.location), { expectedState: 'refused' }).then(() => assert.fail('accepted'), (e) => e);
  assert.ok(error instanceof oidc.AuthorizationResponseError, `${error}`);
  assert.equal(error.error, 'access_denied');
});

test('rule_099 rule_102 a wrong secret is invalid_client with 401', async () => {
  for (const way of [oidc.ClientSecretBasic, oidc.ClientSecretPost]) {
    const config = await discover(seed.web, way('bi_cs_wrong'));
    const error = await oidc.refreshTokenGrant(config, 'rt_whatever').then(() => assert.fail('accepted'), (e) => e);
    // With a challenge in the answer the library has a class of its own for it.
    assert.ok(error instanceof oidc.ResponseBodyError || error instanceof oidc.WWWAuthenticateChallengeError, `${error}`);
    assert.equal(error.status, 401);
  }
});

test('rule_138 revocation through the metadata\'s endpoint ends the family', async () => {
  const config = await discover(seed.web, oidc.ClientSecretBasic(seed.web.clientSecret));
  const { back, verifier, state } = await consented(config, seed.web);
  const tokens = await oidc.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, expectedState: state });
  await oidc.tokenRevocation(config, tokens.refresh_token);
  await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token), (e) => e.error === 'invalid_grant');
});
