/**
 * Waiting in line, one after the other, each looking only at one of those before it.
 *
 *   0000000003   holds
 *   0000000004   waits for the end of …3
 *   0000000007   waits for the end of …4: whoever leaves wakes one, not all
 */
import type { Client, Data } from '../client/index.ts';
import { hasCode, untilAnswered } from './calls.ts';
import { LostError } from './errors.ts';
import { lineOf, prefixOf, type Naming, type Role } from './names.ts';
import { nextChange } from './one-watch.ts';
import { Place } from './place.ts';
import { within, type Bound, type WaitOptions } from './waiting.ts';

export interface LineRules {
  readonly role: Role;
  /** For which of those before it one must wait. */
  readonly waitsFor: readonly Role[];
  readonly naming: Naming;
}

export class Line {
  readonly client: Client;
  readonly folder: string;
  readonly #rules: LineRules;

  constructor(client: Client, folder: string, rules: LineRules) {
    if (!folder.startsWith('/') || folder.length < 2 || folder.endsWith('/'))
      throw new TypeError(`the path "${folder}" must be that of a node below the root.`);
    this.client = client;
    this.folder = folder;
    this.#rules = rules;
  }

  /** Takes a place and waits until it is the first. */
  enter(data: Data, options: WaitOptions): Promise<Place> {
    return within(this.client, options, this.folder, (bound) => this.enterWithin(data, bound));
  }

  /** As `enter`, for whoever waits for more than this. */
  async enterWithin(data: Data, bound: Bound): Promise<Place> {
    const place = await this.take(data, bound);
    return orLeave(place, async () => {
      await this.#first(place, bound);
      return place.hold(bound);
    });
  }

  /** As `enter`, but null when one would have to wait. */
  tryEnter(data: Data, options: WaitOptions): Promise<Place | null> {
    return within(this.client, options, this.folder, async (bound) => {
      const place = await this.take(data, bound);
      return orLeave(place, async () => {
        if ((await this.#ahead(place, bound)) === null) return place.hold(bound);
        await bound(place.release());
        return null;
      });
    });
  }

  /** A place at the end of the line; when nobody waits for it any more it is left as soon as it is there. */
  async take(data: Data, bound: Bound): Promise<Place> {
    const { role, naming } = this.#rules;
    const taking = Place.take(this.client, this.folder, prefixOf(this.client.environment.uuid(), role, naming), data);
    try {
      return await bound(taking);
    } catch (error) {
      taking.then((place) => place.release()).catch(() => null);
      throw error;
    }
  }

  async #first(place: Place, bound: Bound): Promise<void> {
    for (;;) {
      const ahead = await this.#ahead(place, bound);
      if (ahead === null) return;
      await nextChange(this.client, bound, `${this.folder}/${ahead}`);
    }
  }

  /** The name of whom one has to wait for; null: the place is the first, and watched. */
  async #ahead(place: Place, bound: Bound): Promise<string | null> {
    // Both leave in one write. The watch comes first: what is held is watched from the start.
    const watching = place.watch();
    // A folder that is gone had lost this place first, and was empty.
    const listing = orNone(untilAnswered(() => this.client.getChildren(this.folder)));
    listing.catch(() => null);
    await bound(watching);
    const line = lineOf(await bound(listing));
    const own = line.findIndex(({ name }) => name === place.name);
    if (place.lost.aborted) throw place.lost.reason;
    if (own === -1) throw new LostError(`${place.path}: its node was deleted`);
    return line.slice(0, own).findLast(({ role }) => this.#rules.waitsFor.includes(role))?.name ?? null;
  }
}

/** Leaves the place if `work` fails. */
export async function orLeave<T>(place: Place, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    place.release().catch(() => null);
    throw error;
  }
}

export async function orNone(listing: Promise<string[]>): Promise<string[]> {
  try {
    return await listing;
  } catch (error) {
    if (hasCode(error, 'noNode')) return [];
    throw error;
  }
}
