// SPDX-License-Identifier: MIT
// Raw bytes at the real server: what the engine refuses, in the shape of the channel that is asked; what it survives.
// The engine alone, byte by byte beside nginx, is http_differential.test.mjs.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { Server, slow, startServer } from '../lib/server.mjs';
import { raw } from '../lib/oauth.mjs';
import { addKey, bytes, publish } from '../lib/strings.mjs';

let server, key;
before(async () => {
  server = await startServer({ settings: { publish_cooldown_s: 0 } });
  server.seed();
  publish(server);
  key = addKey(server);
});
after(() => server?.close());

const CLOSE = 'Connection: close\r\n';
const head = (method, target, lines = '') => `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines}`;

// Channels: their addresses, and what an error looks like there ------------------------------------

const isJson = (answer) => assert.match(answer.headers['content-type']?.[0] ?? '', /^application\/json/);
const channels = {
  trpc: {
    get: '/api/trpc/mcp.listProjects', post: '/api/trpc/mcp.createKeys', target: 128 * 1024, body: 16 * 1024 * 1024,
    error(answer) {
      isJson(answer);
      const { error } = JSON.parse(answer.text);
      assert.ok(Number.isInteger(error.code) && typeof error.message === 'string' && error.message.length > 0, answer.text);
      assert.equal(error.data.httpStatus, answer.status);
      assert.equal(typeof error.data.code, 'string');
      assert.equal(answer.headers['cache-control'][0], 'no-store');
      assert.equal(answer.headers['access-control-allow-origin'], undefined, 'R35');
    },
  },
  rest: {
    get: '/api/oauth-client/me', post: '/api/oauth-client/v1/projects', target: 8 * 1024, body: 64 * 1024,
    error(answer) {
      isJson(answer);
      assert.equal(typeof JSON.parse(answer.text).error, 'string', answer.text);
      assert.equal(answer.headers['cache-control'][0], 'no-store');
      assert.equal(answer.headers['access-control-allow-origin'], undefined, 'R35');
    },
  },
  oauth: {
    post: '/api/auth/mcp/token', target: 8 * 1024, body: 64 * 1024,
    error(answer) {
      isJson(answer);
      assert.equal(typeof JSON.parse(answer.text).error, 'string', answer.text);
      assert.equal(answer.headers['cache-control'][0], 'no-store');
      assert.equal(answer.headers['access-control-allow-origin'][0], '*', 'rule 105: on errors too');
    },
  },
  cdn: {
    get: '/acme/web/en.json', target: 16 * 1024,
    error(answer) {
      isJson(answer);
      assert.equal(typeof JSON.parse(answer.text), 'object');
      assert.equal(answer.headers['cache-control'][0], 'no-store');
      assert.equal(answer.headers['access-control-allow-origin'][0], '*', 'without it a page sees a network failure');
    },
  },
  pages: {
    get: '/login', post: '/login', target: 8 * 1024, body: 64 * 1024,
    error(answer) {
      assert.match(answer.headers['content-type'][0], /^text\/html/);
      assert.match(answer.text, /^<!doctype html>/i);
      assert.match(answer.headers['content-security-policy'][0], /default-src/);
    },
  },
  documents: {
    get: '/openapi.json', target: 8 * 1024,
    error(answer) {
      isJson(answer);
      assert.equal(typeof JSON.parse(answer.text).error, 'string', answer.text);
    },
  },
};
const each = Object.entries(channels);

