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

  constructor(tree: TreeView) {
    this.#tree = tree;
  }

  get size(): number {
    return this.#closed.size;
  }

  /** @param slots of the nodes that go */
  add(session: number, zxid: number, slots: readonly number[]): void {
    const lost = new Map<number, number>();
    for (let at = 0; at < slots.length;) {
      // Most of them have one parent: it is looked up once for as long as it is the same.
      const parent = this.#tree.parent(slots[at]!);
      let end = at + 1;
      while (end < slots.length && this.#tree.parent(slots[end]!) === parent) end++;
      lost.set(parent, (lost.get(parent) ?? 0) + end - at);
      at = end;
    }
    this.#closed.set(session, { zxid, lost });
  }

  /** Whether the node is one of theirs. */
  take(slot: number): boolean {
    return this.#tree.kind(slot) === nodeKind.ephemeral && this.#closed.has(this.#tree.owner(slot));
  }

  /** Children of the node in the tree that it will have no more. */
  lostBy(slot: number): number {
    let sum = 0;
    for (const { lost } of this.#closed.values()) sum += lost.get(slot) ?? 0;
    return sum;
  }

  /** Everything up to `zxid` is in the tree now. */
  applied(zxid: number): void {
    for (const [session, closed] of this.#closed) {
      if (closed.zxid > zxid) return;
      this.#closed.delete(session);
    }
  }
}
