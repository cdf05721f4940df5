// SPDX-License-Identifier: MIT
// What each procedure answers, in both dialects, and what it does. The shapes are exact: a member too many or too few
// fails (ruling R16: members for the command-line client in un-batched answers only).
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Server, slow, startServer } from '../lib/server.mjs';
import { addKey, assertTrpcError, caller, fits, identity, mapOf, nullable, oneOf, publish, succeeded } from '../lib/strings.mjs';

let server, key, call, projects = 0;

before(async () => {
  server = await startServer({ settings: { publish_cooldown_s: 0, fill_from_source_default: 0 } }); // what a language lacks shows
  server.seed();
  key = addKey(server);
  call = caller(server, key);
});
after(() => server?.close());

// A project of its own for what counts or publishes; its caller.
function project({ languages = 'tr,de', source = 'en', texts, options = [] } = {}) {
  const slug = `p${++projects}`;
  const made = server.cli(['project', 'add', `acme/${slug}`, '--source', source, ...(languages ? ['--languages', languages] : []), ...options]);
  for (const [language, content] of Object.entries(texts ?? {})) server.cli(['import', `acme/${slug}`, '--language', language, '-'], { input: JSON.stringify(content) });
  const own = caller(server, key, { orgSlug: 'acme', projectSlug: slug });
  return Object.assign(own, { slug, name: `acme/${slug}`, id: made.id, delivered: async (path) => (await fetch(`${server.url}/acme/${slug}/${path}`)).json() });
}
const unknownId = '00000000-0000-4000-8000-000000000000';
const dialects = [{ batch: true }, { batch: false }];
const state = oneOf('draft', 'pending', 'reviewed', 'approved', 'published');
const pub = { has: 'boolean', cnt: 'integer', hint: 'string' };
const pendingPublish = { hasChanges: 'boolean', count: 'integer', hint: 'string' };
const layout = { fs: oneOf('single_file', 'namespaced_folders'), kf: oneOf('flat', 'nested') };

// Members beside the compact ones, un-batched only.
const both = (compact, more) => (batch) => (batch ? compact : { ...compact, ...more });

// listProjects -------------------------------------------------------------------------------------

test('7.1 listProjects: the superset, ordered by slug, the same in both dialects', async () => {
  for (const options of dialects) {
    const data = await call.get('listProjects', null, options);
    fits(data, { cdnBaseUrl: 'string', projects: [{ id: 'uuid', slug: /^acme\/[a-z0-9-]+$/, name: 'string', organizationName: 'string', sourceLanguage: 'string', targetLanguages: ['string'], cdnFormat: 'string', fileStructure: nullable(layout.fs), keyFormat: nullable(layout.kf) }] });
    const web = data.projects.find((p) => p.slug === 'acme/web');
    assert.equal(data.cdnBaseUrl, server.url);
    assert.equal(web.cdnFormat, `${server.url}/acme/web/{locale}/{namespace}.json`);
    assert.deepEqual([web.name, web.organizationName, web.sourceLanguage, web.targetLanguages], ['Web', 'Acme Corp', 'en', ['tr', 'de']]);
    assert.deepEqual(data.projects.map((p) => p.slug), data.projects.map((p) => p.slug).sort());
  }
});

