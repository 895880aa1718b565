/**
 * A handful of Zab cores with nothing real around them: their links are queues, their disks are
 * lists, their clock is a number. Whoever holds the world decides what happens next.
 *
 *   step(input) ─► core ─► writes → pending ── sync() ──► disk        a crash leaves only the disk
 *                       └► sends  → queue a>b ── deliver() ──► step   a cut drops what is on the way
 *
 * A link's end and its return wait in the queues like messages, so the two sides see them at
 * different times, in order, and never a message of an earlier connection. To lose on a cut what is
 * on the way is no restriction: to deliver it first is another schedule.
 */
import { Buffer } from 'node:buffer';
import { counterSpan } from '../../engine/base/zxid.ts';
import { Effects, type HardState, type Input, type Write } from '../../engine/consensus/core.ts';
import type { Message } from '../../engine/consensus/zab/messages.ts';
import type { ZabOptions } from '../../engine/consensus/zab/self.ts';
import { Zab } from '../../engine/consensus/zab/zab.ts';
import type { Batch } from '../../engine/txn/batch.ts';

export interface Disk {
  readonly state: HardState;
  readonly snapshot: number;
  /** Position before the first batch of the log. */
  readonly start: number;
  readonly log: readonly Batch[];
  readonly committed: number;
}

/** On its way to a server: a message, or news of the link with the number of the connection. */
export type Item = Message | { readonly kind: 'up' | 'down'; readonly connection: number };

/** News of the link, not a message. */
export function isNews(item: Item | undefined): boolean {
  return item?.kind === 'up' || item?.kind === 'down';
}

export interface Box {
  readonly id: number;
  core: Zab | null;
  disk: Disk;
  pending: readonly { readonly ticket: number; readonly write: Write }[];
  /** A snapshot that is being received. */
  installing: { readonly from: number; readonly zxid: number } | null;
  now: number;
}

export const emptyDisk: Disk = {
  state: { acceptedEpoch: 0, currentEpoch: 0, ensembleId: 0 },
  snapshot: 0,
  start: 0,
  log: [],
  committed: 0,
};

export const zxid = (epoch: number, counter: number): number => epoch * counterSpan + counter;
export const endOf = (disk: Disk): number => disk.log.at(-1)?.last ?? disk.start;

/** A batch of one txn; `label` tells batches apart that claim the same zxid. */
export function batchOf(prev: number, first: number, label: number, size = 10, count = 1): Batch {
  return { prev, first, last: first + count - 1, count, time: label, bytes: Buffer.alloc(size) };
}

const bytesOfSnapshot = 100;

export const defaultOptions: Omit<ZabOptions, 'id' | 'voters'> = {
  electionWaitMs: 200,
  syncTimeoutMs: 30_000,
  peerTimeoutMs: 15_000,
  heartbeatMs: 500,
  batchesInFlightMax: 16,
  bytesInFlightMax: 1 << 20,
  historyBytesMax: 0,
  newEnsembleId: 7,
};

export class World {
  readonly options: Omit<ZabOptions, 'id'>;
  readonly boxes = new Map<number, Box>();
  /** What is under way from a to b, under `a>b`. */
  readonly queues = new Map<string, readonly Item[]>();
  /** Number of the present connection of a pair, 0: none; and the one that each side believes in, under `a>b`. */
  readonly connections = new Map<string, number>();
  readonly believed = new Map<string, number>();
  lastConnection = 0;
  lastLabel = 0;
  /** Protocol errors that a core reported. */
  readonly resets: string[] = [];
  /** Told of everything that happens, in words. */
  onEvent: ((server: number, what: string, detail?: unknown) => void) | null = null;
  protected readonly effects = new Effects<Message>();

  constructor(options: Partial<Omit<ZabOptions, 'id'>> & { readonly voters: readonly number[] }) {
    this.options = { ...defaultOptions, ...options };
  }

  get ids(): number[] {
    return [...this.boxes.keys()];
  }

  add(id: number, disk: Disk = emptyDisk): void {
    this.boxes.set(id, { id, core: null, disk, pending: [], installing: null, now: 0 });
  }

  /** The box of a server that is about to change. */
  box(id: number): Box {
    return this.boxes.get(id)!;
  }

  core(id: number): Zab {
    return this.boxes.get(id)!.core!;
  }

  queue(from: number, to: number): readonly Item[] {
    return this.queues.get(`${from}>${to}`) ?? [];
  }

  // ---- servers -----------------------------------------------------------------------------------

