/** Flags of the commands that run for long: with --help, or with one that means nothing, they say how they are used. */
import { parseArgs } from 'node:util';

type Kind = 'number' | 'text' | 'texts' | 'switch';

export class Flags {
  readonly positionals: readonly string[];
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>, positionals: readonly string[]) {
    this.#values = values;
    this.positionals = positionals;
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  number(name: string, fallback: number): number {
    return this.has(name) ? Number(this.#values[name]) : fallback;
  }

  text(name: string): string | undefined {
    return this.#values[name] as string | undefined;
  }

  texts(name: string): readonly string[] | undefined {
    return this.#values[name] as string[] | undefined;
  }
}

/** @throws Error with one sentence when they make no sense */
export function parseFlags(kinds: Readonly<Record<string, Kind>>, args: readonly string[], names: boolean): Flags {
  const options: Record<string, { type: 'string' | 'boolean'; multiple: boolean }> = {};
  for (const [name, kind] of Object.entries(kinds))
    options[name] = { type: kind === 'switch' ? 'boolean' : 'string', multiple: kind === 'texts' };
  const parsed = parseArgs({ args: [...args], allowPositionals: names, options });
  for (const [name, kind] of Object.entries(kinds)) {
    const value = parsed.values[name];
    if (kind === 'number' && value !== undefined && !(Number(value) >= 0 && value !== ''))
      throw new Error(`--${name} wants a number, not "${String(value)}".`);
  }
  return new Flags(parsed.values, parsed.positionals);
}

/**
 * The flags of this process. Does not return for --help and for what makes no sense.
 *
 * @param names there may be words that are no flags
 */
export function readFlags(usage: string, kinds: Readonly<Record<string, Kind>>, names = false): Flags {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  try {
    return parseFlags(kinds, args, names);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}\n`);
    process.exit(1);
  }
}