test('R14 the id of a project is a UUID of version 4', async () => {
  const { projects: [first] } = await call.get('listProjects', null);
  assert.match(first.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('7.1 listProjects never fails for lack of projects', async () => {
  server.cli(['user', 'add', '--email', 'lone@example.com', '--name', 'Lone'], { input: 'a long password\n' });
  server.cli(['org', 'add', '--slug', 'lone', '--name', 'Lone', '--owner', 'lone@example.com']);
  assert.deepEqual((await caller(server, addKey(server, { org: 'lone' })).get('listProjects', null)).projects, []);
});

// getProject ---------------------------------------------------------------------------------------

const projectShape = both({
  prj: 'string', sl: 'string', nss: [{ nm: 'string', kc: 'integer', desc: nullable('string'), ctx: nullable({ 't?': 'string', 'd?': 'string', 'ap?': 'string', 'tg?': ['string'] }) }],
  lng: ['string'], tk: 'integer', cov: mapOf({ tr: 'integer', pct: 'number' }), cdn: { base: 'string', mfst: 'string', pat: 'string', ex: () => {}, ...layout }, 'msg?': 'string',
}, {
  name: 'string', slug: 'string', sourceLanguageCode: 'string', keyCount: 'integer', namespaces: [{ name: 'string', keyCount: 'integer' }],
  languages: [{ code: 'string', name: 'string', status: oneOf('active', 'draft', 'archived'), coverage: 'number' }], cdn: { base: 'string', mfst: 'string', pat: 'string', ex: () => {}, ...layout, baseUrl: 'string', manifestUrl: 'string' },
});

test('7.2 getProject: counts, coverage to one decimal, addresses', async () => {
  const own = project({ texts: { en: { a: 'A', b: 'B', c: 'C', auth: { x: 'X' } }, tr: { a: 'Ah', auth: { x: '' } } } });
  for (const options of dialects) {
    const data = await own.get('getProject', {}, options);
    fits(data, projectShape(options.batch));
    assert.deepEqual([data.prj, data.sl, data.tk, data.lng], [own.name, 'en', 4, ['tr', 'de']]);
    assert.deepEqual(data.nss.map((n) => [n.nm, n.kc]), [['auth', 1], ['default', 3]]);
    assert.deepEqual(Object.keys(data.cov).sort(), ['de', 'tr'], 'one entry a target language');
    assert.deepEqual(data.cov.de, { tr: 0, pct: 0 });
    assert.equal(data.cdn.mfst, `${server.url}/${own.name}/manifest.json`);
    assert.equal(data.cdn.pat, `${server.url}/${own.name}/{locale}/translations.json`);
    for (const example of [data.cdn.ex].flat()) assert.equal((await fetch(example)).status, 200, example);
  }
});

test('7.2 pct has one decimal', async () => {
  const own = project({ languages: 'tr', texts: { en: { a: 'A', b: 'B', c: 'C' }, tr: { a: 'Ah' } } });
  assert.deepEqual((await own.get('getProject')).cov.tr, { tr: 1, pct: 33.3 });
});

test('7.2 a project without keys has nothing to cover; a namespaced one another pattern', async () => {
  const own = project({ options: ['--namespaced'] });
  const data = await own.get('getProject', {}, { batch: true });
  assert.deepEqual([data.tk, data.nss, data.cov], [0, [], { tr: { tr: 0, pct: 0 }, de: { tr: 0, pct: 0 } }]);
  assert.equal(data.cdn.pat, `${server.url}/${own.name}/{locale}/{namespace}.json`);
  assert.equal(data.cdn.fs, 'namespaced_folders');
});

test('7.2 lng and cov hold active and draft languages, not archived ones', async () => {
  const own = project();
  await own.put('addLanguages', { languages: [{ languageCode: 'fr', status: 'draft' }] });
  await own.put('deleteLanguages', { languageCodes: ['de'] });
  const data = await own.get('getProject', {}, { batch: true });
  assert.deepEqual([data.lng, Object.keys(data.cov)], [['tr', 'fr'], ['tr', 'fr']]);
});

// listKeys -----------------------------------------------------------------------------------------

const listShape = { tot: 'integer', ret: 'integer', pg: 'integer', lim: 'integer', has_more: 'boolean', nss: ['string'], k: [{ k: 'string', ns: 'integer', 'id?': 'uuid', 'src?': nullable('string'), 'tl?': ['string'], 'tlc?': 'integer', 'tr?': mapOf('string') }], 'note?': 'string' };
const catalog = { en: { common: { save: 'Save', title: 'Title' }, auth: { in: 'Sign in', out: 'Sign out' }, hello: 'Hello' }, tr: { common: { save: 'Kaydet' }, hello: '' } };

test('7.4 listKeys: defaults, order by namespace and name, namespaces by index', async () => {
  const own = project({ texts: catalog });
  for (const options of dialects) {
    const data = await own.get('listKeys', {}, options);
    fits(data, listShape);
    assert.deepEqual([data.tot, data.ret, data.pg, data.lim, data.has_more], [5, 5, 1, 20, false]);
    assert.deepEqual(data.k.map((k) => [data.nss[k.ns], k.k, k.src]), [['auth', 'in', 'Sign in'], ['auth', 'out', 'Sign out'], ['common', 'save', 'Save'], ['common', 'title', 'Title'], ['default', 'hello', 'Hello']]);
    for (const k of data.k) assert.deepEqual(Object.keys(k).sort(), ['id', 'k', 'ns', 'src'], 'the default fields');
  }
});

test('7.4 listKeys: pages; beyond the end is an empty page', async () => {
  const own = project({ texts: catalog });
  const pages = [];
  for (const page of [1, 2, 3, 4]) pages.push(await own.get('listKeys', { page, limit: 2 }));
  assert.deepEqual(pages.map((p) => [p.ret, p.has_more, p.tot, p.pg]), [[2, true, 5, 1], [2, true, 5, 2], [1, false, 5, 3], [0, false, 5, 4]]);
  assert.deepEqual(pages[3].k, []);
  assert.equal(new Set(pages.flatMap((p) => p.k.map((k) => k.id))).size, 5);
});

test('7.4 listKeys: each member only when its field is asked for', async () => {
  const own = project({ texts: catalog });
  const only = async (fields) => (await own.get('listKeys', { fields, search: 'save' })).k[0];
  assert.deepEqual(Object.keys(await only(['id'])).sort(), ['id', 'k', 'ns']);
  assert.deepEqual(Object.keys(await only([])).sort(), ['k', 'ns']);
  assert.deepEqual((await only(['translations'])).tr, { tr: 'Kaydet' });
  assert.deepEqual((await only(['translatedLanguages', 'translatedLanguageCount'])).tl, ['tr']);
  assert.equal((await only(['translatedLanguageCount'])).tlc, 1);
  assert.equal((await own.query('listKeys', { fields: ['nothing'] })).status, 400);
});

test('7.4 listKeys: search is in names alone, any of several, letter case aside, and "%" and "_" mean themselves', async () => {
  const own = project({ texts: { en: { save: 'x', Save2: 'x', 'other': 'save', under_score: 'x', underXscore: 'x', 'pct%': 'x' } } });
  const names = async (search) => (await own.get('listKeys', { search })).k.map((k) => k.k).sort();
  assert.deepEqual(await names('SAVE'), ['Save2', 'save']);
  assert.deepEqual(await names(['save2', 'OTHER']), ['Save2', 'other']);
  assert.deepEqual(await names('r_s'), ['under_score']);
  assert.deepEqual(await names('%'), ['pct%']);
  assert.deepEqual(await names('nowhere'), []);
});

test('7.4 listKeys: namespaces and missingLanguage narrow', async () => {
  const own = project({ texts: catalog });
  assert.deepEqual((await own.get('listKeys', { namespaces: ['auth', 'default'] })).k.map((k) => k.k), ['in', 'out', 'hello']);
  assert.deepEqual((await own.get('listKeys', { missingLanguage: 'TR' })).k.map((k) => k.k), ['in', 'out', 'title', 'hello'], 'an empty text is missing');
  assert.equal((await own.get('listKeys', { missingLanguage: '' })).tot, 5);
});

// getAllTranslations -------------------------------------------------------------------------------

const allShape = both({
  prj: 'string', sl: 'string', ret: 'integer', tot: 'integer', has_more: 'boolean', 'srch?': () => {}, 'lng?': ['string'], 'st?': 'string',
  keys: [{ id: 'uuid', k: 'string', 'ns?': 'string', src: nullable('string'), 'tr?': mapOf({ id: 'string', t: 'string', st: state }) }],
  'nsd?': mapOf({ kc: 'integer', 'desc?': 'string', 'ap?': 'string' }), 'hint?': 'string',
}, {
  returned: 'integer', total: 'integer', hasMore: 'boolean',
  keys: [{ id: 'uuid', k: 'string', 'ns?': 'string', src: nullable('string'), 'tr?': mapOf({ id: 'string', t: 'string', st: state }), key: 'string', namespace: 'string' }],
});

test('7.3 getAllTranslations: all of it; the default namespace is left out, empty maps too', async () => {
  const own = project({ texts: catalog });
  for (const options of dialects) {
    const data = await own.get('getAllTranslations', {}, options);
    fits(data, allShape(options.batch));
    assert.deepEqual(data.keys.map((k) => [k.ns, k.k]), [['auth', 'in'], ['auth', 'out'], ['common', 'save'], ['common', 'title'], [undefined, 'hello']]);
    assert.ok(!('tr' in data.keys[0]) && !('st' in data) && !('srch' in data));
    assert.deepEqual(data.keys[2].tr.tr.t, 'Kaydet');
    assert.equal(data.keys[2].tr.tr.st, 'approved');
    assert.equal(data.keys[4].tr.tr.t, '', 'an empty text is a text');
    assert.deepEqual(data.nsd, { auth: { kc: 2 }, common: { kc: 2 }, default: { kc: 1 } });
  }
});

test('7.3 getAllTranslations: compact', async () => {
  const own = project({ texts: catalog });
  const data = await own.get('getAllTranslations', { compact: true }, { batch: true });
  fits(data.keys, [{ id: 'uuid', k: 'string', 'ns?': 'string', tc: 'integer' }]);
  assert.ok(!('nsd' in data));
  assert.deepEqual(data.keys.map((k) => k.tc), [0, 0, 1, 0, 0]);
});

test('7.3 search without languages is in names, source and every language; with them in those and always in names and source', async () => {
  const own = project({ texts: { en: { one: 'Alpha', two: 'Beta', needle: 'Gamma' }, tr: { one: 'needle' }, de: { two: 'NEEDLE' } } });
  const found = async (input) => (await own.get('getAllTranslations', { search: 'needle', ...input })).keys.map((k) => k.k).sort();
  assert.deepEqual(await found({}), ['needle', 'one', 'two']);
  assert.deepEqual(await found({ languages: ['tr'] }), ['needle', 'one']);
  assert.deepEqual(await found({ search: ['gamma', 'beta'], languages: ['tr'] }), ['needle', 'two']);
  const echoed = await own.get('getAllTranslations', { search: ['gamma', 'beta'], languages: ['TR'] });
  assert.deepEqual([echoed.srch, echoed.lng], [['gamma', 'beta'], ['tr']]);
  assert.deepEqual(Object.keys(echoed.keys[0].tr ?? {}), [], 'only the languages that were asked for');
});

test('7.3 status needs languages, is applied before the limit, and several languages are missing in any', async () => {
  const own = project({ texts: { en: { a: 'A', b: 'B', c: 'C', d: 'D' }, tr: { a: 'x', b: 'x' }, de: { a: 'x' } } });
  server.cli(['import', own.name, '--language', 'tr', '--draft', '-'], { input: '{"c":"taslak"}' });
  const names = async (input) => (await own.get('getAllTranslations', input)).keys.map((k) => k.k);
  assert.deepEqual(await names({ status: 'missing', languages: ['tr'] }), ['d']);
  assert.deepEqual(await names({ status: 'missing', languages: ['tr', 'de'] }), ['b', 'c', 'd']);
  assert.deepEqual(await names({ status: 'draft', languages: ['tr'] }), ['c']);
  assert.deepEqual(await names({ status: 'published', languages: ['tr'] }), ['a', 'b'], 'approved counts as published (15 #10)');
  const first = await own.get('getAllTranslations', { status: 'missing', languages: ['de'], limit: 1 });
  assert.deepEqual([first.ret, first.has_more, first.st, first.keys[0].k], [1, true, 'missing', 'b']);
  const ignored = await own.get('getAllTranslations', { status: 'missing' });
  assert.equal(ignored.keys.length, 4);
  assert.match(ignored.hint, /language/);
});

test('7.3 exact keys and namespaces; a fraction as limit is floored; out of range is an issue', async () => {
  const own = project({ texts: catalog });
  assert.deepEqual((await own.get('getAllTranslations', { keys: ['save', 'hello'] })).keys.map((k) => k.k), ['save', 'hello']);
  assert.deepEqual((await own.get('getAllTranslations', { keys: ['sav'] })).keys, []);
  assert.deepEqual((await own.get('getAllTranslations', { namespaces: ['auth'] })).tot, 2);
  const floored = await own.get('getAllTranslations', { limit: 2.9 });
  assert.deepEqual([floored.ret, floored.tot, floored.has_more], [2, 5, true]);
  for (const limit of [0, 201]) assert.equal((await own.query('getAllTranslations', { limit })).status, 400, `${limit}`);
});

// createKeys ---------------------------------------------------------------------------------------

const createShape = { ok: 'boolean', cnt: 'integer', new: 'integer', ren: 'integer', dup: 'integer', k: [{ k: 'string', id: 'uuid', tr: 'integer' }], 'skip?': [{ k: 'string', reason: 'string' }], 'warn?': [{ k: 'string', ns: 'string', other: ['string'] }], 'pub?': pub, 'hint?': 'string' };

test('7.5 createKeys: makes keys with source and targets, drops the source inside t, skips unknown languages with a hint', async () => {
  for (const options of dialects) {
    const own = project();
    const data = await own.put('createKeys', { k: [{ n: 'title', ns: 'terms', v: 'Title', t: { TR: 'Başlık', en: 'dropped', fr: 'Titre' } }, { n: 'bare' }] }, options);
    fits(data, createShape);
    assert.deepEqual([data.ok, data.cnt, data.new, data.ren, data.dup], [true, 2, 2, 0, 0]);
    assert.deepEqual(data.k.map((k) => [k.k, k.tr]), [['title', 1], ['bare', 0]]);
    assert.match(data.hint, /fr/);
    assert.equal(data.pub.has, true);
    const { keys } = await own.get('getAllTranslations');
    assert.deepEqual(keys.map((k) => [k.k, k.ns, k.src, Object.keys(k.tr ?? {})]), [['bare', undefined, null, []], ['title', 'terms', 'Title', ['tr']]].sort((a, b) => ((a[1] ?? 'default') < (b[1] ?? 'default') ? -1 : 1)));
    assert.equal(keys.find((k) => k.k === 'title').tr.tr.st, 'approved');
  }
});

test('7.5 createKeys: what is there is skipped, never changed; twice in one call too', async () => {
  const own = project({ texts: { en: { a: 'A' } } });
  const data = await own.put('createKeys', { k: [{ n: 'a', v: 'other' }, { n: 'b', v: 'B' }, { n: 'b', v: 'second' }] });
  assert.deepEqual([data.new, data.dup, data.skip.map((s) => s.k)], [1, 2, ['a', 'b']]);
  const { keys } = await own.get('getAllTranslations');
  assert.deepEqual(keys.map((k) => k.src), ['A', 'B']);
});

test('7.5 createKeys: the name of a deleted key is free; the old row is renamed out of the way', async () => {
  const own = project({ texts: { en: { a: 'A' } } });
  const [{ id }] = (await own.get('listKeys')).k;
  await own.put('deleteKeys', { keyIds: [id] });
  const data = await own.put('createKeys', { k: [{ n: 'a', v: 'new' }] });
  assert.deepEqual([data.new, data.ren, data.dup], [1, 1, 0]);
  assert.notEqual(data.k[0].id, id);
  const { keys } = await own.get('getAllTranslations');
  assert.deepEqual(keys.map((k) => [k.k, k.src]), [['a', 'new']]);
  publish(server, own.name);
  assert.deepEqual(await own.delivered('en.json'), { a: 'new' });
});

test('7.5 createKeys: the same name elsewhere is made with a warning; a name that begins with a namespace goes there', async () => {
  const own = project({ texts: { en: { common: { title: 'T' } } } });
  const data = await own.put('createKeys', { k: [{ n: 'title', ns: 'terms' }, { n: 'common.moved' }] });
  assert.deepEqual(data.warn.find((w) => w.k === 'title'), { k: 'title', ns: 'terms', other: ['common'] });
  const { keys } = await own.get('getAllTranslations', { search: 'moved' });
  assert.deepEqual([keys[0].ns, keys[0].k], ['common', 'moved']);
  assert.ok(data.warn.some((w) => w.k === 'moved') || /namespace/.test(data.hint));
});

test('7.5 createKeys: a leaf that would be a parent is CONFLICT and nothing is written, unless force', async () => {
  const own = project({ texts: { en: { step: { workspace: 'W' } } } });
  for (const k of [[{ n: 'fine', ns: 'step' }, { n: 'workspace.title', ns: 'step' }], [{ n: 'a.b' }, { n: 'a' }]]) {
    const answer = await own.mutate('createKeys', { k });
    assert.equal(answer.status, 409);
    assertTrpcError(answer.body, { code: 'CONFLICT', httpStatus: 409, number: -32009, path: 'mcp.createKeys' });
  }
  assert.equal((await own.get('listKeys')).tot, 1);
  const forced = await own.put('createKeys', { k: [{ n: 'workspace.title', ns: 'step', v: 'x' }], force: true });
  assert.equal(forced.new, 1);
  publish(server, own.name);
  assert.deepEqual(await own.delivered('en.json'), { step: { workspace: { title: 'x' } } }, 'the object stays, the leaf gives way (6.1)');
});

test('7.5 createKeys: empty and impossible names are BAD_REQUEST, and the whole call is void', async () => {
  const own = project({ options: ['--namespaced'] });
  for (const bad of [{ n: '' }, { n: 'x', ns: 'a/b' }, { n: 'x', ns: 'translations' }, { n: 'x', ns: 'batch' }, { n: 'x', ns: 'manifest' }, { n: 'x', ns: 'with space' }, { n: 'x'.repeat(5000) }]) {
    const answer = await own.mutate('createKeys', { k: [{ n: 'good' }, bad] });
    assert.equal(answer.status, 400, JSON.stringify(bad).slice(0, 80));
  }
  assert.equal((await own.get('listKeys')).tot, 0);
});

test('7.5 createKeys: what is said of a namespace is kept, the last one wins, and readers see it', async () => {
  const own = project();
  await own.put('createKeys', { k: [{ n: 'a', ns: 'legal', nc: { description: 'first' } }, { n: 'b', ns: 'legal', nc: { description: 'd'.repeat(200), team: 'Law', domain: 'law', aiPrompt: 'Be formal', tags: ['x', 'y'] } }] });
  const { nss } = await own.get('getProject', {}, { batch: true });
  assert.deepEqual(nss[0], { nm: 'legal', kc: 2, desc: 'd'.repeat(200), ctx: { t: 'Law', d: 'law', ap: 'Be formal', tg: ['x', 'y'] } });
  const { nsd } = await own.get('getAllTranslations', {}, { batch: true });
  assert.deepEqual(nsd.legal, { kc: 2, desc: 'd'.repeat(80), ap: 'Be formal' });
});

test('7.5 createKeys: a thousand at once', async () => {
  const own = project();
  const data = await own.put('createKeys', { k: Array.from({ length: 1000 }, (_, i) => ({ n: `n${i}`, ns: `s${i % 10}`, v: `v${i}`, t: { tr: `t${i}` } })) });
  assert.deepEqual([data.new, data.k.length, data.k.every((k) => k.tr === 1)], [1000, 1000, true]);
  const listed = await own.get('listKeys', { limit: 250 });
  assert.deepEqual([listed.tot, listed.ret, typeof listed.note], [1000, 250, 'string'], 'a note on large projects without filter');
});

// updateKeys ---------------------------------------------------------------------------------------

const updateShape = { ok: 'boolean', cnt: 'integer', upd: [{ 'id?': 'uuid', k: 'string', lng: ['string'], src: 'boolean' }], 'errors?': [{ 'id?': 'string', 'k?': 'string', 'ns?': 'string', l: ['string'], code: oneOf('not_found'), msg: 'string' }], 'pub?': pub, 'hint?': 'string' };

test('7.6 updateKeys: groups by key, edits the source, reports what it does not know', async () => {
  for (const options of dialects) {
    const own = project({ texts: { en: { a: 'A', b: 'B' } } });
    const [a, b] = (await own.get('listKeys')).k.map((k) => k.id);
    const data = await own.put('updateKeys', { t: [{ id: a, l: 'TR', t: 'Aa' }, { id: a, l: 'de', t: 'Ah' }, { id: b, l: 'en', t: 'B2', s: true }, { id: 'nope', l: 'tr', t: 'x' }] }, options);
    fits(data, updateShape);
    assert.deepEqual([data.ok, data.cnt], [true, 2]);
    const one = data.upd.find((u) => u.id === a), two = data.upd.find((u) => u.id === b);
    assert.deepEqual([[...one.lng].sort(), one.src, two.src], [['de', 'tr'], false, true]);
    assert.deepEqual([data.errors[0].id, data.errors[0].l], ['nope', ['tr']]);
    const { keys } = await own.get('getAllTranslations');
    assert.deepEqual([keys[0].tr.tr.t, keys[0].tr.de.t, keys[1].src, keys[0].tr.tr.st], ['Aa', 'Ah', 'B2', 'approved']);
  }
});

test('7.6 updateKeys: the five states are taken, any other is BAD_REQUEST; ok is false only when nothing matched', async () => {
  const own = project({ texts: { en: { a: 'A' } } });
  const [{ id }] = (await own.get('listKeys')).k;
  for (const st of ['draft', 'pending', 'reviewed', 'approved']) {
    await own.put('updateKeys', { t: [{ id, l: 'tr', t: `text ${st}`, st }] });
    assert.equal((await own.get('getAllTranslations')).keys[0].tr.tr.st, st);
  }
  assert.equal((await own.mutate('updateKeys', { t: [{ id, l: 'tr', t: 'x', st: 'published' }] })).status, 200);
  const bad = await own.mutate('updateKeys', { t: [{ id, l: 'tr', t: 'x', st: 'final' }] });
  assert.equal(bad.status, 400);
  const none = await own.put('updateKeys', { t: [{ id: unknownId, l: 'tr', t: 'x' }] });
  assert.deepEqual([none.ok, none.cnt, none.errors.length], [false, 0, 1]);
});

test('R11 7.6 editing a published text makes it approved again, and the old one stays delivered until the publish', async () => {
  const own = project({ texts: { en: { a: 'A' }, tr: { a: 'bir' } } });
  publish(server, own.name);
  const [{ id }] = (await own.get('listKeys')).k;
  const before = (await own.get('getAllTranslations')).keys[0].tr.tr;
  assert.equal(before.st, 'published');
  await own.put('updateKeys', { t: [{ id, l: 'tr', t: 'iki' }] });
  assert.equal((await own.get('getAllTranslations')).keys[0].tr.tr.st, 'approved');
  assert.equal((await own.delivered('tr.json')).a, 'bir');
  publish(server, own.name);
  assert.equal((await own.delivered('tr.json')).a, 'iki');
});

test('7.6 a deleted key that is not yet gone is still updatable', async () => {
  const own = project({ texts: { en: { a: 'A' } } });
  const [{ id }] = (await own.get('listKeys')).k;
  await own.put('deleteKeys', { keyIds: [id] });
  const data = await own.put('updateKeys', { t: [{ id, l: 'tr', t: 'x' }] });
  assert.deepEqual([data.ok, data.cnt], [true, 1]);
});

// setTranslations ----------------------------------------------------------------------------------

const setShape = both({ ok: 'boolean', cnt: 'integer', wrote: 'integer', upd: [{ id: 'uuid', k: 'string', lng: ['string'] }], 'errors?': [{ id: 'string', l: ['string'], code: oneOf('not_found'), msg: 'string' }], 'pub?': pub, 'hint?': 'string' },
  { updated: 'integer', 'errors?': ['string'] });

test('7.7 17 setTranslations: upserts by language; errors are objects in a batch and texts without', async () => {
  for (const options of dialects) {
    const own = project({ texts: { en: { a: 'A', b: 'B' }, tr: { a: 'old' } } });
    const [a, b] = (await own.get('listKeys')).k.map((k) => k.id);
    const data = await own.put('setTranslations', { t: [{ id: a, t: { DE: 'Ah' } }, { id: b, t: { tr: '', de: 'Be', en: 'ignored' } }, { id: unknownId, t: { tr: 'x', de: 'y' } }] }, options);
    fits(data, setShape(options.batch));
    assert.deepEqual([data.ok, data.cnt, data.wrote], [true, 2, 3]);
    if (options.batch) assert.deepEqual([data.errors[0].id, [...data.errors[0].l].sort()], [unknownId, ['de', 'tr']]);
    else assert.match(data.errors[0], new RegExp(`^${unknownId}: not_found \\((tr, de|de, tr)\\)$`));
    if (!options.batch) assert.equal(data.updated, 2);
    const { keys } = await own.get('getAllTranslations');
    assert.deepEqual([keys[0].tr.tr.t, keys[0].tr.de.t, keys[1].tr.tr.t, keys[1].src], ['old', 'Ah', '', 'B']);
  }
});

test('7.7 setTranslations: ok is false only when every id was unknown; an empty map is nothing', async () => {
  const own = project({ texts: { en: { a: 'A' } } });
  const [{ id }] = (await own.get('listKeys')).k;
  assert.equal((await own.put('setTranslations', { t: [{ id: unknownId, t: { tr: 'x' } }] })).ok, false);
  const nothing = await own.put('setTranslations', { t: [{ id, t: {} }] }, { batch: true });
  assert.deepEqual([nothing.wrote, 'errors' in nothing], [0, false]);
});

test('7.7 setTranslations: five hundred keys at once; letter case of an id does not matter', async () => {
  const own = project({ texts: { en: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, `v${i}`])) } });
  const ids = [];
  for (const page of [1, 2]) ids.push(...(await own.get('listKeys', { page, limit: 250 })).k.map((k) => k.id));
  const data = await own.put('setTranslations', { t: ids.map((id) => ({ id: id.toUpperCase(), t: { tr: 't', de: 'd' } })) });
  assert.deepEqual([data.cnt, data.wrote], [500, 1000]);
});

