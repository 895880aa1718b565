/** Whole subtrees, with many calls under way at once. */
import type { Client } from './client.ts';
import { KeeperError } from './errors.ts';

/** Calls under way at once: enough to fill the line, and no burden for a server. */
const underWayMax = 256;

/** Runs `work` for all items, so many at once; the first failure ends it. */
export async function forEachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const run = async (): Promise<void> => {
    try {
      while (next < items.length) await work(items[next++]!);
    } finally {
      next = items.length;
    }
  };
  await Promise.all(Array.from({ length: Math.min(underWayMax, items.length) }, run));
}

/** null for a node that is gone. */
async function orGone<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof KeeperError && error.code === 'noNode') return null;
    throw error;
  }
}

/**
 * The paths of a node and of all below it, level by level, so that every parent precedes its children. What
 * comes or goes meanwhile may be in it or not.
 *
 * @throws KeeperError noNode when there is no such node
 */
export async function subtree(client: Client, path: string): Promise<string[]> {
  const paths = [path];
  let level = [path];
  const children = await client.getChildren(path);
  level = children.map((name) => (path === '/' ? `/${name}` : `${path}/${name}`));
  while (level.length > 0) {
    for (const each of level) paths.push(each);
    const below: string[][] = Array.from({ length: level.length }, () => []);
    await forEachOf([...level.entries()], async ([index, parent]) => {
      const names = (await orGone(client.getChildren(parent))) ?? [];
      below[index] = names.map((name) => `${parent}/${name}`);
    });
    level = below.flat();
  }
  return paths;
}

/**
 * Deletes a node with all below it; not in one step. A node that somebody adds meanwhile may keep its parents.
 *
 * @throws KeeperError noNode when there is no such node
 */
export async function deleteAll(client: Client, path: string): Promise<void> {
  const paths = await subtree(client, path);
  // Calls are carried out in the order in which they are made: children first.
  await forEachOf(paths.toReversed(), async (each) => {
    if (each !== '/') await orGone(client.delete(each));
  });
}

/** Creates a node and those above it, as far as they are not there. */
export async function ensurePath(client: Client, path: string): Promise<void> {
  const names = path.split('/').slice(1);
  const calls = names.map((_, index) => client.create(`/${names.slice(0, index + 1).join('/')}`));
  for (const call of await Promise.allSettled(calls)) {
    if (call.status === 'fulfilled') continue;
    const error: unknown = call.reason;
    if (!(error instanceof KeeperError && error.code === 'nodeExists')) throw error;
  }
}
