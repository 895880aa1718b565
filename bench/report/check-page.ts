/** The page of `check`. */
import type { Probe, Survey } from '../check/advice.ts';
import { time, whole, type Table } from './format.ts';
import type { Page } from './html.ts';
import type { RunRecord } from './record.ts';
import { loadTable, percentileSection, timelineSection } from './sections.ts';

export interface CheckDetails {
  readonly survey: Pick<Survey, 'idle' | 'loaded' | 'rate' | 'boundMs' | 'fsyncUs'>;
  readonly problems: readonly string[];
  readonly findings: readonly string[];
}

export function checkPage({ details, loads }: RunRecord): Pick<Page, 'title' | 'figures' | 'sections'> {
  const { survey, problems, findings } = details as unknown as CheckDetails;
  return {
    title: 'Zabra, check of an ensemble',
    figures: [
      { value: problems.length === 0 ? 'PASS' : 'FAIL', label: problems[0] ?? `p99 within ${survey.boundMs} ms` },
      { value: `${whole(survey.rate)}/s`, label: 'were asked for, open loop' },
    ],
    sections: [
      {
        title: 'Verdict',
        table: { head: ['what was found'], rows: [...problems, ...findings].map((sentence) => [sentence]) },
      },
      {
        title: 'Servers',
        text: 'Medians of one request at a time, before the load and under it.',
        table: surveyTable(survey),
      },
      { title: 'Load', table: loadTable(loads) },
      percentileSection('Latency', loads, 'latency'),
      timelineSection('Throughput over time', loads, 'throughput'),
    ],
  };
}

export function surveyTable({ idle, loaded }: Pick<Survey, 'idle' | 'loaded'>): Table {
  const show = (us: number | null | undefined): string => (us === null || us === undefined ? '-' : time(us));
  const row = (one: Probe, n: number): string[] => [
    one.name,
    one.mode ?? 'does not say',
    one.connections === null ? '-' : whole(one.connections),
    show(one.readUs),
    show(one.writeUs),
    show(loaded[n]?.readUs),
    show(loaded[n]?.writeUs),
  ];
  return {
    head: ['server', 'mode', 'clients', 'read idle', 'write idle', 'read loaded', 'write loaded'],
    rows: idle.map(row),
  };
}
