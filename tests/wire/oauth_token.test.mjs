// SPDX-License-Identifier: MIT
// Codes and their exchange: who may, how often, with which proof, and what each refusal looks like.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Server, api, pkce, startServer, tokenRequest } from '../lib/server.mjs';
import { addPerson, alterStore, assertOauthError, assertTokens, authorizeUrl, basic, checksum, codeFor, connectWith, elsewhere, from, me, mintRaw, neighbour, organizations, passed, proxied, query, raw, rawPost, readStore, redeem, redeemForm, refresh, signedIn, storeOnly } from '../lib/oauth.mjs';

const FORM = 'application/x-www-form-urlencoded';
const PATH = '/api/auth/mcp/token';
let server, seed, browser, other, post;

before(async () => {
  server = await startServer({ settings: proxied });
  seed = server.seed();
  browser = await signedIn(server, seed);
  other = server.cli(['app', 'add', '--name', 'Other Web', '--type', 'web', '--redirect-uri', 'https://other.example/cb']);
  post = server.cli(['app', 'add', '--name', 'Spa', '--type', 'spa', '--redirect-uri', 'https://spa.example/cb']);
});
after(() => server?.close());

const code = (options = {}) => codeFor(server, seed, { browser, scope: 'org:read projects:read', ...options });
const claim = (changes = {}) => ({ grant_type: 'authorization_code', client_id: seed.web.clientId, client_secret: seed.web.clientSecret, redirect_uri: seed.redirect, code: 'x', ...changes });
const ask = (form, headers) => tokenRequest(server, form, headers ?? elsewhere());

async function send(body, headers = {}, method = 'POST', target = PATH) {
  const answer = await fetch(server.url + target, { method, headers: { ...elsewhere(), ...headers }, body });
  const text = await answer.text();
  let parsed;
  try { parsed = JSON.parse(text); } catch { parsed = undefined; }
  return { status: answer.status, headers: answer.headers, text, body: parsed };
}
const text = (form) => new URLSearchParams(form).toString();

// Codes ---------------------------------------------------------------------------------------------

test('rule_077 rule_114 rule_130 rule_210 rule_213 rule_214 a code is random, prefixed and checksummed; so is all that comes of it', async () => {
  const codes = new Set();
  for (let i = 0; i < 3; i++) codes.add((await code()).code);
  assert.equal(codes.size, 3);
  const connection = await connectWith(server, seed, { browser });
  const minted = (await mintRaw(server, connection)).body.installation_token;
  for (const token of [...codes, connection.access_token, connection.refresh_token, minted, seed.web.clientSecret]) {
    assert.match(token, /^(bi_ac_|bi_at_|rt_|bi_oat_|bi_cs_)[0-9A-Za-z]{36,}$/);
    assert.ok(token.length <= 255, 'R21');
    assert.equal(token.slice(-6), checksum(token.slice(0, -6)), token.slice(0, 8));
  }
});

test('rule_096 rule_097 rule_098 rule_132 rule_133 the answer has everything a client reads, and may not be stored', async () => {
  const body = assertTokens(await redeem(server, await code()));
  assert.equal(body.expires_in, 1800);
  assert.equal(body.scope, 'org:read projects:read');
  assert.deepEqual(body.project_ids, []);
  assert.equal(body.project_access, 'all');
  const [grant] = body.grants;
  assert.deepEqual(Object.keys(grant).sort(), ['grant_id', 'organization_id', 'organization_name', 'organization_slug', 'project_access', 'project_ids', 'refresh_token', 'scopes']);
  assert.deepEqual([grant.organization_slug, grant.organization_name], ['acme', 'Acme Corp'], 'E-23');
  const [again] = assertTokens(await refresh(server, seed.web, body.refresh_token)).grants;
  assert.deepEqual(Object.keys(again).sort(), Object.keys(grant).sort(), 'a refresh tells the same');
  assert.equal(again.organization_name, 'Acme Corp');
  assert.deepEqual(grant.scopes, ['org:read', 'projects:read']);
});

test('rule_069 the scope of the answer names the OpenID scopes that were asked for, and offline_access', async () => {
  const body = assertTokens(await redeem(server, await code({ scope: 'openid org:read offline_access', scopes: ['org:read'] })));
  assert.equal(body.scope, 'org:read openid offline_access');
});

test('R42 a connection with selected projects never shows [] for them', async () => {
  const body = assertTokens(await redeem(server, await code({ projects: ['acme/web'] })));
  assert.deepEqual(body.project_ids, [seed.projectId]);
  assert.equal(body.project_access, 'selected');
  const again = assertTokens(await refresh(server, seed.web, body.refresh_token));
  assert.deepEqual(again.project_ids, [seed.projectId]);
  assert.equal(again.project_access, 'selected');
  await redeem(server, await code()); // back to all
});

