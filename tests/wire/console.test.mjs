// SPDX-License-Identifier: MIT
// What people do about their own account, without JavaScript: the developer console, sign-ins, the password.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Browser, hidden, startServer, tokenRequest } from '../lib/server.mjs';
import { addPerson, codeFor, connectWith, elsewhere, proxied, redeem, refresh, signedIn } from '../lib/oauth.mjs';

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

const failuresOf = async (browser, clientId) => {
  const answer = await page(browser, `${APPS}/${clientId}`);
  assert.equal(answer.status, 200);
  return answer.text.slice(answer.text.indexOf('id="failures"')).split('</section>')[0];
};

test('the last failures of an app are listed with what to do, for its developer alone', async () => {
  const { clientId, secret } = await registered(ada, { name: 'Failing' });
  assert.match(await failuresOf(ada, clientId), /Nothing has gone wrong lately/);
  for (let i = 0; i < 7; i++) await tokenRequest(server, { grant_type: 'authorization_code', code: 'bi_ac_x', client_id: clientId, client_secret: 'bi_cs_wrong' }, elsewhere());
  const shown = await failuresOf(ada, clientId);
  assert.equal(shown.match(/app\.auth_failed/g).length, 7);
  assert.match(shown, /The client secret was wrong/);
  assert.ok(!shown.includes('bi_cs_wrong') && !shown.includes(secret));
  const card = (await page(ada, APPS)).text.split('<section').find((part) => part.includes(clientId));
  assert.match(card, /Failures lately: 5\+</);
  const stranger = await signedIn(server, addPerson(server, { email: 'stranger@example.com' }));
  assert.ok(!(await page(stranger, APPS)).text.includes(clientId));
  assert.equal((await page(stranger, `${APPS}/${clientId}`)).status, 404);
  assert.equal((await page(new Browser(server), `${APPS}/${clientId}`)).status, 303);
});

const authorizeWith = (app, change) => `/api/auth/mcp/authorize?${new URLSearchParams(Object.entries({ client_id: app.clientId, redirect_uri: 'https://builder.example/callback', response_type: 'code', scope: 'org:read', state: 's', ...change }).filter(([, value]) => value !== undefined))}`;
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
// [what the app does, what its developer reads]
const authorizeMistakes = [
  ['a redirect URI that is not registered', { redirect_uri: 'https://builder.example/callback/' }, /register it exactly as sent.*<code dir="ltr">https:\/\/builder\.example\/callback\/<\/code>/],
  ['one with secrets in it', { redirect_uri: 'https://user:hidden@builder.example/other2?token=hidden#hidden' }, /<code dir="ltr">https:\/\/builder\.example\/other2\?…<\/code>/],
  ['no redirect URI', { redirect_uri: undefined }, /No redirect_uri was sent/],
  ['a scope that does not exist', { scope: 'org:read org:everything' }, /does not exist.*<code dir="ltr">org:everything<\/code>/],
  ['another response type', { response_type: 'token' }, /response_type must be code/],
  ['a request object', { request: 'x.y.z' }, /request and request_uri are not supported/],
  ['an unknown prompt', { prompt: 'often' }, /prompt takes none/],
  ['PKCE without S256', { code_challenge: challenge }, /code_challenge_method must be S256/],
  ['a method without a challenge', { code_challenge_method: 'S256' }, /This app has to use PKCE/],
  ['a malformed challenge', { code_challenge: 'short', code_challenge_method: 'S256' }, /The code_challenge is malformed/],
  ['another resource', { resource: 'https://other.example/' }, /The resource does not name this server/],
  ['a parameter that is too long', { nonce: 'n'.repeat(4097) }, /longer than 4096 bytes/],
];
test('what an app gets wrong at the authorize endpoint is on record, in words and with what to do', async () => {
  for (const [what, change, words] of authorizeMistakes) {
    const app = await registered(ada, { name: what });
    assert.equal((await new Browser(server).request(authorizeWith(app, change))).status, 400, what);
    const shown = await failuresOf(ada, app.clientId);
    assert.match(shown, words, what);
    assert.equal(shown.match(/authorize\.refused/g).length, 1, what);
    assert.ok(!shown.includes('hidden') && !shown.includes('127.0.0.1'), `${what}: neither secrets nor a visitor's address`);
  }
  const { clientId } = await registered(ada, { name: 'Switched off' });
  await post(ada, APPS, { decision: 'disable', client_id: clientId });
  assert.equal((await new Browser(server).request(authorizeWith({ clientId }))).status, 400);
  assert.match(await failuresOf(ada, clientId), /The app is disabled/);
});

test('no mistake is on record when an app only asks whether somebody is signed in', async () => {
  const app = await registered(ada, { name: 'Asking' });
  await ada.request(authorizeWith(app, { prompt: 'none' }));
  await new Browser(server).request(authorizeWith(app, { prompt: 'none' }));
  assert.match(await failuresOf(ada, app.clientId), /Nothing has gone wrong lately/);
});

