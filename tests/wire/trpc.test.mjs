// SPDX-License-Identifier: MIT
// The tRPC envelope: both dialects, the real client, errors, who may call. What procedures answer is in
// trpc_procedures.test.mjs.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { TRPCClientError } from '@trpc/client';
import { Server, api, connect, mint, startServer, trpc } from '../lib/server.mjs';
import { raw, rawGet } from '../lib/oauth.mjs';
import { addKey, assertTrpcError, bytes, caller, identity, realClient } from '../lib/strings.mjs';

let server, seed, key, call;

before(async () => {
  server = await startServer({ settings: { publish_cooldown_s: 0 } });
  seed = server.seed();
  server.cli(['user', 'add', '--email', 'bob@example.com', '--name', 'Bob'], { input: 'a long password\n' });
  server.cli(['org', 'add', '--slug', 'other', '--name', 'Other', '--owner', 'bob@example.com']);
  server.cli(['project', 'add', 'other/site', '--source', 'en']);
  server.cli(['project', 'add', 'acme/second', '--source', 'en']);
  key = addKey(server);
  call = caller(server, key);
});
after(() => server?.close());

const post = (path, body, headers = {}) => bytes(server, `/api/trpc/${path}`, { method: 'POST', body, headers: { 'x-api-key': key, ...headers } });
const get = (path, headers = {}) => bytes(server, `/api/trpc/${path}`, { headers: { 'x-api-key': key, ...headers } });
const json = { 'content-type': 'application/json' };
const encoded = (value) => encodeURIComponent(JSON.stringify(value));

// The real client ---------------------------------------------------------------------------------

test('real client: a lone query, with and without input', async () => {
  const seen = [], client = realClient(server, key, { seen });
  const listed = await client.mcp.listProjects.query();
  assert.deepEqual(listed.projects.map((p) => p.slug), ['acme/second', 'acme/web']);
  const project = await client.mcp.getProject.query(identity);
  assert.equal(project.prj, 'acme/web');
  assert.deepEqual(seen.map((s) => [s.method, s.url.pathname, s.url.searchParams.get('batch'), s.status]), [['GET', '/api/trpc/mcp.listProjects', '1', 200], ['GET', '/api/trpc/mcp.getProject', '1', 200]]);
  assert.equal(seen[0].url.searchParams.get('input'), '{}');
});

test('real client: queries of one tick are one request, answered in their order', async () => {
  const seen = [], client = realClient(server, key, { seen });
  const [project, keys, listed, again] = await Promise.all([client.mcp.getProject.query(identity), client.mcp.listKeys.query(identity), client.mcp.listProjects.query(), client.mcp.getProject.query({ ...identity, projectSlug: 'second' })]);
  assert.equal(seen.length, 1);
  assert.equal(seen[0].url.pathname, '/api/trpc/mcp.getProject,mcp.listKeys,mcp.listProjects,mcp.getProject');
  assert.ok(!('2' in JSON.parse(seen[0].url.searchParams.get('input'))), 'a call without input has no entry');
  assert.deepEqual([project.prj, keys.tot, listed.projects.length, again.prj], ['acme/web', 4, 2, 'acme/second']);
});

test('real client: mutations of one tick go in one POST and take effect in the order of their positions', async () => {
  const seen = [], client = realClient(server, key, { seen });
  const { k: [{ id }] } = await client.mcp.createKeys.mutate({ ...identity, k: [{ n: 'order', v: '0' }] });
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 20 }, (_, i) => client.mcp.updateKeys.mutate({ ...identity, t: [{ id, l: 'en', s: true, t: `${round}-${i}` }] })));
    const { keys } = await client.mcp.getAllTranslations.query({ ...identity, keys: ['order'] });
    assert.equal(keys[0].src, `${round}-19`);
  }
  const posts = seen.filter((s) => s.method === 'POST');
  assert.equal(posts.length, 6);
  assert.equal(posts[1].url.pathname.split(',').length, 20);
  await client.mcp.deleteKeys.mutate({ ...identity, keyIds: [id] });
});

test('real client: one batch may create a key, name it in the next position and publish in the last', async () => {
  const client = realClient(server, key);
  const results = await Promise.all([
    client.mcp.addLanguages.mutate({ ...identity, languages: [{ languageCode: 'pl' }] }),
    client.mcp.createKeys.mutate({ ...identity, k: [{ n: 'chain', ns: 'flow', v: 'Chain', t: { pl: 'Łańcuch' } }] }),
    client.mcp.publishTranslations.mutate(identity),
  ]);
  assert.equal(results[1].k[0].tr, 1, 'the language of position 0 is there for position 1');
  await client.mcp.getSync.query({ syncId: results[2].syncJobIds[0], waitMs: 20_000 });
  const delivered = await (await fetch(`${server.url}/acme/web/pl.json`)).json();
  assert.equal(delivered.flow.chain, 'Łańcuch');
});

