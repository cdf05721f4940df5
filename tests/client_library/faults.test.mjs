// SPDX-License-Identifier: MIT
// Answers that are none, waits, clocks that jump, memory that ends, calls that are cancelled: the library says what
// happened and what to do, keeps what it has, and does no harm.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync, chmodSync, mkdirSync, readdirSync, symlinkSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { change, delay, drop, duplicate, huge, limited, noise, paths, redirect, refuse, retype, say, slowly, truncate, unauthorized } from './fault_proxy.mjs';
import { HOUR, connectDriver, newKey, valgrind } from './library.mjs';
import { full, slow, suite } from './suite.mjs';

const s = suite();
before(() => s.start());
after(() => s.close());
afterEach(() => s.proxy.calm());

const path = '/api/oauth-client/organizations';
const acme = { owner: 'u1', organization: 'acme' };
const call = { ...acme, path };

async function connected(options = {}) {
  const driver = await s.driver(options);
  await connectDriver(driver, s.server, s.seed, { browser: s.browser });
  await driver.ok('request', call);
  return driver;
}

// Malformed answers --------------------------------------------------------------------------------------------------

const deep = (n) => `${'['.repeat(n)}${']'.repeat(n)}`;
const nonsense = {
  empty: '', text: 'Bad Gateway', html: '<html><body>captive portal</body></html>', array: '[]', null: 'null', number: '7', string: '"x"', half: '{"access_token":"bi_at_',
  deep: deep(100_000), nul: '{"a":"\u0000"}', twice: '{"a":1}{"a":2}', latin1: Buffer.from([0x7b, 0x22, 0xe9, 0x22, 0x3a, 0x31, 0x7d]), bom: '\ufeff{}', zeroes: Buffer.alloc(1000), object: {},
};
const wrongMembers = [
  { access_token: 7 }, { access_token: '' }, { access_token: `bi_at_${'x'.repeat(5000)}` }, { access_token: 'with space' }, { access_token: 'line\nbreak' }, { token_type: 'mac' }, { token_type: null },
  { expires_in: -1 }, { expires_in: 'soon' }, { expires_in: 1e300 }, { refresh_token: '' }, { refresh_token: 'a"b' }, { refresh_token: {} }, { refresh_token: 'x'.repeat(100_000) },
  { grant_id: '' }, { grant_id: 'a"b' }, { grant_id: 'g'.repeat(1000) }, { scope: 7, scopes: undefined }, { scopes: [1, 2] }, { project_ids: 'all' }, { project_ids: [{}] }, { organization_id: 'org_other', grants: undefined },
];

for (const [name, where] of [['refresh', paths.refresh], ['mint', paths.mint]]) {
  test(`an answer to a ${name} that is none: EPROTOCOL or TRY_LATER, the connection stays, and goes on afterwards`, async () => {
    const driver = await connected({ attempts: 1 });
    for (const [what, body] of Object.entries(nonsense)) {
      await driver.ok('clock', { ms: HOUR });
      const rule = s.proxy.rule(where, (x) => x.answer({ body }));
      const answer = await driver.run('token', acme);
      assert.ok(['EPROTOCOL', 'TRY_LATER'].includes(answer.code), `${what}: ${JSON.stringify(answer)}`);
      assert.equal(rule.seen, 1, what);
      rule.stop();
    }
    for (const status of [200, 400, 401, 403, 404]) {
      await driver.ok('clock', { ms: HOUR });
      const rule = s.proxy.rule(where, say(status, deep(5000)));
      assert.notEqual((await driver.run('token', acme)).code, 'OK', `${status}`);
      rule.stop();
    }
    s.proxy.calm();
    await driver.ok('clock', { ms: HOUR });
    const [row] = await driver.ok('connections', { owner: 'u1' });
    if (row.state === 'RECONNECT_REQUIRED') assert.equal(name, 'mint', 'a 404 says that there is no such grant');
    else await driver.ok('request', call);
    await driver.close();
  });
}

