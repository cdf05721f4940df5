// SPDX-License-Identifier: MIT
// node tests/judge/run.mjs [--markdown FILE] [bi18n oidc-provider better-auth …]: each server before the same battery, one table.
import { writeFileSync } from 'node:fs';
import { checks, judge } from './battery.mjs';

const args = process.argv.slice(2);
const at = args.indexOf('--markdown');
const file = at >= 0 ? args.splice(at, 2)[1] : null;
const names = args.length > 0 ? args : ['bi18n', 'oidc-provider', 'better-auth'];
const marks = { pass: 'yes', fail: '**no**', absent: '–' };

async function run(name) {
  const { start } = await import(`./${name}.mjs`);
  const target = await start();
  const verdicts = [];
  try {
    for (const one of checks) verdicts.push(await judge(target, one));
  } finally {
    await target.stop();
  }
  return { ...target, verdicts };
}

const results = [];
for (const name of names) {
  const result = await run(name);
  results.push(result);
  const count = (verdict) => result.verdicts.filter((one) => one.verdict === verdict).length;
  console.log(`${result.name} ${result.version}: ${count('pass')} hold, ${count('fail')} do not, ${count('absent')} not offered`);
  result.verdicts.forEach((one, i) => one.verdict === 'fail' && console.log(`  ${checks[i].group}: ${checks[i].title}\n    ${one.why}`));
}

function table() {
  const lines = [];
  for (const group of new Set(checks.map((one) => one.group))) {
    lines.push('', `## ${group}`, '', `| | ${results.map(({ name }) => name).join(' | ')} | Source |`, `|---|${results.map(() => '---|').join('')}---|`);
    checks.forEach((one, i) => one.group === group && lines.push(`| ${one.title.replace(/\|/g, '\\|')} | ${results.map(({ verdicts }) => marks[verdicts[i].verdict]).join(' | ')} | ${one.source} |`));
  }
  return lines.join('\n');
}

if (file) {
  const head = `# The judge

Written by \`script/judge\`; do not edit. One black-box battery (\`tests/judge/battery.mjs\`, ${checks.length} checks) before several authorization
servers, each on loopback with the same two apps and the same willing person. "yes" means that the sentence of the source holds, "–" that
the server does not offer the thing. The battery knows nothing of how a server is made; adapters only start it, register two apps and
walk through its pages.

Servers: ${results.map(({ name, version }) => `${name} ${version}`).join(', ')}. The peers run as their documentation starts them, with introspection and revocation on, in
memory, and without rate limits; \`tests/judge/*.mjs\` is all their configuration. A "no" is a difference, not a verdict on a product: some
sentences are recommendations, some follow from a choice that others make differently on purpose. What ours differ in by choice:

- The grace in which a replaced refresh token still gets its successor is set to one second here (120 by default), and the native app
  has the \`rotating\` policy; by default a native app on loopback is \`lagging\` ([refresh.md](refresh.md)).
- Error redirects to apps that nobody has checked and that the person has never approved are pages of ours (RFC 9700 4.11.2). The apps
  here were registered by the operator.
`;
  writeFileSync(file, `${head}${table()}\n`);
}
process.exitCode = results.some(({ name, verdicts }) => name === 'bi18n' && verdicts.some(({ verdict }) => verdict === 'fail')) ? 1 : 0;
process.exit();
