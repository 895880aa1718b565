/**
 * A conversation with a server, written down line by line as it goes.
 *
 *   a create /x: 0 +3 "/x"                 connection, request: error code, zxid, body
 *   b event: -1 0 1 3 "/x"                 an event: zxid, error code, type, state, path
 *   a closed
 *
 * A line about a connection is written when the script gets to it, so the transcript does not depend
 * on which of two connections the server serves first; within a connection the order is the wire's.
 */
import { op, openAcl, RawClient, Record, type ConnectOptions, type Reply } from '../support/raw-client.ts';
import { Names, printBody, printConnect, printEvent } from './print.ts';

export type Acls = readonly { readonly perms: number; readonly scheme: string; readonly id: string }[];
export type Part = readonly [type: number, record: Record];

export const record = {
  create: (path: string | null, data: string | null = '', flags = 0, acl: Acls = openAcl): Record =>
    new Record().buffer(path).buffer(data).acl(acl).int(flags),
  watched: (path: string, watch = false): Record => new Record().buffer(path).bool(watch),
  set: (path: string, data: string | null = '', version = -1): Record =>
    new Record().buffer(path).buffer(data).int(version),
  versioned: (path: string, version = -1): Record => new Record().buffer(path).int(version),
  setAcl: (path: string, acl: Acls, version = -1): Record => new Record().buffer(path).acl(acl).int(version),
  path: (path: string): Record => new Record().buffer(path),
  multi: (parts: readonly Part[]): Record => {
    const all = new Record();
    for (const [type, part] of parts) all.int(type).bool(false).int(-1).raw(part.bytes());
    return all.int(-1).bool(true).int(-1);
  },
  createTtl: (path: string, data: string | null, flags: number, ttl: bigint, acl: Acls = openAcl): Record =>
    new Record().buffer(path).buffer(data).acl(acl).int(flags).long(ttl),
  numbered: (path: string, number: number): Record => new Record().buffer(path).int(number),
  auth: (scheme: string, proof: string): Record => new Record().int(0).buffer(scheme).buffer(proof),
};

/** Milliseconds that an answer or event may take. */
const patienceMs = 10_000;

