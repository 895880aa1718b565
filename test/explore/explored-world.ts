/**
 * A world that can be copied at every state, and that knows what must be true in all of them.
 *
 *   action ─► votes settle ─► invariants ─► key                     (invariants.ts says what holds)
 *
 * A copy shares its servers with the original until one of the two changes them. Votes are delivered
 * as soon as they come up, since safety does not hang on elections and their interleavings would
 * drown the rest; news of links, and all other messages and writes, are steps of their own.
 */
import type { Batch } from '../../engine/txn/batch.ts';
import { World, type Box, type Disk } from '../support/zab-world.ts';
import { checkEvery, checkServer } from './invariants.ts';
import { copyCore, wordsOf } from './copy.ts';

/** Time passes in steps of this much; all limits are set to it, so one step ends whatever waits. */
const timeoutMs = 400;
/** No election of three needs so many messages. */
const votesMax = 1000;

export const voters: readonly number[] = [1, 2, 3];

/** What was seen so far, by nobody in particular. */
export interface Seen {
  /** The longest sequence that any server held to be committed. */
  readonly chosen: readonly Batch[];
  /** Established leaders and the end of the history they began with, by epoch. */
  readonly established: ReadonlyMap<number, { readonly leader: number; readonly initial: number }>;
}

export class ExploredWorld extends World {
  seen: Seen = { chosen: [], established: new Map() };
  violation = '';
  /** Channels whose next step waits: `1>2` a link, `2` a disk. */
  held: ReadonlySet<string> = new Set();
  /** Committed position of each server when it was last looked at. */
  readonly committed = new Map<number, number>();
  private readonly owned = new Set<number>();
  private readonly words = new Map<number, string>();

  constructor() {
    super({
      voters,
      electionWaitMs: 0,
      syncTimeoutMs: timeoutMs,
      peerTimeoutMs: timeoutMs,
      heartbeatMs: timeoutMs,
      historyBytesMax: 1 << 20,
    });
  }

  copy(): this {
    const twin = Object.create(Object.getPrototypeOf(this) as object) as this;
    Object.assign(twin, this, {
      boxes: new Map(this.boxes),
      queues: new Map(this.queues),
      connections: new Map(this.connections),
      believed: new Map(this.believed),
      committed: new Map(this.committed),
      words: new Map(this.words),
      owned: new Set(),
      resets: [],
    });
    this.owned.clear();
    return twin;
  }

  override box(id: number): Box {
    this.words.delete(id);
    const box = this.boxes.get(id)!;
    if (this.owned.has(id)) return box;
    this.owned.add(id);
    const own = { ...box, core: box.core === null ? null : copyCore(box.core) };
    this.boxes.set(id, own);
    return own;
  }

  override propose(id: number): Batch {
    // A batch is known by its zxid and its leader, whatever happened before it.
    this.lastLabel = id - 1;
    return super.propose(id);
  }

  expire(id: number): void {
    this.tick(id, timeoutMs);
  }

  /** Carries out one step, then what follows of itself, and looks whether all still holds. */
  act(step: (world: this) => void): void {
    try {
      step(this);
      this.settleVotes();
    } catch (error) {
      this.violation = (error as Error).message;
      return;
    }
    for (const id of this.owned) this.violation ||= checkServer(this, id);
    this.violation ||= checkEvery(this);
  }

  private settleVotes(): void {
    let left = votesMax;
    for (let any = true; any;) {
      any = false;
      for (const [channel, items] of this.queues) {
        if (items[0]?.kind !== 'vote' || this.held.has(channel)) continue;
        if (left-- === 0) throw new Error('votes go round and round');
        this.deliver(Number(channel[0]), Number(channel[2]));
        any = true;
      }
    }
  }

  /** Channels that have something to do, in the order in which an undisturbed run goes through them. */
  enabled(): string[] {
    const channels: string[] = [];
    for (const id of this.ids) {
      const { core, pending } = this.boxes.get(id)!;
      if (core === null) continue;
      for (const from of this.ids) if (from !== id && this.queue(from, id).length > 0) channels.push(`${from}>${id}`);
      if (pending.length > 0) channels.push(`${id}`);
    }
    return channels;
  }

  run(channel: string): void {
    if (channel.length === 1) this.sync(Number(channel));
    else this.deliver(Number(channel[0]), Number(channel[2]));
  }

  /** Everything that decides what can happen from here on. */
  key(): string {
    const parts: string[] = [];
    for (const id of this.ids) {
      let words = this.words.get(id);
      if (words === undefined) {
        words = wordsOfBox(this.boxes.get(id)!);
        this.words.set(id, words);
      }
      parts.push(words);
    }
    for (const [a, b] of this.pairs()) {
      const connection = this.connections.get(`${a}-${b}`) ?? 0;
      for (const channel of [`${a}>${b}`, `${b}>${a}`]) {
        const believes = connection > 0 && this.believed.get(channel) === connection;
        parts.push(`${connection > 0 ? 'c' : '-'}${believes ? 'b' : '-'}`);
        for (const item of this.queues.get(channel) ?? []) parts.push(JSON.stringify(item, brief));
      }
    }
    const { chosen, established } = this.seen;
    for (const { last, time } of chosen) parts.push(`${last}.${time}`);
    for (const [epoch, { leader, initial }] of established) parts.push(`${epoch}:${leader}:${initial}`);
    parts.push([...this.held].sort().join(','));
    return parts.join('|');
  }
}

/** Leaves the bytes of batches and the numbers of connections out of a message's words. */
function brief(name: string, value: unknown): unknown {
  return name === 'bytes' || name === 'connection' ? undefined : value;
}

function wordsOfBox({ core, disk, pending }: Box): string {
  const writes = pending.map(({ write }) => JSON.stringify(write, brief)).join(',');
  return `${wordsOfDisk(disk)};${writes};${core === null ? 'down' : wordsOf(core)}`;
}

function wordsOfDisk({ state, start, log, committed }: Disk): string {
  const { acceptedEpoch, currentEpoch, ensembleId } = state;
  const batches = log.map(({ last, time }) => `${last}.${time}`).join(' ');
  return `${acceptedEpoch} ${currentEpoch} ${ensembleId} ${start} ${committed} ${batches}`;
}
