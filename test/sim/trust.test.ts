/** Why the simulator can be believed: it repeats itself exactly, and it finds bugs that are there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hunt, mutated } from './mutate.ts';
import { mutants } from './mutants.ts';
import { drawOptions } from './options.ts';
import { run } from './run.ts';

const repeated = 50;

test(`${repeated} seeds replay to the same trace`, () => {
  const hashes = new Set<string>();
  for (let seed = 1; seed <= repeated; seed++) {
    const options = { ...drawOptions(seed), safetyMs: 2000 };
    const { hash } = run(options);
    assert.equal(run(options, true).hash, hash, `seed ${seed}`);
    hashes.add(hash);
  }
  assert.equal(hashes.size, repeated, 'different seeds make different runs');
});

test('every planted bug fits the code', () => {
  for (const mutant of mutants) mutated(mutant);
});

for (const name of ['commit-at-proposal', 'log-without-fsync', 'child-watch-missed']) {
  test(`a planted bug is found: ${name}`, async () => {
    const mutant = mutants.find((each) => each.name === name)!;
    const { seeds } = await hunt(mutant, 1, 60);
    assert.ok(seeds > 0, `${name} stays unseen in 60 runs`);
  });
}
