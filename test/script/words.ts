/** How the transcripts write positions, writes and messages: only what matters, positions as epoch.counter. */
import { counterOf, epochOf } from '../../engine/base/zxid.ts';
import type { Write } from '../../engine/consensus/core.ts';
import { batchOf, emptyDisk, zxid, type Disk, type Item } from '../support/zab-world.ts';

export const text = (position: number): string => `${epochOf(position)}.${counterOf(position)}`;

/** `promised=2 joined=1 log=1.1,1.2 committed=1.1`, each optional. */
export function parseDisk(words: readonly string[]): Disk {
  const fields = Object.fromEntries(words.map((word) => word.split('='))) as Record<string, string>;
  const [acceptedEpoch, currentEpoch] = [Number(fields['promised'] ?? 0), Number(fields['joined'] ?? 0)];
  const ends = (fields['log'] ?? '').split(',').filter(Boolean).map(parseZxid);
  const log = ends.map((end, i) => batchOf(i === 0 ? 0 : ends[i - 1]!, end, end));
  const committed = parseZxid(fields['committed'] ?? '0.0');
  return { ...emptyDisk, state: { acceptedEpoch, currentEpoch, ensembleId: 7 }, log, committed };
}

function parseZxid(word: string): number {
  const [epoch, counter] = word.split('.').map(Number);
  return zxid(epoch!, counter!);
}

export function textOfDisk({ state, start, log }: Disk): string {
  const ends = log.map((batch) => text(batch.last));
  if (start > 0) ends.unshift(`…${text(start)}`);
  return `promised=${state.acceptedEpoch} joined=${state.currentEpoch} [${ends.join(' ')}]`;
}

export function textOfWrite(write: Write): string {
  if (write.kind === 'append') return `append ${text(write.batch.last)}`;
  if (write.kind === 'truncate') return `truncate to ${text(write.last)}`;
  if (write.kind === 'reset') return `reset to ${text(write.zxid)}`;
  return `state promised=${write.state.acceptedEpoch} joined=${write.state.currentEpoch}`;
}

/** A message by its kind and the fields that matter; positions as epoch.counter. */
export function textOfItem(item: Item): string {
  if (item.kind === 'vote') {
    const { state, round, leader, epoch, zxid: at } = item;
    const whom = state === 'looking' ? `round ${round} for ${leader || 'nobody'}` : state === 'leading' ? '' : leader;
    return `vote ${state} ${whom} with ${epoch}/${text(at)}`.replace('  ', ' ');
  }
  if (item.kind === 'proposal') return `proposal ${text(item.batch.last)} committed=${text(item.committed)}`;
  if (item.kind === 'pong') return 'pong';
  const positions = new Set(['zxid', 'lastZxid', 'from', 'committed']);
  const hidden = new Set(['kind', 'connection', 'ensembleId', 'bytesTotal', 'epoch', 'offset']);
  const fields = Object.entries(item)
    .filter(([name, value]) => (!hidden.has(name) || (name === 'epoch' && item.kind === 'newEpoch')) && value !== false)
    .map(([name, value]) => `${name}=${positions.has(name) ? text(value as number) : value}`);
  return [item.kind, ...fields].join(' ');
}
