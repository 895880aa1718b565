/** A report as one HTML file that needs nothing else: works offline, on light and dark screens, and on paper. */
import { whole, type Table } from './format.ts';
import { chartStyle, escape } from './svg.ts';

export interface Section {
  readonly title: string;
  /** What to see in it, in a sentence or two. */
  readonly text?: string;
  readonly chart?: string;
  /** Name of the chart's own file. */
  readonly file?: string;
  readonly table?: Table;
}

export interface Page {
  readonly title: string;
  readonly subtitle: string;
  readonly figures: readonly { readonly value: string; readonly label: string }[];
  readonly warnings: readonly string[];
  readonly sections: readonly Section[];
}

const style = `
:root{color-scheme:light dark;--ink:#1f2937;--faint:#6b7280;--rule:#e5e7eb;--paper:#fff;--ground:#f3f4f6;--warn:#b45309;
--warnground:#fffbeb}
@media (prefers-color-scheme:dark){:root{--ink:#e5e7eb;--faint:#9ca3af;--rule:#2b3340;--paper:#111827;--ground:#0b1018;
--warn:#fbbf24;--warnground:#1f1a0c}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);line-height:1.5;
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:15px}
main{max-width:920px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:17px;margin:0 0 4px}
p{margin:0 0 10px;color:var(--faint)}header p{font-size:13.5px}
.figures{display:flex;flex-wrap:wrap;gap:14px;margin:20px 0}
.figure{background:var(--paper);border:1px solid var(--rule);
border-radius:10px;padding:14px 20px;flex:1 1 180px}
.figure b{display:block;font-size:28px;line-height:1.2;
font-variant-numeric:tabular-nums}
.figure span{color:var(--faint);font-size:13px}
section{background:var(--paper);border:1px solid var(--rule);
border-radius:10px;padding:18px 20px;
margin:0 0 18px}
.chart{display:block;width:100%;height:auto;margin:8px 0}.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:5px 8px;border-bottom:1px solid var(--rule);white-space:nowrap}
th{color:var(--faint);font-weight:600}th:first-child,td:first-child{text-align:left;padding-left:0;white-space:normal}
tr:last-child td{border-bottom:0}.warnings{background:var(--warnground);border-color:var(--warn)}
.warnings li{color:var(--warn)}ul{margin:4px 0;padding-left:20px}
@media print{body{background:#fff}section,.figure{break-inside:avoid}}
`;

export function renderHtml({ title, subtitle, figures, warnings, sections }: Page): string {
  const cards = figures
    .map(({ value, label }) => `<div class="figure"><b>${escape(value)}</b><span>${escape(label)}</span></div>`)
    .join('');
  const cautions =
    warnings.length === 0
      ? ''
      : `<section class="warnings"><h2>Before you conclude anything</h2><ul>${warnings
          .map((warning) => `<li>${escape(warning)}</li>`)
          .join('')}</ul></section>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escape(title)}</title><style>${style}${chartStyle}</style></head>
<body><main><header><h1>${escape(title)}</h1><p>${escape(subtitle)}</p></header>
${cards === '' ? '' : `<div class="figures">${cards}</div>`}
${cautions}
${sections.map(renderSection).join('\n')}
</main></body></html>
`;
}

function renderSection({ title, text, chart, table }: Section): string {
  const note = text === undefined ? '' : `<p>${escape(text)}</p>`;
  const cells = table === undefined ? '' : `<div class="scroll">${renderTable(table)}</div>`;
  return `<section><h2>${escape(title)}</h2>${note}${chart ?? ''}${cells}</section>`;
}

function renderTable({ head, rows }: Table): string {
  const cell = (value: string | number): string => escape(typeof value === 'number' ? whole(value) : value);
  const header = head.map((name) => `<th>${escape(name)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((value) => `<td>${cell(value)}</td>`).join('')}</tr>`).join('');
  return `<table><thead><tr>${header}</tr></thead><tbody>${body}</tbody></table>`;
}
