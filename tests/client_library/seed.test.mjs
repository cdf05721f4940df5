// SPDX-License-Identifier: MIT
// The page this project was created from, statement by statement: what it obliges the library to, against the real
// server and through a proxy that spoils what it is told to. Row 08, and what survives a crash, lies in kill.test.mjs;
// Redis in redis.test.mjs.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, statSync, symlinkSync, writeFileSync, mkdirSync, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { organizations, scopeNames, destructive } from '../lib/oauth.mjs';
import { change, delay, drop, huge, limited, missingScope, noise, paths, refuse, revoked, say, slowly, truncate, unauthorized } from './fault_proxy.mjs';
import { HOUR, assertNoTokens, connectDriver, consent, newKey, sha256, valgrind } from './library.mjs';
import { full, publish, slow, suite } from './suite.mjs';

const s = suite();
before(() => s.start());
after(() => s.close());
afterEach(() => s.proxy.calm());

const path = '/api/oauth-client/organizations';
const acme = { owner: 'u1', organization: 'acme' };
const call = { ...acme, path };
// Both ways to the server; what is told of one holds for the other.
const ways = [['the real server', false], ['a proxy', true]];

async function connected(options = {}) {
  const driver = await s.driver(options);
  const connections = await connectDriver(driver, s.server, s.seed, { browser: s.browser, ...options });
  return { driver, connections };
}

// 01 -----------------------------------------------------------------------------------------------------------------

for (const [kind, available, makeStore] of s.stores) {
  test(`seed_01 nothing that opens a door is in the store in plain: ${kind}`, { skip: !available && 'BI18N_TEST_POSTGRES is not set' }, async () => {
    s.proxy.forget();
    const store = await makeStore();
    const { driver } = await connected({ store: store.url });
    const token = (await driver.ok('token', { ...acme, plain: true })).token;
    await driver.ok('request', call);
    await driver.ok('clock', { ms: HOUR });
    await driver.ok('request', call);
    const secrets = s.secrets();
    assert.ok(secrets.has(token) && [...secrets].some((secret) => secret.startsWith('rt_')), 'the proxy saw them');
    assertNoTokens(store.dump(), kind, secrets);
    await driver.ok('disconnect', acme);
    assertNoTokens(store.dump(), `${kind}, disconnected`, secrets);
    await driver.close(); // and nothing was printed, or given back unwiped
    assertNoTokens(store.dump(), `${kind}, closed`, secrets);
  });
}

test('seed_01 what the server says about an error is told without the secrets in it', async () => {
  const { driver } = await connected();
  const { token } = await driver.ok('token', { ...acme, plain: true });
  for (const status of [400, 403, 404, 409, 422]) {
    s.proxy.rule({ ...paths.organizations, times: 1 }, (x) => x.answer({ status, body: { error: 'odd', was: x.headers.authorization, and: `token=${token}` } }));
    const answer = await driver.run('request', call);
    assert.notEqual(answer.code, 'OK');
    assert.doesNotMatch(JSON.stringify(answer), /bi_oat_[0-9A-Za-z]/, `${status}`);
  }
  for (const where of [paths.refresh, paths.mint]) {
    await driver.ok('clock', { ms: 2 * HOUR });
    s.proxy.rule({ ...where, times: 1 }, (x) => x.answer({ status: 400, body: { error: 'odd', error_description: `${x.body} ${x.headers.authorization}` } }));
    const answer = await driver.run('request', call);
    assert.doesNotMatch(JSON.stringify(answer), /(bi_at_|rt_|bi_cs_)[0-9A-Za-z]/, where.path.toString());
    s.proxy.calm();
    await driver.ok('clock', { ms: 60_000 });
    await driver.ok('request', call);
  }
  await driver.close();
});

test('seed_01 no token goes to a host without TLS that is not this machine', async () => {
  const driver = await s.driver({ open: false });
  for (const baseUrl of ['http://i18n.example', 'http://127.0.0.1.example', 'http://localhost.example:80', 'http://10.0.0.1', 'http://[::2]']) {
    await driver.fails('EINSECURE', 'open', s.options({ baseUrl }));
  }
  for (const baseUrl of ['ftp://127.0.0.1', 'https://user@i18n.example', 'https://i18n.example/path', 'https://', 'i18n.example']) {
    await driver.fails('EINVAL', 'open', s.options({ baseUrl }));
  }
  await driver.close();
});

// 02 -----------------------------------------------------------------------------------------------------------------

for (const [way, direct] of ways.map(([name, proxied]) => [name, !proxied])) {
  test(`seed_02 scopes are named, destructive ones pointed out, and what was declined is told: ${way}`, async () => {
    const driver = await s.driver({ direct });
    const { url, destructive: told } = await driver.ok('authorize', { owner: 'u1', scopes: scopeNames.join(' ') });
    assert.deepEqual(told.split(' ').sort(), [...destructive].sort());
    assert.deepEqual(new URL(url).searchParams.get('scope').split(' '), scopeNames);
    assert.equal((await driver.ok('authorize', { owner: 'u1', scopes: 'org:read' })).destructive, '');
    for (const scopes of ['org:write', '', 'org:read  nothing', 'org:read,keys:read', 'ORG:READ']) await driver.fails('EINVAL', 'authorize', { owner: 'u1', scopes });
    const back = await consent(s.server, s.seed, url, { browser: s.browser, scopes: ['org:read', 'keys:read'] });
    const [connection] = await driver.ok('callback', { owner: 'u1', query: back.location });
    assert.equal(connection.scopes, 'org:read keys:read');
    assert.deepEqual(connection.declined.split(' '), scopeNames.filter((name) => !['org:read', 'keys:read'].includes(name)));
    await driver.close();
  });
}

