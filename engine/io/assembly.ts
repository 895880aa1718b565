/**
 * Puts a server's parts together, in the order in which they need each other.
 *
 *   lock the folder → newest whole snapshot → log → state → listen for peers → clients → endpoints
 *
 * What was opened is closed again when a later part cannot be.
 */
import { createHash, randomFillSync, timingSafeEqual } from 'node:crypto';
import { Endpoints } from '../admin/endpoints.ts';
import { createTrace } from '../admin/trace.ts';
import { createWords } from '../admin/words.ts';
import { assert } from '../base/assert.ts';
import { Tree } from '../tree/tree.ts';
import { Restore } from '../snapshot/state.ts';
import type { ServerOptions } from '../server/options.ts';
import type { Journal, Ports, StateMachine } from '../server/ports.ts';
import { CoordinationServer } from '../server/server.ts';
import { machineRefusal } from '../server/snapshot-transfers.ts';
import { ClientGate } from './client-gate.ts';
import { ClientListener } from './client-listener.ts';
import { crc32 } from './crc32.ts';
import { isSameFolder, openFolder, StorageError } from './data-folder.ts';
import { recoverLog, type RecoveredLog } from './log-recovery.ts';
import { LogStore } from './log-store.ts';
import { PeerMesh } from './peer-mesh.ts';
import { SnapshotStore } from './snapshot-store.ts';

/** Shared memory between the main thread and the log worker. */
const ringBytes = 16 * 1024 * 1024;

/** A snapshot leaves room for so much of the log on the disk: it would end the server by filling it. */
const segmentsReserved = 2;

/** Everything a running server is made of. */
export interface Parts {
  readonly options: ServerOptions;
  readonly journal: Journal;
  readonly core: CoordinationServer;
  readonly log: LogStore;
  readonly snapshots: SnapshotStore;
  readonly mesh: PeerMesh | null;
  readonly gate: ClientGate;
  readonly listener: ClientListener | null;
  readonly endpoints: Endpoints;
  readonly unlocks: (() => void)[];
  readonly turns: Turns;
  readonly failing: { report: (error: Error) => void };
}

export async function assemble(
  options: ServerOptions,
  journal: Journal,
  machine: StateMachine | undefined,
): Promise<Parts> {
  const unlocks: (() => void)[] = [];
  let snapshots: SnapshotStore | null = null;
  let log: LogStore | null = null;
  try {
    const data = openFolder(options.dataDir);
    unlocks.push(data.unlock);
    const logData = isSameFolder(options.dataLogDir, options.dataDir) ? data : openFolder(options.dataLogDir);
    if (logData !== data) unlocks.push(logData.unlock);
    const setAside = (reason: string): void => journal.warn('damaged snapshot set aside', { reason });
    snapshots = new SnapshotStore(data.folder, setAside, segmentsReserved * options.segmentBytes);
    await snapshots.settle();
    const startedAt = performance.now();
    const tree = await loadState(snapshots, machine);
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
      machine,
      words: (word, argument) => words(word, argument),
    });
    const core = createCore(options, ports, tree, recovered);
    core.metrics.snapshotLoad.recordMs(loadedAt - startedAt);
    core.metrics.startup.recordMs(performance.now() - startedAt);
    const trace = createTrace();
    const words = createWords(core, trace);
    turns.run = () => core.turn();
    const gate = createGate(options, core);
    const listener = await listen(options, journal, gate, mesh);
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
      gate,
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

async function loadState(snapshots: SnapshotStore, machine: StateMachine | undefined): Promise<Tree> {
  if (snapshots.newest < 0) return Tree.fresh();
  const restore = new Restore();
  let malformed: string | null = null;
  const error = await new Promise<string | null>((resolve) => {
    snapshots.load((chunk) => {
      malformed ??= restore.chunk(chunk);
    }, resolve);
  });
  const result = error ?? malformed ?? machineRefusal(restore, machine) ?? restore.finish();
  if (typeof result === 'string') throw new StorageError(`the newest snapshot cannot be read: ${result}.`);
  assert(result.lastZxid === snapshots.newest, 'a snapshot holds the state that it is named for', result.lastZxid);
  if (restore.machine !== null) machine?.restore(restore.machine);
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

function createGate(options: ServerOptions, core: CoordinationServer): ClientGate {
  return new ClientGate(
    { connectionsPerAddressMax: options.maxClientCnxns, connectionsMax: options.maxCnxns },
    {
      opened: (link) => core.clientOpened(link),
      bytes: (link, chunk) => core.clientBytes(link, chunk),
      closed: (link) => core.clientClosed(link),
      refused: (reason, address) => core.clientRefused(reason, address),
    },
  );
}

async function listen(
  options: ServerOptions,
  journal: Journal,
  gate: ClientGate,
  mesh: PeerMesh | null,
): Promise<ClientListener | null> {
  await mesh?.listen();
  try {
    const { clientPortAddress: host, clientPort: port } = options;
    const listener = port < 0 ? null : new ClientListener({ host, port, journal }, gate);
    await listener?.listen();
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
  machine: StateMachine | undefined;
  words: (word: string, argument: Buffer) => string | null;
}): Ports {
  return {
    clock: { now: () => performance.now(), wall: () => Date.now() },
    log: parts.log,
    snapshots: parts.snapshots,
    peers: parts.mesh ?? noPeers,
    ...(parts.machine === undefined ? {} : { machine: parts.machine }),
    journal: parts.journal,
    checksum: crc32,
    random: (into) => void randomFillSync(into),
    sha1Base64: (text) => createHash('sha1').update(text, 'utf8').digest('base64'),
    equalSecret: (a, b) => a.length === b.length && timingSafeEqual(a, b),
    words: parts.words,
    schedule: () => parts.turns.schedule(),
  };
}
