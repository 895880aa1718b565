/**
 * A lasting watch hears of every change from the reply that told of it until its end, once and in order.
 *
 *   changes of the model   …  c1 │ c2  c3  c4  …        next: the first after the last reply's zxid
 *                                ▲ next                   told: those behind it that were heard of
 */
import type { SimClient } from '../client.ts';
import type { ModelChange } from '../model.ts';
import type { Truth } from './checker.ts';

export interface LastingWatch {
  readonly path: string;
  readonly isRecursive: boolean;
}

interface Watch extends LastingWatch {
  /** Changes after this zxid. */
  since: number;
  /** Set on the present connection. */
  live: boolean;
}

interface Watcher {
  readonly watches: Map<string, Watch>;
  /** Index of the first change that may still have to be told: those before it lie behind a reply. */
  next: number;
  /** Changes behind `next` that were told already: those of one end of a session come in any order. */
  readonly told: Set<number>;
}

const eventChildren = 4;

export class LastingWatches {
  readonly #truth: Truth;
  readonly #byClient = new Map<SimClient, Watcher>();

  constructor(truth: Truth) {
    this.#truth = truth;
  }

  added(client: SimClient, watch: LastingWatch, zxid: number): void {
    let watcher = this.#byClient.get(client);
    if (watcher === undefined) {
      this.#byClient.set(client, (watcher = { watches: new Map(), next: 0, told: new Set() }));
    }
    if (![...watcher.watches.values()].some((other) => other.live)) this.#startAt(watcher, zxid);
    const key = keyOf(watch);
    const known = watcher.watches.get(key);
    if (known?.live !== true) watcher.watches.set(key, { ...watch, since: zxid, live: true });
    client.lasting.set(key, watch);
  }

  removed(client: SimClient, watch: LastingWatch): void {
    this.#byClient.get(client)?.watches.delete(keyOf(watch));
    client.lasting.delete(keyOf(watch));
  }

  has(client: SimClient, watch: LastingWatch): boolean {
    return this.#byClient.get(client)?.watches.get(keyOf(watch))?.live === true;
  }

  disconnected(client: SimClient): void {
    for (const watch of this.#byClient.get(client)?.watches.values() ?? []) watch.live = false;
  }

  /** setWatches2 was answered at `zxid`: what happened while they were away is not told. */
  set(client: SimClient, zxid: number): void {
    for (const watch of client.lasting.values()) this.added(client, watch, zxid);
  }

  expired(client: SimClient): void {
    this.#byClient.delete(client);
    client.lasting.clear();
  }

  /** Whether the event tells of the change that is next; it is then told. */
  takes(client: SimClient, type: number, path: string): boolean {
    const watcher = this.#byClient.get(client);
    if (watcher === undefined) return false;
    const { changes } = this.#truth.model;
    const first = this.#first(watcher, Infinity);
    if (first === -1) return false;
    for (let at = first; at < changes.length; at++) {
      const change = changes[at]!;
      if (change.zxid !== changes[first]!.zxid || (at > first && !change.isUnordered)) return false;
      if (change.type !== type || change.path !== path || watcher.told.has(at) || !concerns(watcher, change)) continue;
      watcher.told.add(at);
      return true;
    }
    return false;
  }

  /** A change up to `zxid` of which the client should have heard, null when there is none. */
  missed(client: SimClient, zxid: number): ModelChange | null {
    const watcher = this.#byClient.get(client);
    if (watcher === undefined) return null;
    const first = this.#first(watcher, zxid);
    if (first !== -1) return this.#truth.model.changes[first]!;
    this.#forget(watcher, zxid);
    return null;
  }

  /** Where the first change is that has to be told and was not; -1: nowhere up to `zxid`. */
  #first(watcher: Watcher, zxid: number): number {
    const { changes } = this.#truth.model;
    for (let at = watcher.next; at < changes.length && changes[at]!.zxid <= zxid; at++) {
      if (!watcher.told.has(at) && concerns(watcher, changes[at]!)) return at;
    }
    return -1;
  }

  /** Forgets what lies behind `zxid`: whatever is added from now on begins after it. */
  #forget(watcher: Watcher, zxid: number): void {
    const { changes } = this.#truth.model;
    for (; watcher.next < changes.length && changes[watcher.next]!.zxid <= zxid; watcher.next++) {
      watcher.told.delete(watcher.next);
    }
  }

  #startAt(watcher: Watcher, zxid: number): void {
    const { changes } = this.#truth.model;
    watcher.told.clear();
    watcher.next = changes.length;
    while (watcher.next > 0 && changes[watcher.next - 1]!.zxid > zxid) watcher.next--;
  }
}

function keyOf({ path, isRecursive }: LastingWatch): string {
  return `${isRecursive ? 'recursive' : 'persistent'} ${path}`;
}

function concerns(watcher: Watcher, { zxid, type, path }: ModelChange): boolean {
  for (const watch of watcher.watches.values()) {
    if (!watch.live || zxid <= watch.since) continue;
    if (!watch.isRecursive) {
      if (path === watch.path) return true;
    } else if (type !== eventChildren && (`${path}/`.startsWith(`${watch.path}/`) || watch.path === '/')) {
      return true;
    }
  }
  return false;
}
