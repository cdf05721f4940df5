// SPDX-License-Identifier: MIT
// The examples in docs/bindings.md, run as they stand there.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authorize, root, startServer } from '../lib/server.mjs';

const library = join(process.env.BI18N_BUILD ?? join(root, 'build-test'), 'src', 'client');
const page = readFileSync(join(root, 'docs', 'bindings.md'), 'utf8');
const LINES_MAX = 30;
let server, seed, base;

before(async () => {
  server = await startServer({ settings: { publish_cooldown_s: 0 } });
  seed = server.seed();
  base = mkdtempSync(join(tmpdir(), 'bi18n-bindings-'));
  symlinkSync(join(root, 'tests', 'node_modules'), join(base, 'node_modules'));
});
after(async () => {
  rmSync(base, { recursive: true, force: true });
  await server?.close();
});

async function run(language, program, args) {
  const code = new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page)?.[1];
  assert.ok(code, `docs/bindings.md has no ${language} example`);
  assert.ok(code.trimEnd().split('\n').length <= LINES_MAX, `thirty lines, not ${code.trimEnd().split('\n').length}`);
  const folder = mkdtempSync(join(base, 'run-'));
  writeFileSync(join(folder, args[0]), code);
  const child = spawn(program, args, {
    cwd: folder, stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LD_LIBRARY_PATH: library, BI18N_CLIENT_ID: seed.web.clientId, BI18N_CLIENT_SECRET: seed.web.clientSecret, BI18N_BASE_URL: server.url, BI18N_KEY: randomBytes(32).toString('hex'), REDIRECT_URI: seed.redirect },
  });
  const lines = [];
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { errors += text; });
  const first = new Promise((resolve) => createInterface({ input: child.stdout }).on('line', (line) => { lines.push(line); resolve(line); }).on('close', () => resolve(null)));
  const exited = new Promise((resolve) => child.once('close', resolve));
  const line = await first;
  assert.ok(line, errors);
  const extra = Object.fromEntries(new URL(line).searchParams);
  const back = await authorize(server, seed, { redirect: extra.redirect_uri, scope: extra.scope, extra });
  child.stdin.end(`${back.location}\n`);
  assert.equal(await exited, 0, errors);
  assert.ok(lines.includes('connected acme'), lines.join('\n'));
  assert.equal(JSON.parse(lines.at(-1)).hello, 'Selam');
}

test('thirty lines of Python connect, edit, publish and read', () => run('python', 'python3', ['flow.py']));
test('thirty lines of Node.js connect, edit, publish and read', () => run('js', process.execPath, ['flow.mjs']));
