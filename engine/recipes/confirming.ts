/**
 * Whether a session lasts, for whoever holds something by it.
 *
 * Only what the leader has answered tells that, see `sessionLastsUntil` of Client. So while something is held and
 * nothing is written, a `sync` asks every third of the session's time: one for all that a client holds.
 */
import type { Client } from '../client/index.ts';
import { untilAnswered } from './calls.ts';

const underWay = new WeakMap<Client, Promise<unknown>>();

/** How long the session still lasts for certain, ms. */
export function certainMs({ environment, sessionLastsUntil }: Client): number {
  return sessionLastsUntil - environment.now();
}

/** How long it need not be asked for, ms. */
export function freshMs(client: Client): number {
  return certainMs(client) - (client.sessionTimeoutMs * 2) / 3;
}

/** Asks the leader. Rejects when the session is over. */
export function confirm(client: Client): Promise<unknown> {
  const asked = underWay.get(client);
  if (asked !== undefined) return asked;
  const asking = untilAnswered(() => client.sync()).finally(() => underWay.delete(client));
  asking.catch(() => null);
  underWay.set(client, asking);
  return asking;
}
