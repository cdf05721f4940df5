// SPDX-License-Identifier: MIT
// What a cache between us and the reader may be made to keep: no header that it does not key, no spelling of an address and
// no error may put another answer in the place of the right one. And bodies that come compressed.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { startServer } from '../lib/server.mjs';
import { eventually, raw } from '../lib/oauth.mjs';
import { addKey, publish } from '../lib/strings.mjs';

let server, key;
before(async () => {
  server = await startServer({ settings: { publish_cooldown_s: 0, trusted_proxies: '127.0.0.1', security_contact: 'mailto:security@example.com' } });
  server.seed();
  server.cli(['import', 'acme/web', '--language', 'en', '-'], { input: JSON.stringify({ common: Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`k${i}`, `text ${i}`])) }) });
  publish(server);
  key = addKey(server);
  for (const path of delivered) await eventually(`${path} is packed`, async () => (await ask(path, { headers: { 'Accept-Encoding': 'br' } })).headers['content-encoding']?.[0] === 'br');
});
after(() => server?.close());

const ask = (path, { method = 'GET', host = 'one.example', headers = {}, body = '' } = {}) =>
  raw(server, Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`), Buffer.from(body)]));
const kept = (answer) => !/no-store/.test(answer.headers['cache-control']?.[0] ?? '');
// Everything but what is of the moment.
const lasting = ({ status, text, headers: { date, 'x-request-id': id, ...headers } }) => ({ status, text, headers });

const delivered = ['/acme/web/en.json', '/acme/web/manifest.json', '/acme/web/en/batch.json', '/acme/web/en/batch.json?ns=common'];
const cacheable = [...delivered, '/.well-known/oauth-authorization-server', '/.well-known/oauth-protected-resource', '/.well-known/security.txt', '/openapi.json'];
const unkeyed = {
  'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Port': '1', 'X-Forwarded-Prefix': '/evil', 'X-Forwarded-For': '6.6.6.6', Forwarded: 'host=evil.example;proto=https', 'X-Host': 'evil.example',
  'X-Original-URL': '/health', 'X-Rewrite-URL': '/health', 'X-HTTP-Method-Override': 'DELETE', 'X-Method-Override': 'HEAD', Origin: 'https://evil.example', Referer: 'https://evil.example/', Cookie: 'a=b; lang=ar', Accept: 'text/html',
  'Accept-Language': 'ar', 'Accept-Charset': 'utf-16', 'User-Agent': 'okhttp/4.9.2', 'X-Api-Key': 'bi_pub_x', Range: 'bytes=0-1', 'If-Range': '"x"', 'Cache-Control': 'no-cache', Pragma: 'no-cache', 'Sec-Fetch-Site': 'cross-site', 'Save-Data': 'on',
};

test('no header that a cache does not key changes an answer that it may keep', async () => {
  for (const path of cacheable) {
    const base = { 'Accept-Encoding': 'gzip, br' }, right = await ask(path, { headers: base });
    assert.equal(right.status, 200, path);
    assert.ok(kept(right), path);
    assert.deepEqual(lasting(await ask(path, { host: 'evil.example', headers: base })), lasting(right), `${path}: Host`);
    for (const [name, value] of Object.entries(unkeyed)) {
      const answer = await ask(path, { headers: { ...base, [name]: value } });
      if (new RegExp(`\\b${name}\\b`, 'i').test(answer.headers.vary?.[0] ?? '')) continue;
      assert.deepEqual(lasting(answer), lasting(right), `${path}: ${name}`);
    }
  }
});

test('what okhttp alone is sent says so in Vary, 304 too, and only that', async () => {
  const okhttp = { 'User-Agent': 'okhttp/4.9.2', 'Accept-Encoding': 'gzip, br' };
  const answer = await ask('/acme/web/en.json', { headers: okhttp });
  assert.equal(answer.headers['content-encoding'], undefined);
  assert.equal(answer.headers.vary[0], 'Accept-Encoding, User-Agent');
  const unchanged = await ask('/acme/web/en.json', { headers: { ...okhttp, 'If-None-Match': answer.headers.etag[0] } });
  assert.equal(unchanged.status, 304);
  assert.equal(unchanged.headers.vary[0], 'Accept-Encoding, User-Agent');
  assert.equal((await ask('/acme/web/en.json', { headers: { 'Accept-Encoding': 'br' } })).headers.vary[0], 'Accept-Encoding');
});

test('odd lists of encodings choose one that was offered, and always say so in Vary', async () => {
  const rows = [
    ['', null], [',', null], ['gzip;q=0', null], ['br;q=0, gzip;q=0, *;q=0', null], ['identity;q=0', null], ['gzip;q=abc', null], ['gzip, gzip;q=0', null], ['deflate, zstd', null], ['*;q=0', null],
    ['GZIP', 'gzip'], ['x-gzip', 'gzip'], ['gzip\t;\tq=0.001', 'gzip'], ['gzip;q=1, br;q=0.5', 'gzip'], ['*', 'br'], [`${'a,'.repeat(4000)}br`, 'br'], ['br', 'br'],
  ];
  for (const [accept, coding] of rows) {
    const answer = await ask('/acme/web/en.json', { headers: { 'Accept-Encoding': accept } });
    assert.equal(answer.status, 200, accept);
    assert.equal(answer.headers.vary[0], 'Accept-Encoding', accept);
    assert.equal(answer.headers['content-encoding']?.[0] ?? null, coding, accept);
  }
});

test('an error at the address of a file is never kept', async () => {
  const path = '/acme/web/en.json', close = 'Connection: close\r\n';
  const head = (line, more = '') => `${line} HTTP/1.1\r\nHost: a\r\n${close}${more}\r\n`;
  const rows = [
    head(`GET ${path}`, `X-Large: ${'a'.repeat(40_000)}\r\n`), head(`GET ${path}`, Array.from({ length: 120 }, (_, i) => `X-${i}: a\r\n`).join('')), head(`GET ${path}`, 'X-Bad: a\x01b\r\n'), head(`GET ${path}`, 'X Bad: a\r\n'), head(`GET ${path}`, 'Expect: 200-maybe\r\n'),
    head(`GET ${path}`, 'Host: b\r\n'), head(`GET ${path}`, 'Content-Length: 2\r\n'), head(`GET ${path}`, 'Transfer-Encoding: gzip\r\n'), head(`PUT ${path}`), head(`FROB ${path}`), head(`GET /acme/web/${'a'.repeat(20_000)}.json`),
    head('GET /acme/web/../web/en.json'), head('GET /acme/web/%2e%2e/en.json'), head('GET /acme/web/%00en.json'), head('GET /acme/web/%zz.json'), head('GET /acme/web/%2fen.json'), head('GET /acme/nowhere/en.json'), head('GET /acme/web/en.json/x/y/z'),
  ];
  for (const text of rows) {
    const answer = await raw(server, Buffer.from(text, 'latin1'));
    const what = `${text.slice(0, 80)}: ${answer.status}`;
    assert.ok(answer.status >= 400 || answer.text === '{}', what);
    assert.ok(!kept(answer), what);
  }
});

test('no spelling of an address gives another file, and none passes a page off as a file', async () => {
  const right = (await ask('/acme/web/en.json')).text;
  for (const path of ['//acme/web/en.json', '/acme//web/en.json', '/acme/web//en.json', '/acme/web/en.json/', '/acme/web/en.json;x=1', '/acme/web/en.json%20', '/acme/web/en.json%3Fx', '/acme%2Fweb/en.json', '/acme/web%2Fen.json', '/acme/web/%2Fen.json', '/acme/web/..%2Fweb/en.json', '/acme/web/%5C..%5Cen.json', '/acme/web/..;/en.json', '/acme/web/%65n.json', '/acme/web/en.json?a=b&ns=x', '/ACME/web/EN.json']) {
    const answer = await ask(path);
    if (kept(answer)) assert.equal(answer.text, right, path);
    else assert.ok(answer.status >= 400 || answer.text === '{}', `${path}: ${answer.status}`);
  }
  for (const path of ['/settings/x.css', '/settings/connections.css', '/settings;x.css', '/settings%2Fx.css', '/settings%0Ax.css', '/settings/%2e%2e%2fx.json', '/login/x.js', '/login.json', '/console/x/en.json'])
    assert.ok(!kept(await ask(path)), path);
});

test('a compressed body is refused and not looked into: 415, 400 where OAuth has no other', async () => {
  const json = { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` };
  const rows = [
    ['/api/trpc/mcp.createKeys', json, '{}', 415], ['/api/oauth-client/v1/projects', json, '{"name":"x"}', 415], ['/api/oauth-client/leaked', json, '{"token":"x"}', 415],
    ['/api/auth/mcp/token', { 'Content-Type': 'application/x-www-form-urlencoded' }, 'grant_type=refresh_token', 400], ['/login', { 'Content-Type': 'application/x-www-form-urlencoded' }, 'email=a', 415],
  ];
  for (const [path, headers, text, status] of rows) {
    for (const coding of ['gzip', 'x-gzip', 'br', 'deflate', 'zstd', 'identity, gzip', 'nonsense']) {
      const body = gzipSync(text), answer = await ask(path, { method: 'POST', headers: { ...headers, 'Content-Encoding': coding, 'Content-Length': body.length }, body });
      assert.equal(answer.status, status, `${path} ${coding}: ${answer.text}`);
      assert.match(answer.text, /compressed/i, path);
      assert.ok(!kept(answer));
    }
    const plain = await ask(path, { method: 'POST', headers: { ...headers, 'Content-Encoding': 'identity', 'Content-Length': text.length }, body: text });
    assert.doesNotMatch(plain.text, /compressed/i, `${path}: identity is no coding`);
  }
});

test('a flood of names is bounded: fields of a form, members of an object, names of a batch', async () => {
  const form = 'a=&'.repeat(2_600), json = `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":0`).join(',')}}`;
  const rows = [
    ['/login', { 'Content-Type': 'application/x-www-form-urlencoded' }, form, 400], ['/api/auth/mcp/token', { 'Content-Type': 'application/x-www-form-urlencoded' }, form, 400],
    ['/api/trpc/mcp.createKeys', { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` }, json, 400],
  ];
  for (const [path, headers, body, status] of rows)
    assert.equal((await ask(path, { method: 'POST', headers: { ...headers, 'Content-Length': body.length }, body })).status, status, path);
  assert.equal((await ask(`/acme/web/en/batch.json?ns=${'a,'.repeat(4000)}`)).status, 414);
  assert.equal((await ask('/acme/web/en.json')).status, 200);
});
