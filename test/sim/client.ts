/**
 * A simulated client: real protocol bytes over a simulated connection, and a memory of what it did.
 *
 *   connect to some server ─► handshake ─► a pipeline of requests ─► replies and events, checked
 *
 * After a lost connection it resumes its session elsewhere, as ZooKeeper's own clients do.
 */
import { Reader, Writer } from '../../engine/base/bytes.ts';
import type { ClientLink } from '../../engine/server/ports.ts';
import type { LastingWatch } from './checkers/lasting-watches.ts';
import type { WatchKind } from './checkers/watches.ts';
import type { Checks } from './checks.ts';
import type { SimOptions } from './options.ts';
import { Wire } from './network.ts';
import type { SimServer } from './process.ts';
import { drawRequest, type Request } from './workload.ts';
import type { World } from './world.ts';

const dialMs = 20;
const handshakeBytes = 45;
const passwordBytes = 16;

/** One connection; the server sees it as a `ClientLink`. */
class Connection implements ClientLink {
  readonly address = '127.0.0.1';
  readonly label: string;
  readonly backlog = 0;
  open = true;
  readonly toServer: Wire;
  readonly toClient: Wire;
  readonly #client: SimClient;
  readonly server: SimServer;
  readonly #incarnation: number;
  #paused = false;
  #waiting: Buffer[] = [];

  constructor(client: SimClient, server: SimServer, toServer: Wire, toClient: Wire) {
    this.#client = client;
    this.server = server;
    this.#incarnation = server.incarnation;
    this.label = `/127.0.0.1:${10_000 + client.id}`;
    this.toServer = toServer;
    this.toClient = toClient;
  }

  get alive(): boolean {
    return this.open && this.server.incarnation === this.#incarnation;
  }

  // What the server does with it.

