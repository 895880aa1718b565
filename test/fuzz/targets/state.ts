/** Snapshots: records with a digest that fits are a whole state, or are refused with a sentence. */
import { Capture, digestOf, Restore } from '../../../engine/snapshot/state.ts';
import type { Tree } from '../../../engine/tree/tree.ts';
import { drawState } from '../inputs/snapshot.ts';
import { must, type Input, type Target } from './target.ts';

export function restore(chunks: Input): Tree | string {
  const state = new Restore();
  for (const chunk of chunks) {
    const error = state.chunk(Buffer.from(chunk));
    if (error !== null) return error;
  }
  return state.finish();
}

/** Every node hangs on the root, and the state survives another snapshot. */
export function checkTree(tree: Tree): void {
  let reached = 0;
  const level = [tree.find('/')];
  for (let slot = level.pop(); slot !== undefined; slot = level.pop()) {
    must(++reached <= tree.nodeCount, 'the tree has a cycle');
    const path = tree.store.path(slot);
    tree.eachChild(slot, (name) => level.push(tree.find(path === '/' ? `/${name}` : `${path}/${name}`)));
  }
  must(reached === tree.nodeCount, `${reached} of ${tree.nodeCount} nodes hang on the root`);
  const chunks: Buffer[] = [];
  const capture = new Capture(tree, 4096);
  for (let chunk = capture.next(); chunk !== null; chunk = capture.next()) chunks.push(chunk);
  const again = restore(chunks);
  must(typeof again !== 'string', `a snapshot of the state is refused: ${String(again)}`);
  must(digestOf(again) === digestOf(tree), 'the state changes on its way through a snapshot');
}

export const state: Target = {
  name: 'state',
  about: "a snapshot's records, with a digest that fits",
  draw: (prng) => drawState(prng, prng.pick([0, 5, 2 ** 32 + 9]), prng.pick([0, 0.2, 0.6])),
  run(input) {
    const tree = restore(input);
    if (typeof tree === 'string') return 'refused';
    checkTree(tree);
    return 'accepted';
  },
};
