// SPDX-License-Identifier: MIT
// The authorization endpoint and the consent behind it: whom we send people to, with what, and what they must have
// said before.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Browser, hidden, pkce, startServer, unescapeHtml } from '../lib/server.mjs';
import { addPerson, alterStore, authorizeUrl, codeFor, connectWith, consentPage, control, decide, destructive, mintRaw, openConsent, proxied, query, rawGet, redeem, scopeNames, signedIn, storeOnly } from '../lib/oauth.mjs';

const S256 = pkce();
let server, seed, anonymous, ada, limited, queryApp, spa, editor;

const loopback = (app, uri) => ({ ...app, redirectUris: [uri] });
const withPkce = { code_challenge: S256.challenge, code_challenge_method: 'S256' };

before(async () => {
  server = await startServer({ settings: proxied });
  seed = server.seed();
  anonymous = new Browser(server);
  ada = await signedIn(server, seed);
  queryApp = server.cli(['app', 'add', '--name', 'Query App', '--type', 'web', '--redirect-uri', 'https://partner.example/cb?tenant=7&x=']);
  limited = server.cli(['app', 'add', '--name', 'Reader', '--type', 'web', '--redirect-uri', 'https://reader.example/cb', '--scope', 'org:read,keys:read']);
  spa = server.cli(['app', 'add', '--name', 'Single Page', '--type', 'spa', '--redirect-uri', 'https://spa.example/cb', '--redirect-uri', 'http://localhost:3000/cb']);
  editor = server.cli(['app', 'add', '--name', 'Editor', '--type', 'native', '--redirect-uri', 'http://127.0.0.1/callback', '--redirect-uri', 'http://[::1]/callback', '--redirect-uri', 'http://localhost/callback?v=1', '--redirect-uri', 'com.example.editor:/back']);
});
after(() => server?.close());

const ask = (params, { browser = anonymous, app = seed.web } = {}) => browser.request(authorizeUrl(app, params));

function assertLocalError(answer, label) {
  assert.equal(answer.status, 400, `${label}: ${answer.status} ${answer.location}`);
  assert.equal(answer.location, null, label);
  assert.match(answer.headers.get('content-type'), /^text\/html/, label);
  assert.match(answer.text, /role="alert"/, label);
  assert.doesNotMatch(answer.text, /<meta[^>]+http-equiv="refresh"/i, label);
}

function assertErrorRedirect(answer, error, label = error) {
  assert.equal(answer.status, 303, `${label}: ${answer.status} ${answer.text.slice(0, 600)}`);
  const location = new URL(answer.location);
  assert.equal(location.origin + location.pathname, 'https://partner.example/callback', label);
  assert.equal(location.searchParams.get('error'), error, label);
  assert.equal(location.searchParams.get('iss'), server.url, label);
  assert.equal(location.searchParams.get('code'), null, label);
  assert.equal(location.hash, '');
  return location.searchParams;
}

test('rule_035 rule_055 an unknown app or redirect URI is an error of our own, never a redirect', async () => {
  const bad = [
    ['no client_id', { client_id: null }], ['empty client_id', { client_id: '' }], ['unknown client_id', { client_id: 'app_000000000000000000000' }],
    ['long client_id', { client_id: 'a'.repeat(4097) }], ['no redirect_uri', { redirect_uri: null }], ['empty redirect_uri', { redirect_uri: '' }],
    ['foreign redirect_uri', { redirect_uri: 'https://evil.example/callback' }], ['another app\'s redirect_uri', { redirect_uri: limited.redirectUris[0] }],
  ];
  for (const [label, params] of bad) {
    for (const browser of [anonymous, ada]) {
      for (const more of [{}, { prompt: 'none' }, { response_type: 'token' }, { scope: 'nonsense' }, { code_challenge_method: 'plain', code_challenge: 'x' }]) assertLocalError(await ask({ ...params, ...more }, { browser }), `${label} ${JSON.stringify(more)}`);
    }
  }
});

test('rule_036 rule_254 a redirect URI matches byte for byte', async () => {
  const variants = [
    'https://partner.example/callback/', 'https://partner.example/Callback', 'https://partner.example/callback?', 'https://partner.example/callback?x=1', 'https://partner.example/callback#', 'https://partner.example/callback#x',
    'HTTPS://partner.example/callback', 'https://PARTNER.example/callback', 'https://partner.example:443/callback', 'https://partner.example./callback', 'http://partner.example/callback',
    'https://partner.example//callback', 'https://partner.example/./callback', 'https://partner.example/a/../callback', 'https://partner.example/%2e/callback', 'https://partner.example/%63allback', 'https://partner.example/callback%20', 'https://partner.example/callback%00',
    'https://user@partner.example/callback', 'https://partner.example@evil.example/callback', 'https://partner.example:pw@evil.example/callback', 'https://partner.example.evil.example/callback', 'https://evil.example/https://partner.example/callback',
    'https:\\\\partner.example\\callback', 'https://partner.example\\@evil.example/callback', 'https:/partner.example/callback', '//partner.example/callback', 'partner.example/callback', '/callback',
    ' https://partner.example/callback', 'https://partner.example/callback ', 'https://partner.example/call\tback', 'https://partner.example/callback\n', 'https://partner.example/callback\r\nX-Evil: 1', 'https://pаrtner.example/callback', 'https://xn--prtner-4ve.example/callback',
    'https://partner.example/callback;x', 'https://partner.example/callbackx', 'https://partner.example/callbac', 'https://partner.example', 'javascript:alert(1)', 'data:text/html,x', 'com.example.app:/callback', '*', 'https://*.example/callback', 'x'.repeat(4000),
  ];
  for (const uri of variants) assertLocalError(await ask({ redirect_uri: uri }), JSON.stringify(uri));
  assert.equal((await ask({})).status, 303, 'the registered one');
});

