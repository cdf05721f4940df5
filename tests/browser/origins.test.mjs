// SPDX-License-Identifier: MIT
// What scripts of a page on another origin can do: read what is delivered, and nothing with an installation token.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mint, startServer } from '../lib/server.mjs';
import { connectWith, organizations } from '../lib/oauth.mjs';
import { Partner, launch, visitor } from '../lib/browser.mjs';

let server, seed, partner, browser, page;

before(async () => {
  server = await startServer();
  seed = server.seed();
  server.cli(['publish', 'acme/web', '--wait']);
  partner = await new Partner(server).start();
  partner.register();
  browser = await launch();
  page = await visitor(browser);
  await page.goto(partner.url);
});
after(async () => {
  await browser?.close();
  await partner?.stop();
  await server?.close();
});

// In the page: what a script sees of an answer, or that the browser refused it.
const fetched = (url, init = {}) => page.evaluate(async ([url, init]) => {
  try {
    const answer = await fetch(url, init);
    return { status: answer.status, type: answer.type, etag: answer.headers.get('etag'), text: await answer.text() };
  } catch (e) {
    return { refused: String(e) };
  }
}, [url, init]);

test('seed_14 a page on another origin reads delivered texts, sees the ETag and saves the second transfer', async () => {
  const url = `${server.url}/acme/web/tr.json`;
  const first = await fetched(url, { cache: 'no-store' });
  assert.equal(first.status, 200);
  assert.equal(first.type, 'cors');
  assert.equal(JSON.parse(first.text).common.title, 'Başlık');
  assert.match(first.etag, /^(W\/)?"[^"]+"$/, 'scripts may read it');
  const again = await fetched(url, { headers: { 'if-none-match': first.etag }, cache: 'no-store' });
  assert.equal(again.status, 304, 'a preflight allows If-None-Match');
  assert.equal(again.text, '');
  for (const path of ['acme/web/manifest.json', 'acme/web/en.json']) {
    const answer = await fetched(`${server.url}/${path}`);
    assert.equal(answer.status, 200, path);
    JSON.parse(answer.text);
  }
  const missing = await fetched(`${server.url}/acme/web/xx.json`);
  assert.equal(missing.refused, undefined, 'what is missing is an answer too, not a network error');
});

test('seed_14 delivered texts are for everybody: credentials are neither needed nor accepted', async () => {
  const answer = await fetched(`${server.url}/acme/web/tr.json`, { credentials: 'include' });
  assert.ok(answer.refused, 'no Access-Control-Allow-Credentials');
  assert.equal((await fetched(`${server.url}/acme/web/tr.json`, { credentials: 'omit' })).status, 200);
});

test('R35 an installation token is of no use in a page: REST and tRPC cannot be read from another origin', async () => {
  const connection = await connectWith(server, seed, {});
  const token = (await mint(server, connection)).installation_token;
  const tries = [
    [`${server.url}/api/oauth-client/organizations`, { authorization: `Bearer ${token}` }],
    [`${server.url}/api/oauth-client/me`, { authorization: `Bearer ${token}` }],
    [`${server.url}/api/oauth-client/v1/projects/${seed.projectId}`, { authorization: `Bearer ${token}` }],
    [`${server.url}/api/trpc/mcp.listProjects`, { 'x-api-key': token }],
    [`${server.url}/api/trpc/mcp.listProjects`, { authorization: `Bearer ${token}` }],
  ];
  for (const [url, headers] of tries) assert.ok((await fetched(url, { headers })).refused, url);
  const post = await fetched(`${server.url}/api/oauth-client/installations/${connection.grant_id}/tokens`, { method: 'POST', headers: { authorization: `Bearer ${connection.access_token}` } });
  assert.ok(post.refused, 'nor minted');
  assert.equal((await organizations(server, token)).status, 200, 'while a server can');
});

test('R35 rule_105 the token endpoint and the metadata can be read from another origin, errors included', async () => {
  const metadata = await fetched(`${server.url}/.well-known/oauth-authorization-server`);
  assert.equal(metadata.status, 200);
  assert.equal(JSON.parse(metadata.text).issuer, server.url);
  const refused = await fetched(`${server.url}/api/auth/mcp/token`, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'grant_type=authorization_code&code=x&client_id=nobody' });
  assert.equal(refused.status, 401);
  assert.equal(JSON.parse(refused.text).error, 'invalid_client', 'readable, not an opaque failure');
});

test('R35 our pages cannot be read or framed from another origin, signed in or not', async () => {
  for (const path of ['/', '/login', '/settings/connected-apps']) assert.ok((await fetched(server.url + path, { credentials: 'include' })).refused, path);
  const framed = await page.evaluate((url) => new Promise((resolve) => {
    const frame = document.createElement('iframe');
    frame.onload = () => { let title = 'blocked'; try { title = frame.contentDocument ? 'ours' : 'blocked'; } catch { /* cross-origin */ } resolve(title); };
    frame.src = url;
    document.body.append(frame);
  }), `${server.url}/login`);
  assert.equal(framed, 'blocked');
  const inFrame = page.frames().find((f) => f !== page.mainFrame());
  assert.equal(await inFrame.locator('input[name=password]').count(), 0, 'rule_063: the browser does not show the page in a frame');
});
