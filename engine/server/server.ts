/**
 * One server: the turn.
 *
 * Whatever happens (client bytes, peer frames, an fsync that is done, time) only asks for a turn; the
 * host calls it once per loop of its events, so everything that came together is handled together:
 *
 *   1 time      deadlines of consensus and sessions
 *   2 lead      requests → txns → batches → proposals        as far as the window allows
 *   3 send      log first (the disk is the slowest), then one write per peer
 *   4 apply     committed batches → tree → events and replies
 *   5 answer    one write per client
 *   6 upkeep    snapshot chunks, memory
 *
 * Everything here is pure: time, disk, network and randomness are ports, and a simulator can run it.
 */
import type { Buffer } from 'node:buffer';
import type { Role } from '../consensus/core.ts';
import { Zab } from '../consensus/zab/zab.ts';
import type { Recovered } from '../consensus/zab/self.ts';
import type { Tree } from '../tree/tree.ts';
import { TxnCursor, type Batch } from '../txn/batch.ts';
import { internalOp } from '../txn/request.ts';
import { txnType } from '../txn/types.ts';
import { Clients } from './clients.ts';
import { Commands } from './commands.ts';
import { Forwarding } from './forwarding.ts';
import { Leading } from './leading.ts';
import { Metrics } from './metrics.ts';
import type { ServerOptions } from './options.ts';
import type { ClientLink, Ports } from './ports.ts';
import { Refusals, type RefusalReason } from './refusals.ts';
import { Replication } from './replication.ts';
import { Snapshots } from './snapshots.ts';
import { SnapshotTransfers } from './snapshot-transfers.ts';

/** Preparing and applying take about this long in a turn, each: peers and clients are not to wait for all of it. */
const stageMs = 10;

/** What a large session leaves behind is cleared away over many turns, about so long in each, some at a time. */
const tidyMs = 4;
const slotsTidiedAtOnce = 50;

export class CoordinationServer {
  readonly options: ServerOptions;
  readonly clients: Clients;
  /** Of the embedding program's own state machine. */
  readonly commands: Commands;
  readonly core: Zab;
  readonly leading: Leading;
  readonly metrics: Metrics;
  tree: Tree;
  readonly #ports: Ports;
  readonly #forwarding = new Forwarding();
  readonly #refusals: Refusals;
  readonly #replication: Replication;
  readonly #transfers: SnapshotTransfers;
  readonly #snapshots: Snapshots;
  readonly #cursor = new TxnCursor();
  readonly #startedAt: number;
  /** Clients are served once everything up to here is applied; Infinity while there is no leader. */
  #serveFrom = Infinity;
  #serving = false;
  /** bytes of batches in memory, beyond which applying them is all that is done. */
  readonly #backlogMax: number;
  #leaderlessSince: number;
  #journaled = '';
  /** This server leads and has not committed anything yet. */
  #awaitsFirstCommit = false;
  /** Told of each change of role, epoch or readiness; for embedding programs. */
  onStatus: (() => void) | null = null;