test('rule_037 a native app\'s loopback redirect may have any port, and nothing else may differ', async () => {
  const go = (uri) => ask({ redirect_uri: uri, ...withPkce }, { app: editor });
  for (const uri of ['http://127.0.0.1/callback', 'http://127.0.0.1:1/callback', 'http://127.0.0.1:8990/callback', 'http://127.0.0.1:65535/callback', 'http://[::1]:4711/callback', 'http://localhost:8989/callback?v=1', 'com.example.editor:/back']) assert.equal((await go(uri)).status, 303, uri);
  for (const uri of ['http://127.0.0.1:0/callback', 'http://127.0.0.1:65536/callback', 'http://127.0.0.1:08989/callback', 'http://127.0.0.1:/callback', 'http://127.0.0.1:x/callback', 'https://127.0.0.1:8990/callback', 'http://127.0.0.1:8990/callback/', 'http://127.0.0.1:8990/callback?v=1', 'http://localhost:8989/callback', 'http://localhost:8989/callback?v=2', 'http://127.0.0.1:8990/Callback', 'com.example.editor://back', 'com.example.editor:/back/', 'com.example.editor:back']) assertLocalError(await go(uri), uri);
});

test('rule_037 rule_258 other apps must name the port they registered', async () => {
  assert.equal((await ask({ redirect_uri: 'http://localhost:3000/cb', ...withPkce }, { app: spa })).status, 303);
  for (const uri of ['http://localhost:3001/cb', 'http://localhost/cb', 'http://127.0.0.1:3000/cb']) assertLocalError(await ask({ redirect_uri: uri, ...withPkce }, { app: spa }), uri);
});

test('rule_037 E-8 a web app under development may be set to match any loopback port', async () => {
  const app = server.cli(['app', 'add', '--name', 'Developing', '--type', 'web', '--redirect-uri', 'http://localhost:3000/cb', '--redirect-uri', 'https://dev.example/cb', '--dev-loopback']);
  for (const uri of ['http://localhost:3000/cb', 'http://localhost:5173/cb', 'https://dev.example/cb']) assert.equal((await ask({ redirect_uri: uri }, { app })).status, 303, uri);
  for (const uri of ['http://127.0.0.1:5173/cb', 'https://dev.example:444/cb', 'http://localhost:5173/other']) assertLocalError(await ask({ redirect_uri: uri }, { app }), uri);
});

test('rule_038 loopback names do not match each other, and look-alikes are not loopback', async () => {
  for (const uri of ['http://localhost:8989/callback', 'http://127.0.0.1:8989/callback?v=1', 'http://localhost.evil.example/callback?v=1', 'http://127.0.0.1.nip.io/callback', 'http://[::ffff:127.0.0.1]/callback', 'http://0.0.0.0/callback', 'http://127.1/callback', 'http://2130706433/callback', 'http://0x7f.0.0.1/callback', 'http://127.0.0.2/callback', 'http://[::]/callback', 'http://[0:0:0:0:0:0:0:1]/callback', 'http://localhost./callback?v=1', 'http://LOCALHOST/callback?v=1', 'http://[::1%25eth0]/callback']) assertLocalError(await ask({ redirect_uri: uri, ...withPkce }, { app: editor }), uri);
});

test('rule_039 rule_255 registration refuses what no one may be sent to', async () => {
  const refused = [
    ['web', 'http://partner.example/cb'], ['web', 'javascript:alert(1)'], ['native', 'javascript:alert(1)'], ['native', 'JavaScript:alert(1)'], ['native', 'java\tscript:alert(1)'], ['native', 'data:text/html,x'], ['native', 'vbscript:x'], ['native', 'file:///etc/passwd'], ['native', 'blob:https://x/y'], ['native', 'about:blank'], ['native', 'intent:/x'], ['native', 'ms-settings:/x'],
    ['web', 'com.example.app:/cb'], ['spa', 'com.example.app:/cb'], ['native', 'myapp:/cb'], ['native', 'com.example.app:cb'], ['native', 'http://partner.example/cb'], ['web', 'https://partner.example/cb#x'], ['web', 'https://user:pw@partner.example/cb'], ['web', 'https://partner.example/a/../cb'], ['web', 'https://partner.example/cb\nx'], ['web', 'https://partner.example/c b'], ['web', 'https://Partner.example/cb'], ['web', 'https://partner.example\\cb'], ['web', 'https:///cb'], ['web', 'https://'], ['web', ''], ['web', 'ftp://partner.example/cb'], ['web', 'https://*.example/cb'], ['web', `https://partner.example/${'a'.repeat(2049)}`], ['web', 'https://[::1]:99999/cb'], ['web', 'https://partner.example/cb?code=x'], ['web', 'https://partner.example/cb?a=b&%73tate=x'], ['native', 'http://localhost/cb?iss=x'],
  ];
  const count = (await control(server, 'app.list')).apps.length;
  for (const [type, uri] of refused) {
    const done = server.run(['app', 'add', '--name', 'Bad', '--type', type, '--redirect-uri', uri, '--json']);
    assert.ok(done.status === 1 || done.status === 2, `${type} ${JSON.stringify(uri)}: ${done.status} ${done.stdout}`);
  }
  assert.equal((await control(server, 'app.list')).apps.length, count, 'nothing was registered');
  for (const name of ['A\u202eB', 'A\u200bB', ' A', 'A\nB', '']) assert.notEqual(server.run(['app', 'add', '--name', name, '--type', 'web', '--redirect-uri', 'https://a.example/cb', '--json']).status, 0, JSON.stringify(name));
});

test('rule_040 a redirect URI with a comma is one URI', async () => {
  const app = server.cli(['app', 'add', '--name', 'Comma', '--type', 'web', '--redirect-uri', 'https://a.example/cb,https://b.example/cb']);
  assert.deepEqual(app.redirectUris, ['https://a.example/cb,https://b.example/cb']);
  assertLocalError(await ask({ redirect_uri: 'https://a.example/cb' }, { app }), 'first part');
  assertLocalError(await ask({ redirect_uri: 'https://b.example/cb' }, { app }), 'second part');
});

test('rule_041 redirect_uri is needed although only one is registered', async () => {
  assertLocalError(await ask({ redirect_uri: null }), 'omitted');
});

