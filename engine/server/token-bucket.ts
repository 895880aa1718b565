/**
 * So many at once, and then so many per time: ZooKeeper's BlueThrottle without its random part.
 */
export class TokenBucket {
  readonly #max: number;
  readonly #fillMs: number;
  readonly #fillCount: number;
  #tokens: number;
  #filledAt: number;

  /** Holds `max` tokens and gets `fillCount` new ones every `fillMs`. */
  constructor(max: number, fillMs: number, fillCount: number, now: number) {
    this.#max = max;
    this.#fillMs = fillMs;
    this.#fillCount = fillCount;
    this.#tokens = max;
    this.#filledAt = now;
  }

  /** Takes one; false when there is none. */
  take(now: number): boolean {
    const fills = Math.floor((now - this.#filledAt) / this.#fillMs);
    if (fills > 0) {
      this.#tokens = Math.min(this.#max, this.#tokens + fills * this.#fillCount);
      this.#filledAt += fills * this.#fillMs;
    }
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
