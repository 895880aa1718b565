/** Numbers and tables as a person wants to read them. */
import type { Revision } from '../measure/machine.ts';

/** 199127 → "199,127" */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** 12345 → "12.3 k"; for axes and narrow places. */
export function short(value: number): string {
  const steps = [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const;
  for (const [size, unit] of steps) if (Math.abs(value) >= size) return `${digits(value / size)} ${unit}`;
  return digits(value);
}

function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return String(Number(value.toFixed(size >= 10 ? 1 : 2)));
}

/** µs → "85 µs", "1.24 ms", "2.1 s" */
export function time(us: number): string {
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1e6) return `${threeDigits(us / 1000)} ms`;
  return `${threeDigits(us / 1e6)} s`;
}

/** The same without zeros at the end, for axes. */
export function axisTime(us: number): string {
  if (us === 0) return '0';
  return time(us)
    .replace(/(\.\d*?)0+ /, '$1 ')
    .replace('. ', ' ');
}

/** "30ea4eac2d60 + changes" */
export function commitOf({ commit, dirty }: Revision): string {
  return `${commit}${dirty ? ' + changes' : ''}`;
}

/** A number as short as it can be said, for axes. */
export function plain(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function threeDigits(value: number): string {
  if (value >= 100) return String(Math.round(value));
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function bytes(value: number): string {
  if (value >= 2 ** 30) return `${threeDigits(value / 2 ** 30)} GiB`;
  if (value >= 2 ** 20) return `${threeDigits(value / 2 ** 20)} MiB`;
  return value >= 1024 ? `${threeDigits(value / 1024)} KiB` : `${Math.round(value)} B`;
}

/** 0.063 → "±6 %" */
export function plusMinus(share: number): string {
  return `±${Math.round(share * 100)} %`;
}

/** 1.12 → "+12 %"; "-" against nothing */
export function change(ratio: number): string {
  if (!Number.isFinite(ratio)) return '-';
  const percent = (ratio - 1) * 100;
  const text = Math.abs(percent) < 10 ? percent.toFixed(1) : String(Math.round(percent));
  return `${percent >= 0 ? '+' : ''}${text} %`;
}

export type Cell = string | number;

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Columns of numbers to the right, the first one to the left. */
export function textTable({ head, rows }: Table): string {
  const texts = [head, ...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? whole(cell) : cell)))];
  const widths = head.map((_, column) => Math.max(...texts.map((row) => (row[column] ?? '').length)));
  const lines = texts.map((row) =>
    row
      .map((text, column) => (column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return `${[lines[0], rule, ...lines.slice(1)].join('\n')}\n`;
}
