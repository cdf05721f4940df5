// SPDX-License-Identifier: MIT
// Rules 211 and 216: after everything that issues or takes a secret has happened, also the wrong way, no secret lies
// in the data directory, in a backup, in the audit, in the metrics or in what the server and its commands printed.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Browser, Server, api, hidden, mint, pkce, tokenRequest, trpc } from '../lib/server.mjs';
import { addPerson, authorizeUrl, basic, codeFor, connectWith, consentPage, decide, elsewhere, me, mintRaw, openConsent, organizations, proxied, query, rawGet, redeem, refresh, revokeRequest, signedIn } from '../lib/oauth.mjs';

let server, printed = '';
const secrets = new Map(); // secret -> what it is
const keep = (what, value) => { assert.ok(typeof value === 'string' && value.length >= 12, `${what}: ${value}`); secrets.set(value, what); return value; };

function keepCookies(browser) {
  for (const [name, value] of browser.cookies) if (/session|form/.test(name)) keep(`cookie ${name}`, value);
}

// Commands print a secret where they make it, once; nothing else they print is allowed to contain one.
function command(args, options) {
  const done = server.run([...args, '--json'], options);
  printed += done.stderr;
  return done;
}

function filesUnder(path) {
  const found = [];
  for (const name of readdirSync(path)) {
    const full = join(path, name), about = statSync(full);
    if (about.isDirectory()) found.push(...filesUnder(full));
    else if (about.isFile()) found.push(full);
  }
  return found;
}

function findings(bytes) {
  const text = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes);
  const found = [];
  for (const [secret, what] of secrets) {
    for (const [how, form] of [['plain', secret], ['base64', Buffer.from(secret).toString('base64').replace(/=+$/, '')], ['hex', Buffer.from(secret).toString('hex')], ['form', encodeURIComponent(secret)]]) if (text.includes(form)) found.push(`${what} (${how})`);
  }
  return found;
}

function assertCleanStore(when) {
  const files = filesUnder(server.base).filter((path) => !path.endsWith('.key'));
  assert.ok(files.some((path) => /bi18n\.db/.test(path)) || server.database, 'the store is there');
  let known = 0;
  for (const path of files) {
    const bytes = readFileSync(path);
    if (bytes.includes('ada@example.com')) known++;
    assert.deepEqual(findings(bytes), [], `${when}: ${path}`);
  }
  if (!server.database) assert.ok(known > 0, 'the search finds what does lie there');
}

before(async () => {
  server = new Server({ settings: { ...proxied, log_level: 'debug', access_log: 1, metrics_token: 'metrics-token-for-this-test', mint_coalesce_ms: 0, code_ttl_s: 600 } });
  await server.start();
});
after(() => server?.close());

