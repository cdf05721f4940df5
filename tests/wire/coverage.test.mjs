// SPDX-License-Identifier: MIT
// What no test ever calls does not count as working: each route of the API description and each procedure must be
// exercised by a test of this folder or its neighbours, each command by commands.test.mjs (which checks that itself).
// A helper of tests/lib counts where a test uses it, not where it is written.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root, startServer } from '../lib/server.mjs';
import { addKey, bytes } from '../lib/strings.mjs';

const tests = join(root, 'tests'), self = 'coverage.test.mjs';
let server;
before(async () => {
  server = await startServer();
  server.seed();
});
after(() => server?.close());

// Top-level declarations of the shared files: name -> text.
function declarations(text) {
  const found = new Map();
  for (const part of text.split(/^(?=(?:export )?(?:async )?(?:function|const|class|let) )/m)) {
    const name = /^(?:export )?(?:async )?(?:function|const|class|let) ([A-Za-z_$][\w$]*)/.exec(part)?.[1];
    if (name) found.set(name, part);
  }
  return found;
}
const shared = new Map();
for (const file of readdirSync(join(tests, 'lib')).filter((f) => f.endsWith('.mjs'))) for (const [name, text] of declarations(readFileSync(join(tests, 'lib', file), 'utf8'))) shared.set(name, text);

// The text of a test file with the helpers that it uses, and those that they use. Methods of a class come with it.
function reach(text) {
  const seen = new Set(), parts = [text], queue = [text];
  while (queue.length > 0) {
    for (const [word] of queue.pop().matchAll(/[A-Za-z_$][\w$]*/g)) {
      if (!shared.has(word) || seen.has(word)) continue;
      seen.add(word);
      parts.push(shared.get(word));
      queue.push(shared.get(word));
    }
  }
  return inlined(parts.join('\n'));
}
// `${API}/me` with const API = '/api/x' is '/api/x/me'.
function inlined(text) {
  for (const [, name, value] of text.matchAll(/^const ([A-Za-z_$][\w$]*) = '(\/[^']*)';/gm)) text = text.replaceAll(`\${${name}}`, value);
  return text;
}
const sources = readdirSync(tests, { recursive: true }).filter((f) => f.endsWith('.test.mjs') && !f.includes('node_modules') && basename(f) !== self)
  .map((file) => ({ file, text: reach(readFileSync(join(tests, file), 'utf8')) }));

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

// "/a/{x}/b" as tests write it, literal or template, nothing longer; a row that looks a path up in the description is no call.
function pathPattern(path) {
  const segments = path.split(/\{[^}]+\}/).map(escaped);
  return new RegExp(`${segments.join('(?:\\$\\{[^}]*\\}|[^/\'"`\\s${}])+')}(?![\\w/{$-])(?!', '(?:get|post|delete)')`);
}
const methodPattern = { get: /./s, post: /POST|mutation: true|rawPost|mintRaw|tokenRequest|revokeRequest|json:/, delete: /DELETE/, put: /PUT/, patch: /PATCH/ };

test('every route of the API description is exercised by a test', async () => {
  const { paths } = (await bytes(server, '/openapi.json')).json;
  const routes = Object.entries(paths).flatMap(([path, item]) => Object.keys(item).filter((m) => m in methodPattern).map((method) => [method, path]));
  assert.ok(routes.length >= 15, `${routes.length} routes`);
  const missing = routes.filter(([method, path]) => {
    const pattern = pathPattern(path);
    return !sources.some(({ text }) => {
      for (let from = 0, hit; (hit = pattern.exec(text.slice(from))); from += hit.index + 1) {
        const around = text.slice(Math.max(0, from + hit.index - 250), from + hit.index + hit[0].length + 250);
        if (methodPattern[method].test(around)) return true;
      }
      return false;
    });
  });
  assert.deepEqual(missing.map(([method, path]) => `${method.toUpperCase()} ${path}`), [], 'no test calls these');
});

// The table in the source is the list; the server agrees that each is there.
const table = [...readFileSync(join(root, 'src', 'rpc', 'procedures.c'), 'utf8').matchAll(/\{ "(\w+\.\w+)",\s+PROCEDURE_(QUERY|MUTATION),/g)].map((m) => ({ name: m[1], type: m[2] }));

test('every procedure of the table is served, and with its method', async () => {
  assert.ok(table.length >= 16, `${table.length} procedures`);
  const key = addKey(server);
  for (const { name, type } of table) {
    for (const method of ['GET', 'POST']) {
      const answer = await bytes(server, `/api/trpc/${name}`, { method, headers: { 'x-api-key': key, 'content-type': 'application/json' }, body: method === 'POST' ? '{}' : undefined });
      const right = (method === 'POST') === (type === 'MUTATION');
      assert.equal(answer.status === 405, !right, `${method} ${name}: ${answer.text}`);
      assert.ok(!answer.text.includes('No procedure found'), name);
    }
  }
});

test('every procedure is called by a test', () => {
  const missing = table.filter(({ name, type }) => {
    const bare = name.split('.')[1], verb = type === 'QUERY' ? '(?:query|get)' : '(?:mutate|put)';
    const called = new RegExp(`\\.${verb}\\('${bare}'|mcp\\.${bare}\\.(?:query|mutate)\\(|'${escaped(name)}'|\\['${verb.includes('query') ? 'query' : 'mutate'}', '${bare}'`);
    return !sources.some(({ text }) => called.test(text));
  });
  assert.deepEqual(missing.map((m) => m.name), [], 'no test calls these');
});

test('this file can fail: a route and a procedure that nobody calls are found out', () => {
  const pattern = pathPattern('/api/oauth-client/{nothing}/like-this');
  assert.ok(!sources.some(({ text }) => pattern.test(text)));
  assert.ok(pathPattern('/api/oauth-client/installations/{grantId}/tokens').test('`/api/oauth-client/installations/${id}/tokens`'));
  assert.ok(!pathPattern('/api/oauth-client/installations/{grantId}').test('`/api/oauth-client/installations/${id}/tokens`'));
  assert.ok(!pathPattern('/api/oauth-client/me').test("'/api/oauth-client/members'"));
  assert.ok(!pathPattern('/api/oauth-client/me').test("['/api/oauth-client/me', 'get']"));
  assert.equal(inlined("const A = '/a';\n`${A}/b`"), "const A = '/a';\n`/a/b`");
});