test('rule_080 rule_245 a replayed code revokes everything that came of it, and that alone', async () => {
  const before = await connectWith(server, seed, { browser });
  const fresh = await code();
  const connection = assertTokens(await redeem(server, fresh));
  const minted = (await mintRaw(server, connection)).body.installation_token;
  const narrow = (await mintRaw(server, connection, { scopes: ['org:read'] })).body.installation_token;
  const refreshed = assertTokens(await refresh(server, seed.web, connection.refresh_token));
  const later = (await mintRaw(server, { ...refreshed }, { scopes: ['projects:read'] })).body.installation_token;
  assert.equal((await organizations(server, minted)).status, 200);
  assertOauthError(await redeem(server, fresh), 400, 'invalid_grant');
  for (const token of [connection.access_token, refreshed.access_token]) {
    assert.equal((await me(server, token)).status, 401, 'access tokens');
    assert.equal((await mintRaw(server, { grant_id: connection.grant_id, access_token: token })).status, 401);
  }
  assertOauthError(await refresh(server, seed.web, connection.refresh_token), 400, 'invalid_grant');
  for (const token of [minted, narrow, later]) assert.equal((await organizations(server, token)).status, 401, 'installation tokens');
  assert.equal((await me(server, before.access_token)).status, 200, 'the connection of an earlier code goes on');
  assertTokens(await refresh(server, seed.web, before.refresh_token));
  assertOauthError(await redeem(server, fresh), 400, 'invalid_grant');
});

test('rule_080 a replay by the app without a redirect URI or verifier counts too; R4: for each organization', async () => {
  server.cli(['org', 'add', '--slug', 'two', '--name', 'Two', '--owner', seed.email]);
  const fresh = await code({ pkce: true, organizations: ['acme', 'two'] });
  const connection = assertTokens(await redeem(server, fresh));
  assert.equal(connection.grants.length, 2);
  assertOauthError(await ask(claim({ code: fresh.code, redirect_uri: 'https://wrong.example/' })), 400, 'invalid_grant');
  for (const grant of connection.grants) assertOauthError(await refresh(server, seed.web, grant.refresh_token), 400, 'invalid_grant');
  assert.equal((await me(server, connection.access_token)).status, 401);
});

test('rule_081 only the very code counts as a replay', async () => {
  const fresh = await code();
  const connection = assertTokens(await redeem(server, fresh));
  for (const close of [neighbour(fresh.code), neighbour(fresh.code, -20), fresh.code.slice(0, -1), `${fresh.code}A`, fresh.code.toLowerCase(), fresh.code.replace('bi_ac_', 'bi_oat_'), ` ${fresh.code}`]) assertOauthError(await redeem(server, { ...fresh, code: close }), 400, 'invalid_grant');
  assert.equal((await me(server, connection.access_token)).status, 200);
});

test('rule_082 rule_250 another app cannot use a code, and does not use it up', async () => {
  const fresh = await code();
  for (const app of [other, post]) assertOauthError(await ask(claim({ code: fresh.code, client_id: app.clientId, client_secret: app.clientSecret ?? '' })), 400, 'invalid_grant');
  assertTokens(await redeem(server, fresh));
  assertOauthError(await ask(claim({ code: fresh.code, client_id: other.clientId, client_secret: other.clientSecret })), 400, 'invalid_grant');
  const connection = await connectWith(server, seed, { browser });
  assert.equal((await me(server, connection.access_token)).status, 200, 'a stranger\'s replay ends nothing');
});

test('rule_083 failed attempts do not use a code up', async () => {
  const fresh = await code({ pkce: true });
  const attempts = [
    ['invalid_client', { client_id: 'app_unknown00000000000' }], ['invalid_client', { client_secret: 'bi_cs_wrong' }], ['invalid_client', { client_secret: undefined }], ['invalid_client', { client_secret: other.clientSecret }],
    ['invalid_request', { grant_type: undefined }], ['unsupported_grant_type', { grant_type: 'password' }], ['invalid_request', { code_verifier: undefined }], ['invalid_request', { code_verifier: 'short' }],
    ['invalid_target', { resource: 'https://evil.example/' }], ['invalid_authorization_details', { authorization_details: '[{"type":"x"}]' }], ['invalid_grant', { redirect_uri: 'https://partner.example/callback/' }], ['invalid_grant', { redirect_uri: 'https://evil.example/' }],
  ];
  for (const [error, changes] of attempts) assert.equal((await redeem(server, fresh, changes, elsewhere())).body.error, error, JSON.stringify(changes));
  assertTokens(await redeem(server, fresh));
});

test('rule_083 three wrong verifiers use it up', async () => {
  const fresh = await code({ pkce: true });
  const wrong = () => redeem(server, fresh, { code_verifier: pkce().verifier });
  for (let i = 0; i < 2; i++) assertOauthError(await wrong(), 400, 'invalid_grant');
  const second = await code({ pkce: true });
  assertOauthError(await redeem(server, second, { code_verifier: pkce().verifier }), 400, 'invalid_grant');
  assertTokens(await redeem(server, second));
  assertOauthError(await wrong(), 400, 'invalid_grant');
  assertOauthError(await redeem(server, fresh), 400, 'invalid_grant');
});

test('rule_079 rule_246 of 32 redemptions at the same time exactly one succeeds, and then all is revoked', async () => {
  const fresh = await code();
  const answers = await Promise.all(Array.from({ length: 32 }, () => redeem(server, fresh)));
  const good = answers.filter((answer) => answer.status === 200);
  assert.equal(good.length, 1);
  for (const answer of answers) if (answer.status !== 200) assertOauthError(answer, 400, 'invalid_grant');
  const connection = good[0].body;
  assert.equal((await me(server, connection.access_token)).status, 401);
  assertOauthError(await refresh(server, seed.web, connection.refresh_token), 400, 'invalid_grant');
});

test('rule_079 20 codes, each redeemed by 4 at a time, give one success each', async () => {
  const codes = [];
  for (let i = 0; i < 20; i++) codes.push(await code());
  const answers = await Promise.all(codes.flatMap((one) => Array.from({ length: 4 }, () => redeem(server, one))));
  for (let i = 0; i < 20; i++) assert.equal(answers.slice(i * 4, i * 4 + 4).filter((answer) => answer.status === 200).length, 1);
});

