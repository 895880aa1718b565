/**
 * `failover`: what clients see when something goes wrong, to the millisecond, and whether all that was
 * acknowledged is still there, once.
 */
import { splitNames } from '../failover/gap.ts';
import { play, type Played } from '../failover/play.ts';
import { scenarios, type Scenario } from '../failover/scenarios.ts';
import { median } from '../measure/statistics.ts';
import { textTable, time, whole } from '../report/format.ts';
import { startZabra } from '../target/zabra.ts';
import { finish, print } from './finish.ts';
import type { Options } from './options.ts';
import { Run } from './run.ts';

/** Writes in flight of each session: enough to be busy, few enough to be asked about afterwards. */
const windowDefault = 8;

export async function runFailover(options: Options): Promise<void> {
  const chosen = chooseScenarios(options.scenarios);
  const rounds = options.rounds ?? 2;
  const expected = chosen.reduce((sum, { seconds }) => sum + seconds * 1000 + 7000, 0) * rounds;
  const run = new Run('failover', options, expected);
  const played: Played[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const scenario of chosen) {
      run.progress.step(`round ${round + 1} of ${rounds}: ${scenario.title}`);
      played.push(await play(scenario, castOf(run, options)));
    }
  }
  const broken = played.filter(({ outcome }) => outcome.violationCount > 0);
  for (const { scenario, outcome } of broken) run.warn(`${scenario}: ${outcome.violations.join('; ')}`);
  const killed = played.filter(({ scenario }) => scenario === 'leader-killed').map(({ gap }) => gap.ms);
  const headline = killed.length > 0 ? { leaderKilledGapMs: median(killed) } : {};
  const record = run.record([], { ...headline, violations: broken.length }, { played: played.map(trimmed) });
  run.progress.end();
  printPlayed(chosen, played);
  finish(run, record);
  const acknowledged = played.reduce((sum, { outcome }) => sum + outcome.acknowledged, 0);
  if (broken.length > 0)
    throw new Error(`of ${whole(acknowledged)} acknowledged writes some were lost or doubled: see above.`);
  print(`${whole(acknowledged)} acknowledged writes verified on every server: none lost, none doubled.`);
}

function chooseScenarios(names: readonly string[] | null): readonly Scenario[] {
  if (names === null) return scenarios;
  return names.map((name) => {
    const found = scenarios.find((scenario) => scenario.name === name);
    if (found === undefined)
      throw new Error(`--scenario knows ${scenarios.map((one) => one.name).join(', ')}, not "${name}".`);
    return found;
  });
}

export function castOf(
  run: Run,
  { workload, lists, generators, size, dataFolder, settings }: Options,
): Parameters<typeof play>[1] {
  return {
    start: (scenario) =>
      startZabra({
        size: Math.max(3, size),
        dataFolder,
        settings: [...(scenario.settings ?? []), ...settings],
        canPartition: scenario.canPartition ?? false,
      }),
    sessions: workload.sessions,
    window: lists.window?.[0] ?? windowDefault,
    bytes: workload.bytes,
    processes: generators,
    onProgress: (operations) => run.progress.detail(`${whole(operations)} writes`),
  };
}

/** In the record a timeline begins shortly before the fault and ends when all is well again. */
function trimmed(played: Played): Played & { readonly timelineFrom: number } {
  const timelineFrom = Math.max(0, Math.floor(played.faultAt) - 1000);
  return { ...played, timeline: played.timeline.slice(timelineFrom), timelineFrom };
}

function printPlayed(chosen: readonly Scenario[], played: readonly Played[]): void {
  const rows = chosen.map(({ name, title }) => {
    const all = played.filter(({ scenario }) => scenario === name);
    const gaps = all.map(({ gap }) => gap.ms);
    const splits = all.map(({ split }) => split).filter((split) => split !== null);
    const parts = splitNames.map((part) =>
      splits.length === 0 ? '' : String(Math.round(median(splits.map((split) => split[part])))),
    );
    const bad = all.reduce((sum, { outcome }) => sum + outcome.violationCount, 0);
    const usual = Math.max(...all.map(({ usualGapMs }) => usualGapMs));
    return [
      title,
      `${Math.round(median(gaps))}`,
      `${Math.max(...gaps)}`,
      `${usual}`,
      ...parts,
      time(median(all.map(({ p99Us }) => p99Us))),
      bad === 0 ? 'none' : `${bad}!`,
    ];
  });
  const head = [
    'scenario',
    'gap ms',
    'worst',
    'usual',
    'detect',
    'elect',
    'sync',
    'commit',
    'ack',
    'p99',
    'lost/doubled',
  ];
  print(`\n${textTable({ head, rows })}`);
}
