// SPDX-License-Identifier: MIT
// Ending tokens and connections: by the app, by the person, by the operator; and how fast it is true.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { api, hidden, mint, startServer, trpc } from '../lib/server.mjs';
import { addPerson, anyChallenge, assertOauthError, assertRestError, assertTokens, basic, codeFor, connectWith, elsewhere, from, invalidToken, me, mintRaw, neighbour, organizations, proxied, redeem, refresh, revokeRequest, signedIn } from '../lib/oauth.mjs';

let server, seed, browser, other, spa;

before(async () => {
  server = await startServer({ settings: { ...proxied, requests_per_minute_max: 1_000_000, mint_per_minute_max: 10_000 } });
  seed = server.seed();
  browser = await signedIn(server, seed);
  other = server.cli(['app', 'add', '--name', 'Other', '--type', 'web', '--redirect-uri', 'https://other.example/cb']);
  spa = server.cli(['app', 'add', '--name', 'Page', '--type', 'spa', '--redirect-uri', 'https://spa.example/cb']);
});
after(() => server?.close());

let apps = 0;
const ownApp = () => server.cli(['app', 'add', '--name', `App ${++apps}`, '--type', 'web', '--redirect-uri', 'https://own.example/cb']);
const connectOwn = async (options = {}) => connectWith(server, seed, { app: ownApp(), browser, ...options });
const revoke = (app, token, more = {}, headers = {}) => revokeRequest(server, { token, client_id: app.clientId, ...(app.clientSecret && { client_secret: app.clientSecret }), ...more }, headers);
const remove = (connection, bearer = connection.access_token, options = {}) => api(server, `/api/oauth-client/installations/${connection.grant_id}`, { method: 'DELETE', token: bearer, ...options });

// RFC 7009 -------------------------------------------------------------------------------------------

test('rule_138 a refresh token takes its access and installation tokens with it; the grant stays', async () => {
  const one = await connectOwn();
  const two = await connectWith(server, seed, { app: one.app, browser });
  const minted = (await mint(server, one)).installation_token;
  const kept = (await mint(server, two, { scopes: ['org:read'] })).installation_token;
  const answer = await revoke(one.app, one.refresh_token);
  assert.equal(answer.status, 200);
  assert.match(answer.text, /^(\{\})?$/);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.equal(answer.headers.get('access-control-allow-origin'), '*', 'R35');
  assertOauthError(await refresh(server, one.app, one.refresh_token), 400, 'invalid_grant');
  assert.equal((await me(server, one.access_token)).status, 401);
  assert.equal((await organizations(server, minted)).status, 401);
  assert.equal((await organizations(server, kept)).status, 200, 'what the other sign-in minted');
  assertTokens(await refresh(server, one.app, two.refresh_token));
});

test('rule_138 an access token goes alone; so does an installation token', async () => {
  const one = await connectOwn();
  const minted = (await mint(server, one)).installation_token;
  const second = (await mint(server, one, { scopes: ['org:read'] })).installation_token;
  assert.equal((await revoke(one.app, minted)).status, 200);
  assertRestError(await organizations(server, minted), 401, 'invalid_token', { challenge: invalidToken });
  assert.equal((await organizations(server, second)).status, 200);
  assert.equal((await me(server, one.access_token)).status, 200);
  assert.equal((await revoke(one.app, one.access_token)).status, 200);
  assertRestError(await me(server, one.access_token), 401, 'invalid_token', { challenge: invalidToken });
  assertRestError(await mintRaw(server, one), 401, 'invalid_token');
  assert.equal((await organizations(server, second)).status, 200);
  const again = assertTokens(await refresh(server, one.app, one.refresh_token));
  assert.equal((await me(server, again.access_token)).status, 200);
});

test('rule_136 rule_137 unknown, expired and other apps\' tokens: the same 200, and nothing happens', async () => {
  const one = await connectOwn();
  const minted = (await mint(server, one)).installation_token;
  for (const app of [other, spa]) {
    for (const token of [one.refresh_token, one.access_token, minted, neighbour(one.refresh_token), 'x', 'rt_', 'a'.repeat(4096), seed.web.clientSecret]) assert.equal((await revoke(app, token)).status, 200, token.slice(0, 10));
  }
  assert.equal((await organizations(server, minted)).status, 200);
  assert.equal((await me(server, one.access_token)).status, 200);
  assertTokens(await refresh(server, one.app, one.refresh_token));
  assert.equal((await revoke(one.app, one.refresh_token)).status, 200);
  assert.equal((await revoke(one.app, one.refresh_token)).status, 200, 'twice');
});

