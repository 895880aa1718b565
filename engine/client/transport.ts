/**
 * How bytes get to a server and back: a socket, or anything else that keeps their order.
 *
 *   connector(address, events) ─► Transport      then opened() · received()… · closed()
 */
import type { Buffer } from 'node:buffer';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface TransportEvents {
  opened(): void;
  /** The bytes are valid during the call only. */
  received(bytes: Buffer): void;
  /** The other side or the network ended it; comes once, and nothing after it. */
  closed(reason: Error | null): void;
}

export interface Transport {
  /** The bytes are the transport's from now on. */
  write(bytes: Buffer): void;
  /** Ends it at once; no event follows. */
  close(): void;
}

/** No event comes during a call of this, or of the transport's functions. */
export type Connector = (address: ServerAddress, events: TransportEvents) => Transport;