test('rule_042 rule_047 a wrong request goes back to the app with error, state and issuer', async () => {
  const rows = [
    ['invalid_request', { response_type: null }], ['invalid_request', { response_type: '' }], ['unsupported_response_type', { response_type: 'token' }], ['unsupported_response_type', { response_type: 'code token' }], ['unsupported_response_type', { response_type: 'id_token' }], ['unsupported_response_type', { response_type: 'CODE' }],
    ['invalid_request', { response_mode: 'fragment' }], ['invalid_request', { response_mode: 'form_post' }], ['request_not_supported', { request: 'eyJ' }], ['request_uri_not_supported', { request_uri: 'https://evil.example/r' }],
    ['invalid_request', { prompt: 'none login' }], ['invalid_request', { prompt: 'sometimes' }], ['invalid_scope', { scope: 'nonsense' }], ['invalid_target', { resource: 'https://evil.example/' }],
  ];
  for (const [error, params] of rows) {
    for (const browser of [anonymous, ada]) {
      const sent = assertErrorRedirect(await ask({ ...params, state: 'a b&c=d' }, { browser }), error, JSON.stringify(params));
      assert.equal(sent.get('state'), 'a b&c=d');
      assert.match(sent.get('error_description') ?? '', /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
    }
  }
  assert.equal(assertErrorRedirect(await ask({ response_type: 'token', state: null }), 'unsupported_response_type').get('state'), null);
});

test('rule_069 rule_101 authorization_details are refused: no type of them is offered, and none is dropped silently', async () => {
  const details = ['[{"type":"bi18n_projects","identifier":"acme/web"}]', '[]', '{}', '{', 'x', '[{}]', 'a'.repeat(5000)];
  for (const authorization_details of details) {
    for (const browser of [anonymous, ada]) assertErrorRedirect(await ask({ authorization_details }, { browser }), 'invalid_authorization_details', authorization_details.slice(0, 30));
  }
  assertErrorRedirect(await ask({ authorization_details: details[0], prompt: 'none' }), 'invalid_authorization_details');
  assertLocalError(await ask({ authorization_details: details[0], redirect_uri: 'https://evil.example/' }), 'rule_035: the redirect URI first');
  assertLocalError(await ask({ authorization_details: ['[]', '[]'] }), 'twice');
  assert.match((await ask({ authorization_details: '' })).location, /^\/login\?/, 'empty is omitted');
});

test('rule_043 R25 a parameter that is sent twice is refused, with the same value too', async () => {
  for (const name of ['client_id', 'redirect_uri', 'response_type', 'scope', 'state', 'code_challenge', 'code_challenge_method', 'prompt', 'nonce', 'login_hint', 'ui_locales', 'response_mode']) {
    const values = { client_id: seed.web.clientId, redirect_uri: seed.redirect, response_type: 'code', scope: 'org:read', state: 's', ...withPkce, prompt: 'consent', nonce: 'n', login_hint: 'h', ui_locales: 'tr', response_mode: 'query' };
    for (const second of [values[name], 'https://evil.example/', '']) {
      const answer = await ask({ ...values, [name]: [values[name], second] }, { browser: ada });
      assertLocalError(answer, `${name} twice`);
    }
  }
});

test('rule_043 several resources may be named, unknown parameters do not matter, even twice (rule_044)', async () => {
  assert.equal((await ask({ resource: [server.url, `${server.url}/`] })).status, 303);
  const answer = await ask({ unknown: ['1', '2'], utm_source: 'x', audience: 'y', access_type: 'offline', claims: '{}', acr_values: '1', __proto__: 'x', '': 'x' });
  assert.equal(answer.status, 303);
  assert.match(answer.location, /^\/login\?next=/);
});

test('rule_045 state comes back byte for byte, and is absent when it was', async () => {
  const states = ['x', 'a+b c', '%', '%41', 'a&b=c#d?e', 'Zoë–日本\u{1f600}', '"<script>', '\\', 'a'.repeat(1024), 'b'.repeat(4096), '{"r":"/x?y=z"}', '\'', ';', 'a\tb', '   ', '\u202e', '0', 'null', '+%2B+'];
  for (const state of states) assert.equal(query((await ask({ prompt: 'none', state })).location).get('state'), state, JSON.stringify(state).slice(0, 60));
  const none = query((await ask({ prompt: 'none', state: null })).location);
  assert.equal(none.has('state'), false);
  assert.equal(none.get('error'), 'login_required');
});

test('rule_045 rule_046 rule_244 the code comes with state and issuer once each, beside the query that was registered', async () => {
  const state = 'a+b c%20&é"\\';
  const code = await codeFor(server, seed, { app: queryApp, state, browser: ada });
  assert.ok(code.location.startsWith('https://partner.example/cb?tenant=7&x=&code='), code.location);
  const url = new URL(code.location);
  for (const name of ['code', 'state', 'iss', 'tenant', 'x']) assert.equal(url.searchParams.getAll(name).length, 1, name);
  assert.equal(url.searchParams.get('state'), state);
  assert.equal(url.searchParams.get('iss'), server.url, 'by iss the app knows who answered');
  assert.equal(url.hash, '');
  assert.doesNotMatch(code.location, /[^\x21-\x7e]/);
  const plain = await codeFor(server, seed, { state: undefined, browser: ada, extra: { nonce: 'n' } });
  assert.deepEqual([...new URL(plain.location).searchParams.keys()].filter((name) => name !== 'state'), ['code', 'iss']);
});

test('rule_047 rule_230 nothing that is sent can break out of the Location header', async () => {
  for (const state of ['x\r\nSet-Cookie: a=b', 'x\nX: y', 'x\0y', '\r\n\r\n<html>', '\u0085', '\u2028']) {
    const answer = await rawGet(server, authorizeUrl(seed.web, { prompt: 'none', state }));
    if (answer.status === 400) continue;
    assert.equal(answer.status, 303);
    assert.deepEqual(Object.keys(answer.headers).filter((name) => name === 'x' || name === 'set-cookie'), []);
    assert.equal(query(answer.headers.location[0]).get('state'), state);
  }
});

test('rule_048 an empty scope is an omitted one: the default set; an unknown one is invalid_scope', async () => {
  const normal = scopeNames.filter((name) => !destructive.includes(name));
  for (const scope of [null, '', '   ', 'openid profile email offline_access']) {
    const page = await openConsent(ada, seed.web, { scope });
    assert.deepEqual(page.scopes.map((box) => box.value), normal, JSON.stringify(scope));
    assert.ok(page.scopes.every((box) => box.checked));
  }
  for (const scope of ['org:read unknown:scope', 'org:write', 'ORG:READ', 'org:read,keys:read', 'org', '*', 'admin']) assertErrorRedirect(await ask({ scope }), 'invalid_scope', scope);
});

test('rule_048 an app may not ask for more than it was registered for', async () => {
  const page = await openConsent(ada, limited, { scope: null });
  assert.deepEqual(page.scopes.map((box) => box.value), ['org:read', 'keys:read']);
  const answer = await ada.request(authorizeUrl(limited, { scope: 'org:read projects:write' }));
  assert.equal(answer.status, 303);
  assert.equal(query(answer.location).get('error'), 'invalid_scope');
});

test('rule_049 scope: doubles collapse, order does not matter, other characters are refused', async () => {
  const page = await openConsent(ada, seed.web, { scope: 'keys:read  org:read keys:read org:read' });
  assert.deepEqual(page.scopes.map((box) => box.value), ['org:read', 'keys:read']);
  for (const scope of ['org:read\tkeys:read', 'org:read\nkeys:read', 'org:read"', 'org:read\\', 'örg:read', 'org:read\u00a0keys:read', 'org:read\0']) {
    const answer = await ask({ scope });
    if (answer.status !== 400) assertErrorRedirect(answer, 'invalid_scope', JSON.stringify(scope));
  }
});

test('rule_050 the endpoint is for GET; a POST is 405 and starts nothing', async () => {
  const answer = await anonymous.request('/api/auth/mcp/authorize', { method: 'POST', form: { client_id: seed.web.clientId, redirect_uri: seed.redirect, response_type: 'code' } });
  assert.equal(answer.status, 405);
  assert.match(answer.headers.get('allow'), /GET/);
  assert.equal(answer.location, null);
  const head = await anonymous.request(authorizeUrl(seed.web), { method: 'HEAD' });
  assert.equal(head.text, '');
});

test('rule_051 E-49 no page elsewhere may call it: no CORS, no preflight', async () => {
  for (const options of [{ headers: { origin: 'https://partner.example' } }, { method: 'OPTIONS', headers: { origin: 'https://partner.example', 'access-control-request-method': 'GET' } }]) {
    const answer = await ada.request(authorizeUrl(seed.web), options);
    for (const [name] of answer.headers) assert.doesNotMatch(name, /^access-control-/, name);
  }
});

test('rule_053 rule_054 prompt=none never shows a page', async () => {
  const own = server.cli(['app', 'add', '--name', 'Silent', '--type', 'web', '--redirect-uri', 'https://partner.example/callback']);
  const silent = async (browser, params = {}) => query((await browser.request(authorizeUrl(own, { prompt: 'none', ...params }))).location);
  assert.equal((await silent(anonymous)).get('error'), 'login_required');
  assert.equal((await silent(ada)).get('error'), 'consent_required');
  const connection = await connectWith(server, seed, { app: own, scope: 'org:read keys:read', browser: ada });
  assert.equal((await silent(ada, { scope: 'org:read keys:read projects:read' })).get('error'), 'consent_required', 'more than was approved');
  assert.equal((await silent(ada, { scope: 'org:read' })).get('error'), 'consent_required', 'other than what was approved');
  const back = await silent(ada, { scope: 'org:read keys:read' });
  assert.match(back.get('code'), /^bi_ac_/);
  const answer = await redeem(server, { code: back.get('code'), app: own, redirect: own.redirectUris[0] });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.body.grant_id, connection.grant_id, 'R3: the same consent is the same grant');
  const stranger = await signedIn(server, addPerson(server, { email: 'other@example.com', org: 'otherorg' }));
  assert.equal((await silent(stranger, { scope: 'org:read keys:read' })).get('error'), 'consent_required');
});

