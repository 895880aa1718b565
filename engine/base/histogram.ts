/**
 * How often which value was seen, in buckets whose width grows with the value.
 *
 *   0 1 2 … 31 │ 32-33 34-35 … 62-63 │ 64-67 … 124-127 │ …       16 buckets for each power of two
 *
 * So a quantile is at most a sixteenth too high, whatever the range. Recording is a few integer
 * operations on memory that is there from the start, so even the hot path may do it; everything that
 * costs more is done by whoever reads. Values are whole numbers below 2**31, in a unit that the
 * owner chooses; times are recorded in microseconds through `recordMs`.
 */
const perDoubling = 16;
const exactBelow = 2 * perDoubling;
const valueMax = 2 ** 31 - 1;
/** 32 exact ones, and 16 for each of the powers of two from 2**5 to 2**30. */
const bucketCount = exactBelow + 26 * perDoubling;

export class Histogram {
  count = 0;
  sum = 0;
  /** Largest and smallest value; 0 and Infinity while there is none. */
  max = 0;
  min = Infinity;
  readonly #counts = new Float64Array(bucketCount);
  #era = 0;

  /** `value` is not negative. */
  record(value: number): void {
    const whole = value < valueMax ? value | 0 : valueMax;
    this.count++;
    this.sum += value;
    if (value > this.max) this.max = value;
    if (value < this.min) this.min = value;
    this.#counts[bucketOf(whole)]!++;
  }

  /** A duration in ms, kept in microseconds; a clock that went back counts as no time. */
  recordMs(ms: number): void {
    this.record(ms > 0 ? ms * 1000 : 0);
  }

  get average(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  /** A value that a share `q` of all values does not exceed, 0 while there is none. */
  quantile(q: number): number {
    return this.quantileSince(null, q);
  }

  /** False for a mark from before a reset: what it would leave out is gone already. */
  holds({ era }: HistogramMark): boolean {
    return era === this.#era;
  }

  countSince(mark: HistogramMark | null): number {
    return this.count - (mark !== null && this.holds(mark) ? mark.count : 0);
  }

  /** The same among the values recorded since `mark` was made. */
  quantileSince(mark: HistogramMark | null, q: number): number {
    const before = mark !== null && this.holds(mark) ? mark : null;
    const wanted = Math.max(1, Math.ceil(q * this.countSince(before)));
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#counts[bucket]! - (before?.counts[bucket] ?? 0);
      if (seen >= wanted) return Math.min(lastOf(bucket), this.max);
    }
    return 0;
  }

  /** How many values were below `bound`, which is exact when it is a power of two. */
  below(bound: number): number {
    const end = bucketOf(Math.min(bound, valueMax));
    let seen = 0;
    for (let bucket = 0; bucket < end; bucket++) seen += this.#counts[bucket]!;
    return seen;
  }

  /** The present state, to ask later for what came after it. */
  mark(): HistogramMark {
    return { era: this.#era, count: this.count, counts: this.#counts.slice() };
  }

  reset(): void {
    this.count = this.sum = this.max = 0;
    this.min = Infinity;
    this.#counts.fill(0);
    this.#era++;
  }
}

export interface HistogramMark {
  /** Resets before it. */
  readonly era: number;
  readonly count: number;
  readonly counts: Float64Array;
}

function bucketOf(value: number): number {
  if (value < exactBelow) return value;
  const shift = 27 - Math.clz32(value);
  return shift * perDoubling + (value >>> shift);
}

/** The largest value that falls into `bucket`. */
function lastOf(bucket: number): number {
  if (bucket < exactBelow) return bucket;
  const shift = Math.floor(bucket / perDoubling) - 1;
  return (perDoubling + (bucket % perDoubling) + 1) * 2 ** shift - 1;
}
