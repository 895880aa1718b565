/**
 * A link between two servers that can be cut without either of them being told, as when a cable is pulled.
 *
 *   server ──► relay ──► server        cut: bytes are neither read nor passed on, nothing is closed
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Relay {
  readonly port: number;
  readonly #to: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections that wait for the link to come back before they go on to the other server. */
  #waiting: Socket[] = [];
  #isCut = false;

  private constructor(port: number, to: number) {
    this.port = port;
    this.#to = to;
    this.#server = createServer({ noDelay: true, pauseOnConnect: true }, (from) => this.#accept(from));
  }

  static async start(port: number, to: number): Promise<Relay> {
    const relay = new Relay(port, to);
    await new Promise<void>((resolve, reject) => {
      relay.#server.once('error', reject);
      relay.#server.listen(port, '127.0.0.1', resolve);
    });
    return relay;
  }

  set isCut(isCut: boolean) {
    this.#isCut = isCut;
    for (const socket of this.#sockets) if (isCut) socket.pause();
    if (isCut) return;
    for (const socket of this.#sockets) socket.resume();
    for (const from of this.#waiting.splice(0)) this.#join(from);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #accept(from: Socket): void {
    this.#track(from);
    if (this.#isCut) this.#waiting.push(from);
    else this.#join(from);
  }

  #join(from: Socket): void {
    if (from.destroyed) return;
    const to = connect({ port: this.#to, host: '127.0.0.1', noDelay: true });
    this.#track(to);
    for (const [source, target] of [
      [from, to],
      [to, from],
    ] as const) {
      source.on('data', (chunk) => target.write(chunk));
      source.on('close', () => target.destroy());
    }
    from.resume();
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
