// SPDX-License-Identifier: MIT
// passport and passport-oauth2 in a partner's web application of a few lines: state in a session, PKCE, profile from /me.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { Passport } from 'passport';
import OAuth2Strategy from 'passport-oauth2';
import { authorize, startServer } from '../lib/server.mjs';

let server, seed, partner;

before(async () => {
  server = await startServer();
  seed = server.seed();
  partner = await startPartner();
});
after(async () => {
  partner?.http.close();
  await server?.close();
});

class Bi18nStrategy extends OAuth2Strategy {
  constructor(app, callbackURL, options, verify) {
    super({ authorizationURL: `${server.url}/api/auth/mcp/authorize`, tokenURL: `${server.url}/api/auth/mcp/token`, clientID: app.clientId, clientSecret: app.clientSecret ?? '', callbackURL, scope: ['org:read', 'keys:read'], state: true, passReqToCallback: true, ...options }, verify);
    this.name = options.name;
    this._oauth2.useAuthorizationHeaderforGET(true); // rule 28: tokens are not taken from addresses
  }

  userProfile(accessToken, done) {
    this._oauth2.get(`${server.url}/api/oauth-client/me`, accessToken, (error, body) => (error ? done(error) : done(null, JSON.parse(body))));
  }
}

// Node's http, sessions in a Map, one route to begin and one to come back for each app.
async function startPartner() {
  const passport = new Passport(), sessions = new Map(), list = [];
  const listener = http.createServer((request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    request.query = Object.fromEntries(url.searchParams);
    const id = /sid=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? `s${sessions.size + 1}`;
    if (!sessions.has(id)) sessions.set(id, { save: (done) => done(), regenerate: (done) => done() });
    request.session = sessions.get(id);
    response.setHeader('set-cookie', `sid=${id}`);
    const say = (status, value) => { response.statusCode = status; response.end(JSON.stringify(value)); };
    passport.authenticate(url.pathname.split('/')[1], { session: false }, (error, user, info, status) => {
      if (error) say(502, { name: error.name, code: error.code, message: error.message });
      else if (!user) say(status ?? 401, info ?? {});
      else say(200, user);
    })(request, response, (error) => say(500, { message: String(error) }));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const base = `http://127.0.0.1:${listener.address().port}`;
  const verify = (request, accessToken, refreshToken, answer, profile, done) => done(null, { accessToken, refreshToken, answer, profile });
  for (const [name, type, options] of [['web', 'web', {}], ['webpkce', 'web', { pkce: true }], ['native', 'native', { pkce: true }]]) {
    const app = server.cli(['app', 'add', '--name', `Passport ${name}`, '--type', type, '--redirect-uri', type === 'web' ? 'https://partner.example/back' : `${base}/${name}`]);
    passport.use(name, new Bi18nStrategy(app, app.redirectUris[0], { ...options, name }, verify));
    list.push({ name, app });
  }
  const wrong = { clientId: list[0].app.clientId, clientSecret: 'bi_cs_wrong', redirectUris: list[0].app.redirectUris };
  passport.use('wrong', new Bi18nStrategy(wrong, wrong.redirectUris[0], { name: 'wrong' }, verify));
  list.push({ name: 'wrong', app: wrong });
  return { base, http: listener, apps: Object.fromEntries(list.map(({ name, app }) => [name, app])) };
}

// As the person's browser: to the partner, to the server and its pages, and back to the partner.
async function begin(name) {
  const answer = await fetch(`${partner.base}/${name}`, { redirect: 'manual' });
  assert.equal(answer.status, 302);
  return { cookie: answer.headers.get('set-cookie'), url: new URL(answer.headers.get('location')) };
}
async function approve(name, start, decision = 'approve') {
  const asked = Object.fromEntries(start.url.searchParams);
  assert.equal(`${start.url.origin}${start.url.pathname}`, `${server.url}/api/auth/mcp/authorize`);
  const back = await authorize(server, seed, { app: partner.apps[name], redirect: asked.redirect_uri, scope: asked.scope, state: asked.state, challenge: asked.code_challenge, decision });
  return new URL(back.location).search;
}
async function finish(name, start, query) {
  const answer = await fetch(`${partner.base}/${name}${query}`, { headers: { cookie: start.cookie }, redirect: 'manual' });
  return { status: answer.status, body: await answer.json().catch(() => undefined) };
}
async function connect(name) {
  const start = await begin(name);
  return { start, ...(await finish(name, start, await approve(name, start))) };
}

for (const name of ['web', 'webpkce', 'native']) {
  test(`passport-oauth2 signs a person in: ${name}`, async () => {
    const { start, status, body } = await connect(name);
    assert.equal(start.url.searchParams.has('code_challenge'), name !== 'web');
    assert.equal(status, 200, JSON.stringify(body));
    assert.match(body.accessToken, /^bi_at_/);
    assert.match(body.refreshToken, /^rt_/);
    assert.equal(body.answer.token_type, 'Bearer');
    assert.match(body.answer.grant_id, /^grt_/);
    assert.equal(body.profile.user.email, seed.email);
    assert.equal(body.profile.client.id, partner.apps[name].clientId);
  });
}

test('rule_073 passport-oauth2 hears that the person has declined', async () => {
  const start = await begin('web');
  const query = await approve('web', start, 'deny');
  assert.match(query, /error=access_denied/);
  const { status, body } = await finish('web', start, query);
  assert.equal(status, 401);
  assert.ok(body.message.length > 10, 'the description of the error reaches the application');
});

test('rule_099 passport-oauth2 tells a used code and a wrong secret apart', async () => {
  const start = await begin('web'), query = await approve('web', start);
  assert.equal((await finish('web', start, query)).status, 200);
  const second = await begin('web');
  const replay = new URLSearchParams({ code: new URLSearchParams(query).get('code'), state: second.url.searchParams.get('state') });
  const used = await finish('web', second, `?${replay}`);
  assert.equal(used.status, 502);
  assert.equal(used.body.name, 'TokenError');
  assert.equal(used.body.code, 'invalid_grant');
  const third = await begin('wrong');
  const wrong = await finish('wrong', third, await approve('wrong', third));
  assert.equal(wrong.body.name, 'TokenError');
  assert.equal(wrong.body.code, 'invalid_client');
});

test('rule_045 a state of another session is refused by passport-oauth2 itself', async () => {
  const start = await begin('web'), other = await begin('web');
  const { status } = await finish('web', other, await approve('web', start));
  assert.equal(status, 403);
});
