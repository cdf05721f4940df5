// SPDX-License-Identifier: MIT
// Starting and stopping: what a server refuses to start with, in words that say what to do, and how it ends.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import net from 'node:net';
import { Server, api, binary, slow } from '../lib/server.mjs';
import { eventually, rawGet } from '../lib/oauth.mjs';

// Runs `serve` (or other arguments) to its end, which must come by itself.
function runs(server, args = [], env = {}) {
  const child = spawn(binary, ['serve', ...(args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0']), ...args], { env: server.env(env), stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '', stdout = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { stderr += text; });
  child.stdout.setEncoding('utf8').on('data', (text) => { stdout += text; });
  const guard = setTimeout(() => child.kill('SIGKILL'), 20_000 * slow);
  return new Promise((resolve) => child.once('close', (status, signal) => {
    clearTimeout(guard);
    resolve({ status, signal, stderr, stdout });
  }));
}

function refused(done, status, ...says) {
  assert.equal(done.signal, null, `ended by ${done.signal}: ${done.stderr}`);
  assert.equal(done.status, status, done.stderr);
  const last = done.stderr.trim().split('\n').at(-1);
  assert.match(last, /^bi18n serve: /);
  assert.doesNotMatch(last, /[Ii]nternal error/);
  for (const says1 of says) assert.match(last, says1);
}

// A server's directory in which nothing runs yet.
const servers = [];
const fresh = (options) => {
  const server = new Server(options);
  servers.push(server);
  return server;
};
after(async () => { for (const server of servers) await server.close(); });

describe('refuses to start, and says what to do', () => {
  test('a second server on the same data directory: exit 1, names the process', async () => {
    const server = fresh();
    await server.start();
    refused(await runs(server), 1, /another bi18n process/, new RegExp(`pid ${server.process.pid}\\b`));
    assert.equal((await api(server, '/ready')).status, 200, 'the first one is not disturbed');
    assert.equal(server.run(['org', 'list']).status, 0, 'its control socket is still its own');
    await server.stop();
  });

  test('a directory in which it may not write', { skip: process.getuid?.() === 0 && !existsSync('/proc/self') && 'root may write everywhere' }, async () => {
    if (process.getuid?.() === 0) {
      const done = await runs(fresh(), ['--data', '/proc/bi18n']);
      refused(done, 4, /\/proc\/bi18n/);
      return;
    }
    const server = fresh();
    mkdirSync(server.data);
    chmodSync(server.data, 0o500);
    refused(await runs(server), 4, /cannot write in data directory/, /[Pp]ermission denied/);
  });

  test('a data directory whose parent is missing', async () => {
    const server = fresh();
    server.data = join(server.base, 'no', 'such', 'data');
    refused(await runs(server), 4, /no\/such\/data/, /No such file or directory/);
    assert.equal(existsSync(join(server.base, 'no')), false);
  });

  test('a data path that is a file', async () => {
    const server = fresh();
    writeFileSync(server.data, 'text');
    refused(await runs(server), 4, /is not a directory/);
    assert.equal(readFileSync(server.data, 'utf8'), 'text');
  });

  test('a database file that is something else, or another program\'s', async () => {
    const server = fresh();
    mkdirSync(server.data);
    writeFileSync(join(server.data, 'bi18n.db'), 'this is not a database at all, but a text that is long enough to be one. '.repeat(20));
    refused(await runs(server), 4, /bi18n\.db is not a database of bi18n, or it is damaged/);
    assert.match(readFileSync(join(server.data, 'bi18n.db'), 'utf8'), /^this is not a database/, 'it is left as it was');
  });

  test('a database whose first page was overwritten', async () => {
    const server = fresh();
    server.cli(['init']);
    const path = join(server.data, 'bi18n.db');
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 0, 4096);
    writeFileSync(path, bytes);
    refused(await runs(server), 4, /not a database of bi18n, or it is damaged/);
  });

  test('a port that is taken, by another program or another bi18n: exit 4, names the address', async (t) => {
    const holder = net.createServer().listen(0, '127.0.0.1');
    t.after(() => holder.close());
    await new Promise((resolve) => holder.once('listening', resolve));
    const other = fresh();
    await other.start();
    t.after(() => other.stop());
    for (const port of [holder.address().port, other.port]) {
      const done = await runs(fresh(), ['--listen', `127.0.0.1:${port}`]);
      refused(done, 4, new RegExp(`127\\.0\\.0\\.1:${port}\\b`), /in use/);
    }
  });

  for (const bad of ['127.0.0.1', 'nonsense', '127.0.0.1:99999', '127.0.0.1:x', ':0x10', '127.0.0.1:-1', 'localhost:', '[::1', '999.1.1.1:80']) {
    test(`--listen ${bad}`, async () => {
      const done = await runs(fresh(), ['--listen', bad, '--public-url', 'http://127.0.0.1:1']);
      assert.equal(done.signal, null, done.stderr);
      assert.equal(done.status, 1, done.stderr);
      const last = done.stderr.trim().split('\n').at(-1);
      assert.match(last, /^bi18n serve: .*listen/i);
      assert.ok(last.includes(bad), `names the value: ${last}`);
    });
  }

  test('a listen address that others can reach, without public_url (rule_018 rule_228)', async () => {
    for (const listen of ['0.0.0.0:0', '[::]:0', ':0']) refused(await runs(fresh(), ['--listen', listen]), 1, /public_url/, /--public-url/);
  });

  for (const [env, ...says] of [
    [{ BI18N_HTTP_LOOPS: 'many' }, /http_loops/, /"many"/, /0 to 256/, /BI18N_HTTP_LOOPS/],
    [{ BI18N_HTTP_LOOPS: '1000' }, /http_loops/, /1000/, /0 to 256/],
    [{ BI18N_HTTP_HEADER_BYTES_MAX: '1' }, /http_header_bytes_max/, /1024 to 1048576/],
    [{ BI18N_SESSION_TTL_S: '-1d' }, /session_ttl_s/, /300 to 31536000/],
    [{ BI18N_CODE_TTL_S: '99999999999999999999' }, /code_ttl_s/, /10 to 600/],
    [{ BI18N_ACCESS_LOG: 'perhaps' }, /access_log/, /"perhaps"/, /yes or no/],
    [{ BI18N_LOG_LEVEL: 'loud' }, /log_level/, /"loud"/, /debug, info, warn/],
    [{ BI18N_MISSING_CONTENT: 'odd404' }, /missing_content/, /"odd404"/, /compat/],
    [{ BI18N_PUBLIC_URL: 'ftp://example.com' }, /public_url/, /"ftp:\/\/example\.com"/, /https:\/\//],
    [{ BI18N_PUBLIC_URL: 'https://example.com/' }, /public_url/, /slash/],
    [{ BI18N_DATABASE: 'mysql://x' }, /database/, /postgres:\/\//],
    [{ BI18N_TRUSTED_PROXIES: '10.0.0.0/99' }, /trusted_proxies/, /10\.0\.0\.0\/99/],
  ]) {
    test(`the setting ${Object.entries(env)[0].join('=')}`, async () => {
      const done = await runs(fresh(), [], env);
      assert.equal(done.signal, null);
      assert.ok([1, 2].includes(done.status), `${done.status}: ${done.stderr}`);
      for (const says1 of says) assert.match(done.stderr.trim().split('\n').at(-1), says1);
    });
  }

  test('bi18n.conf with an unknown name, a bad value, a section, a line without a value', async () => {
    for (const [text, ...says] of [
      ['no_such_setting = 1\n', /no_such_setting/, /config show/],
      ['http_loops = 1\nhttp_loops = lots\n', /line 2/, /http_loops/],
      ['[server]\nhttp_loops = 1\n', /line 2/, /section/],
      ['http_loops\n', /line 1/, /name = value/],
      ['http_loops = \u0000\n', /not a text file/],
    ]) {
      const server = fresh();
      mkdirSync(server.data);
      writeFileSync(join(server.data, 'bi18n.conf'), text);
      refused(await runs(server), 2, /bi18n\.conf/, ...says);
    }
  });

  test('the value of a secret setting is never shown', async () => {
    const secret = `s3cr3t-${'x'.repeat(300)}`;
    const done = await runs(fresh(), [], { BI18N_METRICS_TOKEN: secret });
    refused(done, 2, /metrics_token/, /0 to 255/);
    assert.doesNotMatch(done.stderr + done.stdout, /s3cr3t/);
  });
});

describe('the server key', () => {
  let server, path;
  before(() => {
    server = fresh();
    server.cli(['init']);
    path = `${server.data}.key`;
  });

  test('init makes it beside the data directory, for its owner alone, and the store is private too', () => {
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(server.data).mode & 0o777, 0o700);
    assert.equal(statSync(join(server.data, 'bi18n.db')).mode & 0o777, 0o600);
    const key = readFileSync(path, 'utf8');
    assert.equal(server.run(['init']).status, 0);
    assert.equal(readFileSync(path, 'utf8'), key, 'never replaced');
  });

  test('missing: refuses, names the file, makes no other one', async () => {
    const key = readFileSync(path);
    rmSync(path);
    refused(await runs(server), 1, new RegExp(`${path} is missing`), /put the saved file back/, /secret_key_file/);
    assert.equal(existsSync(path), false);
    writeFileSync(path, key, { mode: 0o600 });
  });

  test('of another store: refuses', async () => {
    const other = fresh();
    other.cli(['init']);
    refused(await runs(server, [], { BI18N_SECRET_KEY_FILE: `${other.data}.key` }), 1, /belongs to another store/);
  });

  test('readable by others: refuses and says chmod 600', async () => {
    for (const mode of [0o640, 0o604, 0o620]) {
      chmodSync(path, mode);
      refused(await runs(server), 1, /chmod 600/);
    }
    chmodSync(path, 0o600);
  });

  test('damaged, empty or a directory: refuses, and does not show what is in it', async () => {
    const key = readFileSync(path);
    for (const bytes of ['', 'tooshort\n', `${key.toString().trim()}AAAA\n`, '\u0000'.repeat(44)]) {
      writeFileSync(path, bytes, { mode: 0o600 });
      const done = await runs(server);
      refused(done, 1, /damaged/);
      assert.doesNotMatch(done.stderr, /tooshort/);
    }
    rmSync(path);
    mkdirSync(path, { mode: 0o700 });
    refused(await runs(server), 1, /regular file/);
    rmSync(path, { recursive: true });
    writeFileSync(path, key, { mode: 0o600 });
    await server.start();
    await server.stop();
  });
});

describe('the end', () => {
  // A request whose body is still on its way.
  async function inFlight(server) {
    const socket = net.connect(server.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    let text = '';
    socket.setEncoding('latin1').on('data', (part) => { text += part; });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    const body = 'grant_type=refresh_token&refresh_token=rt_x&client_id=none';
    // The interim answer says that the request has been taken in.
    socket.write(`POST /api/auth/mcp/token HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`);
    await eventually('100 Continue', () => text.includes('100 Continue'));
    return { socket, body, closed, answer: () => text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '') };
  }
  const accepts = (server) => new Promise((resolve) => {
    const socket = net.connect(server.port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });

  for (const signal of ['SIGTERM', 'SIGINT']) {
    test(`${signal}: no new connections, the request in flight is answered, idle ones are closed, exit 0`, async () => {
      const server = fresh();
      await server.start();
      const idle = net.connect(server.port, '127.0.0.1');
      await new Promise((resolve) => idle.once('connect', resolve));
      idle.write(`GET /health HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`);
      await new Promise((resolve) => idle.once('data', resolve));
      const idleClosed = new Promise((resolve) => idle.once('close', resolve));
      idle.resume();
      const request = await inFlight(server);
      const stopped = server.stop(signal);
      await eventually('no new connections', async () => !(await accepts(server)));
      await idleClosed;
      request.socket.write(request.body);
      await request.closed;
      assert.match(request.answer(), /^HTTP\/1\.1 40[01] /);
      assert.match(request.answer(), /connection: close/i);
      assert.match(request.answer(), /"error":/);
      assert.deepEqual(await stopped, { code: 0, signal: null });
      assert.equal(existsSync(join(server.data, 'control.sock')), false, 'the control socket goes with the server');
      assert.equal(readdirSync(server.data).some((name) => name.endsWith('-wal')), false, 'the log is folded into the store');
    });
  }

  test('SIGTERM with a client that never ends its request: cut off after shutdown_grace_ms', async () => {
    const server = fresh({ settings: { shutdown_grace_ms: 300 } });
    await server.start();
    const request = await inFlight(server);
    const began = Date.now();
    assert.deepEqual(await server.stop('SIGTERM'), { code: 0, signal: null });
    assert.ok(Date.now() - began < 5_000 * slow);
    await request.closed;
  });

  test('SIGHUP goes on', async () => {
    const server = fresh();
    await server.start();
    const pid = server.process.pid;
    server.process.kill('SIGHUP');
    await eventually('it is noted', () => /hangup/.test(server.output));
    assert.equal((await api(server, '/health')).status, 200);
    assert.equal(server.process.pid, pid);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  });

  test('a stopped server can be started again at once on the same port', async () => {
    const server = fresh();
    await server.start();
    for (let i = 0; i < 3; i++) {
      assert.equal((await rawGet(server, '/health')).status, 200);
      await server.stop();
      await server.start();
    }
  });
});

test('serve --listen 127.0.0.1:0 takes a free port and says which', async () => {
  const server = fresh();
  const child = spawn(binary, ['serve', '--listen', '127.0.0.1:0'], { env: server.env(), stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (part) => { text += part; });
  const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  const port = await eventually('the line that says where', () => /url=http:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1]);
  assert.notEqual(port, '0');
  assert.equal((await fetch(`http://127.0.0.1:${port}/ready`)).status, 200);
  child.kill();
  assert.equal(await ended, 0);
});

test('start to first answer: a new store and one that exists', async (t) => {
  const server = fresh();
  for (const what of ['a new store', 'the same store again']) {
    const began = performance.now();
    await server.start();
    const ms = performance.now() - began;
    t.diagnostic(`${what}: ${ms.toFixed(0)} ms from spawn to 200 on /ready`);
    assert.ok(ms < 10_000 * slow);
    await server.stop();
  }
});
