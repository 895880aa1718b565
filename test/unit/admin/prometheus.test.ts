/** `/metrics`: the format as Prometheus reads it, ZooKeeper's names with their types, and our own. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Server } from '../../../engine/index.ts';
import { RawClient } from '../../support/raw-client.ts';
import { zookeeperMetrics } from '../../support/zookeeper-metrics.ts';

const folder = mkdtempSync(join(tmpdir(), 'zabra-prometheus-'));
const host = '127.0.0.1';
const settings = {
  clientPort: 0,
  clientPortAddress: host,
  metricsPort: 0,
  metricsAddress: host,
  logLevel: 'silent',
  preAllocSize: 64,
} as const;
let server: Server;

before(async () => {
  server = await Server.start({ ...settings, dataDir: join(folder, 'one') });
  await server.ready();
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Family {
  readonly type: string;
  readonly samples: ReadonlyMap<string, number>;
}

/** Reads the text format strictly: HELP, TYPE and then the samples of each family, once. */
function parse(text: string): ReadonlyMap<string, Family> {
  assert.ok(text.endsWith('\n'));
  const families = new Map<string, { type: string; samples: Map<string, number> }>();
  let name = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-z_][a-z0-9_]*) \S.*$/.exec(line)?.[1];
    const type = /^# TYPE (\S+) (counter|gauge|summary|histogram)$/.exec(line);
    if (help !== undefined) {
      assert.ok(!families.has(help), `${help} comes twice`);
      name = help;
    } else if (type !== null) {
      assert.equal(type[1], name);
      families.set(name, { type: type[2]!, samples: new Map() });
    } else {
      const [, full, labels = '', value] = /^([a-z0-9_]+)(\{\w+="[^"]*"(?:,\w+="[^"]*")*\})? (\S+)$/.exec(line)!;
      const suffixes = { summary: /^(_count|_sum)?$/, histogram: /^(_bucket|_count|_sum)$/, other: /^$/ };
      const { type, samples } = families.get(name)!;
      assert.ok(full!.startsWith(name), line);
      assert.match(full!.slice(name.length), suffixes[type as 'summary' | 'histogram'] ?? suffixes.other, line);
      assert.ok(value === 'NaN' || Number.isFinite(Number(value)), line);
      assert.ok(!samples.has(full! + labels), line);
      samples.set(full! + labels, Number(value));
    }
  }
  return families;
}

async function scrape(from = server): Promise<ReadonlyMap<string, Family>> {
  const text = await new Promise<string>((resolve, reject) => {
    get({ host, port: from.metricsPort, path: '/metrics', agent: false }, (reply) => {
      assert.equal(reply.statusCode, 200);
      assert.equal(reply.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
      let body = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      reply.on('end', () => resolve(body));
    }).on('error', reject);
  });
  return parse(text);
}

test("ZooKeeper's names, with its types and quantiles", async () => {
  const families = await scrape();
  const known = new Map<string, string>();
  for (const name of [...zookeeperMetrics.gauges, ...zookeeperMetrics.leaderGauges]) known.set(name, 'gauge');
  for (const name of zookeeperMetrics.counters) known.set(name, 'counter');
  for (const name of [...zookeeperMetrics.basic, ...zookeeperMetrics.advanced, ...zookeeperMetrics.sets])
    known.set(name, 'summary');
  for (const [name, { type, samples }] of families) {
    if (/^(zabra|process|nodejs)_/.test(name)) continue;
    assert.equal(type, known.get(name), name);
    if (type !== 'summary') continue;
    const isBasic = zookeeperMetrics.basic.includes(name);
    const quantiles = [...samples.keys()].flatMap((key) => /quantile="([\d.]+)"/.exec(key)?.[1] ?? []);
    assert.deepEqual(quantiles, isBasic ? ['0.5'] : ['0.5', '0.9', '0.99'], name);
  }
});

/** Metrics that the rules and dashboards of ZooKeeper's documentation use, but those of the JVM. */
const documented =
  'znode_count num_alive_connections approximate_data_size watch_count election_time open_file_descriptor_count ' +
  'fsynctime snapshottime avg_latency outstanding_requests packets_received packets_sent ephemerals_count ' +
  'max_latency readlatency updatelatency uptime global_sessions commit_count proposal_count';

test('what dashboards and alerts ask for is there, and says what happened', async () => {
  const client = await RawClient.connect(server.clientPort);
  const before = await scrape();
  for (const name of documented.split(' ')) assert.ok(before.has(name), name);
  await client.create('/prometheus');
  for (let n = 0; n < 9; n++) await client.set('/prometheus', 'x'.repeat(n));
  await client.get('/prometheus', true);
  const after = await scrape();
  const grew = (family: string, sample = family): number =>
    after.get(family)!.samples.get(sample)! - before.get(family)!.samples.get(sample)!;
  assert.equal(grew('znode_count'), 1);
  assert.equal(grew('watch_count'), 1);
  assert.equal(grew('commit_count'), 10);
  assert.equal(grew('updatelatency', 'updatelatency_count'), 10);
  assert.equal(grew('readlatency', 'readlatency_count'), 1);
  assert.equal(grew('fsynctime', 'fsynctime_count'), 10, 'one request at a time is one fsync each');
  assert.ok(grew('fsynctime', 'fsynctime_sum') > 0);
  assert.equal(grew('zabra_batch_txns', 'zabra_batch_txns_bucket{le="1"}'), 10);
  assert.equal(grew('zabra_batch_txns', 'zabra_batch_txns_sum'), 10);
  for (const stage of ['queue', 'prep', 'log', 'fsync', 'quorum', 'apply', 'reply']) {
    const label = `{stage="${stage}"}`;
    assert.equal(grew('zabra_commit_stage_seconds', `zabra_commit_stage_seconds_count${label}`), 10, stage);
  }
  assert.ok(after.get('updatelatency')!.samples.get('updatelatency{quantile="0.99"}')! > 0);
  await client.close();
});

test('histograms: cumulative, and complete at the end', async () => {
  for (const [name, { type, samples }] of await scrape()) {
    if (type !== 'histogram') continue;
    const series = new Map<string, number[]>();
    for (const [key, value] of samples) {
      const label = /_bucket\{(.*)le="([^"]+)"\}$/.exec(key);
      if (label !== null) series.set(label[1]!, [...(series.get(label[1]!) ?? []), value]);
    }
    for (const [label, values] of series) {
      assert.deepEqual(
        values,
        values.toSorted((a, b) => a - b),
        name,
      );
      const count = label === '' ? `${name}_count` : `${name}_count{${label.slice(0, -1)}}`;
      assert.equal(values.at(-1), samples.get(count), `${name} ${label}`);
    }
  }
});

test('of the process, unless that is not wanted', async (t) => {
  const families = await scrape();
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_heap_size_used_bytes'])
    assert.ok([...families.get(name)!.samples.values()][0]! > 0, name);
  const shy = await Server.start({ ...settings, dataDir: join(folder, 'shy'), metricsOfProcess: false });
  t.after(() => shy.close());
  for (const name of (await scrape(shy)).keys()) assert.doesNotMatch(name, /^(process|nodejs)_/);
});