test('rule_136 the app authenticates itself as at the token endpoint', async () => {
  const one = await connectOwn();
  const token = one.refresh_token;
  assertOauthError(await revoke(one.app, token, { client_secret: 'wrong' }, elsewhere()), 401, 'invalid_client');
  assertOauthError(await revokeRequest(server, { token, client_id: one.app.clientId }, elsewhere()), 401, 'invalid_client');
  assertOauthError(await revokeRequest(server, { token }, elsewhere()), 401, 'invalid_client');
  assertOauthError(await revokeRequest(server, { token }, { ...basic(one.app.clientId, 'wrong'), ...elsewhere() }), 401, 'invalid_client', { challenge: true });
  assertOauthError(await revoke(one.app, ''), 400, 'invalid_request');
  assertOauthError(await revokeRequest(server, { client_id: one.app.clientId, client_secret: one.app.clientSecret }), 400, 'invalid_request');
  assertTokens(await refresh(server, one.app, token));
  assert.equal((await revokeRequest(server, { token }, basic(one.app.clientId, one.app.clientSecret))).status, 200);
  assertOauthError(await refresh(server, one.app, token), 400, 'invalid_grant');
});

test('rule_140 an app without a secret revokes with its client_id', async () => {
  const one = await connectWith(server, seed, { app: spa, browser });
  assert.equal((await revoke(spa, one.refresh_token)).status, 200);
  assertOauthError(await refresh(server, spa, one.refresh_token), 400, 'invalid_grant');
  assert.equal((await me(server, one.access_token)).status, 401);
});

test('rule_139 the hint is only a hint', async () => {
  for (const hint of ['access_token', 'refresh_token', 'nonsense', '']) {
    const one = await connectOwn();
    assert.equal((await revoke(one.app, one.refresh_token, { token_type_hint: hint })).status, 200);
    assertOauthError(await refresh(server, one.app, one.refresh_token), 400, 'invalid_grant');
  }
});

test('rule_094 rule_095 rule_105 the revocation endpoint reads requests as the token endpoint does', async () => {
  const url = `${server.url}/api/auth/mcp/revoke`;
  for (const method of ['GET', 'PUT', 'DELETE']) assert.equal((await fetch(url, { method })).status, 405, method);
  const preflight = await fetch(url, { method: 'OPTIONS', headers: { origin: 'https://spa.example', 'access-control-request-method': 'POST' } });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
  const send = async (body, type, target = url) => { const answer = await fetch(target, { method: 'POST', headers: { 'content-type': type }, body }); return { status: answer.status, headers: answer.headers, ...(await answer.text().then((text) => ({ text, body: JSON.parse(text || '{}') }))) }; };
  const one = await connectOwn();
  const form = new URLSearchParams({ token: one.refresh_token, client_id: one.app.clientId, client_secret: one.app.clientSecret });
  assertOauthError(await send(`${form}&token=${one.refresh_token}`, 'application/x-www-form-urlencoded'), 400, 'invalid_request');
  assertOauthError(await send('x', 'application/x-www-form-urlencoded', `${url}?${form}`), 400, 'invalid_request');
  assertOauthError(await send(`${form}`, 'text/plain'), 400, 'invalid_request');
  assertTokens(await refresh(server, one.app, one.refresh_token));
  assert.equal((await send(JSON.stringify(Object.fromEntries(form)), 'application/json')).status, 200);
  assertOauthError(await refresh(server, one.app, one.refresh_token), 400, 'invalid_grant');
});

// Ending a connection --------------------------------------------------------------------------------