test('real client: the error that a caller sees has message, code, status and path', async () => {
  const client = realClient(server, key);
  const outcomes = await Promise.allSettled([client.mcp.getProject.query(identity), client.mcp.getProject.query({ ...identity, projectSlug: 'nope' }), client.mcp.listKeys.query({ orgSlug: 'acme' }), client.mcp.nothing.query({})]);
  assert.deepEqual(outcomes.map((o) => o.status), ['fulfilled', 'rejected', 'rejected', 'rejected']);
  const errors = outcomes.slice(1).map((o) => o.reason);
  for (const error of errors) assert.ok(error instanceof TRPCClientError);
  assert.deepEqual(errors.map((e) => [e.data.code, e.data.httpStatus, e.data.path]), [['NOT_FOUND', 404, 'mcp.getProject'], ['BAD_REQUEST', 400, 'mcp.listKeys'], ['NOT_FOUND', 404, 'mcp.nothing']]);
  assert.equal(errors[0].message, 'Project not found');
  assert.equal(errors[0].shape.code, -32004);
  assert.deepEqual(JSON.parse(errors[1].message)[0].path, ['projectSlug']);
  assert.equal(errors[2].message, 'No procedure found on path "mcp.nothing"');
});

test('real client: 2 000 key names make a target of 65 kB, which is answered', async () => {
  const seen = [], client = realClient(server, key, { seen });
  const keys = Array.from({ length: 2000 }, (_, i) => `some.long.key.name.${i}`);
  const answer = await client.mcp.getAllTranslations.query({ ...identity, keys });
  assert.ok(seen[0].url.href.length > 60_000, `${seen[0].url.href.length}`);
  assert.equal(answer.tot, 0);
});

// Encoding ----------------------------------------------------------------------------------------

test('5.1 un-batched: one object; the input stands alone, or is absent', async () => {
  for (const target of ['mcp.listProjects', 'mcp.listProjects?input=%7B%7D', 'mcp.listProjects?input=']) {
    const answer = await get(target);
    assert.equal(answer.status, 200, target);
    assert.deepEqual(Object.keys(answer.json), ['result']);
    assert.equal(answer.json.result.data.projects.length, 2);
  }
  const project = await get(`mcp.getProject?input=${encoded(identity)}`, json);
  assert.equal(project.json.result.data.slug, 'acme/web');
});

test('5.1 batched: an array, even for one call; un-batched members stay out (R16)', async () => {
  const answer = await get(`mcp.getProject?batch=1&input=${encoded({ 0: identity })}`);
  assert.ok(Array.isArray(answer.json) && answer.json.length === 1);
  assert.ok(!('slug' in answer.json[0].result.data));
});

test('5.1 an escaped comma separates like a plain one; the path is decoded before it is split', async () => {
  const answer = await get('mcp%2ElistProjects%2Cmcp.listProjects?batch=1&input=%7B%7D');
  assert.equal(answer.status, 200);
  assert.equal(answer.json.length, 2);
});

test('5.1 without batch=1 a comma is a part of the name', async () => {
  const answer = await get('mcp.listProjects,mcp.listProjects');
  assertTrpcError(answer.json, { code: 'NOT_FOUND', httpStatus: 404, number: -32004, path: 'mcp.listProjects,mcp.listProjects' });
});

test('5.2 headers of every answer: JSON, vary, no-store, no CORS (R35)', async () => {
  const answers = [await get('mcp.listProjects'), await get('mcp.nope'), await post('mcp.createKeys', '{', json), await get('mcp.listProjects?batch=1&input=%7B%7D', { 'x-api-key': 'bi-nope', origin: 'https://a.example' })];
  for (const answer of answers) {
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.match(answer.headers.vary, /trpc-accept, accept/);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
    assert.equal(answer.headers['content-length'], String(answer.body.length));
  }
});

test('5.3 statuses of a batch: 200, the common one, or 207', async () => {
  const one = (projectSlug) => ({ ...identity, projectSlug });
  const batch = (...slugs) => get(`${slugs.map(() => 'mcp.getProject').join(',')}?batch=1&input=${encoded(Object.fromEntries(slugs.map((s, i) => [i, s === null ? {} : one(s)])))}`);
  assert.equal((await batch('web', 'second')).status, 200);
  assert.equal((await batch('nope', 'nada')).status, 404);
  assert.equal((await batch(null, null)).status, 400);
  assert.equal((await batch('nope', null)).status, 207, 'two different failures');
  const mixed = await batch('web', 'nope', 'second');
  assert.equal(mixed.status, 207);
  assert.deepEqual(mixed.json.map((e) => Object.keys(e)[0]), ['result', 'error', 'result']);
});

