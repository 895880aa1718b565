/** Sends the same sequences to a real ZooKeeper and to us and compares what comes back. */
import { apacheMissing } from '../../support/apache.ts';
import { readFlags } from '../../support/flags.ts';
import { startBoth } from './run.ts';

const usage = `usage:
  npm run differential [-- --ops N] [--seed S] [--servers 1|3] [--keep-going]
  N operations (100000) in sequences of seeds S (1), S+1, …; ends at the first difference but for --keep-going`;

const flags = readFlags(usage, { ops: 'number', servers: 'number', seed: 'number', 'keep-going': 'switch' });
if (apacheMissing !== false) {
  process.stderr.write(`differential: ${apacheMissing}\n`);
  process.exit(1);
}
const comparison = await startBoth(flags.number('servers', 1));
const { totals } = comparison;
const started = performance.now();
let differences = 0;
try {
  for (let seed = flags.number('seed', 1); totals.requests < flags.number('ops', 100_000); seed++) {
    const difference = await comparison.sequence(seed);
    if (difference === null) continue;
    differences++;
    process.stdout.write(`${difference}\n\n`);
    if (!flags.has('keep-going')) break;
  }
} finally {
  await comparison.close();
}
const seconds = ((performance.now() - started) / 1000).toFixed(1);
for (const [what, count] of totals.intended) process.stdout.write(`intended, ${count} times: ${what}\n`);
if (totals.silent > 0) process.stdout.write(`ZooKeeper did not answer, but did when asked again: ${totals.silent}\n`);
const answers = [...totals.answers].toSorted(([, a], [, b]) => b - a);
process.stdout.write(`answers: ${answers.map(([code, count]) => `${code ?? 'closed'} ${count}`).join(', ')}\n`);
const extent = `${totals.requests} operations in ${totals.sequences} sequences`;
process.stdout.write(`${extent}, ${differences} unexplained differences, ${seconds} s\n`);
process.exit(differences > 0 ? 1 : 0);
