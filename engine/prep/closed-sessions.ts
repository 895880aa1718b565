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
  /** Slot of the parent of each node that goes. */
  readonly parents: Int32Array;
}

const none = new Int32Array(0);

export class ClosedSessions {
  readonly #tree: TreeView;
  /** In order of zxid. */
  readonly #closed = new Map<number, Closed>();
  /** Children that a node loses, by slot. */
  #lost = none;

  constructor(tree: TreeView) {
    this.#tree = tree;
  }

  get size(): number {
    return this.#closed.size;
  }

  add(session: number, zxid: number, parents: Int32Array): void {
    this.#closed.set(session, { zxid, parents });
    const { slotEnd } = this.#tree;
    if (this.#lost.length < slotEnd) {
      const grown = new Int32Array(slotEnd);
      grown.set(this.#lost);
      this.#lost = grown;
    }
    for (const parent of parents) this.#lost[parent]!++;
  }

  /** Whether the node is one of theirs. */
  take(slot: number): boolean {
    return this.#tree.kind(slot) === nodeKind.ephemeral && this.#closed.has(this.#tree.owner(slot));
  }

  /** Children of the node in the tree that it will have no more. */
  lostBy(slot: number): number {
    return this.#lost[slot] ?? 0;
  }

  /** Everything up to `zxid` is in the tree now. */
  applied(zxid: number): void {
    for (const [session, closed] of this.#closed) {
      if (closed.zxid > zxid) return;
      this.#closed.delete(session);
      for (const parent of closed.parents) this.#lost[parent]!--;
    }
    this.#lost = none;
  }
}
