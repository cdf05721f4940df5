// SPDX-License-Identifier: MIT
// Rows 05 and 06 of the founding page with a shared cache: a Redis of the test's own, on a free port, in memory only.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import net from 'node:net';
import { join } from 'node:path';
import { freePort } from '../lib/server.mjs';
import { delay, paths, say, unauthorized } from './fault_proxy.mjs';
import { HOUR, assertNoTokens, connectDriver, newKey } from './library.mjs';
import { slow, suite } from './suite.mjs';

const absent = spawnSync('redis-server', ['--version']).status !== 0 && 'redis-server is not installed';
const path = '/api/oauth-client/organizations';
const acme = { owner: 'u1', organization: 'acme' };
const call = { ...acme, path };
const PROCESSES = 8;

class Redis {
  async start() {
    this.port ??= await freePort();
    this.url = `redis://:a-password@127.0.0.1:${this.port}/3`;
    this.process = spawn('redis-server', ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--requirepass', 'a-password', '--dir', s.workspace()], { stdio: 'ignore' });
    this.exited = new Promise((resolve) => this.process.once('exit', resolve));
    await s.eventually('Redis answers', () => this.ask('PING').catch(() => null));
  }

  // Inline commands; enough for looking.
  ask(command) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(this.port, '127.0.0.1', () => socket.end(`AUTH a-password\r\nSELECT 3\r\n${command}\r\nQUIT\r\n`));
      let text = '';
      socket.on('data', (part) => { text += part; });
      socket.on('error', reject);
      socket.on('close', () => {
        const lines = text.split('\r\n').slice(2, -2);
        resolve(lines[0]?.startsWith('*') ? lines.filter((line) => !/^[*$]/.test(line)) : lines[0]?.startsWith('$') ? lines[1] : lines[0]?.replace(/^[:+]/, ''));
      });
    });
  }

  async keys() { return (await this.ask('KEYS *')).filter(Boolean); }
  async stop() { this.process.kill('SIGKILL'); await this.exited; }
}

const s = suite();
let redis;
before(async () => {
  if (absent) return;
  await s.start();
  redis = new Redis();
  await redis.start();
});
after(async () => {
  if (absent) return;
  await redis.stop();
  await s.close();
});
afterEach(async () => {
  if (absent) return;
  s.proxy.calm();
  if (redis.process.exitCode === null && redis.process.signalCode === null) await redis.ask('FLUSHALL');
});

// Many processes, one store, one connection.
async function processes(n = PROCESSES, url = redis.url) {
  const app = s.app(), key = newKey(), store = s.place.sqlite();
  const drivers = await Promise.all(Array.from({ length: n }, () => s.driver({ app, key, store, redis: url })));
  const [connection] = await connectDriver(drivers[0], s.server, s.seed, { browser: s.browser });
  s.proxy.forget();
  return { drivers, connection, app, key, store, close: () => Promise.all(drivers.map((driver) => driver.close())) };
}
const all = (drivers, name, fields) => Promise.all(drivers.map((driver) => driver.ok(name, fields)));
const mints = () => s.proxy.find(paths.mint).length;

test('seed_05 many processes mint once an hour together, at most twice', { skip: absent }, async () => {
  const group = await processes();
  s.proxy.rule(paths.mint, delay(50));
  const digests = new Set((await all(group.drivers, 'token', acme)).map((t) => t.digest));
  assert.deepEqual([digests.size, mints()], [1, 1]);
  for (let hour = 1; hour <= 6; hour++) {
    await all(group.drivers, 'clock', { ms: HOUR });
    await redis.ask('FLUSHALL'); // its own clock stands still, so that what it has would not end
    const told = new Set((await all(group.drivers, 'token', acme)).map((t) => t.digest));
    assert.deepEqual([told.size, mints()], [1, hour + 1]);
  }
  const shared = await all(group.drivers, 'stats');
  assert.ok(shared.reduce((sum, stats) => sum + stats.sharedHits, 0) >= 7 * (PROCESSES - 1));
  await group.close();
});

test('seed_06 in Redis a token is sealed, for this connection only, and gone when its life is', { skip: absent }, async () => {
  const group = await processes(2);
  const told = await group.drivers[0].ok('token', { ...acme, plain: true });
  const keys = await redis.keys();
  assert.deepEqual(keys, [`bi18n:token:${group.connection.grantId}:${group.connection.organizationId}`]);
  const [value, life] = [await redis.ask(`GET ${keys[0]}`), Number(await redis.ask(`PTTL ${keys[0]}`))];
  assert.match(value, /^v1\.1\.[\w-]+$/);
  assertNoTokens(Buffer.from(value), 'Redis', [told.token]);
  assert.ok(Math.abs(life - told.expiresInMs) < 3000, `it lives ${life} ms, the token ${told.expiresInMs}`);
  // Another's value under this key opens nothing, nor does one that was changed.
  for (const forged of [value.slice(0, -2) + (value.endsWith('AA') ? 'BB' : 'AA'), 'v1.1.AAAA', 'nonsense', told.token]) {
    await redis.ask(`SET ${keys[0]} ${forged} PX 3000000`);
    const fresh = await s.driver({ app: group.app, key: group.key, store: group.store, redis: redis.url });
    assert.notEqual((await fresh.ok('token', acme)).digest, told.digest);
    await fresh.ok('request', call);
    await fresh.close();
    assert.match(await redis.ask(`GET ${keys[0]}`), /^v1\.1\.[\w-]{40,}$/, 'replaced by a good one');
  }
  await group.drivers[1].ok('request', call);
  await group.close();
});

