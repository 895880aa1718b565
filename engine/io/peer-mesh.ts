/**
 * The mesh of links between servers: one TCP connection per pair.
 *
 *   larger id ── dials ──► smaller id        hello both ways, then frames:
 *
 *   u32 crc · u32 length · u32 covered · body      the CRC is over all that follows it, of the body `covered` bytes;
 *                                                  the rest of it has a checksum of its own
 *
 * Both sides introduce themselves and refuse a stranger. A closed connection is reported at once; a
 * silent one is closed after peerTimeoutMs, for which the mesh sends a keep-alive (an empty body)
 * whenever it had nothing else to say.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { peerFrameBytesMax } from '../base/limits.ts';
import type { Journal, PeerPort } from '../server/ports.ts';
import { crc32 } from './crc32.ts';

const magic = 0x5a424d48;
const protocolVersion = 2;
const helloBytes = 32;
const frameHeaderBytes = 12;
const helloDeadlineMs = 3000;
const dialDeadlineMs = 2000;
const refusedEveryMs = 60_000;
const redialMs = { first: 10, max: 500 } as const;
/** A link that lived this long was a good one: it is dialled again at once. */
const goodMs = 1000;
/** Frames of a turn are gathered in a buffer that starts with this much. */
const gatherBytes = 64 * 1024;
/** From this size on, handing bytes over as they are costs less than a copy and the garbage that it becomes. */
const lentBytesMin = 16 * 1024;

export interface MeshAddress {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

export interface MeshOptions {
  readonly id: number;
  /** Identity of the ensemble, 0 while this server belongs to none. */
  readonly ensembleId: () => number;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly heartbeatMs: number;
  readonly peerTimeoutMs: number;
  readonly journal: Journal;
}

export interface MeshEvents {
  up(peer: number): void;
  down(peer: number): void;
  /** The body may be a view on a larger buffer; it is not reused. */
  frame(peer: number, body: Buffer): void;
}

export class PeerMesh implements PeerPort {
  readonly #options: MeshOptions;
  readonly #events: MeshEvents;
  readonly #server: Server;
  readonly #links = new Map<number, Link>();
  readonly #dialling = new Map<number, { timer: NodeJS.Timeout | null; delayMs: number; socket: Socket | null }>();
  readonly #pending = new Set<Socket>();
  #peers = new Map<number, MeshAddress>();
  /** The refusal that was written last. */
  #refused = { said: '', at: 0 };
  #timer: NodeJS.Timeout | null = null;
  #checkedAt = 0;
  #closed = false;

