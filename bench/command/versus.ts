/** The same loads on several targets, in turn, so that a machine that changes favours nobody. */
import { describeWorkload, type Workload } from '../load/workload.ts';
import type { LoadRecord, Round } from '../report/record.ts';
import type { Target } from '../target/target.ts';
import type { Run } from './run.ts';

export interface Bout {
  readonly workload: Workload;
  /** By target, in their order; null: this target cannot do it. */
  readonly rounds: readonly (Round[] | null)[];
}

export interface VersusTiming {
  readonly rounds: number;
  readonly warmMs: number;
  readonly measureMs: number;
}

/** etcd has no znodes that belong to a session, and the like. */
const etcdCan = new Set(['set', 'get', 'create', 'delete']);

export async function playVersus(
  run: Run,
  targets: readonly Target[],
  workloads: readonly Workload[],
  { rounds, warmMs, measureMs }: VersusTiming,
): Promise<Bout[]> {
  const bouts = workloads.map((workload): Bout => ({
    workload,
    rounds: targets.map(({ protocol }) =>
      protocol === 'etcd' && Object.keys(workload.mix).some((kind) => !etcdCan.has(kind)) ? null : [],
    ),
  }));
  for (let round = 0; round < rounds; round++) {
    for (const { workload, rounds: found } of bouts) {
      // A B, B A, A B, …
      const order = [...targets.keys()];
      if (round % 2 === 1) order.reverse();
      for (const n of order) {
        const target = targets[n]!;
        const own = found[n] ?? null;
        if (own === null) continue;
        run.progress.step(`round ${round + 1} of ${rounds}: ${describeWorkload(workload)}, ${target.label}`);
        own.push((await run.round(target, workload, { warmMs, measureMs, rate: workload.rate })).round);
      }
    }
  }
  return bouts;
}

/** One record for each load and target. */
export function recordsOf(bouts: readonly Bout[], targets: readonly Target[]): LoadRecord[] {
  return bouts.flatMap(({ workload, rounds }) =>
    targets.flatMap((target, n) => {
      const own = rounds[n] ?? null;
      return own === null ? [] : [{ name: describeWorkload(workload), target: target.label, workload, rounds: own }];
    }),
  );
}
