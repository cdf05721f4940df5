// SPDX-License-Identifier: MIT
// What tests of strings, delivery and procedures share: keys, the real tRPC client, answers as bytes, shapes, jobs.
import assert from 'node:assert/strict';
import http from 'node:http';
import { createTRPCClient, httpBatchLink } from '@trpc/client';
import { trpc, slow } from './server.mjs';

export const identity = { orgSlug: 'acme', projectSlug: 'web' };

export function addKey(server, { org = 'acme', level = 'admin', projects = [], open = false } = {}) {
  return server.cli(['key', 'add', '--org', org, ...(open ? ['--public'] : ['--level', level]), ...projects.flatMap((p) => ['--project', p])]).key;
}

// Procedures of one project by one key: call.query('listKeys', {…}), call.mutate('createKeys', {…}); { batch: true } for
// the other dialect. The answer is that of `trpc`.
export function caller(server, key, project = identity) {
  const merged = (input) => (input === null ? undefined : { ...project, ...input });
  return {
    query: (name, input = {}, options = {}) => trpc(server, `mcp.${name}`, merged(input), { key, ...options }),
    mutate: (name, input = {}, options = {}) => trpc(server, `mcp.${name}`, merged(input), { key, mutation: true, ...options }),
    // Success or the end of the test; the data.
    async get(name, input, options) { return succeeded(await this.query(name, input, options)); },
    async put(name, input, options) { return succeeded(await this.mutate(name, input, options)); },
  };
}

export function succeeded(answer) {
  assert.equal(answer.status, 200, JSON.stringify(answer.body).slice(0, 1000));
  assert.ok(answer.data && typeof answer.data === 'object', JSON.stringify(answer.body).slice(0, 1000));
  return answer.data;
}

// The real client; `seen` collects what it sends.
export function realClient(server, key, { seen = [], header = 'x-api-key' } = {}) {
  const credential = header === 'authorization' ? `Bearer ${key}` : key;
  return createTRPCClient({
    links: [httpBatchLink({
      url: `${server.url}/api/trpc`,
      headers: () => ({ [header]: credential }),
      async fetch(url, options) {
        const answer = await fetch(url, options);
        seen.push({ url: new URL(String(url)), method: options?.method ?? 'GET', body: options?.body, status: answer.status });
        return answer;
      },
    })],
  });
}

// One error element, exact: nothing but the members of the contract, and never a stack.
export function assertTrpcError(element, { code, httpStatus, number, path, message, ...more }) {
  assert.deepEqual(Object.keys(element), ['error'], JSON.stringify(element));
  assert.deepEqual(Object.keys(element.error).sort(), ['code', 'data', 'message']);
  assert.equal(element.error.data.code, code, JSON.stringify(element));
  assert.equal(element.error.data.httpStatus, httpStatus);
  assert.equal(element.error.code, number);
  assert.equal(element.error.data.path, path);
  for (const [name, value] of Object.entries(more)) assert.deepEqual(element.error.data[name], value, name);
  assert.deepEqual(Object.keys(element.error.data).filter((name) => !['code', 'httpStatus', 'path', 'error', 'required'].includes(name)), []);
  if (message instanceof RegExp) assert.match(element.error.message, message);
  else if (message !== undefined) assert.equal(element.error.message, message);
  else assert.ok(element.error.message.length > 0);
}

// Bytes as sent: no decoding, no redirects, one connection for each unless an agent is given.
export function bytes(server, path, { method = 'GET', headers = {}, agent = false, body } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: server.port, path, method, headers, agent, timeout: 30_000 * slow }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const all = Buffer.concat(chunks);
        resolve({ status: answer.statusCode, headers: answer.headers, body: all, text: all.toString('utf8'), get json() { return JSON.parse(all.toString('utf8')); } });
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no answer to ${method} ${path.slice(0, 100)}`)));
    request.on('error', reject);
    request.end(body);
  });
}

// Shapes: 'string', 'number', 'boolean', 'integer', 'iso', 'uuid', a RegExp, a function, [element], or an object whose
// members are exact; a name that ends in "?" may be absent.
export const nullable = (spec) => (value, at) => { if (value !== null) fits(value, spec, at); };
export const mapOf = (spec) => (value, at) => {
  assert.ok(value && typeof value === 'object' && !Array.isArray(value), `${at} is not an object`);
  for (const [name, member] of Object.entries(value)) fits(member, spec, `${at}.${name}`);
};
export const oneOf = (...values) => (value, at) => assert.ok(values.includes(value), `${at}: ${JSON.stringify(value)}`);
const scalars = {
  string: (v) => typeof v === 'string', number: (v) => typeof v === 'number', boolean: (v) => typeof v === 'boolean', integer: Number.isInteger,
  iso: (v) => typeof v === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(v) && !Number.isNaN(Date.parse(v)),
  uuid: (v) => /^[0-9a-f]{8}-[0-9a-f]{4}-[147][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(v),
};
export function fits(value, spec, at = 'answer') {
  if (typeof spec === 'function') return spec(value, at);
  if (spec instanceof RegExp) return assert.match(String(value), spec, at);
  if (typeof spec === 'string') return assert.ok(scalars[spec](value), `${at} is ${JSON.stringify(value)}, not ${spec}`);
  if (Array.isArray(spec)) {
    assert.ok(Array.isArray(value), `${at} is not an array: ${JSON.stringify(value)}`);
    value.forEach((element, i) => fits(element, spec[0], `${at}[${i}]`));
    return undefined;
  }
  assert.ok(value && typeof value === 'object' && !Array.isArray(value), `${at} is not an object: ${JSON.stringify(value)}`);
  const known = new Set();
  for (const [name, member] of Object.entries(spec)) {
    const bare = name.replace(/\?$/, '');
    known.add(bare);
    if (value[bare] === undefined) assert.ok(name.endsWith('?'), `${at}.${bare} is missing in ${JSON.stringify(value)}`);
    else fits(value[bare], member, `${at}.${bare}`);
  }
  assert.deepEqual(Object.keys(value).filter((name) => !known.has(name)), [], `${at} has members that the contract has not`);
  return undefined;
}

export const publish = (server, project = 'acme/web') => server.cli(['publish', project, '--wait']);

// A text of every kind that a delivered file may hold, for byte comparisons.
export const difficult = {
  quote: 'He said "no" \\ / \b\f\n\r\t', script: '</script><!-- x -->', emoji: '👩‍👩‍👧 \u{1F600}', rtl: '\u202Bمرحبا\u202C', combining: 'e\u0301 é', line: 'a\u2028b\u2029c',
  empty: '', blanks: '  two  ', zero: 'a\u0000b', del: '\u007f', private: '\ue000', astral: '𝒳', icu: '{count, plural, =0 {none} one {# item} other {# items}}',
};

// JSON text with members in byte order at every level: what "equal" means where order says nothing.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value && typeof value === 'object') return `{${Object.keys(value).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
  return JSON.stringify(value);
}
