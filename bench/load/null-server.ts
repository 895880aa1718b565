/**
 * A server that only pretends: it answers at once and keeps no more than a version and data per path.
 *
 * Against it one sees what the generator itself costs and how fast it can be at most. Told to, it stalls,
 * loses acknowledged writes, carries some out twice or does both where a connection breaks, so that tests
 * can see the bench notice.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { Writer } from '../../engine/base/bytes.ts';
import { FramesIn } from '../../engine/wire/frames-in.ts';
import { opcode } from '../../engine/wire/opcodes.ts';
import { get32 } from './arena.ts';

export interface Faults {
  /** Every so many-th write is acknowledged and forgotten. */
  readonly loseEvery?: number;
  /** Every so many-th write is carried out twice. */
  readonly doubleEvery?: number;
  /** Of what waits in a stall when connections break, the first write to each znode is carried out twice, no other. */
  readonly muddleAtBreak?: boolean;
  /** A longer request breaks its connection. */
  readonly frameBytesMax?: number;
}

interface Znode {
  version: number;
  data: Buffer;
  /** A write was carried out twice where its connection broke. */
  muddled?: boolean;
}

export class NullServer {
  readonly #faults: Faults;
  readonly #znodes = new Map<string, Znode>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #writes = 0;
  #zxid = 1;
  #stalled = false;
  #muddling = false;
  #waiting: (() => void)[] = [];

  private constructor(faults: Faults) {
    this.#faults = faults;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  static async start(port = 0, faults: Faults = {}): Promise<NullServer> {
    const server = new NullServer(faults);
    await new Promise<void>((resolve) => server.#server.listen(port, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : -1;
  }

  /** Answers nothing for so long; what comes meanwhile is answered then. */
  stall(ms: number): void {
    this.#stalled = true;
    setTimeout(() => this.#resume(), ms);
  }

  #resume(): void {
    this.#stalled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  /** Breaks all connections. */
  disconnectAll(): void {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#faults.muddleAtBreak !== true) return;
    this.#muddling = true;
    this.#resume();
    this.#muddling = false;
  }

  async close(): Promise<void> {
    this.disconnectAll();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const { frameBytesMax = 16 * 1024 * 1024 } = this.#faults;
    const frames = new FramesIn();
    let greeted = false;
    const answer = (chunk: Buffer): void => {
      if (this.#stalled) {
        this.#waiting.push(() => answer(chunk));
        return;
      }
      const out = new Writer(64 * 1024);
      frames.push(chunk);
      let next = frames.next(frameBytesMax);
      for (; next === 'frame'; next = frames.next(frameBytesMax)) {
        if (greeted) this.#request(frames, out);
        else greeting(out);
        greeted = true;
      }
      if (next === 'bad') socket.destroy();
      if (out.at > 0 && !socket.destroyed) socket.write(out.view());
    };
    socket.on('data', answer);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #request({ bytes, start, end }: FramesIn, out: Writer): void {
    const xid = get32(bytes, start);
    const op = get32(bytes, start + 4);
    const begin = out.at;
    out.i32(0);
    out.i32(xid);
    out.i64(++this.#zxid);
    const errorAt = out.at;
    out.i32(0);
    const error = this.#carryOut(op, bytes, start + 8, end, out);
    if (error !== 0) out.setI32(errorAt, error);
    out.setI32(begin, out.at - begin - 4);
  }

  /** Writes the body of the answer; returns the error code. */
  #carryOut(op: number, bytes: Buffer, start: number, end: number, out: Writer): number {
    if (op === opcode.ping || op === opcode.closeSession || op === opcode.multi) return 0;
    const pathEnd = start + 4 + get32(bytes, start);
    const path = bytes.toString('latin1', start + 4, pathEnd);
    const znode = this.#znodes.get(path);
    switch (op) {
      case opcode.create:
        if (znode !== undefined) return -110;
        this.#znodes.set(path, { version: 0, data: dataAt(bytes, pathEnd) });
        out.string(path);
        return 0;
      case opcode.setData:
        if (znode === undefined) return -101;
        stat(out, this.#set(znode, dataAt(bytes, pathEnd)));
        return 0;
      case opcode.delete:
        this.#znodes.delete(path);
        return 0;
      case opcode.getData:
        if (znode === undefined) return -101;
        out.buffer(znode.data);
        stat(out, znode.version);
        return 0;
      case opcode.exists:
        if (znode === undefined) return -101;
        stat(out, znode.version);
        return 0;
      case opcode.sync:
        out.raw(bytes, start, end);
        return 0;
      default:
        return -6;
    }
  }

  /** Returns the version that is acknowledged. */
  #set(znode: Znode, data: Buffer): number {
    const { loseEvery = Infinity, doubleEvery = Infinity } = this.#faults;
    this.#writes++;
    if (this.#writes % loseEvery === 0 || (this.#muddling && znode.muddled === true)) return znode.version + 1;
    znode.muddled = this.#muddling;
    znode.version += this.#writes % doubleEvery === 0 || this.#muddling ? 2 : 1;
    znode.data = data;
    return znode.version;
  }
}

function greeting(out: Writer): void {
  out.i32(37);
  out.i32(0);
  out.i32(10_000);
  out.i64(1);
  out.buffer(new Uint8Array(16));
  out.bool(false);
}

function dataAt(bytes: Buffer, at: number): Buffer {
  return Buffer.from(bytes.subarray(at + 4, at + 4 + Math.max(0, get32(bytes, at))));
}

function stat(out: Writer, version: number): void {
  out.raw(zeroStat);
  out.setI32(out.at - zeroStat.length + 32, version);
}

const zeroStat = new Uint8Array(68);
