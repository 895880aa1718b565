/**
 * What only the leader does: prepares everybody's writes into batches, expires sessions, reaps nodes.
 *
 *   requests of each server, in order ──► prep ──► one batch ──► propose
 *
 * There is no timer and no target size: a batch is whatever has gathered while the window was full
 * or the loop was busy, within its bounds, so batches grow with the load and with the disk's delay.
 */
import { Buffer } from 'node:buffer';
import { Prep } from '../prep/prep.ts';
import { configPath } from '../prep/reconfig.ts';
import { SessionExpiry } from '../session/expiry.ts';
import type { Tree } from '../tree/tree.ts';
import { BatchWriter, type TxnCursor } from '../txn/batch.ts';
import { internalOp, RequestCursor, writeRequest } from '../txn/request.ts';
import { txnType } from '../txn/types.ts';
import { membershipText, splitMembership } from '../wire/members.ts';
import { opcode } from '../wire/opcodes.ts';
import { Writer } from '../base/bytes.ts';
import type { Metrics } from './metrics.ts';
import type { ServerOptions } from './options.ts';
import type { Ports } from './ports.ts';
import { Reaper } from './reaper.ts';
import type { Replication } from './replication.ts';

/** A quota that is passed again and again is reported once in a while, as in ZooKeeper. */
const quotaReportMs = 15 * 60_000;
const quotaReportsMax = 1000;
/** The clock is looked at after so many requests: most take microseconds, but not all. */
const lookEvery = 64;

interface Inbox {
  readonly origin: number;
  readonly bytes: Buffer;
  /** When it came. */
  readonly at: number;
}

export class Leading {
  readonly #options: ServerOptions;
  readonly #ports: Ports;
  readonly #metrics: Metrics;
  readonly #replication: Replication;
  #prep: Prep;
  readonly #expiry: SessionExpiry;
  readonly #reaper: Reaper;
  readonly #batch: BatchWriter;
  readonly #cursor = new RequestCursor();
  readonly #none = Buffer.alloc(0);
  /** Frames of requests, oldest first; the cursor stands in the first one. */
  #inbox: Inbox[] = [];
  #cursorBusy = false;
  /** Quotas by the time from which they may be reported again. */
  readonly #quotaReports = new Map<string, number>();
  /** Established, and everything that came before this epoch is applied. */
  ready = false;
  /** Sizes of the last, smallest and largest batch, bytes; for `srvr`. */
  readonly proposalBytes = { last: -1, min: -1, max: -1 };

  constructor(options: ServerOptions, ports: Ports, metrics: Metrics, replication: Replication, tree: Tree) {
    this.#options = options;
    this.#ports = ports;
    this.#metrics = metrics;
    this.#replication = replication;
    this.#prep = new Prep(tree, ports, options, ports.machine !== undefined);
    this.#expiry = new SessionExpiry(options.tickTime);
    this.#reaper = new Reaper(options);
    this.#batch = new BatchWriter(ports.checksum);
  }

  /** There are requests to prepare and the window has room for them. */
  get hasWork(): boolean {
    return this.ready && this.#inbox.length > 0 && this.#replication.core.canPropose;
  }

  /** From now on this server prepares; every session gets its whole time-out anew. */
  begin(tree: Tree): void {
    this.ready = true;
    this.#prep = new Prep(tree, this.#ports, this.#options, this.#ports.machine !== undefined);
    const now = this.#ports.clock.now();
    this.#reaper.begin(now);
    for (const session of tree.sessions()) this.#expiry.add(session.id, session.timeoutMs, now);
    this.#publishMembership(tree);
  }

