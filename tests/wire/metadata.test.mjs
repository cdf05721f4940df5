// SPDX-License-Identifier: MIT
// Discovery documents: what is advertised exists, what exists is advertised, and no request header changes a word.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { Server, binary, freePort, startServer, tokenRequest } from '../lib/server.mjs';
import { raw, rawGet, rawPost, scopeNames } from '../lib/oauth.mjs';

const SERVER = '/.well-known/oauth-authorization-server';
const RESOURCE = '/.well-known/oauth-protected-resource';
let server, seed;

before(async () => {
  server = await startServer();
  seed = server.seed();
});
after(() => server?.close());

const get = (path, options = {}) => fetch(server.url + path, { redirect: 'manual', ...options });
const metadata = async (path = SERVER) => (await get(path)).json();

test('rule_001 the server metadata lies at the issuer root, as JSON', async () => {
  const answer = await get(SERVER);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  assert.equal((await answer.json()).issuer, server.url);
  const unknown = await get(`${SERVER}/no/such/issuer`);
  assert.equal(unknown.status, 404);
  assert.match(unknown.headers.get('content-type'), /^application\/json/);
  assert.equal((await unknown.json()).error, 'not_found');
});

test('rule_001 an issuer with a path has the well-known part before its path', async () => {
  const port = await freePort();
  const other = new Server({ settings: { public_url: `http://127.0.0.1:${port}/i18n` } });
  other.port = port;
  try {
    await other.start();
    const document = await (await fetch(`${other.url}${SERVER}/i18n`)).json();
    assert.equal(document.issuer, `${other.url}/i18n`);
    assert.equal(document.token_endpoint, `${other.url}/i18n/api/auth/mcp/token`);
    assert.equal((await (await fetch(`${other.url}${RESOURCE}/i18n`)).json()).resource, `${other.url}/i18n`);
    assert.equal((await fetch(`${other.url}${SERVER}/i18n/`)).status, 404);
  } finally {
    await other.close();
  }
});

test('rule_002 an unknown well-known document is 404 in JSON, whatever its name', async () => {
  const names = ['openid-configuration', 'jwks.json', 'security', 'security.txt', 'x', '..%2e', 'a/b/c', 'oauth-authorization-server.', 'OAUTH-AUTHORIZATION-SERVER', 'oauth-protected-resource/nothing', '%C3%BC', 'a%20b', '*', '%2A', ':name', 'mcp', 'change-password', 'webfinger?resource=acct:a@b', 'a'.repeat(2000), '..a', 'api-catalog'];
  for (const name of names) {
    const answer = await rawGet(server, `/.well-known/${name}`, ['Accept: text/html']);
    assert.equal(answer.status, 404, name.slice(0, 40));
    assert.match(answer.headers['content-type'][0], /^application\/json/, name.slice(0, 40));
    assert.equal(JSON.parse(answer.text).error, 'not_found');
  }
  for (const name of ['%', '%zz', 'a%00b', '%ff']) {
    const answer = await rawGet(server, `/.well-known/${name}`);
    assert.ok([400, 404].includes(answer.status), `${name}: ${answer.status}`);
    assert.match(answer.headers['content-type'][0], /^application\/json/);
  }
});

