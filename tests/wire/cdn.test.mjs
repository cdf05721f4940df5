// SPDX-License-Identifier: MIT
// Delivery as clients see it: addresses, headers, conditions, encodings, what is missing, and two real clients.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import i18next from 'i18next';
import Backend from 'i18next-http-backend';
import { clearManifestCache, clearMessagesCache, createI18nCore } from '@better-i18n/core';
import { Server, startServer } from '../lib/server.mjs';
import { eventually, raw, rawGet } from '../lib/oauth.mjs';
import { addKey, bytes, caller, canonical, difficult, fits, nullable, publish } from '../lib/strings.mjs';

const { zero, ...texts } = difficult;
const english = { common: { title: 'Title', save: 'Save', nav: { home: 'Home' } }, auth: { signIn: 'Sign in' }, hello: 'Hello', long: 'lorem ipsum '.repeat(400), ...texts };
const turkish = { common: { title: 'Başlık', save: '' }, hello: 'Merhaba', long: 'uzun metin '.repeat(400) };
const portuguese = { hello: 'Olá' };
let server, ids;

function addProject(on, name, options = [], files = {}) {
  const made = on.cli(['project', 'add', name, '--source', 'en', '--languages', 'tr,pt-br,de', ...options]);
  for (const [language, content] of Object.entries(files)) on.cli(['import', name, '--language', language, '-'], { input: JSON.stringify(content) });
  return made.id;
}

before(async () => {
  server = await startServer({ settings: { publish_cooldown_s: 0, fill_from_source_default: 0 } }); // what a language lacks shows
  server.cli(['user', 'add', '--email', 'ada@example.com', '--name', 'Ada'], { input: 'a long password\n' });
  server.cli(['org', 'add', '--slug', 'acme', '--name', 'Acme', '--owner', 'ada@example.com']);
  const files = { en: english, tr: turkish, 'pt-br': portuguese };
  ids = { app: addProject(server, 'acme/app', [], files), spaced: addProject(server, 'acme/spaced', ['--namespaced'], files), flat: addProject(server, 'acme/flat', ['--flat'], { en: { 'common.title': 'Title', 'common.nav.home': 'Home', hello: 'Hello' } }) };
  addProject(server, 'acme/never', [], { en: { a: 'A' } });
  for (const name of ['acme/app', 'acme/spaced', 'acme/flat']) publish(server, name);
});
after(() => server?.close());

const get = (path, headers = {}, options = {}) => bytes(server, path, { headers, ...options });
const manifest = async (project = 'acme/app') => (await get(`/${project}/manifest.json`)).json;
const versionOf = async (project, language) => (await manifest(project)).files[language].version;
const CURRENT = 'public, max-age=60, s-maxage=60, stale-while-revalidate=60, stale-if-error=86400';
const FROZEN = 'public, max-age=31536000, immutable';

function assertDelivery(answer) {
  assert.equal(answer.headers['access-control-allow-origin'], '*');
  assert.equal(answer.headers['access-control-allow-credentials'], undefined);
  const exposed = answer.headers['access-control-expose-headers'].split(/, */);
  for (const name of ['ETag', 'X-Cache-Status', 'X-Batch-Count', 'X-Batch-Requested', 'X-Better-i18n-Version']) assert.ok(exposed.includes(name), name);
  assert.equal(answer.headers['timing-allow-origin'], '*');
  assert.equal(answer.headers['cross-origin-resource-policy'], 'cross-origin');
  assert.match(answer.headers.vary, /accept-encoding/i);
  assert.ok(!Number.isNaN(Date.parse(answer.headers.date)));
  assert.equal(answer.headers['set-cookie'], undefined);
}

// Addresses ---------------------------------------------------------------------------------------

test('R9 seed_14 every address of a locale has the same bytes, tag and date', async () => {
  const version = await versionOf('acme/app', 'en');
  const shapes = ['/acme/app/en.json', '/acme/app/en/translations.json', '/acme/app/translations/en.json', `/${ids.app}/en.json`, `/${ids.app}/en/translations.json`, `/${ids.app}/translations/en.json`, `/${ids.app.toUpperCase()}/en.json`,
    `/acme/app/v/${version}/en/translations.json`, `/${ids.app}/v/${version}/en/translations.json`, '/ACME/App/EN.json', '/Acme/APP/eN/translations.json', '/%61cme/app/%65n.json', '//acme/app/en.json', '///acme/app/en/translations.json', '/acme/app/en.json?_bust=1&t=2&ns=x', '/acme/app/en.json?'];
  const first = await get(shapes[0]);
  assert.equal(canonical(first.json), canonical(english));
  for (const shape of shapes) {
    const answer = await get(shape);
    assert.equal(answer.status, 200, shape);
    assert.ok(answer.body.equals(first.body), shape);
    assert.equal(answer.headers.etag, first.headers.etag, shape);
    assert.equal(answer.headers['last-modified'], first.headers['last-modified'], shape);
  }
});

