/** Columns and slab: growth, reuse of slots and cells, many nodes. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { AclTable } from '../../../engine/tree/acl-table.ts';
import { Slab } from '../../../engine/tree/slab.ts';
import { shardOf, Store } from '../../../engine/tree/store.ts';
import { ask, Machine } from '../../support/machine.ts';
import { openAcl } from '../../support/raw-client.ts';

const length = fc.oneof(fc.nat(300), fc.constantFrom(0, 16, 17, 64, 65_536, 65_537, 100_000));

test('a slab keeps every value apart from all others', () => {
  const step = fc.record({ which: fc.nat(9), length: fc.option(length), byte: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const slab = new Slab();
      const values = new Map<number, { ref: number; bytes: Uint8Array }>();
      for (const { which, length, byte } of steps) {
        const old = values.get(which);
        if (length === null) {
          if (old !== undefined) slab.remove(old.ref, old.bytes.length);
          values.delete(which);
        } else {
          const bytes = new Uint8Array(length).fill(byte);
          const ref =
            old === undefined ? slab.add(bytes, 0, length) : slab.replace(old.ref, old.bytes.length, bytes, 0, length);
          values.set(which, { ref, bytes });
        }
      }
      for (const { ref, bytes } of values.values()) {
        const copy = Buffer.alloc(bytes.length + 2, 0xee);
        slab.copy(ref, bytes.length, copy, 1);
        assert.deepEqual(new Uint8Array(copy.subarray(1, -1)), bytes);
        assert.deepEqual([copy[0], copy.at(-1)], [0xee, 0xee]);
      }
    }),
  );
});

test('50,000 nodes: columns grow, slots and bytes are given out again', () => {
  const store = new Store();
  const root = store.add('/');
  const data = Buffer.from('some data of a node');
  const fill = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const slot = store.add(`/node-${i}`);
      store.link(slot, root);
      store.setData(slot, data, 0, i % data.length);
      store.czxid[slot] = i;
    }
  };
  fill(50_000);
  const { slotEnd, approximateBytes } = store;
  assert.equal(store.count, 50_001);
  assert.equal(store.children[root], 50_000);
  for (let i = 0; i < 50_000; i += 997) {
    const slot = store.find(`/node-${i}`);
    assert.equal(store.czxid[slot], i);
    const copy = Buffer.alloc(i % data.length);
    store.copyData(slot, copy, 0);
    assert.deepEqual(copy, data.subarray(0, i % data.length));
  }
  for (let i = 0; i < 50_000; i++) store.remove(store.find(`/node-${i}`));
  assert.deepEqual([store.count, store.firstChild(root), store.approximateBytes], [1, -1, 1]);
  fill(50_000);
  assert.deepEqual([store.slotEnd, store.approximateBytes], [slotEnd, approximateBytes]);
});

test('a buried node is gone at once; its path and, after tidying, its slot are given out again', () => {
  const store = new Store();
  const root = store.add('/');
  const add = (path: string): number => {
    const slot = store.add(path);
    store.link(slot, root);
    store.setData(slot, Buffer.from(path), 0, path.length);
    return slot;
  };
  const slots = [add('/a'), add('/b'), add('/c')];
  const before = store.approximateBytes;
  store.bury(slots);
  assert.equal(store.approximateBytes, before, 'they are in memory until they are freed');
  assert.deepEqual([store.count, store.children[root], store.firstChild(root), store.find('/b')], [1, 0, -1, -1]);
  const again = add('/b');
  assert.ok(!slots.includes(again), 'a buried slot is not free yet');
  assert.equal(store.tidy(2), true);
  assert.equal(store.tidy(2), false);
  assert.deepEqual([store.find('/a'), store.find('/b'), store.path(again)], [-1, again, '/b']);
  assert.ok(slots.includes(add('/a')) && slots.includes(add('/c')));
  assert.deepEqual([store.approximateBytes, store.slotEnd], [before, 5]);
});

test('walks that follow each other without a pause keep only what went since the last one began', () => {
  const store = new Store();
  const root = store.add('/');
  const add = (path: string): number => {
    const slot = store.add(path);
    store.link(slot, root);
    return slot;
  };
  for (let turn = 0; turn < 1000; turn++) {
    store.keepPaths();
    const slot = add(`/${turn}`);
    store.remove(slot);
    assert.equal(store.tidy(10), false);
    assert.equal(store.path(slot), `/${turn}`, 'somebody walks it');
    store.letGoOfPaths();
  }
  assert.ok(store.slotEnd < 5, `${store.slotEnd} slots`);
  store.tidy(10);
  assert.equal(store.approximateBytes, 1, 'of the root');
});

test('while somebody walks, a removed node keeps its path and no data', () => {
  const dropped: number[] = [];
  const store = new Store((slot) => dropped.push(slot));
  const slot = store.add('/a');
  store.link(slot, store.add('/'));
  store.setData(slot, Buffer.alloc(10_000), 0, 10_000);
  store.aclId[slot] = 3;
  store.keepPaths();
  store.remove(slot);
  assert.deepEqual([store.path(slot), store.approximateBytes, dropped], ['/a', '/a/'.length, [slot]]);
  store.letGoOfPaths();
  assert.equal(store.aclId[slot], 0, 'nobody can release its ACL again');
  store.tidy(1);
  assert.equal(store.approximateBytes, '/'.length);
});

test('columns with room for millions of slots hold what the small ones held', () => {
  const store = new Store();
  const count = 20_000;
  for (let n = 0; n < count; n++) store.mzxid[store.add(`/${n}`)] = n;
  assert.ok(store.mzxid.length > 1e6);
  for (let n = 0; n < count; n += 7) assert.equal(store.mzxid[store.find(`/${n}`)], n);
});

test('a node with children and a slot in use are protected', () => {
  const store = new Store();
  const root = store.add('/');
  store.link(store.add('/a'), root);
  assert.throws(() => store.remove(root), /children/);
});

test('ACLs are counted: an id is given out again once nobody has it', () => {
  const machine = new Machine();
  const session = machine.session();
  const aclOf = (n: number) => [{ perms: 31, scheme: 'digest', id: `user${n}:hash` }, ...openAcl];
  machine.request(ask.create('/a', '', 0, aclOf(1)), session);
  machine.request(ask.create('/b', '', 0, aclOf(1)), session);
  machine.request(ask.create('/c', '', 0, aclOf(2)), session);
  machine.commit();
  const { tree } = machine;
  const idOf = (path: string): number => tree.aclId(tree.find(path));
  const first = idOf('/a');
  assert.equal(idOf('/b'), first);
  assert.notEqual(idOf('/c'), first);
  machine.request(ask.setAcl('/a', openAcl), session);
  machine.request(ask.delete('/b'), session);
  machine.request(ask.create('/d', '', 0, aclOf(3)), session);
  machine.commit();
  assert.equal(idOf('/a'), 0);
  assert.equal(idOf('/d'), first);
  assert.throws(() => {
    const table = new AclTable();
    const id = table.intern(Buffer.from('some acl'), 0, 8);
    table.release(id);
    table.release(id);
  }, /as often as it is used/);
});

test('no part of the index gets more than its share of paths of one shape', () => {
  const id = (i: number): string => createHash('md5').update(`${i}`).digest('hex');
  const shapes: readonly ((i: number) => string)[] = [
    (i) => `/x/${id(i)}/lock`,
    (i) => `/services/${id(i)}/leader-election`,
    (i) => `/queue/item-${String(i).padStart(10, '0')}`,
    (i) => `/a/b/c/${i}/config/settings/current`,
    (i) => `/${i}`,
    (i) => `/company/region/cluster/namespace/application/${i}/deployment/containers/settings/current/value`,
  ];
  const count = 50_000;
  for (const shape of shapes) {
    const shares = new Map<number, number>();
    for (let i = 0; i < count; i++) {
      const shard = shardOf(shape(i));
      shares.set(shard, (shares.get(shard) ?? 0) + 1);
    }
    assert.ok(Math.max(...shares.values()) < count / 4, `${shape(1)}: ${[...shares.values()].join(' ')}`);
  }
});

test('burying few costs nothing for the many that wait to be tidied', () => {
  const store = new Store();
  const root = store.add('/');
  const slots = Array.from({ length: 60_000 }, (_, n) => {
    const slot = store.add(`/${n}`);
    store.link(slot, root);
    return slot;
  });
  store.bury(slots.slice(0, 50_000));
  const started = performance.now();
  for (const slot of slots.slice(50_000)) store.bury([slot]);
  // It takes 10 ms; with a copy of what waits for each, 4 s.
  assert.ok(performance.now() - started < 1000, `${performance.now() - started} ms`);
  assert.equal(store.count, 1);
});