async function inTime<T>(what: string, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came: ${what}`)), patienceMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class Talk {
  readonly lines: string[] = [];
  readonly names = new Names();
  readonly port: number;
  readonly #peers: Peer[] = [];

  constructor(port: number) {
    this.port = port;
  }

  /** A TCP connection called `name`. */
  async open(name: string): Promise<Peer> {
    const peer = new Peer(name, this, await RawClient.open(this.port));
    this.#peers.push(peer);
    return peer;
  }

  /** A connection with a session; the first one of a conversation marks where its zxids count from. */
  async session(name: string, options: ConnectOptions = {}): Promise<Peer> {
    const peer = await this.open(name);
    await peer.connect(options);
    return peer;
  }

  /** Closes all sessions, so that none expires in a later conversation and takes a zxid there. */
  async end(): Promise<void> {
    for (const peer of this.#peers) await peer.leave();
  }
}

export class Peer {
  readonly name: string;
  readonly #talk: Talk;
  readonly #client: RawClient;
  #seen = 0;
  session: { readonly id: bigint; readonly password: Buffer } = { id: 0n, password: Buffer.alloc(16) };

  constructor(name: string, talk: Talk, client: RawClient) {
    this.name = name;
    this.#talk = talk;
    this.#client = client;
  }

  /** The handshake; zxids count on from the session it gave. */
  async connect(options: ConnectOptions = {}, payload?: Buffer): Promise<void> {
    const { names } = this.#talk;
    const info = await inTime('handshake', this.#client.handshake(options, payload));
    if (info === null) {
      this.#line('connect: closed');
      return;
    }
    if (info.id !== 0n) {
      this.session = { id: info.id, password: info.password };
      if (!names.sessions.has(info.id)) names.sessions.set(info.id, `session-${this.name}`);
    }
    this.#line(`connect: ${printConnect(info.frame, names)}`);
    if (info.timeoutMs > 0) await this.mark();
  }

  /** Counts zxids from the server's last one, which a ping tells: not every server spends the same on a handshake. */
  async mark(): Promise<void> {
    const reply = await inTime('ping', this.#client.ping());
    this.#drain(reply);
    if (reply !== null) this.#talk.names.mark(reply.zxid);
  }

  async request(label: string, code: number, body: Record | Buffer = Buffer.alloc(0), xid?: number): Promise<void> {
    const what = `${label}: `;
    const answer = xid === undefined ? this.#client.request(code, body) : this.#client.request(code, body, xid);
    const reply = await inTime(`${this.name} ${label}`, answer);
    this.#drain(reply);
    if (reply === null) {
      this.#line(`${what}closed`);
      return;
    }
    const { names } = this.#talk;
    // The commit of a `sync` takes a zxid here and none in ZooKeeper.
    const zxid = code === op.sync ? '*' : names.replyZxid(reply.zxid);
    const printed = reply.err === 0 ? printBody(code, reply.body, names) : reply.body.toString('hex');
    this.#line(`${what}${reply.err} ${zxid} ${printed}`.trimEnd());
  }

  create(path: string, data: string | null = '', flags = 0, acl: Acls = openAcl): Promise<void> {
    return this.request(`create ${path} ${flags}`, op.create, record.create(path, data, flags, acl));
  }

  create2(path: string, data: string | null = '', flags = 0, acl: Acls = openAcl): Promise<void> {
    return this.request(`create2 ${path} ${flags}`, op.create2, record.create(path, data, flags, acl));
  }

  delete(path: string, version = -1): Promise<void> {
    return this.request(`delete ${path} ${version}`, op.delete, record.versioned(path, version));
  }

  set(path: string, data: string | null = '', version = -1): Promise<void> {
    return this.request(`setData ${path} ${version}`, op.setData, record.set(path, data, version));
  }

  get(path: string, watch = false): Promise<void> {
    return this.request(`getData ${path}${watch ? ' !' : ''}`, op.getData, record.watched(path, watch));
  }

  exists(path: string, watch = false): Promise<void> {
    return this.request(`exists ${path}${watch ? ' !' : ''}`, op.exists, record.watched(path, watch));
  }

  children(path: string, watch = false): Promise<void> {
    return this.request(`getChildren ${path}${watch ? ' !' : ''}`, op.getChildren, record.watched(path, watch));
  }

  children2(path: string, watch = false): Promise<void> {
    return this.request(`getChildren2 ${path}${watch ? ' !' : ''}`, op.getChildren2, record.watched(path, watch));
  }

  getAcl(path: string): Promise<void> {
    return this.request(`getAcl ${path}`, op.getAcl, record.path(path));
  }

  setAcl(path: string, acl: Acls, version = -1): Promise<void> {
    return this.request(`setAcl ${path} ${version}`, op.setAcl, record.setAcl(path, acl, version));
  }

  async sync(path: string): Promise<void> {
    await this.request(`sync ${path}`, op.sync, record.path(path));
    await this.mark();
  }

  multi(label: string, ...parts: readonly Part[]): Promise<void> {
    return this.request(`multi ${label}`, op.multi, record.multi(parts));
  }

  auth(scheme: string, proof: string): Promise<void> {
    return this.request(`auth ${scheme} ${proof}`, op.auth, record.auth(scheme, proof), -4);
  }

  ping(): Promise<void> {
    return this.request('ping', op.ping, Buffer.alloc(0), -2);
  }

  setWatches(since: bigint, data: string[], exist: string[], child: string[]): Promise<void> {
    const body = new Record().long(since).strings(data).strings(exist).strings(child);
    return this.request('setWatches', op.setWatches, body, -8);
  }

  setWatches2(since: bigint, ...lists: readonly (readonly string[])[]): Promise<void> {
    const body = new Record().long(since);
    for (const list of lists) body.strings(list);
    return this.request('setWatches2', op.setWatches2, body, -8);
  }

  /** mode 0: persistent, 1: persistent and recursive. */
  addWatch(path: string, mode: number): Promise<void> {
    return this.request(`addWatch ${path} ${mode}`, op.addWatch, record.numbered(path, mode));
  }

  checkWatches(path: string, type: number): Promise<void> {
    return this.request(`checkWatches ${path} ${type}`, op.checkWatches, record.numbered(path, type));
  }

  removeWatches(path: string, type: number): Promise<void> {
    return this.request(`removeWatches ${path} ${type}`, op.removeWatches, record.numbered(path, type));
  }

  multiRead(label: string, ...parts: readonly Part[]): Promise<void> {
    return this.request(`multiRead ${label}`, op.multiRead, record.multi(parts));
  }

  getEphemerals(prefix: string | null): Promise<void> {
    return this.request(`getEphemerals ${prefix}`, op.getEphemerals, new Record().buffer(prefix));
  }

  getAllChildrenNumber(path: string): Promise<void> {
    return this.request(`getAllChildrenNumber ${path}`, op.getAllChildrenNumber, record.path(path));
  }

  whoAmI(): Promise<void> {
    return this.request('whoAmI', op.whoAmI);
  }

  async closeSession(): Promise<void> {
    await this.request('closeSession', op.closeSession);
    await this.closed();
  }

  /** Bytes as they are. */
  raw(label: string, bytes: Buffer): void {
    this.#line(`sends ${label}`);
    this.#client.raw(bytes);
  }

  /** Waits for the next `count` events; anything else that comes is written down as well. */
  async events(count: number): Promise<void> {
    for (; count > 0; count--) {
      if (!(await inTime(`${this.name} event`, this.#client.arrived(this.#seen)))) break;
      this.#drainOne();
    }
  }

  /** Waits until the server has hung up. */
  async closed(): Promise<void> {
    await inTime(`${this.name} closed`, this.#client.ended());
    this.#drain(null);
    this.#line('closed');
  }

  /** Closes the session, if need be over a connection of its own. */
  async leave(): Promise<void> {
    let client = this.#client;
    if (client.closed && this.session.id !== 0n) {
      client = await RawClient.open(this.#talk.port);
      await inTime('resuming', client.handshake({ session: this.session }));
    }
    if (this.session.id !== 0n && !client.closed) await inTime('the end', client.close());
    client.destroy();
  }

  /** Drops the connection and waits until that is done. */
  async dropped(): Promise<void> {
    this.#client.destroy();
    await this.#client.ended();
  }

  /** Events that came before `reply`, all there are when it is null. */
  #drain(reply: Reply | null): void {
    while (this.#seen < this.#client.received.length) {
      if (this.#client.received[this.#seen] === reply) {
        this.#seen++;
        return;
      }
      this.#drainOne();
    }
  }

  #drainOne(): void {
    const { xid, zxid, err, body } = this.#client.received[this.#seen++]!;
    if (xid === -1) this.#line(`event: ${zxid} ${err} ${printEvent(body, this.#talk.names)}`);
    else this.#line(`unexpected reply ${xid} ${err}`);
  }

  #line(text: string): void {
    this.#talk.lines.push(`${this.name} ${text}`);
  }
}
