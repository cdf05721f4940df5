// SPDX-License-Identifier: MIT
// No space left (ruling R38): writes answer 503 with Retry-After in the channel's shape, reads and delivery go on,
// nothing is half written, and with space again everything works without a restart.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Browser, Server, api, hidden, slow, tokenRequest } from '../lib/server.mjs';
import { connectWith, control, elsewhere, eventually, mintRaw, organizations, proxied, refresh, signedIn } from '../lib/oauth.mjs';
import { addKey, assertTrpcError, caller, publish } from '../lib/strings.mjs';

const settings = { ...proxied, fill_from_source_default: 0, mint_coalesce_ms: 0, mint_per_minute_max: 1_000_000, installation_tokens_max: 10_000, publish_cooldown_s: 0 };
const scope = 'org:read projects:read';

// A small file system of the data directory's own, filled by a file.
class SmallDisk {
  static works = process.getuid?.() === 0 && SmallDisk.trial();
  static trial() {
    const dir = join('/tmp', `bi18n-mount-${process.pid}`);
    mkdirSync(dir);
    const ok = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir]).status === 0;
    if (ok) spawnSync('umount', [dir]);
    rmSync(dir, { recursive: true });
    return ok;
  }
  prepare(server) {
    this.dir = server.data;
    mkdirSync(this.dir, { mode: 0o700 });
    assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=700', 'tmpfs', this.dir]).status, 0);
  }
  fill() {
    const file = openSync(join(this.dir, 'filler'), 'w');
    try {
      for (const size of [65536, 4096]) {
        try { for (;;) writeSync(file, Buffer.alloc(size)); } catch (error) { assert.equal(error.code, 'ENOSPC'); }
      }
    } finally { closeSync(file); }
  }
  release() { rmSync(join(this.dir, 'filler'), { force: true }); }
  end() { spawnSync('umount', ['--lazy', this.dir]); }
}

