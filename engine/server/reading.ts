/**
 * What this server answers by itself: reads, from what it has applied, and refusals.
 *
 *   nothing before it ─► answered at once
 *   behind a write    ─► parked ─► the write's commit ─► answered, before anything later is applied
 *   a long list       ─► made over several turns, and nothing else is taken from its client meanwhile
 */
import { Buffer } from 'node:buffer';
import type { Writer } from '../base/bytes.ts';
import { Reads, type ReadClient } from '../read/reads.ts';
import { watchedBytes } from '../read/watch-requests.ts';
import type { Tree } from '../tree/tree.ts';
import { weightOf, type Watches } from '../tree/watches.ts';
import { errorCode } from '../wire/errors.ts';
import { isReadOp, opcode } from '../wire/opcodes.ts';
import { writeEvent } from '../wire/replies.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { Handshakes } from './handshakes.ts';
import { longListMin, LongLists } from './long-lists.ts';
import type { ServerOptions } from './options.ts';
import type { Clock } from './ports.ts';
import { needsLeader } from './read-only.ts';
import type { Refusals } from './refusals.ts';
import type { Throttle } from './throttle.ts';
import type { Traffic } from './traffic.ts';

/** Stands for the body of a request that is refused once those before it are answered. */
const refused = Buffer.alloc(0);

/** What it works with. */
export interface ReadingParts {
  readonly options: ServerOptions;
  readonly clock: Clock;
  readonly traffic: Traffic;
  readonly connections: Connections;
  readonly handshakes: Handshakes;
  readonly throttle: Throttle;
  readonly refusals: Refusals;
  readonly watches: Watches;
}

export class Reading {
  readonly #parts: ReadingParts;
  readonly #lists: LongLists;
  #tree: Tree;
  #reads: Reads;

  constructor(parts: ReadingParts, tree: Tree) {
    this.#parts = parts;
    this.#lists = new LongLists(parts.clock, (connection, reply, since) => this.#listed(connection, reply, since));
    this.#tree = tree;
    this.#reads = new Reads(tree, parts.watches);
  }

  setTree(tree: Tree): void {
    this.#tree = tree;
    this.#reads = new Reads(tree, this.#parts.watches);
  }

  /** Takes a request whose record is in `bytes[start, end)`, and answers it when it is its turn. */
  take(connection: Connection, xid: number, op: number, bytes: Buffer, start: number, end: number): void {
    const { outstanding, heardAt } = connection;
    if (outstanding.length > 0 || this.#hasToWait(connection, op, bytes, start, end)) {
      const body = Buffer.from(bytes.subarray(start, end));
      // Its reply counts with it: it may have to be made when there is no room for it.
      const size = end - start + this.#reads.expectedBytes(op, bytes, start, end);
      outstanding.push(xid, op, heardAt, body, size);
    } else {
      this.#answer(connection, xid, op, heardAt, bytes, start, end);
    }
  }

  /** Answers -127, once everything before it is answered. */
  refuse(connection: Connection, xid: number, op: number): void {
    if (connection.outstanding.length === 0) this.#fail(connection, xid, errorCode.throttledOp);
    else connection.outstanding.push(xid, op, connection.heardAt, refused, 0);
  }

