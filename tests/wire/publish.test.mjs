// SPDX-License-Identifier: MIT
// Publishing: whole snapshots only, whatever is read meanwhile; what stays the same and what moves.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { gunzipSync } from 'node:zlib';
import { Server, full, startServer } from '../lib/server.mjs';
import { control, eventually } from '../lib/oauth.mjs';
import { addKey, bytes, caller, publish } from '../lib/strings.mjs';

let server, key;
before(async () => {
  server = await startServer({ settings: { publish_cooldown_s: 0 } });
  server.seed();
  key = addKey(server);
});
after(() => server?.close());

function project(slug, { languages = 'tr,de', options = [] } = {}) {
  const name = `acme/${slug}`;
  server.cli(['project', 'add', name, '--source', 'en', '--languages', languages, ...options]);
  const put = (language, content, more = []) => server.cli(['import', name, '--language', language, ...more, '-'], { input: JSON.stringify(content) });
  const read = async (path) => (await bytes(server, `/${name}/${path}`)).json;
  return { name, slug, put, read, publish: () => publish(server, name), manifest: () => read('manifest.json'), call: caller(server, key, { orgSlug: 'acme', projectSlug: slug }) };
}

// Under load --------------------------------------------------------------------------------------

const NAMESPACES = ['auth', 'common', 'nav'], LOCALES = ['en', 'tr', 'de'], KEYS = 60;
const generation = (n) => Object.fromEntries(NAMESPACES.map((ns) => [ns, Object.fromEntries(Array.from({ length: KEYS }, (_, i) => [`key${i}`, `generation ${n} of ${ns}`]))]));

// The one generation that all leaves are of.
function generationOf(value, what) {
  const seen = new Set();
  const walk = (v) => { if (typeof v === 'string') seen.add(Number(/^generation (\d+) /.exec(v)[1])); else for (const x of Object.values(v)) walk(x); };
  walk(value);
  assert.equal(seen.size, 1, `${what} mixes generations ${[...seen]}`);
  return [...seen][0];
}

test('20 readers during 20 publishes see whole snapshots only, and none goes back in time', async () => {
  const own = project('load', { options: ['--namespaced'] }), publishes = full ? 100 : 20;
  const change = (n) => { for (const locale of LOCALES) own.put(locale, generation(n)); };
  change(0);
  own.publish();
  let over = false, reads = 0;
  const seenOfAll = new Set();
  const readers = Array.from({ length: 8 }, async (_, reader) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const newest = {};
    const get = async (path, headers = {}) => {
      const answer = await bytes(server, `/${own.name}/${path}`, { agent, headers });
      assert.equal(answer.status, 200, path);
      reads++;
      return { body: answer.body, json: JSON.parse(answer.headers['content-encoding'] === 'gzip' ? gunzipSync(answer.body) : answer.body) };
    };
    const note = (locale, n, what) => {
      assert.ok(n >= (newest[locale] ?? 0), `${what}: ${locale} went from ${newest[locale]} back to ${n}`);
      newest[locale] = n;
      seenOfAll.add(n);
    };
    for (let i = reader; !over; i++) {
      const locale = LOCALES[i % LOCALES.length];
      const manifest = (await get('manifest.json')).json;
      const named = manifest.files[locale];
      const frozen = await get(`v/${named.version}/${locale}/translations.json`);
      const promised = generationOf(frozen.json, 'a version');
      assert.equal(frozen.body.length, named.size, 'the size is that of the version');
      const versions = NAMESPACES.map((ns) => get(`v/${named.version}/${locale}/${ns}.json`));
      for (const answer of await Promise.all(versions)) assert.equal(generationOf(answer.json, 'a namespace of the version'), promised);
      note(locale, promised, 'the manifest');
      note(locale, generationOf((await get(`${locale}/translations.json`, { 'accept-encoding': i % 2 ? 'gzip' : 'identity' })).json, 'a file'), 'a file after its manifest');
      note(locale, generationOf((await get(`${locale}/batch.json?ns=auth,common,nav`)).json, 'a batch'), 'a batch');
      note(locale, generationOf((await get(`${locale}/common.json`)).json, 'a namespace'), 'a namespace');
    }
    agent.destroy();
  });
  const stopped = Promise.all(readers).catch((error) => { over = true; throw error; });
  stopped.catch(() => {});
  // Writing goes over the socket, so that readers run meanwhile.
  for (let n = 1; n <= publishes && !over; n++) {
    for (const locale of LOCALES) await control(server, 'import', { project: own.name, language: locale, content: JSON.stringify(generation(n)) });
    await control(server, 'publish.local', { project: own.name, wait: true });
    assert.equal(generationOf(await own.read('en.json'), 'the file'), n, 'who was told that it is published sees it');
  }
  over = true;
  await stopped;
  assert.ok(reads > publishes * 10 && seenOfAll.size > 3, `${reads} reads of ${seenOfAll.size} generations`);
});

