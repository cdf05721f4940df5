// SPDX-License-Identifier: MIT
// Installation tokens: minting, what they open, and what every other kind of token does not.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { api, mint, startServer, trpc } from '../lib/server.mjs';
import { addPerson, anyChallenge, assertRestError, basic, codeFor, connectWith, invalidToken, me, mintRaw, neighbour, openConsent, organizations, proxied, rawGet, redeem, refresh, scopeNames, signedIn, tokensPath } from '../lib/oauth.mjs';

const API = '/api/oauth-client';
let server, seed, browser, connection, token, other, otherPerson, otherConnection;

before(async () => {
  server = await startServer({ settings: { ...proxied, mint_per_minute_max: 10_000 } });
  seed = server.seed();
  browser = await signedIn(server, seed);
  connection = await connectWith(server, seed, { browser, scope: scopeNames.join(' ') });
  token = (await mint(server, connection)).installation_token;
  other = server.cli(['app', 'add', '--name', 'Other', '--type', 'web', '--redirect-uri', 'https://other.example/cb']);
  otherPerson = addPerson(server, { email: 'bob@example.com', org: 'bobcorp', orgName: 'Bob & Co' });
  server.cli(['project', 'add', 'bobcorp/site', '--source', 'en']);
  otherConnection = await connectWith(server, { ...seed, ...otherPerson }, { app: other, organizations: ['bobcorp'], scope: scopeNames.join(' '), browser: await signedIn(server, otherPerson) });
});
after(() => server?.close());

const app = (name, extra = []) => server.cli(['app', 'add', '--name', name, '--type', 'web', '--redirect-uri', 'https://own.example/cb', ...extra]);
const get = (path, options) => api(server, API + path, { token, ...options });
const ask = (path, bearer, options = {}) => api(server, path, { token: bearer, ...options });

