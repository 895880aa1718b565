/** The verdict of `check`, and that it names what limits an ensemble. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advise, verdictOf, type Probe, type Survey } from '../../../bench/check/advice.ts';
import type { Round } from '../../../bench/report/record.ts';

const round: Round = {
  perSecond: 1000,
  writesPerSecond: 1000,
  readsPerSecond: 0,
  p50: 2000,
  p90: 4000,
  p99: 9000,
  p999: 20_000,
  max: 30_000,
  errors: {},
  lost: 0,
  unanswered: 0,
  serviceP99: 0,
  lagP99: 0,
  generator: { usPerOperation: 1, cpu: 0.1, busy: 0.1, verdict: 'fine' },
  latency: { max: 0, sum: 0, buckets: [] },
  timeline: [],
};

function probes(...changes: Partial<Probe>[]): Probe[] {
  return Array.from({ length: 3 }, (_, n) => ({
    name: `s${n + 1}:2181`,
    mode: n === 0 ? 'leader' : 'follower',
    connections: 10,
    readUs: 200,
    writeUs: 1500,
    problem: null,
    ...changes[n],
  }));
}

const healthy: Survey = { idle: probes(), loaded: probes(), round, rate: 1000, boundMs: 50, fsyncUs: 300 };

test('a healthy ensemble passes, and nothing stands out', () => {
  assert.deepEqual(verdictOf(healthy), []);
  assert.match(advise(healthy).join(), /nothing stands out/);
});

for (const [name, change, problem] of [
  ['a rate that is not held', { round: { ...round, perSecond: 700 } }, /700 of 1,000 operations/],
  ['a p99 above the bound', { round: { ...round, p99: 60_000 } }, /p99 was 60\.0 ms, above 50 ms/],
  ['one request that took very long', { round: { ...round, max: 900_000 } }, /slowest request took 900 ms/],
  ['refused requests', { round: { ...round, errors: { [-5]: 3 } } }, /3 requests were refused/],
  ['unanswered requests', { round: { ...round, perSecond: 955, unanswered: 900 } }, /900 requests were not answered/],
  ['lost requests', { round: { ...round, lost: 4 } }, /4 requests were lost/],
  ['a server that is not there', { idle: probes({}, { problem: 'no connection' }) }, /s2:2181 cannot be used: no con/],
  ['no leader', { idle: probes({ mode: 'follower' }) }, /none of these servers leads/],
  ['servers of two ensembles', { idle: probes({}, { mode: 'leader' }) }, /2 of these servers lead/],
] as const) {
  test(`${name} fails`, () => {
    const problems = verdictOf({ ...healthy, ...change });
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, problem);
  });
}

for (const [name, change, finding] of [
  ['a slow disk, as the servers tell', { fsyncUs: 1200 }, /^disk: an fsync takes 1\.20 ms of the 1\.50 ms/],
  [
    'a slow disk or slow links, where they tell nothing',
    { fsyncUs: null, idle: probes(...Array.from({ length: 3 }, () => ({ writeUs: 12_000 }))) },
    /^disk or links between the servers/,
  ],
  [
    'waiting that is not for the disk',
    { idle: probes(...Array.from({ length: 3 }, () => ({ writeUs: 12_000 }))) },
    /^processor or links between the servers: of the 12\.0 ms of a write, 11\.5 ms are neither/,
  ],
  ['a long way', { idle: probes(...Array.from({ length: 3 }, () => ({ readUs: 1300 }))) }, /^network: a read takes/],
  [
    'servers out of processor',
    { loaded: probes(...Array.from({ length: 3 }, () => ({ readUs: 3000 }))) },
    /^cpu: a read takes 3\.00 ms under this load instead of 200 µs/,
  ],
  ['one slow server', { loaded: probes({}, { readUs: 2500 }) }, /^one hot server: s2:2181 answers a read in 2\.50 ms/],
  [
    'one server with nearly all clients',
    { loaded: probes({ connections: 90 }, { connections: 2 }, { connections: 4 }) },
    /^one hot server: s1:2181 has 90 clients of 96/,
  ],
] as const) {
  test(`${name} is named`, () => {
    const findings = advise({ ...healthy, ...change });
    assert.equal(findings.length, 1, findings.join('\n'));
    assert.match(findings[0]!, finding);
  });
}
