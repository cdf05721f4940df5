// SPDX-License-Identifier: MIT
// The record of what happened (rule 221): every event, its request id, and the three channels that read it: the
// page, the API and the command. Who may look, what fits, and what never gets in.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Browser, api, hidden, pkce, startServer, unescapeHtml } from '../lib/server.mjs';
import { addPerson, assertRestError, authorizeUrl, connectWith, elsewhere, eventually, mintRaw, proxied, redeem, refresh, revokeRequest, signedIn } from '../lib/oauth.mjs';
import { addKey, bytes } from '../lib/strings.mjs';

let server, seed, ada, key;

before(async () => {
  server = await startServer({ settings: { ...proxied, audit_page_max: 200, audit_export_max: 60 } });
  seed = server.seed();
  ada = await signedIn(server, seed);
  key = addKey(server, { org: seed.org });
});
after(() => server?.close());

const PAGE = '/settings/audit';
async function rest(filters = {}, { org = seed.org, token = key, headers = {} } = {}) {
  const answer = await fetch(`${server.url}/api/organizations/${org}/audit?${new URLSearchParams(filters)}`, { headers: { ...(token && { 'x-api-key': token }), ...headers } });
  const text = await answer.text();
  let body;
  try { body = JSON.parse(text); } catch { body = undefined; }
  return { status: answer.status, headers: answer.headers, text, body };
}
async function everything(filters = {}) {
  const events = [];
  for (let cursor; ;) {
    const answer = await rest({ ...filters, limit: 200, ...(cursor && { cursor }) });
    assert.equal(answer.status, 200, answer.text);
    events.push(...answer.body.events);
    cursor = answer.body.nextCursor;
    if (!cursor) return events;
  }
}
const command = (...args) => server.run(['audit', ...args]).stdout.trimEnd().split('\n').filter(Boolean).map((line) => JSON.parse(line));
const page = (filters = {}, browser = ada) => browser.request(`${PAGE}?${new URLSearchParams(filters)}`);
const rows = (html) => html.split('<tr role="row">').slice(2).map((row) => ({ kind: /<code class="muted">([^<]*)</.exec(row)?.[1], request: /Request <code>([^<]*)</.exec(row)?.[1], text: row }));
async function exported(filters = {}, browser = ada) {
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const answer = await bytes(server, `${PAGE}/export?${new URLSearchParams(filters)}`, { headers: { cookie } });
  return { status: answer.status, headers: answer.headers, lines: answer.text.trimEnd().split('\n').filter(Boolean) };
}

test('rule_221 the page, the API and the command tell the same', async () => {
  const connection = await connectWith(server, seed);
  for (const filters of [{}, { app: seed.web.clientId }, { grant: connection.grant_id }, { kind: 'token' }, { kind: 'token.issued' }]) {
    const answer = await rest({ ...filters, limit: 200 });
    assert.equal(answer.status, 200, answer.text);
    const ids = answer.body.events.map((e) => e.id);
    assert.ok(ids.length > 0, JSON.stringify(filters));
    assert.deepEqual(ids, [...ids].sort((a, b) => b - a), 'newest first');
    assert.deepEqual(command('--org', seed.org, ...Object.entries(filters).flatMap(([name, value]) => [`--${name}`, value])).map((e) => e.id), [...ids].reverse());
    const shown = await page({ organization: seed.org, ...filters });
    assert.equal(shown.status, 200);
    assert.deepEqual(rows(shown.text).map((row) => row.request), answer.body.events.slice(0, 50).map((e) => e.requestId));
    const file = await exported({ organization: seed.org, ...filters });
    assert.deepEqual(file.lines.filter((line) => !line.includes('"truncated"')).map((line) => JSON.parse(line).id), ids.slice(0, 60));
  }
});

