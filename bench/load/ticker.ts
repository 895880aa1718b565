/**
 * Wakes this thread every half millisecond, which timers (whole milliseconds, and one late) cannot.
 *
 * A thread of its own sleeps on shared memory and notifies; between ticks this thread sleeps in its
 * event loop as usual, so waiting costs the machine next to nothing.
 */
import { Worker } from 'node:worker_threads';

/** Since V8 8.7, but not in the library that TypeScript's target names. */
const { waitAsync } = Atomics as unknown as {
  readonly waitAsync: (
    array: Int32Array,
    index: number,
    value: number,
  ) => { readonly async: boolean; readonly value: unknown };
};
const tickMs = 0.5;
const source = `
  const { workerData } = require('node:worker_threads');
  const ticks = new Int32Array(workerData);
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    // Stopped: sleep until someone starts the clock again.
    Atomics.wait(ticks, 1, 0);
    Atomics.wait(never, 0, 0, ${tickMs});
    Atomics.add(ticks, 0, 1);
    Atomics.notify(ticks, 0);
  }`;

export class Ticker {
  readonly #onTick: () => void;
  /** [0] ticks so far · [1] 1 while the clock runs. */
  readonly #ticks = new Int32Array(new SharedArrayBuffer(8));
  #worker: Worker | null = null;
  #waiting = false;

  constructor(onTick: () => void) {
    this.#onTick = onTick;
  }

  start(): void {
    if (this.#worker === null) {
      this.#worker = new Worker(source, { eval: true, workerData: this.#ticks.buffer });
      this.#worker.unref();
    }
    Atomics.store(this.#ticks, 1, 1);
    Atomics.notify(this.#ticks, 1);
    if (!this.#waiting) this.#wait();
  }

  stop(): void {
    Atomics.store(this.#ticks, 1, 0);
  }

  #wait(): void {
    this.#waiting = Atomics.load(this.#ticks, 1) === 1;
    if (!this.#waiting) return;
    const seen = Atomics.load(this.#ticks, 0);
    const { async, value } = waitAsync(this.#ticks, 0, seen);
    if (async) void (value as Promise<string>).then(this.#ticked);
    else setImmediate(this.#ticked);
  }

  readonly #ticked = (): void => {
    this.#wait();
    this.#onTick();
  };
}
