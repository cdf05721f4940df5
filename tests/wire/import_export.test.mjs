// SPDX-License-Identifier: MIT
// Files in and out: what is kept exactly, what is skipped and why, what is refused as a whole.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server, full, slow, startServer } from '../lib/server.mjs';
import { control } from '../lib/oauth.mjs';
import { addKey, caller, canonical, difficult, publish } from '../lib/strings.mjs';

let server, key, projects = 0;

before(async () => {
  server = await startServer({ settings: { publish_cooldown_s: 0 } });
  server.seed();
  key = addKey(server);
});
after(() => server?.close());

function project({ options = [], on = server } = {}) {
  const slug = `p${++projects}`, name = `acme/${slug}`;
  on.cli(['project', 'add', name, '--source', 'en', ...options]);
  const take = (content, more = []) => on.run(['import', name, '--language', 'en', ...more, '-', '--json'], { input: typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content) });
  return {
    slug, name,
    take,
    put(content, more) {
      const done = take(content, more);
      assert.equal(done.status, 0, done.stderr + done.stdout);
      return done.json;
    },
    text(more = []) {
      const done = on.run(['export', name, '--language', 'en', ...more]);
      assert.equal(done.status, 0, done.stderr);
      return done.stdout;
    },
    get(more) { return JSON.parse(this.text(more)); },
    async delivered(path = 'en.json') { return (await fetch(`${on.url}/acme/${slug}/${path}`)).json(); },
  };
}

// Round trips -------------------------------------------------------------------------------------

test('an import reports what it did; the same file again does nothing', () => {
  const own = project();
  assert.deepEqual(own.put({ a: { x: '1', y: '2' }, b: '3' }), { keysCreated: 3, keysUpdated: 0, translationsWritten: 3, skipped: [] });
  assert.deepEqual(own.put({ a: { x: '1', y: '2' }, b: '3' }), { keysCreated: 0, keysUpdated: 0, translationsWritten: 0, skipped: [] });
  assert.deepEqual(own.put({ a: { x: '1', y: 'changed' }, c: '4' }), { keysCreated: 1, keysUpdated: 1, translationsWritten: 2, skipped: [] });
  assert.deepEqual(own.get(), { a: { x: '1', y: 'changed' }, b: '3', c: '4' }, 'nothing is deleted');
});

test('export, import into an empty project, export: the same bytes, for every kind of text and layout', () => {
  const { zero, ...texts } = difficult;
  for (const options of [[], ['--flat'], ['--namespaced'], ['--flat', '--namespaced']]) {
    const first = project({ options }), second = project({ options });
    assert.deepEqual(first.put({ ns: texts, ...texts, deep: { er: { 'und tiefer': texts } } }).skipped, []);
    const exported = first.text();
    assert.deepEqual(second.put(exported).skipped, []);
    assert.equal(second.text(), exported, options.join());
  }
});

test('a nested file comes back equal, members in byte order, two spaces, a newline at the end', () => {
  const own = project(), content = { b: 'x', a: { ä: '1', z: '2', Z: '3' }, 'ключ': 'y', '𝒳': 'z', '\uff5e': 'w' };
  own.put(content);
  assert.deepEqual(own.get(), content);
  assert.equal(own.text(), `${JSON.stringify(JSON.parse(canonical(content)), null, 2)}\n`);
});

test('R30 numbers, booleans, null, arrays and empty objects are kept as they are, and delivered so', async () => {
  const own = project();
  const text = '{"big":123456789012345678901234567890,"exact":1.10,"exp":1e400,"neg":-0,"yes":true,"no":false,"none":null,"list":["a",1,null,{"y":1,"x":["<b>"]}],"emptyList":[],"emptyObject":{},"in":{"none":null}}';
  assert.deepEqual(own.put(text).skipped, []);
  const exported = own.text();
  for (const raw of ['123456789012345678901234567890', '1.10', '1e400', '-0']) assert.ok(exported.includes(raw), `${raw} as it was written`);
  assert.deepEqual(JSON.parse(exported), JSON.parse(text));
  const again = project();
  again.put(exported);
  assert.equal(again.text(), exported);
  publish(server, own.name);
  const delivered = await (await fetch(`${server.url}/${own.name}/en.json`)).text();
  assert.deepEqual(JSON.parse(delivered), JSON.parse(text));
  assert.ok(delivered.includes('1e400'));
});

