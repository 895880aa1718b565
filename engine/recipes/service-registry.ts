/**
 * Which instances of a service there are, and where.
 *
 *   const registry = new ServiceRegistry<{ version: string }>(client, '/services');
 *   const seat = await registry.register({ name: 'search', address: '10.0.0.7', port: 8080 });
 *   for await (const instances of registry.watch('search')) …
 */
import type { Client } from '../client/index.ts';
import { Membership, type Member, type Seat } from './membership.ts';
import type { WaitOptions } from './waiting.ts';

export interface Service<Payload> {
  /** Of the service: the name of a node. */
  readonly name: string;
  /** Of the instance. Default: one that nobody else has. */
  readonly id?: string | undefined;
  /** Host or address where it is reached. */
  readonly address: string;
  readonly port: number;
  readonly payload?: Payload | null | undefined;
}

export interface ServiceInstance<Payload> extends Required<Service<Payload>> {
  readonly id: string;
  readonly payload: Payload | null;
  /** As Held's: an instance that was registered anew has a larger one. */
  readonly token: number;
}

/** What Curator's ServiceDiscovery has in a node. */
type Written<Payload> = Omit<ServiceInstance<Payload>, 'token'> & Readonly<Record<string, unknown>>;

/** Guarantees and does not guarantee what Membership does. Nodes are those of Curator's ServiceDiscovery. */
export class ServiceRegistry<Payload = unknown> {
  readonly path: string;
  readonly #client: Client;

  /** @param path of the folder that has one for each service; created when it is needed */
  constructor(client: Client, path: string) {
    this.path = path;
    this.#client = client;
  }

  /**
   * Registers an instance, until its seat is released or the session is over. When an earlier session of the same id
   * has not ended yet, waits until it has.
   *
   * @throws WaitTimeoutError, the signal's reason, or the client's error when the session ends
   */
  register(service: Service<Payload>, options: WaitOptions = {}): Promise<Seat<unknown>> {
    const { name, id = this.#client.environment.uuid(), address, port, payload = null } = service;
    const written: Written<Payload> = {
      name,
      id,
      address,
      port,
      sslPort: null,
      payload,
      registrationTimeUTC: Date.now(),
      serviceType: 'DYNAMIC',
      uriSpec: null,
      enabled: true,
    };
    return this.#of(name).join(id, written, options) as Promise<Seat<unknown>>;
  }

  /** The instances of a service now, ordered by id. */
  async instances(name: string): Promise<ServiceInstance<Payload>[]> {
    return instancesOf(await this.#of(name).members());
  }

  /** The instances of a service: now, and whenever something has changed. */
  async *watch(
    name: string,
    options: Pick<WaitOptions, 'signal'> = {},
  ): AsyncGenerator<ServiceInstance<Payload>[], undefined, undefined> {
    for await (const members of this.#of(name).watch(options)) yield instancesOf(members);
  }

  #of(name: string): Membership<Written<Payload>> {
    return new Membership(this.#client, `${this.path}/${name}`);
  }
}

/** Nodes that nobody can read are left out. */
function instancesOf<Payload>(members: readonly Member<Written<Payload>>[]): ServiceInstance<Payload>[] {
  return members.flatMap(({ metadata, token }) => {
    if (metadata === null) return [];
    const { name, id, address, port, payload } = metadata;
    return [{ name, id, address, port, payload, token }];
  });
}