test('rule_061 a consent is not remembered for another host to go back to, nor for who is no administrator any more', async () => {
  const app = server.cli(['app', 'add', '--name', 'Two Homes', '--type', 'web', '--redirect-uri', 'https://one.example/cb', '--redirect-uri', 'https://one.example/other', '--redirect-uri', 'https://two.example/cb']);
  const person = addPerson(server, { email: 'two.homes@example.com' });
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', person.email, '--role', 'admin']);
  const browser = await signedIn(server, person);
  const silent = async (redirect = app.redirectUris[0]) => query((await browser.request(authorizeUrl(app, { prompt: 'none', redirect_uri: redirect }))).location);
  await connectWith(server, { ...seed, ...person, org: seed.org }, { app, scope: 'org:read', browser });
  for (const same of app.redirectUris.slice(0, 2)) assert.match((await silent(same)).get('code'), /^bi_ac_/, same);
  assert.equal((await silent(app.redirectUris[2])).get('error'), 'consent_required');
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', person.email, '--role', 'member']);
  assert.equal((await silent()).get('error'), 'consent_required');
});

test('rule_054 prompt=consent shows the page although all was approved before', async () => {
  const page = await openConsent(ada, seed.web, { prompt: 'consent' });
  assert.equal(page.status, 200);
  assert.ok(page.hidden.request);
});

test('rule_054 prompt=login and select_account ask for the password again', async () => {
  for (const prompt of ['login', 'select_account', 'consent login']) {
    const browser = await signedIn(server, seed);
    const start = await browser.request(authorizeUrl(seed.web, { prompt }));
    assert.match(start.location, /^\/login\?next=/, prompt);
    const next = new URL(start.location, server.url).searchParams.get('next');
    const skipped = await browser.request(next);
    assert.equal(skipped.status, 303, 'going past the sign-in page leads back to it');
    assert.match(skipped.location, /^\/login\?next=/);
    const done = await browser.signIn(seed.email, seed.password, next);
    assert.equal(done.location, next);
    const page = await browser.request(next);
    assert.equal(page.status, 200);
    assert.ok(consentPage(page.text).hidden.request);
  }
});

