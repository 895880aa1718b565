/** What the server counts about requests; shown by `srvr`, `stat` and `mntr`. */
export class Traffic {
  received = 0;
  sent = 0;
  #latencyMin = -1;
  #latencyMax = 0;
  #latencySum = 0;
  #latencyCount = 0;

  /** A request was answered `ms` after it came. */
  answered(ms: number): void {
    this.sent++;
    this.#latencySum += ms;
    this.#latencyCount++;
    if (ms > this.#latencyMax) this.#latencyMax = ms;
    if (this.#latencyMin < 0 || ms < this.#latencyMin) this.#latencyMin = ms;
  }

  get latency(): { min: number; average: number; max: number } {
    const average = this.#latencyCount === 0 ? 0 : this.#latencySum / this.#latencyCount;
    return { min: Math.max(this.#latencyMin, 0), average, max: this.#latencyMax };
  }

  reset(): void {
    this.received = 0;
    this.sent = 0;
    this.#latencyMin = -1;
    this.#latencyMax = this.#latencySum = this.#latencyCount = 0;
  }
}
