/** A snapshot is opened later than it is asked for, when who asked may be gone; and it may not fit on the disk. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Writer } from '../../../engine/base/bytes.ts';
import type { Message } from '../../../engine/consensus/zab/messages.ts';
import type { Ports, SnapshotFile } from '../../../engine/server/ports.ts';
import { SnapshotTransfers } from '../../../engine/server/snapshot-transfers.ts';
import { Box } from '../../fuzz/box.ts';
import { encodeMessage } from '../../support/frames.ts';

function transfers(): {
  transfers: SnapshotTransfers;
  opens: ((file: SnapshotFile | null) => void)[];
  log: string[];
  file: (name: string, zxid?: number) => SnapshotFile;
} {
  const opens: ((file: SnapshotFile | null) => void)[] = [];
  const log: string[] = [];
  const ports = {
    snapshots: { open: (done: (file: SnapshotFile | null) => void) => void opens.push(done) },
    log: { start: 5 },
    journal: { info: () => {}, warn: () => {}, error: () => {} },
    schedule: () => {},
  };
  const missing = (): void => void log.push('missing');
  const events = { epoch: () => 1, send: () => {}, sent: () => {}, missing, installed: () => {} };
  const file = (name: string, zxid = 5): SnapshotFile => ({
    zxid,
    bytesTotal: 10,
    read: (offset) => void log.push(`read ${name} at ${offset}`),
    close: () => void log.push(`close ${name}`),
  });
  return { transfers: new SnapshotTransfers(ports as unknown as Ports, events), opens, log, file };
}

/** A server that sends a snapshot to whoever is connected. */
function boxThatSends(): Box {
  const box = new Box({ id: 3, servers: 3, ensembleId: 7 });
  const { core } = box.server;
  const step = core.step.bind(core);
  core.step = (input, effects) => {
    step(input, effects);
    if (input.kind === 'link') effects.transfers.push({ kind: 'sendSnapshot', to: 2 });
  };
  return box;
}

test('a learner that asks again gets one snapshot, and the other file is closed', () => {
  const { transfers: outgoing, opens, log, file } = transfers();
  const opened: number[] = [];
  outgoing.open(2, () => opened.push(1));
  outgoing.open(2, () => opened.push(2));
  opens[0]!(file('first'));
  opens[1]!(file('second'));
  outgoing.pump();
  assert.deepEqual(opened, [2]);
  assert.deepEqual(log, ['close first', 'read second at 0']);
});

test('a learner that left while its snapshot was opened gets nothing', () => {
  const { transfers: outgoing, opens, log, file } = transfers();
  outgoing.open(2, () => log.push('opened'));
  outgoing.peerDown(2);
  opens[0]!(file('late'));
  outgoing.pump();
  assert.deepEqual(log, ['close late']);
});

test('a snapshot that the log does not go on from is not sent: one that can be is wanted', () => {
  const { transfers: outgoing, opens, log, file } = transfers();
  const opened: number[] = [];
  outgoing.open(2, (zxid) => opened.push(zxid));
  opens[0]!(file('older', 4));
  outgoing.open(2, (zxid) => opened.push(zxid));
  opens[1]!(null);
  outgoing.pump();
  assert.deepEqual(opened, [-1, -1]);
  assert.deepEqual(log, ['close older', 'missing', 'missing']);
});

test('a server that has no snapshot for a learner takes one', () => {
  const box = boxThatSends();
  box.server.peerUp(2);
  box.settle();
  assert.deepEqual([...box.snapshots.files.keys()], [box.server.tree.lastZxid]);
});

test('a learner that leaves or joins anew over the same link gets no more of its old snapshot', () => {
  const messages: Message[] = [
    { kind: 'join', acceptedEpoch: 0, observer: false },
    { kind: 'vote', round: 1, state: 'looking', leader: 2, epoch: 0, zxid: 0 },
  ];
  for (const message of messages) {
    const { file, log } = transfers();
    const box = boxThatSends();
    box.snapshots.open = (done) => done(file('old'));
    box.server.peerUp(2);
    box.settle();
    assert.deepEqual(log.splice(0), ['read old at 0']);
    const frame = new Writer(64);
    encodeMessage(message, frame);
    box.server.peerFrame(2, frame.copy());
    assert.deepEqual(log, ['close old'], message.kind);
  }
});

test('a server that leads no more opens nothing for its former learners', () => {
  const { transfers: outgoing, opens, log, file } = transfers();
  outgoing.open(2, () => log.push('opened'));
  outgoing.forgetOutgoing();
  opens[0]!(file('late'));
  outgoing.pump();
  assert.deepEqual(log, ['close late']);
});

test('a snapshot that cannot be written is given up at once, and told once', () => {
  const log: string[] = [];
  const ports = {
    snapshots: {
      receive: () => ({
        write: (offset: number) => (offset === 0 ? null : 'the disk is full'),
        finish: () => void log.push('finish'),
        abort: () => void log.push('abort'),
      }),
    },
    journal: {
      info: () => {},
      error: (event: string, { reason }: { reason: string }) => log.push(`${event}: ${reason}`),
    },
  };
  const events = {
    epoch: () => 1,
    send: (_to: number, message: { kind: string; offset: number }) =>
      void log.push(`${message.kind} ${message.offset}`),
    sent: () => {},
    missing: () => {},
    installed: (zxid: number) => void log.push(`installed ${zxid}`),
  };
  const incoming = new SnapshotTransfers(ports as unknown as Ports, events);
  incoming.install(3, 5, 30);
  for (const offset of [0, 10, 20])
    incoming.chunk({ kind: 'snapshotChunk', epoch: 1, offset, bytes: Buffer.alloc(10) });
  assert.deepEqual(log, ['snapshotAck 10', 'abort', 'snapshot not installed: the disk is full', 'installed -1']);
  assert.equal(incoming.installing, false);
});
