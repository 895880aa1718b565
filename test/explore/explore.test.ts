/** A short exploration finds nothing in the core, and each planted mistake. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutants } from './mutants.ts';
import { explore, type Budget } from './search.ts';
import { established } from './starts.ts';

const budget = (strays: number): Budget => ({ strays, proposals: 2, crashes: 2, cuts: 2, timeouts: 1 });
const never = (): boolean => false;

test('every schedule with one stray keeps all invariants', () => {
  const { states, depth, complete, violation } = explore(established(), budget(1), never);
  assert.equal(violation, null);
  assert.ok(complete && states > 2000 && depth >= 40, `${states} states, depth ${depth}`);
});

for (const { name, strays, make } of mutants) {
  test(`mutant: ${name}`, (t) => {
    const { violation, states } = explore(established(make()), budget(strays), never);
    assert.ok(violation !== null, `not found in ${states} states`);
    t.diagnostic(`${violation.what}, after ${violation.schedule.length} steps, ${states} states`);
  });
}
