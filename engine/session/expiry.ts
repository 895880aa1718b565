/**
 * When the leader gives up a session: buckets of one tick, as in ZooKeeper's ExpiryQueue.
 *
 * A deadline is rounded up to the next tick, so touching a session moves it between few buckets and
 * `expired` looks only at buckets that are due. Sessions live a little longer than asked, never less.
 */
export class SessionExpiry {
  readonly #tickMs: number;
  readonly #sessions = new Map<number, { timeoutMs: number; bucket: number }>();
  readonly #buckets = new Map<number, Set<number>>();
  #next = -1;
  #checkedAt = -1;

  constructor(tickMs: number) {
    this.#tickMs = tickMs;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** The sessions of each deadline that has some. */
  *all(): Iterable<readonly [number, readonly number[]]> {
    for (const [deadline, ids] of this.#buckets) if (ids.size > 0) yield [deadline, [...ids]];
  }

  add(id: number, timeoutMs: number, now: number): void {
    this.remove(id);
    const bucket = this.#round(now + timeoutMs);
    this.#sessions.set(id, { timeoutMs, bucket });
    this.#put(id, bucket);
  }

  /** The session's client was heard. Unknown ids are ignored: their close is under way. */
  touch(id: number, now: number): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    const bucket = this.#round(now + session.timeoutMs);
    if (bucket <= session.bucket) return;
    this.#buckets.get(session.bucket)?.delete(id);
    session.bucket = bucket;
    this.#put(id, bucket);
  }

  remove(id: number): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#buckets.get(session.bucket)?.delete(id);
    this.#sessions.delete(id);
  }

  clear(): void {
    this.#sessions.clear();
    this.#buckets.clear();
    this.#next = -1;
    this.#checkedAt = -1;
  }

  /**
   * Sessions whose time is over; each is returned once and forgotten. When the last call lies more
   * than two ticks back, this process was stalled and could not hear its clients: every session
   * then gets the stalled time on top.
   */
  expired(now: number): number[] {
    const last = this.#checkedAt;
    this.#checkedAt = now;
    if (last >= 0 && now - last > 2 * this.#tickMs) this.#delay(now - last);
    const ids: number[] = [];
    if (this.#next < 0) return ids;
    for (; this.#next <= now; this.#next += this.#tickMs) {
      const bucket = this.#buckets.get(this.#next);
      if (bucket === undefined) continue;
      this.#buckets.delete(this.#next);
      for (const id of bucket) {
        this.#sessions.delete(id);
        ids.push(id);
      }
    }
    return ids;
  }

  #delay(ms: number): void {
    const sessions = [...this.#sessions];
    this.#buckets.clear();
    this.#next = -1;
    for (const [id, session] of sessions) {
      session.bucket = this.#round(session.bucket + ms);
      this.#put(id, session.bucket);
    }
  }

  #put(id: number, bucket: number): void {
    const ids = this.#buckets.get(bucket);
    if (ids === undefined) this.#buckets.set(bucket, new Set([id]));
    else ids.add(id);
    if (this.#next < 0 || bucket < this.#next) this.#next = bucket;
  }

  #round(time: number): number {
    return (Math.floor(time / this.#tickMs) + 1) * this.#tickMs;
  }
}
