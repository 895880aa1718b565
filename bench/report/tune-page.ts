/** The page of `tune`. */
import { nameOf, type Found, type Point } from '../tune/search.ts';
import { paretoChart, type Spot } from './charts.ts';
import { change, time, whole } from './format.ts';
import type { Page } from './html.ts';
import type { RunRecord } from './record.ts';

export interface TuneDetails {
  readonly workload: string;
  readonly boundMs: number | null;
  readonly points: readonly Point[];
  readonly found: Found;
}

export function tunePage({ details }: RunRecord): Pick<Page, 'title' | 'figures' | 'sections'> {
  const { points, found, workload } = details as unknown as TuneDetails;
  const chosen = nameOf(found.best.candidate);
  const { verdict } = found;
  const spots = points.map(({ candidate, perSecond, p99Us, onFront }): Spot => {
    const name = nameOf(candidate);
    const kind = name === 'defaults' ? 'default' : name === chosen ? 'chosen' : onFront ? 'front' : 'other';
    return { x: perSecond, y: p99Us, name, kind, onFront };
  });
  const rows = points
    .toSorted((a, b) => b.perSecond - a.perSecond)
    .map(({ candidate, perSecond, p99Us, onFront }) => {
      return [nameOf(candidate), whole(perSecond), time(p99Us), onFront ? 'yes' : ''];
    });
  const gain =
    verdict === null
      ? ''
      : ` The best candidate against the defaults: ${change(verdict.ratio)} ` +
        `(95 %: ${change(verdict.low)} to ${change(verdict.high)}).`;
  const recommended =
    chosen === 'defaults'
      ? { value: 'the defaults', label: 'recommended: nothing was better beyond the noise' }
      : { value: change(verdict?.ratio ?? 1), label: `with ${chosen}` };
  return {
    title: 'Zabra, tuning',
    figures: [
      recommended,
      { value: `${Math.round(found.defaultsReach * 100)} %`, label: 'of the best is what the defaults reach' },
    ],
    sections: [
      {
        title: 'Throughput against p99',
        text: `${workload}. Each point is a setting; further right and further down is better.${gain}`,
        chart: paretoChart(spots, 'Throughput against p99'),
        file: 'pareto',
      },
      { title: 'Settings', table: { head: ['settings', 'per second', 'p99', 'on the front'], rows } },
    ],
  };
}
