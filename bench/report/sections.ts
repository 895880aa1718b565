/** The sections that several reports share, each from the loads of a record. */
import { Histogram } from '../measure/histogram.ts';
import { stageNames, type Observed, type Sample } from '../target/observer.ts';
import {
  heatChart,
  lineChart,
  percentileChart,
  percentileStops,
  stageChart,
  type PercentileSeries,
  type Series,
} from './charts.ts';
import { isWrite, type OpKind, type Workload } from '../load/workload.ts';
import { plusMinus, time, whole, type Table } from './format.ts';
import type { Section } from './html.ts';
import { summarize, type LoadRecord } from './record.ts';

/** Percentiles of loads, all rounds of each together. */
export function percentileSection(title: string, loads: readonly LoadRecord[], file: string): Section {
  const series = loads.map((load): PercentileSeries => {
    const histogram = new Histogram();
    for (const round of load.rounds) histogram.add(round.latency);
    return { name: load.name, values: percentileStops.map((share) => histogram.quantile(share)) };
  });
  return {
    title,
    text: 'Each further nine to the right has the same room.',
    chart: percentileChart(series, title),
    file,
  };
}

export function loadTable(loads: readonly LoadRecord[]): Table {
  return {
    head: ['load', 'per second', 'spread', 'p50', 'p90', 'p99', 'p99.9', 'max', 'cost µs'],
    rows: loads.map((load) => {
      const { perSecond, spread, p50, p90, p99, p999, max, usPerOperation } = summarize(load);
      const times = [p50, p90, p99, p999, max].map(time);
      return [load.name, whole(perSecond), plusMinus(spread), ...times, usPerOperation.toFixed(2)];
    }),
  };
}

/** Acknowledged writes over the first round of each load. */
export function timelineSection(title: string, loads: readonly LoadRecord[], file: string): Section {
  const series = loads.map(({ name, rounds }) => {
    const { timeline } = rounds[0]!;
    // 50 ms a point: steady enough to see a stall, fine enough to see a short one.
    const points: [number, number][] = [];
    for (let i = 0; i + 5 <= timeline.length; i += 5)
      points.push([(i * 10) / 1000, timeline.slice(i, i + 5).reduce((sum, count) => sum + count, 0) * 20]);
    return { name, points };
  });
  return {
    title,
    text:
      'Acknowledged writes per second, in steps of 50 ms, over the first round. Dips are stalls: ' +
      'of the disk, of garbage collection, of whatever shares the machine.',
    chart: lineChart(series, {
      label: title,
      xLabel: 'seconds',
      yLabel: 'writes per second',
      filled: series.length === 1,
    }),
    file,
  };
}

/** One heat map for each payload and share of reads. */
export function matrixSections(loads: readonly LoadRecord[]): Section[] {
  const groups = new Map<string, LoadRecord[]>();
  for (const load of loads) {
    const { bytes, mix } = load.workload;
    const reads = readsOf(mix);
    const name = `${bytes} bytes, ${reads === 0 ? 'writes only' : `${reads} % reads`}`;
    groups.set(name, [...(groups.get(name) ?? []), load]);
  }
  return [...groups].map(([name, group]) => {
    const sessions = sorted(group.map(({ workload }) => workload.sessions));
    const windows = sorted(group.map(({ workload }) => workload.window));
    const found = (s: number, w: number): number | null => {
      const load = group.find(({ workload }) => workload.sessions === s && workload.window === w);
      return load === undefined ? null : summarize(load).perSecond;
    };
    return {
      title: name,
      chart: heatChart(
        sessions.map(String),
        windows.map(String),
        sessions.map((s) => windows.map((w) => found(s, w))),
        {
          label: name,
          xLabel: 'requests in flight in each session',
          yLabel: 'sessions',
          max: Math.max(...group.map((load) => summarize(load).perSecond)),
        },
      ),
      file: `matrix-${name.replace(/[^a-z0-9]+/gi, '-')}`,
    };
  });
}

/** Percent. */
function readsOf(mix: Workload['mix']): number {
  let [reads, all] = [0, 0];
  for (const [kind, weight] of Object.entries(mix)) {
    all += weight;
    if (!isWrite[kind as OpKind]) reads += weight;
  }
  return Math.round((100 * reads) / all);
}

function sorted(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

/** Batches, what is in flight, and the stages of a commit, as the leader told them. */
export function observedSections(observed: Observed | null): Section[] {
  if (observed === null || observed.samples.length === 0) return [];
  const { samples, stages, batchTxns, fsyncTxns, cpu } = observed;
  const series = (name: string, pick: (sample: Sample) => number): Series => ({
    name,
    points: samples.map((sample) => [sample.at, pick(sample)] as const),
  });
  const cores = cpu.map((share) => `${Math.round(share * 100)} %`).join(', ');
  return [
    {
      title: 'Batch size over time',
      text: `On average ${whole(batchTxns)} writes in a batch, and ${whole(fsyncTxns)} made durable by one fsync.`,
      chart: lineChart(
        [
          series('writes in a batch', ({ batchTxns: count }) => count),
          series('writes in an fsync', ({ fsyncTxns: count }) => count),
        ],
        { label: 'Batch size over time', xLabel: 'seconds', yLabel: 'writes' },
      ),
      file: 'batches',
    },
    {
      title: 'Batches in flight over time',
      text: 'Proposed by the leader and not yet committed, at the moment of each look.',
      chart: lineChart([series('batches in flight', ({ batchesInFlight }) => batchesInFlight)], {
        label: 'Batches in flight',
        xLabel: 'seconds',
        yLabel: 'batches',
        filled: true,
      }),
      file: 'in-flight',
    },
    {
      title: 'Where the time of a commit goes',
      text:
        'Means for a batch, at the leader. “quorum” is from the proposal to the ack of a quorum, so log, fsync ' +
        `and network are within it. CPU of the servers, the leader first: ${cores} of a core.`,
      chart: stageChart(
        stageNames.map((name) => ({ name, value: stages[name] })),
        'Stages of a commit',
        false,
      ),
      file: 'stages',
    },
  ];
}
