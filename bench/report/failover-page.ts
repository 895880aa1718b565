/** The page of `failover`: each scenario as a whole and, to the millisecond, around its longest gap. */
import { splitNames, type Split } from '../failover/gap.ts';
import type { Played } from '../failover/play.ts';
import { scenarios } from '../failover/scenarios.ts';
import { median } from '../measure/statistics.ts';
import { lineChart, stageChart } from './charts.ts';
import { time, whole, type Table } from './format.ts';
import type { Section } from './html.ts';
import type { RunRecord } from './record.ts';

/** As it is in a record: the timeline begins at `timelineFrom`. */
export type Recorded = Played & { readonly timelineFrom: number };

/** What the parts of a gap are called. */
const partNames: Readonly<Record<keyof Split, string>> = {
  detect: 'detect',
  elect: 'elect',
  synchronize: 'synchronize',
  firstCommit: 'first commit',
  firstAck: 'first ack',
};
/** ms shown on either side of a gap. */
const aroundMs = 120;
const nearMsMax = 1200;
const stepMs = 50;

export function failoverPage({ details, headline }: RunRecord): {
  title: string;
  figures: { value: string; label: string }[];
  sections: Section[];
} {
  const played = (details['played'] ?? []) as Recorded[];
  const acknowledged = played.reduce((sum, { outcome }) => sum + outcome.acknowledged, 0);
  const violations = played.reduce((sum, { outcome }) => sum + outcome.violationCount, 0);
  const gap = headline['leaderKilledGapMs'];
  return {
    title: 'Zabra, failover',
    figures: [
      ...(gap === undefined
        ? []
        : [{ value: `${Math.round(gap)} ms`, label: 'without an acknowledgement when the leader is killed' }]),
      {
        value: violations === 0 ? 'none' : whole(violations),
        label: `of ${whole(acknowledged)} acknowledged writes lost or doubled`,
      },
    ],
    sections: [
      {
        title: 'Scenarios',
        text:
          'The gap is the longest time without any acknowledged write after the fault began; the usual one is the ' +
          'longest one before it. Every write is numbered and looked for on every server afterwards.',
        table: summaryTable(played),
      },
      ...scenarios.flatMap(({ name, title }) => {
        const rounds = played.filter(({ scenario }) => scenario === name);
        return rounds.length === 0 ? [] : scenarioSections(title, typical(rounds));
      }),
    ],
  };
}

/** The round with the median gap. */
function typical(rounds: readonly Recorded[]): Recorded {
  return [...rounds].sort((a, b) => a.gap.ms - b.gap.ms)[(rounds.length - 1) >> 1]!;
}

function summaryTable(played: readonly Recorded[]): Table {
  const names = scenarios.filter(({ name }) => played.some(({ scenario }) => scenario === name));
  return {
    head: ['scenario', 'rounds', 'gap', 'worst', 'usual', 'p99', 'max', 'lost or doubled'],
    rows: names.map(({ name, title }) => {
      const rounds = played.filter(({ scenario }) => scenario === name);
      const gaps = rounds.map((one) => one.gap.ms);
      const bad = rounds.reduce((sum, { outcome }) => sum + outcome.violationCount, 0);
      return [
        title,
        rounds.length,
        time(median(gaps) * 1000),
        time(Math.max(...gaps) * 1000),
        time(Math.max(...rounds.map(({ usualGapMs }) => usualGapMs)) * 1000),
        time(median(rounds.map(({ p99Us }) => p99Us))),
        time(Math.max(...rounds.map(({ maxUs }) => maxUs))),
        bad === 0 ? 'none' : whole(bad),
      ];
    }),
  };
}

function scenarioSections(title: string, played: Recorded): Section[] {
  const { scenario, split, timeline, timelineFrom, faultAt, marks, gap } = played;
  const points: [number, number][] = [];
  for (let at = 0; at + stepMs <= timeline.length; at += stepMs) {
    const count = timeline.slice(at, at + stepMs).reduce((sum, one) => sum + one, 0);
    points.push([(timelineFrom + at - faultAt) / 1000, (count * 1000) / stepMs]);
  }
  const overview: Section = {
    title,
    text: `Acknowledged writes per second in steps of ${stepMs} ms; 0 is when the fault began.`,
    chart: lineChart([{ name: 'writes', points }], {
      label: title,
      xLabel: 'seconds after the fault',
      yLabel: 'writes per second',
      filled: true,
      marks: marks.map(({ at, name }) => ({ x: (at - faultAt) / 1000, name })),
    }),
    file: scenario,
  };
  const near: Section = {
    title: `${title}: the gap of ${whole(gap.ms)} ms`,
    text: `The same, one point for each millisecond${gap.ms > nearMsMax ? ', of its end' : ''}.`,
    chart: nearChart(title, played),
    file: `${scenario}-gap`,
  };
  if (split === null) return [overview, near];
  const parts = splitNames.map((part) => ({ name: partNames[part], value: split[part] * 1000 }));
  const where: Section = {
    title: `${title}: where the time went`,
    text:
      'From the fault to the first acknowledgement, by the journals of the servers that were left: until one ' +
      'noticed, until one led, until it served, until it committed, until a client heard of it.',
    chart: stageChart(parts, title, true),
    file: `${scenario}-split`,
  };
  return [overview, near, where];
}

function nearChart(title: string, { timeline, timelineFrom, faultAt, gap, marks, split }: Recorded): string {
  // The fault belongs into the picture where it brought the gap about.
  const begin = gap.from - faultAt < 2 * aroundMs ? Math.min(gap.from, Math.floor(faultAt)) : gap.from;
  const to = Math.min(timelineFrom + timeline.length, gap.to + aroundMs);
  // Of a long silence only the end is worth a look so close.
  const from = Math.max(timelineFrom, begin - aroundMs, to - nearMsMax);
  const points: [number, number][] = [];
  for (let at = from; at < to; at++) points.push([at - faultAt, timeline[at - timelineFrom] ?? 0]);
  return lineChart([{ name: 'writes', points }], {
    label: `${title}, the gap`,
    xLabel: 'milliseconds after the fault',
    yLabel: 'writes per millisecond',
    filled: true,
    band: { from: Math.max(from, gap.from) - faultAt, to: gap.to - faultAt },
    marks: [...marks.map(({ at, name }) => ({ x: at - faultAt, name })), ...(split === null ? [] : splitMarks(split))],
  });
}

function splitMarks({ detect, elect, synchronize }: Split): { x: number; name: string }[] {
  return [
    { x: detect, name: 'noticed' },
    { x: detect + elect, name: 'elected' },
    { x: detect + elect + synchronize, name: 'serving' },
  ];
}
