/** What comes with one read from a peer is carried out in its order, not only at the end of the turn. */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { test } from 'node:test';
import { Writer } from '../../../engine/base/bytes.ts';
import type { Effects, Input } from '../../../engine/consensus/core.ts';
import type { Message } from '../../../engine/consensus/zab/messages.ts';
import type { Zab } from '../../../engine/consensus/zab/zab.ts';
import { Metrics } from '../../../engine/server/metrics.ts';
import { unreadable, type Ports } from '../../../engine/server/ports.ts';
import { Replication } from '../../../engine/server/replication.ts';
import type { SnapshotTransfers } from '../../../engine/server/snapshot-transfers.ts';
import { encodeMessage } from '../../support/frames.ts';

test('a snapshot chunk that comes together with the order to install finds the installation begun', () => {
  const calls: string[] = [];
  const transfers = {
    install: (from: number) => void calls.push(`install from ${from}`),
    chunk: ({ offset }: { offset: number }) => void calls.push(`chunk at ${offset}`),
  };
  const core = {
    leader: 3,
    epoch: 1,
    step: (input: Input<Message>, effects: Effects<Message>) => {
      if (input.kind === 'message' && input.message.kind === 'sync')
        effects.transfers.push({ kind: 'install', from: input.from, zxid: 7, bytesTotal: 2 });
    },
  };
  const ports = { checksum: (bytes: Uint8Array) => crc32(bytes) };
  const replication = new Replication(
    core as unknown as Zab,
    0,
    ports as unknown as Ports,
    new Metrics(0),
    transfers as unknown as SnapshotTransfers,
    { changed: () => {}, joining: () => {}, requests: () => {}, touched: () => {}, takeTouched: () => [] },
  );
  const receive = (message: Message): void => {
    const out = new Writer(64);
    encodeMessage(message, out);
    replication.frame(3, Buffer.from(out.view()));
  };
  receive({ kind: 'sync', epoch: 1, mode: 'snap', from: 7, bytesTotal: 2, ensembleId: 1 });
  receive({ kind: 'snapshotChunk', epoch: 1, offset: 0, bytes: Buffer.from('ab') });
  assert.deepEqual(calls, ['install from 3', 'chunk at 0']);
});

test('a server that joins anew over the same link is told of before anything else it sends', () => {
  const calls: string[] = [];
  const core = { role: 'leading', serving: true, epoch: 1, step: () => void calls.push('step') };
  const ports = { checksum: (bytes: Uint8Array) => crc32(bytes) };
  const replication = new Replication(
    core as unknown as Zab,
    0,
    ports as unknown as Ports,
    new Metrics(0),
    {} as unknown as SnapshotTransfers,
    {
      changed: () => {},
      joining: (from) => void calls.push(`joining ${from}`),
      requests: (from) => void calls.push(`requests of ${from}`),
      touched: () => {},
      takeTouched: () => [],
    },
  );
  const messages: Message[] = [
    { kind: 'requests', epoch: 1, bytes: Buffer.from('r') },
    { kind: 'join', acceptedEpoch: 1, observer: false },
  ];
  for (const message of messages) {
    const out = new Writer(64);
    encodeMessage(message, out);
    replication.frame(2, Buffer.from(out.view()));
  }
  // It will ask again for what it does not see committed: what it asked before must not be done twice.
  assert.deepEqual(calls, ['step', 'requests of 2', 'step', 'joining 2']);
});

test('a learner whose part of the log cannot be read at the moment has to try again', () => {
  const calls: string[] = [];
  const core = {
    step: (input: Input<Message>, effects: Effects<Message>) => {
      calls.push(input.kind);
      if (input.kind === 'turnEnd') effects.transfers.push({ kind: 'readHistory', to: 2, after: 5, token: 1 });
    },
  };
  const ports = {
    log: { read: (_after: number, _bytesMax: number, done: (floor: number) => void) => done(unreadable) },
    peers: { flush: () => {}, reset: (peer: number) => void calls.push(`reset ${peer}`) },
    journal: { warn: () => {} },
  };
  const replication = new Replication(
    core as unknown as Zab,
    0,
    ports as unknown as Ports,
    new Metrics(0),
    {} as unknown as SnapshotTransfers,
    { changed: () => {}, joining: () => {}, requests: () => {}, touched: () => {}, takeTouched: () => [] },
  );
  replication.turnEnd();
  replication.drain();
  assert.deepEqual(calls, ['turnEnd', 'reset 2']);
});
