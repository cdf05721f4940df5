// SPDX-License-Identifier: MIT
// Clients that send slowly, not at all, or too much: each costs the server little and the others nothing.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { api, slow, startServer } from '../lib/server.mjs';
import { eventually, raw } from '../lib/oauth.mjs';
import { addKey } from '../lib/strings.mjs';

const HEAD_MS = 1_000 * slow, BODY_MS = 2_000 * slow, IDLE_MS = 1_500 * slow, WRITE_MS = 1_500 * slow;
let server, key;

before(async () => {
  server = await startServer({ settings: { http_header_deadline_ms: HEAD_MS, http_body_deadline_ms: BODY_MS, http_body_rate_min: 1, http_idle_ms: IDLE_MS, http_write_deadline_ms: WRITE_MS, http_connections_max: 600 } });
  server.seed();
  key = addKey(server);
  server.cli(['publish', 'acme/web', '--wait']);
});
after(() => server?.close());

// A connection that notes what comes and when it ended.
function connection() {
  const c = { socket: net.connect(server.port, '127.0.0.1'), text: '', began: Date.now() };
  c.socket.on('error', () => {});
  c.socket.setEncoding('latin1').on('data', (part) => { c.text += part; });
  c.closed = new Promise((resolve) => c.socket.once('close', () => resolve(Date.now() - c.began)));
  c.open = new Promise((resolve) => c.socket.once('connect', resolve));
  return c;
}

// One byte at a time until the server has had enough; returns how long that took.
async function drip(c, bytes, everyMs) {
  await c.open;
  let at = 0;
  const timer = setInterval(() => { if (at < bytes.length && c.socket.writable) c.socket.write(bytes[at++]); }, everyMs);
  const guard = setTimeout(() => c.socket.destroy(), 60_000 * slow);
  const ms = await c.closed;
  clearInterval(timer);
  clearTimeout(guard);
  return { ms, sent: at };
}

const host = () => `Host: 127.0.0.1:${server.port}`;

test('rule_235 a header that drips in is cut at its deadline, however busy the line is: 408', async () => {
  const c = connection();
  const { ms, sent } = await drip(c, `GET /health HTTP/1.1\r\n${host()}\r\nX-Drip: ${'x'.repeat(100_000)}`, 20);
  assert.ok(ms >= HEAD_MS * 0.8 && ms < HEAD_MS + 4_000 * slow, `${ms} ms`);
  assert.ok(sent > 5, 'it was still sending');
  assert.match(c.text, /^HTTP\/1\.1 408 /);
  assert.match(c.text, /connection: close/i);
});

test('rule_235 a body that drips in is cut at its deadline: 408 in the shape of its channel', async () => {
  for (const [path, type, shape] of [['/api/auth/mcp/token', 'application/x-www-form-urlencoded', /"error":"invalid_request"/], ['/api/trpc/mcp.setTranslations', 'application/json', /"TIMEOUT"/]]) {
    const c = connection();
    await c.open;
    c.socket.write(`POST ${path} HTTP/1.1\r\n${host()}\r\nContent-Type: ${type}\r\nx-api-key: ${key}\r\nContent-Length: 8000\r\n\r\n`);
    const { ms } = await drip(c, '{'.repeat(8_000), 5);
    assert.ok(ms >= BODY_MS * 0.8 && ms < BODY_MS + 5_000 * slow, `${ms} ms`);
    assert.match(c.text, /^HTTP\/1\.1 408 /);
    assert.match(c.text, shape);
  }
});

test('rule_235 a connection that says nothing is closed at the deadline of a header; an idle one after its own', async () => {
  const silent = connection();
  const idle = connection();
  await idle.open;
  idle.socket.write(`GET /health HTTP/1.1\r\n${host()}\r\n\r\n`);
  await eventually('the answer', () => idle.text.includes('"status"'));
  const answered = Date.now() - idle.began;
  const [silentMs, idleMs] = await Promise.all([silent.closed, idle.closed]);
  assert.ok(silentMs < HEAD_MS + 4_000 * slow, `${silentMs} ms`);
  assert.ok(idleMs - answered >= IDLE_MS * 0.8 && idleMs - answered < IDLE_MS + 4_000 * slow, `${idleMs - answered} ms`);
});

test('rule_235 a client that does not take its answer is cut', async () => {
  // Enough answers, one after another, that they cannot all lie in the kernel's buffers.
  const many = Array.from({ length: 400 }, (_, i) => `key${i}`);
  const call = await api(server, '/api/trpc/mcp.createKeys', { method: 'POST', headers: { 'x-api-key': key }, json: { orgSlug: 'acme', projectSlug: 'web', k: many.map((n) => ({ n, v: n.repeat(500) })) } });
  assert.equal(call.status, 200, call.text);
  const c = connection();
  await c.open;
  c.socket.pause();
  const input = encodeURIComponent(JSON.stringify({ orgSlug: 'acme', projectSlug: 'web' }));
  const one = `GET /api/trpc/mcp.getAllTranslations?input=${input} HTTP/1.1\r\n${host()}\r\nx-api-key: ${key}\r\n\r\n`;
  c.socket.write(one.repeat(200));
  const ended = new Promise((resolve) => c.socket.once('close', resolve));
  const before = await connections();
  assert.ok(before >= 1);
  await eventually('the connection is cut', async () => (await connections()) < before, WRITE_MS + 30_000 * slow);
  c.socket.destroy();
  await ended;
});

