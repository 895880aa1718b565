/**
 * The lengths of the paths in a set. Whether something above a path is in it is asked only of what has such a length:
 * else a path of thousands of levels would be cut, and hashed, thousands of times at each change.
 */
export class Lengths {
  /** How many paths have each. */
  readonly #counts = new Map<number, number>();

  has(length: number): boolean {
    return this.#counts.has(length);
  }

  add(length: number): void {
    this.#counts.set(length, (this.#counts.get(length) ?? 0) + 1);
  }

  remove(length: number): void {
    const left = this.#counts.get(length)! - 1;
    if (left > 0) this.#counts.set(length, left);
    else this.#counts.delete(length);
  }
}