test('rule_085 the redirect URI is the one of the authorization; only PKCE may leave it out', async () => {
  const plain = await code();
  assertOauthError(await redeem(server, plain, { redirect_uri: undefined }), 400, 'invalid_request');
  assertTokens(await redeem(server, plain));
  const proved = await code({ pkce: true });
  assertTokens(await redeem(server, proved, { redirect_uri: undefined }));
  const native = await code({ app: seed.native, redirect: 'http://127.0.0.1:8990/callback' });
  assertOauthError(await redeem(server, native, { redirect_uri: 'http://127.0.0.1:8989/callback' }), 400, 'invalid_grant');
  assertTokens(await redeem(server, native));
});

test('rule_078 resource at the exchange is among those of the authorization', async () => {
  const bound = await code({ extra: { resource: `${server.url}/api/oauth-client` } });
  assertOauthError(await redeem(server, bound, { resource: `${server.url}/nothing` }), 400, 'invalid_target');
  assertOauthError(await redeem(server, bound, { resource: server.url }), 400, 'invalid_target');
  assertTokens(await redeem(server, bound, { resource: `${server.url}/api/oauth-client` }));
  const free = await code();
  assertTokens(await redeem(server, free, { resource: `${server.url}/` }));
});

// PKCE ----------------------------------------------------------------------------------------------

test('rule_089 rule_090 rule_241 rule_242 the verifier must be the challenge\'s', async () => {
  const fresh = await code({ app: seed.native });
  assertOauthError(await redeem(server, fresh, { code_verifier: undefined }), 400, 'invalid_request');
  for (const verifier of ['x', 'a'.repeat(42), 'a'.repeat(129), `${'a'.repeat(42)}+`, `${'a'.repeat(42)}é`, `${'a'.repeat(43)}\0`]) assertOauthError(await redeem(server, fresh, { code_verifier: verifier }), 400, 'invalid_request');
  assertOauthError(await redeem(server, fresh, { code_verifier: pkce().verifier }), 400, 'invalid_grant');
  assertTokens(await redeem(server, fresh));
});

test('rule_089 a verifier of 43 and of 128 characters, with ~ sent as %7E', async () => {
  const { createHash } = await import('node:crypto');
  for (const verifier of [`${'a'.repeat(39)}-._~`, `${'Z9-._~'.repeat(22)}`.slice(0, 128)]) {
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const page = await codeFor(server, seed, { browser, extra: { code_challenge: challenge, code_challenge_method: 'S256' } });
    const answer = await send(text(redeemForm({ ...page, verifier })).replaceAll('~', '%7E'), { 'content-type': FORM });
    assertTokens(answer);
  }
});

test('rule_091 rule_243 a verifier without a challenge: somebody took the challenge away', async () => {
  const fresh = await code();
  assertOauthError(await redeem(server, fresh, { code_verifier: pkce().verifier }), 400, 'invalid_grant');
  assertTokens(await redeem(server, fresh));
});

test('R8 rule_093 a confidential app may leave PKCE out; a challenge once sent must be answered', async () => {
  assertTokens(await redeem(server, await code()));
  const proved = await code({ pkce: true });
  assertOauthError(await redeem(server, proved, { code_verifier: undefined }), 400, 'invalid_request');
  assertTokens(await redeem(server, proved));
});

// Transport -----------------------------------------------------------------------------------------

test('rule_094 POST only, with Allow; HEAD and GET read nothing', async () => {
  for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']) {
    const answer = await send(undefined, {}, method);
    assert.equal(answer.status, 405, method);
    assert.match(answer.headers.get('allow'), /POST/);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    if (method !== 'HEAD') assert.equal(answer.body.error, 'invalid_request');
  }
});

test('rule_094 forms and JSON are read alike; other media types are invalid_request, never 415 or 500', async () => {
  const json = await code();
  assertTokens(await send(JSON.stringify(redeemForm(json)), { 'content-type': 'application/json; charset=utf-8' }));
  const upper = await code();
  assertTokens(await send(text(redeemForm(upper)), { 'content-type': 'Application/X-WWW-Form-Urlencoded; charset=UTF-8' }));
  for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/xml', 'application/jsonx', 'application/x-www-form-urlencodedx', `${FORM}, application/json`, 'x', ';;;', 'application/octet-stream']) assertOauthError(await send(text(claim()), { 'content-type': type }), 400, 'invalid_request');
  const two = await rawPost(server, PATH, text(claim()), [`Content-Type: ${FORM}`, 'Content-Type: application/json']);
  assert.equal(two.status, 400);
});

test('rule_094 rule_231 JSON bodies: depth, doubled members, other kinds', async () => {
  const type = { 'content-type': 'application/json' };
  for (const body of ['', '{', '[]', '"x"', 'null', '1', '{"grant_type":{}}', '{"grant_type":["authorization_code","refresh_token"]}', '{"grant_type":"authorization_code","grant_type":"refresh_token"}', '['.repeat(5000), `{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`, '{"grant_type":"\\ud800"}', '{"grant_type":"a\u0000b"}', '{"code":NaN}', '{"grant_type":"x"} {}', "{'grant_type':'x'}", '\ufeff{}']) assertOauthError(await send(body, type), 400, 'invalid_request');
  assertOauthError(await send('{"grant_type":null}', type), 400, 'invalid_request');
  assertOauthError(await send(JSON.stringify({ ...claim(), code: 17, extra: null, more: true }), type), 400, 'invalid_grant');
});

