/** The engine of the generator, with a server that only pretends or none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Load } from '../../../bench/load/load.ts';
import { MixSource } from '../../../bench/load/mix.ts';
import { NullServer } from '../../../bench/load/null-server.ts';
import { canonicalWorkload } from '../../../bench/load/workload.ts';
import { Histogram } from '../../../bench/measure/histogram.ts';
import { until } from '../../support/until.ts';

const workload = { ...canonicalWorkload, sessions: 2, window: 4 };
const hosts = [{ host: '127.0.0.1', port: 1 }];
const spec = { hosts, workload, firstSession: 0, seed: 1, run: '123456', sessionTimeoutMs: 1000 };

test('open loop: what was due in the stretch and could not even be sent is as old as it was at the end', () => {
  const load = new Load({ ...spec, protocol: 'zookeeper' }, new MixSource(workload, 1, 0));
  load.begin({ startAt: performance.now() - 1000, warmMs: 100, measureMs: 400, rate: 1000 });
  load.stop();
  const unanswered = Histogram.from(load.result(0, 0).unanswered);
  assert.equal(unanswered.count, 400);
  assert.ok(unanswered.quantile(0.5) >= 690_000, `${unanswered.quantile(0.5)} µs`);
  assert.ok(unanswered.max >= 900_000 * 0.99, `${unanswered.max} µs`);
});

/** Connects all sessions. */
async function open(load: Load): Promise<void> {
  for (const session of load.sessions) session.open();
  await until('the sessions', 10_000, () => load.sessions.every(({ ready }) => ready));
}

test('a sync is no write: the timeline of acknowledged writes is without it', async (t) => {
  const server = await NullServer.start();
  t.after(() => server.close());
  const syncs = { ...workload, mix: { sync: 1 } };
  const here = [{ host: '127.0.0.1', port: server.port }];
  const load = new Load({ ...spec, protocol: 'zookeeper', hosts: here, workload: syncs }, new MixSource(syncs, 1, 0));
  await open(load);
  load.begin({ startAt: performance.now(), warmMs: 0, measureMs: 60_000, rate: 0 });
  await until('some syncs', 10_000, () => load.operations >= 10);
  load.stop();
  for (const session of load.sessions) session.close();
  const { writes, reads, timeline } = load.result(0, 0);
  assert.ok(reads >= 10);
  assert.equal(writes + timeline.reduce((sum, count) => sum + count, 0), 0);
});
