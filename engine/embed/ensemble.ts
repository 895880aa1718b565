/** A whole ensemble inside one process, on free ports of loopback: for tests and development. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StateMachine } from '../server/ports.ts';
import { OptionError, type EnsembleMember, type ServerOptions } from '../server/options.ts';
import type { Client } from '../client/index.ts';
import type { StartOptions } from '../io/host.ts';
import { connectorTo } from './connector.ts';
import { InProcessClients, type ConnectOptions } from './in-process-clients.ts';
import { Server } from './server.ts';

export interface EnsembleOptions {
  /** Voting servers, 1..255. Default 3. */
  readonly servers?: number;
  /** Where the servers keep their data, one folder each. Default: a temporary folder that `close` removes. */
  readonly dataDir?: string;
  /** Makes a server's own copy of the program's state machine; see `Server.propose`. Default: there is none. */
  readonly machine?: (id: number) => StateMachine;
  /** Settings that all servers share. Their journals begin at level warn unless `logLevel` says otherwise. */
  readonly settings?: Partial<Omit<ServerOptions, 'id' | 'servers' | 'dataDir' | 'dataLogDir'>> &
    Pick<StartOptions, 'journal'>;
}

export class Ensemble {
  readonly servers: readonly Server[];
  readonly #clients: InProcessClients;
  readonly #temporary: string | null;

  private constructor(servers: readonly Server[], temporary: string | null) {
    this.servers = servers;
    this.#clients = new InProcessClients(
      servers.map(({ options }) => options.id),
      connectorTo(...servers),
    );
    this.#temporary = temporary;
  }

  /**
   * Starts all servers and resolves once each of them serves clients.
   *
   * @throws OptionError for an impossible setting, Error with one sentence for an unusable folder
   */
  static async start(options: EnsembleOptions = {}): Promise<Ensemble> {
    const { servers: size = 3 } = options;
    checkFields(options);
    if (!Number.isInteger(size) || size < 1 || size > 255)
      throw new OptionError('servers', 'a whole number from 1 to 255', size);
    const temporary = options.dataDir === undefined ? mkdtempSync(join(tmpdir(), 'zabra-')) : null;
    const base = options.dataDir ?? temporary!;
    const ids = Array.from({ length: size }, (_, index) => index + 1);
    const members = ids.map((id): EnsembleMember => ({
      id,
      host: '127.0.0.1',
      quorumPort: 0,
      electionPort: 0,
      role: 'participant',
      clientHost: null,
      clientPort: null,
    }));
    const servers: Server[] = [];
    try {
      for (const id of ids) {
        servers.push(
          await Server.start({
            logLevel: 'warn',
            clientPortAddress: '127.0.0.1',
            clientPort: 0,
            maxClientCnxns: 0,
            ...options.settings,
            id,
            servers: members,
            dataDir: join(base, `server-${id}`),
            ...(options.machine === undefined ? {} : { machine: options.machine(id) }),
          }),
        );
      }
      const addresses = servers.map((server, index) => ({
        id: ids[index]!,
        host: '127.0.0.1',
        port: server.quorumPort,
      }));
      for (const server of servers) server.setPeers(addresses);
      await Promise.all(servers.map((server) => server.ready()));
    } catch (error) {
      await Promise.all(servers.map((server) => server.close()));
      if (temporary !== null) rmSync(temporary, { recursive: true, force: true });
      throw error;
    }
    return new Ensemble(servers, temporary);
  }

  /** `host:port,host:port,…` for any ZooKeeper client. */
  get connectString(): string {
    return this.servers.map((server) => `127.0.0.1:${server.clientPort}`).join(',');
  }

  /** The server that leads, or null while none does. */
  get leader(): Server | null {
    return this.servers.find((server) => server.status().role === 'leading' && server.status().serving) ?? null;
  }

  /**
   * A client over memory, of whichever server lives: when that one is closed it goes on with another. (For
   * a certain one: `ensemble.servers[0].connect()`.) It is ended when the ensemble is closed.
   */
  connect(options: ConnectOptions = {}): Promise<Client> {
    return this.#clients.connect(options);
  }

  /** Stops all servers; removes the folder if it was temporary. */
  async close(): Promise<void> {
    this.#clients.refuse();
    await Promise.all(this.servers.map((server) => server.close()));
    this.#clients.destroy();
    if (this.#temporary !== null) rmSync(this.#temporary, { recursive: true, force: true });
  }
}

/** What each server is given by its ensemble, and nobody can set for all of them. */
const ownFields = ['id', 'servers', 'dataDir', 'dataLogDir', 'machine'];

function checkFields(options: EnsembleOptions): void {
  const { settings = {}, dataDir, machine } = options;
  for (const field of Object.keys(options))
    if (!['servers', 'dataDir', 'machine', 'settings'].includes(field))
      throw new OptionError(field, 'absent (an ensemble has no such option)', options[field as keyof EnsembleOptions]);
  if (dataDir !== undefined && (typeof dataDir !== 'string' || dataDir === ''))
    throw new OptionError('dataDir', 'a folder', dataDir);
  if (machine !== undefined && typeof machine !== 'function')
    throw new OptionError('machine', "a function that makes a server's state machine", machine);
  if (typeof settings !== 'object' || settings === null) throw new OptionError('settings', 'an object', settings);
  for (const field of ownFields)
    if (field in settings)
      throw new OptionError(
        `settings.${field}`,
        'absent (each server has its own)',
        settings[field as keyof typeof settings],
      );
}
