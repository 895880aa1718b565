/** The engine of the generator without a server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Load } from '../../../bench/load/load.ts';
import { MixSource } from '../../../bench/load/mix.ts';
import { canonicalWorkload } from '../../../bench/load/workload.ts';
import { Histogram } from '../../../bench/measure/histogram.ts';

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
