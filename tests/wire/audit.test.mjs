// SPDX-License-Identifier: MIT
// The record of what happened (rule 221): every event, its request id, and the three channels that read it: the
// page, the API and the command. Who may look, what fits, and what never gets in.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Browser, startServer, unescapeHtml } from '../lib/server.mjs';
import { addPerson, assertRestError, connectWith, proxied, signedIn } from '../lib/oauth.mjs';
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
