/**
 * Who is there.
 *
 *   const group = new Membership<{ zone: string }>(client, '/workers');
 *   const seat = await group.join('host-1', { zone: 'a' });
 *   for await (const members of group.watch()) …
 *   await seat.release();
 */
import type { Buffer } from 'node:buffer';
import type { Client } from '../client/index.ts';
import { Cache } from './cache.ts';
import { hasCode, inFolder, untilAnswered } from './calls.ts';
import { nextChange } from './one-watch.ts';
import { Place, type Held } from './place.ts';
import { within, type Bound, type WaitOptions } from './waiting.ts';

export interface Member<Metadata> {
  readonly id: string;
  /** Null when there is none, or when it is no JSON. */
  readonly metadata: Metadata | null;
  /** Grows from member to member: an id that left and came back has a larger one. */
  readonly token: number;
}

/** Being a member; `release` leaves. */
export interface Seat<Metadata> extends Held {
  readonly id: string;
  leave(): Promise<void>;
  /** Changes what others see of this member. */
  update(metadata: Metadata): Promise<void>;
}

/** What one client is, or is about to be, a member of: by the paths of the nodes, whichever object they came by. */
interface Seats {
  /** A node that is there is taken for the own one whose creation was not answered: so no id twice. */
  readonly joined: Set<string>;
  /** Joins that were given up while the creation was under way: whoever comes next must not take their node. */
  readonly leaving: Map<string, Promise<unknown>>;
}

const seatsOf = new WeakMap<Client, Seats>();

/**
 * Guarantees: of one id there is at most one member at a time. A member is there from when `join` resolves until it
 * leaves or its session is over; a connection that is lost meanwhile does not remove it. Whoever watches is told
 * whenever the group has changed, in order.
 *
 * Does not tell at once that a member has died: its session has to end first. Of quick changes only the last may be
 * seen. A member whose session is over may not know: see `lost` and `token` of Held. Nodes are those of Curator's
 * GroupMember; metadata is JSON, the type is not checked.
 */
export class Membership<Metadata = unknown> {
  readonly path: string;
  readonly #client: Client;
  readonly #seats: Seats;

  /** @param path of the folder that the members' nodes are in; created when it is needed */
  constructor(client: Client, path: string) {
    this.path = path;
    this.#client = client;
    const known = seatsOf.get(client);
    this.#seats = known ?? { joined: new Set(), leaving: new Map() };
    if (known === undefined) seatsOf.set(client, this.#seats);
  }

  /**
   * Becomes a member. When an earlier session of the same id has not ended yet, waits until it has.
   *
   * @throws WaitTimeoutError, the signal's reason, or the client's error when the session ends
   */
  async join(id: string, metadata: Metadata | null = null, options: WaitOptions = {}): Promise<Seat<Metadata>> {
    if (!/^[^/]+$/.test(id)) throw new TypeError(`the id "${id}" must be the name of a node.`);
    const { joined, leaving } = this.#seats;
    const path = `${this.path}/${id}`;
    if (joined.has(path)) throw new TypeError(`the id "${id}" has joined already.`);
    joined.add(path);
    try {
      const place = await within(this.#client, options, path, async (bound) => {
        await bound(leaving.get(path) ?? Promise.resolve());
        for (;;) {
          const taken = await this.#take(path, bound, metadata);
          if (taken !== null) return taken;
          await nextChange(this.#client, bound, path);
        }
      });
      return this.#seat(id, place);
    } catch (error) {
      joined.delete(path);
      throw error;
    }
  }

  /** The members now, ordered by id. */
  async members(): Promise<Member<Metadata>[]> {
    const cache = await Cache.open(this.#client, this.path);
    cache.close();
    return this.#membersOf(cache);
  }

  /** The members: now, and whenever something has changed. Ends with the signal, throws when the session ends. */
  async *watch({ signal }: Pick<WaitOptions, 'signal'> = {}): AsyncGenerator<Member<Metadata>[], undefined, undefined> {
    if (signal?.aborted === true) return undefined;
    const cache = await Cache.open(this.#client, this.path);
    try {
      const events = cache.events({ signal });
      yield this.#membersOf(cache);
      for await (const { node } of events) if (node.path !== this.path) yield this.#membersOf(cache);
      return undefined;
    } finally {
      cache.close();
    }
  }

  #seat(id: string, place: Place): Seat<Metadata> {
    let isLeft = false;
    const leave = async (): Promise<void> => {
      await place.release();
      // Somebody else may have joined by the time that it is left once more.
      if (!isLeft) this.#seats.joined.delete(place.path);
      isLeft = true;
    };
    return {
      id,
      token: place.token,
      lost: place.lost,
      get isHeld() {
        return place.isHeld;
      },
      release: leave,
      leave,
      update: async (metadata) => {
        await untilAnswered(() => this.#client.setData(place.path, encode(metadata)));
      },
    };
  }

  /** Null when somebody else has the id. */
  async #take(path: string, bound: Bound, metadata: Metadata | null): Promise<Place | null> {
    const taking = this.#create(path, metadata);
    try {
      const place = await bound(taking);
      if (place === null) return null;
      await bound(place.watch());
      return await place.hold(bound);
    } catch (error) {
      const leaving = taking
        .then((place) => place?.release())
        .catch(() => null)
        .finally(() => this.#seats.leaving.delete(path));
      this.#seats.leaving.set(path, leaving);
      throw error;
    }
  }

  async #create(path: string, metadata: Metadata | null): Promise<Place | null> {
    const create = (): Promise<unknown> =>
      untilAnswered(() => this.#client.create(path, encode(metadata), { ephemeral: true }));
    try {
      await inFolder(this.#client, this.path, create);
    } catch (error) {
      if (!hasCode(error, 'nodeExists')) throw error;
    }
    // It may be there because the answer to its creation was lost: then it is this session's.
    const stat = await untilAnswered(() => this.#client.exists(path));
    return stat?.ephemeralOwner === this.#client.sessionId ? new Place(this.#client, path, stat.czxid) : null;
  }

  #membersOf(cache: Cache): Member<Metadata>[] {
    const members = cache.children(this.path).map((id): Member<Metadata> => {
      const { data, stat } = cache.get(`${this.path}/${id}`)!;
      return { id, metadata: decode(data) as Metadata | null, token: stat.czxid };
    });
    return members.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }
}

function encode(metadata: unknown): string {
  return metadata === null ? '' : JSON.stringify(metadata);
}

function decode(data: Buffer | null): unknown {
  try {
    return JSON.parse(String(data ?? ''));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
