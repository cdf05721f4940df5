// SPDX-License-Identifier: MIT
// Starts a real bi18n on a free loopback port with a store of its own, and speaks to it as its users do: the command
// line, a browser without JavaScript (cookies and forms), and HTTP.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import net from 'node:net';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const binary = process.env.BI18N_BIN ?? join(root, 'build', 'bi18n');
export const slow = process.env.BI18N_TEST_SLOW ? 5 : 1; // sanitizers
export const full = Boolean(process.env.BI18N_TEST_FULL);

export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

// With BI18N_TEST_WIRE_POSTGRES=postgres://… every server has a database of its own there, instead of the embedded store.
function psql(sql) {
  const done = spawnSync('psql', ['-qAt', process.env.BI18N_TEST_WIRE_POSTGRES, '-c', sql], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`psql: ${done.stderr ?? done.error}`);
}
function ownDatabase() {
  if (!process.env.BI18N_TEST_WIRE_POSTGRES) return undefined;
  const name = `wire_${randomBytes(8).toString('hex')}`;
  psql(`CREATE DATABASE ${name}`);
  return process.env.BI18N_TEST_WIRE_POSTGRES.replace(/\/[^/?]*(\?|$)/, `/${name}$1`); // a host in the query is no URL to JavaScript
}
function dropOwnDatabase(url) {
  const name = process.env.BI18N_TEST_WIRE_POSTGRES && /\/(wire_[0-9a-f]{16})(?:\?|$)/.exec(url)?.[1];
  if (name) psql(`DROP DATABASE ${name} WITH (FORCE)`);
}

export class Server {
  constructor({ settings = {}, database } = {}) {
    this.base = mkdtempSync(join(tmpdir(), 'bi18n-test-'));
    this.data = join(this.base, 'data');
    this.settings = settings;
    this.database = database ?? ownDatabase();
    this.output = '';
  }

  env(extra = {}) {
    const env = { ...process.env, BI18N_DATA: this.data, ...extra };
    for (const [name, value] of Object.entries(this.settings)) env[`BI18N_${name.toUpperCase()}`] = String(value);
    if (this.database) env.BI18N_DATABASE = this.database;
    return env;
  }

