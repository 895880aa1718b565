/** The bench's histogram: how exact it is, over which range, and that parts add up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram } from '../../../bench/measure/histogram.ts';
import { Prng } from '../../../engine/base/prng.ts';

test('a quantile is at most 1/128 above the exact one, from 1 to beyond 2**32', () => {
  const random = new Prng(7);
  const values = Array.from({ length: 20_000 }, () => Math.floor(2 ** (random.unit() * 38)));
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  values.sort((a, b) => a - b);
  for (const q of [0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = values[Math.max(0, Math.ceil(q * values.length) - 1)]!;
    const got = histogram.quantile(q);
    assert.ok(got >= exact && got <= exact * (1 + 1 / 128) + 1, `${q}: ${got} for ${exact}`);
  }
  assert.equal(histogram.max, values.at(-1));
});

test('small values are exact', () => {
  const histogram = new Histogram();
  for (let value = 0; value < 256; value++) histogram.record(value);
  for (let value = 0; value < 256; value++) assert.equal(histogram.quantile((value + 1) / 256), value);
});

test('histograms of several generators add up to the one that had seen everything', () => {
  const random = new Prng(3);
  const whole = new Histogram();
  const parts = [new Histogram(), new Histogram()];
  for (let i = 0; i < 5000; i++) {
    const value = Math.floor(random.unit() ** 4 * 1e7);
    whole.record(value);
    parts[i % 2]!.record(value);
  }
  const sum = new Histogram();
  for (const part of parts) sum.add(JSON.parse(JSON.stringify(part.data())) as ReturnType<Histogram['data']>);
  assert.deepEqual(sum.data(), whole.data());
  assert.equal(sum.count, 5000);
  assert.equal(sum.mean, whole.mean);
});

test('values beyond all bounds are kept at the bounds, and an empty one answers 0', () => {
  const histogram = new Histogram();
  assert.equal(histogram.quantile(0.99), 0);
  histogram.record(-5);
  histogram.record(1e18);
  assert.equal(histogram.quantile(0), 0);
  assert.equal(histogram.quantile(1), 2 ** 40 - 1);
});