test('5.4 a failing item does not touch the others, also among mutations', async () => {
  const body = { 0: { ...identity, k: [{ n: 'first', v: '1' }] }, 1: { ...identity, k: [] }, 2: { ...identity, k: [{ n: 'third', v: '3' }] } };
  const answer = await post('mcp.createKeys,mcp.createKeys,mcp.createKeys?batch=1', JSON.stringify(body), json);
  assert.equal(answer.status, 207);
  assert.equal(answer.json[1].error.data.code, 'BAD_REQUEST');
  const { keys } = await call.get('getAllTranslations', { keys: ['first', 'third'] });
  assert.deepEqual(keys.map((k) => k.k), ['first', 'third']);
});

test('5.4 unknown members are ignored, and null is the same as absent where a member may be absent', async () => {
  const answer = await call.query('listKeys', { page: null, limit: null, search: null, namespaces: null, fields: null, nothing: { x: 1 }, missingLanguage: '' });
  const plain = await call.query('listKeys', {});
  assert.deepEqual(answer.data, plain.data);
});

test('5.4 at least 100 calls fit in a batch; one more is one BAD_REQUEST', async () => {
  const many = (n) => get(`${Array(n).fill('mcp.listProjects').join(',')}?batch=1&input=%7B%7D`);
  const full = await many(100);
  assert.equal(full.status, 200);
  assert.equal(full.json.length, 100);
  const over = await many(101);
  assert.equal(over.status, 400);
  assertTrpcError(over.json, { code: 'BAD_REQUEST', httpStatus: 400, number: -32600, message: 'Batch call exceeds maximum size' });
});

test('text survives byte for byte in both directions and both dialects', async () => {
  const text = 'Giriş — "quoted" \\ 日本語 👩‍👩‍👧 مرحبا e\u0301 \u2028';
  const { k: [{ id }] } = await call.put('createKeys', { k: [{ n: 'süß.名', v: text, t: { tr: text } }] }, { batch: true });
  for (const batch of [false, true]) {
    const { keys } = await call.get('getAllTranslations', { search: '名', languages: ['tr'] }, { batch });
    assert.deepEqual([keys[0].k, keys[0].src, keys[0].tr.tr.t], ['süß.名', text, text]);
  }
  const raw = await get(`mcp.getAllTranslations?input=${encoded({ ...identity, search: 'Giriş' })}`);
  assert.ok(raw.body.includes(Buffer.from('Giriş — ')), 'UTF-8 itself, not escapes');
  await call.put('deleteKeys', { keyIds: [id] });
});

// Errors of the protocol --------------------------------------------------------------------------

const refusals = [
  ['unknown procedure', () => get('mcp.nope?input=%7B%7D'), { code: 'NOT_FOUND', httpStatus: 404, number: -32004, path: 'mcp.nope', message: 'No procedure found on path "mcp.nope"' }],
  ['another router', () => get('admin.secrets'), { code: 'NOT_FOUND', httpStatus: 404, number: -32004, path: 'admin.secrets' }],
  ['names are exact', () => get('mcp.ListProjects'), { code: 'NOT_FOUND', httpStatus: 404, number: -32004, path: 'mcp.ListProjects' }],
  ['POST to a query', () => post('mcp.listKeys', '{}', json), { code: 'METHOD_NOT_SUPPORTED', httpStatus: 405, number: -32005, path: 'mcp.listKeys', message: 'Unsupported POST-request to query procedure at path "mcp.listKeys"' }],
  ['GET to a mutation', () => get('mcp.createKeys?input=%7B%7D'), { code: 'METHOD_NOT_SUPPORTED', httpStatus: 405, number: -32005, path: 'mcp.createKeys', message: 'Unsupported GET-request to mutation procedure at path "mcp.createKeys"' }],
  ['malformed JSON in input', () => get('mcp.listKeys?input=%7B'), { code: 'BAD_REQUEST', httpStatus: 400, number: -32600, path: 'mcp.listKeys', message: /JSON/ }],
  ['malformed JSON in the body', () => post('mcp.createKeys', '{"k":[}', json), { code: 'BAD_REQUEST', httpStatus: 400, number: -32600, path: 'mcp.createKeys', message: /JSON/ }],
  ['no content type', () => post('mcp.createKeys', '{}'), { code: 'UNSUPPORTED_MEDIA_TYPE', httpStatus: 415, number: -32015, message: /content-type/i }],
  ['another content type', () => post('mcp.createKeys', '{}', { 'content-type': 'text/plain' }), { code: 'UNSUPPORTED_MEDIA_TYPE', httpStatus: 415, number: -32015, message: /text\/plain/ }],
  ['a form', () => post('mcp.createKeys?batch=1', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }), { code: 'UNSUPPORTED_MEDIA_TYPE', httpStatus: 415, number: -32015 }],
  ['R25 input twice', () => get('mcp.listProjects?input=%7B%7D&input=%7B%7D'), { code: 'BAD_REQUEST', httpStatus: 400, number: -32600, message: /input/ }],
  ['R25 batch twice', () => get('mcp.listProjects?batch=1&batch=1&input=%7B%7D'), { code: 'BAD_REQUEST', httpStatus: 400, number: -32600, message: /batch/ }],
  ['mixed types', () => get('mcp.listProjects,mcp.createKeys?batch=1&input=%7B%7D'), { code: 'BAD_REQUEST', httpStatus: 400, number: -32600, message: /^Cannot mix procedure types in call: / }],
];
for (const [name, ask, expected] of refusals) {
  test(`5.5 ${name}`, async () => {
    const answer = await ask();
    assert.equal(answer.status, expected.httpStatus, answer.text);
    assertTrpcError(answer.json, expected);
  });
}

