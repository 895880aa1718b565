/**
 * Where the time of a write goes, batch by batch.
 *
 *   request ─ queue ─► prep ─► proposed ┬─ log, fsync ──────────────┬─► quorum ─► apply ─► reply
 *                                       └─ network, fsync there ─ ack┘
 *
 * The leader fills in all of them; any other server those of its own log and of applying. `quorum`
 * runs from the proposal to its commit, so it contains the longest way through `log`, `fsync` and
 * `network`. A batch costs a few readings of the clock, however many writes are in it, and no memory.
 */
import { Histogram } from '../base/histogram.ts';
import type { Batch } from '../txn/batch.ts';

/** Batches that are followed at a time; of more than that the oldest are not. A power of two. */
const followedMax = 1024;

/** Batches on their way, oldest first, each with a zxid or ticket, when it set out, when it was made, its txns. */
class Ring {
  readonly #keys = new Float64Array(followedMax);
  readonly #at = new Float64Array(followedMax);
  readonly #made = new Float64Array(followedMax);
  readonly #txns = new Float64Array(followedMax);
  #head = 0;
  length = 0;

  push(key: number, at: number, made: number, txns: number): void {
    if (this.length === followedMax) this.shift();
    const slot = (this.#head + this.length++) & (followedMax - 1);
    this.#keys[slot] = key;
    this.#at[slot] = at;
    this.#made[slot] = made;
    this.#txns[slot] = txns;
  }

  shift(): void {
    this.#head = (this.#head + 1) & (followedMax - 1);
    this.length--;
  }

  key(index: number): number {
    return this.#keys[(this.#head + index) & (followedMax - 1)]!;
  }

  at(index: number): number {
    return this.#at[(this.#head + index) & (followedMax - 1)]!;
  }

  made(index: number): number {
    return this.#made[(this.#head + index) & (followedMax - 1)]!;
  }

  txns(index: number): number {
    return this.#txns[(this.#head + index) & (followedMax - 1)]!;
  }

  /** When the batch with this very key set out; -1 when it is not followed. */
  find(key: number): number {
    // Acks and commits are mostly for one of the newest.
    for (let index = this.length - 1; index >= 0; index--) {
      const found = this.key(index);
      if (found === key) return this.at(index);
      if (found < key) break;
    }
    return -1;
  }

  clear(): void {
    this.length = 0;
  }
}

export class Stages {
  /** From a request's arrival at the leader to its preparation; of the oldest in each batch. */
  readonly queue = new Histogram();
  readonly prep = new Histogram();
  /** From handing a batch to the log until it is known durable, without the fsync. */
  readonly log = new Histogram();
  readonly fsync = new Histogram();
  /** There and back to each learner, by pings. */
  readonly network = new Histogram();
  /** From proposing to the ack of a quorum. */
  readonly quorum = new Histogram();
  readonly apply = new Histogram();
  /** From applying to the writes into sockets. */
  readonly reply = new Histogram();

  /** From handing a batch to the log until it is known durable. */
  readonly logged = new Histogram();
  /** What one fsync covered. */
  readonly groupTxns = new Histogram();
  /** From a batch's making to its being durable here, by the leader's wall clock. */
  readonly durableDelay = new Histogram();
  /** From proposing to the ack of each learner. */
  readonly acks = new Map<number, Histogram>();

  readonly #appended = new Ring();
  readonly #proposed = new Ring();
  #pingAt = -1;

  /** A batch went to the log with this ticket. */
  appended(ticket: number, batch: Batch, now: number): void {
    this.#appended.push(ticket, now, batch.time, batch.count);
  }

  /** Everything up to `ticket` is durable; the fsync that did it took `fsyncMs`. */
  synced(ticket: number, fsyncMs: number, now: number, wall: number): void {
    const appended = this.#appended;
    let txns = 0;
    while (appended.length > 0 && appended.key(0) <= ticket) {
      const took = now - appended.at(0);
      this.logged.recordMs(took);
      this.log.recordMs(took - fsyncMs);
      this.durableDelay.recordMs(wall - appended.made(0));
      txns += appended.txns(0);
      appended.shift();
    }
    if (txns === 0) return;
    this.groupTxns.record(txns);
    this.fsync.recordMs(fsyncMs);
  }

  /** The leader proposes a batch whose oldest request came at `since` and was prepared from `from` to `now`. */
  proposed(last: number, since: number, from: number, now: number): void {
    this.queue.recordMs(from - since);
    this.prep.recordMs(now - from);
    this.#proposed.push(last, now, 0, 0);
  }

  acked(peer: number, zxid: number, now: number): void {
    const at = this.#proposed.find(zxid);
    if (at < 0) return;
    let histogram = this.acks.get(peer);
    if (histogram === undefined) this.acks.set(peer, (histogram = new Histogram()));
    histogram.recordMs(now - at);
  }

  pinged(now: number): void {
    this.#pingAt = now;
  }

  ponged(now: number): void {
    if (this.#pingAt >= 0) this.network.recordMs(now - this.#pingAt);
  }

  /** The batch that ends with `last` is committed and about to be applied. */
  committed(last: number, now: number): void {
    const proposed = this.#proposed;
    while (proposed.length > 0 && proposed.key(0) <= last) {
      if (proposed.key(0) === last) this.quorum.recordMs(now - proposed.at(0));
      proposed.shift();
    }
  }

  /** This server's role has ended: what is in flight has no outcome here. */
  forget(): void {
    this.#proposed.clear();
    this.#pingAt = -1;
  }

  reset(): void {
    for (const field of Object.values(this)) if (field instanceof Histogram) field.reset();
    this.acks.clear();
  }
}
