// SPDX-License-Identifier: MIT
// RFC 7662 and reports of leaked tokens, over the wire.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { api, startServer } from '../lib/server.mjs';
import { assertOauthError, basic, connectWith, control, elsewhere, eventually, mintRaw, neighbour, organizations, proxied, refresh, raw, rawPost } from '../lib/oauth.mjs';

const PATH = '/api/auth/mcp/introspect';
let server, seed;

before(async () => {
  server = await startServer({ settings: proxied });
  seed = server.seed();
});
after(() => server?.close());

async function ask(form, headers = {}, options = {}) {
  const answer = await fetch(server.url + PATH, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body: new URLSearchParams(form).toString(), ...options });
  const text = await answer.text();
  let body;
  try { body = JSON.parse(text); } catch { body = undefined; }
  return { status: answer.status, headers: answer.headers, text, body };
}
const asWeb = (token, more = {}) => ask({ token, client_id: seed.web.clientId, client_secret: seed.web.clientSecret, ...more });
const mint = async (connection, json) => {
  const answer = await mintRaw(server, connection, json);
  assert.equal(answer.status, 200, answer.text);
  return answer.body.installation_token;
};
const assertSilent = (answer) => {
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.body, { active: false });
  assert.equal(answer.headers.get('cache-control'), 'no-store');
};

test('rule_141 the metadata names the endpoint and how to authenticate there', async () => {
  const document = await (await fetch(`${server.url}/.well-known/oauth-authorization-server`)).json();
  assert.equal(document.introspection_endpoint, server.url + PATH);
  assert.deepEqual(document.introspection_endpoint_auth_methods_supported, ['client_secret_basic', 'client_secret_post', 'none']);
});

test('rule_142 an access token tells what it is, and nothing is null', async () => {
  const connection = await connectWith(server, seed);
  const answer = await asWeb(connection.access_token);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.equal(answer.headers.get('access-control-allow-origin'), null, 'R35: asked by servers');
  const { exp, iat, sub, jti, ...rest } = answer.body;
  assert.deepEqual(rest, { active: true, scope: connection.scope, client_id: seed.web.clientId, token_type: 'Bearer', token_use: 'access_token', aud: server.url, iss: server.url });
  assert.match(sub, /^usr_/);
  assert.match(jti, /^[0-9a-f]{32}$/);
  assert.equal(exp - iat, 1800);
  assert.ok(Math.abs(exp - Date.now() / 1000 - connection.expires_in) < 5);
  assert.equal((await asWeb(connection.access_token)).body.jti, jti, 'the same token has the same name');
  const who = await api(server, '/api/oauth-client/me', { token: connection.access_token });
  assert.equal(who.body.user.id, sub, 'sub is the id that /me shows');
});

test('rule_142 an installation token tells its grant, its organization and its projects', async () => {
  const connection = await connectWith(server, seed);
  const { body } = await asWeb(await mint(connection, { expires_in: 600 }));
  assert.equal(body.active, true);
  assert.equal(body.token_use, 'installation_token');
  assert.equal(body.grant_id, connection.grant_id);
  assert.equal(body.organization_id, connection.organization_id);
  assert.equal(body.project_access, 'all');
  assert.deepEqual(body.project_ids, []);
  assert.equal(body.exp - body.iat, 600);
  const narrow = (await asWeb(await mint(connection, { project_ids: [seed.projectId] }))).body;
  assert.equal(narrow.project_access, 'selected');
  assert.deepEqual(narrow.project_ids, [seed.projectId]);
});

