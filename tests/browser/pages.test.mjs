// SPDX-License-Identifier: MIT
// Every page in a real browser: accessible in light and dark, wide and narrow, in five languages; what the controls do.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startServer } from '../lib/server.mjs';
import { Partner, languages, launch, say, signIn, violations, visitor, withAxe } from '../lib/browser.mjs';
import { addPerson, connectWith } from '../lib/oauth.mjs';

let server, seed, partner, browser, newcomer;

before(async () => {
  server = await startServer();
  seed = server.seed();
  const keys = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`key${String(i).padStart(3, '0')}`, `Long text number ${i}`]));
  server.cli(['import', 'acme/web', '--language', 'en', '-'], { input: JSON.stringify({ many: keys }) });
  newcomer = addPerson(server, { email: 'newcomer@example.com', name: 'New Comer' });
  addPerson(server, { email: 'founder@example.com', org: 'founded', orgName: 'Founded' });
  partner = await new Partner(server).start();
  partner.register();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await partner?.stop();
  await server?.close();
});

const open = (path) => async (page) => { await page.goto(server.url + path); };
const consent = async (page) => { await page.goto(partner.authorizeUrl()); await page.waitForURL(/\/consent\?/); };
const complete = async (page) => { await consent(page); await page.locator('[name=decision][value=approve]').click(); await page.waitForURL(/\/complete\?/); };

// [page, who is signed in, how to get there]
const everyPage = [
  ['home signed out', null, open('/')],
  ['sign-in', null, open('/login')],
  ['sign-in for an app', null, async (page) => { await page.goto(partner.authorizeUrl()); await page.waitForURL(/\/login\?/); }],
  ['sign-in error', null, async (page) => { await open('/login')(page); await signIn(page, { email: seed.email, password: 'not the password' }); await page.getByRole('alert').waitFor(); }],
  ['home', 'seed', open('/')],
  ['home without an organization', 'newcomer', open('/')],
  ['consent', 'seed', consent],
  ['consent without an organization', 'newcomer', consent],
  ['completion', 'seed', complete],
  ['connected apps', 'seed', async (page) => { await connectWith(server, seed, { scope: 'org:read keys:read translations:publish' }); await open('/settings/connected-apps')(page); }],
  ['connected apps, none', 'newcomer', open('/settings/connected-apps')],
  ['your apps', 'seed', open('/settings/apps')],
  ['your apps, none', 'newcomer', open('/settings/apps')],
  ['your apps, just registered', 'seed', async (page) => {
    await open('/settings/apps')(page);
    await page.locator('[name=name]').fill('A builder of my own');
    await page.locator('[name=redirect_uris]').fill('https://builder.example/callback');
    await page.locator('[name=decision][value=register]').click();
    await page.locator('.card[role=status]').waitFor();
    await page.locator('details:not(.menu)').first().evaluate((e) => { e.open = true; });
  }],
  ['your apps, refused', 'seed', async (page) => {
    await open('/settings/apps')(page);
    await page.locator('[name=name]').fill('Refused');
    await page.locator('[name=redirect_uris]').fill('http://builder.example/callback');
    await page.locator('[name=decision][value=register]').click();
    await page.getByRole('alert').waitFor();
  }],
  ['one app, with failures', 'seed', async (page) => {
    await open('/settings/apps')(page);
    await page.locator('main .card h2 a').first().click();
    await page.waitForURL(/\/settings\/apps\/app_/);
    const clientId = page.url().split('/').at(-1);
    for (const change of ['redirect_uri=https%3A%2F%2Fbuilder.example%2Felsewhere', 'redirect_uri=https%3A%2F%2Fbuilder.example%2Fcallback&response_type=code&scope=org%3Aeverything']) await fetch(`${server.url}/api/auth/mcp/authorize?client_id=${clientId}&${change}`);
    await page.reload();
    assert.equal(await page.locator('#failures li').count() >= 2, true);
  }],
  ['audit', 'seed', open('/settings/audit')],
  ['audit, filtered', 'seed', open('/settings/audit?organization=acme&kind=token&since=2020-01-01')],
  ['audit, nothing fits', 'seed', open('/settings/audit?until=2020-01-01')],
  ['audit, refused', 'seed', open('/settings/audit?kind=nothing')],
  ['audit, none', 'newcomer', open('/settings/audit')],
  ['sign-ins', 'seed', open('/settings/sessions')],
  ['password', 'seed', open('/settings/password')],
  ['password refused', 'seed', async (page) => {
    await open('/settings/password')(page);
    await page.locator('[name=old_password]').fill(seed.password);
    await page.locator('[name=new_password]').evaluate((e) => { e.removeAttribute('minlength'); });
    await page.locator('[name=new_password]').fill('short');
    await page.locator('main button.primary').click();
    await page.getByRole('alert').waitFor();
  }],
  ['the settings menu, open', 'seed', async (page) => { await open('/')(page); await page.locator('.menu summary').click(); }],
  ['project', 'seed', open('/projects/acme/web')],
  ['project settings', 'seed', open('/projects/acme/web/settings')],
  ['project without a hit', 'seed', open('/projects/acme/web?search=nothing-like-this')],
  ['error', null, open('/settings/nothing-here')],
  ['error from an app', null, open('/api/auth/mcp/authorize?client_id=unknown')],
  ['demo callback', null, open('/demo-app/callback?code=bi_ac_abc&state=app_abc&iss=http%3A%2F%2F127.0.0.1')],
  ['demo callback refused', null, open('/demo-app/callback?error=access_denied&error_description=No')],
  ['demo callback, nothing', null, open('/demo-app/callback')],
];

