/** The page of `tune`. */
import { middleOf, nameOf, type Found, type Point } from '../tune/search.ts';
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

/** What the best candidate brings, recommended or not; '': there was none. */
export function gainOf({ verdict, confirmed }: Found): string {
  // Earlier records do not tell what was confirmed.
  if (verdict === null || !confirmed) return '';
  const { defaults, candidate } = confirmed;
  const range = `${change(verdict.low)} to ${change(verdict.high)}`;
  return (
    `The best candidate: ${whole(candidate.perSecond)}/s, the defaults: ${whole(defaults.perSecond)}/s ` +
    `(${change(verdict.ratio)}, 95 %: ${range}); p99 ${time(candidate.p99Us)} and ${time(defaults.p99Us)}.`
  );
}

/** Whether what is recommended keeps the bound: words to promise it, or a sentence that says that nothing does. */
export function boundOf({ boundMs, found }: TuneDetails): { readonly within: string; readonly problem: string } {
  const { p99Us } = middleOf(found.best.outcomes);
  if (boundMs === null) return { within: '', problem: '' };
  if (p99Us <= boundMs * 1000) return { within: ` with p99 within ${boundMs} ms`, problem: '' };
  const own = `that of what is recommended is ${time(p99Us)}`;
  return { within: '', problem: `Nothing tried keeps p99 within ${boundMs} ms beyond doubt: ${own}.` };
}

export function tunePage({ details }: RunRecord): Pick<Page, 'title' | 'figures' | 'sections'> {
  const tuned = details as unknown as TuneDetails;
  const { points, found, workload } = tuned;
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
  const recommended =
    chosen === 'defaults'
      ? { value: 'the defaults', label: 'recommended: nothing was better beyond the noise' }
      : { value: change(verdict?.ratio ?? 1), label: `operations per second with ${chosen}` };
  const said = [gainOf(found), boundOf(tuned).problem].join(' ').trimEnd();
  return {
    title: 'Zabra, tuning',
    figures: [
      recommended,
      { value: `${Math.round(found.defaultsReach * 100)} %`, label: 'of the best is what the defaults reach' },
    ],
    sections: [
      {
        title: 'Throughput against p99',
        text: `${workload}. Each point is a setting; further right and further down is better. ${said}`,
        chart: paretoChart(spots, 'Throughput against p99'),
        file: 'pareto',
      },
      { title: 'Settings', table: { head: ['settings', 'per second', 'p99', 'on the front'], rows } },
    ],
  };
}
