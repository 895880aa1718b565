/** Apache ZooKeeper from Debian's package, for tests that compare with it or use it. */
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
  // Its AdminServer.
  .concat(['jackson-core', 'jackson-databind', 'jackson-annotations', 'servlet-api', 'jetty9-server', 'jetty9-servlet'])
  .concat(['jetty9-security', 'jetty9-http', 'jetty9-io', 'jetty9-util', 'jetty9-util-ajax'])
  .map((name) => `${jarFolder}/${name}.jar`);

/** Why there is no Apache ZooKeeper here, or false: for node:test's `skip`. */
export const apacheMissing: string | false =
  existsSync(jars[0]!) && existsSync('/usr/bin/java')
    ? false
    : "Apache ZooKeeper is not installed (Debian's packages zookeeper and default-jre-headless)";

const serveDeadlineMs = 60_000;

export class ApacheServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'zabra-apache-'));
  port = 0;
  readonly #settings: readonly string[];
  readonly #id: number;
  #process: ChildProcess | null = null;

  /** `settings` are further lines of zoo.cfg; a member of an ensemble has an id. */
  constructor(settings: readonly string[] = ['extendedTypesEnabled=true'], id = 0) {
    this.#settings = settings;
    this.#id = id;
  }

  get connectString(): string {
    return `127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    if (this.port === 0) [this.port] = (await freePorts(1)) as [number];
    const lines = ['tickTime=500', `dataDir=${this.folder}`, `clientPort=${this.port}`, 'maxClientCnxns=0'];
    lines.push('4lw.commands.whitelist=*', 'admin.enableServer=false', ...this.#settings);
    writeFileSync(join(this.folder, 'zoo.cfg'), `${lines.join('\n')}\n`);
    if (this.#id > 0) writeFileSync(join(this.folder, 'myid'), `${this.#id}\n`);
    const options = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', jars.join(':')];
    const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
    const java = ['java', ...options, main, join(this.folder, 'zoo.cfg')];
    // It ends with us, however we end.
    this.#process = spawn('setpriv', ['--pdeathsig', 'KILL', ...java], { stdio: 'ignore' });
    const serves = async (): Promise<boolean> => (await word(this.port, 'srvr')).includes('Mode: ');
    await until('Apache ZooKeeper', serveDeadlineMs, serves);
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

/** One such server, or several as an ensemble. */
export class ApacheServers {
  readonly ports: readonly number[];
  readonly output = '';
  readonly #servers: readonly ApacheServer[];

  private constructor(servers: readonly ApacheServer[]) {
    this.#servers = servers;
    this.ports = servers.map(({ port }) => port);
  }

  static async start(size: number, settings: readonly string[]): Promise<ApacheServers> {
    const ports = await freePorts(size * 2);
    const members = Array.from({ length: size }, (_, n) => `server.${n + 1}=127.0.0.1:${ports[n]}:${ports[size + n]}`);
    const lines = size === 1 ? settings : [...settings, 'initLimit=40', 'syncLimit=20', ...members];
    const servers = members.map((_, n) => new ApacheServer(lines, size === 1 ? 0 : n + 1));
    await Promise.all(servers.map((server) => server.start()));
    return new ApacheServers(servers);
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
  }
}