test('rule_216 everything is issued, used, refused and ended', async () => {
  const seed = server.seed();
  keep('password', seed.password);
  keep('client secret', seed.web.clientSecret);
  const browser = await signedIn(server, seed);
  keepCookies(browser);

  // Consent, exchange, refresh, mint, use.
  for (const app of [seed.web, seed.native]) {
    const proof = pkce();
    const page = await openConsent(browser, app, { scope: 'org:read projects:read keys:read', code_challenge: proof.challenge, code_challenge_method: 'S256' });
    keep('request', page.hidden.request);
    keep('form mark', page.hidden.csrf);
    const decided = await decide(browser, page, { organizations: [seed.org], scopes: ['org:read', 'projects:read'] });
    const complete = await browser.request(decided.location);
    const back = await browser.request('/complete', { method: 'POST', form: hidden(complete.text, '/complete') });
    const code = { code: keep('code', query(back.location).get('code')), app, redirect: app.redirectUris[0], verifier: keep('verifier', proof.verifier) };
    assert.equal((await redeem(server, code, { code_verifier: keep('wrong verifier', pkce().verifier) })).status, 400);
    const connection = (await redeem(server, code)).body;
    keep('access token', connection.access_token);
    keep('refresh token', connection.refresh_token);
    for (let i = 0; i < 3; i++) {
      const answer = (await refresh(server, app, connection.refresh_token)).body;
      keep('access token', answer.access_token);
      keep('refresh token', answer.refresh_token);
    }
    const minted = keep('installation token', (await mint(server, connection)).installation_token);
    assert.equal((await organizations(server, minted)).status, 200);
    assert.equal((await me(server, minted)).status, 200);
    assert.equal((await trpc(server, 'mcp.listProjects', undefined, { key: minted })).status, 200);
    await api(server, '/api/oauth-client/v1/projects', { method: 'POST', token: minted, json: { name: 'No', slug: 'no', sourceLanguage: 'en' } });   // missing_scope, audited

    // Wrong places, from which secrets get into logs.
    for (const secret of [minted, connection.access_token, connection.refresh_token, code.code]) {
      for (const target of [`/api/oauth-client/organizations?access_token=${secret}`, `/api/oauth-client/installations/${secret}`, `/api/oauth-client/v1/projects/${secret}`, `/api/trpc/mcp.listProjects?x-api-key=${secret}`, `/api/trpc/${secret}`, `/${secret}/web/en.json`, `/acme/web/en.json?token=${secret}`, `/login?next=/${secret}`, `/consent?request=${secret}`, `/.well-known/${secret}`, `/demo-app/callback?code=${secret}`]) await rawGet(server, target, [`Referer: http://127.0.0.1/${secret}`]);
      await organizations(server, secret);
      await organizations(server, `${secret}x`);
      await api(server, '/api/oauth-client/organizations', { headers: { 'x-api-key': secret } });
      await tokenRequest(server, { grant_type: secret, client_id: secret, client_secret: secret, code: secret, refresh_token: secret }, elsewhere());
      await tokenRequest(server, { grant_type: 'refresh_token', refresh_token: secret, client_id: app.clientId, client_secret: app.clientSecret ?? '' }, elsewhere());
      await browser.request(authorizeUrl(app, { client_id: secret, state: 's' }));
      await browser.request(authorizeUrl(app, { scope: secret }));
      await fetch(`${server.url}/api/auth/mcp/token?code=${secret}`, { method: 'POST' });
    }
    await redeem(server, code);                                                       // replay: ends all
    await revokeRequest(server, { token: connection.refresh_token, client_id: app.clientId, ...(app.clientSecret && { client_secret: app.clientSecret }) });
  }

  // An app that is disabled, a secret that is rotated, wrong secrets in both ways.
  const other = server.cli(['app', 'add', '--name', 'Other', '--type', 'web', '--redirect-uri', 'https://other.example/cb']);
  keep('client secret', other.clientSecret);
  keep('client secret', server.cli(['app', 'rotate-secret', other.clientId]).clientSecret);
  const wrong = keep('wrong client secret', 'a-secret-of-somewhere-else-1');
  await tokenRequest(server, { grant_type: 'authorization_code', code: 'x' }, { ...basic(other.clientId, wrong), ...elsewhere() });
  await tokenRequest(server, { grant_type: 'authorization_code', code: 'x', client_id: other.clientId, client_secret: wrong }, elsewhere());
  const connection = await connectWith(server, seed, { app: other, browser });
  keep('access token', connection.access_token);
  keep('refresh token', connection.refresh_token);
  keep('code', connection.code);
  keep('installation token', (await mint(server, connection)).installation_token);
  await api(server, `/api/oauth-client/installations/${connection.grant_id}`, { method: 'DELETE', headers: basic(other.clientId, wrong) });
  await api(server, `/api/oauth-client/installations/${connection.grant_id}`, { method: 'DELETE', token: connection.access_token });
  await mintRaw(server, connection);

  // Keys.
  for (const level of ['read', 'admin']) {
    const added = server.cli(['key', 'add', '--org', seed.org, '--level', level, '--name', level]);
    keep('key', added.key);
    assert.equal((await trpc(server, 'mcp.listProjects', undefined, { key: added.key })).status, 200);
    await trpc(server, 'mcp.nothing', undefined, { key: added.key });
    await organizations(server, added.key);
    if (level === 'admin') server.cli(['key', 'revoke', String(added.id)]);
  }

  // People: wrong passwords, the password in the wrong box, new passwords, signing out.
  const person = addPerson(server, { email: 'grace@example.com', org: 'grace' });
  keep('password', person.password);
  for (const [email, password] of [[person.email, keep('wrong password', 'not-the-password-at-all')], [person.password, 'x'.repeat(12)], ['nobody@example.com', keep('password of nobody', 'password-of-nobody-here')]]) {
    const stranger = new Browser(server);
    stranger.headers = elsewhere();
    const page = await stranger.request('/login');
    const answer = await stranger.request('/login', { method: 'POST', form: { ...hidden(page.text), email, password } });
    assert.equal(answer.status, 403);
    keepCookies(stranger);
  }
  const hers = await signedIn(server, person);
  keepCookies(hers);
  const home = await hers.request('/');
  await hers.request('/logout', { method: 'POST', form: hidden(home.text, '/logout') });
  command(['user', 'passwd', '--email', person.email], { input: `${keep('new password', 'a-brand-new-password-for-grace')}\n` });
  command(['user', 'passwd', '--email', person.email], { input: `${keep('short password', 'too-short-12').slice(0, 8)}\n` });
  command(['user', 'add', '--email', person.email, '--name', 'Again'], { input: `${keep('password of a double', 'the-password-of-a-double')}\n` });
  const again = await signedIn(server, { email: person.email, password: 'a-brand-new-password-for-grace' });
  keepCookies(again);
  const page = consentPage((await again.follow(authorizeUrl(other))).text);
  keep('request', page.hidden.request);
  keep('code', (await codeFor(server, { ...seed, ...person, org: 'grace' }, { app: other, browser: again })).code);
  command(['user', 'disable', '--email', person.email]);
  command(['app', 'disable', other.clientId]);
  keepCookies(browser);
  assert.ok(secrets.size > 45, `${secrets.size} secrets`);
});

