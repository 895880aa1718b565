/** The page of `scale`. */
import type { WatchesRow } from '../scale/clients.ts';
import type { ScaleRow } from '../scale/stage.ts';
import type { ZnodesRow } from '../scale/znodes.ts';
import { lineChart, type Series } from './charts.ts';
import { axisTime, bytes, short, time, whole, type Table } from './format.ts';
import type { Page, Section } from './html.ts';
import type { RunRecord } from './record.ts';

export interface Scaled {
  readonly znodes: readonly ZnodesRow[];
  readonly sessions: readonly ScaleRow[];
  readonly watches: readonly WatchesRow[];
}

export function scalePage({ details }: RunRecord): Pick<Page, 'title' | 'figures' | 'sections'> {
  const { znodes, sessions, watches } = details as unknown as Scaled;
  const largest = znodes.at(-1);
  const tables = scaleTables({ znodes, sessions, watches });
  const charts = [
    ...countChart('znodes', znodes, [
      ['during snapshots', ({ snapshots }) => snapshots.p99Us ?? 0],
      ['without a snapshot', ({ snapshots }) => snapshots.calmP99Us ?? 0],
    ]),
    ...countChart('sessions', sessions, [['p99', ({ p99Us }) => p99Us]]),
    ...countChart('watches', watches, [
      ['writes to what is watched', ({ watchedP99Us }) => watchedP99Us],
      ['writes to other znodes', ({ p99Us }) => p99Us],
    ]),
  ];
  return {
    title: 'Zabra, scale',
    figures:
      largest === undefined
        ? []
        : [
            { value: shown(largest.bytesEach, bytes), label: `of memory a znode, at ${whole(largest.count)}` },
            { value: time(largest.restartMs * 1000), label: 'to restart a server at that size' },
          ],
    sections: [...tables, ...charts],
  };
}

/** p99 over counts that grow by factors: each has the same room. */
function countChart<T extends ScaleRow>(
  what: string,
  rows: readonly T[],
  lines: readonly (readonly [name: string, pick: (row: T) => number])[],
): Section[] {
  if (rows.length < 2) return [];
  const series = lines.map(([name, pick]): Series => ({
    name,
    points: rows.map((row, n) => [n, pick(row)] as const),
  }));
  const title = `p99 of writes with more and more ${what}`;
  const chart = lineChart(series, {
    label: title,
    xLabel: what,
    yLabel: 'p99',
    yFormat: axisTime,
    xFormat: (n) => (Number.isInteger(n) && rows[n] !== undefined ? short(rows[n].count) : ''),
  });
  return [{ title, chart, file: what }];
}

function shown(value: number | null, show: (value: number) => string): string {
  return value === null ? '-' : show(value);
}

export function scaleTables({ znodes, sessions, watches }: Scaled): (Section & { readonly table: Table })[] {
  return [
    { title: 'Znodes', rows: znodes.length, table: znodesTable(znodes) },
    { title: 'Snapshots, under 10,000 writes of 1 KiB a second', rows: znodes.length, table: snapshotsTable(znodes) },
    {
      title: 'Sessions, with 240 writes in flight in all or one each',
      rows: sessions.length,
      table: sessionsTable(sessions),
    },
    { title: 'Watches, persistent, of three clients', rows: watches.length, table: watchesTable(watches) },
  ]
    .filter(({ rows }) => rows > 0)
    .map(({ title, table }) => ({ title, table }));
}

function znodesTable(rows: readonly ZnodesRow[]): Table {
  return {
    head: ['znodes', 'made at', 'memory', 'each', 'writes', 'p99', 'restart'],
    rows: rows.map(({ count, fillSeconds, restartMs, ...row }, n) => [
      whole(count),
      // The ensemble grows: those of the row before were there.
      `${short((count - (rows[n - 1]?.count ?? 0)) / fillSeconds)}/s`,
      bytes(row.residentBytes),
      shown(row.bytesEach, bytes),
      `${whole(row.writesPerSecond)}/s`,
      time(row.p99Us),
      time(restartMs * 1000),
    ]),
  };
}

function snapshotsTable(rows: readonly ZnodesRow[]): Table {
  return {
    head: ['znodes', 'snapshot', 'bytes', 'p99 meanwhile', 'p99 without'],
    rows: rows.map(({ count, snapshots }) => [
      whole(count),
      shown(snapshots.ms, (ms) => time(ms * 1000)),
      shown(snapshots.bytes, bytes),
      shown(snapshots.p99Us, time),
      shown(snapshots.calmP99Us, time),
    ]),
  };
}

function sessionsTable(rows: readonly ScaleRow[]): Table {
  return {
    head: ['sessions', 'memory', 'each', 'writes', 'p99'],
    rows: rows.map((row) => [
      whole(row.count),
      bytes(row.residentBytes),
      shown(row.bytesEach, bytes),
      `${whole(row.writesPerSecond)}/s`,
      time(row.p99Us),
    ]),
  };
}

function watchesTable(rows: readonly WatchesRow[]): Table {
  return {
    head: ['watches', 'memory', 'each', 'other writes', 'p99', 'watched writes', 'p99', 'events'],
    rows: rows.map((row) => [
      whole(row.count),
      bytes(row.residentBytes),
      shown(row.bytesEach, bytes),
      `${whole(row.writesPerSecond)}/s`,
      time(row.p99Us),
      `${whole(row.watchedPerSecond)}/s`,
      time(row.watchedP99Us),
      `${whole(row.eventsPerSecond)}/s`,
    ]),
  };
}