test('seed_02 a callback is believed only by who began it, once, for ten minutes, and from this server', async () => {
  const driver = await s.driver();
  const begin = async () => (await consent(s.server, s.seed, (await driver.ok('authorize', { owner: 'u1', scopes: 'org:read' })).url, { browser: s.browser })).location;
  const refused = async (code, query, owner = 'u1') => {
    s.proxy.forget();
    await driver.fails(code, 'callback', { owner, query });
    assert.equal(s.proxy.find(paths.redeem).length, 0, 'no code is sent');
  };
  await refused('ESTATE', await begin(), 'u2');
  const iss = new URL(await begin());
  iss.searchParams.set('iss', 'https://other.example');
  await refused('ESTATE', iss.href);
  const noIss = new URL(await begin());
  noIss.searchParams.delete('iss');
  await refused('ESTATE', noIss.href);
  const late = await begin();
  await driver.ok('clock', { ms: 10 * 60_000 + 1 });
  await refused('ESTATE', late);
  const good = await begin();
  const twice = new URL(good);
  twice.searchParams.append('state', 'x');
  await refused('ESTATE', twice.href);
  await refused('ESTATE', '?code=x&state=unknown&iss=x');
  await driver.ok('callback', { owner: 'u1', query: good });
  await refused('ESTATE', good);
  const { url } = await driver.ok('authorize', { owner: 'u1', scopes: 'org:read' });
  const no = await consent(s.server, s.seed, url, { browser: s.browser, decision: 'deny' });
  await refused('EDENIED', no.location);
  await driver.close();
});

// 03 -----------------------------------------------------------------------------------------------------------------

for (const [way, direct] of ways.map(([name, proxied]) => [name, !proxied])) {
  test(`seed_03 revoked is a state with a way back, and ends all requests: ${way}`, async () => {
    const { driver, connections: [connection] } = await connected({ direct });
    await driver.ok('request', call);
    s.server.cli(['grant', 'revoke', connection.grantId]);
    s.proxy.forget();
    const error = await driver.fails('RECONNECT_REQUIRED', 'request', call);
    assert.equal(error.httpStatus, 410);
    const sent = s.proxy.log.length;
    if (!direct) assert.equal(sent, 1, 'a 410 is never sent again');
    for (let i = 0; i < 3; i++) await driver.fails('RECONNECT_REQUIRED', 'request', call);
    await driver.fails('RECONNECT_REQUIRED', 'token', acme);
    assert.equal(s.proxy.log.length, sent, 'later calls ask nobody');
    const [gone] = await driver.ok('connections', { owner: 'u1' });
    assert.equal(gone.state, 'RECONNECT_REQUIRED');
    assert.ok(gone.disconnectedAt > 0);

    const back = await consent(s.server, s.seed, error.authorizeUrl, { browser: s.browser });
    const [again] = await driver.ok('callback', { owner: 'u1', query: back.location });
    assert.deepEqual([again.state, again.disconnectedAt, again.scopes, again.createdAt], ['CONNECTED', 0, connection.scopes, connection.createdAt]);
    await driver.ok('request', call);
    await driver.close();
  });
}

test('seed_03 revoked as the answer to each request, on REST, tRPC, mint and refresh: one request, one state', async () => {
  const cases = [
    ['REST', paths.organizations, 'request', call, revoked()],
    ['POST', { method: 'POST', path: '/api/x' }, 'request', { ...acme, method: 'POST', path: '/api/x', body: '{}', idempotent: true }, revoked()],
    ['tRPC', { path: /^\/api\/trpc\/mcp.listProjects/ }, 'trpc', { ...acme, procedure: 'mcp.listProjects' }, say(410, { error: { message: 'grant_revoked', code: -32001, data: { code: 'UNAUTHORIZED', httpStatus: 410, error: 'grant_revoked' } } })],
    ['mint', paths.mint, 'token', acme, revoked(), true],
    ['refresh', paths.refresh, 'token', acme, say(400, { error: 'invalid_grant' }), true],
  ];
  for (const [name, where, command, fields, fault, anew] of cases) {
    const { driver } = await connected();
    await driver.ok('request', call);
    if (anew) await driver.ok('clock', { ms: HOUR });
    const rule = s.proxy.rule(where, fault);
    const error = await driver.fails('RECONNECT_REQUIRED', command, fields);
    assert.equal(rule.seen, 1, name);
    assert.match(error.authorizeUrl, /[?&]scope=/, name);
    assert.equal((await driver.ok('connections', { owner: 'u1' }))[0].state, 'RECONNECT_REQUIRED', name);
    await driver.fails('RECONNECT_REQUIRED', command, fields);
    assert.equal(rule.seen, 1, `${name}: nor later`);
    s.proxy.calm();
    await driver.close();
  }
});

