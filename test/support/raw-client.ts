/**
 * A client of its own, for tests alone: it shares no code with the engine, so both can be wrong
 * only independently. It sends what it is told, valid or not, and keeps what comes back.
 */
import { connect, type Socket } from 'node:net';

export interface Reply {
  readonly xid: number;
  readonly zxid: bigint;
  readonly err: number;
  readonly body: Buffer;
}

export interface SessionInfo {
  readonly timeoutMs: number;
  readonly id: bigint;
  readonly password: Buffer;
  /** Bytes of the connect response. */
  readonly frame: Buffer;
}

export interface ConnectOptions {
  readonly timeoutMs?: number;
  readonly session?: { readonly id: bigint; readonly password: Buffer };
  readonly lastZxidSeen?: bigint;
  /** The trailing readOnly byte of clients since 3.4. Default true. */
  readonly readOnlyByte?: boolean;
  /** The client is content with a server that takes no writes. Default false. */
  readonly readOnly?: boolean;
}

/** Operation numbers that tests need. */
export const op = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getAcl: 6,
  setAcl: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  deleteContainer: 20,
  createTtl: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  closeSession: -11,
} as const;

export const openAcl = [{ perms: 31, scheme: 'world', id: 'anyone' }];

/** Builds a record field by field, big-endian. */
export class Record {
  readonly #parts: Buffer[] = [];

  int(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return this.raw(bytes);
  }

