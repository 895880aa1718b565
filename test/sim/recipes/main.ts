/**
 * Recipes in the simulator.
 *
 *   npm run recipes -- --acquisitions 10000       seeds 1, 2, … until so many places were held, with faults
 *   npm run recipes -- --seed 42 --recipe lock    one run; on failure its last events
 *   options: --from S, --seeds N, --first (stop at the first failure), --lines N
 */
import { parseArgs } from 'node:util';
import { runRecipe, type RecipeFigures } from './run.ts';
import { workloads } from './workloads.ts';

const { values } = parseArgs({
  options: {
    acquisitions: { type: 'string' },
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string' },
    recipe: { type: 'string' },
    first: { type: 'boolean' },
    lines: { type: 'string' },
  },
});
const recipes = Object.keys(workloads);
if (values.recipe !== undefined && !recipes.includes(values.recipe))
  throw new Error(`there is no recipe "${values.recipe}": ${recipes.join(', ')}`);
const isOne = values.seed !== undefined;
const from = Number(values.seed ?? values.from ?? 1);
const acquisitions = Number(values.acquisitions ?? (values.seeds === undefined ? 10_000 : Infinity));
const seeds = isOne ? 1 : Number(values.seeds ?? Infinity);
const sums = new Map<string, RecipeFigures & { runs: number }>();
let held = 0;
let failures = 0;
for (let seed = from; seed < from + seeds && held < acquisitions; seed++) {
  for (const recipe of values.recipe === undefined ? recipes : [values.recipe]) {
    const { violation, figures, lines, hash } = await runRecipe(seed, recipe, isOne);
    held += figures.acquisitions;
    const sum = sums.get(recipe);
    if (sum === undefined) sums.set(recipe, { ...figures, runs: 1 });
    else {
      sum.runs++;
      for (const key of Object.keys(figures) as (keyof RecipeFigures)[]) sum[key] += figures[key];
    }
    if (violation !== null) {
      if (isOne) process.stdout.write(`${lines.slice(-Number(values.lines ?? 60)).join('\n')}\n`);
      if (failures++ === 0) process.stdout.write(`first failure: seed ${seed}, ${recipe}: ${violation.message}\n`);
      else process.stdout.write(`failure: seed ${seed}, ${recipe}: ${violation.message}\n`);
      if (values.first === true) process.exit(1);
    }
    if (isOne) process.stdout.write(`${recipe}: hash ${hash}\n`);
  }
}
for (const [recipe, sum] of sums) {
  const { runs, rounds, serverCrashes, programFaults, kills, sessions, fenced, overlaps } = sum;
  process.stdout.write(
    `${recipe.padEnd(16)} ${runs} runs, ${rounds} rounds, ${sum.acquisitions} acquisitions, ${sum.uses} uses, ` +
      `${fenced} fenced, ${overlaps} overlaps; ${serverCrashes} server crashes, ${kills} kills of ` +
      `${programFaults} program faults, ${sessions} sessions\n`,
  );
}
process.stdout.write(failures === 0 ? `no failure in ${held} acquisitions\n` : `${failures} failures\n`);
process.exitCode = failures === 0 ? 0 : 1;