test('seed_03 a 410 of the old grant does not undo what the user reconnected meanwhile in another process', async () => {
  const store = s.place.sqlite(), app = s.app(), key = newKey();
  const { driver } = await connected({ store, app, key });
  await driver.ok('request', call);
  const other = await s.driver({ store, app, key });
  await connectDriver(other, s.server, s.seed, { browser: s.browser, scopes: 'org:read' });
  const rule = s.proxy.rule({ ...paths.organizations, times: 1 }, revoked());
  await driver.ok('request', call);
  assert.equal(rule.seen, 1);
  const [row] = await driver.ok('connections', { owner: 'u1' });
  assert.deepEqual([row.state, row.disconnectedAt, row.scopes], ['CONNECTED', 0, 'org:read']);
  await other.close();
  await driver.close();
});

// 04 -----------------------------------------------------------------------------------------------------------------

for (const [way, direct] of ways.map(([name, proxied]) => [name, !proxied])) {
  test(`seed_04 a missing scope is a state, not retried, with the way to widen it: ${way}`, async () => {
    const { driver } = await connected({ direct, scopes: 'projects:read keys:read' });
    await driver.ok('token', acme);
    s.proxy.forget();
    const error = await driver.fails('SCOPE_REQUIRED', 'request', call);
    if (!direct) assert.equal(s.proxy.find(paths.organizations).length, 1);
    assert.deepEqual([error.httpStatus, error.requiredScope], [403, 'org:read']);
    assert.deepEqual(new URL(error.authorizeUrl).searchParams.get('scope').split(' ').sort(), ['keys:read', 'org:read', 'projects:read']);
    assert.equal((await driver.ok('connections', { owner: 'u1' }))[0].state, 'SCOPE_REQUIRED');
    const back = await consent(s.server, s.seed, error.authorizeUrl, { browser: s.browser });
    await driver.ok('callback', { owner: 'u1', query: back.location });
    await driver.ok('request', call);
    assert.equal((await driver.ok('connections', { owner: 'u1' }))[0].state, 'CONNECTED');
    await driver.close();
  });
}

test('seed_04 no 403 is ever sent again, whatever its body', async () => {
  const { driver } = await connected();
  await driver.ok('token', acme);
  for (const [fault, code] of [
    [missingScope('keys:write'), 'SCOPE_REQUIRED'],
    [say(403, { error: 'not_allowed' }), 'EFORBIDDEN'],
    [say(403, 'not JSON', { 'content-type': 'text/html' }), 'EFORBIDDEN'],
    [say(403, '', { 'retry-after': '1' }), 'EFORBIDDEN'],
    [say(403, { error: 'missing_scope' }), 'SCOPE_REQUIRED'],
    [say(403, { error: 'missing_scope', required: 'x'.repeat(10_000) }), 'SCOPE_REQUIRED'],
  ]) {
    for (const fields of [call, { ...call, method: 'POST', body: '{}' }, { ...call, method: 'PUT', body: '{}', idempotent: true }]) {
      const rule = s.proxy.rule({ path }, fault);
      await driver.fails(code, 'request', fields);
      assert.equal(rule.seen, 1);
      rule.stop();
    }
  }
  await driver.ok('clock', { ms: HOUR });
  const rule = s.proxy.rule(paths.mint, missingScope('org:read'));
  await driver.fails('SCOPE_REQUIRED', 'token', acme);
  assert.equal(rule.seen, 1, 'nor a mint');
  s.proxy.calm();
  await driver.close();
});

// 05 -----------------------------------------------------------------------------------------------------------------

const hammering = { threads: valgrind ? 8 : 64, calls: valgrind ? 10_000 : full ? 10_000_000 : 1_000_000 };
const DAYS = 1;
const advanceUs = Math.round(DAYS * 24 * HOUR * 1000 / hammering.calls);

for (const [way, direct] of ways.map(([name, proxied]) => [name, !proxied])) {
  test(`seed_05 64 threads, a million calls, a day: at most two mints an hour for each connection: ${way}`, async () => {
    const { driver } = await connected({ direct, timeoutMs: HOUR, jitterMs: 5000, organizations: ['acme', 'globex'] });
    await driver.ok('token', acme);
    const before = await driver.ok('stats');
    s.proxy.forget();
    const done = await driver.ok('hammer', { owner: 'u1', organizations: ['acme', 'globex'], ...hammering, advanceUs });
    assert.equal(done.threads, hammering.threads);
    assert.deepEqual(done.codes, { CONNECTED: hammering.calls });
    assert.ok(done.leastLifeMs > 0, 'no token was told after its end');
    const after = await driver.ok('stats');
    const hours = Math.ceil(done.movedMs / HOUR), mints = after.mints - before.mints;
    assert.ok(mints >= 2 * (hours - 1) && mints <= 2 * 2 * hours, `${mints} mints for two connections in ${hours} hours`);
    if (!direct) assert.equal(s.proxy.find(paths.mint).length, mints, 'and none that nobody counted');
    await driver.close();
  });
}