test('members of a token answer that are not what they should be change nothing', async () => {
  const driver = await connected({ attempts: 1 });
  const [before] = await driver.ok('connections', { owner: 'u1' });
  for (const members of wrongMembers) {
    await driver.ok('clock', { ms: HOUR });
    const rule = s.proxy.rule({ ...paths.refresh, times: 1 }, change((body) => ({ ...body, ...members })));
    const answer = await driver.run('token', acme);
    assert.equal(answer.code, 'EPROTOCOL', `${JSON.stringify(members).slice(0, 80)}: ${JSON.stringify(answer)}`);
    rule.stop();
  }
  await driver.ok('clock', { ms: HOUR });
  await driver.ok('request', call);
  const [after] = await driver.ok('connections', { owner: 'u1' });
  assert.deepEqual([after.grantId, after.scopes, after.allProjects], [before.grantId, before.scopes, before.allProjects]);
  await driver.close();
});

test('a content type that lies, chunks that come one byte at a time, an answer that came twice: all the same', async () => {
  const driver = await connected();
  for (const fault of [retype('text/html'), retype('application/json; charset=latin1'), slowly(0), duplicate(), delay(200)]) {
    for (const where of [paths.refresh, paths.mint, paths.organizations]) {
      await driver.ok('clock', { ms: HOUR });
      const rule = s.proxy.rule({ ...where, times: 1 }, fault);
      await driver.ok('request', call);
      assert.equal(rule.seen, 1);
    }
  }
  await driver.close();
});

test('answers have a limit, whoever sends them', async () => {
  const driver = await connected({ attempts: 1, answerBytesMax: 100_000 });
  for (const [where, command] of [[paths.organizations, 'request'], [paths.mint, 'token'], [paths.refresh, 'token']]) {
    if (command === 'token') await driver.ok('clock', { ms: HOUR });
    const rule = s.proxy.rule(where, huge(1 << 20));
    await driver.fails('EPROTOCOL', command, call);
    rule.stop();
  }
  s.proxy.rule({ ...paths.organizations, times: 1 }, huge(99_000));
  await driver.ok('clock', { ms: HOUR });
  assert.equal((await driver.ok('request', call)).body.length, 99_000);
  await driver.close();
});

test('a redirect is refused, so that no token goes where it should not', async () => {
  const driver = await connected();
  s.proxy.forget();
  for (const status of [301, 302, 303, 307, 308]) {
    for (const [where, command] of [[paths.organizations, 'request'], [paths.mint, 'token'], [paths.refresh, 'token']]) {
      if (command === 'token') await driver.ok('clock', { ms: HOUR });
      const rule = s.proxy.rule(where, redirect(`${s.proxy.url}/elsewhere`, status));
      await driver.fails('EPROTOCOL', command, call);
      assert.equal(rule.seen, 1);
      rule.stop();
      await driver.ok('clock', { ms: 60_000 });
      await driver.ok('request', call);
    }
  }
  assert.equal(s.proxy.find({ path: '/elsewhere' }).length, 0);
  await driver.close();
});

test('seed_01 what goes without TLS to this machine goes to no proxy that the environment names', async () => {
  const names = ['http_proxy', 'all_proxy', 'ALL_PROXY', 'HTTP_PROXY'], before = names.map((name) => process.env[name]);
  let asked = 0;
  const proxy = createServer((socket) => { asked++; socket.destroy(); });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  for (const name of names) process.env[name] = `http://127.0.0.1:${proxy.address().port}`;
  try {
    const driver = await s.driver();
    for (const [n, name] of names.entries()) if (before[n] === undefined) delete process.env[name]; else process.env[name] = before[n];
    await connectDriver(driver, s.server, s.seed, { browser: s.browser });
    await driver.ok('request', call);
    await driver.close();
  } finally {
    for (const name of names) if (process.env[name]?.endsWith(`:${proxy.address().port}`)) delete process.env[name];
    await new Promise((resolve) => proxy.close(resolve));
  }
  assert.equal(asked, 0);
});