test('R30 a value may change from text to JSON and back', () => {
  const own = project();
  own.put({ a: 'text' });
  assert.equal(own.put({ a: ['list'] }).keysUpdated, 1);
  assert.deepEqual(own.get(), { a: ['list'] });
  assert.equal(own.put({ a: '["list"]' }).keysUpdated, 1, 'equal letters, another kind');
  assert.deepEqual(own.get(), { a: '["list"]' });
});

test('R30 equal JSON values are equal, whatever the blanks and the order', () => {
  const own = project();
  own.put('{"a":[1,{"x":1,"y":2}]}');
  assert.equal(own.put('{ "a" : [ 1, { "y": 2, "x": 1 } ] }').translationsWritten, 0);
});

test('blanks, tabs and CRLF between tokens and the order of members say nothing', () => {
  const own = project();
  own.put('\r\n\t { "b" :\t"2",\r\n"a":"1" }\r\n');
  assert.equal(own.text(), '{\n  "a": "1",\n  "b": "2"\n}\n');
});

test('names that programs stumble over are names', () => {
  const own = project();
  const text = '{"__proto__":"p","constructor":"c","toString":"t","hasOwnProperty":{"x":"h"},"with space":"s","a/b":"/","a\\nb":"n","  ":"blanks","1":"one","%s":"f","<script>":"x","\'; DROP TABLE text; --":"sql"}';
  assert.deepEqual(own.put(text).skipped, []);
  const exported = own.text();
  assert.ok(exported.includes('"__proto__": "p"'));
  assert.deepEqual(Object.entries(JSON.parse(exported)).length, 12);
  const again = project();
  again.put(exported);
  assert.equal(again.text(), exported);
});

test('escapes and letters are the same text', () => {
  const own = project();
  own.put('{"\\u0061":"\\u00e9\\ud83d\\ude00\\/"}');
  assert.equal(own.text(), '{\n  "a": "é😀/"\n}\n');
  assert.equal(own.put('{"a":"é😀/"}').translationsWritten, 0);
});

// Identity (R29) ----------------------------------------------------------------------------------

test('R29 with two or more segments the first is the namespace, a lone one is in default', async () => {
  const own = project();
  own.put({ hello: 'h', auth: { in: 'i', deep: { er: 'd' } } });
  const { k, nss } = await caller(server, key, { orgSlug: 'acme', projectSlug: own.slug }).get('listKeys');
  assert.deepEqual(k.map((row) => [nss[row.ns], row.k]), [['auth', 'deep.er'], ['auth', 'in'], ['default', 'hello']]);
});

test('R29 a first segment that cannot be a namespace stays a part of the name', async () => {
  const own = project();
  const content = { 'with space': { a: '1' }, translations: { b: '2' }, default: { c: '3' }, 'ä': { d: '4' } };
  assert.deepEqual(own.put(content).skipped, []);
  const { k, nss } = await caller(server, key, { orgSlug: 'acme', projectSlug: own.slug }).get('listKeys');
  assert.deepEqual(new Set(k.map((row) => nss[row.ns])), new Set(['default']));
  assert.deepEqual(own.get(), content);
});