test('seed_05 the same where mints are lost, delayed and refused: one flight at a time, no storm', async () => {
  const { driver } = await connected({ timeoutMs: HOUR, jitterMs: 5000 });
  await driver.ok('token', acme);
  s.proxy.forget();
  let n = 0;
  const faults = [drop(), say(503, {}, { 'retry-after': '1' }), delay(30), say(500), refuse(), null];
  let inFlight = 0, most = 0;
  s.proxy.rule(paths.mint, async (x) => {
    most = Math.max(most, ++inFlight);
    try {
      await (faults[n++ % faults.length] ?? ((y) => y.forward()))(x);
    } finally { inFlight--; }
  });
  const calls = valgrind ? 10_000 : 200_000, hours = 12;
  const done = await driver.ok('hammer', { owner: 'u1', organizations: ['acme'], threads: valgrind ? 8 : 64, calls, advanceUs: hours * HOUR * 1000 / calls });
  const { mints } = await driver.ok('stats');
  assert.ok(mints <= 2 * Math.ceil(done.movedMs / HOUR) + 1, `${mints} mints in ${done.movedMs / HOUR} hours`);
  assert.equal(most, 1, 'never two at once');
  assert.ok(s.proxy.find(paths.mint).length <= 6 * (mints + 1) * 4, 'bounded, whatever happens');
  s.proxy.calm();
  await driver.close();
});

test('seed_05 through real requests: 64 threads share one token', async () => {
  const { driver } = await connected();
  s.proxy.forget();
  const calls = valgrind ? 500 : full ? 100_000 : 3000;
  const done = await driver.ok('hammer', { owner: 'u1', organizations: ['acme'], threads: valgrind ? 8 : 64, calls, path });
  assert.deepEqual(done.codes, { CONNECTED: calls });
  assert.equal(s.proxy.find(paths.mint).length, 1);
  assert.equal(new Set(s.proxy.find(paths.organizations).map((x) => x.bearer)).size, 1);
  await driver.close();
});

// 07 -----------------------------------------------------------------------------------------------------------------

for (const [way, direct] of ways.map(([name, proxied]) => [name, !proxied])) {
  test(`seed_07 a grant that was issued anew behind the library's back is found, and its row updated: ${way}`, async () => {
    const app = s.app();
    const { driver, connections: [first] } = await connected({ direct, app });
    const before = await driver.ok('token', acme);
    // The same person widens it elsewhere: the same app, another process with a store of its own.
    const elsewhere = await s.driver({ app });
    const [second] = await connectDriver(elsewhere, s.server, s.seed, { browser: s.browser, scopes: 'org:read keys:read' });
    await elsewhere.close();
    assert.notEqual(second.grantId, first.grantId);
    await driver.ok('request', call);
    const now = await driver.ok('token', acme);
    assert.notEqual(now.digest, before.digest);
    const [row] = await driver.ok('connections', { owner: 'u1' });
    assert.deepEqual([row.grantId, row.scopes, row.state], [second.grantId, 'org:read keys:read', 'CONNECTED']);
    await driver.close();
  });
}

test('seed_07 an answer that names another grant moves the row to it; tokens of two connections never mix', async () => {
  const { driver } = await connected({ organizations: ['acme', 'globex'] });
  s.proxy.forget();
  for (const organization of ['acme', 'globex', 'acme']) {
    const { body } = await driver.ok('request', { owner: 'u1', organization, path });
    assert.deepEqual(JSON.parse(body).organizations.map((o) => o.slug), [organization]);
  }
  assert.equal(s.proxy.find(paths.mint).length, 2);
  await driver.ok('clock', { ms: HOUR });
  s.proxy.rule({ ...paths.mint, times: 1 }, change((body) => ({ ...body, grant_id: 'grt_moved' })));
  await driver.ok('token', acme);
  assert.equal((await driver.ok('connection', acme))[0].grantId, 'grt_moved');
  // One that answers for another organization is not believed.
  await driver.ok('clock', { ms: HOUR });
  s.proxy.rule({ ...paths.mint, times: 1 }, change((body) => ({ ...body, organization_id: 'org_other' })));
  await driver.fails('EPROTOCOL', 'token', { owner: 'u1', organization: 'globex' });
  await driver.close();
});

// 09 -----------------------------------------------------------------------------------------------------------------

for (const [way, direct] of ways.map(([name, proxied]) => [name, !proxied])) {
  test(`seed_09 renewed in the last minute of its life, not before and not after: ${way}`, async () => {
    const { driver } = await connected({ direct });
    const first = await driver.ok('token', acme);
    await driver.ok('clock', { ms: first.expiresInMs - 60_000 - 1500 });
    assert.equal((await driver.ok('token', acme)).digest, first.digest);
    await driver.ok('clock', { ms: 1600 });
    const second = await driver.ok('token', acme);
    assert.notEqual(second.digest, first.digest);
    assert.ok(second.expiresInMs > 3_590_000);
    assert.equal((await driver.ok('stats')).retries, 0, 'no 401 was needed');
    await driver.close();
  });
}