test('seed_01 no editor is told to send the token to a host without TLS', async () => {
  const driver = await connected(), directory = s.workspace();
  for (const [serverUrl, code] of [['http://evil.example/mcp', 'EINSECURE'], ['http://127.0.0.1.evil.example/mcp', 'EINSECURE'], ['http://127.0.0.1@evil.example/mcp', 'EINVAL'], ['ftp://x/mcp', 'EINVAL'], ['mcp', 'EINVAL'], ['http://evil.example?/x', 'EINVAL']]) {
    await driver.fails(code, 'mcp', { ...acme, directory, serverUrl });
  }
  assert.deepEqual(readdirSync(directory), [], 'nothing was written');
  for (const serverUrl of ['https://mcp.example/mcp?x=1', 'http://127.0.0.1:1/mcp', 'http://[::1]:80/', 'http://localhost']) await driver.ok('mcp', { ...acme, directory, serverUrl });
  await driver.close();
});

// Trouble and waiting ------------------------------------------------------------------------------------------------

test('network faults and 5xx are tried again for what may be sent twice, and for nothing else', async () => {
  const driver = await connected({ attempts: 3 });
  for (const [name, fault] of Object.entries({ drop: drop(), refuse: refuse(), 500: say(500), 502: say(502, 'x'), 503: say(503), truncate: truncate(), noise: noise('SSH-2.0-x\r\n') })) {
    for (const [fields, sent] of [
      [{ method: 'GET' }, 3], [{ method: 'PUT', body: '{}' }, 3], [{ method: 'DELETE' }, 3], [{ method: 'POST', body: '{}', idempotent: true }, 3],
      [{ method: 'POST', body: '{}' }, 1], [{ method: 'POST' }, 1], [{ method: 'PATCH', body: '{}' }, 1],
    ]) {
      const rule = s.proxy.rule({ path: '/api/thing' }, fault);
      const error = await driver.fails('TRY_LATER', 'request', { ...acme, path: '/api/thing', ...fields });
      // A kept connection that turns out to be closed is no attempt.
      assert.ok(rule.seen === sent || (sent > 1 && rule.seen === sent + 1), `${name} ${JSON.stringify(fields)}: ${rule.seen}`);
      assert.ok(error.retryAfterMs > 0);
      rule.stop();
    }
  }
  const rule = s.proxy.rule({ ...paths.organizations, times: 2 }, say(502));
  await driver.ok('request', call);
  assert.equal(rule.seen, 2);
  await driver.close();
});

test('pauses between attempts grow, and are random', async () => {
  const driver = await connected({ attempts: 4 });
  const firsts = new Set();
  for (let i = 0; i < 3; i++) {
    s.proxy.forget();
    const rule = s.proxy.rule(paths.organizations, say(500));
    await driver.fails('TRY_LATER', 'request', call);
    rule.stop();
    const at = s.proxy.find(paths.organizations).map((x) => x.at);
    const pauses = at.slice(1).map((t, n) => t - at[n]);
    assert.equal(pauses.length, 3);
    for (const [n, pause] of pauses.entries()) assert.ok(pause >= (100 << n) - 2 && pause <= (200 << n) + 250 * slow, `${pauses}`);
    firsts.add(pauses[0]);
  }
  assert.ok(firsts.size > 1, 'not all alike');
  await driver.close();
});

