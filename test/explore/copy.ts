/**
 * Copies a Zab server and puts its state into words, without asking it: both walk its private fields.
 *
 * Plain objects (messages, batches, hard states, list entries) are never changed once made and are
 * shared; instances of classes, lists, sets and maps are copied. In words, tickets count from the
 * last synced one, times from now, and what cannot change what happens next is left out, so that two
 * servers in the same state get the same words.
 */
import { History } from '../../engine/consensus/history.ts';
import { Effects } from '../../engine/consensus/core.ts';
import type { Zab } from '../../engine/consensus/zab/zab.ts';
import type { Batch } from '../../engine/txn/batch.ts';

type Fields = Record<string, unknown>;

export function copyCore(core: Zab): Zab {
  return copy(core, new Map()) as Zab;
}

function copy(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Effects) return value;
  const prototype = Object.getPrototypeOf(value) as object;
  if (prototype === Object.prototype) return value;
  const before = seen.get(value);
  if (before !== undefined) return before;
  if (Array.isArray(value)) return value.map((each) => copy(each, seen));
  if (value instanceof History) return copyHistory(value);
  if (value instanceof Set) return new Set(value);
  if (value instanceof Map) {
    const map = new Map<unknown, unknown>();
    seen.set(value, map);
    for (const [key, each] of value) map.set(key, copy(each, seen));
    return map;
  }
  const twin = Object.create(prototype) as Fields;
  seen.set(value, twin);
  for (const key of Object.keys(value)) twin[key] = copy((value as Fields)[key], seen);
  return twin;
}

function copyHistory(history: History): History {
  const twin = new History(history.start, Infinity);
  for (const batch of batchesOf(history)) twin.append(batch);
  return twin;
}

export function* batchesOf(history: History): Iterable<Batch> {
  for (let at = history.start; at !== history.last;) {
    const batch = history.next(at)!;
    yield batch;
    at = batch.last;
  }
}

const tickets = new Set(['ticket', 'lastTicket', 'ackFrom', 'promiseTicket', 'joinTicket']);
const times = new Set(['deadline', 'heardAt', 'quorumHeardAt', 'nextPing', 'until', 'since']);
/** Fixed, derived, told elsewhere, or without influence at the settings of the explorer. */
const ignored = new Set(['options', 'effects', 'self', 'now', 'syncedTicket', 'reason', 'failures', 'nextToken']);
for (const name of ['unsyncedBytes', 'bytesInFlight', 'reading', 'quorumSince']) ignored.add(name);

/** The state of a server in words. */
export function wordsOf(core: Zab): string {
  const { self } = core as unknown as { self: { syncedTicket: number; now: number } };
  const out: (string | number)[] = [];
  words(self, '', self, out);
  words(core, '', self, out);
  return out.join(' ');
}

function words(
  value: unknown,
  name: string,
  now: { syncedTicket: number; now: number },
  out: (string | number)[],
): void {
  if (typeof value === 'number') {
    if (tickets.has(name)) out.push(Math.max(0, value - now.syncedTicket));
    else out.push(times.has(name) ? Math.max(-1000, value - now.now) : value);
  } else if (typeof value !== 'object' || value === null) {
    out.push(String(value));
  } else if (value instanceof History) {
    out.push('h', value.start);
    for (const batch of batchesOf(value)) out.push(batch.last, batch.time);
  } else if (value instanceof Set) {
    out.push('s', ...([...value] as number[]).sort());
  } else if (value instanceof Map) {
    out.push('m');
    for (const key of [...(value as Map<number, unknown>).keys()].sort()) {
      out.push(key);
      words(value.get(key), '', now, out);
    }
  } else if ('bytes' in value && 'prev' in value) {
    const { last, time } = value as Batch;
    out.push('b', last, time);
  } else {
    out.push('{');
    for (const key of Object.keys(value)) if (!ignored.has(key)) words((value as Fields)[key], key, now, out);
    out.push('}');
  }
}
