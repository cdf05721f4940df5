// SPDX-License-Identifier: MIT
// Refresh tokens under their three policies: the same again, a new one each time, or lagging behind.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { join } from 'node:path';
import { Server, startServer } from '../lib/server.mjs';
import { addPerson, assertOauthError, assertTokens, codeFor, connectWith, elsewhere, eventually, from, me, mintRaw, neighbour, organizations, passed, proxied, redeem, refresh, signedIn } from '../lib/oauth.mjs';

let server, strict, seed, browser, spa, other;
const home = from('203.0.113.10'), neighbourAtHome = from('203.0.113.99'), away = from('198.51.100.5');

// `strict` has no grace, so that a replaced token is old at once.
before(async () => {
  server = await startServer({ settings: proxied });
  seed = server.seed();
  browser = await signedIn(server, seed);
  spa = server.cli(['app', 'add', '--name', 'Page', '--type', 'spa', '--redirect-uri', 'https://spa.example/cb']);
  other = server.cli(['app', 'add', '--name', 'Other', '--type', 'web', '--redirect-uri', 'https://other.example/cb']);
  strict = { server: await startServer({ settings: { ...proxied, refresh_grace_s: 0 } }) };
  strict.seed = strict.server.seed();
  strict.browser = await signedIn(strict.server, strict.seed);
  strict.spa = strict.server.cli(['app', 'add', '--name', 'Page', '--type', 'spa', '--redirect-uri', 'https://spa.example/cb']);
  strict.bound = strict.server.cli(['app', 'add', '--name', 'Bound', '--type', 'web', '--redirect-uri', 'https://bound.example/cb', '--refresh-policy', 'rotating']);
});
after(async () => {
  await strict?.server.close();
  await server?.close();
});

const connectHere = (options = {}) => connectWith(server, seed, { browser, ...options });
const ok = async (answer) => assertTokens(await answer);
// At home, on the server without grace. The clock must have moved on from the last answer.
const strictly = async (app, token, where = home) => { await passed(3); return refresh(strict.server, app, token, {}, where); };
async function strictConnection(app, where = home) {
  const code = await codeFor(strict.server, strict.seed, { app, browser: strict.browser });
  return ok(redeem(strict.server, code, {}, where));
}

test('rule_123 R2 stable: an app with a secret gets the same token each time', async () => {
  assert.equal(seed.web.refreshPolicy, 'stable');
  const first = await connectHere();
  let access = first.access_token;
  for (let i = 0; i < 3; i++) {
    const answer = await ok(refresh(server, seed.web, first.refresh_token));
    assert.equal(answer.refresh_token, first.refresh_token);
    assert.notEqual(answer.access_token, access, 'a fresh access token');
    assert.equal(answer.expires_in, 1800);
    access = answer.access_token;
  }
  assert.equal((await me(server, first.access_token)).status, 200, 'earlier access tokens live their time');
});

test('rule_123 R2 rotating: an app without a secret gets a new token each time', async () => {
  assert.equal(spa.refreshPolicy, 'rotating');
  const first = await connectHere({ app: spa });
  const seen = new Set([first.refresh_token]);
  let token = first.refresh_token;
  for (let i = 0; i < 4; i++) {
    token = (await ok(refresh(server, spa, token))).refresh_token;
    assert.ok(!seen.has(token));
    seen.add(token);
  }
});

test('rule_125 rule_135 rule_249 within the grace a replaced token gets the same successor, so a lost answer is no loss', async () => {
  const first = await connectHere({ app: spa });
  const second = await ok(refresh(server, spa, first.refresh_token));
  for (let i = 0; i < 3; i++) {
    const again = await ok(refresh(server, spa, first.refresh_token));
    assert.equal(again.refresh_token, second.refresh_token);
    assert.equal(again.expires_in, 1800, 'rule_135');
    assert.equal((await me(server, again.access_token)).status, 200);
  }
  const third = await ok(refresh(server, spa, second.refresh_token));
  assert.notEqual(third.refresh_token, second.refresh_token);
  assert.equal((await ok(refresh(server, spa, second.refresh_token))).refresh_token, third.refresh_token);
  await ok(refresh(server, spa, third.refresh_token));
});

