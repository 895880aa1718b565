/**
 * What the clients do: how many, how much at a time, which operations, on which keys.
 *
 *   sessions × window requests in flight (closed loop), or a fixed rate (open loop)
 */
import type { Distribution } from './keys.ts';

/** Operations a generator can make; the order is their number inside it. */
export const opKinds = [
  'set',
  'get',
  'exists',
  'children',
  'create',
  'ephemeral',
  'delete',
  'multi',
  'sync',
  'watch',
] as const;
export type OpKind = (typeof opKinds)[number];

/** Its acknowledgement says that a quorum has it on disk; that of a sync does not everywhere. */
export const isWrite: Readonly<Record<OpKind, boolean>> = {
  set: true,
  get: false,
  exists: false,
  children: false,
  create: true,
  ephemeral: true,
  delete: true,
  multi: true,
  sync: false,
  watch: false,
};

export interface Workload {
  readonly sessions: number;
  /** Requests of each session without a reply; with a rate, the most there may be. */
  readonly window: number;
  /** bytes of data in each znode written or read. */
  readonly bytes: number;
  /** Weights of the operations. */
  readonly mix: Readonly<Partial<Record<OpKind, number>>>;
  readonly keys: number;
  readonly distribution: Distribution;
  /** Writes in one multi. */
  readonly multiOps: number;
  /** Operations per second of all sessions together; 0: each session sends as soon as its window has room. */
  readonly rate: number;
}

export const canonicalWorkload: Workload = {
  sessions: 30,
  window: 256,
  bytes: 100,
  mix: { set: 1 },
  keys: 1000,
  distribution: { kind: 'uniform' },
  multiOps: 10,
  rate: 0,
};

/** What a table of a whole system shows: pipelined, without a window, alone; larger data, creates, mostly reads. */
export const standardLoads: readonly Workload[] = [
  canonicalWorkload,
  { ...canonicalWorkload, window: 1 },
  { ...canonicalWorkload, sessions: 1, window: 1 },
  { ...canonicalWorkload, window: 100, bytes: 1024 },
  { ...canonicalWorkload, window: 100, bytes: 1024, mix: { create: 1 } },
  { ...canonicalWorkload, window: 100, bytes: 1024, mix: { get: 90, set: 10 } },
];

export class WorkloadError extends Error {}

/** Reads `set=10,get=90` or a single word. */
export function parseMix(text: string): Workload['mix'] {
  const mix: Partial<Record<OpKind, number>> = {};
  for (const part of text.split(',')) {
    const [kind = '', weight = '1'] = part.split('=');
    if (!opKinds.includes(kind as OpKind)) throw new WorkloadError(`--mix knows ${opKinds.join(', ')}, not "${kind}".`);
    if (!(Number(weight) > 0)) throw new WorkloadError(`--mix wants a weight above 0 for ${kind}, not "${weight}".`);
    mix[kind as OpKind] = Number(weight);
  }
  return mix;
}

/** Reads `uniform`, `zipf`, `zipf:1.2`, `hot` or `hot:0.5`. */
export function parseDistribution(text: string): Distribution {
  const [kind = '', value] = text.split(':');
  const number = value === undefined ? undefined : Number(value);
  switch (kind) {
    case 'uniform':
      return { kind };
    case 'zipf':
      if (number === undefined || number > 0) return { kind, exponent: number ?? 0.99 };
      break;
    case 'hot':
      if (number === undefined || (number > 0 && number <= 1)) return { kind, share: number ?? 0.9 };
      break;
    default:
  }
  throw new WorkloadError(`--distribution is uniform, zipf[:exponent] or hot[:share up to 1], not "${text}".`);
}

/** "set 100 B, 30 x 256" */
export function describeWorkload({ sessions, window, bytes, mix, distribution, rate, multiOps }: Workload): string {
  const kinds = Object.entries(mix);
  const total = kinds.reduce((sum, [, weight]) => sum + weight, 0);
  const name = (kind: string): string => (kind === 'multi' ? `multi of ${multiOps}` : kind);
  const operations =
    kinds.length === 1
      ? name(kinds[0]![0])
      : kinds.map(([kind, weight]) => `${Math.round((100 * weight) / total)}% ${name(kind)}`).join(' ');
  const size = bytes >= 1024 && bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes} B`;
  const keys = distribution.kind === 'uniform' ? '' : `, ${distribution.kind}`;
  const load = rate > 0 ? `${Math.round(rate)}/s over ${sessions}` : `${sessions} x ${window}`;
  return `${operations} ${size}, ${load}${keys}`;
}
