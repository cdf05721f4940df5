// SPDX-License-Identifier: MIT
// The pages as browsers see them: cookies, headers, forms, and where links may lead.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Browser, Server, hidden, startServer } from '../lib/server.mjs';
import { addPerson, authorizeUrl, connectWith, consentPage, decide, elsewhere, from, mintRaw, openConsent, organizations, proxied, query, raw, rawGet, signedIn } from '../lib/oauth.mjs';

let server, seed, ada, eve;

before(async () => {
  server = await startServer({ settings: { ...proxied, login_attempts_max: 4, login_window_s: 60 } });
  seed = server.seed();
  eve = addPerson(server, { email: 'eve@example.com', org: 'evecorp' });
  ada = await signedIn(server, seed);
});
after(() => server?.close());

const popup = ['/login', '/consent', '/complete', '/api/auth/mcp/authorize'];

// Every page there is, as [path, status]; the first four in one flow.
async function everyPage(browser) {
  const consent = await openConsent(browser, seed.web);
  const decided = await decide(browser, consent, { organizations: [seed.org] });
  const complete = await browser.request(decided.location);
  const shown = [['/api/auth/mcp/authorize', await browser.request(authorizeUrl(seed.web))], ['/consent', consent], ['/complete', complete]];
  for (const path of ['/login', '/', '/settings/connected-apps', `/projects/${seed.org}/${seed.project}`, '/demo-app/callback?code=x', '/consent?request=nonsense', '/projects/none/none']) shown.push([path.split('?')[0], await browser.request(path)]);
  return shown;
}

