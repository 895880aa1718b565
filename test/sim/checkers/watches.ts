/**
 * A watch fires once, for the first change after it was set, and before any reply that reveals it;
 * one that is set again after a reconnect misses nothing.
 */
import { zxidText } from '../../../engine/base/zxid.ts';
import type { SimClient } from '../client.ts';
import type { Reply, Request } from '../workload.ts';
import { Checker } from './checker.ts';
import { LastingWatches } from './lasting-watches.ts';

const noWatcher = -121;

/** `exist`: a data watch on a node that was not there; setWatches has a list of its own for them. */
export type WatchKind = 'data' | 'exist' | 'child';

interface Watch {
  readonly path: string;
  readonly kind: WatchKind;
  /** The first change after this zxid fires it. */
  since: number;
  /** Set on the present connection; otherwise waiting to be set again. */
  live: boolean;
}

export class WatchEvents extends Checker {
  readonly name = 'watches';
  readonly #lasting = new LastingWatches(this.truth);
  readonly #byClient = new Map<SimClient, Map<string, Watch>>();
  fired = 0;

  override replied(client: SimClient, request: Request | undefined, reply: Reply): void {
    this.#nothingMissed(client, reply.zxid);
    if (request?.kind === 'addWatch' || request?.kind === 'removeWatches')
      this.#lastingAnswered(client, request, reply);
    if (request === undefined || !request.watch) return;
    const isExists = request.kind === 'exists';
    const isChildren = request.kind === 'children';
    if (request.kind !== 'get' && !isExists && !isChildren) return;
    if (reply.error !== 0 && !(isExists && reply.error === -101)) return;
    const kind = isChildren ? 'child' : reply.error === 0 ? 'data' : 'exist';
    const watches = this.#of(client);
    const key = `${group(kind)} ${request.path}`;
    // A second watch on the same node is the same watch; the earlier zxid counts.
    if (!watches.has(key)) watches.set(key, { path: request.path, kind, since: reply.zxid, live: true });
    client.watches.set(request.path, kind);
  }

  override heard(client: SimClient, zxid: number): void {
    this.#nothingMissed(client, zxid);
  }

  override event(client: SimClient, type: number, path: string): void {
    const watches = this.#of(client);
    const isOfLasting = this.#lasting.takes(client, type, path);
    const keys = [`data ${path}`, `child ${path}`].filter((key) => this.#fits(watches.get(key), type));
    this.expect(
      keys.length > 0 || isOfLasting,
      () => `client ${client.id} heard of ${path} (type ${type}), which it does not watch`,
    );
    const changed = keys.some((key) => {
      const { kind, since } = watches.get(key)!;
      return this.truth.model.firstEvent(path, group(kind), since) !== null;
    });
    this.expect(
      changed || isOfLasting,
      () => `client ${client.id} heard of ${path} (type ${type}), where nothing changed`,
    );
    for (const key of keys) watches.delete(key);
    if (![...watches.values()].some((watch) => watch.path === path)) client.watches.delete(path);
    this.fired++;
  }

  /** Watches are lost with the connection; the client sets again what it knows of. */
  override disconnected(client: SimClient): void {
    this.#lasting.disconnected(client);
    const watches = this.#of(client);
    for (const [key, watch] of watches) {
      watch.live = false;
      if (client.watches.get(watch.path) !== watch.kind) watches.delete(key);
    }
  }

  override rewatched(client: SimClient): void {
    for (const watch of this.#of(client).values()) watch.since = client.lastZxid;
  }

  /** A node that came and went meanwhile is no news for a watch on its existence, in ZooKeeper as here. */
  override watchesSet(client: SimClient, zxid: number): void {
    for (const watch of this.#of(client).values()) {
      watch.live = true;
      if (watch.kind === 'exist' && !this.truth.model.at(watch.path, zxid).exists) watch.since = zxid;
    }
    this.#lasting.set(client, zxid);
    this.#nothingMissed(client, zxid);
  }

  override expired(client: SimClient): void {
    this.#lasting.expired(client);
    this.#byClient.delete(client);
  }

  /** A reply at `zxid` reveals everything up to it: what a watch should have told must have come before. */
  #nothingMissed(client: SimClient, zxid: number): void {
    const missed = this.#lasting.missed(client, zxid);
    this.expect(missed === null, () => {
      const { type, path, zxid: at } = missed!;
      return `client ${client.id} did not hear of ${path} (type ${type}) at ${zxidText(at)} before ${zxidText(zxid)}`;
    });
    for (const watch of this.#of(client).values()) {
      if (!watch.live) continue;
      const event = this.truth.model.firstEvent(watch.path, group(watch.kind), watch.since);
      this.expect(event === null || event.zxid > zxid, () => {
        return (
          `client ${client.id} watches ${watch.path} (${watch.kind}) since ${zxidText(watch.since)}; it changed at ` +
          `${zxidText(event!.zxid)} without an event before a reply at ${zxidText(zxid)}`
        );
      });
    }
  }

  #lastingAnswered(client: SimClient, request: Request, { error, zxid }: Reply): void {
    const watch = { path: request.path, isRecursive: request.isRecursive };
    const expected = request.kind === 'addWatch' || this.#lasting.has(client, watch) ? 0 : noWatcher;
    this.expect(error === expected, () => {
      return `${request.kind} ${watch.path} of client ${client.id} was answered with ${error} instead of ${expected}`;
    });
    if (request.kind === 'addWatch') this.#lasting.added(client, watch, zxid);
    else this.#lasting.removed(client, watch);
  }

  #fits(watch: Watch | undefined, type: number): boolean {
    if (watch === undefined) return false;
    // Deletions are told to both kinds, changes of children to child watches alone.
    return type === 2 || (watch.kind === 'child') === (type === 4);
  }

  #of(client: SimClient): Map<string, Watch> {
    let watches = this.#byClient.get(client);
    if (watches === undefined) this.#byClient.set(client, (watches = new Map()));
    return watches;
  }
}

/** Watches of both kinds on data are one watch. */
function group(kind: WatchKind): 'data' | 'child' {
  return kind === 'child' ? 'child' : 'data';
}