test('--namespace puts every key there, and export --namespace gives them back unwrapped', () => {
  const own = project();
  own.put({ a: '1', b: { c: '2' } }, ['--namespace', 'extra']);
  own.put({ other: 'x' });
  assert.deepEqual(own.get(), { extra: { a: '1', b: { c: '2' } }, other: 'x' });
  assert.deepEqual(own.get(['--namespace', 'extra']), { a: '1', b: { c: '2' } });
  const again = project();
  again.put(own.text(['--namespace', 'extra']), ['--namespace', 'extra']);
  assert.equal(again.text(['--namespace', 'extra']), own.text(['--namespace', 'extra']));
  const missing = server.run(['export', own.name, '--language', 'en', '--namespace', 'nowhere', '--json']);
  assert.deepEqual([missing.status, missing.json.error], [3, 'not_found']);
  for (const bad of ['a/b', 'with space', 'batch', 'translations', 'manifest', '-x', 'x'.repeat(129)]) assert.notEqual(own.take('{"a":"1"}', [`--namespace=${bad}`]).status, 0, bad);
});

test('a flat project keeps dots in names; a nested one splits a flat file when it is told so', () => {
  const flat = project({ options: ['--flat'] }), nested = project();
  const content = { 'common.title': 'T', 'common.nav.home': 'H', plain: 'P' };
  assert.deepEqual(flat.put(content).skipped, []);
  assert.deepEqual(flat.get(), content);
  assert.deepEqual(nested.put(content, ['--format', 'flat']).skipped, []);
  assert.deepEqual(nested.get(), { common: { title: 'T', nav: { home: 'H' } }, plain: 'P' });
  assert.deepEqual(nested.get(['--format', 'flat']), content, 'and gives it back flat');
});

// --path (R31) ------------------------------------------------------------------------------------

test('R31 --path takes a subtree; what is not there or is no object is refused', () => {
  const own = project(), file = { main: { en: { names: { de: 'German' }, list: ['x'] }, 'with.dot': { a: 'b' } } };
  own.put(file, ['--path', 'main.en.names']);
  assert.deepEqual(own.get(), { de: 'German' });
  for (const [path, words] of [['main.fr', /main\.fr/], ['main.en.names.de', /string/], ['main.en.list', /array/]]) {
    const done = own.take(file, ['--path', path]);
    assert.equal(done.status, 1, path);
    assert.match(done.stderr, words);
  }
  assert.deepEqual(own.get(), { de: 'German' });
});

// Skipped keys ------------------------------------------------------------------------------------

const skips = [
  ['a dot in a name of a nested project', { 'a.b': 'x', in: { 'c.d': 'y', fine: 'z' } }, [['a.b', /dot/], ['in.c.d', /dot/]], { in: { fine: 'z' } }],
  ['everything below a name with a dot', { 'a.b': { c: 'x', d: 'y' } }, [['a.b.c', /dot/], ['a.b.d', /dot/]], {}],
  ['a text that the project has as a parent', { stored: 'x' }, [['stored', /parent/]], { stored: { child: 's' } }, { stored: { child: 's' } }],
  ['a parent that the project has as a text', { stored: { child: 'x', other: 'y' }, fine: 'z' }, [['stored.child', /parent/], ['stored.other', /parent/]], { stored: 's', fine: 'z' }, { stored: 's' }],
  ['a parent far above', { a: { b: { c: { d: 'x' } } } }, [['a.b.c.d', /parent/]], { a: { b: 's' } }, { a: { b: 's' } }],
  ['U+0000 in a text', { bad: difficult.zero, fine: 'x' }, [['bad', /U\+0000/]], { fine: 'x' }],
  ['U+0000 in a name', { 'a\u0000b': 'x', fine: 'x' }, [['a\u0000b', /U\+0000/]], { fine: 'x' }],
  ['a name of more than 1024 bytes', { ['n'.repeat(1025)]: 'x', ['n'.repeat(1024)]: 'y' }, [['n'.repeat(1025), /1024/]], { ['n'.repeat(1024)]: 'y' }],
  ['a text of more than 1 MiB', { big: 'x'.repeat(1048577), fits: 'y'.repeat(1048576) }, [['big', /1 MiB/]], { fits: 'y'.repeat(1048576) }],
  ['a JSON value of more than 1 MiB', { big: ['x'.repeat(1048577)] }, [['big', /1 MiB/]], {}],
];
for (const [name, content, reasons, left, stored] of skips) {
  test(`skipped with a reason: ${name}`, () => {
    const own = project();
    if (stored) own.put(stored);
    const answer = own.put(content);
    assert.deepEqual(answer.skipped.map((s) => s.key), reasons.map(([k]) => k));
    answer.skipped.forEach((s, i) => assert.match(s.reason, reasons[i][1]));
    assert.deepEqual(own.get(), left);
  });
}

