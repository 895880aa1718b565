/**
 * What is measured: an ensemble that the bench started, or servers that run somewhere.
 *
 *   zabra      this build, or that of another checkout        zookeeper   Debian's Apache ZooKeeper
 *   etcd       Debian's etcd                                   hosts       whatever answers there
 */
import type { Protocol } from '../load/load.ts';
import type { ServerProcess } from './process.ts';
import { modeOf } from './words.ts';

export interface Host {
  readonly host: string;
  readonly port: number;
}

export interface Target {
  readonly label: string;
  readonly protocol: Protocol;
  readonly hosts: readonly Host[];
  /** Those that the bench started and may kill; empty for servers that run somewhere. */
  readonly servers: readonly ServerProcess[];
  /** Where each of them tells its metrics; empty where they do not. */
  readonly metricsPorts: readonly number[];
  /** What was set, beyond the defaults. */
  readonly settings: readonly string[];
  /** What a server is at the moment (`leader`, `follower`, …); null while it does not serve or does not say. */
  readonly modeOf: (host: Host) => Promise<string | null>;
  /** Cuts a server off from the other servers, and joins it again; null where that cannot be done. */
  readonly partition: ((server: number, isCut: boolean) => void) | null;
  close(): Promise<void>;
}

/** Reads `host:port,host:port`. */
export function parseHosts(text: string): Host[] {
  return text.split(',').map((part) => {
    const at = part.lastIndexOf(':');
    const port = at < 0 ? 2181 : Number(part.slice(at + 1));
    const host = at < 0 ? part : part.slice(0, at).replace(/^\[(.*)\]$/, '$1');
    if (host === '' || !Number.isInteger(port) || port < 1 || port > 65_535)
      throw new Error(`--hosts wants host:port,host:port, not "${part}".`);
    return { host, port };
  });
}

/** Servers that somebody else runs. */
export function hostsTarget(hosts: readonly Host[]): Target {
  return {
    label: hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(','),
    protocol: 'zookeeper',
    hosts,
    servers: [],
    metricsPorts: [],
    settings: [],
    modeOf,
    partition: null,
    close: async () => {},
  };
}
