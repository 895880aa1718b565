/** Keys come as often as their distribution says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyChooser, weightedChooser, type Distribution } from '../../../bench/load/keys.ts';
import { parseDistribution, parseMix } from '../../../bench/load/workload.ts';
import { Prng } from '../../../engine/base/prng.ts';

const draws = 200_000;

function shares(distribution: Distribution, count: number): Float64Array {
  const next = keyChooser(distribution, count, new Prng(5));
  const found = new Float64Array(count);
  for (let i = 0; i < draws; i++) found[next()]! += 1 / draws;
  return found;
}

test('zipf: key i comes in proportion to 1 / i ** exponent', () => {
  const exponent = 0.99;
  const found = shares({ kind: 'zipf', exponent }, 1000);
  const weights = Array.from({ length: 1000 }, (_, i) => (i + 1) ** -exponent);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  for (const key of [0, 1, 2, 9, 99]) {
    const expected = weights[key]! / sum;
    assert.ok(Math.abs(found[key]! - expected) < 0.05 * expected + 0.0005, `${key}: ${found[key]} for ${expected}`);
  }
  const tail = found.subarray(500).reduce((total, share) => total + share, 0);
  const expectedTail = weights.slice(500).reduce((total, weight) => total + weight, 0) / sum;
  assert.ok(Math.abs(tail - expectedTail) < 0.005, `${tail} for ${expectedTail}`);
});

test('hot: one key has its share, the others are alike', () => {
  const found = shares({ kind: 'hot', share: 0.9 }, 11);
  assert.ok(Math.abs(found[0]! - 0.9) < 0.005);
  for (const share of found.subarray(1)) assert.ok(Math.abs(share - 0.01) < 0.002, `${share}`);
});

test('uniform: all alike, none left out', () => {
  for (const share of shares({ kind: 'uniform' }, 10)) assert.ok(Math.abs(share - 0.1) < 0.005, `${share}`);
});

test('weights with zeros: what weighs nothing never comes', () => {
  const next = weightedChooser(Float64Array.of(0, 3, 0, 1), new Prng(1));
  const found = [0, 0, 0, 0];
  for (let i = 0; i < 40_000; i++) found[next()]!++;
  assert.equal(found[0], 0);
  assert.equal(found[2], 0);
  assert.ok(Math.abs(found[1]! / 40_000 - 0.75) < 0.01);
});

test('flags are read, and refused with a sentence', () => {
  assert.deepEqual(parseMix('set=10,get=90'), { set: 10, get: 90 });
  assert.deepEqual(parseDistribution('zipf:1.2'), { kind: 'zipf', exponent: 1.2 });
  assert.deepEqual(parseDistribution('hot'), { kind: 'hot', share: 0.9 });
  assert.throws(() => parseMix('put'), /--mix knows set, get/);
  assert.throws(() => parseMix('set=0'), /weight above 0/);
  assert.throws(() => parseDistribution('hot:2'), /hot\[:share/);
  assert.throws(() => parseDistribution('normal'), /uniform, zipf/);
});