test('skipped with a reason: a flat file whose names collide', () => {
  const own = project();
  const answer = own.put('{"a":"leaf","a.b":"child","c":{"d":"1"},"c.d":"2","fine":"x"}', ['--format', 'flat']);
  const keys = answer.skipped.map((s) => s.key);
  assert.ok(keys.includes('a') || keys.includes('a.b'), keys.join());
  assert.ok(keys.includes('c.d'), 'the name stands in the file twice');
  for (const { reason } of answer.skipped) assert.match(reason, /parent|twice/);
  assert.equal(answer.keysCreated + answer.skipped.length, 5, 'each key is either taken or reported');
  assert.equal(own.get().fine, 'x');
});

test('each key of a mixed file is either taken or reported, and people are told too', () => {
  const own = project();
  own.put({ t: 'x' });
  const content = { t: { u: '1' }, 'v.w': '2', x: '3', y: { z: '4' } };
  const answer = own.put(content);
  assert.equal(answer.translationsWritten + answer.skipped.length, 4);
  const words = server.run(['import', own.name, '--language', 'en', '-'], { input: JSON.stringify(content) });
  assert.match(words.stdout, /t\.u/);
  assert.match(words.stdout, /v\.w/);
  assert.equal(words.status, 0);
});

// Refused as a whole ------------------------------------------------------------------------------

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const refused = [
  ['empty', ''], ['blanks', ' \n'], ['a byte order mark', Buffer.concat([BOM, Buffer.from('{"a":"x"}')]), /byte order mark/], ['UTF-16', Buffer.from('\ufeff{"a":"x"}', 'utf16le'), /UTF-8/],
  ['Latin-1', Buffer.from('{"a":"\xe4"}', 'latin1'), /UTF-8/], ['overlong UTF-8', Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]), /UTF-8/],
  ['surrogates as UTF-8', Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]), /UTF-8/], ['a lone surrogate', '{"a":"\\ud800"}'], ['no JSON', 'hello = world', /line 1, column 1/],
  ['a trailing comma', '{"a":"x",}'], ['comments', '{"a":"x" /* no */}'], ['single quotes', "{'a':'x'}"], ['NaN', '{"a":NaN}'], ['a control character in a text', '{"a":"x\ty"}'], ['a second document', '{"a":"x"}{"b":"y"}'], ['an end in the middle', '{"a":"x"'],
  ['a name twice', '{"a":"x","b":"y","a":"z"}'], ['an array', '["a"]', /array/], ['a string', '"a"', /string/], ['a number', '5', /number/], ['null', 'null', /null/], ['nesting without end', '{"a":'.repeat(100_000)], ['61 levels', `${'{"a":'.repeat(61)}"x"${'}'.repeat(61)}`],
];
for (const [name, content, words] of refused) {
  test(`refused, and nothing is left: ${name}`, () => {
    const own = project();
    own.put({ kept: 'k' });
    const was = own.text(['--draft']);
    const done = own.take(content);
    assert.equal(done.status, 1, done.stdout);
    assert.equal(done.json.error, 'invalid_request');
    assert.match(done.json.description, words ?? /line \d+, column \d+/);
    assert.match(done.stderr, /^bi18n import: /);
    assert.equal(own.text(['--draft']), was);
  });
}

test('the place of a fault is its line and column, in characters', () => {
  const own = project();
  const done = own.take('{\n  "ä": "ö",\n  "b": oops\n}');
  assert.match(done.json.description, /line 3, column 8/);
});

