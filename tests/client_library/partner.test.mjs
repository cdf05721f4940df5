// SPDX-License-Identifier: MIT
// bi18n-partner, every command of it, against a real server: what it prints, how it ends, what it leaves behind.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { api, authorize, freePort, root, slow, startServer } from '../lib/server.mjs';

const program = join(process.env.BI18N_BUILD ?? join(root, 'build-test'), 'src', 'partner', 'bi18n-partner');
const readScopes = 'org:read projects:read translations:read';
let server, seed, base;

before(async () => {
  server = await startServer({ settings: { mint_coalesce_ms: 0 } });
  seed = server.seed();
  server.cli(['org', 'add', '--slug', 'globex', '--name', 'Globex', '--owner', seed.email]);
  server.cli(['publish', 'acme/web', '--wait']);
  base = mkdtempSync(join(tmpdir(), 'bi18n-partner-'));
});
after(async () => {
  rmSync(base, { recursive: true, force: true });
  await server?.close();
});

let stores = 0;

// One partner: an app, a store and a key, as three environment variables and an option.
class Partner {
  constructor({ app = seed.native, store = `sqlite:${join(base, `store-${++stores}.db`)}`, key = randomBytes(32).toString('base64url') } = {}) {
    Object.assign(this, { app, store, key });
  }

  env(extra = {}) {
    const env = { ...process.env, BI18N_CLIENT_ID: this.app.clientId, BI18N_STORE_KEY: this.key, XDG_DATA_HOME: join(base, 'data'), ...extra };
    if (this.app.clientSecret) env.BI18N_CLIENT_SECRET = this.app.clientSecret;
    for (const [name, value] of Object.entries(env)) if (value === undefined) delete env[name];
    return env;
  }

