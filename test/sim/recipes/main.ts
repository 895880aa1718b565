/** Recipes in the simulator. */
import { readFlags } from '../../support/flags.ts';
import { runRecipe, type RecipeFigures } from './run.ts';
import { workloads } from './workloads.ts';

const usage = `usage:
  npm run recipes -- --acquisitions N           seeds 1, 2, … until so many places (10000) were held, with faults
  npm run recipes -- --seed S --recipe NAME     one run; on failure its last events
  options: --from S, --seeds N, --first (stop at the first failure), --lines N`;

const flags = readFlags(usage, {
  acquisitions: 'number',
  seed: 'number',
  seeds: 'number',
  from: 'number',
  recipe: 'text',
  first: 'switch',
  lines: 'number',
});
const all = Object.keys(workloads);
const chosen = flags.text('recipe');
if (chosen !== undefined && !all.includes(chosen)) throw new Error(`there is no recipe "${chosen}": ${all.join(', ')}`);
const recipes = chosen === undefined ? all : [chosen];
const isOne = flags.has('seed');
const from = flags.number('seed', flags.number('from', 1));
const acquisitions = flags.number('acquisitions', flags.has('seeds') ? Infinity : 10_000);
const seeds = isOne ? 1 : flags.number('seeds', Infinity);
const sums = new Map<string, RecipeFigures & { runs: number }>();
let held = 0;
let failures = 0;
for (let seed = from; seed < from + seeds && held < acquisitions; seed++) {
  for (const recipe of recipes) {
    const { violation, figures, lines, hash } = await runRecipe(seed, recipe, isOne);
    held += figures.acquisitions;
    const sum = sums.get(recipe);
    if (sum === undefined) sums.set(recipe, { ...figures, runs: 1 });
    else {
      sum.runs++;
      for (const key of Object.keys(figures) as (keyof RecipeFigures)[]) sum[key] += figures[key];
    }
    if (violation !== null) {
      if (isOne) process.stdout.write(`${lines.slice(-flags.number('lines', 60)).join('\n')}\n`);
      if (failures++ === 0) process.stdout.write(`first failure: seed ${seed}, ${recipe}: ${violation.message}\n`);
      else process.stdout.write(`failure: seed ${seed}, ${recipe}: ${violation.message}\n`);
      if (flags.has('first')) process.exit(1);
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
