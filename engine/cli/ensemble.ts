/**
 * `zabra ensemble` (npm start): a durable ensemble on loopback, each server a process of its own.
 *
 *   this process ── fork ──► zabra server <data>/server-N/zoo.cfg        reports its status back
 *
 * The children hold a channel to this process and stop when it closes, so none survives its end,
 * not even a kill -9. A child that dies is started again; one that cannot start ends everything.
 */
import { fork, type ChildProcess } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { lockFolder } from '../io/data-folder.ts';
import type { ServerStatus } from '../io/host.ts';
import { StatusLines } from './status.ts';

const sizes = [1, 3, 5];
const manifestName = 'ensemble.json';
const logBytesMax = 10 * 1024 * 1024;
/** A child that dies sooner than this after its start is counted as unable to start. */
const startMs = 2000;
const failedStartsMax = 3;
const refreshMs = 500;
/** A server that has not stopped this long after it was told to is ended, ms. */
const stopMs = 10_000;
/** From ZooKeeper's first client port to its first quorum port: 2181 → 2888. */
const quorumPortOffset = 707;
const outgoingPortsFrom = 32_768;
/** ZooKeeper's port of the AdminServer; our servers take the ones after it. */
const firstAdminPort = 8080;

interface Plan {
  readonly size: number;
  readonly port: number;
  readonly folder: string;
}

/** What the folder of an ensemble says of itself; keeps a second start from mixing two ensembles. */
interface Manifest {
  readonly kind: 'zabra ensemble';
  readonly size: number;
}

/** Runs until a signal; throws an Error with one sentence when the ensemble cannot be started. */
export async function runEnsemble(args: readonly string[]): Promise<void> {
  const plan = readPlan(args);
  prepareFolder(plan);
  for (let n = 0; n < plan.size; n++) {
    const problem = await probe(plan.port + n);
    if (problem !== null) throw new Error(`port ${plan.port + n} ${problem}: choose others with --port.`);
  }
  const quorum = await quorumPorts(plan);
  await new Running(plan, quorum, await freePorts(plan, firstAdminPort, quorum)).run();
}

function readPlan(args: readonly string[]): Plan {
  const { values } = parseArgs({
    args: [...args],
    options: {
      size: { type: 'string', default: '3' },
      port: { type: 'string', default: '2181' },
      data: { type: 'string', default: './data' },
    },
  });
  const size = Number(values.size);
  const port = Number(values.port);
  if (!sizes.includes(size)) throw new Error(`--size must be ${sizes.join(', ')}, not "${values.size}".`);
  if (!Number.isInteger(port) || port < 1 || port + size > 65_536)
    throw new Error(`--port must be a port number, not "${values.port}".`);
  return { size, port, folder: resolve(values.data) };
}

