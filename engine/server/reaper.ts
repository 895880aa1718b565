/**
 * When the leader deletes containers and TTL nodes: it looks through all of them every
 * `containerCheckIntervalMs` and asks for the deletion of those that are due, evenly spread.
 *
 * Whether one is still due is decided when its turn comes (`prep/changes.ts`).
 */
import { isDue } from '../prep/reaping.ts';
import type { Tree } from '../tree/tree.ts';
import type { ServerOptions } from './options.ts';

const minuteMs = 60_000;

export class Reaper {
  readonly #options: ServerOptions;
  readonly #spacingMs: number;
  /** Found due at the last check and not asked for yet. */
  #due: string[] = [];
  #asked = 0;
  #checkAt = Infinity;
  #nextAt = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#spacingMs = minuteMs / options.containerMaxPerMinute;
  }

  /** This server leads from `now` on. */
  begin(now: number): void {
    this.#due = [];
    this.#asked = 0;
    this.#checkAt = now + this.#options.containerCheckIntervalMs;
  }

  end(): void {
    this.#checkAt = Infinity;
    this.#due = [];
  }

  /** Paths whose deletion may be asked for now; `wall` is the time of ctime and mtime. */
  take(tree: Tree, now: number, wall: number): readonly string[] {
    if (this.#asked === this.#due.length) {
      if (now < this.#checkAt) return nothing;
      this.#checkAt = now + this.#options.containerCheckIntervalMs;
      this.#due = [];
      this.#asked = 0;
      for (const slot of tree.reapable) {
        if (isDue(tree, slot, wall, this.#options)) this.#due.push(tree.store.path(slot));
      }
      this.#nextAt = now;
    }
    const first = this.#asked;
    for (; this.#asked < this.#due.length && this.#nextAt <= now; this.#asked++) this.#nextAt += this.#spacingMs;
    return this.#due.slice(first, this.#asked);
  }
}

const nothing: readonly string[] = [];
