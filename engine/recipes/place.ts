/**
 * A place in a line: an ephemeral node with a number, created once, watched, and held as long as its session lasts.
 *
 * The name begins with something that nobody else has. So when the connection is lost while the node is created,
 * it is looked for before another one is made; a forgotten one would block the line until the session ends.
 */
import type { Client, Data, WatchEvent } from '../client/index.ts';
import { createFolder, hasCode, isSessionEnd, isUnknown, removeOwn, untilAnswered } from './calls.ts';
import { certainMs, confirm, freshMs } from './confirming.ts';
import { LostError } from './errors.ts';
import type { Bound } from './waiting.ts';

/** What one holds for a while: a lock, a lease, an office, a seat. */
export interface Held {
  /**
   * Fencing token: the zxid of the txn that created the node. Of two holders the later one has the larger token.
   * Who guards the thing itself (a database, a disk) and refuses smaller tokens than the largest it has seen is safe
   * from a holder that was paused, does not know that its session is over and goes on writing.
   */
  readonly token: number;
  /**
   * Aborted, with a LostError, when it is lost or may be: the session is over, its node was deleted, or the leader has
   * confirmed nothing for as long as the servers keep the session. Not by `release`.
   */
  readonly lost: AbortSignal;
  /**
   * Whether it is still held, to the best of this process's knowledge: looks at the clock and at what the leader has
   * confirmed, which is asked for while something is held. See `sessionLastsUntil` of Client for how certain that is.
   */
  readonly isHeld: boolean;
  /** Gives it back. Resolves when others may have it: its node is gone, or the session is over. May be called again. */
  release(): Promise<void>;
}

export class Place implements Held {
  readonly path: string;
  readonly name: string;
  readonly token: number;
  readonly #client: Client;
  readonly #lost = new AbortController();
  #watching: Promise<void> | null = null;
  #released: Promise<void> | null = null;
  #stopTimer: (() => void) | null = null;

  constructor(client: Client, path: string, token: number) {
    this.#client = client;
    this.path = path;
    this.name = path.slice(path.lastIndexOf('/') + 1);
    this.token = token;
  }

  /** Takes a place at the end of the line. */
  static async take(client: Client, folder: string, prefix: string, data: Data): Promise<Place> {
    for (;;) {
      try {
        const options = { ephemeral: true, sequential: true };
        const { path, stat } = await client.create2(`${folder}/${prefix}`, data, options);
        return new Place(client, path, stat.czxid);
      } catch (error) {
        if (hasCode(error, 'noNode')) {
          await createFolder(client, folder);
        } else if (isUnknown(error)) {
          const place = await Place.#find(client, folder, prefix);
          if (place !== null) return place;
        } else if (!hasCode(error, 'operationTimeout')) {
          throw error;
        }
      }
    }
  }

  /** The place that was taken, or null: then it never will be, since `sync` comes after it. */
  static async #find(client: Client, folder: string, prefix: string): Promise<Place | null> {
    await untilAnswered(() => client.sync(folder));
    try {
      const children = await untilAnswered(() => client.getChildren(folder));
      const name = children.find((each) => each.startsWith(prefix));
      if (name === undefined) return null;
      const path = `${folder}/${name}`;
      const { stat } = await untilAnswered(() => client.getData(path));
      return new Place(client, path, stat.czxid);
    } catch (error) {
      if (hasCode(error, 'noNode')) return null;
      throw error;
    }
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get isHeld(): boolean {
    return this.#released === null && !this.#lost.signal.aborted && certainMs(this.#client) > 0;
  }

  /** Hears from now on of the end of the node. */
  watch(): Promise<void> {
    this.#watching ??= this.#watch();
    return this.#watching;
  }

  /** Whoever took the place holds something now: that must not outlast the session. */
  async hold(bound: Bound): Promise<this> {
    // Whoever has waited for long may know nothing of the session any more.
    if (freshMs(this.#client) <= 0) await bound(confirm(this.#client));
    while (certainMs(this.#client) <= 0) await bound(confirm(this.#client));
    this.#look();
    return this;
  }

  release(): Promise<void> {
    this.#released ??= removeOwn(this.#client, this.path, !this.#lost.signal.aborted);
    this.#stopTimer?.();
    return this.#released;
  }

  async #watch(): Promise<void> {
    try {
      await untilAnswered(() => this.#client.getData(this.path, { watch: this.#heard }));
    } catch (error) {
      if (!hasCode(error, 'noNode') && !isSessionEnd(error)) throw error;
      this.#lose(hasCode(error, 'noNode') ? 'its node was deleted' : 'the session is over');
    }
  }

  readonly #heard = ({ type }: WatchEvent): void => {
    if (type === 'sessionEnded') this.#lose('the session is over');
    else if (type === 'nodeDeleted') this.#lose('its node was deleted');
    else if (this.#released === null) this.#watch().catch((error: Error) => this.#lose(error.message));
  };

  /** Nobody tells a client without a connection that its session is over: the clock does. */
  #look(): void {
    if (this.#released !== null || this.#lost.signal.aborted) return;
    const left = certainMs(this.#client);
    if (left <= 0) {
      this.#lose('the leader has confirmed nothing for as long as the servers keep the session');
      return;
    }
    const { environment, sessionTimeoutMs } = this.#client;
    const fresh = freshMs(this.#client);
    // Its failure is the end of the session, or of this client.
    if (fresh <= 0) confirm(this.#client).catch(() => null);
    const next = fresh > 0 ? fresh : Math.min(left, sessionTimeoutMs / 3);
    // No less: a clock need not tell so short a time from none.
    this.#stopTimer = environment.after(Math.max(1, next), () => this.#look());
  }

  #lose(why: string): void {
    this.#stopTimer?.();
    if (this.#released === null && !this.#lost.signal.aborted) this.#lost.abort(new LostError(`${this.path}: ${why}`));
  }
}
