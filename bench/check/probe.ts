/** Asks one server one thing at a time, so that nothing waits but for the server itself. */
import { Client } from '../../engine/client/index.ts';
import { Histogram } from '../measure/histogram.ts';
import type { Host } from '../target/target.ts';
import { modeOf, monitor } from '../target/words.ts';
import type { Probe } from './advice.ts';

const reads = 200;
const writes = 60;
export const probePath = '/bench-probe';
const patienceMs = 5000;

export async function probe(host: Host): Promise<Probe> {
  const name = `${host.host}:${host.port}`;
  const mode = await modeOf(host);
  const connections = (await monitor(host)).get('num_alive_connections') ?? null;
  try {
    const client = await Client.connect(name, { timeoutMs: patienceMs });
    try {
      if ((await client.exists(probePath)) === null) await client.create(probePath).catch(ignoreExisting);
      const readUs = await medianOf(reads, () => client.exists(probePath));
      const writeUs = await medianOf(writes, () => client.setData(probePath, name));
      return { name, mode, connections, readUs, writeUs, problem: null };
    } finally {
      await client.close();
    }
  } catch (error) {
    return { name, mode, connections, readUs: null, writeUs: null, problem: (error as Error).message };
  }
}

/** Two probes make the same znode. */
function ignoreExisting(error: Error): void {
  if (!/exists/i.test(error.message)) throw error;
}

async function medianOf(times: number, what: () => Promise<unknown>): Promise<number> {
  const histogram = new Histogram();
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    await what();
    histogram.record((performance.now() - started) * 1000);
  }
  return histogram.quantile(0.5);
}

/** Mean of an fsync by what the servers tell, µs; null: they do not. The slowest of them is what matters. */
export async function fsyncOf(hosts: readonly Host[]): Promise<number | null> {
  const told = await Promise.all(hosts.map(async (host) => (await monitor(host)).get('avg_fsynctime')));
  const known = told.filter((value) => value !== undefined).filter((value) => value > 0);
  return known.length === 0 ? null : Math.max(...known) * 1000;
}
