/** Calls that a lost connection does not end, and folders that come into being when they are needed. */
import {
  ConnectionLossError,
  KeeperError,
  OperationTimeoutError,
  TransactionError,
  type Client,
  type Transaction,
} from '../client/index.ts';

/** Failed, and nobody knows whether it was carried out. */
export function isUnknown(error: unknown): boolean {
  return error instanceof ConnectionLossError || (error instanceof OperationTimeoutError && error.sent);
}

/** Failed because nobody answered; asking again is right for what may be done twice. */
function isUnanswered(error: unknown): boolean {
  return error instanceof ConnectionLossError || error instanceof OperationTimeoutError;
}

export function hasCode(error: unknown, code: KeeperError['code']): boolean {
  return error instanceof KeeperError && error.code === code;
}

/** The session is over, and with it its ephemeral nodes. */
export function isSessionEnd(error: unknown): boolean {
  return hasCode(error, 'sessionExpired') || hasCode(error, 'authFailed') || hasCode(error, 'closed');
}

/**
 * Asks until there is an answer. A call without a connection waits for one, so this does not spin. Only for what
 * may be carried out more than once: reads, and deletes of names that do not come again.
 */
export async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isUnanswered(error)) throw error;
    }
  }
}

/** Deletes a node, if it is there. Resolves as well when the session is over. */
export async function remove(client: Client, path: string): Promise<void> {
  try {
    await untilAnswered(() => client.delete(path));
  } catch (error) {
    if (!hasCode(error, 'noNode') && !isSessionEnd(error)) throw error;
  }
}

/** Deletes an ephemeral node of this session, of a name that others may give to theirs once it is gone. */
export async function removeOwn(client: Client, path: string, isOwn: boolean): Promise<void> {
  for (let mayBeOthers = !isOwn; ; mayBeOthers = true) {
    try {
      if (mayBeOthers && (await client.exists(path))?.ephemeralOwner !== client.sessionId) return;
      await client.delete(path);
      return;
    } catch (error) {
      if (hasCode(error, 'noNode') || isSessionEnd(error)) return;
      if (!isUnanswered(error)) throw error;
    }
  }
}

/**
 * Creates a folder and those above it, as far as they are missing: as containers, which the servers remove some
 * time after they have become empty, so that recipes leave nothing behind.
 */
export async function createFolder(client: Client, folder: string): Promise<void> {
  const names = folder.split('/').slice(1);
  for (const [index] of names.entries()) {
    const path = `/${names.slice(0, index + 1).join('/')}`;
    try {
      await untilAnswered(() => client.create(path, '', { container: true })).catch((error: unknown) => {
        // Before ZooKeeper 3.5 there are no containers.
        if (!hasCode(error, 'unimplemented')) throw error;
        return untilAnswered(() => client.create(path, ''));
      });
    } catch (error) {
      // The servers have just removed the empty folder above: begin again.
      if (hasCode(error, 'noNode') && index > 0) return createFolder(client, folder);
      else if (!hasCode(error, 'nodeExists')) throw error;
    }
  }
  return undefined;
}

/** Makes the call, and its folder first if that is missing. */
export async function inFolder<T>(client: Client, folder: string, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!hasCode(error, 'noNode')) throw error;
      await createFolder(client, folder);
    }
  }
}

/**
 * Carries a transaction out exactly once, also when the connection is lost before its answer: it creates an
 * ephemeral mark as well, and whether that is there tells whether the rest was done.
 *
 * @throws TransactionError when it was refused, and the session's errors
 */
export async function once(
  client: Client,
  markFolder: string,
  build: (transaction: Transaction) => Transaction<readonly unknown[]>,
): Promise<void> {
  const mark = `${markFolder}/${client.environment.uuid()}`;
  for (;;) {
    try {
      await build(client.multi()).create(mark, null, { ephemeral: true }).commit();
      break;
    } catch (error) {
      if (error instanceof TransactionError && error.path === mark && error.code === 'noNode') {
        await createFolder(client, markFolder);
      } else if (isUnknown(error)) {
        if (await isThere(client, mark)) break;
      } else if (!isUnanswered(error)) {
        throw error;
      }
    }
  }
  // Nobody waits for it; it ends with the session in any case.
  remove(client, mark).catch(() => null);
}

/** Whether a node is there, once all that was asked before has been carried out or never will be. */
async function isThere(client: Client, path: string): Promise<boolean> {
  await untilAnswered(() => client.sync(path));
  return (await untilAnswered(() => client.exists(path))) !== null;
}