test('writers during publishes lose nothing: what came too late is still pending, and the next publish has it', async () => {
  const own = project('busy');
  own.put('en', Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, '0'])));
  own.publish();
  const ids = (await own.call.get('listKeys', { limit: 250 })).k.map((k) => [k.k, k.id]);
  let over = false;
  const last = {};
  const writer = (async () => {
    for (let n = 1; !over; n++) {
      const [name, id] = ids[n % ids.length];
      await own.call.put('updateKeys', { t: [{ id, l: 'en', s: true, t: String(n) }] });
      last[name] = String(n);
    }
  })();
  for (let i = 0; i < 10; i++) await control(server, 'publish.local', { project: own.name, wait: true });
  over = true;
  await writer;
  const delivered = await own.read('en.json');
  const waiting = (await own.call.get('getPendingChanges')).sum.tr;
  const differing = Object.keys(last).filter((name) => delivered[name] !== last[name]).length;
  assert.equal(waiting, differing, 'exactly what is not delivered is pending');
  own.publish();
  const done = await own.read('en.json');
  for (const [name, text] of Object.entries(last)) assert.equal(done[name], text);
});

test('publishes of one project at once run one after the other, and each is told the truth', async () => {
  const own = project('queue');
  own.put('en', { a: 'A' });
  const answers = await Promise.all(Array.from({ length: 6 }, () => control(server, 'publish.local', { project: own.name, wait: true })));
  assert.equal(new Set(answers.map((a) => a.syncJobIds[0])).size, 6);
  assert.equal(new Set(answers.map((a) => a.version)).size, 1);
  assert.equal(answers.reduce((n, a) => n + a.published, 0), 1, 'the one text is published once');
});

// What moves and what stays -----------------------------------------------------------------------

test('5.3 20 a publish without a change keeps version, time, tag and bytes', async () => {
  const own = project('still');
  own.put('en', { a: 'A' });
  own.put('tr', { a: 'bir' });
  own.publish();
  const [before, file] = [await own.manifest(), await bytes(server, `/${own.name}/en.json`)];
  for (let i = 0; i < 3; i++) own.publish();
  assert.deepEqual((await own.manifest()).files, before.files);
  const again = await bytes(server, `/${own.name}/en.json`);
  assert.deepEqual([again.headers.etag, again.headers['last-modified'], again.text], [file.headers.etag, file.headers['last-modified'], file.text]);
});

test('5.3 lastModified moves with the bytes, for the locale that changed alone, and only forward', async () => {
  const own = project('moves');
  own.put('en', { a: '0' });
  own.put('tr', { a: 'bir' });
  own.publish();
  const times = [], first = (await own.manifest()).files.tr;
  for (let i = 1; i <= 12; i++) {
    await control(server, 'import', { project: own.name, language: 'en', content: JSON.stringify({ a: String(i) }) });
    await control(server, 'publish.local', { project: own.name, wait: true });
    const { files } = await own.manifest();
    times.push(files.en.lastModified);
    assert.deepEqual(files.tr, first);
  }
  for (let i = 1; i < times.length; i++) assert.ok(times[i] > times[i - 1], `${times[i - 1]} then ${times[i]}`);
});

test('5.3 text that is changed and changed back has its bytes and tag again, but a new time', async () => {
  const own = project('back');
  const values = [];
  for (const text of ['one', 'two', 'one']) {
    own.put('en', { a: text });
    own.publish();
    const file = await bytes(server, `/${own.name}/en.json`);
    values.push([file.headers.etag, (await own.manifest()).files.en.lastModified]);
  }
  assert.equal(values[2][0], values[0][0]);
  assert.notEqual(values[1][0], values[0][0]);
  assert.ok(values[2][1] > values[1][1] && values[1][1] > values[0][1]);
});

test('5.2 a new namespace is listed by the publish that delivers it', async () => {
  const own = project('spaces', { options: ['--namespaced'] });
  own.put('en', { common: { a: 'A' } });
  own.publish();
  assert.deepEqual((await own.manifest()).namespaces, ['common']);
  own.put('tr', { fresh: { b: 'be' } });
  assert.deepEqual((await own.manifest()).namespaces, ['common']);
  own.publish();
  assert.deepEqual((await own.manifest()).namespaces, ['common', 'fresh'], 'complete across all locales');
  assert.deepEqual(await own.read('tr/fresh.json'), { b: 'be' });
  assert.deepEqual(await own.read('en/fresh.json'), {});
});

