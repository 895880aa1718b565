/**
 * One simulated server process: the production `CoordinationServer` on simulated ports.
 *
 * A crash drops the process with everything that its disk had not made durable; a pause lets the
 * world go on without it; a restart recovers from the disk as the real host does.
 */
import { createHash } from 'node:crypto';
import { AssertionFailed } from '../../engine/base/assert.ts';
import { crc32 } from '../../engine/io/crc32.ts';
import { decodeStateFile, stateName } from '../../engine/log/hard-state.ts';
import { completeOptions, type ServerOptions } from '../../engine/server/options.ts';
import type { Journal, Ports } from '../../engine/server/ports.ts';
import { CoordinationServer } from '../../engine/server/server.ts';
import type { Tree } from '../../engine/tree/tree.ts';
import type { Checks } from './checks.ts';
import { SimMachine } from './machine.ts';
import type { Network } from './network.ts';
import type { SimOptions } from './options.ts';
import { SimDisk } from './disk.ts';
import { Storage } from './storage.ts';
import { Violation, type World } from './world.ts';

/** All deadlines are looked at this often, as in the real host. */
const tickMs = 20;
/** A turn follows what asked for it after about this long. */
const turnDelayMs = 0.05;
/** Of one program at a time: a client's write behind those of all servers is answered within its session's time. */
const proposalsMax = 2;
/** But one that is stuck must not keep all that follow it from being looked at. */
const anotherChance = 0.03;
/** The wall clock at the start of every run. */
const wallStart = 1_700_000_000_000;

export class SimServer {
  readonly index: number;
  readonly disk: SimDisk;
  /** Grows with each start: what belongs to an earlier life is void. */
  incarnation = 0;
  server: CoordinationServer | null = null;
  storage: Storage | null = null;
  /** The program's own state machine; null: it has none. */
  machine: SimMachine | null = null;
  /** The program proposes commands to it. */
  proposes = true;
  paused = false;
  /** Why it refused to start, or stopped for good; empty while it may run. */
  refusal = '';
  /** When it went down its disk did not say how far the log was durable. */
  unmarked = false;
  network!: Network;
  readonly #world: World;
  readonly #options: SimOptions;
  readonly #checks: Checks;
  readonly #drift: number;
  #wallJump = 0;
  #deferred: (() => void)[] = [];
  #turnArmed = false;
  #tree: Tree | null = null;
  /** What to do when the process ends by itself; the fault injector restarts it. */
  onExit: (reason: string) => void = () => {};
  /** Told when consensus enters another phase. */
  onPhase: () => void = () => {};
  #phase = '';

  constructor(index: number, world: World, options: SimOptions, checks: Checks) {
    this.index = index;
    this.#world = world;
    this.#options = options;
    this.#checks = checks;
    this.disk = new SimDisk(world, options);
    this.#drift = 1 + world.between(-options.clockDrift, options.clockDrift);
  }

  get id(): number {
    return this.index + 1;
  }

  get running(): boolean {
    return this.server !== null;
  }

  get ensembleId(): number {
    return this.server?.core.ensembleId ?? 0;
  }

  /** Its disk says that it has never followed or led anybody. */
  get isBlank(): boolean {
    if (!this.disk.exists(stateName)) return true;
    return (decodeStateFile(this.disk.read(stateName), crc32)?.record.currentEpoch ?? 0) === 0;
  }

  // ---- life --------------------------------------------------------------------------------------

  start(): void {
    this.incarnation++;
    this.disk.power();
    const { incarnation } = this;
    const storage = new Storage(this.#world, this.#options, this.disk, this.id, {
      synced: (ticket) => this.post(incarnation, (server) => server.synced(ticket)),
      later: (run) => this.post(incarnation, run),
      failed: (reason) => this.post(incarnation, () => this.exit(`storage: ${reason}`)),
      crash: () => this.crash(this.#world.prng.chance(0.5)),
    });
    const recovered = storage.recover();
    if (typeof recovered === 'string') {
      this.#world.trace(`s${this.id} refuses to start: ${recovered}`);
      this.refusal = recovered;
      this.onExit(recovered);
      return;
    }
    this.storage = storage;
    this.paused = false;
    this.#turnArmed = false;
    this.#deferred = [];
    this.machine = this.#options.commandEveryMs > 0 ? new SimMachine(this, this.#world, this.#checks.machines) : null;
    this.machine?.restore(recovered.machine);
    const ensemble = 1 + this.#world.prng.below(2 ** 31);
    this.server = new CoordinationServer(
      serverOptions(this.#options, this.id),
      this.#ports(storage, incarnation),
      recovered.tree,
      recovered,
      ensemble,
    );
    this.#world.trace(`s${this.id} starts`, recovered.lastZxid, recovered.committed);
    this.#watchTree();
    this.#tick(incarnation);
    if (this.machine !== null) this.#proposeLater(incarnation, this.machine);
  }

  /** `silently`: as when the machine loses power, so that no connection is closed. */
  crash(silently: boolean): void {
    if (this.server === null) return;
    this.#world.trace(`s${this.id} crashes`, silently ? 1 : 0);
    this.#end(silently);
    this.disk.crash();
  }

  /** The process ends itself, as after a failed fsync; the machine stays up. */
  exit(reason: string): void {
    this.#world.trace(`s${this.id} exits: ${reason}`);
    this.#end(false);
    this.onExit(reason);
  }

  pause(): void {
    this.paused = true;
    this.#world.trace(`s${this.id} stands still`);
    this.network.paused(this.index);
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#world.trace(`s${this.id} goes on`);
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const run of deferred) run();
  }

