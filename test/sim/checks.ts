/** All checkers of a run, and the truth they share. */
import { crc32 } from '../../engine/io/crc32.ts';
import { decodeMessage } from '../../engine/peer/frames.ts';
import type { TxnCursor } from '../../engine/txn/batch.ts';
import { Acknowledged } from './checkers/acknowledged.ts';
import type { Checker, Truth } from './checkers/checker.ts';
import { Ensembles, Leaders } from './checkers/leaders.ts';
import { Machines } from './checkers/machines.ts';
import { Memory } from './checkers/memory.ts';
import { Announced, Durable, Promises } from './checkers/quorums.ts';
import { Linearizable, Names, Reads } from './checkers/reads.ts';
import { Sequence } from './checkers/sequence.ts';
import { Expiry, Fifo, Monotonic, Order } from './checkers/sessions.ts';
import { Trees } from './checkers/trees.ts';
import { WatchEvents } from './checkers/watches.ts';
import type { SimClient } from './client.ts';
import { Model, type Txn } from './model.ts';
import type { SimOptions } from './options.ts';
import type { SimServer } from './process.ts';
import { isWrite, type Reply, type Request } from './workload.ts';
import { Violation, type World } from './world.ts';

export class Checks implements Truth {
  readonly world: World;
  readonly model = new Model();
  readonly txns: Txn[] = [];
  readonly sequence: Sequence;
  readonly leaders: Leaders;
  readonly acknowledged: Acknowledged;
  readonly fifo: Fifo;
  readonly watches: WatchEvents;
  readonly machines: Machines;
  readonly all: readonly Checker[];
  readonly #byZxid = new Map<number, Txn>();
  /** Told of each successful write. */
  readonly onWrite: ((client: SimClient) => void)[] = [];

  constructor(world: World, { servers, clockDrift }: SimOptions) {
    this.world = world;
    this.sequence = new Sequence(this, (txn) => this.#committed(txn));
    this.leaders = new Leaders(this);
    this.acknowledged = new Acknowledged(this);
    this.fifo = new Fifo(this);
    this.watches = new WatchEvents(this);
    this.machines = new Machines(this);
    this.all = [
      this.sequence,
      this.leaders,
      new Ensembles(this),
      new Promises(this, servers),
      new Announced(this),
      new Durable(this, servers),
      this.acknowledged,
      new Trees(this),
      this.fifo,
      new Order(this),
      new Monotonic(this),
      new Reads(this),
      new Linearizable(this),
      new Names(this),
      this.watches,
      new Expiry(this, clockDrift),
      this.machines,
      new Memory(this),
    ];
  }

  txnAt(zxid: number): Txn | null {
    return this.#byZxid.get(zxid) ?? null;
  }

  #committed(txn: Txn): void {
    this.txns.push(txn);
    this.#byZxid.set(txn.zxid, txn);
    this.model.apply(txn);
    this.world.trace('committed', txn.type, txn.zxid, txn.session);
    for (const checker of this.all) checker.committed(txn);
  }

  applied(server: SimServer, txn: TxnCursor): void {
    for (const checker of this.all) checker.applied(server, txn);
  }

  turn(server: SimServer): void {
    for (const checker of this.all) checker.turn(server);
  }

  said(from: SimServer, to: SimServer, frame: Buffer): void {
    const message = decodeMessage(frame, crc32);
    if (message === null) throw new Violation('frames', `server ${from.id} sends what nobody can read`);
    for (const checker of this.all) checker.said(from, to, message);
  }

  stopping(server: SimServer): void {
    this.world.trace(`s${server.id} is down`);
    for (const checker of this.all) checker.stopping(server);
  }

  lost(server: SimServer): void {
    for (const checker of this.all) checker.lost(server);
  }

  treeReplaced(server: SimServer, zxid: number): void {
    for (const checker of this.all) checker.treeReplaced(server, zxid);
  }

  connected(client: SimClient): void {
    this.world.trace(`c${client.id} connected`, client.server!.id, client.session);
  }

  disconnected(client: SimClient, pending: readonly Request[]): void {
    this.world.trace(`c${client.id} disconnected`, pending.length);
    for (const checker of this.all) checker.disconnected(client, pending);
  }

  expired(client: SimClient, session: number): void {
    this.world.trace(`c${client.id} expired`, 0, session);
    for (const checker of this.all) checker.expired(client, session);
  }

  sent(client: SimClient, request: Request): void {
    for (const checker of this.all) checker.sent(client, request);
  }

  heard(client: SimClient, zxid: number): void {
    for (const checker of this.all) checker.heard(client, zxid);
  }

  replied(client: SimClient, request: Request | undefined, reply: Reply): void {
    this.world.trace(`c${client.id} reply ${request?.kind ?? ''}`, reply.xid, reply.zxid, reply.error);
    const body = reply.reader.at;
    for (const checker of this.all) {
      reply.reader.at = body;
      checker.replied(client, request, reply);
    }
    reply.reader.at = body;
    if (request !== undefined && isWrite(request.kind)) for (const listener of this.onWrite) listener(client);
  }

  event(client: SimClient, type: number, path: string): void {
    this.world.trace(`c${client.id} event ${path}`, type);
    for (const checker of this.all) checker.event(client, type, path);
  }

  rewatched(client: SimClient): void {
    for (const checker of this.all) checker.rewatched(client);
  }

  watchesSet(client: SimClient, zxid: number): void {
    for (const checker of this.all) checker.watchesSet(client, zxid);
  }

  ended(core: readonly SimServer[]): void {
    for (const checker of this.all) checker.ended(core);
  }
}
