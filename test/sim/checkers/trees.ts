/** Equal digests at equal zxids on every server, and at the end the very state that the model has. */
import { zxidText } from '../../../engine/base/zxid.ts';
import { Writer } from '../../../engine/base/bytes.ts';
import { digestOf } from '../../../engine/snapshot/state.ts';
import type { Tree } from '../../../engine/tree/tree.ts';
import type { TxnCursor } from '../../../engine/txn/batch.ts';
import type { SimServer } from '../process.ts';
import { Checker } from './checker.ts';

/** Digests walk the whole tree: not at every txn. */
const everyTxns = 32;

export class Trees extends Checker {
  readonly name = 'equal trees';
  readonly #digests = new Map<number, { digest: number; server: number }>();

  override applied(server: SimServer, txn: TxnCursor): void {
    if (txn.zxid % everyTxns === 0) this.#compare(server, server.server!.tree);
  }

  override treeReplaced(server: SimServer): void {
    this.#compare(server, server.server!.tree);
  }

  override ended(core: readonly SimServer[]): void {
    for (const server of core) {
      const { tree } = server.server!;
      this.#compare(server, tree);
      this.#compareToModel(server, tree);
    }
  }

  #compare(server: SimServer, tree: Tree): void {
    const digest = digestOf(tree);
    const known = this.#digests.get(tree.lastZxid);
    if (known === undefined) this.#digests.set(tree.lastZxid, { digest, server: server.id });
    this.expect(known === undefined || known.digest === digest, () => {
      return `servers ${known!.server} and ${server.id} differ at ${zxidText(tree.lastZxid)}`;
    });
  }

  #compareToModel(server: SimServer, tree: Tree): void {
    const { model } = this.truth;
    if (tree.lastZxid !== model.lastZxid) return;
    const paths = [...model.paths()];
    this.expect(paths.length === tree.nodeCount, () => {
      return `server ${server.id} has ${tree.nodeCount} nodes instead of ${paths.length}`;
    });
    for (const path of paths) {
      const state = model.at(path, tree.lastZxid);
      const slot = tree.find(path);
      const found =
        slot !== -1 &&
        dataOf(tree, slot) === state.data &&
        tree.version(slot) === state.version &&
        tree.mzxid(slot) === state.mzxid &&
        tree.pzxid(slot) === state.pzxid &&
        tree.childCount(slot) === state.children &&
        tree.owner(slot) === state.owner;
      this.expect(found, () => `server ${server.id} has another ${path} than the model`);
    }
    const sessions = [...tree.sessions()].map(({ id }) => id).sort((a, b) => a - b);
    const expected = [...model.sessions.keys()].sort((a, b) => a - b);
    this.expect(sessions.join() === expected.join(), () => {
      return `server ${server.id} has sessions ${sessions.join()} instead of ${expected.join()}`;
    });
  }
}

function dataOf(tree: Tree, slot: number): string | null {
  const out = new Writer(64);
  tree.writeData(slot, out);
  return tree.dataLength(slot) < 0 ? null : out.view().toString('latin1', 4);
}
