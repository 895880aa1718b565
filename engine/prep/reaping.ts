/**
 * Which nodes go by themselves: a container that has had children and has none now, a TTL node without
 * children that nobody has written to for its ttl (ZooKeeper's ContainerManager).
 */
import { nodeKind } from '../txn/types.ts';
import type { TreeView } from '../tree/view.ts';

export interface ReapingRules {
  /** There are TTL nodes: without this none is made, and none goes. */
  readonly extendedTypesEnabled: boolean;
  /** ms after which a container goes that never had a child; 0: never. */
  readonly containerMaxNeverUsedMs: number;
}

/** `now` is wall-clock time in ms. */
export function isDue(tree: TreeView, slot: number, now: number, rules: ReapingRules): boolean {
  if (slot === -1 || tree.childCount(slot) > 0) return false;
  const age = now - tree.mtime(slot);
  switch (tree.kind(slot)) {
    case nodeKind.container: {
      const { containerMaxNeverUsedMs } = rules;
      return tree.childCreations(slot) > 0 || (containerMaxNeverUsedMs > 0 && age > containerMaxNeverUsedMs);
    }
    case nodeKind.ttl:
      return rules.extendedTypesEnabled && age > tree.owner(slot);
    default:
      return false;
  }
}