// deleteKeys ---------------------------------------------------------------------------------------

const deleteShape = both({ ok: 'boolean', cnt: 'integer', mk: [{ id: 'uuid', k: 'string', ns: nullable('string') }], 'skip?': ['string'], 'pub?': pub, 'hint?': 'string' }, { deleted: 'integer', skipped: ['string'] });

test('7.8 17 R15 deleteKeys: marks, skips what is unknown or gone, and the default namespace is null', async () => {
  for (const options of dialects) {
    const own = project({ texts: { en: { a: 'A', auth: { b: 'B' }, c: 'C' } } });
    publish(server, own.name);
    const ids = Object.fromEntries((await own.get('listKeys')).k.map((k) => [k.k, k.id]));
    const data = await own.put('deleteKeys', { keyIds: [ids.a, ids.b, unknownId] }, options);
    fits(data, deleteShape(options.batch));
    assert.equal(data.cnt, 2);
    assert.deepEqual(data.mk.map((m) => [m.k, m.ns]).sort(), [['a', null], ['b', 'auth']]);
    assert.deepEqual(options.batch ? data.skip : data.skipped, [unknownId]);
    const again = await own.put('deleteKeys', { keyIds: [ids.a] }, options);
    assert.deepEqual([again.cnt, options.batch ? again.skip : again.skipped], [0, [ids.a]], 'a second time is no error');
    assert.equal((await own.get('getAllTranslations')).tot, 1, 'gone from lists at once');
    assert.deepEqual(await own.delivered('en.json'), { a: 'A', auth: { b: 'B' }, c: 'C' }, 'delivered until the publish');
    publish(server, own.name);
    assert.deepEqual(await own.delivered('en.json'), { c: 'C' });
    const gone = await own.put('updateKeys', { t: [{ id: ids.a, l: 'tr', t: 'x' }] });
    assert.equal(gone.ok, false, 'a publish makes a deletion permanent');
  }
});

