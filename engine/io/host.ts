/**
 * A server in this process: storage, network and clock around the pure `CoordinationServer`.
 *
 *   start:  lock the folder → newest whole snapshot → log → state → listen for peers → serve → clients
 */
import { EventEmitter } from 'node:events';
import type { Role } from '../consensus/core.ts';
import { completeOptions, OptionError, type ServerOptions } from '../server/options.ts';
import type { Journal, StateMachine } from '../server/ports.ts';
import type { CoordinationServer } from '../server/server.ts';
import { assemble, type Parts } from './assembly.ts';
import { InProcessLink, type InProcessEvents } from './in-process.ts';
import { createJournal } from './journal.ts';
import type { MeshAddress } from './peer-mesh.ts';

/** All deadlines are looked at this often. */
const tickMs = 20;

/** Settings of a server, of which only `dataDir` must be given. */
export type StartOptions = Partial<ServerOptions> & {
  readonly dataDir: string;
  /** Takes the place of JSON on stdout. */
  readonly journal?: Journal;
  /** State of the program's own that all servers of the ensemble hold; see `propose`. Default: none. */
  readonly machine?: StateMachine;
};

/** What a server shows of itself at a moment. */
export interface ServerStatus {
  readonly id: number;
  readonly role: Role;
  /** Clients are served. */
  readonly serving: boolean;
  readonly leader: number;
  readonly epoch: number;
  /** zxid of the last txn applied. */
  readonly zxid: number;
  readonly clients: number;
  readonly znodes: number;
}

/** What a server tells of itself, after the turn in which it happened. */
export interface ServerEvents {
  /** It looks for a leader, follows, observes or leads from now on. */
  role: [role: Role];
  /** It has joined the epoch of a leader. */
  epoch: [epoch: number];
  /** Clients are served from now on. */
  ready: [];
  /** Clients are not served any more, or reads only: there is no leader. */
  suspended: [];
  /** Everything is freed. */
  closed: [];
}

export class Host extends EventEmitter<ServerEvents> {
  readonly options: ServerOptions;
  /** The pure server inside; for tools and tests. */
  readonly core: CoordinationServer;
  readonly #parts: Parts;
  readonly #timer: NodeJS.Timeout;
  #closing: Promise<void> | null = null;
  /** Those that wait for `ready`, told at each change. */
  readonly #waiting = new Set<() => void>();
  #told: { role: Role; epoch: number; isReady: boolean } = { role: 'looking', epoch: 0, isReady: false };
  #failed: (error: Error) => void = (error) => {
    throw error;
  };

  /** @param parts of `open`, which is what `start` is for */
  constructor(parts: Parts) {
    super();
    this.options = parts.options;
    this.core = parts.core;
    this.#parts = parts;
    this.#timer = setInterval(() => parts.turns.schedule(), tickMs);
    parts.failing.report = (error) => this.#fail(error);
    this.core.onStatus = () => this.#changed();
  }

  /**
   * Starts a server; resolves once it listens, before it has found a leader (see `ready`).
   *
   * @throws OptionError for an impossible setting; StorageError or Error with one sentence when the
   *   folder or a port cannot be used
   */
  static async start(given: StartOptions): Promise<Host> {
    return new Host(await Host.open(given));
  }

  /** What a host is constructed from. */
  static async open(given: StartOptions): Promise<Parts> {
    const { journal, machine, ...settings } = given;
    const options = completeOptions(settings);
    checkFunctions('journal', journal, ['info', 'warn', 'error']);
    checkFunctions('machine', machine, ['apply', 'snapshot', 'restore']);
    return assemble(options, journal ?? createJournal(options.id, options.logLevel), machine);
  }

  /** The port that clients connect to; -1 when there is none. */
  get clientPort(): number {
    return this.#parts.listener?.port ?? -1;
  }

  get quorumPort(): number {
    return this.#parts.mesh?.port ?? -1;
  }

  /** The port of the AdminServer; -1 when it does not listen. */
  get adminPort(): number {
    return this.#parts.endpoints.adminPort;
  }

  /** The port of the Prometheus endpoint; -1 when it does not listen. */
  get metricsPort(): number {
    return this.#parts.endpoints.metricsPort;
  }

  /** Tells where the other servers listen, when that was not known at the start (ports of 0). */
  setPeers(peers: readonly MeshAddress[]): void {
    this.#parts.mesh?.setPeers(peers);
  }

  status(): ServerStatus {
    const { core } = this;
    return {
      id: this.options.id,
      role: core.role,
      serving: core.serving,
      leader: core.core.leader,
      epoch: core.core.epoch,
      zxid: core.tree.lastZxid,
      clients: core.clients.count,
      znodes: core.tree.nodeCount,
    };
  }

  /**
   * Resolves once clients are served.
   *
   * @throws Error when the server is closed before that
   */
  async ready(): Promise<void> {
    while (!this.core.serving) {
      if (this.#closing !== null) throw new Error(`server ${this.options.id} was closed before it served.`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #changed(): void {
    const { role, serving: isReady } = this.core;
    const { epoch } = this.core.core;
    const told = this.#told;
    this.#told = { role, epoch, isReady };
    // Whatever a listener does or throws is no part of the turn.
    if (role !== told.role) process.nextTick(() => this.emit('role', role));
    if (epoch !== told.epoch && epoch > 0) process.nextTick(() => this.emit('epoch', epoch));
    if (isReady !== told.isReady) process.nextTick(() => this.emit(isReady ? 'ready' : 'suspended'));
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** A client's connection over memory, under the limits of all connections (io/in-process.ts). */
  link(client: InProcessEvents): InProcessLink {
    return new InProcessLink(this.#parts.gate, client);
  }

  /** What to do when the disk fails or another fatal error happens; by default it is thrown. */
  onFailure(handler: (error: Error) => void): void {
    this.#failed = handler;
  }

  /** Disconnects everybody, makes what was written durable and frees everything. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    this.#wake();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { endpoints, listener, gate, mesh, turns, log, snapshots, unlocks, journal } = this.#parts;
    clearInterval(this.#timer);
    await endpoints.close();
    await Promise.all([listener?.close(), gate.close()]);
    await mesh?.close();
    // What was on its way to or from others ends with the links, and its files are closed.
    turns.run();
    turns.stop();
    this.core.commands.end();
    await log.close();
    await snapshots.close();
    for (const unlock of unlocks) unlock();
    await handlesClosed();
    journal.info('stopped');
    process.nextTick(() => this.emit('closed'));
  }

  #fail(error: Error): void {
    this.#parts.journal.error('failed', { reason: error.message });
    this.#failed(error);
  }
}

/**
 * Resolves once every handle that was told to close is closed: a turn of the event loop does so at its
 * end, after its immediates, so the second one from here comes after that wherever in a turn this is.
 */
async function handlesClosed(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function checkFunctions(field: string, given: object | undefined, names: readonly string[]): void {
  if (given === undefined) return;
  const has = given as Readonly<Record<string, unknown>> | null;
  if (!names.every((name) => typeof has?.[name] === 'function'))
    throw new OptionError(field, `an object with the functions ${names.join(', ')}`, given);
}