// No file of the server may grow (RLIMIT_FSIZE), wherever the disk is.
class SizeLimit {
  static works = spawnSync('prlimit', ['--version']).status === 0;
  prepare(server) { this.server = server; }
  limit(value) {
    const done = spawnSync('prlimit', ['--pid', String(this.server.process.pid), `--fsize=${value}:unlimited`], { encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
  }
  fill() { this.limit(1); }
  release() { this.limit('unlimited'); }
  end() {}
}

for (const Kind of [SmallDisk, SizeLimit]) {
  describe(Kind === SmallDisk ? 'a full disk' : 'a limit on file sizes', { skip: !Kind.works && 'not possible here' }, () => {
    const kind = new Kind();
    let server, seed, browser, person, connection, token, key, call, ids, generation = 0, acknowledged = 0;
    const minted = [];

    before(async () => {
      server = new Server({ settings });
      kind.prepare(server);
      await server.start();
      seed = server.seed();
      browser = await signedIn(server, seed);
      person = new Browser(server);
      connection = await connectWith(server, seed, { browser, scope });
      token = (await mintRaw(server, connection, {})).body.installation_token;
      key = addKey(server);
      call = caller(server, key);
      ids = (await call.get('listKeys')).k.map((k) => k.id);
      publish(server);
    });
    after(async () => {
      await server?.stop('SIGKILL');
      kind.end();
      await server?.close();
    });

    const texts = () => ids.map((id) => ({ id, t: { de: `generation ${generation}` } }));
    // The log of the embedded store may have room inside: writes go on until it has not.
    async function writeUntilRefused() {
      return eventually('a write is refused', async () => {
        generation++;
        const answer = await call.mutate('setTranslations', { t: texts() });
        assert.ok([200, 503].includes(answer.status), JSON.stringify(answer.body));
        if (answer.status === 503) return answer;
        acknowledged = generation;
        return null;
      }, 60_000 * slow);
    }
    const delivered = async () => (await fetch(`${server.url}/acme/web/tr.json`)).json();
    function retryAfter(answer) {
      assert.equal(answer.status, 503, answer.text);
      const seconds = answer.headers.get('retry-after');
      assert.match(seconds ?? '(none)', /^[1-9]\d*$/);
    }
    function unavailable(answer) {
      retryAfter(answer);
      assert.equal(answer.body.error, 'temporarily_unavailable');
      assert.match(answer.body.error_description, /\S/);
      assert.doesNotMatch(answer.text, /sqlite|disk I\/O|\/tmp\//i, 'nothing about the inside');
    }

    test('R38 tRPC: 503 SERVICE_UNAVAILABLE with Retry-After, single and batched', async () => {
      kind.fill();
      const answer = await writeUntilRefused();
      assert.match(answer.headers.get('retry-after') ?? '(none)', /^[1-9]\d*$/);
      assertTrpcError(answer.body, { code: 'SERVICE_UNAVAILABLE', httpStatus: 503, number: answer.body.error.code, path: 'mcp.setTranslations' });
      const batched = await call.mutate('createKeys', { k: [{ n: 'never.made' }] }, { batch: true });
      assert.equal(batched.status, 503);
      assert.match(batched.headers.get('retry-after') ?? '(none)', /^[1-9]\d*$/);
      assert.equal(batched.error.data.code, 'SERVICE_UNAVAILABLE');
    });

    test('R38 the partner API and the token endpoint: 503 temporarily_unavailable with Retry-After', async () => {
      unavailable(await mintRaw(server, connection, {}));
      unavailable(await refresh(server, seed.web, connection.refresh_token));
      unavailable(await api(server, `/api/oauth-client/installations/${connection.grant_id}`, { method: 'DELETE', token: connection.access_token }));
      const code = await tokenRequest(server, { grant_type: 'authorization_code', code: 'bi_ac_nothing', redirect_uri: seed.redirect, client_id: seed.web.clientId, client_secret: seed.web.clientSecret }, elsewhere());
      assert.ok([400, 503].includes(code.status), code.text);
    });

    test('R38 pages: 503 with Retry-After as a page; commands: exit 4', async () => {
      const page = await person.follow('/login');
      assert.equal(page.status, 200);
      const answer = await person.request('/login', { method: 'POST', form: { ...hidden(page.text), email: seed.email, password: seed.password } });
      retryAfter(answer);
      assert.match(answer.headers.get('content-type'), /^text\/html/);
      assert.match(answer.text, /<h1/);
      const done = server.run(['org', 'add', '--slug', 'never', '--name', 'Never', '--owner', seed.email]);
      assert.equal(done.status, 4, done.stderr);
      assert.match(done.stderr, /bi18n org add: \S/);
    });

    test('R38 reads and delivery go on; a revocation that was refused did not happen', async () => {
      assert.equal((await organizations(server, token)).status, 200);
      assert.equal((await call.query('listKeys', {})).status, 200);
      assert.deepEqual(await delivered(), { common: { title: 'Başlık', save: 'Kaydet' }, hello: 'Merhaba' });
      assert.equal((await api(server, '/health')).status, 200);
      assert.equal(server.run(['export', 'acme/web', '--language', 'tr']).status, 0);
      assert.equal((await browser.follow('/settings/connected-apps')).status, 200);
      const ready = await api(server, '/ready');
      assert.equal(ready.status, 503, 'a store that takes no writes is not ready');
    });

    test('R38 a publish without space fails or waits, and what was delivered stays', async () => {
      const answer = await call.mutate('publishTranslations', {});
      assert.ok([200, 503].includes(answer.status), JSON.stringify(answer.body));
      assert.deepEqual(await delivered(), { common: { title: 'Başlık', save: 'Kaydet' }, hello: 'Merhaba' });
    });

    test('R38 under many writers at once: 503 each, never 500, and the server lives', async () => {
      const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 ? mintRaw(server, connection, {}) : call.mutate('createKeys', { k: [{ n: `never.x${i}` }] }))));
      assert.deepEqual([...new Set(answers.map((a) => a.status))], [503]);
    });

    test('R38 with space again all works without a restart, and nothing is half written', async () => {
      kind.release();
      await eventually('ready again', async () => (await api(server, '/ready')).status === 200, 30_000 * slow);
      const names = (await call.get('listKeys')).k.map((k) => k.k);
      assert.deepEqual(names.filter((name) => name.includes('never')), []);
      const de = Object.values(JSON.parse(server.run(['export', 'acme/web', '--language', 'de', '--draft']).stdout)).flatMap((v) => (typeof v === 'string' ? [v] : Object.values(v)));
      assert.deepEqual([...new Set(de)], acknowledged ? [`generation ${acknowledged}`] : [], 'one call is written whole or not at all');
      minted.push((await mintRaw(server, connection, {})).body.installation_token);
      assert.equal((await refresh(server, seed.web, connection.refresh_token)).status, 200);
      generation++;
      assert.equal((await call.mutate('setTranslations', { t: texts() })).status, 200);
      publish(server);
      assert.equal((await (await fetch(`${server.url}/acme/web/de.json`)).json()).hello, `generation ${generation}`);
      assert.equal((await person.signIn(seed.email, seed.password)).status, 303);
      await control(server, 'org.add', { slug: 'later', name: 'Later', owner: seed.email });
      assert.deepEqual(server.cli(['verify']), { ok: true, problems: [] });
      assert.doesNotMatch(server.output, /AddressSanitizer|runtime error/);
    });

    test('R38 a start without space says so (exit 4), or serves what is there', { skip: Kind === SizeLimit && 'the limit belongs to the running process' }, async () => {
      await server.stop();
      kind.fill();
      let failed = null;
      try { await server.start(); } catch (error) { failed = error; }
      if (failed) {
        assert.match(failed.message, /ended \(4\)/);
        assert.match(failed.message, /disk|space|full/i);
        server.process = null;
      } else {
        assert.deepEqual((await delivered()).hello, 'Merhaba');
        await server.stop();
      }
      kind.release();
      await server.start();
      assert.equal((await organizations(server, minted[0])).status, 200);
      assert.deepEqual(server.cli(['verify']), { ok: true, problems: [] });
    });
  });
}