test('Retry-After is sat out if it is short, told if it is long, and holds for later calls of the connection only', async () => {
  const driver = await connected({ waitMaxMs: 2000 });
  await connectDriver(driver, s.server, s.seed, { browser: s.browser, organizations: ['globex'] });
  await driver.ok('request', { ...call, organization: 'globex' });
  for (const status of [429, 503]) {
    const rule = s.proxy.rule({ ...paths.organizations, times: 1 }, say(status, { error: 'rate_limited' }, { 'retry-after': '1' }));
    const started = Date.now();
    await driver.ok('request', call);
    assert.ok(Date.now() - started >= 990, `${Date.now() - started} ms`);
    assert.equal(rule.seen, 1);
  }
  s.proxy.forget();
  s.proxy.rule({ ...paths.organizations, times: 1 }, limited(30));
  const error = await driver.fails('RATE_LIMITED', 'request', call);
  assert.ok(error.retryAfterMs > 29_000 && error.retryAfterMs <= 30_000, `${error.retryAfterMs}`);
  const again = await driver.fails('RATE_LIMITED', 'request', { ...call, path: '/api/oauth-client/me' });
  assert.ok(again.retryAfterMs > 25_000);
  assert.equal(s.proxy.log.length, 1, 'nothing is sent before the time');
  await driver.ok('request', { ...call, organization: 'globex' });
  await driver.ok('clock', { ms: 30_000 });
  await driver.ok('request', call);
  // A date, as proxies send it, whatever the clock here says.
  const httpDate = (ms) => new Date(Date.now() + ms).toUTCString();
  for (const skew of [0, 10 * 365 * 24 * HOUR, -10 * 365 * 24 * HOUR]) {
    s.proxy.rule({ ...paths.organizations, times: 1 }, say(429, { error: 'rate_limited' }, { date: httpDate(skew), 'retry-after': httpDate(skew + 30_000) }));
    const told = await driver.fails('RATE_LIMITED', 'request', call);
    assert.ok(told.retryAfterMs > 28_000 && told.retryAfterMs <= 31_000, `${told.retryAfterMs}`);
    await driver.ok('clock', { ms: 31_000, wallMs: skew / 2 });
  }
  s.proxy.rule({ ...paths.organizations, times: 1 }, say(503, {}, { 'retry-after': httpDate(1000) }));
  await driver.ok('request', call);
  // What is no number of seconds, or a day and more, still ends.
  for (const header of ['soon', '-1', '999999999999999999999', '1e3', '']) {
    const rule = s.proxy.rule(paths.organizations, say(429, { error: 'rate_limited' }, { 'retry-after': header }));
    assert.ok((await driver.fails('RATE_LIMITED', 'request', { ...call, timeoutMs: 8000 })).retryAfterMs > 0, header);
    rule.stop();
    await driver.ok('clock', { ms: 24 * HOUR });
  }
  await driver.close();
});

test('a call ends within its time and when it is cancelled, wherever it is', async () => {
  const driver = await connected();
  const hang = (x) => { x.response.on('error', () => {}); };
  for (const [where, command] of [[paths.organizations, 'request'], [paths.mint, 'token'], [paths.refresh, 'token'], [{ method: 'DELETE' }, 'disconnect']]) {
    for (const [limit, code] of [[{ timeoutMs: 400 }, 'TRY_LATER'], [{ cancelAfterMs: 200 }, 'ECANCELED']]) {
      await driver.ok('clock', { ms: HOUR + 60_000 });
      const rule = s.proxy.rule(where, hang);
      const started = Date.now();
      await driver.fails(code, command, { ...call, ...limit });
      assert.ok(Date.now() - started < (limit.timeoutMs ?? limit.cancelAfterMs) + 250 * slow, `${where.path} ${code}: ${Date.now() - started} ms`);
      rule.stop();
    }
  }
  for (const fault of [say(500, {}, { 'retry-after': '2' }), limited(2)]) { // in its pauses
    await driver.ok('clock', { ms: HOUR });
    const rule = s.proxy.rule(paths.organizations, fault);
    const started = Date.now();
    await driver.fails('ECANCELED', 'request', { ...call, cancelAfterMs: 100 });
    assert.ok(Date.now() - started < 100 + 250 * slow, `${Date.now() - started} ms`);
    rule.stop();
  }
  await driver.ok('clock', { ms: HOUR });
  await driver.ok('request', call);
  await driver.close();
});

test('a clock that jumps, forwards, backwards and by day, costs a token at most', async () => {
  const driver = await connected();
  for (const jump of [{ ms: 0, wallMs: -10 * 365 * 24 * HOUR }, { ms: 0, wallMs: 20 * 365 * 24 * HOUR }, { ms: 365 * 24 * HOUR }, { ms: 0, wallMs: -5 * 365 * 24 * HOUR }]) {
    const before = await driver.ok('stats');
    await driver.ok('clock', jump);
    for (let i = 0; i < 3; i++) await driver.ok('request', call);
    const after = await driver.ok('stats');
    assert.ok(after.mints - before.mints <= 1);
    if (jump.ms === 0) assert.equal(after.mints, before.mints, 'the time of day is nobody\'s business');
  }
  await driver.close();
});

