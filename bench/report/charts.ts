/** The charts of the reports, each from plain numbers. */
import { axisTime, plain, short, time } from './format.ts';
import {
  at,
  axes,
  colours,
  escape,
  frame,
  fromZero,
  legend,
  line,
  linear,
  logarithmic,
  svg,
  text,
  type Frame,
  type Scale,
} from './svg.ts';

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Mark {
  readonly x: number;
  readonly name: string;
}

export interface LineOptions {
  readonly label: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xFormat?: (value: number) => string;
  readonly yFormat?: (value: number) => string;
  readonly marks?: readonly Mark[];
  /** Fills the area below; for a single series. */
  readonly filled?: boolean;
  /** Something that lasted. */
  readonly band?: { readonly from: number; readonly to: number };
}

/** Values over time, from zero. */
export function lineChart(series: readonly Series[], options: LineOptions): string {
  const { xLabel, yLabel, xFormat = plain, yFormat = short, marks = [], filled = false } = options;
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) return nothing(options.label);
  const xs = all.map(([x]) => x);
  const [from, to] = [Math.min(...xs), Math.max(...xs)];
  const { width, height, left, right, top, bottom } = frame;
  const x = linear(from, to, left, width - right, xFormat, 8);
  const y = fromZero(Math.max(...all.map(([, value]) => value), 0), height - bottom, top, yFormat);
  const lines = series.map(({ points }, n) => {
    const path = points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${at(x(px))} ${at(y(py))}`).join('');
    const last = points.at(-1);
    const area =
      filled && last !== undefined
        ? `<path d="${path}V${height - bottom}H${at(x(points[0]![0]))}Z" class="area${n}"/>`
        : '';
    return `${area}<path d="${path}" class="line${n % colours}"/>`;
  });
  const names = series.length > 1 ? legend(series.map(({ name }) => name)) : '';
  const { band } = options;
  const shade = band === undefined ? '' : bandShape(x(band.from), x(band.to));
  return svg(options.label, shade + axes(x, y, xLabel, yLabel) + lines.join('') + markLines(marks, x) + names);
}

function bandShape(from: number, to: number): string {
  const height = frame.height - frame.bottom - frame.top;
  return `<rect x="${at(from)}" y="${frame.top}" width="${at(to - from)}" height="${height}" class="band"/>`;
}

const markRows = 6;
const markRowHeight = 14;
/** Of the font of names; rather too much than too little. */
const markLetterWidth = 6.4;

/** Dashed lines across, each with its name where that hides no other; a name without room is told under the mouse. */
function markLines(marks: readonly Mark[], x: Scale): string {
  const floor = frame.height - frame.bottom;
  const rows = Array.from({ length: markRows }, (): { from: number; to: number }[] => []);
  const lines: string[] = [];
  const names: string[] = [];
  for (const { x: where, name } of marks) {
    const px = x(where);
    if (px < frame.left || px > frame.width - frame.right) continue;
    lines.push(`<g>${line(px, frame.top - 4, px, floor, 'mark')}<title>${escape(name)}</title></g>`);
    const width = name.length * markLetterWidth;
    const flips = px + 5 + width > frame.width;
    const from = flips ? px - 5 - width : px + 5;
    const free = rows.findIndex((row) => row.every((taken) => from > taken.to + 5 || from + width + 5 < taken.from));
    if (free < 0) continue;
    rows[free]!.push({ from, to: from + width });
    const look = `class="marktext" text-anchor="${flips ? 'end' : 'start'}"`;
    names.push(text(flips ? px - 5 : px + 5, frame.top + 10 + free * markRowHeight, name, look));
  }
  return lines.join('') + names.join('');
}

export interface PercentileSeries {
  readonly name: string;
  /** Latency in µs at each of `percentileStops`. */
  readonly values: readonly number[];
}

/** Shares of all requests that were faster; the axis gives each further nine the same room. */
export const percentileStops: readonly number[] = [
  0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999,
];

export function percentileChart(series: readonly PercentileSeries[], label: string): string {
  const { width, height, left, right, top, bottom } = frame;
  const nines = (share: number): number => -Math.log10(1 - share);
  const span = (value: number): number => left + (nines(value) / 4) * (width - right - left);
  const x: Scale = Object.assign((value: number) => span(value), {
    ticks: [0, 0.5, 0.9, 0.99, 0.999, 0.9999],
    format: (value: number) => (value === 0 ? 'min' : `p${Number((value * 100).toFixed(2))}`),
  });
  const all = series.flatMap(({ values }) => values).filter((value) => value > 0);
  if (all.length === 0) return nothing(label);
  const y = logarithmic(Math.min(...all) * 0.9, Math.max(...all) * 1.1, height - bottom, top, axisTime);
  const lines = series.map(({ values }, n) => {
    const path = values
      .map((value, i) => `${i === 0 ? 'M' : 'L'}${at(x(percentileStops[i]!))} ${at(y(Math.max(value, 1)))}`)
      .join('');
    return `<path d="${path}" class="line${n % colours}"/>`;
  });
  return svg(
    label,
    axes(x, y, 'share of requests that were faster', 'latency') +
      lines.join('') +
      legend(series.map(({ name }) => name)),
  );
}

export interface Part {
  readonly name: string;
  readonly value: number;
}

/** Times side by side, as bars; as steps each begins where the one before ended. */
export function stageChart(parts: readonly Part[], label: string, isSteps: boolean): string {
  const row = 26;
  const within: Frame = { ...frame, left: 92, right: 70, top: 14, bottom: 26, height: 14 + parts.length * row + 26 };
  const begins = parts.map((_, n) => (isSteps ? parts.slice(0, n).reduce((sum, { value }) => sum + value, 0) : 0));
  const most = Math.max(...parts.map(({ value }, n) => begins[n]! + value), 1e-9);
  const x = fromZero(most, within.left, within.width - within.right, axisTime);
  const floor = within.height - within.bottom;
  const grid = x.ticks
    .map(
      (tick) =>
        line(x(tick), within.top, x(tick), floor, 'grid') +
        text(x(tick), floor + 18, x.format(tick), 'class="tick" text-anchor="middle"'),
    )
    .join('');
  const bars = parts
    .map(({ name, value }, n) => {
      const top = within.top + n * row;
      const begin = x(begins[n]!);
      const end = x(begins[n]! + value);
      return (
        text(within.left - 8, top + 17, name, 'text-anchor="end"') +
        bar(begin, top + 4, Math.max(1, end - begin), row - 8, n) +
        text(end + 6, top + 17, axisTime(value), 'class="tick"')
      );
    })
    .join('');
  return svg(label, grid + line(within.left, within.top, within.left, floor, 'axis') + bars, within);
}

export interface Spot {
  readonly x: number;
  readonly y: number;
  readonly name: string;
  readonly kind: 'other' | 'front' | 'default' | 'chosen';
  /** Nothing beats it in both. */
  readonly onFront: boolean;
}

/** Throughput against latency; the front is what nothing beats in both. */
export function paretoChart(all: readonly Spot[], label: string): string {
  const { width, height, left, right, top, bottom } = frame;
  // A setting under which nothing was answered in time has no place.
  const spots = all.filter(({ x, y }) => x > 0 && y > 0);
  if (spots.length === 0) return nothing(label);
  const xs = spots.map(({ x }) => x);
  const margin = (Math.max(...xs) - Math.min(...xs)) * 0.06 || 1;
  const x = linear(Math.max(0, Math.min(...xs) - margin), Math.max(...xs) + margin, left, width - right, short, 6);
  const ys = spots.map(({ y }) => y);
  const y = logarithmic(Math.min(...ys) * 0.85, Math.max(...ys) * 1.15, height - bottom, top, axisTime);
  const onFront = spots.filter(({ onFront }) => onFront).sort((a, b) => a.x - b.x);
  const path = onFront.map((spot, n) => `${n === 0 ? 'M' : 'L'}${at(x(spot.x))} ${at(y(spot.y))}`).join('');
  const order = { other: 0, front: 1, default: 2, chosen: 3 } as const;
  const colour = { other: 7, front: 0, default: 1, chosen: 2 } as const;
  const dots = [...spots]
    .sort((a, b) => order[a.kind] - order[b.kind])
    .map(({ x: px, y: py, name, kind }) => {
      const radius = kind === 'other' || kind === 'front' ? 4.5 : 7;
      return (
        `<circle cx="${at(x(px))}" cy="${at(y(py))}" r="${radius}" class="dot fill${colour[kind]}">` +
        `<title>${escape(`${name}: ${short(px)}/s, p99 ${time(py)}`)}</title></circle>`
      );
    })
    .join('');
  const names = [
    ['front', 'nothing is better in both'],
    ['default', 'the defaults'],
    ['chosen', 'recommended'],
    ['other', 'tried'],
  ] as const;
  let at0 = left;
  const key = names
    .map(([kind, name]) => {
      const dot = `<circle cx="${at0 + 5}" cy="14" r="5" class="fill${colour[kind]}"/>`;
      const part = dot + text(at0 + 15, 18, name, 'class="legend"');
      at0 += 40 + name.length * 6.8;
      return part;
    })
    .join('');
  const curve = onFront.length > 1 ? `<path d="${path}" class="line0"/>` : '';
  return svg(label, axes(x, y, 'operations per second', 'p99') + curve + dots + key);
}

/** Two-dimensional figures as tinted cells. */
export function heatChart(
  rows: readonly string[],
  columns: readonly string[],
  values: readonly (readonly (number | null)[])[],
  options: { readonly label: string; readonly xLabel: string; readonly yLabel: string; readonly max: number },
): string {
  const cell = { width: Math.min(120, 560 / columns.length), height: 34 };
  const within: Frame = {
    ...frame,
    left: 92,
    top: 8,
    width: 92 + cell.width * columns.length + 20,
    height: 8 + cell.height * rows.length + 44,
  };
  const cells = rows.flatMap((_, row) =>
    columns.map((_column, column) => {
      const value = values[row]?.[column] ?? null;
      if (value === null) return '';
      // The logarithm: throughputs differ by orders of magnitude.
      const strength = Math.max(0.06, Math.min(1, Math.log10(1 + (999 * value) / options.max) / 3));
      const x = within.left + column * cell.width;
      const y = within.top + row * cell.height;
      return (
        bar(x + 1, y + 1, cell.width - 2, cell.height - 2, 0, strength) +
        text(x + cell.width / 2, y + 21, short(value), `text-anchor="middle"${strength > 0.62 ? ' class="on"' : ''}`)
      );
    }),
  );
  const names = [
    ...rows.map((name, n) =>
      text(within.left - 8, within.top + n * cell.height + 21, name, 'class="tick" text-anchor="end"'),
    ),
    ...columns.map((name, n) =>
      text(within.left + (n + 0.5) * cell.width, within.height - 26, name, 'class="tick" text-anchor="middle"'),
    ),
    text((within.left + within.width) / 2, within.height - 6, options.xLabel, 'class="label" text-anchor="middle"'),
  ];
  const middle = within.top + (cell.height * rows.length) / 2;
  const turned = `class="label" text-anchor="middle" transform="rotate(-90 14 ${at(middle)})"`;
  return svg(options.label, cells.join('') + names.join('') + text(14, middle, options.yLabel, turned), within);
}

export interface BarGroup {
  readonly name: string;
  /** One value per series; null: not measured. */
  readonly values: readonly (number | null)[];
}

/** Sides next to each other, load by load, each load on its own scale: only the ratio within one matters. */
export function ratioBars(groups: readonly BarGroup[], sides: readonly string[], label: string): string {
  const thickness = 13;
  const group = sides.length * thickness + 16;
  const within: Frame = { ...frame, left: 236, right: 76, top: 34, height: 34 + groups.length * group + 8 };
  const room = within.width - within.left - within.right;
  const body = groups
    .map(({ name, values }, n) => {
      const top = within.top + n * group;
      const most = Math.max(...values.map((value) => value ?? 0), 1e-9);
      const bars = values
        .map((value, side) => {
          const y = top + side * thickness;
          if (value === null) return text(within.left + 6, y + 10, 'not measured', 'class="tick"');
          const width = Math.max(1, (value / most) * room);
          return (
            bar(within.left, y, width, thickness - 2, side) +
            text(within.left + width + 6, y + 10, `${short(value)}/s`, 'class="tick"')
          );
        })
        .join('');
      return text(within.left - 10, top + (sides.length * thickness) / 2 + 3, name, 'text-anchor="end"') + bars;
    })
    .join('');
  return svg(label, body + legend(sides, within), within);
}

function bar(x: number, y: number, width: number, height: number, colour: number, opacity = 1): string {
  const size = `x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}"`;
  return `<rect ${size} rx="3" class="fill${colour % colours}" opacity="${Number(opacity.toFixed(2))}"/>`;
}

/** In place of a chart without a single value. */
function nothing(label: string): string {
  return svg(label, text(frame.left, frame.top, 'nothing was measured', 'class="label"'));
}
