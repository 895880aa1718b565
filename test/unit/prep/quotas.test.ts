/** Quotas: the figures are always those of the subtree, and no pipelining goes past a hard limit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Capture, Restore } from '../../../engine/snapshot/state.ts';
import { figuresText, parseFigures } from '../../../engine/tree/quotas.ts';
import type { Tree } from '../../../engine/tree/tree.ts';
import { ask, Machine } from '../../support/machine.ts';

const nothingThere = ask.check('/nothing');

function setQuota(machine: Machine, session: number, path: string, limits: string): void {
  machine.request(ask.create(`/zookeeper/quota${path}`), session);
  machine.request(ask.create(`/zookeeper/quota${path}/zookeeper_limits`, limits), session);
  machine.request(ask.create(`/zookeeper/quota${path}/zookeeper_stats`), session);
  machine.commit();
}

function figuresOf(tree: Tree, path: string): string {
  return tree.dataText(tree.find(`/zookeeper/quota${path}/zookeeper_stats`));
}

/** Nodes and bytes at and below `path`, counted. */
function counted({ store }: Tree, path: string): string {
  let [count, bytes] = [0, 0];
  for (let slot = 0; slot < store.slotEnd; slot++) {
    if (!store.used(slot) || !`${store.path(slot)}/`.startsWith(`${path}/`)) continue;
    count++;
    bytes += Math.max(store.dataLength[slot]!, 0);
  }
  return `count=${count},bytes=${bytes}`;
}

test('figures are read leniently and written as ZooKeeper writes them', () => {
  const same = ['count=1,bytes=2', 'count=-1,bytes=-1', 'count=1,bytes=2=;byteHardLimit=3;countHardLimit=4'];
  for (const text of same) assert.equal(figuresText(parseFigures(text)), text);
  assert.equal(figuresText(parseFigures('bytes=2;zebra=1,apple=5')), 'count=-1,bytes=2=;apple=5;zebra=1');
  for (const text of ['', ',;', '=', 'count', 'count=', 'count=x', 'count=1.5', '\0'])
    assert.equal(figuresText(parseFigures(text)), 'count=-1,bytes=-1', JSON.stringify(text));
});

test('what is in flight counts', () => {
  const machine = new Machine();
  const session = machine.session();
  machine.request(ask.create('/q'), session);
  setQuota(machine, session, '/q', 'count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3');
  assert.equal(machine.request(ask.create('/q/a', '12345'), session).error, 0);
  assert.equal(machine.request(ask.create('/q/b', '1234'), session).error, 0);
  assert.equal(machine.request(ask.create('/q/c'), session).error, -125);
  assert.equal(machine.request(ask.set('/q/b', '123456'), session).error, -125);
  machine.request(ask.delete('/q/a'), session);
  assert.equal(machine.request(ask.create('/q/c', '123456'), session).error, 0);
  assert.equal(machine.request(ask.create('/q/d'), session).error, -125);
  machine.commit(2);
  assert.equal(machine.request(ask.create('/q/d'), session).error, -125);
  machine.commit();
  assert.equal(figuresOf(machine.tree, '/q'), 'count=3,bytes=10');
  assert.equal(machine.request(ask.create('/q/d'), session).error, -125);
});

test('a quota that ends with the session of what it counts: the same figures in whichever order they are known', () => {
  const figures = [false, true].map((isReversed) => {
    const machine = new Machine();
    const [owner, session] = [machine.session(), machine.session()];
    machine.request(ask.create('/q'), owner);
    setQuota(machine, owner, '/q', 'count=-1,bytes=-1');
    machine.request(ask.delete('/zookeeper/quota/q/zookeeper_limits'), owner);
    machine.request(ask.create('/zookeeper/quota/q/zookeeper_limits', 'count=-1,bytes=-1', 1), session);
    machine.request(ask.create('/q/a', '123', 1), session);
    machine.commit();
    const held = machine.tree.table.get(session)!;
    if (isReversed) held.ephemerals = new Set([...held.ephemerals!].toReversed());
    machine.close(session);
    machine.commit();
    return figuresOf(machine.tree, '/q');
  });
  assert.equal(figures[0], figures[1]);
  assert.equal(figures[0], 'count=1,bytes=0');
});

test('a refused multi takes nothing of a quota', () => {
  const machine = new Machine();
  const session = machine.session();
  machine.request(ask.create('/q'), session);
  setQuota(machine, session, '/q', 'count=-1,bytes=-1=;countHardLimit=3');
  const both = [ask.create('/q/a'), ask.create('/q/b')] as const;
  for (let i = 0; i < 3; i++) assert.equal(machine.request(ask.multi(...both, nothingThere), session).error, -101);
  assert.equal(machine.request(ask.create('/q/c'), session).error, 0);
  assert.equal(machine.request(ask.multi(...both), session).error, -125);
  assert.equal(machine.request(ask.multi(ask.delete('/q/c'), ...both), session).error, 0);
});

test('limits that nobody enforces are noted and refuse nothing', () => {
  const machine = new Machine();
  const session = machine.session();
  machine.request(ask.create('/q'), session);
  setQuota(machine, session, '/q', 'count=1,bytes=100');
  assert.equal(machine.request(ask.create('/q/a'), session).error, 0);
  const { quotas } = machine.prep.overlay;
  assert.deepEqual(quotas.latest, { path: '/q', isHard: false, what: 'count', limit: 1, reached: 2 });
});

