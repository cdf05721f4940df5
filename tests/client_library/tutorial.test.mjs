// SPDX-License-Identifier: MIT
// The program in docs/partners.md, compiled and run as a reader would.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authorize, root, startServer } from '../lib/server.mjs';

const library = join(process.env.BI18N_BUILD ?? join(root, 'build-test'), 'src', 'client');
let server, seed, base, app;

before(async () => {
  server = await startServer();
  seed = server.seed();
  base = mkdtempSync(join(tmpdir(), 'bi18n-tutorial-'));
  app = server.cli(['app', 'add', '--name', 'My site builder', '--type', 'native', '--redirect-uri', 'http://127.0.0.1:8989/callback']);
});
after(async () => {
  if (base) rmSync(base, { recursive: true, force: true });
  await server?.close();
});

const env = () => ({ ...process.env, LD_LIBRARY_PATH: library, BI18N_CLIENT_ID: app.clientId, BI18N_BASE_URL: server.url });

test('the program of the page compiles without a warning', () => {
  const code = /^```c\n([\s\S]*?)^```$/m.exec(readFileSync(join(root, 'docs', 'partners.md'), 'utf8'))[1];
  writeFileSync(join(base, 'edit.c'), code);
  writeFileSync(join(base, 'connections.key'), randomBytes(32), { mode: 0o600 });
  const done = spawnSync('cc', ['-o', 'edit', 'edit.c', '-std=c17', '-Wall', '-Wextra', '-Wpedantic', '-Werror', `-I${join(root, 'include')}`, `-L${library}`, '-lbi18n'], { cwd: base, encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
});

test('it connects an organization and edits a string; the second time nobody is asked', async () => {
  const child = spawn(join(base, 'edit'), ['web', 'tr', 'hello', 'Selam'], { cwd: base, env: env(), stdio: ['pipe', 'pipe', 'pipe'] });
  const lines = [];
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { errors += text; });
  const url = new Promise((resolve) => createInterface({ input: child.stdout }).on('line', (line) => { lines.push(line); if (line.startsWith('http')) resolve(line); }).on('close', () => resolve(null)));
  const exited = new Promise((resolve) => child.once('close', resolve));
  const start = await url;
  assert.ok(start, errors);
  const extra = Object.fromEntries(new URL(start).searchParams);
  const back = await authorize(server, seed, { redirect: extra.redirect_uri, scope: extra.scope, extra });
  child.stdin.end(`${back.location}\n`);
  assert.equal(await exited, 0, errors);
  assert.match(lines.join('\n'), /connected acme: [\s\S]*hello: "Merhaba" is now "Selam"/);
  const again = spawnSync(join(base, 'edit'), ['web', 'tr', 'hello', 'Yine selam'], { cwd: base, env: env(), encoding: 'utf8' });
  assert.equal(again.stdout, 'hello: "Selam" is now "Yine selam"\n', again.stderr);
});

test('what is revoked says RECONNECT_REQUIRED and where to go', () => {
  for (const grant of server.cli(['grant', 'list', '--app', app.clientId])) server.cli(['grant', 'revoke', grant.grantId]);
  const done = spawnSync(join(base, 'edit'), ['web', 'tr', 'hello', 'x'], { cwd: base, env: env(), encoding: 'utf8' });
  assert.equal(done.status, 1);
  assert.match(done.stderr, /^RECONNECT_REQUIRED: [\s\S]*\/authorize\?/);
});
