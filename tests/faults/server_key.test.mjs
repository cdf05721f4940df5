// SPDX-License-Identifier: MIT
// Another server key (ruling R22): no token changes, whoever has the store keeps it from happening, and a kill at any
// moment leaves a store that opens with the keys that lie there.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Server, binary, full, startServer } from '../lib/server.mjs';
import { connectWith, mintRaw, organizations, refresh, signedIn } from '../lib/oauth.mjs';

const scope = 'org:read projects:read';
const kills = full ? 200 : 20;
const options = { settings: { mint_coalesce_ms: 0, mint_per_minute_max: 1_000_000, refresh_families_max: 10_000 } };

function keysOf(server) {
  const path = `${server.data}.key`;
  return { path, next: `${path}.next`, text: () => readFileSync(path, 'utf8') };
}

// Everything that hung on the key still works: the same refresh token, access token and installation token.
async function assertAlive(server, seed, connection) {
  const again = await refresh(server, seed.web, connection.refresh_token);
  assert.equal(again.status, 200, again.text);
  assert.equal(again.body.refresh_token, connection.refresh_token);
  assert.equal((await mintRaw(server, connection, {})).status, 200, 'the access token of before');
  assert.equal((await organizations(server, connection.installation)).status, 200, 'the installation token of before');
  assert.deepEqual(server.cli(['verify']), { ok: true, problems: [] });
}

async function connected(server) {
  const seed = server.seed();
  const browser = await signedIn(server, seed);
  const connection = await connectWith(server, seed, { browser, scope });
  connection.installation = (await mintRaw(server, connection, {})).body.installation_token;
  return { seed, browser, connection };
}

describe('the server key of an embedded store', () => {
  let server, seed, browser, connection, keys, file;
  before(async () => {
    server = await startServer(options);
    ({ seed, browser, connection } = await connected(server));
    for (let i = 0; i < 20; i++) await connectWith(server, seed, { browser, scope });
    keys = keysOf(server);
    file = `${server.base}/before.bi18n`;
    server.cli(['backup', file]);
  });
  after(() => server?.close());

  test('ruling_22 it is not changed beside a running server', () => {
    const before = keys.text();
    const done = server.run(['server-key', 'rotate']);
    assert.equal(done.status, 1, done.stderr);
    assert.match(done.stderr, /stop it first/);
    assert.equal(keys.text(), before);
    assert.equal(existsSync(keys.next), false);
  });

  test('ruling_22 another key, the same tokens, and the old key file may go', async () => {
    const before = keys.text();
    await server.stop();
    const done = server.cli(['server-key', 'rotate']);
    assert.ok(done.rewrapped >= 21, `${done.rewrapped} families`);
    assert.equal(done.keyFile, keys.path);
    assert.notEqual(keys.text(), before);
    assert.equal(readFileSync(done.oldKeyFile, 'utf8'), before);
    assert.equal(existsSync(keys.next), false);
    copyFileSync(done.oldKeyFile, `${server.base}/old.key`);
    rmSync(done.oldKeyFile);
    await server.start();
    await assertAlive(server, seed, connection);
    assert.match(server.run(['audit']).stdout, /"kind":"server_key\.rotated"/);
    connection.installation = (await mintRaw(server, connection, {})).body.installation_token;
  });

  test('the old key opens the store no more, and opens a backup of before', async () => {
    await server.stop();
    const current = keys.text();
    writeFileSync(keys.path, readFileSync(`${server.base}/old.key`));
    const refused = server.run(['user', 'list']);
    assert.equal(refused.status, 1, refused.stderr);
    assert.match(refused.stderr, /belongs to another store/);
    writeFileSync(keys.path, current);
    const old = new Server(options);
    try {
      copyFileSync(`${server.base}/old.key`, `${old.data}.key`);
      assert.equal(old.cli(['restore', file]).ok, true);
    } finally { await old.close(); }
  });

  // The three moments between the steps: a new key that nothing is sealed under yet; a store that is sealed under the
  // new key while the old one has its place; the same with the old one already kept.
  test('ruling_22 a kill before the commit: the old key serves on, the next attempt takes the key that lies there', async () => {
    const spare = new Server(options);
    try {
      assert.equal(spare.run(['init']).status, 0);
      copyFileSync(`${spare.data}.key`, keys.next);
    } finally { await spare.close(); }
    const planned = readFileSync(keys.next, 'utf8'), before = keys.text();
    await server.start();
    await assertAlive(server, seed, connection);
    assert.equal(keys.text(), before);
    await server.stop();
    server.cli(['server-key', 'rotate']);
    assert.equal(keys.text(), planned);
    await server.start();
    await assertAlive(server, seed, connection);
    await server.stop();
  });

  for (const kept of [false, true]) {
    test(`ruling_22 a kill after the commit, the old key ${kept ? 'kept' : 'not kept yet'}: the next to open the store finishes it`, async () => {
      const before = keys.text();
      const done = server.cli(['server-key', 'rotate']);
      renameSync(keys.path, keys.next);
      if (kept) copyFileSync(done.oldKeyFile, keys.path);
      else renameSync(done.oldKeyFile, keys.path);
      assert.equal(keys.text(), before);
      const planned = readFileSync(keys.next, 'utf8');
      await server.start();
      await assertAlive(server, seed, connection);
      await server.stop();
      assert.equal(keys.text(), planned);
      assert.equal(readFileSync(done.oldKeyFile, 'utf8'), before);
      assert.equal(existsSync(keys.next), false);
    });
  }

  test('ruling_22 kill -9 at any moment: the store opens, nothing is lost, and the next attempt goes through', async () => {
    const started = process.hrtime.bigint();
    server.cli(['server-key', 'rotate']);
    const whole = Number(process.hrtime.bigint() - started) / 1e6;
    let cut = 0;
    for (let i = 0; i < kills; i++) {
      const child = spawn(binary, ['server-key', 'rotate'], { env: server.env(), stdio: 'ignore' });
      const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal)));
      await pause(whole * (i + 1) / kills);
      child.kill('SIGKILL');
      if (await ended === 'SIGKILL') cut++;
      const opens = server.run(['user', 'list']);
      assert.equal(opens.status, 0, `after kill ${i}: ${opens.stderr}`);
    }
    assert.ok(cut > 0, 'at least one attempt was cut');
    server.cli(['server-key', 'rotate']);
    await server.start();
    await assertAlive(server, seed, connection);
  });
});

