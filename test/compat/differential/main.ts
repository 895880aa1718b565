/**
 * Sends the same sequences to a real ZooKeeper and to us and compares what comes back:
 *
 *   npm run differential -- --ops 100000 --seed 1 [--servers 3] [--keep-going]
 */
import { parseArgs } from 'node:util';
import { apacheMissing } from '../../support/apache.ts';
import { startBoth } from './run.ts';

const { values } = parseArgs({
  options: {
    ops: { type: 'string', default: '100000' },
    servers: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    'keep-going': { type: 'boolean', default: false },
  },
});
if (apacheMissing !== false) {
  process.stderr.write(`differential: ${apacheMissing}\n`);
  process.exit(1);
}
const comparison = await startBoth(Number(values.servers));
const { totals } = comparison;
const started = performance.now();
let differences = 0;
try {
  for (let seed = Number(values.seed); totals.requests < Number(values.ops); seed++) {
    const difference = await comparison.sequence(seed);
    if (difference === null) continue;
    differences++;
    process.stdout.write(`${difference}\n\n`);
    if (!values['keep-going']) break;
  }
} finally {
  await comparison.close();
}
const seconds = ((performance.now() - started) / 1000).toFixed(1);
for (const [what, count] of totals.intended) process.stdout.write(`intended, ${count} times: ${what}\n`);
const answers = [...totals.answers].toSorted(([, a], [, b]) => b - a);
process.stdout.write(`answers: ${answers.map(([code, count]) => `${code ?? 'closed'} ${count}`).join(', ')}\n`);
const extent = `${totals.requests} operations in ${totals.sequences} sequences`;
process.stdout.write(`${extent}, ${differences} unexplained differences, ${seconds} s\n`);
process.exit(differences > 0 ? 1 : 0);
