// SPDX-License-Identifier: MIT
// How one project is published and delivered (rulings R10, R11, R28; contract "cdn-and-cli" 6.2): by command and on its
// page, for administrators; and an earlier snapshot delivered again.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Browser, hidden, startServer } from '../lib/server.mjs';
import { addPerson, signedIn } from '../lib/oauth.mjs';
import { addKey, caller } from '../lib/strings.mjs';

let server, seed, browser;
const asNew = { project: 'acme/web', name: 'Web', drafts: false, fill: true, defaultNamespace: 'root', missing: 'server' };
const set = (...args) => server.cli(['project', 'set', 'acme/web', ...args]);
const publish = () => server.cli(['publish', 'acme/web', '--wait']);
const file = async (path) => {
  const answer = await fetch(`${server.url}/acme/web/${path}`);
  return { status: answer.status, body: await answer.json() };
};

before(async () => {
  server = await startServer({ settings: { publish_cooldown_s: 0 } });
  seed = server.seed();
  browser = await signedIn(server, seed);
});
after(() => server?.close());

describe('by command', () => {
  test('ruling_28 a new project fills gaps with the source text, and says so', async () => {
    assert.deepEqual(set(), asNew);
    publish();
    assert.deepEqual((await file('tr.json')).body, { auth: { signIn: 'Sign in' }, common: { save: 'Kaydet', title: 'Başlık' }, hello: 'Merhaba' });
    assert.equal((await file('de.json')).body.hello, 'Hello');
  });

  test('ruling_28 without filling, what a language lacks is not in its file', async () => {
    assert.equal(set('--fill', 'off').fill, false);
    publish();
    assert.equal((await file('tr.json')).body.auth, undefined);
    assert.deepEqual((await file('de.json')).body, {});
  });

  test('ruling_11 drafts are published when the project says so', async () => {
    server.cli(['import', 'acme/web', '--language', 'tr', '--draft', '-'], { input: '{"auth":{"signIn":"Taslak"}}' });
    publish();
    assert.equal((await file('tr.json')).body.auth, undefined);
    assert.equal(set('--drafts', 'on').drafts, true);
    publish();
    assert.equal((await file('tr.json')).body.auth.signIn, 'Taslak');
    set('--drafts', 'off');
  });

  test('the default namespace is an object of its own when the project says so', async () => {
    assert.equal(set('--default-namespace', 'wrapped').defaultNamespace, 'wrapped');
    publish();
    const { body } = await file('en.json');
    assert.equal(body.hello, undefined);
    assert.equal(body.default.hello, 'Hello');
    set('--default-namespace', 'root');
    publish();
    assert.equal((await file('en.json')).body.hello, 'Hello');
  });

  test('ruling_10 missing files are answered as the project says, at once', async () => {
    assert.deepEqual(await file('xx.json'), { status: 200, body: {} });
    set('--missing', 'strict');
    assert.deepEqual(await file('xx.json'), { status: 404, body: {} });
    assert.equal((await file('en.json')).status, 200);
    await server.stop();
    await server.start();
    assert.equal((await file('xx.json')).status, 404, 'after a restart, too');
    set('--missing', 'server');
    assert.equal((await file('xx.json')).status, 200);
  });

  test('a change is something to publish over tRPC, a repetition is not', async () => {
    publish();
    const call = caller(server, addKey(server));
    assert.equal((await call.put('publishTranslations', {})).syncJobIds?.length ?? 0, 0);
    set('--fill', 'off');
    assert.equal((await call.put('publishTranslations', {})).syncJobIds?.length ?? 0, 0, 'it was off');
    set('--fill', 'on');
    assert.ok((await call.put('publishTranslations', {})).syncJobIds.length > 0);
  });

  test('what is not known is refused: 1; a project that is not there: 3; and it is in the audit', () => {
    const wrong = server.run(['project', 'set', 'acme/web', '--missing', 'maybe']);
    assert.equal(wrong.status, 1, wrong.stderr);
    assert.match(wrong.stderr, /missing/);
    assert.equal(server.run(['project', 'set', 'acme/nothing']).status, 3);
    const changes = server.run(['audit']).stdout.trim().split('\n').map((line) => JSON.parse(line)).filter((event) => event.kind === 'project.changed');
    assert.ok(changes.some((event) => event.detail.missing === 'strict' && event.project === seed.projectId), JSON.stringify(changes[0]));
  });
});