test('rule_124 rule_248 rule_265 64 refreshes of one token at the same time give one successor', async () => {
  for (const app of [seed.web, spa, seed.native]) {
    const first = await connectHere({ app });
    const answers = await Promise.all(Array.from({ length: 64 }, () => refresh(server, app, first.refresh_token, {}, home)));
    const bodies = answers.map(assertTokens);
    assert.equal(new Set(bodies.map((body) => body.refresh_token)).size, 1, app.name);
    assert.equal(bodies[0].refresh_token === first.refresh_token, app === seed.web);
    assert.equal(new Set(bodies.map((body) => body.access_token)).size, 64, 'each an access token of its own');
    for (const body of [bodies[0], bodies[63]]) assert.equal((await me(server, body.access_token)).status, 200);
    await ok(refresh(server, app, bodies[0].refresh_token, {}, home));
  }
});

test('rule_124 successors used while predecessors are still being presented never fork the chain', async () => {
  const first = await connectHere({ app: spa });
  const chains = await Promise.all(Array.from({ length: 8 }, async () => {
    let token = first.refresh_token;
    for (let i = 0; i < 5; i++) token = (await ok(refresh(server, spa, token, {}, home))).refresh_token;
    return token;
  }));
  const last = await Promise.all(chains.map(async (token) => (await ok(refresh(server, spa, token, {}, home))).refresh_token));
  assert.ok(last.length === 8);
  const end = (await ok(refresh(server, spa, last.at(-1), {}, home))).refresh_token;
  await ok(refresh(server, spa, end, {}, home));
});

test('rule_127 rule_247 a replaced token outside its grace ends the family with all it issued', async () => {
  const first = await strictConnection(strict.spa);
  const otherFamily = await strictConnection(strict.spa);
  const minted = (await mintRaw(strict.server, first)).body.installation_token;
  const thief = await ok(strictly(strict.spa, first.refresh_token, away));
  const laterMint = (await mintRaw(strict.server, thief, { scopes: ['org:read'] })).body.installation_token;
  assertOauthError(await strictly(strict.spa, first.refresh_token), 400, 'invalid_grant');
  assertOauthError(await strictly(strict.spa, thief.refresh_token, away), 400, 'invalid_grant');
  for (const token of [first.access_token, thief.access_token]) assert.equal((await me(strict.server, token)).status, 401);
  for (const token of [minted, laterMint]) assert.equal((await organizations(strict.server, token)).status, 401);
  await ok(strictly(strict.spa, otherFamily.refresh_token));
  assert.equal((await me(strict.server, otherFamily.access_token)).status, 200, 'another sign-in of the same person goes on');
  const audit = strict.server.run(['audit', '--app', strict.spa.clientId]).stdout;
  assert.match(audit, /reused|reuse/, 'rule_221');
});

// The connection ends before a byte of the answer is read; whether the server had rotated by then, nobody knows.
const unanswered = (to, app, token, where, wait) => new Promise((resolve, reject) => {
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token, client_id: app.clientId, ...(app.clientSecret && { client_secret: app.clientSecret }) }).toString();
  const socket = net.connect(to.port, '127.0.0.1', () => socket.write(`POST /api/auth/mcp/token HTTP/1.1\r\nHost: 127.0.0.1:${to.port}\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Forwarded-For: ${where['x-forwarded-for']}\r\nContent-Length: ${body.length}\r\n\r\n${body}`, async () => {
    if (wait) await wait();
    socket.resetAndDestroy();
  }));
  socket.on('error', reject);
  socket.on('close', resolve);
});

test('rule_249 a client that never read the answer asks again and goes on, whenever its connection broke', async () => {
  for (const app of [seed.web, spa, seed.native]) {
    const first = await connectHere({ app });
    const refreshed = () => server.run(['audit', '--app', app.clientId]).stdout.split('\n').filter((line) => line.includes(first.grant_id) && line.includes('token.refreshed')).length;
    await unanswered(server, app, first.refresh_token, home);
    await unanswered(server, app, first.refresh_token, home, () => eventually('the first answer is on its way', () => refreshed() > 0));
    const again = await ok(refresh(server, app, first.refresh_token, {}, home));
    assert.equal(again.refresh_token === first.refresh_token, app === seed.web);
    assert.equal((await me(server, again.access_token)).status, 200);
    assert.equal((await mintRaw(server, again)).status, 200);
    const next = await ok(refresh(server, app, again.refresh_token, {}, home));
    if (app !== seed.web) assert.notEqual(next.refresh_token, again.refresh_token, 'one step, not one for each try');
  }
});

