/**
 * A client of any ZooKeeper-compatible ensemble: promises, pipelined, typed.
 *
 *   const client = await Client.connect('a:2181,b:2181,c:2181/app');
 *   await client.create('/members/m-', 'host-1', { ephemeral: true, sequential: true });
 *   const { data, stat } = await client.getData('/config');
 *   await client.close();
 *
 * Calls may be made at any time and do not wait for each other; they are carried out in order. Each
 * ends: with its result, with the server's error, with ConnectionLossError when the outcome is unknown,
 * with OperationTimeoutError, or with the reason why the session is over. An argument that makes no
 * sense is a rejection too.
 */
import { Buffer } from 'node:buffer';
import type { Reader, Writer } from '../base/bytes.ts';
import { readAcls, writeAcls, type Acl, type Id } from '../wire/acl.ts';
import { errorCode } from '../wire/errors.ts';
import { opcode } from '../wire/opcodes.ts';
import type { Environment } from './environment.ts';
import { ConnectionLossError, errorOf, KeeperError, OperationTimeoutError } from './errors.ts';
import { settingsOf, type Auth, type ClientOptions, type SessionKey } from './options.ts';
import { Paths } from './paths.ts';
import { readClientInfos, readData, readStat, readStrings, type NodeData, type Stat } from './records.ts';
import type { CallOptions, Request } from './request.ts';
import { Session, type SessionState, type StateListener } from './session.ts';
import { MultiRead, Transaction } from './transaction.ts';
import type { ServerAddress } from './transport.ts';
import { Watch } from './watch.ts';
import { watcherType, type WatchKind, type Watcher, type WatcherType } from './watch-table.ts';
import {
  createOp,
  writeCreate,
  writePath,
  writeRead,
  writeReconfiguration,
  writeSet,
  writeVersioned,
  type CreateOptions,
  type Data,
  type Reconfiguration,
} from './writes.ts';

export interface ReadOptions extends CallOptions {
  /** Hears once of the next change; see WatchEvent for what else it may hear. */
  readonly watch?: Watcher | undefined;
}

export interface WatchOptions extends CallOptions {
  /** The whole subtree: created, deleted and changed nodes. Default: the node and its list of children. */
  readonly recursive?: boolean | undefined;
}

/** The servers' own node with the ensemble's members; not below any chroot. */
export const configPath = '/zookeeper/config';

export class Client {
  /** Where it has time and chance from, for what is built upon it. */
  readonly environment: Environment;
  readonly #session: Session;
  readonly #paths: Paths;

  /** Starts to connect; calls wait until there is a session. Throws a TypeError when an option makes no sense. */
  constructor(connectString: string, options: ClientOptions = {}) {
    const settings = settingsOf(connectString, options);
    this.environment = settings.environment;
    this.#paths = new Paths(settings.chroot);
    this.#session = new Session(settings, (path) => this.#paths.toClient(path));
  }

