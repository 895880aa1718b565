/**
 * Writes that can be checked one by one: none lost, none doubled, none out of order.
 *
 *   each session owns some keys and writes 1, 2, 3 … to each; so write n must make version n
 *
 * Every acknowledgement tells the version, which must be the number that was written. When a connection
 * breaks nobody knows what became of the writes in flight: the session asks (sync, then data and version
 * of each key). The version must lie between what was acknowledged and what was sent, the data must be of
 * the write that makes it, and the session goes on from there. A write that is carried out later, or
 * twice, then makes a version too many.
 */
import type { Operation, Source } from './operation.ts';
import { rootPath } from './zookeeper-frames.ts';

export const keysPerSession = 4;

/** What is known of one key. */
export interface KeyLedger {
  readonly key: number;
  /** Version at the start, and the highest acknowledged. */
  readonly initial: number;
  readonly acknowledged: number;
  /** The highest that may be: what was not there when the session asked must not come any more. */
  readonly sent: number;
}

interface Pending {
  readonly what: 'sync' | 'data' | 'version' | 'write';
  readonly key: number;
  readonly stamp: number;
}

class Ledger {
  /** -1: not known yet. */
  initial = -1;
  acknowledged = -1;
  sent = -1;
  /** The number in the data, as last asked. */
  stamp = 0;
  /** The next write makes this version. */
  next = 0;
}

class SessionLedger {
  /** What was asked and not answered, oldest first. */
  readonly pending: Pending[] = [];
  /** Steps of finding out what became of what was in flight: sync, data and version of each key, done. */
  step = 0;
  known = 0;
  cursor = 0;
  readonly keys = Array.from({ length: keysPerSession }, () => new Ledger());
}

export class VerifySource implements Source {
  readonly #first: number;
  readonly #sessions: SessionLedger[];
  /** Sentences, at most a few. */
  readonly violations: string[] = [];
  violationCount = 0;

  /** @param first number of the first session that this source serves */
  constructor(first: number, sessions: number) {
    this.#first = first;
    this.#sessions = Array.from({ length: sessions }, () => new SessionLedger());
  }

  next(session: number, operation: Operation): boolean {
    const own = this.#sessions[session - this.#first]!;
    if (own.step === 0) {
      operation.kind = 'sync';
      operation.path = rootPath;
      own.pending.push({ what: 'sync', key: 0, stamp: 0 });
      own.step++;
      return true;
    }
    if (own.step <= 2 * keysPerSession) {
      const key = (own.step - 1) >> 1;
      const isData = own.step % 2 === 1;
      operation.kind = isData ? 'get' : 'exists';
      operation.key = session * keysPerSession + key;
      own.pending.push({ what: isData ? 'data' : 'version', key, stamp: 0 });
      own.step++;
      return true;
    }
    if (own.known < keysPerSession) return false;
    const key = own.cursor;
    own.cursor = (own.cursor + 1) % keysPerSession;
    const ledger = own.keys[key]!;
    operation.kind = 'set';
    operation.key = session * keysPerSession + key;
    operation.stamp = ledger.sent = ledger.next++;
    own.pending.push({ what: 'write', key, stamp: operation.stamp });
    return true;
  }

  answered(session: number, error: number, version: number, found: number): void {
    const own = this.#sessions[session - this.#first]!;
    const { what, key, stamp } = own.pending.shift()!;
    if (what === 'sync') return;
    const ledger = own.keys[key]!;
    const number = session * keysPerSession + key;
    const name = `key ${number}`;
    if (error !== 0) {
      // A session that expired under way: its writes have no outcome, as if the connection had broken.
      if (error !== -112) this.#violation(`${name}: a ${what} was refused with ${error}`);
      return;
    }
    if (what === 'data') {
      ledger.stamp = found;
      return;
    }
    if (what === 'version') {
      own.known++;
      this.#found(ledger, number, version);
      return;
    }
    if (version !== stamp)
      this.#violation(`${name}: write ${stamp} made version ${version}: a write was ${versus(version, stamp)}`);
    ledger.acknowledged = Math.max(ledger.acknowledged, version);
  }

  lost(session: number): void {
    const own = this.#sessions[session - this.#first]!;
    own.pending.length = 0;
    own.step = own.known = 0;
  }

  #found(ledger: Ledger, key: number, version: number): void {
    if (ledger.initial < 0) ledger.initial = ledger.acknowledged = ledger.sent = version;
    const { initial, acknowledged, sent, stamp } = ledger;
    const problem = checkKey({ key, initial, acknowledged, sent }, { version, stamp });
    if (problem !== null) this.#violation(problem);
    ledger.next = version + 1;
    // From now on that is certain, acknowledged or not, and what else was in flight must not come any more.
    ledger.acknowledged = Math.max(acknowledged, version);
    ledger.sent = version;
  }

  #violation(sentence: string): void {
    this.violationCount++;
    if (this.violations.length < 20) this.violations.push(sentence);
  }

  ledgers(): KeyLedger[] {
    return this.#sessions.flatMap(({ keys }, session) =>
      keys.map(({ initial, acknowledged, sent }, key) => ({
        key: (this.#first + session) * keysPerSession + key,
        initial,
        acknowledged,
        sent,
      })),
    );
  }
}

const tooMany = 'doubled, or carried out too late';

function versus(version: number, stamp: number): string {
  return version > stamp ? tooMany : 'lost';
}

/** What a server holds for a key at the end. */
export interface KeyState {
  readonly version: number;
  /** The number in its data; 0: none was ever written. */
  readonly stamp: number;
}

/** Compares what a server holds with what is known of a key; null when all is well. */
export function checkKey({ key, initial, acknowledged, sent }: KeyLedger, { version, stamp }: KeyState): string | null {
  if (version < acknowledged)
    return `key ${key}: version ${version}, but ${acknowledged} was acknowledged: a write was lost`;
  if (version > sent) return `key ${key}: version ${version}, but at most ${sent} may be: a write was ${tooMany}`;
  if (version > initial && stamp !== version)
    return `key ${key}: version ${version} holds write ${stamp}: a write was lost or doubled on the way`;
  return null;
}
