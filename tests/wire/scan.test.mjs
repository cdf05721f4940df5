// SPDX-License-Identifier: MIT
// bi18n scan: leaked tokens in files and in git repositories.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binary } from '../lib/server.mjs';
import { checksum, neighbour } from '../lib/oauth.mjs';

let base;
before(() => { base = mkdtempSync(join(tmpdir(), 'bi18n-scan-')); });
after(() => rmSync(base, { recursive: true, force: true }));

const made = (prefix, digits = 30) => {
  const body = prefix + 'k9'.repeat(40).slice(0, digits);
  return body + checksum(body);
};
const installation = made('bi_oat_'), refreshToken = made('rt_', 43), secretKey = made('bi-'), publicKey = made('bi_pub_');
const git = (directory, ...args) => {
  const done = spawnSync('git', ['-C', directory, '-c', 'user.name=T', '-c', 'user.email=t@example.com', '-c', 'init.defaultBranch=main', '-c', 'commit.gpgSign=false', ...args], { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.trim();
};
function scan(path, { env = {} } = {}) {
  const run = (args) => spawnSync(binary, ['scan', path, ...args], { encoding: 'utf8', env: { ...process.env, BI18N_DATA: join(base, 'no-store'), ...env }, maxBuffer: 1 << 28 });
  const text = run([]), json = run(['--json']);
  assert.equal(text.status, json.status);
  return { status: text.status, lines: text.stdout.split('\n').filter(Boolean), json: JSON.parse(json.stdout || 'null'), stdout: text.stdout, stderr: text.stderr };
}
const folder = (name) => {
  const path = join(base, name);
  mkdirSync(path, { recursive: true });
  return path;
};

test('rule_215 a token in a file is named by file and line, and masked', () => {
  const at = folder('plain/src/deep');
  writeFileSync(join(at, 'config.js'), `// first\nconst token = "${installation}";\nexport const other = '${secretKey}' + '${refreshToken}';\n`);
  const found = scan(join(base, 'plain'));
  assert.equal(found.status, 1);
  assert.deepEqual(found.json.findings.map(({ file, line, kind }) => [file.slice(base.length), line, kind]), [
    ['/plain/src/deep/config.js', 2, 'installation token'], ['/plain/src/deep/config.js', 3, 'secret key'], ['/plain/src/deep/config.js', 3, 'refresh token']]);
  assert.equal(found.lines[0], `${at}/config.js:2: installation token bi_oat_…${installation.slice(-4)}`);
  for (const token of [installation, secretKey, refreshToken]) {
    assert.ok(!found.stdout.includes(token));
    assert.ok(!JSON.stringify(found.json).includes(token.slice(4, 20)));
  }
  assert.equal(found.json.complete, true);
});

test('rule_215 what only looks like a token is none: checksum, alphabet, length, public keys', () => {
  const at = folder('clean');
  const wrong = installation.slice(0, -1) + (installation.endsWith('A') ? 'B' : 'A');
  writeFileSync(join(at, 'a.txt'), [wrong, installation.slice(0, -1), installation.replace('k', '-'), publicKey, 'bi_oat_', 'rt_'.repeat(100), 'start_'.repeat(1000)].join('\n'));
  const found = scan(at);
  assert.equal(found.status, 0, found.stdout);
  assert.deepEqual(found.json.findings, []);
  assert.equal(found.json.files, 1);
});

test('rule_215 tokens in long lines, in binary files, without a line end and next to other characters are found', () => {
  const at = folder('odd');
  const filler = 'x'.repeat(262_144 - 20);
  writeFileSync(join(at, 'bundle.min.js'), `${filler}${installation}${filler}${neighbour(installation)}`);
  writeFileSync(join(at, 'data.bin'), Buffer.concat([Buffer.from([0, 255, 0]), Buffer.from(installation), Buffer.from([0, 200])]));
  writeFileSync(join(at, 'joined.txt'), `a${installation}b${installation}`);
  symlinkSync(join(at, 'joined.txt'), join(at, 'link.txt'));
  symlinkSync('..', join(at, 'loop'));
  const found = scan(at);
  const files = found.json.findings.map(({ file }) => file.split('/').pop());
  assert.deepEqual(files, ['bundle.min.js', 'bundle.min.js', 'data.bin', 'joined.txt', 'joined.txt']);
});

test('rule_215 the history of a checkout is read: removed files, messages, branches, merges', () => {
  const at = folder('repo');
  git(at, 'init', '-q');
  writeFileSync(join(at, 'settings file.env'), `TOKEN=${installation}\n`);
  git(at, 'add', '.');
  git(at, 'commit', '-q', '-m', 'add settings');
  const first = git(at, 'rev-parse', 'HEAD').slice(0, 12);
  git(at, 'rm', '-q', 'settings file.env');
  writeFileSync(join(at, 'readme'), 'nothing\n');
  git(at, 'add', '.');
  git(at, 'commit', '-q', '-m', `oops: was ${secretKey}`);
  git(at, 'checkout', '-q', '-b', 'side');
  writeFileSync(join(at, 'side.txt'), `${refreshToken}\n`);
  git(at, 'add', '.');
  git(at, 'commit', '-q', '-m', 'side');
  git(at, 'checkout', '-q', 'main');
  const found = scan(at);
  assert.equal(found.status, 1);
  assert.deepEqual(found.json.findings.map(({ commit, file, kind }) => [commit.length, file, kind]), [
    [12, 'settings file.env', 'installation token'], [12, '(message)', 'secret key'], [12, 'side.txt', 'refresh token']]);
  assert.equal(found.json.findings[0].commit, first);
  assert.equal(found.lines[0], `${first}:settings file.env: installation token bi_oat_…${installation.slice(-4)}`);
  assert.equal(found.json.commits, 3);

  const evil = neighbour(installation);
  git(at, 'merge', '-q', '--no-commit', '--no-ff', 'side');
  appendFileSync(join(at, 'readme'), `${evil}\n`);
  git(at, 'add', '.');
  git(at, 'commit', '-q', '-m', 'merge');
  writeFileSync(join(at, 'readme'), 'nothing\n');
  git(at, 'rm', '-q', '--cached', 'side.txt');
  git(at, 'add', 'readme');
  git(at, 'commit', '-q', '-m', 'hide');
  assert.ok(scan(at).json.findings.some(({ commit, file, token }) => commit && file === 'readme' && token.endsWith(evil.slice(-4))), 'what only a merge added');
});

test('rule_215 a folder or a file inside a checkout has its own part of the history', () => {
  const at = folder('part/docs');
  const top = join(base, 'part');
  git(top, 'init', '-q');
  writeFileSync(join(top, 'top.txt'), installation);
  writeFileSync(join(at, 'page.md'), secretKey);
  git(top, 'add', '.');
  git(top, 'commit', '-q', '-m', 'both');
  writeFileSync(join(at, 'page.md'), 'clean');
  git(top, 'commit', '-q', '-am', 'clean');
  assert.deepEqual(scan(at).json.findings.map(({ file }) => file), ['docs/page.md']);
  assert.deepEqual(scan(join(at, 'page.md')).json.findings.map(({ file }) => file), ['docs/page.md']);
  assert.equal(scan(top).json.findings.length, 3);
});

test('rule_215 nested checkouts are read too, and git\'s own variables do not lead astray', () => {
  const at = folder('outer/inner');
  git(at, 'init', '-q');
  writeFileSync(join(at, 'x'), installation);
  git(at, 'add', '.');
  git(at, 'commit', '-q', '-m', 'x');
  git(at, 'rm', '-q', '-f', 'x');
  const found = scan(join(base, 'outer'), { env: { GIT_DIR: '/nonexistent', GIT_INDEX_FILE: '/nonexistent' } });
  assert.deepEqual(found.json.findings.map(({ file }) => file), ['x']);
});

test('a checkout without commits is clean; one that git cannot read is no success', () => {
  const at = folder('empty');
  git(at, 'init', '-q');
  assert.equal(scan(at).status, 0);
  const broken = folder('broken');
  writeFileSync(join(broken, '.git'), 'gitdir: /nowhere\n');
  const found = scan(broken);
  assert.equal(found.status, 4);
  assert.equal(found.json.complete, false);
  assert.match(found.stderr, /history/);
  const without = scan(at, { env: { PATH: '/nonexistent' } });
  assert.equal(without.status, 4);
  assert.match(without.stderr, /needs git/);
});

test('names that would command a terminal are shown harmless, and a path that is not there is 3', () => {
  const at = folder('names');
  writeFileSync(join(at, 'a\u001b[31m\nb'), installation);
  const found = scan(at);
  assert.ok(!found.stdout.includes('\u001b'));
  assert.equal(found.lines.length, 1);
  assert.equal(scan(join(base, 'nowhere')).status, 3);
  assert.equal(spawnSync(binary, ['scan'], { encoding: 'utf8' }).status, 2);
});

const commit = (at, name, text, message = 'x') => {
  writeFileSync(join(at, name), text);
  git(at, 'add', '.');
  git(at, 'commit', '-q', '-m', message);
};
const kinds = (found) => found.json.findings.map(({ file, kind }) => [file, kind]);

test('rule_215 the message of an annotated tag is read', () => {
  const at = folder('tagged');
  git(at, 'init', '-q');
  commit(at, 'a', 'nothing\n');
  git(at, 'tag', '-a', 'v1', '-m', `made with ${secretKey}`);
  const found = scan(at), tag = git(at, 'rev-parse', 'v1').slice(0, 12);
  assert.deepEqual(found.json.findings, [{ file: '(tag)', object: tag, kind: 'secret key', token: `bi-…${secretKey.slice(-4)}` }]);
  assert.equal(found.lines[0], `${tag}:(tag): secret key bi-…${secretKey.slice(-4)}`);
});

test('rule_215 what no branch holds any more is read: amended, reset, dropped stashes, only ever staged', () => {
  const at = folder('dangling');
  git(at, 'init', '-q');
  commit(at, 'a', 'nothing\n');
  commit(at, 'amended.txt', `${installation}\n`);
  writeFileSync(join(at, 'amended.txt'), 'clean\n');
  git(at, 'commit', '-q', '-a', '--amend', '-m', 'clean');
  assert.deepEqual(kinds(scan(at)), [['amended.txt', 'installation token']], 'through the reflog, with its path');
  writeFileSync(join(at, 'staged.txt'), secretKey);
  git(at, 'add', '.');
  writeFileSync(join(at, 'staged.txt'), 'clean\n');
  git(at, 'add', '.');
  writeFileSync(join(at, 'a'), `${refreshToken}\n`);
  git(at, 'stash', '-q');
  git(at, 'stash', 'drop', '-q');
  git(at, 'reflog', 'expire', '--expire=now', '--all');
  assert.deepEqual(kinds(scan(at)).sort(), [['(blob)', 'installation token'], ['(blob)', 'refresh token'], ['(blob)', 'secret key']]);
});

test('rule_215 a commit that changes no file, and a branch whose changes its merge undid, are read', () => {
  const at = folder('simplified');
  git(at, 'init', '-q');
  commit(at, 'a', 'nothing\n');
  git(at, 'checkout', '-q', '-b', 'side');
  commit(at, 'b', `${installation}\n`);
  git(at, 'rm', '-q', 'b');
  git(at, 'commit', '-q', '--allow-empty', '-m', `undo ${secretKey}`);
  git(at, 'checkout', '-q', 'main');
  git(at, 'merge', '-q', '--no-ff', '-m', 'merge', 'side');
  git(at, 'branch', '-q', '-D', 'side');
  git(at, 'commit', '-q', '--allow-empty', '-m', `empty ${refreshToken}`);
  assert.deepEqual(kinds(scan(at)), [['b', 'installation token'], ['(message)', 'secret key'], ['(message)', 'refresh token']]);
  mkdirSync(join(at, 'part'));
  git(at, 'checkout', '-q', '-b', 'other');
  commit(at, 'part/c', `${neighbour(installation)}\n`);
  git(at, 'rm', '-q', 'part/c');
  git(at, 'commit', '-q', '-m', 'undo');
  git(at, 'checkout', '-q', 'main');
  git(at, 'merge', '-q', '--no-ff', '-m', 'merge', 'other');
  mkdirSync(join(at, 'part'), { recursive: true });
  assert.deepEqual(kinds(scan(join(at, 'part'))), [['part/c', 'installation token']]);
});

test('rule_215 what looks like a patch is none: lines of a message that begin with a minus, lines of a file that look like a path', () => {
  const at = folder('patches');
  git(at, 'init', '-q');
  commit(at, 'a', `++ b/elsewhere\n${installation}\n`, `list\n\n- ${secretKey}\n\ndiff --git a/a b/a\n@@ -1 +1 @@\n-${refreshToken}`);
  commit(at, 'a', 'clean\n');
  assert.deepEqual(kinds(scan(at)), [['(message)', 'secret key'], ['(message)', 'refresh token'], ['a', 'installation token']]);
});

test('rule_215 bare repositories are read, given as PATH or met on the way', () => {
  const at = folder('bare-source'), bare = join(base, 'shelf/deep/it.git');
  git(at, 'init', '-q');
  commit(at, 'x', `${installation}\n`);
  folder('shelf/deep');
  git(base, 'clone', '-q', '--bare', at, bare);
  appendFileSync(join(bare, 'config'), `[remote "up"]\n\turl = https://bot:${secretKey}@example.com/it.git\n`);
  for (const path of [bare, join(base, 'shelf')]) {
    const found = scan(path);
    assert.deepEqual(found.json.findings.map(({ file, kind }) => [file.split('/').pop(), kind]), [['config', 'secret key'], ['x', 'installation token']], path);
    assert.equal(found.json.complete, true);
  }
});

test('rule_215 worktrees and submodules are read, a store that several share only once', () => {
  const inner = folder('module'), outer = folder('super');
  git(inner, 'init', '-q');
  commit(inner, 'x', `${installation}\n`);
  commit(inner, 'x', 'clean\n');
  git(outer, 'init', '-q');
  commit(outer, 'y', `${secretKey}\n`);
  commit(outer, 'y', 'clean\n');
  git(outer, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner, 'sub');
  git(outer, 'commit', '-q', '-m', 'sub');
  git(outer, 'worktree', 'add', '-q', join(base, 'elsewhere'));
  git(outer, 'worktree', 'add', '-q', join(outer, 'within'));
  assert.equal(readFileSync(join(outer, 'sub/.git'), 'utf8').slice(0, 8), 'gitdir: ');
  assert.deepEqual(kinds(scan(join(outer, 'sub'))), [['x', 'installation token']]);
  assert.deepEqual(kinds(scan(join(base, 'elsewhere'))), [['y', 'secret key']]);
  const whole = scan(outer);
  assert.deepEqual(kinds(whole).sort(), [['x', 'installation token'], ['y', 'secret key']]);
  assert.equal(whole.json.commits, 5);
  git(outer, 'submodule', '--quiet', 'deinit', '-f', 'sub');
  assert.deepEqual(kinds(scan(outer)).sort(), [['x', 'installation token'], ['y', 'secret key']], 'not checked out any more');
});

test('rule_215 each of several repositories is named and has its own finds; names that git quotes are shown', () => {
  for (const name of ['several', 'several/a', 'several/b']) {
    const at = folder(name);
    git(at, 'init', '-q');
    commit(at, 'first', `${secretKey}\n`);
    git(at, 'rm', '-q', 'first');
    git(at, 'commit', '-q', '-m', 'rm');
  }
  const at = join(base, 'several');
  commit(at, 'we"ird\t', `${installation}\n`);
  git(at, 'rm', '-q', 'we"ird\t');
  const found = scan(at), places = found.json.findings.map(({ repository, file }) => [repository?.slice(at.length), file]);
  assert.deepEqual(places.sort(), [['/a/.git', 'first'], ['/b/.git', 'first'], [undefined, 'first'], [undefined, 'we\\"ird\\t']].sort());
  assert.ok(found.lines.some((line) => line.startsWith(`${at}/a/.git:`) && line.endsWith(`:first: secret key bi-…${secretKey.slice(-4)}`)), found.stdout);
});

test('rule_215 the configuration of a repository hides nothing and starts nothing', () => {
  const at = folder('hostile'), mark = join(base, 'started'), start = `touch ${mark};`;
  git(at, 'init', '-q');
  writeFileSync(join(at, '.gitattributes'), '* -diff diff=mine\n');
  commit(at, 'first', `${installation}\n`, `said ${refreshToken}`);
  commit(at, 'second', `${secretKey}\n`);
  git(at, 'rm', '-q', 'first', 'second');
  git(at, 'commit', '-q', '-m', 'rm');
  const settings = { 'log.showRoot': 'false', 'i18n.logOutputEncoding': 'UTF-16', 'diff.noprefix': 'true', 'diff.renames': 'copies', 'color.ui': 'always', 'core.pager': start, 'diff.external': start, 'diff.mine.command': start, 'diff.mine.textconv': start, 'core.fsmonitor': start, 'log.showSignature': 'true', 'gpg.program': start, 'diff.submodule': 'diff', 'core.bigFileThreshold': '1' };
  for (const [name, value] of Object.entries(settings)) git(at, 'config', name, value);
  assert.deepEqual(kinds(scan(at)).sort(), [['(message)', 'refresh token'], ['first', 'installation token'], ['second', 'secret key']]);
  assert.ok(!existsSync(mark));
});

/* Standard error on a terminal, standard output on a pipe. */
const onTerminal = (...args) => spawnSync('python3', ['-c', `
import os, pty, subprocess, sys
terminal, end = pty.openpty()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=end)
os.close(end)
seen = b''
try:
    while piece := os.read(terminal, 4096): seen += piece
except OSError: pass
sys.stdout.buffer.write(seen)
`, binary, 'scan', ...args], { encoding: 'utf8' }).stdout;

test('progress is told on a terminal and nowhere else', () => {
  const at = folder('progress');
  writeFileSync(join(at, 'a'), 'nothing\n');
  assert.match(onTerminal(at), /\r[^\n]*files[^\n]*commits[^\n]*objects[^\n]*found[^\n]*\r\u001b\[K0 found in 1 file/);
  assert.doesNotMatch(onTerminal(at, '--json').replaceAll('\r\n', ''), /[\r\u001b]/);
  assert.doesNotMatch(scan(at).stderr, /[\r\u001b]/);
});