  /** A client with a session. When there is none in time (30 s by default) nothing is left of it. */
  static async connect(connectString: string, options: ClientOptions & CallOptions = {}): Promise<Client> {
    const client = new Client(connectString, options);
    try {
      await client.connected(options);
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  // ---- the session ---------------------------------------------------------------------------------

  get state(): SessionState {
    return this.#session.state;
  }

  /** `0x…`, as in `stat.ephemeralOwner`; `0x0` before the first connection. */
  get sessionId(): string {
    const { id } = this.#session;
    return `0x${id.toString('hex').replace(/^0+(?=.)/, '')}`;
  }

  /** What another client needs to go on with this session. */
  get sessionKey(): SessionKey {
    return { id: this.sessionId, password: Buffer.from(this.#session.password) };
  }

  /** As the servers granted it, ms. */
  get sessionTimeoutMs(): number {
    return this.#session.timeoutMs;
  }

  /**
   * Until when the servers keep the session for certain, ms of `environment.now()`: its time since what the leader
   * last had of it, as far as its answer came: a connection, a write that was carried out, or a `sync`. Reads and pings
   * do not count: a server that is cut off from the leader answers them, too, while the leader gives the session up.
   * Later than this the session may be over, though nothing was heard of it; `sync` moves it.
   *
   * With Apache ZooKeeper it is a good guess. Its leader answers `sync` and resumes sessions without asking its
   * quorum, and learns from a follower some time after the answer that the client was heard: when either is cut off
   * just then, the session may end up to a third of its time, or the time until the leader notices, earlier.
   */
  get sessionLastsUntil(): number {
    return this.#session.lastsUntil;
  }

  /** The server of the present connection. */
  get server(): ServerAddress | null {
    return this.#session.server;
  }

  /** The newest txn that this client has seen. */
  get lastZxid(): number {
    return this.#session.lastZxid;
  }

  /** Hears of every change of `state`; returns a function that ends it. */
  onState(listener: StateListener): () => void {
    return this.#session.onState(listener);
  }

  /** Resolves as soon as there is a connection; rejects when there is none in time or the session is over. */
  connected({ signal, timeoutMs = 30_000 }: CallOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        stopTimer();
        stop();
        signal?.removeEventListener('abort', abort);
        settle();
      };
      const look = (): void => {
        if (this.state.startsWith('connected')) end(resolve);
        else if (this.#session.isEnded) end(() => reject(this.#session.finalError(null)));
      };
      const abort = (): void => end(() => reject(signal?.reason));
      const stop = this.onState(look);
      const stopTimer = this.environment.after(timeoutMs, () => end(() => reject(this.#unreachable(timeoutMs))));
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted === true) abort();
      else look();
    });
  }

  /** Presents an identity. Resolves when the server has taken it; without a connection, at once. */
  addAuth(scheme: string, auth: Auth['auth']): Promise<void> {
    return this.#session.addAuth({ scheme, auth });
  }

  /** Ends the session, after all that was asked before. Its ephemeral nodes are gone then, if there is a connection. */
  close(): Promise<void> {
    return this.#session.close();
  }

  /** Ends this client at once. The servers are not told: they keep the session until it expires. */
  destroy(): void {
    this.#session.destroy();
  }

  // ---- nodes ---------------------------------------------------------------------------------------

  /** Resolves with the path, which for a sequential node has its number. */
  create(path: string, data: Data = null, options: CreateOptions & CallOptions = {}): Promise<string> {
    return this.#create(path, data, options, false, (body) => this.#paths.toClient(body.string()));
  }

  /** As `create`, with the Stat of the new node. */
  create2(
    path: string,
    data: Data = null,
    options: CreateOptions & CallOptions = {},
  ): Promise<{ path: string; stat: Stat }> {
    return this.#create(path, data, options, true, (body) => ({
      path: this.#paths.toClient(body.string()),
      stat: readStat(body),
    }));
  }

  /** Deletes a node without children; only if its data has this version (-1: any). */
  delete(path: string, version = -1, options: CallOptions = {}): Promise<void> {
    return this.#call(opcode.delete, path, options, (out, full) => writeVersioned(full, version, out), nothing);
  }

  setData(path: string, data: Data, version = -1, options: CallOptions = {}): Promise<Stat> {
    return this.#call(opcode.setData, path, options, (out, full) => writeSet(full, data, version, out), readStat);
  }

  /** null when there is no such node; a watch then hears of its creation. */
  exists(path: string, options: ReadOptions = {}): Promise<Stat | null> {
    return this.#read(opcode.exists, 'exist', path, options, (body, code, full) => {
      this.#watch(code === 0 ? 'data' : 'exist', full, options);
      return code === 0 ? readStat(body) : null;
    });
  }

  getData(path: string, options: ReadOptions = {}): Promise<NodeData> {
    return this.#read(opcode.getData, 'data', path, options, (body, _code, full) => {
      this.#watch('data', full, options);
      return { data: readData(body), stat: readStat(body) };
    });
  }

  /** The names of the children, in no order. */
  getChildren(path: string, options: ReadOptions = {}): Promise<string[]> {
    return this.#read(opcode.getChildren, 'child', path, options, (body, _code, full) => {
      this.#watch('child', full, options);
      return readStrings(body);
    });
  }

  /** As `getChildren`, with the Stat of the node itself. */
  getChildren2(path: string, options: ReadOptions = {}): Promise<{ children: string[]; stat: Stat }> {
    return this.#read(opcode.getChildren2, 'child', path, options, (body, _code, full) => {
      this.#watch('child', full, options);
      return { children: readStrings(body), stat: readStat(body) };
    });
  }

  getAcl(path: string, options: CallOptions = {}): Promise<{ acl: Acl[]; stat: Stat }> {
    return this.#call(opcode.getAcl, path, options, writePath, (body) => ({
      acl: readAcls(body),
      stat: readStat(body),
    }));
  }

  /** Only if the ACL has been set this often (`stat.aversion`; -1: any). */
  setAcl(path: string, acl: readonly Acl[], version = -1, options: CallOptions = {}): Promise<Stat> {
    const encode = (out: Writer, full: string): void => {
      out.string(full);
      writeAcls(acl, out);
      out.i32(version);
    };
    return this.#call(opcode.setAcl, path, options, encode, readStat);
  }

  /** Brings the server of this connection up to date: what is read afterwards has all that was written before. */
  sync(path = '/', options: CallOptions = {}): Promise<string> {
    return this.#call(opcode.sync, path, options, writePath, (body) => this.#paths.toClient(body.string()));
  }

  /** Several writes as one. */
  multi(): Transaction {
    return new Transaction(this.#session, this.#paths);
  }

  /** Several reads in one request. */
  multiRead(): MultiRead {
    return new MultiRead(this.#session, this.#paths);
  }

  /** The ephemeral nodes of this session below a path. */
  getEphemerals(prefix = '/', options: CallOptions = {}): Promise<string[]> {
    return this.#call(opcode.getEphemerals, prefix, options, writePath, (body) =>
      readStrings(body).map((path) => this.#paths.toClient(path)),
    );
  }

  /** How many nodes there are below this one. */
  getAllChildrenNumber(path: string, options: CallOptions = {}): Promise<number> {
    return this.#call(opcode.getAllChildrenNumber, path, options, writePath, (body) => body.i32());
  }

  /** Who the server thinks this client is. */
  whoAmI(options: CallOptions = {}): Promise<Id[]> {
    return this.#session.call(opcode.whoAmI, null, options, () => {}, readClientInfos);
  }

  /** The ensemble's members, as in zoo.cfg's server lines. */
  getConfig(options: ReadOptions = {}): Promise<NodeData> {
    const encode = (out: Writer): void => writeRead(configPath, options.watch !== undefined, out);
    const decode = (body: Reader): NodeData => {
      this.#watch('data', configPath, options);
      return { data: readData(body), stat: readStat(body) };
    };
    const { watch } = options;
    const ask = watch === undefined ? null : (request: Request) => this.#ask(request, 'data', configPath, watch);
    return this.#session.call(opcode.getData, configPath, options, encode, decode, ask);
  }

  /** Changes the ensemble's members; resolves with the new configuration. */
  reconfig(change: Reconfiguration, options: CallOptions = {}): Promise<NodeData> {
    const encode = (out: Writer): void => writeReconfiguration(change, out);
    return this.#session.call(opcode.reconfig, configPath, options, encode, (body) => ({
      data: readData(body),
      stat: readStat(body),
    }));
  }

  // ---- watches -------------------------------------------------------------------------------------

  /** A watch that stays, for a callback. Needs ZooKeeper 3.6. */
  addWatch(path: string, watcher: Watcher, options: WatchOptions = {}): Promise<void> {
    const kind = options.recursive === true ? 'recursive' : 'persistent';
    let full = '';
    return this.#session.call(
      opcode.addWatch,
      path,
      options,
      (out) => {
        out.string((full = this.#paths.toServer(path)));
        out.i32(kind === 'recursive' ? 1 : 0);
      },
      () => this.#session.watches.add(kind, full, watcher),
      (request) => {
        this.#ask(request, kind, full, watcher);
        request.onLate = () => {
          // Nobody waits for it, and it would stay.
          this.#session.watches.add(kind, full, nothing);
          void this.#forsake(path, nothing);
        };
      },
    );
  }

  /** A watch that stays, as a stream of events; leaving the loop removes it. An aborted signal ends the stream. */
  watch(path: string, options: WatchOptions = {}): Watch {
    const { signal } = options;
    const watch: Watch = new Watch(
      (own) => this.addWatch(path, own.event, options),
      (own) => {
        signal?.removeEventListener('abort', close);
        void this.#forsake(path, own.event);
      },
      () => this.#session.finalError(path),
    );
    const close = (): void => watch.close();
    signal?.addEventListener('abort', close, { once: true });
    return watch;
  }

  /**
   * Removes watches of a path: all of a type, or just one watcher, while the server goes on to send the
   * others their events, also those whose call is not answered yet. Who is removed hears of it. A recursive or
   * persistent watch is of type `any`, as in ZooKeeper up to 3.8.
   */
  async removeWatches(path: string, type: WatcherType, watcher?: Watcher, options: CallOptions = {}): Promise<void> {
    const { watches } = this.#session;
    const full = this.#paths.toServer(path);
    const isShared = watcher !== undefined && watches.hasOther(type, full, watcher);
    await this.#session.call(
      isShared ? opcode.checkWatches : opcode.removeWatches,
      path,
      options,
      (out) => {
        if (!watches.has(type, full, watcher)) throw errorOf(errorCode.noWatcher, path);
        writeVersioned(full, watcherType[type], out);
      },
      () => watches.remove(type, full, watcher),
      (request) => {
        if (watcher !== undefined) request.onEnd = watches.leave(type, full, watcher);
        request.onLate = () => watches.remove(type, full, watcher);
      },
    );
  }

  // ---- how -----------------------------------------------------------------------------------------

  /** Takes a watcher away for good, also when the connection is lost meanwhile: the next one has its watch again. */
  async #forsake(path: string, watcher: Watcher): Promise<void> {
    for (let isUnknown = true; isUnknown;) {
      try {
        await this.removeWatches(path, 'any', watcher);
        return;
      } catch (error) {
        isUnknown = error instanceof ConnectionLossError || error instanceof OperationTimeoutError;
        // The server took it away with another one of the path.
        if (error instanceof KeeperError && error.code === 'noWatcher')
          this.#session.watches.remove('any', this.#paths.toServer(path), watcher);
      }
    }
  }

  #call<T>(
    op: number,
    path: string,
    options: CallOptions,
    encode: (out: Writer, full: string) => void,
    decode: (body: Reader) => T,
  ): Promise<T> {
    return this.#session.call(op, path, options, (out) => encode(out, this.#paths.toServer(path)), decode);
  }

  #read<T>(
    op: number,
    kind: WatchKind,
    path: string,
    options: ReadOptions,
    decode: (body: Reader, code: number, full: string) => T,
  ): Promise<T> {
    let full = '';
    return this.#session.call(
      op,
      path,
      options,
      (out) => writeRead((full = this.#paths.toServer(path)), options.watch !== undefined, out),
      (body, code) => decode(body, code, full),
      options.watch === undefined ? null : (request) => this.#ask(request, kind, full, options.watch!),
    );
  }

  #create<T>(
    path: string,
    data: Data,
    options: CreateOptions & CallOptions,
    withStat: boolean,
    decode: (body: Reader) => T,
  ): Promise<T> {
    let op: number;
    try {
      op = createOp(options, withStat);
    } catch (error) {
      return Promise.reject(error);
    }
    const encode = (out: Writer): void => {
      const full = options.sequential === true ? this.#paths.toServerSequential(path) : this.#paths.toServer(path);
      writeCreate(full, data, options, out);
    };
    return this.#session.call(op, path, options, encode, decode);
  }

  /** The server is about to register a watch. */
  #ask(request: Request, kind: WatchKind, full: string, watcher: Watcher): void {
    request.onEnd = this.#session.watches.ask(kind, full, watcher);
  }

  /** The server has registered the watch of a read: whoever set it hears of the next change. */
  #watch(kind: WatchKind, full: string, { watch }: ReadOptions): void {
    if (watch !== undefined) this.#session.watches.add(kind, full, watch);
  }

  #unreachable(timeoutMs: number): ConnectionLossError {
    const { servers, lastError } = this.#session;
    const reason = lastError === null ? '' : `: ${lastError.message}`;
    return new ConnectionLossError(null, `no session with ${servers} within ${timeoutMs} ms${reason}`);
  }
}

/** Also the watcher of a watch that nobody wants. */
function nothing(): void {}
