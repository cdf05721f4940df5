// SPDX-License-Identifier: MIT
// The server is killed (SIGKILL) at random moments of a mixed load and started again on the same store. A ledger holds
// every write that was acknowledged: none may be lost, nothing revoked may come back, no publish may end half done.
// BI18N_TEST_SEED repeats the moments of a run; BI18N_TEST_FULL makes 300 rounds of 30.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { api, authorize, full, slow, startServer, tokenRequest } from '../lib/server.mjs';
import { connectWith, control, elsewhere, eventually, mintRaw, organizations, passed, proxied, redeem, refresh, signedIn } from '../lib/oauth.mjs';
import { addKey, caller, succeeded } from '../lib/strings.mjs';

const rounds = full ? 300 : 30;
const seedNumber = Number(process.env.BI18N_TEST_SEED ?? Date.now() % 1_000_000_007);
const CHECKED = 25; // of what earlier rounds left, picked anew each time
const scope = 'org:read projects:read';

// mulberry32: the same numbers for the same seed.
let state = seedNumber >>> 0;
function random() {
  state = state + 0x6d2b79f5 >>> 0;
  let t = Math.imul(state ^ state >>> 15, 1 | state);
  t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
  return ((t ^ t >>> 14) >>> 0) / 4294967296;
}
const pick = (list, n) => list.map((item) => [random(), item]).sort((a, b) => a[0] - b[0]).slice(0, n).map(([, item]) => item);

let server, seed, browser, adminKey, strings, lagging, spa, churn, holder;
const ledger = {
  live: [],        // installation tokens
  gone: [],        // {refresh, app, installation, access, grant} of revoked connections
  keys: [], goneKeys: [],
  names: new Set(), // string keys that were created
  values: new Map(), // generation of the bundle: acknowledged, sent
  published: 0,    // the generation that a finished publish must at least show
  jobs: [],        // [id, generation at its start]
  codes: [],       // acknowledged, not redeemed
};
const bundle = { ids: [], acknowledged: 0, sent: 0 };
const families = {}; // name → {app, token}
const counts = { rounds: 0, acknowledged: 0 };

before(async () => {
  server = await startServer({ settings: { ...proxied, mint_coalesce_ms: 0, mint_per_minute_max: 1_000_000, requests_per_minute_max: 1_000_000_000, installation_tokens_max: 10_000, refresh_families_max: 10_000, publish_cooldown_s: 0, log_level: 'warn' } });
  seed = server.seed();
  browser = await signedIn(server, seed);
  adminKey = addKey(server);
  strings = caller(server, adminKey);
  lagging = seed.native;
  assert.equal(lagging.refreshPolicy, 'lagging');
  spa = server.cli(['app', 'add', '--name', 'Spa', '--type', 'spa', '--redirect-uri', 'https://spa.example/cb']);
  assert.equal(spa.refreshPolicy, 'rotating');
  churn = server.cli(['app', 'add', '--name', 'Churn', '--type', 'web', '--redirect-uri', 'https://churn.example/cb']);
  holder = await connectWith(server, seed, { browser, scope });
  for (const app of [seed.web, spa, lagging]) families[app.refreshPolicy] = { app, token: (await connectWith(server, seed, { app, browser, scope })).refresh_token };
  const made = await strings.put('createKeys', { k: Array.from({ length: 20 }, (_, i) => ({ n: `bundle.k${i}`, v: '0', t: { tr: '0', de: '0' } })) });
  assert.equal(made.cnt, 20);
  bundle.ids = (await strings.get('listKeys', { search: ['bundle'] })).k.filter((k) => k.k.startsWith('bundle.')).map((k) => k.id);
  assert.equal(bundle.ids.length, 20);
});
after(() => server?.close());

// One worker: its step again and again until the server is gone. What an answer says is noted by the step itself.
const abandoned = Symbol('not acknowledged');
async function worker(stop, step) {
  while (!stop.now) {
    try {
      await step();
      counts.acknowledged++;
      stop.acknowledged++;
    } catch (error) {
      if (!stop.killed || error instanceof assert.AssertionError) throw error;
      return abandoned; // the connection was cut: this write may have happened or not
    }
  }
  return null;
}

const good = (answer) => {
  assert.equal(answer.status, 200, `${answer.status}: ${answer.text ?? JSON.stringify(answer.body)}`);
  return answer;
};

async function mintOne() {
  const { body } = good(await mintRaw(server, holder, {}));
  ledger.live.push(body.installation_token);
}