test('rule_056 resource: this server in its spellings, nothing else', async () => {
  for (const resource of [server.url, `${server.url}/`, `${server.url}/api/oauth-client`, '', ['', server.url], ['', '']]) assert.match((await ask({ resource })).location, /^\/login\?/, `${resource}`);
  for (const resource of ['https://evil.example', `${server.url}/other`, `${server.url}#x`, `${server.url}/?x`, `${server.url}.evil.example`, server.url.toUpperCase(), '/', 'urn:x', ' ', `${server.url}/api/oauth-client-other`]) {
    assertErrorRedirect(await ask({ resource }), 'invalid_target', resource);
    assertErrorRedirect(await ask({ resource: [server.url, resource] }), 'invalid_target', resource);
  }
});

test('rule_057 ui_locales: sign-in and consent in the language that the app names', async () => {
  const fresh = new Browser(server);
  const login = await fresh.follow(authorizeUrl(seed.web, { ui_locales: 'tr', login_hint: seed.email }));
  assert.match(login.text, /<html lang="tr"/);
  const consent = await (await signedIn(server, seed)).follow(authorizeUrl(seed.web, { ui_locales: 'xx ar de' }));
  assert.match(consent.text, /<html lang="ar" dir="rtl"/);
});

test('rule_057 login_hint fills in the address', async () => {
  const login = await new Browser(server).follow(authorizeUrl(seed.web, { login_hint: 'x"><b>@example.com' }));
  assert.match(login.text, /name="email"[^>]*value="x&quot;&gt;&lt;b&gt;@example\.com"/);
});

test('rule_058 a changed or made-up request is not continued', async () => {
  const page = await openConsent(ada, seed.web);
  const { request } = page.hidden;
  assert.match(request, /^bi_ar_[0-9A-Za-z]{36}$/);
  const last = request.at(-1) === 'A' ? 'B' : 'A';
  for (const other of [request.slice(0, -1) + last, request.slice(0, -1), `${request}A`, 'x', request.replace('bi_ar_', 'bi_ac_'), request.toLowerCase()]) {
    const shown = await ada.request(`/consent?request=${encodeURIComponent(other)}`);
    assert.ok([400, 404].includes(shown.status), `${other}: ${shown.status}`);
    const posted = await decide(ada, page, { organizations: [seed.org], fields: { ...page.hidden, request: other } });
    assert.ok([400, 404].includes(posted.status), `${other}: ${posted.status}`);
    assert.equal(posted.location, null);
  }
});

test('rule_060 R26 a long address is 414, a long parameter invalid_request', async () => {
  assert.equal((await rawGet(server, authorizeUrl(seed.web, { state: 'a'.repeat(8192) }))).status, 414);
  for (const name of ['scope', 'nonce', 'prompt', 'ui_locales', 'login_hint', 'code_challenge', 'response_mode']) assertErrorRedirect(await ask({ [name]: 'a'.repeat(4097) }), 'invalid_request', name);
  const answer = await ask({ state: 'a'.repeat(4097) });
  assert.equal(assertErrorRedirect(answer, 'invalid_request').get('state'), null, 'what is refused for its length is not echoed');
});

test('rule_060 visits of one address are limited: a page that says when to try again, and nobody else waits', async () => {
  const own = await startServer({ settings: { ...proxied, authorize_per_minute_max: 3 } });
  try {
    const people = own.seed(), visitor = new Browser(own);
    const visit = (address) => visitor.request(authorizeUrl(people.web), { headers: { 'x-forwarded-for': address } });
    for (let i = 0; i < 3; i++) assert.equal((await visit('198.18.3.4')).status, 303);
    const limited = await visit('198.18.3.4');
    assert.equal(limited.status, 429);
    assert.match(limited.headers.get('content-type'), /^text\/html/);
    assert.match(limited.headers.get('retry-after'), /^[1-9]\d?$/);
    assert.match(limited.text, /role="alert"/);
    assert.equal((await visit('198.18.3.5')).status, 303);
  } finally {
    await own.close();
  }
});

test('rule_087 rule_088 rule_089 PKCE is needed of public apps, S256 of everybody', async () => {
  const native = (params) => ada.request(authorizeUrl(seed.native, params));
  const error = async (answer) => query((await answer).location).get('error');
  assert.equal(await error(native({})), 'invalid_request');
  for (const app of [seed.native, spa, seed.web]) {
    const go = (params) => error(ada.request(authorizeUrl(app, params)));
    for (const method of ['plain', undefined, 's256', 'S512', 'none', 'S256 ']) assert.equal(await go({ code_challenge: S256.challenge, code_challenge_method: method }), 'invalid_request', `${app.name} ${method}`);
    for (const challenge of [S256.challenge.slice(1), `${S256.challenge}A`, `${S256.challenge.slice(1)}=`, `${S256.challenge.slice(1)}+`, `${S256.challenge.slice(1)}.`, '~'.repeat(43), 'x']) assert.equal(await go({ code_challenge: challenge, code_challenge_method: 'S256' }), 'invalid_request', `${app.name} ${challenge}`);
    assert.equal(await go({ code_challenge_method: 'S256' }), 'invalid_request');
  }
  assert.equal((await ask({}, { browser: ada })).status, 303, 'R8: a confidential app may do without');
});

test('rule_118 a disabled app gets no page', async () => {
  const app = server.cli(['app', 'add', '--name', 'Gone', '--type', 'web', '--redirect-uri', 'https://gone.example/cb']);
  const page = await openConsent(ada, app);
  server.cli(['app', 'disable', app.clientId]);
  assertLocalError(await ada.request(authorizeUrl(app)), 'authorize');
  const posted = await decide(ada, page, { organizations: [seed.org] });
  assert.ok(posted.status >= 400 && posted.location === null, `${posted.status}`);
});

// Consent ------------------------------------------------------------------------------------------

