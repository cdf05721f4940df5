// SPDX-License-Identifier: MIT
// What an attacker without a credential can make the server do: nothing that costs it much more than them.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { api, slow, startServer } from '../lib/server.mjs';
import { authorizeUrl, from, proxied, raw } from '../lib/oauth.mjs';
import { addKey } from '../lib/strings.mjs';

let server, seed, key, open;

before(async () => {
  server = await startServer({ settings: proxied });
  seed = server.seed();
  key = addKey(server);
  open = addKey(server, { open: true });
});
after(() => server?.close());

const memory = (name) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${server.process.pid}/status`, 'utf8'))[1]) * 1024;

// Parsed, a text of many small values takes some thirty times its size.
const dense = Buffer.from(`[${'0,'.repeat(8 * 1024 * 1024 - 2)}0]`);
const send = (headers) => fetch(`${server.url}/api/trpc/mcp.createKeys`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: dense });

test('a large tRPC body is not parsed for who may not call: no credential, a wrong one, a public key', { skip: slow > 1 && 'sanitizers have a memory of their own' }, async () => {
  const before = memory('VmHWM');
  for (const [headers, status] of [[{}, 401], [{ 'x-api-key': `${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}` }, 401], [{ 'x-api-key': open }, 403]]) {
    const answers = await Promise.all([send(headers), send(headers), send(headers)]);
    for (const answer of answers) {
      assert.equal(answer.status, status);
      await answer.arrayBuffer();
    }
  }
  const grown = memory('VmHWM') - before;
  assert.ok(grown < 20 * dense.length, `${Math.round(grown / 1048576)} MiB for three bodies of ${Math.round(dense.length / 1048576)} MiB at once`);
});

test('the caller is judged before the input, and the input before the call', async () => {
  const broken = (headers) => fetch(`${server.url}/api/trpc/mcp.createKeys`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: '{"k":' });
  assert.equal((await broken({})).status, 401);
  assert.equal((await broken({ 'x-api-key': open })).status, 403);
  const known = await broken({ 'x-api-key': key });
  assert.equal(known.status, 400);
  assert.match(await known.text(), /Malformed JSON/);
});

test('an IPv6 network counts as one visitor: its many addresses do not get around a limit', async () => {
  const visit = (address) => fetch(server.url + authorizeUrl(seed.web), { redirect: 'manual', headers: from(address) });
  let limited = 0;
  for (let i = 0; i < 640 && !limited; i += 40) {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, k) => visit(`2001:db8:7:7::${(i + k).toString(16)}`)));
    limited = answers.filter((answer) => answer.status === 429).length;
    for (const answer of answers) await answer.arrayBuffer();
  }
  assert.ok(limited > 0, 'the network reaches the limit');
  const other = await visit('2001:db8:7:8::1');
  assert.notEqual(other.status, 429, 'the neighbour network does not');
  const four = await visit('203.0.113.9');
  assert.notEqual(four.status, 429);
});

test('failed client authentications of an IPv6 network count together', async () => {
  const attempt = (address) => fetch(`${server.url}/api/auth/mcp/token`, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', ...from(address) }, body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'rt_x', client_id: `bi_unknown_${address.slice(-4)}`, client_secret: 'wrong' }).toString() });
  let limited = false;
  for (let i = 0; i < 2000 && !limited; i += 40) {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, k) => attempt(`2001:db8:9:9::${(i + k + 4096).toString(16)}`)));
    limited = answers.some((answer) => answer.status === 429);
    for (const answer of answers) await answer.arrayBuffer();
  }
  assert.ok(limited);
});

test('a client does not choose its own address: only the trusted proxy\'s last word counts', async () => {
  const rounds = 640;
  let limited = 0;
  for (let i = 0; i < rounds && !limited; i += 40) {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, k) => fetch(server.url + authorizeUrl(seed.web), { redirect: 'manual', headers: from(`198.51.${i & 255}.${k}, 203.0.113.77`) })));
    limited = answers.filter((answer) => answer.status === 429).length;
    for (const answer of answers) await answer.arrayBuffer();
  }
  assert.ok(limited > 0);
});

test('the address in the path wins over the body, also when the body names it twice', async () => {
  for (const json of ['{"grantId":"grt_other"}', '{"grantId":"grt_other","grantId":"grt_third"}']) {
    const answer = await fetch(`${server.url}/api/oauth-client/installations/grt_none/tokens`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: 'Bearer bi_at_x' }, body: json });
    assert.ok([400, 401].includes(answer.status), `${answer.status}`);
  }
});

test('nothing that comes in is reflected into a header', async () => {
  for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example/', '/%0d%0aSet-Cookie:%20a=b', '/x\r\nSet-Cookie: a=b']) {
    const target = `/login?next=${encodeURIComponent(next)}`;
    const answer = await raw(server, `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nConnection: close\r\n\r\n`);
    assert.equal(answer.status, 200);
    assert.equal((answer.headers['set-cookie'] ?? []).some((line) => line.startsWith('a=')), false);
    assert.doesNotMatch(answer.text, /value="(?:\/\/|https:\/\/)evil/);
  }
  const state = 'a\r\nX-Evil: 1';
  const answer = await fetch(server.url + authorizeUrl(seed.web, { state, prompt: 'none' }), { redirect: 'manual' });
  assert.equal(answer.headers.get('x-evil'), null);
});

test('the host that a client sends is not believed: no document or redirect names it', async () => {
  for (const path of ['/.well-known/oauth-authorization-server', '/login', '/settings/connected-apps']) {
    const answer = await raw(server, `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`);
    assert.doesNotMatch(answer.head + answer.text, /evil\.example/, path);
  }
});

test('the control socket, the key, the store: for their owner alone', () => {
  assert.equal(statSync(join(server.data, 'control.sock')).mode & 0o777, 0o600);
  assert.equal(statSync(server.data).mode & 0o077, 0);
  assert.equal(statSync(`${server.data}.key`).mode & 0o077, 0);
});

test('operations of the operator are not there over TCP', async () => {
  for (const path of ['/op/user.list', '/op/store.backup', '/op/api_key.add']) {
    const answer = await api(server, path, { method: 'POST', json: {} });
    assert.ok([404, 405, 413].includes(answer.status), `${path}: ${answer.status}`);
  }
  assert.equal((await api(server, '/metrics')).status, 401);
  assert.equal((await api(server, '/metrics', { token: key })).status, 401);
});

test('the memory of the process cannot be read by another of the same user, and no core is left', { skip: process.getuid?.() === 0 && 'root may' }, () => {
  assert.throws(() => readFileSync(`/proc/${server.process.pid}/environ`));
});