test('a secret that the server refuses is the program\'s trouble, not the connection\'s', async () => {
  const app = s.app(), store = s.place.sqlite(), key = newKey();
  const driver = await s.driver({ app, store, key });
  await connectDriver(driver, s.server, s.seed, { browser: s.browser });
  await driver.ok('open', s.options({ app: { ...app, clientSecret: `${app.clientSecret.slice(0, -1)}x` }, store, key }));
  await driver.fails('ECLIENT', 'request', call);
  assert.equal((await driver.ok('connections', { owner: 'u1' }))[0].disconnectedAt, 0);
  await driver.ok('open', s.options({ app, store, key }));
  await driver.ok('request', call);
  await driver.close();
});

// Memory and stores --------------------------------------------------------------------------------------------------

test('every allocation may fail once: an error that says so, nothing lost, nothing leaked', async () => {
  const app = s.app(), store = s.place.sqlite(), key = newKey();
  const driver = await s.driver({ app, store, key });
  const options = s.options({ app, store, key });
  await connectDriver(driver, s.server, s.seed, { browser: s.browser });
  await driver.ok('close');
  assert.equal((await driver.ok('stats')).live, 0);
  const opening = await driver.ok('sweep', { command: { do: 'open', ...options }, undo: { do: 'close' } });
  assert.ok(opening.runs > 10 && opening.codes.ENOMEM === opening.runs - 1, JSON.stringify(opening));
  assert.equal((await driver.ok('stats')).live, 0, 'whatever failed, all was given back');
  await driver.ok('open', options);
  const commands = {
    authorize: { command: { do: 'authorize', owner: 'u1', scopes: 'org:read keys:read' } },
    reauthorize: { command: { do: 'reauthorize', ...acme, scope: 'keys:read' } },
    connections: { command: { do: 'connections', owner: 'u1' } },
    connection: { command: { do: 'connection', ...acme } },
    request: { command: { do: 'request', ...call } },
    renewing: { command: { do: 'request', ...call, timeoutMs: 60_000 }, undo: { do: 'clock', ms: 2 * HOUR } },
    trpc: { command: { do: 'trpc', ...acme, procedure: 'mcp.listProjects' } },
    cdn: { command: { do: 'cdn', project: 'acme/web', locale: 'en' } },
    keys: { command: { do: 'rotateKeys' } },
    mcp: { command: { do: 'mcp', ...acme, directory: s.workspace() }, undo: { do: 'clock', ms: HOUR } },
    reopened: { command: { do: 'open', ...options }, undo: { do: 'request', ...call } },
  };
  for (const [name, sweep] of Object.entries(commands)) {
    const done = await driver.ok('sweep', sweep);
    assert.equal(done.last, 'CONNECTED', `${name}: ${JSON.stringify(done)}`);
    assert.deepEqual(Object.keys(done.codes).filter((code) => !['CONNECTED', 'ENOMEM'].includes(code)), [], `${name}: ${JSON.stringify(done)}`);
    assert.deepEqual((await driver.ok('connections', { owner: 'u1' })).map((c) => [c.organizationSlug, c.disconnectedAt]), [['acme', 0]], name);
  }
  await driver.ok('clock', { ms: 2 * HOUR });
  await driver.ok('request', call);
  await driver.close();
});

test('a store that fails at any call says ESTORE, is asked again, and nothing is lost', async () => {
  const driver = await connected();
  const uses = [
    ['find', 'token', acme], ['swap', 'token', acme], ['list', 'connections', { owner: 'u1' }], ['put', 'authorize', { owner: 'u1', scopes: 'org:read' }],
    ['take', 'callback', { owner: 'u1', query: '?code=x&state=y' }], ['find', 'connection', acme],
  ];
  for (const [hooked, command, fields] of uses) {
    for (const [act, code] of [['fail', 'ESTORE'], ['nomem', 'ENOMEM']]) {
      await driver.ok('clock', { ms: 2 * HOUR });
      await driver.ok('hook', { function: hooked, when: 'before', act });
      await driver.fails(code, command, fields);
      await driver.ok('hook', { function: hooked, when: 'before', act: 'none' });
      await driver.ok('clock', { ms: 10_000 });
      await driver.ok('request', call);
    }
  }
  // While the token in memory is good, a store that is away stops nobody.
  for (const hooked of ['find', 'swap', 'list']) await driver.ok('hook', { function: hooked, when: 'before', act: 'fail', nth: -1 });
  await driver.ok('request', call);
  await driver.close();
});

