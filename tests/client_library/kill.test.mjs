// SPDX-License-Identifier: MIT
// Row 08 of the founding page: the latest refresh token is in the store before anything that came with it is used, so
// that a process may end (kill -9) at every step of a refresh and of a callback, answers may be lost, and processes
// may refresh at once.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { change, delay, drop, duplicate, hold, paths, refuse, say, slowly, truncate } from './fault_proxy.mjs';
import { HOUR, assertNoTokens, connectDriver, consent, newKey, sha256, valgrind } from './library.mjs';
import { full as whole, suite } from './suite.mjs';

const full = whole && !valgrind;
const s = suite();
before(() => s.start());
after(() => s.close());
afterEach(() => s.proxy.calm());

const path = '/api/oauth-client/organizations';
const acme = { owner: 'u1', organization: 'acme' };
const call = { ...acme, path };

// Refresh policies of the server: the same token comes back, or another one each time.
const policies = [['stable', 'web'], ['rotating', 'spa']];

// What another process, and the next one, need to go on with the same connection.
async function setUp(type, makeStore = () => ({ url: s.place.sqlite(), dump: () => s.place.bytes() })) {
  const app = s.app(type), key = newKey(), store = await makeStore();
  const open = () => s.driver({ app, key, store: store.url });
  const driver = await open();
  await connectDriver(driver, s.server, s.seed, { browser: s.browser });
  await driver.ok('request', call);
  return { app, open, driver, store };
}

// After whatever happened a new process reads the store and goes on, hour after hour.
async function goesOn(setup, rounds = 2) {
  s.proxy.calm();
  const driver = await setup.open();
  for (let i = 0; i < rounds; i++) {
    await driver.ok('request', call);
    await driver.ok('clock', { ms: HOUR });
  }
  assert.deepEqual((await driver.ok('connections', { owner: 'u1' })).map((c) => [c.state, c.disconnectedAt]), [['CONNECTED', 0]]);
  await driver.close();
}

async function dies(driver, name, fields) {
  assert.equal((await driver.run(name, fields)).code, 'GONE');
  assert.equal((await driver.exited).signal, 'SIGKILL');
}

// A process that ends while the proxy has the answer in its hands.
async function diesWaiting(driver, where, name, fields) {
  const held = hold();
  const rule = s.proxy.rule({ ...where, times: 1 }, held);
  const answer = driver.run(name, fields);
  await held.arrived;
  await driver.kill();
  held.letGo();
  assert.equal((await answer).code, 'GONE');
  assert.equal(rule.seen, 1);
}

for (const [policy, type] of policies) {
  test(`seed_08 kill -9 at every step of a refresh: ${policy} refresh tokens`, async () => {
    const setup = await setUp(type);
    assert.equal(setup.app.refreshPolicy, policy);
    await setup.driver.close();
    const steps = [
      ['the row is being read', (d) => [d.ok('hook', { function: 'find', when: 'before', act: 'kill' }), () => dies(d, 'token', acme)]],
      ['the row was read', (d) => [d.ok('hook', { function: 'find', when: 'after', act: 'kill' }), () => dies(d, 'token', acme)]],
      ['the server has refreshed, nobody has heard', (d) => [null, () => diesWaiting(d, paths.refresh, 'token', acme)]],
      ['the answer came, nothing is stored', (d) => [d.ok('hook', { function: 'swap', when: 'before', act: 'kill' }), () => dies(d, 'token', acme)]],
      ...[0, 50, 200, 1000].map((us) => [`${us} µs into storing it`, (d) => [d.ok('hook', { function: 'swap', when: 'during', act: 'kill', number: us }), () => dies(d, 'token', acme)]]),
      ['it is stored, nothing is minted', (d) => [d.ok('hook', { function: 'swap', when: 'after', act: 'kill' }), () => dies(d, 'token', acme)]],
      ['the server has minted, nobody has heard', (d) => [null, () => diesWaiting(d, paths.mint, 'token', acme)]],
      ['the token is in use', (d) => [null, () => diesWaiting(d, paths.organizations, 'request', call)]],
    ];
    for (let round = 0; round < (full ? 10 : 1); round++) {
      for (const [what, plan] of steps) {
        const driver = await setup.open();
        const [ready, act] = plan(driver);
        await ready;
        if (what.includes('µs')) {
          // It may be quicker than the kill, which then comes a moment later.
          await driver.run('token', acme);
          await driver.exited;
        } else await act();
        await goesOn(setup);
      }
    }
    assertNoTokens(setup.store.dump(), 'what the killed ones left', s.secrets());
  });
}

