/** All schedules with 0, 1, 2, … strays, until the time is over. */
import { readFlags } from '../support/flags.ts';
import { explore } from './search.ts';
import { established } from './starts.ts';

const usage = `usage:
  npm run explore [-- --minutes M]      for M minutes (1)
  exit code 1 and the shortest schedule found when something was violated`;

const minutes = readFlags(usage, { minutes: 'number' }).number('minutes', 1);
const until = performance.now() + minutes * 60_000;
process.stdout.write('three servers, 2 txns, at most 2 crashes, 2 cuts, 1 time limit that passes\n');
for (let strays = 0; performance.now() < until; strays++) {
  const started = performance.now();
  const budget = { strays, proposals: 2, crashes: 2, cuts: 2, timeouts: 1 };
  const { states, steps, depth, complete, violation } = explore(established(), budget, () => performance.now() > until);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(
    `strays <= ${strays}: ${states} distinct states, ${steps} steps, depth ${depth}, ` +
      `${violation === null ? 0 : 1} violations, ${complete ? 'complete' : 'not complete'}, ${seconds} s\n`,
  );
  if (violation === null) continue;
  process.stdout.write(`violated: ${violation.what}\n  ${violation.schedule.join('\n  ')}\n`);
  process.exit(1);
}
