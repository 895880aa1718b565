/** Two sides load by load: what is compared with what, and which rows may name a winner. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalWorkload } from '../../../bench/load/workload.ts';
import { pairsOf, pairTable } from '../../../bench/report/pairs.ts';
import type { LoadRecord, Round } from '../../../bench/report/record.ts';

/** Rounds that differ a little, with a p99 that goes against throughput. */
function load(name: string, perSecond: number, { rate = 0, target = 'zabra', rounds = 8 } = {}): LoadRecord {
  return {
    name,
    target,
    workload: { ...canonicalWorkload, rate },
    rounds: Array.from({ length: rounds }, (_, n) => {
      const own = perSecond * (1 + n / 1000);
      return { perSecond: own, p99: 1e9 / own } as Round;
    }),
  };
}

function verdicts(a: readonly LoadRecord[], b: readonly LoadRecord[]): (string | number)[] {
  return pairTable(pairsOf(a, b), true).rows.map((row) => `${row[0]} ${row.at(-1)}`);
}

test('p99 names a winner only where the rate is fixed', () => {
  assert.deepEqual(verdicts([load('closed', 100)], [load('closed', 130)]), [
    'closed: per second B wins',
    'closed: p99 -',
  ]);
  assert.deepEqual(verdicts([load('open', 100, { rate: 50 })], [load('open', 130, { rate: 50 })]), [
    'open: per second B wins',
    'open: p99 B wins',
  ]);
});

test('the more rows, the more rounds it takes', () => {
  const three = (perSecond: number, rounds: number): LoadRecord[] =>
    ['one', 'two', 'three'].map((name) => load(name, perSecond, { rounds }));
  assert.match(String(verdicts(three(100, 8), three(130, 8))[0]), /B wins$/);
  assert.match(String(verdicts(three(100, 6), three(130, 6))[0]), /too few rounds: 7 needed$/);
});

test('of several targets each is compared with itself', () => {
  const side = (factor: number): LoadRecord[] => [
    load('set', 100 * factor),
    load('set', 10 * factor, { target: 'zookeeper' }),
  ];
  const rows = pairTable(pairsOf(side(1), side(2)), true).rows.map(([name, a, b]) => [name, a, b]);
  assert.deepEqual(rows[0], ['set, zabra: per second', '100', '201']);
  assert.deepEqual(rows[2], ['set, zookeeper: per second', '10', '20']);
  const one = pairsOf([load('set', 1, { target: 'a' })], [load('set', 1, { target: 'b' })]);
  assert.deepEqual(
    one.map(({ name }) => name),
    ['set'],
  );
});