test('rule_221 the session of an administrator reads the API too', async () => {
  const cookie = [...ada.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const answer = await rest({}, { token: null, headers: { cookie } });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.body.organization.slug, seed.org);
  assert.equal(answer.headers.get('access-control-allow-origin'), null);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const description = (await (await fetch(`${server.url}/openapi.json`)).json()).paths;
  assert.ok(description['/api/organizations/{organization}/audit'].get.security.some((one) => 'session' in one));
  for (const [path, methods] of Object.entries(description)) for (const [method, one] of Object.entries(methods)) if (method !== 'get') assert.ok(!(one.security ?? []).some((s) => 'session' in s), `${method} ${path} by a cookie`);
  const report = await api(server, '/api/oauth-client/leaked', { method: 'POST', json: { tokens: [] }, headers: { cookie: 'bi18n_session=no-longer-good' } });
  assert.notEqual(report.status, 401, 'a cookie counts for nothing where something is changed');
});

test('rule_221 nobody else may read it, on any channel', async () => {
  const member = addPerson(server, { email: 'member@example.com' });
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', member.email, '--role', 'member']);
  const stranger = await signedIn(server, addPerson(server, { email: 'stranger@example.com', org: 'elsewhere' }));
  const browser = await signedIn(server, member);
  const cookies = (one) => ({ cookie: [...one.cookies].map(([name, value]) => `${name}=${value}`).join('; ') });
  assertRestError(await rest({}, { token: null }), 401, 'invalid_token', { challenge: /^Bearer / });
  assertRestError(await rest({}, { token: null, headers: cookies(browser) }), 403, 'forbidden');
  assertRestError(await rest({}, { token: null, headers: cookies(stranger) }), 404, 'not_found');
  for (const level of ['read', 'write', 'publish']) assertRestError(await rest({}, { token: addKey(server, { level }) }), 403, 'forbidden');
  assertRestError(await rest({}, { token: addKey(server, { projects: [`${seed.org}/${seed.project}`] }) }), 403, 'forbidden');
  assertRestError(await rest({}, { token: addKey(server, { open: true }) }), 403, 'forbidden');
  assertRestError(await rest({}, { token: addKey(server, { org: 'elsewhere' }) }), 404, 'not_found');
  const connection = await connectWith(server, seed);
  const asApp = await fetch(`${server.url}/api/organizations/${seed.org}/audit`, { headers: { authorization: `Bearer ${connection.access_token}` } });
  assert.equal(asApp.status, 401);
  for (const [who, status] of [[browser, 403], [stranger, 404]]) for (const path of [PAGE, `${PAGE}/export`]) assert.equal((await who.request(`${path}?organization=${seed.org}`)).status, status, path);
  assert.match((await new Browser(server).request(`${PAGE}/export`)).location, /^\/login\?next=/);
  const none = await page({}, browser);
  assert.equal(none.status, 200);
  assert.match(none.text, /not an administrator of any organization/);
});

const wrong = [
  [{ kind: 'nothing' }, 'kind'], [{ kind: 'token.nothing' }, 'kind'], [{ kind: '%' }, 'kind'], [{ since: 'yesterday' }, 'since'], [{ until: '2026-02-30' }, 'until'],
  [{ cursor: 'x' }, 'cursor'], [{ cursor: 'o-1' }, 'cursor'], [{ limit: '0' }, 'limit'], [{ limit: '201' }, 'limit'], [{ limit: 'many' }, 'limit'],
];
test('rule_221 a wrong filter is refused with its name, on the page beside the form', async () => {
  for (const [filters, name] of wrong) {
    const answer = await rest(filters);
    assertRestError(answer, 400, 'invalid_request');
    assert.match(answer.body.error_description, new RegExp(`^${name}:`), JSON.stringify(filters));
    const shown = await page({ organization: seed.org, ...filters });
    assert.equal(shown.status, 400, JSON.stringify(filters));
    assert.match(shown.text, /role="alert"/);
    assert.match(shown.text, /id="audit-kind"/, 'the form is there');
    assert.equal(rows(shown.text).length, 0);
  }
  assert.equal(server.run(['audit', '--kind', 'nothing']).status, 1);
  assert.equal(server.run(['audit', '--until', 'soon']).status, 2);
  for (const filters of [{ app: 'app_none' }, { grant: 'grt_none' }]) assert.deepEqual((await rest(filters)).body.events, [], 'what does not exist finds nothing');
});