test('rule_247 rule_248 a theft that wins a race: both have the successor, and the one who is later by a grace ends both', async () => {
  const own = await startServer({ settings: { ...proxied, refresh_grace_s: 1 } });
  try {
    const people = own.seed();
    const page = own.cli(['app', 'add', '--name', 'Page', '--type', 'spa', '--redirect-uri', 'https://spa.example/cb']);
    const first = await connectWith(own, people, { app: page, browser: await signedIn(own, people) });
    const [owner, thief] = (await Promise.all([refresh(own, page, first.refresh_token, {}, home), refresh(own, page, first.refresh_token, {}, away)])).map(assertTokens);
    assert.equal(owner.refresh_token, thief.refresh_token);
    const further = await ok(refresh(own, page, thief.refresh_token, {}, away));
    await passed(1200);
    assertOauthError(await refresh(own, page, owner.refresh_token, {}, home), 400, 'invalid_grant');
    assertOauthError(await refresh(own, page, further.refresh_token, {}, away), 400, 'invalid_grant');
    for (const token of [owner.access_token, thief.access_token, further.access_token]) assert.equal((await me(own, token)).status, 401);
  } finally {
    await own.close();
  }
});

test('rule_115 rule_126 a new secret of the app changes no token: the chain goes on with the new one and, for its overlap, with the old one', async () => {
  const app = strict.server.cli(['app', 'add', '--name', 'Rotated', '--type', 'web', '--redirect-uri', 'https://rotated.example/cb', '--refresh-policy', 'rotating']);
  const first = await strictConnection(app);
  const fresh = { ...app, clientSecret: strict.server.cli(['app', 'rotate-secret', app.clientId, '--overlap', '1h']).clientSecret };
  const second = await ok(strictly(fresh, first.refresh_token));
  assert.equal((await ok(strictly(app, first.refresh_token))).refresh_token, second.refresh_token, 'bound by either');
  const last = { ...app, clientSecret: strict.server.cli(['app', 'rotate-secret', app.clientId, '--overlap', '0']).clientSecret };
  for (const gone of [app, fresh]) assertOauthError(await strictly(gone, second.refresh_token, elsewhere()), 401, 'invalid_client');
  await ok(strictly(last, second.refresh_token));
});

test('rule_126 an app that proves itself may ask again for the newest token, but not for older ones', async () => {
  assert.equal(strict.bound.refreshPolicy, 'rotating');
  const first = await strictConnection(strict.bound);
  const second = await ok(strictly(strict.bound, first.refresh_token));
  assert.notEqual(second.refresh_token, first.refresh_token);
  assert.equal((await ok(strictly(strict.bound, first.refresh_token))).refresh_token, second.refresh_token);
  const third = await ok(strictly(strict.bound, second.refresh_token));
  assertOauthError(await strictly(strict.bound, first.refresh_token), 400, 'invalid_grant');
  await ok(strictly(strict.bound, third.refresh_token));
  assert.equal((await me(strict.server, first.access_token)).status, 200, 'R37: no death with a client binding');
});

test('rule_123 R2 rule_264 lagging: in the network of the last refresh every predecessor gets the current token', async () => {
  const app = strict.seed.native;
  assert.equal(app.refreshPolicy, 'lagging');
  const first = await strictConnection(app);
  const second = await ok(strictly(app, first.refresh_token));
  const third = await ok(strictly(app, second.refresh_token, neighbourAtHome));
  for (const old of [first.refresh_token, second.refresh_token, first.refresh_token]) assert.equal((await ok(strictly(app, old))).refresh_token, third.refresh_token, 'another process that shares the file');
  await ok(strictly(app, third.refresh_token));
});

test('rule_123 lagging: a stale token from elsewhere is refused and ends nothing', async () => {
  const app = strict.seed.native;
  const first = await strictConnection(app);
  const second = await ok(strictly(app, first.refresh_token));
  const refused = await strictly(app, first.refresh_token, away);
  assertOauthError(refused, 400, 'invalid_grant');
  await ok(strictly(app, second.refresh_token));
  assert.equal((await me(strict.server, second.access_token)).status, 200);
});