test('4.3 letter case and underscore of a locale do not matter', async () => {
  for (const locale of ['pt-br', 'pt-BR', 'PT_br', 'pt_BR']) for (const path of [`${locale}.json`, `${locale}/translations.json`, `translations/${locale}.json`]) assert.deepEqual((await get(`/acme/app/${path}`)).json, portuguese, path);
});

test('R9 namespaced: one file a namespace, not wrapped, and the whole at the same addresses as ever', async () => {
  const whole = await get('/acme/spaced/en.json');
  assert.equal(canonical(whole.json), canonical(english), 'the combined file is there too, the default namespace at its root');
  for (const path of ['en/translations.json', 'translations/en.json']) assert.ok((await get(`/acme/spaced/${path}`)).body.equals(whole.body), path);
  assert.deepEqual((await get('/acme/spaced/en/common.json')).json, english.common);
  assert.deepEqual((await get('/acme/spaced/en/auth.json')).json, english.auth);
  const { common, auth, ...rest } = english;
  assert.equal(canonical((await get('/acme/spaced/en/default.json')).json), canonical(rest));
  const version = await versionOf('acme/spaced', 'en'), one = await get('/acme/spaced/en/common.json');
  for (const path of [`/${ids.spaced}/en/common.json`, `/acme/spaced/v/${version}/en/common.json`, '/acme/spaced/EN/common.json']) assert.equal((await get(path)).headers.etag, one.headers.etag, path);
});

test('7 batch.json: each namespace that was asked for, sorted, once; commas raw or escaped', async () => {
  const whole = await get('/acme/spaced/en/batch.json?ns=auth,common');
  assert.equal(whole.text, `{"auth":${(await get('/acme/spaced/en/auth.json')).text},"common":${(await get('/acme/spaced/en/common.json')).text}}`);
  for (const query of ['ns=common,auth', 'ns=auth%2Ccommon', 'ns=auth,common,auth', 'ns=auth&ns=common', 'ns=auth,,common,', 't=1&ns=auth,common']) {
    const answer = await get(`/acme/spaced/en/batch.json?${query}`);
    assert.ok(answer.body.equals(whole.body), query);
    assert.equal(answer.headers.etag, whole.headers.etag, query);
  }
  const unknown = await get('/acme/spaced/en/batch.json?ns=nope,auth');
  assert.deepEqual(unknown.json, { auth: english.auth, nope: {} });
  assert.deepEqual([unknown.headers['x-batch-requested'], unknown.headers['x-batch-count']], ['2', '1']);
  const all = await get('/acme/spaced/en/batch.json');
  assert.deepEqual(Object.keys(all.json), (await manifest('acme/spaced')).namespaces, 'without ns: all');
  assert.deepEqual((await get('/acme/spaced/tr/batch.json?ns=auth,common')).json, { auth: {}, common: turkish.common }, 'a published locale that lacks one');
  assert.equal(whole.headers['cache-control'], CURRENT);
  assertDelivery(whole);
});

test('4.4 R26 a query of names fits 16 KiB; a longer target is 414 in JSON with CORS', async () => {
  const names = Array.from({ length: 103 }, (_, i) => `a_rather_long_namespace_name_${i}`.padEnd(120, 'x'));
  const answer = await get(`/acme/spaced/en/batch.json?ns=${names.join(',')}`);
  assert.equal(answer.status, 200);
  assert.equal(Object.keys(answer.json).length, 103);
  const long = (n) => { const start = '/acme/spaced/en/batch.json?ns=auth&x='; return start + 'a'.repeat(n - start.length); };
  assert.equal((await rawGet(server, long(16 * 1024))).status, 200);
  const over = await rawGet(server, long(16 * 1024 + 1));
  assert.equal(over.status, 414);
  assert.equal(typeof JSON.parse(over.text), 'object');
  assert.deepEqual(over.headers['access-control-allow-origin'], ['*']);
});

test('an address that is none is 404 or 400 in JSON with CORS, never a page', async () => {
  for (const path of ['/acme', '/acme/app', '/acme/app/', '/acme/app/en', '/acme/app/en/x/y/z.json', '/acme/app/en/translations.txt', '/acme/app/en%2Ftranslations.json', '/acme/app/%ff.json', '/acme/app/v/x/en.json', '/x/y/z/a/b/c/d.json']) {
    const answer = await get(path);
    assert.ok([200, 400, 404].includes(answer.status), `${path}: ${answer.status}`);
    if (answer.status === 200) assert.equal(answer.text, '{}', path);
    assert.equal(typeof answer.json, 'object', path);
    assert.match(answer.headers['content-type'], /^application\/json/, path);
    assert.equal(answer.headers['access-control-allow-origin'], '*', path);
    assert.equal(answer.headers['cache-control'], 'no-store', path);
  }
});

// Bodies ------------------------------------------------------------------------------------------

