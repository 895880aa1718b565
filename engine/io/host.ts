/**
 * A server in this process: storage, network and clock around the pure `CoordinationServer`.
 *
 *   start:  lock the folder → newest whole snapshot → log → state → listen for peers → serve → clients
 */
import { createHash, randomFillSync, timingSafeEqual } from 'node:crypto';
import { Endpoints } from '../admin/endpoints.ts';
import { createTrace } from '../admin/trace.ts';
import { createWords } from '../admin/words.ts';
import { assert } from '../base/assert.ts';
import type { Tree } from '../tree/tree.ts';
import { Tree as StateTree } from '../tree/tree.ts';
import { Restore } from '../snapshot/state.ts';
import { completeOptions, type ServerOptions } from '../server/options.ts';
import type { Journal, Ports } from '../server/ports.ts';
import { CoordinationServer } from '../server/server.ts';
import { ClientListener } from './client-listener.ts';
import { crc32 } from './crc32.ts';
import { openFolder, StorageError } from './data-folder.ts';
import { createJournal } from './journal.ts';
import { recoverLog, type RecoveredLog } from './log-recovery.ts';
import { LogStore } from './log-store.ts';
import { PeerMesh, type MeshAddress } from './peer-mesh.ts';
import { SnapshotStore } from './snapshot-store.ts';

/** Shared memory between the main thread and the log worker. */
const ringBytes = 16 * 1024 * 1024;
/** All deadlines are looked at this often. */
const tickMs = 20;

/** Settings of a server, of which only `dataDir` must be given; `journal` takes the place of JSON on stdout. */
export type StartOptions = Partial<ServerOptions> & { readonly dataDir: string; readonly journal?: Journal };

/** What a server shows of itself at a moment. */
export interface ServerStatus {
  readonly id: number;
  readonly role: 'looking' | 'following' | 'observing' | 'leading';
  /** Clients are served. */
  readonly serving: boolean;
  readonly leader: number;
  readonly epoch: number;
  /** zxid of the last txn applied. */
  readonly zxid: number;
  readonly clients: number;
  readonly znodes: number;
}

export class Server {
  readonly options: ServerOptions;
  /** The pure server inside; for tools and tests. */
  readonly core: CoordinationServer;
  readonly #journal: Journal;
  readonly #log: LogStore;
  readonly #snapshots: SnapshotStore;
  readonly #mesh: PeerMesh | null;
  readonly #listener: ClientListener | null;
  readonly #endpoints: Endpoints;
  readonly #unlocks: (() => void)[];
  readonly #turns: Turns;
  readonly #timer: NodeJS.Timeout;
  #closing: Promise<void> | null = null;
  /** Those that wait for `ready`, told at each change. */
  readonly #waiting = new Set<() => void>();
  #failed: (error: Error) => void = (error) => {
    throw error;
  };

  private constructor(parts: Parts) {
    this.options = parts.options;
    this.core = parts.core;
    this.#journal = parts.journal;
    this.#log = parts.log;
    this.#snapshots = parts.snapshots;
    this.#mesh = parts.mesh;
    this.#listener = parts.listener;
    this.#endpoints = parts.endpoints;
    this.#unlocks = parts.unlocks;
    this.#turns = parts.turns;
    this.#timer = setInterval(() => parts.turns.schedule(), tickMs);
    parts.failing.report = (error) => this.#fail(error);
    this.core.onStatus = () => this.#wake();
  }

  /**
   * Starts a server; resolves once it listens, before it has found a leader (see `ready`).
   *
   * @throws OptionError for an impossible setting; StorageError or Error with one sentence when the
   *   folder or a port cannot be used
   */
  static async start(given: StartOptions): Promise<Server> {
    const { journal: ownJournal, ...settings } = given;
    const options = completeOptions(settings);
    const journal = ownJournal ?? createJournal(options.id, options.logLevel);
    return new Server(await assemble(options, journal));
  }

  /** The port that clients connect to; -1 when there is none. */
  get clientPort(): number {
    return this.#listener?.port ?? -1;
  }

  get quorumPort(): number {
    return this.#mesh?.port ?? -1;
  }

  /** The port of the AdminServer; -1 when it does not listen. */
  get adminPort(): number {
    return this.#endpoints.adminPort;
  }

  /** The port of the Prometheus endpoint; -1 when it does not listen. */
  get metricsPort(): number {
    return this.#endpoints.metricsPort;
  }

  /** Tells where the other servers listen, when that was not known at the start (ports of 0). */
  setPeers(peers: readonly MeshAddress[]): void {
    this.#mesh?.setPeers(peers);
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

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
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
    clearInterval(this.#timer);
    await this.#endpoints.close();
    await this.#listener?.close();
    await this.#mesh?.close();
    this.#turns.stop();
    await this.#log.close();
    await this.#snapshots.close();
    for (const unlock of this.#unlocks) unlock();
    this.#journal.info('stopped');
  }

  #fail(error: Error): void {
    this.#journal.error('failed', { reason: error.message });
    this.#failed(error);
  }
}

