// SPDX-License-Identifier: MIT
// A person connects an app in a real browser: from the partner's page and back to it, with and without scripts, by keyboard,
// in a window of its own, refusing, and ending it again.
import { after, before, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { startServer, mint, pkce } from '../lib/server.mjs';
import { mintRaw, organizations } from '../lib/oauth.mjs';
import { Partner, launch, say, signIn, visitor } from '../lib/browser.mjs';

let server, seed, partner, browser;
const ipv6 = Object.values(networkInterfaces()).flat().some(({ address }) => address === '::1');

before(async () => {
  server = await startServer();
  seed = server.seed();
  server.cli(['org', 'add', '--slug', 'globex', '--name', 'Globex', '--owner', seed.email]);
  server.cli(['project', 'add', 'globex/shop', '--name', 'Shop', '--source', 'en', '--languages', 'tr']);
  partner = await new Partner(server).start();
  partner.register();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await partner?.stop();
  await server?.close();
});

beforeEach(() => revokeAll());

const box = (page, name, value) => page.locator(`input[name=${name}][value="${value}"]`);
async function untick(page, name) {
  for (const value of await page.locator(`input[name=${name}]`).evaluateAll((all) => all.filter((i) => i.checked).map((i) => i.value))) await box(page, name, value).uncheck();
}
// Each test begins unconnected, whatever became of the one before.
const revokeAll = () => { for (const grant of server.cli(['grant', 'list'])) if (!grant.revokedAt) server.cli(['grant', 'revoke', grant.grantId]); };

// From the partner's own page to the consent page.
async function toConsent(page) {
  await page.goto(partner.url);
  await page.locator('#connect').click();
  await page.waitForURL(/\/login\?/);
  assert.ok(await page.getByText(say('en', 'login.connecting')).isVisible(), 'a visitor is told why to sign in');
  await signIn(page, seed);
  await page.waitForURL(/\/consent\?/);
}

for (const javaScriptEnabled of [true, false]) {
  describe(javaScriptEnabled ? 'with scripts' : 'without scripts', () => {
    test('rule_067 rule_069 rule_074 rule_076 seed_02 seed_03 the whole way: choose, come back, mint, disconnect, 410', async () => {
      const page = await visitor(browser, { javaScriptEnabled });
      await toConsent(page);
      assert.equal(await page.title(), 'Connect Site Builder? · bi18n');
      assert.ok(await page.getByText(`localhost:${partner.port}`).isVisible(), 'rule_062: the host one is sent back to');
      assert.equal(await box(page, 'scope', 'translations:publish').isChecked(), false, 'rule_067');
      assert.equal(await box(page, 'scope', 'translations:read').isChecked(), true);
      for (const slug of ['acme', 'globex']) await box(page, 'organization', slug).setChecked(slug === 'acme');
      await page.getByLabel(say('en', 'consent.projectsSelected')).check();
      await page.getByLabel('Web acme/web').check();
      await page.getByLabel('See projects and their languages').uncheck();
      await page.getByRole('button', { name: say('en', 'consent.approve') }).click();
      await page.waitForURL(/\/complete\?/);
      assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Connection complete');
      await page.getByRole('button', { name: 'Continue to Site Builder' }).click();
      await page.waitForURL(`${partner.redirect}?**`);
      assert.equal(await page.getByRole('heading').textContent(), 'Connected');

      const back = partner.callbacks.at(-1), connection = partner.sessions.at(-1);
      assert.equal(back.state, 'partner-state');
      assert.equal(back.iss, server.url);
      assert.equal(partner.redirectHeaders.at(-1).referer, undefined, 'rule_071: the code leaves no trace in a Referer');
      assert.deepEqual(connection.scope.split(' ').sort(), ['org:read', 'translations:read']);
      assert.equal(connection.project_access, 'selected');
      assert.deepEqual(connection.project_ids, [seed.projectId]);
      const token = (await mint(server, connection)).installation_token;
      assert.equal((await organizations(server, token)).status, 200);

      await page.goto(`${server.url}/settings/connected-apps`);
      const card = page.locator('section.card', { hasText: 'Site Builder' });
      for (const text of ['Acme Corp', 'web', 'org:read']) assert.ok(await card.getByText(text, { exact: true }).isVisible(), text);
      assert.ok(await card.getByText('Read translations').isVisible(), 'permissions are in words');
      assert.equal(await card.getByText('projects:read').count(), 0, 'what was not allowed is not listed');
      await page.getByRole('button', { name: 'Disconnect Site Builder from Acme Corp' }).click();
      await page.waitForURL(/connected-apps\?done=1/);
      assert.equal(await page.getByRole('status').textContent(), say('en', 'connected.done'));
      assert.ok(await page.getByText(say('en', 'connected.empty')).isVisible());
      const gone = await organizations(server, token);
      assert.equal(gone.status, 410);
      assert.equal(gone.body.error, 'grant_revoked');
      assert.deepEqual(page.faults, [], 'nothing was refused or failed to load');
      await page.context().close();
    });

    test('rule_073 refusing goes back to the app with access_denied, and connects nothing', async () => {
      const page = await visitor(browser, { javaScriptEnabled });
      await toConsent(page);
      await page.getByRole('button', { name: say('en', 'consent.deny') }).click();
      await page.waitForURL(`${partner.redirect}?**`);
      const back = partner.callbacks.at(-1);
      assert.equal(back.error, 'access_denied');
      assert.equal(back.state, 'partner-state');
      assert.equal(back.code, undefined);
      await page.goto(`${server.url}/settings/connected-apps`);
      assert.ok(await page.getByText(say('en', 'connected.empty')).isVisible());
      await page.context().close();
    });

    test('R36 what was forgotten is said, and the page can be put right', async () => {
      const page = await visitor(browser, { javaScriptEnabled });
      await toConsent(page);
      await box(page, 'organization', 'acme').check();
      await page.getByLabel(say('en', 'consent.projectsSelected')).check();
      await untick(page, 'project');
      await box(page, 'scope', 'projects:read').uncheck();
      await page.getByRole('button', { name: say('en', 'consent.approve') }).click();
      await page.waitForURL(/problem=project/);
      assert.equal(await page.getByRole('alert').textContent(), say('en', 'consent.chooseProject'));
      assert.equal(await box(page, 'scope', 'projects:read').isChecked(), false, 'what was unticked is not ticked again behind one\'s back');
      assert.equal(await box(page, 'scope', 'org:read').isChecked(), true);
      assert.equal(await box(page, 'project_access', 'selected').isChecked(), true);
      await page.goto(`${page.url()}&scope=translations%3Apublish&organization=globex`);
      assert.equal(await box(page, 'scope', 'translations:publish').isChecked(), false, 'rule_067: an address ticks nothing');
      assert.equal(await box(page, 'organization', 'globex').isChecked(), false);
      for (const slug of ['acme', 'globex']) await box(page, 'organization', slug).uncheck();
      await page.getByLabel(say('en', 'consent.projectsAll')).check();
      await page.getByRole('button', { name: say('en', 'consent.approve') }).click();
      await page.waitForURL(/problem=organization/);
      assert.equal(await page.getByRole('alert').textContent(), say('en', 'consent.chooseOrganization'));
      await box(page, 'organization', 'acme').check();
      await page.getByLabel(say('en', 'consent.projectsAll')).check();
      await untick(page, 'scope');
      await page.getByRole('button', { name: say('en', 'consent.approve') }).click();
      await page.waitForURL(/problem=scope/);
      assert.equal(await page.getByRole('alert').textContent(), say('en', 'consent.chooseScope'));
      await page.context().close();
    });
  });
}

test('with scripts, projects are shown for the ticked organizations and only while one chooses among them', async () => {
  const page = await visitor(browser);
  await toConsent(page);
  const web = page.getByLabel('Web acme/web'), shop = page.getByLabel('Shop globex/shop');
  assert.equal(await web.isVisible(), false, 'all projects are chosen');
  for (const slug of ['acme', 'globex']) await box(page, 'organization', slug).check();
  await page.getByLabel(say('en', 'consent.projectsSelected')).check();
  assert.ok(await web.isVisible() && await shop.isVisible());
  await shop.check();
  await box(page, 'organization', 'globex').uncheck();
  assert.equal(await shop.isVisible(), false);
  assert.equal(await shop.isChecked(), false, 'what is hidden is not sent');
  await page.context().close();
});

test('seed_10 seed_11 two organizations become two connections; ending both takes one button', async () => {
  const page = await visitor(browser);
  await toConsent(page);
  for (const slug of ['acme', 'globex']) await box(page, 'organization', slug).check();
  await page.getByRole('button', { name: say('en', 'consent.approve') }).click();
  await page.getByRole('button', { name: 'Continue to Site Builder' }).click();
  await page.waitForURL(`${partner.redirect}?**`);
  const connection = partner.sessions.at(-1);
  assert.equal(connection.grants.length, 2);
  const tokens = [];
  for (const grant of connection.grants) tokens.push((await mint(server, { ...connection, grant_id: grant.grant_id })).installation_token);

  await page.goto(partner.authorizeUrl());
  assert.equal(await page.getByText(say('en', 'consent.alreadyConnected')).count(), 2, 'seed_11: what is connected already is shown');
  await page.goto(`${server.url}/settings/connected-apps`);
  assert.equal(await page.getByRole('button', { name: /^Disconnect Site Builder from / }).count(), 2);
  await page.getByRole('button', { name: 'Disconnect Site Builder everywhere' }).click();
  await page.waitForURL(/done=1/);
  for (const token of tokens) assert.equal((await organizations(server, token)).status, 410);
  assert.equal((await mintRaw(server, connection)).status, 410);
  await page.context().close();
});

test('rule_076 by keyboard alone: sign in, tick, allow, continue', async () => {
  const page = await visitor(browser);
  await page.goto(partner.url);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/login\?/);
  assert.equal(await page.evaluate(() => document.activeElement.name), 'email', 'the first field has the focus');
  await page.keyboard.type(seed.email);
  await page.keyboard.press('Tab');
  await page.keyboard.type(seed.password);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/consent\?/);

  await page.keyboard.press('Tab');
  const skip = page.locator('.skip');
  assert.ok(await skip.evaluate((e) => e === document.activeElement && e.getBoundingClientRect().left >= 0), 'the first stop is a visible way past the menu');
  await page.keyboard.press('Enter');
  // Every stop of the main part, in the order of the page, each with a visible focus.
  const stops = [];
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const e = document.activeElement, style = getComputedStyle(e);
      return { inMain: Boolean(e.closest('main')), name: e.name ?? e.tagName, value: e.value ?? '', outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 };
    });
    if (!at.inMain) break;
    assert.ok(at.outlined, `focus is seen on ${at.name} ${at.value}`);
    stops.push(`${at.name}=${at.value}`);
    if (at.value === 'translations:publish' || at.value === 'acme') await page.keyboard.press('Space');
    if (at.value === 'approve') break;
  }
  for (const stop of ['organization=acme', 'organization=globex', 'project_access=all', 'scope=org:read', 'scope=translations:publish', 'decision=approve']) assert.ok(stops.includes(stop), `${stop} in ${stops}`);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/complete\?/);
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^Continue to /);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${partner.redirect}?**`);
  assert.ok(partner.sessions.at(-1).scope.split(' ').includes('translations:publish'), 'ticked with the space bar');
  await page.context().close();
});

test('R17 rule_239 rule_266 in a pop-up, window.opener survives our pages and hears the answer', async () => {
  const page = await visitor(browser);
  await page.goto(partner.url);
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.locator('#popup').click()]);
  await popup.waitForURL(/\/login\?/);
  assert.ok(await popup.evaluate(() => window.opener !== null), 'on the sign-in page');
  await signIn(popup, { ...seed, password: 'not the password' });
  await popup.getByRole('alert').waitFor();
  assert.ok(await popup.evaluate(() => window.opener !== null), 'after a wrong password');
  await popup.locator('#ui-language').selectOption('de');
  await popup.getByRole('button', { name: say('en', 'common.changeLanguage') }).click();
  await popup.waitForURL(/\/login\?next=/);
  assert.equal(await popup.locator('html').getAttribute('lang'), 'de', 'the language changed, and the way did not end');
  await signIn(popup, seed);
  await popup.waitForURL(/\/consent\?/);
  assert.ok(await popup.evaluate(() => window.opener !== null), 'on the consent page');
  await box(popup, 'organization', 'acme').check();
  await popup.getByRole('button', { name: say('de', 'consent.approve') }).click();
  await popup.waitForURL(/\/complete\?/);
  assert.ok(await popup.evaluate(() => window.opener !== null), 'on the completion page');
  const closed = popup.waitForEvent('close');
  await popup.getByRole('button', { name: say('de', 'complete.continue', { app: 'Site Builder' }) }).click();
  await closed;
  await page.waitForFunction(() => document.querySelector('#heard').textContent !== '');
  assert.equal(await page.locator('#heard').textContent(), 'code=true state=partner-state');
  await page.context().close();
});

test('rule_046 rule_073 an app may send the browser on to another site: the code and the refusal arrive, and so does the person', async () => {
  const page = await visitor(browser);
  await toConsent(page);
  const before = partner.callbacks.length, landing = `http://127.0.0.1:${partner.port}/landed`;
  partner.onward = landing;
  try {
    await box(page, 'organization', 'acme').check();
    await page.getByRole('button', { name: say('en', 'consent.approve') }).click();
    await page.getByRole('button', { name: 'Continue to Site Builder' }).click();
    await page.waitForURL(landing);
    await page.goto(partner.authorizeUrl());
    await page.getByRole('button', { name: say('en', 'consent.deny') }).click();
    await page.waitForURL(landing);
  } finally {
    partner.onward = null;
  }
  assert.match(partner.callbacks[before].code, /^bi_ac_/);
  assert.equal(partner.callbacks[before + 1].error, 'access_denied');
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('rule_037 E-9 an app that listens on [::1] gets its answer', { skip: !ipv6 && 'no IPv6 on loopback' }, async () => {
  const editor = await new Partner(server).start('[::1]');
  const page = await visitor(browser);
  try {
    editor.register(['--type', 'native']);
    const proof = pkce();
    editor.verifier = proof.verifier;
    await page.goto(editor.authorizeUrl({ code_challenge: proof.challenge, code_challenge_method: 'S256' }));
    await signIn(page, seed);
    await box(page, 'organization', 'acme').check();
    await page.getByRole('button', { name: say('en', 'consent.approve') }).click();
    await page.getByRole('button', { name: 'Continue to Site Builder' }).click();
    await page.waitForURL(`${editor.redirect}?**`);
    assert.match(editor.sessions.at(-1).refresh_token, /^rt_/);
    await page.goto(editor.authorizeUrl({ code_challenge: proof.challenge, code_challenge_method: 'S256' }));
    await page.getByRole('button', { name: say('en', 'consent.deny') }).click();
    await page.waitForURL(`${editor.redirect}?**`);
    assert.equal(editor.callbacks.at(-1).error, 'access_denied');
    assert.deepEqual(page.faults, []);
  } finally {
    await page.context().close();
    await editor.stop();
  }
});

