/**
 * What holds in every state of three Zab servers, whatever happened to them.
 *
 *   one established leader per epoch · committed sequences are prefixes of one sequence · a leader is
 *   established with all that was ever committed · what is committed is on a quorum of disks · logs
 *   have no gaps · whose disk says it joined an epoch has the history of that epoch · no server
 *   accuses another of breaking the protocol · no assertion of the engine fails
 *
 * Sources: Zab paper, section 4; ZooKeeper's zookeeper-specifications; reliability of promises as in
 * `engine/consensus/core.ts`.
 */
import type { Batch } from '../../engine/txn/batch.ts';
import { endOf, type Box } from '../support/zab-world.ts';
import type { ExploredWorld } from './explored-world.ts';

const isSame = (a: Batch | undefined, b: Batch | undefined): boolean => a?.last === b?.last && a?.time === b?.time;

/** The log as the server sees it: its disk once all pending writes are done. */
function logOf({ disk, pending }: Box): readonly Batch[] {
  let log = [...disk.log];
  for (const { write } of pending) {
    if (write.kind === 'append') log.push(write.batch);
    else if (write.kind === 'truncate') log = log.filter((batch) => batch.last <= write.last);
    else if (write.kind === 'reset') log = [];
  }
  return log;
}

/** Looks at a server that has just changed, and takes note of what it holds to be committed. */
export function checkServer(world: ExploredWorld, id: number): string {
  const box = world.boxes.get(id)!;
  const { core, disk } = box;
  if (core === null) {
    world.committed.delete(id);
    return checkDisk(box);
  }
  if (core.committed < (world.committed.get(id) ?? 0)) return `${id} takes back what it held to be committed`;
  world.committed.set(id, core.committed);
  const log = logOf(box);
  const committed = log.filter((batch) => batch.last <= core.committed);
  if (disk.start === 0 && (committed.at(-1)?.last ?? 0) !== core.committed) return `${id} committed what it has not`;
  const offset = world.seen.chosen.findIndex((batch) => batch.last > disk.start);
  const chosen = offset < 0 ? [] : world.seen.chosen.slice(offset);
  for (const [i, batch] of committed.entries()) {
    if (i < chosen.length && !isSame(batch, chosen[i]))
      return `${id} committed ${batch.last}, others ${chosen[i]!.last}`;
  }
  if (committed.length > chosen.length) {
    world.seen = { ...world.seen, chosen: [...world.seen.chosen, ...committed.slice(chosen.length)] };
  }
  return checkDisk(box) || checkLeader(world, id, log);
}

function checkDisk({ id, disk }: Box): string {
  let at = disk.start;
  for (const batch of disk.log) {
    if (batch.prev !== at) return `the log of ${id} has a gap before ${batch.last}`;
    at = batch.last;
  }
  return disk.state.currentEpoch > disk.state.acceptedEpoch ? `${id} joined an epoch that it had not promised` : '';
}

function checkLeader(world: ExploredWorld, id: number, log: readonly Batch[]): string {
  const core = world.core(id);
  if (core.role !== 'leading' || !core.serving) return '';
  const { chosen, established } = world.seen;
  const known = established.get(core.epoch);
  if (known !== undefined) return known.leader === id ? '' : `${known.leader} and ${id} lead epoch ${core.epoch}`;
  for (const batch of chosen) {
    if (batch.last > world.boxes.get(id)!.disk.start && !log.some((each) => isSame(each, batch))) {
      return `${id} leads epoch ${core.epoch} without ${batch.last}, which was committed`;
    }
  }
  const next = new Map(established).set(core.epoch, { leader: id, initial: core.initial });
  world.seen = { chosen, established: next };
  return '';
}

/** What holds for all of them together. */
export function checkEvery(world: ExploredWorld): string {
  const boxes = [...world.boxes.values()];
  for (const batch of world.seen.chosen) {
    const holders = boxes.filter(
      ({ disk }) =>
        disk.start >= batch.last || disk.snapshot >= batch.last || disk.log.some((each) => isSame(each, batch)),
    );
    if (holders.length * 2 <= boxes.length) return `${batch.last} is committed, but on ${holders.length} disks`;
  }
  for (const { id, disk } of boxes) {
    const joined = world.seen.established.get(disk.state.currentEpoch);
    if (joined !== undefined && Math.max(endOf(disk), disk.snapshot) < joined.initial) {
      return `${id} joined epoch ${disk.state.currentEpoch} without its history`;
    }
  }
  return world.resets[0] ?? '';
}
