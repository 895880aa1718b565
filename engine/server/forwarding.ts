/**
 * This server's client writes on their way to a leader and back.
 *
 *   collect → cut (frames of a turn) → … leader … → completed, in the same order
 *
 * A leader prepares the requests of one server in the order in which they came and commits keep that
 * order, so the completions come back first in, first out. What is not completed stays here, which
 * is how a leader's death goes unnoticed by clients of the survivors: once the server follows again
 * and has applied everything that the new leader's history holds, a request that did not come back
 * is in no log that matters and is sent once more. ZooKeeper drops these connections instead.
 */
import { Buffer } from 'node:buffer';
import { requestFrameBytes } from '../base/limits.ts';
import { Writer } from '../base/bytes.ts';
import { RequestCursor, writeRequest } from '../txn/request.ts';

interface Frame {
  readonly bytes: Buffer;
  /** Requests without completion. */
  left: number;
}

export class Forwarding {
  readonly #collecting = new Writer(64 * 1024);
  /** Requests in it. */
  #inFrame = 0;
  /** Whole frames that `cut` has not given yet. */
  #uncut: Buffer[] = [];
  /** Frames not wholly completed, oldest first. */
  #frames: Frame[] = [];
  /** Stands on the oldest request without completion. */
  readonly #oldest = new RequestCursor();
  /** Requests without completion. */
  outstanding = 0;
  #frameBytes = 0;

  /** There is something to cut. */
  get hasCollected(): boolean {
    return this.#inFrame > 0 || this.#uncut.length > 0;
  }

  /** Bytes of the requests without completion, whole frames counted. */
  get bytes(): number {
    return this.#frameBytes + this.#collecting.at;
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
    this.#inFrame++;
    this.outstanding++;
    if (this.#collecting.at >= requestFrameBytes) this.#endFrame();
  }

  /** What was collected since the last cut, in frames that a peer takes. */
  cut(): readonly Buffer[] {
    if (this.#inFrame > 0) this.#endFrame();
    const frames = this.#uncut;
    this.#uncut = [];
    return frames;
  }

  #endFrame(): void {
    const bytes = this.#collecting.copy();
    this.#uncut.push(bytes);
    this.#frames.push({ bytes, left: this.#inFrame });
    this.#frameBytes += bytes.length;
    if (this.#frames.length === 1) this.#oldest.reset(bytes).next();
    this.#collecting.clear();
    this.#inFrame = 0;
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
    this.#frameBytes -= frame.bytes.length;
    const next = this.#frames[0];
    if (next !== undefined) this.#oldest.reset(next.bytes).next();
    return true;
  }

  /**
   * Everything outstanding, oldest first: to be sent to a new leader. What `isVoid` says is
   * not asked for any more is forgotten.
   */
  again(isVoid: (request: RequestCursor) => boolean): readonly Buffer[] {
    if (this.#inFrame > 0) this.#endFrame();
    const [first, ...later] = this.#frames.map(({ bytes }) => bytes);
    if (first === undefined) return [];
    this.#frames = [first.subarray(this.#oldest.start), ...later]
      .map((bytes) => without(bytes, isVoid))
      .filter(({ left }) => left > 0);
    this.#uncut = [];
    this.outstanding = this.#frames.reduce((sum, { left }) => sum + left, 0);
    this.#frameBytes = this.#frames.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (this.#frames.length > 0) this.#oldest.reset(this.#frames[0]!.bytes).next();
    return this.#frames.map(({ bytes }) => bytes);
  }

  /** Gives up on all of them: their clients were disconnected. */
  forget(): void {
    this.#frames = [];
    this.#uncut = [];
    this.#collecting.clear();
    this.#inFrame = 0;
    this.outstanding = 0;
    this.#frameBytes = 0;
  }
}

/** The frame without its void requests. */
function without(bytes: Buffer, isVoid: (request: RequestCursor) => boolean): Frame {
  const kept: Buffer[] = [];
  let [from, left] = [0, 0];
  for (const cursor = new RequestCursor().reset(bytes); cursor.next();) {
    if (isVoid(cursor)) {
      kept.push(bytes.subarray(from, cursor.start));
      from = cursor.bodyEnd;
    } else {
      left++;
    }
  }
  return { bytes: from === 0 ? bytes : Buffer.concat([...kept, bytes.subarray(from)]), left };
}