test('an empty object is a file without texts', () => {
  const own = project();
  assert.deepEqual(own.put('{}'), { keysCreated: 0, keysUpdated: 0, translationsWritten: 0, skipped: [] });
  assert.equal(own.text(), '{}\n');
});

test('a failed import adds no language; a good one does, in the canonical form', () => {
  const own = project();
  own.put({ a: 'A' });
  const target = (language, input) => server.run(['import', own.name, '--language', language, '-', '--json'], { input });
  assert.equal(target('fr', '{broken').status, 1);
  const targets = () => server.cli(['project', 'show', own.name]).targetLanguages;
  assert.deepEqual(targets(), []);
  const done = target('pt_BR', '{"a":"um"}');
  assert.equal(done.status, 0);
  assert.equal(done.json.languageAdded, true);
  assert.deepEqual(targets(), ['pt-br']);
  assert.deepEqual(JSON.parse(server.run(['export', own.name, '--language', 'PT-br']).stdout), { a: 'um' });
});

test('R31 a tag of up to 35 characters is a language here; what is none is refused', () => {
  const own = project();
  own.put({ a: 'A' });
  for (const tag of ['ca-es-valencia', 'de-latn-de-1996', 'zh-hans-cn']) {
    assert.equal(server.run(['import', own.name, '--language', tag, '-'], { input: '{"a":"x"}' }).status, 0, tag);
    assert.equal(server.run(['export', own.name, '--language', tag]).stdout, '{\n  "a": "x"\n}\n');
  }
  for (const tag of ['', 'e', 'english!', 'en/../x', `en-${'abcdefgh-'.repeat(5)}abcd`, 'xq']) {
    const done = server.run(['import', own.name, '--language', tag, '-', '--json'], { input: '{"a":"x"}' });
    assert.ok(done.status === 1 || done.status === 2, `${tag}: ${done.status}`);
  }
  assert.equal(server.run(['export', own.name, '--language', 'fr', '--json']).status, 3, 'a language that the project has not');
});

test('a file larger than import_bytes_max is refused before it is read, with and without a server', async () => {
  const small = new Server({ settings: { import_bytes_max: 2048 } });
  try {
    await small.start();
    small.seed();
    const large = JSON.stringify({ a: 'x'.repeat(3000) });
    for (const running of [true, false]) {
      if (!running) await small.stop();
      const done = small.run(['import', 'acme/web', '--language', 'en', '-', '--json'], { input: large });
      assert.equal(done.status, 1, done.stdout);
      assert.equal(done.json.error, 'payload_too_large');
      assert.equal(small.run(['import', 'acme/web', '--language', 'en', '-'], { input: JSON.stringify({ a: 'x'.repeat(1500) }) }).status, 0);
    }
  } finally {
    await small.close();
  }
});

test('a large file is taken whole, in well under a minute, and others are answered meanwhile', async () => {
  const own = project(), keys = full ? 100_000 : 20_000;
  const content = {};
  for (let i = 0; i < keys; i++) (content[`ns${i % 50}`] ??= {})[`key${i}`] = `Text number ${i} — “ünïcode”`;
  const began = Date.now(), other = caller(server, key);
  let answer, meanwhile = 0;
  const importing = control(server, 'import', { project: own.name, language: 'en', content: JSON.stringify(content) }).then((result) => { answer = result; });
  while (!answer) {
    await other.put('updateLanguages', { updates: [{ languageCode: 'de', status: 'active' }] });
    if (!answer) meanwhile++;
  }
  await importing;
  assert.ok(meanwhile >= 3, `${meanwhile} writes of others were done meanwhile`);
  assert.deepEqual([answer.keysCreated, answer.skipped], [keys, []]);
  assert.deepEqual(own.get(), content);
  assert.deepEqual(own.put(content).translationsWritten, 0, 'the command takes as much');
  assert.ok(Date.now() - began < 60_000 * slow, `${Date.now() - began} ms`);
  publish(server, own.name);
  assert.deepEqual(await own.delivered(), content);
});

