/** Accepts clients over TCP and gives each connection the shape that the server knows (ClientLink). */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Journal } from '../server/ports.ts';
import type { ClientGate, GatedLink } from './client-gate.ts';

export interface ListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly journal: Journal;
}

/** A client that does not read what it asked for is cut off this long after its connection should end. */
const lingerMs = 5000;

export class ClientListener {
  readonly #options: ListenerOptions;
  readonly #gate: ClientGate;
  readonly #server: Server;

  constructor(options: ListenerOptions, gate: ClientGate) {
    this.#options = options;
    this.#gate = gate;
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

  /** Accepts nobody any more; resolves once all connections are gone, which the gate ends. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    const link = new TcpLink(socket, plainAddress(socket.remoteAddress ?? ''));
    if (!this.#gate.open(link)) {
      socket.destroy();
      return;
    }
    socket.on('data', (chunk: Buffer) => this.#gate.bytes(link, chunk));
    // `echo cons | nc` ends its side at once and still wants the whole answer.
    socket.on('end', () => link.close());
    socket.on('error', () => link.destroy());
    socket.on('close', () => {
      link.destroy();
      this.#gate.closed(link);
    });
  }
}

class TcpLink implements GatedLink {
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