test('seed_08 the store has the refresh token before the access token of the same answer is used', async () => {
  const setup = await setUp('spa');
  const file = setup.store.url.replace(/^sqlite:/, '');
  for (let i = 0; i < 3; i++) {
    await setup.driver.ok('clock', { ms: HOUR });
    let issued, storedWhenUsed;
    const first = s.proxy.rule({ ...paths.refresh, times: 1 }, change((body) => { issued = body.refresh_token; return body; }));
    const used = s.proxy.rule({ ...paths.mint, times: 1 }, async (x) => {
      [{ refresh_digest: storedWhenUsed }] = s.sqlite(file, 'SELECT refresh_digest FROM bi18n_connection');
      await x.forward();
    });
    await setup.driver.ok('token', acme);
    assert.deepEqual([first.seen, used.seen], [1, 1]);
    assert.equal(storedWhenUsed, sha256(issued));
  }
  await setup.driver.close();
});

for (const when of ['before', 'after']) {
  test(`seed_08 a store that fails ${when} it wrote: what was not known to be stored is not used, and it recovers`, async () => {
    const setup = await setUp('spa');
    await setup.driver.ok('clock', { ms: HOUR });
    await setup.driver.ok('hook', { function: 'swap', when, act: 'fail' });
    s.proxy.forget();
    await setup.driver.fails('ESTORE', 'token', acme);
    assert.equal(s.proxy.find(paths.mint).length, 0);
    await setup.driver.ok('clock', { ms: 10_000 });
    await setup.driver.ok('request', call);
    await setup.driver.close();
    await goesOn(setup);
  });
}

for (const [policy, type] of policies) {
  test(`seed_08 an answer to a refresh that is lost, late, doubled or spoiled: ${policy} refresh tokens`, async () => {
    const setup = await setUp(type);
    const faults = { drop: drop(), truncate: truncate(), duplicate: duplicate(), delay: delay(300), refuse: refuse(), busy: say(503, {}, { 'retry-after': '0' }), slowly: slowly(1) };
    for (const [name, fault] of Object.entries(faults)) {
      for (const times of [1, 2]) {
        await setup.driver.ok('clock', { ms: HOUR });
        const rule = s.proxy.rule({ ...paths.refresh, times }, fault);
        await setup.driver.ok('request', call);
        assert.ok(rule.seen > 0, name);
        s.proxy.calm();
      }
    }
    // Until it gives up, and later again.
    await setup.driver.ok('clock', { ms: HOUR });
    s.proxy.rule(paths.refresh, drop());
    await setup.driver.fails('TRY_LATER', 'token', acme);
    s.proxy.calm();
    await setup.driver.ok('clock', { ms: 30_000 });
    await setup.driver.ok('request', call);
    await setup.driver.close();
    await goesOn(setup);
  });
}

for (const [kind, available, makeStore] of s.stores) {
  for (const [policy, type] of policies) {
    test(`seed_08 processes that refresh at once end with one stored token that works: ${policy}, ${kind}`, { skip: !available && 'BI18N_TEST_POSTGRES is not set' }, async () => {
      const setup = await setUp(type, makeStore);
      const drivers = [setup.driver, ...await Promise.all(Array.from({ length: 5 }, setup.open))];
      for (let round = 0; round < (full ? 30 : 4); round++) {
        s.proxy.calm();
        s.proxy.rule(paths.refresh, (x) => (Math.random() < 0.2 ? drop() : delay(Math.random() * 40))(x));
        for (const driver of drivers) await driver.ok('clock', { ms: HOUR });
        const done = await Promise.all(drivers.map((driver) => driver.run('request', call)));
        assert.deepEqual(done.map((d) => d.code), drivers.map(() => 'OK'), JSON.stringify(done.find((d) => d.code !== 'OK')));
      }
      await Promise.all(drivers.map((driver) => driver.close()));
      await goesOn(setup);
    });
  }
}

// Callback -----------------------------------------------------------------------------------------------------------

async function begun(setup, organizations = ['acme', 'globex']) {
  const driver = await setup.open();
  const { url } = await driver.ok('authorize', { owner: 'u1', scopes: 'org:read' });
  const back = await consent(s.server, s.seed, url, { browser: s.browser, organizations });
  return { driver, fields: { owner: 'u1', query: back.location } };
}

