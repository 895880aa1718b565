/** Who hears of what, once. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
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
