/** A histogram says what a sorted list of all values would say, up to the width of its buckets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Histogram } from '../../../engine/base/histogram.ts';

const value = fc.oneof(
  fc.nat(40),
  fc.nat(5000),
  fc.nat(2 ** 31 - 1),
  fc.integer({ min: 0, max: 30 }).map((e) => 2 ** e),
);
const quantiles = [0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1];

function filled(values: readonly number[], histogram = new Histogram()): Histogram {
  for (const one of values) histogram.record(one);
  return histogram;
}

/** The value at that place in the sorted list. */
function exact(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!;
}

function assertClose(found: number, wanted: number): void {
  assert.ok(found >= wanted && found <= wanted * (1 + 1 / 16), `${found} for ${wanted}`);
}

test('count, sum, extremes and average are exact, quantiles within a sixteenth', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), (values) => {
      const histogram = filled(values);
      const sum = values.reduce((a, b) => a + b, 0);
      assert.deepEqual([histogram.count, histogram.sum], [values.length, sum]);
      assert.deepEqual([histogram.min, histogram.max], [Math.min(...values), Math.max(...values)]);
      assert.equal(histogram.average, sum / values.length);
      for (const q of quantiles) assertClose(histogram.quantile(q), exact(values, q));
    }),
  );
});

test('below a power of two it counts exactly', () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 200 }), fc.nat(30), (values, power) => {
      const bound = 2 ** power;
      assert.equal(filled(values).below(bound), values.filter((one) => one < bound).length);
    }),
  );
});

test('what came after a mark', () => {
  fc.assert(
    fc.property(
      fc.array(value, { maxLength: 100 }),
      fc.array(value, { minLength: 1, maxLength: 100 }),
      (old, later) => {
        const histogram = filled(old);
        const mark = histogram.mark();
        filled(later, histogram);
        for (const q of quantiles) assertClose(histogram.quantileSince(mark, q), exact(later, q));
      },
    ),
  );
});

test('a mark from before a reset leaves nothing out', () => {
  const histogram = filled([5, 5, 5]);
  const mark = histogram.mark();
  histogram.reset();
  filled([1, 1, 1, 1, 300], histogram);
  assert.deepEqual([histogram.holds(mark), histogram.countSince(mark)], [false, 5]);
  assert.equal(histogram.quantileSince(mark, 0.5), 1);
  assert.ok(histogram.holds(histogram.mark()));
});

test('nothing, too much, backwards, and anew', () => {
  const histogram = new Histogram();
  assert.deepEqual([histogram.quantile(0.5), histogram.average, histogram.below(2 ** 31)], [0, 0, 0]);
  histogram.recordMs(-3);
  assert.deepEqual([histogram.max, histogram.quantile(1)], [0, 0]);
  histogram.recordMs(0.25);
  assert.equal(histogram.max, 250);
  histogram.record(1e12);
  assert.equal(histogram.max, 1e12);
  assert.equal(histogram.quantile(1), 2 ** 31 - 1, 'the last bucket holds whatever is larger');
  histogram.reset();
  assert.deepEqual([histogram.count, histogram.sum, histogram.max, histogram.quantile(1)], [0, 0, 0, 0]);
});