interface Parts {
  readonly options: ServerOptions;
  readonly journal: Journal;
  readonly core: CoordinationServer;
  readonly log: LogStore;
  readonly snapshots: SnapshotStore;
  readonly mesh: PeerMesh | null;
  readonly listener: ClientListener | null;
  readonly endpoints: Endpoints;
  readonly unlocks: (() => void)[];
  readonly turns: Turns;
  readonly failing: { report: (error: Error) => void };
}

async function assemble(options: ServerOptions, journal: Journal): Promise<Parts> {
  const unlocks: (() => void)[] = [];
  let snapshots: SnapshotStore | null = null;
  let log: LogStore | null = null;
  try {
    const data = openFolder(options.dataDir);
    unlocks.push(data.unlock);
    const logData = options.dataLogDir === options.dataDir ? data : openFolder(options.dataLogDir);
    if (logData !== data) unlocks.push(logData.unlock);
    snapshots = new SnapshotStore(data.folder, (reason) => journal.warn('damaged snapshot set aside', { reason }));
    await snapshots.settle();
    const startedAt = performance.now();
    const tree = await loadTree(snapshots);
    const loadedAt = performance.now();
    const recovered = recoverLog(logData.folder, options.id, snapshots.newest);
    for (const note of recovered.notes) journal.warn('recovery', { note, zxid: recovered.last });

    const turns = new Turns();
    const failing = {
      report: (error: Error): void => {
        throw error;
      },
    };
    log = createLog({ options, folder: logData.folder, journal, recovered, core: () => core, failing });
    const mesh = createMesh(options, journal, () => core);
    const ports = createPorts({
      journal,
      log,
      snapshots,
      mesh,
      turns,
      words: (word, argument) => words(word, argument),
    });
    const core = createCore(options, ports, tree, recovered);
    core.metrics.snapshotLoad.recordMs(loadedAt - startedAt);
    core.metrics.startup.recordMs(performance.now() - startedAt);
    const trace = createTrace();
    const words = createWords(core, trace);
    turns.run = () => core.turn();
    const listener = await listen(options, journal, core, mesh);
    const endpoints = await Endpoints.start(core, trace, journal);
    journal.info('started', { zxid: recovered.last, clientPort: listener?.port ?? -1, znodes: tree.nodeCount });
    turns.schedule();
    return {
      options,
      journal,
      core,
      log,
      snapshots,
      mesh,
      listener,
      endpoints,
      unlocks,
      turns,
      failing,
    };
  } catch (error) {
    await log?.close();
    await snapshots?.close();
    for (const unlock of unlocks) unlock();
    throw error;
  }
}

/** Runs one turn after all events of the present loop, however often it was asked for. */
class Turns {
  run: () => void = () => {};
  #armed = false;
  readonly #turn = (): void => {
    this.#armed = false;
    this.run();
  };

  schedule(): void {
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(this.#turn);
  }

  /** No turn comes any more, asked for or not. */
  stop(): void {
    this.run = () => {};
  }
}

async function loadTree(snapshots: SnapshotStore): Promise<Tree> {
  if (snapshots.newest < 0) return StateTree.fresh();
  const restore = new Restore();
  let malformed: string | null = null;
  const error = await new Promise<string | null>((resolve) => {
    snapshots.load((chunk) => {
      malformed ??= restore.chunk(chunk);
    }, resolve);
  });
  const result = error ?? malformed ?? restore.finish();
  if (typeof result === 'string') throw new StorageError(`the newest snapshot cannot be read: ${result}.`);
  assert(result.lastZxid === snapshots.newest, 'a snapshot holds the state that it is named for', result.lastZxid);
  return result;
}

