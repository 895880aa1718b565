/** The flags that commands share; each has a default that makes sense. */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { canonicalWorkload, parseDistribution, parseMix, WorkloadError, type Workload } from '../load/workload.ts';
import { projectFolder } from '../measure/machine.ts';
import { resultsFolder } from '../report/record.ts';
import { parseHosts, type Host } from '../target/target.ts';

const flags = {
  hosts: { type: 'string' },
  size: { type: 'string' },
  set: { type: 'string', multiple: true },
  data: { type: 'string' },
  out: { type: 'string' },
  generators: { type: 'string' },
  seconds: { type: 'string' },
  warm: { type: 'string' },
  rounds: { type: 'string' },
  sessions: { type: 'string' },
  window: { type: 'string' },
  bytes: { type: 'string' },
  mix: { type: 'string' },
  reads: { type: 'string' },
  znodes: { type: 'string' },
  watches: { type: 'string' },
  keys: { type: 'string' },
  distribution: { type: 'string' },
  multi: { type: 'string' },
  rate: { type: 'string' },
  budget: { type: 'string' },
  bound: { type: 'string' },
  speed: { type: 'string' },
  listen: { type: 'string' },
  scenario: { type: 'string' },
  peer: { type: 'string' },
  'no-history': { type: 'boolean' },
  svg: { type: 'boolean' },
  png: { type: 'boolean' },
} as const;

export type Flag = keyof typeof flags;
type ListFlag = 'sessions' | 'window' | 'bytes' | 'reads' | 'znodes' | 'watches';

export interface Options {
  /** The flags that were there. */
  readonly given: readonly Flag[];
  /** Servers that run somewhere; null: the bench starts its own. */
  readonly hosts: readonly Host[] | null;
  /** Servers of an ensemble that the bench starts. */
  readonly size: number;
  /** Lines for their zoo.cfg. */
  readonly settings: readonly string[];
  readonly dataFolder: string;
  readonly outFolder: string;
  readonly generators: number;
  /** Length of a measured round, and of the warm-up before it; null: the command's own. */
  readonly seconds: number | null;
  readonly warm: number | null;
  readonly rounds: number | null;
  readonly workload: Workload;
  /** Of flags that may name several values, all of them; null: not given. */
  readonly lists: Readonly<Record<ListFlag, readonly number[] | null>>;
  /** No flag makes its figures others than those of earlier runs. */
  readonly isStandard: boolean;
  /** Some flag changed the workload. */
  readonly hasOwnWorkload: boolean;
  /** Seconds that a search may take. */
  readonly budget: number | null;
  /** ms that p99 may be. */
  readonly bound: number | null;
  readonly speed: number;
  readonly listen: number | null;
  readonly scenarios: readonly string[] | null;
  readonly peers: readonly string[] | null;
  readonly keepsHistory: boolean;
  readonly svg: boolean;
  readonly png: boolean;
  readonly positionals: readonly string[];
}

const base = canonicalWorkload;
/** Servers. */
const standardSize = 3;
/** Seven digits in their paths. */
const keysMax = 9_999_999;
const workloadFlags = ['sessions', 'window', 'bytes', 'mix', 'reads', 'keys', 'distribution', 'multi', 'rate'] as const;

/** Say what becomes of the figures, and change none. */
const outputFlags: ReadonlySet<string> = new Set(['out', 'no-history', 'svg', 'png']);
/** Halves of these there are none. */
const counts: ReadonlySet<Flag> = new Set<Flag>([
  'size',
  'generators',
  'rounds',
  'sessions',
  'window',
  'bytes',
  'keys',
  'multi',
  'znodes',
  'watches',
  'listen',
]);

/** @throws Error with one sentence for what is no such number */
function readNumber(flag: Flag, text: string, min: number): number {
  const value = Number(text);
  const isWhole = counts.has(flag);
  if (text.trim() === '' || !(value >= min) || !(isWhole ? Number.isSafeInteger(value) : Number.isFinite(value)))
    throw new Error(`--${flag} wants a ${isWhole ? 'whole ' : ''}number of at least ${min}, not "${text}".`);
  return value;
}

/** @throws Error with one sentence for a flag that cannot be */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({ args: [...args], options: flags, allowPositionals: true });
  const number = (name: Flag, min: number): number | null => {
    const text = values[name];
    return typeof text === 'string' ? readNumber(name, text, min) : null;
  };
  const list = (name: ListFlag, min: number): number[] | null => {
    const text = values[name];
    if (typeof text !== 'string') return null;
    return text === 'none' ? [] : text.split(',').map((part) => readNumber(name, part, min));
  };
  const lists = {
    sessions: list('sessions', 1),
    window: list('window', 1),
    bytes: list('bytes', 0),
    reads: list('reads', 0),
    znodes: list('znodes', 1),
    watches: list('watches', 0),
  };
  const workload: Workload = {
    sessions: lists.sessions?.[0] ?? base.sessions,
    window: lists.window?.[0] ?? base.window,
    bytes: lists.bytes?.[0] ?? base.bytes,
    mix: values.mix === undefined ? base.mix : parseMix(values.mix),
    keys: number('keys', 1) ?? base.keys,
    distribution: values.distribution === undefined ? base.distribution : parseDistribution(values.distribution),
    multiOps: number('multi', 1) ?? base.multiOps,
    rate: number('rate', 0) ?? base.rate,
  };
  if (workload.keys > keysMax) throw new WorkloadError(`--keys is at most ${keysMax}.`);
  const given = Object.keys(values) as Flag[];
  return {
    given,
    hosts: values.hosts === undefined ? null : parseHosts(values.hosts),
    size: number('size', 1) ?? standardSize,
    settings: values.set ?? [],
    // Servers run in folders of their own.
    dataFolder: resolve(values.data ?? join(projectFolder, 'data', 'bench')),
    outFolder: resolve(values.out ?? resultsFolder),
    generators: number('generators', 1) ?? 1,
    seconds: number('seconds', 0.05),
    warm: number('warm', 0),
    rounds: number('rounds', 1),
    workload,
    lists,
    isStandard: given.every((flag) => outputFlags.has(flag)),
    hasOwnWorkload: workloadFlags.some((flag) => values[flag] !== undefined),
    budget: number('budget', 1),
    bound: number('bound', 0),
    speed: number('speed', 0.01) ?? 1,
    listen: number('listen', 1),
    scenarios: values.scenario?.split(',') ?? null,
    peers: values.peer?.split(',') ?? null,
    keepsHistory: values['no-history'] !== true,
    svg: values.svg === true,
    png: values.png === true,
    positionals,
  };
}
