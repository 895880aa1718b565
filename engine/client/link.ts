/**
 * One connection to one server: frames in, frames out.
 *
 * Frames are encoded one behind the other into a slab; what a turn has brought leaves as one write,
 * without a copy, and the slab goes on behind it.
 */
import { Buffer } from 'node:buffer';
import { Writer } from '../base/bytes.ts';
import { FramesIn } from '../wire/frames-in.ts';
import type { Environment } from './environment.ts';
import type { Connector, ServerAddress, Transport } from './transport.ts';

const slabBytes = 64 * 1024;
/** With less room than this left, a new slab is begun. */
const slabLeftMin = 4 * 1024;

export interface LinkEvents {
  opened(): void;
  /** One frame, valid during the call. */
  frame(bytes: Buffer, start: number, end: number): void;
  closed(reason: Error | null): void;
}

export class Link {
  readonly address: ServerAddress;
  readonly out = new Writer(slabBytes);
  /** Monotonic ms. */
  lastSent: number;
  lastHeard: number;
  readonly #environment: Environment;
  readonly #events: LinkEvents;
  readonly #transport: Transport;
  readonly #frames = new FramesIn();
  readonly #frameBytesMax: number;
  #flushed = 0;
  #isFlushAhead = false;
  #isOver = false;

  constructor(
    connector: Connector,
    address: ServerAddress,
    frameBytesMax: number,
    environment: Environment,
    events: LinkEvents,
  ) {
    this.address = address;
    this.#environment = environment;
    this.lastSent = this.lastHeard = environment.now();
    this.#events = events;
    this.#frameBytesMax = frameBytesMax;
    this.#transport = connector(address, {
      opened: () => events.opened(),
      received: (bytes) => this.#received(bytes),
      closed: (reason) => this.#end(reason),
    });
  }

  /** Whole frames were appended to `out`: they leave at the end of the turn. */
  wrote(): void {
    if (this.out.at - this.#flushed >= slabBytes) {
      this.#flush();
    } else if (!this.#isFlushAhead) {
      this.#isFlushAhead = true;
      // After all promises of this turn have gone on: what they ask for leaves in the same write.
      process.nextTick(() => {
        this.#isFlushAhead = false;
        this.#flush();
      });
    }
  }

  /** Ends it without an event. What was written still leaves. */
  close(): void {
    if (this.#isOver) return;
    this.#flush();
    this.#isOver = true;
    this.#transport.close();
  }

  /** Ends it as if the other side had. */
  fail(reason: string): void {
    if (this.#isOver) return;
    this.#transport.close();
    this.#end(new Error(reason));
  }

  #flush(): void {
    const { out } = this;
    if (this.#isOver || out.at === this.#flushed) return;
    this.#transport.write(out.bytes.subarray(this.#flushed, out.at));
    this.lastSent = this.#environment.now();
    if (out.bytes.length - out.at < slabLeftMin || out.bytes.length > slabBytes) {
      out.bytes = Buffer.allocUnsafeSlow(slabBytes);
      out.at = 0;
    }
    this.#flushed = out.at;
  }

  #received(bytes: Buffer): void {
    this.lastHeard = this.#environment.now();
    const frames = this.#frames;
    frames.push(bytes);
    while (!this.#isOver) {
      const found = frames.next(this.#frameBytesMax);
      if (found === 'more') return;
      if (found === 'bad') this.fail(`a frame is longer than replyBytesMax (${this.#frameBytesMax}) or malformed`);
      else this.#events.frame(frames.bytes, frames.start, frames.end);
    }
  }

  #end(reason: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.closed(reason);
  }
}
