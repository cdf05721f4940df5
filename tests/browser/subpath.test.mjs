// SPDX-License-Identifier: MIT
// A server whose public address has a path: a proxy takes the path away, and everything that people and apps meet still
// lies under it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { Server, api, freePort, tokenRequest } from '../lib/server.mjs';
import { Partner, launch, say, signIn, visitor } from '../lib/browser.mjs';

const WELL_KNOWN = ['/.well-known/oauth-authorization-server/i18n', '/.well-known/oauth-protected-resource/i18n'];
let server, seed, partner, browser, proxy, base;
const outside = [];

before(async () => {
  const port = await freePort();
  base = `http://127.0.0.1:${port}/i18n`;
  server = new Server({ settings: { public_url: base, trusted_proxies: '127.0.0.1' } });
  await server.start();
  seed = server.seed();
  // As in docs/operating.md.
  proxy = http.createServer((request, response) => {
    const inside = request.url.startsWith('/i18n/');
    if (!inside && !WELL_KNOWN.includes(request.url)) {
      outside.push(request.url);
      response.writeHead(404);
      return response.end();
    }
    const { method, headers } = request;
    const up = http.request({ host: '127.0.0.1', port: server.port, path: inside ? request.url.slice(5) : request.url, method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    return request.pipe(up);
  });
  await new Promise((resolve) => proxy.listen(port, '127.0.0.1', resolve));
  partner = await new Partner({ ...server, cli: server.cli.bind(server), url: base }).start();
  partner.register();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await partner?.stop();
  proxy?.closeAllConnections();
  await new Promise((resolve) => (proxy ? proxy.close(resolve) : resolve()));
  await server?.close();
});

test('rule_001 the documents of an issuer with a path, by the address that RFC 8414 gives them', async () => {
  const document = await (await fetch(new URL(WELL_KNOWN[0], base))).json();
  assert.equal(document.issuer, base);
  const endpoints = Object.entries(document).filter(([name]) => name.endsWith('_endpoint'));
  assert.ok(endpoints.length >= 4);
  for (const [name, url] of endpoints) {
    assert.ok(url.startsWith(`${base}/`), name);
    const answer = await fetch(url, { method: name === 'authorization_endpoint' ? 'GET' : 'POST', redirect: 'manual' });
    assert.ok([400, 401].includes(answer.status), `${name}: ${answer.status}`);
  }
  const resource = await (await fetch(new URL(WELL_KNOWN[1], base))).json();
  assert.deepEqual([resource.resource, ...resource.authorization_servers], [base, base]);
});

for (const javaScriptEnabled of [true, false]) {
  test(`connect, look around and sign out under the path, ${javaScriptEnabled ? 'with' : 'without'} scripts`, async () => {
    outside.length = 0;
    const page = await visitor(browser, { javaScriptEnabled });
    await page.goto(partner.url);
    await page.locator('#connect').click();
    await page.waitForURL(`${base}/login?**`);
    await signIn(page, { ...seed, password: 'not the password' });
    await page.getByRole('alert').waitFor();
    await signIn(page, seed);
    await page.waitForURL(`${base}/consent?**`);
    await page.locator('#ui-language').selectOption('de');
    await page.getByRole('button', { name: say('en', 'common.changeLanguage') }).click();
    await page.getByRole('button', { name: say('de', 'consent.approve') }).click();
    await page.waitForURL(`${base}/complete?**`);
    await page.getByRole('button', { name: say('de', 'complete.continue', { app: 'Site Builder' }) }).click();
    await page.waitForURL(`${partner.redirect}?**`);
    assert.equal(partner.callbacks.at(-1).iss, base);
    const { access_token: token, refresh_token: refresh } = partner.sessions.at(-1);
    assert.equal((await api({ url: base }, '/api/oauth-client/me', { token })).status, 200);
    const again = await tokenRequest({ url: base }, { grant_type: 'refresh_token', refresh_token: refresh, client_id: partner.app.clientId, client_secret: partner.app.clientSecret });
    assert.equal(again.status, 200);

    // Every address on every page that one gets to by links.
    const seen = new Set(), wanted = [`${base}/`];
    while (wanted.length > 0) {
      const url = wanted.pop();
      if (seen.has(url)) continue;
      seen.add(url);
      await page.goto(url);
      const addresses = await page.locator('[href], [src], form[action]').evaluateAll((all) => all.map((e) => [e.hasAttribute('download') ? 'FILE' : e.tagName, e.href || e.src || e.action]));
      for (const [tag, address] of addresses) {
        if (!address.startsWith(new URL(base).origin)) continue;
        assert.ok(address.startsWith(`${base}/`), `${tag} ${address} on ${url}`);
        if (tag === 'A' && !address.includes('#') && !/\.json|\.well-known|\/export\?/.test(address)) wanted.push(address);
      }
    }
    for (const path of ['/settings/connected-apps', '/settings/apps', '/settings/audit', '/settings/sessions', '/settings/password', '/projects/acme/web']) assert.ok(seen.has(base + path), `${path} in ${[...seen]}`);
    await page.goto(`${base}/settings/connected-apps`);
    await page.locator('button[value=revoke]').click();
    await page.waitForURL(`${base}/settings/connected-apps?done=1`);
    await page.locator('form[action$="/logout"] button').click();
    await page.waitForURL(`${base}/`);
    await page.goto(`${base}/settings/sessions`);
    await page.waitForURL(`${base}/login?**`);
    assert.deepEqual(outside, [], 'nothing was asked for outside of the path');
    assert.deepEqual(page.faults.filter((text) => !/403|favicon/.test(text)), []);
    await page.context().close();
  });
}