test('rule_141 unknown, malformed, revoked and foreign kinds of token are inactive and nothing else', async () => {
  const connection = await connectWith(server, seed);
  const key = server.cli(['key', 'add', '--org', 'acme', '--level', 'read', '--name', 'k']).key;
  for (const token of ['x', 'bi_at_', 'é', neighbour(connection.access_token), neighbour(await mint(connection)), key, seed.web.clientSecret, connection.access_token.toUpperCase()]) {
    assertSilent(await asWeb(token));
  }
  const minted = await mint(connection);
  assert.equal((await asWeb(minted)).body.active, true);
  server.cli(['grant', 'revoke', connection.grant_id]);
  for (const token of [minted, connection.access_token, connection.refresh_token]) assertSilent(await asWeb(token));
});

test('rule_141 basic, post and none authenticate as at the token endpoint', async () => {
  const connection = await connectWith(server, seed);
  const own = await connectWith(server, seed, { app: seed.native });
  assert.equal((await ask({ token: connection.access_token }, basic(seed.web.clientId, seed.web.clientSecret))).body.active, true);
  assert.equal((await ask({ token: own.access_token, client_id: seed.native.clientId })).body.active, true);
  assertSilent(await ask({ token: connection.access_token, client_id: seed.native.clientId }));
  assertOauthErrorWithoutCors(await ask({ token: connection.access_token }, basic(seed.web.clientId, 'wrong')), 401, 'invalid_client', true);
  assertOauthErrorWithoutCors(await ask({ token: connection.access_token, client_id: seed.web.clientId }), 401, 'invalid_client');
  assertOauthErrorWithoutCors(await ask({ token: connection.access_token }), 401, 'invalid_client');
  assertOauthErrorWithoutCors(await ask({ token: 'x', client_id: seed.web.clientId, client_secret: seed.web.clientSecret }, basic(seed.web.clientId, seed.web.clientSecret)), 400, 'invalid_request');
  assertOauthErrorWithoutCors(await asWeb(''), 400, 'invalid_request');
});

function assertOauthErrorWithoutCors(answer, status, error, challenge = false) {
  assert.equal(answer.headers.get('access-control-allow-origin'), null);
  const headers = new Headers(answer.headers);
  headers.set('access-control-allow-origin', '*');
  assertOauthError({ ...answer, headers }, status, error, { challenge });
}

test('rule_141 a failed authentication is on record', async () => {
  const count = async () => (await control(server, 'audit.list', { app: seed.web.clientId })).events.filter((event) => event.kind === 'app.auth_failed').length;
  const was = await count();
  assert.equal((await ask({ token: 'x', client_id: seed.web.clientId, client_secret: 'wrong' }, elsewhere())).status, 401);
  await eventually('the audit event', async () => await count() === was + 1);
});

test('rule_143 a refresh token is told about to its own app alone, and is not used up', async () => {
  const own = await connectWith(server, seed, { app: seed.native });
  assertSilent(await asWeb(own.refresh_token));
  const { body } = await ask({ token: own.refresh_token, client_id: seed.native.clientId, token_type_hint: 'access_token' });
  assert.equal(body.active, true);
  assert.equal(body.token_use, 'refresh_token');
  assert.equal(body.token_type, undefined);
  assert.equal(body.grant_id, own.grant_id);
  assert.ok(body.exp > body.iat);
  assert.equal((await refresh(server, seed.native, own.refresh_token)).status, 200);
});

test('rule_144 guessing is limited, and limited for everything once it is', async () => {
  const own = await connectWith(server, seed, { app: seed.native });
  const place = elsewhere();
  const seen = [];
  for (let i = 0; i < 61; i++) seen.push((await ask({ token: neighbour(own.access_token, -8 - i % 30), client_id: seed.native.clientId }, place)).status);
  assert.deepEqual([...new Set(seen)], [200, 429]);
  const limited = await ask({ token: own.access_token, client_id: seed.native.clientId }, place);
  assert.equal(limited.status, 429);
  assert.equal(limited.body.error, 'temporarily_unavailable');
  assert.match(limited.headers.get('retry-after'), /^[1-9][0-9]*$/);
  assert.equal((await ask({ token: own.access_token, client_id: seed.native.clientId }, elsewhere())).body.active, true);
});