test('17 deleteKeys: skipped is an array even when there is nothing in it', async () => {
  const own = project({ texts: { en: { a: 'A' } } });
  const [{ id }] = (await own.get('listKeys')).k;
  const data = await own.put('deleteKeys', { keyIds: [id] });
  assert.deepEqual([data.deleted, data.skipped], [1, []]);
});

// Languages ----------------------------------------------------------------------------------------

const addShape = { success: 'boolean', added: 'integer', skipped: 'integer', results: [{ languageCode: 'string', status: oneOf('active', 'draft', 'archived'), added: 'boolean' }], 'skippedAsSource?': 'integer', 'warnings?': ['string'], 'pendingPublish?': pendingPublish, 'hint?': 'string' };

test('7.9 addLanguages: adds in lower case, skips what is there, warns about the source', async () => {
  for (const options of dialects) {
    const own = project();
    const data = await own.put('addLanguages', { languages: [{ languageCode: 'FR' }, { languageCode: 'zh-Hans', status: 'draft' }, { languageCode: 'tr' }, { languageCode: 'EN' }] }, options);
    fits(data, addShape);
    assert.deepEqual([data.success, data.added, data.skipped, data.skippedAsSource, data.warnings.length], [true, 2, 1, 1, 1]);
    assert.deepEqual(data.results.slice(0, 3), [{ languageCode: 'fr', status: 'active', added: true }, { languageCode: 'zh-hans', status: 'draft', added: true }, { languageCode: 'tr', status: 'active', added: false }]);
    assert.deepEqual((await own.get('getProject')).lng, ['tr', 'de', 'fr', 'zh-hans']);
  }
});

