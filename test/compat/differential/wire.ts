/** One TCP connection: frames out, frames in, in the order in which they came. */
import { connect, type Socket } from 'node:net';
import { Record } from '../../support/raw-client.ts';

/** Milliseconds that an answer may take. */
const patienceMs = 30_000;

export interface Frame {
  readonly xid: number;
  readonly zxid: bigint;
  readonly err: number;
  readonly body: Buffer;
}

export class Wire {
  readonly #socket: Socket;
  #input: Buffer = Buffer.alloc(0);
  readonly #frames: Buffer[] = [];
  #wake: (() => void) | null = null;
  closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.closed = true;
      this.#wake?.();
    });
  }

  static async open(port: number): Promise<Wire> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve());
      socket.once('error', reject);
    });
    return new Wire(socket);
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** The next frame; null once the server has hung up. */
  async next(what: string): Promise<Buffer | null> {
    let late = false;
    const deadline = setTimeout(() => {
      late = true;
      this.#wake?.();
    }, patienceMs);
    while (this.#frames.length === 0 && !this.closed && !late)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    clearTimeout(deadline);
    this.#wake = null;
    if (this.#frames.length === 0 && !this.closed) throw new NoAnswer(what);
    return this.#frames.shift() ?? null;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    while (this.#input.length >= 4) {
      const end = 4 + this.#input.readInt32BE(0);
      if (this.#input.length < end) break;
      this.#frames.push(this.#input.subarray(4, end));
      this.#input = this.#input.subarray(end);
    }
    this.#wake?.();
  }
}

/** A server owes an answer. */
export class NoAnswer extends Error {
  constructor(what: string) {
    super(`no answer: ${what}`);
    this.name = 'NoAnswer';
  }
}

export function framed(payload: Uint8Array): Buffer {
  return new Record().int(payload.length).raw(payload).bytes();
}

/** A reply or an event; null for bytes that are neither. */
export function parseFrame(frame: Buffer): Frame | null {
  if (frame.length < 16) return null;
  return {
    xid: frame.readInt32BE(0),
    zxid: frame.readBigInt64BE(4),
    err: frame.readInt32BE(12),
    body: frame.subarray(16),
  };
}