const name = fc.constantFrom('/q/a', '/q/b', '/q/a/x', '/q/a/y', '/other');
const data = fc.constantFrom(null, '', 'x', 'y'.repeat(40));
const change = fc.oneof(
  fc.tuple(name, data, fc.constantFrom(0, 1)).map(([path, data, flags]) => ask.create(path, data, flags)),
  fc.tuple(name, data).map(([path, data]) => ask.set(path, data)),
  name.map((path) => ask.delete(path)),
);
const step = fc.oneof(
  { weight: 5, arbitrary: change },
  { weight: 2, arbitrary: fc.array(change, { minLength: 1, maxLength: 4 }).map((parts) => ask.multi(...parts)) },
  { weight: 1, arbitrary: fc.constantFrom('close' as const, 'again' as const) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 5 }) },
);

test('any order of changes, closes and commits: the figures are right and no hard limit is passed', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const machine = new Machine();
      const { tree } = machine;
      let session = machine.session();
      machine.request(ask.create('/q'), session);
      setQuota(machine, session, '/q', 'count=-1,bytes=-1=;byteHardLimit=60;countHardLimit=4');
      for (const one of steps) {
        if (typeof one === 'number') {
          machine.commit(one);
          const [count, bytes] = [...parseFigures(counted(tree, '/q')).values()];
          assert.ok(count! <= 4 && bytes! <= 60, `count ${count}, bytes ${bytes}`);
          assert.equal(figuresOf(tree, '/q'), counted(tree, '/q'));
        } else if (one === 'close') {
          machine.close(session);
          session = machine.session();
        } else if (one === 'again') {
          // The stats node made anew counts from scratch.
          machine.commit();
          machine.request(ask.delete('/zookeeper/quota/q/zookeeper_stats'), session);
          machine.request(ask.create('/zookeeper/quota/q/zookeeper_stats'), session);
          machine.commit();
        } else {
          machine.request(one, session);
        }
      }
      machine.commit();
      assert.equal(figuresOf(tree, '/q'), counted(tree, '/q'));
      const restored = restore(tree);
      assert.equal(restored.quotaOver('/q/a/x'), '/q');
      assert.equal(restored.quotaOver('/other'), null);
      assert.equal(figuresOf(restored, '/q'), figuresOf(tree, '/q'));
    }),
    { numRuns: 120 },
  );
});

test('nodes that make a quota hold little, and figures that can be added to without rounding', () => {
  const machine = new Machine();
  const session = machine.session();
  setQuota(machine, session, '/q', 'count=5');
  const [limits, stats] = ['limits', 'stats'].map((name) => `/zookeeper/quota/q/zookeeper_${name}`);
  const long = ';a=1'.repeat(300);
  for (const data of [long, `bytes=${2 ** 53}`, `count=-${2 ** 60}`])
    for (const path of [limits!, stats!]) {
      assert.equal(machine.request(ask.set(path, data), session).error, -8, data);
      assert.equal(machine.request(ask.create(path.replace('/q/', '/'), data), session).error, -8, data);
    }
  assert.equal(machine.request(ask.set(limits!, `bytes=${2 ** 51}`), session).error, 0);
  assert.equal(machine.request(ask.create('/zookeeper/quota/q/mine', long), session).error, 0);
});

test('a subtree is counted once for all that a multi does', () => {
  const machine = new Machine();
  const session = machine.session();
  machine.request(ask.create('/q'), session);
  for (let n = 0; n < 500; n++) machine.request(ask.create(`/q/${n}`, 'data'), session);
  setQuota(machine, session, '/q', 'count=-1');
  const stats = '/zookeeper/quota/q/zookeeper_stats';
  const parts = Array.from({ length: 50 }, () => [ask.delete(stats), ask.create(stats), ask.set('/q/7', 'longer')]);
  const { store } = machine.tree;
  const { nextChild } = store;
  let steps = 0;
  store.nextChild = (child) => {
    steps++;
    return nextChild.call(store, child);
  };
  machine.request(ask.multi(...parts.flat()), session);
  machine.commit();
  assert.equal(figuresOf(machine.tree, '/q'), counted(machine.tree, '/q'));
  assert.ok(steps < 1000, `${steps} steps`);
  // What a client writes over it counts more.
  machine.request(ask.multi(ask.delete(stats), ask.create(stats), ask.set(stats, 'count=9,bytes=9')), session);
  machine.commit();
  assert.equal(figuresOf(machine.tree, '/q'), 'count=9,bytes=9');
});

test('a session that ends changes the figures once, however many nodes it had', () => {
  const machine = new Machine();
  const session = machine.session();
  const owner = machine.session();
  machine.request(ask.create('/q'), session);
  setQuota(machine, session, '/q', 'count=-1');
  for (let n = 0; n < 300; n++) machine.request(ask.create(`/q/${n}`, 'data', 1), owner);
  machine.commit();
  assert.equal(figuresOf(machine.tree, '/q'), 'count=301,bytes=1200');
  const { store } = machine.tree;
  const { setData } = store;
  let written = 0;
  store.setData = (...args) => {
    written++;
    setData.apply(store, args);
  };
  machine.close(owner);
  machine.commit();
  assert.equal(figuresOf(machine.tree, '/q'), 'count=1,bytes=0');
  assert.equal(written, 1);
});

test('a path of thousands of levels costs no more than its length where something has a quota', () => {
  const machine = new Machine();
  const session = machine.session();
  setQuota(machine, session, '/q', 'count=-1');
  const since = performance.now();
  for (let n = 0; n < 200; n++) assert.equal(machine.tree.quotaOver(`/q${'/d'.repeat(8000)}${n}`), '/q');
  // A tenth of a second each where every level is looked up.
  assert.ok(performance.now() - since < 2000);
});

function restore(tree: Tree): Tree {
  const capture = new Capture(tree, 1000);
  const restore = new Restore();
  for (let chunk = capture.next(); chunk !== null; chunk = capture.next()) restore.chunk(chunk);
  const restored = restore.finish();
  if (typeof restored === 'string') throw new Error(restored);
  return restored;
}
