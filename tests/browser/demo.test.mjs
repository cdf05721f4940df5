// SPDX-License-Identifier: MIT
// What a first-time visitor does: `bi18n demo`, open the address it prints, follow the page, paste its lines into a shell.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { slow } from '../lib/server.mjs';
import { demoServer, launch, say, signIn, visitor } from '../lib/browser.mjs';

let demo, browser, page, folder;

before(async () => {
  demo = await demoServer();
  browser = await launch();
  page = await visitor(browser);
  folder = mkdtempSync(join(tmpdir(), 'bi18n-demo-'));
});
after(async () => {
  await browser?.close();
  await demo?.server.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

// Pastes lines as they are; `mark` separates what each block printed.
const mark = '=====next block=====';
function shell(blocks) {
  const done = spawnSync('bash', ['-c', blocks.join(`\necho; echo '${mark}'\n`)], { cwd: folder, encoding: 'utf8', timeout: 60_000 * slow, env: { ...process.env, no_proxy: '*' } });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.split(mark).map((part) => part.trim());
}

async function throughConsent(tick) {
  await page.goto(demo.connectUrl);
  if (/\/login/.test(page.url())) await signIn(page, demo.owner);
  await page.waitForURL(/\/consent\?/);
  await page.locator('input[value="translations:publish"]').setChecked(tick);
  await page.getByRole('button', { name: say('en', 'consent.approve') }).click();
  await page.waitForURL(/\/complete\?/);
  await page.getByRole('button', { name: 'Continue to Demo Site Builder' }).click();
  await page.waitForURL(/\/demo-app\/callback\?/);
  const blocks = await page.locator('pre').allTextContents();
  // The one thing that the page asks to fill in.
  assert.equal(blocks[0].match(/bi_cs_…/g).length, 1);
  assert.equal(blocks.join('').match(/…/g).length, 1, 'nothing else is left out');
  return [blocks[0].replace('bi_cs_…', demo.clientSecret), ...blocks.slice(1)];
}

test('seed_01 the lines of the demo\'s callback page work as they stand', async () => {
  const blocks = await throughConsent(true);
  assert.equal(blocks.length, 6);
  for (const line of blocks.join('\n').split('\n')) assert.ok(line.length <= 100, `a line to read: ${line}`);
  assert.match(blocks[1], / \\\n {2}-d code=bi_ac_/, 'continued lines keep their indentation');
  const [, exchange, , read, publish, end] = shell(blocks);
  const tokens = JSON.parse(exchange);
  assert.match(tokens.access_token, /^bi_at_/);
  assert.match(tokens.grant_id, /^grt_/);
  assert.ok(read.includes('"demo"'), `organizations: ${read}`);
  assert.ok(read.includes('demo/interface') && read.includes('demo/pages'), `projects: ${read}`);
  assert.match(publish, /^\{"result":\{"data":/, publish.slice(0, 300));
  assert.match(publish, /HTTP\/1\.1 200 /);
  assert.ok(publish.includes(say('tr', 'login.title')), 'the delivered file is there');
  assert.match(end, /HTTP\/1\.1 410 /);
  assert.ok(end.includes('grant_revoked'));
});

test('R11 seed_04 step four says which permission it needs, and without it the answer is missing_scope', async () => {
  const blocks = await throughConsent(false);
  const hint = page.locator('h3', { hasText: '4.' }).locator('+ p');
  assert.match(await hint.textContent(), /translations:publish/);
  const [, , , read, publish] = shell(blocks.slice(0, 5));
  assert.ok(read.includes('"demo"'), 'reading works');
  assert.ok(publish.includes('translations:publish'), `the missing permission is named: ${publish.slice(0, 300)}`);
  assert.doesNotMatch(publish, /"result"/);
});

test('refusing ends on the same page, which says so', async () => {
  await page.goto(demo.connectUrl);
  await page.waitForURL(/\/consent\?/);
  await page.getByRole('button', { name: say('en', 'consent.deny') }).click();
  await page.waitForURL(/\/demo-app\/callback\?/);
  assert.equal(await page.getByRole('alert').textContent(), say('en', 'demo.gotError', { error: 'access_denied' }));
  assert.equal(await page.locator('pre').count(), 0);
});

test('a member who is no administrator has nothing to connect, and reads why', async () => {
  const other = await visitor(browser);
  await other.goto(demo.connectUrl);
  await signIn(other, demo.translator);
  await other.waitForURL(/\/consent\?/);
  assert.ok(await other.getByText(say('en', 'consent.noOrganizations')).isVisible());
  assert.equal(await other.getByRole('button', { name: say('en', 'consent.approve') }).count(), 0);
  await other.goto(`${demo.server.url}/`);
  assert.ok(await other.getByRole('link', { name: 'Interface of bi18n', exact: true }).isVisible(), 'but sees the projects');
  await other.context().close();
});
