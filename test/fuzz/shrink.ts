/** Makes a failing input smaller, part by part and byte by byte, as long as it fails in the same way. */
import type { Input } from './targets/target.ts';

const msMax = 5000;

export function shrink(input: Input, fails: (smaller: Input) => boolean): Input {
  let best = input;
  const endAt = performance.now() + msMax;
  const improves = (candidate: Input): boolean => {
    if (performance.now() > endAt || !fails(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let size = best.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = best.length - size; at >= 0; at -= size) improves(best.toSpliced(at, size));
  }
  for (let index = 0; index < best.length; index++) {
    for (let size = best[index]!.length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = best[index]!.length - size; at >= 0; at -= size) {
        const part = best[index]!;
        improves(best.with(index, Buffer.concat([part.subarray(0, at), part.subarray(at + size)])));
      }
    }
  }
  return best;
}