  run(args, { input = '', env = {}, store = this.store } = {}) {
    const done = spawnSync(program, [...args, '--base-url', server.url, ...(store ? ['--store', store] : [])], { env: this.env(env), input, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    let json;
    try { json = JSON.parse(done.stdout); } catch { /* text */ }
    return { status: done.status, stdout: done.stdout, stderr: done.stderr, json };
  }

  ok(args, options) {
    const done = this.run(args, options);
    assert.equal(done.status, 0, `${args.join(' ')}: ${done.stdout}${done.stderr}`);
    return done;
  }

  // Starts `connect` and reads where it would send the browser.
  async start(args) {
    const child = spawn(program, ['connect', '--no-browser', ...args, '--base-url', server.url, '--store', this.store], { env: this.env(), stdio: ['ignore', 'pipe', 'pipe'] });
    const lines = [], waiting = [];
    const attempt = { child, errors: '', line: () => new Promise((resolve) => { if (lines.length) resolve(lines.shift()); else waiting.push(resolve); }) };
    createInterface({ input: child.stdout }).on('line', (line) => (waiting.shift() ?? ((text) => lines.push(text)))(line));
    child.stderr.setEncoding('utf8').on('data', (text) => { attempt.errors += text; });
    attempt.exited = new Promise((resolve) => child.once('close', (code) => { for (const resolve of waiting) resolve(null); resolve(code); }));
    const first = await attempt.line();
    assert.ok(first, `connect ended: ${attempt.errors}`);
    attempt.url = new URL(JSON.parse(first).authorizeUrl);
    return attempt;
  }

  // The person's part: consent, and the browser's way back. Returns the address it comes back to.
  async consent(attempt, options = {}) {
    const extra = Object.fromEntries(attempt.url.searchParams);
    const back = await authorize(server, seed, { redirect: extra.redirect_uri, scope: extra.scope, extra, ...options });
    assert.ok(back.location, `no way back: ${back.text?.slice(0, 300)}`);
    return back.location;
  }

  async connect({ owner = 'u1', scope = readScopes, args = [], ...options } = {}) {
    const attempt = await this.start(['--owner', owner, ...(scope ? ['--scope', scope] : []), ...args]);
    const page = await fetch(await this.consent(attempt, options));
    assert.equal(page.status, 200);
    assert.match(await page.text(), /Connected/);
    const list = JSON.parse(await attempt.line());
    assert.equal(await attempt.exited, 0, attempt.errors);
    return list;
  }
}

const members = ['ownerId', 'organizationId', 'organizationSlug', 'grantId', 'scopes', 'projectIds', 'state', 'disconnectedAt', 'nextStep'];

test('connect prints one line with the authorize URL, hears the callback on loopback, and prints the connections', async () => {
  const partner = new Partner();
  const attempt = await partner.start(['--owner', 'u1', '--scope', readScopes]);
  const query = attempt.url.searchParams;
  assert.equal(attempt.url.origin, server.url);
  assert.match(query.get('redirect_uri'), /^http:\/\/127\.0\.0\.1:\d+\/callback$/);
  assert.deepEqual([query.get('response_type'), query.get('code_challenge_method'), query.get('scope')], ['code', 'S256', readScopes]);
  assert.ok(query.get('state').length >= 22 && query.get('code_challenge').length === 43);
  const page = await fetch(await partner.consent(attempt));
  assert.equal(page.headers.get('cache-control'), 'no-store');
  assert.equal(page.headers.get('referrer-policy'), 'no-referrer');
  const [connection] = JSON.parse(await attempt.line());
  assert.equal(await attempt.exited, 0);
  for (const name of members) assert.ok(name in connection, name);
  assert.deepEqual([connection.ownerId, connection.organizationSlug, connection.state, connection.disconnectedAt, connection.scopes.join(' ')], ['u1', 'acme', 'CONNECTED', null, readScopes]);
  assert.match(connection.grantId, /^grt_/);
});

test('connect says which scopes can publish, and reports those that were not granted', async () => {
  const partner = new Partner();
  const attempt = await partner.start(['--owner', 'u1', '--scope', `${readScopes} translations:publish`]);
  await fetch(await partner.consent(attempt, { scopes: readScopes.split(' ') }));
  const [connection] = JSON.parse(await attempt.line());
  assert.match(attempt.errors, /translations:publish/);
  assert.deepEqual(connection.declinedScopes, ['translations:publish']);
  assert.equal(await attempt.exited, 0);
});

test('connect ends when the person declines, and changes nothing', async () => {
  const partner = new Partner();
  const attempt = await partner.start(['--owner', 'u1', '--scope', readScopes]);
  await fetch(await partner.consent(attempt, { decision: 'deny' }));
  assert.equal(JSON.parse(await attempt.line()).error, 'EDENIED');
  assert.equal(await attempt.exited, 1);
  assert.deepEqual(partner.ok(['status', '--json']).json, []);
});

test('a callback that nobody asked for is refused and does not end the attempt', async () => {
  const partner = new Partner();
  const attempt = await partner.start(['--owner', 'u1', '--scope', readScopes]);
  const callback = attempt.url.searchParams.get('redirect_uri');
  const forged = await fetch(`${callback}?code=bi_ac_x&state=${randomBytes(32).toString('base64url')}&iss=${encodeURIComponent(server.url)}`);
  assert.equal(forged.status, 400);
  assert.equal((await fetch(callback.replace('/callback', '/favicon.ico'))).status, 404);
  assert.equal((await fetch(callback, { method: 'POST' })).status, 405);
  assert.equal((await fetch(await partner.consent(attempt))).status, 200);
  assert.equal(JSON.parse(await attempt.line()).length, 1);
  assert.equal(await attempt.exited, 0);
});

test('connect gives up when nobody comes back, and refuses a port that is taken', async () => {
  const partner = new Partner();
  const attempt = await partner.start(['--owner', 'u1', '--scope', readScopes, '--wait', '1']);
  const port = new URL(attempt.url.searchParams.get('redirect_uri')).port;
  const second = partner.run(['connect', '--no-browser', '--owner', 'u1', '--scope', readScopes, '--port', port]);
  assert.equal(second.status, 2);
  assert.match(second.stderr, /in use/);
  assert.equal(await attempt.exited, 1);
  assert.match(attempt.errors, /nobody came back/);
});

test('connect works for a confidential app on its registered port', async () => {
  const port = await freePort();
  const app = server.cli(['app', 'add', '--name', 'Loop', '--type', 'web', '--redirect-uri', `http://127.0.0.1:${port}/callback`]);
  const partner = new Partner({ app });
  const [connection] = await partner.connect({ args: ['--port', String(port)] });
  assert.equal(connection.state, 'CONNECTED');
  assert.equal(partner.ok(['call', 'GET', '/api/oauth-client/organizations']).json.organizations[0].slug, 'acme');
});

test('one consent for several organizations makes several connections; commands ask which', async () => {
  const partner = new Partner();
  const list = await partner.connect({ organizations: ['acme', 'globex'] });
  assert.deepEqual(list.map((c) => c.organizationSlug).sort(), ['acme', 'globex']);
  const which = partner.run(['token', '--json']);
  assert.equal(which.status, 2, 'several connections');
  assert.equal(which.json.error, 'EINVAL');
  const globex = partner.ok(['call', 'GET', '/api/oauth-client/organizations', '--organization', 'globex', '--owner', 'u1']);
  assert.deepEqual(globex.json.organizations.map((o) => o.slug), ['globex']);
  await partner.connect({ owner: 'u2' });
  assert.match(partner.run(['token', '--organization', 'acme']).stderr, /--owner/);
  assert.equal(partner.run(['token', '--organization', 'globex']).status, 0, 'one owner has it');
});

test('status lists from the store, for one owner or all, exactly the documented members', async () => {
  const partner = new Partner();
  await partner.connect({ owner: 'u1', projects: ['acme/web'] });
  await partner.connect({ owner: 'u2' });
  const all = partner.ok(['status', '--json']).json;
  assert.deepEqual(all.map((c) => c.ownerId), ['u1', 'u2']);
  assert.deepEqual(Object.keys(all[0]).filter((name) => name !== 'projectAccess').sort(), [...members].sort());
  assert.deepEqual([all[0].projectIds, all[0].projectAccess], [[seed.projectId], 'selected']);
  assert.deepEqual([all[1].projectIds, all[1].projectAccess], [[], 'all']);
  assert.deepEqual(partner.ok(['status', '--json', '--owner', 'u2']).json.map((c) => c.ownerId), ['u2']);
  const text = partner.ok(['status']).stdout;
  assert.match(text, /acme {2}CONNECTED {2}owner u1/);
  assert.match(new Partner().ok(['status']).stdout, /No connections/);
});

test('token prints an installation token, and nothing of it stays in the store', async () => {
  const partner = new Partner();
  const [connection] = await partner.connect();
  const token = partner.ok(['token']).stdout.trim();
  assert.match(token, /^bi_oat_[0-9A-Za-z]+$/);
  const me = await api(server, '/api/oauth-client/me', { token });
  assert.equal(me.status, 200);
  const { token: second, expiresInMs } = partner.ok(['token', '--json', '--organization', 'acme']).json;
  assert.ok(expiresInMs > 3_500_000 && expiresInMs <= 3_600_000, String(expiresInMs));
  const file = partner.store.slice('sqlite:'.length);
  assert.ok(Buffer.concat(readdirSync(base).filter((n) => join(base, n).startsWith(file)).map((n) => readFileSync(join(base, n)))).includes('v1.1.'), 'sealed under the id that a program gives its only key');
  for (const name of readdirSync(base).filter((n) => join(base, n).startsWith(file))) {
    const bytes = readFileSync(join(base, name));
    for (const secret of [token, second, 'bi_oat_', 'bi_at_']) assert.equal(bytes.indexOf(secret), -1, `${name} holds ${secret.slice(0, 8)}`);
    assert.doesNotMatch(bytes.toString('latin1'), /\brt_[0-9A-Za-z]{30,}/, `${name} holds a refresh token`);
    assert.equal(statSync(join(base, name)).mode & 0o077, 0, 'the owner only');
  }
  assert.ok(connection.grantId);
});

test('call prints the answer of any request; a body comes from the line or from standard input', async () => {
  const partner = new Partner();
  await partner.connect({ scope: `${readScopes} keys:read translations:write` });
  assert.equal(partner.ok(['call', 'GET', `/api/oauth-client/v1/projects/${seed.projectId}`]).json.id, seed.projectId);
  const list = partner.ok(['call', 'GET', `/api/trpc/mcp.listKeys?input=${encodeURIComponent(JSON.stringify({ orgSlug: 'acme', projectSlug: 'web' }))}`]);
  const key = JSON.parse(list.stdout).result.data.k.find((k) => k.k.endsWith('hello'));
  assert.ok(key, list.stdout);
  const update = (text) => JSON.stringify({ orgSlug: 'acme', projectSlug: 'web', t: [{ id: key.id, l: 'de', t: text }] });
  partner.ok(['call', 'POST', '/api/trpc/mcp.updateKeys', '--data', update('Hallo')]);
  partner.ok(['call', 'POST', '/api/trpc/mcp.updateKeys', '--data', '-'], { input: update('Moin') });
  assert.equal(server.run(['export', 'acme/web', '--language', 'de', '--draft']).stdout.includes('Moin'), true);
  const missing = partner.run(['call', 'GET', '/api/oauth-client/v1/nothing', '--json']);
  assert.deepEqual([missing.status, missing.json.error, missing.json.httpStatus], [1, 'ENOTFOUND', 404]);
});

test('cdn prints published texts and needs no app, key, store or connection', () => {
  const done = spawnSync(program, ['cdn', 'acme/web', 'tr', '--base-url', server.url], { env: { PATH: process.env.PATH }, encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  assert.deepEqual(JSON.parse(done.stdout).common, { title: 'Başlık', save: 'Kaydet' });
});

test('mcp-config enters the token beside other servers, for the owner only, and renews it in place', async () => {
  const partner = new Partner();
  await partner.connect();
  const folder = mkdtempSync(join(base, 'workspace-'));
  mkdirSync(join(folder, '.cursor'));
  writeFileSync(join(folder, '.cursor', 'mcp.json'), '{"mcpServers":{"other":{"command":"x"}}}');
  assert.equal(partner.ok(['mcp-config', folder, '--json']).json.files.length, 3);
  const cursor = () => JSON.parse(readFileSync(join(folder, '.cursor', 'mcp.json'), 'utf8'));
  assert.deepEqual(cursor().mcpServers.other, { command: 'x' });
  const first = JSON.stringify(cursor().mcpServers['better-i18n']);
  assert.match(first, /bi_oat_/);
  for (const file of ['.cursor/mcp.json', '.mcp.json', '.vscode/mcp.json']) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  partner.ok(['mcp-config', folder, '--target', 'cursor']);
  assert.notEqual(JSON.stringify(cursor().mcpServers['better-i18n']), first, 'a fresh token');
  assert.equal(partner.run(['mcp-config', folder, '--target', 'emacs']).status, 2);
});

test('a missing scope exits 3 with SCOPE_REQUIRED, the scope and a URL that keeps what was granted; stepping up clears it', async () => {
  const partner = new Partner();
  const [before] = await partner.connect({ scope: 'projects:read' });
  const done = partner.run(['call', 'GET', '/api/oauth-client/organizations', '--json']);
  assert.equal(done.status, 3, done.stderr);
  assert.deepEqual([done.json.state, done.json.requiredScope, done.json.httpStatus], ['SCOPE_REQUIRED', 'org:read', 403]);
  assert.deepEqual(new URL(done.json.authorizeUrl).searchParams.get('scope').split(' ').sort(), ['org:read', 'projects:read']);
  const text = partner.run(['call', 'GET', '/api/oauth-client/organizations', '--organization', 'acme']);
  assert.equal(text.status, 3);
  assert.match(text.stdout, /^SCOPE_REQUIRED: .*\nmissing: org:read\ndo: {6}bi18n-partner connect --owner u1 --organization acme --scope "org:read"$/m);
  const [after] = await partner.connect({ scope: 'org:read', args: ['--organization', 'acme'] });
  assert.deepEqual(after.scopes.sort(), ['org:read', 'projects:read']);
  assert.notEqual(after.grantId, before.grantId, 'a scope change re-issues the grant');
  assert.equal(partner.ok(['status', '--json']).json.length, 1, 'the same row');
  partner.ok(['call', 'GET', '/api/oauth-client/organizations']);
});

test('a revoked grant exits 3 with RECONNECT_REQUIRED everywhere, and connecting again clears it', async () => {
  const partner = new Partner();
  const [connection] = await partner.connect();
  server.cli(['grant', 'revoke', connection.grantId]);
  assert.equal(partner.ok(['status', '--json', '--check']).json[0].state, 'RECONNECT_REQUIRED');
  for (const args of [['token'], ['call', 'GET', '/api/oauth-client/me'], ['mcp-config', base]]) {
    const done = partner.run([...args, '--json']);
    assert.equal(done.status, 3, `${args[0]}: ${done.stderr}`);
    assert.equal(done.json.state, 'RECONNECT_REQUIRED', args[0]);
    assert.match(done.json.authorizeUrl, /\/authorize\?/);
    assert.ok(done.json.nextStep && done.json.text);
  }
  assert.match(partner.run(['token']).stdout, /^RECONNECT_REQUIRED: /);
  const [row] = partner.ok(['status', '--json']).json;
  assert.match(row.disconnectedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const [again] = await partner.connect({ scope: null, args: ['--organization', 'acme'] });
  assert.deepEqual([again.state, again.disconnectedAt, again.scopes.join(' ')], ['CONNECTED', null, readScopes]);
  partner.ok(['token']);
});

test('disconnect revokes the grant on the server, and the row says so', async () => {
  const partner = new Partner();
  const [connection] = await partner.connect();
  const token = partner.ok(['token']).stdout.trim();
  const [row] = partner.ok(['disconnect', '--json']).json;
  assert.equal(row.state, 'RECONNECT_REQUIRED');
  assert.ok(row.disconnectedAt);
  assert.equal((await api(server, '/api/oauth-client/me', { token })).status, 410);
  assert.ok(server.cli(['grant', 'list']).find((g) => g.grantId === connection.grantId).revokedAt);
  assert.equal(partner.run(['token']).status, 3);
  partner.ok(['disconnect'], 'a second time is the same');
});

test('what is not connected exits 3 with NOT_CONNECTED', () => {
  const partner = new Partner();
  for (const args of [['token'], ['token', '--owner', 'u9'], ['call', 'GET', '/x', '--organization', 'acme'], ['disconnect'], ['hammer', '--calls', '3']]) {
    const done = partner.run([...args, '--json']);
    assert.equal(done.status, 3, `${args.join(' ')}: ${done.stderr}`);
    if (args[0] !== 'hammer') assert.equal(done.json.state, 'NOT_CONNECTED');
    assert.match(done.stdout + done.stderr, /NOT_CONNECTED/);
  }
});

test('hammer counts: many threads of one process mint once', async () => {
  const partner = new Partner();
  await partner.connect();
  const tally = partner.ok(['hammer', '--threads', '32', '--calls', '300', '--json']).json;
  assert.deepEqual([tally.calls, tally.mints, tally.errors, tally.byCode], [300, 1, 0, {}]);
  assert.ok(tally.refreshes <= 1 && tally.elapsedMs >= 0 && Number.isInteger(tally.retries));
  assert.match(partner.ok(['hammer', '--threads', '2', '--calls', '4']).stdout, /^calls +4$/m);
});

test('hammer with several processes on a public app, whose refresh token rotates, ends with one that works', async () => {
  const partner = new Partner();
  await partner.connect();
  const tally = partner.ok(['hammer', '--processes', '4', '--threads', '4', '--calls', '202', '--path', '/api/oauth-client/organizations', '--json']).json;
  assert.deepEqual([tally.calls, tally.errors], [202, 0], JSON.stringify(tally));
  assert.ok(tally.mints >= 1 && tally.mints <= 4, `${tally.mints} mints of 4 processes`);
  partner.ok(['token']);
});

test('two commands at once on one store both succeed, again and again', async () => {
  const partner = new Partner();
  await partner.connect();
  const once = () => new Promise((resolve) => {
    const child = spawn(program, ['token', '--base-url', server.url, '--store', partner.store], { env: partner.env() });
    let output = '';
    child.stdout.on('data', (part) => { output += part; });
    child.stderr.on('data', (part) => { output += part; });
    child.once('close', (code) => resolve({ code, output }));
  });
  for (let round = 0; round < 5; round++) {
    for (const { code, output } of await Promise.all([once(), once(), once()])) assert.equal(code, 0, output);
  }
  assert.equal(partner.ok(['status', '--json']).json[0].state, 'CONNECTED');
});

test('hammer on a revoked grant counts states, prints them and exits 3', async () => {
  const partner = new Partner();
  const [connection] = await partner.connect();
  server.cli(['grant', 'revoke', connection.grantId]);
  const done = partner.run(['hammer', '--threads', '4', '--calls', '40', '--json']);
  assert.equal(done.status, 3);
  assert.deepEqual([done.json.calls, done.json.mints, done.json.errors, done.json.byCode], [40, 0, 40, { RECONNECT_REQUIRED: 40 }]);
});

test('a server that is away exits 3 with TRY_LATER, and the time to wait', async () => {
  const partner = new Partner();
  await partner.connect();
  const port = await freePort();
  const done = spawnSync(program, ['call', 'GET', '/api/oauth-client/me', '--json', '--base-url', `http://127.0.0.1:${port}`, '--store', partner.store], { env: partner.env(), encoding: 'utf8', timeout: 60_000 * slow });
  assert.equal(done.status, 3, done.stderr);
  const answer = JSON.parse(done.stdout);
  assert.equal(answer.state, 'TRY_LATER');
  assert.ok(answer.retryAfterMs > 0);
});

test('another key opens nothing: exit 4, EKEY', async () => {
  const partner = new Partner();
  await partner.connect();
  partner.key = randomBytes(32).toString('base64url');
  const done = partner.run(['token', '--json']);
  assert.deepEqual([done.status, done.json.error], [4, 'EKEY']);
});

test('usage: what is wrong is named, and exits 2', async () => {
  const partner = new Partner();
  const said = (args, pattern, options) => {
    const done = partner.run(args, options);
    assert.equal(done.status, 2, `${args.join(' ')}: ${done.stdout}${done.stderr}`);
    assert.match(done.stderr, pattern, args.join(' '));
  };
  said([], /Usage/);
  said(['conect'], /no such command/);
  said(['status', '--ownr', 'x'], /--ownr/);
  said(['status', '--threads', '3'], /status has no option --threads/);
  said(['hammer', '--threads', '0'], /1 to 1024/);
  said(['call', 'GET'], /usage: bi18n-partner call METHOD PATH/);
  said(['connect', '--scope', 'org:read'], /--owner/);
  said(['connect', '--owner', 'u1'], /--scope/);
  said(['connect', '--no-browser', '--owner', 'u1', '--scope', 'org:rea'], /org:rea/);
  said(['status'], /BI18N_CLIENT_ID/, { env: { BI18N_CLIENT_ID: undefined } });
  said(['status'], /BI18N_STORE_KEY/, { env: { BI18N_STORE_KEY: undefined } });
  said(['status'], /BI18N_STORE_KEY/, { env: { BI18N_STORE_KEY: 'dG9vIHNob3J0' } });
  said(['status'], /store/, { store: 'mysql://x' });
  const insecure = spawnSync(program, ['status', '--base-url', 'http://i18n.example', '--store', partner.store], { env: partner.env(), encoding: 'utf8' });
  assert.equal(insecure.status, 2);
  assert.match(insecure.stderr, /https/);
});

test('without --store the connections are in the data directory, for the owner only', () => {
  const partner = new Partner();
  partner.ok(['status'], { store: null });
  const folder = join(base, 'data', 'bi18n-partner');
  assert.equal(statSync(folder).mode & 0o077, 0);
  assert.equal(statSync(join(folder, 'connections.db')).mode & 0o077, 0);
});

test('a store in PostgreSQL works as the file does', { skip: !process.env.BI18N_TEST_POSTGRES }, async () => {
  const store = process.env.BI18N_TEST_POSTGRES, owner = `pg-${process.pid}-${Date.now()}`; // it may outlive this run
  const partner = new Partner({ store });
  await partner.connect({ owner });
  const tally = partner.ok(['hammer', '--owner', owner, '--processes', '2', '--calls', '40', '--json']).json;
  assert.deepEqual([tally.calls, tally.errors], [40, 0]);
  partner.ok(['disconnect', '--owner', owner]);
});

test('help: every command says its options', () => {
  const partner = new Partner();
  for (const name of ['connect', 'status', 'token', 'call', 'cdn', 'mcp-config', 'disconnect', 'hammer']) {
    const done = partner.ok([name, '--help']);
    for (const option of ['--base-url', '--store', '--redis', '--owner', '--json']) assert.match(done.stdout, new RegExp(option), name);
  }
  assert.match(partner.ok(['--help']).stdout, /BI18N_STORE_KEY/);
});
