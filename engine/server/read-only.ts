/**
 * Serving without a leader: reads, for clients that allow it, from what this server has applied.
 *
 * No session can be made or moved through the log now, so one that begins here is local: this server
 * alone knows it, it owns nothing, and it ends when a leader is found. Its id lies above every zxid,
 * so at any server that leads or follows it counts as expired and the client makes a new session.
 * A session of the ensemble is neither served nor told that it expired: its client keeps the id and
 * goes on looking for a server that can tell. Semantics: ZooKeeper 3.8's ReadOnlyZooKeeperServer.
 */
import { Buffer } from 'node:buffer';
import { counterSpan, epochMax } from '../base/zxid.ts';
import { SessionExpiry } from '../session/expiry.ts';
import { passwordBytes } from '../txn/types.ts';
import type { ConnectRequest } from '../wire/connect.ts';
import { opcode } from '../wire/opcodes.ts';
import type { Ports } from './ports.ts';

/** Ids of local sessions start here: no leader ever has this epoch. */
const firstId = epochMax * counterSpan;

/** A session of this server alone. */
interface LocalSession {
  readonly id: number;
  readonly password: Buffer;
}

export class ReadOnlySessions {
  readonly #ports: Ports;
  readonly #expiry: SessionExpiry;
  readonly #sessions = new Map<number, LocalSession>();
  #nextCounter: number;

  constructor(ports: Ports, tickTime: number) {
    this.#ports = ports;
    this.#expiry = new SessionExpiry(tickTime);
    const bytes = Buffer.alloc(4);
    ports.random(bytes);
    // Two servers, or two lives of one, rarely give out the same id; the password tells them apart.
    this.#nextCounter = bytes.readUInt32BE(0);
  }

  get size(): number {
    return this.#sessions.size;
  }

  /**
   * The local session that the client shall have; `expired` when it asks for one that is no more, and
   * `elsewhere` when only the ensemble could tell.
   */
  connect(request: ConnectRequest, timeoutMs: number): LocalSession | 'expired' | 'elsewhere' {
    const { session: id, password } = request;
    let session = this.#sessions.get(id);
    if (id === 0) {
      session = { id: firstId + this.#nextCounter, password: Buffer.alloc(passwordBytes) };
      this.#nextCounter = (this.#nextCounter + 1) >>> 0;
      this.#ports.random(session.password);
      this.#sessions.set(session.id, session);
    } else if (session === undefined || !this.#ports.equalSecret(session.password, password)) {
      return id >= firstId ? 'expired' : 'elsewhere';
    }
    this.#expiry.add(session.id, timeoutMs, this.#ports.clock.now());
    return session;
  }

  touch(id: number): void {
    this.#expiry.touch(id, this.#ports.clock.now());
  }

  end(id: number): void {
    this.#sessions.delete(id);
    this.#expiry.remove(id);
  }

  /** Sessions whose time is over; each is forgotten. */
  expired(): number[] {
    const ids = this.#expiry.expired(this.#ports.clock.now());
    for (const id of ids) this.#sessions.delete(id);
    return ids;
  }
}

/** Changes something, or asks the leader: answered with -119. */
export function needsLeader(op: number): boolean {
  switch (op) {
    case opcode.create:
    case opcode.create2:
    case opcode.createContainer:
    case opcode.createTtl:
    case opcode.delete:
    case opcode.deleteContainer:
    case opcode.setData:
    case opcode.setAcl:
    case opcode.multi:
    case opcode.check:
    case opcode.sync:
    case opcode.reconfig:
      return true;
    default:
      return false;
  }
}
