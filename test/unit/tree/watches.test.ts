/** Who hears of what: once, or for as long as it wants. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import * as fc from 'fast-check';
import { parentOf } from '../../../engine/tree/paths.ts';
import { Watches } from '../../../engine/tree/watches.ts';

let heard: string[];
let watches: Watches;

beforeEach(() => {
  heard = [];
  watches = new Watches((connection, type, path, aclId) => heard.push(`${connection} ${type} ${path} ${aclId}`));
});

test('each kind of change tells those it concerns, with the ACL of the node in question', () => {
  watches.addData(1, '/a');
  watches.addData(2, '/a');
  watches.addChild(1, '/a');
  watches.addChild(3, '/');
  watches.dataChanged('/a', 7);
  assert.deepEqual(heard.splice(0), ['1 3 /a 7', '2 3 /a 7']);
  watches.nodeCreated('/a/x', '/a', 8, 7);
  assert.deepEqual(heard.splice(0), ['1 4 /a 7']);
  watches.nodeDeleted('/a', '/', 7, 9);
  assert.deepEqual(heard.splice(0), ['3 4 / 9']);
  assert.equal(watches.count, 0);
});

test('a watch fires once and is registered once', () => {
  for (let i = 0; i < 3; i++) watches.addData(1, '/a');
  assert.equal(watches.count, 1);
  watches.nodeCreated('/a', '/', 0, 0);
  watches.dataChanged('/a', 0);
  assert.deepEqual(heard, ['1 1 /a 0']);
});

test('a deletion is one event for a connection that watches data and children', () => {
  watches.addData(1, '/a');
  watches.addChild(1, '/a');
  watches.addChild(2, '/a');
  watches.addChild(1, '/');
  watches.nodeDeleted('/a', '/', 0, 0);
  assert.deepEqual(heard, ['1 2 /a 0', '2 2 /a 0', '1 4 / 0']);
  assert.equal(watches.count, 0);
});

test('a connection that is gone leaves nothing behind', () => {
  for (const path of ['/a', '/b']) {
    watches.addData(1, path);
    watches.addChild(1, path);
    watches.addData(2, path);
  }
  watches.forget(1);
  assert.equal(watches.count, 2);
  assert.equal(watches.data.connections().size, 1);
  watches.dataChanged('/a', 0);
  watches.forget(2);
  assert.deepEqual(heard, ['2 3 /a 0']);
  assert.deepEqual([watches.count, watches.data.paths().size, watches.child.paths().size], [0, 0, 0]);
});

test('a recursive watch hears of everything below, once for each node, and of no list of children', () => {
  watches.addRecursive(1, '/a');
  watches.addRecursive(1, '/');
  watches.addPersistent(1, '/a/x');
  watches.addData(1, '/a/x');
  watches.nodeCreated('/a/x', '/a', 8, 7);
  watches.dataChanged('/a/x', 8);
  watches.nodeCreated('/ab', '/', 6, 5);
  watches.nodeDeleted('/a/x', '/a', 8, 7);
  assert.deepEqual(heard, ['1 1 /a/x 8', '1 3 /a/x 8', '1 1 /ab 6', '1 2 /a/x 8']);
  assert.equal(watches.count, 4);
});

test('watches are found and removed by their type', () => {
  const types = { children: 1, data: 2, any: 3, persistent: 4, persistentRecursive: 5 } as const;
  const add = {
    children: () => watches.addChild(1, '/a'),
    data: () => watches.addData(1, '/a'),
    persistent: () => watches.addPersistent(1, '/a'),
    persistentRecursive: () => watches.addRecursive(1, '/a'),
  };
  for (const kind of ['children', 'data', 'persistent', 'persistentRecursive'] as const) {
    add[kind]();
    for (const [name, type] of Object.entries(types)) {
      assert.equal(watches.has(1, '/a', type), name === kind || name === 'any', `${kind} ${name}`);
      assert.equal(watches.has(2, '/a', type), false);
      if (name === kind || name === 'any') continue;
      assert.equal(watches.remove(1, '/a', type), false);
    }
    assert.equal(watches.remove(1, '/a', types[kind]), true);
    assert.equal(watches.count, 0);
  }
  for (const each of Object.values(add)) each();
  watches.addPersistent(2, '/a');
  assert.equal(watches.remove(1, '/a', types.any), true);
  assert.equal(watches.count, 2);
});

/** What a connection may watch, as sets of "connection kind path". */
const kinds = ['data', 'child', 'persistent', 'recursive'] as const;
const paths = ['/', '/a', '/a/b', '/a/b/c', '/ab'];
const step = fc.oneof(
  fc.record({ what: fc.constantFrom(...kinds), who: fc.nat(2), path: fc.constantFrom(...paths) }),
  fc.record({ what: fc.constantFrom('created', 'deleted', 'changed'), path: fc.constantFrom(...paths.slice(1)) }),
  fc.record({ what: fc.constant('gone'), who: fc.nat(2) }),
);