test('5.5 a batch whose input is no object', async () => {
  const message = '"input" needs to be an object when doing a batch call';
  for (const body of ['[]', '"x"', '1', 'null']) {
    const answers = [await post('mcp.createKeys?batch=1', body, json), await get(`mcp.listProjects?batch=1&input=${encodeURIComponent(body)}`)];
    for (const answer of answers) {
      assert.equal(answer.status, 400, `${body}: ${answer.text}`);
      const element = Array.isArray(answer.json) ? answer.json[0] : answer.json;
      assert.equal(element.error.message, message);
      assert.equal(element.error.code, -32600);
    }
  }
});

test('5.5 each failing position of a batch names its own procedure', async () => {
  const answer = await get('mcp.nope,mcp.nada?batch=1&input=%7B%7D');
  assert.equal(answer.status, 404);
  assert.deepEqual(answer.json.map((e) => e.error.data.path), ['mcp.nope', 'mcp.nada']);
});

test('5.5 HEAD is answered with 204 and nothing', async () => {
  const answer = await bytes(server, '/api/trpc/mcp.listProjects', { method: 'HEAD', headers: { 'x-api-key': key } });
  assert.equal(answer.status, 204);
  assert.equal(answer.body.length, 0);
});

test('content type parameters and capitals are taken', async () => {
  for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/json;charset=UTF-8']) {
    const answer = await post('mcp.updateLanguages', JSON.stringify({ ...identity, updates: [{ languageCode: 'de', status: 'active' }] }), { 'content-type': type });
    assert.equal(answer.status, 200, type);
  }
});

