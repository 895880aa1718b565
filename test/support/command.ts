/** A `zabra` command as a user runs it: what it prints, where, and how it ends. */
import { spawn } from 'node:child_process';
import { commandFile } from './server-process.ts';

export interface CommandRun {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** @param input what is piped into it */
export function runCommand(args: readonly string[], input = ''): Promise<CommandRun> {
  const child = spawn(process.execPath, [commandFile, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')));
  child.stdin.end(input);
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
}

/** Output as one JSON value per line. */
export function jsonLines(text: string): { [field: string]: unknown }[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { [field: string]: unknown });
}
