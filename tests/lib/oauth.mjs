// SPDX-License-Identifier: MIT
// What tests of the OAuth path share: raw requests, the control socket, one step of the flow at a time, and the
// shapes that every answer of a channel has.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { Browser, authorize, hidden, pkce, tokenRequest, api, slow } from './server.mjs';

export const scopeNames = ['org:read', 'projects:read', 'projects:write', 'keys:read', 'keys:write', 'translations:read', 'translations:write', 'translations:publish', 'content:read', 'content:write', 'content:publish', 'glossary:read', 'glossary:write'];
export const destructive = ['projects:write', 'translations:publish', 'content:publish', 'glossary:write'];

// Limits count by address: with trusted_proxies=127.0.0.1 each test can come from one of its own.
export const proxied = { trusted_proxies: '127.0.0.1' };
let hosts = 0;
export const from = (address) => ({ 'x-forwarded-for': address });
export function elsewhere() {
  hosts++;
  return from(`10.${hosts >> 8 & 255}.${hosts & 255}.7`);
}

// Bytes as they are; returns {status, headers (lower case, arrays of values), text}. Ends when the server closes.
export function raw(server, bytes, { host = '127.0.0.1', port = server.port } = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, host, () => socket.write(bytes));
    const chunks = [];
    socket.setTimeout(20_000 * slow, () => socket.destroy(new Error('no answer')));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      const all = Buffer.concat(chunks).toString('latin1');
      const end = all.indexOf('\r\n\r\n');
      if (end < 0) return reject(new Error(`no answer, but ${JSON.stringify(all.slice(0, 200))}`));
      const [first, ...lines] = all.slice(0, end).split('\r\n');
      const headers = {};
      for (const line of lines) {
        const colon = line.indexOf(':');
        (headers[line.slice(0, colon).toLowerCase()] ??= []).push(line.slice(colon + 1).trim());
      }
      resolve({ status: Number(first.split(' ')[1]), headers, text: all.slice(end + 4), head: all.slice(0, end) });
    });
  });
}

// GET of a target exactly as written, with further header lines.
export const rawGet = (server, target, lines = []) => raw(server, [`GET ${target} HTTP/1.1`, `Host: 127.0.0.1:${server.port}`, 'Connection: close', ...lines, '', ''].join('\r\n'));
export const rawPost = (server, target, body, lines = []) => raw(server, [`POST ${target} HTTP/1.1`, `Host: 127.0.0.1:${server.port}`, 'Connection: close', `Content-Length: ${Buffer.byteLength(body)}`, ...lines, '', body].join('\r\n'));

