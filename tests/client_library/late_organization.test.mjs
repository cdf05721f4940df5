// SPDX-License-Identifier: MIT
// Rows 07, 08 and 13 of the founding page with a server that names the organization only in the answer to a mint, as
// the platform's own pages show it: the refresh token is in the store before that mint, and kill -9 at any step loses
// nothing.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { change, drop, hold, paths, say } from './fault_proxy.mjs';
import { HOUR, assertNoTokens, connectDriver, consent, newKey, sha256 } from './library.mjs';
import { suite } from './suite.mjs';

const s = suite();
before(() => s.start());
after(() => s.close());
afterEach(() => s.proxy.calm());

const acme = { owner: 'u1', organization: 'acme' };
const call = { ...acme, path: '/api/oauth-client/organizations' };
const LATER = 60_000; // from when on a row that was left is nobody's

// What such a server says: no organization in token answers.
function late() {
  const silent = change(({ grants: _, organization_id: __, organization_slug: ___, ...body }) => body);
  s.proxy.rule(paths.redeem, silent);
  s.proxy.rule(paths.refresh, silent);
}

async function setUp({ type = 'spa', store = { url: s.place.sqlite() } } = {}) {
  const app = s.app(type), key = newKey();
  const open = (more) => s.driver({ app, key, store: store.url, ...more });
  late();
  return { app, key, store, open, rows: (columns = '*') => s.sqlite(store.url.replace(/^sqlite:/, ''), `SELECT ${columns} FROM bi18n_connection`) };
}

async function begin(driver) {
  const { url } = await driver.ok('authorize', { owner: 'u1', scopes: 'org:read projects:read translations:read' });
  return (await consent(s.server, s.seed, url, { browser: s.browser })).location;
}

async function goesOn(setup) {
  s.proxy.calm();
  late();
  const driver = await setup.open();
  await driver.ok('clock', { ms: 3 * LATER }); // others may have moved theirs
  const [row, ...more] = await driver.ok('connections', { owner: 'u1' });
  assert.deepEqual([row?.state, row?.disconnectedAt, more.length], ['CONNECTED', 0, 0]);
  assert.match(row.organizationId, /^org_/);
  const first = { owner: 'u1', organization: row.organizationId };
  for (let i = 0; i < 2; i++) {
    await driver.ok('request', { ...call, ...first });
    await driver.ok('clock', { ms: HOUR });
  }
  await driver.close();
  assert.equal(setup.rows().length, 1, 'nothing is left over');
}

test('seed_08 the refresh token is stored before the access token that came with it mints', async () => {
  const setup = await setUp(), driver = await setup.open(), location = await begin(driver);
  let issued, stored;
  s.proxy.calm();
  s.proxy.rule(paths.redeem, change(({ grants: _, organization_id: __, organization_slug: ___, ...body }) => { issued = body.refresh_token; return body; }));
  const used = s.proxy.rule(paths.mint, async (x) => { stored = setup.rows('refresh_digest'); await x.forward(); });
  const [connection] = await driver.ok('callback', { owner: 'u1', query: location });
  assert.equal(used.seen, 1);
  assert.deepEqual(stored, [{ refresh_digest: sha256(issued) }]);
  assert.match(connection.organizationId, /^org_/);
  // Its mint is the connection's first token: the first hour is one mint.
  await driver.ok('request', { ...call, organization: connection.organizationId });
  assert.equal((await driver.ok('stats')).mints, 1);
  await driver.close();
  await goesOn(setup);
});

const steps = [
  ['the row is stored, nothing is minted', (d) => d.ok('hook', { function: 'upsert', when: 'after', act: 'kill' })],
  ['the server has minted, nobody has heard', null],
  ['minted, not stored under its organization yet', (d) => d.ok('hook', { function: 'replace', when: 'before', act: 'kill' })],
  ...[0, 100, 1000].map((us) => [`${us} µs into storing it there`, (d) => d.ok('hook', { function: 'replace', when: 'during', act: 'kill', number: us })]),
  ['stored there', (d) => d.ok('hook', { function: 'replace', when: 'after', act: 'kill' })],
];
for (const type of ['web', 'spa']) {
  for (const [what, prepare] of steps) {
    test(`seed_08 kill -9 in a callback whose organization comes late: ${what} (${type})`, async () => {
      const setup = await setUp({ type }), driver = await setup.open(), query = await begin(driver);
      if (prepare) {
        await prepare(driver);
        await driver.run('callback', { owner: 'u1', query });
        await driver.exited;
      } else {
        const held = hold();
        s.proxy.rule({ ...paths.mint, times: 1 }, held);
        const answer = driver.run('callback', { owner: 'u1', query });
        await held.arrived;
        await driver.kill();
        held.letGo();
        assert.equal((await answer).code, 'GONE');
      }
      await goesOn(setup);
    });
  }
}