async function sessions(options) {
  const people = { seed, newcomer };
  const pages = {};
  for (const who of [null, 'seed', 'newcomer']) {
    const page = await visitor(browser, options);
    await withAxe(page);
    if (who) {
      await page.goto(`${server.url}/login`);
      await signIn(page, people[who]);
      await page.waitForURL(`${server.url}/`);
    }
    pages[who] = page;
  }
  return pages;
}
const close = (pages) => Promise.all(Object.values(pages).map((page) => page.context().close()));

for (const colorScheme of ['light', 'dark']) {
  for (const width of [360, 1280]) {
    test(`rule_076 no page has an accessibility fault or runs over its edge: ${colorScheme}, ${width} wide`, async () => {
      const pages = await sessions({ colorScheme, viewport: { width, height: 800 } });
      for (const [name, who, go] of everyPage) {
        const page = pages[who];
        await go(page);
        assert.deepEqual(await violations(page), [], name);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), `${name} is wider than the window`);
        assert.ok(await page.locator('.primary').count() <= 1, `${name}: one primary action`);
        assert.match(await page.title(), /^.+ · bi18n$/, name);
      }
      const [light, dark] = await Promise.all([null, 'seed'].map((who) => pages[who].evaluate(() => getComputedStyle(document.body).backgroundColor)));
      assert.equal(light, dark);
      const brightness = light.match(/\d+/g).slice(0, 3).reduce((sum, c) => sum + Number(c), 0) / 3;
      assert.ok(colorScheme === 'dark' ? brightness < 60 : brightness > 200, `${light} in ${colorScheme}`);
      await close(pages);
    });
  }
}

for (const code of languages) {
  test(`rule_076 in ${code}, as the browser asks: every page, without an accessibility fault`, async () => {
    const pages = await sessions({ locale: code, viewport: { width: 360, height: 800 } });
    for (const [name, who, go] of everyPage) {
      const page = pages[who];
      await go(page);
      assert.equal(await page.locator('html').getAttribute('lang'), code, name);
      assert.equal(await page.locator('html').getAttribute('dir'), code === 'ar' ? 'rtl' : 'ltr', name);
      assert.deepEqual(await violations(page), [], name);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), `${name} is wider than the window`);
      assert.doesNotMatch(await page.locator('body').innerText(), /\{(?:app|name|host|email|project|shown|total|seconds|error|id|organization)\}/, `${name}: every placeholder is filled in`);
    }
    await consent(pages.seed);
    assert.equal(await pages.seed.title(), `${say(code, 'consent.title', { app: 'Site Builder' })} · bi18n`);
    assert.ok(await pages.seed.getByRole('button', { name: say(code, 'consent.approve') }).isVisible());
    assert.ok(await pages.seed.getByLabel(say(code, 'scopes.translations_publish')).isVisible(), 'permissions are said in words of the language');
    await close(pages);
  });
}