/** Makes the folder or finds it again, and locks it: another ensemble would write over what this one runs with. */
function prepareFolder({ size, folder }: Plan): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new Error(
      `the data folder ${folder} cannot be written (${(error as Error).message}): choose another with --data.`,
      { cause: error },
    );
  }
  const path = join(folder, manifestName);
  const isNew = !existsSync(path);
  if (isNew && !readdirSync(folder).every(isOfStart))
    throw new Error(`the data folder ${folder} holds something else: empty it or choose another with --data.`);
  const found = isNew ? size : readSize(path);
  if (found === null)
    throw new Error(`${path} is not the file that Zabra wrote: restore it, or choose another folder with --data.`);
  if (found !== size) {
    throw new Error(
      `the data folder ${folder} belongs to an ensemble of ${found} server${found === 1 ? '' : 's'}: ` +
        `start it with --size ${found}, or choose another folder with --data.`,
    );
  }
  process.on('exit', lockFolder(folder));
  if (!isNew) return;
  const manifest: Manifest = { kind: 'zabra ensemble', size };
  // The name appears with its content: a start that is cut short leaves no half manifest behind.
  writeFileSync(`${path}.new`, `${JSON.stringify(manifest, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

/** What a start that was cut short may leave in an empty folder. */
function isOfStart(name: string): boolean {
  return name === `${manifestName}.new` || name.startsWith('lock.');
}

/** null: the manifest is none. */
function readSize(path: string): number | null {
  try {
    const found = JSON.parse(readFileSync(path, 'utf8')) as Partial<Manifest> | null;
    const { kind, size = 0 } = found ?? {};
    return kind === 'zabra ensemble' && sizes.includes(size) ? size : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Why nobody can listen at `port` of loopback; null when one can. */
function probe(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      resolve(code === 'EADDRINUSE' ? 'is taken by another process' : `cannot be used (${message})`),
    );
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(null)));
  });
}

/**
 * Ports between the servers, chosen anew at each start since nobody else knows them: from 2888 on for
 * clients at 2181, as with ZooKeeper, and below the range of outgoing connections, which might take
 * the port of a server that is down.
 */
async function quorumPorts(plan: Plan): Promise<number[]> {
  const first = plan.port + quorumPortOffset;
  return freePorts(plan, first < outgoingPortsFrom ? first : 2888, []);
}

/** A port for each server, from `first` on, beside those of the clients and the ones in `taken`. */
async function freePorts({ size, port }: Plan, first: number, taken: readonly number[]): Promise<number[]> {
  const ports: number[] = [];
  for (let next = first; ports.length < size; next++) {
    if (next > 65_535) throw new Error('no free ports are left for the servers.');
    if ((next >= port && next < port + size) || taken.includes(next)) continue;
    if ((await probe(next)) === null) ports.push(next);
  }
  return ports;
}

/** The ensemble while it runs. */
class Running {
  readonly #plan: Plan;
  readonly #quorumPorts: readonly number[];
  readonly #adminPorts: readonly number[];
  readonly #children = new Map<number, ChildProcess>();
  readonly #status: StatusLines;
  readonly #failedStarts = new Map<number, number>();
  #announced = false;
  #stopping = false;
  #end: (error: Error | null) => void = () => {};

  constructor(plan: Plan, quorum: readonly number[], admin: readonly number[]) {
    this.#plan = plan;
    this.#quorumPorts = quorum;
    this.#adminPorts = admin;
    this.#status = new StatusLines(process.stdout, plan.size);
  }

  async run(): Promise<void> {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.#stop(null));
    const ended = new Promise<Error | null>((resolveEnd) => (this.#end = resolveEnd));
    for (let id = 1; id <= this.#plan.size; id++) this.#start(id);
    const timer = setInterval(() => this.#refresh(), refreshMs);
    const error = await ended;
    clearInterval(timer);
    this.#status.finish();
    if (error !== null) throw error;
    process.exit(0);
  }

  get #connectString(): string {
    return Array.from({ length: this.#plan.size }, (_, n) => `127.0.0.1:${this.#plan.port + n}`).join(',');
  }

  /** A full disk, say, ends the ensemble in order, not this process alone. */
  #start(id: number): void {
    try {
      this.#fork(id);
    } catch (error) {
      this.#stop(new Error(`server ${id} cannot be started: ${(error as Error).message}`));
    }
  }

  #fork(id: number): void {
    const folder = join(this.#plan.folder, `server-${id}`);
    const log = join(folder, 'server.log');
    writeConfig(this.#plan, { quorum: this.#quorumPorts, admin: this.#adminPorts }, id, folder);
    if (existsSync(log) && statSync(log).size > logBytesMax) renameSync(log, `${log}.1`);
    const out = openSync(log, 'a');
    const startedAt = performance.now();
    const child = fork(new URL('main.js', import.meta.url), ['server', join(folder, 'zoo.cfg')], {
      stdio: ['ignore', out, out, 'ipc'],
      detached: true,
    });
    closeSync(out);
    this.#children.set(id, child);
    let hasStarted = false;
    child.on('message', (status: ServerStatus) => {
      hasStarted = true;
      this.#status.set(id, status);
    });
    child.on('error', (error) => this.#status.note(`server ${id}: ${error.message}`));
    child.on('exit', (code, signal) => {
      const isGood = hasStarted && performance.now() - startedAt >= startMs;
      this.#exited(id, `${signal ?? `code ${code}`}`, isGood, log);
    });
  }

  #exited(id: number, how: string, isGood: boolean, log: string): void {
    this.#children.delete(id);
    this.#status.set(id, null);
    if (this.#stopping) {
      if (this.#children.size === 0) this.#end(this.#error);
      return;
    }
    const failures = isGood ? 0 : (this.#failedStarts.get(id) ?? 0) + 1;
    this.#failedStarts.set(id, failures);
    if (failures >= failedStartsMax) {
      this.#stop(new Error(`server ${id} does not start (${how}): ${lastLine(log)}`));
      return;
    }
    this.#status.note(`server ${id} ended (${how}); starting it again`);
    setTimeout(() => {
      if (!this.#stopping) this.#start(id);
    }, failures * 500);
  }

  #error: Error | null = null;

  #stop(error: Error | null): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#error = error;
    this.#status.note('stopping');
    for (const child of this.#children.values()) child.kill('SIGTERM');
    setTimeout(() => {
      for (const child of this.#children.values()) child.kill('SIGKILL');
    }, stopMs).unref();
    if (this.#children.size === 0) this.#end(error);
  }

  #refresh(): void {
    if (!this.#announced && this.#status.hasLeader) {
      this.#announced = true;
      this.#status.note(`ready: ${this.#connectString}`);
      const urls = this.#adminPorts.map((port) => `http://127.0.0.1:${port}/commands`);
      this.#status.note(`admin: ${urls.join(' ')}`);
    }
    this.#status.draw();
  }
}

interface OtherPorts {
  readonly quorum: readonly number[];
  readonly admin: readonly number[];
}

function writeConfig({ size, port }: Plan, { quorum, admin }: OtherPorts, id: number, folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'myid'), `${id}\n`);
  const members = Array.from(
    { length: size },
    (_, n) => `server.${n + 1}=127.0.0.1:${quorum[n]}:${quorum[n]}:participant;127.0.0.1:${port + n}`,
  );
  writeFileSync(
    join(folder, 'zoo.cfg'),
    [
      'tickTime=2000',
      'initLimit=10',
      'syncLimit=5',
      `dataDir=${folder.replaceAll('\\', '\\\\')}`,
      'maxClientCnxns=0',
      '4lw.commands.whitelist=*',
      'admin.serverAddress=127.0.0.1',
      `admin.serverPort=${admin[id - 1]}`,
      ...members,
      '',
    ].join('\n'),
  );
}

/** What a server that could not start said last, without the name of the command in front. */
function lastLine(path: string): string {
  const line = readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  return line.replace(/^zabra: /, '');
}