test('seed_09 a 401 mints again once, also for a token that just came, and never in a circle', async () => {
  const { driver } = await connected();
  await driver.ok('request', call);
  for (const wait of [0, 120_000]) {
    await driver.ok('clock', { ms: wait });
    s.proxy.forget();
    const once = s.proxy.rule({ ...paths.organizations, times: 1 }, unauthorized());
    await driver.ok('request', call);
    assert.equal(once.seen, 1);
    assert.deepEqual([s.proxy.find(paths.organizations).length, s.proxy.find(paths.mint).length], [2, 1]);
    const tokens = s.proxy.find(paths.organizations).map((x) => x.bearer);
    assert.notEqual(tokens[0], tokens[1]);
  }
  await driver.ok('clock', { ms: 120_000 });
  s.proxy.forget();
  s.proxy.rule(paths.organizations, unauthorized());
  await driver.fails('TRY_LATER', 'request', call);
  assert.deepEqual([s.proxy.find(paths.organizations).length, s.proxy.find(paths.mint).length], [2, 1]);
  for (let i = 0; i < 5; i++) await driver.fails('TRY_LATER', 'request', call);
  assert.equal(s.proxy.find(paths.mint).length, 1, 'who refuses every token gets no flood of mints');
  s.proxy.calm();
  await driver.close();
});

test('seed_09 while renewing fails the old token serves as long as it is good', async () => {
  const { driver } = await connected({ attempts: 1 });
  const first = await driver.ok('token', acme);
  await driver.ok('clock', { ms: first.expiresInMs - 50_000 });
  for (const fault of [say(500), refuse(), limited(5), say(200, 'nonsense'), redirect302(), truncate()]) {
    const rule = s.proxy.rule(paths.mint, fault);
    assert.equal((await driver.ok('token', acme)).digest, first.digest);
    rule.stop();
    await driver.ok('clock', { ms: 6000 });
  }
  await driver.ok('clock', { ms: 60_000 });
  s.proxy.calm();
  assert.notEqual((await driver.ok('token', acme)).digest, first.digest);
  await driver.close();
});
function redirect302() { return (x) => x.answer({ status: 302, headers: { location: `${s.server.url}${x.path}` } }); }

// 10, 11, 12 ---------------------------------------------------------------------------------------------------------

for (const [way, direct] of ways.map(([name, proxied]) => [name, !proxied])) {
  test(`seed_10 one consent for two organizations is two connections, each with tokens of its own: ${way}`, async () => {
    const { driver, connections } = await connected({ direct, organizations: ['acme', 'globex'] });
    assert.deepEqual(connections.map((c) => c.organizationSlug).sort(), ['acme', 'globex']);
    assert.equal(new Set(connections.map((c) => c.grantId)).size, 2);
    await driver.fails('EINVAL', 'request', { owner: 'u1', path }, 'which one?');
    for (let round = 0; round < 2; round++) {
      for (const c of connections) {
        for (const name of [c.organizationSlug, c.organizationId]) {
          assert.equal(JSON.parse((await driver.ok('request', { owner: 'u1', organization: name, path })).body).organizations[0].id, c.organizationId);
        }
      }
      await driver.ok('clock', { ms: HOUR });
    }
    await driver.ok('disconnect', acme);
    await driver.fails('RECONNECT_REQUIRED', 'request', call);
    await driver.ok('request', { owner: 'u1', organization: 'globex', path });
    await driver.close();
  });

  test(`seed_11 a further organization is a further row, and leaves the first as it is: ${way}`, async () => {
    const { driver, connections: [first] } = await connected({ direct });
    const token = await driver.ok('token', acme);
    const added = await connectDriver(driver, s.server, s.seed, { browser: s.browser, organizations: ['globex'], scopes: 'org:read' });
    assert.deepEqual(added.map((c) => [c.organizationSlug, c.scopes]), [['globex', 'org:read']]);
    const all = await driver.ok('connections', { owner: 'u1' });
    assert.deepEqual(all.map((c) => c.organizationSlug), ['acme', 'globex']);
    assert.deepEqual([all[0].grantId, all[0].scopes, (await driver.ok('token', acme)).digest], [first.grantId, first.scopes, token.digest]);
    await driver.ok('request', { owner: 'u1', organization: 'globex', path });
    await driver.close();
  });

  test(`seed_12 connecting again replaces the row, whatever its state: ${way}`, async () => {
    const { driver, connections: [first] } = await connected({ direct });
    await driver.ok('request', call);
    const [second] = await connectDriver(driver, s.server, s.seed, { browser: s.browser, scopes: 'org:read keys:read' });
    assert.deepEqual([second.organizationId, second.scopes, second.createdAt], [first.organizationId, 'org:read keys:read', first.createdAt]);
    assert.equal((await driver.ok('connections', { owner: 'u1' })).length, 1);
    await driver.ok('request', call);
    await driver.ok('disconnect', acme);
    assert.ok((await driver.ok('connections', { owner: 'u1' }))[0].disconnectedAt > 0);
    const [third] = await connectDriver(driver, s.server, s.seed, { browser: s.browser });
    assert.deepEqual([third.disconnectedAt, third.state], [0, 'CONNECTED']);
    await driver.ok('request', call);
    await driver.close();
  });
}