test('rule_221 times: a day is whole, a time is exact, a duration counts from now', async () => {
  const all = await everything();
  const day = all[0].at.slice(0, 10);
  const middle = all[Math.floor(all.length / 2)];
  assert.deepEqual(await everything({ since: day, until: day }), all.filter((e) => e.at.startsWith(day)));
  assert.deepEqual((await everything({ since: middle.at })).map((e) => e.id), all.filter((e) => e.at >= middle.at).map((e) => e.id));
  assert.deepEqual((await everything({ until: middle.at })).map((e) => e.id), all.filter((e) => e.at < middle.at).map((e) => e.id));
  assert.deepEqual(await everything({ since: '1h' }), all);
  assert.deepEqual(await everything({ until: '1h' }), []);
  assert.deepEqual(command('--org', seed.org, '--until', '1h'), []);
});

test('rule_221 pages follow each other by cursor and lead back', async () => {
  const all = await everything();
  const seen = [];
  let answer = await rest({ limit: 7 });
  assert.equal(answer.body.newerCursor, null);
  for (;;) {
    seen.push(...answer.body.events);
    if (!answer.body.nextCursor) break;
    answer = await rest({ limit: 7, cursor: answer.body.nextCursor });
  }
  assert.deepEqual(seen.map((e) => e.id), all.map((e) => e.id));
  while (answer.body.newerCursor) answer = await rest({ limit: 7, cursor: answer.body.newerCursor });
  assert.deepEqual(answer.body.events.map((e) => e.id), all.slice(0, 7).map((e) => e.id));
  for (let i = 0; i < 30; i++) await connectWith(server, seed, { scopes: [i % 2 ? 'org:read' : 'keys:read'] });
  const first = await page({ organization: seed.org });
  assert.equal(rows(first.text).length, 50);
  const older = unescapeHtml(/rel="next" href="([^"]*)"/.exec(first.text)[1]);
  const second = await ada.request(older);
  assert.ok(rows(second.text).length > 0);
  const newer = unescapeHtml(/rel="prev" href="([^"]*)"/.exec(second.text)[1]);
  assert.deepEqual(rows((await ada.request(newer)).text).map((r) => r.request), rows(first.text).map((r) => r.request));
});

test('rule_221 the export is a file of JSON lines, and says when it was cut', async () => {
  const few = await exported({ organization: seed.org, kind: 'organization' });
  assert.equal(few.status, 200);
  assert.equal(few.headers['content-type'], 'application/x-ndjson; charset=utf-8');
  assert.match(few.headers['content-disposition'], /^attachment; filename="audit-acme-\d{4}-\d\d-\d\d\.jsonl"$/);
  assert.equal(few.headers['cache-control'], 'no-store');
  assert.deepEqual(few.lines.map((line) => JSON.parse(line).kind), ['organization.created']);
  for (let i = 0; (await everything()).length <= 61; i++) await connectWith(server, seed, { scopes: [i % 2 ? 'org:read' : 'keys:read'] });
  const cut = await exported({ organization: seed.org });
  assert.equal(cut.lines.length, 61);
  const last = JSON.parse(cut.lines.at(-1));
  assert.equal(last.truncated, true);
  assert.equal(last.events, 60);
  assert.deepEqual((await rest({ cursor: last.cursor })).body.events[0].id, (await everything())[60].id, 'its cursor goes on');
  assert.equal((await exported({ organization: seed.org, kind: 'nothing' })).status, 400);
});

