/** Accepts clients over TCP and gives each connection the shape that the server knows (ClientLink). */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { ClientLink, Journal } from '../server/ports.ts';

export interface ListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Connections per client address, 0: no limit (ZooKeeper's maxClientCnxns). */
  readonly connectionsPerAddressMax: number;
  /** Connections in all, 0: no limit (ZooKeeper's maxCnxns). */
  readonly connectionsMax: number;
  readonly journal: Journal;
}

/** The server's side of connections; `link` is the key. */
export interface ClientEvents {
  opened(link: ClientLink): void;
  bytes(link: ClientLink, chunk: Buffer): void;
  closed(link: ClientLink): void;
  /** A connection was turned away, since there are too many. */
  refused(reason: 'connections' | 'connectionsOfAddress', address: string): void;
}

/** A client that does not read what it asked for is cut off this long after its connection should end. */
const lingerMs = 5000;

export class ClientListener {
  readonly #options: ListenerOptions;
  readonly #events: ClientEvents;
  readonly #server: Server;
  readonly #links = new Set<TcpLink>();
  readonly #perAddress = new Map<string, number>();

  constructor(options: ListenerOptions, events: ClientEvents) {
    this.#options = options;
    this.#events = events;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Rejects with one sentence when the port is taken. */
  async listen(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        reject(
          error.code === 'EADDRINUSE'
            ? new Error(`the client port ${host}:${port} is taken by another process.`)
            : error,
        );
      });
      this.#server.listen({ port, host, backlog: 1024 }, () => resolve());
    });
    // Out of file descriptors, for one: those who are connected are served on.
    this.#server.removeAllListeners('error').on('error', (error) => {
      this.#options.journal.error('a client could not be accepted', { reason: error.message });
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? '');
    const count = (this.#perAddress.get(address) ?? 0) + 1;
    const { connectionsPerAddressMax, connectionsMax } = this.#options;
    const isOverAll = connectionsMax > 0 && this.#links.size >= connectionsMax;
    if (isOverAll || (connectionsPerAddressMax > 0 && count > connectionsPerAddressMax)) {
      socket.destroy();
      this.#events.refused(isOverAll ? 'connections' : 'connectionsOfAddress', address);
      return;
    }
    this.#perAddress.set(address, count);
    const link = new TcpLink(socket, address);
    this.#links.add(link);
    socket.on('data', (chunk: Buffer) => this.#events.bytes(link, chunk));
    // `echo cons | nc` ends its side at once and still wants the whole answer.
    socket.on('end', () => link.close());
    socket.on('error', () => link.destroy());
    socket.on('close', () => {
      link.destroy();
      this.#links.delete(link);
      const left = this.#perAddress.get(address)! - 1;
      if (left === 0) this.#perAddress.delete(address);
      else this.#perAddress.set(address, left);
      this.#events.closed(link);
    });
    this.#events.opened(link);
  }
}

class TcpLink implements ClientLink {
  readonly address: string;
  readonly label: string;
  readonly #socket: Socket;
  #linger: NodeJS.Timeout | null = null;

  constructor(socket: Socket, address: string) {
    this.#socket = socket;
    this.address = address;
    this.label = `/${address}:${socket.remotePort ?? 0}`;
  }

  write(bytes: Uint8Array): boolean {
    this.#socket.write(bytes);
    return this.#socket.writableLength === 0;
  }

  get backlog(): number {
    return this.#socket.writableLength;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    if (this.#socket.destroyed || this.#linger !== null) return;
    this.#socket.end(() => this.#socket.destroy());
    this.#linger = setTimeout(() => this.#socket.destroy(), lingerMs);
  }

  destroy(): void {
    if (this.#linger !== null) clearTimeout(this.#linger);
    this.#linger = null;
    this.#socket.destroy();
  }
}

/** IPv4 addresses that come mapped into IPv6 are written as IPv4, as ACLs of scheme ip have them. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
