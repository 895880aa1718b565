/** The figures of many runs, added up and printed. */
import type { Figures } from './run.ts';

export function noFigures(): Figures {
  return {
    runs: 0,
    simulatedMs: 0,
    events: 0,
    txns: 0,
    commands: 0,
    operations: 0,
    acknowledged: 0,
    watchEvents: 0,
    elections: 0,
    crashes: 0,
    pauses: 0,
    partitions: 0,
    linkBreaks: 0,
    tornWrites: 0,
    corruptions: 0,
    wipes: 0,
    diskErrors: 0,
    checks: {},
  };
}

export function addFigures(a: Figures, b: Figures): Figures {
  const checks = { ...a.checks };
  for (const [name, count] of Object.entries(b.checks)) checks[name] = (checks[name] ?? 0) + count;
  const sums = Object.entries(a)
    .filter(([name]) => name !== 'checks')
    .map(([name, value]) => [name, (value as number) + (b[name as keyof Figures] as number)]);
  return { ...(Object.fromEntries(sums) as Figures), checks };
}

/** @param seconds real time that it took, 0 when that is not of interest */
export function report(figures: Figures, seconds: number): void {
  const hours = figures.simulatedMs / 3_600_000;
  const rows: [string, string][] = [
    ['seeds', text(figures.runs)],
    ['simulated hours', hours.toFixed(2)],
    ...(seconds > 0 ? ([['speed-up over real time', `${((hours * 3600) / seconds).toFixed(0)}x`]] as const) : []),
    ['events', text(figures.events)],
    ['committed txns', text(figures.txns)],
    ['commands of state machines', text(figures.commands)],
    ['client operations answered', text(figures.operations)],
    ['acknowledged writes', text(figures.acknowledged)],
    ['watch events', text(figures.watchEvents)],
    ['elections', text(figures.elections)],
    ['crashes', text(figures.crashes)],
    ['pauses', text(figures.pauses)],
    ['partitions', text(figures.partitions)],
    ['broken links', text(figures.linkBreaks)],
    ['torn writes', text(figures.tornWrites)],
    ['corrupted sectors', text(figures.corruptions)],
    ['wiped disks', text(figures.wipes)],
    ['disk errors', text(figures.diskErrors)],
    ...Object.entries(figures.checks).map(([name, count]): [string, string] => [`checks: ${name}`, text(count)]),
  ].map(([name, value]) => [name!, value!]);
  for (const [name, value] of rows) process.stdout.write(`${name.padEnd(36)}${value.padStart(16)}\n`);
}

function text(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
