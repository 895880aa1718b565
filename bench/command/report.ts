/** `report RECORD…`: writes the reports of records again. */
import { readRecord } from '../report/record.ts';
import { saveReport } from '../report/save.ts';
import { print } from './finish.ts';
import type { Options } from './options.ts';

export async function runReport(options: Options): Promise<void> {
  if (options.positionals.length === 0) throw new Error('report wants the names of records (.json).');
  for (const file of options.positionals) {
    const path = file.replace(/\.json$/, '');
    print(`report ${path}.html${saveReport(readRecord(file), path, options)}`);
  }
}
