/**
 * `scale`: what many znodes, sessions and watches cost: memory, restart, snapshots, and their effect on writes.
 *
 *   znodes     1k … 1M in one ensemble that grows; sessions 10 … 5,000; watches 0 … 100k
 */
import { textTable } from '../report/format.ts';
import { scaleTables, type Scaled } from '../report/scale-page.ts';
import { scaleSessions, scaleWatches } from '../scale/clients.ts';
import { Stage } from '../scale/stage.ts';
import { scaleZnodes } from '../scale/znodes.ts';
import { finish, print } from './finish.ts';
import type { Options } from './options.ts';
import { Run } from './run.ts';

const defaults = {
  znodes: [1000, 10_000, 100_000, 1_000_000],
  sessions: [10, 100, 1000, 5000],
  watches: [0, 1000, 10_000, 100_000],
};

/** Whatever grows cannot shrink again. */
function ascending(counts: readonly number[]): number[] {
  return [...new Set(counts)].sort((a, b) => a - b);
}

export async function runScale(options: Options): Promise<void> {
  const { lists } = options;
  const znodes = ascending(lists.znodes ?? defaults.znodes);
  const sessions = ascending(lists.sessions ?? defaults.sessions);
  const watches = ascending(lists.watches ?? defaults.watches);
  const most = Math.max(0, ...znodes);
  const run = new Run(
    'scale',
    options,
    40_000 * znodes.length + most / 10 + 8000 * sessions.length + 15_000 * watches.length,
  );
  const stage = new Stage(run);
  const scaled: Scaled = {
    znodes: znodes.length === 0 ? [] : await scaleZnodes(stage, znodes),
    sessions: sessions.length === 0 ? [] : await scaleSessions(stage, sessions),
    watches: watches.length === 0 ? [] : await scaleWatches(stage, watches),
  };
  const each = scaled.znodes.at(-1)?.bytesEach ?? null;
  const record = run.record([], each === null ? {} : { bytesPerZnode: Math.round(each) }, { ...scaled });
  run.progress.end();
  for (const { title, table } of scaleTables(scaled)) print(`\n${title}\n${textTable(table)}`);
  finish(run, record);
}