test('what an app gets wrong at the token endpoint is on record with its reason', async () => {
  const person = { ...seed, browser: ada };
  const app = await registered(ada, { name: 'Exchanging' });
  const full = { clientId: app.clientId, clientSecret: app.secret, redirectUris: ['https://builder.example/callback'] };
  const other = await registered(ada, { name: 'Another' });
  const begin = () => codeFor(server, person, { app: full, browser: ada, pkce: true });
  const cases = [
    [{ client_secret: undefined }, /No client secret was sent/],
    [{ code: 'bi_ac_nothing' }, /The code is unknown/],
    [{ redirect_uri: 'https://builder.example/other' }, /differs from the one at the authorize endpoint.*<code dir="ltr">https:\/\/builder\.example\/callback<\/code>/],
    [{ code_verifier: undefined }, /No code_verifier was sent/],
    [{ code_verifier: 'short' }, /The code_verifier is malformed/],
    [{ code_verifier: 'v'.repeat(43) }, /does not belong to the code_challenge/],
    [{ resource: 'https://other.example/' }, null],
  ];
  for (const [change, words] of cases) {
    const answer = await redeem(server, await begin(), change, elsewhere());
    assert.notEqual(answer.status, 200);
    if (words) assert.match(await failuresOf(ada, app.clientId), words);
  }
  const foreign = await begin();
  await tokenRequest(server, { grant_type: 'authorization_code', code: foreign.code, redirect_uri: 'https://builder.example/callback', client_id: other.clientId, client_secret: other.secret });
  assert.match(await failuresOf(ada, other.clientId), /issued to another app/);
  const once = await begin();
  const tokens = await redeem(server, once);
  assert.equal(tokens.status, 200, tokens.text);
  await refresh(server, full, tokens.body.refresh_token, { scope: 'org:read projects:write' });
  assert.match(await failuresOf(ada, app.clientId), /asked for more than was granted/);
  await refresh(server, full, 'rt_nothing');
  assert.match(await failuresOf(ada, app.clientId), /The refresh token is unknown here/);
  await redeem(server, once);
  assert.match(await failuresOf(ada, app.clientId), /A code was sent a second time/);
  await refresh(server, full, tokens.body.refresh_token);
  assert.match(await failuresOf(ada, app.clientId), /The connection has been ended/);
  const spa = await registered(ada, { name: 'No secret here', type: 'spa' });
  await fails(spa.clientId, 'bi_cs_needless');
  assert.match(await failuresOf(ada, spa.clientId), /This app has no secret, but one was sent/);
  for (const secret of [app.secret]) {
    await post(ada, APPS, { decision: 'rotate', client_id: app.clientId });
    await post(ada, APPS, { decision: 'rotate', client_id: app.clientId });
    assert.equal((await fails(app.clientId, secret)).body.error, 'invalid_client');
  }
  const shown = await failuresOf(ada, app.clientId);
  assert.match(shown, /has been replaced and no longer works/);
  for (const secret of [app.secret, tokens.body.refresh_token, once.code, foreign.code]) assert.ok(!shown.includes(secret));
});

test('nobody floods the record from outside: so many of a kind a minute, and the last one says so', async () => {
  const app = await registered(ada, { name: 'Flooded' });
  for (let i = 0; i < 40; i++) await new Browser(server).request(authorizeWith(app, { redirect_uri: `https://evil.example/${i}` }), { headers: elsewhere() });
  for (let i = 0; i < 40; i++) await fails(app.clientId, 'bi_cs_wrong');
  await new Browser(server).request(authorizeWith(app, { scope: 'nothing' }));
  const events = server.run(['audit', '--app', app.clientId]).stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
  const of = (kind, reason) => events.filter((e) => e.kind === kind && e.detail.reason === reason);
  assert.equal(of('authorize.refused', 'redirect_unregistered').length, 10);
  assert.equal(of('authorize.refused', 'redirect_unregistered').at(-1).detail.more, 'left out for a minute');
  assert.equal(of('app.auth_failed', 'secret_wrong').length, 10);
  assert.equal(of('authorize.refused', 'scope_unknown').length, 1, 'another mistake is not lost for it');
  for (let i = 0; i < 20; i++) await new Browser(server).request(authorizeWith(app, {}));
  assert.equal(server.run(['audit', '--app', app.clientId, '--kind', 'authorize.shown']).stdout, '', 'who is not signed in leaves no trace of a visit');
});

test('a person registers so many apps and no more; the operator does not count', async () => {
  const own = await startServer({ settings: { apps_per_person_max: 2 } });
  try {
    const person = addPerson(own, { email: 'maker@example.com', org: 'makers' });
    const browser = await signedIn(own, person);
    const register = async (name, organization = '') => {
      const { csrf } = hidden((await browser.request(APPS)).text, APPS);
      return browser.request(APPS, { method: 'POST', form: { csrf, ...web, name, organization } });
    };
    const first = await register('One');
    assert.equal(first.status, 200);
    assert.equal((await register('Two', 'makers')).status, 200);
    const third = await register('Three');
    assert.equal(third.status, 409);
    assert.match(third.text, /as many apps as one person may/);
    assert.match(third.text, /value="Three"/, 'what was typed is kept');
    const { csrf } = hidden((await browser.request(APPS)).text, APPS);
    await browser.request(APPS, { method: 'POST', form: { csrf, decision: 'disable', client_id: clientIn(first.text) } });
    assert.equal((await register('Four')).status, 409, 'one that was just disabled still counts, for a day');
    own.cli(['app', 'add', '--name', 'Any', '--type', 'web', '--redirect-uri', 'https://a.example/']);
  } finally { await own.close(); }
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