test('7.9 addLanguages: a code that is no language refuses the whole call and names it; null is no status', async () => {
  const own = project();
  const bad = await own.mutate('addLanguages', { languages: [{ languageCode: 'fr' }, { languageCode: 'xq-qqqq' }, { languageCode: '!!' }] });
  assert.equal(bad.status, 400);
  assert.match(bad.error.message, /!!|xq-qqqq/);
  assert.deepEqual((await own.get('getProject')).lng, ['tr', 'de']);
  assert.equal((await own.mutate('addLanguages', { languages: [{ languageCode: 'fr', status: null }] })).status, 400);
});

const updateLanguagesShape = both({ success: 'boolean', results: [{ languageCode: 'string', previousStatus: oneOf('active', 'draft', 'archived'), newStatus: oneOf('active', 'draft', 'archived'), changed: 'boolean' }], notFound: ['string'], 'pendingPublish?': pendingPublish, 'hint?': 'string' }, { updated: 'integer' });

test('7.10 updateLanguages: status or newStatus; the arrays are always there', async () => {
  for (const options of dialects) {
    const own = project();
    const data = await own.put('updateLanguages', { updates: [{ languageCode: 'TR', status: 'draft' }, { languageCode: 'de', newStatus: 'archived' }, { languageCode: 'xx', status: 'draft' }] }, options);
    fits(data, updateLanguagesShape(options.batch));
    assert.deepEqual(data.results, [{ languageCode: 'tr', previousStatus: 'active', newStatus: 'draft', changed: true }, { languageCode: 'de', previousStatus: 'active', newStatus: 'archived', changed: true }]);
    assert.deepEqual(data.notFound, ['xx']);
    const again = await own.put('updateLanguages', { updates: [{ languageCode: 'tr', status: 'draft' }] }, options);
    assert.deepEqual([again.results[0].changed, again.notFound], [false, []]);
    assert.equal((await own.mutate('updateLanguages', { updates: [{ languageCode: 'tr', status: 'gone' }] }, options)).status, 400);
    assert.equal((await own.mutate('updateLanguages', { updates: [{ languageCode: 'tr' }] }, options)).status, 400, 'neither name');
  }
});