test('rule_123 rule_127 lagging: the chain advanced from a network that is new since: theft, the family ends', async () => {
  const app = strict.seed.native;
  const first = await strictConnection(app);
  const thief = await ok(strictly(app, first.refresh_token, away));
  assertOauthError(await strictly(app, first.refresh_token), 400, 'invalid_grant');
  assertOauthError(await strictly(app, thief.refresh_token, away), 400, 'invalid_grant');
  assert.equal((await me(strict.server, thief.access_token)).status, 401);
});

test('rule_119 another app cannot refresh, and ends nothing by trying', async () => {
  const first = await connectHere();
  const rotated = await connectHere({ app: spa });
  for (const token of [first.refresh_token, rotated.refresh_token]) assertOauthError(await refresh(server, other, token), 400, 'invalid_grant');
  assertOauthError(await refresh(server, spa, first.refresh_token), 400, 'invalid_grant');
  await ok(refresh(server, seed.web, first.refresh_token));
  await ok(refresh(server, spa, rotated.refresh_token));
});

test('rule_120 an app with a secret cannot refresh without it', async () => {
  const first = await connectHere();
  for (const secret of [undefined, '', 'wrong', other.clientSecret]) assertOauthError(await refresh(server, seed.web, first.refresh_token, { client_secret: secret }, elsewhere()), 401, 'invalid_client');
  await ok(refresh(server, seed.web, first.refresh_token));
});

test('rule_121 rule_257 scope may be narrowed, never widened; the refresh token keeps all', async () => {
  const first = await connectHere({ scope: 'org:read keys:read projects:read', scopes: ['org:read', 'keys:read'] });
  for (const scope of ['org:read projects:read', 'projects:read', 'translations:publish', 'org:read nonsense', 'openid', 'org:read\tkeys:read']) assertOauthError(await refresh(server, seed.web, first.refresh_token, { scope }), 400, 'invalid_scope');
  const narrow = await ok(refresh(server, seed.web, first.refresh_token, { scope: 'org:read' }));
  assert.equal(narrow.scope, 'org:read');
  assert.deepEqual((await me(server, narrow.access_token)).body.scopes, ['org:read']);
  const minted = await mintRaw(server, narrow);
  assert.deepEqual(minted.body.scopes, ['org:read'], 'what it mints is as narrow');
  const wider = await mintRaw(server, narrow, { scopes: ['org:read', 'keys:read'] });
  assert.equal(wider.status, 403);
  assert.equal(wider.body.required, 'keys:read');
  const full = await ok(refresh(server, seed.web, first.refresh_token));
  assert.equal(full.scope, 'org:read keys:read');
  assert.deepEqual((await mintRaw(server, full)).body.scopes, ['org:read', 'keys:read']);
});

test('rule_078 a resource may be named again, another not', async () => {
  const first = await connectHere({ extra: { resource: `${server.url}/` } });
  await ok(refresh(server, seed.web, first.refresh_token, { resource: `${server.url}/` }));
  await ok(refresh(server, seed.web, first.refresh_token, { resource: server.url }));
  assertOauthError(await refresh(server, seed.web, first.refresh_token, { resource: `${server.url}/api/oauth-client` }), 400, 'invalid_target');
  assertOauthError(await refresh(server, seed.web, first.refresh_token, { resource: 'https://evil.example' }), 400, 'invalid_target');
});

test('rule_129 rule_164 nothing else is a refresh token', async () => {
  const fresh = await codeFor(server, seed, { browser });
  const first = await connectHere();
  const minted = (await mintRaw(server, first)).body.installation_token;
  const key = server.cli(['key', 'add', '--org', seed.org, '--level', 'admin']).key;
  for (const token of [first.access_token, minted, fresh.code, key, seed.web.clientSecret, browser.cookies.get('bi18n_session'), 'x', 'rt_', `rt_${'0'.repeat(49)}`, neighbour(first.refresh_token), neighbour(first.refresh_token, -49), first.refresh_token.slice(0, -1), `${first.refresh_token}A`, ` ${first.refresh_token}`, first.refresh_token.replace('rt_', 'bi_at_'), 'a'.repeat(4096)]) assertOauthError(await refresh(server, seed.web, token), 400, 'invalid_grant');
  const spoilt = await refresh(server, seed.web, neighbour(first.refresh_token));
  const unknown = await refresh(server, seed.web, 'rt_x');
  const foreign = await refresh(server, other, first.refresh_token);
  assert.equal(spoilt.text, unknown.text, 'rule_103: a forgery, garbage …');
  assert.equal(foreign.text, unknown.text, '… and another app\'s token look alike');
  await ok(refresh(server, seed.web, first.refresh_token));
  assertTokens(await redeem(server, fresh));
});

