// SPDX-License-Identifier: MIT
// The typed calls against the real server: organizations, projects by any of their names, texts.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { HOUR, connectDriver } from './library.mjs';
import { paths } from './fault_proxy.mjs';
import { suite } from './suite.mjs';

const s = suite();
before(() => s.start());
after(() => s.close());
afterEach(() => s.proxy.calm());

const scopes = 'org:read projects:read projects:write keys:read keys:write translations:read translations:write translations:publish';
const acme = { owner: 'u1', organization: 'acme' };

async function connected(more = {}) {
  const driver = await s.driver();
  await connectDriver(driver, s.server, s.seed, { browser: s.browser, scopes, ...more });
  return driver;
}

test('a project is named by its slug, by org/project or by its id, in every call', async () => {
  const driver = await connected();
  const [project] = (await driver.ok('projects', acme)).filter((p) => p.slug === 'acme/web');
  assert.ok(project, 'what is told is org/project');
  const names = ['web', 'acme/web', 'ACME/Web', project.id, project.id.toUpperCase()];
  for (const [n, name] of names.entries()) {
    const at = { ...acme, project: name };
    const [one] = await driver.ok('project', at);
    assert.deepEqual([one.id, one.slug], [project.id, 'acme/web'], name);
    assert.equal(await driver.ok('language', { ...at, language: 'tr' }), false, 'it has Turkish already');
    const [found] = await driver.ok('texts', { ...at, language: 'tr', search: 'hello', limit: 1 });
    await driver.ok('textSet', { ...at, id: found.id, language: 'tr', text: `Selam ${n}` });
    const id = await driver.ok('keyCreate', { ...at, key: `new${n}`, source: `New ${n}` });
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.ok(await driver.ok('publish', { ...at, wait: true }) >= 1);
    const [again] = await driver.ok('texts', { ...at, language: 'tr', search: 'hello', limit: 1 });
    assert.equal(again.text, `Selam ${n}`);
  }
  await driver.close();
});

test('a name that was given costs no request more', async () => {
  const driver = await connected();
  const [project] = (await driver.ok('projects', acme)).filter((p) => p.slug === 'acme/web');
  for (const [name, command, more] of [['web', 'texts', 0], ['acme/web', 'texts', 0], [project.id, 'texts', 1], [project.id, 'project', 0], ['web', 'project', 1], ['acme/web', 'project', 1]]) {
    s.proxy.forget();
    await driver.ok(command, { ...acme, project: name, language: 'tr' });
    assert.equal(s.proxy.log.length, 1 + more, `${command} ${name}`);
  }
  await driver.close();
});

test('a project that is not one: EINVAL without a request, ENOTFOUND with one', async () => {
  const driver = await connected();
  await driver.ok('token', acme);
  const calls = [['texts', { language: 'tr' }], ['textSet', { id: '00000000-0000-4000-8000-000000000000', language: 'tr', text: 'x' }], ['keyCreate', { key: 'k', source: 's' }], ['publish', {}], ['project', {}], ['language', { language: 'fr' }]];
  for (const [command, fields] of calls) {
    s.proxy.forget();
    for (const project of [undefined, '', '/', 'acme/', '/web', 'acme/web/x', 'a b', 'a"b', 'x'.repeat(200)]) await driver.fails('EINVAL', command, { ...acme, ...fields, project });
    assert.equal(s.proxy.log.length, 0, command);
    for (const project of ['none', 'acme/none', 'globex/web', '00000000-0000-4000-8000-000000000000']) {
      const answer = await driver.run(command, { ...acme, ...fields, project });
      assert.ok(['ENOTFOUND', 'EFORBIDDEN'].includes(answer.code), `${command} ${project}: ${JSON.stringify(answer)}`);
    }
  }
  await driver.close();
});

test('seed_04 the look at the list needs projects:read, and says so', async () => {
  const driver = await connected({ scopes: 'translations:read' });
  const [found] = await driver.ok('texts', { ...acme, project: 'acme/web', language: 'tr', search: 'hello' });
  assert.ok(found.id);
  const error = await driver.fails('SCOPE_REQUIRED', 'texts', { ...acme, project: '00000000-0000-4000-8000-000000000000', language: 'tr' });
  assert.equal(error.requiredScope, 'projects:read');
  assert.match(error.message, /^answered 403: [^{[]*$/, 'words, not an envelope');
  const trpc = await driver.fails('ENOTFOUND', 'texts', { ...acme, project: 'none', language: 'tr' });
  assert.match(trpc.message, /^answered 404: [^{[]*$/);
  assert.deepEqual(new URL(error.authorizeUrl).searchParams.get('scope').split(' '), ['translations:read', 'projects:read']);
  await driver.close();
});

test('every allocation of a typed call may fail: an error that says so, and nothing is half told', async () => {
  const driver = await connected();
  const at = { ...acme, project: 'web' };
  const [project] = await driver.ok('project', at);
  for (const command of [{ do: 'organizations', ...acme }, { do: 'projects', ...acme }, { do: 'project', ...at }, { do: 'texts', ...at, project: project.id, language: 'tr' }, { do: 'language', ...at, language: 'tr' }]) {
    const done = await driver.ok('sweep', { command });
    assert.equal(done.last, 'CONNECTED', `${command.do}: ${JSON.stringify(done)}`);
    assert.deepEqual(Object.keys(done.codes).filter((code) => !['CONNECTED', 'ENOMEM'].includes(code)), [], `${command.do}: ${JSON.stringify(done)}`);
  }
  await driver.close();
});

test('an answer that is none to a typed call is EPROTOCOL', async () => {
  const driver = await connected();
  await driver.ok('clock', { ms: HOUR });
  await driver.ok('token', acme);
  for (const body of ['', '[]', '{}', '{"projects":{}}', '{"organizations":7}', 'null', '[{"result":{"data":{}}}]', '[{"result":{"data":{"keys":7}}}]']) {
    for (const command of ['organizations', 'projects', 'project', 'texts']) {
      const rule = s.proxy.rule({ method: 'GET' }, (x) => x.answer({ body }));
      await driver.fails('EPROTOCOL', command, { ...acme, project: '00000000-0000-4000-8000-000000000000', language: 'tr' });
      rule.stop();
    }
  }
  assert.equal(s.proxy.find(paths.mint).length > 0, true);
  await driver.close();
});