test('7.11 deleteLanguages: archives and keeps the texts', async () => {
  const own = project({ texts: { en: { a: 'A' }, tr: { a: 'bir' } } });
  publish(server, own.name);
  const data = await own.put('deleteLanguages', { languageCodes: ['TR', 'xx'] }, { batch: true });
  fits(data, { success: 'boolean', archived: ['string'], alreadyArchived: ['string'], notFound: ['string'], 'pendingPublish?': pendingPublish });
  assert.deepEqual([data.archived, data.alreadyArchived, data.notFound], [['tr'], [], ['xx']]);
  assert.deepEqual((await own.put('deleteLanguages', { languageCodes: ['tr'] })).alreadyArchived, ['tr']);
  publish(server, own.name);
  assert.deepEqual(await own.delivered('tr.json'), {});
  assert.deepEqual((await own.delivered('manifest.json')).locales, ['en']);
  await own.put('updateLanguages', { updates: [{ languageCode: 'tr', status: 'active' }] });
  publish(server, own.name);
  assert.deepEqual(await own.delivered('tr.json'), { a: 'bir' });
});

test('5.1 a draft language is kept out of delivery until it is active', async () => {
  const own = project({ texts: { en: { a: 'A' } } });
  await own.put('addLanguages', { languages: [{ languageCode: 'fr', status: 'draft' }] });
  const [{ id }] = (await own.get('listKeys')).k;
  await own.put('setTranslations', { t: [{ id, t: { fr: 'un' } }] });
  publish(server, own.name);
  assert.deepEqual((await own.delivered('manifest.json')).locales, ['en']);
  await own.put('updateLanguages', { updates: [{ languageCode: 'fr', status: 'active' }] });
  publish(server, own.name);
  assert.deepEqual((await own.delivered('manifest.json')).locales, ['en', 'fr']);
  assert.deepEqual(await own.delivered('fr.json'), { a: 'un' });
});

// getPendingChanges --------------------------------------------------------------------------------

const kinds = { kid: 'uuid', k: 'string', ns: nullable('string') };
const pendingShape = {
  prj: 'string', has_chg: 'boolean', sum: { tr: 'integer', del_k: 'integer', lng_chg: 'integer', tot: 'integer' }, by_lng: mapOf({ cnt: 'integer', prv: [{ ...kinds, t: 'string', st: state }] }),
  del_k: [{ ...kinds, src: nullable('string') }], 'lng_chg?': () => {}, pub_dst: oneOf('cdn', 'github', 'none'), 'no_pub_rsn?': 'string',
  'recent?': [{ id: 'string', tp: oneOf('publish', 'sync', 'import'), st: 'string', at: nullable('string'), nk: 'integer', uk: 'integer', tf: 'integer' }], 'hint?': 'string',
};

test('7.12 R15 getPendingChanges: sums, five of each language, deletions, and nothing after a publish', async () => {
  const own = project({ texts: { en: Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`k${i}`, `v${i}`])), tr: { k0: 'x' } } });
  for (const options of dialects) {
    const data = await own.get('getPendingChanges', {}, options);
    fits(data, pendingShape);
    assert.equal(data.has_chg, true);
    assert.deepEqual([data.sum.tr, data.sum.del_k, data.by_lng.en.cnt, data.by_lng.en.prv.length, data.by_lng.tr.cnt], [8, 0, 7, 5, 1]);
    assert.equal(data.sum.tot, data.sum.tr + data.sum.del_k + data.sum.lng_chg);
    assert.equal(data.by_lng.tr.prv[0].ns, null);
  }
  publish(server, own.name);
  const [{ id }] = (await own.get('listKeys')).k;
  await own.put('deleteKeys', { keyIds: [id] });
  const deletion = await own.get('getPendingChanges');
  fits(deletion, pendingShape);
  assert.deepEqual([deletion.sum, deletion.del_k.map((d) => [d.k, d.ns, d.src])], [{ tr: 0, del_k: 1, lng_chg: 0, tot: 1 }, [['k0', null, 'v0']]]);
  publish(server, own.name);
  const none = await own.get('getPendingChanges');
  fits(none, pendingShape);
  assert.deepEqual([none.has_chg, none.sum.tot, none.by_lng, none.del_k], [false, 0, {}, []]);
  assert.equal(typeof none.no_pub_rsn, 'string');
  assert.ok(none.recent.length >= 1 && none.recent.length <= 3);
});

