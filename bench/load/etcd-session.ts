/**
 * The same load on etcd v3: unary gRPC calls over one HTTP/2 connection, written and read by hand.
 *
 *   HEADERS (always the same bytes) · DATA { 0, u32 length, protobuf } …      one stream per operation
 *
 * A general client would cost more than etcd does. Headers are sent without the dynamic table and those
 * of answers are skipped: an answer with a message is a success, one without is not. Reads are
 * serializable, as a ZooKeeper server's are.
 */
import { Buffer } from 'node:buffer';
import { get32, put32, putDigits, type Arena } from './arena.ts';
import type { Load } from './load.ts';
import { payload } from './payload.ts';
import { Session } from './session.ts';
import type { OpKind } from './workload.ts';
import { keyPath, sessionPath } from './zookeeper-frames.ts';

const frameType = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const flag = { ack: 1, endStream: 1, endHeaders: 4 } as const;
const windowMax = 2 ** 31 - 1;
const windowInitial = 65_535;
/** No peer has to take a longer frame. */
const frameBytesMax = 16_384;
/** Of no frame more is looked at than its head and this much. */
const controlBytes = 64;
/** In `errors` of the result. */
const failed = -1;

interface Call {
  readonly headers: Buffer;
  /** In parts that fit in a frame; the key is in the first. */
  readonly message: readonly Buffer[];
  readonly bytes: number;
  readonly digitsAt: number;
  readonly digits: number;
}

export class EtcdSession extends Session {
  protected readonly headBytes = 9;
  readonly #calls: Partial<Record<OpKind, Call>>;
  /** Bytes of messages that the peer takes over all streams. */
  #sendWindow = windowInitial;
  #received = 0;
  readonly #answered = new Set<number>();
  readonly #largest: number;

  constructor(load: Load, index: number) {
    super(load, index);
    const { host, port } = load.spec.hosts[0]!;
    const value = payload(load.spec.workload.bytes);
    const own = `${sessionPath(load.spec.run, load.spec.firstSession + index)}/n${'0'.repeat(10)}`;
    const call = (method: string, request: Buffer, path: string, digits: number): Call => {
      const message = grpcMessage(request);
      return {
        headers: headersBlock(`/etcdserverpb.KV/${method}`, `${host}:${port}`),
        message: inParts(message),
        bytes: message.length,
        digitsAt: message.indexOf(path) + path.length - digits,
        digits,
      };
    };
    this.#calls = {
      set: call('Put', putRequest(keyPath(0), value), keyPath(0), 7),
      get: call('Range', Buffer.concat([field(1, keyPath(0)), Buffer.from([0x38, 1])]), keyPath(0), 7),
      create: call('Put', putRequest(own, value), own, 10),
      delete: call('DeleteRange', field(1, own), own, 10),
    };
    this.#largest = Math.max(...Object.values(this.#calls).map(({ bytes }) => bytes));
  }

  override get hasRoom(): boolean {
    return super.hasRoom && this.#sendWindow >= this.#largest;
  }

  protected greet(): void {
    this.#sendWindow = windowInitial;
    this.#received = 0;
    this.#answered.clear();
    const { arena } = this.load;
    arena.template(preface);
    frameHead(arena, 12, frameType.settings, 0, 0);
    arena.template(settings);
    windowUpdate(arena, windowMax - windowInitial);
    this.opened();
  }

  protected encode(sequence: number): void {
    const call = this.#calls[this.operation.kind];
    if (call === undefined) throw new Error(`etcd has no ${this.operation.kind}: use set, get, create or delete.`);
    const { arena } = this.load;
    const { headers, message, bytes, digitsAt, digits } = call;
    const stream = sequence * 2 - 1;
    frameHead(arena, headers.length, frameType.headers, flag.endHeaders, stream);
    arena.template(headers);
    const { kind, key, serial } = this.operation;
    for (let n = 0; n < message.length; n++) {
      const part = message[n]!;
      frameHead(arena, part.length, frameType.data, n === message.length - 1 ? flag.endStream : 0, stream);
      const at = arena.template(part);
      if (n === 0) putDigits(arena.bytes, at + digitsAt, kind === 'set' || kind === 'get' ? key : serial, digits);
    }
    this.#sendWindow -= bytes;
  }

  ping(): void {
    frameHead(this.load.arena, 8, frameType.ping, 0, 0);
    this.load.arena.template(new Uint8Array(8));
  }

  protected farewell(): void {}

  protected size(b: Uint8Array, at: number): number {
    return 9 + ((b[at]! << 16) | (b[at + 1]! << 8) | b[at + 2]!);
  }

  protected look(b: Uint8Array, at: number): number {
    const type = b[at + 3]!;
    if (type === frameType.data || type === frameType.headers) return 9;
    return Math.min(this.size(b, at), 9 + controlBytes);
  }

  protected frame(b: Buffer, at: number): boolean {
    const length = this.size(b, at) - 9;
    const type = b[at + 3]!;
    const flags = b[at + 4]!;
    const stream = get32(b, at + 5);
    const { arena } = this.load;
    switch (type) {
      case frameType.data:
        this.#received += length;
        if (length > 5) this.#answered.add(stream);
        if (this.#received > windowMax / 4) {
          windowUpdate(arena, this.#received);
          this.#received = 0;
        }
        return true;
      case frameType.headers:
        if ((flags & flag.endStream) !== 0)
          this.completed((stream + 1) / 2, this.#answered.delete(stream) ? 0 : failed);
        return true;
      case frameType.reset:
        this.#answered.delete(stream);
        this.completed((stream + 1) / 2, failed);
        return true;
      case frameType.settings:
        if ((flags & flag.ack) === 0) frameHead(arena, 0, frameType.settings, flag.ack, 0);
        return true;
      case frameType.ping:
        if ((flags & flag.ack) !== 0) return true;
        frameHead(arena, 8, frameType.ping, flag.ack, 0);
        arena.template(b.subarray(at + 9, at + 17));
        return true;
      case frameType.windowUpdate:
        if (stream === 0) this.#sendWindow += get32(b, at + 9);
        return true;
      case frameType.goAway:
        return false;
      default:
        return true;
    }
  }
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** No dynamic table for headers; a window as large as may be. */
const settings = Buffer.from([0, 1, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff]);

function frameHead(arena: Arena, length: number, type: number, flags: number, stream: number): void {
  arena.need(9);
  const { bytes, at } = arena;
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  put32(bytes, at + 5, stream);
  arena.at += 9;
}

function windowUpdate(arena: Arena, increment: number): void {
  frameHead(arena, 4, frameType.windowUpdate, 0, 0);
  arena.i32(increment);
}

/** HPACK without the dynamic table and without Huffman: RFC 7541, 6.2.2. */
function headersBlock(path: string, authority: string): Buffer {
  const text = (value: string): Buffer => Buffer.from([value.length, ...Buffer.from(value, 'latin1')]);
  return Buffer.concat([
    Buffer.from([0x83, 0x86, 0x04]), // :method POST, :scheme http, :path
    text(path),
    Buffer.from([0x01]), // :authority
    text(authority),
    Buffer.from([0x0f, 0x10]), // content-type
    text('application/grpc'),
    Buffer.from([0x00]),
    text('te'),
    text('trailers'),
  ]);
}

function grpcMessage(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function inParts(message: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += frameBytesMax) parts.push(message.subarray(at, at + frameBytesMax));
  return parts;
}

function putRequest(key: string, value: Buffer): Buffer {
  return Buffer.concat([field(1, key), field(2, value)]);
}

/** A protobuf field of bytes. */
function field(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}