  /** @param tree the state at the newest snapshot, or a fresh one; `recovered` tells what the log holds beyond it */
  constructor(options: ServerOptions, ports: Ports, tree: Tree, recovered: Recovered, newEnsembleId: number) {
    this.options = options;
    this.#ports = ports;
    this.tree = tree;
    this.metrics = new Metrics(ports.clock.now());
    const { metrics } = this;
    const voters = options.servers.filter((server) => server.role === 'participant').map((server) => server.id);
    this.core = new Zab(
      {
        id: options.id,
        voters: voters.length === 0 ? [options.id] : voters,
        electionWaitMs: options.electionWaitMs,
        syncTimeoutMs: options.initLimit * options.tickTime,
        peerTimeoutMs: options.peerTimeoutMs,
        heartbeatMs: options.heartbeatMs,
        batchesInFlightMax: options.batchesInFlightMax,
        bytesInFlightMax: options.bytesInFlightMax,
        historyBytesMax: options.historyBytesMax,
        newEnsembleId,
      },
      recovered,
    );
    this.#refusals = new Refusals(ports.clock, ports.journal);
    this.clients = new Clients(options, ports, metrics.traffic, this.#forwarding, this.#refusals, tree);
    this.commands = new Commands(options, ports, this.#forwarding);
    this.#transfers = new SnapshotTransfers(ports, {
      epoch: () => this.core.epoch,
      send: (to, message) => this.#replication.sendTo(to, message),
      sent: (to) => this.#replication.snapshotSent(to),
      missing: () => this.#snapshots.want(),
      installed: (zxid, installed, machine) => this.#installed(zxid, installed, machine),
    });
    this.#replication = new Replication(this.core, tree.lastZxid, ports, metrics, this.#transfers, {
      changed: () => this.#changed(),
      joining: (from) => {
        this.leading.forget(from);
        this.#transfers.peerDown(from);
      },
      requests: (from, bytes) => this.leading.take(from, bytes),
      touched: (sessions) => {
        for (const session of sessions) this.leading.touch(session);
      },
      takeTouched: () => this.clients.takeTouched(),
    });
    this.leading = new Leading(options, ports, metrics, this.#replication, tree);
    this.#snapshots = new Snapshots(options, ports, metrics, tree.lastZxid);
    this.#backlogMax = options.historyBytesMax + options.bytesInFlightMax;
    this.#startedAt = ports.clock.now();
    this.#leaderlessSince = this.#startedAt;
  }

  // ---- what happens ------------------------------------------------------------------------------

  clientOpened(link: ClientLink): void {
    this.clients.opened(link);
  }

  clientBytes(link: ClientLink, chunk: Buffer): void {
    this.clients.bytes(link, chunk);
  }

  /** A connection was not even accepted. */
  clientRefused(reason: RefusalReason, address: string): void {
    this.#refusals.note(reason, address);
  }

  clientClosed(link: ClientLink): void {
    this.clients.closed(link);
  }

  peerUp(peer: number): void {
    this.#replication.link(peer, true);
    this.#ports.schedule();
  }

  peerDown(peer: number): void {
    this.leading.forget(peer);
    this.#replication.link(peer, false);
    this.#ports.schedule();
  }

  peerFrame(peer: number, body: Buffer): void {
    this.#replication.frame(peer, body);
    this.#ports.schedule();
  }

  /** Every write up to `ticket` is durable; `fsyncMs` is what the disk took for it, where the host can tell. */
  synced(ticket: number, fsyncMs = 0): void {
    this.#replication.synced(ticket, fsyncMs);
    this.#ports.schedule();
  }

  // ---- the turn ----------------------------------------------------------------------------------

  turn(): void {
    const now = this.#ports.clock.now();
    this.#replication.tick(now);
    this.#replication.drain();
    this.#forward();
    if (this.leading.ready) {
      for (const session of this.core.role === 'leading' ? this.clients.takeTouched() : []) this.leading.touch(session);
      this.leading.expire();
      this.leading.reap(this.tree);
      this.leading.propose(this.#ports.clock.now() + stageMs);
    }
    this.#replication.turnEnd();
    this.#replication.drain();
    const applied = this.#apply();
    this.#serve();
    this.clients.endOverdue();
    if (this.clients.workOnLists()) this.#ports.schedule();
    this.clients.resumePaused();
    this.clients.flush();
    if (applied >= 0) this.metrics.stages.reply.recordMs(this.#ports.clock.now() - applied);
    this.#transfers.pump();
    this.#upkeep(now);
    this.metrics.turn.recordMs(this.#ports.clock.now() - now);
    // Without a leader what is collected waits for one.
    if ((this.#serving && this.#forwarding.hasCollected) || this.leading.hasWork) this.#ports.schedule();
  }

  /** Sends this turn's writes of our clients to whoever prepares them. */
  #forward(): void {
    if (!this.#serving) return;
    for (const frame of this.#forwarding.cut()) this.#sendToLeader(frame);
  }

  #sendToLeader(bytes: Buffer): void {
    if (this.core.role === 'leading') this.leading.take(this.options.id, bytes);
    else this.#replication.forward(bytes);
  }

  /** Returns when the last batch was applied, -1 when there was none. */
  #apply(): number {
    const { clock } = this.#ports;
    const { stages } = this.metrics;
    let now = clock.now();
    let applied = -1;
    const until = now + stageMs;
    for (;;) {
      const batch = this.#replication.nextCommitted();
      if (batch === null) break;
      this.#countCommitted(batch, now);
      this.#applyBatch(batch, now);
      applied = clock.now();
      stages.apply.recordMs(applied - now);
      now = applied;
      if (now < until) continue;
      this.#replication.trim();
      // However busy this server is with others: what waits to be applied has to fit into memory.
      if (this.core.history.bytes > this.#backlogMax) continue;
      this.#ports.schedule();
      break;
    }
    this.#replication.trim();
    return applied;
  }

  #countCommitted(batch: Batch, now: number): void {
    const { metrics } = this;
    const delay = this.#ports.clock.wall() - batch.time;
    metrics.propagation.recordMs(delay);
    if (this.core.role === 'leading') {
      if (this.#awaitsFirstCommit)
        this.#ports.journal.info('first commit', { epoch: this.core.epoch, zxid: batch.last });
      this.#awaitsFirstCommit = false;
      metrics.committed += batch.count;
      metrics.stages.committed(batch.last, now);
    } else {
      metrics.learned += batch.count;
      metrics.commitDelay.recordMs(delay);
    }
  }

  #applyBatch(batch: Batch, now: number): void {
    const { tree, clients, leading } = this;
    const { id } = this.options;
    const txn = this.#cursor.reset(batch);
    while (txn.next()) {
      const isOurs = txn.origin === id;
      if (isOurs && txn.type === txnType.multi) {
        clients.results.beginMulti();
        tree.apply(txn, clients.results);
      } else {
        tree.apply(txn, null);
      }
      if (isOurs) clients.completed(txn, now);
      if (txn.type >= txnType.createSession) {
        leading.txnApplied(txn);
        if (txn.type === txnType.closeSession) clients.sessionClosed(txn.session);
        if (txn.type === txnType.command) this.commands.take(txn, isOurs);
        if (isOurs && clients.results.refusedOp(txn) === internalOp.command) this.commands.refused(txn.cxid);
      }
    }
    this.commands.batchApplied();
    leading.batchApplied(batch.last);
    this.#snapshots.applied(batch);
  }

  // ---- role and readiness ------------------------------------------------------------------------

  #changed(): void {
    const { core, leading } = this;
    const now = this.#ports.clock.now();
    this.#journalRole();
    this.metrics.changed(core.role, now);
    if (core.serving) {
      if (this.#serveFrom === Infinity) this.#serveFrom = core.role === 'leading' ? core.initial : core.lastLogged;
      return;
    }
    if (this.#serveFrom !== Infinity || this.#serving) this.#leaderlessSince = now;
    this.#serveFrom = Infinity;
    if (leading.ready) leading.end();
    this.metrics.stages.forget();
    if (core.role !== 'leading') this.#transfers.forgetOutgoing();
    if (!this.#serving) return;
    this.#serving = false;
    this.metrics.suspended(now);
    this.clients.suspend();
    this.commands.suspend();
    this.onStatus?.();
  }

  /** Opens for clients once this server has caught up, and asks again for what did not come back. */
  #serve(): void {
    if (this.#serving || this.tree.lastZxid < this.#serveFrom) {
      if (!this.#serving) this.#withoutLeader();
      return;
    }
    this.#serving = true;
    if (this.clients.readOnly) this.clients.endReadOnly();
    this.metrics.served(this.core.role, this.#ports.clock.now());
    this.#awaitsFirstCommit = this.core.role === 'leading';
    if (this.#awaitsFirstCommit) this.leading.begin(this.tree);
    // Who gave up connecting may be with another server now, and is not to be taken back.
    const again = this.#forwarding.again((request) => this.clients.gaveUp(request));
    for (const frame of again) this.#sendToLeader(frame);
    this.clients.serve();
    this.commands.serve();
    this.#ports.journal.info('serving clients', {
      role: this.core.role,
      epoch: this.core.epoch,
      zxid: this.tree.lastZxid,
    });
    this.onStatus?.();
    this.#ports.schedule();
  }

  /** For a while clients wait for a leader; then they leave, or are served reads if that is allowed. */
  #withoutLeader(): void {
    const { clients } = this;
    clients.tendReadOnly();
    if (clients.readOnly || this.#ports.clock.now() - this.#leaderlessSince <= this.options.leaderlessGraceMs) return;
    if (!this.options.readOnlyMode) {
      clients.leave();
    } else if (this.#serveFrom === Infinity && this.#replication.applied >= this.core.committed) {
      clients.serveReadOnly();
      this.#ports.journal.warn('no leader: serving reads only', { zxid: this.tree.lastZxid });
      this.onStatus?.();
    }
  }

  #journalRole(): void {
    const { core } = this;
    const line = `${core.role} ${core.phase} ${core.epoch}`;
    if (line === this.#journaled) return;
    this.#journaled = line;
    this.#ports.journal.info('role', {
      role: core.role,
      phase: core.phase,
      epoch: core.epoch,
      leader: core.leader,
      reason: core.reason,
    });
    this.onStatus?.();
  }

  #installed(zxid: number, tree: Tree | null, machine: readonly Buffer[]): void {
    if (tree !== null) {
      this.clients.closeAll();
      this.#forwarding.forget();
      this.commands.forget();
      this.#ports.machine?.restore(machine);
      this.tree = tree;
      this.clients.setTree(tree);
      this.#snapshots.reset(zxid);
      this.#ports.journal.info('snapshot installed', { zxid, nodes: tree.nodeCount });
    }
    this.#replication.installed(zxid);
  }

  // ---- upkeep and figures ------------------------------------------------------------------------

  #upkeep(now: number): void {
    // One after the other: when a large session ends, a snapshot may be due at once, and others have waited enough.
    if (this.#tidy() || this.#snapshots.pump(this.tree, this.core.lastSynced, now)) this.#ports.schedule();
  }

  /** True when there is more. */
  #tidy(): boolean {
    const { clock } = this.#ports;
    const until = clock.now() + tidyMs;
    let isMore = true;
    while (isMore && clock.now() < until) isMore = this.tree.store.tidy(slotsTidiedAtOnce);
    // A snapshot under way gets what is dropped, and is not pumped before all of it is.
    if (isMore) this.#snapshots.handOver();
    return isMore;
  }

  /** `srst`: everything that was counted or timed so far is forgotten. */
  resetStats(): void {
    const { proposalBytes } = this.leading;
    proposalBytes.last = proposalBytes.min = proposalBytes.max = -1;
    this.metrics.reset();
    for (const fired of this.clients.watches.fired) fired.reset();
  }

  /** How long this server has led, 0 when it does not. */
  get leaderUptimeMs(): number {
    return this.metrics.leadsForMs(this.#ports.clock.now());
  }

  /** Requests of our clients without a reply, bytes. */
  get outstandingBytes(): number {
    return this.#forwarding.bytes;
  }

  get role(): Role {
    return this.core.role;
  }

  /** There is no leader, and clients that allow it are served reads. */
  get readOnly(): boolean {
    return this.clients.readOnly;
  }

  /** Clients are served, reads and writes. */
  get serving(): boolean {
    return this.#serving;
  }

  /** How often clients reached each limit since the start. */
  get refusals(): Readonly<Record<RefusalReason, number>> {
    return this.#refusals.counts;
  }

  /** Requests of our clients without a reply. */
  get outstanding(): number {
    return this.#forwarding.outstanding;
  }

  get uptimeMs(): number {
    return this.#ports.clock.now() - this.#startedAt;
  }
}
