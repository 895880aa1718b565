/** Reports: charts without a number that is none, pages that need nothing from elsewhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  heatChart,
  lineChart,
  paretoChart,
  percentileChart,
  percentileStops,
  ratioBars,
  stageChart,
} from '../../../bench/report/charts.ts';
import { canonicalWorkload, type Workload } from '../../../bench/load/workload.ts';
import { change, short, textTable, time, whole } from '../../../bench/report/format.ts';
import { renderHtml } from '../../../bench/report/html.ts';
import { scaleTables } from '../../../bench/report/scale-page.ts';
import { matrixSections } from '../../../bench/report/sections.ts';
import { standalone } from '../../../bench/report/svg.ts';
import { parseMetrics } from '../../../bench/target/observer.ts';

const labels = { label: 'a chart', xLabel: 'x', yLabel: 'y' };
const charts: Readonly<Record<string, string>> = {
  line: lineChart(
    [
      {
        name: 'one',
        points: [
          [0, 5],
          [1, 7],
        ],
      },
    ],
    { ...labels, filled: true, marks: [{ x: 0.5, name: 'here' }] },
  ),
  'line of nothing': lineChart([], labels),
  'line of zeros': lineChart(
    [
      {
        name: 'one',
        points: [
          [0, 0],
          [1, 0],
        ],
      },
    ],
    labels,
  ),
  'line of one point': lineChart([{ name: 'one', points: [[3, 4]] }], labels),
  percentiles: percentileChart([{ name: 'one', values: percentileStops.map((_, n) => 10 * (n + 1)) }], 'p'),
  'percentiles of nothing': percentileChart([{ name: 'one', values: percentileStops.map(() => 0) }], 'p'),
  stages: stageChart(
    [
      { name: 'queue', value: 0 },
      { name: 'fsync', value: 1300 },
    ],
    'stages',
    true,
  ),
  pareto: paretoChart(
    [
      { x: 1, y: 2, name: 'a', kind: 'default', onFront: true },
      { x: 3, y: 4, name: 'b', kind: 'front', onFront: true },
    ],
    'p',
  ),
  'pareto of nothing': paretoChart([], 'p'),
  heat: heatChart(
    ['1', '30'],
    ['1', '256'],
    [
      [5, null],
      [500, 0],
    ],
    { ...labels, max: 500 },
  ),
  bars: ratioBars([{ name: 'load', values: [5, null, 0] }], ['a', 'b', 'c'], 'bars'),
};

for (const [name, chart] of Object.entries(charts)) {
  test(`the chart "${name}" is whole`, () => {
    assert.match(chart, /^<svg [^>]*>.*<\/svg>$/s);
    assert.doesNotMatch(chart, /NaN|Infinity|undefined|null/);
    const file = standalone(chart);
    assert.match(file, /<style>/);
    assert.doesNotMatch(file, /href|url\(/);
  });
}

test('a page needs nothing from elsewhere and shows text as text', () => {
  const page = renderHtml({
    title: '<b>',
    subtitle: 'a & b',
    figures: [{ value: '1', label: 'one' }],
    warnings: ['"careful"'],
    sections: [{ title: 'section', table: { head: ['a', 'b'], rows: [['x', 1234]] }, chart: charts['line']! }],
  });
  assert.match(page, /&lt;b&gt;.*a &amp; b.*&quot;careful&quot;.*1,234/s);
  assert.doesNotMatch(page, /<script|<link|src=|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
});

test('numbers are said as people say them', () => {
  assert.deepEqual([time(850), time(1240), time(93_400), time(2_100_000)], ['850 µs', '1.24 ms', '93.4 ms', '2.10 s']);
  assert.deepEqual([whole(199_127), short(199_127), short(0), short(2_500_000)], ['199,127', '199 k', '0', '2.5 M']);
  assert.deepEqual([change(1.123), change(0.95), change(1)], ['+12 %', '-5.0 %', '+0.0 %']);
  const table = textTable({
    head: ['load', 'n'],
    rows: [
      ['a', 1000],
      ['longer', 2],
    ],
  });
  assert.equal(table, 'load        n\n──────  ─────\na       1,000\nlonger      2\n');
});

test('metrics in the format of Prometheus are read by name and labels', () => {
  const text = '# HELP a b\na 1\nb_sum{stage="log"} 2.5\nb_bucket{le="+Inf"} 3\n';
  assert.deepEqual(
    [...parseMetrics(text)],
    [
      ['a', 1],
      ['b_sum{stage="log"}', 2.5],
      ['b_bucket{le="+Inf"}', 3],
    ],
  );
});

test('names of marks do not hide each other, and each line tells its own', () => {
  const marks = Array.from({ length: 40 }, (_, n) => ({ x: n < 20 ? 5 + n / 50 : n / 4, name: `event ${n}` }));
  const line = [
    [0, 5],
    [10, 7],
  ] as const;
  const chart = lineChart([{ name: 'one', points: line }], { ...labels, marks });
  assert.equal(chart.match(/<title>event /g)!.length, 40);
  const shown = [...chart.matchAll(/<text x="([\d.]+)" y="([\d.]+)" class="marktext" text-anchor="(\w+)">(.+?)</g)];
  const names = shown.map(([, x, y, anchor, name]) => {
    const from = anchor === 'end' ? Number(x) - name!.length * 6 : Number(x);
    return { from, to: from + name!.length * 6, y };
  });
  assert.ok(names.length > 10);
  for (const [n, a] of names.entries())
    for (const b of names.slice(0, n)) assert.ok(a.y !== b.y || a.from > b.to || b.from > a.to, 'one hides another');
});

test('a matrix is headed by the share of reads, whatever the weights are', () => {
  const headed = (mix: Workload['mix']): string => {
    const workload = { ...canonicalWorkload, mix };
    return matrixSections([{ name: 'load', target: 'zabra', workload, rounds: [] }])[0]!.title;
  };
  assert.equal(headed({ get: 1 }), '100 bytes, 100 % reads');
  assert.equal(headed({ get: 1, set: 1 }), '100 bytes, 50 % reads');
  assert.equal(headed({ exists: 30, set: 90 }), '100 bytes, 25 % reads');
  assert.equal(headed({ set: 1 }), '100 bytes, writes only');
});

test('what an ensemble that grows is filled at is that of what was added', () => {
  const snapshots = { ms: null, bytes: null, calmP99Us: null, p99Us: null };
  const row = { residentBytes: 0, bytesEach: null, writesPerSecond: 0, p99Us: 0, restartMs: 0, snapshots };
  const znodes = [
    { ...row, count: 1000, fillSeconds: 1 },
    { ...row, count: 10_000, fillSeconds: 9 },
  ];
  const [found] = scaleTables({ znodes, sessions: [], watches: [] });
  assert.deepEqual(
    found!.table.rows.map(([, madeAt]) => madeAt),
    ['1 k/s', '1 k/s'],
  );
});
