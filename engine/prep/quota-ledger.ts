/**
 * Quotas with everything in flight counted in, on the leader: whether a change may still be made.
 *
 * The tree's figures lag behind by what is in flight. So a quota that is touched gets an entry with the
 * figures as they will be, which lives until the last change in it is applied. ZooKeeper looks at the
 * applied figures alone, so that a pipelined client can go past a hard limit.
 */
import { limitsPath, parseFigures, statsPath, unset, type Figures } from '../tree/quotas.ts';
import type { TreeView } from '../tree/view.ts';

interface Entry {
  count: number;
  bytes: number;
  /** The last txn that changed it. */
  zxid: number;
}

export interface QuotaRules {
  /** Hard limits refuse what goes past them. */
  readonly enforceQuota: boolean;
}

/** A limit that a change goes past, in ZooKeeper's words. */
export interface Excess {
  readonly path: string;
  readonly isHard: boolean;
  readonly what: 'count' | 'bytes';
  readonly limit: number;
  readonly reached: number;
}

export class QuotaLedger {
  readonly #tree: TreeView;
  readonly #rules: QuotaRules;
  readonly #entries = new Map<string, Entry>();
  /** What entries were before the parts of a multi; null outside a multi. */
  #undo: { quota: string; before: Entry | null }[] | null = null;
  /** The latest limit that was passed or refused, for whoever tells the operator. */
  latest: Excess | null = null;

  constructor(tree: TreeView, rules: QuotaRules) {
    this.#tree = tree;
    this.#rules = rules;
  }

  /** Whether `path` may take so many bytes and nodes more. A soft limit is only noted. */
  allows(path: string, bytes: number, count: number): boolean {
    const quota = this.#tree.quotaOver(path);
    if (quota === null) return true;
    const limits = this.#figures(limitsPath(quota));
    const { count: countNow, bytes: bytesNow } = this.#entries.get(quota) ?? this.#load(quota);
    return (
      (count === 0 || this.#isWithin(quota, 'count', countNow + count, limits)) &&
      (bytes === 0 || this.#isWithin(quota, 'bytes', bytesNow + bytes, limits))
    );
  }

  /** Counts a change that is going to be made. */
  charge(path: string, bytes: number, count: number, zxid: number): void {
    const quota = this.#tree.quotaOver(path);
    if (quota === null) return;
    let entry = this.#entries.get(quota);
    if (entry?.zxid !== zxid) this.#undo?.push({ quota, before: entry === undefined ? null : { ...entry } });
    if (entry === undefined) this.#entries.set(quota, (entry = this.#load(quota)));
    entry.count += count;
    entry.bytes += bytes;
    entry.zxid = zxid;
  }

  /** Everything up to `zxid` is in the tree's own figures now. */
  applied(zxid: number): void {
    if (this.#entries.size === 0) return;
    for (const [quota, entry] of this.#entries) if (entry.zxid <= zxid) this.#entries.delete(quota);
  }

  beginMulti(): void {
    this.#undo = [];
  }

  keepMulti(): void {
    this.#undo = null;
  }

  undoMulti(): void {
    for (const { quota, before } of this.#undo!.toReversed()) {
      if (before === null) this.#entries.delete(quota);
      else this.#entries.set(quota, before);
    }
    this.#undo = null;
  }

  /** A hard limit stands in the place of the soft one. */
  #isWithin(path: string, what: 'count' | 'bytes', reached: number, limits: Figures): boolean {
    const hard = limits.get(what === 'count' ? 'countHardLimit' : 'byteHardLimit') ?? unset;
    const isHard = hard > unset;
    const limit = isHard ? hard : (limits.get(what) ?? unset);
    if (limit === unset || reached <= limit) return true;
    if (isHard && !this.#rules.enforceQuota) return true;
    this.latest = { path, isHard, what, limit, reached };
    return !isHard;
  }

  #load(quota: string): Entry {
    const figures = this.#figures(statsPath(quota));
    return { count: figures.get('count') ?? unset, bytes: figures.get('bytes') ?? unset, zxid: 0 };
  }

  #figures(path: string): Figures {
    const slot = this.#tree.find(path);
    return parseFigures(slot === -1 ? '' : this.#tree.dataText(slot));
  }
}
