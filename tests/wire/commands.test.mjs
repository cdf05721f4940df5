// SPDX-License-Identifier: MIT
// Every command: help, JSON answer, exit code, without a server and beside a running one, whose next request sees the
// change. Import and export have their own file, import_export.test.mjs.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Browser, Server, api, authorize, binary, connect, freePort, mint, slow, startServer, tokenRequest, trpc } from '../lib/server.mjs';
import { addKey, caller, fits, identity, nullable, oneOf } from '../lib/strings.mjs';

const DONE = 0, REFUSED = 1, USAGE = 2, MISSING = 3, AWAY = 4;
const password = 'a password of many letters';

// What each command answers: the least that a script may rely on. A member beyond it may come, none may go.
const project = { id: 'uuid', slug: /^[a-z0-9-]+\/[a-z0-9-]+$/, name: 'string', sourceLanguage: 'string', targetLanguages: ['string'], fileStructure: oneOf('single_file', 'namespaced_folders'), keyFormat: oneOf('flat', 'nested') };
const person = { id: 'string', email: 'string', name: 'string' };
const organization = { id: /^org_/, slug: 'string', name: 'string' };
const app = { clientId: 'string', 'clientSecret?': 'string', name: 'string', type: oneOf('web', 'native', 'spa'), redirectUris: ['string'] };
const grant = { grantId: /^grt_/, app: 'string', user: 'string', organization: 'string', scopes: ['string'], projectIds: ['string'], createdAt: 'iso', lastUsedAt: nullable('iso'), revokedAt: nullable('iso') };
const checked = { ok: (v) => assert.equal(v, true), problems: (v) => assert.deepEqual(v, []) };

function atLeast(value, spec, at) {
  if (Array.isArray(spec)) {
    assert.ok(Array.isArray(value), `${at} is a list`);
    value.forEach((element, i) => atLeast(element, spec[0], `${at}[${i}]`));
    return;
  }
  const known = Object.keys(spec).map((name) => name.replace(/\?$/, ''));
  fits(Object.fromEntries(Object.entries(value).filter(([name]) => known.includes(name))), spec, at);
}

// [words, how to call it in the scenario, shape of --json]
const shapes = {
  'init': { dataDir: 'string', schemaVersion: 'integer' },
  'user add': person, 'user list': [person], 'user passwd': person, 'user disable': person, 'user delete': person,
  'org add': organization, 'org list': [organization], 'org member add': organization, 'org member remove': organization,
  'project add': project, 'project list': [project], 'project show': project,
  'project set': { project: 'string', name: 'string', drafts: 'boolean', fill: 'boolean', defaultNamespace: oneOf('root', 'wrapped'), missing: oneOf('server', 'compat', 'strict') },
  'import': { keysCreated: 'integer', keysUpdated: 'integer', translationsWritten: 'integer', skipped: [{ key: 'string', reason: 'string' }] },
  'publish': { syncJobIds: ['uuid'], published: 'integer', version: nullable('string') },
  'publish rollback': { syncJobIds: ['uuid'], published: 'integer', version: 'string' },
  'server-key rotate': { rewrapped: 'integer', fingerprint: /^[0-9a-f]{32}$/, keyFile: 'string', oldKeyFile: 'string' },
  'app add': app, 'app list': [app], 'app rotate-secret': app, 'app disable': app, 'app delete': { clientId: /^app_/, name: 'string' },
  'key add': { id: 'string', key: 'string', prefix: 'string' }, 'key list': [{ id: 'string', prefix: 'string' }], 'key revoke': { id: 'string' },
  'grant list': [grant], 'grant revoke': { grantId: /^grt_/ },
  'backup': checked, 'restore': checked, 'verify': checked,
  'config show': [{ name: 'string', value: () => {}, source: 'string', default: () => {}, min: () => {}, max: () => {} }],
  'version': { version: /^\d+\.\d+\.\d+/, commit: 'string' },
};
// Tested below, but they print no document: the file itself, a line an event, a running server, words to type. What scan
// finds is in scan.test.mjs.
const others = ['export', 'audit', 'serve', 'demo', 'scan'];

const overview = spawnSync(binary, ['--help'], { encoding: 'utf8' });
const listed = overview.stdout.split('Commands:\n')[1].split('\n\n')[0].split('\n').map((line) => line.slice(2, 22).trim()).filter(Boolean);

test('every command of the overview is tested here, and none is missing from it', () => {
  assert.equal(overview.status, DONE);
  assert.deepEqual([...listed].sort(), [...Object.keys(shapes), ...others].sort());
});