test('rule_076 Arabic runs from right to left, commands from left to right', async () => {
  const page = await visitor(browser, { locale: 'ar', viewport: { width: 800, height: 800 } });
  await page.goto(`${server.url}/demo-app/callback?code=bi_ac_abc&state=app_abc`);
  const middle = (selector) => page.locator(selector).first().evaluate((e) => { const r = e.getBoundingClientRect(); return (r.left + r.right) / 2; });
  assert.ok(await middle('.brand') > 400, 'the product stands at the right');
  assert.ok(await middle('nav') < 400, 'the menu at the left');
  assert.equal(await page.locator('pre').first().evaluate((e) => getComputedStyle(e).direction), 'ltr');
  await page.context().close();
});

test('rule_076 the language is switched on the page, stays for the next ones, and leads back to the same place', async () => {
  for (const javaScriptEnabled of [true, false]) {
    const page = await visitor(browser, { javaScriptEnabled });
    await page.goto(partner.authorizeUrl({ state: 'a b&c' }));
    await page.waitForURL(/\/login\?/);
    const at = page.url();
    let before = 'en';
    for (const code of ['ja', 'ar', 'tr', 'de']) {
      await page.getByLabel(say(before, 'common.language')).selectOption(code);
      await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: say(before, 'common.changeLanguage') }).click()]);
      assert.equal(page.url(), at);
      assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), say(code, 'login.title'));
      before = code;
    }
    await page.goto(server.url);
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), say('de', 'home.title'), 'on the other pages too');
    await page.context().close();
  }
});

test('the audit is filtered and paged by its controls, without JavaScript', async () => {
  for (let i = 0; i < 12; i++) await connectWith(server, seed, { scopes: [i % 2 ? 'org:read' : 'keys:read'], scope: 'org:read keys:read' });
  const page = await visitor(browser, { javaScriptEnabled: false });
  await page.goto(`${server.url}/settings/audit`);
  await signIn(page, seed);
  await page.waitForURL(`${server.url}/settings/audit`);
  assert.equal(await page.getByRole('row').count(), 51);
  const first = await page.getByRole('row').nth(1).textContent();
  await page.getByRole('link', { name: say('en', 'audit.older') }).click();
  assert.notEqual(await page.getByRole('row').nth(1).textContent(), first);
  await page.getByRole('link', { name: say('en', 'audit.newer') }).click();
  assert.equal(await page.getByRole('row').nth(1).textContent(), first);
  await page.getByLabel(say('en', 'audit.kind')).selectOption('grant.created');
  await page.getByRole('button', { name: say('en', 'audit.apply') }).click();
  await page.waitForURL(/kind=grant\.created/);
  assert.ok(await page.getByRole('row').count() > 1);
  for (const row of (await page.getByRole('row').allTextContents()).slice(1)) assert.match(row, /An app was connected/);
  await page.getByRole('link', { name: new RegExp(say('en', 'audit.onlyGrant')) }).first().click();
  await page.waitForURL(/grant=grt_/);
  assert.match(await page.getByLabel(say('en', 'audit.grant')).inputValue(), /^grt_/);
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: say('en', 'audit.export') }).click();
  assert.match((await download).suggestedFilename(), /^audit-acme-\d{4}-\d\d-\d\d\.jsonl$/);
  await page.getByRole('link', { name: say('en', 'audit.clear') }).click();
  assert.equal(await page.getByLabel(say('en', 'audit.grant')).inputValue(), '');
  await page.context().close();
});

