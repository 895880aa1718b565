/** Two hundred runs of whole servers under faults: no invariant breaks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawOptions } from './options.ts';
import { run } from './run.ts';

const seeds = 200;

test(`${seeds} seeds end without a violation`, () => {
  let txns = 0;
  let elections = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const { violation, figures } = run(drawOptions(seed));
    assert.equal(violation, null, `seed ${seed}: ${violation?.message} (npm run sim -- --seed ${seed})`);
    txns += figures.txns;
    elections += figures.elections;
  }
  // A simulator that does nothing finds nothing.
  assert.ok(txns > seeds * 100 && elections > seeds, `${txns} txns and ${elections} elections are too few`);
});
