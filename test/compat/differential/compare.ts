/**
 * The same sequence on both servers at once, compared step by step.
 *
 *   steps ─► ZooKeeper's side ─► lines ─┐
 *        └─► our side         ─► lines ─┴─► equal │ different on purpose │ different
 *
 * After a difference that is meant to be, the two states are no longer the same: the sequence ends.
 */
import { explain } from './intended.ts';
import type { Janitor } from './janitor.ts';
import { describeStep, describeSteps, type Step } from './sequence.ts';
import { Side, type Line } from './side.ts';
import { NoAnswer } from './wire.ts';

export interface Server {
  readonly ports: readonly number[];
  readonly janitor: Janitor;
}

export interface Outcome {
  /** Error codes of the answers that were compared; null where the connection ended instead. */
  readonly answers: readonly (number | null)[];
  /** What differed on purpose, if something did. */
  readonly intended: string | null;
  readonly difference: Difference | null;
}

export interface Difference {
  readonly step: Step | null;
  readonly theirs: string;
  readonly ours: string;
  /** All that ZooKeeper said to this connection before. */
  readonly before: readonly string[];
}

let roots = 0;

export async function compare(steps: readonly Step[], zookeeper: Server, zabra: Server): Promise<Outcome> {
  const root = `/d${++roots}`;
  const servers = [zookeeper, zabra];
  await Promise.all(servers.map(({ janitor }) => janitor.make(root)));
  const [theirs, ours] = servers.map(({ ports }) => new Side(ports, root)) as [Side, Side];
  const outcome = await walk(steps, theirs, ours);
  await Promise.all([theirs.end(), ours.end()]);
  for (const left of [root, `/zookeeper/quota${root}`])
    await Promise.all(servers.map(({ janitor }) => janitor.remove(left)));
  return outcome;
}

async function walk(steps: readonly Step[], theirs: Side, ours: Side): Promise<Outcome> {
  const compared = new Map<string, number>();
  const answers: (number | null)[] = [];
  const look = (who: string, step: Step | null): Outcome | null => {
    const [a, b] = [theirs.lines(who), ours.lines(who)];
    for (let at = compared.get(who) ?? 0; at < Math.max(a.length, b.length); at++) {
      compared.set(who, at + 1);
      if (a[at]?.request !== undefined) answers.push(a[at].frame?.err ?? null);
      if (a[at]?.text === b[at]?.text) continue;
      const reason = explain(
        a[at],
        b[at],
        describeSteps(step === null ? steps : steps.slice(0, steps.indexOf(step) + 1)),
      );
      if (reason !== null) return { answers, intended: reason.what, difference: null };
      const before = a.slice(0, at).map(({ text }) => text);
      return {
        answers,
        intended: null,
        difference: { step, theirs: textOf(a[at]), ours: textOf(b[at]), before },
      };
    }
    return null;
  };
  for (const step of [...steps, null]) {
    const answered = await Promise.all([theirs, ours].map((side) => advance(side, step)));
    if (!answered.includes(true)) throw new Error(`a step that no server answers: ${describe(step)}`);
    const looked = step === null ? theirs.clients : [step.who];
    for (const who of looked) {
      const end = look(who, step);
      if (end !== null) return end;
    }
  }
  return { answers, intended: null, difference: null };
}

/** One step, or, after the last one, whatever is still on its way; false when an answer stays out. */
async function advance(side: Side, step: Step | null): Promise<boolean> {
  try {
    await (step === null ? side.settle() : side.take(step));
    return true;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    side.note(step?.who ?? side.clients[0]!, error.message);
    return false;
  }
}

function describe(step: Step | null): string {
  return step === null ? 'the end' : describeStep(step);
}

function textOf(line: Line | undefined): string {
  return line?.text ?? '(nothing)';
}

export function describeDifference(steps: readonly Step[], difference: Difference): string {
  const { before, theirs, ours } = difference;
  return [
    'steps:',
    describeSteps(steps),
    'said before on this connection:',
    ...before.slice(-10).map((line) => `  ${line}`),
    'difference:',
    `  ZooKeeper ${theirs}`,
    `  Zabra     ${ours}`,
  ].join('\n');
}
