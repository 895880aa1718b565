/**
 * A recorded workload: one line per request, replayed at the times it was made.
 *
 *   [ms since the start, session, kind, path, bytes of data, flags]
 *
 * `flags` are those of a create, and 1 for a read that sets a watch. The data themselves are not kept,
 * only how many they were.
 */
import { readFileSync } from 'node:fs';
import type { Operation, Source } from './operation.ts';
import { opKinds, type OpKind } from './workload.ts';

export type RecordedOperation = readonly [
  atMs: number,
  session: number,
  kind: OpKind,
  path: string,
  bytes: number,
  flags: number,
];

/** Reads a recording; throws an Error that names the first line that is none. */
export function readRecording(file: string): RecordedOperation[] {
  return parseRecording(readFileSync(file, 'utf8'), file);
}

export function parseRecording(text: string, file: string): RecordedOperation[] {
  const operations: RecordedOperation[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const operation = parseLine(line);
    if (operation === null)
      throw new Error(`${file}:${index + 1}: expected [ms, session, kind, path, bytes, flags], found ${line}.`);
    operations.push(operation);
  }
  return operations.sort(([a], [b]) => a - b);
}

function parseLine(line: string): RecordedOperation | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  if (!Array.isArray(value) || value.length !== 6) return null;
  const [at, session, kind, path, bytes, flags] = value as unknown[];
  const fits =
    typeof at === 'number' &&
    typeof session === 'number' &&
    opKinds.includes(kind as OpKind) &&
    typeof path === 'string' &&
    typeof bytes === 'number' &&
    typeof flags === 'number';
  return fits ? (value as unknown as RecordedOperation) : null;
}

/** Sessions numbered from 0 without holes, and how many they are; times from 0. */
export function inOrder(recorded: readonly RecordedOperation[]): { operations: RecordedOperation[]; sessions: number } {
  const numbers = new Map<number, number>();
  const first = recorded[0]?.[0] ?? 0;
  const operations = recorded.map(([at, session, ...rest]): RecordedOperation => {
    if (!numbers.has(session)) numbers.set(session, numbers.size);
    return [at - first, numbers.get(session)!, ...rest];
  });
  return { operations, sessions: numbers.size };
}

/** Sorted: what a recording read or changed before it made it, and the parents of all the rest. */
export function neededZnodes(operations: readonly RecordedOperation[]): string[] {
  const needed = new Set<string>();
  const made = new Set<string>();
  for (const [, , kind, path] of operations) {
    for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1)) needed.add(path.slice(0, at));
    if (kind === 'create') made.add(path);
    else if (kind !== 'sync' && kind !== 'exists' && !made.has(path) && path !== '/') needed.add(path);
  }
  return [...needed].sort();
}

/** Gives out the operations in their order, each to the session that it was recorded from. */
export class ReplaySource implements Source {
  readonly #operations: readonly RecordedOperation[];
  #at = 0;

  constructor(operations: readonly RecordedOperation[]) {
    this.#operations = operations;
  }

  sessionOf(index: number): number {
    return this.#operations[index]![1];
  }

  next(_session: number, operation: Operation): boolean {
    const recorded = this.#operations[this.#at];
    if (recorded === undefined) return false;
    this.#at++;
    const [, , kind, path, bytes, flags] = recorded;
    operation.kind = kind;
    operation.path = path;
    operation.bytes = bytes;
    operation.flags = flags;
    return true;
  }
}