test('6.4 UTF-8 without a mark, members in byte order at every level, no blanks, safe inside a page', async () => {
  const { text, headers, body } = await get('/acme/app/en.json');
  assert.equal(headers['content-type'], 'application/json; charset=utf-8');
  assert.notEqual(body[0], 0xef);
  assert.doesNotMatch(text, /<[/!]/);
  assert.ok(text.includes('\\u003c/script>'));
  assert.ok(body.includes(Buffer.from('👩‍👩‍👧')), 'UTF-8 itself, not escapes');
  assert.equal(JSON.stringify(JSON.parse(text)), canonical(JSON.parse(text)), 'in byte order');
  assert.equal(text.replaceAll('\\u003c', '<').length, canonical(english).length, 'no blanks');
  assert.equal((await get('/acme/app/tr.json')).json.common.save, '', 'an empty text is kept');
});

test('6.1 a flat project delivers flat names', async () => {
  assert.deepEqual((await get('/acme/flat/en.json')).json, { 'common.nav.home': 'Home', 'common.title': 'Title', hello: 'Hello' });
});

test('6.4 the same texts give the same bytes and tags on another server', async () => {
  const other = await startServer();
  try {
    other.cli(['user', 'add', '--email', 'x@example.com', '--name', 'X'], { input: 'a long password\n' });
    other.cli(['org', 'add', '--slug', 'other', '--name', 'Other', '--owner', 'x@example.com']);
    addProject(other, 'other/copy', [], { tr: turkish, en: Object.fromEntries(Object.entries(english).reverse()) });
    publish(other, 'other/copy');
    const here = await get('/acme/app/en.json'), there = await bytes(other, '/other/copy/en.json');
    assert.ok(here.body.equals(there.body));
    assert.equal(here.headers.etag, there.headers.etag);
  } finally {
    await other.close();
  }
});

// Manifest ----------------------------------------------------------------------------------------

const version = /^[a-z0-9]{6,12}-[a-z0-9]{4,12}$/;
const language = { code: /^[a-z0-9]+(-[a-z0-9]+)*$/, name: 'string', nativeName: 'string', flagUrl: nullable('string'), countryCode: nullable(/^[a-z]{2}$/), isSource: 'boolean', lastUpdated: nullable('iso'), keyCount: 'integer' };
const manifestShape = (namespaced) => ({
  projectSlug: 'string', sourceLanguage: 'string', languages: [language], updatedAt: 'iso', ...(namespaced ? { batch: (v) => assert.equal(v, true), namespaces: ['string'] } : {}), project: 'string', defaultLocale: 'string', locales: ['string'],
  files: (files, at) => { for (const [code, file] of Object.entries(files)) fits(file, { url: /^http/, size: 'integer', lastModified: 'iso', version }, `${at}.${code}`); },
});

test('5.1 the manifest: exact shape, source first, every listed language has a file that is as it says', async () => {
  for (const [project, namespaced] of [['acme/app', false], ['acme/spaced', true]]) {
    const answer = await get(`/${project}/manifest.json`), m = answer.json;
    fits(m, manifestShape(namespaced), 'manifest');
    assert.deepEqual([m.project, m.projectSlug, m.sourceLanguage, m.defaultLocale], [project, project.split('/')[1], 'en', 'en']);
    assert.deepEqual(m.languages.map((l) => l.code), ['en', 'tr', 'pt-br'], 'the source first; de has no text and is not listed (5.4)');
    assert.deepEqual(m.languages.map((l) => l.isSource), [true, false, false]);
    assert.deepEqual(Object.keys(m.files).sort(), m.languages.map((l) => l.code).sort());
    assert.deepEqual(m.locales, m.languages.map((l) => l.code));
    const countries = m.languages.map((l) => l.countryCode).filter(Boolean);
    assert.equal(new Set(countries).size, countries.length, 'unique');
    for (const [code, file] of Object.entries(m.files)) {
      assert.equal(file.url, `${server.url}/${project}/${code}/translations.json`);
      const delivered = await get(new URL(file.url).pathname);
      assert.equal(delivered.body.length, file.size, code);
      const leaves = (v) => (v && typeof v === 'object' && !Array.isArray(v) ? Object.values(v).reduce((n, x) => n + leaves(x), 0) : 1);
      assert.equal(m.languages.find((l) => l.code === code).keyCount, leaves(delivered.json), code);
    }
    if (namespaced) assert.deepEqual(m.namespaces, [...m.namespaces].sort());
    if (namespaced) assert.ok(['auth', 'common', 'default'].every((n) => m.namespaces.includes(n)), 'complete across all locales');
  }
  const names = Object.fromEntries((await manifest()).languages.map((l) => [l.code, [l.name, l.nativeName]]));
  assert.deepEqual(names.tr, ['Turkish', 'Türkçe']);
});

