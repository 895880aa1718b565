/** The page of `micro`. */
import type { MicroResult } from '../micro/main.ts';
import { bytes, type Table } from './format.ts';
import type { Page } from './html.ts';
import type { RunRecord } from './record.ts';

export function microPage({ details }: RunRecord): Pick<Page, 'title' | 'figures' | 'sections'> {
  return {
    title: 'Zabra, the pieces',
    figures: [],
    sections: [
      {
        title: 'Time and memory of each operation',
        text: 'In one process, warm and in the cache: good for comparing revisions, no forecast of a server.',
        table: microTable(details['results'] as readonly MicroResult[]),
      },
    ],
  };
}

export function microTable(results: readonly MicroResult[]): Table {
  return {
    head: ['operation', 'ns/op', 'margin', 'bytes/op'],
    rows: results.map(({ name, nsPerOperation, marginPercent, bytesPerOperation }) => [
      name,
      nsPerOperation >= 100 ? Math.round(nsPerOperation) : nsPerOperation.toFixed(1),
      `±${marginPercent.toFixed(1)} %`,
      bytesPerOperation === null ? '-' : bytes(bytesPerOperation),
    ]),
  };
}
