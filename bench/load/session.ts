/**
 * One client connection of a generator: what is in flight on it, and what to do when it breaks.
 *
 *   slots   … │ done │ in flight: when it was meant to go, when it went │ free …      a ring by sequence number
 *
 * A subclass knows the protocol: how long a frame is, and what it means. All sessions read into one
 * buffer, since each chunk is used up at once; only the head of a frame that spans chunks is kept.
 */
import { connect, type Socket } from 'node:net';
import type { Load } from './load.ts';
import { Operation } from './operation.ts';
import { isWrite, opKinds } from './workload.ts';

/** After a connection broke the next server is tried this much later, ms. */
const retryMs = 20;
/** A connection that is not established by then is given up, ms; one without a session as clients of ZooKeeper do. */
const connectMs = 1000;
/** Of no frame more than this is looked at. */
const lookBytesMax = 80;
const sharedBuffer = Buffer.allocUnsafeSlow(256 * 1024);
const writes = Uint8Array.from(opKinds, (kind) => (isWrite[kind] ? 1 : 0));
const kindNumbers = new Map(opKinds.map((kind, number) => [kind, number]));

export abstract class Session {
  readonly index: number;
  protected readonly load: Load;
  protected readonly operation = new Operation();
  /** Sequence number of the next operation on this connection, from 1. */
  protected sequence = 1;
  inFlight = 0;
  ready = false;
  /** When bytes last came. */
  heardAt = 0;
  #socket: Socket | null = null;
  #host: number;
  #retry: NodeJS.Timeout | null = null;
  #closed = false;
  readonly #mask: number;
  /** 0: there is nothing in this slot. */
  readonly #intended: Float64Array;
  readonly #sent: Float64Array;
  readonly #kinds: Uint8Array;
  /** Bytes of the present frame that are still to be skipped. */
  #skip = 0;
  /** The beginning of a frame that did not come whole. */
  readonly #partial = Buffer.alloc(lookBytesMax);
  #partialLength = 0;

  constructor(load: Load, index: number) {
    this.load = load;
    this.index = index;
    this.#host = load.spec.firstSession + index;
    // More than the window: answers of some protocols may overtake each other.
    const slots = 4 * 2 ** Math.ceil(Math.log2(load.spec.workload.window));
    this.#mask = slots - 1;
    this.#intended = new Float64Array(slots);
    this.#sent = new Float64Array(slots);
    this.#kinds = new Uint8Array(slots);
  }

  /** What to send first; the subclass calls `opened` when operations may follow. */
  protected abstract greet(): void;
  /** Bytes from which the two following can tell. */
  protected abstract readonly headBytes: number;
  /** Of the frame at `at`: all its bytes, and how many of them `frame` looks at. */
  protected abstract size(b: Uint8Array, at: number): number;
  protected abstract look(b: Uint8Array, at: number): number;
  /** Handles the frame at `at`, with `completed` if it is an answer. False: the peer broke the protocol. */
  protected abstract frame(b: Buffer, at: number): boolean;
  /** Writes `operation` into the arena under sequence number `sequence`. */
  protected abstract encode(sequence: number): void;
  /** Writes what ends the session, if the protocol has such a thing. */
  protected abstract farewell(): void;
  /** Writes something that keeps the session alive. */
  abstract ping(): void;

