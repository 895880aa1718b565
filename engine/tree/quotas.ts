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
import { parentOf } from './paths.ts';
import type { Store } from './store.ts';

const root = '/zookeeper/quota';
const limitsName = '/zookeeper_limits';
const statsName = '/zookeeper_stats';

export function limitsPath(path: string): string {
  return `${root}${path}${limitsName}`;
}

export function statsPath(path: string): string {
  return `${root}${path}${statsName}`;
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
    for (let at = path; at !== '/'; at = parentOf(at)) if (this.#paths.has(at)) return at;
    return null;
  }

  /** A node was created. */
  created(path: string, parent: string, bytes: number): void {
    if (parent.startsWith(root)) {
      this.enlist(path);
      if (path === `${parent}${statsName}`) this.#recount(parent.slice(root.length), this.#store.find(path));
    }
    if (this.#paths.size > 0) this.#add(path, bytes, 1);
  }

  deleted(path: string, parent: string, bytes: number): void {
    if (parent.startsWith(root) && path === `${parent}${limitsName}`) this.#paths.delete(parent.slice(root.length));
    if (this.#paths.size > 0) this.#add(path, -bytes, -1);
  }

  /**
   * Nodes that go in one txn, in an order that comes to the same on all servers, whatever theirs is: what makes a quota
   * goes after what it counts.
   */
  inOrder(slots: readonly number[]): readonly number[] {
    const path = (slot: number): string => this.#store.path(slot);
    const isOwn = (slot: number): boolean => path(slot).startsWith(`${root}/`);
    const own = slots.filter(isOwn).toSorted((a, b) => (path(a) < path(b) ? -1 : 1));
    return own.length === 0 ? slots : [...slots.filter((slot) => !isOwn(slot)), ...own];
  }

  changed(path: string, bytesMore: number): void {
    if (this.#paths.size > 0 && bytesMore !== 0) this.#add(path, bytesMore, 0);
  }

  /** Remembers the quota if `path` holds the limits of one; the root cannot have one. */
  enlist(path: string): void {
    if (!path.startsWith(`${root}/`) || !path.endsWith(limitsName)) return;
    const quota = path.slice(root.length, -limitsName.length);
    if (quota !== '') this.#paths.add(quota);
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
