/** A read answers exactly what the model had at the zxid of its reply; after a sync it misses nothing older. */
import { Reader } from '../../../engine/base/bytes.ts';
import { zxidText } from '../../../engine/base/zxid.ts';
import type { SimClient } from '../client.ts';
import type { NodeState } from '../model.ts';
import { isRead, isWrite, sequenceParent, type Reply, type Request } from '../workload.ts';
import { Checker } from './checker.ts';

const noNode = -101;
const ephemeral = 1;
const opGetData = 4;
const opGetChildren = 8;

export class Reads extends Checker {
  readonly name = 'reads match the history';

  override replied(client: SimClient, request: Request | undefined, reply: Reply): void {
    if (request === undefined || !isRead(request.kind)) return;
    const who = `${request.kind} ${request.path} of client ${client.id} at ${zxidText(reply.zxid)}`;
    if (request.kind === 'multiRead') {
      this.#multiRead(request, reply, who);
      return;
    }
    const state = this.truth.model.at(request.path, reply.zxid);
    this.expect(reply.error === (state.exists ? 0 : noNode), () => `${who} was answered with ${reply.error}`);
    if (reply.error !== 0) return;
    const { reader } = reply;
    if (request.kind === 'get') this.#data(reader, state, who);
    else if (request.kind === 'children') this.#children(reader, request.path, reply.zxid, who);
    this.#stat(reader, state, who);
  }

  /** All parts are of one moment. */
  #multiRead({ paths }: Request, { error, reader, zxid }: Reply, who: string): void {
    this.expect(error === 0, () => `${who} was answered with ${error}`);
    for (const path of paths) {
      const [type, done, code] = [reader.i32(), reader.bool(), reader.i32()];
      const state = this.truth.model.at(path, zxid);
      const isList = path === sequenceParent;
      const expected = state.exists ? (isList ? opGetChildren : opGetData) : -1;
      this.expect(type === expected && !done, () => `${who} gave a part of type ${type} for ${path}`);
      this.expect(code === (state.exists ? 0 : noNode), () => `${who} gave ${code} for ${path}`);
      if (!state.exists) {
        reader.i32();
      } else if (isList) {
        this.#children(reader, path, zxid, who);
      } else {
        this.#data(reader, state, who);
        this.#stat(reader, state, who);
      }
    }
    this.expect(
      reader.i32() === -1 && reader.bool() && reader.i32() === -1 && reader.left === 0,
      () => `${who} has no end`,
    );
  }

  #data(reader: Reader, state: NodeState, who: string): void {
    const data = reader.buffer()?.toString('latin1') ?? null;
    this.expect(data === state.data, () => `${who} gave ${data} instead of ${state.data}`);
  }

  #children(reader: Reader, path: string, zxid: number, who: string): void {
    const names: string[] = [];
    for (let left = reader.i32(); left > 0; left--) names.push(reader.string());
    const expected = this.truth.model.childrenAt(path, zxid);
    this.expect(names.sort().join() === expected.join(), () => `${who} gave ${names.join()} not ${expected.join()}`);
  }

  #stat(reader: Reader, state: NodeState, who: string): void {
    const czxid = reader.i64();
    const mzxid = reader.i64();
    reader.i64();
    reader.i64();
    const version = reader.i32();
    const cversion = reader.i32();
    reader.i32();
    const owner = reader.i64();
    reader.i32();
    const children = reader.i32();
    const pzxid = reader.i64();
    const same =
      czxid === state.czxid &&
      mzxid === state.mzxid &&
      version === state.version &&
      cversion === state.creations * 2 - state.children &&
      owner === (state.kind === ephemeral ? state.owner : 0) &&
      children === state.children &&
      pzxid === state.pzxid;
    this.expect(same && !reader.bad, () => `${who} gave another Stat than ${JSON.stringify(state)}`);
  }
}

/**
 * Writes are linearizable, and so is a read after `sync`: its zxid is not below anything that anybody
 * had been told before the sync was sent (Apache ZooKeeper does not promise that).
 */
export class Linearizable extends Checker {
  readonly name = 'sync then read';
  /** Highest zxid told to any client so far. */
  #told = 0;
  readonly #toldAtSend = new Map<Request, number>();

  override sent(_client: SimClient, request: Request): void {
    if (isWrite(request.kind)) this.#toldAtSend.set(request, this.#told);
  }

  override replied(client: SimClient, request: Request | undefined, reply: Reply): void {
    if (request === undefined) return;
    const told = this.#toldAtSend.get(request);
    this.#toldAtSend.delete(request);
    if (told !== undefined) {
      this.expect(reply.zxid > told, () => {
        const [now, before] = [zxidText(reply.zxid), zxidText(told)];
        return `${request.kind} of client ${client.id} took ${now}, but ${before} was told before`;
      });
    }
    this.#told = Math.max(this.#told, reply.zxid);
  }

  override disconnected(_client: SimClient, pending: readonly Request[]): void {
    for (const request of pending) this.#toldAtSend.delete(request);
  }
}

/** Names of sequential nodes are never given out twice. */
export class Names extends Checker {
  readonly name = 'sequential names';
  readonly #seen = new Set<string>();

  override replied(client: SimClient, request: Request | undefined, reply: Reply): void {
    if (request?.kind !== 'sequential' || reply.error !== 0) return;
    const path = reply.reader.string();
    this.expect(path.startsWith(request.path) && /-\d{10}$/.test(path), () => `${path} is no name of a sequence`);
    const known = `${this.truth.model.at('/q', reply.zxid).czxid} ${path}`;
    this.expect(!this.#seen.has(known), () => `client ${client.id} was given ${path}, as another one before`);
    this.#seen.add(known);
  }
}
