/** `zabra shell [-server HOSTS] [-timeout ms] [-r] [--json] [command…]`. */
import { KeeperError } from '../../client/index.ts';
import { endWithReader } from '../print.ts';
import { exitCode, Shell, type ShellOptions } from './shell.ts';
import { runLines, Terminal } from './terminal.ts';

const pipes = {
  print: (text: string) => void process.stdout.write(`${text}\n`),
  complain: (text: string) => void process.stderr.write(`${text}\n`),
};

/** Resolves with the exit code: 0, 1 when a command failed, 127 for one that does not exist. */
export async function runShell(args: readonly string[]): Promise<number> {
  const { options, command } = readArgs(args);
  const terminal = command.length === 0 && process.stdin.isTTY && process.stdout.isTTY ? new Terminal() : null;
  if (terminal === null) endWithReader();
  const shell = new Shell(options, terminal ?? pipes);
  try {
    await shell.connect();
  } catch (error) {
    if (!(error instanceof KeeperError)) throw error;
    // On a terminal another server can be named.
    shell.complain(`zabra: ${error.message}`, error.code, null);
    if (terminal === null) return exitCode.failed;
  }
  try {
    if (terminal !== null) return await terminal.run(shell);
    return await (command.length > 0 ? shell.run(command) : runLines(shell, process.stdin));
  } finally {
    await shell.close();
  }
}

function readArgs(args: readonly string[]): { options: ShellOptions; command: readonly string[] } {
  let servers = 'localhost:2181';
  let sessionTimeoutMs = 30_000;
  let canBeReadOnly = false;
  let json = false;
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!;
    if (word === '-server' || word === '--server') servers = valueOf(args, ++at, word);
    else if (word === '-timeout' || word === '--timeout') sessionTimeoutMs = Number(valueOf(args, ++at, word));
    else if (word === '-r') canBeReadOnly = true;
    else if (word === '--json') json = true;
    else if (word.startsWith('-')) throw new Error(`zabra shell has no option ${word}.`);
    else return { options: { servers, sessionTimeoutMs, canBeReadOnly, json }, command: args.slice(at) };
  }
  return { options: { servers, sessionTimeoutMs, canBeReadOnly, json }, command: [] };
}

function valueOf(args: readonly string[], at: number, option: string): string {
  const value = args[at];
  if (value === undefined) throw new Error(`${option} needs a value.`);
  return value;
}