test('seed_10 all rows of a consent or none: a store that fails keeps no half', async () => {
  for (const when of ['before', 'after']) {
    const driver = await s.driver();
    await driver.ok('hook', { function: 'upsert', when, act: 'fail' });
    const { url } = await driver.ok('authorize', { owner: 'u1', scopes: 'org:read' });
    const back = await consent(s.server, s.seed, url, { browser: s.browser, organizations: ['acme', 'globex'] });
    await driver.fails('ESTORE', 'callback', { owner: 'u1', query: back.location });
    assert.equal((await driver.ok('connections', { owner: 'u1' })).length, when === 'before' ? 0 : 2);
    await driver.close();
  }
});

test('seed_11 a lost answer to the code: not sent again, nothing half stored, what was there goes on', async () => {
  const { driver } = await connected();
  await driver.ok('request', call);
  for (const fault of [drop(), truncate(), say(500), say(200, '{"access_token":'), say(200, {}), huge(1 << 20), refuse(), noise('nonsense\r\n\r\n'), redirect302()]) {
    s.proxy.forget();
    const { url } = await driver.ok('authorize', { owner: 'u1', scopes: 'org:read' });
    const back = await consent(s.server, s.seed, url, { browser: s.browser, organizations: ['globex'] });
    const rule = s.proxy.rule(paths.redeem, fault);
    const answer = await driver.run('callback', { owner: 'u1', query: back.location });
    assert.ok(['TRY_LATER', 'EPROTOCOL'].includes(answer.code), JSON.stringify(answer));
    assert.equal(rule.seen, 1, 'a code is sent once');
    rule.stop();
    assert.deepEqual((await driver.ok('connections', { owner: 'u1' })).map((c) => c.organizationSlug), ['acme']);
  }
  await driver.ok('request', call);
  await connectDriver(driver, s.server, s.seed, { browser: s.browser, organizations: ['globex'] });
  await driver.ok('request', { owner: 'u1', organization: 'globex', path });
  await driver.close();
});

for (const [kind, available, makeStore] of s.stores) {
  test(`seed_12 many processes come back at once: one row, connected, and every process can use it: ${kind}`, { skip: !available && 'BI18N_TEST_POSTGRES is not set' }, async () => {
    const store = await makeStore(), app = s.app(), key = newKey();
    const drivers = await Promise.all(Array.from({ length: 6 }, () => s.driver({ store: store.url, app, key })));
    s.proxy.rule(paths.redeem, (x) => delay(Math.random() * 50)(x));
    const places = [];
    for (const driver of drivers) {
      const { url } = await driver.ok('authorize', { owner: 'u1', scopes: 'org:read' });
      places.push((await consent(s.server, s.seed, url, { browser: s.browser })).location);
    }
    const done = await Promise.all(drivers.map((driver, i) => driver.run('callback', { owner: 'u1', query: places[i] })));
    assert.deepEqual(done.map((d) => d.code), drivers.map(() => 'OK'));
    s.proxy.calm();
    for (const driver of drivers) {
      const rows = await driver.ok('connections', {});
      assert.deepEqual(rows.map((r) => [r.ownerId, r.organizationSlug, r.state, r.disconnectedAt]), [['u1', 'acme', 'CONNECTED', 0]]);
      await driver.ok('request', call);
    }
    await Promise.all(drivers.map((driver) => driver.close()));
  });
}

// 13 -----------------------------------------------------------------------------------------------------------------