  write(bytes: Uint8Array): boolean {
    const copy = Buffer.from(bytes);
    this.toClient.send(() => {
      if (this.open) this.#client.received(this, copy);
    });
    return true;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) this.#deliver(bytes);
  }

  close(): void {
    this.toClient.send(() => this.#client.lost(this));
  }

  // What the client does with it.

  connect(): void {
    this.toServer.send(() => this.server.post(this.#incarnation, (server) => server.clientOpened(this)));
  }

  send(bytes: Buffer): void {
    this.toServer.send(() => this.#deliver(bytes));
  }

  /** The client side is gone: the server hears of it later. */
  hangUp(): void {
    if (!this.open) return;
    this.open = false;
    this.toServer.send(() => this.server.post(this.#incarnation, (server) => server.clientClosed(this)));
  }

  #deliver(bytes: Buffer): void {
    this.server.post(this.#incarnation, (server) => {
      if (this.#paused) this.#waiting.push(bytes);
      else server.clientBytes(this, bytes);
    });
  }
}

export class SimClient {
  readonly id: number;
  session = 0;
  timeoutMs: number;
  /** Highest zxid seen in any reply: it never goes back. */
  lastZxid = 0;
  readonly #world: World;
  readonly #options: SimOptions;
  readonly #servers: readonly SimServer[];
  readonly #checks: Checks;
  #password: Buffer = Buffer.alloc(passwordBytes);
  #connection: Connection | null = null;
  #established = false;
  /** Requests without a reply, oldest first. */
  #pending: Request[] = [];
  #xid = 0;
  #serial = 0;
  #input: Buffer = Buffer.alloc(0);
  #heardAt = 0;
  #stopped = false;
  readonly #writer = new Writer(256);
  /** Watches to be set again after a reconnect, by path: with the zxid up to which their news is known. */
  readonly watches = new Map<string, WatchKind>();
  /** Watches that last, to be set again as well. */
  readonly lasting = new Map<string, LastingWatch>();
  /** Nodes of its own making, for deletes. */
  readonly created: string[] = [];

  constructor(id: number, world: World, options: SimOptions, servers: readonly SimServer[], checks: Checks) {
    this.id = id;
    this.#world = world;
    this.#options = options;
    this.#servers = servers;
    this.#checks = checks;
    this.timeoutMs = options.sessionTimeoutMs;
    world.after(world.between(0, 100), () => this.#dial());
    world.after(world.between(0, options.thinkMs), () => this.#think());
  }

  /** Asks for nothing more; what is under way goes on. */
  stop(): void {
    this.#stopped = true;
  }

  get server(): SimServer | null {
    return this.#connection?.server ?? null;
  }

  get pending(): readonly Request[] {
    return this.#pending;
  }

  /** Lets the connection go, as a cable or an idle firewall would. */
  cut(): void {
    const connection = this.#connection;
    if (connection === null) return;
    connection.hangUp();
    this.lost(connection);
  }

  // ---- connecting --------------------------------------------------------------------------------

  #dial(): void {
    const server = this.#world.prng.pick(this.#servers);
    if (!server.running || server.paused) {
      this.#world.after(dialMs, () => this.#dial());
      return;
    }
    const wire = (): Wire => new Wire(this.#world, { ...this.#options, peerTimeoutMs: 0 });
    const connection = new Connection(this, server, wire(), wire());
    this.#connection = connection;
    this.#established = false;
    this.#input = Buffer.alloc(0);
    this.#heardAt = this.#world.now;
    connection.connect();
    const w = this.#writer;
    w.clear();
    w.i32(handshakeBytes);
    w.i32(0);
    w.i64(this.lastZxid);
    w.i32(this.timeoutMs);
    w.i64(this.session);
    w.buffer(this.#password);
    w.bool(false);
    connection.send(w.copy());
    this.#watchdog(connection);
  }

  /** Pings, and gives up on a server that is silent for two thirds of the time-out. */
  #watchdog(connection: Connection): void {
    this.#world.after(this.timeoutMs / 3, () => {
      if (this.#connection !== connection) return;
      if (!connection.alive || this.#world.now - this.#heardAt > (this.timeoutMs * 2) / 3) {
        connection.hangUp();
        this.lost(connection);
        return;
      }
      if (this.#established) connection.send(frame(this.#writer, -2, 11));
      this.#watchdog(connection);
    });
  }

  lost(connection: Connection): void {
    if (this.#connection !== connection) return;
    connection.hangUp();
    this.#connection = null;
    this.#established = false;
    this.#checks.disconnected(this, this.#pending);
    this.#pending = [];
    this.#world.after(this.#world.between(1, dialMs), () => this.#dial());
  }

  // ---- requests ----------------------------------------------------------------------------------

  #think(): void {
    this.#world.after(this.#world.around(this.#options.thinkMs), () => this.#think());
    const connection = this.#connection;
    if (this.#stopped || connection === null || !this.#established || this.#pending.length >= this.#options.pipeline)
      return;
    const serial = this.#serial++;
    const request = drawRequest(this.#world, this.#options, this, serial, ++this.#xid);
    this.#pending.push(request);
    this.#checks.sent(this, request);
    this.#sendBytes(connection, request.bytes);
  }

  /** Now and then bytes arrive in two pieces, cut anywhere. */
  #sendBytes(connection: Connection, bytes: Buffer): void {
    if (this.#world.prng.chance(0.05)) {
      const cut = this.#world.prng.below(bytes.length);
      connection.send(bytes.subarray(0, cut));
      connection.send(bytes.subarray(cut));
    } else {
      connection.send(bytes);
    }
  }

  // ---- what comes back ---------------------------------------------------------------------------

  received(connection: Connection, bytes: Buffer): void {
    if (this.#connection !== connection) return;
    this.#heardAt = this.#world.now;
    this.#input = this.#input.length === 0 ? bytes : Buffer.concat([this.#input, bytes]);
    while (this.#connection === connection && this.#input.length >= 4) {
      const length = this.#input.readInt32BE(0);
      if (this.#input.length < 4 + length) return;
      const body = this.#input.subarray(4, 4 + length);
      this.#input = this.#input.subarray(4 + length);
      if (this.#established) this.#reply(body);
      else this.#welcome(connection, body);
    }
  }

  #welcome(connection: Connection, body: Buffer): void {
    const reader = new Reader().reset(body);
    reader.i32();
    const timeoutMs = reader.i32();
    const session = reader.i64();
    if (timeoutMs <= 0) {
      this.#checks.expired(this, this.session);
      this.session = 0;
      this.#password = Buffer.alloc(passwordBytes);
      this.watches.clear();
      this.created.length = 0;
      this.lost(connection);
      return;
    }
    this.session = session;
    this.#password = Buffer.from(reader.buffer()!);
    this.#established = true;
    this.#checks.connected(this);
    if (this.watches.size > 0 || this.lasting.size > 0) this.#rewatch(connection);
  }

  /** setWatches, or setWatches2 when some last: what changed since the last zxid seen is told at once. */
  #rewatch(connection: Connection): void {
    const w = this.#writer;
    w.clear();
    w.at = 4;
    w.i32(-8);
    w.i32(this.lasting.size === 0 ? 101 : 105);
    w.i64(this.lastZxid);
    const put = (paths: readonly string[]): void => {
      w.i32(paths.length);
      for (const path of paths) w.string(path);
    };
    for (const kind of ['data', 'exist', 'child'] as const) {
      put([...this.watches].filter(([, watched]) => watched === kind).map(([path]) => path));
    }
    const lasting = [...this.lasting.values()];
    for (const recursive of lasting.length === 0 ? [] : [false, true]) {
      put(lasting.filter(({ isRecursive }) => isRecursive === recursive).map(({ path }) => path));
    }
    w.setI32(0, w.at - 4);
    this.#checks.rewatched(this);
    connection.send(w.copy());
  }

  #forgetNode(path: string): void {
    const at = this.created.indexOf(path);
    if (at !== -1) this.created.splice(at, 1);
  }

  #reply(body: Buffer): void {
    const reader = new Reader().reset(body);
    const xid = reader.i32();
    const zxid = reader.i64();
    const error = reader.i32();
    if (xid === -1) {
      const type = reader.i32();
      reader.i32();
      this.#checks.event(this, type, reader.string());
      return;
    }
    this.#checks.heard(this, zxid);
    if (zxid > this.lastZxid) this.lastZxid = zxid;
    if (xid === -2) return;
    if (xid === -8) {
      this.#checks.watchesSet(this, zxid);
      return;
    }
    const request = this.#pending.shift();
    this.#checks.replied(this, request, { xid, zxid, error, reader });
    if (request?.kind === 'sequential' && error === 0) this.created.push(reader.string());
    if (request?.kind === 'delete') this.#forgetNode(request.path);
  }
}

function frame(w: Writer, xid: number, op: number): Buffer {
  w.clear();
  w.i32(8);
  w.i32(xid);
  w.i32(op);
  return w.copy();
}