for (const [name, channel] of each) {
  test(`${name}: a method that is not there is 405 with Allow, in the channel's shape`, async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH', ...(channel.post ? [] : ['POST']), ...(channel.get ? [] : ['GET'])]) {
      const answer = await raw(server, `${head(method, channel.get ?? channel.post, CLOSE)}\r\n`);
      assert.equal(answer.status, 405, `${method} ${answer.text}`);
      assert.match(answer.headers.allow[0], channel.get ? /GET/ : /POST/);
      channel.error(answer);
    }
  });

  test(`${name}: R26 a target up to ${channel.target} bytes is taken, one more is 414`, async () => {
    const method = channel.get ? 'GET' : 'POST', base = `${channel.get ?? channel.post}?x=`;
    const target = (n) => base + 'a'.repeat(n - base.length);
    const fits = await raw(server, `${head(method, target(channel.target), CLOSE)}\r\n`);
    assert.notEqual(fits.status, 414);
    const over = await raw(server, `${head(method, target(channel.target + 1), CLOSE)}\r\n`);
    assert.equal(over.status, 414, over.text);
    channel.error(over);
  });

  test(`${name}: a body where none is taken, or one too large, is 413 before it is sent`, async () => {
    const [method, path, most] = channel.post ? ['POST', channel.post, channel.body] : ['GET', channel.get, 0];
    for (const lines of [`Content-Length: ${Math.max(most, 65536) * 8}\r\n`, `Content-Length: ${most + (most === 0 ? 1 : 16 * 1024 * 1024)}\r\n`]) {
      const answer = await raw(server, `${head(method, path, lines)}Content-Type: application/json\r\n\r\n`);
      assert.equal(answer.status, 413, answer.text);
      assert.match(answer.headers.connection[0], /close/);
      channel.error(answer);
    }
    if (most === 0) {
      const chunked = await raw(server, `${head(method, path, 'Transfer-Encoding: chunked\r\n')}\r\n0\r\n\r\n`);
      assert.equal(chunked.status, 413);
      channel.error(chunked);
    }
  });

  if (channel.get) test(`${name}: HEAD has no body`, async () => {
    const answer = await raw(server, `${head('HEAD', channel.get, CLOSE)}\r\n`);
    assert.ok(answer.status < 500);
    assert.equal(answer.text, '');
  });
}

test('an address below a channel that is none is 404 in the channel\'s shape', async () => {
  for (const [path, name] of [['/api/trpc/mcp.nope', 'trpc'], ['/api/trpc', 'trpc'], ['/api/oauth-client/nope', 'rest'], ['/api/oauth-client/v1/projects/x/y/z', 'rest'], ['/api/nope', 'rest'], ['/.well-known/nope', 'documents']]) {
    const answer = await raw(server, `${head('GET', path, `${CLOSE}x-api-key: ${key}\r\n`)}\r\n`);
    assert.equal(answer.status, 404, `${path}: ${answer.text}`);
    channels[name].error(answer);
  }
});

test('a malformed escape in a path is refused in the channel\'s shape', async () => {
  for (const [path, name] of [['/api/trpc/mcp.%zz', 'trpc'], ['/api/oauth-client/v1/projects/%zz', 'rest'], ['/acme/web/%zz.json', 'cdn']]) {
    const answer = await raw(server, `${head('GET', path, CLOSE)}\r\n`);
    assert.equal(answer.status, 400, `${path}: ${answer.text}`);
    assert.equal(typeof JSON.parse(answer.text), 'object');
    if (name !== 'cdn') assert.ok(JSON.parse(answer.text).error);
  }
});

// Refusals before anything is known ---------------------------------------------------------------

