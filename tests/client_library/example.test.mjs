// SPDX-License-Identifier: MIT
// examples/partner in the hands of a user: connect, edit, publish, see it delivered, and every state on the way.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Browser, authorize, freePort, hidden, root, startServer } from '../lib/server.mjs';

const program = join(process.env.BI18N_BUILD ?? join(root, 'build-test'), 'examples', 'partner', 'partner_example');
const skip = existsSync(program) ? false : 'built without libevent';
let server, seed, base, site, child;

before(async () => {
  server = await startServer({ settings: { publish_cooldown_s: 0 } });
  seed = server.seed();
  if (skip) return;
  base = mkdtempSync(join(tmpdir(), 'bi18n-example-'));
  const port = await freePort();
  site = { url: `http://127.0.0.1:${port}` };
  seed.app = server.cli(['app', 'add', '--name', 'Site builder', '--type', 'web', '--redirect-uri', `${site.url}/callback`]);
  child = spawn(program, [`sqlite:${join(base, 'partner.db')}`, String(port)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, BI18N_CLIENT_ID: seed.app.clientId, BI18N_CLIENT_SECRET: seed.app.clientSecret, BI18N_BASE_URL: server.url, BI18N_STORE_KEY: randomBytes(32).toString('base64url') },
  });
  child.log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { child.log += text; });
  child.exited = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  await new Promise((resolve, reject) => { child.stdout.once('data', resolve); child.once('exit', () => reject(new Error(child.log))); });
});
after(async () => {
  if (child) {
    child.kill('SIGTERM');
    assert.equal(await child.exited, 0, child.log);
    assert.doesNotMatch(child.log, /bi_oat_|bi_at_|\brt_/, 'no token in its log');
    rmSync(base, { recursive: true, force: true });
  }
  await server?.close();
});

// A user who signed in at the site.
async function user(owner) {
  const browser = new Browser(site);
  await browser.request('/sign-in', { method: 'POST', form: { owner } });
  const home = await browser.request('/');
  assert.match(home.text, new RegExp(`signed in as ${owner}`));
  return browser;
}
const post = async (browser, page, action, fields = {}) => browser.request(action, { method: 'POST', form: { ...hidden(page.text, action), ...fields } });

// Consent at the platform, and back to the site.
async function consent(browser, location, options = {}) {
  const extra = Object.fromEntries(new URL(location).searchParams);
  const back = await authorize(server, seed, { redirect: extra.redirect_uri, scope: extra.scope, extra, ...options });
  assert.ok(back.location, back.text?.slice(0, 300));
  return browser.follow(back.location.slice(site.url.length));
}

async function connected(owner, options) {
  const browser = await user(owner);
  const start = await post(browser, await browser.request('/'), '/connect');
  assert.equal(start.status, 303, start.text);
  return { browser, home: await consent(browser, start.location, options) };
}
const place = async (browser, home, options = '') => `organization=${/\/projects\?organization=([^"]+)"/.exec(home.text)[1]}&project=acme/web&language=tr${options}`;

test('a user connects, edits a string, publishes, and sees it from the CDN', { skip }, async () => {
  const { browser, home } = await connected('ada');
  assert.match(home.text, /<h2>acme <span class="state good">Connected/);
  assert.match(home.text, /org:read projects:read translations:read translations:write translations:publish/);
  const at = await place(browser, home);
  const projects = await browser.request(`/projects?${at}`);
  assert.match(projects.text, /project=acme\/web&amp;language=tr/);
  const texts = await browser.request(`/texts?${at}&search=hello`);
  assert.match(texts.text, /value="Merhaba"/);
  const saved = await post(browser, texts, '/text', { text: 'Selam <b>"dünya"</b>' });
  assert.equal(saved.status, 303, saved.text);
  const again = await browser.request(saved.location);
  assert.match(again.text, /value="Selam &lt;b&gt;&quot;dünya&quot;&lt;\/b&gt;"/);
  const published = await post(browser, again, '/publish');
  assert.equal(published.status, 303, published.text);
  const delivered = await browser.request(published.location);
  assert.match(delivered.text, /Selam &lt;b&gt;/);
  assert.match(delivered.text, /\/acme\/web\/tr\.json/);
});

