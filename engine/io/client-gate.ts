/** Who is connected, whatever carries it, and how many may be; between the connections and the server. */
import type { ClientLink } from '../server/ports.ts';

export interface GateOptions {
  /** Connections per client address, 0: no limit (ZooKeeper's maxClientCnxns). */
  readonly connectionsPerAddressMax: number;
  /** Connections in all, 0: no limit (ZooKeeper's maxCnxns). */
  readonly connectionsMax: number;
}

/** The server's side of connections; `link` is the key. */
export interface ClientEvents {
  opened(link: ClientLink): void;
  bytes(link: ClientLink, chunk: Buffer): void;
  closed(link: ClientLink): void;
  /** A connection was turned away, since there are too many. */
  refused(reason: 'connections' | 'connectionsOfAddress', address: string): void;
}

/** A connection that can be ended at once; it then tells the gate that it has closed. */
export interface GatedLink extends ClientLink {
  destroy(): void;
}

export class ClientGate {
  readonly #options: GateOptions;
  readonly #events: ClientEvents;
  readonly #links = new Set<GatedLink>();
  readonly #perAddress = new Map<string, number>();
  #isClosed = false;
  #allGone: () => void = () => {};

  constructor(options: GateOptions, events: ClientEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** Lets a connection in; returns false, and the connection has to end, when it may not come. */
  open(link: GatedLink): boolean {
    if (this.#isClosed) return false;
    const { address } = link;
    const count = (this.#perAddress.get(address) ?? 0) + 1;
    const { connectionsPerAddressMax, connectionsMax } = this.#options;
    const isOverAll = connectionsMax > 0 && this.#links.size >= connectionsMax;
    if (isOverAll || (connectionsPerAddressMax > 0 && count > connectionsPerAddressMax)) {
      this.#events.refused(isOverAll ? 'connections' : 'connectionsOfAddress', address);
      return false;
    }
    this.#perAddress.set(address, count);
    this.#links.add(link);
    this.#events.opened(link);
    return true;
  }

  bytes(link: GatedLink, chunk: Buffer): void {
    this.#events.bytes(link, chunk);
  }

  /** A connection that was let in is no more. */
  closed(link: GatedLink): void {
    this.#links.delete(link);
    const left = this.#perAddress.get(link.address)! - 1;
    if (left === 0) this.#perAddress.delete(link.address);
    else this.#perAddress.set(link.address, left);
    this.#events.closed(link);
    if (this.#links.size === 0) this.#allGone();
  }

  /** Lets nobody in any more and ends all connections; resolves once they are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#links.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#allGone = resolve;
      for (const link of this.#links) link.destroy();
    });
  }
}
