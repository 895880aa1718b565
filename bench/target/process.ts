/**
 * Servers that the bench started: each a process that must not outlive it, and a folder that must not either.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const running = new Set<ChildProcess>();
const folders = new Set<string>();

/** Ends everything at once; also on the way out, however that comes about. */
export function endAll(): void {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  folders.clear();
}

let cleansUp = false;

function cleanUpAtExit(): void {
  if (cleansUp) return;
  cleansUp = true;
  process.on('exit', endAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      // Leaves through `exit`, where everything is ended.
      process.exit(130);
    });
}

export function temporaryFolder(parent: string, prefix: string): string {
  cleanUpAtExit();
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, prefix));
  folders.add(folder);
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  folders.delete(folder);
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Gives the process a channel to this one; ours stop when it closes. */
  readonly hasChannel: boolean;
}

/** One server as a process. */
export class ServerProcess {
  readonly id: number;
  readonly folder: string;
  readonly clientPort: number;
  readonly #command: Command;
  #child: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();

  constructor(id: number, folder: string, clientPort: number, command: Command) {
    this.id = id;
    this.folder = folder;
    this.clientPort = clientPort;
    this.#command = command;
  }

  get logFile(): string {
    return join(this.folder, 'out.log');
  }

  /** What it printed, from all its starts. */
  get log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  start(): void {
    cleanUpAtExit();
    const { env, hasChannel } = this.#command;
    // Those without a channel end with us all the same, however we end.
    const guarded = hasChannel || !existsSync(guard) ? this.#command : guardedBy(guard, this.#command);
    const { file, args } = guarded;
    const out = openSync(this.logFile, 'a');
    const child = spawn(file, args, {
      stdio: hasChannel ? ['ignore', out, out, 'ipc'] : ['ignore', out, out],
      cwd: this.folder,
      env: { ...process.env, ...env },
    });
    closeSync(out);
    // Reports of its status are for `npm start`; nobody reads them here.
    child.on('message', () => {});
    this.#child = child;
    running.add(child);
    this.#exited = new Promise<void>((resolve) => {
      child.once('error', () => resolve());
      child.once('exit', () => resolve());
    }).then(() => void running.delete(child));
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.running) this.signal(signal);
    await this.#exited;
  }

  /** Resident memory, bytes; 0 where the system does not tell. */
  get residentBytes(): number {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(this.#proc('status'))?.[1];
    return kilobytes === undefined ? 0 : Number(kilobytes) * 1024;
  }

  /** CPU time used so far, s. */
  get cpuSeconds(): number {
    const fields = this.#proc('stat').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100;
  }

  #proc(name: string): string {
    const path = `/proc/${this.pid}/${name}`;
    return this.running && existsSync(path) ? readFileSync(path, 'utf8') : '';
  }
}

/** Of util-linux: has a process killed when its parent ends. */
const guard = '/usr/bin/setpriv';

function guardedBy(file: string, command: Command): Pick<Command, 'file' | 'args'> {
  return { file, args: ['--pdeathsig', 'KILL', command.file, ...command.args] };
}

/** Below the range for outgoing connections, so that nobody takes the port of a server that is down. */
const ports = { first: 20_000, count: 12_000 } as const;
let nextPort = (process.pid * 37) % ports.count;

/** Ports at which nobody listens now. */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  for (let tries = 0; tries < ports.count && found.length < count; tries++) {
    const port = ports.first + (nextPort % ports.count);
    nextPort++;
    if (await isFree(port)) found.push(port);
  }
  if (found.length < count) throw new Error(`no ${count} ports are free from ${ports.first} on.`);
  return found;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