test('a permission that was not given is a page with the way to give it', { skip }, async () => {
  const { browser, home } = await connected('grace', { scopes: ['org:read', 'projects:read', 'translations:read', 'translations:write'] });
  const texts = await browser.request(`/texts?${await place(browser, home)}`);
  const refused = await post(browser, texts, '/publish');
  assert.equal(refused.status, 200);
  assert.match(refused.text, /<h1>Needs permission<\/h1>[\s\S]*translations:publish/);
  const badge = await browser.request('/');
  assert.match(badge.text, /<span class="state act">Needs permission/);
  const wider = /class=button href="([^"]+)">Give permission/.exec(refused.text)[1].replaceAll('&amp;', '&');
  const back = await consent(browser, wider);
  assert.match(back.text, /translations:publish/);
  assert.match(back.text, /state good">Connected/);
});

test('a grant that was withdrawn is "Reconnect", and reconnecting works', { skip }, async () => {
  const { browser, home } = await connected('edsger');
  const at = await place(browser, home);
  const live = server.cli(['grant', 'list', '--org', 'acme', '--app', seed.app.clientId]).filter((grant) => !grant.revokedAt);
  for (const grant of live) server.cli(['grant', 'revoke', grant.grantId]);
  const texts = await browser.request(`/texts?${at}`);
  assert.equal(texts.status, 200);
  assert.match(texts.text, /<h1>Reconnect<\/h1>/);
  const badge = await browser.request('/');
  assert.match(badge.text, /<span class="state act">Reconnect/);
  const start = await post(browser, badge, '/reconnect');
  assert.equal(start.status, 303, start.text);
  assert.match((await consent(browser, start.location)).text, /state good">Connected/);
  assert.match((await browser.request(`/texts?${at}`)).text, /<h1>Texts/);
});

test('disconnecting ends the grant at the platform', { skip }, async () => {
  const { browser, home } = await connected('barbara');
  const before = server.cli(['grant', 'list', '--app', seed.app.clientId]).filter((grant) => !grant.revokedAt).length;
  const done = await post(browser, home, '/disconnect');
  assert.equal(done.status, 303, done.text);
  assert.match((await browser.request('/')).text, /Reconnect/);
  assert.equal(server.cli(['grant', 'list', '--app', seed.app.clientId]).filter((grant) => !grant.revokedAt).length, before - 1);
});

test('another user cannot finish a connection, forms of other sites are refused, and strangers see nothing', { skip }, async () => {
  const mallory = await user('mallory');
  const alan = await user('alan');
  const start = await post(alan, await alan.request('/'), '/connect');
  const extra = Object.fromEntries(new URL(start.location).searchParams);
  const back = await authorize(server, seed, { redirect: extra.redirect_uri, scope: extra.scope, extra });
  const stolen = await mallory.request(back.location.slice(site.url.length));
  assert.equal(stolen.status, 400);
  assert.match(stolen.text, /Please start again/);
  assert.equal((await alan.request('/connect', { method: 'POST', form: { csrf: 'f'.repeat(32) } })).status, 403);
  const stranger = new Browser(site);
  for (const path of ['/projects?organization=acme', '/texts?organization=acme&project=web&language=tr', '/callback?code=x&state=y']) assert.equal((await stranger.request(path)).location, '/');
  assert.equal((await stranger.request('/nothing')).status, 404);
  assert.equal((await mallory.request('/texts?organization=acme&project=web&language=tr')).status, 404, 'not her connection');
});

test('a user who declines is told so and nothing is kept', { skip }, async () => {
  const { browser, home } = await connected('tony', { decision: 'deny' });
  assert.match(home.text, /declined/);
  assert.match((await browser.request('/')).text, /Connect Better I18N/);
});

test('nothing that the site keeps holds a token', { skip }, () => {
  for (const name of ['partner.db', 'partner.db-wal']) {
    const file = join(base, name);
    if (existsSync(file)) assert.doesNotMatch(readFileSync(file, 'latin1'), /bi_oat_|bi_at_|\brt_[0-9A-Za-z]{30,}/);
  }
});