test('seed_06 a process with another key does not read what is not its own', { skip: absent }, async () => {
  const group = await processes(1);
  await group.drivers[0].ok('token', acme);
  const other = await s.driver({ app: group.app, store: s.place.sqlite(), redis: redis.url });
  await connectDriver(other, s.server, s.seed, { browser: s.browser });
  await other.ok('request', call);
  await group.drivers[0].ok('request', call);
  await other.close();
  await group.close();
});

test('seed_09 a token that one process finds rejected is replaced for all of them, once', { skip: absent }, async () => {
  const group = await processes();
  const [{ digest }] = await all(group.drivers, 'token', acme);
  const before = mints();
  const old = s.proxy.rule({ ...paths.organizations, times: 1 }, unauthorized());
  await group.drivers[3].ok('request', call);
  assert.deepEqual([old.seen, mints() - before], [1, 1]);
  const renewed = await group.drivers[3].ok('token', acme);
  assert.notEqual(renewed.digest, digest);
  // To the others the server says 401 for the old one as well; they find the new one in Redis.
  for (const driver of group.drivers.filter((d) => d !== group.drivers[3])) {
    s.proxy.rule({ ...paths.organizations, times: 1 }, unauthorized());
    await driver.ok('request', call);
    assert.equal((await driver.ok('token', acme)).digest, renewed.digest);
  }
  assert.equal(mints() - before, 1);
  await group.close();
});

test('seed_05 who holds the lock dies: the others wait, and one of them mints', { skip: absent, timeout: 120_000 }, async () => {
  const group = await processes(4);
  let killed;
  const rule = s.proxy.rule({ ...paths.mint, times: 1 }, async (x) => {
    killed = true;
    await x.ask();
    await Promise.all([group.drivers[0].kill()]);
    x.cut();
  });
  const first = group.drivers[0].run('token', acme);
  await s.eventually('the first one is minting', () => killed);
  const since = Date.now();
  const told = new Set((await all(group.drivers.slice(1), 'token', acme)).map((t) => t.digest));
  assert.ok(Date.now() - since < 5000 * slow, `a dead one cost ${Date.now() - since} ms`);
  assert.equal((await first).code, 'GONE');
  assert.deepEqual([rule.seen, told.size], [1, 1]);
  assert.ok(mints() <= 3, `${mints()}`);
  await Promise.all(group.drivers.slice(1).map((driver) => driver.close()));
});

test('seed_05 who holds the lock is slow but lives: the others wait, nobody mints beside it, and a wait can be cancelled', { skip: absent, timeout: 120_000 }, async () => {
  const group = await processes(4);
  s.proxy.rule({ ...paths.mint, times: 1 }, delay(7000)); // more than twice the lease
  const first = group.drivers[0].ok('token', acme);
  await s.eventually('the first one is minting', () => mints() === 1);
  const since = Date.now();
  await group.drivers[1].fails('ECANCELED', 'token', { ...acme, cancelAfterMs: 200 });
  assert.ok(Date.now() - since < 200 + 250 * slow, `${Date.now() - since} ms`);
  const told = new Set((await all(group.drivers.slice(1), 'token', acme)).map((t) => t.digest));
  assert.deepEqual([told.has((await first).digest), told.size, mints()], [true, 1, 1]);
  await group.close();
});

test('seed_05 Redis goes away, hangs or says no: every process mints for itself, and comes back', { skip: absent, timeout: 120_000 }, async () => {
  const group = await processes(3);
  await all(group.drivers, 'token', acme);
  await redis.stop();
  await all(group.drivers, 'clock', { ms: HOUR });
  for (const driver of group.drivers) await driver.ok('request', call);
  assert.ok(mints() <= 1 + 3);
  // Something that accepts and never answers, and something that is no Redis.
  for (const answer of [null, 'HTTP/1.1 400 Bad Request\r\n\r\n', '-NOAUTH Authentication required.\r\n', '$99999999999\r\n']) {
    const sockets = [];
    const impostor = net.createServer((socket) => { sockets.push(socket); socket.on('error', () => {}); if (answer) socket.on('data', () => socket.write(answer)); });
    await new Promise((resolve) => impostor.listen(redis.port, '127.0.0.1', resolve));
    const fresh = await s.driver({ app: group.app, key: group.key, store: group.store, redis: redis.url });
    await fresh.ok('request', call);
    await fresh.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => impostor.close(resolve));
  }
  await redis.start();
  for (const url of ['redis://', 'redis://127.0.0.1:0', 'http://127.0.0.1', 'redis://127.0.0.1/x']) {
    const driver = await s.driver({ open: false });
    await driver.fails('EINVAL', 'open', s.options({ redis: url }));
    await driver.close();
  }
  const back = await s.driver({ app: group.app, key: group.key, store: group.store, redis: redis.url });
  await back.ok('token', acme);
  assert.equal((await redis.keys()).length, 1);
  await back.close();
  await group.close();
});

test('seed_03 revoked or disconnected: no process goes on with what Redis has', { skip: absent }, async () => {
  const group = await processes(3);
  await all(group.drivers, 'request', call);
  s.server.cli(['grant', 'revoke', group.connection.grantId]);
  for (const driver of group.drivers) await driver.fails('RECONNECT_REQUIRED', 'request', call);
  await connectDriver(group.drivers[1], s.server, s.seed, { browser: s.browser });
  for (const driver of group.drivers) await driver.ok('request', call);
  s.proxy.rule(paths.mint, say(500));
  const late = await s.driver({ app: group.app, key: group.key, store: group.store, redis: redis.url });
  await late.ok('request', call); // from Redis
  await late.close();
  await group.close();
});