// The operator's own channel, for what no command offers.
export function control(server, operation, input = {}) {
  const body = JSON.stringify(input);
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: join(server.data, 'control.sock'), path: `/op/${operation}`, method: 'POST', headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => { text += part; });
      answer.on('end', () => {
        const parsed = JSON.parse(text);
        if (parsed.ok) resolve(parsed.result);
        else reject(new Error(`${operation}: ${text}`));
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

export const basic = (id, secret) => ({ authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` });

// A person beside the seed's, as owner of an organization of their own.
export function addPerson(server, { email, name = 'Grace Hopper', org, orgName = org }) {
  const password = `pass-${email}-long-enough`;
  server.cli(['user', 'add', '--email', email, '--name', name], { input: `${password}\n` });
  if (org) server.cli(['org', 'add', '--slug', org, '--name', orgName, '--owner', email]);
  return { email, password, org };
}

export async function signedIn(server, person) {
  const browser = new Browser(server);
  const answer = await browser.signIn(person.email, person.password);
  assert.equal(answer.status, 303, answer.text.slice(0, 400));
  return browser;
}

export function authorizeUrl(app, params = {}) {
  const query = new URLSearchParams();
  const all = { client_id: app.clientId, redirect_uri: app.redirectUris[0], response_type: 'code', scope: 'org:read', state: 'st-1', ...params };
  for (const [name, value] of Object.entries(all)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== null) query.append(name, one);
  }
  return `/api/auth/mcp/authorize?${query}`;
}

// Through consent to a code. Confidential apps without PKCE unless `verifier` is wanted.
export async function codeFor(server, seed, options = {}) {
  const app = options.app ?? seed.web;
  const proof = options.pkce ?? !app.clientSecret ? pkce() : null;
  const back = await authorize(server, seed, { redirect: app.redirectUris[0], ...options, app, ...(proof && { challenge: proof.challenge }) });
  assert.ok(back.code, `no code: ${back.location ?? back.text?.slice(0, 400)}`);
  return { ...back, app, redirect: options.redirect ?? app.redirectUris[0], verifier: proof?.verifier };
}

export const redeemForm = (code, changes = {}) => Object.fromEntries(Object.entries({
  grant_type: 'authorization_code', code: code.code, redirect_uri: code.redirect, client_id: code.app.clientId,
  client_secret: code.app.clientSecret, code_verifier: code.verifier, ...changes,
}).filter(([, value]) => value !== undefined));

export const redeem = (server, code, changes, headers) => tokenRequest(server, redeemForm(code, changes), headers);

export async function connectWith(server, seed, options) {
  const code = await codeFor(server, seed, options);
  const answer = await redeem(server, code);
  assert.equal(answer.status, 200, answer.text);
  return { ...answer.body, app: code.app, code: code.code };
}

export const refresh = (server, app, token, changes = {}, headers = {}) => tokenRequest(server, Object.fromEntries(Object.entries({
  grant_type: 'refresh_token', refresh_token: token, client_id: app.clientId, client_secret: app.clientSecret, ...changes,
}).filter(([, value]) => value !== undefined)), headers);

export async function revokeRequest(server, form, headers = {}) {
  const answer = await fetch(`${server.url}/api/auth/mcp/revoke`, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body: new URLSearchParams(form).toString() });
  const text = await answer.text();
  let body;
  try { body = JSON.parse(text); } catch { body = undefined; }
  return { status: answer.status, headers: answer.headers, text, body };
}

export const tokensPath = (grantId) => `/api/oauth-client/installations/${grantId}/tokens`;
export const mintRaw = (server, connection, json, options = {}) => api(server, tokensPath(connection.grant_id), { method: 'POST', token: connection.access_token, json, ...options });
export const organizations = (server, token, options = {}) => api(server, '/api/oauth-client/organizations', { token, ...options });
export const me = (server, token, options = {}) => api(server, '/api/oauth-client/me', { token, ...options });

// RFC 6749 5.2: what every refusal of the token and revocation endpoints looks like.
export function assertOauthError(answer, status, error, { challenge = false } = {}) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  assert.equal(answer.body?.error, error, answer.text);
  assert.match(answer.body.error_description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/, 'RFC 6749 5.2: printable ASCII');
  assert.deepEqual(Object.keys(answer.body).filter((name) => !['error', 'error_description', 'error_uri'].includes(name)), []);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.equal(answer.headers.get('pragma'), 'no-cache');
  assert.equal(answer.headers.get('access-control-allow-origin'), '*', 'rule 105: on errors too');
  assert.equal(answer.headers.get('access-control-allow-credentials'), null);
  if (challenge) assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic realm="/);
  else assert.equal(answer.headers.get('www-authenticate'), null, 'rule 100');
}

// Partner REST: body, challenge, no-store, no CORS (R35).
export function assertRestError(answer, status, error, { challenge } = {}) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  assert.equal(answer.body?.error, error, answer.text);
  assert.equal('required' in answer.body, error === 'missing_scope', 'only with missing_scope');
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.equal(answer.headers.get('access-control-allow-origin'), null, 'R35');
  const sent = answer.headers.get('www-authenticate');
  if (challenge === null) assert.equal(sent, null);
  else if (challenge) assert.match(sent ?? '(none)', challenge);
}
export const anyChallenge = /^Bearer resource_metadata="[^"]+"/;
export const invalidToken = /^Bearer resource_metadata="[^"]+", error="invalid_token", error_description="[^"\\]+"/;

// Shape of a successful token answer (RFC 6749 5.1, rules 96-98, 133).
export function assertTokens(answer) {
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.equal(answer.headers.get('pragma'), 'no-cache');
  const body = answer.body;
  assert.match(body.access_token, /^bi_at_[0-9A-Za-z]{36,249}$/);
  assert.equal(body.token_type, 'Bearer');
  assert.ok(Number.isInteger(body.expires_in) && body.expires_in > 0 && body.expires_in <= 1800, `${body.expires_in}`);
  assert.match(body.refresh_token, /^rt_[0-9A-Za-z]{36,252}$/);
  assert.equal(typeof body.scope, 'string');
  assert.match(body.grant_id, /^grt_/);
  assert.match(body.organization_id, /^org_/);
  assert.ok(['all', 'selected'].includes(body.project_access));
  assert.ok(Array.isArray(body.grants) && body.grants.length > 0);
  assert.equal(body.grants[0].grant_id, body.grant_id, 'R4: the top level is the first one\'s');
  assert.equal(body.grants[0].refresh_token, body.refresh_token);
  assert.doesNotMatch(answer.text, /null/, 'no null members');
  assert.ok(!('id_token' in body));
  return body;
}

// Both fields of the form, and of the buttons: what the consent page offers.
export function consentPage(html) {
  const boxes = (name) => [...html.matchAll(new RegExp(`<input\\b[^>]*name="${name}"[^>]*>`, 'g'))].map(([tag]) => ({ value: /value="([^"]*)"/.exec(tag)[1], checked: /\bchecked\b/.test(tag), tag }));
  return { organizations: boxes('organization'), projects: boxes('project'), scopes: boxes('scope'), access: boxes('project_access'), hidden: hidden(html, '/consent') };
}

// Opens the consent page with a signed-in browser.
export async function openConsent(browser, app, params) {
  const page = await browser.follow(authorizeUrl(app, params));
  return { ...page, ...(page.status === 200 && consentPage(page.text)) };
}

export function decide(browser, page, { organizations: chosen = [], access = 'all', projects = [], scopes = ['org:read'], decision = 'approve', fields = page.hidden, headers } = {}) {
  return browser.request('/consent', { method: 'POST', headers, form: [...Object.entries(fields), ...chosen.map((o) => ['organization', o]), ...(access ? [['project_access', access]] : []), ...projects.map((p) => ['project', p]), ...scopes.map((s) => ['scope', s]), ['decision', decision]] });
}

export const query = (location) => new URL(location).searchParams;

// Waits for an event of which only the clock knows.
export async function passed(ms) {
  const until = Date.now() + ms;
  while (Date.now() < until) await new Promise((resolve) => setTimeout(resolve, Math.min(until - Date.now(), 250)));
}

export async function eventually(what, check, timeout = 10_000 * slow) {
  for (const deadline = Date.now() + timeout; ;) {
    const got = await check();
    if (got) return got;
    if (Date.now() > deadline) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const crcTable = Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? n >>> 1 ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});
export function crc32(text) {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) crc = crcTable[(crc ^ byte) & 255] ^ crc >>> 8;
  return (crc ^ 0xffffffff) >>> 0;
}
export function checksum(text) {
  let value = crc32(text), digits = '';
  for (let i = 0; i < 6; i++) { digits = alphabet[value % 62] + digits; value = Math.floor(value / 62); }
  return digits;
}
// The same token with another character somewhere before the checksum, and a checksum that is right.
export function neighbour(token, at = -8) {
  const body = token.slice(0, -6), i = body.length + 6 + at;
  const changed = body.slice(0, i) + (body[i] === 'A' ? 'B' : 'A') + body.slice(i + 1);
  return changed + checksum(changed);
}

// What no command does, for rules about states that only time or another version brings about. The server is stopped.
export const storeOnly = process.env.BI18N_TEST_WIRE_POSTGRES ? 'looks into the embedded store' : spawnSync('python3', ['-c', 'import sqlite3']).status !== 0 && 'python3 has no sqlite3';
export function alterStore(server, sql) {
  const done = spawnSync('python3', ['-c', 'import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as c: print(c.executescript(sys.argv[2]).rowcount)', join(server.data, 'bi18n.db'), sql], { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
}
// Rows of the stopped server's store, each a list of values.
export function readStore(server, sql) {
  const done = spawnSync('python3', ['-c', 'import json, sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as c: print(json.dumps(c.execute(sys.argv[2]).fetchall()))', join(server.data, 'bi18n.db'), sql], { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  return JSON.parse(done.stdout);
}
