/** Flags: what they mean, and what is refused. */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { parseOptions } from '../../../bench/command/options.ts';

test('folders are meant as seen from here, wherever servers run', () => {
  const { dataFolder, outFolder } = parseOptions(['--data', 'here', '--out', '../there']);
  assert.deepEqual([dataFolder, outFolder], [resolve('here'), resolve('../there')]);
});

test('only a run without flags that change its figures is compared with earlier ones', () => {
  assert.equal(parseOptions(['--no-history', '--svg', '--out', 'there']).isStandard, true);
  for (const flag of ['--data', '--generators', '--bound', '--sessions', '--seconds'])
    assert.equal(parseOptions([flag, '1']).isStandard, false, flag);
});
