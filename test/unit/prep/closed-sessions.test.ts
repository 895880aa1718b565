/**
 * A session that closes with many ephemeral nodes: one entry for all of them decides like a record for
 * each, whatever else is in flight.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ask, Machine } from '../../support/machine.ts';

const parent = fc.constantFrom('/p', '/q');
const child = fc.tuple(parent, fc.constantFrom('/1', '/2', '/3')).map((parts) => parts.join(''));
const who = fc.nat(2);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ephemeral' as const), path: child, who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lasting' as const), path: child, who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('set' as const), path: child, who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), path: child, who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('removeParent' as const), path: parent, who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('close' as const), who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const), count: fc.integer({ min: 1, max: 6 }) }) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What became of each step, and all nodes at the end. */
function run(steps: readonly Step[], recordedMax: number): unknown[] {
  const machine = new Machine(recordedMax);
  const sessions = [machine.session(), machine.session(), machine.session()];
  const ensure = (path: string): number => machine.request(ask.create(path), sessions[0]!).error;
  const outcomes: unknown[] = [ensure('/p'), ensure('/q')];
  for (const one of steps) {
    switch (one.kind) {
      case 'commit':
        machine.commit(one.count);
        machine.tree.store.tidy(1);
        break;
      case 'close':
        outcomes.push(machine.close(sessions[one.who]!).error);
        sessions[one.who] = machine.session();
        break;
      case 'removeParent':
        outcomes.push(machine.request(ask.delete(one.path), sessions[one.who]!).error, ensure(one.path));
        break;
      case 'remove':
        outcomes.push(machine.request(ask.delete(one.path), sessions[one.who]!).error);
        break;
      case 'set':
        outcomes.push(machine.request(ask.set(one.path), sessions[one.who]!).error);
        break;
      default:
        outcomes.push(
          machine.request(ask.create(one.path, '', one.kind === 'ephemeral' ? 1 : 0), sessions[one.who]!).error,
        );
    }
  }
  machine.commit();
  const { store } = machine.tree;
  const nodes: string[] = [];
  for (let slot = 0; slot < store.slotEnd; slot++)
    if (store.used(slot)) nodes.push(`${store.path(slot)} ${store.children[slot]} ${store.czxid[slot]}`);
  return [...outcomes, ...nodes.toSorted()];
}

test('both ways decide the same', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) => {
      assert.deepEqual(run(steps, 0), run(steps, 1000));
    }),
    { numRuns: 800 },
  );
});
