/** An ensemble of Zabra on loopback, from this build or from that of another checkout. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from '../measure/machine.ts';
import { freePorts, removeFolder, ServerProcess, temporaryFolder } from './process.ts';
import { Relay } from './relay.ts';
import type { Target } from './target.ts';
import { modeOf, serving } from './words.ts';

export interface ZabraOptions {
  readonly size: number;
  /** Where the servers keep their data: the disk that is measured. */
  readonly dataFolder: string;
  /** Further lines of zoo.cfg. */
  readonly settings?: readonly string[];
  /** A checkout that is built. */
  readonly project?: string;
  /** Puts relays between the servers, so that links can be cut. */
  readonly canPartition?: boolean;
  readonly label?: string;
  /** A module that each server loads before anything else. */
  readonly preload?: string;
}

export async function startZabra(options: ZabraOptions): Promise<Target> {
  const { size, dataFolder, settings = [], project = projectFolder, canPartition = false, label = 'zabra' } = options;
  const { preload } = options;
  const folder = temporaryFolder(dataFolder, 'zabra-');
  const ports = await freePorts(3 * size);
  const clientPorts = ports.slice(0, size);
  const quorumPorts = ports.slice(size, 2 * size);
  const metricsPorts = ports.slice(2 * size);
  const relays = canPartition ? await startRelays(quorumPorts) : [];
  const before = preload === undefined ? [] : ['--import', preload];
  const command = join(project, 'dist', 'engine', 'cli', 'main.js');
  const servers = clientPorts.map((port, n) => {
    const own = join(folder, `server-${n + 1}`);
    const seen = quorumPorts.map(
      (direct, to) => relays.find((one) => one.from === n && one.to === to)?.relay.port ?? direct,
    );
    writeConfig(own, n + 1, port, seen, [...metricsLines(metricsPorts[n]!), ...settings]);
    return new ServerProcess(n + 1, own, port, {
      file: process.execPath,
      args: [...before, command, 'server', join(own, 'zoo.cfg')],
      hasChannel: true,
    });
  });
  const target: Target = {
    label,
    protocol: 'zookeeper',
    hosts: clientPorts.map((port) => ({ host: '127.0.0.1', port })),
    servers,
    metricsPorts,
    settings,
    modeOf,
    partition: canPartition
      ? (server, isCut) => {
          for (const { from, to, relay } of relays) if (from === server - 1 || to === server - 1) relay.isCut = isCut;
        }
      : null,
    close: async () => {
      await Promise.all(servers.map((server) => server.end()));
      for (const { relay } of relays) relay.close();
      removeFolder(folder);
    },
  };
  for (const server of servers) server.start();
  await serving(target);
  return target;
}

interface Link {
  readonly from: number;
  readonly to: number;
  readonly relay: Relay;
}

/** One for each direction in which a server may call another. */
async function startRelays(quorumPorts: readonly number[]): Promise<Link[]> {
  const links: Link[] = [];
  for (const from of quorumPorts.keys()) {
    for (const [to, port] of quorumPorts.entries()) {
      if (from === to) continue;
      const [own] = await freePorts(1);
      links.push({ from, to, relay: await Relay.start(own!, port) });
    }
  }
  return links;
}

function writeConfig(
  folder: string,
  id: number,
  clientPort: number,
  quorumPorts: readonly number[],
  settings: readonly string[],
): void {
  const data = join(folder, 'data');
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, 'myid'), `${id}\n`);
  const members = quorumPorts.map((port, n) => `server.${n + 1}=127.0.0.1:${port}:${port}:participant`);
  const lines = [
    ...commonLines,
    `dataDir=${data}`,
    'clientPortAddress=127.0.0.1',
    `clientPort=${clientPort}`,
    ...settings,
    ...(quorumPorts.length > 1 ? members : []),
  ];
  writeFileSync(join(folder, 'zoo.cfg'), `${lines.join('\n')}\n`);
}

function metricsLines(port: number): string[] {
  return [
    'metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider',
    'metricsProvider.httpHost=127.0.0.1',
    `metricsProvider.httpPort=${port}`,
  ];
}

/** The same in every server that reads a zoo.cfg. */
export const commonLines: readonly string[] = [
  'tickTime=2000',
  'initLimit=10',
  'syncLimit=5',
  'maxClientCnxns=0',
  '4lw.commands.whitelist=*',
  'admin.enableServer=false',
];