test('every command has --help on standard output, says its usage and exit codes, and touches nothing', () => {
  const data = join(tmpdir(), `bi18n-help-${process.pid}`);
  for (const words of listed) {
    for (const flags of [['--help'], ['--help', '--json']]) {
      const done = spawnSync(binary, [...words.split(' '), ...flags], { encoding: 'utf8', env: { ...process.env, BI18N_DATA: data } });
      assert.equal(done.status, DONE, words);
      assert.ok(done.stdout.startsWith(`Usage: bi18n [--data DIR | --database URL] ${words}`), done.stdout);
      assert.match(done.stdout, /Exit status: 0 done, 1 refused, 2 usage, 3 not found, 4 /);
      assert.equal(done.stderr, '');
    }
  }
  assert.ok(!existsSync(data), 'no store is made');
});

test('what is no command, no option or not enough is exit 2 with a hint on standard error alone', () => {
  const rows = [[], ['nope'], ['user'], ['user', 'nope'], ['org', 'member'], ['project', 'add'], ['project', 'add', 'acme/x'], ['project', 'add', 'acme/x', 'extra', '--source', 'en'], ['project', 'add', 'acme/x', '--source'],
    ['project', 'add', 'acme/x', '--source', 'en', '--bogus'], ['project', 'add', 'acme/x', '--source', 'en', '--source', 'tr'], ['project', 'add', 'acme/x', '--source', 'en', '--flat=yes'], ['import', 'acme/x', '--language', 'en'],
    ['export', 'acme/x'], ['app', 'add', '--name', 'x', '--type', 'web'], ['app', 'rotate-secret', 'x', '--overlap', 'soon'], ['audit', '--since', 'yesterday'], ['key', 'revoke'], ['backup'], ['--data'], ['user', 'add', '--email', 'a@example.com', '--name', 'no password']];
  const data = mkdtempSync(join(tmpdir(), 'bi18n-usage-'));
  try {
    for (const args of rows) {
      const done = spawnSync(binary, args, { encoding: 'utf8', input: '', env: { ...process.env, BI18N_DATA: join(data, 'store') } });
      assert.equal(done.status, USAGE, `bi18n ${args.join(' ')}: ${done.status} ${done.stderr}`);
      if (args.length) assert.equal(done.stdout, '', args.join(' '));
      if (args.length) assert.match(done.stderr, /^bi18n/);
    }
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
});

// The scenario: all commands that change or show the store. `running`: a server holds it.
async function scenario(server, running) {
  const answer = (words, args = [], options = {}) => {
    const done = server.run([...words.split(' '), ...args, '--json'], options);
    assert.equal(done.status, DONE, `${words} ${args.join(' ')}: ${done.stderr}${done.stdout}`);
    assert.equal(done.stdout.trimEnd().split('\n').length, 1, 'one document');
    assert.ok(done.json !== undefined, done.stdout);
    atLeast(done.json, shapes[words], words);
    return done.json;
  };
  const refused = (status, words, args = [], options = {}) => {
    const done = server.run([...words.split(' '), ...args, '--json'], options);
    assert.equal(done.status, status, `${words} ${args.join(' ')}: ${done.status} ${done.stderr}`);
    assert.deepEqual(Object.keys(done.json), ['error', 'description']);
    assert.ok(done.stderr.startsWith(`bi18n ${words}: `), done.stderr);
    return done.json;
  };
  const plain = (words, args = []) => {
    const done = server.run([...words.split(' '), ...args]);
    assert.equal(done.status, DONE, done.stderr);
    assert.ok(!done.stdout.startsWith('{') && !done.stdout.startsWith('['), 'text for people');
    return done.stdout;
  };

  assert.deepEqual(answer('init'), answer('init'), 'idempotent');
  assert.equal(answer('init').dataDir, server.data);

  const ada = answer('user add', ['--email', 'Ada@Example.com', '--name', 'Ada Löve'], { input: `${password}\n` });
  assert.deepEqual([ada.email.toLowerCase(), ada.name], ['ada@example.com', 'Ada Löve']);
  assert.equal(refused(REFUSED, 'user add', ['--email', 'ada@example.com', '--name', 'x'], { input: `${password}\n` }).error, 'conflict');
  refused(REFUSED, 'user add', ['--email', 'b@example.com', '--name', 'x'], { input: 'eleven char\n' });
  refused(REFUSED, 'user add', ['--email', 'no address', '--name', 'x'], { input: `${password}\n` });
  answer('user add', ['--email', 'bob@example.com', '--name', 'Bob'], { input: `${password}` });
  assert.deepEqual(answer('user list').map((u) => u.name).sort(), ['Ada Löve', 'Bob']);
  assert.match(plain('user list'), /Ada Löve/);
  answer('user passwd', ['--email', 'ada@example.com'], { input: `${password} 2\n` });
  refused(MISSING, 'user passwd', ['--email', 'nobody@example.com'], { input: `${password}\n` });

  const acme = answer('org add', ['--slug', 'acme', '--name', 'Acme & Co', '--owner', 'ada@example.com']);
  assert.deepEqual([acme.slug, acme.name], ['acme', 'Acme & Co']);
  assert.equal(refused(REFUSED, 'org add', ['--slug', 'acme', '--name', 'x', '--owner', 'ada@example.com']).error, 'slug_taken');
  for (const slug of ['api', 'v1', 'login', 'settings', 'health', 'a b', 'Ü', '']) refused(REFUSED, 'org add', ['--slug', slug, '--name', 'x', '--owner', 'ada@example.com']);
  refused(MISSING, 'org add', ['--slug', 'other', '--name', 'x', '--owner', 'nobody@example.com']);
  assert.deepEqual(answer('org list').map((o) => o.slug), ['acme']);
  for (const role of ['member', 'admin', 'owner', 'member']) answer('org member add', ['--org', 'acme', '--email', 'bob@example.com', '--role', role]);
  refused(REFUSED, 'org member add', ['--org', 'acme', '--email', 'bob@example.com', '--role', 'king']);
  answer('org member remove', ['--org', 'acme', '--email', 'bob@example.com']);
  refused(REFUSED, 'org member remove', ['--org', 'acme', '--email', 'ada@example.com']);
  refused(MISSING, 'org member add', ['--org', 'nowhere', '--email', 'bob@example.com', '--role', 'member']);

  const web = answer('project add', ['acme/web', '--name', 'The Web', '--source', 'EN', '--languages', 'tr, pt_BR,de']);
  assert.deepEqual([web.slug, web.name, web.sourceLanguage, web.targetLanguages, web.fileStructure, web.keyFormat], ['acme/web', 'The Web', 'en', ['tr', 'pt-br', 'de'], 'single_file', 'nested']);
  const flat = answer('project add', ['acme/flat', '--source', 'en', '--flat', '--namespaced']);
  assert.deepEqual([flat.name, flat.fileStructure, flat.keyFormat], ['flat', 'namespaced_folders', 'flat']);
  refused(REFUSED, 'project add', ['acme/web', '--source', 'en']);
  refused(REFUSED, 'project add', ['acme/bad', '--source', 'no language at all']);
  refused(MISSING, 'project add', ['nowhere/web', '--source', 'en']);
  assert.deepEqual(answer('project show', ['acme/web']), web);
  assert.match(plain('project show', ['acme/web']), /The Web/);
  refused(MISSING, 'project show', ['acme/nowhere']);
  assert.deepEqual(answer('project list').map((p) => p.slug), ['acme/flat', 'acme/web']);
  assert.deepEqual(answer('project list', ['acme']).length, 2);
  refused(MISSING, 'project list', ['nowhere']);

  answer('import', ['acme/web', '--language', 'en', '-'], { input: '{"hello":"Hello"}' });
  assert.equal(server.run(['export', 'acme/web', '--language', 'en']).stdout, '{\n  "hello": "Hello"\n}\n');
  assert.equal(server.run(['export', 'acme/web', '--language', 'en', '--json']).stdout, '{\n  "hello": "Hello"\n}\n', 'the file itself either way');

  const published = answer('publish', ['acme/web', '--wait']);
  assert.deepEqual([published.syncJobIds.length, published.published], [1, 1]);
  assert.match(published.version, /^[a-z0-9]{6,12}-[a-z0-9]{4,12}$/);
  assert.equal(answer('publish', ['acme/web', '--wait']).published, 0);
  assert.equal(answer('publish', ['acme/web']).version, null, 'R32');
  refused(MISSING, 'publish', ['acme/nowhere', '--wait']);

  assert.deepEqual(answer('project set', ['acme/web']), { project: 'acme/web', name: 'The Web', drafts: false, fill: true, defaultNamespace: 'root', missing: 'server' });
  assert.equal(answer('project set', ['acme/web', '--fill', 'off', '--missing', 'strict']).missing, 'strict');
  refused(MISSING, 'project set', ['acme/nowhere']);
  refused(REFUSED, 'project set', ['acme/web', '--fill', 'maybe']);
  assert.equal(answer('publish rollback', ['acme/web', '--to', '1']).version, published.version);
  refused(MISSING, 'publish rollback', ['acme/nowhere']);

  const made = answer('app add', ['--name', 'Partner', '--type', 'web', '--redirect-uri', 'https://a.example/cb', '--redirect-uri', 'https://b.example/cb?x=1,2']);
  assert.deepEqual(made.redirectUris, ['https://a.example/cb', 'https://b.example/cb?x=1,2']);
  assert.match(made.clientSecret, /^.{30,}$/);
  const native = answer('app add', ['--name', 'Native', '--type', 'native', '--redirect-uri', 'http://127.0.0.1/cb', '--org', 'acme']);
  assert.ok(!('clientSecret' in native));
  assert.ok(!('clientSecret' in answer('app add', ['--name', 'Page', '--type', 'spa', '--redirect-uri', 'https://c.example/cb'])));
  for (const args of [['--type', 'toaster', '--redirect-uri', 'https://a.example/'], ['--type', 'web', '--redirect-uri', 'http://a.example/cb'], ['--type', 'web', '--redirect-uri', 'https://a.example/#x'], ['--type', 'web', '--redirect-uri', 'javascript:alert(1)']]) refused(REFUSED, 'app add', ['--name', 'x', ...args]);
  assert.equal(answer('app list').length, 3);
  assert.doesNotMatch(JSON.stringify(answer('app list')), /clientSecret/, 'shown once');
  const rotated = answer('app rotate-secret', [made.clientId, '--overlap', '24h']);
  assert.notEqual(rotated.clientSecret, made.clientSecret);
  refused(REFUSED, 'app rotate-secret', [native.clientId]);
  refused(MISSING, 'app rotate-secret', ['app_nobody']);
  answer('app disable', [native.clientId]);
  refused(MISSING, 'app disable', ['app_nobody']);
  answer('app delete', [native.clientId]);
  refused(REFUSED, 'app delete', [made.clientId]);
  refused(MISSING, 'app delete', [native.clientId]);

  const levels = ['read', 'write', 'publish', 'admin'].map((level) => answer('key add', ['--org', 'acme', '--level', level, '--name', level]));
  const open = answer('key add', ['--org', 'acme', '--public', '--project', 'web', '--project', 'flat']);
  assert.match(open.key, /^bi_pub_/);
  for (const k of levels) assert.ok(k.key.startsWith('bi-') && k.key.startsWith(k.prefix) && k.key.length > k.prefix.length + 20);
  refused(REFUSED, 'key add', ['--org', 'acme', '--level', 'god']);
  refused(REFUSED, 'key add', ['--org', 'acme']);
  refused(MISSING, 'key add', ['--org', 'nowhere', '--level', 'read']);
  const keys = answer('key list', ['--org', 'acme']);
  assert.equal(keys.length, 5);
  for (const k of [...levels, open]) assert.ok(!JSON.stringify(keys).includes(k.key), 'a key is shown this once');
  answer('key revoke', [levels[0].id]);
  refused(MISSING, 'key revoke', ['00000000-0000-4000-8000-000000000000']);

  assert.deepEqual(answer('grant list'), []);
  assert.deepEqual(answer('grant list', ['--org', 'acme', '--app', made.clientId]), []);
  refused(MISSING, 'grant revoke', ['grt_nothing']);

  const events = server.run(['audit', '--since', '1h', '--json']).stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
  const kinds = new Set(events.map((e) => e.kind));
  for (const kind of ['user.created', 'organization.created', 'project.created']) assert.ok(kinds.has(kind), [...kinds].join());
  assert.equal(server.run(['audit', '--since', '2099-01-01T00:00:00Z']).stdout, '');
  assert.ok(!events.some((e) => JSON.stringify(e).includes(made.clientSecret)), 'no secret in the audit');

  answer('verify');
  const file = join(server.base, `backup-${running}.bak`);
  answer('backup', [file]);
  assert.equal(statSync(file).mode & 0o077, 0, 'for its owner alone');
  refused(REFUSED, 'restore', [file]);

  const settings = answer('config show');
  assert.ok(settings.length > 30);
  assert.match(plain('config show'), /publish_cooldown_s/);
  assert.deepEqual(answer('version'), answer('version'));

  answer('user disable', ['--email', 'bob@example.com']);
  refused(MISSING, 'user disable', ['--email', 'nobody@example.com']);
  refused(MISSING, 'user delete', ['--email', 'nobody@example.com']);
  answer('user delete', ['--email', 'bob@example.com']);
  return { file, levels, made, rotated };
}

const lonely = new Server();
let server;
before(async () => { server = await startServer({ settings: { publish_cooldown_s: 0 } }); });
after(async () => {
  await server?.close();
  await lonely.close();
});

test('the whole scenario without a server', async () => {
  const { file } = await scenario(lonely, false);

  const key = readFileSync(`${lonely.data}.key`);
  const restored = new Server();
  try {
    const early = restored.run(['restore', file, '--json']);
    assert.equal(early.status, REFUSED);
    assert.match(early.stderr, /key/);
    writeFileSync(`${restored.data}.key`, key, { mode: 0o600 });
    const done = restored.run(['restore', file, '--json']);
    assert.equal(done.status, DONE, done.stderr);
    atLeast(done.json, shapes.restore, 'restore');
    for (const args of [['project', 'list'], ['org', 'list'], ['app', 'list'], ['key', 'list']]) assert.deepEqual(restored.cli(args), lonely.cli(args), args.join(' '));
    assert.equal(restored.run(['export', 'acme/web', '--language', 'en']).stdout, lonely.run(['export', 'acme/web', '--language', 'en']).stdout);
    await restored.start();
    assert.deepEqual(await (await fetch(`${restored.url}/acme/web/en.json`)).json(), { hello: 'Hello' }, 'what was published is delivered');
    assert.equal(restored.run(['restore', join(restored.base, 'nothing.bak')]).status, REFUSED, 'never into a store in use');
  } finally {
    await restored.close();
  }
  atLeast(lonely.cli(['server-key', 'rotate']), shapes['server-key rotate'], 'server-key rotate');
  assert.match(lonely.run(['server-key', 'rotate']).stdout, /oldKeyFile/);
  const none = new Server();
  try {
    writeFileSync(`${none.data}.key`, key, { mode: 0o600 });
    assert.equal(none.run(['restore', join(none.base, 'nothing.bak')]).status, MISSING);
    writeFileSync(join(none.base, 'broken.bak'), 'this is no backup');
    assert.ok([REFUSED, AWAY].includes(none.run(['restore', join(none.base, 'broken.bak')]).status));
  } finally {
    await none.close();
  }
});

test('the whole scenario beside a running server', async () => {
  const { levels, made, rotated } = await scenario(server, true);
  const ask = (key) => trpc(server, 'mcp.getProject', identity, { key }).then((a) => a.status);
  assert.deepEqual([await ask(levels[0].key), await ask(levels[1].key)], [401, 200]);
  for (const client_secret of [made.clientSecret, rotated.clientSecret]) {
    const answer = await tokenRequest(server, { grant_type: 'authorization_code', client_id: made.clientId, client_secret, code: 'x', redirect_uri: made.redirectUris[0] });
    assert.equal(answer.body.error, 'invalid_grant', 'both secrets are known during the overlap');
  }
});

// The very next request sees it --------------------------------------------------------------------

test('a password changed beside the server is the password at once, and sessions end', async () => {
  const own = await startServer();
  try {
    const seed = own.seed();
    const browser = new Browser(own);
    assert.equal((await browser.signIn(seed.email, seed.password)).status, 303);
    const signedIn = async () => (await browser.request('/settings/connected-apps')).status;
    assert.equal(await signedIn(), 200);
    own.cli(['user', 'passwd', '--email', seed.email], { input: `${password}\n` });
    assert.notEqual(await signedIn(), 200, 'the session has ended');
    assert.notEqual((await new Browser(own).signIn(seed.email, seed.password)).status, 303);
    assert.equal((await new Browser(own).signIn(seed.email, password)).status, 303);
    own.cli(['user', 'disable', '--email', seed.email]);
    assert.notEqual((await new Browser(own).signIn(seed.email, password)).status, 303);
  } finally {
    await own.close();
  }
});

test('grants: listed with all members, revoked at once; a removed member and a disabled app stop too', async () => {
  const own = await startServer();
  try {
    const seed = own.seed();
    const connection = await connect(own, seed);
    const { installation_token: token } = await mint(own, connection);
    const use = async (t = token) => (await trpc(own, 'mcp.getProject', identity, { key: t })).status;
    assert.equal(await use(), 200);
    const [one, ...rest] = own.cli(['grant', 'list', '--org', 'acme', '--app', seed.web.clientId]);
    atLeast([one], shapes['grant list'], 'grant list');
    assert.deepEqual([rest, one.grantId, one.revokedAt], [[], connection.grant_id, null]);
    assert.match(JSON.stringify([one.app, one.user, one.organization]), /app_|Partner/);
    assert.deepEqual(own.cli(['grant', 'list', '--app', seed.native.clientId]), []);
    const revoked = own.cli(['grant', 'revoke', one.grantId]);
    atLeast(revoked, shapes['grant revoke'], 'grant revoke');
    assert.equal(await use(), 410);
    assert.notEqual(own.cli(['grant', 'list'])[0].revokedAt, null);
    const events = own.run(['audit', '--grant', one.grantId]).stdout.trimEnd().split('\n').map((l) => JSON.parse(l));
    assert.ok(events.length >= 2 && events.every((e) => e.grant === one.grantId));

    const again = await connect(own, seed, { app: seed.native, redirect: 'http://127.0.0.1:8989/callback' });
    const second = (await mint(own, again)).installation_token;
    assert.equal(await use(second), 200);
    own.cli(['app', 'disable', seed.native.clientId]);
    assert.notEqual(await use(second), 200);

    own.cli(['user', 'add', '--email', 'bob@example.com', '--name', 'Bob'], { input: `${password}\n` });
    own.cli(['org', 'member', 'add', '--org', 'acme', '--email', 'bob@example.com', '--role', 'admin']);
    const bobs = await connect(own, { ...seed, email: 'bob@example.com', password });
    const third = (await mint(own, bobs)).installation_token;
    assert.equal(await use(third), 200);
    own.cli(['org', 'member', 'remove', '--org', 'acme', '--email', 'bob@example.com']);
    assert.notEqual(await use(third), 200);
    assert.notEqual((await api(own, '/api/oauth-client/me', { token: bobs.access_token })).body?.organizations?.length, 1);
  } finally {
    await own.close();
  }
});

test('a new app, project and language are there for the very next request', async () => {
  const own = await startServer();
  try {
    const seed = own.seed();
    const key = addKey(own), call = caller(own, key);
    const made = own.cli(['app', 'add', '--name', 'New', '--type', 'web', '--redirect-uri', seed.redirect]);
    assert.ok((await authorize(own, seed, { app: made })).code);
    own.cli(['project', 'add', 'acme/fresh', '--source', 'tr']);
    assert.ok((await call.get('listProjects', null)).projects.some((p) => p.slug === 'acme/fresh'));
    own.cli(['import', 'acme/web', '--language', 'fr', '-'], { input: '{"hello":"Salut"}' });
    assert.ok((await call.get('getProject')).lng.includes('fr'));
    own.cli(['publish', 'acme/web', '--wait']);
    assert.deepEqual(await (await fetch(`${own.url}/acme/web/fr.json`)).json(), { auth: { signIn: 'Sign in' }, common: { save: 'Save', title: 'Title' }, hello: 'Salut' });
  } finally {
    await own.close();
  }
});

test('audit --follow prints what was, and what happens while it runs', async () => {
  const follow = spawn(binary, ['audit', '--since', '1h', '--follow'], { env: server.env(), stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => follow.once('exit', resolve));
  let text = '', wake = () => {};
  follow.stdout.on('data', (part) => { text += part; wake(); });
  const until = (what) => new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${what} in ${text.slice(-500)}`)), 20_000 * slow);
    wake = () => { if (text.includes(what)) { clearTimeout(timer); resolve(); } };
    ended.then((code) => { clearTimeout(timer); reject(new Error(`it ended with ${code}`)); });
    wake();
  });
  try {
    await until('"user.created"');
    assert.ok(!text.includes('"followed"'));
    server.cli(['org', 'add', '--slug', 'followed', '--name', 'Followed', '--owner', 'ada@example.com']);
    await until('"followed"');
  } finally {
    follow.kill('SIGINT');
    assert.equal(await ended, DONE);
  }
});

// Store and settings -------------------------------------------------------------------------------

test('exit 4: a store that cannot be reached or opened', () => {
  const done = lonely.run(['--database', 'postgres://nobody@127.0.0.1:1/none', 'user', 'list', '--json']);
  assert.equal(done.status, AWAY);
  assert.equal(done.json.error, 'temporarily_unavailable');
  const file = join(lonely.base, 'a-file');
  writeFileSync(file, 'x');
  const in_file = lonely.run(['--data', join(file, 'store'), 'user', 'list']);
  assert.equal(in_file.status, AWAY, in_file.stderr);
  assert.match(in_file.stderr, /^bi18n user list: /);
  assert.equal(lonely.run(['--data', '/proc/bi18n', 'init']).status, AWAY, 'where nobody may write');
  const broken = mkdtempSync(join(tmpdir(), 'bi18n-broken-'));
  try {
    writeFileSync(join(broken, 'bi18n.db'), 'this is no database, but it is long enough to be looked at as if it were one');
    const answer = lonely.run(['--data', broken, 'user', 'list']);
    assert.equal(answer.status, AWAY, answer.stderr);
  } finally {
    rmSync(broken, { recursive: true, force: true });
  }
});

test('--data wins over BI18N_DATA; files are for their owner alone; the server key lies beside the store', () => {
  const other = join(lonely.base, 'elsewhere', 'data');
  mkdirSync(join(lonely.base, 'elsewhere'));
  assert.equal(lonely.run(['--data', other, 'init', '--json']).json.dataDir, other);
  assert.deepEqual(lonely.run(['user', 'list', '--json', '--data', other]).json, [], 'anywhere on the line');
  assert.equal(statSync(other).mode & 0o077, 0);
  for (const name of readdirSync(other)) assert.equal(statSync(join(other, name)).mode & 0o077, 0, name);
  assert.equal(statSync(`${other}.key`).mode & 0o077, 0);
});

test('settings come from flags, then environment, then bi18n.conf, then defaults, and each says where from', () => {
  const data = join(lonely.base, 'settings');
  const show = (env = {}) => Object.fromEntries(lonely.run(['--data', data, 'config', 'show', '--json'], { env }).json.map((s) => [s.name, s]));
  lonely.run(['--data', data, 'init']);
  assert.deepEqual([show().publish_cooldown_s.value, show().publish_cooldown_s.source].map(String), ['30', 'default']);
  writeFileSync(join(data, 'bi18n.conf'), '; a comment\npublish_cooldown_s = 7\nlog_level = warn\n');
  assert.equal(String(show().publish_cooldown_s.value), '7');
  assert.match(show().publish_cooldown_s.source, /bi18n\.conf/);
  const env = show({ BI18N_PUBLISH_COOLDOWN_S: '9' }).publish_cooldown_s;
  assert.equal(String(env.value), '9');
  assert.match(env.source, /BI18N_PUBLISH_COOLDOWN_S|environment/);
  const secret = show({ BI18N_METRICS_TOKEN: 'very-secret' }).metrics_token;
  assert.doesNotMatch(JSON.stringify(secret), /very-secret/);
  for (const bad of ['soon', '-1', '999999999999']) {
    const done = lonely.run(['--data', data, 'config', 'show'], { env: { BI18N_PUBLISH_COOLDOWN_S: bad } });
    assert.equal(done.status, USAGE, bad);
    assert.match(done.stderr, /publish_cooldown_s/);
  }
  writeFileSync(join(data, 'bi18n.conf'), 'no_such_setting = 1\n');
  const unknown = lonely.run(['--data', data, 'user', 'list']);
  assert.equal(unknown.status, USAGE, unknown.stderr);
  assert.match(unknown.stderr, /no_such_setting/);
});

test('a second server on the same store is refused, and the first one does not notice', async () => {
  const second = spawnSync(binary, ['serve', '--listen', `127.0.0.1:${await freePort()}`], { env: server.env(), encoding: 'utf8', timeout: 60_000 * slow });
  assert.ok([REFUSED, AWAY].includes(second.status), `${second.status} ${second.stderr}`);
  assert.match(second.stderr, /bi18n serve: /);
  assert.equal((await fetch(`${server.url}/ready`)).status, 200);
  assert.equal(server.run(['user', 'list']).status, DONE);
});

test('an address that is taken is exit 4 and named; one that others reach needs a public address', async () => {
  const own = new Server();
  try {
    const taken = spawnSync(binary, ['serve', '--listen', `127.0.0.1:${server.port}`], { env: own.env(), encoding: 'utf8', timeout: 60_000 * slow });
    assert.equal(taken.status, AWAY, taken.stderr);
    assert.match(taken.stderr, new RegExp(`${server.port}`));
    const reachable = spawnSync(binary, ['serve', '--listen', '0.0.0.0:0'], { env: own.env(), encoding: 'utf8', timeout: 60_000 * slow });
    assert.notEqual(reachable.status, DONE);
    assert.match(reachable.stderr, /public_url/);
  } finally {
    await own.close();
  }
});

test('SIGTERM ends a server gracefully, SIGHUP does not end it, and after SIGKILL commands work at once', async () => {
  const own = await startServer();
  try {
    own.seed();
    own.process.kill('SIGHUP');
    assert.equal((await fetch(`${own.url}/health`)).status, 200);
    assert.deepEqual(await own.stop('SIGTERM'), { code: 0, signal: null });
    assert.ok(!existsSync(join(own.data, 'control.sock')) || own.run(['user', 'list']).status === DONE);
    await own.start();
    await own.stop('SIGKILL');
    assert.equal(own.cli(['user', 'list']).length, 1, 'a socket that nobody holds is no server');
    atLeast(own.cli(['verify']), shapes.verify, 'verify');
  } finally {
    await own.close();
  }
});

test('commands run side by side on a store without a server, and none is lost', async () => {
  const own = new Server();
  try {
    own.cli(['init']);
    own.cli(['user', 'add', '--email', 'a@example.com', '--name', 'A'], { input: `${password}\n` });
    const run = (i) => new Promise((resolve) => {
      const child = spawn(binary, ['org', 'add', '--slug', `o${i}`, '--name', `O${i}`, '--owner', 'a@example.com', '--json'], { env: own.env(), stdio: ['ignore', 'ignore', 'pipe'] });
      let words = '';
      child.stderr.on('data', (d) => { words += d; });
      child.once('close', (code) => resolve({ code, words }));
    });
    const codes = await Promise.all(Array.from({ length: 8 }, (_, i) => run(i)));
    for (const { code, words } of codes) assert.equal(code, DONE, words);
    assert.equal(own.cli(['org', 'list']).length, 8);
  } finally {
    await own.close();
  }
});

test('a command that comes while a server starts or ends waits for it', async () => {
  const own = new Server();
  try {
    own.cli(['init']);
    for (let i = 0; i < 3; i++) {
      const starting = own.start();
      const early = own.run(['user', 'list']);
      assert.equal(early.status, DONE, early.stderr);
      await starting;
      const ending = own.stop('SIGTERM');
      const late = own.run(['user', 'list']);
      assert.equal(late.status, DONE, late.stderr);
      await ending;
    }
  } finally {
    await own.close();
  }
});

test('commands beside a server: twenty at once', async () => {
  const codes = await Promise.all(Array.from({ length: 20 }, (_, i) => new Promise((resolve) => {
    spawn(binary, ['org', 'add', '--slug', `many${i}`, '--name', `M${i}`, '--owner', 'ada@example.com'], { env: server.env(), stdio: 'ignore' }).once('close', resolve);
  })));
  assert.deepEqual([...new Set(codes)], [DONE]);
  assert.equal(server.cli(['org', 'list']).filter((o) => o.slug.startsWith('many')).length, 20);
});

test('demo makes people, an organization, two apps and projects with real strings, and what it prints works', async () => {
  const own = new Server();
  try {
    const port = await freePort();
    const done = own.run(['demo', '--listen', `127.0.0.1:${port}`]);
    assert.equal(done.status, DONE, done.stderr);
    const address = /(\S+@\S+\.\S+)/.exec(done.stdout)?.[1].replace(/[,;"']+$/, '');
    assert.ok(address, done.stdout);
    assert.ok(own.cli(['user', 'list']).some((u) => u.email === address), `${address} is a user`);
    assert.equal(own.cli(['app', 'list']).length, 2);
    assert.ok(own.cli(['org', 'list']).length >= 1);
    const projects = own.cli(['project', 'list']);
    assert.ok(projects.length >= 2);
    own.port = port;
    await own.start();
    const words = done.stdout.split(/[\s"']+/).filter((w) => w.length >= 12);
    let signedIn = false;
    for (const word of words.slice(0, 60)) {
      if (word === address || word.startsWith('http')) continue;
      signedIn ||= (await new Browser(own).signIn(address, word)).status === 303;
      if (signedIn) break;
    }
    assert.ok(signedIn, 'the password that it prints is the password');
    const delivered = await (await fetch(`${own.url}/${projects[0].slug}/${projects[0].sourceLanguage}.json`)).json();
    assert.ok(Object.keys(delivered).length > 0, 'published');
  } finally {
    await own.close();
  }
});

test('secrets go in by standard input alone: no option takes a password', () => {
  for (const words of ['user add', 'user passwd']) assert.doesNotMatch(spawnSync(binary, [...words.split(' '), '--help'], { encoding: 'utf8' }).stdout, /--password/);
});
