/**
 * The fault injector: what goes wrong, when, and how it is undone.
 *
 * Faults stay within what the protocol promises to bear: at most a minority of the servers may have
 * lost data (a wiped or corrupted disk) that it has not got back from the others.
 */
import type { Checks } from './checks.ts';
import type { Network } from './network.ts';
import { faultKinds, type FaultKind, type SimOptions } from './options.ts';
import type { SimServer } from './process.ts';
import { Violation, type World } from './world.ts';

/** The longest that a server is kept from the others until they have left it behind. */
const outpaceMsMax = 5000;

/** Whoever has a connection that can break. */
export interface Cuttable {
  cut(): void;
}

export class Faults {
  readonly #world: World;
  readonly #options: SimOptions;
  readonly #servers: readonly SimServer[];
  readonly #network: Network;
  readonly #clients: readonly Cuttable[];
  readonly #checks: Checks;
  /** Servers that lost data, with the length of the history that they must have again to be whole. */
  readonly #impaired = new Map<SimServer, number>();
  /** Servers that must stay as they are: the liveness phase leaves all but a quorum behind. */
  #abandoned = new Set<SimServer>();
  #stopped = false;
  /** The one between rivals that do not hear each other. */
  #torn: SimServer | null = null;
  readonly #frail: SimServer | null;
  readonly counts = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>;

  constructor(
    world: World,
    options: SimOptions,
    servers: readonly SimServer[],
    network: Network,
    clients: readonly Cuttable[],
    checks: Checks,
  ) {
    this.#world = world;
    this.#options = options;
    this.#servers = servers;
    this.#network = network;
    this.#clients = clients;
    this.#checks = checks;
    this.#frail = options.frailty > 0 ? world.prng.pick(servers) : null;
    for (const server of servers) {
      server.onExit = () => this.#restartLater(server);
      server.onPhase = () => {
        this.#ambush(server);
        this.#waver(server);
      };
    }
    this.#next();
  }

  /** No new faults. */
  stop(): void {
    this.#stopped = true;
  }

  /** Heals a random quorum of servers that lost nothing; everything else stays broken for good. */
  healCore(): SimServer[] {
    this.stop();
    const quorum = Math.floor(this.#servers.length / 2) + 1;
    const candidates = this.#shuffled().sort((a, b) => Number(this.#isImpaired(a)) - Number(this.#isImpaired(b)));
    const whole = candidates.filter((server) => !this.#isImpaired(server)).length;
    // Servers without data cannot stand for those that may have it, or are about to: then all of them are needed.
    const size = whole >= quorum ? quorum : this.#servers.length;
    const core = candidates.slice(0, size);
    this.#abandoned = new Set(candidates.slice(size));
    this.#world.trace(`heals ${core.map(({ id }) => id).join()}`);
    const isCore = (index: number): boolean => core.includes(this.#servers[index]!);
    this.#network.partition((from, to) => !isCore(from) || !isCore(to));
    for (const server of core) {
      this.#repair(server);
      server.resume();
      server.disk.power();
      if (!server.running) this.#start(server);
    }
    return core;
  }

  // ---- drawing -----------------------------------------------------------------------------------

  #next(): void {
    this.#world.after(this.#world.around(this.#options.faultEveryMs), () => {
      if (this.#stopped) return;
      this.#inject(this.#draw());
      this.#next();
    });
  }

  #draw(): FaultKind {
    const { weights } = this.#options;
    let at = this.#world.prng.below(faultKinds.reduce((sum, kind) => sum + weights[kind], 0));
    for (const kind of faultKinds) {
      if (at < weights[kind]) return kind;
      at -= weights[kind];
    }
    return 'crash';
  }

