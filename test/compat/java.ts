/** Java, where Debian puts it, and drivers compiled for one test. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from './conduct.ts';

const sources = fileURLToPath(new URL('../../../test/compat/java/', import.meta.url));
/** Starts fast, which is all that matters for a driver. */
const quick = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto', '-Xmx256m'];

const jar = (name: string): string => `/usr/share/java/${name}.jar`;

/** What the Java client needs. */
export const clientJars = [
  'zookeeper',
  'zookeeper-jute',
  'slf4j-api',
  'slf4j-nop',
  'netty-handler',
  'netty-transport',
  'netty-common',
  'netty-buffer',
];

/** Why a driver with these jars cannot run here, or false. */
export function javaMissing(jars: readonly string[], packages: string): string | false {
  if (spawnSync('javac', ['-version']).status !== 0) return 'javac is not installed (Debian: default-jdk-headless)';
  const missing = jars.filter((name) => !existsSync(jar(name)));
  return missing.length > 0 && `${missing.join(', ')} not installed (Debian: ${packages})`;
}

export class JavaDriver {
  readonly #folder = mkdtempSync(join(tmpdir(), 'zabra-java-'));
  readonly #name: string;
  readonly #path: string;

  /** Compiles the driver of that name. */
  constructor(name: string, jars: readonly string[]) {
    this.#name = name;
    this.#path = [this.#folder, ...jars.map(jar)].join(':');
    const files = ['Driver', name].map((file) => join(sources, `${file}.java`));
    const { status, stderr } = spawnSync(
      'javac',
      ['-J-XX:TieredStopAtLevel=1', '-nowarn', '-cp', this.#path, '-d', this.#folder, ...files],
      {
        encoding: 'utf8',
      },
    );
    if (status !== 0) throw new Error(`javac: ${stderr}`);
  }

  command(...args: readonly string[]): Command {
    return { file: 'java', args: [...quick, '-cp', this.#path, this.#name, ...args] };
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