  /** Starts a server from what its disk holds; links are another matter. */
  start(id: number): void {
    const box = this.box(id);
    const { disk } = box;
    const isReplaced = disk.snapshot > endOf(disk);
    if (isReplaced) box.disk = { ...disk, start: disk.snapshot, log: [] };
    const lastZxid = endOf(box.disk);
    const committed = Math.min(Math.max(disk.committed, disk.snapshot), lastZxid);
    box.core = new Zab({ ...this.options, id }, { state: box.disk.state, lastZxid, committed });
    this.step(id, { kind: 'tick', now: box.now });
  }

  /** Only what was durable survives. */
  crash(id: number): void {
    const box = this.box(id);
    box.core = null;
    box.pending = [];
    box.installing = null;
    for (const peer of this.ids) {
      if (peer === id) continue;
      this.cut(id, peer);
      this.queues.delete(`${peer}>${id}`);
      this.believed.delete(`${id}>${peer}`);
    }
  }

  step(id: number, input: Input<Message>): void {
    const { core } = this.box(id);
    if (core === null) return;
    core.step(input, this.effects);
    this.carryOut(id);
    core.step({ kind: 'turnEnd' }, this.effects);
    this.carryOut(id);
  }

  tick(id: number, ms: number): void {
    const box = this.box(id);
    box.now += ms;
    this.step(id, { kind: 'tick', now: box.now });
  }

  /** The leader proposes one batch. */
  propose(id: number, size = 10, count = 1): Batch {
    const core = this.box(id).core!;
    const batch = batchOf(core.lastLogged, core.nextZxid, ++this.lastLabel, size, count);
    this.step(id, { kind: 'propose', batch });
    return batch;
  }

  // ---- disks -------------------------------------------------------------------------------------

  /** The oldest pending write becomes durable and the core hears of it. */
  sync(id: number): void {
    const box = this.box(id);
    const [first, ...rest] = box.pending;
    if (first === undefined) throw new Error(`server ${id} has nothing to write`);
    box.pending = rest;
    box.disk = this.written(box, first.write);
    this.onEvent?.(id, 'durable', first.write);
    this.step(id, { kind: 'synced', ticket: first.ticket });
  }

  protected written({ disk }: Box, write: Write): Disk {
    switch (write.kind) {
      case 'append':
        return { ...disk, log: [...disk.log, write.batch], committed: Math.max(disk.committed, write.committed) };
      case 'state':
        return { ...disk, state: write.state };
      case 'truncate':
        return { ...disk, log: disk.log.filter((batch) => batch.last <= write.last) };
      default:
        return { ...disk, start: write.zxid, log: [] };
    }
  }

  /** Takes a snapshot of what is committed and forgets the log before it, on disk and in memory. */
  compact(id: number): void {
    const box = this.box(id);
    const at = box.core!.committed;
    box.disk = { ...box.disk, snapshot: at, start: at, log: box.disk.log.filter((batch) => batch.last > at) };
    box.core!.history.trim(at);
  }

  /** The snapshot that a learner receives has arrived and is installed. */
  install(id: number): void {
    const box = this.box(id);
    const { from, zxid: at } = box.installing!;
    box.installing = null;
    box.disk = { ...box.disk, snapshot: at, committed: Math.max(box.disk.committed, at) };
    const { epoch } = box.core!;
    this.step(id, { kind: 'installed', zxid: at });
    this.send(id, from, { kind: 'snapshotAck', epoch, offset: bytesOfSnapshot });
  }

  // ---- links -------------------------------------------------------------------------------------