test('R4 each grant of a consent refreshes for itself', async () => {
  server.cli(['org', 'add', '--slug', 'two', '--name', 'Two', '--owner', seed.email]);
  const app = server.cli(['app', 'add', '--name', 'Many', '--type', 'web', '--redirect-uri', 'https://many.example/cb']);
  const connection = await connectHere({ app, organizations: ['acme', 'two'] });
  const [acme, two] = connection.grants;
  for (const grant of [acme, two]) {
    const answer = await ok(refresh(server, app, grant.refresh_token));
    assert.equal(answer.grant_id, grant.grant_id);
    assert.equal(answer.organization_id, grant.organization_id);
    assert.equal(answer.grants.length, 1);
    assert.equal(answer.refresh_token, grant.refresh_token);
  }
  server.cli(['grant', 'revoke', acme.grant_id]);
  assertOauthError(await refresh(server, app, acme.refresh_token), 400, 'invalid_grant');
  const alive = await ok(refresh(server, app, two.refresh_token));
  assert.equal((await mintRaw(server, alive)).status, 200);
});

test('R3 older refresh tokens survive a new consent and name the current grant', async () => {
  const app = server.cli(['app', 'add', '--name', 'Renewed', '--type', 'web', '--redirect-uri', 'https://renewed.example/cb']);
  const first = await connectHere({ app, scope: 'org:read keys:read' });
  const second = await connectHere({ app, scope: 'org:read' });
  assert.notEqual(second.grant_id, first.grant_id);
  const old = await ok(refresh(server, app, first.refresh_token));
  assert.equal(old.grant_id, second.grant_id);
  assert.equal(old.scope, 'org:read', 'what the person approved last');
  assert.equal(old.refresh_token, first.refresh_token);
});

test('rule_134 beyond the limit of families the one used longest ago gives way', async () => {
  const own = await startServer({ settings: { refresh_families_max: 2 } });
  try {
    const people = own.seed();
    const who = await signedIn(own, people);
    const connections = [];
    for (let i = 0; i < 2; i++) { connections.push(await connectWith(own, people, { browser: who })); await passed(3); }
    await ok(refresh(own, people.web, connections[0].refresh_token));
    await passed(3);
    connections.push(await connectWith(own, people, { browser: who }));
    assertOauthError(await refresh(own, people.web, connections[1].refresh_token), 400, 'invalid_grant');
    await ok(refresh(own, people.web, connections[0].refresh_token));
    await ok(refresh(own, people.web, connections[2].refresh_token));
  } finally {
    await own.close();
  }
});

test('rule_131 rule_262 disabling a person, losing the role, revoking: invalid_grant from then on', async () => {
  const person = addPerson(server, { email: 'gone@example.com', org: 'gonecorp' });
  const who = await signedIn(server, person);
  const disabled = await connectWith(server, { ...seed, ...person }, { app: seed.web, organizations: ['gonecorp'], browser: who });
  const minted = (await mintRaw(server, disabled)).body.installation_token;
  assert.equal((await organizations(server, minted)).status, 200);
  server.cli(['user', 'disable', '--email', person.email]);
  assertOauthError(await refresh(server, seed.web, disabled.refresh_token), 400, 'invalid_grant');
  assert.ok([401, 410].includes((await organizations(server, minted)).status));
  assert.equal((await me(server, disabled.access_token)).status, 401);

  const admin = addPerson(server, { email: 'demoted@example.com' });
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', admin.email, '--role', 'admin']);
  const demoted = await connectWith(server, { ...seed, ...admin, org: seed.org }, { app: seed.web, browser: await signedIn(server, admin) });
  const token = (await mintRaw(server, demoted)).body.installation_token;
  assert.equal((await organizations(server, token)).status, 200);
  server.cli(['org', 'member', 'add', '--org', seed.org, '--email', admin.email, '--role', 'member']);
  assertOauthError(await refresh(server, seed.web, demoted.refresh_token), 400, 'invalid_grant');
  assert.ok([401, 410].includes((await organizations(server, token)).status), 'rule_152');
});