test('a store that cannot be opened says why', async () => {
  const driver = await s.driver({ open: false });
  const base = s.workspace(), real = join(base, 'real.db');
  writeFileSync(join(base, 'not-a-database'), 'x'.repeat(4096));
  writeFileSync(real, '');
  symlinkSync(real, join(base, 'link.db'));
  mkdirSync(join(base, 'folder'));
  for (const store of [`sqlite:${join(base, 'no', 'such', 'folder.db')}`, `sqlite:${join(base, 'not-a-database')}`, `sqlite:${join(base, 'link.db')}`, `sqlite:${join(base, 'folder')}`, 'postgres:///x?host=/nonexistent']) {
    const error = await driver.fails('ESTORE', 'open', { ...s.options({ store }), plainStore: true });
    assert.ok(error.message.length > 10, store);
  }
  for (const store of ['sqlite:', 'mysql://x', '/plain/path.db', '']) await driver.fails('EINVAL', 'open', { ...s.options({ store }), plainStore: true });
  await driver.close();
});

test('options and arguments that are wrong are named', async () => {
  const driver = await s.driver({ open: false });
  const wrong = [{ keys: [] }, { keys: [{ id: 1, hex: '0'.repeat(64) }] }, { keys: [newKey(1), newKey(1)] }, { timeoutMs: -1 }, { attempts: -1 }, { attempts: 1000 }, { jitterMs: 60_000 }, { app: { ...s.seed.web, clientId: '' } }, { userAgent: 'a\r\nX-Evil: 1' }];
  for (const options of wrong) assert.ok((await driver.fails('EINVAL', 'open', s.options(options))).message.length > 0, JSON.stringify(options));
  await driver.close();
  const ready = await connected();
  s.proxy.forget();
  for (const fields of [{ method: 'get' }, { method: 'GET', body: '{}' }, { method: 'HEAD', body: '{}' }, { method: 'GET /x HTTP/1.1\r\n' }, { path: 'organizations' }, { path: '//evil.example/' }, { path: '/a b' }, { path: '/a\r\nX: y' }, { path: '/a#b' }, { path: '/\\evil' }, { contentType: 'a\r\nb: c', body: '{}', method: 'POST' }, { ifNoneMatch: 'a\nb' }, { owner: '' }, { owner: 'a'.repeat(500) }, { organization: 'a"b' }]) {
    await ready.fails('EINVAL', 'request', { ...call, ...fields });
  }
  await ready.fails('NOT_CONNECTED', 'request', { ...call, organization: 'initech' });
  await ready.fails('NOT_CONNECTED', 'request', { ...call, owner: 'u2' });
  assert.equal(s.proxy.log.length, 0, 'nothing was sent');
  await ready.close();
});

test('64 threads while everything goes wrong now and then: the right answers, no storm, nothing torn', { timeout: 300_000 }, async () => {
  const driver = await connected({ attempts: 2 });
  const faults = [drop(), refuse(), say(500), unauthorized(), delay(20), truncate(), say(503, {}, { 'retry-after': '0' })];
  s.proxy.rule({ when: () => Math.random() < 0.05 }, (x) => faults[Math.floor(Math.random() * faults.length)](x));
  s.proxy.forget();
  const calls = valgrind ? 500 : full ? 50_000 : 2000;
  const done = await driver.ok('hammer', { owner: 'u1', organizations: ['acme'], threads: valgrind ? 8 : 64, calls, path });
  assert.equal(Object.values(done.codes).reduce((a, b) => a + b), calls);
  assert.deepEqual(Object.keys(done.codes).filter((code) => !['CONNECTED', 'TRY_LATER', 'RATE_LIMITED'].includes(code)), [], JSON.stringify(done.codes));
  assert.ok(s.proxy.log.length < calls * 2, 'no storm of retries');
  s.proxy.calm();
  await driver.ok('clock', { ms: 60_000 });
  await driver.ok('request', call);
  await driver.close();
});