test('rule_149 seed_05 the answer of a mint, to the millisecond', async () => {
  const before = Date.now();
  const answer = await mintRaw(server, connection);
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.equal(answer.headers.get('access-control-allow-origin'), null, 'R35');
  const body = answer.body;
  assert.deepEqual(Object.keys(body).sort(), ['expires_at', 'expires_in', 'grant_id', 'installation_token', 'organization_id', 'project_access', 'project_ids', 'scopes', 'token_type']);
  assert.match(body.installation_token, /^bi_oat_[0-9A-Za-z]{36}$/);
  assert.equal(body.token_type, 'Bearer');
  assert.match(body.expires_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(body.expires_in >= 3590 && body.expires_in <= 3600);
  const until = Date.parse(body.expires_at);
  assert.ok(until > before + 3_590_000 && until <= Date.now() + 3_600_000);
  assert.equal(body.organization_id, connection.organization_id);
  assert.equal(body.grant_id, connection.grant_id);
  assert.deepEqual(body.project_ids, []);
  assert.equal(body.project_access, 'all');
  assert.deepEqual(body.scopes, scopeNames);
});

test('rule_150 a mint narrows scopes, projects and life, and never widens', async () => {
  const narrow = await mint(server, connection, { scopes: ['keys:read', 'org:read'], project_ids: [seed.projectId], expires_in: 60 });
  assert.deepEqual(narrow.scopes, ['org:read', 'keys:read']);
  assert.deepEqual(narrow.project_ids, [seed.projectId]);
  assert.equal(narrow.project_access, 'selected');
  assert.ok(narrow.expires_in <= 60);
  const limited = await connectWith(server, seed, { app: app('Limited'), scope: 'org:read keys:read', browser });
  const missing = await mintRaw(server, limited, { scopes: ['org:read', 'translations:publish'] });
  assertRestError(missing, 403, 'missing_scope', { challenge: /^Bearer resource_metadata="[^"]+", error="insufficient_scope", error_description="[^"]+", scope="[a-z:]+"$/ });
  assert.equal(missing.body.required, 'translations:publish');
  for (const json of [{ scopes: ['nonsense'] }]) assertRestError(await mintRaw(server, limited, json), 400, 'invalid_scope');
  for (const json of [{ expires_in: 3601 }, { expires_in: 9 }, { expires_in: -1 }, { expires_in: 2 ** 53 }, { expires_in: '60s' }, { expires_in: 60.5 }, { scopes: [1] }, { scopes: {} }, { project_ids: ['nonsense'] }, { project_ids: [(await get('/organizations/acme/projects')).body.projects[0].id, '00000000-0000-4000-8000-000000000000'] }, { project_ids: [seed.projectId, 17] }]) assertRestError(await mintRaw(server, limited, json), 400, 'invalid_request');
  const foreign = await ask(`${API}/organizations/bobcorp/projects`, (await mint(server, otherConnection)).installation_token);
  assertRestError(await mintRaw(server, limited, { project_ids: [foreign.body.projects[0].id] }), 400, 'invalid_request');
});

test('rule_150 R18 R42 a connection with selected projects mints for these', async () => {
  server.cli(['project', 'add', 'acme/hidden', '--source', 'en']);
  const limited = await connectWith(server, seed, { app: app('Selected'), scope: scopeNames.join(' '), projects: ['acme/web'], browser });
  const minted = await mint(server, limited);
  assert.deepEqual(minted.project_ids, [seed.projectId]);
  assert.equal(minted.project_access, 'selected');
  assert.deepEqual((await mint(server, limited, { project_ids: [] })).project_ids, [seed.projectId], '[] is "as the connection", never all');
  const list = await ask(`${API}/organizations/acme/projects`, minted.installation_token);
  assert.deepEqual(list.body.projects.map((project) => project.slug), ['acme/web']);
  const whole = (await get('/organizations/acme/projects')).body.projects;
  const hidden = whole.find((project) => project.slug === 'acme/hidden');
  assertRestError(await ask(`${API}/v1/projects/${hidden.id}`, minted.installation_token), 403, 'wrong_organization');
  assertRestError(await mintRaw(server, limited, { project_ids: [hidden.id] }), 400, 'invalid_request');
  assertRestError(await ask(`${API}/v1/projects`, minted.installation_token, { method: 'POST', json: { name: 'X', slug: 'x-new', sourceLanguage: 'en' } }), 403, 'forbidden', { challenge: null });
  const view = (await me(server, minted.installation_token)).body;
  assert.deepEqual(view.projectIds, [seed.projectId]);
  assert.equal(view.projectAccess, 'selected');
  const visible = await trpc(server, 'mcp.listProjects', undefined, { key: minted.installation_token });
  assert.equal(visible.status, 200);
  assert.ok(!JSON.stringify(visible.body).includes('hidden'));
});

test('rule_148 rule_154 only the access token of the app and person that hold the grant mints', async () => {
  const key = server.cli(['key', 'add', '--org', seed.org, '--level', 'admin']).key;
  const pub = server.cli(['key', 'add', '--org', seed.org, '--public']).key;
  const fresh = await codeFor(server, seed, { app: app('Codes'), browser });
  const path = tokensPath(connection.grant_id);
  for (const [label, bearer] of [['installation token', token], ['refresh token', connection.refresh_token], ['key', key], ['public key', pub], ['code', fresh.code], ['client secret', seed.web.clientSecret], ['session', browser.cookies.get('bi18n_session')], ['garbage', 'x'.repeat(40)], ['a neighbour', neighbour(connection.access_token)]]) assertRestError(await ask(path, bearer, { method: 'POST' }), 401, 'invalid_token', { challenge: invalidToken });
  assertRestError(await ask(path, undefined, { method: 'POST' }), 401, 'invalid_token', { challenge: anyChallenge });
  assertRestError(await ask(path, undefined, { method: 'POST', headers: basic(seed.web.clientId, seed.web.clientSecret) }), 401, 'invalid_token', { challenge: anyChallenge });
  assertRestError(await ask(path, otherConnection.access_token, { method: 'POST' }), 404, 'grant_not_found');
  for (const id of ['grt_nothing', 'x', 'org_x', neighbour(connection.grant_id), '%00', '..%2f..', 'a'.repeat(65), encodeURIComponent("' OR 1=1 --")]) {
    const answer = await ask(tokensPath(id), connection.access_token, { method: 'POST' });
    assert.ok([400, 404].includes(answer.status), `${id}: ${answer.status} ${answer.text}`);
    assert.ok(['grant_not_found', 'invalid_request', 'not_found'].includes(answer.body.error), answer.text);
  }
  assertRestError(await ask(tokensPath(otherConnection.grant_id), connection.access_token, { method: 'POST' }), 404, 'grant_not_found');
});

test('rule_148 the body may be missing, empty or JSON; anything else is refused', async () => {
  assert.equal((await mintRaw(server, connection)).status, 200);
  const send = (body, type) => fetch(server.url + tokensPath(connection.grant_id), { method: 'POST', headers: { authorization: `Bearer ${connection.access_token}`, ...(type && { 'content-type': type }) }, body });
  assert.equal((await send('', 'application/json')).status, 200);
  assert.equal((await send('{}', 'application/json')).status, 200);
  assert.equal((await send('scopes=org:read', 'application/x-www-form-urlencoded')).status, 415);
  for (const body of ['{', '[]', '"x"', '1', '{"scopes":["org:read"],"scopes":["keys:read"]}', `{"a":${'['.repeat(500)}${']'.repeat(500)}}`, '{"x":1e999}']) {
    const answer = await send(body, 'application/json');
    assert.ok(answer.status === 400 || (answer.status === 200 && body.includes('1e999')), `${body.slice(0, 40)}: ${answer.status}`);
  }
  assert.equal((await send(JSON.stringify({ scopes: ['org:read'], x: 'a'.repeat(20_000) }), 'application/json')).status, 413);
  assert.equal((await send(JSON.stringify({ unknown: [1, { a: null }] }), 'application/json')).status, 200, 'unknown members do not matter');
  const named = await send(JSON.stringify({ grantId: otherConnection.grant_id }), 'application/json');
  assert.equal((await named.json()).grant_id, connection.grant_id, 'the address says which grant');
});

test('rule_156 R24 identical mints within five seconds get the same token; others their own', async () => {
  const own = await connectWith(server, seed, { app: app('Coalesced'), browser });
  const first = await mint(server, own);
  assert.equal((await mint(server, own)).installation_token, first.installation_token);
  assert.equal((await mint(server, own)).expires_at, first.expires_at, 'rule_135');
  assert.notEqual((await mint(server, own, { scopes: ['org:read'] })).installation_token, first.installation_token);
  assert.notEqual((await mint(server, own, { expires_in: 100 })).installation_token, first.installation_token);
  assert.notEqual((await mint(server, own, { project_ids: [seed.projectId] })).installation_token, first.installation_token);
  const again = await refresh(server, own.app, own.refresh_token);
  assert.equal((await mint(server, again.body)).installation_token, first.installation_token, 'rule_156 names the grant and what was asked; the family is the same');
  const minted = server.run(['audit', '--grant', own.grant_id]).stdout.split('\n').filter((line) => /mint/.test(line));
  assert.ok(minted.length >= 6, `each mint is in the audit: ${minted.length}`);
  assert.doesNotMatch(minted.join(), /bi_oat_/);
});

test('rule_156 R24 100 live tokens of a grant, then 429 with Retry-After; none is pushed out', async () => {
  const small = await startServer({ settings: { installation_tokens_max: 3, mint_coalesce_ms: 0 } });
  try {
    const people = small.seed();
    const one = await connectWith(small, people);
    const tokens = [];
    for (let i = 0; i < 3; i++) tokens.push((await mint(small, one)).installation_token);
    assert.equal(new Set(tokens).size, 3, 'without coalescing');
    const refused = await mintRaw(small, one);
    assertRestError(refused, 429, 'rate_limited', { challenge: null });
    assert.match(refused.headers.get('retry-after'), /^[1-9]\d*$/);
    for (const t of tokens) assert.equal((await organizations(small, t)).status, 200);
    const storm = await connectWith(small, people, { app: small.cli(['app', 'add', '--name', 'Storm', '--type', 'web', '--redirect-uri', 'https://storm.example/cb']) });
    const answers = await Promise.all(Array.from({ length: 12 }, () => mintRaw(small, storm)));
    assert.equal(answers.filter((answer) => answer.status === 200).length, 3, 'also when all ask at once');
  } finally {
    await small.close();
  }
});

test('mints of one grant are limited by the minute', async () => {
  const small = await startServer({ settings: { mint_per_minute_max: 4, mint_coalesce_ms: 0 } });
  try {
    const one = await connectWith(small, small.seed());
    for (let i = 0; i < 4; i++) await mint(small, one);
    const refused = await mintRaw(small, one);
    assertRestError(refused, 429, 'rate_limited', { challenge: null });
    assert.ok(Number(refused.headers.get('retry-after')) <= 60);
  } finally {
    await small.close();
  }
});

test('rule_168 R34 requests are limited by grant, whatever is minted; 429 with Retry-After', async () => {
  const small = await startServer({ settings: { requests_per_minute_max: 5, mint_coalesce_ms: 0 } });
  try {
    const people = small.seed();
    const who = await signedIn(small, people);
    const one = await connectWith(small, people, { browser: who });
    const two = await connectWith(small, people, { browser: who, app: small.cli(['app', 'add', '--name', 'Two', '--type', 'web', '--redirect-uri', 'https://two.example/cb']) });
    const first = (await mint(small, one)).installation_token;
    for (let i = 0; i < 5; i++) assert.equal((await organizations(small, first)).status, 200);
    const refused = await organizations(small, first);
    assertRestError(refused, 429, 'rate_limited', { challenge: null });
    assert.match(refused.headers.get('retry-after'), /^[1-9]\d*$/);
    assert.ok(Number(refused.headers.get('retry-after')) <= 60);
    const second = (await mint(small, one)).installation_token;
    assert.equal((await organizations(small, second)).status, 429, 'a new token is no new allowance');
    const call = await trpc(small, 'mcp.listProjects', undefined, { key: first });
    assert.equal(call.status, 429);
    assert.equal(call.error.data.code, 'TOO_MANY_REQUESTS');
    assert.equal(call.error.code, -32029);
    assert.match(call.headers.get('retry-after'), /^[1-9]\d*$/);
    assert.equal((await organizations(small, (await mint(small, two)).installation_token)).status, 200, 'another grant has its own');
  } finally {
    await small.close();
  }
});

test('rule_169 answers that count against a limit say what is left of it, the refusal too, and others say nothing', async () => {
  const small = await startServer({ settings: { requests_per_minute_max: 3, mint_per_minute_max: 2, mint_coalesce_ms: 0 } });
  try {
    const people = small.seed();
    const connection = await connectWith(small, people, { browser: await signedIn(small, people) });
    const fields = (answer) => [answer.headers.get('ratelimit-policy'), answer.headers.get('ratelimit')];
    const left = (answer, name, max, r) => {
      const [policy, limit] = fields(answer);
      assert.equal(policy, `"${name}";q=${max};w=60`);
      const [, remaining, reset] = new RegExp(`^"${name}";r=(\\d+);t=(\\d+)$`).exec(limit);
      assert.equal(Number(remaining), r);
      assert.ok(reset >= 1 && reset <= 60, limit);
      return reset;
    };
    const minted = await mintRaw(small, connection);
    const first = minted.body.installation_token;
    left(minted, 'mints', 2, 1);
    left(await organizations(small, first), 'requests', 3, 2);
    left(await api(small, `${API}/v1/projects/nowhere`, { token: first }), 'requests', 3, 1);
    const batch = await fetch(`${small.url}/api/trpc/mcp.listProjects,mcp.listProjects?batch=1`, { headers: { 'x-api-key': first } });
    assert.equal(batch.status, 207, 'one of the two was one too many');
    left(batch, 'requests', 3, 0);
    const refused = await organizations(small, first);
    assert.equal(refused.status, 429);
    assert.equal(left(refused, 'requests', 3, 0), refused.headers.get('retry-after'));
    left(await mintRaw(small, connection), 'mints', 2, 0);
    left(await mintRaw(small, connection), 'mints', 2, 0);
    for (const answer of [await me(small, connection.access_token), await organizations(small, 'x'), await refresh(small, people.web, connection.refresh_token), await fetch(`${small.url}/health`), await trpc(small, 'mcp.listProjects', undefined, { key: small.cli(['key', 'add', '--org', people.org, '--level', 'read']).key })]) assert.deepEqual(fields(answer), [null, null]);
  } finally {
    await small.close();
  }
});

test('rule_157 rule_162 one token, as bearer in any case or as x-api-key, on REST and tRPC', async () => {
  const path = `${server.url}${API}/organizations`;
  for (const headers of [{ authorization: `Bearer ${token}` }, { authorization: `bearer ${token}` }, { authorization: `BEARER   ${token}` }, { 'x-api-key': token }, { authorization: `Bearer ${token}`, 'x-api-key': token }]) {
    assert.equal((await fetch(path, { headers })).status, 200, JSON.stringify(headers));
    assert.equal((await trpc(server, 'mcp.listProjects', undefined, { headers })).status, 200, JSON.stringify(headers));
  }
});

test('rule_165 two different credentials in one request are refused', async () => {
  const second = (await mint(server, connection, { scopes: ['org:read'] })).installation_token;
  assertRestError(await organizations(server, token, { headers: { 'x-api-key': second } }), 400, 'invalid_request');
  const call = await trpc(server, 'mcp.listProjects', undefined, { headers: { authorization: `Bearer ${token}`, 'x-api-key': second } });
  assert.ok([200, 400].includes(call.status));
  for (const lines of [[`Authorization: Bearer ${token}`, `Authorization: Bearer ${second}`], [`Authorization: Bearer ${token}, Bearer ${second}`], [`Authorization: Bearer ${token} ${second}`], [`x-api-key: ${token}`, `x-api-key: ${second}`]]) {
    const answer = await rawGet(server, `${API}/organizations`, lines);
    assert.ok([400, 401].includes(answer.status), `${lines.length} ${answer.status}`);
  }
});

test('rule_162 rule_024 malformed credentials are 401 or 400, with a challenge, and never 500', async () => {
  for (const value of ['x', '=', 'bi_oat_', `${token}=`, `${token}.`, `${token}x`, token.slice(0, -1), token.toUpperCase(), neighbour(token), 'ü'.repeat(10), '"x"', '%41', 'a'.repeat(4096), 'a'.repeat(5000), 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.', '../../etc/passwd', '{}', 'null', 'undefined']) {
    const answer = await rawGet(server, `${API}/organizations`, [`Authorization: Bearer ${Buffer.from(value).toString('latin1')}`]);
    assert.ok([400, 401].includes(answer.status), `${value.slice(0, 30)}: ${answer.status}`);
    if (answer.status === 401) assert.match(answer.headers['www-authenticate'][0], invalidToken);
    assert.ok(JSON.parse(answer.text).error);
  }
});

test('rule_023 rule_024 nothing sent: a challenge without error; something wrong: with error', async () => {
  for (const headers of [{}, { authorization: '' }, { authorization: 'Bearer' }, { authorization: 'Bearer ' }, { authorization: 'Digest x' }, { authorization: 'Basic eDp5' }, { 'x-api-key': '' }]) {
    const answer = await organizations(server, undefined, { headers });
    assertRestError(answer, 401, 'invalid_token');
    assert.doesNotMatch(answer.headers.get('www-authenticate'), /error=/, JSON.stringify(headers));
    assert.match(answer.headers.get('www-authenticate'), /scope="org:read"/, 'rule_025');
  }
  assertRestError(await organizations(server, 'bi_oat_x'), 401, 'invalid_token', { challenge: invalidToken });
});

test('rule_028 rule_029 seed_01 a token in the address is refused, and the request with it', async () => {
  for (const query of [`access_token=${token}`, `token=${token}`, `x=${token}`, `api_key=${connection.access_token}`, `q=${connection.refresh_token}`, 'access_token=x']) {
    for (const path of [`${API}/organizations`, `${API}/me`, `${API}/organizations/acme/projects`, `${API}/v1/projects/${seed.projectId}`, `${API}/installations`]) {
      assertRestError(await ask(`${path}?${query}`, undefined), 400, 'invalid_request');
      assertRestError(await ask(`${path}?${query}`, token), 400, 'invalid_request');
    }
    const mintAnswer = await ask(`${tokensPath(connection.grant_id)}?${query}`, connection.access_token, { method: 'POST' });
    assertRestError(mintAnswer, 400, 'invalid_request');
  }
  const call = await fetch(`${server.url}/api/trpc/mcp.listProjects?access_token=${token}`);
  assert.ok([400, 401].includes(call.status));
});

test('rule_164 R5 R6 rule_163 which token opens what: the whole table', async () => {
  const key = server.cli(['key', 'add', '--org', seed.org, '--level', 'admin']).key;
  const pub = server.cli(['key', 'add', '--org', seed.org, '--public']).key;
  const fresh = await codeFor(server, seed, { app: app('Matrix'), browser });
  const page = await openConsent(browser, seed.web);
  const tokens = { oat: token, access: connection.access_token, refresh: connection.refresh_token, code: fresh.code, secret: seed.web.clientSecret, request: page.hidden.request, session: browser.cookies.get('bi18n_session'), key, pub };
  const routes = [
    ['me', 'GET', `${API}/me`, ['oat', 'access']], ['organizations', 'GET', `${API}/organizations`, ['oat']], ['projects', 'GET', `${API}/organizations/acme/projects`, ['oat']], ['project', 'GET', `${API}/v1/projects/${seed.projectId}`, ['oat']],
    ['create', 'POST', `${API}/v1/projects`, ['oat']], ['language', 'POST', `${API}/v1/projects/${seed.projectId}/languages`, ['oat']], ['installations', 'GET', `${API}/installations`, ['access']], ['mint', 'POST', tokensPath(connection.grant_id), ['access']],
    ['delete', 'DELETE', `${API}/installations/grt_nothing`, ['access']],
  ];
  for (const [name, method, path, allowed] of routes) {
    for (const [kind, value] of Object.entries(tokens)) {
      const answer = await ask(path, value, { method, ...(method === 'POST' && { json: {} }) });
      if (allowed.includes(kind)) {
        assert.ok(answer.status < 300 || ['invalid_request', 'grant_not_found'].includes(answer.body.error), `${kind} at ${name}: ${answer.status} ${answer.text}`);
        continue;
      }
      assert.ok(answer.status === 401 || (kind === 'pub' && answer.status === 403), `${kind} at ${name}: ${answer.status} ${answer.text}`);
      if (answer.status === 401) assertRestError(answer, 401, 'invalid_token', { challenge: invalidToken });
      if (answer.status === 401 && ['oat', 'access', 'key'].includes(kind)) assert.match(answer.body.error_description, /This takes (an?|the) /, `rule_163: a hint for ${kind} at ${name}`);
    }
  }
  for (const [kind, value] of Object.entries(tokens)) {
    const call = await trpc(server, 'mcp.listProjects', undefined, { key: value });
    const want = { oat: 200, key: 200, pub: 403 }[kind] ?? 401;
    assert.equal(call.status, want, `${kind} at tRPC`);
    if (want !== 200) assert.equal(call.error.data.code, want === 403 ? 'FORBIDDEN' : 'UNAUTHORIZED');
    if (want === 401) assert.match(call.error.message, /^Unauthorized/);
  }
});

test('rule_155 rule_251 seed_04 another organization: 403 for who could see it, else 404, as for one that does not exist', async () => {
  const bob = (await mint(server, otherConnection)).installation_token;
  const site = (await ask(`${API}/organizations/bobcorp/projects`, bob)).body.projects[0];
  const missing = await get('/organizations/nothing/projects');
  assert.equal(missing.status, 404);
  const foreign = await get('/organizations/bobcorp/projects');
  assert.equal(foreign.status, 404, foreign.text);
  assert.deepEqual({ ...foreign.body }, { ...missing.body }, 'no way to find out which organizations exist');
  assert.equal((await get(`/v1/projects/${site.id}`)).status, 404);
  assert.equal((await get(`/v1/projects/${site.id}/languages`, { method: 'POST', json: { code: 'fr' } })).status, 404);
  server.cli(['org', 'member', 'add', '--org', 'bobcorp', '--email', seed.email, '--role', 'member']);
  const seen = await get('/organizations/bobcorp/projects');
  assertRestError(seen, 403, 'wrong_organization');
  assertRestError(await get(`/v1/projects/${site.id}`), 403, 'wrong_organization');
  server.cli(['org', 'member', 'remove', '--org', 'bobcorp', '--email', seed.email]);
  for (const path of ['/organizations/acme%2f..%2fbobcorp/projects', '/organizations/../bobcorp/projects', '/organizations/acme/../bobcorp/projects', '/organizations/%2e%2e/projects', '/v1/projects/..%2fprojects', "/v1/projects/'", '/v1/projects/%00', '/v1/projects/00000000-0000-4000-8000-000000000000', `/v1/projects/${'a'.repeat(500)}`]) {
    const answer = await rawGet(server, API + path, [`Authorization: Bearer ${token}`]);
    assert.ok([400, 404].includes(answer.status), `${path}: ${answer.status}`);
  }
});

test('rule_167 seed_04 a missing scope is named in the body and in the challenge, on every channel', async () => {
  const poor = await mint(server, connection, { scopes: ['content:read'] });
  const rows = [['GET', '/organizations', 'org:read'], ['GET', '/organizations/acme/projects', 'projects:read'], ['GET', `/v1/projects/${seed.projectId}`, 'projects:read'], ['POST', '/v1/projects', 'projects:write'], ['POST', `/v1/projects/${seed.projectId}/languages`, 'projects:write']];
  for (const [method, path, scope] of rows) {
    const answer = await ask(API + path, poor.installation_token, { method, ...(method === 'POST' && { json: { code: 'fr', name: 'N', slug: 'n', sourceLanguage: 'en' } }) });
    assertRestError(answer, 403, 'missing_scope', { challenge: /^Bearer resource_metadata="[^"]+", error="insufficient_scope", error_description="[^"\\]+", scope="[^"]+"$/ });
    assert.equal(answer.body.required, scope);
    assert.match(answer.headers.get('www-authenticate'), new RegExp(`scope="[^"]*${scope}[^"]*"`));
  }
  for (const [procedure, scope, mutation] of [['mcp.listProjects', 'projects:read'], ['mcp.getProject', 'projects:read'], ['mcp.getAllTranslations', 'translations:read'], ['mcp.listKeys', 'keys:read'], ['mcp.createKeys', 'keys:write', true], ['mcp.setTranslations', 'translations:write', true], ['mcp.deleteKeys', 'keys:write', true], ['mcp.publishTranslations', 'translations:publish', true]]) {
    const call = await trpc(server, procedure, { orgSlug: 'acme', projectSlug: 'web' }, { key: poor.installation_token, mutation });
    assert.equal(call.status, 403, procedure);
    assert.equal(call.error.code, -32003);
    assert.equal(call.error.message, `missing_scope: ${scope}`);
    assert.equal(call.error.data.code, 'FORBIDDEN');
    assert.equal(call.error.data.error, 'missing_scope');
    assert.equal(call.error.data.required, scope);
  }
});

test('E-27 /me tells who the token stands for', async () => {
  const installation = (await me(server, token)).body;
  assert.equal(installation.user.email, seed.email);
  assert.equal(installation.user.name, 'Ada Lovelace');
  assert.deepEqual(installation.client, { id: seed.web.clientId, name: 'Partner Web' });
  assert.deepEqual(installation.organization, { id: connection.organization_id, name: 'Acme Corp', slug: 'acme' });
  assert.equal(installation.grantId, connection.grant_id);
  assert.deepEqual(installation.scopes, scopeNames);
  assert.deepEqual(installation.projectIds, []);
  assert.ok(!('grants' in installation));
  const access = (await me(server, connection.access_token)).body;
  assert.ok(!('organization' in access) && !('grantId' in access));
  assert.deepEqual(access.grants.map((grant) => grant.grantId), [connection.grant_id]);
  assert.equal(access.grants[0].organizationSlug, 'acme');
  const anonymous = await me(server, undefined);
  assertRestError(anonymous, 401, 'invalid_token', { challenge: anyChallenge });
});

test('R4 installations lists the live grants of this app and person', async () => {
  const list = await ask(`${API}/installations`, connection.access_token);
  assert.equal(list.status, 200);
  const [one] = list.body.installations;
  assert.equal(list.body.installations.length, 1);
  assert.equal(one.grant_id, connection.grant_id);
  assert.equal(one.organization_id, connection.organization_id);
  assert.equal(one.organization_slug, 'acme');
  assert.deepEqual(one.project_ids, []);
  assert.equal(one.project_access, 'all');
});

test('E-28 E-29 organizations and projects, by id or slug', async () => {
  assert.deepEqual((await organizations(server, token)).body, { organizations: [{ id: connection.organization_id, name: 'Acme Corp', slug: 'acme' }] });
  const lists = [];
  for (const ref of ['acme', connection.organization_id]) {
    const answer = await get(`/organizations/${ref}/projects`);
    assert.equal(answer.status, 200, answer.text);
    lists.push(answer.text);
  }
  assert.equal(lists[0], lists[1]);
  const web = JSON.parse(lists[0]).projects.find((project) => project.slug === 'acme/web');
  assert.equal(web.id, seed.projectId);
  assert.match(web.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'R14');
  assert.equal(web.sourceLanguage, 'en');
  assert.deepEqual(web.targetLanguages, ['tr', 'de']);
  const detail = await get(`/v1/projects/${seed.projectId}`);
  assert.equal(detail.status, 200);
  assert.equal(detail.body.id, seed.projectId);
  assert.equal(detail.body.keyCount, 4);
  assert.ok(detail.body.languages.some((language) => language.code === 'tr'));
  assert.ok(detail.body.cdn.baseUrl && detail.body.cdn.manifestUrl && detail.body.cdn.pattern);
});

test('projects and languages are created: 201, 200 when there, 409, 400', async () => {
  const create = (json, bearer = token) => ask(`${API}/v1/projects`, bearer, { method: 'POST', json });
  const made = await create({ name: 'Brand new', slug: 'brand-new', sourceLanguage: 'en' });
  assert.equal(made.status, 201, made.text);
  assert.equal(made.body.slug, 'acme/brand-new');
  assert.equal(made.body.sourceLanguage, 'en');
  assert.equal((await get(`/v1/projects/${made.body.id}`)).status, 200, 'at the very next request');
  assertRestError(await create({ name: 'Again', slug: 'brand-new', sourceLanguage: 'en' }), 409, 'slug_taken');
  for (const json of [{}, { name: 'x', slug: '../x', sourceLanguage: 'en' }, { name: '', slug: 'xx', sourceLanguage: 'en' }, { name: 'x', slug: 'xx', sourceLanguage: 'not a language' }, { name: 'x', slug: 'xx', sourceLanguage: 7 }, { name: null, slug: 'xx', sourceLanguage: 'en' }]) assertRestError(await create(json), 400, 'invalid_request');
  const add = (code) => ask(`${API}/v1/projects/${made.body.id}/languages`, token, { method: 'POST', json: { code } });
  const first = await add('fr');
  assert.equal(first.status, 201);
  assert.deepEqual(first.body, { code: 'fr', status: 'active', added: true });
  const second = await add('fr');
  assert.equal(second.status, 200);
  assert.equal(second.body.added, false);
  for (const code of ['', 'x', 'not a language', '../fr', 'fr\0']) assertRestError(await add(code), 400, 'invalid_request');
});

test('R35 no page elsewhere may use these routes', async () => {
  for (const path of [`${API}/me`, `${API}/organizations`, tokensPath(connection.grant_id), '/api/trpc/mcp.listProjects']) {
    const preflight = await fetch(server.url + path, { method: 'OPTIONS', headers: { origin: 'https://evil.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' } });
    for (const [name] of preflight.headers) assert.doesNotMatch(name, /^access-control-/, path);
    const direct = await fetch(server.url + path, { method: path.endsWith('tokens') ? 'POST' : 'GET', headers: { origin: 'https://evil.example', authorization: `Bearer ${path.endsWith('tokens') ? connection.access_token : token}` } });
    for (const [name] of direct.headers) assert.doesNotMatch(name, /^access-control-/);
  }
});

test('a session cookie opens no API', async () => {
  for (const path of [`${API}/me`, `${API}/organizations`, '/api/trpc/mcp.listProjects']) assert.equal((await browser.request(path)).status, 401, path);
  assert.equal((await browser.request(tokensPath(connection.grant_id), { method: 'POST', form: {} })).status, 401);
});

// Ruling R3 ------------------------------------------------------------------------------------------

test('R3 the same consent again is the same grant, and its tokens go on', async () => {
  const own = app('Same');
  const first = await connectWith(server, seed, { app: own, scope: 'org:read', browser });
  const minted = (await mint(server, first)).installation_token;
  const second = await connectWith(server, seed, { app: own, scope: 'org:read', browser });
  assert.equal(second.grant_id, first.grant_id);
  assert.equal((await organizations(server, minted)).status, 200);
  assert.equal((await me(server, first.access_token)).body.grants.length, 1, 'seed_12: one live row per app, person and organization');
});

test('R3 seed_07 seed_12 a changed consent re-issues the grant in place when its code is redeemed', async () => {
  const own = app('Changed');
  const first = await connectWith(server, seed, { app: own, scope: 'org:read projects:read', browser });
  const minted = (await mint(server, first)).installation_token;
  const code = await codeFor(server, seed, { app: own, scope: 'org:read', browser });
  assert.equal((await organizations(server, minted)).status, 200, 'until then the old grant stays whole');
  assert.equal((await me(server, first.access_token)).body.grants[0].grantId, first.grant_id);
  const second = (await redeem(server, code)).body;
  assert.notEqual(second.grant_id, first.grant_id);
  assertRestError(await organizations(server, minted), 401, 'invalid_token', { challenge: invalidToken });
  const viaOldId = await mintRaw(server, first);
  assert.equal(viaOldId.status, 200, 'the old id is an alias');
  assert.equal(viaOldId.body.grant_id, second.grant_id);
  assert.deepEqual(viaOldId.body.scopes, ['org:read']);
  const grants = (await me(server, second.access_token)).body.grants;
  assert.deepEqual(grants.map((grant) => grant.grantId), [second.grant_id]);
  const third = await connectWith(server, seed, { app: own, scope: 'org:read', projects: ['acme/web'], browser });
  assert.notEqual(third.grant_id, second.grant_id, 'other projects are a change too');
  for (const id of [first.grant_id, second.grant_id]) assert.equal((await mintRaw(server, { ...third, grant_id: id })).body.grant_id, third.grant_id);
  const gone = await ask(`${API}/installations/${first.grant_id}`, first.access_token, { method: 'DELETE' });
  assert.equal(gone.status, 200);
  assert.equal(gone.body.grant_id, third.grant_id, 'DELETE by an old id acts on the live grant');
  for (const id of [first.grant_id, second.grant_id, third.grant_id]) assertRestError(await mintRaw(server, { ...third, grant_id: id }), 410, 'grant_revoked', { challenge: invalidToken });
});

test('R3 after revocation a new consent makes a new grant; the old id stays revoked', async () => {
  const own = app('Reborn');
  const first = await connectWith(server, seed, { app: own, scope: 'org:read', browser });
  server.cli(['grant', 'revoke', first.grant_id]);
  const second = await connectWith(server, seed, { app: own, scope: 'org:read', browser });
  assert.notEqual(second.grant_id, first.grant_id);
  assertRestError(await mintRaw(server, { ...second, grant_id: first.grant_id }), 410, 'grant_revoked');
  assert.equal((await mintRaw(server, second)).status, 200);
});

test('R20 an access token mints for all grants of its app and person', async () => {
  const own = app('Authority');
  server.cli(['org', 'add', '--slug', 'third', '--name', 'Third', '--owner', seed.email]);
  const first = await connectWith(server, seed, { app: own, scope: 'org:read', organizations: ['acme'], browser });
  const second = await connectWith(server, seed, { app: own, scope: 'org:read', organizations: ['third'], browser });
  assert.notEqual(first.grant_id, second.grant_id, 'seed_11');
  const both = await mintRaw(server, { ...first, grant_id: second.grant_id });
  assert.equal(both.status, 200);
  assert.equal(both.body.organization_id, second.organization_id);
  assert.equal((await mintRaw(server, { ...second, grant_id: first.grant_id })).status, 200);
  const bob = await connectWith(server, { ...seed, ...otherPerson }, { app: own, organizations: ['bobcorp'], scope: 'org:read', browser: await signedIn(server, otherPerson) });
  assertRestError(await mintRaw(server, { ...bob, grant_id: first.grant_id }), 404, 'grant_not_found');
});

test('rule_152 losing the role stops live tokens and mints at the very next request; regaining it needs a new consent or token', async () => {
  const admin = addPerson(server, { email: 'admin@example.com' });
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', admin.email, '--role', 'admin']);
  const own = app('Role');
  const mine = await connectWith(server, { ...seed, ...admin, org: seed.org }, { app: own, scope: 'org:read', browser: await signedIn(server, admin) });
  const minted = (await mint(server, mine)).installation_token;
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', admin.email, '--role', 'member']);
  assert.ok([401, 410].includes((await organizations(server, minted)).status));
  assert.ok([403, 404, 410].includes((await mintRaw(server, mine)).status));
});

test('rule_118 scopes that the app may no longer ask for are in no token (rule_152)', async () => {
  const own = app('Reader', ['--scope', 'org:read']);
  const answer = await connectWith(server, seed, { app: own, scope: 'org:read', browser });
  assert.equal(answer.scope, 'org:read');
  assert.deepEqual((await mint(server, answer)).scopes, ['org:read']);
});

test('HEAD and wrong methods on every route: 405 with Allow in JSON, no body for HEAD', async () => {
  for (const [path, method] of [[`${API}/me`, 'POST'], [`${API}/organizations`, 'DELETE'], [tokensPath('x'), 'GET'], [`${API}/installations/x`, 'POST'], [`${API}/v1/projects`, 'PUT']]) {
    const answer = await ask(path, token, { method });
    assert.equal(answer.status, 405, `${method} ${path}`);
    assert.ok(answer.headers.get('allow'));
    assert.equal(answer.body.error, 'method_not_allowed');
  }
  const head = await fetch(`${server.url}${API}/me`, { method: 'HEAD', headers: { authorization: `Bearer ${token}` } });
  assert.equal(head.status, 200);
  assert.equal(await head.text(), '');
  const unknown = await ask(`${API}/nothing`, token);
  assert.equal(unknown.status, 404);
  assert.equal(unknown.body.error, 'not_found');
});