test('rule_095 R25 repeated parameters are refused; resource may be repeated; empty is omitted; unknown is ignored', async () => {
  for (const name of ['grant_type', 'code', 'redirect_uri', 'client_id', 'client_secret', 'code_verifier', 'refresh_token', 'scope']) {
    const form = new URLSearchParams({ ...claim(), code_verifier: 'a'.repeat(43), scope: 'org:read', refresh_token: 'x' });
    form.append(name, form.get(name));
    assertOauthError(await send(form.toString(), { 'content-type': FORM }), 400, 'invalid_request');
  }
  const fresh = await code();
  const form = new URLSearchParams({ ...redeemForm(fresh), scope: '', code_verifier: '', refresh_token: '', authorization_details: '', unknown: 'x' });
  form.append('unknown', 'y');
  form.append('resource', server.url);
  form.append('resource', `${server.url}/`);
  form.append('resource', '');
  assertTokens(await send(form.toString(), { 'content-type': FORM }));
});

test('rule_095 rule_109 parameters in the address are refused, also the secret', async () => {
  const fresh = await code();
  const form = redeemForm(fresh);
  for (const target of [`${PATH}?${text(form)}`, `${PATH}?client_secret=${form.client_secret}`, `${PATH}?x=1`]) assertOauthError(await send(text(form), { 'content-type': FORM }, 'POST', target), 400, 'invalid_request');
  assertTokens(await redeem(server, fresh));
});

test('rule_105 R35 browsers may call it: preflight 204, any origin, no credentials', async () => {
  const preflight = await send(undefined, { origin: 'https://spa.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type, authorization' }, 'OPTIONS');
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
  assert.match(preflight.headers.get('access-control-allow-methods'), /POST/);
  for (const name of ['content-type', 'authorization']) assert.match(preflight.headers.get('access-control-allow-headers').toLowerCase(), new RegExp(name));
  assert.equal(preflight.headers.get('access-control-allow-credentials'), null);
  const good = await redeem(server, await code({ app: post }), {}, { origin: 'https://spa.example' });
  assertTokens(good);
  assert.equal(good.headers.get('access-control-allow-origin'), '*');
});

test('rule_107 R26 bodies up to 16 KiB, 64 parameters; beyond that invalid_request in JSON', async () => {
  const large = await send(`${text(claim())}&x=${'a'.repeat(17 * 1024)}`, { 'content-type': FORM });
  assert.equal(large.status, 413);
  assert.equal(large.body.error, 'invalid_request');
  assert.equal(large.headers.get('access-control-allow-origin'), '*');
  assertOauthError(await send(`${text(claim())}&${'a=b&'.repeat(64)}`, { 'content-type': FORM }), 400, 'invalid_request');
  for (const name of ['code', 'redirect_uri', 'client_secret', 'code_verifier', 'scope']) assertOauthError(await ask(claim({ [name]: 'a'.repeat(4097) })), 400, 'invalid_request');
  const fit = await code();
  assertTokens(await send(`${text(redeemForm(fit))}&${Array.from({ length: 50 }, (_, i) => `u${i}=${'v'.repeat(200)}`).join('&')}`, { 'content-type': FORM }));
});

test('rule_107 the connection serves on after a refusal; pipelined requests are answered in order', async () => {
  const fresh = await code();
  const request = (body, last) => `POST ${PATH} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Type: ${FORM}\r\nContent-Length: ${body.length}\r\n${last ? 'Connection: close\r\n' : ''}\r\n${body}`;
  const answer = await raw(server, request('grant_type=password') + request(text(redeemForm(fresh))) + request(text(redeemForm(fresh)), true));
  const statuses = [...(`${answer.head}\r\n\r\n${answer.text}`).matchAll(/HTTP\/1\.1 (\d+)/g)].map((m) => m[1]);
  assert.deepEqual(statuses, ['400', '200', '400']);
});

test('rule_229 malformed escapes and bytes are invalid_request', async () => {
  for (const body of ['grant_type=%', 'grant_type=%4', 'grant_type=%zz', 'grant_type=authorization_code&code=%00', 'grant_type=%ff%fe', 'grant_type=%c0%af', 'grant_type=\u0001']) {
    const answer = await rawPost(server, PATH, Buffer.from(body, 'latin1').toString('latin1'), [`Content-Type: ${FORM}`]);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.match(JSON.parse(answer.text).error, /^(invalid_request|unsupported_grant_type|invalid_client|invalid_grant)$/);
  }
});

// Errors --------------------------------------------------------------------------------------------

