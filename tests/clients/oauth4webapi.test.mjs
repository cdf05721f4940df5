// SPDX-License-Identifier: MIT
// oauth4webapi 3 against the running server: the strictest reader of metadata and answers among the clients.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import { authorize, startServer } from '../lib/server.mjs';

let server, seed, as;
const insecure = { [oauth.allowInsecureRequests]: true };

before(async () => {
  server = await startServer();
  seed = server.seed();
  const issuer = new URL(server.url);
  as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }));
});
after(() => server?.close());

async function consented(app) {
  const client = { client_id: app.clientId }, verifier = oauth.generateRandomCodeVerifier(), state = oauth.generateRandomState();
  const challenge = await oauth.calculatePKCECodeChallenge(verifier);
  const back = await authorize(server, seed, { app, redirect: app.redirectUris[0], scope: 'org:read keys:read', state, challenge });
  return { client, verifier, state, back: new URL(back.location), redirect: app.redirectUris[0] };
}
const exchange = async ({ client, verifier, state, back, redirect }, authentication) => oauth.authorizationCodeGrantRequest(as, client, authentication, oauth.validateAuthResponse(as, client, back, state), redirect, verifier, insecure);

test('rule_001 rule_003 RFC 8414 discovery names what the library needs, at the issuer it asked', () => {
  assert.equal(as.issuer, server.url);
  assert.deepEqual(as.response_types_supported, ['code']);
  assert.deepEqual(as.code_challenge_methods_supported, ['S256']);
  for (const endpoint of ['authorization_endpoint', 'token_endpoint', 'revocation_endpoint']) assert.ok(as[endpoint].startsWith(`${server.url}/`), endpoint);
  for (const method of ['client_secret_basic', 'client_secret_post', 'none']) assert.ok(as.token_endpoint_auth_methods_supported.includes(method), method);
  assert.equal(as.authorization_response_iss_parameter_supported, true);
});

const ways = [
  ['client_secret_basic', () => seed.web, () => oauth.ClientSecretBasic(seed.web.clientSecret)],
  ['client_secret_post', () => seed.web, () => oauth.ClientSecretPost(seed.web.clientSecret)],
  ['none', () => seed.native, () => oauth.None()],
];
for (const [name, appOf, authenticationOf] of ways) {
  test(`${name}: code with PKCE, refresh, the resource, revocation`, async () => {
    const flow = await consented(appOf());
    const tokens = await oauth.processAuthorizationCodeResponse(as, flow.client, await exchange(flow, authenticationOf()));
    assert.equal(tokens.token_type, 'bearer');
    assert.deepEqual(tokens.scope.split(' ').sort(), ['keys:read', 'org:read']);
    const me = await oauth.protectedResourceRequest(tokens.access_token, 'GET', new URL(`${server.url}/api/oauth-client/me`), undefined, undefined, insecure);
    assert.equal(me.status, 200);
    const fresh = await oauth.processRefreshTokenResponse(as, flow.client, await oauth.refreshTokenGrantRequest(as, flow.client, authenticationOf(), tokens.refresh_token, insecure));
    assert.notEqual(fresh.access_token, tokens.access_token);
    assert.match(fresh.refresh_token, /^rt_/);
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, flow.client, authenticationOf(), fresh.refresh_token, insecure));
    await assert.rejects(async () => oauth.processRefreshTokenResponse(as, flow.client, await oauth.refreshTokenGrantRequest(as, flow.client, authenticationOf(), fresh.refresh_token, insecure)), (e) => e instanceof oauth.ResponseBodyError && e.error === 'invalid_grant');
  });
}

test('rule_080 rule_101 a code twice, or none that we made, is a ResponseBodyError invalid_grant with 400', async () => {
  const flow = await consented(seed.web);
  const authentication = oauth.ClientSecretBasic(seed.web.clientSecret);
  await oauth.processAuthorizationCodeResponse(as, flow.client, await exchange(flow, authentication));
  const wrong = new URL(flow.back);
  wrong.searchParams.set('code', 'bi_ac_nothing');
  for (const back of [flow.back, wrong]) {
    const error = await exchange({ ...flow, back }, authentication).then((r) => oauth.processAuthorizationCodeResponse(as, flow.client, r)).then(() => assert.fail('accepted'), (e) => e);
    assert.ok(error instanceof oauth.ResponseBodyError, `${error}`);
    assert.equal(error.error, 'invalid_grant');
    assert.equal(error.status, 400);
  }
});

test('rule_009 the issuer in the answer is checked: another or none is not accepted', async () => {
  const flow = await consented(seed.web);
  for (const change of [(u) => u.searchParams.set('iss', 'https://evil.example'), (u) => u.searchParams.delete('iss')]) {
    const back = new URL(flow.back);
    change(back);
    assert.throws(() => oauth.validateAuthResponse(as, flow.client, back, flow.state), (e) => e instanceof oauth.OperationProcessingError);
  }
  assert.throws(() => oauth.validateAuthResponse(as, flow.client, flow.back, 'another state'), oauth.OperationProcessingError);
  assert.ok(oauth.validateAuthResponse(as, flow.client, flow.back, flow.state).get('code'));
});

test('rule_024 a resource that refuses the token says so in a challenge the library can read', async () => {
  const error = await oauth.protectedResourceRequest('bi_at_wrong', 'GET', new URL(`${server.url}/api/oauth-client/me`), undefined, undefined, insecure).then(() => assert.fail('accepted'), (e) => e);
  assert.ok(error instanceof oauth.WWWAuthenticateChallengeError, `${error}`);
  assert.equal(error.status, 401);
  assert.equal(error.cause[0].scheme, 'bearer');
  assert.equal(error.cause[0].parameters.error, 'invalid_token');
});