  /** Answers the reads whose turn it is. */
  runParked(connection: Connection): void {
    const { outstanding } = connection;
    while (outstanding.length > 0 && outstanding.body !== null && connection.phase !== 'closing') {
      if (this.#cannotAnswer(connection)) return;
      const { xid, op, since, body } = outstanding;
      if (this.#hasToWait(connection, op, body, 0, body.length)) return;
      outstanding.shift();
      this.#answer(connection, xid, op, since, body, 0, body.length);
    }
  }

  /** Goes on with long lists; true when there is more to do. */
  workOnLists(): boolean {
    this.#lists.work();
    // Who waited may be gone, or its list be short by now: then it is the next one's turn.
    while (!this.#lists.busy) {
      const next = this.#lists.next();
      if (next === null) return false;
      this.runParked(next);
    }
    return true;
  }

  /** A read that a write of its own session follows has to be answered before that one is applied. */
  #cannotAnswer(connection: Connection): boolean {
    const { throttle, refusals, connections } = this.#parts;
    if (connection.outstanding.writes === 0) return throttle.hasEnough(connection);
    if (!throttle.isDeaf(connection)) return false;
    refusals.note('unreadEvents', connection.link.label);
    connections.close(connection);
    return true;
  }

  /** Whether it is a long list, and another one is being made. */
  #hasToWait(connection: Connection, op: number, bytes: Buffer, start: number, end: number): boolean {
    if (!this.#lists.busy || !isList(op) || connection.outstanding.writes > 0) return false;
    if (this.#reads.listLength(op, bytes, start, end) < longListMin) return false;
    this.#lists.wait(connection);
    return true;
  }

  #answer(
    connection: Connection,
    xid: number,
    op: number,
    since: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (bytes === refused) return this.#fail(connection, xid, errorCode.throttledOp);
    const { options, traffic, connections, handshakes, refusals, watches } = this.#parts;
    // No path has more characters than bytes.
    const weight = weightOf(watchedBytes(op, bytes, start, end));
    if (weight > 0 && watches.weightOf(connection.id) + weight > options.sessionWatchesMax) {
      refusals.note('sessionWatches', connection.link.label);
      return this.#fail(connection, xid, errorCode.throttledOp);
    }
    if (handshakes.readOnly !== null && (needsLeader(op) || op === opcode.closeSession)) {
      return this.#answerWithoutLeader(connection, xid, op);
    }
    const client = this.#clientOf(connection);
    connection.lastZxid = this.#tree.lastZxid;
    if (isList(op) && connection.outstanding.writes === 0) {
      const slot = this.#reads.longList(client, op, bytes, start, end, longListMin);
      if (slot !== -1) {
        connections.flushNow(connection);
        this.#lists.begin(connection, xid, since, this.#tree, slot, op === opcode.getChildren2);
        return;
      }
    }
    const out = connections.out(connection);
    const at = out.at;
    this.#reads.answer(client, op, xid, bytes, start, end, out);
    connections.answered(connection, traffic.reads, since, this.#parts.clock.now(), out.at - at);
    const isSetWatches = op === opcode.setWatches || op === opcode.setWatches2;
    if (isSetWatches && watches.weightOf(connection.id) > options.sessionWatchesMax) {
      // A client does not look at this reply: it would wait in vain for what is not watched.
      refusals.note('sessionWatches', connection.link.label);
      connections.close(connection);
    }
    // ZooKeeper answers an operation it does not know with -6 and hangs up.
    if (!isReadOp(op)) connections.closeAfterFlush(connection);
  }

  #clientOf(connection: Connection): ReadClient {
    return {
      id: connection.id,
      session: connection.session,
      identity: connection.identity,
      event: (type, path) => writeEvent(this.#parts.connections.out(connection), type, path),
    };
  }

  #listed(connection: Connection, reply: Writer, since: number): void {
    const { connections, traffic, clock } = this.#parts;
    connection.longReply = reply.at;
    connections.sendApart(connection, reply.view());
    connections.answered(connection, traffic.reads, since, clock.now(), reply.at);
  }

  #answerWithoutLeader(connection: Connection, xid: number, op: number): void {
    const { connections, handshakes } = this.#parts;
    const isClose = op === opcode.closeSession;
    this.#fail(connection, xid, isClose ? errorCode.ok : errorCode.notReadOnly);
    if (!isClose) return;
    handshakes.readOnly?.end(connection.session);
    connections.closeAfterFlush(connection);
  }

  /** A reply that is a code alone. */
  #fail(connection: Connection, xid: number, code: number): void {
    this.#parts.connections.reply(connection, xid, this.#tree.lastZxid, code);
  }
}

function isList(op: number): boolean {
  return op === opcode.getChildren || op === opcode.getChildren2;
}
