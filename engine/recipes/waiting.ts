/** Waiting that ends: by a result, a time-out or a signal. */
import type { Client } from '../client/index.ts';
import { WaitTimeoutError } from './errors.ts';

export interface WaitOptions {
  /** Gives up, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up after so many ms, with WaitTimeoutError. Default: never. */
  readonly timeoutMs?: number | undefined;
}

/** Ends as the promise does, or earlier when nobody wants to wait any more; the promise goes on by itself. */
export type Bound = <T>(promise: Promise<T>) => Promise<T>;

/** How long somebody is ready to wait; `end` when the waiting is over. */
export class Patience {
  readonly #over: Promise<never>;
  #giveUp: (reason: unknown) => void = () => {};
  readonly #signal: AbortSignal | undefined;
  readonly #stopTimer: (() => void) | null;

  /** @param what for the message: "what: not within … ms" */
  constructor(client: Client, { signal, timeoutMs }: WaitOptions, what: string) {
    this.#over = new Promise<never>((_, reject) => (this.#giveUp = reject));
    this.#over.catch(() => null);
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort, { once: true });
    if (signal?.aborted === true) this.#abort();
    this.#stopTimer =
      timeoutMs === undefined
        ? null
        : client.environment.after(timeoutMs, () => this.#giveUp(new WaitTimeoutError(what, timeoutMs)));
  }

  readonly bound: Bound = (promise) => Promise.race([this.#over, promise]);

  end(): void {
    this.#stopTimer?.();
    this.#signal?.removeEventListener('abort', this.#abort);
  }

  readonly #abort = (): void => this.#giveUp(this.#signal!.reason);
}

/** Runs `work`, which passes all it waits for through `bound`. */
export async function within<T>(
  client: Client,
  options: WaitOptions,
  what: string,
  work: (bound: Bound) => Promise<T>,
): Promise<T> {
  options.signal?.throwIfAborted();
  const patience = new Patience(client, options, what);
  try {
    return await work(patience.bound);
  } finally {
    patience.end();
  }
}
