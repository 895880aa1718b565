/** The clients that a program was given by a server or an ensemble in itself: they end with it. */
import { Client, type CallOptions, type ClientOptions, type Connector } from '../client/index.ts';

/** As of any client; besides the connection, which is within this process. */
export interface ConnectOptions extends Omit<ClientOptions, 'connector'>, CallOptions {
  /** All paths are below this one, e.g. `/app`. Default: none. */
  readonly chroot?: string;
}

/** The host of connect strings within a process; the port is the server's id. */
const host = 'in-process';

export class InProcessClients {
  readonly #servers: string;
  readonly #connector: Connector;
  readonly #clients = new Set<Client>();
  #isClosed = false;

  constructor(ids: readonly number[], connector: Connector) {
    this.#servers = ids.map((id) => `${host}:${id}`).join(',');
    this.#connector = connector;
  }

  /** A client with a session; when there is none in time nothing is left of it. */
  async connect({ chroot = '', ...options }: ConnectOptions): Promise<Client> {
    if (this.#isClosed) throw new Error('there is nobody to connect to: it is closed.');
    const client = new Client(`${this.#servers}${chroot}`, { ...options, connector: this.#connector });
    this.#clients.add(client);
    client.onState((state) => {
      if (state === 'closed' || state === 'expired' || state === 'authFailed') this.#clients.delete(client);
    });
    try {
      await client.connected(options);
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  /** Nobody connects any more: what they would connect to is being closed. */
  refuse(): void {
    this.#isClosed = true;
  }

  /** Ends all clients; for when there is nobody left to answer them. */
  destroy(): void {
    for (const client of this.#clients) client.destroy();
  }
}
