/**
 * A simulated program that uses the real client: with a clock, chance and connections of the simulated world.
 *
 * All that reaches it comes in through `enter`: nothing while it stands still, all at once when it goes on, and
 * nothing any more once it was killed. What its promises do then is run by the world's loop (run.ts), before the next
 * event.
 */
import type { Connector, Environment, Transport, TransportEvents } from '../../../engine/client/index.ts';
import type { ClientLink } from '../../../engine/server/ports.ts';
import type { SimOptions } from '../options.ts';
import { Wire } from '../network.ts';
import type { SimServer } from '../process.ts';
import type { World } from '../world.ts';

/** How soon a broken connection is noticed by its other end, at most, ms. */
const noticeMs = 20;
/** A server that is gone with its machine answers nothing. */
const silentChance = 0.2;

export class Program {
  readonly id: number;
  readonly world: World;
  readonly environment: Environment;
  readonly #options: SimOptions;
  readonly #servers: readonly SimServer[];
  readonly #connections = new Set<Connection>();
  #isDead = false;
  #isPaused = false;
  #isCutOff = false;
  #deferred: (() => void)[] = [];
  /** Something happened in a program: its promises may go on. */
  readonly #touched: () => void;

  constructor(id: number, world: World, options: SimOptions, servers: readonly SimServer[], touched: () => void) {
    this.id = id;
    this.world = world;
    this.#options = options;
    this.#servers = servers;
    this.#touched = touched;
    const drift = 1 + world.between(-options.clockDrift, options.clockDrift);
    this.environment = {
      now: () => world.now * drift,
      after: (ms, run) => {
        let isWanted = true;
        world.after(ms / drift, () => this.enter(() => isWanted && run()));
        return () => (isWanted = false);
      },
      random: () => world.prng.unit(),
      uuid: () => Array.from({ length: 4 }, () => world.prng.u32().toString(16).padStart(8, '0')).join('-'),
    };
  }

  get connectString(): string {
    return this.#servers.map(({ id }) => `s:${id}`).join(',');
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Something reaches the program. */
  enter(run: () => void): void {
    if (this.#isDead) return;
    if (this.#isPaused) {
      this.#deferred.push(run);
      return;
    }
    this.#touched();
    run();
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.environment.after(ms, resolve));
  }

  readonly connector: Connector = ({ port }, events) => {
    const connection = new Connection(this, this.#servers[port - 1]!, events, this.#options);
    this.#connections.add(connection);
    if (this.#isCutOff) connection.block();
    return connection.transport;
  };

  forget(connection: Connection): void {
    this.#connections.delete(connection);
  }

  // ---- what goes wrong -----------------------------------------------------------------------------

  /** Its connections break. */
  cut(): void {
    for (const connection of this.#connections) connection.break();
  }

  pause(ms: number): void {
    if (this.#isPaused || this.#isDead) return;
    this.world.trace(`p${this.id} stands still`, ms);
    this.#isPaused = true;
    this.world.after(ms, () => {
      this.#isPaused = false;
      const deferred = this.#deferred;
      this.#deferred = [];
      for (const run of deferred) this.enter(run);
    });
  }

  /** It stands still until its session is over. */
  oversleep(): void {
    this.pause(this.#options.sessionTimeoutMs * 2);
  }

  /** No server is reached for a while; what was sent arrives afterwards, if the connection is still there. */
  cutOff(ms: number): void {
    if (this.#isCutOff || this.#isDead) return;
    this.world.trace(`p${this.id} is cut off`, ms);
    this.#isCutOff = true;
    for (const connection of this.#connections) connection.block();
    this.world.after(ms, () => {
      this.#isCutOff = false;
      for (const connection of this.#connections) connection.unblock();
    });
  }

  /** The process ends; its servers hear of it, or not when its machine went with it. */
  kill(isSilent: boolean): void {
    this.world.trace(`p${this.id} is killed`, isSilent ? 1 : 0);
    this.#isDead = true;
    this.#deferred = [];
    if (!isSilent) for (const connection of this.#connections) connection.hangUp();
    this.#connections.clear();
  }
}

class Connection implements ClientLink {
  readonly address = '127.0.0.1';
  readonly label: string;
  readonly backlog = 0;
  readonly transport: Transport;
  readonly #program: Program;
  readonly #server: SimServer;
  readonly #events: TransportEvents;
  readonly #incarnation: number;
  readonly #toServer: Wire;
  readonly #toClient: Wire;
  #isOpen = true;
  #isPaused = false;
  #waiting: Buffer[] = [];

  constructor(program: Program, server: SimServer, events: TransportEvents, options: SimOptions) {
    this.#program = program;
    this.#server = server;
    this.#events = events;
    this.#incarnation = server.incarnation;
    this.label = `/127.0.0.1:${20_000 + program.id}`;
    this.#toServer = new Wire(program.world, { ...options, peerTimeoutMs: 0 });
    this.#toClient = new Wire(program.world, { ...options, peerTimeoutMs: 0 });
    this.transport = {
      write: (bytes) => {
        const copy = Buffer.from(bytes);
        if (this.#isOpen) this.#toServer.send(() => this.#deliver(copy));
      },
      close: () => this.hangUp(),
    };
    const { prng } = program.world;
    if (!server.running) {
      if (!prng.chance(silentChance)) this.#toClient.send(() => this.break());
      return;
    }
    this.#toServer.send(() => this.#server.post(this.#incarnation, (each) => each.clientOpened(this)));
    this.#toClient.send(() => this.#tell(() => events.opened()));
    if (!prng.chance(silentChance)) this.#lookAfter();
  }

  // What the server does with it.

  write(bytes: Uint8Array): boolean {
    const copy = Buffer.from(bytes);
    this.#toClient.send(() => this.#tell(() => this.#events.received(copy)));
    return true;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    for (const bytes of this.#waiting.splice(0)) this.#deliver(bytes);
  }

  close(): void {
    this.#toClient.send(() => this.break());
  }

  // What the program and the network do with it.

  break(): void {
    if (!this.#isOpen) return;
    this.hangUp();
    this.#program.enter(() => this.#events.closed(null));
  }

  hangUp(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#program.forget(this);
    this.#toServer.send(() => this.#server.post(this.#incarnation, (each) => each.clientClosed(this)));
  }

  block(): void {
    this.#toServer.block();
    this.#toClient.block();
  }

  unblock(): void {
    this.#toServer.unblock();
    this.#toClient.unblock();
  }

  #tell(run: () => void): void {
    this.#program.enter(() => {
      if (this.#isOpen) run();
    });
  }

  #deliver(bytes: Buffer): void {
    this.#server.post(this.#incarnation, (server) => {
      if (this.#isPaused) this.#waiting.push(bytes);
      else server.clientBytes(this, bytes);
    });
  }

  /** The system of a server that crashed says so, unless the machine went with it. */
  #lookAfter(): void {
    this.#program.world.after(this.#program.world.between(1, noticeMs), () => {
      if (!this.#isOpen) return;
      if (this.#server.incarnation === this.#incarnation) this.#lookAfter();
      else if (!this.#toClient.blocked) this.break();
    });
  }
}