test('5.4 a source language without a key is listed all the same', async () => {
  addProject(server, 'acme/bare');
  publish(server, 'acme/bare');
  const m = await manifest('acme/bare');
  assert.deepEqual(m.locales, ['en']);
  assert.deepEqual([m.languages[0].keyCount, m.files.en.size], [0, 2]);
  assert.deepEqual((await get('/acme/bare/en.json')).json, {});
});

test('5.1 addresses in the manifest come from the settings, whatever Host says', async () => {
  const host = await get('/acme/app/manifest.json', { host: 'evil.example' });
  if (host.status === 200) assert.ok(!host.text.includes('evil.example'));
  const other = new Server({ settings: { cdn_base_url: 'https://cdn.example.org' } });
  try {
    await other.start();
    other.seed();
    publish(other);
    const m = await (await fetch(`${other.url}/acme/web/manifest.json`)).json();
    assert.equal(m.files.en.url, 'https://cdn.example.org/acme/web/en/translations.json');
    const data = await caller(other, addKey(other)).get('getProject');
    assert.equal(data.cdn.mfst, 'https://cdn.example.org/acme/web/manifest.json');
  } finally {
    await other.close();
  }
});

// Headers -----------------------------------------------------------------------------------------

test('10.3 10.5 headers of each kind of answer', async () => {
  const rows = [
    ['/acme/app/manifest.json', 'public, max-age=0, s-maxage=0, must-revalidate'], ['/acme/app/en.json', CURRENT], ['/acme/spaced/en/common.json', CURRENT],
    [`/acme/app/v/${await versionOf('acme/app', 'tr')}/tr/translations.json`, FROZEN], [`/acme/spaced/v/${await versionOf('acme/spaced', 'tr')}/tr/common.json`, FROZEN],
  ];
  for (const [path, control] of rows) {
    const answer = await get(path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers['cache-control'], control, path);
    assert.match(answer.headers.etag, /^"[\x21\x23-\x7e]+"$/, 'a strong tag');
    assert.ok(Date.parse(answer.headers['last-modified']) <= Date.now());
    assert.equal(answer.headers['content-length'], String(answer.body.length));
    assertDelivery(answer);
  }
});

test('10.3 a preflight is answered before anything is looked at', async () => {
  for (const path of ['/acme/app/en.json', '/acme/app/manifest.json', '/acme/spaced/en/batch.json?ns=a,b', '/no/such/thing.json', '/acme/app/x/y/z']) {
    const answer = await get(path, { origin: 'https://shop.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'cache-control,if-none-match,pragma' }, { method: 'OPTIONS' });
    assert.equal(answer.status, 204, path);
    assert.equal(answer.body.length, 0);
    assert.equal(answer.headers['access-control-allow-origin'], '*');
    assert.deepEqual(answer.headers['access-control-allow-methods'].split(/, */), ['GET', 'HEAD', 'OPTIONS']);
    const allowed = answer.headers['access-control-allow-headers'].toLowerCase().split(/, */);
    for (const name of ['cache-control', 'pragma', 'if-none-match', 'if-modified-since', 'accept-encoding', 'accept', 'content-type', 'x-api-key']) assert.ok(allowed.includes(name), name);
    assert.equal(answer.headers['access-control-max-age'], '86400');
  }
});

test('10.2 HEAD has the headers of GET and no body', async () => {
  for (const [path, headers] of [['/acme/app/en.json', {}], ['/acme/app/en.json', { 'accept-encoding': 'gzip' }], ['/acme/app/manifest.json', {}], ['/acme/spaced/en/batch.json?ns=auth', {}], ['/acme/app/nope.json', {}], ['/acme/app/en.json', { 'if-none-match': '*' }]]) {
    const [one, two] = [await get(path, headers), await get(path, headers, { method: 'HEAD' })];
    assert.equal(two.status, one.status, path);
    assert.equal(two.body.length, 0);
    const { date, ...rest } = one.headers, { date: _, ...head } = two.headers;
    assert.deepEqual(head, rest, path);
  }
});

test('10.2 other methods: 405 with Allow, JSON and CORS, whether the file is there or not', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) for (const path of ['/acme/app/en.json', '/acme/app/manifest.json', '/no/such/file.json']) {
    const answer = await get(path, {}, { method });
    assert.equal(answer.status, 405, `${method} ${path}`);
    assert.deepEqual(answer.headers.allow.split(/, */), ['GET', 'HEAD', 'OPTIONS']);
    assert.equal(typeof answer.json, 'object');
    assert.equal(answer.headers['access-control-allow-origin'], '*');
    const withBody = await get(path, {}, { method, body: '{}' });
    assert.deepEqual([withBody.status, withBody.headers['access-control-allow-origin']], [405, '*'], 'also when it carries a body');
  }
  const body = await get('/acme/app/en.json', { 'content-length': '2' }, { body: '{}' });
  assert.deepEqual([body.status, body.headers['access-control-allow-origin'], typeof body.json], [413, '*', 'object'], 'GET with a body');
});

