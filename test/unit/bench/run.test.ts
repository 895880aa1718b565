/** What a round warns of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions } from '../../../bench/command/options.ts';
import { Run } from '../../../bench/command/run.ts';
import type { Generators, Measured } from '../../../bench/load/generators.ts';
import { canonicalWorkload } from '../../../bench/load/workload.ts';
import type { Target } from '../../../bench/target/target.ts';

test('requests lost with their connections are counted over all rounds and warned of', async () => {
  const run = new Run('test', parseOptions(['--hosts', '127.0.0.1:1']), 0);
  const busy = run.warnings;
  const generator: Measured['generator'] = { usPerOperation: 1, cpu: 0.1, busy: 0.1, verdict: 'fine' };
  const measured = { operations: 9, generator, errors: {}, lost: 2, reconnects: 1, unanswered: 0, malformed: 0 };
  const generators = { run: async () => measured } as unknown as Generators;
  const target = { label: 'zabra' } as Target;
  for (let round = 0; round < 2; round++)
    await run.stretch(target, generators, canonicalWorkload, { warmMs: 0, measureMs: 1 });
  const name = 'zabra, "set 100 B, 30 x 256"';
  assert.deepEqual(run.warnings.slice(busy.length), [
    `${name}: connections that broke: 2`,
    `${name}: requests lost with their connections: 4`,
  ]);
});