test('rule_141 the endpoint takes POST, and no token from an address', async () => {
  const get = await fetch(`${server.url}${PATH}?token=x`);
  assert.equal(get.status, 405);
  assert.match(get.headers.get('allow'), /POST/);
  const connection = await connectWith(server, seed);
  const answer = await rawPost(server, `${PATH}?token=${connection.access_token}`, `client_id=${seed.web.clientId}&client_secret=${seed.web.clientSecret}`, ['Content-Type: application/x-www-form-urlencoded']);
  assert.equal(answer.status, 400);
  assert.equal(JSON.parse(answer.text).error, 'invalid_request');
});

// Leaks ------------------------------------------------------------------------------------------

const report = (json, headers = elsewhere()) => api(server, '/api/oauth-client/leaked', { method: 'POST', json, headers });

test('rule_215 anyone may report: what is live ends and the owner is told', async () => {
  const connection = await connectWith(server, seed);
  const minted = await mint(connection);
  assert.equal((await organizations(server, minted)).status, 200);
  const answer = await report({ token: minted });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.body, { received: 1 });
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.equal((await organizations(server, minted)).status, 401);
  assert.deepEqual((await report({ token: minted })).body, answer.body, 'dead or alive, the answer is the same');
  const events = (await control(server, 'audit.list', { grant: connection.grant_id })).events.filter((event) => event.kind === 'token.leaked');
  assert.equal(events.length, 1);
  assert.equal(events[0].detail.kind, 'installation_token');
  assert.ok(!JSON.stringify(events).includes(minted));
});

test('rule_215 a report of several kinds at once ends each', async () => {
  const connection = await connectWith(server, seed), own = await connectWith(server, seed, { app: seed.native });
  const app = server.cli(['app', 'add', '--name', 'Leaky', '--type', 'web', '--redirect-uri', 'https://leaky.example/cb']);
  const key = server.cli(['key', 'add', '--org', 'acme', '--level', 'read', '--name', 'leaky']).key;
  const answer = await report({ tokens: [connection.access_token, own.refresh_token, app.clientSecret, key, 'not ours'] });
  assert.deepEqual(answer.body, { received: 5 });
  assert.equal((await api(server, '/api/oauth-client/me', { token: connection.access_token })).status, 401);
  assert.equal((await refresh(server, seed.native, own.refresh_token)).body.error, 'invalid_grant');
  assert.equal((await ask({ token: 'x', client_id: app.clientId, client_secret: app.clientSecret })).body.error, 'invalid_client');
  assert.equal((await organizations(server, key)).status, 401);
  assert.equal((await refresh(server, seed.web, connection.refresh_token)).status, 200, 'the family of an access token goes on');
});

test('rule_215 bad reports say what is wrong, and reports are limited by address', async () => {
  for (const json of [{}, { token: '' }, { tokens: [] }, { tokens: 'x' }, { token: 7 }, { tokens: [1] }, { tokens: Array(101).fill('x') }]) {
    const answer = await report(json);
    assert.equal(answer.status, 400, `${JSON.stringify(json).slice(0, 60)}: ${answer.text}`);
    assert.equal(answer.body.error, 'invalid_request');
    assert.ok(answer.body.error_description.length > 10);
  }
  const huge = await report({ token: 'x'.repeat(70_000) });
  assert.equal(huge.status, 413);
  const place = elsewhere();
  let last;
  for (let i = 0; i < 31; i++) last = await report({ token: 'x' }, place);
  assert.equal(last.status, 429);
  assert.equal(last.body.error, 'rate_limited');
  assert.match(last.headers.get('retry-after'), /^[1-9]/);
});

test('rule_215 no page of another origin reports in a visitor\'s name', async () => {
  const answer = await raw(server, `OPTIONS /api/oauth-client/leaked HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n`);
  assert.equal(answer.headers['access-control-allow-origin'], undefined);
});
