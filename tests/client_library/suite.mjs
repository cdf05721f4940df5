// SPDX-License-Identifier: MIT
// One server, one proxy before it, stores of both kinds: what each file of tests here begins with.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { full, slow, startServer } from '../lib/server.mjs';
import { eventually, proxied, signedIn } from '../lib/oauth.mjs';
import { publish } from '../lib/strings.mjs';
import { startProxy } from './fault_proxy.mjs';
import { Driver, Place, newKey } from './library.mjs';

export { eventually, full, publish, slow };

const postgres = process.env.BI18N_TEST_POSTGRES;
// Limits of the server would end tests that ask more than a partner does.
const settings = {
  ...proxied, mint_coalesce_ms: 0, mint_per_minute_max: 1_000_000, requests_per_minute_max: 1_000_000_000, installation_tokens_max: 10_000,
  refresh_families_max: 10_000, publish_cooldown_s: 0,
};

function psql(url, sql) {
  const done = spawnSync('psql', ['-X', '-q', '-A', '-t', url, '-c', sql], { maxBuffer: 1 << 28 });
  assert.equal(done.status, 0, `psql: ${done.stderr}`);
  return done.stdout;
}

class Suite {
  constructor() {
    this.postgresUrls = [];
    this.seen = new Set();
    this.apps = 0;
    this.drivers = [];
    // name, available, how to make one: {url, dump()}
    this.stores = [
      ['SQLite', true, () => { const file = this.place.file(); return { url: `sqlite:${file}`, dump: () => this.place.bytes() }; }],
      ['PostgreSQL', Boolean(postgres), () => this.postgresStore()],
    ];
  }

  async start(more = {}) {
    this.place = new Place();
    this.workspaces = mkdtempSync(join(tmpdir(), 'bi18n-workspaces-'));
    this.server = await startServer({ settings: { ...settings, ...more } });
    this.seed = this.server.seed();
    this.server.cli(['org', 'add', '--slug', 'globex', '--name', 'Globex', '--owner', this.seed.email]);
    publish(this.server);
    this.proxy = await startProxy(this.server.url);
    this.browser = await signedIn(this.server, this.seed);
    // All that went by, for good: forget() is for counting.
    const { pass } = this.proxy;
    this.proxy.pass = async (...args) => { await pass.apply(this.proxy, args); this.harvest(); };
  }

  async close() {
    for (const driver of this.drivers) driver.process.kill('SIGKILL'); // of tests that failed
    await this.proxy?.close();
    await this.server?.close();
    this.place?.close();
    rmSync(this.workspaces, { recursive: true, force: true });
  }

  // A confidential app; type 'spa' for one whose refresh tokens rotate.
  app(type = 'web') {
    return this.server.cli(['app', 'add', '--name', `Partner ${++this.apps}`, '--type', type, '--redirect-uri', 'https://partner.example/callback']);
  }

  options({ direct = false, app = this.seed.web, store, key = newKey(), keys = [key], jitterMs = -1, attempts, timeoutMs, cdnFreshMs, ...more } = {}) {
    const url = direct ? this.server.url : this.proxy.url;
    return {
      baseUrl: url, authorizeBaseUrl: this.server.url, cdnBaseUrl: url, clientId: app.clientId, clientSecret: app.clientSecret, redirectUri: app.redirectUris[0],
      store: store ?? this.place.sqlite(), keys, refreshJitterMs: jitterMs, attemptsMax: attempts, timeoutMs, cdnFreshMs, ...more,
    };
  }

  // A process with an open client. Each has an app of its own unless told, so that grants of two tests never meet.
  async driver({ open = true, app = open ? this.app() : undefined, owner: _, scopes: __, organizations: ___, projects: ____, browser: _____, ...options } = {}) {
    const driver = new Driver();
    this.drivers.push(driver);
    if (open) await driver.ok('open', this.options({ app, ...options }));
    return driver;
  }

  workspace() { return mkdtempSync(join(this.workspaces, 'w-')); }

  postgresStore() {
    const name = `client_${process.pid}_${this.postgresUrls.length}`;
    psql(postgres, `CREATE DATABASE ${name}`);
    const text = postgres.replace(/^([a-z]+:\/\/[^/]*)\/[^?]*/, `$1/${name}`);
    this.postgresUrls.push(text);
    return { url: text, dump: () => this.dump(text) };
  }

  dump(url) {
    const done = spawnSync('pg_dump', ['--inserts', url], { maxBuffer: 1 << 28 });
    assert.equal(done.status, 0, `pg_dump: ${done.stderr}`);
    return done.stdout;
  }

  databases() { return this.postgresUrls.map((url) => this.dump(url)); }

  sqlite(file, sql) {
    const done = spawnSync('sqlite3', ['-json', file, sql], { encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
    return done.stdout ? JSON.parse(done.stdout) : [];
  }

  // Every secret that went through the proxy since the start.
  harvest() {
    const last = this.proxy.log.at(-1);
    if (last) for (const text of [last.answered, last.body?.toString('latin1'), last.headers.authorization, last.headers['x-api-key']]) for (const [found] of (text ?? '').matchAll(/\b(?:bi_oat|bi_at|bi_cs|bi_ac|rt)_[0-9A-Za-z]{20,}/g)) this.seen.add(found);
  }

  secrets() {
    for (const x of this.proxy.log) for (const text of [x.answered, x.body.toString('latin1'), x.headers.authorization, x.headers['x-api-key']]) for (const [found] of (text ?? '').matchAll(/\b(?:bi_oat|bi_at|bi_cs|bi_ac|rt)_[0-9A-Za-z]{20,}/g)) this.seen.add(found);
    return this.seen;
  }

  eventually(...args) { return eventually(...args); }
}

export const suite = () => new Suite();
