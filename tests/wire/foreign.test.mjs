// SPDX-License-Identifier: MIT
// One organization against another, over every route and procedure there is: whoever belongs to `evil` reads nothing of
// `victim` and changes nothing there, by whatever id. A new route or procedure fails here until it says how it is asked.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { api, root, startServer, trpc } from '../lib/server.mjs';
import { addPerson, basic, connectWith, eventually, from, mintRaw, organizations, proxied, refresh, scopeNames, signedIn } from '../lib/oauth.mjs';
import { addKey, bytes, caller } from '../lib/strings.mjs';

const mark = 'HUSH-7f3'; // in every text and name of the victim's
let server, victim, evil, attackers;

async function party(org, words, redirect) {
  const person = addPerson(server, { email: `${org}@example.com`, name: words, org, orgName: words });
  const project = server.cli(['project', 'add', `${org}/vault`, '--name', `${words} vault`, '--source', 'en', '--languages', 'de']);
  for (const language of ['en', 'de']) server.cli(['import', `${org}/vault`, '--language', language, '-'], { input: JSON.stringify({ one: `${words} one`, two: `${words} two` }) });
  const app = server.cli(['app', 'add', '--name', `App of ${org}`, '--type', 'web', '--redirect-uri', redirect]);
  const browser = await signedIn(server, person);
  const connection = await connectWith(server, { ...person, org }, { app, browser, organizations: [org], scope: scopeNames.join(' ') });
  const admin = caller(server, addKey(server, { org }), { orgSlug: org, projectSlug: 'vault' });
  const keys = (await admin.get('listKeys')).k;
  const job = await admin.put('publishTranslations');
  await eventually('the publish ends', async () => (await admin.get('getSync', { syncId: job.syncJobIds[0] })).st === 'completed');
  return { ...person, org, project, app, browser, connection, admin, keyIds: keys.map((k) => k.id), syncId: job.syncJobIds[0], installation: (await mintRaw(server, connection)).body.installation_token, key: addKey(server, { org }), publicKey: addKey(server, { org, open: true }) };
}