describe('an earlier snapshot', () => {
  test('publish rollback delivers what was delivered before, and --to the one with that number', async () => {
    const before = (await file('en.json')).body;
    server.cli(['import', 'acme/web', '--language', 'en', '-'], { input: '{"hello":"Hello again"}' });
    publish();
    assert.equal((await file('en.json')).body.hello, 'Hello again');
    const done = server.cli(['publish', 'rollback', 'acme/web']);
    assert.match(done.version, /^[a-z0-9]{6,12}-[a-z0-9]{4,12}$/);
    assert.deepEqual((await file('en.json')).body, before);
    const newest = server.run(['audit']).stdout.trim().split('\n').map((line) => JSON.parse(line)).filter((event) => event.kind === 'publish.completed').at(-1);
    server.cli(['publish', 'rollback', 'acme/web', '--to', newest.detail.sequence]);
    assert.equal((await file('en.json')).body.hello, 'Hello again');
  });

  test('one that is not there is refused, and nothing changes', async () => {
    const before = (await file('en.json')).body;
    const done = server.run(['publish', 'rollback', 'acme/web', '--to', '4711']);
    assert.equal(done.status, 1, done.stderr);
    assert.match(done.stderr, /no such earlier snapshot/);
    assert.deepEqual((await file('en.json')).body, before);
  });
});

describe('on the page', () => {
  const path = '/projects/acme/web/settings';

  test('administrators find the settings on the project page, see what holds, and change it', async () => {
    assert.match((await browser.request('/projects/acme/web')).text, /href="\/projects\/acme\/web\/settings"/);
    const page = await browser.request(path);
    assert.equal(page.status, 200);
    assert.match(page.text, /<option value="on" selected>Source text fills the gap/);
    const posted = await browser.request(path, { method: 'POST', form: { ...hidden(page.text), drafts: 'on', fill: 'off', defaultNamespace: 'root', missing: 'strict' } });
    assert.equal(posted.status, 303);
    assert.equal(posted.headers.get('location'), `${path}?done=1`);
    assert.match((await browser.request(`${path}?done=1`)).text, /Saved\./);
    assert.deepEqual(set(), { ...asNew, drafts: true, fill: false, missing: 'strict' });
  });

  test('a value that no control offers is refused, and nothing changes', async () => {
    const before = set();
    const page = await browser.request(path);
    const posted = await browser.request(path, { method: 'POST', form: { ...hidden(page.text), drafts: 'on', fill: 'perhaps' } });
    assert.equal(posted.status, 400);
    assert.deepEqual(set(), before);
  });

  test('members who do not administer, and strangers, neither see nor change them', async () => {
    const before = set();
    const member = addPerson(server, { email: 'member@example.com' });
    server.cli(['org', 'member', 'add', '--org', 'acme', '--email', member.email, '--role', 'member']);
    const stranger = addPerson(server, { email: 'stranger@example.com', org: 'elsewhere' });
    for (const [person, status] of [[member, 403], [stranger, 404]]) {
      const other = await signedIn(server, person);
      assert.equal((await other.request(path)).status, status, person.email);
      const { csrf } = hidden((await other.request('/settings/sessions')).text);
      assert.equal((await other.request(path, { method: 'POST', form: { csrf, drafts: 'off' } })).status, status, person.email);
    }
    assert.doesNotMatch((await (await signedIn(server, member)).request('/projects/acme/web')).text, /web\/settings/);
    assert.deepEqual(set(), before);
    const nobody = await new Browser(server).request(path);
    assert.equal(nobody.status, 303);
    assert.match(nobody.headers.get('location'), /^\/login\?next=/);
  });
});
