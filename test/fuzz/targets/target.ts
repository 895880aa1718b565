/** What can be fuzzed: something that draws inputs, and handles them well or throws. */
import type { Prng } from '../../../engine/base/prng.ts';

/** An input is a list of parts: frames, files, chunks. It alone decides what happens, so it can be kept. */
export type Input = readonly Buffer[];

export interface Target {
  readonly name: string;
  /** Completes "damaged …". */
  readonly about: string;
  draw(prng: Prng): Buffer[];
  /**
   * Feeds the input to the code and returns a word for what became of it.
   *
   * @throws Error when it is handled badly: a crash, a wrong result, something left behind
   */
  run(input: Input): string;
}

/** A requirement of a target; what is wrong completes the sentence. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}
