/** Connection after connection, several at a time, while healthy clients, memory and journals are watched. */
import { Prng } from '../../../engine/base/prng.ts';
import type { ServerProcess } from '../../support/server-process.ts';
import { complaintsOf, Memory, type LiveOptions, type LiveResult, type Watched } from './live.ts';

const judgeMs = 100;
/** Memory settles within this part of a run. */
const warmUp = 0.3;

export interface Campaign {
  readonly target: string;
  readonly servers: readonly ServerProcess[];
  readonly healthy: readonly Watched[];
  /** Connections at a time. */
  readonly width: number;
  /** One connection; returns a word for how it ended. */
  attack(prng: Prng): Promise<string>;
}

export async function wage(campaign: Campaign, { from, cases, ms }: LiveOptions): Promise<LiveResult> {
  const { target, servers, healthy, width } = campaign;
  const started = performance.now();
  const outcomes: Record<string, number> = {};
  const memories = servers.map((server) => new Memory(server));
  let next = 0;
  let done = 0;
  let wrong = '';
  let isWarm = false;
  const watch = setInterval(() => {
    if (!isWarm && performance.now() - started > ms * warmUp) {
      isWarm = true;
      for (const memory of memories) memory.begin();
    }
    const faults = [
      ...healthy.map((each) => each.wrong),
      ...servers.map(complaintsOf),
      ...memories.map((memory) => memory.judge()),
    ];
    wrong ||= faults.find((fault) => fault !== '') ?? '';
  }, judgeMs);
  const lane = async (): Promise<void> => {
    while (wrong === '' && next < cases && performance.now() - started < ms) {
      const outcome = await campaign.attack(new Prng(from + next++));
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      done++;
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  clearInterval(watch);
  for (const each of healthy) await each.stop();
  const slowest = Math.round(Math.max(...healthy.map(({ slowestMs }) => slowestMs)));
  const answers = healthy.reduce((sum, each) => sum + each.answers, 0);
  const most = Math.max(...memories.map(({ mostMiB }) => mostMiB));
  const message = wrong === '' ? '' : `about case ${from + next - 1}: ${wrong}`;
  return {
    target,
    cases: done,
    ms: performance.now() - started,
    outcomes,
    notes: `${answers} rounds of healthy clients, of which the slowest took ${slowest} ms; ${most} MiB resident`,
    failure: message === '' ? null : { seed: from + Math.max(next - 1 - width, 0), message, input: [] },
  };
}
