/**
 * Prep and tree against a plain model, with any number of txns in flight: whatever is decided while
 * earlier decisions are not yet applied must be as if they were.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Writer } from '../../../engine/base/bytes.ts';
import { ask, Machine } from '../../support/machine.ts';
import { Model, type Change } from '../../support/model.ts';
import type { Record } from '../../support/raw-client.ts';

const path = fc.constantFrom('/a', '/b', '/a/x', '/a/y', '/b/x', '/a/x/1', '/a/x/2');
const data = fc.constantFrom(null, '', 'x', 'y'.repeat(40), 'z'.repeat(300));
const version = fc.constantFrom(-1, -1, 0, 1, 2);
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('create' as const), path, data, flags: fc.constantFrom(0, 0, 1, 2, 3) }),
  fc.record({ kind: fc.constant('create' as const), path, data, flags: fc.constantFrom(1, 3) }),
  fc.record({ kind: fc.constant('container' as const), path, data }),
  fc.record({ kind: fc.constant('ttl' as const), path, data, ttlMs: fc.constantFrom(1, 3, 1000) }),
  fc.record({ kind: fc.constantFrom('delete' as const, 'check' as const, 'setAcl' as const), path, version }),
  fc.record({ kind: fc.constant('set' as const), path, data, version }),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('one' as const), who: fc.nat(2), changes: fc.tuple(change) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('multi' as const),
      who: fc.nat(2),
      changes: fc.array(
        change.filter(({ kind }) => kind !== 'setAcl'),
        { minLength: 1, maxLength: 5 },
      ),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('close' as const), who: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reap' as const), path }) },
);

function recordOf(one: Change): readonly [number, Record] {
  switch (one.kind) {
    case 'create':
      return ask.create(one.path, one.data, one.flags);
    case 'container':
      return ask.container(one.path, one.data);
    case 'ttl':
      return ask.ttl(one.path, one.ttlMs, one.data);
    case 'set':
      return ask.set(one.path, one.data, one.version);
    case 'setAcl':
      return ask.setAcl(one.path, undefined, one.version);
    default:
      return ask[one.kind](one.path, one.version);
  }
}

function contentsOf({ tree }: Machine): { [path: string]: object } {
  const { store } = tree;
  const all: { [path: string]: object } = {};
  for (let slot = 0; slot < store.slotEnd; slot++) {
    if (!store.used(slot) || store.path(slot).startsWith('/zookeeper')) continue;
    const out = new Writer();
    tree.writeData(slot, out);
    const length = tree.dataLength(slot);
    const kids: string[] = [];
    tree.eachChild(slot, (name) => kids.push(name));
    assert.equal(kids.length, tree.childCount(slot));
    all[store.path(slot)] = {
      data: length < 0 ? null : out.copy().toString('latin1', 4),
      version: store.version[slot],
      aversion: store.aversion[slot],
      creations: store.creations[slot],
      kind: store.kind[slot],
      owner: store.owner[slot],
      mtime: store.mtime[slot],
      czxid: store.czxid[slot],
      mzxid: store.mzxid[slot],
      pzxid: store.pzxid[slot],
      children: kids.filter((name) => name !== 'zookeeper').toSorted(),
    };
  }
  return all;
}

function contentsOfModel(model: Model): { [path: string]: object } {
  return Object.fromEntries(
    [...model.nodes].map(([at, node]) => {
      const children = model.childrenOf(at).map((kid) => kid.slice(kid.lastIndexOf('/') + 1));
      return [at, { ...node, children: children.toSorted() }];
    }),
  );
}

test('any order of changes, multis, closes and commits', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80, size: 'max' }),
      fc.constantFrom(0, 1, 1000),
      (steps, ephemeralsRecordedMax) => {
        const machine = new Machine(ephemeralsRecordedMax);
        const model = new Model();
        const sessions = [machine.session(), machine.session(), machine.session()];
        for (const one of steps) {
          if (one.kind === 'commit') {
            machine.commit(one.count);
            machine.tree.store.tidy(1);
            continue;
          }
          if (one.kind === 'reap') {
            machine.commit();
            const { zxid, time, error } = machine.reap(one.path);
            assert.equal(error, model.reap(one.path, zxid, time));
            continue;
          }
          const session = sessions[one.who]!;
          if (one.kind === 'close') {
            const { zxid } = machine.close(session);
            model.close(session, zxid);
            sessions[one.who] = machine.session();
          } else {
            const records = one.changes.map(recordOf);
            const request =
              one.kind === 'multi' || one.changes[0].kind === 'check' ? ask.multi(...records) : records[0]!;
            const { zxid, time, error } = machine.request(request, session);
            assert.equal(error, model.applyAll(one.changes, session, zxid, time));
          }
        }
        machine.commit();
        assert.deepEqual(contentsOf(machine), contentsOfModel(model));
        assert.equal(machine.tree.nodeCount, model.nodes.size + 3);
        const goBySelf = [...model.nodes].filter(([, node]) => node.kind > 1).map(([path]) => path);
        const listed = [...machine.tree.reapable].map((slot) => machine.tree.store.path(slot));
        assert.deepEqual(listed.toSorted(), goBySelf.toSorted());
      },
    ),
    { numRuns: 400 },
  );
});