test('rule_063 rule_071 rule_086 rule_239 every page forbids frames, foreign sources, sniffing, referrers and caches', async () => {
  for (const [path, page] of await everyPage(ada)) {
    const csp = Object.fromEntries((page.headers.get('content-security-policy') ?? '').split(';').map((part) => { const [name, ...values] = part.trim().split(' '); return [name, values.join(' ')]; }));
    assert.equal(csp['default-src'], "'none'", path);
    assert.equal(csp['frame-ancestors'], "'none'", path);
    assert.equal(csp['base-uri'], "'none'", path);
    assert.equal(csp['script-src'], "'self'", path);
    assert.equal(csp['style-src'], "'self'", path);
    assert.equal(csp['form-action'], ['/consent', '/complete'].includes(path) && page.status === 200 ? undefined : "'self'", path);
    assert.equal(page.headers.get('x-frame-options'), 'DENY', path);
    assert.equal(page.headers.get('x-content-type-options'), 'nosniff', path);
    assert.equal(page.headers.get('referrer-policy'), 'no-referrer', path);
    assert.equal(page.headers.get('cache-control'), 'no-store', path);
    assert.equal(page.headers.get('cross-origin-resource-policy'), 'same-origin', path);
    assert.equal(page.headers.get('access-control-allow-origin'), null, path);
    for (const [, url] of page.text.matchAll(/\b(?:src|href|action)="([^"]*)"/g)) assert.ok(/^(\/(?!\/)|#|$)/.test(url) || url.startsWith(`${server.url}/`), `${path}: ${url}`);
    assert.doesNotMatch(page.text, /<script(?![^>]* src="\/)|\son[a-z]+=|style=/i, `${path}: nothing inline`);
  }
});

test('rule_239 R17 pages of the pop-up flow keep window.opener; all others cut it', async () => {
  for (const [path, page] of await everyPage(ada)) {
    if (page.status < 400) assert.equal(page.headers.get('cross-origin-opener-policy'), popup.includes(path) ? null : 'same-origin', path);
  }
  assert.equal((await new Browser(server).request('/language?code=en&next=%2Flogin')).headers.get('cross-origin-opener-policy'), null, 'a redirect of the flow cuts it too');
  const browser = new Browser(server);
  browser.headers = elsewhere();
  const page = await browser.request('/login');
  const refused = await browser.request('/login', { method: 'POST', form: { ...hidden(page.text), email: seed.email, password: 'wrong wrong wrong' } });
  assert.equal(refused.status, 403);
  assert.equal(refused.headers.get('cross-origin-opener-policy'), null, 'the sign-in page with an error is still in the pop-up');
});

test('rule_072 R40 on loopback cookies have plain names, HttpOnly and SameSite=Lax', async () => {
  const browser = new Browser(server);
  const page = await browser.request('/login');
  const form = page.headers.getSetCookie();
  assert.equal(form.length, 1);
  assert.match(form[0], /^bi18n_form=[\w-]{20,}; Path=\/; HttpOnly; SameSite=Lax$/);
  const answer = await browser.signIn(seed.email, seed.password);
  const session = answer.headers.getSetCookie();
  assert.equal(session.length, 1);
  assert.match(session[0], /^bi18n_session=bi_se_[0-9A-Za-z]{36}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
  const again = await browser.request('/login');
  assert.deepEqual(again.headers.getSetCookie(), [], 'the form secret stays');
});

test('rule_072 signing in makes a new session; the one before is over', async () => {
  const browser = await signedIn(server, seed);
  const before = browser.cookies.get('bi18n_session');
  await browser.signIn(seed.email, seed.password);
  assert.notEqual(browser.cookies.get('bi18n_session'), before);
  const stale = new Browser(server);
  stale.cookies.set('bi18n_session', before);
  assert.match((await stale.request('/settings/connected-apps')).location, /^\/login/);
  const planted = new Browser(server);
  planted.cookies.set('bi18n_session', 'bi_se_chosenByAnAttackerchosenByAnAttac');
  await planted.signIn(seed.email, seed.password);
  assert.notEqual(planted.cookies.get('bi18n_session'), 'bi_se_chosenByAnAttackerchosenByAnAttac');
});

test('rule_072 R40 behind https cookies are __Host- and Secure, through a trusted proxy', async () => {
  const other = new Server({ settings: { public_url: 'https://i18n.example.com', trusted_proxies: '127.0.0.1' } });
  try {
    await other.start();
    const people = other.seed();
    const browser = new Browser(other);
    const origin = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.5', origin: 'https://i18n.example.com' };
    const page = await browser.request('/login', { headers: origin });
    assert.match(page.headers.getSetCookie()[0], /^__Host-bi18n_form=[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
    const answer = await browser.request('/login', { method: 'POST', headers: origin, form: { ...hidden(page.text), email: people.email, password: people.password } });
    assert.equal(answer.status, 303, answer.text);
    assert.match(answer.headers.getSetCookie()[0], /^__Host-bi18n_session=bi_se_[0-9A-Za-z]{36}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+; Secure$/);
    assert.doesNotMatch(answer.headers.getSetCookie().join(), /Domain=/i);
    const plain = new Browser(other);
    plain.cookies.set('bi18n_session', browser.cookies.get('__Host-bi18n_session'));
    assert.match((await plain.request('/settings/connected-apps', { headers: origin })).location, /^\/login/, 'the plain name could come from a neighbour');
    assert.equal((await browser.request('/settings/connected-apps', { headers: origin })).status, 200);
    const back = await browser.request(authorizeUrl(people.web, { prompt: 'none' }), { headers: origin });
    assert.equal(query(back.location).get('iss'), 'https://i18n.example.com');
    const out = await browser.request('/logout', { method: 'POST', headers: origin, form: hidden((await browser.request('/', { headers: origin })).text, '/logout') });
    assert.match(out.headers.getSetCookie()[0], /^__Host-bi18n_session=; Path=\/; HttpOnly; SameSite=Lax; Max-Age=0; Secure$/);
  } finally {
    await other.close();
  }
});

test('signing out ends the session on the server, not only in the browser', async () => {
  const browser = await signedIn(server, seed);
  const cookie = browser.cookies.get('bi18n_session');
  const home = await browser.request('/');
  const out = await browser.request('/logout', { method: 'POST', form: hidden(home.text, '/logout') });
  assert.equal(out.status, 303);
  assert.equal(browser.cookies.has('bi18n_session'), false);
  const thief = new Browser(server);
  thief.cookies.set('bi18n_session', cookie);
  assert.match((await thief.request('/settings/connected-apps')).location, /^\/login/);
});

test('rule_131 a new password, or a disabled account, ends the sessions at the very next request', async () => {
  const person = addPerson(server, { email: 'moving@example.com' });
  const browser = await signedIn(server, person);
  assert.equal((await browser.request('/settings/connected-apps')).status, 200);
  server.cli(['user', 'passwd', '--email', person.email], { input: 'another good password\n' });
  assert.match((await browser.request('/settings/connected-apps')).location, /^\/login/);
  const again = await signedIn(server, { ...person, password: 'another good password' });
  server.cli(['user', 'disable', '--email', person.email]);
  assert.match((await again.request('/settings/connected-apps')).location, /^\/login/);
  assert.equal((await new Browser(server).signIn(person.email, 'another good password')).status, 403);
});

test('rule_075 rule_240 sign-in and language choice lead to our own pages only', async () => {
  const evil = ['https://evil.example/', '//evil.example/', '///evil.example', '/\\evil.example', '\\\\evil.example', '/\tevil', 'javascript:alert(1)', 'data:text/html,x', 'evil.example', '@evil.example', 'https:evil.example', '/%0d%0aLocation: https://evil.example', ' /x', '/x\r\nX: y', 'http://127.0.0.1@evil.example', `/${'a'.repeat(9000)}`, ''];
  for (const next of evil) {
    const browser = new Browser(server);
    const page = await browser.request(`/login?next=${encodeURIComponent(next).slice(0, 6000)}`);
    if (page.status === 200) {
      const field = hidden(page.text).next;
      assert.match(field, /^\/(?![/\\])/, `${next}: ${field}`);
      const posted = await browser.request('/login', { method: 'POST', form: { ...hidden(page.text), next, email: seed.email, password: seed.password } });
      if (posted.status === 303) assert.equal(new URL(posted.location, server.url).origin, server.url, next.slice(0, 80));
      else assert.ok(posted.status >= 400, `${posted.status}`);
    }
    const language = await rawGet(server, `/language?code=de&next=${encodeURIComponent(next).slice(0, 6000)}`);
    if (language.status === 303) assert.equal(new URL(language.headers.location[0], server.url).origin, server.url, next.slice(0, 80));
  }
});

test('rule_240 no parameter of any page leads away', async () => {
  const names = ['next', 'continue', 'return', 'return_to', 'returnTo', 'return_url', 'redirect', 'redirect_uri', 'redirect_to', 'redirectUrl', 'url', 'uri', 'target', 'dest', 'goto', 'callback', 'callbackURL', 'RelayState', 'post_logout_redirect_uri'];
  const evil = names.map((name) => `${name}=${encodeURIComponent('https://evil.example/')}`).join('&');
  for (const path of ['/', '/login', '/language', '/consent', '/complete', '/settings/connected-apps', `/projects/${seed.org}/${seed.project}`, '/demo-app/callback', '/api/auth/mcp/authorize', '/nowhere', '/health']) {
    for (const browser of [new Browser(server), ada]) {
      const answer = await browser.request(`${path}?${evil}`);
      if (answer.location !== null) assert.equal(new URL(answer.location, server.url).origin, server.url, `${path}: ${answer.location}`);
      assert.doesNotMatch(answer.text, /(?:href|action|src)="https?:\/\/evil/, path);
    }
  }
  for (const target of ['//evil.example/', '/\\evil.example/', '//evil.example/%2e%2e', '/.evil.example', '/%2f%2fevil.example/']) {
    const answer = await rawGet(server, target);
    if (answer.headers.location) assert.equal(new URL(answer.headers.location[0], server.url).origin, server.url, target);
  }
});

test('rule_064 every form refuses a post without the mark, a foreign origin and a foreign site', async () => {
  const browser = await signedIn(server, seed);
  const connection = await connectWith(server, seed, { browser });
  const token = (await mintRaw(server, connection)).body.installation_token;
  const page = await browser.request('/settings/connected-apps');
  const good = hidden(page.text, '/settings/connected-apps');
  const forms = [['/login', { email: seed.email, password: seed.password }], ['/logout', {}], ['/consent', { request: 'x', decision: 'approve' }], ['/complete', { request: 'x' }], ['/settings/connected-apps', { grant_id: connection.grant_id, decision: 'revoke' }]];
  for (const [path, fields] of forms) {
    for (const [label, form, headers] of [['no mark', fields, {}], ['wrong mark', { ...fields, csrf: 'x' }, {}], ['foreign origin', { ...fields, csrf: good.csrf }, { origin: 'https://evil.example' }], ['null origin from elsewhere', { ...fields, csrf: good.csrf }, { origin: 'null', 'sec-fetch-site': 'cross-site' }], ['foreign site', { ...fields, csrf: good.csrf }, { 'sec-fetch-site': 'cross-site' }]]) {
      const answer = await browser.request(path, { method: 'POST', form, headers });
      assert.equal(answer.status, 403, `${path} ${label}`);
      assert.deepEqual(answer.headers.getSetCookie().filter((line) => /session/.test(line)), [], `${path} ${label}`);
    }
  }
  assert.equal((await organizations(server, token)).status, 200, 'nothing was revoked');
  const own = await browser.request('/settings/connected-apps', { method: 'POST', form: { ...good, grant_id: 'grt_nothing', decision: 'revoke' }, headers: { origin: 'null', 'sec-fetch-site': 'same-origin' } });
  assert.equal(own.status, 404, 'what browsers send with our own forms, which carry no referrer');
  const thief = await signedIn(server, eve);
  const marked = hidden((await thief.request('/')).text, '/logout');
  assert.equal((await browser.request('/logout', { method: 'POST', form: marked })).status, 403, 'a mark is bound to browser and session');
  const anonymous = new Browser(server);
  await anonymous.request('/login');
  assert.equal((await anonymous.request('/logout', { method: 'POST', form: good })).status, 403);
});

test('rule_064 forms are urlencoded; other bodies, GET and oversized ones do nothing', async () => {
  const browser = await signedIn(server, seed);
  const page = await browser.request('/settings/connected-apps');
  for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencodedx']) {
    const answer = await browser.request('/logout', { method: 'POST', form: hidden(page.text, '/logout'), headers: { 'content-type': type } });
    assert.equal(answer.status, 415, type);
  }
  assert.equal((await browser.request('/logout')).status, 405);
  assert.equal((await browser.request('/settings/connected-apps', { method: 'POST', form: { ...hidden(page.text, '/logout'), x: 'a'.repeat(70_000) } })).status, 413);
  assert.equal((await browser.request('/settings/connected-apps')).status, 200, 'still signed in');
  for (const body of ['csrf=%', 'csrf=%zz', 'csrf=a%00b', `${'a=b&'.repeat(3000)}`]) {
    const answer = await raw(server, `POST /login HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    assert.ok([400, 403].includes(answer.status), `${body.slice(0, 20)}: ${answer.status}`);
    assert.match(answer.headers['content-type'][0], /^text\/html/);
  }
});

test('rule_075 a wrong password and an unknown address look the same', async () => {
  const texts = [];
  for (const email of [seed.email, 'nobody@example.com', 'not an address', '<b>@example.com']) {
    const browser = new Browser(server);
    browser.headers = elsewhere();
    const page = await browser.request('/login');
    const answer = await browser.request('/login', { method: 'POST', form: { ...hidden(page.text), email, password: 'this is not it at all' } });
    assert.equal(answer.status, 403, email);
    assert.deepEqual(answer.headers.getSetCookie(), [], email);
    texts.push(answer.text.replace(/name="csrf" value="[^"]*"/g, '').replace(/name="email"[^>]*>/, '').replace(/\d+/g, ''));
    assert.doesNotMatch(answer.text, /this is not it at all/, 'the password is not shown again');
    assert.doesNotMatch(answer.text, /<b>@/, 'what was typed is text');
  }
  assert.equal(new Set(texts).size, 1);
});

test('rule_075 guessing is limited by address: 429 with the time to wait, and nobody else is locked out', async () => {
  const victim = addPerson(server, { email: 'victim@example.com' });
  const attempt = async (headers, password, email = victim.email) => {
    const browser = new Browser(server);
    browser.headers = headers;
    const page = await browser.request('/login');
    return browser.request('/login', { method: 'POST', form: { ...hidden(page.text), email, password } });
  };
  const attacker = from('198.18.7.7');
  for (let i = 0; i < 4; i++) assert.equal((await attempt(attacker, 'guess number ' + i)).status, 403);
  const limited = await attempt(attacker, victim.password);
  assert.equal(limited.status, 429, 'the right password too');
  assert.match(limited.text, /role="alert"/);
  const other = await attempt(attacker, seed.password, seed.email);
  assert.equal(other.status, 429, 'whoever it tries');
  assert.equal((await attempt(from('198.19.1.1'), victim.password)).status, 303, 'from elsewhere the person signs in');
});

test('rule_075 one account is not tried from many addresses of a network', async () => {
  const victim = addPerson(server, { email: 'target@example.com' });
  const attempt = async (address, password) => {
    const browser = new Browser(server);
    browser.headers = from(address);
    const page = await browser.request('/login');
    return browser.request('/login', { method: 'POST', form: { ...hidden(page.text), email: victim.email, password } });
  };
  for (let i = 0; i < 4; i++) assert.equal((await attempt(`198.51.100.${10 + i}`, 'guess number ' + i)).status, 403);
  assert.equal((await attempt('198.51.100.99', victim.password)).status, 429);
});

test('rule_147 connected apps: what each may do, and ending one connection or all', async () => {
  const app = server.cli(['app', 'add', '--name', 'Listed <App>', '--type', 'web', '--redirect-uri', 'https://listed.example/cb']);
  server.cli(['org', 'add', '--slug', 'third', '--name', 'Third Ltd', '--owner', seed.email]);
  const connection = await connectWith(server, seed, { app, scope: 'org:read keys:read', organizations: ['acme', 'third'], browser: ada });
  const [first, second] = connection.grants;
  const token = (await mintRaw(server, connection, undefined)).body.installation_token;
  assert.equal((await organizations(server, token)).status, 200);
  const page = await ada.request('/settings/connected-apps');
  assert.equal(page.status, 200);
  assert.match(page.text, /Listed &lt;App&gt;/);
  for (const text of ['Acme Corp', 'Third Ltd', '<code>org:read</code>', '<code>keys:read</code>']) assert.ok(page.text.includes(text), text);
  const form = (id) => ({ ...hidden(page.text, '/settings/connected-apps'), grant_id: id, decision: 'revoke' });
  assert.ok(page.text.includes(`name="grant_id" value="${first.grant_id}"`));
  const stranger = await signedIn(server, eve);
  const foreign = await stranger.request('/settings/connected-apps', { method: 'POST', form: { ...form(first.grant_id), csrf: hidden((await stranger.request('/')).text, '/logout').csrf } });
  assert.equal(foreign.status, 404, 'others\' connections do not exist');
  const done = await ada.request('/settings/connected-apps', { method: 'POST', form: form(first.grant_id) });
  assert.equal(done.status, 303);
  assert.equal((await organizations(server, token)).status, 410, 'the very next request');
  const after = await ada.request(done.location);
  assert.match(after.text, /role="status"/);
  assert.ok(!after.text.includes(`value="${first.grant_id}"`));
  assert.ok(after.text.includes(`value="${second.grant_id}"`), 'the other connection stays');
  const all = await ada.request('/settings/connected-apps', { method: 'POST', form: { csrf: form('').csrf, client_id: app.clientId, decision: 'revoke-app' } });
  assert.equal(all.status, 303);
  assert.doesNotMatch((await ada.request('/settings/connected-apps')).text, /Listed/);
  for (const wrong of [{ decision: 'revoke', grant_id: 'grt_nothing' }, { decision: 'what' }, {}]) assert.ok((await ada.request('/settings/connected-apps', { method: 'POST', form: { csrf: form('').csrf, ...wrong } })).status >= 400);
});

test('pages need a session, and go on where one wanted to go', async () => {
  const browser = new Browser(server);
  for (const path of ['/settings/connected-apps', `/projects/${seed.org}/${seed.project}?search=x%26y`, '/consent?request=abc']) {
    const answer = await browser.request(path);
    assert.equal(answer.status, 303, path);
    assert.equal(new URL(answer.location, server.url).searchParams.get('next'), path);
  }
});

test('a person sees the projects of their own organizations only', async () => {
  const stranger = await signedIn(server, eve);
  assert.equal((await stranger.request(`/projects/${seed.org}/${seed.project}`)).status, 404);
  const home = await stranger.request('/');
  assert.ok(home.text.includes('evecorp') && !home.text.includes('Acme'));
  const mine = await ada.request(`/projects/${seed.org}/${seed.project}`);
  assert.equal(mine.status, 200);
  const search = await ada.request(`/projects/${seed.org}/${seed.project}?search=${encodeURIComponent('"><script>')}`);
  assert.equal(search.status, 200);
  assert.doesNotMatch(search.text, /"><script>/);
});

test('rule_229 a cookie that is nonsense is no sign-in and no error', async () => {
  for (const cookie of ['bi18n_session=', 'bi18n_session=x', 'bi18n_session=bi_se_', `bi18n_session=${'a'.repeat(4000)}`, 'bi18n_session="quoted"', '=;;==; bi18n_session', 'bi18n_form=x; bi18n_language=xx', `bi18n_session=${ada.cookies.get('bi18n_session')}; bi18n_session=other`]) {
    const answer = await rawGet(server, '/settings/connected-apps', [`Cookie: ${cookie}`]);
    assert.equal(answer.status, 303, cookie.slice(0, 40));
  }
});

test('rule_076 the pages in five languages, by choice, browser or cookie', async () => {
  for (const code of ['en', 'de', 'tr', 'ja', 'ar']) {
    const browser = new Browser(server);
    const page = await browser.request('/login', { headers: { 'accept-language': `${code}-XX, en;q=0.5` } });
    assert.match(page.text, new RegExp(`<html lang="${code}" dir="${code === 'ar' ? 'rtl' : 'ltr'}"`));
    assert.equal(page.headers.get('content-language'), code);
    assert.match(page.headers.get('vary'), /Accept-Language/i);
    const chosen = await browser.request(`/language?code=${code}&next=%2Flogin`);
    assert.equal(chosen.status, 303);
    assert.equal(chosen.location, '/login');
    assert.match((await browser.request('/login')).text, new RegExp(`<html lang="${code}"`));
  }
  assert.deepEqual((await new Browser(server).request('/language?code=xx&next=/')).headers.getSetCookie(), []);
});

test('rule_241 the demo callback shows what it was sent as text', async () => {
  const page = await ada.request(`/demo-app/callback?${new URLSearchParams({ code: '<script>alert(1)</script>', state: '"><img src=x>', error: 'x', error_description: '{{=csrf}}<b>' })}`);
  assert.equal(page.status, 200);
  assert.doesNotMatch(page.text, /<script>alert|<img|<b>/);
});

test('an error page is HTML with a way back, in the visitor\'s language', async () => {
  const answer = await new Browser(server).request('/consent?request=%ff', { headers: { 'accept-language': 'de' } });
  assert.ok([400, 303].includes(answer.status));
  const missing = await ada.request('/projects/none/none', { headers: { 'accept-language': 'de' } });
  assert.equal(missing.status, 404);
  assert.match(missing.text, /<html lang="de"/);
  assert.match(missing.text, /<a href="\/">/);
  const asset = await new Browser(server).request('/assets/x/nothing.css');
  assert.equal(asset.status, 404);
});

test('the forms of the consent page post to us alone', async () => {
  const native = await openConsent(ada, seed.native, { code_challenge: 'a'.repeat(43), code_challenge_method: 'S256' });
  assert.ok(consentPage(native.text).hidden.csrf);
  const actions = [...native.text.matchAll(/\b(?:form)?action="([^"]*)"/g)].map(([, action]) => action);
  assert.ok(actions.includes('/consent'));
  for (const action of actions) assert.match(action, /^\/(?!\/)/, 'no policy stands behind the template here');
});