test('rule_074 the way back works once: the page opened again says so', async () => {
  const page = await visitor(browser);
  await toConsent(page);
  const before = partner.callbacks.length;
  await box(page, 'organization', 'acme').check();
  await page.getByRole('button', { name: say('en', 'consent.approve') }).click();
  await page.waitForURL(/\/complete\?/);
  const complete = page.url();
  await page.getByRole('button', { name: 'Continue to Site Builder' }).click();
  await page.waitForURL(`${partner.redirect}?**`);
  await page.goto(complete);
  assert.equal(await page.getByRole('alert').textContent(), say('en', 'complete.expired'));
  assert.equal(await page.getByRole('button', { name: 'Continue to Site Builder' }).count(), 0);
  assert.equal(partner.callbacks.length, before + 1, 'the app heard of it once');
  await page.context().close();
});

test('rule_066 another account begins anew: the same app, its own organizations, one answer', async () => {
  const other = { email: 'grace@example.com', password: 'grace-password-long' };
  server.cli(['user', 'add', '--email', other.email, '--name', 'Grace Hopper'], { input: `${other.password}\n` });
  server.cli(['org', 'add', '--slug', 'navy', '--name', 'Navy', '--owner', other.email]);
  const page = await visitor(browser);
  await toConsent(page);
  const first = page.url(), before = partner.callbacks.length;
  await page.getByRole('link', { name: say('en', 'consent.otherAccount') }).click();
  await page.waitForURL(/\/login\?/);
  await signIn(page, other);
  await page.waitForURL(/\/consent\?/);
  assert.notEqual(page.url(), first, 'not the first person\'s request');
  assert.equal(await box(page, 'organization', 'acme').count(), 0, 'nor their organizations');
  assert.ok(await page.getByText(say('en', 'consent.asUser', { email: other.email })).isVisible());
  assert.equal(await page.locator('input[name=scope]').count(), 4, 'what the app asks is the same');
  await page.getByRole('button', { name: say('en', 'consent.approve') }).click();
  await page.getByRole('button', { name: 'Continue to Site Builder' }).click();
  await page.waitForURL(`${partner.redirect}?**`);
  assert.equal(partner.callbacks.length, before + 1);
  assert.equal(partner.callbacks.at(-1).state, 'partner-state', 'the app recognizes its own request');
  assert.match(partner.sessions.at(-1).grant_id, /^grt_/);
  const refused = await page.goto(first);
  assert.equal(refused.status(), 403);
  assert.equal(await page.getByRole('alert').textContent(), say('en', 'error.forbidden'));
  await page.context().close();
});
