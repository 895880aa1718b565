/**
 * Servers with one known mistake each: an exploration that cannot find them is worth nothing.
 *
 * The core stays as it is; the mistake is made between it and its disk or its links.
 */
import type { Write } from '../../engine/consensus/core.ts';
import { endOf, type Box, type Disk } from '../support/zab-world.ts';
import { ExploredWorld } from './explored-world.ts';

/** ZOOKEEPER-4646: what was handed to the disk is acknowledged at once. */
class AcksBeforeSynced extends ExploredWorld {
  protected override carryOut(id: number): void {
    const core = this.boxes.get(id)!.core!;
    for (const { write } of this.effects.writes) {
      if (write.kind !== 'append' || core.role !== 'following') continue;
      this.effects.sends.push({ to: core.leader, message: { kind: 'ack', epoch: core.epoch, zxid: write.batch.last } });
    }
    super.carryOut(id);
  }
}

/** ZOOKEEPER-3911: NEWLEADER is acknowledged before the history and the epoch are durable. */
class AcksNewLeaderBeforeDurable extends ExploredWorld {
  protected override carryOut(id: number): void {
    const core = this.boxes.get(id)!.core!;
    for (const { write } of this.effects.writes) {
      if (write.kind !== 'state' || core.role !== 'following' || write.state.currentEpoch !== core.epoch) continue;
      this.effects.sends.push({ to: core.leader, message: { kind: 'ackNewLeader', epoch: core.epoch } });
    }
    super.carryOut(id);
  }
}

/** ZOOKEEPER-4643: currentEpoch reaches the disk before the history that it stands for. */
class EpochBeforeHistory extends ExploredWorld {
  protected override carryOut(id: number): void {
    super.carryOut(id);
    const box = this.boxes.get(id)!;
    const writes = box.pending.map(({ write }) => write);
    const ordered = [
      ...writes.filter(({ kind }) => kind === 'state'),
      ...writes.filter(({ kind }) => kind !== 'state'),
    ];
    if (ordered.every((write, i) => write === writes[i])) return;
    this.box(id).pending = box.pending.map(({ ticket }, i) => ({ ticket, write: ordered[i]! }));
  }
}

/** ZOOKEEPER-2845, 1549: after a restart the whole log counts as committed, as if there were no TRUNC. */
class AppliesWholeLog extends ExploredWorld {
  override start(id: number): void {
    const box = this.box(id);
    box.disk = { ...box.disk, committed: endOf(box.disk) };
    super.start(id);
  }
}

/** ZOOKEEPER-3701: a truncation that never reaches the disk. */
class LosesTruncation extends ExploredWorld {
  protected override written(box: Box, write: Write): Disk {
    return write.kind === 'truncate' ? box.disk : super.written(box, write);
  }
}

/** Each with the strays within which it must be found. */
export const mutants: readonly {
  readonly name: string;
  readonly strays: number;
  readonly make: () => ExploredWorld;
}[] = [
  { name: 'acks before synced (4646)', strays: 1, make: () => new AcksBeforeSynced() },
  { name: 'acks NEWLEADER before durable (3911)', strays: 2, make: () => new AcksNewLeaderBeforeDurable() },
  { name: 'epoch before history (4643)', strays: 2, make: () => new EpochBeforeHistory() },
  { name: 'applies its whole log at restart (2845)', strays: 2, make: () => new AppliesWholeLog() },
  { name: 'loses truncations (3701)', strays: 2, make: () => new LosesTruncation() },
];
