// SPDX-License-Identifier: MIT
// What people do about their own account, without JavaScript: the developer console, sign-ins, the password.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Browser, hidden, startServer, tokenRequest } from '../lib/server.mjs';
import { addPerson, connectWith, elsewhere, proxied, refresh, signedIn } from '../lib/oauth.mjs';

let server, seed, ada;

before(async () => {
  server = await startServer({ settings: { ...proxied } });
  seed = server.seed();
  ada = await signedIn(server, seed);
});
after(() => server?.close());

const APPS = '/settings/apps', SESSIONS = '/settings/sessions', PASSWORD = '/settings/password';
const page = (browser, path) => browser.request(path);
async function post(browser, path, form, options = {}) {
  const shown = await page(browser, path);
  assert.equal(shown.status, 200, shown.text.slice(0, 300));
  const { csrf } = hidden(shown.text, path);
  const body = new URLSearchParams({ csrf });
  for (const [name, value] of Object.entries(form)) for (const one of [value].flat()) body.append(name, one);
  return browser.request(path, { method: 'POST', form: body, ...options });
}
const web = { decision: 'register', name: 'My Builder', type: 'web', redirect_uris: 'https://builder.example/callback\r\nhttps://builder.example/other\r\n', icon_url: 'https://builder.example/icon.png' };
const secretIn = (text) => /bi_cs_[0-9A-Za-z]{36}/.exec(text)?.[0];
const clientIn = (text) => /app_[0-9A-Za-z]+/.exec(text)?.[0];
const alerts = (text) => [...text.matchAll(/<p class="alert" role="alert"([^>]*)>/g)].map((m) => m[1]);

async function registered(browser, form = {}) {
  const answer = await post(browser, APPS, { ...web, ...form });
  assert.equal(answer.status, 200, answer.text.slice(0, 2000));
  const card = answer.text.slice(answer.text.indexOf('role="status"'));
  return { answer, clientId: clientIn(card), secret: secretIn(card) };
}
const fails = (clientId, secret) => tokenRequest(server, { grant_type: 'authorization_code', code: 'bi_ac_nothing', redirect_uri: 'https://builder.example/callback', client_id: clientId, client_secret: secret });

test('an app is registered by a form; its secret is on that one answer and never again', async () => {
  const { answer, clientId, secret } = await registered(ada);
  assert.ok(clientId && secret, answer.text.slice(0, 2000));
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.equal(answer.text.split(secret).length, 2, 'shown once');
  const again = await page(ada, APPS);
  assert.ok(again.text.includes(clientId) && !again.text.includes('bi_cs_'));
  assert.ok(again.text.includes('https://builder.example/callback') && again.text.includes('https://builder.example/other'), 'one redirect URI a line');
  assert.equal((await fails(clientId, secret)).body.error, 'invalid_grant', 'the secret works');
  assert.equal((await fails(clientId, `${secret.slice(0, -1)}x`)).body.error, 'invalid_client');
});

test('apps without a server get no secret', async () => {
  for (const type of ['native', 'spa']) {
    const { answer, clientId, secret } = await registered(ada, { name: `Made ${type}`, type, redirect_uris: 'https://builder.example/back', icon_url: '' });
    assert.ok(clientId);
    assert.equal(secret, undefined, type);
    assert.match(answer.text, /PKCE/);
  }
});

test('what is wrong is said beside its field, and what was typed is kept', async () => {
  const wrong = [
    [{ name: 'Turned\u202Ename' }, 'app-name-problem'], [{ name: 'x'.repeat(101) }, 'app-name-problem'], [{ name: '' }, 'app-name-problem'],
    [{ type: 'other' }, 'app-type-problem'], [{ icon_url: 'http://builder.example/icon.png' }, 'app-icon-problem'],
    [{ redirect_uris: '' }, 'app-redirects-problem'], [{ redirect_uris: 'http://builder.example/callback' }, 'app-redirects-problem'],
    [{ redirect_uris: 'https://a.example/#x' }, 'app-redirects-problem'], [{ redirect_uris: 'https://a.example/x\nhttps://a.example/x' }, 'app-redirects-problem'],
    [{ redirect_uris: Array.from({ length: 200 }, (_, i) => `https://a.example/${i}`).join('\n') }, 'app-redirects-problem'],
  ];
  const before = (await page(ada, APPS)).text.split('app_').length;
  for (const [change, problem] of wrong) {
    const answer = await post(ada, APPS, { ...web, name: 'Kept <b>', ...change });
    assert.equal(answer.status, 400, JSON.stringify(change));
    assert.deepEqual(alerts(answer.text).map((a) => /id="([^"]*)"/.exec(a)?.[1]), [problem], JSON.stringify(change).slice(0, 200));
    if (!('name' in change)) assert.ok(answer.text.includes('value="Kept &lt;b&gt;"'));
    assert.ok(!answer.text.includes('bi_cs_'));
  }
  assert.equal((await page(ada, APPS)).text.split('app_').length, before, 'nothing was registered');
});

