/**
 * What the servers tell of themselves while they are loaded: batches, what is in flight, and where the
 * time of a commit goes. Read from their Prometheus endpoints; servers without one tell nothing.
 */
import { Agent, get } from 'node:http';

const everyMs = 150;
export const stageNames = ['queue', 'prep', 'log', 'fsync', 'network', 'quorum', 'apply', 'reply'] as const;
export type StageName = (typeof stageNames)[number];

/** The leader over one interval. */
export interface Sample {
  /** s after the start of the measured stretch. */
  readonly at: number;
  readonly batchTxns: number;
  readonly batchBytes: number;
  readonly fsyncTxns: number;
  readonly batchesInFlight: number;
  readonly bytesInFlight: number;
}

export interface Observed {
  readonly samples: readonly Sample[];
  /** Mean of each stage over the stretch, µs for a batch. */
  readonly stages: Readonly<Record<StageName, number>>;
  /** Means over the stretch. */
  readonly batchTxns: number;
  readonly fsyncTxns: number;
  readonly fsyncUs: number;
  /** Share of a core that each server used, the leader first. */
  readonly cpu: readonly number[];
}

export type Scrape = ReadonlyMap<string, number>;

interface Taken {
  readonly at: number;
  readonly values: Scrape;
}

export class Observer {
  readonly #ports: readonly number[];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });
  readonly #taken: Taken[][];
  #running = true;
  #loop: Promise<unknown> = Promise.resolve();

  /** @param ports of the servers' metrics */
  constructor(ports: readonly number[]) {
    this.#ports = ports;
    this.#taken = ports.map(() => []);
  }

  start(): void {
    this.#loop = Promise.all(this.#ports.map((port, server) => this.#watch(port, server)));
  }

  /** Ends the observation; null when no server told anything. */
  async stop(): Promise<Observed | null> {
    this.#running = false;
    await this.#loop;
    this.#agent.destroy();
    return summarize(this.#taken);
  }

  async #watch(port: number, server: number): Promise<void> {
    while (this.#running) {
      const values = await scrape(port, this.#agent);
      if (values !== null) this.#taken[server]!.push({ at: performance.now(), values });
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
}

/** Values by name and labels, as they are written; null when nobody answers. */
export function scrape(port: number, agent?: Agent): Promise<Scrape | null> {
  return new Promise((resolve) => {
    const request = get({ port, host: '127.0.0.1', path: '/metrics', agent, timeout: 1000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(response.statusCode === 200 ? parseMetrics(text) : null));
      response.on('error', () => resolve(null));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(null));
  });
}

export function parseMetrics(text: string): Scrape {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const at = line.lastIndexOf(' ');
    values.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return values;
}

/** Whoever proposed most is the leader: all batches are its. */
function summarize(taken: readonly (readonly Taken[])[]): Observed | null {
  const full = taken.filter((samples) => samples.length >= 2);
  const proposed = (samples: readonly Taken[]): number => growth(samples, 'zabra_batch_txns_count');
  const servers = [...full].sort((a, b) => proposed(b) - proposed(a));
  const leader = servers[0];
  if (leader === undefined || proposed(leader) === 0) return null;
  const stage = (name: StageName): number =>
    1e6 *
    ratio(
      leader,
      `zabra_commit_stage_seconds_sum{stage="${name}"}`,
      `zabra_commit_stage_seconds_count{stage="${name}"}`,
    );
  const [first] = leader;
  return {
    samples: leader.slice(1).map((now, n) => toSample(leader[n]!, now, first!.at)),
    stages: Object.fromEntries(stageNames.map((name) => [name, stage(name)])) as Record<StageName, number>,
    batchTxns: ratio(leader, 'zabra_batch_txns_sum', 'zabra_batch_txns_count'),
    fsyncTxns: ratio(leader, 'zabra_fsync_txns_sum', 'zabra_fsync_txns_count'),
    fsyncUs: stage('fsync'),
    cpu: servers.map((samples) => growth(samples, 'process_cpu_seconds_total') / seconds(samples)),
  };
}

function toSample(before: Taken, now: Taken, start: number): Sample {
  const pair = [before, now];
  return {
    at: (now.at - start) / 1000,
    batchTxns: ratio(pair, 'zabra_batch_txns_sum', 'zabra_batch_txns_count'),
    batchBytes: ratio(pair, 'zabra_batch_bytes_sum', 'zabra_batch_bytes_count'),
    fsyncTxns: ratio(pair, 'zabra_fsync_txns_sum', 'zabra_fsync_txns_count'),
    batchesInFlight: now.values.get('zabra_batches_in_flight') ?? 0,
    bytesInFlight: now.values.get('zabra_bytes_in_flight') ?? 0,
  };
}

function growth(samples: readonly Taken[], name: string): number {
  return (samples.at(-1)!.values.get(name) ?? 0) - (samples[0]!.values.get(name) ?? 0);
}

function ratio(samples: readonly Taken[], sum: string, count: string): number {
  const counted = growth(samples, count);
  return counted === 0 ? 0 : growth(samples, sum) / counted;
}

function seconds(samples: readonly Taken[]): number {
  return (samples.at(-1)!.at - samples[0]!.at) / 1000;
}
