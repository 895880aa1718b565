/**
 * Makes a failing run smaller: fewer faults, kinds of faults, clients and less time, as long as the
 * same invariant still breaks. The options are the schedule, since everything else follows from the seed.
 */
import { faultKinds, type SimOptions } from './options.ts';
import { run } from './run.ts';

const attemptsMax = 60;

/** Returns one line that says what is left and how to run it. */
export function shrink(options: SimOptions, checker: string): string {
  let best = options;
  let attempts = 0;
  const fails = (candidate: SimOptions): boolean => {
    if (attempts++ >= attemptsMax) return false;
    if (run(candidate).violation?.checker !== checker) return false;
    best = candidate;
    return true;
  };
  for (const kind of faultKinds) {
    if (best.weights[kind] > 0) fails({ ...best, weights: { ...best.weights, [kind]: 0 } });
  }
  fails({ ...best, servers: 3 });
  for (const clients of [1, 2]) if (best.clients > clients && fails({ ...best, clients })) break;
  while (best.safetyMs > 250 && fails({ ...best, safetyMs: best.safetyMs / 2 }));
  for (const change of [
    { tearing: false },
    { midWriteChance: 0 },
    { clockDrift: 0 },
    { slowFsyncChance: 0 },
  ] as const) {
    fails({ ...best, ...change });
  }
  const faults = faultKinds.filter((kind) => best.weights[kind] > 0);
  const { servers, clients, safetyMs } = best;
  return (
    `shrunk to ${servers} servers, ${clients} clients, ${safetyMs} ms with ${faults.join(', ') || 'no faults'} ` +
    `(${attempts} attempts): ${JSON.stringify(best)}`
  );
}
