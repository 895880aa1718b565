/** One Apache ZooKeeper server from Debian's package, for tests that compare with it or use it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './ports.ts';
import { word } from './server-process.ts';
import { until } from './until.ts';

const jarFolder = '/usr/share/java';
const jars = ['zookeeper', 'zookeeper-jute', 'slf4j-api', 'netty-all', 'netty-handler', 'netty-transport']
  .concat(['netty-common', 'netty-buffer', 'commons-cli', 'snappy-java', 'metrics-core'])
  .map((name) => `${jarFolder}/${name}.jar`);

/** Why there is no Apache ZooKeeper here, or false: for node:test's `skip`. */
export const apacheMissing: string | false =
  existsSync(jars[0]!) && existsSync('/usr/bin/java')
    ? false
    : "Apache ZooKeeper is not installed (Debian's packages zookeeper and default-jre-headless)";

export class ApacheServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'zabra-apache-'));
  port = 0;
  #process: ChildProcess | null = null;

  get connectString(): string {
    return `127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    if (this.port === 0) [this.port] = (await freePorts(1)) as [number];
    const lines = ['tickTime=500', `dataDir=${this.folder}`, `clientPort=${this.port}`, 'maxClientCnxns=0'];
    lines.push('4lw.commands.whitelist=*', 'admin.enableServer=false');
    writeFileSync(join(this.folder, 'zoo.cfg'), `${lines.join('\n')}\n`);
    const settings = ['-Xmx256m', '-Dzookeeper.extendedTypesEnabled=true'];
    const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
    this.#process = spawn('java', [...settings, '-cp', jars.join(':'), main, join(this.folder, 'zoo.cfg')], {
      stdio: 'ignore',
    });
    await until('Apache ZooKeeper', 30_000, async () => (await word(this.port, 'ruok')) === 'imok');
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (child === null) return;
    this.#process = null;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
