/**
 * Real servers: each a process of its own, started from a zoo.cfg, killed and started again.
 *
 *   ensemble(3) ──► <folder>/server-N/{zoo.cfg, myid, data}      close() ends them and removes the folder
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from './ports.ts';
import { until } from './until.ts';

/** The built command; tests run from dist/test/…. */
export const commandFile = fileURLToPath(new URL('../../engine/cli/main.js', import.meta.url));

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}

const serveDeadlineMs = 20_000;
const outputMax = 64 * 1024;

/** A `zabra` command that runs, with what it printed. */
export class CommandProcess {
  readonly child: ChildProcess;
  output = '';
  /** Resolves with the exit code, or the name of the signal that ended it. */
  readonly exited: Promise<number | string>;

  constructor(args: readonly string[], cwd?: string) {
    this.child = spawn(process.execPath, [commandFile, ...args], {
      // A server with a channel stops when the channel closes: none outlives a test that is ended by force.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      ...(cwd === undefined ? {} : { cwd }),
    });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString('utf8')).slice(-outputMax)));
    this.exited = new Promise((resolve) => this.child.once('close', (code, signal) => resolve(code ?? signal!)));
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async printed(text: string, deadlineMs = serveDeadlineMs): Promise<void> {
    await until(
      `line with "${text}"`,
      deadlineMs,
      () => this.output.includes(text),
      () => this.output,
    );
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.running) this.child.kill(signal);
    await this.exited;
  }
}

export class ServerProcess {
  readonly id: number;
  readonly folder: string;
  readonly clientPort: number;
  readonly quorumPort: number;
  #process: CommandProcess | null = null;

  constructor(id: number, folder: string, clientPort: number, quorumPort = 0) {
    this.id = id;
    this.folder = folder;
    this.clientPort = clientPort;
    this.quorumPort = quorumPort;
  }

  get dataDir(): string {
    return join(this.folder, 'data');
  }

  get output(): string {
    return this.#process?.output ?? '';
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  get pid(): number {
    return this.#process?.child.pid ?? 0;
  }

  start(): void {
    this.#process = new CommandProcess(['server', join(this.folder, 'zoo.cfg')]);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process!.child.kill(signal);
  }

  /** Ends the process and waits for its end; `kill -9` unless told otherwise. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | string> {
    await this.#process!.kill(signal);
    return this.#process!.exited;
  }

  /** `leader`, `follower`, `observer` or `standalone`; null while it does not serve. */
  async mode(): Promise<string | null> {
    const answer = await word(this.clientPort, 'srvr');
    return /^Mode: (\w+)$/m.exec(answer)?.[1] ?? null;
  }

  async serving(deadlineMs = serveDeadlineMs): Promise<string> {
    return until(
      `service of server ${this.id}`,
      deadlineMs,
      () => {
        if (!this.running) throw new Error(`server ${this.id} ended: ${this.output}`);
        return this.mode();
      },
      () => this.output,
    );
  }

  wipe(): void {
    rmSync(join(this.dataDir, 'zabra-1'), { recursive: true, force: true });
  }
}

/** Servers of one ensemble, or one standalone server. */
export class ProcessEnsemble {
  readonly folder: string;
  readonly servers: readonly ServerProcess[];

  private constructor(folder: string, servers: readonly ServerProcess[]) {
    this.folder = folder;
    this.servers = servers;
  }

  /**
   * Writes the files of `size` servers and starts them; `settings` are further lines of every zoo.cfg.
   * The last `observers` of them do not vote.
   */
  static async start(size: number, settings: readonly string[] = [], observers = 0): Promise<ProcessEnsemble> {
    const folder = mkdtempSync(join(tmpdir(), 'zabra-test-'));
    const ports = await freePorts(size * 2);
    const servers = Array.from(
      { length: size },
      (_, n) => new ServerProcess(n + 1, join(folder, `server-${n + 1}`), ports[n]!, ports[size + n]!),
    );
    const members = servers.map(({ id, quorumPort }) => {
      const role = id > size - observers ? 'observer' : 'participant';
      return `server.${id}=127.0.0.1:${quorumPort}:${quorumPort}:${role}`;
    });
    for (const { id, folder: own, dataDir, clientPort } of servers) {
      mkdirSync(dataDir, { recursive: true });
      writeFileSync(join(dataDir, 'myid'), `${id}\n`);
      const lines = [
        'tickTime=400',
        'initLimit=25',
        'syncLimit=5',
        'maxClientCnxns=0',
        'admin.enableServer=false',
        `dataDir=${dataDir}`,
        'clientPortAddress=127.0.0.1',
        `clientPort=${clientPort}`,
        ...settings,
        ...(size === 1 ? [] : members),
      ];
      writeFileSync(join(own, 'zoo.cfg'), `${lines.join('\n')}\n`);
    }
    const ensemble = new ProcessEnsemble(folder, servers);
    for (const server of servers) server.start();
    return ensemble;
  }

  get connectString(): string {
    return this.servers.map(({ clientPort }) => `127.0.0.1:${clientPort}`).join(',');
  }

  get ports(): number[] {
    return this.servers.map(({ clientPort }) => clientPort);
  }

  get output(): string {
    return this.servers.map(({ output }) => output).join('');
  }

  async serving(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.serving()));
  }

  /** The server that leads, as soon as one does. */
  async leader(deadlineMs = serveDeadlineMs): Promise<ServerProcess> {
    return until('leader', deadlineMs, async () => {
      for (const server of this.servers) if (server.running && (await server.mode()) === 'leader') return server;
      return null;
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => (server.running ? server.kill() : null)));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Answer to a four-letter word; empty when nobody answers within a second. */
export function word(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let answer = '';
    socket.setTimeout(1000, () => socket.destroy());
    socket.on('connect', () => socket.write(text));
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('utf8')));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(answer));
  });
}
