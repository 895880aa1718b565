/** The keys and values of `mntr` and of `/commands/monitor`, with ZooKeeper's number formats. */
import type { CoordinationServer } from '../server/server.ts';
import { decimal, isStandalone, modeOf, version, zabPhase } from './facts.ts';
import type { Metric, Summary } from './catalog.ts';

/** Names and quantiles of ZooKeeper's percentile counters. */
const percentiles = [
  ['p50', 0.5],
  ['p95', 0.95],
  ['p99', 0.99],
  ['p999', 0.999],
] as const;

/** Values as text: whole numbers, or with a point where ZooKeeper has a double. */
export function monitorEntries(server: CoordinationServer, metrics: readonly Metric[]): [string, string][] {
  const entries: [string, string][] = [
    ['version', version],
    ['server_state', modeOf(server)],
  ];
  if (!isStandalone(server)) entries.push(['peer_state', `${server.role} - ${zabPhase(server)}`]);
  for (const metric of metrics) {
    if (metric.kind === 'summary') entries.push(...summaryEntries(metric));
    else entries.push([metric.name, metric.fraction === true ? decimal(metric.value) : `${metric.value}`]);
  }
  return entries;
}

function summaryEntries({ name, key, detail, histogram, scale }: Summary): [string, string][] {
  const full = key === null ? name : `${key}_${name}`;
  const whole = (value: number): string => `${Math.round(value / scale)}`;
  const entries: [string, string][] = [
    [`avg_${full}`, decimal(histogram.average / scale)],
    [`min_${full}`, whole(histogram.count === 0 ? 0 : histogram.min)],
    [`max_${full}`, whole(histogram.max)],
    [`cnt_${full}`, `${histogram.count}`],
    [`sum_${full}`, whole(histogram.sum)],
  ];
  if (detail === 'advanced')
    for (const [label, q] of percentiles) entries.push([`${label}_${full}`, whole(histogram.quantile(q))]);
  return entries;
}
