/** Which flags each command takes; one that it would not look at is refused. */
import type { Flag, Options } from './options.ts';

/** Ours, and those of somebody else. */
const servers = ['size', 'set'] as const;
const anyServers = ['hosts', ...servers] as const;
const timing = ['seconds', 'warm', 'rounds'] as const;
const load = ['generators', 'sessions', 'window', 'bytes', 'mix', 'keys', 'distribution', 'multi', 'rate'] as const;
/** What becomes of the figures, and where the disk is that is measured. */
const every: ReadonlySet<Flag> = new Set<Flag>(['data', 'out', 'no-history', 'svg', 'png']);

const flagsOf: Readonly<Record<string, readonly Flag[]>> = {
  canonical: [...anyServers, ...timing, 'generators'],
  throughput: [...anyServers, ...timing, ...load, 'reads'],
  latency: [...anyServers, ...timing, ...load],
  failover: [...servers, 'rounds', 'scenario', 'generators', 'sessions', 'window', 'bytes'],
  scale: [...servers, 'seconds', 'warm', 'znodes', 'sessions', 'watches', 'bytes', 'generators'],
  tune: [...servers, 'seconds', 'warm', ...load, 'budget', 'bound'],
  compare: [...servers, ...timing, ...load],
  peers: [...servers, ...timing, ...load, 'peer'],
  check: [...anyServers, 'seconds', 'warm', ...load, 'bound'],
  record: ['hosts', 'listen', 'seconds'],
  replay: [...anyServers, 'speed'],
  micro: ['seconds'],
  generator: ['seconds', 'warm', ...load],
  overhead: [...servers, ...timing, ...load],
};
/** Commands that are told files or revisions. */
const takesNames: ReadonlySet<string> = new Set(['compare', 'record', 'replay', 'report']);
/** Commands that measure all the values of a list, not one. */
const takesLists: ReadonlySet<string> = new Set(['throughput', 'scale']);

/** @throws Error with one sentence for the first thing that the command would ignore */
export function refuseIgnored(name: string, { given, positionals, lists }: Options): void {
  if (positionals.length > 0 && !takesNames.has(name))
    throw new Error(`${name} takes flags only, not "${positionals[0]}".`);
  const own = flagsOf[name] ?? [];
  for (const flag of given) {
    if (own.includes(flag) || every.has(flag)) continue;
    if (flag === 'hosts' && own.includes('size')) throw new Error(`${name} starts its own servers, without --hosts.`);
    throw new Error(`${name} takes no --${flag}.`);
  }
  for (const [flag, values] of Object.entries(lists))
    if (values !== null && values.length !== 1 && !takesLists.has(name))
      throw new Error(`${name} wants one number for --${flag}.`);
}
