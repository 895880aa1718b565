/** A persistent watch as a stream of events. */
import { ClientClosedError } from './errors.ts';
import type { WatchEvent } from './watch-table.ts';

interface Reader {
  readonly resolve: (result: IteratorResult<WatchEvent, undefined>) => void;
  readonly reject: (error: Error) => void;
}

const done: IteratorResult<WatchEvent, undefined> = { done: true, value: undefined };

/**
 *   const watch = client.watch('/config', { recursive: true });
 *   for await (const { type, path } of watch) …        leaving the loop removes the watch
 *
 * Events that nobody has taken yet wait in memory. The stream ends when the watch is removed and
 * throws when the session expires or an identity is refused.
 */
export class Watch implements AsyncIterableIterator<WatchEvent> {
  /** Resolves once the server has set the watch: changes from then on are seen. */
  readonly ready: Promise<void>;
  readonly #events: WatchEvent[] = [];
  readonly #readers: Reader[] = [];
  readonly #remove: () => void;
  #end: Error | 'done' | null = null;

  readonly #sessionError: () => Error;

  /**
   * @param set sets the watch; its watcher is `event`
   * @param remove takes it away again
   * @param sessionError why the session is over, once it is
   */
  constructor(set: (watch: Watch) => Promise<void>, remove: (watch: Watch) => void, sessionError: () => Error) {
    this.#remove = () => remove(this);
    this.#sessionError = sessionError;
    this.ready = set(this);
    // Whoever reads the stream hears of it there.
    this.ready.catch((error: Error) => this.#finish(error));
  }

  /** Takes an event of the watch. */
  readonly event = (event: WatchEvent): void => {
    if (this.#end !== null) return;
    if (event.type === 'sessionEnded') {
      this.#finish(this.#sessionError());
      return;
    }
    if (event.type === 'persistentWatchRemoved') {
      this.#finish('done');
      return;
    }
    const reader = this.#readers.shift();
    if (reader === undefined) this.#events.push(event);
    else reader.resolve({ done: false, value: event });
  };

  next(): Promise<IteratorResult<WatchEvent, undefined>> {
    const value = this.#events.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#end === 'done') return Promise.resolve(done);
    if (this.#end !== null) {
      const error = this.#end;
      this.#end = 'done';
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  /** Removes the watch and drops what was not taken. */
  return(): Promise<IteratorResult<WatchEvent, undefined>> {
    const wasOpen = this.#end === null;
    this.#events.length = 0;
    this.#finish('done');
    if (wasOpen) this.#remove();
    return Promise.resolve(done);
  }

  /** As leaving the loop over it. */
  close(): void {
    void this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(end: Error | 'done'): void {
    if (this.#end !== null) return;
    // The end of the client is the end of its streams, not their failure.
    this.#end = end instanceof ClientClosedError ? 'done' : end;
    for (const reader of this.#readers.splice(0)) {
      if (this.#end === 'done') {
        reader.resolve(done);
      } else {
        reader.reject(this.#end);
        this.#end = 'done';
      }
    }
  }
}
