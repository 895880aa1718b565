/**
 * A client that writes without pause while servers die, and knows what must be true afterwards.
 *
 *   window of writes ─► any server     acknowledged: must be there
 *                                      lost with the connection: may be there, but whole and once
 *
 * Every loader writes below a node of its own, so what it may find there depends on nobody else.
 */
import assert from 'node:assert/strict';
import { op, openAcl, RawClient, Record, type Reply, type SessionInfo } from './raw-client.ts';
import { pause } from './until.ts';

const window = 24;
/** A window of writes at most this often, ms: enough to have some in flight always, not too many to verify. */
const windowMs = 100;
const pingMs = 1000;
const connectDeadlineMs = 15_000;
const flags = { ephemeral: 1, sequential: 2 } as const;

/** What became of the writes of one kind: acknowledged ones, and those nobody heard of again. */
interface Ledger {
  readonly acked: Map<number, string>;
  readonly unknown: Set<number>;
}

export class Loader {
  readonly root: string;
  readonly #ports: readonly number[];
  readonly #sequential: Ledger = { acked: new Map(), unknown: new Set() };
  readonly #multis: Ledger = { acked: new Map(), unknown: new Set() };
  readonly #random: () => number;
  #client: RawClient | null = null;
  #session: SessionInfo | null = null;
  #lastZxid = 0n;
  #written = 0;
  #ackedValue = 0;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  #pings: NodeJS.Timeout | null = null;
  /** Writes acknowledged so far. */
  acknowledged = 0;
  reconnects = 0;
  /** Sessions that expired under way: nobody may hold their ephemerals any more. */
  expired = 0;

  constructor(name: string, ports: readonly number[], random: () => number) {
    this.root = `/${name}`;
    this.#ports = ports;
    this.#random = random;
  }

  /** Makes the nodes it writes below, and begins. */
  async start(): Promise<void> {
    const client = await this.#connected();
    for (const path of [this.root, `${this.root}/seq`, `${this.root}/multi`, `${this.root}/value`])
      assert.equal((await client.create(path, '0'))?.err, 0, path);
    await this.#hold(client);
    this.#running = this.#run();
  }

  /** Ends the writing; the session is kept alive until `close` or `abandon`. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    const client = await this.#connected();
    this.#pings = setInterval(() => void client.ping(), pingMs);
  }

  async close(): Promise<void> {
    clearInterval(this.#pings!);
    await this.#client!.close();
  }

  abandon(): void {
    clearInterval(this.#pings!);
    this.#client!.destroy();
  }

  async #run(): Promise<void> {
    const busy = new Set<Promise<void>>();
    for (let index = 1; !this.#stopped; index++) {
      const client = await this.#connected();
      const write = this.#write(client, index).then(() => void busy.delete(write));
      busy.add(write);
      if (index % window === 0) await pause(windowMs);
      if (busy.size >= window) await Promise.race(busy);
    }
    await Promise.all(busy);
  }

  #write(client: RawClient, index: number): Promise<void> {
    switch (index % 3) {
      case 0:
        return this.#set(client);
      case 1:
        return this.#createSequential(client, index);
      default:
        return this.#multi(client, index);
    }
  }

  async #set(client: RawClient): Promise<void> {
    const value = ++this.#written;
    const reply = await client.set(`${this.root}/value`, String(value));
    if (this.#isAcked(reply)) this.#ackedValue = Math.max(this.#ackedValue, value);
  }

  async #createSequential(client: RawClient, index: number): Promise<void> {
    const reply = await client.create(`${this.root}/seq/n-`, String(index), flags.sequential);
    if (!this.#isAcked(reply)) this.#sequential.unknown.add(index);
    else this.#sequential.acked.set(index, reply.body.toString('utf8', 4, 4 + reply.body.readInt32BE(0)));
  }

  /** Two nodes at once: both or none. */
  async #multi(client: RawClient, index: number): Promise<void> {
    const record = new Record();
    for (const half of ['a', 'b'])
      record
        .int(op.create)
        .bool(false)
        .int(-1)
        .buffer(`${this.root}/multi/${index}-${half}`)
        .buffer(String(index))
        .acl(openAcl)
        .int(0);
    const reply = await client.request(op.multi, record.int(-1).bool(true).int(-1));
    if (this.#isAcked(reply)) this.#multis.acked.set(index, '');
    else this.#multis.unknown.add(index);
  }