test('rule_211 none of them lies in the data directory while the server runs', () => {
  assertCleanStore('running');
});

test('rule_221 the audit names what happened and no secret', () => {
  const { stdout, stderr } = server.run(['audit']);
  assert.ok(stdout.split('\n').length > 40, stderr);
  assert.deepEqual(findings(stdout), []);
  for (const event of ['code', 'token', 'session', 'grant', 'app']) assert.match(stdout, new RegExp(`"${event}\\.`), event);
});

test('rule_216 commands list no secret, and the metrics have none', async () => {
  for (const args of [['app', 'list'], ['key', 'list'], ['grant', 'list'], ['user', 'list'], ['config', 'show'], ['org', 'list']]) {
    const done = command(args);
    assert.equal(done.status, 0, done.stderr);
    assert.deepEqual(findings(done.stdout), [], args.join(' '));
  }
  assert.doesNotMatch(server.run(['config', 'show']).stdout, /metrics-token-for-this-test/);
  const metrics = await fetch(`${server.url}/metrics`, { headers: { authorization: 'Bearer metrics-token-for-this-test' } });
  assert.equal(metrics.status, 200);
  assert.deepEqual(findings(await metrics.text()), []);
});

test('rule_219 a backup holds no usable secret', { skip: process.env.BI18N_TEST_WIRE_POSTGRES && 'pg_dump makes backups there' }, () => {
  const file = join(server.base, 'copy');
  server.cli(['backup', file]);
  assert.deepEqual(findings(readFileSync(file)), []);
});

test('rule_217 no secret is in the arguments or the environment of the process', () => {
  for (const name of ['cmdline', 'environ']) {
    const path = `/proc/${server.process.pid}/${name}`;
    if (existsSync(path)) assert.deepEqual(findings(readFileSync(path)), [], name);
  }
});

test('rule_086 rule_216 rule_261 none was written to the log, at its most talkative, nor by the commands to standard error', async () => {
  await server.stop();
  assert.match(server.output, /request id=/, 'the access log is on');
  assert.match(server.output, /path=\/api\/oauth-client\/organizations/);
  assert.deepEqual(findings(server.output), []);
  assert.deepEqual(findings(printed), []);
});

test('rule_211 none lies in the data directory after the server has stopped', () => {
  assertCleanStore('stopped');
});