test('R11 what a publish ships: approved and published; a draft leaves the text before it in place', async () => {
  const own = project('ships');
  own.put('en', { a: 'A', b: 'B' });
  own.publish();
  own.put('en', { a: 'draft of A', c: 'draft of C' }, ['--draft']);
  assert.equal(own.publish().published, 0);
  assert.deepEqual(await own.read('en.json'), { a: 'A', b: 'B' });
  for (const st of ['pending', 'reviewed']) {
    const id = (await own.call.get('listKeys', { search: 'b' })).k[0].id;
    await own.call.put('updateKeys', { t: [{ id, l: 'en', s: true, t: `B ${st}`, st }] });
    own.publish();
    assert.equal((await own.read('en.json')).b, 'B', st);
  }
});

test('R11 a server may be told that new projects publish drafts too', async () => {
  const other = new Server({ settings: { publish_drafts_default: 1 } });
  try {
    await other.start();
    other.seed();
    other.cli(['import', 'acme/web', '--language', 'en', '--draft', '-'], { input: '{"hello":"draft"}' });
    publish(other);
    assert.equal((await bytes(other, '/acme/web/en.json')).json.hello, 'draft');
  } finally {
    await other.close();
  }
});

test('R32 publish without --wait answers at once with version null, and it is delivered', async () => {
  const own = project('later');
  own.put('en', { a: 'A' });
  const answer = server.cli(['publish', own.name]);
  assert.deepEqual([answer.version, answer.syncJobIds.length, answer.published], [null, 1, 1]);
  assert.equal((await caller(server, key, {}).get('getSync', { syncId: answer.syncJobIds[0], waitMs: 20_000 })).st, 'completed');
  assert.deepEqual(await own.read('en.json'), { a: 'A' });
});

test('R32 publish --wait names the version that is then in the manifest', async () => {
  const own = project('named');
  own.put('en', { a: 'A' });
  const { version } = own.publish();
  assert.equal((await own.manifest()).files.en.version, version);
});

test('what was published is delivered after a restart, byte for byte, and after a publish without a server', async () => {
  const own = await startServer();
  try {
    own.seed();
    publish(own);
    const before = await bytes(own, '/acme/web/en.json'), manifest = (await bytes(own, '/acme/web/manifest.json')).json;
    await own.stop('SIGKILL');
    await own.start();
    const again = await bytes(own, '/acme/web/en.json');
    assert.deepEqual([again.text, again.headers.etag, again.headers['last-modified']], [before.text, before.headers.etag, before.headers['last-modified']]);
    assert.deepEqual((await bytes(own, '/acme/web/manifest.json')).json.files, manifest.files);
    await own.stop();
    own.cli(['import', 'acme/web', '--language', 'en', '-'], { input: '{"hello":"alone"}' });
    assert.equal(publish(own).published, 1);
    await own.start();
    assert.equal((await bytes(own, '/acme/web/en.json')).json.hello, 'alone');
  } finally {
    await own.close();
  }
});

test('a rollback delivers the snapshot before, as a change that moves forward in time', async () => {
  const own = project('rollback');
  for (const text of ['one', 'two']) {
    own.put('en', { a: text });
    own.publish();
  }
  const was = (await own.manifest()).files.en;
  await control(server, 'publish.rollback', { project: own.name });
  assert.deepEqual(await own.read('en.json'), { a: 'one' });
  const now = (await own.manifest()).files.en;
  assert.ok(now.lastModified > was.lastModified && now.version !== was.version);
});

test('with less memory than the files need, each is still delivered right', async () => {
  const small = new Server({ settings: { cdn_memory_bytes_max: 1048576 } });
  try {
    await small.start();
    small.cli(['user', 'add', '--email', 'x@example.com', '--name', 'X'], { input: 'a long password\n' });
    small.cli(['org', 'add', '--slug', 'acme', '--name', 'A', '--owner', 'x@example.com']);
    const names = Array.from({ length: 6 }, (_, i) => `acme/big${i}`);
    for (const name of names) {
      small.cli(['project', 'add', name, '--source', 'en']);
      small.cli(['import', name, '--language', 'en', '-'], { input: JSON.stringify(Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`k${i}`, `${name} ${'x'.repeat(1000)}`]))) });
      publish(small, name);
    }
    for (let round = 0; round < 4; round++) {
      await Promise.all(names.map(async (name) => {
        const answer = await bytes(small, `/${name}/en.json`);
        assert.equal(answer.status, 200);
        assert.ok(Object.values(answer.json).every((text) => text.startsWith(`${name} `)), name);
      }));
    }
  } finally {
    await small.close();
  }
});

test('a job of a person and of a command say who started them', async () => {
  const own = project('who');
  own.put('en', { a: 'A' });
  const { syncJobIds: [id] } = own.publish();
  const job = await caller(server, key, {}).get('getSync', { syncId: id });
  assert.ok(job.trig_by === undefined || job.trig_by === null || job.trig_by.nm.length > 0);
  await eventually('the job is listed', async () => (await own.call.get('getSyncs')).sy.some((s) => s.id === id));
});
