/**
 * The other end of a client, in memory and by script: it answers what the test says, when it says so.
 *
 *   const fake = new FakeServers();
 *   const client = new Client('a:1,b:2', { connector: fake.connector });
 *   const connection = await fake.accepted();            the client has connected
 *   await connection.greet();                            gives it a session
 *   const { xid } = await connection.request();          what it sends
 *   connection.reply(xid, 0, new Record().…);
 */
import type { Connector, TransportEvents } from '../../engine/client/index.ts';
import { Record } from './raw-client.ts';

/** What does not come by then does not come, ms. */
const patienceMs = 8000;

export interface Asked {
  readonly xid: number;
  readonly op: number;
  readonly body: Buffer;
}

export interface Greeting {
  readonly timeoutMs?: number;
  readonly id?: bigint;
  readonly readOnly?: boolean;
}

export class FakeServers {
  readonly connections: FakeConnection[] = [];
  /** Ports where nobody listens. */
  readonly down = new Set<number>();
  readonly #queue = new Queue<FakeConnection>();

  readonly connector: Connector = ({ port }, events) => {
    const connection = new FakeConnection(port, events);
    queueMicrotask(() => {
      if (this.down.has(port)) {
        connection.drop(new Error(`nobody at ${port}`));
      } else if (!connection.isOver) {
        this.connections.push(connection);
        events.opened();
        this.#queue.push(connection);
      }
    });
    return { write: (bytes) => connection.take(Buffer.from(bytes)), close: () => connection.left() };
  };

  accepted(): Promise<FakeConnection> {
    return this.#queue.shift('connection');
  }
}

export class FakeConnection {
  readonly port: number;
  /** As they came, one per turn of the client. */
  readonly writes: Buffer[] = [];
  isOver = false;
  readonly ended: Promise<void>;
  #end: () => void = () => {};
  readonly #events: TransportEvents;
  readonly #frames = new Queue<Buffer>();
  #input = Buffer.alloc(0);

  constructor(port: number, events: TransportEvents) {
    this.port = port;
    this.#events = events;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  take(bytes: Buffer): void {
    this.writes.push(bytes);
    this.#input = Buffer.concat([this.#input, bytes]);
    while (this.#input.length >= 4) {
      const length = this.#input.readInt32BE(0);
      if (this.#input.length < 4 + length) return;
      this.#frames.push(this.#input.subarray(4, 4 + length));
      this.#input = this.#input.subarray(4 + length);
    }
  }

  /** The client hung up. */
  left(): void {
    this.isOver = true;
    this.#end();
  }

  frame(): Promise<Buffer> {
    return this.#frames.shift('frame');
  }

  /** Answers the handshake, and returns what the client asked for. */
  async greet({ timeoutMs = 10_000, id = 0x1234n, readOnly = false }: Greeting = {}): Promise<Buffer> {
    const frame = await this.frame();
    this.send(new Record().int(0).int(timeoutMs).long(id).buffer(Buffer.alloc(16, 7)).bool(readOnly));
    return frame;
  }

  /** The next request that is no ping. */
  async request(): Promise<Asked> {
    for (const end = performance.now() + patienceMs; performance.now() < end;) {
      const asked = await this.any();
      if (asked.xid !== -2) return asked;
    }
    throw new Error('no request came, only pings');
  }

  async any(): Promise<Asked> {
    const frame = await this.frame();
    return { xid: frame.readInt32BE(0), op: frame.readInt32BE(4), body: frame.subarray(8) };
  }

  reply(xid: number, err = 0, body = new Record(), zxid = 1n): void {
    this.send(new Record().int(xid).long(zxid).int(err).raw(body.bytes()));
  }

  event(type: number, path: string): void {
    this.reply(-1, 0, new Record().int(type).int(3).buffer(path), -1n);
  }

  send(record: Record): void {
    this.raw(new Record().buffer(record.bytes()).bytes());
  }

  raw(bytes: Buffer): void {
    if (!this.isOver) this.#events.received(bytes);
  }

  /** The connection breaks. */
  drop(reason: Error | null = null): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#end();
    this.#events.closed(reason);
  }
}

/** Stat as the fake sends it when nobody looks. */
export function stat(version = 0): Record {
  const record = new Record().long(1n).long(1n).long(0n).long(0n).int(version).int(0).int(0).long(0n);
  return record.int(0).int(0).long(1n);
}

class Queue<T> {
  readonly #items: T[] = [];
  readonly #waiting: ((item: T) => void)[] = [];

  push(item: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#items.push(item);
    else waiting(item);
  }

  async shift(what: string): Promise<T> {
    const item = this.#items.shift();
    if (item !== undefined) return item;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no ${what} came`)), patienceMs).unref();
    });
    try {
      return await Promise.race([new Promise<T>((resolve) => this.#waiting.push(resolve)), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