  #inject(kind: FaultKind): void {
    const { prng } = this.#world;
    const server = prng.pick(this.#servers);
    this.#world.trace(`fault ${kind}`, server.id);
    this.counts[kind]++;
    switch (kind) {
      case 'crash':
        this.#crash(server);
        break;
      case 'crashAll':
        for (const each of this.#servers) this.#crash(each);
        break;
      case 'pause':
        if (server.running && !server.paused) this.#pause(server);
        break;
      case 'partition':
      case 'isolate':
      case 'bridge':
      case 'oneWay':
        this.#partition(kind);
        break;
      case 'outpace':
        this.#outpace(server);
        break;
      case 'rivals':
        this.#rivals(server);
        break;
      case 'breakLink':
        this.#network.break(server.index, (server.index + 1) % this.#servers.length);
        break;
      case 'breakClient':
        prng.pick(this.#clients).cut();
        break;
      case 'slowDisk':
        server.disk.slow = true;
        this.#world.after(this.#world.between(100, 3000), () => (server.disk.slow = false));
        break;
      case 'fsyncError':
        server.disk.broken = true;
        break;
      case 'diskFull':
        server.disk.full = true;
        break;
      case 'clockJump':
        server.jumpClock(this.#world.between(-3_600_000, 3_600_000));
        break;
      case 'wipe':
        this.#lose(server, () => server.disk.wipe());
        break;
      default:
        this.#lose(server, () => this.#corrupt(server));
    }
  }

  #crash(server: SimServer): void {
    if (!server.running) return;
    const { prng } = this.#world;
    const { incarnation } = server;
    if (!prng.chance(this.#options.midWriteChance)) {
      server.crash(prng.chance(0.3));
      this.#restartLater(server);
      return;
    }
    // The power fails at one of the coming storage calls; when none comes, a little later.
    server.disk.cutPowerIn(prng.below(12));
    this.#world.after(200, () => {
      if (server.incarnation === incarnation && !this.#stopped) server.crash(prng.chance(0.3));
      if (!server.running) this.#restartLater(server);
    });
  }

  /** The moments when roles change are dangerous ones. */
  #ambush(server: SimServer): void {
    const { ambushPhase, ambushChance, frailty } = this.#options;
    if (this.#stopped) return;
    if (server === this.#frail && this.#world.prng.chance(frailty)) {
      this.counts.crash++;
      this.#world.after(this.#world.around(this.#roundMs), () => {
        if (!this.#stopped) this.#crash(server);
      });
      return;
    }
    if (ambushPhase !== 'any' && ambushPhase !== server.server!.core.phase) return;
    if (!this.#world.prng.chance(ambushChance)) return;
    // Sometimes before anything of what just began has reached a disk or a peer.
    this.#crashSomeIn(this.#world.prng.chance(0.3) ? 0 : this.#world.around(this.#roundMs), server);
  }

  /** About what one message and its way to the disk take. */
  get #roundMs(): number {
    const { latencyMs, jitterMs, fsyncMs } = this.#options;
    return latencyMs + jitterMs + fsyncMs;
  }

  /**
   * Puts one server between others that believe in each other and hear nothing; as it goes through
   * its phases, its link to whom it follows breaks again and again. So two candidates may come to
   * hold promises for the same epoch.
   */
  #rivals(server: SimServer): void {
    if (this.#torn !== null || !this.#servers.every(({ running }) => running)) return;
    this.#torn = server;
    const others = this.#shuffled().filter((each) => each !== server);
    const side = new Map(others.map(({ index }, place) => [index, place % 2]));
    this.#network.stall((a, b) => side.has(a) && side.has(b) && side.get(a) !== side.get(b));
    const { tickTime } = this.#options;
    const end = this.#world.now + this.#world.around(tickTime * 20);
    const tear = (): void => {
      if (this.#stopped || this.#world.now >= end) {
        this.#torn = null;
        if (this.#abandoned.size === 0) this.#network.heal();
        return;
      }
      this.#network.breakAll();
      this.#world.after(this.#world.around(tickTime * 6), tear);
    };
    tear();
  }

  #waver(server: SimServer): void {
    const { role, phase, leader } = server.server!.core;
    const follows = role === 'following' && phase !== 'waiting';
    if (this.#torn !== server || !follows || this.#world.prng.chance(0.5)) return;
    this.#world.after(this.#world.between(0, 2 * this.#roundMs), () => {
      if (!this.#stopped) this.#network.break(server.index, leader - 1);
    });
  }

  /** So is the moment when a client has just been told that its write is safe. */
  acknowledged(): void {
    if (this.#stopped || !this.#world.prng.chance(this.#options.ambushChance / 40)) return;
    this.#crashSomeIn(this.#world.between(0, 1), this.#world.prng.pick(this.#servers));
  }

  /** One server, some or all of them: who comes back first decides what is remembered. */
  #crashSomeIn(ms: number, server: SimServer): void {
    this.#world.after(ms, () => {
      if (this.#stopped) return;
      this.#world.trace('ambush', server.id);
      this.counts.crash++;
      const share = this.#world.prng.pick([0, 0.5, 1]);
      for (const each of this.#servers) if (each === server || this.#world.prng.chance(share)) this.#crash(each);
    });
  }

  #pause(server: SimServer): void {
    server.pause();
    const { incarnation } = server;
    this.#world.after(this.#world.between(20, this.#options.tickTime * 12), () => {
      if (server.incarnation === incarnation && !this.#abandoned.has(server)) server.resume();
    });
  }

  #partition(kind: 'partition' | 'isolate' | 'bridge' | 'oneWay'): void {
    const order = this.#shuffled().map(({ index }) => index);
    const side = new Map(order.map((index, place) => [index, place < Math.ceil(order.length / 2)]));
    const alone = order[0]!;
    this.#network.partition((from, to) => {
      switch (kind) {
        case 'partition':
          return side.get(from) !== side.get(to);
        case 'isolate':
          return from === alone || to === alone;
        case 'bridge':
          // One server sees both sides, which do not see each other.
          return from !== alone && to !== alone && side.get(from) !== side.get(to);
        default:
          return from === alone;
      }
    });
    this.#world.after(this.#world.around(this.#options.tickTime * 10), () => {
      if (this.#abandoned.size === 0) this.#network.heal();
    });
  }

  /** Cuts off a server that is up until the others' logs begin after the end of its own: it needs a snapshot then. */
  #outpace(server: SimServer): void {
    if (!server.running) return;
    const { incarnation } = server;
    this.#network.partition((from, to) => from === server.index || to === server.index);
    const { partitions } = this.#network;
    const end = this.#world.now + outpaceMsMax;
    const heal = (): void => {
      // Another partition may have taken the place of this one.
      if (this.#stopped || this.#network.partitions !== partitions) return;
      const isBehind = ({ storage }: SimServer): boolean => storage!.log.start > server.server!.core.lastSynced;
      const isUp = server.incarnation === incarnation;
      if (isUp && this.#world.now < end && !this.#servers.some((each) => each.running && isBehind(each))) {
        this.#world.after(this.#options.tickTime, heal);
      } else {
        this.#network.heal();
      }
    };
    heal();
  }

  // ---- losing data -------------------------------------------------------------------------------

  #lose(server: SimServer, damage: () => void): void {
    // One that lost data before may have got it back, and have acknowledged new data, in the meantime.
    const others = this.#servers.filter((each) => each !== server && this.#isImpaired(each)).length;
    if (others >= Math.floor((this.#servers.length - 1) / 2)) return;
    if (server.running) server.crash(false);
    damage();
    this.#checks.lost(server);
    this.#impaired.set(server, this.#checks.txns.length);
    this.#restartLater(server);
  }

  /**
   * Not the end of a log that a crash has just kept from being marked as durable: that it was ever written
   * could be seen nowhere. It takes both faults within the 50 ms that a quiet log waits before it is marked.
   */
  #corrupt({ disk, unmarked }: SimServer): void {
    const newest = disk.names.findLast((name) => /^log\.\d+$/.test(name));
    disk.corrupt((name) => !name.includes('damaged') && !(unmarked && name === newest));
  }

  /** Still without something that it once had, or without any data so far. */
  #isImpaired(server: SimServer): boolean {
    if (server.isBlank) return true;
    const needed = this.#impaired.get(server);
    if (needed === undefined) return false;
    if (!server.running || !server.server!.serving || this.#checks.sequence.position(server) < needed) return true;
    this.#impaired.delete(server);
    return false;
  }

  // ---- starting again ----------------------------------------------------------------------------

  #restartLater(server: SimServer): void {
    const { incarnation } = server;
    // Most come back soon, some stay away while the others go on.
    const awayTicks = this.#world.prng.pick([2, 20, 60]);
    this.#world.after(this.#world.between(5, this.#options.tickTime * awayTicks), () => {
      if (server.running || server.incarnation !== incarnation || this.#abandoned.has(server)) return;
      this.#repair(server);
      this.#start(server);
    });
  }

  #repair(server: SimServer): void {
    server.disk.broken = false;
    server.disk.full = false;
    server.disk.slow = false;
  }

  /** A server that refuses to start after its disk was damaged gets an empty one, as it asks the operator to do. */
  #start(server: SimServer): void {
    server.refusal = '';
    server.start();
    if (server.refusal === '') return;
    if (!this.#impaired.has(server)) {
      throw new Violation('recovery', `server ${server.id} refuses to start after a crash: ${server.refusal}`);
    }
    server.disk.wipe();
    this.#checks.lost(server);
    server.refusal = '';
    server.start();
  }

  #shuffled(): SimServer[] {
    const order = [...this.#servers];
    for (let i = order.length - 1; i > 0; i--) {
      const j = this.#world.prng.below(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }
}
