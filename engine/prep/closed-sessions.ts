/**
 * What sessions that txns in flight close take from the tree, when that is a lot.
 *
 * A session with a hundred thousand ephemeral nodes would need as many records in the overlay, made
 * and forgotten at one stroke each. Here it is one entry: its nodes are gone, and each of their
 * parents has so many children less, until the txn is applied.
 */
import { nodeKind } from '../txn/types.ts';
import type { TreeView } from '../tree/view.ts';

interface Closed {
  readonly zxid: number;
  /** Children that nodes lose, by slot. */
  readonly lost: ReadonlyMap<number, number>;
}

export class ClosedSessions {
  readonly #tree: TreeView;
  /** In order of zxid. */
  readonly #closed = new Map<number, Closed>();
  /** What all of them take from each node. */
  readonly #lost = new Map<number, number>();

  constructor(tree: TreeView) {
    this.#tree = tree;
  }

  get size(): number {
    return this.#closed.size;
  }

  /**
   * Returns the children that each of their parents loses, by slot.
   *
   * @param slots of the nodes that go
   */
  add(session: number, zxid: number, slots: readonly number[]): ReadonlyMap<number, number> {
    const lost = new Map<number, number>();
    for (let at = 0; at < slots.length;) {
      // Most of them have one parent: it is looked up once for as long as it is the same.
      const parent = this.#tree.parent(slots[at]!);
      let end = at + 1;
      while (end < slots.length && this.#tree.parent(slots[end]!) === parent) end++;
      lost.set(parent, (lost.get(parent) ?? 0) + end - at);
      at = end;
    }
    for (const [parent, count] of lost) this.#lost.set(parent, this.lostBy(parent) + count);
    this.#closed.set(session, { zxid, lost });
    return lost;
  }

  /** Whether the node is one of theirs. */
  take(slot: number): boolean {
    return this.#tree.kind(slot) === nodeKind.ephemeral && this.#closed.has(this.#tree.owner(slot));
  }

  /** Children of the node in the tree that it will have no more. */
  lostBy(slot: number): number {
    return this.#lost.get(slot) ?? 0;
  }

  /** Everything up to `zxid` is in the tree now. */
  applied(zxid: number): void {
    for (const [session, closed] of this.#closed) {
      if (closed.zxid > zxid) return;
      this.#closed.delete(session);
      for (const [parent, count] of closed.lost) {
        const left = this.lostBy(parent) - count;
        if (left > 0) this.#lost.set(parent, left);
        else this.#lost.delete(parent);
      }
    }
  }
}