test('7.12 drafts are not pending, as they are not published (R11)', async () => {
  const own = project({ texts: { en: { a: 'A' } } });
  publish(server, own.name);
  server.cli(['import', own.name, '--language', 'tr', '--draft', '-'], { input: '{"a":"taslak"}' });
  assert.equal((await own.get('getPendingChanges')).has_chg, false);
  publish(server, own.name);
  assert.deepEqual(await own.delivered('tr.json'), {});
});

// Publishing and jobs ------------------------------------------------------------------------------

const publishShape = { success: 'boolean', published: 'integer', repositories: 'integer', syncJobIds: ['uuid'], 'deletedKeysProcessed?': 'integer', 'languageChangesProcessed?': 'integer', message: 'string', 'hint?': 'string' };
const jobState = oneOf('pending', 'in_progress', 'completed', 'failed', 'cancelled'), jobType = oneOf('initial_import', 'source_sync', 'cdn_upload', 'batch_publish');
const trigger = nullable({ nm: 'string', img: nullable('string') });
const jobShape = both({ id: 'uuid', tp: jobType, st: jobState, st_at: 'iso', 'cp_at?': 'iso', 'err_msg?': nullable('string'), 'trig_by?': trigger, log: ['string'], aff_k: [{ k: 'string', act: 'string' }], 'hint?': 'string' },
  { type: jobType, status: jobState, createdAt: 'iso', 'completedAt?': 'iso', 'errorMessage?': nullable('string'), 'newKeys?': 'integer', 'updatedKeys?': 'integer', 'logs?': ['string'] });
const jobsShape = both({ prj: 'string', tot: 'integer', sy: [{ id: 'uuid', tp: jobType, st: jobState, st_at: 'iso', 'cp_at?': 'iso', 'err_msg?': nullable('string'), 'trig_by?': trigger, meta: { kp: 'integer', 'tf?': nullable('integer'), 'pf?': nullable('integer') } }], 'msg?': 'string' },
  { jobs: [{ id: 'uuid', type: jobType, status: jobState, createdAt: 'iso', 'completedAt?': 'iso', 'newKeys?': 'integer', 'updatedKeys?': 'integer', 'totalFiles?': 'integer', 'errorMessage?': 'string' }] });

test('7.13 7.15 publishTranslations answers at once with a job; getSync follows it to its end', async () => {
  for (const options of dialects) {
    const own = project({ texts: { en: { a: 'A' }, tr: { a: 'bir' } } });
    const data = await own.put('publishTranslations', {}, options);
    fits(data, publishShape);
    assert.deepEqual([data.success, data.published, data.repositories, data.syncJobIds.length], [true, 2, 1, 1]);
    const job = await own.get('getSync', { syncId: data.syncJobIds[0], waitMs: 20_000 }, options);
    fits(job, jobShape(options.batch));
    assert.equal(job.st, 'completed');
    assert.deepEqual(job.aff_k, [{ k: 'a', act: 'published' }]);
    assert.ok(job.log.some((line) => line.includes('SYNC_COMPLETED')));
    assert.deepEqual(await own.delivered('tr.json'), { a: 'bir' });
    const listed = await own.get('getSyncs', {}, options);
    fits(listed, jobsShape(options.batch));
    assert.deepEqual(listed.sy.map((s) => [s.id, s.st, s.tp]), [[job.id, 'completed', 'batch_publish']]);
  }
});

test('7.13 a choice of texts is published and the others stay as they were', async () => {
  const own = project({ texts: { en: { a: 'A', b: 'B' }, tr: { a: 'bir', b: 'iki' } } });
  publish(server, own.name);
  const [a, b] = (await own.get('listKeys')).k.map((k) => k.id);
  await own.put('setTranslations', { t: [{ id: a, t: { tr: 'BIR', de: 'EINS' } }, { id: b, t: { tr: 'IKI' } }] });
  const data = await own.put('publishTranslations', { translations: [{ keyId: a, languageCode: 'TR' }] });
  assert.equal(data.published, 1);
  await own.get('getSync', { syncId: data.syncJobIds[0], waitMs: 20_000 });
  assert.deepEqual(await own.delivered('tr.json'), { a: 'BIR', b: 'iki' });
  assert.deepEqual(await own.delivered('de.json'), {});
  assert.equal((await own.get('getPendingChanges')).sum.tr, 2);
});

test('7.13 an empty choice publishes nothing and is a success with a hint; a bad id is an issue', async () => {
  const own = project({ texts: { en: { a: 'A' } } });
  const data = await own.put('publishTranslations', { translations: [] });
  assert.deepEqual([data.success, data.published, data.syncJobIds, typeof data.hint], [true, 0, [], 'string']);
  assert.equal((await own.mutate('publishTranslations', { translations: [{ keyId: 'x', languageCode: 'tr' }] })).status, 400);
});

test('7.14 getSyncs: newest first, limit, filters, a message when a filter leaves nothing', async () => {
  const own = project({ texts: { en: { a: 'A' } } });
  const empty = await own.get('getSyncs');
  assert.deepEqual([empty.tot, empty.sy, empty.jobs], [0, [], []]);
  const ids = [];
  for (let i = 0; i < 3; i++) {
    server.cli(['import', own.name, '--language', 'en', '-'], { input: JSON.stringify({ a: `A${i}` }) });
    ids.unshift((await own.put('publishTranslations')).syncJobIds[0]);
    await own.get('getSync', { syncId: ids[0], waitMs: 20_000 });
  }
  assert.deepEqual((await own.get('getSyncs')).sy.map((s) => s.id), ids);
  assert.deepEqual((await own.get('getSyncs', { limit: 2 })).sy.map((s) => s.id), ids.slice(0, 2));
  assert.equal((await own.get('getSyncs', { status: 'completed', type: 'batch_publish' })).tot, 3);
  assert.equal((await own.get('getSyncs', { type: 'publish_batch' })).tot, 3, 'the name that old pages wrote');
  const none = await own.get('getSyncs', { status: 'failed' });
  assert.deepEqual([none.tot, typeof none.msg], [0, 'string']);
  for (const input of [{ limit: 51 }, { limit: 0 }, { status: 'gone' }, { type: 'import_everything' }]) assert.equal((await own.query('getSyncs', input)).status, 400, JSON.stringify(input));
});

test('7.15 getSync: unknown is NOT_FOUND, none is BAD_REQUEST, waitMs is bounded, and what is over answers at once', async () => {
  const own = project({ texts: { en: { a: 'A' } } });
  const alone = caller(server, key, {});
  assert.equal((await alone.query('getSync', { syncId: unknownId })).error.data.code, 'NOT_FOUND');
  assert.equal((await alone.query('getSync', {})).error.data.code, 'BAD_REQUEST', '18: never guesses the latest');
  for (const waitMs of [-1, 25_001, 1.5]) assert.equal((await alone.query('getSync', { syncId: unknownId, waitMs })).status, 400, `${waitMs}`);
  const { syncJobIds: [syncId] } = await own.put('publishTranslations');
  assert.equal((await alone.get('getSync', { syncId, waitMs: 25_000 })).st, 'completed');
  const began = Date.now();
  assert.equal((await alone.get('getSync', { syncId, waitMs: 2000 })).st, 'completed');
  assert.ok(Date.now() - began < 1500 * slow);
});