test('rule_061 a public app is asked about each time, however often it was approved', async () => {
  await connectWith(server, seed, { app: seed.native, browser: ada });
  const page = await openConsent(ada, seed.native, { scope: 'org:read', ...withPkce });
  assert.ok(page.hidden.request, 'the page, no redirect');
  const silent = await ada.request(authorizeUrl(seed.native, { prompt: 'none', ...withPkce }));
  assert.equal(query(silent.location).get('error'), 'consent_required');
});

test('rule_062 the page names the app, where it leads, and what it asks for', async () => {
  const page = await openConsent(ada, seed.web, { scope: scopeNames.join(' ') });
  for (const text of ['Partner Web', 'partner.example', 'Acme Corp', 'acme', seed.email]) assert.ok(page.text.includes(text), text);
  for (const scope of scopeNames) assert.ok(page.text.includes(`<code>${scope}</code>`), scope);
  assert.deepEqual(page.organizations.map((box) => box.value), ['acme']);
  assert.deepEqual(page.projects.map((box) => box.value), ['acme/web']);
  assert.doesNotMatch(page.text, /class="notice"/, 'no loopback warning');
  const native = await openConsent(ada, seed.native, { ...withPkce });
  assert.match(native.text, /127\.0\.0\.1:8989/);
  assert.match(native.text, /class="notice"/, 'whoever listens on this computer gets the code');
});

