/**
 * One leader among many candidates, and who it is for all.
 *
 *   const election = new LeaderElection(client, '/election', { id: 'host-1' });
 *   const leadership = await election.campaign();
 *   while (leadership.isHeld) await work({ fence: leadership.token, signal: leadership.lost });
 *   await leadership.release();
 */
import type { Client } from '../client/index.ts';
import { hasCode, inFolder, untilAnswered } from './calls.ts';
import { Line } from './line.ts';
import { lineOf, type Naming } from './names.ts';
import { OneWatch } from './one-watch.ts';
import type { Held } from './place.ts';
import { Patience, within, type Bound, type WaitOptions } from './waiting.ts';

export interface ElectionOptions {
  /** What observers are told of this candidate. */
  readonly id: string;
  /** Whose candidates shall see ours: Curator's LeaderLatch, or kazoo's Election. Default `curator`. */
  readonly naming?: Naming | undefined;
}

export interface Leader {
  readonly id: string;
  /** Of its leadership, as the leader itself has it: grows from leader to leader. */
  readonly token: number;
}

/** Being the leader; `release` resigns. */
export interface Leadership extends Held {
  /** Lets the next candidate lead. */
  resign(): Promise<void>;
}

/**
 * Guarantees: at most one candidate has the first node, candidates lead in the order in which they came, tokens grow
 * from leader to leader. When the leader resigns, the next one is told at once; when it dies, once its session is
 * over. Neither wakes the other candidates.
 *
 * Does not guarantee that a leader whose session is over knows it: see `lost` and `token` of Held. Observers are
 * told of each leader that lasts long enough to be seen, in order, possibly after it has resigned.
 */
export class LeaderElection {
  readonly path: string;
  readonly #client: Client;
  readonly #line: Line;
  readonly #id: string;

  /** @param path of the folder that the candidates' nodes are in; created when it is needed */
  constructor(client: Client, path: string, { id, naming = 'curator' }: ElectionOptions) {
    this.path = path;
    this.#client = client;
    this.#id = id;
    this.#line = new Line(client, path, { role: 'latch', waitsFor: ['latch', 'lock'], naming });
  }

  /**
   * Waits until this candidate leads.
   *
   * @throws WaitTimeoutError, the signal's reason, or the client's error when the session ends
   */
  async campaign(options: WaitOptions = {}): Promise<Leadership> {
    const held = await this.#line.enter(this.#id, options);
    return Object.assign(held, { resign: () => held.release() });
  }

  /** Who leads now, or null. */
  leader(options: WaitOptions = {}): Promise<Leader | null> {
    return within(this.#client, options, this.path, async (bound) => {
      const { leader, watch } = await this.#look(bound);
      watch.drop();
      return leader;
    });
  }

  /**
   * Who leads: now, and whenever that changes; null while nobody does. Takes no part in the election. Ends when the
   * signal is aborted, and throws when the session ends.
   */
  async *observe({ signal }: Pick<WaitOptions, 'signal'> = {}): AsyncGenerator<Leader | null, undefined, undefined> {
    const patience = new Patience(this.#client, { signal }, this.path);
    let last: Leader | null | undefined;
    try {
      for (;;) {
        const { leader, watch } = await this.#look(patience.bound);
        try {
          if (leader?.token !== last?.token || last === undefined) yield leader;
          last = leader;
          await patience.bound(watch.event);
        } finally {
          watch.drop();
        }
      }
    } catch (error) {
      if (signal?.aborted !== true) throw error;
      return undefined;
    } finally {
      patience.end();
    }
  }

  /** Who leads, and a watch that hears when that changes: of the leader's node, or of the empty folder. */
  async #look(bound: Bound): Promise<{ leader: Leader | null; watch: OneWatch }> {
    const list = (watch?: OneWatch): Promise<string[]> =>
      inFolder(this.#client, this.path, () =>
        watch === undefined
          ? untilAnswered(() => this.#client.getChildren(this.path))
          : watch.read((watcher) => this.#client.getChildren(this.path, { watch: watcher })),
      );
    for (;;) {
      let [first] = lineOf(await bound(list()));
      if (first === undefined) {
        const watch = new OneWatch(this.#client, this.path, 'children');
        [first] = lineOf(await bound(list(watch)));
        if (first === undefined) return { leader: null, watch };
        watch.drop();
      }
      const path = `${this.path}/${first.name}`;
      const watch = new OneWatch(this.#client, path, 'data');
      try {
        const { data, stat } = await bound(watch.read((watcher) => this.#client.getData(path, { watch: watcher })));
        return { leader: { id: String(data ?? ''), token: stat.czxid }, watch };
      } catch (error) {
        watch.drop();
        if (!hasCode(error, 'noNode')) throw error;
      }
    }
  }
}