  // Starts the process and waits until /ready answers 200.
  async start() {
    this.port ??= await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    this.process = spawn(binary, ['serve', '--listen', `127.0.0.1:${this.port}`], { env: this.env(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.exited = new Promise((resolve) => this.process.once('exit', (code, signal) => resolve({ code, signal })));
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => { this.output = (this.output + text).slice(-4_000_000); });
    }
    let gone = null;
    this.exited.then((how) => { gone = how; });
    for (const deadline = Date.now() + 20_000 * slow; ;) {
      if (gone) throw new Error(`bi18n serve ended (${gone.code ?? gone.signal}):\n${this.output}`);
      try {
        const answer = await fetch(`${this.url}/ready`);
        await answer.arrayBuffer();
        if (answer.status === 200) return this;
      } catch { /* not listening yet */ }
      if (Date.now() > deadline) throw new Error(`bi18n serve did not become ready:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop(signal = 'SIGTERM') {
    if (!this.process) return null;
    this.process.kill(signal);
    const how = await this.exited;
    this.process = null;
    return how;
  }

  async close() {
    await this.stop('SIGTERM');
    rmSync(this.base, { recursive: true, force: true });
    dropOwnDatabase(this.database);
    const report = /^.*(?:ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:)[\s\S]*/m.exec(this.output);
    if (report) throw new Error(`the server's sanitizer says:\n${report[0].slice(0, 8000)}`);
  }

  // Runs a command; returns {status, stdout, stderr, json}.
  run(args, { input, env } = {}) {
    const done = spawnSync(binary, args, { env: this.env(env), input: input ?? '', encoding: 'utf8', maxBuffer: 512 * 1024 * 1024 });
    let json;
    if (args.includes('--json') && done.stdout) {
      try { json = JSON.parse(done.stdout); } catch { /* several documents or none */ }
    }
    return { status: done.status, signal: done.signal, stdout: done.stdout, stderr: done.stderr, json };
  }

  // The same, but anything else than success is an error of the test.
  cli(args, options) {
    const done = this.run([...args, '--json'], options);
    if (done.status !== 0) throw new Error(`bi18n ${args.join(' ')} ended with ${done.status}: ${done.stderr}${done.stdout}`);
    return done.json;
  }

  // A person, an organization, a project with strings, two apps: what most tests need.
  seed({ email = 'ada@example.com', org = 'acme', project = 'web', languages = 'tr,de', namespaced = false } = {}) {
    const password = `pass-${randomBytes(9).toString('hex')}`;
    const redirect = 'https://partner.example/callback';
    this.cli(['user', 'add', '--email', email, '--name', 'Ada Lovelace'], { input: `${password}\n` });
    this.cli(['org', 'add', '--slug', org, '--name', 'Acme Corp', '--owner', email]);
    const added = this.cli(['project', 'add', `${org}/${project}`, '--name', 'Web', '--source', 'en', '--languages', languages, ...(namespaced ? ['--namespaced'] : [])]);
    this.cli(['import', `${org}/${project}`, '--language', 'en', '-'], { input: JSON.stringify({ common: { title: 'Title', save: 'Save' }, auth: { signIn: 'Sign in' }, hello: 'Hello' }) });
    this.cli(['import', `${org}/${project}`, '--language', 'tr', '-'], { input: JSON.stringify({ common: { title: 'Başlık', save: 'Kaydet' }, hello: 'Merhaba' }) });
    const web = this.cli(['app', 'add', '--name', 'Partner Web', '--type', 'web', '--redirect-uri', redirect]);
    const native = this.cli(['app', 'add', '--name', 'Partner Native', '--type', 'native', '--redirect-uri', 'http://127.0.0.1:8989/callback']);
    return { email, password, org, project, projectId: added.id, redirect, web, native };
  }
}

export async function startServer(options) {
  const server = new Server(options);
  await server.start();
  return server;
}

// A browser without JavaScript: cookies, redirects by hand, forms.
export class Browser {
  constructor(server) { this.server = server; this.cookies = new Map(); this.headers = {}; }

  async request(path, { method = 'GET', form, headers = {} } = {}) {
    const url = new URL(path, this.server.url);
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, {
      method, redirect: 'manual',
      headers: {
        ...(cookie && { cookie }),
        ...(form && { 'content-type': 'application/x-www-form-urlencoded', origin: this.server.url }),
        ...this.headers, ...headers,
      },
      body: form && new URLSearchParams(form).toString(),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(';');
      const at = pair.indexOf('=');
      const name = pair.slice(0, at);
      if (attributes.some((a) => /max-age=0/i.test(a))) this.cookies.delete(name);
      else this.cookies.set(name, pair.slice(at + 1));
    }
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, location: answer.headers.get('location'), text, url: url.href };
  }

  // Follows redirects on our own origin only; returns the last answer, with `location` when it points elsewhere.
  async follow(path, options) {
    let answer = await this.request(path, options);
    for (let i = 0; i < 10 && answer.status >= 300 && answer.status < 400; i++) {
      const next = new URL(answer.location, answer.url);
      if (next.origin !== new URL(this.server.url).origin) return answer;
      answer = await this.request(next.href);
    }
    return answer;
  }

  async signIn(email, password, next = '/') {
    const page = await this.follow(`/login?next=${encodeURIComponent(next)}`);
    return this.request('/login', { method: 'POST', form: { ...hidden(page.text), email, password } });
  }
}

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
export const unescapeHtml = (text) => text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name) => entities[name]);

// Hidden fields of the first form whose action fits (or of the first form in main).
export function hidden(html, action) {
  const forms = [...html.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/g)].map((m) => m[0]);
  const fits = forms.filter((form) => (action ? form.includes(`action="${action}"`) : /method="post"/.test(form) && !form.includes('action="/logout"')));
  const fields = {};
  for (const input of (fits[0] ?? '').matchAll(/<input\b[^>]*type="hidden"[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(input[0])?.[1];
    if (name) fields[name] = unescapeHtml(/value="([^"]*)"/.exec(input[0])?.[1] ?? '');
  }
  return fields;
}

