/** A server in this program, which may be its client without a socket between them. */
import type { Client } from '../client/index.ts';
import { Host, type StartOptions } from '../io/host.ts';
import { InProcessClients, type ConnectOptions } from './in-process-clients.ts';
import { propose, type ProposeOptions } from './propose.ts';
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

  /**
   * Has a command carried out by the state machines of all servers; resolves once it is by this server's,
   * with what its `apply` returned for it. It is carried out once at most, and commands proposed here are
   * carried out in this order. While there is no leader it waits.
   *
   * @throws ProposalError whose `outcome` tells whether it can have been carried out
   */
  propose<Result = unknown>(command: Uint8Array | string, options: ProposeOptions = {}): Promise<Result> {
    return propose(this.core.commands, command, options) as Promise<Result>;
  }

  /** Disconnects everybody, makes what was written durable and frees everything. */
  override async close(): Promise<void> {
    this.#clients.refuse();
    await super.close();
    this.#clients.destroy();
  }
}