  #isAcked(reply: Reply | null): reply is Reply {
    if (reply === null) return false;
    // A session that expired while its request was under way; every other refusal would be a bug.
    if (reply.err === -112) return false;
    assert.equal(reply.err, 0, `a write of ${this.root} was refused`);
    if (reply.zxid > this.#lastZxid) this.#lastZxid = reply.zxid;
    this.acknowledged++;
    return true;
  }

  /** The present connection, or the next one that a server accepts, with the same session while it lives. */
  async #connected(): Promise<RawClient> {
    if (this.#client !== null && !this.#client.closed) return this.#client;
    if (this.#client !== null) this.reconnects++;
    const end = performance.now() + connectDeadlineMs;
    while (performance.now() < end) {
      const port = this.#ports[Math.floor(this.#random() * this.#ports.length)]!;
      const client = await this.#tryConnect(port);
      if (client !== null) return (this.#client = client);
      await pause(20);
    }
    throw new Error(`${this.root} found no server within ${connectDeadlineMs} ms`);
  }

  async #tryConnect(port: number): Promise<RawClient | null> {
    let client: RawClient;
    try {
      client = await RawClient.open(port);
    } catch (error) {
      // Nobody listens, or whoever did was killed with the connection in its queue.
      assert.match((error as NodeJS.ErrnoException).code ?? String(error), /^ECONN(REFUSED|RESET)$/);
      return null;
    }
    const info = await client.handshake({
      timeoutMs: 8000,
      lastZxidSeen: this.#lastZxid,
      ...(this.#session === null ? {} : { session: this.#session }),
    });
    if (info === null) return null;
    if (info.timeoutMs > 0) {
      this.#session = info;
      return client;
    }
    this.#session = null;
    this.expired++;
    return null;
  }

  async #hold(client: RawClient): Promise<void> {
    assert.equal((await client.create(`${this.root}-alive`, '', flags.ephemeral))?.err, 0);
  }

  /** Compares what `reader`'s server holds with what was acknowledged. */
  async verify(reader: RawClient): Promise<void> {
    const value = Number((await reader.get(`${this.root}/value`))?.data);
    assert.ok(value >= this.#ackedValue, `value ${value} of ${this.root}, but ${this.#ackedValue} was acknowledged`);
    assert.ok(value <= this.#written, `value ${value} of ${this.root} was never written`);
    await this.#verifySequential(reader);
    await this.#verifyMultis(reader);
  }

  async #verifySequential(reader: RawClient): Promise<void> {
    const { acked, unknown } = this.#sequential;
    const names = await reader.children(`${this.root}/seq`);
    const byIndex = new Map<number, string>();
    const nodes = await Promise.all(names.map((name) => reader.get(`${this.root}/seq/${name}`)));
    for (const [at, node] of nodes.entries()) {
      const index = Number(node?.data);
      assert.ok(!byIndex.has(index), `request ${index} of ${this.root} was carried out twice`);
      byIndex.set(index, `${this.root}/seq/${names[at]}`);
      assert.ok(acked.has(index) || unknown.has(index), `request ${index} of ${this.root} was never made`);
    }
    assert.equal(new Set(acked.values()).size, acked.size, `a sequential name of ${this.root} was given out twice`);
    for (const [index, path] of acked) assert.equal(byIndex.get(index), path, `request ${index} was acknowledged`);
  }

  async #verifyMultis(reader: RawClient): Promise<void> {
    const { acked, unknown } = this.#multis;
    const names = new Set(await reader.children(`${this.root}/multi`));
    for (const name of names) {
      const [index, half] = name.split('-');
      assert.ok(names.has(`${index}-${half === 'a' ? 'b' : 'a'}`), `${this.root}/multi/${name} is only half there`);
      assert.ok(acked.has(Number(index)) || unknown.has(Number(index)), `${name} was never made`);
    }
    for (const index of acked.keys()) assert.ok(names.has(`${index}-a`), `multi ${index} was acknowledged`);
  }
}

/** Every node below `/` with data and stat, one line each: equal on servers that agree. */
export async function dump(reader: RawClient): Promise<string[]> {
  const lines: string[] = [];
  let level = ['/'];
  while (level.length > 0) {
    const replies = await Promise.all(
      level.map(async (path) => ({
        path,
        data: await reader.request(op.getData, new Record().buffer(path).bool(false)),
        names: await reader.children(path),
      })),
    );
    level = [];
    for (const { path, data, names } of replies) {
      lines.push(`${path} ${data?.err} ${data?.body.toString('hex')}`);
      for (const name of names) level.push(path === '/' ? `/${name}` : `${path}/${name}`);
    }
  }
  return lines;
}