// Established connections on the server's port, as the kernel sees them from the server's side.
async function connections() {
  const { readFileSync } = await import('node:fs');
  const port = server.port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/tcp', 'latin1').split('\n').filter((line) => new RegExp(`^ *\\d+: [0-9A-F]{8}:${port} [0-9A-F]{8}:[0-9A-F]{4} 01 `).test(line)).length;
}

test('rule_235 hundreds of silent and dripping connections do not keep others waiting', async (t) => {
  const crowd = Array.from({ length: 400 }, () => connection());
  await Promise.all(crowd.map((c) => c.open));
  crowd.forEach((c, i) => { if (i % 2) c.socket.write(`GET /health HTTP/1.1\r\n${host()}\r\nX-Slow: `); });
  const times = [];
  for (let i = 0; i < 50; i++) {
    const began = performance.now();
    const answer = await fetch(`${server.url}/acme/web/en.json`);
    assert.equal(answer.status, 200);
    await answer.arrayBuffer();
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  t.diagnostic(`50 deliveries beside ${crowd.length} slow connections: median ${times[25].toFixed(1)} ms, worst ${times[49].toFixed(1)} ms`);
  assert.ok(times[25] < 200 * slow, `median ${times[25]} ms`);
  assert.ok(times[49] < 5_000 * slow, `worst ${times[49]} ms`);
  await Promise.all(crowd.map((c) => c.closed));
});

test('over http_connections_max the newest are turned away with 503 and Retry-After, and there is room again', async () => {
  const crowd = [];
  let away = null;
  for (let i = 0; i < 700 && !away; i++) {
    const c = connection();
    await c.open;
    crowd.push(c);
    if (i >= 560) await Promise.race([c.closed, new Promise((resolve) => setImmediate(resolve))]);
    away = crowd.find((one) => one.text.startsWith('HTTP/1.1 503 '));
  }
  away ??= await eventually('one is turned away', () => crowd.find((one) => one.text.startsWith('HTTP/1.1 503 ')));
  assert.match(away.text, /Retry-After: \d/);
  for (const c of crowd) c.socket.destroy();
  await eventually('room again', async () => {
    try { return (await fetch(`${server.url}/health`, { headers: { connection: 'close' } })).status === 200; } catch { return false; }
  });
});

// Limits by channel: a size just too large is refused before it is read, in the channel's shape.
for (const [what, path, size, shape] of [
  ['the token endpoint', '/api/auth/mcp/token', 1024 * 1024, /"error":"invalid_request"/],
  ['the partner API', '/api/oauth-client/installations/grt_x/tokens', 1024 * 1024, /"error":"payload_too_large"/],
  ['tRPC', '/api/trpc/mcp.createKeys', 17 * 1024 * 1024, /PAYLOAD_TOO_LARGE/],
  ['pages', '/login', 4 * 1024 * 1024, /<h1/],
]) {
  test(`a body that is too large for ${what}: 413 before it is sent`, async () => {
    const answer = await raw(server, `POST ${path} HTTP/1.1\r\n${host()}\r\nContent-Type: ${path === '/login' || path.endsWith('/token') ? 'application/x-www-form-urlencoded' : 'application/json'}\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n`);
    assert.equal(answer.status, 413, answer.head);
    assert.match(answer.text, shape);
  });
}

test('R26 request targets: 128 KiB under /api/trpc, 16 KiB on the CDN, 8 KiB elsewhere; then 414. Header fields: 32 KiB, then 431', async () => {
  const statusOf = async (target, lines = '') => (await raw(server, `GET ${target} HTTP/1.1\r\n${host()}\r\nConnection: close\r\n${lines}\r\n`)).status;
  const padded = (path, bytes) => `${path}${path.includes('?') ? '' : '?'}${'a'.repeat(bytes - path.length - 1)}`;
  for (const [path, limit] of [['/api/trpc/mcp.listProjects', 128 * 1024], ['/acme/web/en.json', 16 * 1024], ['/login', 8 * 1024], ['/api/oauth-client/me', 8 * 1024]]) {
    assert.notEqual(await statusOf(padded(path, limit - 16)), 414, `${path} below the limit`);
    assert.equal(await statusOf(padded(path, limit + 16)), 414, `${path} above it`);
  }
  assert.equal(await statusOf('/health', `X-A: ${'a'.repeat(31 * 1024)}\r\n`), 200);
  assert.equal(await statusOf('/health', `X-A: ${'a'.repeat(33 * 1024)}\r\n`), 431);
});

test('after all that the server is whole', async () => {
  assert.equal((await api(server, '/ready')).status, 200);
  assert.deepEqual(server.cli(['verify']), { ok: true, problems: [] });
});