test('rule_221 the page is a form that works without JavaScript, and keeps what was chosen', async () => {
  const shown = await page({ organization: seed.org, kind: 'token.issued', app: seed.web.clientId, since: '2020-01-01' });
  assert.match(shown.text, /<form method="get" action="\/settings\/audit"/);
  assert.match(shown.text, /<option value="token\.issued" selected>/);
  assert.ok(shown.text.includes(`value="${seed.web.clientId}"`) && shown.text.includes('value="2020-01-01"'));
  assert.ok(rows(shown.text).length > 0 && rows(shown.text).every((row) => row.kind === 'token.issued'));
  assert.match(rows(shown.text)[0].text, /Ada Lovelace/);
  assert.match(rows(shown.text)[0].text, /Partner Web/);
  const link = unescapeHtml(/href="([^"]*export[^"]*)"/.exec(shown.text)[1]);
  assert.ok(link.includes('kind=token.issued') && link.includes('since=2020-01-01'), link);
  assert.match((await ada.request('/')).text, /href="\/settings\/audit"/);
  assert.equal((await page({ organization: '', kind: '', app: '', grant: '', since: '', until: '' })).status, 200, 'an empty field filters nothing');
});

// Every event of rule 221, caused once; the answer that it belongs to names its request.
const APPS = '/settings/apps';
const idOf = (answer) => answer.headers.get('x-request-id');
async function post(browser, path, form) {
  const shown = await browser.request(path);
  return browser.request(path, { method: 'POST', form: [['csrf', hidden(shown.text, path).csrf], ...Object.entries(form)] });
}
async function registered(browser, type) {
  const answer = await post(browser, APPS, { decision: 'register', name: `Recorded ${type}`, type, redirect_uris: 'https://recorded.example/callback', icon_url: '', organization: seed.org });
  assert.equal(answer.status, 200, answer.text.slice(0, 500));
  const card = answer.text.slice(answer.text.indexOf('role="status"'));
  return { clientId: /app_[0-9A-Za-z]+/.exec(card)[0], clientSecret: /bi_cs_[0-9A-Za-z]{36}/.exec(card)?.[0], redirectUris: ['https://recorded.example/callback'], request: idOf(answer) };
}
// From the authorize endpoint to the code, each answer kept.
async function walk(app, { decision = 'approve', scopes = ['org:read'] } = {}) {
  const proof = pkce();
  const begun = await ada.request(authorizeUrl(app, { scope: 'org:read keys:read', code_challenge: proof.challenge, code_challenge_method: 'S256' }));
  assert.equal(begun.status, 303, begun.text);
  const consent = await ada.request(begun.location);
  const decided = await ada.request('/consent', { method: 'POST', form: [...Object.entries(hidden(consent.text, '/consent')), ['organization', seed.org], ['project_access', 'all'], ...scopes.map((scope) => ['scope', scope]), ['decision', decision]] });
  if (decision === 'deny') return { begun, decided };
  const complete = await ada.request(decided.location);
  const finished = await ada.request('/complete', { method: 'POST', form: hidden(complete.text, '/complete') });
  return { begun, decided, finished, app, redirect: app.redirectUris[0], verifier: proof.verifier, code: new URL(finished.location).searchParams.get('code') };
}

