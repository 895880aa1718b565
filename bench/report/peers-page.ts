/** The pages of `peers` and `compare`: the same loads on several targets, side by side. */
import type { Revision } from '../measure/machine.ts';
import { median } from '../measure/statistics.ts';
import { ratioBars } from './charts.ts';
import { commitOf, time, whole, type Cell, type Table } from './format.ts';
import type { Page } from './html.ts';
import { pairsOf, pairTable } from './pairs.ts';
import { summarize, type LoadRecord, type RunRecord } from './record.ts';
import { loadTable } from './sections.ts';

type Content = Pick<Page, 'title' | 'figures' | 'sections'>;

export interface PeersDetails {
  readonly labels: readonly string[];
  /** ms without an acknowledged write when the leader is killed, round by round. */
  readonly gaps: Readonly<Record<string, readonly number[]>>;
}

export function peersPage({ loads, details }: RunRecord): Content {
  const { labels, gaps } = details as unknown as PeersDetails;
  return {
    title: 'Zabra and its peers',
    figures: Object.entries(gaps).map(([label, all]) => ({
      value: `${median(all)} ms`,
      label: `${label}: longest time without an acknowledged write when the leader is killed`,
    })),
    sections: [
      {
        title: 'Operations per second',
        text: 'Medians; the same number of servers on this machine and disk, the same generator, every write fsynced.',
        chart: sideBars(loads, labels),
        file: 'peers',
        table: ratioTable(loads, labels),
      },
      { title: 'p99', table: p99Table(loads, labels) },
      { title: 'All figures', table: withTargets(loads) },
    ],
  };
}

export interface CompareDetails {
  readonly sides: readonly string[];
  /** What they were when they were measured; earlier records do not tell. */
  readonly revisions?: readonly Revision[];
}

/** The sides, each with its commit. */
export function sidesOf({ sides, revisions = [] }: CompareDetails): string[] {
  return sides.map((side, n) => (revisions[n] === undefined ? side : `${side} (${commitOf(revisions[n])})`));
}

export function comparePage({ loads, details }: RunRecord): Content {
  const compared = details as unknown as CompareDetails;
  const [a = '', b = ''] = compared.sides;
  const [left, right] = sidesOf(compared);
  const of = (side: string): LoadRecord[] => loads.filter(({ target }) => target === side);
  return {
    title: `A: ${left}, B: ${right}`,
    figures: [],
    sections: [
      {
        title: 'Operations per second',
        text: 'A winner is named where the difference is larger than chance (5 % over all rows, in turn) and than 2 %.',
        chart: sideBars(loads, [a, b]),
        file: 'compare',
        table: pairTable(pairsOf(of(a), of(b)), true),
      },
      { title: 'All figures', table: withTargets(loads) },
    ],
  };
}

/** Medians of each, and how many times as much the first one does. */
export function ratioTable(loads: readonly LoadRecord[], labels: readonly string[]): Table {
  const names = [...new Set(loads.map(({ name }) => name))];
  const [own, ...others] = labels;
  const rows = names.map((name) => {
    const find = (label: string | undefined): ReturnType<typeof summarize> | null => {
      const load = loads.find((one) => one.name === name && one.target === label);
      return load === undefined ? null : summarize(load);
    };
    const mine = find(own)?.perSecond ?? 0;
    const row: Cell[] = [name];
    for (const label of labels) row.push(shown(find(label), ({ perSecond }) => `${whole(perSecond)}/s`));
    for (const label of others)
      row.push(shown(find(label), ({ perSecond }) => (perSecond === 0 ? '-' : (mine / perSecond).toFixed(1))));
    return row;
  });
  return {
    head: ['load', ...labels, ...others.map((label) => `× ${label}`)],
    rows,
  };
}

export function p99Table(loads: readonly LoadRecord[], labels: readonly string[]): Table {
  const names = [...new Set(loads.map(({ name }) => name))];
  const rows = names.map((name) =>
    [name].concat(
      labels.map((label) => {
        const load = loads.find((one) => one.name === name && one.target === label);
        return load === undefined ? '-' : time(summarize(load).p99);
      }),
    ),
  );
  return { head: ['load', ...labels], rows };
}

function shown<T>(value: T | null, show: (value: T) => string): string {
  return value === null ? '-' : show(value);
}

function sideBars(loads: readonly LoadRecord[], sides: readonly string[]): string {
  const names = [...new Set(loads.map(({ name }) => name))];
  const groups = names.map((name) => ({
    name,
    values: sides.map((side) => {
      const load = loads.find((one) => one.name === name && one.target === side);
      return load === undefined ? null : summarize(load).perSecond;
    }),
  }));
  return ratioBars(groups, sides, 'Operations per second');
}

function withTargets(loads: readonly LoadRecord[]): Table {
  return loadTable(loads.map((load) => Object.assign({}, load, { name: `${load.name}: ${load.target}` })));
}