const H = head('GET', '/health'), P = head('POST', '/api/trpc/mcp.createKeys', 'Content-Type: application/json\r\n'), TE = `${P}Transfer-Encoding: chunked\r\n\r\n`;
const refused = [
  ['HTTP/1.1 without Host', 'GET /health HTTP/1.1\r\n\r\n', 400], ['two Host headers', `${H}Host: b\r\n\r\n`, 400], ['a Host with blanks', 'GET /health HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
  ['Content-Length and Transfer-Encoding', `${P}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400], ['two differing lengths', `${P}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`, 400],
  ...['0, 5', '+5', '-1', '0x5', '5 5', '', '18446744073709551621'].map((text) => [`Content-Length "${text}"`, `${P}Content-Length: ${text}\r\n\r\nhello`, 400]),
  ['Transfer-Encoding: xchunked', `${P}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 501], ['Transfer-Encoding: gzip, chunked', `${P}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501], ['a space before the colon', `${P}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, 400],
  ['Transfer-Encoding on HTTP/1.0', 'POST /api/trpc/mcp.createKeys HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400], ['a chunk size beyond 64 bit', `${TE}ffffffffffffffff0\r\nabc\r\n0\r\n\r\n`, 400], ['a chunk size 0x3', `${TE}0x3\r\nabc\r\n0\r\n\r\n`, 400], ['a chunk extension with a bare LF', `${TE}3;a\nabc\r\n0\r\n\r\n`, 400],
  ['bare LF', 'GET /health HTTP/1.1\nHost: a\n\n', 400], ['a folded line', `${H}X: a\r\n b\r\n\r\n`, 400], ['an empty name', `${H}: a\r\n\r\n`, 400], ['a space in a name', `${H}X Y: a\r\n\r\n`, 400], ['NUL in a value', `${H}X: a\0b\r\n\r\n`, 400], ['a lone CR', `${H}X: a\rb\r\n\r\n`, 400], ['a line without colon', `${H}nonsense\r\n\r\n`, 400],
  ['two spaces in the request line', 'GET  /health HTTP/1.1\r\nHost: a\r\n\r\n', 400], ['an unknown expectation', `${P}Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}`, 417], ['64 KiB of one field', `${H}X: ${'a'.repeat(65536)}\r\n\r\n`, 431], ['33 KiB in many fields', `${H}${Array.from({ length: 60 }, (_, i) => `X-${i}: ${'a'.repeat(560)}\r\n`).join('')}\r\n`, 431],
  ['an encoded NUL', `${head('GET', '/acme/web/%00.json')}\r\n`, 400], ['dot segments', `${head('GET', '/acme/../health')}\r\n`, 400], ['encoded dot segments', `${head('GET', '/acme/%2e%2E/health')}\r\n`, 400], ['an unknown method', `${head('FROB', '/health')}\r\n`, 501], ['HTTP/2 unasked', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505], ['HTTP/0.9', 'GET /health\r\n\r\n', 400], ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc', 400],
  ['Authorization twice', `${head('GET', '/api/oauth-client/me')}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n`, 400],
];
for (const [name, text, status] of refused) {
  test(`refused with an answer, and nothing after it: ${name}`, async () => {
    const answer = await raw(server, Buffer.concat([Buffer.from(text, 'latin1'), Buffer.from(`${H}${CLOSE}\r\n`)]));
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.headers.connection[0], /close/);
    assert.equal(typeof JSON.parse(answer.text), 'object', 'one JSON body and no second answer');
    assert.equal(answer.headers['content-length'][0], String(answer.text.length));
    assert.doesNotMatch(answer.head, /^server:/im);
  });
}

// What is unusual but right ------------------------------------------------------------------------

const taken = [
  ['leading CRLF', `\r\n\r\n${H}${CLOSE}\r\n`, 200, /"ok"/], ['absolute form', `GET http://elsewhere.example/health HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`, 200, /"ok"/], ['HTTP/1.0', 'GET /health HTTP/1.0\r\n\r\n', 200, /"ok"/], ['doubled slashes in front', `${head('GET', '//health', CLOSE)}\r\n`, 200, /"ok"/], ['doubled slashes before a file', `${head('GET', '//acme/web/en.json', CLOSE)}\r\n`, 200, /Hello/],
  ['capitals in names', `GET /health HTTP/1.1\r\nHOST: a\r\nCONNECTION: CLOSE\r\n\r\n`, 200, /"ok"/], ['letters beyond ASCII in a value', `${H}X-Name: \xe4\xff\r\n${CLOSE}\r\n`, 200, /"ok"/], ['an upgrade that is ignored', `${H}Connection: upgrade, close\r\nUpgrade: h2c\r\n\r\n`, 200, /"ok"/],
];
for (const [name, text, status, body] of taken) {
  test(`taken: ${name}`, async () => {
    const answer = await raw(server, Buffer.from(text, 'latin1'));
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, body);
  });
}

