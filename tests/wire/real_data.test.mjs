// SPDX-License-Identifier: MIT
// Real translations of real projects: into the store, out again, delivered. Country names (i18n-iso-countries) in all
// languages; language names (Unicode CLDR) in 40 locales, with BI18N_TEST_FULL in all.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { full, root, startServer } from '../lib/server.mjs';
import { bytes, canonical, publish } from '../lib/strings.mjs';

const modules = join(root, 'tests', 'node_modules');
let server;

before(async () => {
  server = await startServer({ settings: { publish_cooldown_s: 0, fill_from_source_default: 0 } });
  server.cli(['user', 'add', '--email', 'ada@example.com', '--name', 'Ada'], { input: 'a long password\n' });
  server.cli(['org', 'add', '--slug', 'acme', '--name', 'Acme', '--owner', 'ada@example.com']);
});
after(() => server?.close());

const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
const exported = (name, language) => {
  const done = server.run(['export', name, '--language', language]);
  assert.equal(done.status, 0, done.stderr);
  return done.stdout;
};
const at = (value, path) => path.split('.').reduce((v, name) => v[name], value);

// Files of several languages: [{ language, file, path }] into `name`, out, into `name`2, out, delivered.
async function roundTrip(name, files, options = []) {
  for (const project of [name, `${name}2`]) server.cli(['project', 'add', project, '--source', 'en', ...options]);
  let leaves = 0;
  for (const { language, file, path } of files) {
    const answer = server.cli(['import', name, '--language', language, '--path', path, file]);
    const source = at(read(file), path);
    assert.deepEqual(answer.skipped, [], `${language}: all of it`);
    const first = exported(name, language);
    assert.equal(canonical(JSON.parse(first)), canonical(source), `${language}: JSON-equal to the source`);
    server.cli(['import', `${name}2`, '--language', language, '-'], { input: first });
    assert.equal(exported(`${name}2`, language), first, `${language}: export, import, export gives the same bytes`);
    const again = server.cli(['import', name, '--language', language, '-'], { input: first });
    assert.deepEqual([again.keysCreated, again.translationsWritten], [0, 0], `${language}: nothing left to do`);
    leaves += answer.translationsWritten;
  }
  publish(server, name);
  const manifest = (await bytes(server, `/${name}/manifest.json`)).json;
  assert.deepEqual([...manifest.locales].sort(), files.map((f) => f.language).sort());
  let counted = 0;
  for (const { language, file, path } of files) {
    const delivered = await bytes(server, `/${name}/${language}.json`);
    assert.equal(canonical(delivered.json), canonical(at(read(file), path)), `${language}: delivered as it was`);
    assert.equal(delivered.body.length, manifest.files[language].size);
    counted += manifest.languages.find((l) => l.code === language).keyCount;
  }
  assert.equal(counted, leaves);
  return leaves;
}

test('country names of i18n-iso-countries, all languages, arrays among them', async () => {
  const folder = join(modules, 'i18n-iso-countries', 'langs');
  const files = readdirSync(folder).filter((f) => f.endsWith('.json')).map((f) => ({ language: basename(f, '.json').toLowerCase(), file: join(folder, f), path: 'countries' }));
  assert.ok(files.length > 70 && files.some((f) => f.language === 'en'));
  const leaves = await roundTrip('acme/countries', [files.find((f) => f.language === 'en'), ...files.filter((f) => f.language !== 'en')]);
  assert.ok(leaves > 70 * 240, `${leaves}`);
});

const cldr = join(modules, 'cldr-localenames-full', 'main');
const known = ['en', 'ar', 'az', 'bn', 'ca', 'ca-ES-valencia', 'cs', 'da', 'de', 'de-AT', 'el', 'es', 'es-419', 'fa', 'fi', 'fr', 'fr-CA', 'he', 'hi', 'hu', 'id', 'it', 'ja', 'ka', 'ko', 'nl', 'pl', 'pt', 'pt-PT', 'ro', 'ru', 'sr', 'sr-Latn', 'sv', 'th', 'tr', 'uk', 'vi', 'zh', 'zh-Hant'];

function cldrLocales() {
  const all = readdirSync(cldr);
  for (const locale of known) assert.ok(all.includes(locale), `${locale} is in the package`);
  return full ? ['en', ...all.filter((l) => l !== 'en')] : known;
}

// A package newer than the server's language table has a few codes that are none to it.
function isLanguage(code) {
  const done = server.run(['import', 'acme/codes', '--language', code, '-'], { input: '{}' });
  if (done.status !== 0) assert.match(done.stderr, /is not a language code/, code);
  return done.status === 0;
}

test('language names of CLDR by --path, in many scripts', async () => {
  server.cli(['project', 'add', 'acme/codes', '--source', 'en']);
  const languages = [], unknown = [];
  for (const locale of cldrLocales()) {
    const file = join(cldr, locale, 'languages.json'), path = `main.${locale}.localeDisplayNames.languages`, language = locale.toLowerCase();
    if (!existsSync(file) || Object.keys(at(read(file), path)).length === 0) continue;
    if (isLanguage(language)) languages.push({ language, file, path });
    else unknown.push(locale);
  }
  assert.ok(unknown.length < languages.length / 20, `unknown: ${unknown}`);
  const leaves = await roundTrip('acme/languages', languages);
  assert.ok(leaves > languages.length * (full ? 5 : 100), `${leaves}`);
});

test('names of places of CLDR in a flat and in a namespaced project', async () => {
  const files = ['en', 'tr', 'de', 'ja', 'ar', 'hi'].map((locale) => ({ language: locale, file: join(cldr, locale, 'territories.json'), path: `main.${locale}.localeDisplayNames` }));
  await roundTrip('acme/flat', files.map((f) => ({ ...f, path: `${f.path}.territories` })), ['--flat']);
  await roundTrip('acme/spaced', files, ['--namespaced']);
  const delivered = (await bytes(server, '/acme/spaced/tr/territories.json')).json;
  assert.equal(canonical(delivered), canonical(at(read(files[1].file), `${files[1].path}.territories`)), 'one file a namespace');
});

test('a file of CLDR whole: names with dots in them are skipped with a reason, everything else is kept', async () => {
  server.cli(['project', 'add', 'acme/whole', '--source', 'en']);
  const file = join(cldr, 'en', 'localeDisplayNames.json'), source = read(file);
  const answer = server.cli(['import', 'acme/whole', '--language', 'en', file]);
  for (const { key, reason } of answer.skipped) assert.match(reason, /dot/, key);
  const skipped = new Set(answer.skipped.map((s) => s.key));
  let kept = 0;
  const walk = (value, path, out) => {
    for (const [name, v] of Object.entries(value)) {
      const full = path ? `${path}.${name}` : name;
      if (v && typeof v === 'object' && !Array.isArray(v) && Object.keys(v).length) { const child = {}; walk(v, full, child); if (Object.keys(child).length) out[name] = child; }
      else if (!skipped.has(full)) { out[name] = v; kept++; }
    }
  };
  const wanted = {};
  walk(source, '', wanted);
  assert.equal(canonical(JSON.parse(exported('acme/whole', 'en'))), canonical(wanted));
  assert.equal(answer.translationsWritten, kept);
});
