/** What our client does with a real server, whichever: the same for ours and for Apache ZooKeeper. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  acls,
  Client,
  deleteAll,
  ensurePath,
  KeeperError,
  permission,
  subtree,
  type WatchEvent,
} from '../../engine/client/index.ts';
import { until } from './until.ts';

let folders = 0;

/** @param servers their connect string, once they run; with extendedTypesEnabled */
export function clientScenarios(servers: () => string): void {
  /** Two clients below a folder of their own. */
  const scene = async (work: (client: Client, other: Client) => Promise<void>): Promise<void> => {
    const root = await Client.connect(servers());
    const folder = await root.create(`/scene-${process.pid}-${folders++}`);
    const client = await Client.connect(servers() + folder);
    const other = await Client.connect(servers() + folder);
    try {
      await work(client, other);
    } finally {
      await Promise.all([root, client, other].map((each) => each.close()));
    }
  };

  test('nodes: create, read, change, delete', () =>
    scene(async (client) => {
      assert.equal(await client.create('/a', 'one'), '/a');
      const { data, stat } = await client.getData('/a');
      assert.equal(String(data), 'one');
      assert.equal(stat.version, 0);
      assert.equal((await client.setData('/a', Buffer.from([0, 255]), 0)).version, 1);
      await assert.rejects(client.setData('/a', '', 0), { code: 'badVersion', path: '/a' });
      await assert.rejects(client.create('/a'), { code: 'nodeExists' });
      await assert.rejects(client.getData('/gone'), { code: 'noNode', number: -101 });
      assert.equal(await client.exists('/gone'), null);
      assert.equal((await client.getData(await client.create('/null', null))).data, null);
      await client.create('/a/b');
      await assert.rejects(client.delete('/a'), { code: 'notEmpty' });
      const { children, stat: parent } = await client.getChildren2('/a');
      assert.deepEqual([children, parent.numChildren], [['b'], 1]);
      await client.delete('/a/b');
      assert.deepEqual(await client.getChildren('/a'), []);
      assert.equal(await client.sync('/a'), '/a');
    }));

  test('ephemeral and sequential nodes', () =>
    scene(async (client, other) => {
      const { path, stat } = await client.create2('/e-', '', { ephemeral: true, sequential: true });
      assert.equal(path, '/e-0000000000');
      assert.equal(stat.ephemeralOwner, client.sessionId);
      await assert.rejects(client.create(`${path}/x`), { code: 'noChildrenForEphemerals' });
      let heard: (event: WatchEvent) => void = () => {};
      const gone = new Promise<WatchEvent>((resolve) => (heard = resolve));
      await other.sync();
      await other.exists(path, { watch: heard });
      await client.close();
      assert.equal((await gone).type, 'nodeDeleted');
    }));

  test('thousands of calls under way at once, in order', () =>
    scene(async (client) => {
      await client.create('/n', '0');
      const stats = await Promise.all(Array.from({ length: 5000 }, (_, n) => client.setData('/n', String(n))));
      assert.deepEqual(
        stats.map(({ version }) => version),
        stats.map((_, n) => n + 1),
      );
      const big = Buffer.alloc(900_000, 'x');
      const [, { data }] = await Promise.all([client.setData('/n', big), client.getData('/n')]);
      assert.ok(data!.equals(big));
    }));

  test('watches on data, children and existence come before what reveals the change', () =>
    scene(async (client, other) => {
      const seen: string[] = [];
      const watch = ({ type, path }: WatchEvent): void => void seen.push(`${type} ${path}`);
      await client.create('/w', '0');
      await Promise.all([
        client.getData('/w', { watch }),
        client.getChildren('/w', { watch }),
        client.exists('/later', { watch }),
      ]);
      await other.multi().setData('/w', '1').create('/w/c').create('/later').commit();
      await client.sync();
      assert.deepEqual(seen.toSorted(), ['nodeChildrenChanged /w', 'nodeCreated /later', 'nodeDataChanged /w']);
    }));

  test('transactions: all or nothing', () =>
    scene(async (client) => {
      const [path, stat, gone] = await client.multi().create('/t', 'x').setData('/t', 'y').check('/t', 1).commit();
      assert.deepEqual([path, stat.version, gone], ['/t', 1, null]);
      const refused = client.multi().create('/never').delete('/gone').create('/neither').commit();
      await assert.rejects(refused, { code: 'noNode', index: 1, path: '/gone' });
      assert.equal(await client.exists('/never'), null);
    }));

  test('whole subtrees: made, listed, deleted', () =>
    scene(async (client, other) => {
      await Promise.all([ensurePath(client, '/a/b/c'), ensurePath(other, '/a/b/d')]);
      const names = Array.from({ length: 3000 }, (_, n) => `/a/b/c/${n}`);
      await Promise.all(names.map((name) => client.create(name)));
      await other.sync();
      const paths = await subtree(other, '/a');
      assert.deepEqual(paths.slice(0, 2), ['/a', '/a/b']);
      assert.deepEqual(paths.slice(2, 4).toSorted(), ['/a/b/c', '/a/b/d']);
      assert.deepEqual(paths.slice(4).toSorted(), names.toSorted());
      await Promise.allSettled([deleteAll(client, '/a'), deleteAll(other, '/a')]);
      assert.equal(await client.exists('/a'), null);
      await assert.rejects(deleteAll(client, '/a'), { code: 'noNode' });
    }));

  test('identities and ACLs', () =>
    scene(async (client, other) => {
      await assert.rejects(client.create('/mine', '', { acl: acls.creatorAll }), { code: 'invalidAcl' });
      await client.addAuth('digest', 'ann:secret');
      await client.create('/mine', 'x', { acl: acls.creatorAll });
      await assert.rejects(other.getData('/mine'), { code: 'noAuth' });
      const { acl, stat } = await client.getAcl('/mine');
      assert.match(acl[0]!.id, /^ann:/);
      const opened = [...acl, { permissions: permission.read, scheme: 'world', id: 'anyone' }];
      assert.equal((await client.setAcl('/mine', opened, stat.aversion)).aversion, 1);
      assert.equal(String((await other.getData('/mine')).data), 'x');
      await assert.rejects(other.addAuth('nonsense', ''), { code: 'authFailed' });
      assert.equal(other.state, 'authFailed');
    }));

  test('a session goes on in another client that has its key', () =>
    scene(async (client, other) => {
      await other.create('/e', '', { ephemeral: true });
      const heir = await Client.connect(servers(), { session: other.sessionKey });
      assert.equal(heir.sessionId, other.sessionId);
      await heir.close();
      await until('end of the node', 5000, async () => (await client.exists('/e')) === null);
      await assert.rejects(Client.connect(servers(), { session: { id: heir.sessionId, password: Buffer.alloc(16) } }), {
        code: 'sessionExpired',
      });
    }));

  laterScenarios(scene);
}