test('seed_08 kill -9 while a row that was left is completed', async () => {
  for (const [name, hook] of [['swap', 'before'], ['swap', 'after'], ['replace', 'before'], ['replace', 'after']]) {
    const setup = await setUp(), driver = await setup.open(), query = await begin(driver);
    await driver.ok('hook', { function: 'upsert', when: 'after', act: 'kill' });
    assert.equal((await driver.run('callback', { owner: 'u1', query })).code, 'GONE');
    const second = await setup.open();
    await second.ok('clock', { ms: LATER });
    await second.ok('hook', { function: name, when: hook, act: 'kill' });
    assert.equal((await second.run('connections', { owner: 'u1' })).code, 'GONE');
    await goesOn(setup);
  }
});

test('a call by name or without one completes what was left, and a connection that is none stays NOT_CONNECTED', async () => {
  for (const [organization, code] of [[undefined, 'OK'], ['initech', 'NOT_CONNECTED']]) {
    const setup = await setUp(), driver = await setup.open(), query = await begin(driver);
    await driver.ok('hook', { function: 'upsert', when: 'after', act: 'kill' });
    assert.equal((await driver.run('callback', { owner: 'u1', query })).code, 'GONE');
    const next = await setup.open();
    // Young: it may be another process's, that is at it.
    await next.fails('NOT_CONNECTED', 'request', { ...call, organization });
    await next.ok('clock', { ms: LATER });
    assert.equal((await next.run('request', { ...call, organization })).code, code);
    assert.match(setup.rows('organization_id')[0].organization_id, /^org_/);
    await next.close();
  }
});

test('the network is away: what was left waits, costs little, and is completed later', async () => {
  const setup = await setUp(), driver = await setup.open(), query = await begin(driver);
  s.proxy.rule(paths.mint, say(503));
  await driver.fails('TRY_LATER', 'callback', { owner: 'u1', query });
  const [{ organization_id: name }] = setup.rows('organization_id');
  assert.match(name, /^\?[0-9a-f]{64}$/);
  await driver.fails('NOT_CONNECTED', 'request', { ...call, organization: name });
  await driver.ok('clock', { ms: LATER });
  s.proxy.rule(paths.refresh, drop());
  assert.deepEqual(await driver.ok('connections', { owner: 'u1' }), []);
  s.proxy.forget();
  assert.deepEqual(await driver.ok('connections', { owner: 'u1' }), []);
  assert.equal(s.proxy.log.length, 0, 'not again at once');
  await driver.close();
  assertNoTokens(s.place.bytes(), 'the store', s.secrets());
  await goesOn(setup);
});

test('seed_03 a grant that was revoked meanwhile leaves no row', async () => {
  for (const where of ['refresh', 'mint']) {
    const setup = await setUp(), driver = await setup.open(), query = await begin(driver);
    await driver.ok('hook', { function: 'upsert', when: 'after', act: 'kill' });
    assert.equal((await driver.run('callback', { owner: 'u1', query })).code, 'GONE');
    const next = await setup.open();
    await next.ok('clock', { ms: LATER });
    if (where === 'refresh') s.server.cli(['grant', 'revoke', setup.rows('grant_id')[0].grant_id]);
    else s.proxy.rule(paths.mint, say(410, { error: 'grant_revoked' }));
    assert.deepEqual(await next.ok('connections', { owner: 'u1' }), []);
    assert.deepEqual(setup.rows(), [], where);
    await next.close();
    s.proxy.calm();
  }
});

test('seed_13 a grant limited to projects never shows as all of them, also when only the mint tells', async () => {
  for (const projects of [['p-1'], []]) {
    const setup = await setUp(), driver = await setup.open(), query = await begin(driver);
    s.proxy.rule(paths.mint, change((body) => ({ ...body, project_ids: projects, project_access: 'selected' })));
    const [connection] = await driver.ok('callback', { owner: 'u1', query });
    assert.deepEqual([connection.allProjects, connection.projectIds], [false, projects]);
    await driver.close();
    s.proxy.calm();
  }
});

test('seed_01 a grant id is encoded in the path', async () => {
  const setup = await setUp(), driver = await setup.open(), query = await begin(driver);
  s.proxy.calm();
  s.proxy.rule(paths.redeem, change(({ grants: _, organization_id: __, organization_slug: ___, ...body }) => ({ ...body, grant_id: 'a/../b?c#d' })));
  s.proxy.rule({ method: 'POST', path: /installations/ }, say(200, {}));
  await driver.fails('EPROTOCOL', 'callback', { owner: 'u1', query });
  assert.equal(s.proxy.log.at(-1).path, '/api/oauth-client/installations/a%2F..%2Fb%3Fc%23d/tokens');
  await driver.close();
});

test('two organizations, one of them late: both are stored before either is used', { skip: !process.env.BI18N_TEST_POSTGRES && 'BI18N_TEST_POSTGRES is not set' }, async () => {
  const store = s.stores[1][2](), app = s.app('spa');
  const driver = await s.driver({ app, store: store.url });
  late();
  const made = await connectDriver(driver, s.server, s.seed, { browser: s.browser });
  await driver.ok('request', { ...call, organization: made[0].organizationId });
  assert.deepEqual((await driver.ok('connections', { owner: 'u1' })).map((c) => c.organizationId), [made[0].organizationId]);
  await driver.close();
});
