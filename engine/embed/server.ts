/** A server in this program, which may be its client without a socket between them. */
import type { Client } from '../client/index.ts';
import { Host, type StartOptions } from '../io/host.ts';
import { InProcessClients, type ConnectOptions } from './in-process-clients.ts';
import { connectorTo } from './connector.ts';

export class Server extends Host {
  readonly #clients = new InProcessClients([this.options.id], connectorTo(this));

  /**
   * Starts a server; resolves once it listens, before it has found a leader (see `ready`).
   *
   * @throws OptionError for an impossible setting; StorageError or Error with one sentence when the
   *   folder or a port cannot be used
   */
  static override async start(given: StartOptions): Promise<Server> {
    return new Server(await Host.open(given));
  }

  /**
   * A client of this server over memory: the protocol's bytes, the same limits, no socket. It is ended
   * when the server is closed.
   */
  connect(options: ConnectOptions = {}): Promise<Client> {
    return this.#clients.connect(options);
  }

  /** Disconnects everybody, makes what was written durable and frees everything. */
  override async close(): Promise<void> {
    await super.close();
    this.#clients.destroy();
  }
}
