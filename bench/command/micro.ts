/** `micro`: ns and bytes for each operation of the pieces, in a process of its own. */
import { measureMicro } from '../micro/measure.ts';
import { textTable } from '../report/format.ts';
import { microTable } from '../report/micro-page.ts';
import { finish, print } from './finish.ts';
import type { Options } from './options.ts';
import { Run } from './run.ts';

export async function runMicro(options: Options): Promise<void> {
  const timeMs = (options.seconds ?? 1) * 1000;
  const run = new Run('micro', options, timeMs * 20);
  run.progress.step('measuring the pieces');
  const results = await measureMicro(timeMs);
  const headline = Object.fromEntries(
    results.map(({ name, nsPerOperation }) => [name, Math.round(nsPerOperation * 10) / 10]),
  );
  const record = run.record([], headline, { results });
  run.progress.end();
  print(`\n${textTable(microTable(results))}`);
  finish(run, record);
}
