/** Makes a sequence that shows a difference smaller, as long as it shows one. */
import type { Request } from './request.ts';
import type { Step } from './sequence.ts';

const attemptsMax = 200;

/** `differs` has the sequence anew; returns the smallest that still differs. */
export async function shrink(
  steps: readonly Step[],
  differs: (steps: readonly Step[]) => Promise<boolean>,
): Promise<readonly Step[]> {
  let best = steps;
  let attempts = 0;
  const attempt = async (candidate: readonly Step[]): Promise<boolean> => {
    if (attempts++ >= attemptsMax || !(await differs(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = best.length - size; at > -size; at -= size) await attempt(without(best, Math.max(at, 0), size));
  }
  for (let at = best.length - 1; at >= 0; at--) {
    for (const step of smaller(best[at]!).toReversed()) await attempt(best.with(at, step));
  }
  return best;
}

function without<T>(items: readonly T[], at: number, count: number): readonly T[] {
  return [...items.slice(0, at), ...items.slice(at + count)];
}

/** The step with one request less, or with one part less in one of them. */
function smaller(step: Step): Step[] {
  if (step.kind !== 'requests') return [];
  const { who, kind, requests } = step;
  const fewer = requests.length < 2 ? [] : requests.map((_, at) => without(requests, at, 1));
  const simpler = requests.flatMap((request, at) => simplerRequests(request).map((other) => requests.with(at, other)));
  return [...fewer, ...simpler].map((requests) => ({ who, kind, requests }));
}

function simplerRequests(request: Request): Request[] {
  const [field] = request.fields;
  if (field === undefined || !('parts' in field)) return [];
  const { name, op } = request;
  return field.parts.map((_, at) => ({ name, op, fields: [{ parts: without(field.parts, at, 1) }] }));
}