test('rule_145 rule_153 seed_03 DELETE ends all: 410 on REST and tRPC, invalid_grant on refresh, and twice the same 200', async () => {
  const one = await connectOwn();
  const again = await connectWith(server, seed, { app: one.app, browser });
  const tokens = [];
  for (const json of [undefined, { scopes: ['org:read'] }, { expires_in: 300 }]) tokens.push((await mint(server, one, json)).installation_token);
  const answer = await remove(one);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, { revoked: true, grant_id: one.grant_id });
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  for (const token of tokens) {
    const rest = await organizations(server, token);
    assertRestError(rest, 410, 'grant_revoked', { challenge: invalidToken });
    assert.deepEqual(Object.keys(rest.body).sort(), ['error', 'error_description']);
    const call = await trpc(server, 'mcp.listProjects', undefined, { key: token });
    assert.equal(call.status, 410);
    assert.equal(call.error.code, -32001);
    assert.equal(call.error.message, 'grant_revoked');
    assert.equal(call.error.data.code, 'UNAUTHORIZED');
    assert.equal(call.error.data.httpStatus, 410);
    assert.equal(call.error.data.error, 'grant_revoked');
    const batched = await trpc(server, 'mcp.listProjects', undefined, { key: token, batch: true });
    assert.equal(batched.status, 410);
    assert.equal(batched.error.message, 'grant_revoked');
    assertRestError(await me(server, token), 410, 'grant_revoked', { challenge: invalidToken });
  }
  assertRestError(await mintRaw(server, one), 410, 'grant_revoked', { challenge: invalidToken });
  for (const connection of [one, again]) assertOauthError(await refresh(server, one.app, connection.refresh_token), 400, 'invalid_grant');
  const second = await remove(one);
  assert.equal(second.status, 200, 'R33');
  assert.deepEqual(second.body, answer.body);
  assert.deepEqual((await api(server, '/api/oauth-client/installations', { token: one.access_token })).body.installations, []);
});

test('rule_145 rule_154 others\' and unknown connections are 404, and go on', async () => {
  const one = await connectOwn();
  const foreign = await connectOwn();
  const minted = (await mint(server, one)).installation_token;
  for (const id of [one.grant_id, 'grt_nothing', neighbour(one.grant_id), 'x']) assertRestError(await remove({ grant_id: id }, foreign.access_token), 404, 'grant_not_found');
  const stranger = addPerson(server, { email: 'stranger@example.com', org: 'strange' });
  const hers = await connectWith(server, { ...seed, ...stranger }, { app: one.app, organizations: ['strange'], browser: await signedIn(server, stranger) });
  assertRestError(await remove({ grant_id: one.grant_id }, hers.access_token), 404, 'grant_not_found');
  assert.equal((await organizations(server, minted)).status, 200);
  await remove(one);
  assertRestError(await remove({ grant_id: one.grant_id }, foreign.access_token), 404, 'grant_not_found');
});

test('rule_145 E-46 the app may end a connection with its own credentials, when the access token is long gone', async () => {
  const one = await connectOwn();
  const minted = (await mint(server, one)).installation_token;
  const path = `/api/oauth-client/installations/${one.grant_id}`;
  const wrong = await api(server, path, { method: 'DELETE', headers: basic(one.app.clientId, 'wrong') });
  assert.equal(wrong.status, 401);
  assert.equal(wrong.body.error, 'invalid_client');
  assert.match(wrong.headers.get('www-authenticate'), /^Basic/);
  assert.equal((await api(server, path, { method: 'DELETE', headers: basic(other.clientId, other.clientSecret) })).status, 404);
  assert.equal((await organizations(server, minted)).status, 200);
  const answer = await api(server, path, { method: 'DELETE', headers: basic(one.app.clientId, one.app.clientSecret) });
  assert.equal(answer.status, 200);
  assert.equal((await organizations(server, minted)).status, 410);
});

test('rule_117 guessing an app\'s secret is slowed here too, for the guesser alone', async () => {
  const one = await connectOwn();
  const attempt = (secret, headers) => api(server, `/api/oauth-client/installations/${one.grant_id}`, { method: 'DELETE', headers: { ...basic(one.app.clientId, secret), ...headers } });
  const guesser = from('198.18.7.4');
  let limited;
  for (let i = 0; i < 100 && !limited; i++) {
    const answer = await attempt(`guess ${i}`, guesser);
    if (answer.status === 429) limited = answer;
    else assert.equal(answer.body.error, 'invalid_client');
  }
  assertRestError(limited, 429, 'rate_limited', { challenge: null });
  assert.match(limited.headers.get('retry-after'), /^[1-9]\d?$/);
  assert.equal((await attempt(one.app.clientSecret, guesser)).status, 429);
  assertOauthError(await refresh(server, one.app, one.refresh_token, { client_secret: 'guess' }, guesser), 429, 'temporarily_unavailable');
  for (let i = 0; i < 30; i++) assert.equal((await attempt(one.app.clientSecret, from('198.19.7.4'))).status, 200, 'a right secret is no attempt');
});

test('rule_145 only an access token or the app itself may delete', async () => {
  const one = await connectOwn();
  const minted = (await mint(server, one)).installation_token;
  const key = server.cli(['key', 'add', '--org', seed.org, '--level', 'admin']).key;
  for (const bearer of [minted, one.refresh_token, key]) assertRestError(await remove(one, bearer), 401, 'invalid_token', { challenge: invalidToken });
  assertRestError(await remove(one, null), 401, 'invalid_token', { challenge: anyChallenge });
  assert.equal((await organizations(server, minted)).status, 200);
});