export function pkce() {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

export const defaultScopes = ['org:read', 'projects:read', 'keys:read', 'keys:write', 'translations:read', 'translations:write', 'content:read', 'content:write', 'glossary:read'];

// From the authorize URL to the redirect back to the app. Returns the parameters the app receives.
export async function authorize(server, seed, { app = seed.web, redirect = seed.redirect, scope = defaultScopes.join(' '), state = 'st-1', challenge, organizations = [seed.org], projects, scopes, decision = 'approve', browser, extra = {} } = {}) {
  browser ??= new Browser(server);
  const query = new URLSearchParams({ client_id: app.clientId, redirect_uri: redirect, response_type: 'code', scope, state, ...(challenge && { code_challenge: challenge, code_challenge_method: 'S256' }), ...extra });
  let page = await browser.follow(`/api/auth/mcp/authorize?${query}`);
  if (/name="password"/.test(page.text)) {
    const answer = await browser.request('/login', { method: 'POST', form: { ...hidden(page.text), email: seed.email, password: seed.password } });
    if (answer.status !== 303) throw new Error(`sign-in answered ${answer.status}: ${answer.text.slice(0, 500)}`);
    page = await browser.follow(answer.location);
  }
  if (page.status >= 300 && page.status < 400) return { ...Object.fromEntries(new URL(page.location).searchParams), location: page.location, browser };
  const form = [...Object.entries(hidden(page.text, '/consent'))];
  for (const slug of organizations) form.push(['organization', slug]);
  form.push(['project_access', projects ? 'selected' : 'all']);
  for (const slug of projects ?? []) form.push(['project', slug]);
  for (const name of scopes ?? scope.split(' ')) form.push(['scope', name]);
  form.push(['decision', decision]);
  const decided = await browser.request('/consent', { method: 'POST', form });
  if (decided.status !== 303) return { status: decided.status, text: decided.text, browser };
  let answer = decided;
  if (new URL(decided.location, server.url).origin === server.url) {
    const done = await browser.follow(decided.location);
    answer = await browser.request('/complete', { method: 'POST', form: hidden(done.text, '/complete') });
  }
  if (answer.status !== 303) throw new Error(`no redirect to the app: ${answer.status} ${answer.text.slice(0, 800)}`);
  return { ...Object.fromEntries(new URL(answer.location).searchParams), location: answer.location, browser };
}

export async function tokenRequest(server, form, headers = {}) {
  const answer = await fetch(`${server.url}/api/auth/mcp/token`, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body: new URLSearchParams(form).toString() });
  const text = await answer.text();
  let body;
  try { body = JSON.parse(text); } catch { body = undefined; }
  return { status: answer.status, headers: answer.headers, body, text };
}

// The whole way: consent, exchange. Returns the token answer.
export async function connect(server, seed, options = {}) {
  const app = options.app ?? seed.web;
  const proof = app.clientSecret ? null : pkce();
  const back = await authorize(server, seed, { ...options, ...(proof && { challenge: proof.challenge }) });
  if (!back.code) throw new Error(`no code: ${JSON.stringify({ ...back, browser: undefined })}`);
  const answer = await tokenRequest(server, {
    grant_type: 'authorization_code', code: back.code, redirect_uri: options.redirect ?? seed.redirect, client_id: app.clientId,
    ...(app.clientSecret && { client_secret: app.clientSecret }), ...(proof && { code_verifier: proof.verifier }),
  });
  if (answer.status !== 200) throw new Error(`exchange answered ${answer.status}: ${answer.text}`);
  return { ...answer.body, browser: back.browser };
}

export async function api(server, path, { token, method = 'GET', json, headers = {} } = {}) {
  const answer = await fetch(server.url + path, { method, headers: { ...(token && { authorization: `Bearer ${token}` }), ...(json !== undefined && { 'content-type': 'application/json' }), ...headers }, body: json === undefined ? undefined : JSON.stringify(json) });
  const text = await answer.text();
  let body;
  try { body = JSON.parse(text); } catch { body = undefined; }
  return { status: answer.status, headers: answer.headers, body, text };
}

export async function mint(server, connection, json) {
  const answer = await api(server, `/api/oauth-client/installations/${connection.grant_id}/tokens`, { method: 'POST', token: connection.access_token, json });
  if (answer.status !== 200) throw new Error(`mint answered ${answer.status}: ${answer.text}`);
  return answer.body;
}

// tRPC, both dialects.
export async function trpc(server, procedure, input, { key, mutation = false, batch = false, headers = {} } = {}) {
  const wrapped = batch ? { 0: input } : input;
  const query = new URLSearchParams({ ...(batch && { batch: '1' }), ...(!mutation && wrapped !== undefined && { input: JSON.stringify(wrapped) }) });
  const url = `${server.url}/api/trpc/${procedure}${query.size ? `?${query}` : ''}`;
  const answer = await fetch(url, { method: mutation ? 'POST' : 'GET', headers: { ...(key && { 'x-api-key': key }), ...(mutation && { 'content-type': 'application/json' }), ...headers }, body: mutation ? JSON.stringify(wrapped ?? {}) : undefined });
  const body = JSON.parse(await answer.text());
  const element = batch ? body[0] ?? body : body;
  return { status: answer.status, headers: answer.headers, body, data: element?.result?.data, error: element?.error };
}
