// SPDX-License-Identifier: MIT
// Backup while the server writes, and what a restore brings back, ends and refuses (rule_268, ruling R22).
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server, api, startServer } from '../lib/server.mjs';
import { codeFor, connectWith, control, eventually, mintRaw, organizations, redeem, refresh, signedIn } from '../lib/oauth.mjs';
import { addKey, caller, publish } from '../lib/strings.mjs';

const scope = 'org:read projects:read';
const settings = { mint_coalesce_ms: 0, publish_cooldown_s: 0 };
let server, seed, browser, spa, rotating, stable, late, minted, key, revokedLater, file, restored, delivered = {}, unusedCode, first;
const paths = ['en.json', 'tr.json', 'de.json', 'manifest.json'];
const exported = (from, language) => from.run(['export', 'acme/web', '--language', language]).stdout;
const others = [];
const empty = () => {
  const made = new Server({ settings });
  others.push(made);
  copyFileSync(`${server.data}.key`, `${made.data}.key`);
  chmodSync(`${made.data}.key`, 0o600);
  return made;
};

before(async () => {
  server = await startServer({ settings });
  seed = server.seed();
  browser = await signedIn(server, seed);
  spa = server.cli(['app', 'add', '--name', 'Spa', '--type', 'spa', '--redirect-uri', 'https://spa.example/cb']);
  stable = await connectWith(server, seed, { browser, scope });
  rotating = await connectWith(server, seed, { app: spa, browser, scope });
  minted = (await mintRaw(server, stable, {})).body.installation_token;
  key = addKey(server);
  revokedLater = server.cli(['key', 'add', '--org', 'acme', '--level', 'read']);
  publish(server);
  file = join(server.base, 'saved.bi18n');
});
after(async () => {
  for (const one of [server, ...others]) await one?.close();
});