test('E-23 rule_153 ending one of two organizations leaves the other alone', async () => {
  server.cli(['org', 'add', '--slug', 'two', '--name', 'Two', '--owner', seed.email]);
  const both = await connectOwn({ organizations: ['acme', 'two'] });
  const [acme, two] = both.grants;
  const tokens = [];
  for (const grant of both.grants) tokens.push((await mint(server, { ...both, grant_id: grant.grant_id })).installation_token);
  await remove(acme, both.access_token);
  assert.equal((await organizations(server, tokens[0])).status, 410);
  assert.equal((await organizations(server, tokens[1])).status, 200);
  assert.equal((await mintRaw(server, { ...both, grant_id: two.grant_id })).status, 200, 'the access token still serves the other grant (R20)');
  assertOauthError(await refresh(server, both.app, acme.refresh_token), 400, 'invalid_grant');
  assertTokens(await refresh(server, both.app, two.refresh_token));
});

test('rule_146 the command ends a connection; the server\'s very next answer is 410', async () => {
  const one = await connectOwn();
  const minted = (await mint(server, one)).installation_token;
  server.cli(['grant', 'revoke', one.grant_id]);
  assert.equal((await organizations(server, minted)).status, 410);
  const listed = server.cli(['grant', 'list', '--app', one.app.clientId]);
  const rows = Array.isArray(listed) ? listed : listed.grants;
  assert.ok(rows.find((row) => row.grantId === one.grant_id).revokedAt);
  assert.deepEqual(server.cli(['grant', 'revoke', one.grant_id]), { revoked: true, grantId: one.grant_id });
  assert.equal(server.run(['grant', 'revoke', 'grt_nothing', '--json']).status, 3);
});

test('rule_262 an administrator of the organization ends what another person connected; a member cannot', async () => {
  const one = await connectOwn();
  const minted = (await mint(server, one)).installation_token;
  const admin = addPerson(server, { email: 'admin@example.com' });
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', admin.email, '--role', 'member']);
  const who = await signedIn(server, admin);
  const post = async () => who.request('/settings/connected-apps', { method: 'POST', form: { csrf: hidden((await who.request('/')).text, '/logout').csrf, grant_id: one.grant_id, decision: 'revoke' } });
  assert.ok([403, 404].includes((await post()).status));
  assert.equal((await organizations(server, minted)).status, 200);
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', admin.email, '--role', 'admin']);
  assert.equal((await post()).status, 303);
  assert.equal((await organizations(server, minted)).status, 410);
});

test('rule_146 rule_166 rule_262 revoking while requests are in flight: every request sent afterwards is 410', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  const ask = (token) => new Promise((resolve, reject) => {
    http.get(`${server.url}/api/oauth-client/organizations`, { agent, headers: { authorization: `Bearer ${token}` } }, (answer) => { answer.resume(); answer.on('end', () => resolve(answer.statusCode)); }).on('error', reject);
  });
  const ways = [
    (one) => remove(one), (one) => server.cli(['grant', 'revoke', one.grant_id]),
    async (one) => { const page = await browser.request('/settings/connected-apps'); const answer = await browser.request('/settings/connected-apps', { method: 'POST', form: { ...hidden(page.text, '/settings/connected-apps'), grant_id: one.grant_id, decision: 'revoke' } }); assert.equal(answer.status, 303); },
  ];
  for (const way of ways) {
    const one = await connectOwn();
    const minted = (await mint(server, one)).installation_token;
    let revoked = false, late = 0, early = 0;
    const failures = [];
    const worker = async () => {
      for (;;) {
        const sentAfter = revoked;
        const status = await ask(minted);
        if (sentAfter && status !== 410) failures.push(status);
        if (!sentAfter && ![200, 410].includes(status)) failures.push(status);
        if (sentAfter) late++; else early++;
        if (late > 200) return;
      }
    };
    const workers = Promise.all(Array.from({ length: 8 }, worker));
    while (early < 50) await new Promise((resolve) => setImmediate(resolve));
    await way(one);
    revoked = true;
    await workers;
    assert.deepEqual(failures, []);
  }
  agent.destroy();
});