test('10.1 what SDKs send changes nothing: no-store, credentials, content type, cookies', async () => {
  const plain = await get('/acme/app/tr.json');
  for (const headers of [{ 'cache-control': 'no-store', pragma: 'no-cache' }, { 'cache-control': 'no-cache' }, { authorization: 'Bearer nonsense' }, { 'x-api-key': 'bi-nonsense' }, { cookie: 'a=b' }, { 'content-type': 'application/json' }, { origin: 'https://shop.example' }, { range: 'bytes=0-3' }]) {
    const answer = await get('/acme/app/tr.json', headers);
    assert.equal(answer.status, 200, JSON.stringify(headers));
    assert.ok(answer.body.equals(plain.body));
  }
});

// Conditions --------------------------------------------------------------------------------------

const conditions = (tag, modified) => {
  const time = Date.parse(modified), at = (ms) => new Date(time + ms).toUTCString();
  return [
    [{ 'if-none-match': tag }, 304], [{ 'if-none-match': `W/${tag}` }, 304], [{ 'if-none-match': '*' }, 304], [{ 'if-none-match': ' * ' }, 304], [{ 'if-none-match': `"a", ${tag}` }, 304], [{ 'if-none-match': `"a,b",W/"c" ,${tag},"d"` }, 304], [{ 'if-none-match': `,, ${tag}` }, 304],
    [{ 'if-none-match': '"other"' }, 200], [{ 'if-none-match': 'W/"other", "x"' }, 200], [{ 'if-none-match': tag.slice(1, -1) }, 200], [{ 'if-none-match': tag.slice(0, -2) }, 200], [{ 'if-none-match': '' }, 200], [{ 'if-none-match': `"a${tag}b"` }, null],
    [{ 'if-modified-since': modified }, 304], [{ 'if-modified-since': at(1000) }, 304], [{ 'if-modified-since': at(-1000) }, 200], [{ 'if-modified-since': 'yesterday' }, 200], [{ 'if-modified-since': '' }, 200],
    [{ 'if-none-match': '"other"', 'if-modified-since': at(1000) }, 200], [{ 'if-none-match': tag, 'if-modified-since': at(-100_000) }, 304], [{}, 200],
  ];
};
test('10.4 304 to a matching validator alone, with the headers of the contract and no body', async () => {
  for (const path of ['/acme/app/en.json', '/acme/spaced/en/common.json', '/acme/app/manifest.json', '/acme/spaced/en/batch.json?ns=auth,common', `/acme/app/v/${await versionOf('acme/app', 'en')}/en/translations.json`]) {
    const plain = await get(path);
    for (const [headers, status] of conditions(plain.headers.etag, plain.headers['last-modified'])) {
      const answer = await get(path, headers);
      if (status === null) continue;
      assert.equal(answer.status, status, `${path} ${JSON.stringify(headers)}`);
      for (const name of ['etag', 'cache-control', 'last-modified', 'vary']) assert.equal(answer.headers[name], plain.headers[name], name);
      assertDelivery(answer);
      if (status === 200) assert.ok(answer.body.equals(plain.body));
      if (status === 304) assert.equal(answer.body.length, 0);
    }
  }
});

test('10.4 the tag of one encoding is a validator for all', async () => {
  const tags = [];
  for (const encoding of ['identity', 'gzip', 'br']) tags.push((await get('/acme/app/en.json', { 'accept-encoding': encoding })).headers.etag);
  for (const tag of tags) for (const encoding of ['identity', 'gzip', 'br']) assert.equal((await get('/acme/app/en.json', { 'accept-encoding': encoding, 'if-none-match': tag })).status, 304);
});

test('9.3 10.4 what is missing is never "not modified"', async () => {
  for (const path of ['/acme/app/nope.json', '/acme/never/en.json', '/acme/never/manifest.json', '/acme/spaced/nope/common.json', '/acme/spaced/tr/auth.json']) {
    for (const headers of [{ 'if-none-match': '*' }, { 'if-modified-since': new Date(Date.now() + 1000).toUTCString() }]) assert.notEqual((await get(path, headers)).status, 304, path);
  }
});

// Encodings ---------------------------------------------------------------------------------------