test('a new secret leaves the former one working for a day, and is shown once', async () => {
  const { clientId, secret } = await registered(ada, { name: 'Rotated' });
  const rotated = await post(ada, APPS, { decision: 'rotate', client_id: clientId });
  assert.equal(rotated.status, 200);
  assert.equal(rotated.headers.get('cache-control'), 'no-store');
  const fresh = secretIn(rotated.text);
  assert.ok(fresh && fresh !== secret);
  for (const one of [secret, fresh]) assert.equal((await fails(clientId, one)).body.error, 'invalid_grant');
  await post(ada, APPS, { decision: 'rotate', client_id: clientId });
  assert.equal((await fails(clientId, secret)).body.error, 'invalid_client', 'the one before the last has ended');
  assert.equal((await fails(clientId, fresh)).body.error, 'invalid_grant');
  const { clientId: open } = await registered(ada, { name: 'No secret', type: 'spa' });
  const refused = await post(ada, APPS, { decision: 'rotate', client_id: open });
  assert.equal(refused.status, 409);
  assert.match(refused.text, /no secret/);
});

test('a disabled app stops at once and stays in the list as disabled', async () => {
  const { clientId, secret } = await registered(ada, { name: 'Ended' });
  const answer = await post(ada, APPS, { decision: 'disable', client_id: clientId });
  assert.equal(answer.status, 303);
  assert.equal(answer.location, `${APPS}?done=1`);
  assert.match((await page(ada, answer.location)).text, /class="notice good" role="status"/);
  assert.equal((await fails(clientId, secret)).body.error, 'invalid_client');
  const listed = (await page(ada, APPS)).text;
  const card = listed.split('<section').find((part) => part.includes(clientId));
  assert.match(card, /disabled/);
  assert.doesNotMatch(card, /value="(?:rotate|disable)"/);
  assert.equal((await post(ada, APPS, { decision: 'rotate', client_id: clientId })).status, 409);
});

test('another person does not see an app and cannot act on it; an administrator of its organization can', async () => {
  const { clientId, secret } = await registered(ada, { name: 'Private', organization: seed.org });
  const eve = await signedIn(server, addPerson(server, { email: 'eve@example.com', org: 'evecorp' }));
  assert.ok(!(await page(eve, APPS)).text.includes(clientId));
  for (const decision of ['rotate', 'disable']) assert.equal((await post(eve, APPS, { decision, client_id: clientId })).status, 404);
  assert.equal((await post(eve, APPS, { ...web, organization: seed.org })).status, 404, 'nor register one for that organization');
  assert.equal((await fails(clientId, secret)).body.error, 'invalid_grant', 'still works');
  const colleague = addPerson(server, { email: 'colleague@example.com' });
  const browser = await signedIn(server, colleague);
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', colleague.email, '--role', 'member']);
  assert.ok(!(await page(browser, APPS)).text.includes(clientId), 'not a mere member');
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', colleague.email, '--role', 'admin']);
  assert.ok((await page(browser, APPS)).text.includes(clientId));
  assert.equal((await post(browser, APPS, { decision: 'disable', client_id: clientId })).status, 303);
});

test('no form works without its mark, from elsewhere, signed out, or without a decision', async () => {
  const { clientId } = await registered(ada, { name: 'Guarded' });
  for (const path of [APPS, SESSIONS, PASSWORD]) {
    assert.equal((await ada.request(path, { method: 'POST', form: { decision: 'disable', client_id: clientId } })).status, 403, path);
    assert.equal((await post(ada, path, { decision: 'disable', client_id: clientId }, { headers: { origin: 'https://evil.example' } })).status, 403, path);
    assert.match((await page(new Browser(server), path)).location, /^\/login\?next=/);
  }
  for (const path of [APPS, SESSIONS]) for (const decision of ['', 'other']) assert.equal((await post(ada, path, { decision })).status, 400);
  assert.equal((await post(ada, APPS, { decision: 'disable', client_id: 'app_unknown' })).status, 404);
  const card = (await page(ada, APPS)).text.split('<section').find((part) => part.includes(clientId));
  assert.match(card, /value="disable"/, 'nothing happened to it');
});

test('the last failures of an app are listed with what to do, for its developer alone', async () => {
  const { clientId, secret } = await registered(ada, { name: 'Failing' });
  const card = async () => (await page(ada, APPS)).text.split('<section').find((part) => part.includes(clientId));
  assert.match(await card(), /Nothing has gone wrong lately/);
  for (let i = 0; i < 7; i++) await tokenRequest(server, { grant_type: 'authorization_code', code: 'bi_ac_x', client_id: clientId, client_secret: 'bi_cs_wrong' }, elsewhere());
  const shown = await card();
  assert.equal(shown.match(/app\.auth_failed/g).length, 5, 'the last five');
  assert.match(shown, /The client secret was wrong/);
  assert.ok(!shown.includes('bi_cs_wrong') && !shown.includes(secret));
  const stranger = await signedIn(server, addPerson(server, { email: 'stranger@example.com' }));
  assert.ok(!(await page(stranger, APPS)).text.includes('app.auth_failed'));
});

