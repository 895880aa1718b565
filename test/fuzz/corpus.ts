/**
 * Inputs that once were handled badly, kept as text.
 *
 *   corpus/<target>/<what it found>.hex      lines of # say what was wrong; every other line is a part
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Input } from './targets/target.ts';

/** In the sources: tests run from dist/test/fuzz. */
const folder = fileURLToPath(new URL('../../../test/fuzz/corpus', import.meta.url));

export interface Kept {
  readonly name: string;
  readonly input: Input;
}

export function keptInputs(target: string): Kept[] {
  const own = join(folder, target);
  if (!existsSync(own)) return [];
  const names = readdirSync(own).filter((name) => name.endsWith('.hex'));
  return names.toSorted().map((name) => ({ name, input: fromText(readFileSync(join(own, name), 'utf8')) }));
}

export function fromText(text: string): Buffer[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.filter((line) => !line.startsWith('#')).map((line) => Buffer.from(line, 'hex'));
}

export function toText(comment: string, input: readonly Uint8Array[]): string {
  const lines = [
    ...comment.split('\n').map((line) => `# ${line}`),
    ...input.map((part) => Buffer.from(part).toString('hex')),
  ];
  return `${lines.join('\n')}\n`;
}