const encodings = [
  [undefined, 'identity'], ['', 'identity'], ['identity', 'identity'], ['gzip', 'gzip'], ['x-gzip', 'gzip'], ['br', 'br'], ['gzip, br', 'br'], ['br, gzip', 'br'], ['gzip, deflate', 'gzip'], ['deflate', 'identity'], ['zstd', 'identity'], ['gzip, deflate, br, zstd', 'br'],
  ['GZIP', 'gzip'], ['br;q=0.5, gzip;q=1.0', 'gzip'], ['br;q=0.5,gzip;q=0.4', 'br'], ['gzip;q=0', 'identity'], ['br;q=0, gzip;q=0', 'identity'], ['br;q=0, gzip', 'gzip'], ['*', 'br'], ['*;q=0.1, gzip;q=0.5', 'gzip'], ['*;q=0', 'identity'], ['gzip;q=0, *', 'br'],
  ['identity;q=1, gzip;q=0.5', 'identity'], ['identity;q=0.5, gzip;q=0.5', 'gzip'], ['identity;q=0, gzip', 'gzip'], ['gzip ; q=0.5 , br ; q=0.6', 'br'], ['gzip;q=abc, br;q=0.1', 'br'], ['gzip;Q=0.9, br;q=0.8', 'gzip'],
];
test('10.6 the encoding is chosen by weights, and the bytes decode to the same', async () => {
  await eventually('brotli is there', async () => (await get('/acme/app/en.json', { 'accept-encoding': 'br' })).headers['content-encoding'] === 'br');
  const plain = await get('/acme/app/en.json');
  for (const [accept, expected] of encodings) {
    const answer = await get('/acme/app/en.json', accept === undefined ? {} : { 'accept-encoding': accept });
    assert.equal(answer.headers['content-encoding'] ?? 'identity', expected, String(accept));
    const decoded = { identity: (b) => b, gzip: gunzipSync, br: brotliDecompressSync }[expected](answer.body);
    assert.ok(decoded.equals(plain.body), String(accept));
    assert.match(answer.headers.vary, /accept-encoding/i);
    if (expected !== 'identity') assert.ok(answer.body.length < plain.body.length / 4);
  }
});

test('10.6 manifest, versioned and batch answers are encoded too; what is small is not', async () => {
  for (const path of ['/acme/app/manifest.json', `/acme/app/v/${await versionOf('acme/app', 'tr')}/tr/translations.json`, '/acme/spaced/tr/default.json', '/acme/spaced/en/batch.json']) {
    const answer = await get(path, { 'accept-encoding': 'gzip' });
    assert.equal(answer.headers['content-encoding'], 'gzip', path);
    assert.ok(gunzipSync(answer.body).equals((await get(path)).body));
  }
  for (const path of ['/acme/app/pt-br.json', '/acme/app/nope.json', '/acme/spaced/en/auth.json']) assert.equal((await get(path, { 'accept-encoding': 'gzip, br' })).headers['content-encoding'], undefined, path);
});

test('10.6 okhttp gets identity, and gzip but never br when the operator says so', async () => {
  for (const agent of ['okhttp/4.9.2', 'okhttp/5.0.0-alpha.14']) {
    const answer = await get('/acme/app/en.json', { 'user-agent': agent, 'accept-encoding': 'gzip, br, zstd' });
    assert.equal(answer.headers['content-encoding'], undefined, agent);
  }
  assert.notEqual((await get('/acme/app/en.json', { 'user-agent': 'not-okhttp/4', 'accept-encoding': 'gzip' })).headers['content-encoding'], undefined);
  const other = new Server({ settings: { okhttp_gzip: 1 } });
  try {
    await other.start();
    other.seed();
    other.cli(['import', 'acme/web', '--language', 'en', '-'], { input: JSON.stringify(english) });
    publish(other);
    for (const accept of ['gzip, br', 'gzip;q=0.1, br;q=1']) assert.equal((await bytes(other, '/acme/web/en.json', { headers: { 'user-agent': 'okhttp/4.9.2', 'accept-encoding': accept } })).headers['content-encoding'], 'gzip', accept);
    assert.equal((await bytes(other, '/acme/web/en.json', { headers: { 'user-agent': 'okhttp/4.9.2', 'accept-encoding': 'br' } })).headers['content-encoding'], undefined);
  } finally {
    await other.close();
  }
});

// What is missing ---------------------------------------------------------------------------------

const missing = [
  // address, compat, strict
  ['/acme/app/fr.json', 200, 404], ['/acme/app/fr/translations.json', 200, 404], ['/acme/app/translations/fr.json', 200, 404], ['/acme/app/de.json', 200, 404], ['/acme/never/en.json', 200, 404], ['/acme/never/manifest.json', 200, 404], ['/acme/nowhere/en.json', 200, 404], ['/acme/nowhere/manifest.json', 200, 404], ['/nobody/nothing/en.json', 200, 404],
  ['/00000000-0000-4000-8000-000000000000/en.json', 200, 404], ['/acme/app/en/nope.json', 200, 200], ['/acme/app/fr/nope.json', 200, 404], ['/acme/spaced/fr/batch.json?ns=common', 200, 404], ['/acme/spaced/en/nope.json', 200, 200], ['/acme/spaced/tr/auth.json', 200, 200],
  ['/acme/spaced/fr/common.json', 404, 404], ['/acme/spaced/fr.json', 200, 404],
];
async function assertMissing(on, column) {
  for (const row of missing) {
    const answer = await bytes(on, row[0]);
    assert.equal(answer.status, row[column], `${row[0]}: ${answer.text}`);
    assert.equal(answer.text, '{}', row[0]);
    assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
    assert.equal(answer.headers['cache-control'], 'no-store', row[0]);
    assert.equal(answer.headers.etag, undefined, row[0]);
    assert.equal(answer.headers['last-modified'], undefined, row[0]);
    assertDelivery(answer);
  }
}
test('R10 9.3 compat: 200 {} that nobody keeps, but 404 for a namespace of a locale that is not published', () => assertMissing(server, 1));

