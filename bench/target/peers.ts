/**
 * The peers, where Debian's packages are installed: `zookeeper` with a Java, and `etcd-server`.
 *
 * Both acknowledge a write when a quorum has it on disk after an fsync, which is their default and is
 * not touched here. What is set is only what keeps them from refusing the load.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { freePorts, removeFolder, ServerProcess, temporaryFolder } from './process.ts';
import type { Host, Target } from './target.ts';
import { modeOf, serving } from './words.ts';
import { commonLines } from './zabra.ts';

const javaFolder = '/usr/share/java';
const heap = '1g';
/** What of Debian's packages ZooKeeper loads without its AdminServer. */
const jars = ['zookeeper', 'zookeeper-jute', 'slf4j-api', 'slf4j-log4j12', 'log4j-1.2', 'commons-cli', 'snappy-java']
  .concat(['metrics-core', 'netty-all', 'netty-handler', 'netty-transport', 'netty-common', 'netty-buffer'])
  .map((name) => join(javaFolder, `${name}.jar`));

export interface PeerOptions {
  readonly size: number;
  readonly dataFolder: string;
}

export interface Peer {
  readonly label: string;
  /** Why it cannot be measured here; null when it can. */
  readonly missing: () => string | null;
  readonly start: (options: PeerOptions) => Promise<Target>;
}

export const zookeeper: Peer = {
  label: 'zookeeper',
  missing: () => {
    if (!existsSync('/usr/bin/java')) return 'there is no java: apt-get install default-jre-headless';
    return existsSync(jars[0]!) ? null : 'apt-get install zookeeper';
  },
  start: startZooKeeper,
};

export const etcd: Peer = {
  label: 'etcd',
  missing: () => (existsSync('/usr/bin/etcd') ? null : 'apt-get install etcd-server'),
  start: startEtcd,
};

async function startZooKeeper({ size, dataFolder }: PeerOptions): Promise<Target> {
  const folder = temporaryFolder(dataFolder, 'zookeeper-');
  const ports = await freePorts(3 * size);
  const part = (n: number): number[] => ports.slice(n * size, (n + 1) * size);
  const [clientPorts, quorumPorts, electionPorts] = [part(0), part(1), part(2)];
  const members = clientPorts.map((_, n) => `server.${n + 1}=127.0.0.1:${quorumPorts[n]}:${electionPorts[n]}`);
  writeFileSync(join(folder, 'log4j.properties'), log4j);
  const classes = [folder, ...jars].join(':');
  const servers = clientPorts.map((port, n) => {
    const own = join(folder, `server-${n + 1}`);
    const data = join(own, 'data');
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, 'myid'), `${n + 1}\n`);
    const lines = [
      ...commonLines,
      // Its default of 1000 throttles clients that pipeline.
      'globalOutstandingLimit=100000',
      `dataDir=${data}`,
      `clientPort=${port}`,
      ...(size > 1 ? members : []),
    ];
    writeFileSync(join(own, 'zoo.cfg'), `${lines.join('\n')}\n`);
    return new ServerProcess(n + 1, own, port, {
      file: '/usr/bin/java',
      args: [
        `-Xms${heap}`,
        `-Xmx${heap}`,
        '-cp',
        classes,
        `-Dlog4j.configuration=file:${join(folder, 'log4j.properties')}`,
        'org.apache.zookeeper.server.quorum.QuorumPeerMain',
        join(own, 'zoo.cfg'),
      ],
      hasChannel: false,
    });
  });
  return started(folder, servers, { label: 'zookeeper', protocol: 'zookeeper', modeOf });
}

const log4j = `log4j.rootLogger=WARN, C
log4j.appender.C=org.apache.log4j.ConsoleAppender
log4j.appender.C.layout=org.apache.log4j.PatternLayout
log4j.appender.C.layout.ConversionPattern=%d %p %c %m%n
`;

async function startEtcd({ size, dataFolder }: PeerOptions): Promise<Target> {
  const folder = temporaryFolder(dataFolder, 'etcd-');
  const ports = await freePorts(2 * size);
  const clientPorts = ports.slice(0, size);
  const peerPorts = ports.slice(size);
  const cluster = peerPorts.map((port, n) => `m${n + 1}=http://127.0.0.1:${port}`).join(',');
  const servers = clientPorts.map((port, n) => {
    const own = join(folder, `server-${n + 1}`);
    mkdirSync(own, { recursive: true });
    const client = `http://127.0.0.1:${port}`;
    const peer = `http://127.0.0.1:${peerPorts[n]}`;
    const settings = {
      name: `m${n + 1}`,
      'data-dir': join(own, 'data'),
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': cluster,
      'initial-cluster-token': `bench-${process.pid}-${clientPorts[0]}`,
      'log-level': 'error',
      'quota-backend-bytes': String(8 * 1024 ** 3),
    };
    return new ServerProcess(n + 1, own, port, {
      file: '/usr/bin/etcd',
      args: Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]),
      hasChannel: false,
    });
  });
  return started(folder, servers, { label: 'etcd', protocol: 'etcd', modeOf: etcdMode });
}

/** `member` while it is healthy: who leads does not matter here. */
function etcdMode({ host, port }: Host): Promise<string | null> {
  return new Promise((resolve) => {
    const request = get({ host, port, path: '/health', timeout: 1000 }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
      response.on('end', () => resolve(/"health":\s*"true"/.test(text) ? 'member' : null));
      response.on('error', () => resolve(null));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(null));
  });
}

async function started(
  folder: string,
  servers: readonly ServerProcess[],
  own: Pick<Target, 'label' | 'protocol' | 'modeOf'>,
): Promise<Target> {
  const target: Target = {
    ...own,
    hosts: servers.map(({ clientPort }) => ({ host: '127.0.0.1', port: clientPort })),
    servers,
    metricsPorts: [],
    settings: [],
    partition: null,
    close: async () => {
      await Promise.all(servers.map((server) => server.end()));
      removeFolder(folder);
    },
  };
  for (const server of servers) server.start();
  await serving(target);
  return target;
}
