/** Recipes under simulated faults, and planted mistakes that this must find. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { hunt } from '../mutate.ts';
import { recipeMutants } from './mutants.ts';
import { runRecipe } from './run.ts';
import { workloads } from './workloads.ts';

const seedsMax = 40;

for (const recipe of Object.keys(workloads)) {
  test(`${recipe}: a run with faults ends well`, async () => {
    const first = 1 + recipe.length;
    // What a seed draws changes with the simulator: some meet no fault of a program.
    for (let [seed, faults] = [first, 0]; faults === 0; seed++) {
      const { violation, figures } = await runRecipe(seed, recipe);
      const how = `npm run recipes -- --seed ${seed} --recipe '${recipe}'`;
      assert.equal(violation, null, `${violation?.message} (${how})`);
      assert.ok(figures.rounds >= 3, JSON.stringify(figures));
      faults = figures.programFaults;
      assert.ok(faults > 0 || seed < first + seedsMax, 'no seed has a fault of a program');
    }
  });
}

test('the same seed gives the same run', async () => {
  const runs = [await runRecipe(3, 'lock'), await runRecipe(3, 'lock')];
  assert.equal(runs[0]!.hash, runs[1]!.hash);
});

for (const mutant of recipeMutants.slice(0, 2)) {
  test(`mutant ${mutant.name} is found`, async () => {
    const command = [join('test', 'sim', 'recipes', 'main.js'), '--recipe', mutant.recipe];
    const { seeds } = await hunt(mutant, 1, seedsMax, command);
    assert.ok(seeds > 0, `${mutant.name} stays unseen in ${seedsMax} runs`);
  });
}