test('seed_12 kill -9 at every step of a callback: all rows of it or none, and the next attempt works', async () => {
  const steps = [
    ['the state is being looked up', 'take', 'before', false, true],
    ['the state is used up', 'take', 'after', false],
    ['the server has redeemed the code, nobody has heard', null, paths.redeem, false],
    ['the answer came, nothing is stored', 'upsert', 'before', false],
    ...[0, 100, 400, 2000].map((us) => [`${us} µs into storing it`, 'upsert', 'during', null, false, us]),
    ['it is stored', 'upsert', 'after', true],
  ];
  for (let round = 0; round < (full ? 10 : 1); round++) {
    for (const [what, hooked, when, stored, again, us] of steps) {
      const app = s.app(), key = newKey(), store = s.place.sqlite();
      const setup = { app, open: () => s.driver({ app, key, store }) };
      const { driver, fields } = await begun(setup);
      if (hooked) {
        await driver.ok('hook', { function: hooked, when, act: 'kill', number: us ?? 0 });
        await driver.run('callback', fields);
        assert.equal((await driver.exited).signal, 'SIGKILL', what);
      } else await diesWaiting(driver, when, 'callback', fields);

      const next = await setup.open();
      const rows = (await next.ok('connections', { owner: 'u1' })).length;
      if (stored === null) assert.ok(rows === 0 || rows === 2, `${what}: ${rows} rows`);
      else assert.equal(rows, stored ? 2 : 0, what);
      // The same callback once more: never a second redemption of a code that may have been redeemed.
      s.proxy.forget();
      const repeated = await next.run('callback', fields);
      assert.equal(repeated.code, again ? 'OK' : 'ESTATE', what);
      assert.equal(s.proxy.find(paths.redeem).length, again ? 1 : 0, what);
      await connectDriver(next, s.server, s.seed, { browser: s.browser, organizations: ['acme', 'globex'] });
      for (const organization of ['acme', 'globex']) await next.ok('request', { owner: 'u1', organization, path });
      assert.equal((await next.ok('connections', { owner: 'u1' })).length, 2);
      await next.close();
    }
  }
  assertNoTokens(s.place.bytes(), 'what the killed ones left', s.secrets());
});

test('seed_12 kill -9 while reconnecting leaves the old connection or the new one, never neither', async () => {
  for (const [hooked, when] of [['take', 'after'], ['upsert', 'before'], ['upsert', 'during'], ['upsert', 'after']]) {
    const setup = await setUp('web');
    await setup.driver.close();
    const { driver, fields } = await begun(setup, ['acme']);
    await driver.ok('hook', { function: hooked, when, act: 'kill', number: 100 });
    await driver.run('callback', fields);
    assert.equal((await driver.exited).signal, 'SIGKILL');
    await goesOn(setup);
  }
});

test('seed_08 kill -9 in the middle of disconnecting: connected or disconnected, and disconnecting again ends it', async () => {
  for (const plan of [['find', 'before'], ['swap', 'before'], ['swap', 'after'], null]) {
    const setup = await setUp('web');
    if (plan) {
      await setup.driver.ok('clock', { ms: HOUR });
      await setup.driver.ok('hook', { function: plan[0], when: plan[1], act: 'kill' });
      await dies(setup.driver, 'disconnect', acme);
    } else await diesWaiting(setup.driver, { method: 'DELETE' }, 'disconnect', acme);
    const next = await setup.open();
    await next.ok('disconnect', acme);
    await next.ok('disconnect', acme);
    await next.fails('RECONNECT_REQUIRED', 'request', call);
    const [row] = await next.ok('connections', { owner: 'u1' });
    assert.ok(row.disconnectedAt > 0);
    await connectDriver(next, s.server, s.seed, { browser: s.browser });
    await next.ok('request', call);
    await next.close();
  }
});

test('seed_08 keys of the store change without losing a connection, and a wrong key opens nothing', async () => {
  const app = s.app(), store = s.place.sqlite(), first = newKey(1), second = newKey(2);
  const driver = await s.driver({ app, store, keys: [first] });
  await connectDriver(driver, s.server, s.seed, { browser: s.browser, organizations: ['acme', 'globex'] });
  await driver.ok('open', s.options({ app, store, keys: [second, first] }));
  assert.equal(await driver.ok('rotateKeys'), 2);
  assert.equal(await driver.ok('rotateKeys'), 0);
  await driver.ok('open', s.options({ app, store, keys: [second] }));
  await driver.ok('request', call);
  for (const wrong of [newKey(2), newKey(3)]) {
    await driver.ok('open', s.options({ app, store, keys: [wrong] }));
    s.proxy.forget();
    await driver.fails('EKEY', 'request', call);
    assert.equal(s.proxy.log.length, 0);
  }
  await driver.ok('open', s.options({ app, store, keys: [second] }));
  await driver.ok('request', call);
  assert.equal((await driver.ok('connections', { owner: 'u1' }))[0].state, 'CONNECTED', 'a wrong key disconnects nobody');
  await driver.close();
});