  connect(a: number, b: number): void {
    const connection = ++this.lastConnection;
    this.connections.set(pair(a, b), connection);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      this.queues.set(`${from}>${to}`, [...this.queue(from, to), { kind: 'up', connection }]);
    }
  }

  isConnected(a: number, b: number): boolean {
    return (this.connections.get(pair(a, b)) ?? 0) > 0;
  }

  cut(a: number, b: number): void {
    if (!this.isConnected(a, b)) return;
    this.connections.set(pair(a, b), 0);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      // Of what is under way only news of the link survives.
      const news = this.queue(from, to).filter(isNews);
      const last = news.at(-1);
      // A connection that this side never heard of leaves no trace.
      const next = last?.kind === 'up' ? news.slice(0, -1) : [...news, { kind: 'down' as const, connection: 0 }];
      this.queues.set(`${from}>${to}`, next);
    }
  }

  deliver(from: number, to: number): void {
    const [item, ...rest] = this.queue(from, to);
    this.queues.set(`${from}>${to}`, rest);
    if (this.box(to).core === null) return;
    this.onEvent?.(to, 'got', { from, item });
    if (item!.kind === 'up' || item!.kind === 'down') {
      this.believed.set(`${to}>${from}`, item!.kind === 'up' ? item!.connection : 0);
      this.step(to, { kind: 'link', peer: from, up: item!.kind === 'up' });
      return;
    }
    this.step(to, { kind: 'message', from, message: item as Message });
    // As in engine/server: the last chunk's acknowledgement means that the snapshot is installed.
    if (item!.kind === 'snapshotAck') this.step(to, { kind: 'snapshotSent', to: from });
    if (item!.kind === 'ping' && this.core(to).leader === from && this.core(to).epoch === item!.epoch) {
      this.send(to, from, { kind: 'pong', epoch: item!.epoch, touched: [] });
    }
  }

  protected send(from: number, to: number, message: Message): void {
    const connection = this.connections.get(pair(from, to)) ?? 0;
    if (connection === 0 || this.believed.get(`${from}>${to}`) !== connection) return;
    this.queues.set(`${from}>${to}`, [...this.queue(from, to), message]);
  }

  // ---- effects -----------------------------------------------------------------------------------

  protected carryOut(id: number): void {
    const { effects } = this;
    const box = this.box(id);
    this.onEvent?.(id, 'stepped');
    if (effects.writes.length > 0) {
      for (const { write } of effects.writes) this.onEvent?.(id, 'writes', write);
      box.pending = [...box.pending, ...effects.writes];
    }
    for (const { to, message } of effects.sends) {
      this.onEvent?.(id, 'sends', { to, message });
      this.send(id, to, message);
    }
    const transfers = [...effects.transfers];
    const resets = [...effects.resets];
    effects.clear();
    for (const { peer, reason } of resets) {
      this.onEvent?.(id, 'resets', { peer, reason });
      this.resets.push(`${id} resets ${peer}: ${reason}`);
      this.cut(id, peer);
    }
    for (const transfer of transfers) {
      switch (transfer.kind) {
        case 'readHistory': {
          const { log, start } = box.disk;
          const floor = Math.max(start, ...log.map(({ last }) => last).filter((last) => last <= transfer.after));
          const batches = log.filter(({ last }) => last > transfer.after);
          const known = transfer.after >= start;
          this.onEvent?.(id, 'reads', transfer);
          this.step(id, {
            kind: 'history',
            token: transfer.token,
            floor: known ? floor : -1,
            batches: known ? batches : [],
          });
          break;
        }
        case 'sendSnapshot':
          this.onEvent?.(id, 'opens', transfer);
          this.step(id, {
            kind: 'snapshotOpened',
            to: transfer.to,
            zxid: box.disk.snapshot,
            bytesTotal: bytesOfSnapshot,
          });
          break;
        case 'install':
          this.onEvent?.(id, 'receives', transfer);
          box.installing = { from: transfer.from, zxid: transfer.zxid };
          break;
        default:
          this.onEvent?.(id, 'aborts', transfer);
          box.installing = null;
          this.step(id, { kind: 'installFailed' });
      }
    }
  }

  // ---- everything at once ------------------------------------------------------------------------

  /** Starts all servers and connects all pairs. */
  startAll(): void {
    for (const id of this.ids) this.start(id);
    for (const [a, b] of this.pairs()) this.connect(a, b);
  }

  restart(id: number): void {
    this.start(id);
    for (const peer of this.ids) if (peer !== id && this.boxes.get(peer)!.core !== null) this.connect(id, peer);
  }

  pairs(): [number, number][] {
    return this.ids.flatMap((a) => this.ids.filter((b) => b > a).map((b): [number, number] => [a, b]));
  }

  /** Delivers and completes whatever is possible, in a fixed order, until nothing is left to do. */
  stabilize(isHeld: (from: number, to: number) => boolean = () => false): void {
    for (let left = 10_000; left > 0; left--) {
      if (!this.advance(isHeld)) return;
    }
    throw new Error('the servers never come to rest');
  }

  /** One round over all links and disks; false when there was nothing to do. */
  private advance(isHeld: (from: number, to: number) => boolean): boolean {
    let any = false;
    for (const id of this.ids) {
      const box = this.boxes.get(id)!;
      for (const from of this.ids) {
        if (from === id || isHeld(from, id) || this.queue(from, id).length === 0) continue;
        this.deliver(from, id);
        any = true;
      }
      if (box.pending.length > 0 && !isHeld(id, id)) {
        this.sync(id);
        any = true;
      }
      if (box.installing !== null && !isHeld(id, id)) {
        this.install(id);
        any = true;
      }
    }
    return any;
  }
}

function pair(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}