test('rule_226 security.txt says whom to tell of a weakness, where the operator has set it, and always for some weeks to come', async () => {
  const own = await startServer({ settings: { security_contact: 'mailto:security@example.com' } });
  try {
    const answer = await rawGet(own, '/.well-known/security.txt');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'][0], 'text/plain; charset=utf-8');
    const fields = Object.fromEntries(answer.text.trimEnd().split('\n').map((line) => /^([A-Z][a-z-]+): (\S+)$/.exec(line).slice(1)));
    assert.equal(fields.Contact, 'mailto:security@example.com');
    const days = (Date.parse(fields.Expires) - Date.now()) / 86_400_000;
    assert.ok(days > 30 && days < 365, `RFC 9116 2.5.5: ${fields.Expires}`);
    assert.deepEqual(Object.keys(fields), ['Contact', 'Expires'], '2.5.2: the canonical address is an https one');
    assert.equal((await rawGet(own, '/.well-known/security.txt', ['X-Forwarded-Host: evil.example'])).text, answer.text);
  } finally {
    await own.close();
  }
  const secure = await startServer({ settings: { security_contact: 'https://example.com/report', public_url: 'https://i18n.example' } });
  try {
    assert.match((await rawGet(secure, '/.well-known/security.txt')).text, /^Contact: https:\/\/example\.com\/report\nExpires: [^\n]+\nCanonical: https:\/\/i18n\.example\/\.well-known\/security\.txt\n$/);
  } finally {
    await secure.close();
  }
  for (const contact of ['security@example.com', 'http://example.com/', 'javascript:alert(1)', 'mailto:a@b.c\nPolicy: https://evil.example', 'mailto:a b']) {
    assert.notEqual(server.run(['config', 'show'], { env: { BI18N_SECURITY_CONTACT: contact } }).status, 0, contact);
  }
});