before(async () => {
  server = await startServer({ settings: { ...proxied, publish_cooldown_s: 0 } });
  victim = await party('victim', mark, 'https://victim.example/cb');
  evil = await party('evil', 'Open', 'https://evil.example/cb');
  const cookie = [...evil.browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  attackers = {
    'installation token': { authorization: `Bearer ${evil.installation}` },
    'installation token as key': { 'x-api-key': evil.installation },
    'access token': { authorization: `Bearer ${evil.connection.access_token}` },
    'refresh token': { authorization: `Bearer ${evil.connection.refresh_token}` },
    'secret key': { 'x-api-key': evil.key },
    'public key': { 'x-api-key': evil.publicKey },
    'the victim\'s public key': { 'x-api-key': victim.publicKey },
    'app and secret': basic(evil.app.clientId, evil.app.clientSecret),
    'cookie of a sign-in': { cookie, origin: server.url },
    nobody: {},
  };
});
after(() => server?.close());

// All that the victim has, as its own key, commands and tokens see it.
async function possessions() {
  return JSON.stringify({
    texts: (await victim.admin.get('getAllTranslations')).keys, languages: server.cli(['project', 'show', 'victim/vault']),
    pending: await victim.admin.get('getPendingChanges'), syncs: (await victim.admin.get('getSyncs')), projects: server.cli(['project', 'list', 'victim']),
    keys: server.cli(['key', 'list', '--org', 'victim']), grants: server.cli(['grant', 'list', '--org', 'victim']),
    token: (await organizations(server, victim.installation)).body, app: server.cli(['app', 'list']),
  }).replace(/"lastUsedAt":(?:null|"[^"]*"),?/g, '');
}
const quiet = (answer, what) => {
  assert.ok(!answer.text.includes(mark), `${what} tells: ${answer.text.slice(0, 300)}`);
  assert.ok(answer.status < 500, `${what}: ${answer.status} ${answer.text}`);
};

// What a body says where a route takes one; a route is found here by method and path of the description.
const bodies = {
  'POST /api/oauth-client/v1/projects': () => ({ name: 'Taken over', slug: 'vault', sourceLanguage: 'en', organization: 'victim', organizationId: victim.connection.organization_id }),
  'POST /api/oauth-client/v1/projects/{projectId}/languages': () => ({ code: 'fr', languageCode: 'fr' }),
  'POST /api/oauth-client/installations/{grantId}/tokens': () => ({ scopes: ['org:read'] }),
  'POST /api/oauth-client/leaked': () => ({ token: victim.syncId }),
  'POST /api/auth/mcp/token': () => ({ grant_type: 'refresh_token', refresh_token: victim.connection.refresh_token, client_id: evil.app.clientId, client_secret: evil.app.clientSecret }),
  'POST /api/auth/mcp/revoke': () => ({ token: victim.connection.refresh_token, client_id: evil.app.clientId, client_secret: evil.app.clientSecret }),
  'POST /api/auth/mcp/introspect': () => ({ token: victim.installation, client_id: evil.app.clientId, client_secret: evil.app.clientSecret }),
};
// Each parameter by every name its object has.
const names = {
  organization: () => ['victim', victim.connection.organization_id, 'VICTIM', 'evil%2F..%2Fvictim', '..%2Fvictim'],
  projectId: () => [victim.project.id, victim.project.id.toUpperCase(), 'victim%2Fvault'],
  grantId: () => [victim.connection.grant_id],
};
const filled = (path) => /\{(\w+)\}/.exec(path) ? names[/\{(\w+)\}/.exec(path)[1]]().map((name) => path.replace(/\{\w+\}/, name)) : [path];

test('rule_251 rule_164 no REST route shows or changes what another organization has, with any credential', async () => {
  const { paths } = (await bytes(server, '/openapi.json')).json;
  const before = await possessions();
  let asked = 0;
  for (const [path, item] of Object.entries(paths)) {
    for (const method of Object.keys(item).filter((m) => ['get', 'post', 'put', 'patch', 'delete'].includes(m))) {
      const row = `${method.toUpperCase()} ${path}`;
      if (method !== 'get' && method !== 'delete') assert.ok(bodies[row], `${row}: how is it asked?`);
      for (const target of filled(path)) {
        for (const [who, headers] of Object.entries(attackers)) {
          const answer = await api(server, target, { method: method.toUpperCase(), headers: { ...headers, ...from(`10.9.${asked >> 8}.${asked & 255}`) }, json: bodies[row]?.() });
          quiet(answer, `${row} with ${who}`);
          if (target !== path) assert.ok([400, 401, 403, 404].includes(answer.status), `${method} ${target} with ${who}: ${answer.status} ${answer.text}`);
          asked++;
        }
      }
    }
  }
  assert.ok(asked > 150, `${asked}`);
  assert.equal(await possessions(), before);
  assert.equal((await refresh(server, victim.app, victim.connection.refresh_token)).status, 200, 'and its tokens live');
});

// What each procedure needs to get as far as the question whose it is.
const procedures = {
  listProjects: () => ({}), getProject: () => ({}), getAllTranslations: () => ({}), listKeys: () => ({}), getPendingChanges: () => ({}),
  createKeys: () => ({ k: [{ n: 'planted', v: 'planted', t: { de: 'gepflanzt' } }] }),
  updateKeys: (ids) => ({ t: ids.map((id) => ({ id, l: 'de', t: 'defaced' })) }),
  deleteKeys: (ids) => ({ keyIds: ids }),
  setTranslations: (ids) => ({ t: ids.map((id) => ({ id, t: { de: 'defaced' } })) }),
  addLanguages: () => ({ languages: [{ languageCode: 'fr', status: 'active' }] }),
  updateLanguages: () => ({ updates: [{ languageCode: 'de', newStatus: 'archived' }], languages: [{ languageCode: 'de', newStatus: 'archived' }] }),
  deleteLanguages: () => ({ languageCodes: ['de'] }),
  publishTranslations: (ids) => ({ translations: ids.map((keyId) => ({ keyId, languageCode: 'de' })) }),
  getSyncs: () => ({}), getSync: (_, syncId) => ({ syncId }), cancelSync: (_, syncId) => ({ syncId }),
};
const table = [...readFileSync(join(root, 'src', 'rpc', 'procedures.c'), 'utf8').matchAll(/\{ "mcp\.(\w+)",\s+PROCEDURE_(QUERY|MUTATION),/g)].map((m) => ({ name: m[1], mutation: m[2] === 'MUTATION' }));

test('rule_251 no procedure shows or changes what another organization has, named by slug or by the ids of what is in it', async () => {
  const before = await possessions();
  assert.ok(table.length >= 16);
  for (const { name, mutation } of table) {
    assert.ok(procedures[name], `${name}: how is it asked?`);
    const input = procedures[name](victim.keyIds, victim.syncId);
    for (const [who, headers] of Object.entries(attackers)) {
      for (const place of [{ orgSlug: 'victim', projectSlug: 'vault' }, { orgSlug: 'evil', projectSlug: 'vault' }, { orgSlug: 'evil', projectSlug: '../victim/vault' }, {}]) {
        for (const batch of [false, true]) {
          const answer = await trpc(server, `mcp.${name}`, { ...input, ...place }, { mutation, batch, headers });
          quiet({ ...answer, text: JSON.stringify(answer.body) }, `${name} at ${place.orgSlug}/${place.projectSlug} with ${who}`);
          if (place.orgSlug === 'victim' && name !== 'listProjects') assert.ok([400, 401, 403, 404].includes(answer.status), `${name} with ${who}: ${answer.status} ${JSON.stringify(answer.body)}`);
        }
      }
    }
    assert.equal(await possessions(), before, `${name} changed something`);
  }
});

test('rule_251 no page shows or changes what another organization has, to somebody signed in', async () => {
  const before = await possessions();
  const pages = ['/', '/projects/victim/vault', '/projects/evil%2F..%2Fvictim/vault', '/settings/apps', '/settings/connected-apps', '/settings/sessions', '/settings/password', `/settings/apps?client_id=${victim.app.clientId}`];
  for (const path of pages) quiet(await evil.browser.follow(path), path);
  const csrf = /name="csrf" value="([^"]+)"/.exec((await evil.browser.follow('/settings/apps')).text)[1];
  const signIns = (await victim.browser.follow('/settings/sessions')).text;
  const sessions = [...signIns.matchAll(/name="(?:session|id|session_id)" value="([^"]+)"/g)].map((m) => m[1]);
  assert.ok(sessions.length > 0, 'the page of sign-ins names them');
  const forms = [
    ['/settings/connected-apps', { grant_id: victim.connection.grant_id, decision: 'revoke' }], ['/settings/connected-apps', { client_id: victim.app.clientId, decision: 'revoke-app' }],
    ...['rotate', 'disable', 'delete'].map((decision) => ['/settings/apps', { client_id: victim.app.clientId, decision }]),
    ['/settings/apps', { decision: 'register', name: 'Mine', type: 'web', redirect_uris: 'https://a.example/cb', organization: 'victim' }],
    ...sessions.flatMap((id) => ['session', 'id', 'session_id'].map((field) => ['/settings/sessions', { [field]: id, decision: 'revoke' }])),
  ];
  for (const [path, form] of forms) {
    const answer = await evil.browser.request(path, { method: 'POST', form: { csrf, ...form } });
    quiet(answer, `${path} ${JSON.stringify(form)}`);
    assert.ok([400, 403, 404, 409].includes(answer.status) || (answer.status === 303 && form.decision === 'revoke-app'), `${path} ${JSON.stringify(form)}: ${answer.status}`);
  }
  assert.equal(await possessions(), before);
  assert.equal((await victim.browser.request('/settings/sessions')).status, 200, 'still signed in');
});

test('this file can fail: the owner of what is there is answered', async () => {
  const answer = await api(server, `/api/oauth-client/v1/projects/${victim.project.id}`, { token: victim.installation });
  assert.equal(answer.status, 200);
  assert.ok(answer.text.includes(mark));
  assert.ok(JSON.stringify((await victim.admin.query('getAllTranslations')).body).includes(mark));
  assert.ok((await victim.browser.follow('/projects/victim/vault')).text.includes(mark));
});
