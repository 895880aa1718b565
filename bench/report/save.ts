/** Writes the report of a record beside it: one HTML file, and on demand each chart as SVG or PNG. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { renderHtml } from './html.ts';
import { pageOf } from './page.ts';
import type { RunRecord } from './record.ts';
import { standalone } from './svg.ts';

/** @param path that of the record, without its extension; returns what else was written, to be said */
export function saveReport(record: RunRecord, path: string, { svg, png }: { svg: boolean; png: boolean }): string {
  const page = pageOf(record);
  writeFileSync(`${path}.html`, renderHtml(page));
  let said = '';
  let hasFailed = false;
  for (const { chart, file } of page.sections) {
    if (chart === undefined || file === undefined || !(svg || png)) continue;
    const image = `${path}-${file}`;
    writeFileSync(`${image}.svg`, standalone(chart));
    said += `, ${relative(process.cwd(), image)}.svg`;
    if (!png || hasFailed) continue;
    if (toPng(image, chart)) said += ' and .png';
    else hasFailed = true;
  }
  if (hasFailed) process.stderr.write('bench: --png needs chromium; the .svg is there.\n');
  return said;
}

/** Needs Chromium; without it there is no picture. */
function toPng(image: string, chart: string): boolean {
  const [, width = 720, height = 300] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(chart) ?? [];
  const profile = mkdtempSync(join(tmpdir(), 'zabra-png-'));
  const { status } = spawnSync('chromium', [
    '--headless',
    '--no-sandbox',
    '--hide-scrollbars',
    '--force-device-scale-factor=2',
    `--user-data-dir=${profile}`,
    `--window-size=${Math.ceil(Number(width))},${Math.ceil(Number(height))}`,
    `--screenshot=${resolve(image)}.png`,
    pathToFileURL(resolve(`${image}.svg`)).href,
  ]);
  rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  return status === 0;
}
