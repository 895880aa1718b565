/**
 * What a call can end with, other than its result.
 *
 *   KeeperError                        the server's answer: noNode, badVersion, …
 *   ├ TransactionError                 a multi that was refused as a whole; says which operation and why
 *   ├ ConnectionLossError              sent, but no answer came: it may or may not have been carried out
 *   ├ SessionExpiredError              the session is over, with its ephemeral nodes, watches and locks
 *   ├ OperationTimeoutError            no answer in time; `sent` tells whether it can still be carried out
 *   ├ AuthFailedError                  the server refused an identity: this client is of no more use
 *   └ ClientClosedError                close() was called
 */
import { errorCode } from '../wire/errors.ts';

/** The server's codes by name; `closed` is the client's own, `unknown` a code without a name. */
export type ErrorName = Exclude<keyof typeof errorCode, 'ok'> | 'closed' | 'unknown';

const names = new Map<number, ErrorName>(
  Object.entries(errorCode).map(([name, number]) => [number, name as ErrorName]),
);

export class KeeperError extends Error {
  override name = 'KeeperError';
  readonly code: ErrorName;
  /** The code as the protocol has it, e.g. -101. */
  readonly number: number;
  /** The path that the call was about, without the chroot; null when it was about none. */
  readonly path: string | null;

  constructor(number: number, path: string | null, message?: string) {
    const code = number === closedNumber ? 'closed' : (names.get(number) ?? 'unknown');
    const what = code === 'unknown' ? `error ${number}` : code;
    super(message ?? (path === null ? what : `${what} for ${path}`));
    this.code = code;
    this.number = number;
    this.path = path;
  }
}

/** -116 in ZooKeeper's C client. */
const closedNumber = -116;

export class TransactionError extends KeeperError {
  override name = 'TransactionError';
  /** Which operation was refused, from 0. */
  readonly index: number;

  constructor(number: number, path: string | null, index: number) {
    super(number, path);
    this.message = `operation ${index} of the transaction: ${this.message}`;
    this.index = index;
  }
}

export class ConnectionLossError extends KeeperError {
  override name = 'ConnectionLossError';

  constructor(path: string | null, message: string) {
    super(errorCode.connectionLoss, path, message);
  }
}

export class SessionExpiredError extends KeeperError {
  override name = 'SessionExpiredError';

  constructor(path: string | null = null) {
    super(errorCode.sessionExpired, path, 'the session has expired');
  }
}

export class OperationTimeoutError extends KeeperError {
  override name = 'OperationTimeoutError';
  /** False: it never left this client and will not. True: whether it was carried out is unknown. */
  readonly sent: boolean;

  constructor(path: string | null, sent: boolean) {
    const what = sent ? 'no answer came in time' : 'there was no connection in time; nothing was sent';
    super(errorCode.operationTimeout, path, path === null ? what : `${path}: ${what}`);
    this.sent = sent;
  }
}

export class AuthFailedError extends KeeperError {
  override name = 'AuthFailedError';

  constructor() {
    super(errorCode.authFailed, null, 'the server refused the identity of this client');
  }
}

export class ClientClosedError extends KeeperError {
  override name = 'ClientClosedError';

  constructor(path: string | null = null) {
    super(closedNumber, path, 'the client is closed');
  }
}

/** The error of a reply. */
export function errorOf(number: number, path: string | null): KeeperError {
  if (number === errorCode.sessionExpired) return new SessionExpiredError(path);
  return new KeeperError(number, path);
}