test('"Try it" leads to the consent page of the app', async () => {
  for (const type of ['web', 'spa']) {
    const { clientId } = await registered(ada, { name: `Tried ${type}`, type });
    const card = (await page(ada, APPS)).text.split('<section').find((part) => part.includes(clientId));
    const link = /href="(\/api\/auth\/mcp\/authorize\?[^"]*)"/.exec(card)[1].replaceAll('&amp;', '&');
    const consent = await ada.follow(link);
    assert.equal(consent.status, 200);
    assert.match(consent.url, /\/consent\?request=/);
    assert.ok(consent.text.includes(`Connect Tried ${type}?`));
  }
});

test('sign-ins are listed; one is ended, or all but this one', async () => {
  const person = addPerson(server, { email: 'many@example.com' });
  const [first, second, third] = [await signedIn(server, person), await signedIn(server, person), await signedIn(server, person)];
  const listed = (await page(first, SESSIONS)).text;
  const ids = [...listed.matchAll(/name="id" value="(ses_[0-9a-f]+)"/g)].map((m) => m[1]);
  assert.equal(ids.length, 3);
  assert.equal(listed.match(/this browser/g).length, 1);
  const other = listed.split('<section').find((part) => part.includes('name="id"') && !part.includes('this browser'));
  const ended = await post(first, SESSIONS, { decision: 'revoke', id: /value="(ses_[0-9a-f]+)"/.exec(other)[1] });
  assert.equal(ended.location, `${SESSIONS}?done=1`);
  const alive = [];
  for (const browser of [second, third]) if ((await page(browser, SESSIONS)).status === 200) alive.push(browser);
  assert.equal(alive.length, 1);
  assert.equal((await post(ada, SESSIONS, { decision: 'revoke', id: ids[0] })).status, 404, 'of others there are none');
  assert.equal((await post(first, SESSIONS, { decision: 'revoke-others' })).status, 303);
  assert.match((await page(alive[0], SESSIONS)).location, /^\/login/);
  const mine = await page(first, SESSIONS);
  assert.equal(mine.status, 200);
  assert.doesNotMatch(mine.text, /revoke-others/);
  assert.match((await first.follow(SESSIONS)).text, /this browser/);
  assert.equal((await post(first, SESSIONS, { decision: 'revoke', id: /value="(ses_[0-9a-f]+)"/.exec(mine.text)[1] })).status, 303, 'its own, too');
  assert.match((await page(first, SESSIONS)).location, /^\/login/);
});

test('the password is changed with the old one; the other sign-ins end, connected apps stay', async () => {
  const person = addPerson(server, { email: 'turning@example.com', org: 'turning' });
  const [here, there] = [await signedIn(server, person), await signedIn(server, person)];
  const connection = await connectWith(server, { ...seed, org: 'turning', email: person.email, password: person.password }, { browser: here, organizations: ['turning'] });
  const fresh = 'a fresh and good password';
  const wrong = await post(here, PASSWORD, { old_password: 'not the password', new_password: fresh });
  assert.equal(wrong.status, 403);
  assert.match(wrong.text, /id="old-problem"/);
  assert.ok(!wrong.text.includes(fresh) && !wrong.text.includes('not the password'));
  for (const new_password of ['short', '', 'x'.repeat(1025)]) {
    const unfit = await post(here, PASSWORD, { old_password: person.password, new_password });
    assert.equal(unfit.status, 400, new_password.slice(0, 10));
    assert.match(unfit.text, /id="new-problem"/);
  }
  assert.equal((await page(there, PASSWORD)).status, 200, 'nothing has changed so far');
  const changed = await post(here, PASSWORD, { old_password: person.password, new_password: fresh });
  assert.equal(changed.status, 303);
  assert.match((await page(here, changed.location)).text, /class="notice good" role="status"/);
  assert.match((await page(there, PASSWORD)).location, /^\/login/);
  assert.equal((await new Browser(server).signIn(person.email, person.password)).status, 403);
  assert.equal((await new Browser(server).signIn(person.email, fresh)).status, 303);
  assert.equal((await refresh(server, seed.web, connection.refresh_token)).status, 200, 'the app goes on');
});

test('guesses of the old password are counted, for whoever finds an open browser', async () => {
  const person = addPerson(server, { email: 'guessed@example.com' });
  const browser = await signedIn(server, person);
  let limited;
  for (let i = 0; i < 40 && !limited; i++) {
    const answer = await post(browser, PASSWORD, { old_password: `guess number ${i}`, new_password: 'another good password' });
    if (answer.status === 429) limited = answer;
    else assert.equal(answer.status, 403);
  }
  assert.ok(limited, 'never limited');
  assert.ok(Number(limited.headers.get('retry-after')) > 0);
  assert.equal((await post(browser, PASSWORD, { old_password: person.password, new_password: 'another good password' })).status, 429, 'nor the right one then');
});
