/** There and back between two threads, as to the log writer: notify there, a message or waitAsync back. */
import { Worker } from 'node:worker_threads';

const source = `
  const { workerData } = require('node:worker_threads');
  const calls = new Int32Array(workerData);
  for (let seen = 0; ; seen++) {
    Atomics.wait(calls, 0, seen);
    Atomics.add(calls, 1, 1);
    Atomics.notify(calls, 1);
  }`;

/** Since V8 8.7, but not in the library that TypeScript's target names. */
const { waitAsync } = Atomics as unknown as {
  readonly waitAsync: (array: Int32Array, index: number, value: number) => { readonly value: unknown };
};

export class Hop {
  readonly #calls = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker = new Worker(source, { eval: true, workerData: this.#calls.buffer });

  /** One call and its answer. */
  async roundTrip(): Promise<void> {
    const answered = Atomics.load(this.#calls, 1);
    const { value } = waitAsync(this.#calls, 1, answered);
    Atomics.add(this.#calls, 0, 1);
    Atomics.notify(this.#calls, 0);
    await value;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