test('rule_128 refreshes and mints that race with a revocation leave nothing alive', async () => {
  for (let round = 0; round < 5; round++) {
    const one = await connectOwn();
    const before = (await mint(server, one)).installation_token;
    const [deleted, ...answers] = await Promise.all([remove(one), ...Array.from({ length: 8 }, () => refresh(server, one.app, one.refresh_token)), ...Array.from({ length: 8 }, (_, i) => mintRaw(server, one, { expires_in: 100 + i }))]);
    assert.equal(deleted.status, 200);
    assert.equal((await organizations(server, before)).status, 410);
    for (const answer of answers) {
      if (answer.status !== 200) { assert.ok([400, 410].includes(answer.status), answer.text); continue; }
      if (answer.body.installation_token) assert.equal((await organizations(server, answer.body.installation_token)).status, 410);
      else assertRestError(await mintRaw(server, { ...one, access_token: answer.body.access_token }), 410, 'grant_revoked');
    }
    assertOauthError(await refresh(server, one.app, one.refresh_token), 400, 'invalid_grant');
  }
});

test('rule_128 mints that race with the end of a family die with it', async () => {
  for (let round = 0; round < 5; round++) {
    const one = await connectOwn();
    const [gone, ...answers] = await Promise.all([revoke(one.app, one.refresh_token), ...Array.from({ length: 8 }, (_, i) => mintRaw(server, one, { expires_in: 100 + i }))]);
    assert.equal(gone.status, 200);
    for (const answer of answers) if (answer.status === 200) assert.equal((await organizations(server, answer.body.installation_token)).status, 401);
    assertRestError(await mintRaw(server, one), 401, 'invalid_token');
  }
});

test('rule_262 removing a person from the organization stops what they connected at once', async () => {
  const person = addPerson(server, { email: 'leaver@example.com' });
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', person.email, '--role', 'owner']);
  const one = await connectWith(server, { ...seed, ...person, org: seed.org }, { app: ownApp(), browser: await signedIn(server, person) });
  const minted = (await mint(server, one)).installation_token;
  assert.equal((await organizations(server, minted)).status, 200);
  server.cli(['org', 'member', 'remove', '--org', seed.org, '--email', person.email]);
  assert.ok([401, 410].includes((await organizations(server, minted)).status));
  assert.ok([404, 410].includes((await mintRaw(server, one)).status));
  assertOauthError(await refresh(server, one.app, one.refresh_token), 400, 'invalid_grant');
});

test('E-12 after the end of a connection the refusal says that it was revoked', async () => {
  const one = await connectOwn();
  await remove(one);
  const answer = await refresh(server, one.app, one.refresh_token);
  assertOauthError(answer, 400, 'invalid_grant');
  assert.match(answer.body.error_description, /^revoked: /);
});

test('rule_147 a code that the app has not redeemed does not bring back what somebody else has ended', async () => {
  const page = async () => hidden((await browser.request('/settings/connected-apps')).text, '/settings/connected-apps');
  const post = async (form) => assert.equal((await browser.request('/settings/connected-apps', { method: 'POST', form: { ...await page(), ...form } })).status, 303);
  const ways = {
    'the person, one connection': (one) => post({ grant_id: one.grant_id, decision: 'revoke' }),
    'the person, the whole app': (one) => post({ client_id: one.app.clientId, decision: 'revoke-app' }),
    'the operator': (one) => server.cli(['grant', 'revoke', one.grant_id]),
  };
  const bystander = ownApp(), theirs = await codeFor(server, seed, { app: bystander, browser });
  for (const [label, end] of Object.entries(ways)) {
    const one = await connectOwn();
    const fresh = await codeFor(server, seed, { app: one.app, browser });
    await end(one);
    assertOauthError(await redeem(server, fresh), 400, 'invalid_grant');
    assert.equal(server.cli(['grant', 'list', '--app', one.app.clientId]).filter((grant) => !grant.revokedAt).length, 0, label);
    assertTokens(await redeem(server, await codeFor(server, seed, { app: one.app, browser })));
  }
  assertTokens(await redeem(server, theirs));
});

test('a code that was issued before the app ended the connection still connects: the person approved it', async () => {
  const one = await connectOwn();
  const fresh = await codeFor(server, seed, { app: one.app, browser });
  await remove(one);
  const answer = await redeem(server, fresh);
  assertTokens(answer);
  assert.notEqual(answer.body.grant_id, one.grant_id);
  assert.equal((await mintRaw(server, answer.body)).status, 200);
  assertRestError(await mintRaw(server, { ...answer.body, grant_id: one.grant_id }), 410, 'grant_revoked');
});