describe('the server key of a store in PostgreSQL', { skip: !process.env.BI18N_TEST_POSTGRES && 'BI18N_TEST_POSTGRES is not set' }, () => {
  const name = `key_${process.pid}`;
  const psql = (sql) => {
    const done = spawnSync('psql', ['-qAt', process.env.BI18N_TEST_POSTGRES, '-c', sql], { encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
  };
  let server, other, seed, connection;
  before(async () => {
    psql(`CREATE DATABASE ${name}`);
    const database = process.env.BI18N_TEST_POSTGRES.replace(/\/[^/?]*(\?|$)/, `/${name}$1`);
    server = await new Server({ ...options, database }).start();
    other = new Server({ ...options, database });
    mkdirSync(other.data, { mode: 0o700 });
    ({ seed, connection } = await connected(server));
    copyFileSync(`${server.data}.key`, `${other.data}.key`);
  });
  after(async () => {
    await other?.close();
    await server?.close();
    psql(`DROP DATABASE ${name} WITH (FORCE)`);
  });

  test('ruling_22 it is not changed while a server of another directory uses the database', async () => {
    const done = other.run(['server-key', 'rotate']);
    assert.equal(done.status, 1, done.stderr);
    assert.match(done.stderr, /another bi18n uses this database/);
    assert.equal((await refresh(server, seed.web, connection.refresh_token)).status, 200);
  });

  test('ruling_22 another key, the same tokens', async () => {
    const before = readFileSync(`${server.data}.key`, 'utf8');
    await server.stop();
    assert.ok(server.cli(['server-key', 'rotate']).rewrapped >= 1);
    assert.notEqual(readFileSync(`${server.data}.key`, 'utf8'), before);
    await server.start();
    await assertAlive(server, seed, connection);
    assert.match(other.run(['user', 'list']).stderr, /belongs to another store/, 'a node with the old file is told');
  });
});
