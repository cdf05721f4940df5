// SPDX-License-Identifier: MIT
// Rule 224: who or what is deleted takes everything along, and the record of what happened stays.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Browser, hidden, startServer } from '../lib/server.mjs';
import { addPerson, assertOauthError, authorizeUrl, codeFor, connectWith, me, mintRaw, openConsent, organizations, proxied, redeem, refresh, signedIn } from '../lib/oauth.mjs';
import { caller } from '../lib/strings.mjs';

let server, seed, browser;
before(async () => {
  server = await startServer({ settings: proxied });
  seed = server.seed();
  browser = await signedIn(server, seed);
});
after(() => server?.close());

// The store itself, either one: rows as lists of text.
function rows(sql) {
  const done = server.database ? spawnSync('psql', ['-qAt', server.database, '-c', sql], { encoding: 'utf8' })
    : spawnSync('python3', ['-c', 'import sqlite3, sys\nfor row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print("|".join(map(str, row)))', join(server.data, 'bi18n.db'), sql], { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.split('\n').filter(Boolean).map((line) => line.split('|'));
}
const columns = () => (server.database ? rows("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'")
  : rows("SELECT m.name, p.name FROM sqlite_schema m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"));
// Every table that points at it, also one that comes later. History names who and what by number, of whom nothing is left.
const history = ['audit_event', 'text_revision', 'job'];
const pointers = (column, id) => rows(columns().filter(([table, name]) => name === column && !history.includes(table)).map(([table]) => `SELECT '${table}' FROM ${table} WHERE ${column} = ${id}`).join(' UNION '));
const numberOf = (table, publicId) => rows(`SELECT id FROM ${table} WHERE ${table === 'app' ? 'client_id' : 'public_id'} = '${publicId}'`)[0]?.[0];
const verified = () => assert.deepEqual(server.cli(['verify']).problems, []);

test('rule_224 a deleted app takes its connections, tokens, codes and requests along, and no other\'s', async () => {
  const app = server.cli(['app', 'add', '--name', 'Doomed', '--type', 'web', '--redirect-uri', 'https://doomed.example/cb']);
  const connection = await connectWith(server, seed, { app, browser });
  const renewed = await connectWith(server, seed, { app, browser, scope: 'org:read' }); // leaves an alias
  const limited = addPerson(server, { email: 'limited@example.com', org: 'limited' });
  server.cli(['project', 'add', 'limited/site', '--source', 'en']);
  await connectWith(server, { ...limited }, { app, browser: await signedIn(server, limited), organizations: ['limited'], projects: ['limited/site'] });
  const minted = (await mintRaw(server, renewed)).body.installation_token;
  const code = await codeFor(server, seed, { app, browser });
  await openConsent(browser, app);
  const kept = await connectWith(server, seed, { browser });
  const id = numberOf('app', app.clientId), grants = rows(`SELECT id FROM installation WHERE app_id = ${id}`).flat();
  assert.equal(grants.length, 2);
  assert.ok(pointers('app_id', id).length >= 6, 'there is something to delete');

  const live = server.run(['app', 'delete', app.clientId]);
  assert.equal(live.status, 1);
  assert.match(live.stderr, /[Dd]isable/);
  assert.equal((await refresh(server, app, renewed.refresh_token)).status, 200, 'nothing happened');
  server.cli(['app', 'disable', app.clientId]);
  assert.deepEqual(server.cli(['app', 'delete', app.clientId]), { clientId: app.clientId, name: 'Doomed' });

  assert.equal(server.run(['app', 'delete', app.clientId]).status, 3);
  assert.equal(server.run(['grant', 'list', '--app', app.clientId]).status, 3);
  assert.deepEqual(pointers('app_id', id), []);
  for (const grant of grants) assert.deepEqual(pointers('installation_id', grant), []);
  for (let restarts = 0; restarts < 2; restarts++) {
    assertOauthError(await refresh(server, app, renewed.refresh_token), 401, 'invalid_client');
    assertOauthError(await redeem(server, code), 401, 'invalid_client');
    for (const token of [connection.access_token, renewed.access_token]) assert.equal((await me(server, token)).status, 401);
    assert.equal((await organizations(server, minted)).status, restarts === 0 ? 410 : 401);
    assert.equal((await browser.request(authorizeUrl(app))).status, 400);
    assert.doesNotMatch((await browser.follow('/settings/connected-apps')).text, /Doomed/);
    assert.equal((await refresh(server, seed.web, kept.refresh_token)).status, 200);
    assert.equal((await mintRaw(server, kept)).status, 200);
    await server.stop();
    await server.start();
  }
  const events = server.run(['audit']).stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.ok(events.some(({ kind, detail }) => kind === 'app.deleted' && JSON.stringify(detail).includes(app.clientId)));
  assert.ok(events.some(({ kind }) => kind === 'token.minted'), 'what happened stays');
  verified();
});

test('rule_224 the console deletes a disabled app of one\'s own, in a second step, and nobody else\'s', async () => {
  const post = async (who, form) => who.request('/settings/apps', { method: 'POST', form: { ...hidden((await who.request('/settings/apps')).text, '/settings/apps'), ...form } });
  const made = await post(browser, { decision: 'register', name: 'Short-lived', type: 'spa', redirect_uris: 'https://short.example/cb' });
  const clientId = /app_[0-9A-Za-z]+/.exec(made.text.slice(made.text.indexOf('role="status"')))[0];
  const cardOf = (text) => text.split('<section').find((part) => part.includes(clientId));
  assert.doesNotMatch(cardOf((await browser.request('/settings/apps')).text), /value="delete"/);
  const early = await post(browser, { decision: 'delete', client_id: clientId });
  assert.equal(early.status, 409);
  assert.match(early.text, /role="alert"/);
  assert.equal((await post(browser, { decision: 'disable', client_id: clientId })).status, 303);
  assert.match(cardOf((await browser.request('/settings/apps')).text), /value="delete"/);
  const stranger = await signedIn(server, addPerson(server, { email: 'passer@example.com' }));
  assert.equal((await post(stranger, { decision: 'delete', client_id: clientId })).status, 404);
  assert.equal((await browser.request('/settings/apps', { method: 'POST', form: { decision: 'delete', client_id: clientId } })).status, 403, 'without its mark');
  const done = await post(browser, { decision: 'delete', client_id: clientId });
  assert.equal(done.status, 303);
  const page = await browser.request(done.location);
  assert.match(page.text, /class="notice good" role="status"/);
  assert.ok(!page.text.includes(clientId));
});

test('rule_224 rule_222 a deleted person takes sign-ins, connections and memberships along, leaves no name or address, and is never anybody again', async () => {
  const email = 'leaver@example.com', user_agent = 'Leaver/1.0 (their machine)';
  const leaver = addPerson(server, { email, name: 'Leah Leaver', org: 'leavers' });
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', email, '--role', 'admin']);
  const who = new Browser(server);
  who.headers = { 'user-agent': user_agent, 'x-forwarded-for': '192.0.2.77' };
  assert.equal((await who.signIn(leaver.email, leaver.password)).status, 303);
  const connection = await connectWith(server, { ...seed, ...leaver, org: seed.org }, { app: seed.web, browser: who });
  const others = await connectWith(server, seed, { browser });
  const minted = (await mintRaw(server, connection, undefined, { headers: { 'user-agent': user_agent } })).body.installation_token;
  await caller(server, minted, { orgSlug: seed.org, projectSlug: seed.project }).put('createKeys', { k: [{ n: 'written.by', v: 'Kept' }] });
  const publicId = server.cli(['user', 'list']).find((u) => u.email === email).id;
  const id = numberOf('account', publicId);
  const refused = (pattern) => {
    const done = server.run(['user', 'delete', '--email', email]);
    assert.equal(done.status, 1, done.stdout);
    assert.match(done.stderr, pattern);
  };
  refused(/[Dd]isable/);
  assert.equal((await me(server, connection.access_token)).status, 200);
  server.cli(['user', 'disable', '--email', email]);
  refused(/leavers/);
  server.cli(['org', 'member', 'add', '--org', 'leavers', '--email', seed.email, '--role', 'owner']);
  assert.equal(server.cli(['user', 'delete', '--email', email]).id, publicId);

  assert.equal(server.run(['user', 'delete', '--email', email]).status, 3);
  assert.deepEqual(pointers('account_id', id), []);
  const traces = ['leaver@', 'Leah', '192.0.2.77', 'Leaver/1.0'];
  assert.deepEqual(rows(columns().filter(([table]) => table !== 'schema_migration').map(([table, column]) => `SELECT '${table}.${column}' FROM ${table} WHERE ${traces.map((trace) => `CAST(${column} AS TEXT) LIKE '%${trace}%'`).join(' OR ')}`).join(' UNION ')), []);
  for (let restarts = 0; restarts < 2; restarts++) {
    assertOauthError(await refresh(server, seed.web, connection.refresh_token), 400, 'invalid_grant');
    assert.equal((await me(server, connection.access_token)).status, 401);
    assert.ok([401, 410].includes((await organizations(server, minted)).status));
    assert.notEqual((await new Browser(server).signIn(leaver.email, leaver.password)).status, 303);
    assert.match((await who.request('/settings/apps')).location, /^\/login/);
    assert.equal((await refresh(server, seed.web, others.refresh_token)).status, 200, 'others go on');
    assert.match(server.run(['export', `${seed.org}/${seed.project}`, '--language', 'en', '--draft']).stdout, /Kept/, 'what they wrote belongs to the project');
    await server.stop();
    await server.start();
  }
  assert.ok(Number(rows(`SELECT COUNT(*) FROM audit_event WHERE account_id = ${id} AND kind = 'token.issued'`)[0][0]) > 0, 'what happened stays');
  const again = addPerson(server, { email });
  const fresh = server.cli(['user', 'list']).find((u) => u.email === email).id;
  assert.notEqual(fresh, publicId);
  assert.notEqual(numberOf('account', fresh), id);
  assert.doesNotMatch((await (await signedIn(server, again)).follow('/settings/connected-apps')).text, /grt_/);
  verified();
});

test('rule_224 a person who alone keeps an app cannot be deleted before it', async () => {
  const keeper = addPerson(server, { email: 'keeper@example.com' });
  const who = await signedIn(server, keeper);
  const form = { ...hidden((await who.request('/settings/apps')).text, '/settings/apps'), decision: 'register', name: 'Kept', type: 'spa', redirect_uris: 'https://kept.example/cb' };
  const made = await who.request('/settings/apps', { method: 'POST', form });
  const clientId = /app_[0-9A-Za-z]+/.exec(made.text.slice(made.text.indexOf('role="status"')))[0];
  server.cli(['user', 'disable', '--email', keeper.email]);
  const refused = server.run(['user', 'delete', '--email', keeper.email]);
  assert.equal(refused.status, 1);
  assert.ok(refused.stderr.includes(clientId));
  server.cli(['app', 'disable', clientId]);
  server.cli(['app', 'delete', clientId]);
  server.cli(['user', 'delete', '--email', keeper.email]);
});