test('7.16 cancelSync: a job that is over stays as it is, and that is no error', async () => {
  const own = project({ texts: { en: { a: 'A' } } }), other = project();
  const { syncJobIds: [syncId] } = await own.put('publishTranslations');
  await own.get('getSync', { syncId, waitMs: 20_000 });
  for (const options of dialects) {
    const data = await own.put('cancelSync', { syncId }, options);
    fits(data, both({ id: 'uuid', can: 'boolean', prev: jobState, rsn: oneOf('cancelled', 'already_in_progress', 'terminal_state'), 'hint?': 'string' }, { cancelled: 'boolean', previousStatus: jobState })(options.batch));
    assert.deepEqual([data.can, data.prev, data.rsn], [false, 'completed', 'terminal_state']);
  }
  assert.equal((await caller(server, key, {}).put('cancelSync', { syncId })).rsn, 'terminal_state', 'the project is that of the job');
  assert.equal((await other.mutate('cancelSync', { syncId })).error.data.code, 'FORBIDDEN');
  assert.equal((await own.mutate('cancelSync', { syncId: unknownId })).error.data.code, 'NOT_FOUND');
});

test('R12 7.16 with a hold a publish stays pending, a second one is refused, a wait is woken by the cancel, and nothing is delivered', async () => {
  const held = new Server({ settings: { publish_cooldown_s: 0, publish_pending_hold_ms: 120_000 } });
  try {
    await held.start();
    held.seed();
    const own = caller(held, addKey(held));
    const { syncJobIds: [syncId] } = await own.put('publishTranslations');
    assert.equal((await own.get('getSync', { syncId })).st, 'pending');
    const began = Date.now();
    const early = await own.get('getSync', { syncId, waitMs: 300 });
    assert.ok(Date.now() - began >= 290, 'held to the end of its time');
    assert.deepEqual([early.st, /25000/.test(early.hint)], ['pending', true]);
    const second = await own.mutate('publishTranslations');
    assertTrpcError(second.body, { code: 'PRECONDITION_FAILED', httpStatus: 412, number: -32012, path: 'mcp.publishTranslations' });
    const waiting = own.get('getSync', { syncId, waitMs: 25_000 });
    const cancelled = await own.put('cancelSync', { syncId });
    assert.deepEqual([cancelled.can, cancelled.prev, cancelled.rsn, cancelled.cancelled, cancelled.previousStatus], [true, 'pending', 'cancelled', true, 'pending']);
    assert.equal((await waiting).st, 'cancelled', 'woken, not timed out');
    assert.equal((await own.put('cancelSync', { syncId })).rsn, 'terminal_state');
    assert.deepEqual(await (await fetch(`${held.url}/acme/web/en.json`)).json(), {});
    assert.equal((await own.get('getPendingChanges')).has_chg, true, 'the changes still wait');
  } finally {
    await held.close();
  }
});

test('7.15 many waits at once hold no worker: others are answered meanwhile', async () => {
  const held = new Server({ settings: { publish_cooldown_s: 0, publish_pending_hold_ms: 120_000, slow_threads: 1, store_readers: 1 } });
  try {
    await held.start();
    held.seed();
    const own = caller(held, addKey(held));
    const { syncJobIds: [syncId] } = await own.put('publishTranslations');
    const waits = Array.from({ length: 50 }, () => own.get('getSync', { syncId, waitMs: 25_000 }));
    let over = 0;
    for (const wait of waits) wait.then(() => { over++; });
    assert.equal((await own.get('listKeys')).tot, 4);
    assert.equal(over, 0, 'they wait');
    await own.put('cancelSync', { syncId });
    for (const job of await Promise.all(waits)) assert.equal(job.st, 'cancelled');
  } finally {
    await held.close();
  }
});

test('R32 7.13 the cool-down is for procedures alone, is 30 s, and says how long it lasts', async () => {
  const usual = new Server();
  try {
    await usual.start();
    usual.seed();
    const own = caller(usual, addKey(usual));
    const first = await own.put('publishTranslations');
    await own.get('getSync', { syncId: first.syncJobIds[0], waitMs: 20_000 });
    usual.cli(['import', 'acme/web', '--language', 'en', '-'], { input: '{"hello":"again"}' });
    const answer = await own.mutate('publishTranslations');
    assert.equal(answer.status, 429);
    assertTrpcError(answer.body, { code: 'TOO_MANY_REQUESTS', httpStatus: 429, number: -32029, path: 'mcp.publishTranslations', message: /\d+ s/, error: 'rate_limited' });
    const after = Number(answer.headers.get('retry-after'));
    assert.ok(after >= 1 && after <= 30, `${after}`);
    assert.equal(publish(usual).published, 1, 'not for commands');
    assert.deepEqual((await (await fetch(`${usual.url}/acme/web/en.json`)).json()).hello, 'again');
  } finally {
    await usual.close();
  }
});

test('every procedure refuses a project that is not there with the same words', async () => {
  const nowhere = caller(server, key, { ...identity, projectSlug: 'nowhere' });
  const calls = [['query', 'getProject', {}], ['query', 'getAllTranslations', {}], ['query', 'listKeys', {}], ['mutate', 'createKeys', { k: [{ n: 'a' }] }], ['mutate', 'updateKeys', { t: [{ id: 'x', l: 'tr', t: '' }] }], ['mutate', 'setTranslations', { t: [{ id: unknownId, t: {} }] }],
    ['mutate', 'deleteKeys', { keyIds: [unknownId] }], ['mutate', 'addLanguages', { languages: [{ languageCode: 'fr' }] }], ['mutate', 'updateLanguages', { updates: [{ languageCode: 'fr', status: 'draft' }] }], ['mutate', 'deleteLanguages', { languageCodes: ['fr'] }],
    ['query', 'getPendingChanges', {}], ['mutate', 'publishTranslations', {}], ['query', 'getSyncs', {}]];
  for (const [kind, name, input] of calls) {
    const answer = await nowhere[kind](name, input);
    assertTrpcError(answer.body, { code: 'NOT_FOUND', httpStatus: 404, number: -32004, path: `mcp.${name}`, message: 'Project not found' });
  }
});

test('the next request after a command sees what it changed', async () => {
  const own = project();
  for (let i = 0; i < 5; i++) {
    server.cli(['import', own.name, '--language', 'en', '-'], { input: JSON.stringify({ [`k${i}`]: 'x' }) });
    assert.equal((await own.get('getProject')).tk, i + 1);
  }
  succeeded(await own.query('listKeys'));
});
