/**
 * Lists of very many children, made bit by bit while others are served.
 *
 *   begin: the children's slots, as they are now ──► some thousand names a turn ──► one reply
 *
 * A million names are 20 MB and a good part of a second. The list is that of the moment it was begun:
 * slots of nodes that are deleted meanwhile keep their paths, and what the client is sent of later
 * changes waits behind the reply. One list is made at a time; others wait for it, each on its own
 * connection.
 */
import { Buffer } from 'node:buffer';
import { Writer } from '../base/bytes.ts';
import type { Store } from '../tree/store.ts';
import type { Tree } from '../tree/tree.ts';
import { beginReply, endReply } from '../wire/replies.ts';
import type { Connection } from './connection.ts';
import type { Clock } from './ports.ts';

/** Lists up to this long take a millisecond or so and are written at once. */
export const longListMin = 10_000;
/** How long a turn may work on a list, ms, and after how many names it looks at the clock. */
const workMs = 3;
const namesAtOnce = 1000;

interface List {
  readonly connection: Connection;
  /** When the request came. */
  readonly since: number;
  readonly store: Store;
  readonly slots: Int32Array;
  /** Where the names begin in the paths. */
  readonly nameAt: number;
  readonly stat: Buffer;
  readonly out: Writer;
  /** Names written. */
  done: number;
}

/** A list is complete: its reply and when its request came. */
export type Finished = (connection: Connection, reply: Writer, since: number) => void;

export class LongLists {
  readonly #clock: Clock;
  readonly #finished: Finished;
  #list: List | null = null;
  /** Connections whose list has to wait for the one that is being made. */
  readonly #waiting: Connection[] = [];

  constructor(clock: Clock, finished: Finished) {
    this.#clock = clock;
    this.#finished = finished;
  }

  get busy(): boolean {
    return this.#list !== null;
  }

  /** Starts the reply to a getChildren or, with a Stat, getChildren2 of the node in `slot`. */
  begin(connection: Connection, xid: number, since: number, tree: Tree, slot: number, withStat: boolean): void {
    const { store } = tree;
    const path = store.path(slot);
    const stat = new Writer(68);
    if (withStat) tree.writeStat(slot, stat);
    const slots = store.childSlots(slot);
    const out = new Writer(slots.length * 32);
    beginReply(out, xid, tree.lastZxid, 0);
    out.i32(slots.length);
    connection.busy = connection.listing = true;
    store.keepPaths();
    const nameAt = path === '/' ? 1 : path.length + 1;
    this.#list = { connection, since, store, slots, nameAt, stat: stat.copy(), out, done: 0 };
  }

  /** The connection's list is not begun before the one under way is done. */
  wait(connection: Connection): void {
    if (connection.busy) return;
    connection.busy = true;
    this.#waiting.push(connection);
  }

  /** Works on the list for a while. */
  work(): void {
    const list = this.#list;
    if (list === null) return;
    if (list.connection.phase !== 'closing') {
      const until = this.#clock.now() + workMs;
      while (list.done < list.slots.length && this.#clock.now() < until) writeNames(list);
      if (list.done < list.slots.length) return;
      list.out.raw(list.stat);
      endReply(list.out, 0);
    }
    list.store.letGoOfPaths();
    this.#list = null;
    list.connection.busy = list.connection.listing = false;
    if (list.connection.phase !== 'closing') this.#finished(list.connection, list.out, list.since);
  }

  /** Whose turn it is to ask for a list; null: nobody waits. */
  next(): Connection | null {
    const next = this.#waiting.shift() ?? null;
    if (next !== null) next.busy = false;
    return next;
  }
}

function writeNames(list: List): void {
  const { store, slots, nameAt, out } = list;
  const end = Math.min(list.done + namesAtOnce, slots.length);
  for (; list.done < end; list.done++) out.string(store.path(slots[list.done]!).slice(nameAt));
}
