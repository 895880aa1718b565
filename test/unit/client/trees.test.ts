/** Whole subtrees: very wide ones, and what goes wrong halfway. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deleteAll, KeeperError, subtree, type Client } from '../../../engine/client/index.ts';

/** A root with so many children, which answers at once. */
function wide(children: number, remove: (path: string) => Promise<void>): Client {
  const names = Array.from({ length: children }, (_, n) => String(n));
  const client = { getChildren: async (path: string) => (path === '/wide' ? names : []), delete: remove };
  return client as unknown as Client;
}

test('a node with more children than a call takes arguments', async () => {
  const paths = await subtree(
    wide(300_000, async () => {}),
    '/wide',
  );
  assert.equal(paths.length, 300_001);
  assert.deepEqual([paths[0], paths[300_000]], ['/wide', '/wide/299999']);
});

test('the first failure is the end: nothing is deleted behind the back of who heard of it', async () => {
  const deleted: string[] = [];
  const client = wide(2000, async (path) => {
    deleted.push(path);
    await new Promise((resolve) => setImmediate(resolve));
    if (path === '/wide/1990') throw new KeeperError(-102, path);
  });
  await assert.rejects(deleteAll(client, '/wide'), { code: 'noAuth' });
  const before = deleted.length;
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(deleted.length === before && before < 600, `${before}, then ${deleted.length}`);
});
