/**
 * A small seeded generator (xoshiro128**): jitter, simulation, fuzzing.
 * Never for secrets; those come from the host's CSPRNG through `server/ports.ts`.
 */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    this.#a = seed >>> 0 || 0x9e3779b9;
    this.#b = (seed / 4294967296) >>> 0 || 0x243f6a88;
    this.#c = 0xb7e15162;
    this.#d = 0xdeadbeef;
    for (let i = 0; i < 16; i++) this.u32();
  }

  u32(): number {
    const t = this.#b << 9;
    let r = Math.imul(this.#b, 5);
    r = Math.imul((r << 7) | (r >>> 25), 9);
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return r >>> 0;
  }

  /** A double in [0, 1). */
  unit(): number {
    return this.u32() / 4294967296;
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}
