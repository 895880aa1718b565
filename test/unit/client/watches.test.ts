/** Watches: who hears of what, in which order, and after which accidents. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, SessionExpiredError, type WatchEvent } from '../../../engine/client/index.ts';
import { FakeServers, stat, type FakeConnection } from '../../support/fake-server.ts';
import { readStrings, Record } from '../../support/raw-client.ts';

const created = 1;
const deleted = 2;
const changed = 3;
const children = 4;

class Scene {
  readonly fake = new FakeServers();
  readonly client: Client;
  readonly heard: string[] = [];
  connection!: FakeConnection;

  constructor(chroot = '') {
    this.client = new Client(`a:1${chroot}`, { connector: this.fake.connector });
  }

  static async open(chroot = ''): Promise<Scene> {
    const scene = new Scene(chroot);
    await scene.accept();
    return scene;
  }

  async accept(): Promise<void> {
    this.connection = await this.fake.accepted();
    await this.connection.greet();
    await this.client.connected();
  }

  watcher =
    (name: string) =>
    ({ type, path }: WatchEvent): void =>
      void this.heard.push(`${name}: ${type} ${path}`);

  /** Answers the next request; its xid is that of the reply unless it is special. */
  async answer(body = new Record(), err = 0): Promise<{ op: number; body: Buffer }> {
    const asked = await this.connection.request();
    this.connection.reply(asked.xid, err, body);
    return asked;
  }

  async watchAll(path: string, name: string): Promise<void> {
    const watch = this.watcher(name);
    const calls = [
      this.client.getData(path, { watch }),
      this.client.getChildren(path, { watch }),
      this.client.exists(`${path}/new`, { watch }),
    ];
    await this.answer(new Record().buffer('x').raw(stat().bytes()));
    await this.answer(new Record().strings([]));
    await this.answer(new Record(), -101);
    await Promise.all(calls);
  }

  async end(): Promise<void> {
    this.connection.drop();
    await this.client.close();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('one-shot watches hear once of what concerns them', async () => {
  const scene = await Scene.open();
  await scene.watchAll('/a', 'w');
  for (let twice = 0; twice < 2; twice++) {
    scene.connection.event(changed, '/a');
    scene.connection.event(children, '/a');
    scene.connection.event(created, '/a/new');
    scene.connection.event(changed, '/other');
  }
  await turn();
  assert.deepEqual(scene.heard, ['w: nodeDataChanged /a', 'w: nodeChildrenChanged /a', 'w: nodeCreated /a/new']);
  await scene.watchAll('/a', 'v');
  scene.connection.event(deleted, '/a');
  await turn();
  assert.deepEqual(scene.heard.slice(3), ['v: nodeDeleted /a'], 'one event for a watcher with two watches');
  await scene.end();
});

test('a watcher runs before whoever waits for a later reply, and after whoever waits for an earlier one', async () => {
  const scene = await Scene.open();
  await scene.watchAll('/a', 'w');
  const before = scene.client.exists('/x').then(() => scene.heard.push('before'));
  const after = scene.client.exists('/x').then(() => scene.heard.push('after'));
  const [first, second] = [await scene.connection.request(), await scene.connection.request()];
  scene.connection.reply(first.xid, 0, stat());
  scene.connection.event(changed, '/a');
  scene.connection.reply(second.xid, 0, stat());
  await Promise.all([before, after]);
  assert.deepEqual(scene.heard, ['before', 'w: nodeDataChanged /a', 'after']);
  await scene.end();
});

test('a refused read sets no watch', async () => {
  const scene = await Scene.open();
  const call = scene.client.getData('/a', { watch: scene.watcher('w') });
  await scene.answer(new Record(), -101);
  await assert.rejects(call, { code: 'noNode' });
  scene.connection.event(created, '/a');
  await turn();
  assert.deepEqual(scene.heard, []);
  await scene.end();
});

test('a chroot is put in front of every path and taken off every answer', async () => {
  const scene = await Scene.open('/app/x');
  const { client } = scene;
  const calls = [client.create('/n-', 'd', { sequential: true }), client.getEphemerals(), client.sync()];
  const paths: string[] = [];
  const path = ({ body }: { body: Buffer }): void => void paths.push(readStrings(Buffer.concat([one, body]))[0]!);
  const one = Buffer.from([0, 0, 0, 1]);
  path(await scene.answer(new Record().buffer('/app/x/n-0000000007')));
  path(await scene.answer(new Record().strings(['/app/x', '/app/x/e'])));
  path(await scene.answer(new Record().buffer('/app/x')));
  assert.deepEqual(await Promise.all(calls), ['/n-0000000007', ['/', '/e'], '/']);
  assert.deepEqual(paths, ['/app/x/n-', '/app/x', '/app/x']);
  await scene.watchAll('/a', 'w');
  scene.connection.event(changed, '/app/x/a');
  await turn();
  assert.deepEqual(scene.heard, ['w: nodeDataChanged /a']);
  const config = client.getConfig();
  path(await scene.answer(new Record().buffer('').raw(stat().bytes())));
  await config;
  assert.equal(paths.at(-1), '/zookeeper/config');
  await scene.end();
});

test('a new connection gets all watches again, in bounded frames, before any call', async () => {
  const scene = await Scene.open();
  const { client } = scene;
  const long = 'n'.repeat(900);
  const paths = Array.from({ length: 1000 }, (_, n) => `/${long}${n}`);
  const calls = paths.map((path) => client.exists(path, { watch: scene.watcher('w') }));
  for (let n = 0; n < paths.length; n++) await scene.answer(stat());
  await Promise.all(calls);
  await scene.watchAll('/a', 'w');
  const added = client.addWatch('/tree', scene.watcher('r'), { recursive: true });
  await scene.answer(new Record().int(0));
  await added;
  scene.connection.reply((await lost(scene)).xid);
  await scene.accept();
  const seen = { data: [] as string[], exist: [] as string[], child: [] as string[], recursive: [] as string[] };
  let frames = 0;
  for (;;) {
    const asked = await scene.connection.request();
    if (asked.xid !== -8) {
      scene.connection.reply(asked.xid, -101);
      break;
    }
    frames++;
    assert.ok(asked.body.length < 140_000, `a frame of ${asked.body.length} bytes`);
    assert.equal(asked.body.readBigInt64BE(0), 1n);
    let rest = asked.body.subarray(8);
    const lists = ['data', 'exist', 'child', ...(asked.op === 105 ? ['persistent', 'recursive'] : [])];
    for (const list of lists) {
      const strings = readStrings(rest);
      rest = rest.subarray(4 + strings.reduce((sum, string) => sum + 4 + string.length, 0));
      (seen as { [list: string]: string[] })[list]?.push(...strings);
    }
    assert.equal(rest.length, 0);
    scene.connection.reply(-8);
  }
  assert.ok(frames > 5);
  assert.deepEqual(seen.data.toSorted(), [...paths, '/a'].toSorted());
  assert.deepEqual(seen.exist, ['/a/new']);
  assert.deepEqual(seen.child, ['/a']);
  assert.deepEqual(seen.recursive, ['/tree']);
  await turn();
  assert.deepEqual(scene.heard, ['r: resumed /tree'], 'what happened in between is not told to those that stay');
  await scene.end();
});

/** Breaks the connection with a call under way that goes to the next one. */
async function lost(scene: Scene): Promise<{ xid: number }> {
  scene.connection.drop();
  void scene.client.exists('/probe').catch(() => null);
  await turn();
  return { xid: 0 };
}

test('persistent watches stay; recursive ones see the subtree without lists of children', async () => {
  const scene = await Scene.open();
  const adding = [
    scene.client.addWatch('/a', scene.watcher('p')),
    scene.client.addWatch('/a', scene.watcher('r'), { recursive: true }),
    scene.client.addWatch('/', scene.watcher('all'), { recursive: true }),
  ];
  const modes: number[] = [];
  for (let n = 0; n < 3; n++) {
    const { op, body } = await scene.answer(new Record().int(0));
    assert.equal(op, 106);
    modes.push(body.readInt32BE(body.length - 4));
  }
  await Promise.all(adding);
  assert.deepEqual(modes, [0, 1, 1]);
  scene.connection.event(changed, '/a');
  scene.connection.event(children, '/a');
  scene.connection.event(created, '/a/b/c');
  scene.connection.event(deleted, '/ab');
  await turn();
  assert.deepEqual(scene.heard, [
    'p: nodeDataChanged /a',
    'r: nodeDataChanged /a',
    'all: nodeDataChanged /a',
    'p: nodeChildrenChanged /a',
    'r: nodeCreated /a/b/c',
    'all: nodeCreated /a/b/c',
    'all: nodeDeleted /ab',
  ]);
  await scene.end();
  await turn();
  assert.deepEqual(scene.heard.slice(7).toSorted(), [
    'all: sessionEnded /',
    'p: sessionEnded /a',
    'r: sessionEnded /a',
  ]);
});

test('removing: all of a path at the server, one of several only here', async () => {
  const scene = await Scene.open();
  const one = scene.watcher('one');
  const two = scene.watcher('two');
  const adding = [scene.client.addWatch('/a', one), scene.client.addWatch('/a', two)];
  await scene.answer(new Record().int(0));
  await scene.answer(new Record().int(0));
  await Promise.all(adding);
  await assert.rejects(scene.client.removeWatches('/b', 'any'), { code: 'noWatcher' });
  await assert.rejects(scene.client.removeWatches('/a', 'any', scene.watcher('three')), { code: 'noWatcher' });
  const removing = scene.client.removeWatches('/a', 'any', one);
  assert.equal((await scene.answer()).op, 17);
  await removing;
  scene.connection.event(changed, '/a');
  const rest = scene.client.removeWatches('/a', 'any', two);
  const asked = await scene.answer();
  assert.equal(asked.op, 18);
  assert.equal(asked.body.readInt32BE(asked.body.length - 4), 3);
  await rest;
  await turn();
  assert.deepEqual(scene.heard, [
    'one: persistentWatchRemoved /a',
    'two: nodeDataChanged /a',
    'two: persistentWatchRemoved /a',
  ]);
  await scene.end();
});

test('removing a watch leaves alone one whose request is not answered yet', async () => {
  const scene = await Scene.open();
  const { client } = scene;
  const [one, two] = ['one', 'two'].map(scene.watcher);
  const read = (watch: typeof one): Promise<unknown> => client.getData('/a', { watch });
  const add = (watch: typeof one): Promise<unknown> => client.addWatch('/b', watch!);
  const calls: (readonly [string, (watch: typeof one) => Promise<unknown>, Record])[] = [
    ['/a', read, new Record().buffer('x').raw(stat().bytes())],
    ['/b', add, new Record().int(0)],
  ];
  for (const [path, call, reply] of calls) {
    const first = call(one);
    await scene.answer(reply);
    await first;
    const second = call(two);
    const removing = client.removeWatches(path, 'any', one);
    await scene.answer(reply);
    assert.equal((await scene.answer()).op, 17, `the server keeps the watch of ${path}`);
    await Promise.all([second, removing]);
  }
  scene.connection.event(changed, '/a');
  scene.connection.event(changed, '/b');
  await turn();
  assert.deepEqual(scene.heard, [
    'one: dataWatchRemoved /a',
    'one: persistentWatchRemoved /b',
    'two: nodeDataChanged /a',
    'two: nodeDataChanged /b',
  ]);
  await scene.end();
});

test('of two that leave at once the last one takes the watch of the server along', async () => {
  const scene = await Scene.open();
  const both = [scene.client.watch('/both'), scene.client.watch('/both')];
  for (const each of both) {
    await scene.answer(new Record().int(0));
    await each.ready;
  }
  for (const each of both) each.close();
  for (const code of [17, 18]) assert.equal((await scene.answer()).op, code);
  await scene.end();
});

test('a watcher whose removal was carried out late is forgotten', async () => {
  const scene = await Scene.open();
  const { client } = scene;
  const watcher = scene.watcher('late');
  const set = client.addWatch('/late', watcher);
  await scene.answer(new Record().int(0));
  await set;
  await assert.rejects(client.removeWatches('/late', 'any', watcher, { timeoutMs: 10 }), { code: 'operationTimeout' });
  assert.equal((await scene.answer()).op, 18);
  const read = client.sync();
  await scene.answer(new Record().buffer('/'));
  await read;
  await assert.rejects(client.removeWatches('/late', 'any', watcher), { code: 'noWatcher' });
  await scene.end();
});

test('a watch that lasts is not left at the server when nobody waits for it any more', async () => {
  const scene = await Scene.open();
  const { client } = scene;
  const removed = async (): Promise<void> => assert.equal((await scene.answer()).op, 18);

  const closed = client.watch('/closed');
  closed.close();
  await scene.answer(new Record().int(0));
  await removed();

  const abort = new AbortController();
  const aborted = client.watch('/aborted', { signal: abort.signal });
  abort.abort(new Error('enough'));
  await assert.rejects(aborted.ready, /enough/);
  await scene.answer(new Record().int(0));
  await removed();

  const late = client.addWatch('/late', scene.watcher('late'), { timeoutMs: 10 });
  await assert.rejects(late, { code: 'operationTimeout' });
  await scene.answer(new Record().int(0));
  await removed();

  const cut = client.watch('/cut');
  await scene.answer(new Record().int(0));
  await cut.ready;
  cut.close();
  assert.equal((await scene.connection.request()).op, 18);
  scene.connection.drop();
  await scene.accept();
  const again = await scene.connection.request();
  assert.equal(again.op, 105);
  assert.deepEqual(readStrings(again.body.subarray(again.body.length - 8 - 4 - '/cut'.length)), ['/cut']);
  scene.connection.reply(-8);
  await removed();
  await turn();
  assert.deepEqual(scene.heard, []);
  await scene.end();
});

test('a watch that was given up is not removed under another one of its path', async () => {
  const scene = await Scene.open();
  const { client } = scene;
  const late = client.addWatch('/a', scene.watcher('late'), { timeoutMs: 10 });
  const other = client.addWatch('/a', scene.watcher('other'));
  await assert.rejects(late, { code: 'operationTimeout' });
  await scene.answer(new Record().int(0));
  await scene.answer(new Record().int(0));
  await other;
  assert.equal((await scene.answer()).op, 17);
  scene.connection.event(changed, '/a');
  await turn();
  assert.deepEqual(scene.heard, ['other: nodeDataChanged /a']);
  await scene.end();
});

test('a watch as a stream: events in order, the end of the loop removes it', async () => {
  const scene = await Scene.open();
  const watch = scene.client.watch('/a', { recursive: true });
  await scene.answer(new Record().int(0));
  await watch.ready;
  for (const path of ['/a/1', '/a/2', '/a/3']) scene.connection.event(created, path);
  const seen: string[] = [];
  for await (const { path } of watch) {
    seen.push(path);
    if (path === '/a/2') scene.connection.event(created, '/a/4');
    if (path === '/a/4') break;
  }
  assert.deepEqual(seen, ['/a/1', '/a/2', '/a/3', '/a/4']);
  assert.equal((await scene.answer()).op, 18);
  assert.deepEqual(await watch.next(), { done: true, value: undefined });
  await scene.end();
});

test('a stream ends with an abort and with the client, and fails with the session', async () => {
  const scene = await Scene.open();
  const abort = new AbortController();
  const open = (path: string, signal?: AbortSignal): ReturnType<Client['watch']> =>
    scene.client.watch(path, signal === undefined ? {} : { signal });
  const aborted = open('/aborted', abort.signal);
  const refused = open('/refused');
  const expired = open('/expired');
  await scene.answer(new Record().int(0));
  await scene.answer(new Record(), -101);
  await scene.answer(new Record().int(0));
  await Promise.all([aborted.ready, expired.ready]);
  const next = aborted.next();
  abort.abort();
  assert.deepEqual(await next, { done: true, value: undefined });
  await scene.answer();
  await assert.rejects(refused.next(), { code: 'noNode' });
  assert.equal((await refused.next()).done, true);
  const failing = expired.next();
  scene.connection.drop();
  scene.connection = await scene.fake.accepted();
  await scene.connection.greet({ timeoutMs: 0, id: 0n });
  await assert.rejects(failing, SessionExpiredError);

  const other = await Scene.open();
  const closing = other.client.watch('/a');
  await other.answer(new Record().int(0));
  await closing.ready;
  const last = closing.next();
  await other.end();
  assert.equal((await last).done, true);
});