  constructor(options: MeshOptions, events: MeshEvents) {
    this.#options = options;
    this.#events = events;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Starts to accept; rejects with one sentence when the port is taken. */
  async listen(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        reject(
          error.code === 'EADDRINUSE'
            ? new Error(`the quorum port ${host}:${port} is taken by another process.`)
            : error,
        );
      });
      this.#server.listen(port, host, () => resolve());
    });
    this.#server.removeAllListeners('error').on('error', (error) => {
      this.#options.journal.error('a peer could not be accepted', { reason: error.message });
    });
    this.#checkedAt = performance.now();
    this.#timer = setInterval(() => this.#check(), Math.max(10, Math.floor(this.#options.heartbeatMs / 2)));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Tells who the others are; the ones with smaller ids are dialled from now on. */
  setPeers(peers: readonly MeshAddress[]): void {
    this.#peers = new Map(peers.filter((peer) => peer.id !== this.#options.id).map((peer) => [peer.id, peer]));
    for (const peer of this.#peers.values()) if (peer.id < this.#options.id) this.#redial(peer.id, 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const { timer, socket } of this.#dialling.values()) {
      if (timer !== null) clearTimeout(timer);
      socket?.destroy();
    }
    for (const socket of this.#pending) socket.destroy();
    for (const link of this.#links.values()) link.socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  // ---- PeerPort ----------------------------------------------------------------------------------

  send(to: number, head: Uint8Array, tail: Uint8Array, isChecked: boolean): void {
    this.#links.get(to)?.send(head, tail, isChecked);
  }

  flush(first: number): void {
    // A write on loopback or a slow network card takes some 80 µs, which whoever comes second waits longer.
    this.#links.get(first)?.flush();
    for (const link of this.#links.values()) link.flush();
  }

  backlog(to: number): number {
    return this.#links.get(to)?.socket.writableLength ?? 0;
  }

  reset(to: number, reason: string): void {
    this.#links.get(to)?.socket.destroy();
    this.#options.journal.warn('peer link closed', { peer: to, reason });
  }

  // ---- links -------------------------------------------------------------------------------------

  #accept(socket: Socket): void {
    this.#handshake(socket, 0, (peer) => this.#start(peer, socket));
  }

  #redial(peer: number, delayMs: number): void {
    if (this.#closed || this.#links.has(peer)) return;
    const state = this.#dialling.get(peer) ?? { timer: null, delayMs: 0, socket: null };
    this.#dialling.set(peer, state);
    if (state.timer !== null || state.socket !== null) return;
    state.timer = setTimeout(
      () => {
        state.timer = null;
        this.#dial(peer);
      },
      delayMs * (0.5 + Math.random() / 2),
    );
  }

  #dial(peer: number): void {
    const address = this.#peers.get(peer);
    const state = this.#dialling.get(peer)!;
    if (address === undefined || this.#closed) return;
    const socket = connect({ host: address.host, port: address.port, noDelay: true });
    state.socket = socket;
    // The system would try for minutes, and ever more rarely, to reach a host that was cut off.
    const deadline = setTimeout(() => socket.destroy(), dialDeadlineMs);
    socket.on('close', () => {
      clearTimeout(deadline);
      if (state.socket === socket) state.socket = null;
      state.delayMs = Math.min(redialMs.max, Math.max(redialMs.first, state.delayMs * 2));
      this.#redial(peer, state.delayMs);
    });
    socket.on('connect', () => {
      clearTimeout(deadline);
      this.#handshake(socket, peer, () => {
        this.#start(peer, socket);
      });
    });
    socket.on('error', () => socket.destroy());
  }

  /** Exchanges hellos; `expected` is the server we dialled, 0 when it dialled us. */
  #handshake(socket: Socket, expected: number, done: (peer: number) => void): void {
    this.#pending.add(socket);
    const deadline = setTimeout(() => socket.destroy(), helloDeadlineMs);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(deadline);
      this.#pending.delete(socket);
    });
    if (expected !== 0) socket.write(this.#hello(expected));
    const read = (): void => {
      const bytes = socket.read(helloBytes) as Buffer | null;
      if (bytes === null) return;
      socket.off('readable', read);
      clearTimeout(deadline);
      this.#pending.delete(socket);
      const peer = bytes.readUInt32BE(8);
      const refusal = this.#judge(bytes, expected);
      if (refusal !== '') {
        this.#journalRefusal(peer, socket.remoteAddress ?? '', refusal);
        socket.destroy();
        return;
      }
      if (expected === 0) socket.write(this.#hello(peer));
      done(peer);
    };
    socket.on('readable', read);
  }

  /** A stranger dials again and again; the same refusal is written once in a while. */
  #journalRefusal(peer: number, from: string, reason: string): void {
    const now = performance.now();
    const said = `${peer} ${from} ${reason}`;
    if (said === this.#refused.said && now - this.#refused.at < refusedEveryMs) return;
    this.#refused = { said, at: now };
    this.#options.journal.warn('peer refused', { peer, from, reason });
  }

  #hello(to: number): Buffer {
    const bytes = Buffer.alloc(helloBytes);
    bytes.writeUInt32BE(magic, 0);
    bytes.writeUInt32BE(protocolVersion, 4);
    bytes.writeUInt32BE(this.#options.id, 8);
    bytes.writeUInt32BE(to, 12);
    bytes.writeDoubleBE(this.#options.ensembleId(), 16);
    bytes.writeUInt32BE(crc32(bytes, 0, 24), 24);
    return bytes;
  }

  /** Why the other side is refused; empty when it is not. */
  #judge(bytes: Buffer, expected: number): string {
    if (bytes.readUInt32BE(0) !== magic || bytes.readUInt32BE(24) !== crc32(bytes, 0, 24))
      return 'not a server of this kind';
    if (bytes.readUInt32BE(4) !== protocolVersion) return `protocol version ${bytes.readUInt32BE(4)}`;
    const peer = bytes.readUInt32BE(8);
    if (!this.#peers.has(peer)) return 'its id is not in our configuration';
    if (expected !== 0 && peer !== expected) return `server ${expected} was dialled`;
    if (expected === 0 && peer < this.#options.id) return 'the server with the larger id dials';
    if (bytes.readUInt32BE(12) !== this.#options.id) return 'it wants another server';
    const theirs = bytes.readDoubleBE(16);
    const ours = this.#options.ensembleId();
    if (theirs !== 0 && ours !== 0 && theirs !== ours) return 'its data belongs to another ensemble';
    return '';
  }

  #start(peer: number, socket: Socket): void {
    // A server that dials again has lost the old connection, whatever we still see of it.
    this.#links.get(peer)?.socket.destroy();
    this.#links.get(peer)?.end();
    const upAt = performance.now();
    const link = new Link(
      socket,
      (body) => this.#events.frame(peer, body),
      () => {
        if (this.#links.get(peer) !== link) return;
        this.#links.delete(peer);
        this.#events.down(peer);
        if (peer < this.#options.id) this.#redial(peer, this.#delayAfter(peer, performance.now() - upAt));
      },
    );
    this.#links.set(peer, link);
    this.#events.up(peer);
    link.start();
  }

  /** Two servers that cannot agree end each link as soon as it is up: they do so ever more rarely. */
  #delayAfter(peer: number, livedMs: number): number {
    const state = this.#dialling.get(peer)!;
    if (livedMs >= goodMs) state.delayMs = 0;
    return state.delayMs;
  }

  /** Keeps quiet links alive and closes silent ones; after an own stall it listens before it judges. */
  #check(): void {
    const now = performance.now();
    const { heartbeatMs, peerTimeoutMs } = this.#options;
    const stalled = now - this.#checkedAt > heartbeatMs * 2;
    this.#checkedAt = now;
    for (const [peer, link] of this.#links) {
      if (stalled) link.heardAt = now;
      else if (now - link.heardAt > peerTimeoutMs) this.reset(peer, 'silent for too long');
      if (now - link.saidAt >= heartbeatMs) {
        link.send(nothing, nothing, false);
        link.flush();
      }
    }
  }
}

const nothing = new Uint8Array(0);

/** One established connection: cuts frames out of the stream and gathers frames for one write. */
class Link {
  readonly socket: Socket;
  heardAt = performance.now();
  saidAt = performance.now();
  readonly #onFrame: (body: Buffer) => void;
  readonly #onEnd: () => void;
  #ended = false;
  /** Frames of this turn: what is complete, and [#outFrom, #outBytes) of the buffer that gathers. */
  #complete: Uint8Array[] = [];
  #out: Buffer = Buffer.allocUnsafeSlow(gatherBytes);
  #outFrom = 0;
  #outBytes = 0;
  /** A frame that spans chunks. */
  #partial: Buffer | null = null;
  #partialBytes = 0;
  #head: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, onFrame: (body: Buffer) => void, onEnd: () => void) {
    this.socket = socket;
    this.#onFrame = onFrame;
    this.#onEnd = onEnd;
    socket.on('close', () => this.end());
  }

  start(): void {
    this.socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.socket.on('end', () => this.socket.destroy());
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
  }

  send(head: Uint8Array, tail: Uint8Array, isChecked: boolean): void {
    const isCopied = tail.length < lentBytesMin;
    const needed = frameHeaderBytes + head.length + (isCopied ? tail.length : 0);
    if (this.#outBytes + needed > this.#out.length) this.#next(needed);
    const out = this.#out;
    const at = this.#outBytes;
    const headEnd = at + frameHeaderBytes + head.length;
    out.writeUInt32BE(head.length + tail.length, at + 4);
    out.writeUInt32BE(head.length + (isChecked ? 0 : tail.length), at + 8);
    out.set(head, at + frameHeaderBytes);
    if (isCopied) out.set(tail, headEnd);
    const crc = crc32(out, at + 4, headEnd);
    out.writeUInt32BE(isChecked || tail.length === 0 ? crc : crc32(tail, 0, tail.length, crc), at);
    this.#outBytes += needed;
    if (isCopied) return;
    this.#endPart();
    this.#complete.push(tail);
  }

  flush(): void {
    this.#endPart();
    if (this.#complete.length === 0) return;
    const { socket } = this;
    this.saidAt = performance.now();
    socket.cork();
    for (const part of this.#complete) socket.write(part);
    socket.uncork();
    this.#complete = [];
    // The kernel took it all: the buffer is free again. Otherwise the socket keeps it.
    if (socket.writableLength > 0 || this.#out.length > gatherBytes) this.#out = Buffer.allocUnsafeSlow(gatherBytes);
    this.#outFrom = this.#outBytes = 0;
  }

  /** Starts another buffer: growing one would copy what is in it, again and again. */
  #next(needed: number): void {
    this.#endPart();
    this.#out = Buffer.allocUnsafeSlow(Math.max(gatherBytes, needed));
    this.#outFrom = this.#outBytes = 0;
  }

  #endPart(): void {
    if (this.#outBytes > this.#outFrom) this.#complete.push(this.#out.subarray(this.#outFrom, this.#outBytes));
    this.#outFrom = this.#outBytes;
  }

  #take(chunk: Buffer): void {
    this.heardAt = performance.now();
    let at = 0;
    if (this.#partial !== null) {
      at = this.#fill(this.#partial, chunk);
      if (this.#partial !== null || this.socket.destroyed) return;
    }
    let bytes = chunk;
    if (this.#head.length > 0) {
      bytes = Buffer.concat([this.#head, chunk.subarray(at)]);
      this.#head = Buffer.alloc(0);
      at = 0;
    }
    while (bytes.length - at >= frameHeaderBytes) {
      const length = bytes.readUInt32BE(at + 4);
      if (length > peerFrameBytesMax) {
        this.socket.destroy();
        return;
      }
      const end = at + frameHeaderBytes + length;
      if (end > bytes.length) {
        this.#partial = Buffer.allocUnsafeSlow(frameHeaderBytes + length);
        this.#partialBytes = bytes.copy(this.#partial, 0, at);
        return;
      }
      if (!this.#deliver(bytes, at, end)) return;
      at = end;
    }
    if (at < bytes.length) this.#head = Buffer.from(bytes.subarray(at));
  }

  #fill(partial: Buffer, chunk: Buffer): number {
    const taken = Math.min(chunk.length, partial.length - this.#partialBytes);
    chunk.copy(partial, this.#partialBytes, 0, taken);
    this.#partialBytes += taken;
    if (this.#partialBytes === partial.length) {
      this.#partial = null;
      this.#deliver(partial, 0, partial.length);
    }
    return taken;
  }

  #deliver(bytes: Buffer, at: number, end: number): boolean {
    const from = at + frameHeaderBytes;
    const covered = bytes.readUInt32BE(at + 8);
    // A frame before this one may have been reason enough to close the link.
    if (
      this.socket.destroyed ||
      covered > end - from ||
      bytes.readUInt32BE(at) !== crc32(bytes, at + 4, from + covered)
    ) {
      this.socket.destroy();
      return false;
    }
    if (end > from) this.#onFrame(bytes.subarray(from, end));
    return true;
  }
}