  /** /zookeeper/config has what the leader's configuration says; a server alone has none, as in ZooKeeper. */
  #publishMembership(tree: Tree): void {
    const servers = membershipText(this.#options.servers);
    if (servers === '' || splitMembership(tree.dataText(tree.find(configPath))).servers === servers) return;
    const body = new Writer(256);
    body.buffer(Buffer.from(servers));
    const request = new Writer(256);
    writeRequest(request, internalOp.setMembership, 0, 0, this.#none, body.bytes, 0, body.at);
    this.take(0, request.copy());
  }

  end(): void {
    this.ready = false;
    this.#inbox = [];
    this.#cursorBusy = false;
    this.#expiry.clear();
    this.#reaper.end();
  }

  /** Takes a frame of requests from the clients of server `origin`. */
  take(origin: number, bytes: Buffer): void {
    this.#inbox.push({ origin, bytes, at: this.#ports.clock.now() });
  }

  /**
   * A server that left, or that joins anew over the same link, asks again for whatever it does not see
   * committed once it has caught up: preparing what it asked before would do it twice.
   */
  forget(origin: number): void {
    const first = this.#inbox[0];
    if (first === undefined) return;
    if (first.origin === origin) this.#cursorBusy = false;
    this.#inbox = this.#inbox.filter((inbox) => inbox.origin !== origin);
  }

  touch(session: number): void {
    this.#expiry.touch(session, this.#ports.clock.now());
  }

  /** The sessions that end at each moment unless they are heard before. */
  expiries(): Iterable<readonly [number, readonly number[]]> {
    return this.#expiry.all();
  }

  /** Bytes of requests that wait to be prepared. */
  get queuedBytes(): number {
    return this.#inbox.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Sessions not heard of for their time-out are closed like any other write, by the leader itself. */
  expire(): void {
    if (!this.ready) return;
    const ids = this.#expiry.expired(this.#ports.clock.now());
    if (ids.length === 0) return;
    const requests = new Writer(ids.length * 32);
    for (const id of ids) {
      writeRequest(requests, opcode.closeSession, id, 0, this.#none, this.#none, 0, 0);
    }
    this.#metrics.sessionsExpired += ids.length;
    this.#ports.journal.info('sessions expired', { count: ids.length });
    this.take(0, requests.copy());
  }

  /** Containers and TTL nodes that are due are deleted like by any other write. */
  reap(tree: Tree): void {
    const { clock } = this.#ports;
    const paths = this.#reaper.take(tree, clock.now(), clock.wall());
    if (paths.length === 0) return;
    const requests = new Writer(64);
    const body = new Writer(64);
    for (const path of paths) {
      body.clear();
      body.string(path);
      writeRequest(requests, opcode.deleteContainer, 0, 0, this.#none, body.bytes, 0, body.at);
    }
    this.#ports.journal.info('containers and ttl nodes due', { count: paths.length });
    this.take(0, requests.copy());
  }

  /** Prepares and proposes as long as there are requests and room in the window, and not much beyond `until`. */
  propose(until: number): void {
    if (!this.ready) return;
    const { clock } = this.#ports;
    while (this.#inbox.length > 0 && this.#replication.core.canPropose) {
      const since = this.#inbox[0]!.at;
      const from = clock.now();
      if (!this.#fillBatch(until)) return;
      this.#reportQuotas();
      const batch = this.#batch.finish();
      this.#metrics.proposed += batch.count;
      this.#metrics.batchTxns.record(batch.count);
      this.#metrics.batchBytes.record(batch.bytes.length);
      this.#metrics.stages.proposed(batch.last, since, from, clock.now());
      const size = batch.bytes.length;
      this.proposalBytes.last = size;
      this.proposalBytes.max = Math.max(this.proposalBytes.max, size);
      this.proposalBytes.min = this.proposalBytes.min < 0 ? size : Math.min(this.proposalBytes.min, size);
      this.#replication.propose(batch);
      if (this.#ports.clock.now() >= until) return;
    }
  }

  /** Tells the operator of limits that were passed, of each quota now and then. */
  #reportQuotas(): void {
    const { quotas } = this.#prep.overlay;
    const excess = quotas.latest;
    if (excess === null) return;
    quotas.latest = null;
    const { path, isHard, what, limit, reached } = excess;
    const now = this.#ports.clock.now();
    if (now < (this.#quotaReports.get(path) ?? -Infinity)) return;
    if (this.#quotaReports.size >= quotaReportsMax) this.#quotaReports.clear();
    this.#quotaReports.set(path, now + quotaReportMs);
    this.#ports.journal.warn('quota exceeded', {
      path,
      limit: `${isHard ? 'hard' : 'soft'} ${what} ${limit}`,
      reached,
    });
  }

  /** Prepares one batch within its bounds, and not much beyond `until`; false when no request was left to prepare. */
  #fillBatch(until: number): boolean {
    const { core } = this.#replication;
    const batch = this.#batch;
    batch.begin(core.lastLogged, core.nextZxid, this.#ports.clock.wall());
    const { batchBytesMax, batchTxnsMax } = this.#options;
    while (this.#inbox.length > 0) {
      const { origin, bytes } = this.#inbox[0]!;
      if (!this.#cursorBusy) this.#cursor.reset(bytes);
      this.#cursorBusy = true;
      while (this.#cursor.next()) {
        this.#prep.prepare(this.#cursor, origin, batch);
        if (this.#cursor.session !== 0 && origin !== 0) this.touch(this.#cursor.session);
        if (batch.at >= batchBytesMax || batch.count >= batchTxnsMax) return true;
        if (batch.count > 0 && batch.count % lookEvery === 0 && this.#ports.clock.now() >= until) return true;
      }
      if (this.#cursor.bad) this.#ports.peers.reset(origin, 'a malformed frame of requests');
      this.#inbox.shift();
      this.#cursorBusy = false;
    }
    return batch.count > 0;
  }

  /** A batch was applied: what it changed is in the tree now. */
  batchApplied(last: number): void {
    if (this.ready) this.#prep.applied(last);
  }

  /** Keeps the expiry in step with the sessions. */
  txnApplied(txn: TxnCursor): void {
    if (!this.ready) return;
    const now = this.#ports.clock.now();
    if (txn.type === txnType.createSession) {
      this.#expiry.add(txn.zxid, txn.bytes.readInt32BE(txn.bodyStart), now);
    } else if (txn.type === txnType.resumeSession) {
      this.#expiry.add(txn.session, txn.bytes.readInt32BE(txn.bodyStart), now);
    } else if (txn.type === txnType.closeSession) {
      this.#expiry.remove(txn.session);
    }
  }
}