test('any watches and changes, against the rules written down as sets', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const events: string[] = [];
      const tested = new Watches((connection, type, path) => events.push(`${connection} ${type} ${path}`));
      const set = new Set<string>();
      for (const one of steps) {
        const path = 'path' in one ? one.path : '';
        const who = 'who' in one ? one.who : -1;
        if (one.what === 'data') tested.addData(who, path);
        if (one.what === 'child') tested.addChild(who, path);
        if (one.what === 'persistent') tested.addPersistent(who, path);
        if (one.what === 'recursive') tested.addRecursive(who, path);
        if (who >= 0 && path !== '') set.add(`${who} ${one.what} ${path}`);
        if (one.what === 'gone') {
          tested.forget(who);
          for (const each of set) if (each.startsWith(`${who} `)) set.delete(each);
        }
        const parent = parentOf(path);
        if (one.what === 'created') tested.nodeCreated(path, parent, 0, 0);
        if (one.what === 'deleted') tested.nodeDeleted(path, parent, 0, 0);
        if (one.what === 'changed') tested.dataChanged(path, 0);
        assert.deepEqual(events.splice(0).toSorted(), expectedEvents(one.what, path, set).toSorted());
      }
      const count = [...set].reduce((sum, each) => sum + (each.includes('persistent') ? 2 : 1), 0);
      assert.equal(tested.count, count);
    }),
    { numRuns: 500 },
  );
});

test('a path of thousands of levels costs no more than its length where something is watched recursively', () => {
  const heard: string[] = [];
  const watches = new Watches((connection, _, path) => heard.push(`${connection} ${path}`));
  watches.addRecursive(1, '/q');
  watches.addRecursive(2, '/');
  watches.addRecursive(3, '/q/other');
  const path = `/q${'/d'.repeat(8000)}`;
  const since = performance.now();
  for (let n = 0; n < 200; n++) watches.dataChanged(path, 0);
  assert.deepEqual(new Set(heard), new Set([`1 ${path}`, `2 ${path}`]));
  // A tenth of a second each where every level is looked up.
  assert.ok(performance.now() - since < 2000);
});

function expectedEvents(what: string, path: string, set: Set<string>): string[] {
  const type = { created: 1, deleted: 2, changed: 3 }[what];
  if (type === undefined) return [];
  const events: string[] = [];
  const above = paths.filter((other) => other === path || path.startsWith(other === '/' ? '/' : `${other}/`));
  for (const who of [0, 1, 2]) {
    const has = (kind: string, at: string): boolean => set.has(`${who} ${kind} ${at}`);
    const hears =
      has('data', path) ||
      has('persistent', path) ||
      above.some((other) => has('recursive', other)) ||
      (type === 2 && has('child', path));
    if (hears) events.push(`${who} ${type} ${path}`);
    const parent = parentOf(path);
    if (type !== 3 && (has('child', parent) || has('persistent', parent))) events.push(`${who} 4 ${parent}`);
    set.delete(`${who} data ${path}`);
    if (type === 2) set.delete(`${who} child ${path}`);
    if (type !== 3) set.delete(`${who} child ${parent}`);
  }
  return events;
}