test('R10 9.3 strict: 404 {}; and the knob for namespaces', async () => {
  const other = new Server({ settings: { missing_content: 'strict', fill_from_source_default: 0 } });
  try {
    const fill = () => {
      other.cli(['user', 'add', '--email', 'x@example.com', '--name', 'X'], { input: 'a long password\n' });
      other.cli(['org', 'add', '--slug', 'acme', '--name', 'Acme', '--owner', 'x@example.com']);
      addProject(other, 'acme/app', [], { en: english });
      addProject(other, 'acme/spaced', ['--namespaced'], { en: english, tr: turkish });
      addProject(other, 'acme/never');
      for (const name of ['acme/app', 'acme/spaced']) publish(other, name);
    };
    await other.start();
    fill();
    await assertMissing(other, 2);
    assert.equal((await bytes(other, '/acme/app/en.json')).status, 200);
    await other.stop();
    other.settings = { namespaced_missing_404: 0 };
    await other.start();
    assert.equal((await bytes(other, '/acme/spaced/fr/common.json')).status, 200);
  } finally {
    await other.close();
  }
});

test('5.4 a project that was never published answers {} and then all of it', async () => {
  addProject(server, 'acme/later', [], { en: { a: 'A' } });
  for (const path of ['manifest.json', 'en.json']) assert.deepEqual((await get(`/acme/later/${path}`)).json, {});
  publish(server, 'acme/later');
  assert.deepEqual((await get('/acme/later/en.json')).json, { a: 'A' });
});

// Versions ----------------------------------------------------------------------------------------

test('8 versions: immutable, one a locale, kept by locales that did not change, old ones stay', async () => {
  const id = addProject(server, 'acme/versions', [], { en: { a: 'one' }, tr: { a: 'bir' } });
  publish(server, 'acme/versions');
  const first = await manifest('acme/versions');
  server.cli(['import', 'acme/versions', '--language', 'en', '-'], { input: '{"a":"two"}' });
  publish(server, 'acme/versions');
  const second = await manifest('acme/versions');
  assert.notEqual(second.files.en.version, first.files.en.version);
  assert.ok(second.files.en.lastModified > first.files.en.lastModified);
  assert.deepEqual(second.files.tr, first.files.tr, 'unchanged: version, time and size');
  const old = await get(`/acme/versions/v/${first.files.en.version}/en/translations.json`), current = await get(`/${id}/v/${second.files.en.version}/en/translations.json`);
  assert.deepEqual([old.json, current.json], [{ a: 'one' }, { a: 'two' }]);
  for (const answer of [old, current]) assert.equal(answer.headers['cache-control'], FROZEN);
  assert.notEqual(old.headers.etag, current.headers.etag);
});

test('8 an unknown version: the current text, kept for a minute at most; never {} for a year', async () => {
  const unknown = await get('/acme/app/v/zzzzzzzz-00000000/en/translations.json');
  assert.equal(unknown.status, 200);
  assert.ok(unknown.body.equals((await get('/acme/app/en.json')).body));
  assert.match(unknown.headers['cache-control'], /^public, max-age=60/);
  assert.doesNotMatch(unknown.headers['cache-control'], /immutable/);
  const swapped = await get(`/acme/app/v/${await versionOf('acme/app', 'tr')}/en/translations.json`);
  assert.doesNotMatch(swapped.headers['cache-control'], /immutable/, 'the version of another locale');
  for (const path of ['/acme/nowhere/v/zzzzzzzz-00000000/en/translations.json', '/acme/app/v/zzzzzzzz-00000000/fr/translations.json', '/acme/never/v/zzzzzzzz-00000000/en/translations.json']) {
    const answer = await get(path);
    assert.equal(answer.status, 404, path);
    assert.equal(answer.headers['cache-control'], 'no-store');
  }
});

test('8 old versions are there after a restart', async () => {
  const own = await startServer();
  try {
    own.seed();
    const versions = [];
    for (const text of ['one', 'two', 'three']) {
      own.cli(['import', 'acme/web', '--language', 'en', '-'], { input: JSON.stringify({ hello: text }) });
      versions.push([publish(own).version, text]);
    }
    await own.stop();
    await own.start();
    for (const [v, text] of versions) assert.equal((await (await fetch(`${own.url}/acme/web/v/${v}/en/translations.json`)).json()).hello, text);
    assert.equal((await (await fetch(`${own.url}/acme/web/en.json`)).json()).hello, 'three');
  } finally {
    await own.close();
  }
});

// Connections -------------------------------------------------------------------------------------

