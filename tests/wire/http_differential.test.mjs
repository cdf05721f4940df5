// SPDX-License-Identifier: MIT
// The same raw bytes to nginx and to our engine alone (http_echo): what one refuses, the other must refuse. Where
// they differ on purpose a row says which one is laxer and why. nginx is set to its strictest.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, root, slow } from '../lib/server.mjs';

const echoBinary = join(process.env.BI18N_BUILD ?? join(root, 'build'), 'src', 'http', 'http_echo');
const hasNginx = spawnSync('nginx', ['-v'], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } }).status === 0;
const skip = !existsSync(echoBinary) ? `${echoBinary} is not built` : !hasNginx && 'nginx is not installed';

const H = 'GET / HTTP/1.1\r\nHost: a\r\n';
const P = 'POST / HTTP/1.1\r\nHost: a\r\n';
const TE = `${P}Transfer-Encoding: chunked\r\n\r\n`;
const field = (text) => `${H}${text}\r\n\r\n`;
const target = (text) => `GET ${text} HTTP/1.1\r\nHost: a\r\n\r\n`;
const length = (text) => `${P}Content-Length: ${text}\r\n\r\nhello`;

// [name, bytes]: both must agree.
const agreed = [
  ['plain GET', field('Accept: */*')],
  ['HEAD', `HEAD / HTTP/1.1\r\nHost: a\r\n\r\n`],
  ['POST with a body', length('5')],
  ['POST without a length', `${P}\r\n`],
  ['chunked', `${TE}5\r\nhello\r\n0\r\n\r\n`],
  ['chunked, sizes in capitals', `${TE}A\r\n0123456789\r\n0\r\n\r\n`],
  ['chunked with extension', `${TE}5;a=b\r\nhello\r\n0\r\n\r\n`],
  ['chunked with trailer', `${TE}5\r\nhello\r\n0\r\nX: y\r\n\r\n`],
  ['Transfer-Encoding in capitals', `${P}TRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n`],
  ['HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n'],
  ['HTTP/1.0 keep-alive', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'],
  ['HTTP/1.9', 'GET / HTTP/1.9\r\nHost: a\r\n\r\n'],
  ['leading CRLF', `\r\n${H}\r\n`],
  ['absolute-form', 'GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['absolute-form with port', 'GET http://b:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['absolute-form without path', 'GET http://b HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['query with a percent sign alone', target('/?%')],
  ['encoded slash', target('/a%2Fb')],
  ['double slash', target('//a')],
  ['dots in a name', target('/a..b/..c')],
  ['raw UTF-8', target('/\xc3\xa4')],
  ['Host with port', 'GET / HTTP/1.1\r\nHost: a:8080\r\n\r\n'],
  ['Host with IPv6', 'GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n'],
  ['empty header value', field('X:')],
  ['value with tabs', field('X: \ta\tb\t')],
  ['value with obs-text', field('X: \xe4')],
  ['Content-Length 0', `${P}Content-Length: 0\r\n\r\n`],
  ['Content-Length 00005', length('00005')],
  ['Expect: 100-continue', `${P}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`],
  ['Upgrade', field('Connection: upgrade\r\nUpgrade: h2c')],

  ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
  ['two Hosts', field('Host: a')],
  ['two differing Hosts', field('Host: b')],
  ['empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
  ['Host with slash', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  ['Content-Length and Transfer-Encoding', `${P}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['Transfer-Encoding and Content-Length', `${P}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`],
  ['two differing lengths', `${P}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`],
  ['two equal lengths', `${P}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`],
  ...['0, 5', '5, 5', '+5', '-5', '0x5', '5 5', '5;', '', '18446744073709551621', '99999999999999999999']
    .map((text) => [`Content-Length "${text}"`, length(text)]),
  ...['xchunked', 'gzip, chunked', 'chunked, chunked', 'chunked, gzip', 'identity', 'chunked;x', '']
    .map((text) => [`Transfer-Encoding "${text}"`, `${P}Transfer-Encoding: ${text}\r\n\r\n0\r\n\r\n`]),
  ['two Transfer-Encodings', `${P}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['space before the colon', `${P}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
  ['Transfer-Encoding on HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['chunk size overflow', `${TE}ffffffffffffffff0\r\nabc\r\n0\r\n\r\n`],
  ['chunk size 0x3', `${TE}0x3\r\nabc\r\n0\r\n\r\n`],
  ['chunk size missing', `${TE}\r\nabc\r\n0\r\n\r\n`],
  ['chunk size with sign', `${TE}+3\r\nabc\r\n0\r\n\r\n`],
  ['chunk data too long', `${TE}3\r\nabcd\r\n0\r\n\r\n`],
  ['obs-fold', field('X: a\r\n b')],
  ['blank before the first field', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'],
  ['Authorization twice', field('Authorization: Basic a\r\nAuthorization: Basic b')],
  ['empty header name', field(': a')],
  ['space inside a header name', field('X Y: a')],
  ['NUL in a value', field('X: a\0b')],
  ['lone CR in a value', field('X: a\rb')],
  ['HTTP/2.0', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n'],
  ['HTTP/1.x', 'GET / HTTP/1.x\r\nHost: a\r\n\r\n'],
  ['version in lower case', 'GET / http/1.1\r\nHost: a\r\n\r\n'],
  ['no version at all', 'GET / \r\nHost: a\r\n\r\n'],
  ['method in lower case', 'get / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['method with a slash', 'G/T / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['space first', ` ${H}\r\n`],
  ['tab as separator', 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['relative target', target('a')],
  ['asterisk', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['encoded NUL', target('/a%00b')],
  ['malformed escape', target('/a%zz')],
  ['truncated escape', target('/a%4')],
  ['path that leaves the root', target('/../a')],
  ['path that leaves the root, encoded', target('/%2e%2e/a')],
  ['64 KiB header', field(`X: ${'a'.repeat(65536)}`)],
  ['64 KiB target', target(`/${'a'.repeat(65536)}`)],
  ['TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
];

// [name, bytes, why]: nginx answers, we refuse.
const nginxLaxer = [
  ['bare LF line ends', 'GET / HTTP/1.1\nHost: a\n\n', 'RFC 9112 2.2 only permits it; ruling R26 forbids it: a proxy that does not take LF sees other fields'],
  ['bare LF after one field', `${H}X: y\n\r\n`, 'the same'],
  ['chunk extension with bare LF', `${TE}3;a\nabc\r\n0\r\n\r\n`, 'ends of chunk lines that two parties place differently smuggle requests'],
  ['chunk size with a blank', `${TE}3 \r\nabc\r\n0\r\n\r\n`, 'blanks belong to an extension (RFC 9112 7.1.1)'],
  ['two spaces in the request line', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 'RFC 9112 3: exactly one'],
  ['space after the version', 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n', 'the same'],
  ['Expect with an unknown value', `${P}Expect: 200-ok\r\nContent-Length: 5\r\n\r\nhello`, 'RFC 9110 10.1.1: 417'],
  ['header line without colon', field('nonsense'), 'RFC 9112 5: nothing else can stand between fields'],
  ['dot segment inside', target('/a/../b'), 'we refuse what could be read differently instead of normalising it'],
  ['single dot segment', target('/a/./b'), 'the same'],
  ['encoded dot segment inside', target('/a/%2e%2E/b'), 'the same'],
  ['fragment in the target', target('/a#b'), 'RFC 9112 3.2: a target has none'],
  ['unknown method', 'FROB / HTTP/1.1\r\nHost: a\r\n\r\n', 'RFC 9110 9.1: 501'],
  ['Content-Type twice', field('Content-Type: a\r\nContent-Type: b'), 'which one is believed must not depend on the reader'],
];

let echo, nginx, upstream, base, ports;

async function untilListening(port) {
  for (const deadline = Date.now() + 10_000 * slow; Date.now() < deadline;) {
    const ok = await new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
      socket.once('error', () => resolve(false));
    });
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing listens on port ${port}`);
}

// A body is only read, and so only checked, when it is wanted: nginx hands it to this, and nothing else of the request,
// so that the judgement is nginx's alone.
function startUpstream() {
  upstream = http.createServer((request, response) => { request.resume().on('end', () => response.end('ok')); });
  return new Promise((resolve) => upstream.listen(0, '127.0.0.1', () => resolve(upstream.address().port)));
}

function nginxConfiguration(port, upstreamPort) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${base}/${name};`).join(' ');
  return `daemon off; worker_processes 1; pid ${base}/pid; error_log ${base}/error.log;
${process.getuid() === 0 ? 'user root;' : ''}
events { worker_connections 256; }
http { access_log off; ${temporary} ignore_invalid_headers off; underscores_in_headers on;
client_header_timeout 2s; client_body_timeout 2s;
server { listen 127.0.0.1:${port}; location / { set $nothing /; proxy_method POST;
proxy_pass_request_headers off; proxy_pass http://127.0.0.1:${upstreamPort}$nothing; } } }\n`;
}

before(async () => {
  if (skip) return;
  base = mkdtempSync(join(tmpdir(), 'http-differential-'));
  ports = { nginx: await freePort() };
  writeFileSync(join(base, 'nginx.conf'), nginxConfiguration(ports.nginx, await startUpstream()));
  nginx = spawn('nginx', ['-c', join(base, 'nginx.conf'), '-p', base],
    { stdio: 'ignore', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
  echo = spawn(echoBinary, [], { stdio: ['ignore', 'pipe', 'inherit'] });
  ports.ours = Number(await new Promise((resolve) => echo.stdout.once('data', (text) => resolve(String(text)))));
  await Promise.all([untilListening(ports.nginx), untilListening(ports.ours)]);
});

after(async () => {
  if (skip) return;
  const ended = [echo, nginx].map((process) => new Promise((resolve) => process.once('exit', resolve)));
  echo.kill();
  nginx.kill();
  upstream.close();
  await Promise.all(ended);
  rmSync(base, { recursive: true, force: true });
});

// The status of the first final answer; 0 when the connection ends or stays silent without one.
function ask(port, bytes) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(Buffer.from(bytes, 'latin1')));
    let text = '';
    const end = (status) => { socket.destroy(); resolve(status); };
    socket.setTimeout(4000 * slow, () => end(0));
    socket.on('data', (data) => {
      text += data.toString('latin1');
      const status = /^(?:HTTP\/1\.1 1[^]*?\r\n\r\n)*HTTP\/1\.1 ([2-5]\d\d)/.exec(text);
      if (status) end(Number(status[1]));
    });
    socket.on('error', () => end(0));
    socket.on('close', () => end(0));
  });
}

async function askBoth(bytes) {
  const [theirs, ours] = await Promise.all([ask(ports.nginx, bytes), ask(ports.ours, bytes)]);
  return { theirs, ours, theyAccept: theirs >= 200 && theirs < 300, weAccept: ours >= 200 && ours < 300 };
}

test('http/differential_same_as_nginx', { skip }, async (t) => {
  for (const [name, bytes] of agreed) {
    await t.test(name, async () => {
      const both = await askBoth(bytes);
      assert.equal(both.weAccept, both.theyAccept, `nginx ${both.theirs}, ours ${both.ours}`);
      assert.notEqual(both.ours, 0, 'every refusal is answered');
    });
  }
});

test('http/differential_stricter_than_nginx', { skip }, async (t) => {
  for (const [name, bytes, why] of nginxLaxer) {
    await t.test(name, async () => {
      const both = await askBoth(bytes);
      assert.ok(both.theyAccept, `nginx refuses it too now (${both.theirs}): move the row`);
      assert.ok(both.ours >= 400 && both.ours < 600, `ours ${both.ours}, but: ${why}`);
    });
  }
});

// Every byte at every kind of place. `stricter`: bytes that we refuse and nginx takes, because the grammar has them not.
const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]/;
const regName = /[-._~!$&'()*+,;=%0-9A-Za-z]/;
const visible = (c) => c > ' ' && c !== '\x7f';
const places = [
  { name: 'in a header value', bytes: (c) => field(`X: a${c}b`), stricter: (c) => (c < ' ' && !'\0\t\r'.includes(c)) || c === '\x7f' },
  { name: 'in a header name', bytes: (c) => field(`X${c}Y: b`), stricter: (c) => c === '\n' || (visible(c) && c !== ':' && !token.test(c)) },
  { name: 'in a path', bytes: (c) => target(`/a${c}b`), stricter: (c) => c === '#' },
  { name: 'in a query', bytes: (c) => target(`/?a${c}b`), stricter: (c) => c === '#' },
  // Unknown methods of the right form are 501 here.
  { name: 'in a method', bytes: (c) => `G${c}T / HTTP/1.1\r\nHost: a\r\n\r\n`, stricter: (c) => /[A-DF-Z_-]/.test(c) },
  { name: 'in a host', bytes: (c) => `GET / HTTP/1.1\r\nHost: a${c}b\r\n\r\n`, stricter: (c) => c === '\n' || (visible(c) && c !== '/' && !regName.test(c)) },
  { name: 'in a chunk size', bytes: (c) => `${TE}${c}3\r\nabc\r\n0\r\n\r\n`, stricter: () => false },
  { name: 'after a chunk size', bytes: (c) => `${TE}3${c}\r\nabc\r\n0\r\n\r\n`, stricter: (c) => '\t '.includes(c) },
];

function verdict(both) {
  if (both.weAccept === both.theyAccept) return 'same';
  return both.theyAccept ? 'stricter' : 'laxer';
}

test('http/differential_every_byte', { skip }, async (t) => {
  for (const { name, bytes, stricter } of places) {
    await t.test(name, async () => {
      const wrong = [];
      for (let from = 0; from < 256; from += 32) {
        await Promise.all(Array.from({ length: 32 }, async (_, i) => {
          const c = String.fromCharCode(from + i);
          const both = await askBoth(bytes(c));
          const got = verdict(both);
          if (got !== (stricter(c) ? 'stricter' : 'same')) {
            wrong.push(`0x${(from + i).toString(16)}: we are ${got} (nginx ${both.theirs}, ours ${both.ours})`);
          }
        }));
      }
      assert.deepEqual(wrong, []);
    });
  }
});
