/** Every input that was once handled badly is handled well. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptInputs } from './corpus.ts';
import { targets } from './targets/index.ts';
import { judge } from './worker.ts';

for (const target of targets)
  for (const { name, input } of keptInputs(target.name))
    test(`${target.name}: ${name}`, () => {
      assert.equal(judge(target, input).wrong, '');
    });
