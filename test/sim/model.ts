/**
 * What the state must be: an executable model of ZooKeeper's tree, fed with the committed txns once.
 *
 * It shares no code with `engine/tree` and keeps every version of every node, so it can say what a
 * read at any zxid must have answered and which event a watch must have seen.
 */
import { Reader } from '../../engine/base/bytes.ts';
import { txnType } from '../../engine/txn/types.ts';
import { ModelQuotas } from './model-quotas.ts';
import { Violation } from './world.ts';

/** A committed txn, with its own copy of the body. */
export interface Txn {
  readonly zxid: number;
  readonly type: number;
  readonly origin: number;
  readonly session: number;
  readonly cxid: number;
  readonly time: number;
  readonly body: Buffer;
}

export interface NodeState {
  /** From this zxid on. */
  readonly zxid: number;
  readonly exists: boolean;
  readonly data: string | null;
  readonly czxid: number;
  readonly mzxid: number;
  readonly pzxid: number;
  readonly version: number;
  readonly creations: number;
  readonly children: number;
  readonly aversion: number;
  /** Persistent 0, ephemeral 1, container 2, with a ttl 3. */
  readonly kind: number;
  /** Session of an ephemeral node, ttl ms of a TTL node. */
  readonly owner: number;
  readonly mtime: number;
}

/** Something that a watch on the path would see. */
export interface PathEvent {
  readonly zxid: number;
  readonly type: number;
}

/** What a lasting watch may hear of. */
export interface ModelChange {
  readonly zxid: number;
  readonly type: number;
  readonly path: string;
  /** Part of the end of a session, whose nodes go in any order. */
  readonly isUnordered: boolean;
}

const absent: NodeState = {
  zxid: 0,
  exists: false,
  data: null,
  czxid: 0,
  mzxid: 0,
  pzxid: 0,
  version: 0,
  creations: 0,
  children: 0,
  aversion: 0,
  kind: 0,
  owner: 0,
  mtime: 0,
};
const kind = { ephemeral: 1, container: 2, ttl: 3 } as const;
/** All servers of a run have the same configuration, so it is published once. */
const configPath = '/zookeeper/config';
const eventCreated = 1;
const eventDeleted = 2;
const eventChanged = 3;
const eventChildren = 4;

export class Model {
  readonly #nodes = new Map<string, NodeState[]>();
  readonly #dataEvents = new Map<string, PathEvent[]>();
  readonly #childEvents = new Map<string, PathEvent[]>();
  /** All changes of nodes and of lists of children, in the order in which a server tells of them. */
  readonly changes: ModelChange[] = [];
  readonly #quotas = new ModelQuotas();
  /** Living sessions and their ephemeral nodes. */
  readonly sessions = new Map<number, Set<string>>();
  /** Sessions that ended, and when. */
  readonly closed = new Map<number, number>();
  readonly #reader = new Reader();
  lastZxid = 0;

  constructor() {
    for (const [path, children] of [
      ['/', 1],
      ['/zookeeper', 2],
      ['/zookeeper/quota', 0],
      ['/zookeeper/config', 0],
    ] as const) {
      this.#nodes.set(path, [{ ...absent, exists: true, data: '', children }]);
    }
  }

  apply(txn: Txn): void {
    const body = this.#reader.reset(txn.body);
    this.lastZxid = txn.zxid;
    switch (txn.type) {
      case txnType.createSession:
        this.sessions.set(txn.zxid, new Set());
        break;
      case txnType.resumeSession:
        this.#expect(this.sessions.has(txn.session), txn, 'resumes a session that is not there');
        break;
      case txnType.closeSession: {
        const paths = this.sessions.get(txn.session);
        this.#expect(paths !== undefined, txn, 'closes a session that is not there');
        for (const path of paths!) this.#delete(path, txn);
        this.sessions.delete(txn.session);
        this.closed.set(txn.session, txn.zxid);
        break;
      }
      case txnType.multi:
        for (let left = body.i32(); left > 0; left--) {
          const type = body.u8();
          body.i32();
          this.#node(type, body, txn);
        }
        break;
      case txnType.error:
      case txnType.multiError:
      case txnType.command:
        break;
      default:
        this.#node(txn.type, body, txn);
    }
  }

