/** No winner inside the noise, and a winner outside of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, comparePairs, median, spread } from '../../../bench/measure/statistics.ts';
import { Prng } from '../../../engine/base/prng.ts';

/** Rounds around `center`, off by up to `noise` of it either way. */
function rounds(random: Prng, count: number, center: number, noise: number): number[] {
  return Array.from({ length: count }, () => center * (1 + noise * (2 * random.unit() - 1)));
}

test('equal sides win hardly ever: about one comparison in twenty', () => {
  const random = new Prng(11);
  let winners = 0;
  for (let i = 0; i < 200; i++) {
    const verdict = compare(rounds(random, 6, 1000, 0.1), rounds(random, 6, 1000, 0.1));
    if (verdict.winner !== null) winners++;
  }
  assert.ok(winners <= 14, `${winners} of 200`);
});

test('a shift beyond the noise is found, in its direction', () => {
  const random = new Prng(12);
  let found = 0;
  for (let i = 0; i < 50; i++) {
    const a = rounds(random, 6, 1000, 0.1);
    const b = rounds(random, 6, 1300, 0.1);
    const verdict = compare(a, b);
    if (verdict.winner === 'b') found++;
    assert.notEqual(verdict.winner, 'a');
    assert.ok(verdict.low <= verdict.ratio && verdict.ratio <= verdict.high);
    assert.equal(compare(a, b, 'lower').winner, verdict.winner === null ? null : 'a');
  }
  assert.ok(found >= 49, `${found} of 50`);
});

test('a certain difference that nobody would notice names no winner', () => {
  const a = [1000, 1001, 1002, 1003, 1004, 1005];
  assert.equal(
    compare(
      a,
      a.map((value) => value * 1.01),
    ).winner,
    null,
  );
});

test('three rounds a side can prove nothing, and it says so', () => {
  const verdict = compare([100, 101, 102], [200, 201, 202]);
  assert.equal(verdict.enoughRounds, false);
  assert.equal(verdict.winner, null);
  assert.equal(compare([100, 101, 102, 103], [200, 201, 202, 203]).winner, 'b');
});

test('the chance is that of the permutation test: 2 of 70 for four against four, all apart', () => {
  const { chance } = compare([1, 2, 3, 4], [5, 6, 7, 8]);
  assert.ok(Math.abs(chance - 2 / 70) < 1e-12, `${chance}`);
});

test('many rounds are sampled, with about the same result', () => {
  const random = new Prng(13);
  const a = rounds(random, 14, 1000, 0.1);
  assert.equal(compare(a, rounds(random, 14, 1000, 0.1)).winner, null);
  assert.equal(compare(a, rounds(random, 14, 900, 0.02)).winner, 'a');
});

test('rounds in turn: a machine whose speed changes fivefold hides no tenth, and makes none up', () => {
  const random = new Prng(14);
  let found = 0;
  let madeUp = 0;
  for (let i = 0; i < 100; i++) {
    const speeds = Array.from({ length: 8 }, () => 1000 * (1 + 4 * random.unit()));
    const side = (factor: number): number[] => speeds.map((speed) => speed * factor * (0.98 + 0.04 * random.unit()));
    if (comparePairs(side(1), side(1.1)).winner === 'b') found++;
    if (comparePairs(side(1), side(1)).winner !== null) madeUp++;
  }
  assert.ok(found >= 98, `${found} of 100`);
  assert.ok(madeUp <= 8, `${madeUp} of 100`);
});

test('pairs: the chance is that of all signs alike, and five can prove nothing', () => {
  const verdict = comparePairs([1, 2, 3, 4, 5, 6], [2, 4, 6.1, 8.2, 10.3, 12.4]);
  assert.ok(Math.abs(verdict.chance - 2 / 64) < 1e-12, `${verdict.chance}`);
  assert.equal(verdict.winner, 'b');
  assert.equal(comparePairs([1, 2, 3, 4, 5], [2, 4, 6, 8, 10]).enoughRounds, false);
  assert.equal(comparePairs([0, 0], [0, 0]).winner, null);
});

test('pairs: rounds that are equal speak for neither side', () => {
  const [a, b] = [Array<number>(6).fill(100), [95, 94, 93, 92, 100, 100]];
  const [one, other] = [comparePairs(a, b), comparePairs(b, a)];
  assert.deepEqual([one.winner, other.winner], [null, null]);
  assert.deepEqual([one.chance, other.chance], [2 / 16, 2 / 16]);
  assert.equal(one.enoughRounds, false);
  assert.equal(comparePairs(a, a).chance, 1);
});

test('of several rows each must be surer', () => {
  const [a, b] = [
    [1, 2, 3, 4, 5, 6],
    [2, 4, 6.1, 8.2, 10.3, 12.4],
  ];
  const one = comparePairs(a!, b!, 'higher', 0.05 / 3);
  assert.deepEqual([one.winner, one.enoughRounds], [null, false]);
  assert.equal(compare(a!, [11, 12, 13, 14, 15, 16], 'higher', 0.05 / 3).winner, 'b');
});

test('median and spread', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(spread([90, 100, 110]), 0.1);
});
