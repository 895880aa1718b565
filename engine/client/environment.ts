/** Where a client has time and chance from: this process, or a simulated world. */
import { randomUUID } from 'node:crypto';

export interface Environment {
  /** Monotonic, ms. */
  now(): number;
  /** Runs `run` once, so many ms from now; the function that comes back prevents it. */
  after(ms: number, run: () => void): () => void;
  /** At least 0 and below 1. */
  random(): number;
  /** Never the same twice, on any machine. */
  uuid(): string;
}

export const ownProcess: Environment = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  uuid: () => randomUUID(),
};