for (const [way, direct] of ways.map(([name, proxied]) => [name, !proxied])) {
  test(`seed_13 the store has the page's columns, and a connection limited to projects stays limited: ${way}`, async () => {
    const file = s.place.file();
    const { driver, connections: [c] } = await connected({ direct, store: `sqlite:${file}`, projects: ['acme/web'] });
    const limited = (row) => assert.deepEqual([row.projectIds, row.allProjects], [[s.seed.projectId], false]);
    limited(c);
    for (let i = 0; i < 2; i++) {
      await driver.ok('request', call);
      limited((await driver.ok('connections', { owner: 'u1' }))[0]);
      await driver.ok('clock', { ms: HOUR });
    }
    const [row] = s.sqlite(file, 'SELECT * FROM bi18n_connection');
    const seven = ['owner_id', 'grant_id', 'refresh_token', 'organization_id', 'scopes', 'project_ids', 'disconnected_at'];
    assert.deepEqual(seven.filter((name) => !(name in row)), []);
    assert.deepEqual(Object.keys(row).filter((name) => /token/.test(name)), ['refresh_token']);
    assert.deepEqual([row.owner_id, row.organization_id, row.grant_id, row.disconnected_at], ['u1', c.organizationId, c.grantId, null]);
    assert.deepEqual(JSON.parse(row.project_ids), [s.seed.projectId]);
    assert.deepEqual(JSON.parse(row.scopes), c.scopes.split(' '));
    assert.match(row.refresh_token, /^v1\.1\.[\w-]+$/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    await driver.close();
  });
}

test('seed_13 an answer that leaves projects out, or tells an empty list for "selected", never widens', async () => {
  const { driver } = await connected({ projects: ['acme/web'] });
  const row = async () => (await driver.ok('connections', { owner: 'u1' }))[0];
  for (const [where, edit] of [
    [paths.refresh, ({ project_ids: _, project_access: __, grants: ___, ...body }) => body],
    [paths.mint, ({ project_ids: _, project_access: __, ...body }) => body],
    [paths.refresh, ({ grants: _, ...body }) => ({ ...body, project_ids: [], project_access: 'selected' })],
    [paths.mint, (body) => ({ ...body, project_ids: [], project_access: 'selected' })],
  ]) {
    await driver.ok('clock', { ms: HOUR });
    const rule = s.proxy.rule({ ...where, times: 1 }, change(edit));
    await driver.ok('token', acme);
    assert.equal(rule.seen, 1);
    assert.equal((await row()).allProjects, false, `${where.path} ${edit}`);
  }
  await driver.close();
});

// 14 -----------------------------------------------------------------------------------------------------------------

const texts = { project: 'acme/web', locale: 'en' };

test('seed_14 published texts come from the CDN, with their ETag, and new ones after a publish: the real server', async () => {
  const driver = await s.driver({ direct: true, cdnFreshMs: 1000 });
  const first = await driver.ok('cdn', texts);
  assert.deepEqual([first.status, first.stale], [200, false]);
  assert.match(first.etag, /^(W\/)?".+"$/);
  assert.equal(JSON.parse(first.body).common.title, 'Title');
  assert.equal(JSON.parse((await driver.ok('cdn', { ...texts, namespace: 'common' })).body).title, 'Title');
  for (const bad of ['../web', 'acme/../web', 'acme/web/x', '', 'a b/c']) await driver.fails('EINVAL', 'cdn', { ...texts, project: bad });
  await driver.close();
});

test('seed_14 kept for a minute, asked again with the ETag behind the reader\'s back, kept on every error', async () => {
  const driver = await s.driver({ cdnFreshMs: 1000, attempts: 1, timeoutMs: 2000 * slow });
  const file = { method: 'GET', path: /^\/acme\/web\/en/ };
  s.proxy.calm();
  s.proxy.forget();
  const first = await driver.ok('cdn', texts);
  for (let i = 0; i < 20; i++) assert.equal((await driver.ok('cdn', texts)).body, first.body);
  assert.equal(s.proxy.find(file).length, 1, 'fresh: nobody is asked');
  await driver.ok('clock', { ms: 1500 });
  await driver.ok('cdn', texts);
  await s.eventually('asked again', () => s.proxy.find(file).length === 2 && s.proxy.find(file)[1].status);
  assert.deepEqual([s.proxy.find(file)[1].headers['if-none-match'], s.proxy.find(file)[1].status], [first.etag, 304]);
  const whole = (fault) => (x) => { delete x.headers['if-none-match']; return fault(x); };
  const faults = { say500: say(500), wait: say(503, '', { 'retry-after': '60' }), refuse: refuse(), drop: drop(), truncate: whole(truncate()), gone: say(404), forbidden: say(403), limited: limited(1), redirect: redirect302(), noise: noise('HTTP/1.1 2'), slowly: whole(slowly(500)) };
  for (const [name, fault] of Object.entries(faults)) {
    const rule = s.proxy.rule(file, fault);
    await s.eventually(`the thread met ${name}`, async () => {
      await driver.ok('clock', { ms: 10_000 });
      const started = Date.now();
      const kept = await driver.ok('cdn', texts);
      assert.ok(Date.now() - started < 400 * slow, 'at once');
      assert.equal(kept.body, first.body, name);
      return rule.seen > 0;
    });
    await driver.ok('clock', { ms: 10_000 });
    const kept = await driver.ok('cdn', texts);
    assert.deepEqual([kept.body, kept.stale], [first.body, true], name);
    rule.stop();
  }
  s.server.cli(['import', 'acme/web', '--language', 'en', '-'], { input: JSON.stringify({ common: { title: 'New title' } }) });
  publish(s.server);
  await driver.ok('clock', { ms: 120_000 });
  await s.eventually('the new text', async () => {
    await driver.ok('clock', { ms: 2000 });
    return JSON.parse((await driver.ok('cdn', texts)).body).common.title === 'New title';
  });
  await driver.close();
});

test('seed_14 a first read that fails says why, and may be cancelled', async () => {
  const driver = await s.driver({ attempts: 1 });
  const file = { method: 'GET', path: /^\/acme\/web\/en/ };
  for (const [fault, code] of [[say(500), 'TRY_LATER'], [refuse(), 'TRY_LATER'], [say(404), 'ENOTFOUND'], [limited(60), 'RATE_LIMITED'], [redirect302(), 'EPROTOCOL'], [truncate(), 'TRY_LATER']]) {
    const rule = s.proxy.rule(file, fault);
    await driver.fails(code, 'cdn', texts);
    rule.stop();
  }
  s.proxy.rule({ ...file, times: 1 }, slowly(1000));
  await driver.fails('ECANCELED', 'cdn', { ...texts, cancelAfterMs: 100 });
  await driver.ok('cdn', texts);
  await driver.close();
});

// 15 -----------------------------------------------------------------------------------------------------------------

// What an MCP server makes of the credential in a workspace's file; ours comes with ruling R27.
async function mcpMock(check) {
  const seen = [];
  const mock = createServer((request, response) => {
    seen.push(request.headers.authorization);
    check(request.headers.authorization).then((good) => { response.writeHead(good ? 200 : 401, { 'content-type': 'application/json' }); response.end('{"jsonrpc":"2.0","id":1,"result":{}}'); });
  });
  await new Promise((resolve) => mock.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${mock.address().port}/mcp`, seen, close: () => mock.close() };
}

// The credential of one file, wherever in the entry it stands.
function mcpToken(file) {
  const text = readFileSync(file, 'utf8');
  const parsed = JSON.parse(text);
  const entry = (parsed.mcpServers ?? parsed.servers)['better-i18n'];
  return { entry, token: /bi_oat_[0-9A-Za-z]+/.exec(JSON.stringify(entry))?.[0], parsed, text };
}
const targets = ['.cursor/mcp.json', '.mcp.json', '.vscode/mcp.json'];

for (const [way, direct] of ways.map(([name, proxied]) => [name, !proxied])) {
  test(`seed_15 the workspace's MCP files get a token that works, for their owner only, and keep what else is in them: ${way}`, async () => {
    const mock = await mcpMock(async (header) => (await organizations(s.server, header?.replace(/^Bearer /, ''))).status === 200);
    const { driver } = await connected({ direct });
    const directory = s.workspace(), kept = '{\n\t"mcpServers": { "other" : {"command":"x", "n": 1.50e3} },\n  "more": [1,2 , 3]\n}\n';
    mkdirSync(join(directory, '.cursor'));
    writeFileSync(join(directory, '.cursor/mcp.json'), kept, { mode: 0o644 });
    await driver.ok('mcp', { ...acme, directory, serverUrl: mock.url });
    const tokens = new Set();
    for (const name of targets) {
      const { entry, token } = mcpToken(join(directory, name));
      assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
      assert.ok(JSON.stringify(entry).includes(mock.url), `${name}: ${JSON.stringify(entry)}`);
      tokens.add(token);
    }
    assert.equal(tokens.size, 1);
    assert.equal((await fetch(mock.url, { method: 'POST', headers: { authorization: `Bearer ${[...tokens][0]}` }, body: '{}' })).status, 200);
    const after = readFileSync(join(directory, '.cursor/mcp.json'), 'utf8');
    assert.ok(after.includes('"other" : {"command":"x", "n": 1.50e3}') && after.includes('"more": [1,2 , 3]'), 'byte for byte');

    await driver.ok('clock', { ms: HOUR });
    await driver.ok('mcp', { ...acme, directory, serverUrl: mock.url });
    const renewed = mcpToken(join(directory, '.cursor/mcp.json'));
    assert.ok(!tokens.has(renewed.token));
    assert.equal(renewed.text.replace(renewed.token, ''), after.replace([...tokens][0], ''), 'renewed in place');
    await driver.close();
    mock.close();
  });
}

