/** Both servers, started for comparison, and a run over many sequences. */
import { ProcessEnsemble } from '../../support/server-process.ts';
import { compare, describeDifference, type Outcome, type Server } from './compare.ts';
import { generate } from './generate.ts';
import { Janitor, superDigest } from './janitor.ts';
import { describeSteps, type Step } from './sequence.ts';
import { shrink } from './shrink.ts';
import { ZooKeeper } from './zookeeper.ts';

/** The same for both. */
const settings = [
  `DigestAuthenticationProvider.superDigest=${superDigest}`,
  'extendedTypesEnabled=true',
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
  readonly #theirs: ZooKeeper;
  readonly #ours: ProcessEnsemble;
  readonly #zookeeper: Server;
  readonly #zabra: Server;

  private constructor(theirs: ZooKeeper, ours: ProcessEnsemble, zookeeper: Server, zabra: Server) {
    this.#theirs = theirs;
    this.#ours = ours;
    this.#zookeeper = zookeeper;
    this.#zabra = zabra;
  }

  static async start(): Promise<Comparison> {
    const [theirs, ours] = await Promise.all([ZooKeeper.start(1, settings), ProcessEnsemble.start(1, settings)]);
    await ours.serving();
    const server = async ({ ports }: { ports: readonly number[] }): Promise<Server> => ({
      port: ports[0]!,
      janitor: await Janitor.at(ports[0]!),
    });
    return new Comparison(theirs, ours, await server(theirs), await server(ours));
  }

  /** Compares the sequence of one seed; returns null, or the difference with a sequence made smaller. */
  async sequence(seed: number): Promise<string | null> {
    const steps = generate(seed);
    const { requests, intended, difference } = await this.#compare(steps);
    const { totals } = this;
    totals.sequences++;
    totals.requests += requests;
    if (intended !== null) totals.intended.set(intended, (totals.intended.get(intended) ?? 0) + 1);
    if (difference === null) return null;
    const small = await shrink(steps, async (candidate) => (await this.#compare(candidate)).difference !== null);
    const shown = (await this.#compare(small)).difference ?? difference;
    return `seed ${seed}\n${describeDifference(small, shown)}`;
  }

  async #compare(steps: readonly Step[]): Promise<Outcome> {
    try {
      return await compare(steps, this.#zookeeper, this.#zabra);
    } catch (error) {
      throw new Error(`Either server may have ended:\n${this.#ours.servers[0]!.output}\n${describeSteps(steps)}`, {
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#zookeeper, this.#zabra].map(({ janitor }) => janitor.close()));
    await Promise.all([this.#theirs.close(), this.#ours.close()]);
  }
}