test('an error never carries a stack, a path of the file system or a database message', async () => {
  for (const answer of [await get('mcp.nope'), await get('mcp.listKeys?input=%7B%22orgSlug%22%3A1%7D'), await post('mcp.updateKeys', JSON.stringify({ ...identity, t: [{ id: '\u0000', l: 'tr', t: 'x' }] }), json), await post('mcp.createKeys', JSON.stringify({ ...identity, k: [{ n: 'x'.repeat(100_000) }] }), json)]) {
    assert.doesNotMatch(answer.text, /stack|sqlite|postgres|\/src\/|\.c:\d|\/tmp\//i);
    assert.notEqual(answer.status, 500, answer.text.slice(0, 300));
  }
});

// Validation (5.6) --------------------------------------------------------------------------------

const issues = [
  ['missing text', 'query', 'getProject', { projectSlug: undefined }, [{ expected: 'string', code: 'invalid_type', path: ['projectSlug'], message: 'Invalid input: expected string, received undefined' }]],
  ['number for a text', 'query', 'getProject', { orgSlug: 7 }, [{ expected: 'string', code: 'invalid_type', path: ['orgSlug'], message: 'Invalid input: expected string, received number' }]],
  ['null for a needed text', 'query', 'getProject', { orgSlug: null }, [{ expected: 'string', code: 'invalid_type', path: ['orgSlug'], message: 'Invalid input: expected string, received null' }]],
  ['array for a text', 'query', 'getProject', { orgSlug: [] }, [{ expected: 'string', code: 'invalid_type', path: ['orgSlug'], message: 'Invalid input: expected string, received array' }]],
  ['object for a text', 'query', 'getProject', { orgSlug: {} }, [{ expected: 'string', code: 'invalid_type', path: ['orgSlug'], message: 'Invalid input: expected string, received object' }]],
  ['boolean for a text', 'query', 'getProject', { orgSlug: true }, [{ expected: 'string', code: 'invalid_type', path: ['orgSlug'], message: 'Invalid input: expected string, received boolean' }]],
  ['fraction for an integer', 'query', 'listKeys', { page: 1.5 }, [{ expected: 'int', format: 'safeint', code: 'invalid_type', path: ['page'], message: 'Invalid input: expected int, received number' }]],
  ['number too small', 'query', 'listKeys', { page: 0 }, [{ origin: 'number', code: 'too_small', minimum: 1, inclusive: true, path: ['page'], message: 'Too small: expected number to be >=1' }]],
  ['number too big', 'query', 'listKeys', { limit: 251 }, [{ origin: 'number', code: 'too_big', maximum: 250, inclusive: true, path: ['limit'], message: 'Too big: expected number to be <=250' }]],
  ['array too short', 'mutate', 'createKeys', { k: [] }, [{ origin: 'array', code: 'too_small', minimum: 1, inclusive: true, path: ['k'], message: 'Too small: expected array to have >=1 items' }]],
  ['array too long', 'mutate', 'deleteKeys', { keyIds: Array(101).fill('00000000-0000-4000-8000-000000000000') }, [{ origin: 'array', code: 'too_big', maximum: 100, inclusive: true, path: ['keyIds'], message: 'Too big: expected array to have <=100 items' }]],
  ['setTranslations beyond 500', 'mutate', 'setTranslations', { t: Array(501).fill({ id: '00000000-0000-4000-8000-000000000000', t: {} }) }, [{ origin: 'array', code: 'too_big', maximum: 500, inclusive: true, path: ['t'], message: 'Too big: expected array to have <=500 items' }]],
  ['text too short', 'mutate', 'addLanguages', { languages: [{ languageCode: 'x' }] }, [{ origin: 'string', code: 'too_small', minimum: 2, inclusive: true, path: ['languages', 0, 'languageCode'], message: 'Too small: expected string to have >=2 characters' }]],
  ['R31 text too long', 'mutate', 'addLanguages', { languages: [{ languageCode: 'ca-es-valencia' }] }, [{ origin: 'string', code: 'too_big', maximum: 10, inclusive: true, path: ['languages', 0, 'languageCode'], message: 'Too big: expected string to have <=10 characters' }]],
  ['no such option', 'mutate', 'addLanguages', { languages: [{ languageCode: 'fr', status: 'archived' }] }, [{ code: 'invalid_value', values: ['active', 'draft'], path: ['languages', 0, 'status'], message: 'Invalid option: expected one of "active"|"draft"' }]],
  ['no UUID', 'mutate', 'deleteKeys', { keyIds: ['x', 'y'] }, [0, 1].map((i) => ({ origin: 'string', code: 'invalid_format', format: 'uuid', path: ['keyIds', i], message: 'Invalid UUID' }))],
  ['inside an array', 'mutate', 'createKeys', { k: [{ n: 'a' }, { v: 'b' }] }, [{ expected: 'string', code: 'invalid_type', path: ['k', 1, 'n'], message: 'Invalid input: expected string, received undefined' }]],
  ['inside a map', 'mutate', 'setTranslations', { t: [{ id: '00000000-0000-4000-8000-000000000000', t: { tr: 5 } }] }, [{ expected: 'string', code: 'invalid_type', path: ['t', 0, 't', 'tr'], message: 'Invalid input: expected string, received number' }]],
  ['two at once, in the order of the members', 'query', 'getProject', { orgSlug: undefined, projectSlug: undefined }, ['orgSlug', 'projectSlug'].map((name) => ({ expected: 'string', code: 'invalid_type', path: [name], message: 'Invalid input: expected string, received undefined' }))],
];
const withoutPattern = ({ pattern, ...issue }) => issue;
for (const [name, kind, procedure, input, expected] of issues) {
  test(`5.6 ${name}`, async () => {
    for (const batch of [false, true]) {
      const answer = await call[kind](procedure, input, { batch });
      assert.equal(answer.status, 400, JSON.stringify(answer.body));
      assert.equal(answer.error.data.code, 'BAD_REQUEST');
      assert.equal(answer.error.code, -32600);
      const list = JSON.parse(answer.error.message);
      assert.deepEqual(list.map(withoutPattern), expected);
      assert.equal(answer.error.message, JSON.stringify(list, null, 2), 'pretty-printed with two spaces');
    }
  });
}

test('5.6 input that is no object at all is an issue without a path', async () => {
  for (const [body, received] of [['"x"', 'string'], ['5', 'number'], ['[]', 'array'], ['null', 'null']]) {
    const answer = await post('mcp.createKeys', body, json);
    assert.equal(answer.status, 400);
    assert.deepEqual(JSON.parse(answer.json.error.message), [{ expected: 'object', code: 'invalid_type', path: [], message: `Invalid input: expected object, received ${received}` }]);
  }
});

test('6 coerced members take arrays and numbers as strings; any other string is an issue', async () => {
  const listed = await call.get('listKeys', { page: '1', limit: '2', namespaces: '["common"]', fields: '["id"]' });
  assert.deepEqual([listed.ret, listed.lim, listed.nss], [2, 2, ['common']]);
  const all = await call.get('getAllTranslations', { languages: '["TR"]', namespaces: '["common"]', keys: '["save"]', limit: '7' });
  assert.deepEqual([all.lng, all.ret], [['tr'], 1]);
  for (const input of [{ namespaces: 'common' }, { namespaces: '{"a":1}' }, { limit: 'many' }]) {
    assert.equal((await call.query('listKeys', input)).status, 400, JSON.stringify(input));
  }
  assert.equal((await call.query('getSyncs', { limit: '5' })).status, 400, 'not coerced');
});

test('6 an empty slug passes validation and ends as NOT_FOUND', async () => {
  for (const project of [{ orgSlug: '', projectSlug: '' }, { orgSlug: 'acme', projectSlug: '' }, { orgSlug: '', projectSlug: 'web' }]) {
    const answer = await call.query('getProject', project);
    assert.equal(answer.status, 404);
    assert.equal(answer.error.message, 'Project not found');
  }
});

// Who may call (4.4) ------------------------------------------------------------------------------

const unauthorized = { code: 'UNAUTHORIZED', httpStatus: 401, number: -32001, path: 'mcp.getProject', message: /^Unauthorized/ };

test('4.4 no credential and unknown ones: 401 UNAUTHORIZED', async () => {
  const target = `mcp.getProject?input=${encoded(identity)}`;
  const rows = [{}, { 'x-api-key': '' }, { 'x-api-key': 'bi-unknown' }, { 'x-api-key': `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}` }, { authorization: 'Bearer bi_oat_unknown' }, { authorization: `Basic ${Buffer.from(`x:${key}`).toString('base64')}` }];
  for (const headers of rows) {
    const answer = await bytes(server, `/api/trpc/${target}`, { headers });
    assert.equal(answer.status, 401, JSON.stringify(headers));
    assertTrpcError(answer.json, unauthorized);
  }
});

test('4.4 all positions of an unauthorized batch say so', async () => {
  const answer = await get(`mcp.getProject,mcp.listProjects?batch=1&input=${encoded({ 0: identity })}`, { 'x-api-key': 'bi-unknown' });
  assert.equal(answer.status, 401);
  assert.equal(answer.json.length, 2);
  for (const element of answer.json) assert.equal(element.error.code, -32001);
});

test('a credential in the address is refused, whoever it belongs to', async () => {
  const answer = await bytes(server, `/api/trpc/mcp.listProjects?access_token=${key}`);
  assert.equal(answer.status, 400);
  assert.ok(!answer.text.includes(key));
});

test('rule_165 either header takes a key; two that differ are refused, never merged', async () => {
  const target = `/api/trpc/mcp.getProject?input=${encoded(identity)}`;
  assert.equal((await bytes(server, target, { headers: { authorization: `Bearer ${key}` } })).status, 200);
  assert.equal((await bytes(server, target, { headers: { 'x-api-key': key, authorization: `Bearer ${key}` } })).status, 200);
  for (const headers of [{ 'x-api-key': key, authorization: 'Bearer bi-unknown' }, { 'x-api-key': 'bi-unknown', authorization: `Bearer ${key}` }, { 'x-api-key': key, authorization: `Bearer ${addKey(server)}` }]) {
    const answer = await bytes(server, target, { headers });
    assert.equal(answer.status, 400);
    assertTrpcError(answer.json, { code: 'BAD_REQUEST', httpStatus: 400, number: -32600, path: 'mcp.getProject' });
  }
  assert.equal((await bytes(server, target, { headers: { 'X-API-KEY': key } })).status, 200);
});

test('4.4 a revoked key stops with the next request', async () => {
  const made = server.cli(['key', 'add', '--org', 'acme', '--level', 'read']);
  assert.equal((await trpc(server, 'mcp.getProject', identity, { key: made.key })).status, 200);
  server.cli(['key', 'revoke', made.id]);
  const answer = await trpc(server, 'mcp.getProject', identity, { key: made.key });
  assertTrpcError(answer.body, unauthorized);
});

test('4.4 a public key is FORBIDDEN', async () => {
  const open = addKey(server, { open: true });
  assert.match(open, /^bi_pub_/);
  const answer = await trpc(server, 'mcp.getProject', identity, { key: open });
  assertTrpcError(answer.body, { code: 'FORBIDDEN', httpStatus: 403, number: -32003, path: 'mcp.getProject' });
});

test('4.3 the four levels of keys: what each may do', async () => {
  const needs = [
    ['read', 'query', 'listKeys', {}], ['read', 'query', 'getAllTranslations', {}], ['read', 'query', 'getPendingChanges', {}], ['read', 'query', 'getSyncs', {}],
    ['write', 'mutate', 'createKeys', { k: [{ n: 'levels' }] }], ['write', 'mutate', 'updateKeys', { t: [{ id: 'x', l: 'tr', t: 'x' }] }], ['write', 'mutate', 'addLanguages', { languages: [{ languageCode: 'tr' }] }],
    ['write', 'mutate', 'deleteKeys', { keyIds: ['00000000-0000-4000-8000-000000000000'] }], ['publish', 'mutate', 'publishTranslations', { translations: [] }],
  ];
  const order = ['read', 'write', 'publish', 'admin'];
  for (const level of order) {
    const own = caller(server, addKey(server, { level }));
    for (const [needed, kind, procedure, input] of needs) {
      const answer = await own[kind](procedure, input);
      const may = order.indexOf(level) >= order.indexOf(needed);
      assert.equal(answer.status, may ? 200 : 403, `${level} ${procedure}: ${JSON.stringify(answer.body)}`);
      if (!may) assert.match(answer.error.message, /^missing_scope: /);
    }
  }
});

test('4.4 another organization is FORBIDDEN; what does not exist is NOT_FOUND', async () => {
  const answer = await call.query('getProject', { orgSlug: 'other', projectSlug: 'site' });
  assert.ok([403, 404].includes(answer.status), JSON.stringify(answer.body));
  assert.ok(['FORBIDDEN', 'NOT_FOUND'].includes(answer.error.data.code));
  const unknown = await call.query('getProject', { orgSlug: 'nowhere', projectSlug: 'site' });
  assertTrpcError(unknown.body, { code: 'NOT_FOUND', httpStatus: 404, number: -32004, path: 'mcp.getProject', message: 'Project not found' });
});

test('4.4 a key for one project sees and changes no other', async () => {
  const own = caller(server, addKey(server, { projects: ['second'] }));
  const listed = await own.get('listProjects', null);
  assert.deepEqual(listed.projects.map((p) => p.slug), ['acme/second']);
  for (const [kind, procedure, input] of [['query', 'getProject', {}], ['query', 'listKeys', {}], ['mutate', 'createKeys', { k: [{ n: 'no' }] }], ['mutate', 'publishTranslations', {}]]) {
    const answer = await own[kind](procedure, input);
    assert.ok([403, 404].includes(answer.status), `${procedure}: ${JSON.stringify(answer.body)}`);
  }
});

test('R5 an installation token works in both headers and with the real client', async () => {
  const connection = await connect(server, seed);
  const minted = await mint(server, connection);
  const token = minted.installation_token;
  for (const header of ['x-api-key', 'authorization']) {
    const listed = await realClient(server, token, { header }).mcp.listProjects.query();
    assert.deepEqual(listed.projects.map((p) => p.slug), ['acme/second', 'acme/web']);
  }
});

test('4.4 a missing scope is named in the message and in data, and the agent sees it', async () => {
  const connection = await connect(server, seed, { scope: 'org:read projects:read keys:read' });
  const { installation_token: token } = await mint(server, connection);
  const answer = await trpc(server, 'mcp.createKeys', { ...identity, k: [{ n: 'x' }] }, { key: token, mutation: true });
  assert.equal(answer.status, 403);
  assertTrpcError(answer.body, { code: 'FORBIDDEN', httpStatus: 403, number: -32003, path: 'mcp.createKeys', message: 'missing_scope: keys:write', error: 'missing_scope', required: 'keys:write' });
  await assert.rejects(realClient(server, token).mcp.createKeys.mutate({ ...identity, k: [{ n: 'x' }] }), { message: 'missing_scope: keys:write' });
});

test('4.3 createKeys needs keys:write alone although it carries texts; updateKeys needs translations:write', async () => {
  const connection = await connect(server, seed, { scope: 'org:read projects:read keys:read keys:write' });
  const own = caller(server, (await mint(server, connection)).installation_token);
  const made = await own.put('createKeys', { k: [{ n: 'scoped', v: 'S', t: { tr: 'T' } }] });
  assert.equal(made.k[0].tr, 1);
  const update = await own.mutate('updateKeys', { t: [{ id: made.k[0].id, l: 'en', s: true, t: 'x' }] });
  assert.equal(update.error.message, 'missing_scope: translations:write');
  assert.equal((await own.mutate('deleteKeys', { keyIds: [made.k[0].id] })).status, 200, 'deletion needs keys:write (15 #9)');
});

test('R6 an access token of an app is refused: it can mint but not read', async () => {
  const connection = await connect(server, seed);
  const answer = await trpc(server, 'mcp.listProjects', undefined, { key: connection.access_token });
  assert.ok([401, 403].includes(answer.status), JSON.stringify(answer.body));
  assert.equal(answer.error.data.path, 'mcp.listProjects');
});

test('4.4 a revoked grant is 410 in the envelope, code -32001', async () => {
  const connection = await connect(server, seed);
  const { installation_token: token } = await mint(server, connection);
  assert.equal((await trpc(server, 'mcp.getProject', identity, { key: token })).status, 200);
  server.cli(['grant', 'revoke', connection.grant_id]);
  for (const batch of [false, true]) {
    const answer = await trpc(server, 'mcp.getProject', identity, { key: token, batch });
    assert.equal(answer.status, 410);
    assertTrpcError(batch ? answer.body[0] : answer.body, { code: 'UNAUTHORIZED', httpStatus: 410, number: -32001, path: 'mcp.getProject', message: 'grant_revoked', error: 'grant_revoked' });
  }
});

test('4.4 a grant for one project cannot reach the other', async () => {
  const connection = await connect(server, seed, { projects: ['acme/second'] });
  const own = caller(server, (await mint(server, connection)).installation_token);
  assert.deepEqual((await own.get('listProjects', null)).projects.map((p) => p.slug), ['acme/second']);
  const answer = await own.query('getProject');
  assert.ok([403, 404].includes(answer.status));
  const job = await call.put('publishTranslations');
  const foreign = await own.query('getSync', { orgSlug: undefined, projectSlug: undefined, syncId: job.syncJobIds[0] });
  assert.ok([403, 404].includes(foreign.status), 'a job is reached through its project');
});

test('R34 4.4 beyond the rate of a grant: 429 TOO_MANY_REQUESTS with Retry-After', async () => {
  const small = new Server({ settings: { requests_per_minute_max: 5 } });
  try {
    await small.start();
    const connection = await connect(small, small.seed());
    const { installation_token: token } = await mint(small, connection);
    const answers = [];
    for (let i = 0; i < 8; i++) answers.push(await trpc(small, 'mcp.listProjects', undefined, { key: token, batch: i % 2 === 1 }));
    const refused = answers.filter((a) => a.status === 429);
    assert.ok(refused.length >= 1 && answers.some((a) => a.status === 200), answers.map((a) => a.status).join());
    for (const answer of refused) {
      assert.equal(answer.error.code, -32029);
      assert.equal(answer.error.data.code, 'TOO_MANY_REQUESTS');
      assert.ok(Number(answer.headers.get('retry-after')) >= 1);
    }
  } finally {
    await small.close();
  }
});

// Limits of the transport -------------------------------------------------------------------------

test('R26 a target of 128 KiB is taken, a longer one is 414 in the envelope', async () => {
  const target = (length) => {
    const start = `/api/trpc/mcp.listProjects?x=`;
    return start + 'a'.repeat(length - start.length);
  };
  const fits = await rawGet(server, target(128 * 1024), [`x-api-key: ${key}`]);
  assert.equal(fits.status, 200, fits.text.slice(0, 200));
  const over = await rawGet(server, target(128 * 1024 + 1), [`x-api-key: ${key}`]);
  assert.equal(over.status, 414);
  assertTrpcError(JSON.parse(over.text), { code: 'BAD_REQUEST', httpStatus: 414, number: -32600 });
});

test('a body of 16 MiB is taken; one byte more is 413 in the envelope, before it is sent', async () => {
  const head = `{"orgSlug":"acme","projectSlug":"web","t":[{"id":"unknown","l":"tr","t":"`, tail = '"}]}';
  const body = head + 'x'.repeat(16 * 1024 * 1024 - head.length - tail.length) + tail;
  const fits = await post('mcp.updateKeys', body, { ...json, 'content-length': String(body.length) });
  assert.notEqual(fits.status, 413, fits.text.slice(0, 200));
  assert.ok(fits.json, 'an envelope either way');
  const over = await raw(server, `POST /api/trpc/mcp.updateKeys HTTP/1.1\r\nHost: a\r\nx-api-key: ${key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length + 1}\r\n\r\n`);
  assert.equal(over.status, 413);
  assertTrpcError(JSON.parse(over.text), { code: 'PAYLOAD_TOO_LARGE', httpStatus: 413, number: -32013 });
});

test('every other method and every address under /api/trpc answers in the envelope', async () => {
  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    const answer = await bytes(server, '/api/trpc/mcp.listProjects', { method, headers: { 'x-api-key': key } });
    assert.equal(answer.status, 405, method);
    assert.equal(answer.json.error.code, -32005, method);
    assert.match(answer.headers.allow, /GET/);
  }
  const options = await bytes(server, '/api/trpc/mcp.listProjects', { method: 'OPTIONS', headers: { origin: 'https://a.example', 'access-control-request-method': 'GET' } });
  assert.match(options.headers.allow, /GET/);
  assert.deepEqual(Object.keys(options.headers).filter((name) => name.startsWith('access-control-')), [], 'R35');
  for (const path of ['/api/trpc', '/api/trpc/', '/api/trpc/a/b', '/api/trpc/mcp.listProjects/']) {
    const answer = await bytes(server, path, { headers: { 'x-api-key': key } });
    assert.equal(answer.status, 404, path);
    assert.equal(answer.json.error.code, -32004, `${path}: ${answer.text}`);
  }
});

test('REST stays REST: the same condition is not wrapped there', async () => {
  const answer = await api(server, '/api/oauth-client/organizations', {});
  assert.equal(answer.status, 401);
  assert.equal(answer.body.error, 'invalid_token');
});
