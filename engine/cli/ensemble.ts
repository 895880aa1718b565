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
import type { ServerStatus } from '../io/host.ts';
import { StatusLines } from './status.ts';

const sizes = [1, 3, 5];
const logBytesMax = 10 * 1024 * 1024;
/** A child that dies sooner than this after its start is counted as unable to start. */
const startMs = 2000;
const failedStartsMax = 3;
const refreshMs = 500;

interface Plan {
  readonly size: number;
  readonly port: number;
  readonly folder: string;
}

/** What the folder of an ensemble says of itself; keeps a second start from mixing two ensembles. */
interface Manifest {
  readonly kind: 'zabra ensemble';
  readonly size: number;
  /** Quorum port of each server, stable over restarts. */
  readonly quorumPorts: readonly number[];
}

/** Runs until a signal; throws an Error with one sentence when the ensemble cannot be started. */
export async function runEnsemble(args: readonly string[]): Promise<void> {
  const plan = readPlan(args);
  const manifest = await prepareFolder(plan);
  for (let n = 0; n < plan.size; n++) await assertFree(plan.port + n, '--port');
  for (const port of manifest.quorumPorts) await assertFree(port, 'between the servers');
  await new Running(plan, manifest).run();
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

async function prepareFolder({ size, folder }: Plan): Promise<Manifest> {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new Error(
      `the data folder ${folder} cannot be written (${(error as Error).message}): choose another with --data.`,
      { cause: error },
    );
  }
  const path = join(folder, 'ensemble.json');
  if (!existsSync(path)) {
    if (readdirSync(folder).length > 0) {
      throw new Error(`the data folder ${folder} holds something else: empty it or choose another with --data.`);
    }
    const manifest: Manifest = { kind: 'zabra ensemble', size, quorumPorts: await freePorts(size) };
    writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
    return manifest;
  }
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  if (manifest.kind !== 'zabra ensemble' || manifest.size !== size) {
    throw new Error(
      `the data folder ${folder} belongs to an ensemble of ${manifest.size} servers: ` +
        `start it with --size ${manifest.size}, or choose another folder with --data.`,
    );
  }
  return manifest;
}

async function assertFree(port: number, what: string): Promise<void> {
  await new Promise<void>((free, taken) => {
    const probe = createServer();
    probe.once('error', () =>
      taken(
        new Error(
          `port ${port} (${what}) is taken by another process: stop it` +
            `${what === '--port' ? ' or choose others with --port' : ''}.`,
        ),
      ),
    );
    probe.listen(port, '127.0.0.1', () => probe.close(() => free()));
  });
}

async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    probes.map(
      (probe) =>
        new Promise<number>((found) => {
          probe.listen(0, '127.0.0.1', () => found((probe.address() as { port: number }).port));
        }),
    ),
  );
  await Promise.all(probes.map((probe) => new Promise<void>((closed) => void probe.close(() => closed()))));
  return ports;
}

/** The ensemble while it runs. */
class Running {
  readonly #plan: Plan;
  readonly #manifest: Manifest;
  readonly #children = new Map<number, ChildProcess>();
  readonly #status: StatusLines;
  readonly #failedStarts = new Map<number, number>();
  #announced = false;
  #stopping = false;
  #end: (error: Error | null) => void = () => {};

  constructor(plan: Plan, manifest: Manifest) {
    this.#plan = plan;
    this.#manifest = manifest;
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

  #start(id: number): void {
    const folder = join(this.#plan.folder, `server-${id}`);
    const log = join(folder, 'server.log');
    writeConfig(this.#plan, this.#manifest, id, folder);
    if (existsSync(log) && statSync(log).size > logBytesMax) renameSync(log, `${log}.1`);
    const out = openSync(log, 'a');
    const startedAt = performance.now();
    const child = fork(new URL('main.js', import.meta.url), ['server', join(folder, 'zoo.cfg')], {
      stdio: ['ignore', out, out, 'ipc'],
      detached: true,
    });
    this.#children.set(id, child);
    child.on('message', (status: ServerStatus) => this.#status.set(id, status));
    child.on('exit', (code, signal) =>
      this.#exited(id, `${signal ?? `code ${code}`}`, performance.now() - startedAt, log),
    );
  }

  #exited(id: number, how: string, livedMs: number, log: string): void {
    this.#children.delete(id);
    this.#status.set(id, null);
    if (this.#stopping) {
      if (this.#children.size === 0) this.#end(this.#error);
      return;
    }
    const failures = livedMs < startMs ? (this.#failedStarts.get(id) ?? 0) + 1 : 0;
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
    if (this.#children.size === 0) this.#end(error);
  }

  #refresh(): void {
    if (!this.#announced && this.#status.hasLeader) {
      this.#announced = true;
      this.#status.note(`ready: ${this.#connectString}`);
    }
    this.#status.draw();
  }
}

function writeConfig({ size, port }: Plan, { quorumPorts }: Manifest, id: number, folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'myid'), `${id}\n`);
  const members = Array.from(
    { length: size },
    (_, n) => `server.${n + 1}=127.0.0.1:${quorumPorts[n]}:${quorumPorts[n]}:participant;127.0.0.1:${port + n}`,
  );
  writeFileSync(
    join(folder, 'zoo.cfg'),
    [
      'tickTime=2000',
      'initLimit=10',
      'syncLimit=5',
      `dataDir=${folder}`,
      'maxClientCnxns=0',
      '4lw.commands.whitelist=srvr,stat,mntr,ruok,isro,conf,cons,envi',
      ...members,
      '',
    ].join('\n'),
  );
}

function lastLine(path: string): string {
  return readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? '';
}
