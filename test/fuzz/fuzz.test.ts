/** A little of the fuzzer in each run of the tests: npm run fuzz does the same for as long as one likes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveTargets } from './live/index.ts';
import { runTarget, type RunResult } from './run.ts';
import { targets } from './targets/index.ts';

const from = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const ms = 1000;
const liveMs = 3000;

function judge({ target, cases, failure }: RunResult): void {
  const again = `npm run fuzz -- --target ${target} --seed ${failure?.seed} --cases 1`;
  assert.equal(failure, null, `${failure?.message}\nreplay: ${again}`);
  assert.ok(cases > 0, 'there was a case');
}

for (const { name, about } of targets)
  test(`damaged ${about} (FUZZ_SEED=${from})`, async () => {
    judge(await runTarget({ target: name, from, cases: Infinity, ms }));
  });

for (const { about, run } of liveTargets)
  test(`damaged ${about} (FUZZ_SEED=${from})`, async () => {
    judge(await run({ from, cases: Infinity, ms: liveMs }));
  });
