/** A real ZooKeeper of Debian's package `zookeeper`, standalone or an ensemble, each server a process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../support/ports.ts';
import { word } from '../../support/server-process.ts';
import { until } from '../../support/until.ts';

const jars = [
  'zookeeper',
  'zookeeper-jute',
  'slf4j-api',
  'slf4j-nop',
  'netty-handler',
  'netty-transport',
  'netty-common',
  'netty-buffer',
  'netty-resolver',
  'netty-codec',
  'commons-cli',
  'commons-io',
  'snappy-java',
  'metrics-core',
  'jackson-core',
  'jackson-databind',
  'jackson-annotations',
].map((name) => `/usr/share/java/${name}.jar`);
const java = '/usr/bin/java';
const serveDeadlineMs = 60_000;

/** Why it cannot run here; false when it can. */
export const zookeeperMissing: string | false =
  existsSync(java) && existsSync(jars[0]!) ? false : 'Apache ZooKeeper is not installed (Debian: zookeeper)';

export class ZooKeeper {
  readonly ports: readonly number[];
  readonly output = '';
  readonly #folder: string;
  readonly #servers: readonly ChildProcess[];

  private constructor(folder: string, ports: readonly number[], servers: readonly ChildProcess[]) {
    this.#folder = folder;
    this.ports = ports;
    this.#servers = servers;
  }

  /** Starts `size` servers; `settings` are further lines of zoo.cfg. */
  static async start(size: number, settings: readonly string[]): Promise<ZooKeeper> {
    const folder = mkdtempSync(join(tmpdir(), 'zookeeper-'));
    const ports = await freePorts(size * 3);
    const members = Array.from({ length: size }, (_, n) => {
      return `server.${n + 1}=127.0.0.1:${ports[size + n]}:${ports[2 * size + n]}`;
    });
    const servers = Array.from({ length: size }, (_, n) => {
      const own = join(folder, String(n + 1));
      mkdirSync(own);
      writeFileSync(join(own, 'myid'), `${n + 1}\n`);
      const lines = [
        'tickTime=2000',
        'initLimit=10',
        'syncLimit=5',
        'maxClientCnxns=0',
        'admin.enableServer=false',
        `dataDir=${own}`,
        'clientPortAddress=127.0.0.1',
        `clientPort=${ports[n]}`,
        ...settings,
        ...(size === 1 ? [] : members),
      ];
      writeFileSync(join(own, 'zoo.cfg'), `${lines.join('\n')}\n`);
      const options = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', jars.join(':')];
      const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
      return spawn(java, [...options, main, join(own, 'zoo.cfg')], { stdio: 'ignore' });
    });
    const zookeeper = new ZooKeeper(folder, ports.slice(0, size), servers);
    for (const [n, port] of zookeeper.ports.entries()) {
      await until(`service of ZooKeeper at ${port}`, serveDeadlineMs, async () => {
        if (servers[n]!.exitCode !== null) throw new Error(`ZooKeeper ended with ${servers[n]!.exitCode}`);
        return (await word(port, 'srvr')).includes('Mode: ');
      });
    }
    return zookeeper;
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      if (server.exitCode !== null) continue;
      const ended = new Promise((resolve) => server.once('close', resolve));
      server.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
