/**
 * What Zab servers say to each other. `peer/frames.ts` gives each message its bytes.
 *
 *   election         vote
 *   discovery        join → newEpoch → ackEpoch          (ZooKeeper: FOLLOWERINFO, LEADERINFO, ACKEPOCH)
 *   synchronization  sync, snapshot chunks, proposals → newLeader → ackNewLeader → upToDate
 *   broadcast        proposal → ack → commit             (commit rides on the next proposal or ping)
 *   at all times     ping → pong, requests
 *
 * A link delivers in order and without gaps while it is up, so nothing here is numbered.
 */
import type { Buffer } from 'node:buffer';
import type { Batch } from '../../txn/batch.ts';

/** What a server is doing and whom it would follow; sent at each change and whenever a link comes up. */
export interface Vote {
  readonly kind: 'vote';
  /** The election round: the present one of a looking server, of another that in which it decided. */
  readonly round: number;
  readonly state: 'looking' | 'following' | 'observing' | 'leading';
  /** The chosen (looking) or actual leader; 0: none. */
  readonly leader: number;
  /** currentEpoch and last zxid of the sender itself. */
  readonly epoch: number;
  readonly zxid: number;
}

/** Learner to leader: I want to follow you. */
export interface Join {
  readonly kind: 'join';
  readonly acceptedEpoch: number;
  readonly observer: boolean;
}

/** Leader to learner: the epoch that I propose to lead. */
export interface NewEpoch {
  readonly kind: 'newEpoch';
  readonly epoch: number;
}

/** Learner to leader: I promise to follow nobody of an earlier epoch, and this is what I have on disk. */
export interface AckEpoch {
  readonly kind: 'ackEpoch';
  readonly epoch: number;
  readonly currentEpoch: number;
  readonly lastZxid: number;
}

/**
 * Leader to learner: how your history becomes mine. Proposals after `from` follow.
 * - diff: you keep everything (`from` is your last zxid);
 * - trunc: drop what is after `from`;
 * - snap: take the snapshot of `bytesTotal` bytes at `from`, whose chunks come first.
 */
export interface Sync {
  readonly kind: 'sync';
  readonly epoch: number;
  readonly mode: 'diff' | 'trunc' | 'snap';
  readonly from: number;
  readonly bytesTotal: number;
  /** The ensemble that the history belongs to. */
  readonly ensembleId: number;
}

/** Leader to learner: that was my history; make it durable, then you are mine. */
export interface NewLeader {
  readonly kind: 'newLeader';
  readonly epoch: number;
}

export interface AckNewLeader {
  readonly kind: 'ackNewLeader';
  readonly epoch: number;
}

/** Leader to learner: a quorum has my history; everything up to `committed` is committed. Serve. */
export interface UpToDate {
  readonly kind: 'upToDate';
  readonly epoch: number;
  readonly committed: number;
}

export interface Proposal {
  readonly kind: 'proposal';
  readonly epoch: number;
  /** The leader's last committed zxid when it sent this. */
  readonly committed: number;
  readonly batch: Batch;
}

/** Cumulative: everything up to `zxid` is on my disk. */
export interface Ack {
  readonly kind: 'ack';
  readonly epoch: number;
  readonly zxid: number;
}

/** Cumulative; sent alone only when no proposal is about to carry it. */
export interface Commit {
  readonly kind: 'commit';
  readonly epoch: number;
  readonly zxid: number;
}

export interface Ping {
  readonly kind: 'ping';
  readonly epoch: number;
  readonly committed: number;
}

/** Answer to a ping, with the sessions whose clients were heard since the last one. */
export interface Pong {
  readonly kind: 'pong';
  readonly epoch: number;
  /** Session ids. */
  readonly touched: readonly number[];
}

/** Bytes of the snapshot file announced by `sync`. */
export interface SnapshotChunk {
  readonly kind: 'snapshotChunk';
  readonly epoch: number;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Learner to leader: everything before `offset` has arrived; send on. */
export interface SnapshotAck {
  readonly kind: 'snapshotAck';
  readonly epoch: number;
  readonly offset: number;
}

/** Learner to leader: one turn of client writes (see `txn/request.ts`), opaque here. */
export interface Requests {
  readonly kind: 'requests';
  readonly epoch: number;
  readonly bytes: Buffer;
}

export type Message =
  | Vote
  | Join
  | NewEpoch
  | AckEpoch
  | Sync
  | NewLeader
  | AckNewLeader
  | UpToDate
  | Proposal
  | Ack
  | Commit
  | Ping
  | Pong
  | SnapshotChunk
  | SnapshotAck
  | Requests;
