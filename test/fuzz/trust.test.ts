/** Planted bugs are found; `npm run fuzz -- --planted` looks for all of them, here is one of each kind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutated } from '../sim/mutate.ts';
import { hunt, planted } from './planted.ts';

test('every planted bug fits the code', () => {
  for (const mutant of planted) mutated({ ...mutant, issue: '' });
});

const kinds = new Set(['log', 'client', 'live-peer']);
for (const mutant of planted.filter(({ target }) => kinds.has(target)))
  test(`found when nobody checks ${mutant.name}`, async () => {
    assert.match(await hunt(mutant), /^FAIL/m);
  });
