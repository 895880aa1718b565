/**
 * Latencies in a high dynamic range: every value is kept to within 1/128 of itself, from 1 up to 2**40.
 *
 *   0 1 2 … 255 │ 256-257 258-259 … 510-511 │ 512-515 … │ …       128 buckets for each power of two
 *
 * The unit is the caller's; the bench records microseconds. Histograms of several generators are added
 * up bucket by bucket, which averages of percentiles could not be. The server's own histogram
 * (engine/base) is coarser, since it lies on the hot path of a server that must stay small.
 */
const perDoublingBits = 7;
const perDoubling = 2 ** perDoublingBits;
const exactBelow = 2 * perDoubling;
const doublings = 32;
const bucketCount = exactBelow + doublings * perDoubling;
const valueMax = 2 ** 40 - 1;

/** What a record or another process is sent: bucket, count, bucket, count, …; empty buckets are left out. */
export interface HistogramData {
  readonly max: number;
  readonly sum: number;
  readonly buckets: readonly number[];
}

export class Histogram {
  count = 0;
  sum = 0;
  max = 0;
  readonly #counts = new Float64Array(bucketCount);

  static from(data: HistogramData): Histogram {
    const histogram = new Histogram();
    histogram.add(data);
    return histogram;
  }

  /** Records `value`, `times` over. */
  record(value: number, times = 1): void {
    const bounded = value < valueMax ? (value > 0 ? value : 0) : valueMax;
    this.#counts[bucketOf(bounded)]! += times;
    this.count += times;
    this.sum += bounded * times;
    if (bounded > this.max) this.max = bounded;
  }

  add({ max, sum, buckets }: HistogramData): void {
    for (let i = 0; i < buckets.length; i += 2) {
      this.#counts[buckets[i]!]! += buckets[i + 1]!;
      this.count += buckets[i + 1]!;
    }
    this.sum += sum;
    if (max > this.max) this.max = max;
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  /** The smallest value that a share `q` of all values does not exceed; 0 while there is none. */
  quantile(q: number): number {
    const wanted = Math.max(1, Math.ceil(q * this.count));
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= wanted) return Math.min(lastOf(bucket), this.max);
    }
    return 0;
  }

  data(): HistogramData {
    const buckets: number[] = [];
    for (const [bucket, count] of this.#counts.entries()) if (count > 0) buckets.push(bucket, count);
    return { max: this.max, sum: this.sum, buckets };
  }

  reset(): void {
    this.count = this.sum = this.max = 0;
    this.#counts.fill(0);
  }
}

function bucketOf(value: number): number {
  if (value < exactBelow) return value | 0;
  if (value < 2 ** 31) {
    const shift = 31 - perDoublingBits - Math.clz32(value);
    return shift * perDoubling + (value >>> shift);
  }
  const shift = 62 - perDoublingBits - Math.clz32(value / 2 ** 31);
  return shift * perDoubling + Math.floor(value / 2 ** shift);
}

/** The largest whole value that falls into `bucket`. */
function lastOf(bucket: number): number {
  if (bucket < exactBelow) return bucket;
  const shift = Math.floor(bucket / perDoubling) - 1;
  return (perDoubling + (bucket % perDoubling) + 1) * 2 ** shift - 1;
}