async function refreshOne(name) {
  const family = families[name];
  const { body } = good(await refresh(server, family.app, family.token));
  if (name === 'stable') assert.equal(body.refresh_token, family.token, 'rule_123');
  else assert.notEqual(body.refresh_token, family.token, 'rule_123');
  if (name !== 'stable') family.before = family.token;
  family.token = body.refresh_token;
  if (name === 'stable') holder = { ...holder, access_token: body.access_token, grant_id: body.grant_id };
}

async function connectAndRevoke() {
  const made = await connectWith(server, seed, { app: churn, browser, scope });
  const minted = good(await mintRaw(server, made, {})).body.installation_token;
  const answer = await api(server, `/api/oauth-client/installations/${made.grant_id}`, { method: 'DELETE', token: made.access_token });
  good(answer);
  ledger.gone.push({ app: churn, refresh: made.refresh_token, installation: minted, access: made.access_token, grant: made.grant_id });
}

async function codeOnly() {
  const back = await authorize(server, seed, { app: spa, redirect: spa.redirectUris[0], browser, scope, challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM' });
  ledger.codes.push({ code: back.code, app: spa, redirect: spa.redirectUris[0], verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk' });
}

let named = 0;
async function createKey() {
  const name = `made${++named}`;
  await strings.put('createKeys', { k: [{ n: name, v: name, t: { tr: `tr ${name}` } }] });
  ledger.names.add(name);
}

async function writeBundle() {
  const generation = ++bundle.sent;
  const t = bundle.ids.map((id) => ({ id, t: { tr: String(generation), de: String(generation) } }));
  assert.equal((await strings.put('setTranslations', { t })).ok, true);
  bundle.acknowledged = generation;
}

async function publishOne() {
  const least = bundle.acknowledged;
  const { syncJobIds: [id] } = await strings.put('publishTranslations', {});
  if (id === undefined) return; // nothing was pending
  ledger.jobs.push([id, least]);
  const job = await strings.get('getSync', { syncId: id, waitMs: 20_000 });
  assert.equal(job.st, 'completed', JSON.stringify(job));
  ledger.published = Math.max(ledger.published, least);
}

async function keyOne() {
  const made = await control(server, 'api_key.add', { organization: seed.org, level: 'read' });
  ledger.keys.push(made);
  if (ledger.keys.length % 2) return;
  const victim = ledger.keys.shift();
  ledger.doubtful = victim; // until it is acknowledged
  await control(server, 'api_key.revoke', { id: victim.id });
  ledger.goneKeys.push(victim);
  ledger.doubtful = undefined;
}

// Load until a random moment, then SIGKILL.
async function loadAndKill() {
  const stop = { now: false, killed: false, acknowledged: 0 };
  const steps = [mintOne, mintOne, () => refreshOne('stable'), () => refreshOne('rotating'), () => refreshOne('lagging'), connectAndRevoke, codeOnly, createKey, writeBundle, publishOne, keyOne];
  const working = steps.map((step) => worker(stop, step));
  const failed = Promise.race(working.map((w) => w.then(() => new Promise(() => {})))); // rejects with the first failure
  const wanted = 5 + Math.floor(random() * 60);
  await Promise.race([failed, eventually('load', () => stop.acknowledged >= wanted)]);
  await passed(Math.floor(random() * 40));
  stop.killed = stop.now = true;
  assert.deepEqual(await server.stop('SIGKILL'), { code: null, signal: 'SIGKILL' });
  await Promise.all(working);
}

const statusOf = async (token) => (await organizations(server, token)).status;

async function nothingLost() {
  for (const token of [...ledger.live.slice(-10), ...pick(ledger.live, CHECKED)]) assert.equal(await statusOf(token), 200, 'an acknowledged installation token');
  for (const name of ['stable', 'rotating', 'lagging']) {
    const { app, token } = families[name];
    const answer = await refresh(server, app, token);
    assert.equal(answer.status, 200, `${name}: the last acknowledged refresh token: ${answer.text}`);
    families[name].token = answer.body.refresh_token;
    if (name === 'stable') holder = { ...holder, access_token: answer.body.access_token };
    assert.equal((await api(server, '/api/oauth-client/me', { token: answer.body.access_token })).status, 200);
  }
  for (const { key } of [...ledger.keys.slice(-5), ...pick(ledger.keys, CHECKED)]) succeeded(await caller(server, key).query('getProject', {}));
  const codes = ledger.codes.splice(0, 3);
  ledger.codes.length = 0;
  for (const code of codes) assert.equal((await redeem(server, code)).status, 200, 'an acknowledged code');
  const { k } = await strings.get('listKeys', { limit: 1, search: ['made'] });
  assert.ok(k.length > 0 || ledger.names.size === 0);
}

async function textsAsAcknowledged() {
  const exported = JSON.parse(server.run(['export', 'acme/web', '--language', 'tr', '--draft']).stdout);
  for (const name of ledger.names) assert.equal(exported[name], `tr ${name}`, 'an acknowledged key with its text');
  for (const language of ['tr', 'de']) {
    const all = JSON.parse(server.run(['export', 'acme/web', '--language', language, '--draft']).stdout).bundle;
    const generations = new Set(Object.values(all));
    assert.equal(Object.keys(all).length, 20);
    assert.equal(generations.size, 1, `one call is written whole or not at all: ${[...generations]}`);
    const [generation] = [...generations].map(Number);
    assert.ok(generation >= bundle.acknowledged && generation <= bundle.sent, `${bundle.acknowledged} <= ${generation} <= ${bundle.sent}`);
  }
}

async function nothingResurrected() {
  for (const old of [...ledger.gone.slice(-5), ...pick(ledger.gone, 5)]) {
    assert.ok([401, 410].includes(await statusOf(old.installation)), 'a revoked installation token');
    const again = await refresh(server, old.app, old.refresh, {}, elsewhere());
    assert.equal(again.status, 400, again.text);
    assert.equal(again.body.error, 'invalid_grant');
    const minted = await mintRaw(server, { grant_id: old.grant, access_token: old.access }, {});
    assert.ok([401, 410].includes(minted.status), `mint for a revoked grant: ${minted.status}`);
  }
  for (const { key } of [...ledger.goneKeys.slice(-5), ...pick(ledger.goneKeys, 5)]) assert.equal((await caller(server, key).query('getProject', {})).status, 401, 'a revoked key');
}

// A job that was under way ends; what is delivered is one generation, and not older than the last finished publish.
async function publishedWhole() {
  let least = ledger.published;
  for (const [id, generation] of ledger.jobs.splice(0)) {
    const job = await eventually('the job ends', async () => {
      const got = await strings.get('getSync', { syncId: id, waitMs: 5_000 });
      return ['pending', 'in_progress'].includes(got.st) ? null : got;
    }, 30_000 * slow);
    assert.equal(job.st, 'completed', JSON.stringify(job));
    least = Math.max(least, generation);
  }
  ledger.published = least;
  if (least === 0) return;
  await eventually('both languages at one generation', async () => {
    const seen = new Set();
    for (const language of ['tr', 'de']) {
      const answer = await fetch(`${server.url}/acme/web/${language}.json`);
      assert.equal(answer.status, 200);
      const one = new Set(Object.values((await answer.json()).bundle ?? {}));
      assert.equal(one.size, 1, `a file of several generations: ${[...one]}`);
      for (const generation of one) seen.add(generation);
    }
    // A publish that was accepted but not acknowledged may end between the two requests.
    if (seen.size !== 1) return false;
    assert.ok(Number([...seen][0]) >= least, `${[...seen]} >= ${least}`);
    return true;
  });
}

test(`${rounds} times killed under load: nothing acknowledged is lost, nothing revoked comes back, no publish is half done (BI18N_TEST_SEED=${seedNumber})`, { timeout: rounds * 60_000 * slow }, async (t) => {
  for (let round = 1; round <= rounds; round++) {
    await loadAndKill();
    await server.start();
    counts.rounds = round;
    if (ledger.doubtful) ledger.doubtful = undefined;
    await nothingLost();
    await nothingResurrected();
    await textsAsAcknowledged();
    await publishedWhole();
    if (round % 5 === 0 || round === rounds) assert.deepEqual(server.cli(['verify']), { ok: true, problems: [] });
  }
  assert.ok(ledger.gone.length > 0 && ledger.goneKeys.length > 0 && ledger.published > 0 && ledger.names.size > 0, 'every kind of write took part');
  t.diagnostic(`${counts.rounds} kills, ${counts.acknowledged} acknowledged steps: ${ledger.live.length} tokens, ${ledger.gone.length} revoked connections, ${ledger.names.size} keys, ${bundle.acknowledged} bundles, generation ${ledger.published} published`);
  assert.doesNotMatch(server.output, /level=error|AddressSanitizer|runtime error/);
});

test('a server that was killed leaves its control socket and lock, and the next one takes both over', async () => {
  await server.stop('SIGKILL');
  await server.start();
  assert.equal(server.cli(['org', 'list']).length, 1);
  assert.deepEqual(server.cli(['verify']), { ok: true, problems: [] });
  assert.deepEqual(await server.stop('SIGTERM'), { code: 0, signal: null });
});

test('commands work on the store of a killed server without a server', () => {
  assert.deepEqual(server.cli(['verify']), { ok: true, problems: [] });
});
