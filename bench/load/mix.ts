/** Draws operations by their weights, and keys by their distribution: the usual load. */
import { Prng } from '../../engine/base/prng.ts';
import { keyChooser, weightedChooser } from './keys.ts';
import type { Operation, Source } from './operation.ts';
import { opKinds, type Workload } from './workload.ts';

export class MixSource implements Source {
  readonly #kind: () => number;
  readonly #key: () => number;
  readonly #multiOps: number;
  readonly #first: number;
  /** Of each session: znodes made so far, and deleted again, oldest first. */
  readonly #made: Float64Array;
  readonly #deleted: Float64Array;

  constructor({ mix, keys, distribution, multiOps, sessions }: Workload, seed: number, firstSession: number) {
    this.#first = firstSession;
    const random = new Prng(seed);
    const weights = Float64Array.from(opKinds, (kind) => mix[kind] ?? 0);
    const only = opKinds.findIndex((kind) => mix[kind] !== undefined);
    this.#kind = Object.keys(mix).length === 1 ? () => only : weightedChooser(weights, random);
    this.#key = keyChooser(distribution, keys, random);
    this.#multiOps = multiOps;
    this.#made = new Float64Array(sessions);
    this.#deleted = new Float64Array(sessions);
  }

  next(session: number, operation: Operation): boolean {
    const kind = opKinds[this.#kind()]!;
    const own = session - this.#first;
    operation.kind = kind;
    switch (kind) {
      case 'create':
      case 'ephemeral':
        operation.serial = this.#made[own]!++;
        break;
      case 'delete':
        if (this.#deleted[own] === this.#made[own]) {
          // There is nothing left to delete: make something for the next time.
          operation.kind = 'create';
          operation.serial = this.#made[own]!++;
        } else {
          operation.serial = this.#deleted[own]!++;
        }
        break;
      case 'multi':
        operation.keys.length = this.#multiOps;
        for (let i = 0; i < this.#multiOps; i++) operation.keys[i] = this.#key();
        operation.key = operation.keys[0]!;
        break;
      default:
        operation.key = this.#key();
    }
    return true;
  }
}