test('rule_067 destructive scopes are offered unticked, with a warning; all can be unticked', async () => {
  const page = await openConsent(ada, seed.web, { scope: scopeNames.join(' ') });
  for (const box of page.scopes) {
    assert.equal(box.checked, !destructive.includes(box.value), box.value);
    assert.equal(/aria-describedby="warn-/.test(box.tag), destructive.includes(box.value), box.value);
    if (destructive.includes(box.value)) assert.ok(page.text.includes(`id="warn-${box.value}"`));
  }
});

test('rule_064 a consent without this browser\'s mark, or from elsewhere, grants nothing', async () => {
  const other = await signedIn(server, seed);
  const otherPage = await openConsent(other, seed.web);
  const page = await openConsent(ada, seed.web);
  const organizations = [seed.org];
  const attempts = [
    ['no mark', { fields: { request: page.hidden.request } }],
    ['empty mark', { fields: { ...page.hidden, csrf: '' } }],
    ['wrong mark', { fields: { ...page.hidden, csrf: `${page.hidden.csrf.slice(0, -1)}x` } }],
    ['another browser\'s mark', { fields: { ...page.hidden, csrf: otherPage.hidden.csrf } }],
    ['foreign origin', { headers: { origin: 'https://evil.example' } }],
    ['null origin from elsewhere', { headers: { origin: 'null', 'sec-fetch-site': 'cross-site' } }],
    ['other port', { headers: { origin: `http://127.0.0.1:${server.port + 1}` } }],
    ['cross-site', { headers: { 'sec-fetch-site': 'cross-site' } }],
    ['same-site', { headers: { 'sec-fetch-site': 'same-site' } }],
  ];
  for (const [label, options] of attempts) {
    const answer = await decide(ada, page, { organizations, ...options });
    assert.equal(answer.status, 403, label);
    assert.equal(answer.location, null, label);
  }
  const got = await ada.request(`/consent?${new URLSearchParams({ ...page.hidden, organization: seed.org, project_access: 'all', scope: 'org:read', decision: 'approve' })}`);
  assert.equal(got.status, 200, 'GET shows the page and approves nothing');
  assert.ok(consentPage(got.text).hidden.request);
  assert.equal((await decide(ada, page, { organizations })).status, 303, 'the page itself still works');
});

test('rule_252 nobody else\'s session can decide, nor finish', async () => {
  const page = await openConsent(ada, seed.web);
  const stranger = await signedIn(server, addPerson(server, { email: 'eve@example.com', org: 'evecorp' }));
  const own = await openConsent(stranger, seed.web);
  for (const [organizations, fields] of [[['evecorp'], { ...own.hidden, request: page.hidden.request }], [[seed.org], { ...own.hidden, request: page.hidden.request }]]) {
    const answer = await decide(stranger, own, { organizations, fields });
    assert.equal(answer.status, 403, 'rule_066: who began it approves it');
  }
  assert.equal((await stranger.request(`/consent?request=${page.hidden.request}`)).status, 403);
  const decided = await decide(ada, page, { organizations: [seed.org] });
  const complete = await stranger.request(decided.location);
  assert.equal(complete.status, 403);
  const finished = await stranger.request('/complete', { method: 'POST', form: { csrf: own.hidden.csrf, request: page.hidden.request } });
  assert.ok(finished.status >= 400 && finished.location === null, `${finished.status}`);
});

test('rule_065 what the pages carry is not redeemable', async () => {
  const page = await openConsent(ada, seed.web);
  const fake = (code) => redeem(server, { code, app: seed.web, redirect: seed.redirect });
  assert.equal((await fake(page.hidden.request)).body.error, 'invalid_grant');
  const decided = await decide(ada, page, { organizations: [seed.org] });
  assert.match(decided.location, /^\/complete\?request=/);
  assert.doesNotMatch(decided.location, /bi_ac_/);
  assert.equal((await fake(page.hidden.request)).body.error, 'invalid_grant');
  assert.equal((await fake(page.hidden.request.replace('bi_ar_', 'bi_ac_'))).body.error, 'invalid_grant');
  const complete = await ada.request(decided.location);
  assert.doesNotMatch(complete.text, /bi_ac_/, 'the code is made at the click');
});

test('rule_074 the link to the app works once; the code is made at the click', async () => {
  const page = await openConsent(ada, seed.web, { state: 'once' });
  const decided = await decide(ada, page, { organizations: [seed.org] });
  const complete = await ada.request(decided.location);
  const form = hidden(complete.text, '/complete');
  const first = await ada.request('/complete', { method: 'POST', form });
  assert.equal(first.status, 303);
  assert.match(query(first.location).get('code'), /^bi_ac_/);
  const second = await ada.request('/complete', { method: 'POST', form });
  assert.equal(second.status, 410);
  assert.equal(second.location, null);
  const reload = await ada.request(decided.location);
  assert.ok(reload.status >= 400, `${reload.status}`);
  assert.doesNotMatch(reload.text, /bi_ac_/);
});

test('rule_073 deny goes back with access_denied, state and issuer, and ends the request', async () => {
  const page = await openConsent(ada, seed.web, { state: 'no & never' });
  const answer = await decide(ada, page, { organizations: [], scopes: [], access: null, decision: 'deny' });
  const sent = assertErrorRedirect(answer, 'access_denied');
  assert.equal(sent.get('state'), 'no & never');
  const after = await decide(ada, page, { organizations: [seed.org] });
  assert.ok(after.status >= 400 && after.location === null, 'no change of mind');
});

test('rule_252 a second decision changes nothing', async () => {
  const page = await openConsent(ada, seed.web, { scope: 'org:read keys:read' });
  const first = await decide(ada, page, { organizations: [seed.org], scopes: ['org:read'] });
  assert.match(first.location, /^\/complete/);
  const second = await decide(ada, page, { organizations: [seed.org], scopes: ['org:read', 'keys:read'] });
  assert.ok(second.status >= 400 && second.location === null, `${second.status}`);
  const complete = await ada.request(first.location);
  const back = await ada.request('/complete', { method: 'POST', form: hidden(complete.text, '/complete') });
  const answer = await redeem(server, { code: query(back.location).get('code'), app: seed.web, redirect: seed.redirect });
  assert.equal(answer.body.scope, 'org:read');
});

test('rule_068 only organizations that the person may administer are offered and taken', async () => {
  const member = addPerson(server, { email: 'member@example.com' });
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', member.email, '--role', 'member']);
  const browser = await signedIn(server, member);
  const page = await openConsent(browser, seed.web);
  assert.deepEqual(page.organizations, []);
  const answer = await decide(browser, page, { organizations: [seed.org] });
  assert.equal(answer.status, 403);
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', member.email, '--role', 'admin']);
  assert.deepEqual((await openConsent(browser, seed.web)).organizations.map((box) => box.value), [seed.org]);
});

test('rule_068 who loses the role between consent and exchange grants nothing', async () => {
  const admin = addPerson(server, { email: 'admin@example.com' });
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', admin.email, '--role', 'admin']);
  const code = await codeFor(server, { ...seed, ...admin, org: seed.org }, { browser: await signedIn(server, admin) });
  server.cli(['org', 'member', 'remove', '--org', seed.org, '--email', admin.email]);
  const answer = await redeem(server, code);
  assert.equal(answer.status, 400, answer.text);
  assert.equal(answer.body.error, 'invalid_grant');
});

test('rule_252 scopes, projects and organizations beyond the page\'s offer are refused', async () => {
  server.cli(['project', 'add', 'evecorp/hers', '--source', 'en']);
  const page = await openConsent(ada, seed.web, { scope: 'org:read' });
  const attempts = [
    { scopes: ['org:read', 'translations:publish'] }, { scopes: ['nonsense'] }, { organizations: ['evecorp'] }, { organizations: [seed.org, 'evecorp'] }, { organizations: [seed.org, 'no-such'] },
  ];
  for (const attempt of attempts) {
    const answer = await decide(ada, page, { organizations: [seed.org], scopes: ['org:read'], ...attempt });
    assert.equal(answer.status, 403, JSON.stringify(attempt));
  }
  const foreign = await decide(ada, page, { organizations: [seed.org], access: 'selected', projects: ['evecorp/hers'] });
  assert.ok(foreign.status === 403 || /problem=/.test(foreign.location ?? ''), `${foreign.status} ${foreign.location}`);
});

test('R36 R18 an incomplete choice comes back to the page with what to put right', async () => {
  const page = await openConsent(ada, seed.web, { scope: 'org:read keys:read' });
  const rows = [
    ['organization', { organizations: [] }], ['scope', { scopes: [] }], ['project', { access: 'selected', projects: [] }], ['project', { access: null }],
  ];
  for (const [problem, choice] of rows) {
    const answer = await decide(ada, page, { organizations: [seed.org], ...choice });
    assert.equal(answer.status, 303, problem);
    assert.equal(new URL(answer.location, server.url).searchParams.get('problem'), problem);
    const again = await ada.request(answer.location);
    assert.equal(again.status, 200);
    assert.match(again.text, /role="alert"/);
  }
  for (const access of ['none', 'ALL', 'listed']) assert.ok((await decide(ada, page, { organizations: [seed.org], access })).status >= 400, access);
  for (const decision of ['', 'maybe', 'APPROVE']) assert.ok((await decide(ada, page, { organizations: [seed.org], decision })).status >= 400, decision);
  const twice = await ada.request('/consent', { method: 'POST', form: [...Object.entries(page.hidden), ['organization', seed.org], ['project_access', 'all'], ['scope', 'org:read'], ['decision', 'deny'], ['decision', 'approve']] });
  assert.ok(twice.status >= 400 && twice.location === null, 'R25: a single field twice');
});

test('rule_067 a project that was unticked stays so when the page comes back, and an address ticks none', async () => {
  const app = server.cli(['app', 'add', '--name', 'Forgetful', '--type', 'web', '--redirect-uri', 'https://forgetful.example/cb']);
  for (const slug of ['kept', 'dropped', 'never']) server.cli(['project', 'add', `acme/${slug}`, '--source', 'en']);
  await connectWith(server, seed, { app, scope: 'org:read', projects: ['acme/kept', 'acme/dropped'], browser: ada });
  const page = await openConsent(ada, app, { scope: 'org:read' });
  const ticked = (from) => from.projects.filter((box) => box.checked).map((box) => box.value).sort();
  assert.deepEqual(ticked(page), ['acme/dropped', 'acme/kept']);
  const back = await decide(ada, page, { organizations: ['acme'], access: 'selected', projects: ['acme/kept'], scopes: [] });
  assert.match(back.location, /problem=scope/);
  const again = consentPage((await ada.request(back.location)).text);
  assert.deepEqual(ticked(again), ['acme/kept']);
  assert.equal(again.access.find((box) => box.checked).value, 'selected');
  const made = consentPage((await ada.request(`${back.location}&project=acme%2Fnever`)).text);
  assert.deepEqual(ticked(made), ['acme/kept'], 'anyone can write an address');
});

test('rule_069 what was unticked is missing from the answer', async () => {
  const answer = await connectWith(server, seed, { scope: 'org:read keys:read projects:write', scopes: ['keys:read'], browser: ada });
  assert.equal(answer.scope, 'keys:read');
  assert.deepEqual(answer.grants[0].scopes, ['keys:read']);
  const minted = await mintRaw(server, answer);
  assert.deepEqual(minted.body.scopes, ['keys:read']);
});

test('rule_070 what an app calls itself is text, not markup', async () => {
  const name = '<img src=x onerror=alert(1)>"\'&amp; {{=csrf}} {{t common.product}} ü日本';
  const app = server.cli(['app', 'add', '--name', name, '--type', 'web', '--redirect-uri', 'https://markup.example/cb']);
  const page = await openConsent(ada, app);
  assert.doesNotMatch(page.text, /<img/);
  assert.ok(unescapeHtml(page.text).includes(name));
  const decided = await decide(ada, page, { organizations: [seed.org] });
  const complete = await ada.request(decided.location);
  assert.doesNotMatch(complete.text, /<img/);
  assert.ok(unescapeHtml(complete.text).includes(name));
});

test('R4 R18 seed_10 several organizations in one consent, each with its own projects', async () => {
  server.cli(['org', 'add', '--slug', 'second', '--name', 'Second Inc', '--owner', seed.email]);
  for (const slug of ['one', 'two']) server.cli(['project', 'add', `second/${slug}`, '--source', 'en']);
  const app = server.cli(['app', 'add', '--name', 'Many', '--type', 'web', '--redirect-uri', 'https://many.example/cb']);
  const page = await openConsent(ada, app, { scope: 'org:read projects:read' });
  assert.deepEqual(page.organizations.map((box) => box.value).sort(), ['acme', 'second']);
  const missing = await decide(ada, page, { organizations: ['acme', 'second'], access: 'selected', projects: ['acme/web'] });
  assert.match(missing.location, /problem=project/, 'a ticked organization without a ticked project');
  const slip = await decide(ada, page, { organizations: ['acme'], access: 'selected', projects: ['acme/web', 'second/one'] });
  assert.match(slip.location, /problem=organization/);
  const answer = await connectWith(server, seed, { app, scope: 'org:read projects:read', organizations: ['acme', 'second'], projects: ['acme/web', 'second/two'], browser: ada });
  assert.equal(answer.grants.length, 2);
  assert.equal(new Set(answer.grants.map((grant) => grant.refresh_token)).size, 2, 'each with its own refresh token');
  assert.deepEqual(answer.grants.map((grant) => grant.organization_slug), ['acme', 'second']);
  for (const grant of answer.grants) {
    assert.equal(grant.project_access, 'selected');
    assert.equal(grant.project_ids.length, 1);
  }
  assert.equal(answer.project_access, 'selected');
  const again = await openConsent(ada, app, { scope: 'org:read projects:read' });
  assert.ok(again.organizations.every((box) => box.checked), 'seed_11: what is connected is marked');
  assert.equal((again.text.match(/class="badge"/g) ?? []).length, 2);
  assert.deepEqual(again.projects.filter((box) => box.checked).map((box) => box.value), ['acme/web', 'second/two']);
  assert.equal(again.access.find((box) => box.checked).value, 'selected');
});

test('rule_053 rule_062 an app that nobody has checked is marked, and gets no errors before it was approved', { skip: storeOnly }, async () => {
  const own = await startServer();
  try {
    const people = own.seed();
    await own.stop();
    alterStore(own, 'UPDATE app SET verified = 0');
    await own.start();
    const browser = await signedIn(own, people);
    const wrong = () => browser.request(authorizeUrl(people.web, { scope: 'nonsense', state: 'x' }));
    for (const who of [new Browser(own), browser]) {
      const answer = await who.request(authorizeUrl(people.web, { scope: 'nonsense' }));
      assertLocalError(answer, 'the server is no open redirector');
      assert.match(answer.text, /invalid_scope/);
      assertLocalError(await who.request(authorizeUrl(people.web, { prompt: 'none' })), 'prompt=none');
    }
    const page = await openConsent(browser, people.web);
    assert.match(page.text, /class="badge warn"/);
    await connectWith(own, people, { browser, scope: 'org:read' });
    const after = await wrong();
    assert.equal(query(after.location).get('error'), 'invalid_scope', 'once it was approved');
    const silent = () => browser.request(authorizeUrl(people.web, { prompt: 'none', scope: 'org:read' }));
    assert.equal(query((await silent()).location).get('error'), 'consent_required', 'rule_061: never without asking, although nothing has changed');
    await own.stop();
    alterStore(own, 'UPDATE app SET verified = 1; UPDATE app SET pkce_required = 0');
    await own.start();
    assert.match(query((await silent()).location).get('code'), /^bi_ac_/, 'that it was not checked was the only reason');
    const native = await browser.request(authorizeUrl(people.native));
    assert.equal(query(native.location).get('error'), 'invalid_request', 'rule_087: whatever its row says, an app without a secret needs a challenge');
  } finally {
    await own.close();
  }
});

test('rule_052 rule_058 the request survives a wrong password and signing in', async () => {
  const browser = new Browser(server);
  const login = await browser.follow(authorizeUrl(seed.web, { state: 'kept', scope: 'keys:read' }));
  assert.match(login.text, /name="password"/);
  const wrong = await browser.request('/login', { method: 'POST', form: { ...hidden(login.text), email: seed.email, password: 'not the password' } });
  assert.equal(wrong.status, 403);
  const right = await browser.request('/login', { method: 'POST', form: { ...hidden(wrong.text), email: seed.email, password: seed.password } });
  assert.equal(right.status, 303, 'rule_052');
  const page = await browser.request(right.location);
  assert.deepEqual(consentPage(page.text).scopes.map((box) => box.value), ['keys:read']);
  const decided = await decide(browser, consentPage(page.text), { organizations: [seed.org], scopes: ['keys:read'] });
  assert.equal(decided.status, 303);
});