function createCore(options: ServerOptions, ports: Ports, tree: Tree, recovered: RecoveredLog): CoordinationServer {
  const id = Buffer.alloc(8);
  ports.random(id);
  const newEnsembleId = 1 + id.readUIntBE(0, 6);
  return new CoordinationServer(
    options,
    ports,
    tree,
    {
      state: recovered.state,
      lastZxid: recovered.last,
      committed: Math.max(recovered.committed, tree.lastZxid),
    },
    newEnsembleId,
  );
}

function createLog(parts: {
  options: ServerOptions;
  folder: string;
  journal: Journal;
  recovered: RecoveredLog;
  core: () => CoordinationServer;
  failing: Parts['failing'];
}): LogStore {
  const { options, folder, journal, recovered, core, failing } = parts;
  const logOptions = {
    folder,
    server: options.id,
    segmentBytes: options.segmentBytes,
    preallocateBytes: options.preAllocSize * 1024,
    ringBytes,
    slowMs: options.fsyncWarnMs,
  };
  return new LogStore(logOptions, recovered, {
    synced: (ticket, fsyncMs) => core().synced(ticket, fsyncMs),
    failed: (reason) =>
      failing.report(
        new StorageError(
          `the log cannot be written: ${reason}. The server stops, since it can promise nothing any more.`,
        ),
      ),
    slow: (ms, bytes) => {
      core().metrics.slowFsyncs++;
      journal.warn('slow fsync', { ms, bytes });
    },
  });
}

function createMesh(options: ServerOptions, journal: Journal, core: () => CoordinationServer): PeerMesh | null {
  const own = options.servers.find((server) => server.id === options.id);
  if (own === undefined || options.servers.length === 1) return null;
  return new PeerMesh(
    {
      id: options.id,
      host: own.host,
      port: own.quorumPort,
      ensembleId: () => core().core.ensembleId,
      heartbeatMs: options.heartbeatMs,
      peerTimeoutMs: options.peerTimeoutMs,
      journal,
    },
    {
      up: (peer) => core().peerUp(peer),
      down: (peer) => core().peerDown(peer),
      frame: (peer, body) => core().peerFrame(peer, body),
    },
  );
}

async function listen(
  options: ServerOptions,
  journal: Journal,
  core: CoordinationServer,
  mesh: PeerMesh | null,
): Promise<ClientListener | null> {
  await mesh?.listen();
  try {
    if (options.clientPort < 0) return null;
    const listener = new ClientListener(
      {
        host: options.clientPortAddress,
        port: options.clientPort,
        connectionsPerAddressMax: options.maxClientCnxns,
        connectionsMax: options.maxCnxns,
        journal,
      },
      {
        opened: (link) => core.clientOpened(link),
        bytes: (link, chunk) => core.clientBytes(link, chunk),
        closed: (link) => core.clientClosed(link),
        refused: (reason, address) => core.clientRefused(reason, address),
      },
    );
    await listener.listen();
    if (options.servers.every((server) => server.quorumPort !== 0)) {
      mesh?.setPeers(options.servers.map(({ id, host, quorumPort }) => ({ id, host, port: quorumPort })));
    }
    return listener;
  } catch (error) {
    await mesh?.close();
    throw error;
  }
}

/** A standalone server has nobody to talk to. */
const noPeers = { send: () => {}, flush: () => {}, backlog: () => 0, reset: () => {} };

function createPorts(parts: {
  journal: Journal;
  log: LogStore;
  snapshots: SnapshotStore;
  mesh: PeerMesh | null;
  turns: Turns;
  words: (word: string, argument: Buffer) => string | null;
}): Ports {
  return {
    clock: { now: () => performance.now(), wall: () => Date.now() },
    log: parts.log,
    snapshots: parts.snapshots,
    peers: parts.mesh ?? noPeers,
    journal: parts.journal,
    checksum: crc32,
    random: (into) => void randomFillSync(into),
    sha1Base64: (text) => createHash('sha1').update(text, 'utf8').digest('base64'),
    equalSecret: (a, b) => a.length === b.length && timingSafeEqual(a, b),
    words: parts.words,
    schedule: () => parts.turns.schedule(),
  };
}