test('10.7 pipelined and kept connections answer each in order', async () => {
  const paths = ['/acme/app/en.json', '/acme/app/nope.json', '/acme/app/pt-br.json', '/acme/app/manifest.json'];
  const host = `Host: 127.0.0.1:${server.port}\r\n`;
  const answer = await raw(server, paths.map((p, i) => `GET ${p} HTTP/1.1\r\n${host}${i === paths.length - 1 ? 'Connection: close\r\n' : ''}\r\n`).join(''));
  const all = Buffer.from(`${answer.head}\r\n\r\n${answer.text}`, 'latin1').toString('utf8');
  const at = ['"Title"', '\r\n\r\n{}', '"Olá"', '"projectSlug"'].map((mark) => all.indexOf(mark));
  assert.ok(at.every((n, i) => n > 0 && (i === 0 || n > at[i - 1])), at.join());
});

// Real clients ------------------------------------------------------------------------------------

const core = (project, more = {}) => createI18nCore({ project, defaultLocale: 'en', cdnBaseUrl: server.url, logLevel: 'silent', ...more });
const forget = () => { clearManifestCache(); clearMessagesCache(); };

test('seed_14 @better-i18n/core reads messages, locales and languages', async () => {
  for (const project of ['acme/app', 'acme/spaced']) {
    forget();
    const i18n = core(project);
    assert.equal(canonical(await i18n.getMessages('en')), canonical(english), project);
    assert.deepEqual(await i18n.getMessages('pt_BR'), portuguese, 'normalised');
    assert.deepEqual(await i18n.getLocales(), ['en', 'tr', 'pt-br']);
    const languages = await i18n.getLanguages();
    assert.deepEqual(languages.map((l) => [l.code, l.name, l.isDefault]), [['en', 'English', true], ['tr', 'Turkish', false], ['pt-br', languages[2].name, false]]);
    assert.equal((await i18n.getManifest()).files.en.url, `${server.url}/${project}/en/translations.json`);
  }
});

test('seed_14 @better-i18n/core sees a publish after its cache is dropped, and none before', async () => {
  addProject(server, 'acme/core', [], { en: { a: 'one' } });
  publish(server, 'acme/core');
  forget();
  const i18n = core('acme/core');
  assert.deepEqual(await i18n.getMessages('en'), { a: 'one' });
  server.cli(['import', 'acme/core', '--language', 'en', '-'], { input: '{"a":"two"}' });
  publish(server, 'acme/core');
  assert.deepEqual(await i18n.getMessages('en'), { a: 'one' });
  forget();
  assert.deepEqual(await i18n.getMessages('en'), { a: 'two' });
});

test('9.2 @better-i18n/core accepts 200 {} for an unknown locale, and keeps its stored copy when the server is strict', async () => {
  forget();
  assert.deepEqual(await core('acme/app').getMessages('fr'), {});
  const other = new Server({ settings: { missing_content: 'strict', fill_from_source_default: 0 } });
  try {
    await other.start();
    other.seed();
    publish(other);
    forget();
    const kept = new Map();
    const storage = { get: async (k) => kept.get(k) ?? null, set: async (k, v) => { kept.set(k, v); } };
    const i18n = core('acme/web', { cdnBaseUrl: other.url, storage, staticData: { fr: { hello: 'statique' } } });
    assert.deepEqual(await i18n.getMessages('fr'), { hello: 'statique' });
    await i18n.getMessages('tr');
    await other.stop();
    forget();
    assert.equal((await i18n.getMessages('tr')).hello, 'Merhaba', 'from its storage while we are away');
  } finally {
    await other.close();
  }
});

async function i18n(loadPath, more) {
  const instance = i18next.createInstance();
  await instance.use(Backend).init({ lng: 'tr', fallbackLng: 'en', backend: { loadPath }, interpolation: { escapeValue: false }, showSupportNotice: false, ...more });
  return instance;
}

test('11.9 i18next-http-backend: namespaces, the whole file as one, flat names, fallback', async () => {
  const spaced = await i18n(`${server.url}/acme/spaced/{{lng}}/{{ns}}.json`, { ns: ['common', 'auth', 'default'], defaultNS: 'common' });
  assert.deepEqual([spaced.t('title'), spaced.t('nav.home'), spaced.t('auth:signIn'), spaced.t('default:hello')], ['Başlık', 'Home', 'Sign in', 'Merhaba']);
  const whole = await i18n(`${server.url}/acme/app/{{lng}}.json`);
  assert.deepEqual([whole.t('common.title'), whole.t('common.nav.home'), whole.t('hello')], ['Başlık', 'Home', 'Merhaba']);
  const namespaceOfOne = await i18n(`${server.url}/acme/app/{{lng}}/{{ns}}.json`, { ns: ['translations'], defaultNS: 'translations' });
  assert.equal(namespaceOfOne.t('hello'), 'Merhaba');
  const flat = await i18n(`${server.url}/acme/flat/{{lng}}.json`, { keySeparator: false, lng: 'en' });
  assert.equal(flat.t('common.nav.home'), 'Home');
});