  jumpClock(ms: number): void {
    this.#wallJump += ms;
  }

  #end(silently: boolean): void {
    this.#checks.stopping(this);
    this.incarnation++;
    this.server = null;
    this.unmarked = this.storage!.unmarked;
    this.storage!.kill();
    this.storage = null;
    this.paused = false;
    this.#deferred = [];
    this.network.crashed(this.index, silently);
  }

  // ---- events ------------------------------------------------------------------------------------

  /** Runs `event` in the process, unless that life is over; later when it stands still. */
  post(incarnation: number, event: (server: CoordinationServer) => void): void {
    const run = (): void => {
      if (this.incarnation !== incarnation || this.server === null) return;
      this.#guard(() => event(this.server!));
    };
    if (this.paused) this.#deferred.push(run);
    else run();
  }

  #schedule(incarnation: number): void {
    if (this.#turnArmed) return;
    this.#turnArmed = true;
    this.#world.after(turnDelayMs, () => {
      this.post(incarnation, (server) => {
        this.#turnArmed = false;
        server.turn();
        this.#watchTree();
        this.#checks.turn(this);
        const { phase } = server.core;
        if (phase === this.#phase) return;
        this.#phase = phase;
        this.onPhase();
      });
    });
  }

  #tick(incarnation: number): void {
    this.#world.after(tickMs, () => {
      if (this.incarnation !== incarnation) return;
      if (!this.paused) this.#schedule(incarnation);
      this.#tick(incarnation);
    });
  }

  #proposeLater(incarnation: number, machine: SimMachine): void {
    this.#world.after(this.#world.around(this.#options.commandEveryMs), () => {
      if (this.incarnation !== incarnation || !this.proposes) return;
      if (!this.paused && (machine.pending < proposalsMax || this.#world.prng.chance(anotherChance)))
        this.post(incarnation, (server) => machine.propose(server.commands));
      this.#proposeLater(incarnation, machine);
    });
  }

  /** A failed assertion of the engine is a violation like any other. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (error instanceof AssertionFailed || error instanceof TypeError || error instanceof RangeError) {
        throw new Violation('assertion', `server ${this.id}: ${error.stack ?? error.message}`);
      }
      throw error;
    }
  }

  /** Hears of every txn that is applied; a snapshot from the leader brings another tree. */
  #watchTree(): void {
    const tree = this.server!.tree;
    if (tree === this.#tree) return;
    this.#tree = tree;
    const apply = tree.apply.bind(tree);
    tree.apply = (txn, multi) => {
      apply(txn, multi);
      this.#checks.applied(this, txn);
    };
    this.#checks.treeReplaced(this, tree.lastZxid);
  }

  // ---- ports -------------------------------------------------------------------------------------

  #ports(storage: Storage, incarnation: number): Ports {
    const world = this.#world;
    return {
      clock: { now: () => world.now * this.#drift, wall: () => Math.floor(wallStart + world.now + this.#wallJump) },
      log: storage.log,
      snapshots: storage.snapshots,
      peers: {
        send: (to, head, tail) => this.network.send(this.index, to - 1, Buffer.concat([head, tail])),
        flush: () => {},
        backlog: () => 0,
        reset: (to, reason) => {
          world.trace(`s${this.id} resets its link: ${reason}`, to);
          this.network.break(this.index, to - 1);
        },
      },
      ...(this.machine === null ? {} : { machine: this.machine }),
      journal: this.#journal(),
      checksum: crc32,
      random: (into) => {
        for (let i = 0; i < into.length; i++) into[i] = world.prng.below(256);
      },
      sha1Base64: (text) => createHash('sha1').update(text, 'utf8').digest('base64'),
      equalSecret: (a, b) => Buffer.compare(a, b) === 0,
      words: () => null,
      schedule: () => this.#schedule(incarnation),
    };
  }

  #journal(): Journal {
    const note = (event: string, fields?: Readonly<Record<string, string | number | boolean>>): void =>
      this.#world.trace(`s${this.id} ${event} ${fields === undefined ? '' : JSON.stringify(fields)}`);
    return { info: note, warn: note, error: note };
  }
}

function serverOptions(options: SimOptions, id: number): ServerOptions {
  return completeOptions({
    dataDir: 'simulated',
    id,
    servers: Array.from({ length: options.servers }, (_, index) => ({
      id: index + 1,
      host: '127.0.0.1',
      quorumPort: 1,
      electionPort: 1,
      role: 'participant',
      clientHost: null,
      clientPort: null,
    })),
    tickTime: options.tickTime,
    initLimit: 20,
    syncLimit: 5,
    electionWaitMs: options.electionWaitMs,
    heartbeatMs: options.heartbeatMs,
    snapCount: options.snapCount,
    snapRetainCount: 2,
    historyBytesMax: options.historyBytesMax,
    batchTxnsMax: options.batchTxnsMax,
    batchesInFlightMax: options.batchesInFlightMax,
    leaderlessGraceMs: options.leaderlessGraceMs,
    extendedTypesEnabled: true,
    enforceQuota: true,
    containerCheckIntervalMs: options.containerCheckMs,
    minSessionTimeout: 1,
    maxSessionTimeout: 10_000_000,
  });
}
