/**
 * This server's client writes on their way to a leader and back.
 *
 *   collect → cut (one frame a turn) → … leader … → completed, in the same order
 *
 * A leader prepares the requests of one server in the order in which they came and commits keep that
 * order, so the completions come back first in, first out. What is not completed stays here, which
 * is how a leader's death goes unnoticed by clients of the survivors: once the server follows again
 * and has applied everything that the new leader's history holds, a request that did not come back
 * is in no log that matters and is sent once more. ZooKeeper drops these connections instead.
 */
import type { Buffer } from 'node:buffer';
import { Writer } from '../base/bytes.ts';
import { RequestCursor, writeRequest } from '../txn/request.ts';

export class Forwarding {
  readonly #collecting = new Writer(64 * 1024);
  /** Requests not yet cut into a frame. */
  collected = 0;
  /** Frames cut and not wholly completed, oldest first. */
  #frames: { bytes: Buffer; left: number }[] = [];
  /** Stands on the oldest request without completion. */
  readonly #oldest = new RequestCursor();
  /** Requests without completion. */
  outstanding = 0;
  #cutBytes = 0;

  /** Bytes of the requests without completion, whole frames counted. */
  get bytes(): number {
    return this.#cutBytes + this.#collecting.at;
  }

  add(
    op: number,
    session: number,
    cxid: number,
    identity: Uint8Array,
    body: Uint8Array,
    start: number,
    end: number,
  ): void {
    writeRequest(this.#collecting, op, session, cxid, identity, body, start, end);
    this.collected++;
    this.outstanding++;
  }

  /** What was collected since the last cut, as one frame; null when there is nothing. */
  cut(): Buffer | null {
    if (this.collected === 0) return null;
    const bytes = this.#collecting.copy();
    this.#frames.push({ bytes, left: this.collected });
    this.#cutBytes += bytes.length;
    if (this.#frames.length === 1) this.#oldest.reset(bytes).next();
    this.#collecting.clear();
    this.collected = 0;
    return bytes;
  }

  /**
   * A committed txn of ours came back. Returns false when it is not the oldest outstanding request:
   * a leftover of this server's previous life, asked for by a client that is gone.
   */
  complete(session: number, cxid: number): boolean {
    const frame = this.#frames[0];
    if (frame === undefined || this.#oldest.session !== session || this.#oldest.cxid !== cxid) return false;
    this.outstanding--;
    frame.left--;
    if (frame.left > 0) {
      this.#oldest.next();
      return true;
    }
    this.#frames.shift();
    this.#cutBytes -= frame.bytes.length;
    const next = this.#frames[0];
    if (next !== undefined) this.#oldest.reset(next.bytes).next();
    return true;
  }

  /** Everything outstanding and already cut, oldest first: to be sent to a new leader. */
  *again(): Iterable<Buffer> {
    for (const [index, frame] of this.#frames.entries()) {
      yield index === 0 ? frame.bytes.subarray(this.#oldest.start) : frame.bytes;
    }
  }

  /** Gives up on all of them: their clients were disconnected. */
  forget(): void {
    this.#frames = [];
    this.#collecting.clear();
    this.collected = 0;
    this.outstanding = 0;
    this.#cutBytes = 0;
  }
}
