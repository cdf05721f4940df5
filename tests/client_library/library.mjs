// SPDX-License-Identifier: MIT
// The driver as an object, and what tests of the library share: connecting through a browser, and looking for
// secrets where none may be.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, rmSync, mkdtempSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authorize, root, slow } from '../lib/server.mjs';

export const driverBinary = join(process.env.BI18N_BUILD ?? join(root, 'build-test'), 'tests', 'client_library', 'client_driver');
export const sha256 = (text) => createHash('sha256').update(text).digest('hex');
export const newKey = (id = 1) => ({ id, hex: randomBytes(32).toString('hex') });
// valgrind runs one thread at a time: fewer threads and calls, and turns that are fair.
export const valgrind = Boolean(process.env.BI18N_TEST_VALGRIND);
const wrapper = valgrind ? ['valgrind', '-q', '--fair-sched=yes', '--error-exitcode=99', '--leak-check=full', '--errors-for-leak-kinds=definite'] : [];

// One process with one client. Commands run one after the other; each answers {code, error, result}.
export class Driver {
  constructor() {
    const [program, ...args] = [...wrapper, driverBinary];
    this.process = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.waiting = [];
    this.errors = '';
    this.process.stderr.setEncoding('utf8').on('data', (text) => { this.errors += text; });
    this.process.stdin.on('error', () => { /* it was killed */ });
    createInterface({ input: this.process.stdout }).on('line', (line) => this.waiting.shift()?.resolve(JSON.parse(line)));
    this.exited = new Promise((resolve) => this.process.once('exit', (code, signal) => {
      resolve({ code, signal });
      setImmediate(() => { for (const one of this.waiting.splice(0)) one.resolve({ code: 'GONE', signal }); });
    }));
  }

  run(name, fields = {}) {
    return new Promise((resolve) => {
      this.waiting.push({ resolve });
      this.process.stdin.write(`${JSON.stringify({ do: name, ...fields })}\n`);
    });
  }

  // The result; anything but OK is an error of the test.
  async ok(name, fields) {
    const answer = await this.run(name, fields);
    assert.equal(answer.code, 'OK', `${name}: ${JSON.stringify(answer)}`);
    return answer.result;
  }

  async fails(code, name, fields) {
    const answer = await this.run(name, fields);
    assert.equal(answer.code, code, `${name}: ${JSON.stringify(answer)}`);
    return answer.error;
  }

  kill() { this.process.kill('SIGKILL'); return this.exited; }

  // Ends it; nothing may have been printed, leaked, or released without being wiped.
  async close() {
    await this.run('close');
    const stats = await this.run('stats');
    this.process.stdin.end();
    const how = await this.exited;
    if (how.signal === 'SIGKILL') return;
    assert.equal(this.errors, '', 'the library prints nothing');
    assert.deepEqual([how.code, stats.result.live], [0, 0], `memory that was not given back: ${JSON.stringify(stats.result)}`);
    assert.equal(stats.result.secretsReleased, 0, 'memory with a secret in it that was given back unwiped');
  }
}

// A place for stores: temporary files, or databases of a PostgreSQL.
export class Place {
  constructor() { this.base = mkdtempSync(join(tmpdir(), 'bi18n-client-')); this.files = 0; }
  file() { return join(this.base, `store-${++this.files}.db`); }
  sqlite() { return `sqlite:${this.file()}`; }
  folder() { return mkdtempSync(join(this.base, 'folder-')); }
  // Every byte of every file here.
  bytes(folder = this.base) {
    return Buffer.concat(readdirSync(folder, { withFileTypes: true, recursive: true }).filter((f) => f.isFile()).map((f) => readFileSync(join(f.parentPath ?? f.path, f.name))));
  }
  close() { rmSync(this.base, { recursive: true, force: true }); }
}

// No installation token, no access token, no plain refresh token, nowhere in these bytes.
export function assertNoTokens(bytes, what, tokens = []) {
  for (const prefix of ['bi_oat_', 'bi_at_', 'bi_ac_', 'bi_cs_']) assert.equal(bytes.indexOf(prefix), -1, `${what} holds a ${prefix}…`);
  assert.doesNotMatch(bytes.toString('latin1'), /\brt_[0-9A-Za-z]{30,}/, `${what} holds a refresh token`);
  for (const token of tokens) {
    for (const form of [token, Buffer.from(token).toString('base64').slice(0, -4), Buffer.from(token).toString('hex')]) assert.equal(bytes.indexOf(form), -1, `${what} holds a token that was used`);
  }
}

// Consent in a browser; returns the address that the browser is sent back to.
export async function consent(server, seed, url, options = {}) {
  const asked = new URL(url);
  assert.equal(asked.pathname, '/api/auth/mcp/authorize');
  const extra = Object.fromEntries(asked.searchParams);
  const back = await authorize(server, seed, { redirect: extra.redirect_uri, scope: extra.scope, extra, ...options });
  assert.ok(back.location, `no way back: ${back.status} ${back.text?.slice(0, 300)}`);
  return back;
}

// The whole way for one owner: authorize URL, consent, callback.
export async function connectDriver(driver, server, seed, { owner = 'u1', scopes = 'org:read projects:read translations:read', timeoutMs, ...options } = {}) {
  const { url } = await driver.ok('authorize', { owner, scopes });
  const back = await consent(server, seed, url, options);
  return driver.ok('callback', { owner, query: back.location, ...(timeoutMs && { timeoutMs }) });
}

export const seconds = (n) => n * 1000 * slow;
export const HOUR = 3_600_000;
