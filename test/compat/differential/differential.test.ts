/** A real ZooKeeper and we answer the same; `npm run differential` compares for longer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apacheMissing } from '../../support/apache.ts';
import { Comparison, settings, startBoth, startOurs } from './run.ts';

const requests = 1500;

test('the same sequences to ZooKeeper and to us are answered the same', { skip: apacheMissing }, async () => {
  const comparison = await startBoth();
  try {
    for (let seed = 1; comparison.totals.requests < requests; seed++)
      assert.equal(await comparison.sequence(seed), null);
  } finally {
    await comparison.close();
  }
});

test('a server that makes no TTL nodes is told from one that does, by a single request', async () => {
  const without = settings.filter((line) => !line.startsWith('extendedTypesEnabled'));
  const comparison = await Comparison.between(await startOurs(settings), await startOurs(without));
  let difference: string | null = null;
  try {
    for (let seed = 1; seed <= 50 && difference === null; seed++) difference = await comparison.sequence(seed);
  } finally {
    await comparison.close();
  }
  const [steps] = /(?<=steps:\n)(?:  .*\n)+/.exec(difference ?? '') ?? [''];
  assert.match(steps, /^  \w: .*(createTtl| [56]\b).*\n$/, difference ?? 'no difference was found');
});