test('the project page says how many of how many, keeps what was searched, and shows more', async () => {
  const page = await visitor(browser);
  await page.goto(`${server.url}/projects/acme/web`);
  await page.waitForURL(/\/login\?/);
  await signIn(page, seed);
  await page.waitForURL(`${server.url}/projects/acme/web`);
  const status = () => page.getByRole('status').textContent();
  assert.equal(await page.title(), 'Strings of Web · bi18n');
  assert.equal(await status(), '100 of 254 keys are shown.');
  assert.equal(await page.locator('tbody tr').count(), 100);
  await page.getByRole('link', { name: say('en', 'project.more') }).click();
  await page.waitForURL(/limit=200/);
  assert.equal(await status(), '200 of 254 keys are shown.');
  assert.ok(await page.getByText(say('en', 'project.narrow', { shown: '200' })).isVisible());

  await page.getByLabel(say('en', 'project.search')).fill('title');
  await page.getByLabel(say('en', 'project.languageFilter')).selectOption('tr');
  await page.getByRole('button', { name: say('en', 'project.searchSubmit') }).click();
  await page.waitForURL(/search=title/);
  assert.equal(await status(), '1 of 1 keys are shown.');
  assert.equal(await page.locator('tbody th').textContent(), 'common.title');
  assert.ok(await page.getByRole('cell', { name: 'Başlık' }).isVisible());
  assert.equal(await page.getByLabel(say('en', 'project.search')).inputValue(), 'title');

  await page.getByLabel(say('en', 'project.languageFilter')).selectOption('de');
  await page.getByRole('button', { name: say('en', 'project.searchSubmit') }).click();
  await page.waitForURL(/languages=de/);
  assert.equal(await page.locator('tbody th').textContent(), 'common.title', 'the search is kept when the language changes');
  assert.ok(await page.getByRole('cell', { name: say('en', 'project.missing') }).isVisible());

  await page.getByLabel(say('en', 'project.search')).fill('');
  await page.getByLabel(say('en', 'project.namespace')).selectOption('many');
  await page.getByRole('button', { name: say('en', 'project.searchSubmit') }).click();
  await page.waitForURL(/namespaces=many/);
  assert.equal(await status(), '100 of 250 keys are shown.');
  await page.getByRole('link', { name: say('en', 'project.more') }).click();
  await page.waitForURL(/limit=200/);
  assert.equal(await status(), '200 of 250 keys are shown.', 'the choice is kept');
  assert.equal(await page.getByLabel(say('en', 'project.namespace')).inputValue(), 'many');
  assert.equal(await page.getByLabel(say('en', 'project.languageFilter')).inputValue(), 'de');

  const width = await page.locator('tbody th').first().evaluate((e) => e.getBoundingClientRect().width);
  assert.ok(width > 150, `the column of keys is ${width} wide`);
  await page.context().close();
});

test('a wrong search or choice is answered with what is wrong with it, not with blame for an app', async () => {
  const page = await visitor(browser);
  await page.goto(`${server.url}/login?next=${encodeURIComponent('/projects/acme/web?limit=9999')}`);
  await signIn(page, seed);
  await page.getByRole('alert').waitFor();
  assert.equal(await page.getByRole('alert').textContent(), say('en', 'error.invalid'));
  await page.goto(`${server.url}/consent?request=nonsense`);
  assert.equal(await page.getByRole('alert').textContent(), say('en', 'error.expired'));
  await page.context().close();
});

test('the demo callback never puts foreign characters into lines that one pastes into a shell', async () => {
  const page = await visitor(browser);
  for (const query of ['code=x;touch%20/tmp/x&state=app_1', 'code=bi_ac_1&state=$(id)', 'code=bi_ac_1%0Aid&state=app_1', 'code=bi_ac_1']) {
    await page.goto(`${server.url}/demo-app/callback?${query}`);
    assert.equal(await page.locator('pre').count(), 0, query);
  }
  await page.goto(`${server.url}/demo-app/callback?code=bi_ac_1&state=app_1`);
  assert.ok(await page.locator('pre').count() > 4);
  await page.context().close();
});