test('R22 rule_220 tokens, chains and graces survive a restart', async () => {
  const own = await startServer({ settings: { refresh_grace_s: 600 } });
  try {
    const people = own.seed();
    const page = own.cli(['app', 'add', '--name', 'Page', '--type', 'spa', '--redirect-uri', 'https://spa.example/cb']);
    const who = await signedIn(own, people);
    const stable = await connectWith(own, people, { browser: who });
    const minted = (await mintRaw(own, stable)).body.installation_token;
    const first = await connectWith(own, people, { app: page, browser: who });
    const second = await ok(refresh(own, page, first.refresh_token));
    await own.stop();
    await own.start();
    assert.equal((await organizations(own, minted)).status, 200);
    assert.equal((await me(own, stable.access_token)).status, 200);
    assert.equal((await ok(refresh(own, people.web, stable.refresh_token))).refresh_token, stable.refresh_token);
    assert.equal((await ok(refresh(own, page, first.refresh_token))).refresh_token, second.refresh_token);
    assert.equal((await who.request('/settings/connected-apps')).status, 200, 'people stay signed in');
  } finally {
    await own.close();
  }
});

test('rule_268 after a restore apps still work, and what was issued since the backup fails closed', { skip: process.env.BI18N_TEST_WIRE_POSTGRES && 'pg_dump makes backups there' }, async () => {
  const own = await startServer();
  const restored = new Server();
  try {
    const people = own.seed();
    const page = own.cli(['app', 'add', '--name', 'Page', '--type', 'spa', '--redirect-uri', 'https://spa.example/cb']);
    const who = await signedIn(own, people);
    const before = await connectWith(own, people, { app: page, browser: who });
    own.cli(['backup', join(own.base, 'copy')]);
    const lost = await connectWith(own, people, { browser: who });
    const lostMint = (await mintRaw(own, lost)).body.installation_token;
    const advanced = await ok(refresh(own, page, before.refresh_token));
    await own.stop();
    restored.settings = { secret_key_file: `${own.data}.key` };
    restored.cli(['restore', join(own.base, 'copy')]);
    await restored.start();
    assertOauthError(await refresh(restored, people.web, lost.refresh_token), 400, 'invalid_grant');
    assertOauthError(await refresh(restored, page, advanced.refresh_token), 400, 'invalid_grant');
    assert.equal((await me(restored, lost.access_token)).status, 401);
    assert.equal((await organizations(restored, lostMint)).status, 401);
    assert.ok([200, 400].includes((await refresh(restored, page, before.refresh_token)).status));
    const again = await connectWith(restored, people, { app: page });
    await ok(refresh(restored, page, again.refresh_token));
  } finally {
    await restored.close();
    await own.close();
  }
});

test('rule_122 an app without a secret cannot be registered to keep one token', async () => {
  for (const policy of ['stable', 'lagging', 'never']) assert.notEqual(server.run(['app', 'add', '--name', 'Bad', '--type', 'spa', '--redirect-uri', 'https://a.example/cb', '--refresh-policy', policy]).status, 0, policy);
});

test('R43 rule_127 the person is told: the settings page names the connection', async () => {
  const first = await strictConnection(strict.spa);
  await ok(strictly(strict.spa, first.refresh_token, away));
  assertOauthError(await strictly(strict.spa, first.refresh_token), 400, 'invalid_grant');
  const page = await strict.browser.request('/settings/connected-apps');
  assert.match(page.text, new RegExp(`<time datetime="[^"]+">[^<]+</time> [^<]*${first.grant_id}`));
  const stranger = await signedIn(strict.server, addPerson(strict.server, { email: 'stranger@example.com' }));
  assert.doesNotMatch((await stranger.request('/settings/connected-apps')).text, /grt_/, 'and nobody else');
});