test('rule_099 rule_101 each mistake has its code, and JSON that may not be stored', async () => {
  const fresh = await code();
  const rows = [
    ['invalid_request', 400, claim({ grant_type: '' })], ['unsupported_grant_type', 400, { grant_type: 'password' }], ['unsupported_grant_type', 400, { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', client_id: 'nobody' }],
    ['invalid_request', 400, claim({ code: '' })], ['invalid_grant', 400, claim()], ['invalid_grant', 400, claim({ code: fresh.code, redirect_uri: 'https://partner.example/' })],
    ['invalid_client', 401, claim({ client_id: '' })], ['invalid_client', 401, claim({ client_id: 'nobody' })], ['invalid_client', 401, claim({ client_secret: '' })], ['invalid_client', 401, claim({ client_secret: 'x' })],
    ['invalid_request', 400, { ...claim(), grant_type: 'refresh_token' }], ['invalid_grant', 400, claim({ grant_type: 'refresh_token', refresh_token: 'x' })], ['invalid_target', 400, claim({ resource: 'urn:x' })], ['invalid_target', 400, claim({ resource: 'https://a.example/#f' })],
    ['invalid_authorization_details', 400, claim({ authorization_details: '[{"type":"x"}]' })], ['invalid_authorization_details', 400, claim({ grant_type: 'refresh_token', refresh_token: 'x', authorization_details: '{' })],
  ];
  for (const [error, status, form] of rows) assertOauthError(await ask(form), status, error);
  const empty = await send('', { 'content-type': FORM });
  assertOauthError(empty, 400, 'invalid_request');
});

test('rule_100 rule_099 a Basic challenge is sent to who used the Authorization header, and only then', async () => {
  const { client_id: id, client_secret: secret, ...rest } = claim();
  assertOauthError(await ask(rest, { ...basic(id, 'wrong'), ...elsewhere() }), 401, 'invalid_client', { challenge: true });
  assertOauthError(await ask(rest, { ...basic('nobody', secret), ...elsewhere() }), 401, 'invalid_client', { challenge: true });
  for (const authorization of ['Basic', 'Basic ', 'Digest username="x"', 'Bearer x', 'Negotiate']) assertOauthError(await ask(rest, { authorization, ...elsewhere() }), 401, 'invalid_client', { challenge: true });
  for (const authorization of ['', ' ']) assertOauthError(await ask(rest, { authorization, ...elsewhere() }), 401, 'invalid_client');
  for (const authorization of ['Basic !!!', `Basic ${Buffer.from('no colon').toString('base64')}`, 'Basic a b', 'Basic a,b']) {
    const answer = await ask(rest, { authorization, ...elsewhere() });
    assertOauthError(answer, 400, 'invalid_request');
    assert.match(answer.body.error_description, /Basic/, 'what to put right');
  }
  assertOauthError(await ask(claim({ client_secret: 'wrong' })), 401, 'invalid_client');
  assertOauthError(await ask(rest, { ...basic(id, secret), ...elsewhere() }), 400, 'invalid_grant');
});

test('R1 invalid_grant is 400, invalid_client 401; an app may be set to get 401 for both', async () => {
  assertOauthError(await ask(claim()), 400, 'invalid_grant');
  assertOauthError(await ask(claim({ client_secret: 'wrong' })), 401, 'invalid_client');
  const app = server.cli(['app', 'add', '--name', 'Compatible', '--type', 'web', '--redirect-uri', 'https://compatible.example/cb', '--invalid-grant-401']);
  const own = { client_id: app.clientId, client_secret: app.clientSecret };
  assertOauthError(await ask(claim(own)), 401, 'invalid_grant');
  assertOauthError(await ask({ grant_type: 'refresh_token', refresh_token: 'x', ...own }), 401, 'invalid_grant');
  assertOauthError(await ask(claim({ ...own, code: '' })), 400, 'invalid_request');
});

test('rule_103 unknown, foreign, used-up and malformed codes get the same answer', async () => {
  const foreign = await code({ app: other });
  const spent = await code({ pkce: true });
  for (let i = 0; i < 3; i++) await redeem(server, spent, { code_verifier: pkce().verifier });
  const bodies = [];
  for (const value of ['x', 'bi_ac_', neighbour(foreign.code), foreign.code, spent.code]) bodies.push((await ask(claim({ code: value, ...(value === spent.code && { code_verifier: spent.verifier }) }))).text);
  assert.deepEqual(new Set(bodies.slice(0, 4)).size, 1);
  assert.equal(JSON.parse(bodies[4]).error, 'invalid_grant');
});

test('rule_102 whoever has proved who they are is never told invalid_client, which makes SDKs throw their registration away', async () => {
  const good = { client_id: seed.web.clientId, client_secret: seed.web.clientSecret };
  const rows = [{}, { grant_type: 'password' }, { grant_type: 'client_credentials' }, { grant_type: 'authorization_code' }, { grant_type: 'refresh_token' }, { ...claim() }, { ...claim(), redirect_uri: '' }, { ...claim(), redirect_uri: 'https://evil.example/' }, { ...claim(), code_verifier: 'x' }, { ...claim(), code: 'x'.repeat(5000) }, { grant_type: 'refresh_token', refresh_token: 'rt_x' }, { grant_type: 'refresh_token', refresh_token: 'x', scope: 'no such' }, { ...claim(), resource: 'x' }, { ...claim(), authorization_details: '[]' }];
  const fresh = await code(), foreign = await code({ app: other });
  rows.push({ ...redeemForm(fresh), redirect_uri: `${seed.redirect}x` }, { ...redeemForm(foreign), ...good }, { ...redeemForm(fresh), code_verifier: pkce().verifier });
  for (const row of rows) {
    const answer = await ask({ ...row, ...good });
    assert.equal(answer.status, 400, JSON.stringify(row).slice(0, 80));
    assert.match(answer.body.error, /^(invalid_request|invalid_grant|invalid_target|invalid_authorization_details|unsupported_grant_type)$/, JSON.stringify(row).slice(0, 80));
  }
});

test('rule_104 rule_117 guessing an app\'s secret is slowed down with temporarily_unavailable and Retry-After, for the guesser alone', async () => {
  const attacker = from('198.18.3.4');
  let limited;
  for (let i = 0; i < 100 && !limited; i++) {
    const answer = await ask(claim({ client_secret: `guess ${i}` }), attacker);
    if (answer.status === 429) limited = answer;
    else assertOauthError(answer, 401, 'invalid_client');
  }
  assertOauthError(limited, 429, 'temporarily_unavailable');
  assert.match(limited.headers.get('retry-after'), /^[1-9]\d*$/);
  assert.ok(Number(limited.headers.get('retry-after')) <= 60);
  assertOauthError(await ask(claim(), attacker), 429, 'temporarily_unavailable');
  assertOauthError(await ask(claim(), from('198.19.3.4')), 400, 'invalid_grant');
  const revoke = await fetch(`${server.url}/api/auth/mcp/revoke`, { method: 'POST', headers: { 'content-type': FORM, ...attacker }, body: text({ ...claim(), token: 'x' }) });
  assert.equal(revoke.status, 429, 'the other door too');
});

test('rule_117 the limits of failing authentication are settings: of one app from a network, of an address over all apps', async () => {
  const own = await startServer({ settings: { ...proxied, client_failures_per_app_max: 2, client_failures_per_address_max: 3 } });
  try {
    const people = own.seed(), from4 = from('198.18.3.4');
    const fail = (client_id, headers) => tokenRequest(own, claim({ client_id, client_secret: 'guess' }), headers);
    for (let i = 0; i < 2; i++) assertOauthError(await fail(people.web.clientId, from4), 401, 'invalid_client');
    assertOauthError(await fail(people.web.clientId, from4), 429, 'temporarily_unavailable');
    assertOauthError(await fail(people.web.clientId, from('198.18.3.5')), 429, 'temporarily_unavailable');
    assertOauthError(await fail('another', from4), 401, 'invalid_client');
    assertOauthError(await fail('a third', from4), 429, 'temporarily_unavailable');
    assertOauthError(await fail('a third', from('198.18.3.5')), 401, 'invalid_client');
    for (let i = 0; i < 10; i++) assertOauthError(await tokenRequest(own, claim({ client_id: people.web.clientId, client_secret: people.web.clientSecret }), from('198.19.3.4')), 400, 'invalid_grant');
  } finally {
    await own.close();
  }
});

// Client authentication ------------------------------------------------------------------------------

test('rule_108 Basic: raw and form-encoded, any case of the scheme, split at the first colon', async () => {
  const { clientId: id, clientSecret: secret } = seed.web;
  const encode = (value) => [...value].map((c) => /[A-Za-z]/.test(c) && c > 'm' ? `%${c.charCodeAt(0).toString(16).padStart(2, '0')}` : c).join('');
  const encoded = (value) => Buffer.from(value).toString('base64');
  const good = [basic(id, secret), { authorization: `bAsIc ${encoded(`${id}:${secret}`)}` }, { authorization: `Basic   ${encoded(`${id}:${secret}`)}` }, { authorization: `Basic ${encoded(`${encode(id)}:${encode(secret)}`)}` }];
  for (const headers of good) {
    const { client_id: unused, client_secret: unused2, ...form } = redeemForm(await code());
    assertTokens(await ask(form, { ...headers, ...elsewhere() }));
  }
  const { client_id: i, client_secret: s, ...form } = claim();
  for (const value of [encoded(id), encoded(':'), encoded(''), '!!!', encoded(`${id}:${secret}`).slice(1), encoded(`${id}:${secret}\0`), encoded('a'.repeat(3000)), encoded(`é:${secret}`), Buffer.from([255, 58, 255]).toString('base64')]) {
    const answer = await ask(form, { authorization: `Basic ${value}`, ...elsewhere() });
    assert.ok(['invalid_request', 'invalid_client'].includes(answer.body?.error), `${value.slice(0, 20)}: ${answer.status} ${answer.text}`);
    assert.ok([400, 401].includes(answer.status));
  }
  assertOauthError(await ask(form, { ...basic(id, `${secret}:x`), ...elsewhere() }), 401, 'invalid_client', { challenge: true });
});

test('rule_110 two methods at once, or two ids, are refused', async () => {
  const { clientId: id, clientSecret: secret } = seed.web;
  const fresh = await code();
  assertOauthError(await redeem(server, fresh, {}, { ...basic(id, secret), ...elsewhere() }), 400, 'invalid_request');
  assertOauthError(await redeem(server, fresh, { client_secret: undefined, client_id: other.clientId }, { ...basic(id, secret), ...elsewhere() }), 400, 'invalid_request');
  assertTokens(await redeem(server, fresh, { client_secret: undefined }, { ...basic(id, secret), ...elsewhere() }));
  const twice = await rawPost(server, PATH, text(claim()), [`Content-Type: ${FORM}`, `Authorization: ${basic(id, secret).authorization}`, `Authorization: ${basic(id, secret).authorization}`]);
  assert.equal(twice.status, 400);
});

test('rule_111 rule_112 an app with a secret needs it, one without must send none', async () => {
  const confidential = await code();
  assertOauthError(await redeem(server, confidential, { client_secret: undefined }), 401, 'invalid_client');
  assertOauthError(await redeem(server, confidential, { client_secret: undefined }, { ...basic(seed.web.clientId, ''), ...elsewhere() }), 401, 'invalid_client', { challenge: true });
  const open = await code({ app: post });
  for (const secret of ['x', seed.web.clientSecret]) assertOauthError(await redeem(server, open, { client_secret: secret }, elsewhere()), 401, 'invalid_client');
  assertOauthError(await redeem(server, open, { client_id: undefined }, { ...basic(post.clientId, 'x'), ...elsewhere() }), 401, 'invalid_client', { challenge: true });
  assertTokens(await redeem(server, open, { client_secret: '' }));
});

test('rule_113 basic and post are interchangeable for an app that chose none', async () => {
  const { clientId: id, clientSecret: secret } = seed.web;
  const first = assertTokens(await redeem(server, await code(), { client_secret: undefined }, { ...basic(id, secret), ...elsewhere() }));
  assertTokens(await refresh(server, seed.web, first.refresh_token));
  assertTokens(await refresh(server, { clientId: id }, first.refresh_token, {}, { ...basic(id, secret), ...elsewhere() }));
});

test('rule_113 the method that an app is registered with is enforced, at every door of apps', { skip: storeOnly }, async () => {
  const own = await startServer({ settings: proxied });
  try {
    const people = own.seed();
    const byBody = own.cli(['app', 'add', '--name', 'Body', '--type', 'web', '--redirect-uri', 'https://body.example/cb']);
    await own.stop();
    alterStore(own, `UPDATE app SET auth_method = 'client_secret_basic' WHERE client_id = '${people.web.clientId}'; UPDATE app SET auth_method = 'client_secret_post' WHERE client_id = '${byBody.clientId}'`);
    await own.start();
    const endpoints = { token: { grant_type: 'refresh_token', refresh_token: 'x' }, revoke: { token: 'x' }, introspect: { token: 'x' } };
    for (const [name, form] of Object.entries(endpoints)) {
      const call = async (app, inHeader) => {
        const { clientId: id, clientSecret: secret } = app;
        const answer = await fetch(`${own.url}/api/auth/mcp/${name}`, { method: 'POST', headers: { 'content-type': FORM, ...(inHeader && basic(id, secret)), ...elsewhere() }, body: text(inHeader ? form : { ...form, client_id: id, client_secret: secret }) });
        return { status: answer.status, error: (await answer.json().catch(() => ({}))).error };
      };
      const wrong = { status: 401, error: 'invalid_client' };
      assert.deepEqual(await call(people.web, false), wrong, `${name}: registered for the header`);
      assert.deepEqual(await call(byBody, true), wrong, `${name}: registered for the body`);
      for (const good of [await call(people.web, true), await call(byBody, false)]) assert.notEqual(good.error, 'invalid_client', name);
    }
  } finally {
    await own.close();
  }
});

test('rule_115 two secrets live while the old one is on its way out', async () => {
  const app = server.cli(['app', 'add', '--name', 'Rotated', '--type', 'web', '--redirect-uri', 'https://rotated.example/cb']);
  const connection = await connectWith(server, seed, { app, browser });
  const rotated = server.cli(['app', 'rotate-secret', app.clientId, '--overlap', '1h']);
  assert.notEqual(rotated.clientSecret, app.clientSecret);
  assertTokens(await refresh(server, app, connection.refresh_token));
  assertTokens(await refresh(server, rotated, connection.refresh_token));
  const third = server.cli(['app', 'rotate-secret', app.clientId, '--overlap', '0']);
  assertOauthError(await refresh(server, app, connection.refresh_token), 401, 'invalid_client');
  assertOauthError(await refresh(server, rotated, connection.refresh_token), 401, 'invalid_client');
  assertTokens(await refresh(server, third, connection.refresh_token));
});

test('rule_115 the last use of each secret is on record', { skip: storeOnly }, async () => {
  const own = new Server();
  try {
    await own.start();
    const people = own.seed();
    const rotated = own.cli(['app', 'rotate-secret', people.web.clientId, '--overlap', '1h']);
    const before = Date.now();
    await connectWith(own, people, { app: { ...people.web, clientSecret: rotated.clientSecret } });
    await own.stop();
    const [old, fresh] = readStore(own, `SELECT used_ms FROM app_secret WHERE app_id = (SELECT id FROM app WHERE client_id = '${people.web.clientId}') ORDER BY id`).map(([used]) => used);
    assert.equal(old, 0, 'never used: it can go');
    assert.ok(fresh >= before && fresh <= Date.now(), `${fresh}`);
  } finally {
    await own.close();
  }
});

test('rule_118 a disabled app: its codes, refresh and installation tokens stop at once, others\' go on', async () => {
  const app = server.cli(['app', 'add', '--name', 'Stopped', '--type', 'web', '--redirect-uri', 'https://stopped.example/cb']);
  const fresh = await code({ app });
  const connection = await connectWith(server, seed, { app, browser });
  const minted = (await mintRaw(server, connection)).body.installation_token;
  const neighbourly = await connectWith(server, seed, { browser });
  server.cli(['app', 'disable', app.clientId]);
  assertOauthError(await redeem(server, fresh), 401, 'invalid_client');
  assertOauthError(await refresh(server, app, connection.refresh_token), 401, 'invalid_client');
  assert.ok([401, 410].includes((await organizations(server, minted)).status));
  assert.ok([401, 410].includes((await me(server, connection.access_token)).status));
  assert.equal((await me(server, neighbourly.access_token)).status, 200);
});

test('rule_164 no other kind of token is a code', async () => {
  const connection = await connectWith(server, seed, { browser });
  const minted = (await mintRaw(server, connection)).body.installation_token;
  const key = server.cli(['key', 'add', '--org', seed.org, '--level', 'admin']).key;
  for (const token of [connection.access_token, connection.refresh_token, minted, key, seed.web.clientSecret, browser.cookies.get('bi18n_session')]) assertOauthError(await ask(claim({ code: token })), 400, 'invalid_grant');
  assert.equal((await me(server, connection.access_token)).status, 200);
});

test('rule_262 a person who was disabled after consent gets no tokens', async () => {
  const person = addPerson(server, { email: 'leaving@example.com', org: 'leaving' });
  const fresh = await codeFor(server, { ...seed, ...person }, { app: seed.web, organizations: ['leaving'], browser: await signedIn(server, person) });
  server.cli(['user', 'disable', '--email', person.email]);
  assertOauthError(await redeem(server, fresh), 400, 'invalid_grant');
});

test('R42 rule_151 a consent whose projects are all gone never becomes "all"', { skip: storeOnly }, async () => {
  const own = new Server();
  try {
    await own.start();
    const people = own.seed();
    const connection = await connectWith(own, people, { projects: ['acme/web'] });
    const fresh = await codeFor(own, people, { projects: ['acme/web'] });
    await own.stop();
    alterStore(own, 'UPDATE project SET deleted_ms = 1');
    await own.start();
    const body = assertTokens(await redeem(own, fresh));
    for (const answer of [body, body.grants[0], assertTokens(await refresh(own, people.web, connection.refresh_token))]) {
      assert.equal(answer.project_access, 'selected');
      assert.ok(!('project_ids' in answer), 'no [] which would mean all');
    }
    const minted = await mintRaw(own, body);
    assert.equal(minted.status, 403, minted.text);
    assert.equal(minted.body.error, 'no_projects_in_grant');
    const view = await me(own, body.access_token);
    assert.ok(!('projectIds' in view.body.grants[0]));
    const list = await api(own, '/api/oauth-client/installations', { token: body.access_token });
    assert.ok(!('project_ids' in list.body.installations[0]));
  } finally {
    await own.close();
  }
});

test('rule_078 rule_152 an app that may ask for less than when the person approved gets less', { skip: storeOnly }, async () => {
  const own = new Server();
  try {
    await own.start();
    const people = own.seed();
    const fresh = await codeFor(own, people, { scope: 'org:read projects:read keys:read' });
    await own.stop();
    alterStore(own, `UPDATE app SET scopes = 1 WHERE client_id = '${people.web.clientId}'`); // org:read
    await own.start();
    const body = assertTokens(await redeem(own, fresh));
    assert.equal(body.scope, 'org:read');
    assert.deepEqual(body.grants[0].scopes, ['org:read']);
    await own.stop();
    alterStore(own, `UPDATE app SET scopes = 8191 WHERE client_id = '${people.web.clientId}'`);
    await own.start();
    const later = assertTokens(await refresh(own, people.web, body.refresh_token));
    assert.equal(later.scope, 'org:read', 'what was not granted does not come back with the right to ask');
    assert.deepEqual((await mintRaw(own, later)).body.scopes, ['org:read']);
  } finally {
    await own.close();
  }
});

test('rule_084 rule_150 seed_09 a code and a short installation token end with their time', async () => {
  const own = await startServer({ settings: { code_ttl_s: 10 } });
  try {
    const people = own.seed();
    const who = await signedIn(own, people);
    const connection = await connectWith(own, people, { browser: who });
    const minted = await mintRaw(own, connection, { expires_in: 10 });
    assert.equal(minted.body.expires_in, 10);
    const late = await codeFor(own, people, { browser: who });
    const issued = Date.now(), expires = Date.parse(minted.body.expires_at);
    assert.equal((await organizations(own, minted.body.installation_token)).status, 200);
    await passed(expires - Date.now() + 50);
    assert.equal((await organizations(own, minted.body.installation_token)).status, 401, 'unknown and expired look alike');
    await passed(10_050 - (Date.now() - issued));
    const expired = await redeem(own, late), unknown = await redeem(own, { ...late, code: neighbour(late.code) });
    assertOauthError(expired, 400, 'invalid_grant');
    assert.equal(expired.text, unknown.text, 'rule_103: unknown and expired codes look alike');
    assert.equal((await me(own, connection.access_token)).status, 200);
  } finally {
    await own.close();
  }
});

test('rule_106 behind a proxy that says http, credentials are not taken', async () => {
  const own = new Server({ settings: { public_url: 'https://i18n.example.com', trusted_proxies: '127.0.0.1' } });
  try {
    await own.start();
    const people = own.seed();
    const form = { ...claim(), client_id: people.web.clientId, client_secret: people.web.clientSecret };
    assertOauthError(await tokenRequest(own, form, { 'x-forwarded-proto': 'https', ...from('203.0.113.4') }), 400, 'invalid_grant');
    assertOauthError(await tokenRequest(own, form, { 'x-forwarded-proto': 'http', ...from('203.0.113.4') }), 400, 'invalid_request');
  } finally {
    await own.close();
  }
});

test('rule_218 every answer that carries a secret forbids storing it', async () => {
  const connection = await connectWith(server, seed, { browser });
  const minted = await mintRaw(server, connection);
  assert.equal(minted.headers.get('cache-control'), 'no-store');
  const app = server.cli(['app', 'add', '--name', 'Silent', '--type', 'web', '--redirect-uri', 'https://silent.example/cb']);
  await connectWith(server, seed, { app, scope: 'org:read', browser });
  const back = await browser.request(authorizeUrl(app, { prompt: 'none', scope: 'org:read' }));
  assert.match(query(back.location).get('code'), /^bi_ac_/);
  assert.equal(back.headers.get('cache-control'), 'no-store');
  assert.equal(back.headers.get('referrer-policy'), 'no-referrer');
});
