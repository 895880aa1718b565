/**
 * Quotas: which subtrees have one, and the figures that are kept of them.
 *
 *   /zookeeper/quota/app/zookeeper_limits    count=10,bytes=1000=;byteHardLimit=2000;countHardLimit=20
 *   /zookeeper/quota/app/zookeeper_stats     count=3,bytes=120     kept by every server as txns are applied
 *
 * A client makes both nodes (`setquota`). From then on a change below /app changes the figures of the
 * deepest quota above it, and nothing else of the stats node: no version, no zxid, no event, as in
 * ZooKeeper's DataTree. While nobody has a quota this costs a comparison per change.
 */
import { Buffer } from 'node:buffer';
import { quotaBytesMax } from '../base/limits.ts';
import { Lengths } from './lengths.ts';
import type { Store } from './store.ts';

const root = '/zookeeper/quota';
const belowRoot = `${root}/`;
const limitsName = '/zookeeper_limits';
const statsName = '/zookeeper_stats';

export function limitsPath(path: string): string {
  return `${root}${path}${limitsName}`;
}

export function statsPath(path: string): string {
  return `${root}${path}${statsName}`;
}

/**
 * Whether a node may hold `source[start, end)`. Those that make a quota hold little, and numbers to which what nodes
 * have can be added without rounding, which would depend on the order. Any other node holds what it likes.
 */
export function mayHold(path: string, source: Buffer, start: number, end: number): boolean {
  if (!path.startsWith(belowRoot) || !(path.endsWith(limitsName) || path.endsWith(statsName))) return true;
  if (end - start > quotaBytesMax) return false;
  const figures = parseFigures(source.toString('latin1', start, end));
  return [...figures.values()].every((value) => Number.isSafeInteger(2 * value));
}

/** Numbers by their names, as in the data of both nodes. */
export type Figures = Map<string, number>;

/** A figure that is not there. */
export const unset = -1;

/** Reads `name=number` separated by commas and semicolons; what is no number is left out. */
export function parseFigures(text: string): Figures {
  const figures: Figures = new Map();
  for (const pair of text.split(/[,;]+/)) {
    const [name, value] = pair.split('=');
    if (name !== undefined && /^-?\d+$/.test(value ?? '')) figures.set(name, Number(value));
  }
  return figures;
}

/** Count and bytes first; before any other a lone `=`, which keeps readers of ZooKeeper 3.4 from what follows. */
export function figuresText(figures: Figures): string {
  const others = [...figures.keys()].filter((name) => name !== 'count' && name !== 'bytes').sort();
  const rest = others.map((name) => `;${name}=${figures.get(name)}`).join('');
  const text = `count=${figures.get('count') ?? unset},bytes=${figures.get('bytes') ?? unset}`;
  return rest === '' ? text : `${text}=${rest}`;
}

export class Quotas {
  readonly #store: Store;
  /** Called before the data of a node is changed. */
  readonly #changing: (slot: number) => void;
  readonly #paths = new Set<string>();
  readonly #lengths = new Lengths();
  /** Nodes of figures that the present txn has made: they are counted at its end, once. */
  readonly #uncounted = new Set<string>();

  constructor(store: Store, changing: (slot: number) => void) {
    this.#store = store;
    this.#changing = changing;
  }

  get size(): number {
    return this.#paths.size;
  }

  /** The deepest path with a quota at or above this one, null when there is none. */
  over(path: string): string | null {
    if (this.#paths.size === 0) return null;
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      if (!this.#lengths.has(end)) continue;
      const above = path.slice(0, end);
      if (this.#paths.has(above)) return above;
    }
    return null;
  }

  /** A node was created. */
  created(path: string, parent: string, bytes: number): void {
    if (parent.startsWith(root)) {
      this.enlist(path);
      if (path === `${parent}${statsName}`) this.#uncounted.add(path);
    }
    if (this.#paths.size > 0) this.#add(path, bytes, 1);
  }

  deleted(path: string, parent: string, bytes: number): void {
    if (parent.startsWith(root) && path === `${parent}${limitsName}`) this.#drop(parent.slice(root.length));
    if (this.#paths.size > 0) this.#add(path, -bytes, -1);
  }

  /**
   * Nodes go in one txn, in whatever order: what comes of it is the same on all servers, since what makes a quota goes
   * after what it counts, in order of their paths. They can be very many: figures are written once for all.
   */
  deletedAll(slots: readonly number[]): void {
    if (this.#paths.size === 0) return;
    const store = this.#store;
    const own: number[] = [];
    const sums = new Map<string, { bytes: number; count: number }>();
    for (const slot of slots) {
      const path = store.path(slot);
      if (path.startsWith(belowRoot)) {
        own.push(slot);
        continue;
      }
      const quota = this.over(path);
      if (quota === null) continue;
      let sum = sums.get(quota);
      if (sum === undefined) sums.set(quota, (sum = { bytes: 0, count: 0 }));
      sum.bytes += Math.max(store.dataLength[slot]!, 0);
      sum.count++;
    }
    for (const [quota, { bytes, count }] of sums) this.#add(quota, -bytes, -count);
    own.sort((a, b) => (store.path(a) < store.path(b) ? -1 : 1));
    for (const slot of own)
      this.deleted(store.path(slot), store.path(store.parent(slot)), Math.max(store.dataLength[slot]!, 0));
  }

  changed(path: string, bytesMore: number): void {
    // What a client writes over figures counts more than what they would have been.
    if (this.#uncounted.size > 0) this.#uncounted.delete(path);
    if (this.#paths.size > 0 && bytesMore !== 0) this.#add(path, bytesMore, 0);
  }

  /** A txn was applied whole. */
  settle(): void {
    if (this.#uncounted.size === 0) return;
    for (const path of this.#uncounted) {
      const slot = this.#store.find(path);
      if (slot !== -1) this.#recount(path.slice(root.length, -statsName.length), slot);
    }
    this.#uncounted.clear();
  }

  /** Remembers the quota if `path` holds the limits of one; the root cannot have one. */
  enlist(path: string): void {
    if (!path.startsWith(belowRoot) || !path.endsWith(limitsName)) return;
    const quota = path.slice(root.length, -limitsName.length);
    if (quota === '' || this.#paths.has(quota)) return;
    this.#paths.add(quota);
    this.#lengths.add(quota.length);
  }

  #drop(quota: string): void {
    if (this.#paths.delete(quota)) this.#lengths.remove(quota.length);
  }

  #add(path: string, bytes: number, count: number): void {
    const quota = this.over(path);
    const slot = quota === null ? -1 : this.#store.find(statsPath(quota));
    if (slot === -1) return;
    const figures = parseFigures(this.#store.dataText(slot));
    figures.set('count', (figures.get('count') ?? unset) + count);
    figures.set('bytes', (figures.get('bytes') ?? unset) + bytes);
    this.#write(slot, figures);
  }

  #recount(path: string, slot: number): void {
    const store = this.#store;
    const top = store.find(path === '' ? '/' : path);
    let count = 0;
    let bytes = 0;
    const open = top === -1 ? [] : [top];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      count++;
      bytes += Math.max(store.dataLength[at]!, 0);
      for (let child = store.firstChild(at); child !== -1; child = store.nextChild(child)) open.push(child);
    }
    this.#write(
      slot,
      new Map([
        ['count', count],
        ['bytes', bytes],
      ]),
    );
  }

  #write(slot: number, figures: Figures): void {
    this.#changing(slot);
    const data = Buffer.from(figuresText(figures), 'latin1');
    this.#store.setData(slot, data, 0, data.length);
  }
}
