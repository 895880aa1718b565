/**
 * The sessions of the ensemble: replicated state, changed by txns alone.
 *
 * A session's id is the zxid of the txn that created it: unique for ever and never given out twice.
 * Its password is random and part of that txn, so no one can compute it from the id.
 */
import type { Buffer } from 'node:buffer';
import { assert } from '../base/assert.ts';
import type { SessionView } from '../tree/view.ts';

export class Session implements SessionView {
  readonly id: number;
  /** Negotiated by the connect request that came last. */
  timeoutMs: number;
  readonly password: Buffer;
  owner: number;
  /** Slots of its ephemeral nodes; made with the first one. */
  ephemerals: Set<number> | null = null;

  constructor(id: number, timeoutMs: number, password: Buffer, owner: number) {
    this.id = id;
    this.timeoutMs = timeoutMs;
    this.password = password;
    this.owner = owner;
  }
}

export class SessionTable {
  readonly #sessions = new Map<number, Session>();
  /** Ephemeral nodes of all sessions. */
  ephemeralCount = 0;

  get size(): number {
    return this.#sessions.size;
  }

  get(id: number): Session | null {
    return this.#sessions.get(id) ?? null;
  }

  add(session: Session): void {
    assert(!this.#sessions.has(session.id), 'a session is created once', session.id);
    this.#sessions.set(session.id, session);
  }

  remove(id: number): void {
    this.#sessions.delete(id);
  }

  own(id: number, slot: number): void {
    const session = this.#sessions.get(id);
    assert(session !== undefined, 'an ephemeral node has a living owner', id);
    session.ephemerals ??= new Set();
    session.ephemerals.add(slot);
    this.ephemeralCount++;
  }

  disown(id: number, slot: number): void {
    const session = this.#sessions.get(id);
    assert(session?.ephemerals?.delete(slot) === true, 'an ephemeral node is known to its owner', id);
    this.ephemeralCount--;
  }

  /** Takes all its ephemeral nodes from a session that ends. */
  disownAll(session: Session): number[] {
    const slots = [...(session.ephemerals ?? [])];
    session.ephemerals = null;
    this.ephemeralCount -= slots.length;
    return slots;
  }

  /** All sessions, in order of creation on this server or of a snapshot. */
  all(): Iterable<Session> {
    return this.#sessions.values();
  }
}