test('a name of a key can be very deep, but not bottomless', () => {
  const own = project();
  const nest = (n) => `${'{"a":'.repeat(n)}"x"${'}'.repeat(n)}`;
  assert.deepEqual(own.put(nest(48)).skipped, []);
  const again = project();
  assert.match(again.put(nest(49)).skipped[0].reason, /48/);
});

// Drafts (R28) ------------------------------------------------------------------------------------

test('R28 --draft writes drafts: not exported, not delivered, until --draft asks for the latest', async () => {
  const own = project();
  own.put({ a: 'approved', b: 'B' });
  own.put({ a: 'draft', c: 'new' }, ['--draft']);
  assert.deepEqual(own.get(), { a: 'approved', b: 'B' }, 'what a publish would ship');
  assert.deepEqual(own.get(['--draft']), { a: 'draft', b: 'B', c: 'new' }, 'the latest');
  publish(server, own.name);
  assert.deepEqual(await own.delivered(), own.get());
  own.put({ a: 'draft', c: 'new' });
  assert.deepEqual(own.get(), { a: 'draft', b: 'B', c: 'new' }, 'the same text again, approved');
  publish(server, own.name);
  assert.deepEqual(await own.delivered(), own.get());
});

test('R28 an export is what is delivered after a publish, for each language, but for gaps that are filled', async () => {
  const own = project({ options: ['--languages', 'tr'] });
  server.cli(['project', 'set', own.name, '--fill', 'off']);
  own.put({ a: 'A', n: { b: 'B' } });
  server.cli(['import', own.name, '--language', 'tr', '-'], { input: '{"n":{"b":"Be"}}' });
  publish(server, own.name);
  for (const language of ['en', 'tr']) assert.deepEqual(await own.delivered(`${language}/translations.json`), JSON.parse(server.run(['export', own.name, '--language', language]).stdout));
});

// Where files come from ---------------------------------------------------------------------------

test('a file by relative and absolute path, after --, and from standard input', () => {
  const own = project(), folder = join(server.base, 'files');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'en.json'), '{"a":"1"}');
  assert.equal(server.run(['import', own.name, '--language', 'en', join(folder, 'en.json')]).status, 0);
  assert.deepEqual(own.get(), { a: '1' });
  assert.equal(server.run(['import', '--language', 'en', '--', own.name, join(folder, 'en.json')]).status, 0);
});

test('a file that is not there is exit 3, a folder is 1, a project that is not there is 3', () => {
  const own = project();
  assert.equal(server.run(['import', own.name, '--language', 'en', join(server.base, 'nothing.json')]).status, 3);
  const folder = server.run(['import', own.name, '--language', 'en', server.base]);
  assert.equal(folder.status, 1);
  assert.match(folder.stderr, /directory/);
  assert.equal(server.run(['import', 'acme/nowhere', '--language', 'en', '-'], { input: '{}' }).status, 3);
  assert.equal(server.run(['export', 'acme/nowhere', '--language', 'en']).status, 3);
  assert.equal(server.run(['import', own.name, '--language', 'en', '--format', 'xliff', '-'], { input: '{}' }).status, 1);
});

test('the same commands give the same bytes without a server', async () => {
  const other = new Server();
  try {
    other.cli(['init']);
    other.cli(['user', 'add', '--email', 'a@example.com', '--name', 'A'], { input: 'a long password\n' });
    other.cli(['org', 'add', '--slug', 'acme', '--name', 'Acme', '--owner', 'a@example.com']);
    const here = project({ on: other }), there = project();
    const { zero, ...texts } = difficult;
    const content = { ...texts, n: { list: [1, 2] }, 'a.b': 'skipped' };
    assert.deepEqual(here.put(content), there.put(content));
    assert.equal(here.text(), there.text());
  } finally {
    await other.close();
  }
});