  open(): void {
    this.#retry = null;
    const { hosts, sessionTimeoutMs } = this.load.spec;
    const { host, port } = hosts[this.#host % hosts.length]!;
    let reason = 'it closed the connection';
    const socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: sharedBuffer,
        callback: (length, bytes) => {
          this.#received(bytes as Buffer, length);
          return true;
        },
      },
    });
    this.#socket = socket;
    socket.setTimeout(connectMs, () =>
      socket.destroy(new Error(socket.connecting ? 'no connection in time' : 'no answer to the greeting in time')),
    );
    socket.once('connect', () => {
      socket.setTimeout(sessionTimeoutMs / hosts.length);
      this.#skip = this.#partialLength = 0;
      this.heardAt = performance.now();
      this.greet();
      this.flush();
    });
    socket.on('error', ({ code, message }: NodeJS.ErrnoException) => (reason = code ?? message));
    socket.on('close', () => {
      this.load.reasons.set(`${host}:${port}`, reason);
      this.#broke(socket);
    });
  }

  /** Operations may follow. */
  protected opened(): void {
    this.ready = true;
    this.#socket?.setTimeout(0);
    this.load.opened();
  }

  /** Ends the connection as a client that is done. */
  close(): void {
    this.#closed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    if (this.#socket === null) return;
    if (this.ready) {
      this.farewell();
      this.#socket.end(this.load.arena.cut());
    } else {
      this.#socket.destroy();
    }
  }

  get hasRoom(): boolean {
    return this.ready && this.inFlight < this.load.spec.workload.window;
  }

  /** Takes the next operation from the source and writes it; false when there is none. */
  issue(intended: number, now: number): boolean {
    const { operation, load } = this;
    operation.path = '';
    operation.stamp = 0;
    operation.flags = 0;
    if (!load.source.next(load.spec.firstSession + this.index, operation)) return false;
    const slot = this.sequence & this.#mask;
    this.#intended[slot] = intended;
    this.#sent[slot] = now;
    this.#kinds[slot] = kindNumbers.get(operation.kind)!;
    this.encode(this.sequence++);
    this.inFlight++;
    return true;
  }

  /** Sends what `issue` wrote. */
  flush(): void {
    if (!this.load.arena.pending) return;
    const part = this.load.arena.cut();
    if (this.#socket !== null && !this.#socket.destroyed) this.#socket.write(part);
  }

  /** When each operation in flight was meant to go. */
  get waiting(): Float64Array {
    return this.#intended.filter((intended) => intended > 0);
  }

  protected completed(sequence: number, error: number): void {
    const slot = sequence & this.#mask;
    const intended = this.#intended[slot]!;
    this.#intended[slot] = 0;
    this.inFlight--;
    this.load.completed(intended, this.#sent[slot]!, writes[this.#kinds[slot]!] === 1, error);
  }

  /** Gives up the connection, as when the peer is silent or refuses the session. */
  abandon(): void {
    this.#socket?.destroy();
  }

  #received(bytes: Buffer, length: number): void {
    if (this.#closed) return;
    this.load.now = this.heardAt = performance.now();
    if (!this.#scan(bytes, length)) {
      this.load.counts.malformed++;
      this.#socket?.destroy();
      return;
    }
    // What the protocol itself had to answer goes first, and to nobody else.
    this.flush();
    this.load.refill(this);
  }

  #scan(bytes: Buffer, length: number): boolean {
    let at = 0;
    while (at < length) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, length - at);
        this.#skip -= skipped;
        at += skipped;
      } else if (this.#partialLength > 0) {
        this.#partial[this.#partialLength++] = bytes[at++]!;
        if (!this.#isLongEnough(this.#partial, 0, this.#partialLength)) continue;
        if (!this.frame(this.#partial, 0)) return false;
        this.#skip = this.size(this.#partial, 0) - this.#partialLength;
        this.#partialLength = 0;
      } else if (this.#isLongEnough(bytes, at, length - at)) {
        if (!this.frame(bytes, at)) return false;
        at += this.size(bytes, at);
        if (at > length) this.#skip = at - length;
      } else {
        this.#partialLength = bytes.copy(this.#partial, 0, at, length);
        at = length;
      }
    }
    return true;
  }

  #isLongEnough(b: Uint8Array, at: number, left: number): boolean {
    return left >= this.headBytes && left >= this.look(b, at);
  }

  #broke(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    this.ready = false;
    if (this.#closed) return;
    this.load.broke(this.waiting);
    this.#intended.fill(0);
    this.load.source.lost?.(this.load.spec.firstSession + this.index);
    this.inFlight = 0;
    this.sequence = 1;
    this.#host++;
    this.#retry = setTimeout(() => this.open(), retryMs);
  }
}
