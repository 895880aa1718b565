/** Both servers, started for comparison, and a run over many sequences. */
import { ApacheServers } from '../../support/apache.ts';
import { ProcessEnsemble } from '../../support/server-process.ts';
import { compare, describeDifference, type Outcome, type Server } from './compare.ts';
import { generate } from './generate.ts';
import { Janitor, superDigest } from './janitor.ts';
import { describeSteps, type Step } from './sequence.ts';
import { shrink } from './shrink.ts';

/** The same for both. */
export const settings = [
  `DigestAuthenticationProvider.superDigest=${superDigest}`,
  'extendedTypesEnabled=true',
  'enforceQuota=true',
  // Nothing is removed behind the back of a sequence.
  'znode.container.checkIntervalMs=100000000',
  'preAllocSize=1024',
  'minSessionTimeout=4000',
  'maxSessionTimeout=40000',
];

export interface Totals {
  sequences: number;
  requests: number;
  /** How often each error code was the answer. */
  readonly answers: Map<number | null, number>;
  /** How often each intended difference ended a sequence. */
  readonly intended: Map<string, number>;
  /** Sequences in which ZooKeeper left an answer out that it gave when asked again. */
  silent: number;
}

/** Servers of one kind: they are asked at `ports`. */
interface Servers {
  readonly ports: readonly number[];
  /** What they have printed. */
  readonly output: string;
  close(): Promise<void>;
}

/** ZooKeeper and we, with the same settings. */
export async function startBoth(size = 1): Promise<Comparison> {
  const [zookeeper, zabra] = await Promise.all([ApacheServers.start(size, settings), startOurs(settings, size)]);
  return Comparison.between(zookeeper, zabra);
}

export async function startOurs(settings: readonly string[], size = 1): Promise<ProcessEnsemble> {
  const ensemble = await ProcessEnsemble.start(size, settings);
  await ensemble.serving();
  return ensemble;
}

export class Comparison {
  readonly totals: Totals = { sequences: 0, requests: 0, answers: new Map(), intended: new Map(), silent: 0 };
  readonly #servers: readonly Servers[];
  readonly #theirs: Server;
  readonly #ours: Server;

  private constructor(servers: readonly Servers[], theirs: Server, ours: Server) {
    this.#servers = servers;
    this.#theirs = theirs;
    this.#ours = ours;
  }

  /** Takes both over and closes them in the end. */
  static async between(theirs: Servers, ours: Servers): Promise<Comparison> {
    const server = async ({ ports }: Servers): Promise<Server> => ({
      ports,
      janitor: await Janitor.at(ports[0]!),
    });
    return new Comparison([theirs, ours], await server(theirs), await server(ours));
  }

  /** Compares the sequence of one seed; returns null, or the difference with a sequence made smaller. */
  async sequence(seed: number): Promise<string | null> {
    const steps = generate(seed);
    const { answers, intended, difference } = await this.#compare(steps);
    const { totals } = this;
    totals.sequences++;
    totals.requests += answers.length;
    for (const code of answers) count(totals.answers, code);
    if (intended !== null) count(totals.intended, intended);
    if (difference === null) return null;
    if (difference.theirs.includes(' no answer: ') && (await this.#compare(steps)).difference === null) {
      totals.silent++;
      return null;
    }
    const small = await shrink(steps, async (candidate) => (await this.#compare(candidate)).difference !== null);
    const shown = (await this.#compare(small)).difference ?? difference;
    return `seed ${seed}\n${describeDifference(small, shown)}`;
  }

  async #compare(steps: readonly Step[]): Promise<Outcome> {
    try {
      return await compare(steps, this.#theirs, this.#ours);
    } catch (error) {
      const output = this.#servers.map((servers) => servers.output).join('');
      throw new Error(`A server may have ended:\n${output}\n${describeSteps(steps)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#theirs, this.#ours].map(({ janitor }) => janitor.close()));
    await Promise.all(this.#servers.map((servers) => servers.close()));
  }
}

function count<T>(counts: Map<T, number>, what: T): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}
