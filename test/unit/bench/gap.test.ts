/** Gaps are found to the millisecond, and split by what the servers journaled. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longestGap, readJournal, splitGap, usualGap } from '../../../bench/failover/gap.ts';

/** A count per ms: writes at the given times, none elsewhere. */
function timeline(length: number, ...writes: number[]): number[] {
  return Array.from({ length }, (_, at) => (writes.includes(at) ? 3 : 0));
}

test('the longest gap that ends after the fault', () => {
  const found = longestGap(timeline(100, 2, 40, 42, 45, 60, 61), 44, 70);
  assert.deepEqual(found, { from: 45, to: 60, ms: 15 });
});

test('a gap that had begun before the fault counts whole', () => {
  assert.deepEqual(longestGap(timeline(100, 10, 50, 55), 20, 60), { from: 10, to: 50, ms: 40 });
});

test('service that never comes back is a gap to the end', () => {
  assert.deepEqual(longestGap(timeline(100, 10, 20), 15, 100), { from: 20, to: 100, ms: 80 });
});

test('what is usual is measured before the fault alone', () => {
  assert.equal(usualGap(timeline(100, 10, 14, 20, 22, 80), 10, 30), 8);
});

function line(msg: string, at: number, fields: object = {}): string {
  return JSON.stringify({ level: 'info', server: 1, time: new Date(at).toISOString(), ...fields, msg });
}

const journals = [
  { id: 1, log: line('role', 1050, { role: 'looking' }) },
  {
    id: 2,
    log: [
      'not of the journal',
      line('role', 900, { role: 'looking' }),
      line('role', 1010, { role: 'looking' }),
      line('role', 1030, { role: 'leading' }),
      line('serving clients', 1070, { role: 'leading' }),
      line('first commit', 1075),
    ].join('\n'),
  },
  { id: 3, log: [line('role', 1004, { role: 'looking' }), line('role', 1040, { role: 'following' })].join('\n') },
];

/** Of writes at these times. */
const acks =
  (...times: readonly number[]) =>
  (since: number): number | null =>
    times.find((at) => at >= since) ?? null;

test('the parts of a gap add up to the time from the fault to the first acknowledgement of the new leader', () => {
  const split = splitGap(journals.flatMap(readJournal), 1000, 1, acks(1000, 1080, 1200));
  assert.deepEqual(split, { detect: 4, elect: 26, synchronize: 40, firstCommit: 5, firstAck: 5 });
});

test('the server that the fault hit has no say, and without a new leader there is no split', () => {
  const events = journals.flatMap(readJournal);
  assert.equal(splitGap(events, 1000, 2, acks(1080)), null);
  assert.equal(splitGap([], 1000, 1, acks(1080)), null);
  assert.equal(splitGap(events, 1000, 1, acks(1000)), null, 'nobody was answered any more');
  const uncommitted = events.filter(({ event }) => event !== 'first commit');
  assert.equal(splitGap(uncommitted, 1000, 1, acks(1080)), null, 'nobody says when it committed');
});