test('a backup during writes: whole, private, and the writes are not held up', async () => {
  const stop = { now: false };
  const call = caller(server, key);
  let written = 0;
  const writing = Array.from({ length: 4 }, async (_, w) => {
    for (let i = 0; !stop.now; i++, written++) assert.equal((await call.mutate('createKeys', { k: [{ n: `w${w}.k${i}`, v: 'x' }] })).status, 200);
  });
  await eventually('writes', () => written > 20);
  const before = written;
  const answer = await control(server, 'store.backup', { file });
  const during = written - before;
  await eventually('writes go on', () => written > before + 10);
  stop.now = true;
  await Promise.all(writing);
  assert.equal(answer.ok, true);
  assert.deepEqual(answer.problems, []);
  assert.match(answer.reminder, /server key/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(readFileSync(file).includes(readFileSync(`${server.data}.key`, 'utf8').trim()), false, 'the server key is not in it');
  assert.ok(during >= 0);
});

test('no token, secret or password is in a backup in the clear', () => {
  const bytes = readFileSync(file);
  for (const secret of [minted, stable.refresh_token, rotating.refresh_token, stable.access_token, seed.web.clientSecret, key, seed.password]) assert.equal(bytes.includes(secret), false, secret.slice(0, 8));
});

test('a file that exists is not overwritten; a place that is missing is said', () => {
  const size = statSync(file).size;
  const again = server.run(['backup', file]);
  assert.equal(again.status, 1, again.stderr);
  assert.match(again.stderr, /exists/i);
  assert.equal(statSync(file).size, size);
  const nowhere = server.run(['backup', join(server.base, 'no', 'such', 'file')]);
  assert.equal(nowhere.status, 4, nowhere.stderr);
  assert.match(nowhere.stderr, /No such file or directory/);
});

test('a backup of a store that is not there: exit 3, and none is made', () => {
  const nothing = new Server();
  others.push(nothing);
  const done = nothing.run(['backup', join(nothing.base, 'x')]);
  assert.equal(done.status, 3, done.stderr);
  assert.match(done.stderr, /there is no store/);
  assert.equal(existsSync(nothing.data), false);
  assert.equal(existsSync(join(nothing.base, 'x')), false);
});

describe('a restore', () => {
  before(async () => {
    // What happens after the backup is lost with it.
    first = rotating;
    const next = await refresh(server, spa, rotating.refresh_token);
    assert.equal(next.status, 200);
    rotating = { ...rotating, after: next.body.refresh_token };
    late = await connectWith(server, seed, { app: seed.native, browser, scope });
    unusedCode = await codeFor(server, seed, { browser, scope });
    server.cli(['key', 'revoke', revokedLater.id]);
    // The state of the backup is what a restore of it shows: nothing was published since.
    for (const path of paths) {
      const answer = await fetch(`${server.url}/acme/web/${path}`);
      delivered[path] = [answer.status, await answer.text(), answer.headers.get('etag')];
    }
    restored = empty();
  });

  test('into an empty store: says what is lost, and verify finds it whole', () => {
    const done = restored.run(['restore', file, '--json']);
    assert.equal(done.status, 0, done.stderr);
    assert.equal(done.json.ok, true);
    assert.match(done.stderr, /revoked after the backup.* live again/s);
    assert.match(done.stderr, /grant list/);
    assert.deepEqual(restored.cli(['verify']), { ok: true, problems: [] });
    assert.equal(statSync(restored.data).mode & 0o777, 0o700);
    assert.equal(statSync(join(restored.data, 'bi18n.db')).mode & 0o777, 0o600);
  });

  test('strings, delivery and keys are those of the backup, byte for byte', async () => {
    restored.port = undefined;
    const same = server.url;
    restored.settings = { ...settings, cdn_base_url: same };
    await restored.start();
    for (const path of paths) {
      const answer = await fetch(`${restored.url}/acme/web/${path}`);
      const [status, text, etag] = delivered[path];
      assert.equal(answer.status, status);
      assert.equal(await answer.text(), text, path);
      assert.equal(answer.headers.get('etag'), etag, path);
    }
    for (const language of ['tr', 'de']) assert.equal(exported(restored, language), exported(server, language));
    assert.equal((await caller(restored, key).query('getProject', {})).status, 200);
  });

  test('R22 installation tokens, sign-ins and codes have ended', async () => {
    assert.equal((await organizations(restored, minted)).status, 401);
    assert.equal((await redeem(restored, unusedCode)).status, 400);
    const page = await (await fetch(`${restored.url}/settings/connected-apps`, { redirect: 'manual', headers: { cookie: [...browser.cookies].map((c) => c.join('=')).join('; ') } }));
    assert.equal(page.status, 303);
    assert.match(page.headers.get('location'), /\/login/);
  });

  test('rule_268 refresh tokens of the backup go on; what was issued after it fails closed', async () => {
    for (const [app, token] of [[spa, rotating.after], [seed.native, late.refresh_token]]) {
      const answer = await refresh(restored, app, token);
      assert.equal(answer.status, 400, answer.text);
      assert.equal(answer.body.error, 'invalid_grant');
    }
    const held = await refresh(restored, seed.web, stable.refresh_token);
    assert.equal(held.status, 200, held.text);
    assert.equal((await mintRaw(restored, { ...held.body }, {})).status, 200);
  });

  test('rule_268 the token a family gives after a restore is another than the one it gave before', async () => {
    const answer = await refresh(restored, spa, first.refresh_token);
    assert.ok([200, 400].includes(answer.status), answer.text);
    if (answer.status === 200) assert.notEqual(answer.body.refresh_token, rotating.after);
  });

  test('a revocation after the backup is undone by it, as the message said', () => {
    assert.equal(restored.cli(['key', 'list']).find((one) => one.id === revokedLater.id).revokedAt ?? null, null);
  });

  test('it is in the audit log', () => {
    const kinds = restored.run(['audit']).stdout.trim().split('\n').map((line) => JSON.parse(line));
    assert.ok(kinds.some((event) => JSON.stringify(event).includes('store.restored')), JSON.stringify(kinds.at(-1)));
  });
});

describe('a restore is refused', () => {
  const refused = (done, status, ...says) => {
    assert.equal(done.status, status, done.stderr);
    for (const one of says) assert.match(done.stderr, one);
  };

  test('into a store that is not empty, running or not: exit 1, nothing changed', () => {
    const before = restored.cli(['org', 'list']);
    refused(restored.run(['restore', file]), 1, /not empty/);
    assert.deepEqual(restored.cli(['org', 'list']), before);
    const other = empty();
    other.cli(['init']);
    refused(other.run(['restore', file]), 1, /not empty/);
  });

  test('without the server key: says where it belongs', () => {
    const target = new Server();
    others.push(target);
    refused(target.run(['restore', file]), 1, /server key/, new RegExp(`${target.data}\\.key`));
    assert.equal(existsSync(target.data), false);
  });

  test('with the key of another store: exit 1, and the directory is as empty as before', () => {
    const target = empty(), other = new Server();
    others.push(other);
    other.cli(['init']);
    copyFileSync(`${other.data}.key`, `${target.data}.key`);
    refused(target.run(['restore', file]), 1, /belongs to another store/);
    copyFileSync(`${server.data}.key`, `${target.data}.key`);
    assert.equal(target.run(['restore', file]).status, 0, 'the right key, the second try');
  });

  const damage = {
    truncated: (bytes) => bytes.subarray(0, bytes.length - 40_000),
    'cut to its first page': (bytes) => bytes.subarray(0, 4096),
    garbage: () => Buffer.from('this is no backup at all. '.repeat(1000)),
    empty: () => Buffer.alloc(0),
    'with a page of zeroes': (bytes) => Buffer.concat([bytes.subarray(0, 40_960), Buffer.alloc(4096), bytes.subarray(45_056)]),
    'a store, not a backup': () => readFileSync(join(others.find((o) => existsSync(join(o.data, 'bi18n.db'))).data, 'bi18n.db')),
  };
  for (const [what, change] of Object.entries(damage)) {
    test(`of a file that is ${what}: refused, and the place is as empty as before`, () => {
      const target = empty(), bad = join(target.base, 'bad');
      writeFileSync(bad, change(readFileSync(file)));
      const done = target.run(['restore', bad]);
      refused(done, 1, /not a bi18n backup|damaged/);
      assert.deepEqual(existsSync(target.data) ? readdirSync(target.data) : [], [], 'nothing is left behind');
      assert.equal(target.run(['restore', file]).status, 0, 'the good one can be restored there');
    });
  }

  test('of a file that is missing: exit 3; of a directory: refused', () => {
    const target = empty();
    refused(target.run(['restore', join(target.base, 'none')]), 3, /No such file/);
    mkdirSync(join(target.base, 'dir'));
    const done = target.run(['restore', join(target.base, 'dir')]);
    assert.ok([1, 2, 4].includes(done.status), done.stderr);
    assert.equal(target.run(['restore', file]).status, 0);
  });
});

test('the server that was backed up is as it was', async () => {
  assert.equal((await organizations(server, minted)).status, 200);
  assert.equal((await api(server, '/ready')).status, 200);
  assert.deepEqual(server.cli(['verify']), { ok: true, problems: [] });
});
