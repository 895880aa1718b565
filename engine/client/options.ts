/** What a client can be told, checked before anything is tried. */
import { Buffer } from 'node:buffer';
import { isValidPath } from '../wire/paths.ts';
import { ownProcess, type Environment } from './environment.ts';
import { tcp } from './tcp.ts';
import type { Connector, ServerAddress } from './transport.ts';

export interface Auth {
  /** e.g. `digest`. */
  readonly scheme: string;
  /** e.g. `user:password`. */
  readonly auth: Uint8Array | string;
}

/** What it takes to go on with a session of an earlier client. */
export interface SessionKey {
  /** As `client.sessionId`: `0x…`. */
  readonly id: string;
  readonly password: Uint8Array;
}

export interface ClientOptions {
  /**
   * How long the servers keep the session without a sign of life, ms; they clamp it to their own
   * bounds (4 to 40 s by default). Default 10,000. Shorter: a dead client is noticed sooner, and a
   * pause of a live one (garbage collection, a slow network) ends its session sooner.
   */
  readonly sessionTimeoutMs?: number;
  /**
   * How long a call may take, ms, unless it says otherwise; 0 for no bound but that of a dead
   * connection. Default 30,000.
   */
  readonly requestTimeoutMs?: number;
  /**
   * How long one server may take to accept the connection and the session, ms. Default: the session's
   * timeout divided by the number of servers, from 500 to 5,000.
   */
  readonly connectTimeoutMs?: number;
  /**
   * Begin, if need be, with a server that is cut off from the others and can only be read from, until one
   * that takes writes is found. A session that the ensemble has given waits for the ensemble. Default false.
   */
  readonly canBeReadOnly?: boolean;
  /** Identities to begin with; more with `addAuth`. */
  readonly auth?: readonly Auth[];
  /** Go on with this session instead of starting one. */
  readonly session?: SessionKey;
  /** The longest reply that is accepted, bytes. Default 64 MiB: some three million children. */
  readonly replyBytesMax?: number;
  /** How to reach a server. Default: TCP. */
  readonly connector?: Connector;
  /** Time and chance. Default: this process's; a simulation has its own. */
  readonly environment?: Environment;
}

export interface Settings extends Required<Omit<ClientOptions, 'session'>> {
  readonly servers: readonly ServerAddress[];
  /** Begins with a slash, or is empty. */
  readonly chroot: string;
  readonly sessionId: Buffer;
  readonly sessionPassword: Buffer;
}

const defaultPort = 2181;

/** Reads `host:port,host:port/chroot` and the options; throws a TypeError that names what is wrong. */
export function settingsOf(connectString: string, options: ClientOptions): Settings {
  const slash = connectString.indexOf('/');
  const chroot = slash === -1 ? '' : connectString.slice(slash).replace(/\/$/, '');
  if (chroot !== '' && !isValidPath(chroot)) throw new TypeError(`the chroot "${chroot}" is no path.`);
  const hosts = slash === -1 ? connectString : connectString.slice(0, slash);
  const servers = hosts.split(',').map((host) => addressOf(host.trim(), connectString));
  const sessionTimeoutMs = positive('sessionTimeoutMs', options.sessionTimeoutMs ?? 10_000);
  const share = Math.min(5000, Math.max(500, sessionTimeoutMs / servers.length));
  return {
    servers,
    chroot,
    sessionTimeoutMs,
    requestTimeoutMs: notNegative('requestTimeoutMs', options.requestTimeoutMs ?? 30_000),
    connectTimeoutMs: positive('connectTimeoutMs', options.connectTimeoutMs ?? share),
    canBeReadOnly: options.canBeReadOnly ?? false,
    auth: options.auth ?? [],
    replyBytesMax: positive('replyBytesMax', options.replyBytesMax ?? 64 * 1024 * 1024),
    connector: options.connector ?? tcp,
    environment: options.environment ?? ownProcess,
    sessionId: sessionIdOf(options.session),
    sessionPassword: Buffer.from(options.session?.password ?? Buffer.alloc(16)),
  };
}

function addressOf(text: string, connectString: string): ServerAddress {
  const [, inBrackets, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(text) ?? [];
  const host = inBrackets ?? plain;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new TypeError(`"${text}" in the connect string "${connectString}" is no host:port.`);
  }
  return { host, port };
}

function sessionIdOf(session: SessionKey | undefined): Buffer {
  if (session === undefined) return Buffer.alloc(8);
  if (!/^0x[0-9a-f]{1,16}$/.test(session.id)) throw new TypeError(`session.id must be 0x…, not "${session.id}".`);
  return Buffer.from(session.id.slice(2).padStart(16, '0'), 'hex');
}

function positive(field: string, value: number): number {
  if (!(value > 0 && value < 2 ** 31)) throw new TypeError(`${field} must be a positive number, not ${value}.`);
  return Math.floor(value);
}

function notNegative(field: string, value: number): number {
  return value === 0 ? 0 : positive(field, value);
}
