/** Both servers, started for comparison, and a run over many sequences. */
import { ProcessEnsemble } from '../../support/server-process.ts';
import { compare, describeDifference, type Server } from './compare.ts';
import { generate } from './generate.ts';
import { Janitor, superDigest } from './janitor.ts';
import { shrink } from './shrink.ts';
import { ZooKeeper } from './zookeeper.ts';

/** The same for both. */
const settings = [
  `DigestAuthenticationProvider.superDigest=${superDigest}`,
  // Nothing is removed behind the back of a sequence.
  'znode.container.checkIntervalMs=100000000',
  'preAllocSize=1024',
  'minSessionTimeout=4000',
  'maxSessionTimeout=40000',
];

export interface Totals {
  sequences: number;
  requests: number;
  /** How often each intended difference ended a sequence. */
  readonly intended: Map<string, number>;
}

export class Comparison {
  readonly totals: Totals = { sequences: 0, requests: 0, intended: new Map() };
  readonly #processes: readonly { close: () => Promise<void> }[];
  readonly #zookeeper: Server;
  readonly #zabra: Server;

  private constructor(processes: readonly { close: () => Promise<void> }[], zookeeper: Server, zabra: Server) {
    this.#processes = processes;
    this.#zookeeper = zookeeper;
    this.#zabra = zabra;
  }

  static async start(): Promise<Comparison> {
    const processes = await Promise.all([ZooKeeper.start(1, settings), ProcessEnsemble.start(1, settings)]);
    await processes[1].serving();
    const servers = processes.map(async ({ ports }) => ({ port: ports[0]!, janitor: await Janitor.at(ports[0]!) }));
    return new Comparison(processes, ...((await Promise.all(servers)) as [Server, Server]));
  }

  /** Compares the sequence of one seed; returns null, or the difference with a sequence made smaller. */
  async sequence(seed: number): Promise<string | null> {
    const steps = generate(seed);
    const { requests, intended, difference } = await compare(steps, this.#zookeeper, this.#zabra);
    const { totals } = this;
    totals.sequences++;
    totals.requests += requests;
    if (intended !== null) totals.intended.set(intended, (totals.intended.get(intended) ?? 0) + 1);
    if (difference === null) return null;
    const again = (candidate: typeof steps): ReturnType<typeof compare> =>
      compare(candidate, this.#zookeeper, this.#zabra);
    const small = await shrink(steps, async (candidate) => (await again([...candidate])).difference !== null);
    const shown = (await again([...small])).difference ?? difference;
    return `seed ${seed}\n${describeDifference(small, shown)}`;
  }

  async close(): Promise<void> {
    await Promise.all([this.#zookeeper, this.#zabra].map(({ janitor }) => janitor.close()));
    await Promise.all(this.#processes.map((process) => process.close()));
  }
}
