// SPDX-License-Identifier: MIT
// Our own judge before our own server. script/judge has others before it as well.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { checks, judge } from '../judge/battery.mjs';
import { start } from '../judge/bi18n.mjs';

let target;
before(async () => { target = await start(); });
after(() => target?.stop());

for (const one of checks) {
  test(`judge, ${one.group}: ${one.title} (${one.source})`, async () => {
    const { verdict, why } = await judge(target, one);
    assert.equal(verdict, 'pass', why);
  });
}
