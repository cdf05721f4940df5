// SPDX-License-Identifier: MIT
// simple-oauth2 5 against the running server: form and JSON bodies, secret in the header and in the body.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { AuthorizationCode } from 'simple-oauth2';
import { authorize, startServer } from '../lib/server.mjs';
import { me } from '../lib/oauth.mjs';

let server, seed;

before(async () => {
  server = await startServer();
  seed = server.seed();
});
after(() => server?.close());

const clientOf = (options, secret = seed.web.clientSecret) => new AuthorizationCode({
  client: { id: seed.web.clientId, secret },
  auth: { tokenHost: server.url, tokenPath: '/api/auth/mcp/token', revokePath: '/api/auth/mcp/revoke', authorizePath: '/api/auth/mcp/authorize' },
  options,
});

async function code(client) {
  const url = new URL(client.authorizeURL({ redirect_uri: seed.redirect, scope: ['org:read', 'keys:read'], state: 'simple' }));
  assert.equal(url.pathname, '/api/auth/mcp/authorize');
  const back = await authorize(server, seed, { scope: url.searchParams.get('scope'), state: url.searchParams.get('state') });
  assert.equal(back.state, 'simple');
  return { code: back.code, redirect_uri: seed.redirect };
}

for (const bodyFormat of ['form', 'json']) {
  for (const authorizationMethod of ['header', 'body']) {
    test(`rule_094 body ${bodyFormat}, secret in the ${authorizationMethod}: exchange, refresh, revoke`, async () => {
      const client = clientOf({ bodyFormat, authorizationMethod });
      const tokens = await client.getToken(await code(client));
      assert.match(tokens.token.access_token, /^bi_at_/);
      assert.equal(tokens.expired(), false, 'expires_in became a time in the future');
      assert.equal((await me(server, tokens.token.access_token)).status, 200);
      const fresh = await tokens.refresh();
      assert.notEqual(fresh.token.access_token, tokens.token.access_token);
      assert.match(fresh.token.refresh_token, /^rt_/);
      await fresh.revoke('refresh_token');
      const error = await fresh.refresh().then(() => assert.fail('accepted'), (e) => e);
      assert.equal(error.output.statusCode, 400);
      assert.equal(error.data.payload.error, 'invalid_grant');
    });

    test(`body ${bodyFormat}, secret in the ${authorizationMethod}: wrong code and wrong secret`, async () => {
      const refused = (promise) => promise.then(() => assert.fail('accepted'), (e) => [e.output.statusCode, e.data.payload.error]);
      assert.deepEqual(await refused(clientOf({ bodyFormat, authorizationMethod }).getToken({ code: 'bi_ac_wrong', redirect_uri: seed.redirect })), [400, 'invalid_grant']);
      assert.deepEqual(await refused(clientOf({ bodyFormat, authorizationMethod }, 'bi_cs_wrong').getToken({ code: 'bi_ac_wrong', redirect_uri: seed.redirect })), [401, 'invalid_client']);
    });
  }
}
