/**
 * The few shapes that charts are made of: axes with round numbers, grid, lines, marks. Plain SVG text,
 * coloured by CSS variables, so that one chart serves on light and dark pages.
 */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export const frame: Frame = { width: 720, height: 300, left: 78, right: 28, top: 40, bottom: 44 };

/** Maps a value to a position. */
export interface Scale {
  (value: number): number;
  readonly ticks: readonly number[];
  readonly format: (value: number) => string;
}

type Format = (value: number) => string;

export function linear(from: number, to: number, start: number, end: number, format: Format, count = 5): Scale {
  const span = to - from || 1;
  const step = niceStep(span / count);
  const ticks: number[] = [];
  for (let n = Math.ceil(from / step - 1e-9); n * step <= to + step * 1e-6; n++) ticks.push(n * step);
  return Object.assign((value: number) => start + ((value - from) / span) * (end - start), { ticks, format });
}

/** From 0 to a round number at or above `max`. */
export function fromZero(max: number, start: number, end: number, format: Format, count = 5): Scale {
  const step = niceStep((max || 1) / count);
  return linear(0, Math.ceil((max || 1) / step - 1e-9) * step, start, end, format, count);
}

/** Logarithmic, with ticks at 1, 2 and 5 of each power of ten where there is room. */
export function logarithmic(min: number, max: number, start: number, end: number, format: Format): Scale {
  const low = Math.log10(Math.max(min, 1e-9));
  const high = Math.max(Math.log10(Math.max(max, 1e-9)), low + 0.1);
  const factors = high - low > 3.5 ? [1] : high - low > 1.5 ? [1, 3] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power++)
    for (const factor of factors) {
      const at = factor * 10 ** power;
      if (Math.log10(at) >= low - 1e-9 && Math.log10(at) <= high + 1e-9) ticks.push(at);
    }
  const at = (value: number): number =>
    start + ((Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)) * (end - start);
  return Object.assign(at, { ticks, format });
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = rough / power;
  return (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 2.5 ? 2.5 : factor <= 5 ? 5 : 10) * power;
}

export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** One decimal is finer than any screen. */
export function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** A small chart is not blown up beyond this. */
const narrow = 480;

export function svg(label: string, body: string, { width, height }: Frame = frame): string {
  return (
    `<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
    `${width < frame.width ? `style="max-width:${Math.max(width, narrow)}px" ` : ''}role="img" ` +
    `aria-label="${escape(label)}">${body}</svg>`
  );
}

export function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${at(x)}" y="${at(y)}" ${attributes}>${escape(content)}</text>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, kind: string): string {
  return `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" class="${kind}"/>`;
}

/** Grid and numbers of both axes, with what they count. */
export function axes(x: Scale, y: Scale, xLabel: string, yLabel: string, within: Frame = frame): string {
  const { width, height, left, right, top, bottom } = within;
  const floor = height - bottom;
  const parts: string[] = [];
  for (const tick of y.ticks) {
    parts.push(line(left, y(tick), width - right, y(tick), 'grid'));
    parts.push(text(left - 8, y(tick) + 4, y.format(tick), 'class="tick" text-anchor="end"'));
  }
  for (const tick of x.ticks) {
    if (x.format(tick) === '') continue;
    parts.push(line(x(tick), floor, x(tick), floor + 4, 'axis'));
    parts.push(text(x(tick), floor + 18, x.format(tick), 'class="tick" text-anchor="middle"'));
  }
  parts.push(line(left, floor, width - right, floor, 'axis'));
  parts.push(text((left + width - right) / 2, height - 6, xLabel, 'class="label" text-anchor="middle"'));
  const middle = (top + floor) / 2;
  const turned = `class="label" text-anchor="middle" transform="rotate(-90 12 ${at(middle)})"`;
  parts.push(text(12, middle, yLabel, turned));
  return parts.join('');
}

/** Names of the series with their colours, in one row above the chart. */
export function legend(names: readonly string[], within: Frame = frame): string {
  let x = within.left;
  return names
    .map((name, n) => {
      const mark = `<rect x="${at(x)}" y="12" width="14" height="4" rx="2" class="fill${n % colours}"/>`;
      const label = text(x + 19, 18, name, 'class="legend"');
      // About the width of the text: nobody can measure it here.
      x += 42 + name.length * 7.4;
      return mark + label;
    })
    .join('');
}

export const colours = 8;

function colourStyle(n: number): string {
  const colour = `var(--c${n})`;
  return [
    `.chart .line${n}{fill:none;stroke:${colour};stroke-width:2;stroke-linejoin:round}`,
    `.chart .fill${n}{fill:${colour}}.chart .area${n}{fill:${colour};opacity:.16}`,
  ].join('');
}

/** The style of all charts, once for a page or inside a file of its own. */
export const chartStyle = `
.chart{--ink:#1f2937;--faint:#6b7280;--grid:#e5e7eb;--axis:#9ca3af;--paper:#fff;
--c0:#2563eb;--c1:#ea580c;--c2:#059669;--c3:#9333ea;--c4:#dc2626;--c5:#0891b2;--c6:#a16207;--c7:#64748b;
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:12px}
@media (prefers-color-scheme:dark){.chart{--ink:#e5e7eb;--faint:#9ca3af;--grid:#2b3340;--axis:#6b7280;--paper:#111827;
--c0:#60a5fa;--c1:#fb923c;--c2:#34d399;--c3:#c084fc;--c4:#f87171;--c5:#22d3ee;--c6:#facc15;--c7:#94a3b8}}
.chart text{fill:var(--ink)}.chart .tick{fill:var(--faint);font-size:11px;font-variant-numeric:tabular-nums}
.chart .label{fill:var(--faint);font-size:11.5px}.chart .legend{font-size:12px}.chart .small{font-size:10.5px}
.chart .grid{stroke:var(--grid)}.chart .axis{stroke:var(--axis)}
.chart .mark{stroke:var(--c4);stroke-width:1.5;stroke-dasharray:4 3}.chart .marktext{fill:var(--c4);font-size:11px;
paint-order:stroke;stroke:var(--paper);stroke-width:3px}
.chart .band{fill:var(--c4);opacity:.1}
.chart .dot{stroke:var(--paper);stroke-width:1.5}.chart .on{fill:#fff}
@media (prefers-color-scheme:dark){.chart .on{fill:#0b1018}}
${Array.from({ length: colours }, (_, n) => colourStyle(n)).join('\n')}
`;

/** A chart as a file: it brings its style, and a ground to stand on. */
export function standalone(chart: string): string {
  const at = chart.indexOf('>') + 1;
  const ground = '<rect width="100%" height="100%" rx="8" style="fill:var(--paper)"/>';
  return `${chart.slice(0, at)}<style>${chartStyle}</style>${ground}${chart.slice(at)}\n`;
}