test('seed_15 what is no configuration is left alone, links are not followed, and without a token nothing is written', async () => {
  const { driver } = await connected({ attempts: 1 });
  for (const text of ['not JSON', '[]', '{"mcpServers":[]}', '{"mcpServers":{}', '{"a":1} x']) {
    const directory = s.workspace();
    writeFileSync(join(directory, '.mcp.json'), text);
    await driver.fails('EINVAL', 'mcp', { ...acme, directory, targets: 2 });
    assert.equal(readFileSync(join(directory, '.mcp.json'), 'utf8'), text);
  }
  const directory = s.workspace(), elsewhere = join(s.workspace(), 'precious');
  writeFileSync(elsewhere, '{}');
  symlinkSync(elsewhere, join(directory, '.mcp.json'));
  assert.notEqual((await driver.run('mcp', { ...acme, directory, targets: 2 })).code, 'OK');
  assert.equal(readFileSync(elsewhere, 'utf8'), '{}');
  symlinkSync(s.workspace(), join(directory, '.cursor'));
  assert.notEqual((await driver.run('mcp', { ...acme, directory, targets: 1 })).code, 'OK');
  await driver.ok('clock', { ms: 2 * HOUR });
  const empty = s.workspace();
  for (const [fault, code] of [[say(500), 'TRY_LATER'], [missingScope('org:read'), 'SCOPE_REQUIRED'], [revoked(), 'RECONNECT_REQUIRED']]) {
    await driver.ok('clock', { ms: 60_000 });
    const rule = s.proxy.rule(paths.mint, fault);
    await driver.fails(code, 'mcp', { ...acme, directory: empty });
    assert.deepEqual(targets.filter((name) => existsSync(join(empty, name))), []);
    rule.stop();
  }
  await driver.close();
});

// 06: last, over all that the tests above left behind -----------------------------------------------------------------

test('seed_06 after all of this no installation token is in any file or database', async () => {
  const secrets = s.secrets();
  assert.ok([...secrets].filter((secret) => secret.startsWith('bi_oat_')).length > 30, 'the proxy saw many');
  const bytes = s.place.bytes();
  assertNoTokens(bytes, 'a store', secrets);
  for (const secret of secrets) if (secret.startsWith('bi_oat_')) assert.equal(bytes.indexOf(sha256(secret)), -1, 'nor its digest');
  for (const dump of s.databases()) assertNoTokens(dump, 'PostgreSQL', secrets);
});
