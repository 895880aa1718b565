/** node-zookeeper-client, unchanged, from npm: the client that most programs in Node use. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import zookeeper, { type Client, type Exception, type Stat } from 'node-zookeeper-client';
import { ProcessEnsemble } from '../support/server-process.ts';
import { until } from '../support/until.ts';

const { ACL, CreateMode } = zookeeper;
const open = ACL.OPEN_ACL_UNSAFE;
let ensemble: ProcessEnsemble;
let clients: Client[] = [];

before(async () => {
  ensemble = await ProcessEnsemble.start(3);
  await ensemble.serving();
});
after(() => ensemble.close());
afterEach(() => {
  for (const client of clients) client.close();
  clients = [];
});

async function connected(connectString = ensemble.connectString): Promise<Client> {
  const client = zookeeper.createClient(connectString, { sessionTimeout: 8000, spinDelay: 50 });
  clients.push(client);
  const ready = new Promise((resolve) => client.once('connected', resolve));
  client.connect();
  await ready;
  return client;
}

/** The result of a call that ends with a callback. */
function result<T>(call: (done: (error: Exception | null, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => call((error, value) => (error === null ? resolve(value) : reject(error))));
}

const create = (client: Client, path: string, data = '', mode = 0, acls = open): Promise<string> =>
  result((done) => client.create(path, Buffer.from(data), acls, mode, done));
const get = (client: Client, path: string): Promise<{ data: string; stat: Stat }> =>
  new Promise((resolve, reject) =>
    client.getData(path, null, (error, data, stat) =>
      error === null ? resolve({ data: data.toString(), stat }) : reject(error),
    ),
  );
const set = (client: Client, path: string, data: string, version = -1): Promise<Stat> =>
  result((done) => client.setData(path, Buffer.from(data), version, done));
const exists = (client: Client, path: string): Promise<Stat | null> =>
  result((done) => client.exists(path, null, done));
const named =
  (name: string): ((error: Error) => boolean) =>
  (error) =>
    error.name === name;

test('nodes: create, get, set, versions, children, delete', async () => {
  const client = await connected();
  assert.equal(await create(client, '/nodes', 'one'), '/nodes');
  assert.equal((await get(client, '/nodes')).data, 'one');
  assert.equal((await set(client, '/nodes', 'two', 0)).version, 1);
  await assert.rejects(set(client, '/nodes', '', 0), named('BAD_VERSION'));
  await assert.rejects(create(client, '/nodes'), named('NODE_EXISTS'));
  await assert.rejects(get(client, '/absent'), named('NO_NODE'));
  await result((done) => client.mkdirp('/nodes/a/b', done));
  await assert.rejects(
    result<void>((done) => client.remove('/nodes/a', -1, done as (error: Exception | null) => void)),
    named('NOT_EMPTY'),
  );
  assert.deepEqual(await result((done) => client.getChildren('/nodes', null, done)), ['a']);
  await result<void>((done) => client.remove('/nodes/a/b', -1, done as (error: Exception | null) => void));
  assert.equal(await exists(client, '/nodes/a/b'), null);
});

test('sequential and ephemeral nodes', async () => {
  const client = await connected();
  const other = await connected();
  await create(client, '/queue');
  for (let n = 0; n < 3; n++)
    assert.equal(
      await create(client, '/queue/n-', '', CreateMode.PERSISTENT_SEQUENTIAL),
      `/queue/n-${String(n).padStart(10, '0')}`,
    );
  await create(client, '/alive', '', CreateMode.EPHEMERAL);
  await until('node seen by the other client', 5000, () => exists(other, '/alive'));
  assert.deepEqual((await exists(other, '/alive'))!.ephemeralOwner, client.getSessionId());
  client.close();
  await until('end of the ephemeral node', 5000, async () => (await exists(other, '/alive')) === null);
});

test('ACLs of scheme digest', async () => {
  const owner = await connected();
  const other = await connected();
  owner.addAuthInfo('digest', Buffer.from('ann:secret'));
  await create(owner, '/secret', 'mine', 0, ACL.CREATOR_ALL_ACL);
  const [acl] = await result<readonly { id: { scheme: string; id: string } }[]>((done) =>
    owner.getACL('/secret', done),
  );
  assert.equal(acl!.id.scheme, 'digest');
  assert.match(acl!.id.id, /^ann:/);
  await assert.rejects(get(other, '/secret'), (error: Error) => ['NO_AUTH', 'NO_NODE'].includes(error.name));
  other.addAuthInfo('digest', Buffer.from('ann:secret'));
  assert.equal((await until('right to read', 5000, () => get(other, '/secret').catch(() => null))).data, 'mine');
});

test('watches on data, children and existence', async () => {
  const client = await connected();
  const other = await connected();
  const seen: string[] = [];
  const watcher = ({ name, path }: { name: string; path: string }): void => void seen.push(`${name} ${path}`);
  await create(client, '/watched', '0');
  await new Promise((resolve) => client.getData('/watched', watcher, resolve));
  await new Promise((resolve) => client.getChildren('/watched', watcher, resolve));
  await new Promise((resolve) => client.exists('/later', watcher, resolve));
  await until('node seen by the other client', 5000, () => exists(other, '/watched'));
  await set(other, '/watched', '1');
  await create(other, '/watched/child');
  await create(other, '/later');
  await until('three events', 5000, () => seen.length === 3);
  assert.deepEqual(seen, ['NODE_DATA_CHANGED /watched', 'NODE_CHILDREN_CHANGED /watched', 'NODE_CREATED /later']);
});

test('transactions: all or nothing', async () => {
  const client = await connected();
  const commit = (path: string, version: number): Promise<unknown[]> =>
    result((done) =>
      client
        .transaction()
        .create(path, Buffer.from('x'))
        .setData(path, Buffer.from('y'))
        .check(path, version)
        .commit(done),
    );
  assert.equal((await commit('/whole', 1)).length, 3);
  assert.equal((await get(client, '/whole')).data, 'y');
  await assert.rejects(commit('/never', 7));
  assert.equal(await exists(client, '/never'), null);
});

test('every server is killed in turn: the session goes on elsewhere, with ephemeral node and watch', async () => {
  const client = await connected();
  const events: string[] = [];
  await create(client, '/moving', '0');
  await create(client, '/moving-alive', '', CreateMode.EPHEMERAL);
  await new Promise((resolve) => client.getData('/moving', ({ name }) => events.push(name), resolve));
  const session = client.getSessionId();
  let disconnects = 0;
  client.on('disconnected', () => disconnects++);
  for (const server of ensemble.servers) {
    await server.kill();
    server.start();
    await server.serving();
  }
  assert.ok(disconnects > 0);
  const other = await connected();
  await until('write', 10_000, () => set(other, '/moving', '1').catch(() => null));
  await until('event', 10_000, () => events.length === 1);
  assert.deepEqual(events, ['NODE_DATA_CHANGED']);
  assert.deepEqual(client.getSessionId(), session);
  assert.deepEqual((await exists(client, '/moving-alive'))!.ephemeralOwner, session);
});