  long(value: bigint): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(value);
    return this.raw(bytes);
  }

  bool(value: boolean): this {
    return this.raw(Buffer.from([value ? 1 : 0]));
  }

  buffer(value: Uint8Array | string | null): this {
    if (value === null) return this.int(-1);
    const bytes = Buffer.from(value as Uint8Array);
    return this.int(bytes.length).raw(bytes);
  }

  acl(acl: readonly { perms: number; scheme: string; id: string }[]): this {
    this.int(acl.length);
    for (const { perms, scheme, id } of acl) this.int(perms).buffer(scheme).buffer(id);
    return this;
  }

  strings(values: readonly string[]): this {
    this.int(values.length);
    for (const value of values) this.buffer(value);
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#parts.push(Buffer.from(bytes));
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export class RawClient {
  readonly #socket: Socket;
  #input = Buffer.alloc(0);
  #session: ((info: SessionInfo | null) => void) | null = null;
  readonly #waiting: { xid: number; done: (reply: Reply | null) => void }[] = [];
  /** Watch events and replies in the order in which they came: `event 3 /a`, `reply 7`. */
  readonly log: string[] = [];
  /** The same, whole. */
  readonly received: Reply[] = [];
  readonly #watchers: (() => void)[] = [];
  #xid = 0;
  closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#end());
  }

  /** Opens a TCP connection and sends nothing. */
  static async open(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ port, host, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve());
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  /** Opens a connection and a session on it; rejects when the server hangs up or refuses the session. */
  static async connect(port: number, options: ConnectOptions = {}): Promise<RawClient & { info: SessionInfo }> {
    const client = await RawClient.open(port);
    const info = await client.handshake(options);
    if (info === null || info.timeoutMs <= 0) {
      client.destroy();
      throw new Error(info === null ? 'the server closed the connection' : 'session refused');
    }
    return Object.assign(client, { info });
  }

  /** Sends a connect request (or `payload` in its place); null when the server hangs up instead of answering. */
  handshake(options: ConnectOptions = {}, payload = connectRequest(options)): Promise<SessionInfo | null> {
    const answer = new Promise<SessionInfo | null>((resolve) => (this.#session = resolve));
    this.frame(payload);
    return answer;
  }

  /** Sends bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  frame(payload: Uint8Array): void {
    this.raw(new Record().int(payload.length).raw(payload).bytes());
  }

  /** Sends a request and resolves with its reply, or null when the connection ends first. */
  request(code: number, record: Record | Buffer = Buffer.alloc(0), xid = ++this.#xid): Promise<Reply | null> {
    const body = record instanceof Record ? record.bytes() : record;
    if (this.closed) return Promise.resolve(null);
    const reply = new Promise<Reply | null>((done) => this.#waiting.push({ xid, done }));
    this.frame(new Record().int(xid).int(code).raw(body).bytes());
    return reply;
  }

  create(path: string, data: string | null = '', flags = 0, acl = openAcl): Promise<Reply | null> {
    return this.request(op.create, new Record().buffer(path).buffer(data).acl(acl).int(flags));
  }

  set(path: string, data: string, version = -1): Promise<Reply | null> {
    return this.request(op.setData, new Record().buffer(path).buffer(data).int(version));
  }

  remove(path: string, version = -1): Promise<Reply | null> {
    return this.request(op.delete, new Record().buffer(path).int(version));
  }

  async get(path: string, watch = false): Promise<{ err: number; data: string | null; zxid: bigint } | null> {
    const reply = await this.request(op.getData, new Record().buffer(path).bool(watch));
    if (reply === null) return null;
    if (reply.err !== 0) return { err: reply.err, data: null, zxid: reply.zxid };
    const length = reply.body.readInt32BE(0);
    const data = length < 0 ? null : reply.body.toString('utf8', 4, 4 + length);
    return { err: 0, data, zxid: reply.zxid };
  }

  async children(path: string): Promise<string[]> {
    const reply = await this.request(op.getChildren, new Record().buffer(path).bool(false));
    if (reply === null || reply.err !== 0) throw new Error(`getChildren ${path}: ${reply?.err ?? 'closed'}`);
    return readStrings(reply.body).toSorted();
  }

  sync(path = '/'): Promise<Reply | null> {
    return this.request(op.sync, new Record().buffer(path));
  }

  ping(): Promise<Reply | null> {
    return this.request(op.ping, Buffer.alloc(0), -2);
  }

  /** Closes the session and waits for the server to hang up. */
  async close(): Promise<void> {
    await this.request(op.closeSession);
    await this.ended();
  }

  /** Drops the connection without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  ended(): Promise<void> {
    if (this.closed) return Promise.resolve();
    return new Promise((resolve) => this.#socket.once('close', () => resolve()));
  }

  /** Resolves once the log holds `line`. */
  async logged(line: string): Promise<void> {
    while (!this.log.includes(line)) {
      if (this.closed) throw new Error(`the connection closed before "${line}"; log: ${this.log.join(', ')}`);
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  /** Resolves once more than `count` replies and events have come; false when the connection ends before. */
  async arrived(count: number): Promise<boolean> {
    while (this.received.length <= count && !this.closed)
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    return this.received.length > count;
  }

  #take(chunk: Buffer): void {
    this.#input = Buffer.concat([this.#input, chunk]);
    while (this.#input.length >= 4) {
      const length = this.#input.readInt32BE(0);
      if (this.#input.length < 4 + length) return;
      const frame = this.#input.subarray(4, 4 + length);
      this.#input = this.#input.subarray(4 + length);
      if (this.#session === null) this.#reply(Buffer.from(frame));
      else this.#connected(Buffer.from(frame));
    }
  }

  #connected(frame: Buffer): void {
    const done = this.#session!;
    this.#session = null;
    done({
      timeoutMs: frame.readInt32BE(4),
      id: frame.readBigInt64BE(8),
      password: frame.subarray(20, 36),
      frame,
    });
  }

  #reply(frame: Buffer): void {
    const reply = {
      xid: frame.readInt32BE(0),
      zxid: frame.readBigInt64BE(4),
      err: frame.readInt32BE(12),
      body: frame.subarray(16),
    };
    this.received.push(reply);
    if (reply.xid === -1) {
      this.log.push(`event ${reply.body.readInt32BE(0)} ${reply.body.toString('utf8', 12)}`);
    } else {
      this.log.push(`reply ${reply.xid}`);
      const first = this.#waiting.shift();
      if (first?.xid !== reply.xid) throw new Error(`reply to ${reply.xid} while ${first?.xid ?? 'nothing'} was next`);
      first.done(reply);
    }
    for (const wake of this.#watchers.splice(0)) wake();
  }

  #end(): void {
    this.closed = true;
    this.#session?.(null);
    for (const { done } of this.#waiting.splice(0)) done(null);
    for (const wake of this.#watchers.splice(0)) wake();
  }
}

/** ConnectRequest: 45 bytes, or 44 without the trailing byte. */
export function connectRequest(options: ConnectOptions = {}): Buffer {
  const record = new Record()
    .int(0)
    .long(options.lastZxidSeen ?? 0n)
    .int(options.timeoutMs ?? 10_000)
    .long(options.session?.id ?? 0n)
    .buffer(options.session?.password ?? Buffer.alloc(16));
  if (options.readOnlyByte !== false) record.bool(options.readOnly === true);
  return record.bytes();
}

/** A vector<ustring> at the start of `body`. */
export function readStrings(body: Buffer): string[] {
  const values: string[] = [];
  let at = 4;
  for (let left = body.readInt32BE(0); left > 0; left--) {
    const length = body.readInt32BE(at);
    values.push(body.toString('utf8', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return values;
}

/** Sends a four-letter word and returns all that comes back. */
export async function fourLetterWord(port: number, word: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    socket.on('connect', () => socket.write(word));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}
