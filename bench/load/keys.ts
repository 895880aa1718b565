/** Which key comes next: every key alike, few of them mostly (Zipf), or one of them mostly (hot). */
import type { Prng } from '../../engine/base/prng.ts';

export type Distribution =
  | { readonly kind: 'uniform' }
  /** Key i (from 1) comes with a weight of 1 / i ** exponent. */
  | { readonly kind: 'zipf'; readonly exponent: number }
  /** Key 0 comes with this share, the others alike. */
  | { readonly kind: 'hot'; readonly share: number };

/** Returns a function that draws keys from 0 to `count` - 1. */
export function keyChooser(distribution: Distribution, count: number, random: Prng): () => number {
  switch (distribution.kind) {
    case 'uniform':
      return () => random.below(count);
    case 'hot': {
      const { share } = distribution;
      return () => (count === 1 || random.unit() < share ? 0 : 1 + random.below(count - 1));
    }
    case 'zipf': {
      const weights = Float64Array.from({ length: count }, (_, i) => (i + 1) ** -distribution.exponent);
      return weightedChooser(weights, random);
    }
    default:
      return distribution satisfies never;
  }
}

/**
 * Draws index i with a chance of weights[i] / sum, in constant time: Walker's alias method, where each
 * column holds its own index up to a height and one other index above it.
 */
export function weightedChooser(weights: Float64Array, random: Prng): () => number {
  const count = weights.length;
  const scale = count / weights.reduce((sum, weight) => sum + weight, 0);
  const height = weights.map((weight) => weight * scale);
  const alias = Uint32Array.from({ length: count }, (_, i) => i);
  const small: number[] = [];
  const large: number[] = [];
  for (let i = 0; i < count; i++) (height[i]! < 1 ? small : large).push(i);
  while (small.length > 0 && large.length > 0) {
    const low = small.pop()!;
    const high = large.at(-1)!;
    alias[low] = high;
    height[high]! -= 1 - height[low]!;
    if (height[high]! < 1) small.push(large.pop()!);
  }
  // What is left over by rounding is full.
  for (const i of [...small, ...large]) height[i] = 1;
  return () => {
    const column = random.below(count);
    return random.unit() < height[column]! ? column : alias[column]!;
  };
}
