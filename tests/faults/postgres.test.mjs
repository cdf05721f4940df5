// SPDX-License-Identifier: MIT
// A server on PostgreSQL, and its database going away and coming back (ruling R38). The cluster is this file's own:
// script/postgres-test makes it. Runs when BI18N_TEST_POSTGRES says that there is a PostgreSQL to test with.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Server, api, root, slow } from '../lib/server.mjs';
import { connectWith, eventually, mintRaw, organizations, refresh, signedIn } from '../lib/oauth.mjs';
import { addKey, caller, publish } from '../lib/strings.mjs';

const tool = join(root, 'script', 'postgres-test');
const scope = 'org:read projects:read';

class Cluster {
  start() {
    this.dir = mkdtempSync('/tmp/bi18n-pg-');
    const made = spawnSync(tool, ['start', this.dir], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    this.url = made.stdout.trim().replace(/^BI18N_TEST_POSTGRES=/, '');
    const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql').sort((a, b) => b - a) : [];
    this.bin = versions.length ? join('/usr/lib/postgresql', versions[0], 'bin', 'pg_ctl') : 'pg_ctl';
  }
  control(...args) {
    const command = [this.bin, `--pgdata=${this.dir}/data`, '--wait', '--timeout=60', ...args];
    const done = process.getuid() === 0
      ? spawnSync('runuser', ['-u', 'postgres', '--', ...command], { encoding: 'utf8', cwd: this.dir, stdio: ['ignore', 'ignore', 'pipe'] })
      : spawnSync(command[0], command.slice(1), { encoding: 'utf8', cwd: this.dir, stdio: ['ignore', 'ignore', 'pipe'] });
    assert.equal(done.status, 0, done.stderr);
  }
  down(mode) { this.control(`--mode=${mode}`, 'stop'); }
  up() { this.control(`--log=${this.dir}/log`, 'start'); }
  end() {
    if (!this.dir) return;
    spawnSync(tool, ['stop', this.dir]);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

describe('a server on PostgreSQL', { skip: !process.env.BI18N_TEST_POSTGRES && 'BI18N_TEST_POSTGRES is not set' }, () => {
  const cluster = new Cluster();
  let server, seed, browser, connection, token, key, call;

  before(async () => {
    cluster.start();
    server = new Server({ database: cluster.url, settings: { mint_coalesce_ms: 0, publish_cooldown_s: 0 } });
    await server.start();
  });
  after(async () => {
    await server?.close();
    cluster.end();
  });

  test('the whole flow: seed, consent, exchange, mint, calls, publish, delivery, refresh, verify', async () => {
    seed = server.seed();
    browser = await signedIn(server, seed);
    connection = await connectWith(server, seed, { browser, scope });
    token = (await mintRaw(server, connection, {})).body.installation_token;
    assert.equal((await organizations(server, token)).body.organizations?.[0]?.slug ?? 'acme', 'acme');
    key = addKey(server);
    call = caller(server, key);
    assert.equal((await call.put('createKeys', { k: [{ n: 'pg', v: 'Elephant', t: { tr: 'Fil' } }] })).cnt, 1);
    publish(server);
    assert.equal((await (await fetch(`${server.url}/acme/web/tr.json`)).json()).hello, 'Merhaba');
    assert.equal((await refresh(server, seed.web, connection.refresh_token)).status, 200);
    assert.deepEqual(server.cli(['verify']), { ok: true, problems: [] });
    assert.equal(existsSync(join(server.data, 'bi18n.db')), false, 'the store is not in the directory');
  });

  test('a restart finds everything again', async () => {
    await server.stop();
    await server.start();
    assert.equal((await organizations(server, token)).status, 200);
    assert.equal((await (await fetch(`${server.url}/acme/web/tr.json`)).json()).hello, 'Merhaba');
  });

  for (const mode of ['fast', 'immediate']) {
    test(`R38 the database stops (${mode}): 503 with Retry-After, never 500; delivery and checks from memory go on; it comes back and so do we`, async () => {
      cluster.down(mode);
      const unavailable = (answer) => {
        assert.equal(answer.status, 503, answer.text ?? JSON.stringify(answer.body));
        assert.match(answer.headers.get('retry-after') ?? '(none)', /^[1-9]\d*$/);
      };
      // The first call after the stop finds the broken connection; all must be refused alike.
      for (let i = 0; i < 3; i++) {
        const answer = await mintRaw(server, connection, {});
        unavailable(answer);
        assert.equal(answer.body.error, 'temporarily_unavailable');
        assert.doesNotMatch(answer.text, /postgres|libpq|\/tmp\//i);
      }
      unavailable(await refresh(server, seed.web, connection.refresh_token));
      unavailable(await call.mutate('createKeys', { k: [{ n: 'lost', v: 'x' }] }));
      unavailable(await call.query('listKeys', {}));
      await eventually('not ready', async () => (await api(server, '/ready')).status === 503);
      assert.equal((await api(server, '/health')).status, 200);
      assert.equal((await (await fetch(`${server.url}/acme/web/tr.json`)).json()).hello, 'Merhaba');
      assert.equal((await organizations(server, token)).status, 200, 'a check from memory');
      const page = await fetch(`${server.url}/settings/connected-apps`, { headers: { cookie: [...browser.cookies].map((c) => c.join('=')).join('; ') }, redirect: 'manual' });
      assert.equal(page.status, 503);
      assert.match(page.headers.get('retry-after') ?? '(none)', /^[1-9]\d*$/);
      await page.arrayBuffer();
      const command = server.run(['org', 'list']);
      assert.equal(command.status, 4, command.stderr);

      cluster.up();
      await eventually('ready again', async () => (await api(server, '/ready')).status === 200, 60_000 * slow);
      await eventually('reads again', async () => (await call.query('listKeys', {})).status === 200, 30_000 * slow);
      assert.equal((await mintRaw(server, connection, {})).status, 200);
      assert.equal((await refresh(server, seed.web, connection.refresh_token)).status, 200);
      assert.deepEqual((await call.get('listKeys')).k.map((k) => k.k).filter((name) => name.includes('lost')), []);
      publish(server);
      assert.deepEqual(server.cli(['verify']), { ok: true, problems: [] });
    });
  }

  test('a start without the database: exit 4, says that it cannot connect, not the password', async () => {
    const other = new Server({ database: 'postgres://bi18n:s3cr3t@127.0.0.1:1/none' });
    try {
      const done = other.run(['init']);
      assert.equal(done.status, 4, done.stderr);
      assert.match(done.stderr, /connect/i);
      assert.doesNotMatch(done.stderr, /s3cr3t/);
    } finally { await other.close(); }
  });
});