test('rule_003 the issuer is the address the client used, without slash, query or fragment', async () => {
  const { issuer } = await metadata();
  assert.equal(issuer, server.url);
  assert.doesNotMatch(issuer, /\/$|[?#]/);
});

test('rule_004 every advertised endpoint exists and answers its method', async () => {
  const document = await metadata();
  const endpoints = Object.entries(document).filter(([name]) => /_endpoint$|_uri$/.test(name));
  for (const name of ['authorization_endpoint', 'revocation_endpoint', 'token_endpoint']) assert.ok(name in document, name);
  for (const [name, url] of endpoints) {
    const answer = name === 'authorization_endpoint' ? await fetch(url, { redirect: 'manual' }) : await fetch(url, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    assert.ok([400, 401].includes(answer.status), `${name} answers ${answer.status}`);
  }
});

test('rule_005 rule_007 rule_009 the code flow with S256, and the issuer in the answer', async () => {
  const document = await metadata();
  assert.deepEqual(document.response_types_supported, ['code']);
  assert.deepEqual(document.response_modes_supported, ['query']);
  assert.deepEqual(document.code_challenge_methods_supported, ['S256']);
  assert.equal(document.authorization_response_iss_parameter_supported, true);
  assert.deepEqual(document.token_endpoint_auth_methods_supported, ['client_secret_basic', 'client_secret_post', 'none']);
  assert.deepEqual(document.revocation_endpoint_auth_methods_supported, ['client_secret_basic', 'client_secret_post', 'none']);
});

test('rule_006 grant_types_supported is exactly what the token endpoint takes', async () => {
  const { grant_types_supported: supported } = await metadata();
  const others = ['password', 'client_credentials', 'implicit', 'urn:ietf:params:oauth:grant-type:device_code', 'urn:ietf:params:oauth:grant-type:token-exchange', 'urn:ietf:params:oauth:grant-type:jwt-bearer', 'Authorization_Code', 'refresh_token ', 'authorization_code refresh_token'];
  for (const type of [...supported, ...others]) {
    const answer = await tokenRequest(server, { grant_type: type, client_id: seed.web.clientId, client_secret: seed.web.clientSecret, code: 'x', refresh_token: 'x' });
    assert.equal(answer.body.error, supported.includes(type) ? 'invalid_grant' : 'unsupported_grant_type', type);
  }
  assert.deepEqual(supported, ['authorization_code', 'refresh_token']);
});

test('rule_008 rule_014 no "none" algorithm, no empty list, no null', async () => {
  for (const path of [SERVER, RESOURCE]) {
    const document = await metadata(path);
    for (const [name, value] of Object.entries(document)) {
      if (name.endsWith('alg_values_supported')) assert.ok(!value.includes('none'), name);
      assert.notEqual(value, null, name);
      if (Array.isArray(value)) assert.ok(value.length > 0, name);
    }
  }
});

test('rule_011 all thirteen scopes are listed, and offline_access', async () => {
  const { scopes_supported: scopes } = await metadata();
  assert.deepEqual(scopes, [...scopeNames, 'offline_access']);
});

test('rule_012 rule_013 R27 what is not there is not advertised', async () => {
  const document = await metadata();
  for (const name of ['registration_endpoint', 'userinfo_endpoint', 'jwks_uri', 'device_authorization_endpoint', 'pushed_authorization_request_endpoint', 'dpop_signing_alg_values_supported', 'authorization_details_types_supported', 'client_id_metadata_document_supported', 'id_token_signing_alg_values_supported', 'subject_types_supported', 'claims_supported']) assert.ok(!(name in document), name);
  assert.equal((await get('/.well-known/openid-configuration')).status, 404);
  for (const path of ['/api/auth/mcp/register', '/api/auth/mcp/userinfo', '/api/auth/mcp/jwks', '/mcp']) assert.equal((await get(path)).status, 404, path);
});

test('rule_015 R35 any page may read the documents; the preflight names what SDKs send', async () => {
  for (const path of [SERVER, RESOURCE, '/.well-known/nothing']) {
    const answer = await get(path, { headers: { origin: 'https://elsewhere.example' } });
    assert.equal(answer.headers.get('access-control-allow-origin'), '*', path);
    assert.equal(answer.headers.get('access-control-allow-credentials'), null);
    const preflight = await get(path, { method: 'OPTIONS', headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'mcp-protocol-version' } });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
    assert.match(preflight.headers.get('access-control-allow-methods'), /GET/);
    assert.match(preflight.headers.get('access-control-allow-headers').toLowerCase(), /mcp-protocol-version/);
    assert.ok(Number(preflight.headers.get('access-control-max-age')) > 0);
  }
});

test('rule_016 the documents may be cached for an hour at most, carry an ETag and set no cookie', async () => {
  for (const path of [SERVER, RESOURCE]) {
    const answer = await get(path, { headers: { cookie: 'bi18n_session=x' } });
    const age = /^public, max-age=(\d+)$/.exec(answer.headers.get('cache-control'));
    assert.ok(age && Number(age[1]) > 0 && Number(age[1]) <= 3600, answer.headers.get('cache-control'));
    assert.equal(answer.headers.get('set-cookie'), null);
    const etag = answer.headers.get('etag');
    assert.match(etag, /^(W\/)?"[^"]+"$/);
    for (const sent of [etag, `"x", ${etag}`, `W/${etag}`, '*']) {
      const again = await get(path, { headers: { 'if-none-match': sent } });
      assert.equal(again.status, 304, sent);
      assert.equal(again.headers.get('etag'), etag);
      assert.equal(await again.text(), '');
    }
    assert.equal((await get(path, { headers: { 'if-none-match': '"other"' } })).status, 200);
    const head = await get(path, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.headers.get('content-length'), String((await answer.text()).length));
  }
});

test('rule_018 neither Host nor a forwarding header changes a word of the documents', async () => {
  for (const path of [SERVER, RESOURCE, '/openapi.json']) {
    const plain = await (await get(path)).text();
    for (const lines of [['X-Forwarded-Host: evil.example'], ['X-Forwarded-Proto: https'], ['X-Forwarded-For: 203.0.113.9'], ['Forwarded: host=evil.example;proto=https'], ['X-Original-Host: evil.example']]) assert.equal((await rawGet(server, path, lines)).text, plain, `${path} ${lines}`);
    for (const host of ['evil.example', 'evil.example:443', '127.0.0.1:1', 'localhost']) {
      const answer = await raw(server, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      assert.ok(answer.status === 421 || (answer.status === 200 && answer.text === plain), `${path} with Host ${host}: ${answer.status}`);
    }
  }
});

test('rule_019 rule_020 rule_021 the resource names itself, its server and what to ask for first', async () => {
  const document = await metadata(RESOURCE);
  assert.equal(document.resource, server.url);
  assert.deepEqual(document.authorization_servers, [(await metadata()).issuer]);
  assert.deepEqual(document.bearer_methods_supported, ['header']);
  assert.ok(document.scopes_supported.length > 0);
  for (const scope of document.scopes_supported) assert.match(scope, /:read$/, 'a minimal set: reading');
});

test('rule_022 rule_003 the real scheme: https when the public address has it', async () => {
  const other = new Server({ settings: { public_url: 'https://i18n.example.com', trusted_proxies: '127.0.0.1' } });
  try {
    await other.start();
    for (const path of [SERVER, RESOURCE]) {
      const text = await (await fetch(other.url + path, { headers: { 'x-forwarded-proto': 'http' } })).text();
      assert.doesNotMatch(text, /http:\/\//);
      assert.match(text, /https:\/\/i18n\.example\.com/);
    }
    const challenge = (await fetch(`${other.url}/api/oauth-client/me`)).headers.get('www-authenticate');
    assert.match(challenge, /^Bearer resource_metadata="https:\/\/i18n\.example\.com\/\.well-known\/oauth-protected-resource"$/);
  } finally {
    await other.close();
  }
});

test('rule_023 the challenge points at a document that is there', async () => {
  const challenge = (await get('/api/oauth-client/me')).headers.get('www-authenticate');
  const url = /resource_metadata="([^"]+)"/.exec(challenge)[1];
  assert.equal((await (await fetch(url)).json()).resource, server.url);
});

test('rule_003 rule_106 a public address that no issuer can be is refused at start', () => {
  for (const url of ['http://a.example/', 'ftp://a.example', 'a.example', 'https://a.example/?x=1', 'https://a.example/#x', 'https://a.example/a b', 'http://a.example', 'http://192.168.1.5:8080', 'http://localhost.evil.example', 'https://A.example', 'https://user@a.example', 'https://a.example:0', 'https://', 'https:///x', 'https://a.example/..', 'https://a.example\\b', 'HTTPS://a.example', 'com.example.app:/x', 'https://a.example.']) {
    const done = spawnSync(binary, ['serve', '--listen', '127.0.0.1:0', '--public-url', url], { env: server.env(), encoding: 'utf8', timeout: 60_000 });
    assert.ok(done.status > 0, `${url}: ${done.status}`);
    assert.match(done.stderr, /public_url/);
  }
});

test('a method that a document does not have is 405 with Allow, in JSON', async () => {
  for (const path of [SERVER, RESOURCE]) {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const answer = await get(path, { method });
      assert.equal(answer.status, 405, `${method} ${path}`);
      assert.match(answer.headers.get('allow'), /GET/);
      assert.match(answer.headers.get('content-type'), /^application\/json/);
    }
  }
});

test('the description covers the routes of the OAuth path with their errors', async () => {
  const answer = await get('/openapi.json');
  assert.equal(answer.status, 200);
  const { paths } = await answer.json();
  for (const [path, method] of [['/api/auth/mcp/token', 'post'], ['/api/auth/mcp/revoke', 'post'], ['/api/oauth-client/me', 'get'], ['/api/oauth-client/organizations', 'get'], ['/api/oauth-client/organizations/{organization}/projects', 'get'], ['/api/oauth-client/installations', 'get'], ['/api/oauth-client/installations/{grantId}/tokens', 'post'], ['/api/oauth-client/installations/{grantId}', 'delete'], ['/api/oauth-client/v1/projects', 'post'], ['/api/oauth-client/v1/projects/{projectId}', 'get'], ['/api/oauth-client/v1/projects/{projectId}/languages', 'post']]) assert.ok(paths[path]?.[method], `${method} ${path}`);
});

test('health and readiness answer in JSON and are not cached', async () => {
  const health = await get('/health');
  assert.equal(health.status, 200);
  assert.equal((await health.json()).status, 'ok');
  assert.equal(health.headers.get('cache-control'), 'no-store');
  assert.equal((await get('/ready')).status, 200);
});

test('R41 metrics are for the operator, by no address', async () => {
  const answer = await get('/metrics');
  assert.equal(answer.status, 401);
  assert.match(answer.headers.get('www-authenticate'), /^Bearer/);
  assert.equal((await get('/metrics', { headers: { authorization: 'Bearer ' } })).status, 401, 'an unset token fits nobody');
  const spoofed = await rawPost(server, '/metrics', '', ['X-Forwarded-For: 127.0.0.1']);
  assert.notEqual(spoofed.status, 200);
});