test('taken: a chunked call with extension and trailer, in pieces of one byte', async () => {
  const body = JSON.stringify({ orgSlug: 'acme', projectSlug: 'web', updates: [{ languageCode: 'de', status: 'active' }] });
  const chunks = [body.slice(0, 10), body.slice(10)].map((c) => `${c.length.toString(16)};x=y\r\n${c}\r\n`).join('');
  const text = `${head('POST', '/api/trpc/mcp.updateLanguages', `x-api-key: ${key}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n${CLOSE}`)}\r\n${chunks}0\r\nX-Trailer: t\r\n\r\n`;
  const answer = await new Promise((resolve, reject) => {
    const socket = net.connect(server.port, '127.0.0.1', async () => {
      socket.setNoDelay(true);
      for (const c of text) if (!socket.write(c)) await new Promise((r) => socket.once('drain', r));
    });
    let got = '';
    socket.on('data', (d) => { got += d; });
    socket.on('error', reject);
    socket.on('close', () => resolve(got));
  });
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.match(answer, /"success":true/);
});

test('taken: Expect: 100-continue is told to go on, and refused early when the body is too large', async () => {
  const call = (length) => `${head('POST', '/api/trpc/mcp.updateLanguages', `x-api-key: ${key}\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n${CLOSE}`)}\r\n`;
  const told = await new Promise((resolve, reject) => {
    const socket = net.connect(server.port, '127.0.0.1', () => socket.write(call(2)));
    let got = '';
    socket.on('data', (d) => {
      got += d;
      if (got === 'HTTP/1.1 100 Continue\r\n\r\n') socket.write('{}');
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(got));
  });
  assert.match(told, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 400 /);
  const refusal = await raw(server, call(1e9));
  assert.equal(refusal.status, 413);
});

test('pipelined calls of all channels are answered in order', async () => {
  const requests = [`${H}\r\n`, `${head('GET', '/acme/web/en.json')}\r\n`, `${head('GET', '/api/trpc/mcp.listProjects', `x-api-key: ${key}\r\n`)}\r\n`, `${head('GET', '/api/oauth-client/me')}\r\n`, `${head('GET', '/acme/web/tr.json')}\r\n`, `${head('GET', '/login', CLOSE)}\r\n`];
  const answer = await raw(server, requests.join(''));
  const all = `${answer.head}\r\n\r\n${answer.text}`;
  const marks = ['"ok"', '"Hello"', '"cdnBaseUrl"', 'invalid_token', 'Merhaba', 'name="password"'].map((mark) => all.indexOf(mark));
  assert.ok(marks.every((at, i) => at > 0 && (i === 0 || at > marks[i - 1])), marks.join());
  assert.equal(all.match(/HTTP\/1\.1 200 |HTTP\/1\.1 401 /g).length, 6);
});

test('a connection is kept, and closed when the client asks for it', async () => {
  const kept = await new Promise((resolve, reject) => {
    const socket = net.connect(server.port, '127.0.0.1', () => socket.write(`${H}\r\n`));
    let got = '', asked = 1;
    socket.on('data', (d) => {
      got += d;
      const answers = got.match(/HTTP\/1\.1 200 /g)?.length ?? 0;
      if (answers === asked && asked < 3) {
        asked++;
        socket.write(asked === 3 ? `${H}${CLOSE}\r\n` : `${H}\r\n`);
      }
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(got.match(/HTTP\/1\.1 200 /g).length));
  });
  assert.equal(kept, 3);
});

// Time and room -----------------------------------------------------------------------------------

// Sends `first`, then one byte of `drip` every 50 ms; how long until the server ended it, and what it said.
function dripped(on, first, drip) {
  return new Promise((resolve, reject) => {
    const began = Date.now();
    let got = '', timer;
    const socket = net.connect(on.port, '127.0.0.1', () => {
      socket.write(first);
      timer = setInterval(() => socket.write(drip), 50);
    });
    socket.setTimeout(20_000 * slow, () => socket.destroy(new Error('it lives for ever')));
    socket.on('data', (d) => { got += d; });
    socket.on('error', (error) => { if (error.message.includes('for ever')) reject(error); });
    socket.on('close', () => { clearInterval(timer); resolve({ ms: Date.now() - began, got }); });
  });
}

test('a header, a body and an idle connection end at their total deadlines, whatever drips', async () => {
  const quick = new Server({ settings: { http_header_deadline_ms: 500, http_body_deadline_ms: 700, http_idle_ms: 600 } });
  try {
    await quick.start();
    const rows = [['header', `${H}X: `, 'a', 500], ['body', `${P}Content-Length: 100000\r\n\r\n`, 'a', 700], ['chunks', TE, '1\r\na\r\n', 700], ['nothing', '', '', 600]];
    const ends = await Promise.all(rows.map(([, first, drip]) => dripped(quick, first, drip)));
    rows.forEach(([name, , , ms], i) => {
      assert.ok(ends[i].ms >= ms * 0.8 && ends[i].ms < ms + 5000 * slow, `${name}: ${ends[i].ms} ms`);
      if (ends[i].got) assert.match(ends[i].got, /^HTTP\/1\.1 408 /, name);
    });
    assert.equal((await fetch(`${quick.url}/health`)).status, 200);
  } finally {
    await quick.close();
  }
});

test('R38 connections beyond the limit are told 503, those before are served, and there is room again after', async () => {
  const narrow = new Server({ settings: { http_connections_max: 16 } });
  const sockets = [];
  try {
    await narrow.start();
    const open = () => new Promise((resolve, reject) => {
      const socket = net.connect(narrow.port, '127.0.0.1', () => resolve(socket));
      socket.on('error', () => {});
      socket.once('error', reject);
      sockets.push(socket);
    });
    for (let i = 0; i < 15; i++) await open();
    const over = await Promise.all(Array.from({ length: 8 }, () => raw(narrow, `${H}${CLOSE}\r\n`).catch(() => ({ status: 'closed' }))));
    const refusals = over.filter((a) => a.status !== 200);
    assert.ok(refusals.length >= 1, over.map((a) => a.status).join());
    for (const answer of refusals) assert.ok(answer.status === 503 || answer.status === 'closed', `${answer.status}`);
    for (const answer of refusals) if (answer.status === 503) assert.ok(Number(answer.headers['retry-after'][0]) >= 1);
    for (const socket of sockets) socket.destroy();
    for (const deadline = Date.now() + 10_000 * slow; ;) {
      const answer = await fetch(`${narrow.url}/health`, { headers: { connection: 'close' } }).then((a) => a.status).catch(() => 0);
      if (answer === 200) break;
      assert.ok(Date.now() < deadline, 'no room again');
    }
  } finally {
    for (const socket of sockets) socket.destroy();
    await narrow.close();
  }
});

test('a client that goes away in the middle harms nobody', async () => {
  for (const text of ['GET /acme', `${H}X`, `${P}Content-Length: 5000\r\n\r\nabc`, `${TE}5\r\nab`, `${head('GET', '/acme/web/en.json')}\r\n`]) {
    await new Promise((resolve, reject) => {
      const socket = net.connect(server.port, '127.0.0.1', () => socket.write(text, () => { socket.resetAndDestroy(); resolve(); }));
      socket.on('error', reject);
    });
  }
  const again = await bytes(server, '/acme/web/en.json');
  assert.equal(again.status, 200);
  assert.equal(server.process.exitCode, null);
});

test('pages and API answers carry what keeps browsers from guessing', async () => {
  for (const path of ['/login', '/api/oauth-client/me', '/acme/web/en.json', '/health', '/openapi.json', '/api/trpc/mcp.nope']) {
    const answer = await bytes(server, path);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff', path);
    assert.ok(answer.headers.date, path);
    assert.equal(answer.headers.server, undefined, path);
  }
});
