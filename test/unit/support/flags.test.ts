/** Flags of long runs: what makes no sense is refused in one sentence. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseFlags } from '../../support/flags.ts';

const kinds = { seeds: 'number', name: 'text', target: 'texts', first: 'switch' } as const;

test('flags have their kinds', () => {
  const flags = parseFlags(kinds, ['--seeds', '20', '--target', 'a', '--target', 'b', '--first', 'word'], true);
  assert.deepEqual([flags.number('seeds', 1), flags.texts('target'), flags.has('first')], [20, ['a', 'b'], true]);
  assert.deepEqual([flags.text('name'), flags.has('name'), flags.positionals], [undefined, false, ['word']]);
  assert.equal(parseFlags(kinds, [], false).number('seeds', 7), 7);
});

test('what makes no sense is refused', () => {
  for (const text of ['x', '', '-3', 'NaN'])
    assert.throws(() => parseFlags(kinds, [`--seeds=${text}`], false), /^Error: --seeds wants a number, not "/);
  assert.throws(() => parseFlags(kinds, ['--seed', '3'], false), /'--seed'/);
  assert.throws(() => parseFlags(kinds, ['word'], false), /word/);
});

test('the long runs say how they are used', () => {
  for (const file of ['sim/main', 'sim/mutate', 'sim/recipes/main', 'explore/main', 'fuzz/main']) {
    const path = fileURLToPath(new URL(`../../${file}.js`, import.meta.url));
    const help = spawnSync(process.execPath, [path, '--help'], { encoding: 'utf8' });
    assert.match(help.stdout, /^usage:\n {2}npm run /, file);
    const wrong = spawnSync(process.execPath, [path, '--nonsense'], { encoding: 'utf8' });
    assert.equal(wrong.status, 1, file);
    assert.match(wrong.stderr, /'--nonsense'[^]*usage:/, file);
  }
});