  /** The node as it was right after `zxid`. */
  at(path: string, zxid: number): NodeState {
    const history = this.#nodes.get(path) ?? [];
    for (let i = history.length - 1; i >= 0; i--) if (history[i]!.zxid <= zxid) return history[i]!;
    return absent;
  }

  /** First event after `since` that a data (or child) watch on the path must see, null when there is none yet. */
  firstEvent(path: string, kind: 'data' | 'child', since: number): PathEvent | null {
    const events = (kind === 'data' ? this.#dataEvents : this.#childEvents).get(path) ?? [];
    for (const event of events) if (event.zxid > since) return event;
    return null;
  }

  /** Paths that exist now. */
  *paths(): Iterable<string> {
    for (const [path, history] of this.#nodes) if (history[history.length - 1]!.exists) yield path;
  }

  childrenAt(parent: string, zxid: number): string[] {
    const prefix = parent === '/' ? '/' : `${parent}/`;
    const names: string[] = [];
    for (const path of this.#nodes.keys()) {
      if (path === '/' || !path.startsWith(prefix) || path.indexOf('/', prefix.length) !== -1) continue;
      if (this.at(path, zxid).exists) names.push(path.slice(prefix.length));
    }
    return names.sort();
  }

  #node(type: number, body: Reader, txn: Txn): void {
    if (type === txnType.reconfig) {
      const data = body.buffer()!.toString('latin1');
      const before = this.#existing(configPath, txn);
      this.#expect(
        before.data === '' && data.endsWith(`version=${txn.zxid.toString(16)}`),
        txn,
        'sets the servers anew',
      );
      this.#put(configPath, txn.zxid, { ...before, data, version: -1, mzxid: txn.zxid, mtime: txn.time });
      this.#event(this.#dataEvents, configPath, txn.zxid, eventChanged);
      this.#change(txn, eventChanged, configPath);
      return;
    }
    const path = body.string();
    switch (type) {
      case txnType.create:
      case txnType.create2: {
        const data = body.buffer();
        for (let left = body.i32(); left > 0; left--) {
          body.i32();
          body.string();
          body.string();
        }
        const [kind, owner, creations] = [body.u8(), body.i64(), body.i32()];
        this.#create(path, data === null ? null : data.toString('latin1'), kind, owner, creations, txn);
        break;
      }
      case txnType.delete:
        if (txn.origin === 0) this.#expectDue(path, txn);
        this.#delete(path, txn);
        break;
      case txnType.setData: {
        const data = body.buffer();
        const before = this.#existing(path, txn);
        const version = body.i32();
        this.#expect(version === before.version + 1, txn, `sets version ${version} after ${before.version}`);
        this.#put(path, txn.zxid, {
          ...before,
          data: data === null ? null : data.toString('latin1'),
          version,
          mzxid: txn.zxid,
          mtime: txn.time,
        });
        this.#count(path, (data?.length ?? 0) - (before.data?.length ?? 0), 0, txn.zxid);
        this.#event(this.#dataEvents, path, txn.zxid, eventChanged);
        this.#change(txn, eventChanged, path);
        break;
      }
      case txnType.check:
        body.i32();
        break;
      default:
        break;
    }
  }

  #create(path: string, data: string | null, ofKind: number, owner: number, creations: number, txn: Txn): void {
    this.#expect(!this.at(path, txn.zxid).exists, txn, `creates ${path}, which exists`);
    const parentPath = parentOf(path);
    const parent = this.#existing(parentPath, txn);
    this.#expect(parent.kind !== kind.ephemeral, txn, `creates ${path} below an ephemeral node`);
    this.#expect(creations === parent.creations + 1, txn, `counts ${creations} creations after ${parent.creations}`);
    if (ofKind === kind.ephemeral) {
      this.#expect(this.sessions.has(owner), txn, `creates ${path} for a session that is not there`);
      this.sessions.get(owner)!.add(path);
    }
    const { zxid, time: mtime } = txn;
    const born = { ...absent, exists: true, data, czxid: zxid, mzxid: zxid, pzxid: zxid, mtime };
    this.#put(path, zxid, { ...born, kind: ofKind, owner });
    this.#put(parentPath, zxid, { ...parent, creations, children: parent.children + 1, pzxid: zxid });
    this.#count(path, data?.length ?? 0, 1, zxid);
    this.#change(txn, eventCreated, path);
    this.#change(txn, eventChildren, parentPath);
    this.#event(this.#dataEvents, path, zxid, eventCreated);
    this.#event(this.#childEvents, parentPath, zxid, eventChildren);
  }

  #delete(path: string, txn: Txn): void {
    const node = this.#existing(path, txn);
    this.#expect(node.children === 0, txn, `deletes ${path}, which has children`);
    const parentPath = parentOf(path);
    const parent = this.#existing(parentPath, txn);
    if (node.kind === kind.ephemeral) this.sessions.get(node.owner)?.delete(path);
    const { zxid } = txn;
    this.#put(path, zxid, absent);
    this.#put(parentPath, zxid, { ...parent, children: parent.children - 1, pzxid: zxid });
    this.#count(path, -(node.data?.length ?? 0), -1, zxid);
    this.#change(txn, eventDeleted, path);
    this.#change(txn, eventChildren, parentPath);
    this.#event(this.#dataEvents, path, zxid, eventDeleted);
    this.#event(this.#childEvents, path, zxid, eventDeleted);
    this.#event(this.#childEvents, parentPath, zxid, eventChildren);
  }

  /** The leader deletes by itself what had children and has none, or was not written to for its ttl. */
  #expectDue(path: string, txn: Txn): void {
    const node = this.#existing(path, txn);
    const isDue =
      node.kind === kind.container ? node.creations > 0 : node.kind === kind.ttl && txn.time - node.mtime > node.owner;
    this.#expect(isDue, txn, `reaps ${path}, which is not due`);
  }

  #change({ zxid, type: txnKind }: Txn, type: number, path: string): void {
    this.changes.push({ zxid, type, path, isUnordered: txnKind === txnType.closeSession });
  }

  /** Keeps the figures of the quota above the path. */
  #count(path: string, bytes: number, count: number, zxid: number): void {
    const stats = this.#quotas.changed(path, bytes, count, () => this.#lengths());
    if (stats === null) return;
    this.#put(stats, zxid, { ...this.at(stats, zxid), data: this.#quotas.text(stats) });
  }

  *#lengths(): Iterable<readonly [string, number]> {
    for (const path of this.paths()) yield [path, this.#nodes.get(path)!.at(-1)!.data?.length ?? 0];
  }

  #existing(path: string, txn: Txn): NodeState {
    const state = this.at(path, txn.zxid);
    this.#expect(state.exists, txn, `needs ${path}, which does not exist`);
    return state;
  }

  #put(path: string, zxid: number, state: NodeState): void {
    const history = this.#nodes.get(path);
    if (history === undefined) this.#nodes.set(path, [{ ...state, zxid }]);
    else history.push({ ...state, zxid });
  }

  #event(events: Map<string, PathEvent[]>, path: string, zxid: number, type: number): void {
    const known = events.get(path);
    if (known === undefined) events.set(path, [{ zxid, type }]);
    else known.push({ zxid, type });
  }

  #expect(holds: boolean, txn: Txn, what: string): void {
    if (!holds) throw new Violation('model', `txn 0x${txn.zxid.toString(16)} of type ${txn.type} ${what}`);
  }
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