/** What came with ZooKeeper 3.5 to 3.7. */
function laterScenarios(scene: (work: (client: Client, other: Client) => Promise<void>) => Promise<void>): void {
  test('lasting watches as a stream', () =>
    scene(async (client, other) => {
      const watch = client.watch('/', { recursive: true });
      await watch.ready;
      const writing = (async () => {
        await other.create('/a');
        await other.create('/a/b', '0');
        for (let n = 0; n < 20; n++) await other.setData('/a/b', String(n));
        await other.delete('/a/b');
      })();
      const seen: string[] = [];
      for await (const { type, path } of watch) {
        seen.push(`${type} ${path}`);
        if (type === 'nodeDeleted') break;
      }
      await writing;
      const changes = Array.from({ length: 20 }, () => 'nodeDataChanged /a/b');
      assert.deepEqual(seen, ['nodeCreated /a', 'nodeCreated /a/b', ...changes, 'nodeDeleted /a/b']);
      await assert.rejects(client.removeWatches('/', 'any'), { code: 'noWatcher' }, 'the stream took it away');
    }));

  test('removing watches', () =>
    scene(async (client, other) => {
      const seen: string[] = [];
      const named =
        (name: string) =>
        ({ type }: WatchEvent): void =>
          void seen.push(`${name} ${type}`);
      const [one, two] = [named('one'), named('two')];
      await Promise.all([client.exists('/x', { watch: one }), client.exists('/x', { watch: two })]);
      await client.removeWatches('/x', 'data', one);
      await other.create('/x');
      await client.sync();
      await client.getData('/x', { watch: two });
      await client.removeWatches('/x', 'any');
      await other.setData('/x', '1');
      await client.sync();
      assert.deepEqual(seen, ['one dataWatchRemoved', 'two nodeCreated', 'two dataWatchRemoved']);
    }));

  test('reads in one request, counts, ephemeral nodes, who I am, configuration', () =>
    scene(async (client) => {
      await client.create('/a', 'x');
      await client.create('/a/e', null, { ephemeral: true });
      const [data, children, gone] = await client.multiRead().getData('/a').getChildren('/a').getData('/no').commit();
      assert.ok(!(data instanceof KeeperError) && String(data.data) === 'x');
      assert.deepEqual(children, ['e']);
      assert.ok(gone instanceof KeeperError && gone.code === 'noNode');
      assert.equal(await client.getAllChildrenNumber('/'), 2);
      assert.deepEqual(await client.getEphemerals(), ['/a/e']);
      assert.deepEqual(await client.getEphemerals('/b'), []);
      assert.deepEqual(await client.whoAmI(), [{ scheme: 'ip', id: '127.0.0.1' }]);
      assert.equal((await client.getConfig()).stat.ephemeralOwner, '0x0');
      await assert.rejects(client.reconfig({ joining: 'server.9=localhost:1:2;3' }), KeeperError);
    }));

  test('containers, and nodes with a time to live', () =>
    scene(async (client) => {
      assert.equal(await client.create('/c', 'x', { container: true }), '/c');
      const { path, stat } = await client.create2('/t-', 'y', { ttlMs: 100_000, sequential: true });
      assert.match(path, /^\/t-\d{10}$/);
      assert.equal(stat.ephemeralOwner, '0x0');
      const [inside] = await client.multi().create('/c/t', null, { ttlMs: 5000 }).commit();
      assert.equal(inside, '/c/t');
      await assert.rejects(client.create('/bad', '', { ttlMs: 0 }), { code: 'badArguments' });
    }));
}
