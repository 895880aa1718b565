/** The commands that look at a data folder or at an ensemble and change nothing. */
import { parseArgs } from 'node:util';
import { AssertionFailed } from '../base/assert.ts';
import { printEnsemble } from './ensemble-table.ts';
import { dumpLog } from './log-dump.ts';
import { endWithReader } from './print.ts';
import { dumpSnapshot } from './snapshot-dump.ts';
import { verifyFolder } from './verify.ts';

type ToolName = 'status' | 'verify' | 'log' | 'snapshot';

/** Returns the exit code: 0; 1 when what was looked at is not as it should be; 2 when it cannot be looked at. */
export async function runTool(command: ToolName, args: string[]): Promise<number> {
  try {
    return await run(command, args);
  } catch (error) {
    if (error instanceof AssertionFailed) throw error;
    process.stderr.write(`zabra: ${(error as Error).message}\n`);
    return 2;
  }
}

async function run(command: ToolName, args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  });
  const { json } = values;
  endWithReader();
  if (command === 'status') {
    const [hosts] = expect(positionals, 1, 1, 'zabra status needs one argument, host:port,host:port,…');
    return (await printEnsemble(hosts!, json)) ? 0 : 1;
  }
  if (command === 'verify') {
    const [dir, logDir] = expect(positionals, 1, 2, 'zabra verify needs a data folder, and dataLogDir if there is one');
    return verifyFolder(dir!, logDir ?? dir!, json) ? 0 : 1;
  }
  const usage = `zabra ${command} knows one command: zabra ${command} dump FILE`;
  const [word, file] = expect(positionals, 2, 2, usage);
  if (word !== 'dump') throw new Error(`${usage}.`);
  if (command === 'log') dumpLog(file!, json);
  else dumpSnapshot(file!, json);
  return 0;
}

function expect(positionals: string[], least: number, most: number, usage: string): string[] {
  if (positionals.length < least || positionals.length > most) throw new Error(`${usage}.`);
  return positionals;
}