test('rule_221 every event is found by organization, app and connection, on the page, in the API and by the command', async () => {
  const own = server;
  server = await startServer({ settings: { ...proxied, refresh_grace_s: 0, refresh_families_max: 4, audit_page_max: 500 } });
  try {
    seed = server.seed();
    ada = await signedIn(server, seed);
    key = addKey(server, { org: seed.org });
    const happened = [];                              // [kind, app, grant, request]
    const note = (kind, app, grant, answer) => happened.push([kind, app.clientId, grant, typeof answer === 'string' ? answer : idOf(answer)]);
    const web = await registered(ada, 'web'), spa = await registered(ada, 'spa');
    note('app.created', web, null, web.request);

    const denied = await walk(web, { decision: 'deny' });
    note('authorize.shown', web, null, denied.begun);
    note('authorize.denied', web, null, denied.decided);
    note('authorize.refused', web, null, await new Browser(server).request(authorizeUrl(web, { redirect_uri: 'https://other.example/' })));
    const first = await walk(web);
    note('authorize.approved', web, null, first.decided);
    note('code.issued', web, null, first.finished);
    note('code.refused', web, null, await redeem(server, first, { code_verifier: 'v'.repeat(43) }));
    const tokens = await redeem(server, first);
    assert.equal(tokens.status, 200, tokens.text);
    const grant = tokens.body.grant_id;
    for (const kind of ['grant.created', 'code.redeemed', 'token.issued']) note(kind, web, grant, tokens);
    note('app.auth_failed', web, null, await refresh(server, web, tokens.body.refresh_token, { client_secret: 'bi_cs_wrong' }));
    const refreshed = await refresh(server, web, tokens.body.refresh_token);
    note('token.refreshed', web, grant, refreshed);
    const minted = await mintRaw(server, { grant_id: grant, access_token: refreshed.body.access_token });
    note('token.minted', web, grant, minted);
    note('scope.denied', web, grant, await api(server, '/api/oauth-client/v1/projects', { method: 'POST', token: minted.body.installation_token, json: { organizationSlug: seed.org, name: 'No', slug: 'no', sourceLanguage: 'en' } }));
    note('code.replayed', web, grant, await redeem(server, first));
    note('token.refresh_refused', web, grant, await refresh(server, web, tokens.body.refresh_token));

    const second = await redeem(server, await walk(web, { scopes: ['org:read', 'keys:read'] }));
    note('grant.changed', web, second.body.grant_id, second);
    note('token.revoked', web, second.body.grant_id, await revokeRequest(server, { token: second.body.access_token, client_id: web.clientId, client_secret: web.clientSecret }));
    let last;
    for (let i = 0; i < 5; i++) last = await redeem(server, await walk(web, { scopes: ['org:read', 'keys:read'] }));
    note('family.evicted', web, last.body.grant_id, last);

    const turning = await redeem(server, await walk(spa));
    const turned = await refresh(server, spa, turning.body.refresh_token);
    assert.notEqual(turned.body.refresh_token, turning.body.refresh_token);
    note('token.reuse_detected', spa, turning.body.grant_id, await refresh(server, spa, turning.body.refresh_token, {}, elsewhere()));
    const again = await redeem(server, await walk(spa));
    note('token.leaked', spa, again.body.grant_id, await api(server, '/api/oauth-client/leaked', { method: 'POST', json: { tokens: [again.body.access_token] } }));
    note('app.secret_rotated', web, null, await post(ada, APPS, { decision: 'rotate', client_id: web.clientId }));
    const live = await redeem(server, await walk(spa));
    note('grant.revoked', spa, live.body.grant_id, await api(server, `/api/oauth-client/installations/${live.body.grant_id}`, { method: 'DELETE', token: live.body.access_token }));
    note('app.disabled', web, null, await post(ada, APPS, { decision: 'disable', client_id: web.clientId }));

    const texts = [];
    for (const [kind, app, grantId, request] of happened) {
      assert.match(request, /^[0-9a-f]{16}$/, kind);
      for (const filters of [{}, { app }, ...(grantId ? [{ grant: grantId }] : [])]) {
        const what = `${kind} by ${Object.keys(filters)[0] ?? 'organization'}`;
        const found = await eventually(what, async () => (await rest({ kind, limit: 500, ...filters })).body.events.find((e) => e.requestId === request));
        assert.equal(found.app, app, what);
        if (grantId) assert.match(found.grant, /^grt_/, what);      // its present id: the former one finds it too (R3)
        assert.ok(command('--kind', kind, '--org', seed.org, ...Object.entries(filters).flatMap(([name, value]) => [`--${name}`, value])).some((e) => e.requestId === request), `${what}: command`);
        assert.ok(rows((await page({ organization: seed.org, kind, ...filters })).text).some((row) => row.request === request), `${what}: page`);
        texts.push(JSON.stringify(found));
      }
    }
    for (const secret of [web.clientSecret, tokens.body.refresh_token, tokens.body.access_token, minted.body.installation_token, first.code, first.verifier]) assert.ok(!texts.some((text) => text.includes(secret)), 'never a secret');
  } finally {
    await server.close();
    server = own;
  }
});
