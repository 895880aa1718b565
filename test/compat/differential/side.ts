/**
 * One server's side of a sequence: takes the steps and writes down, per connection, what came.
 *
 *   a create "@/x" "" [31:world:anyone] 0: 0 +3 "/x"      request: error code, zxid, body
 *   a event: -1 0 1 3 "/x"                                zxid, error code, type, state, path
 *   a closed
 *
 * The order within a connection is the wire's. A request is sent once the one before it was answered
 * on whichever connection, so two servers that do the same write down the same.
 */
import { Names, printBody, printConnect, printEvent } from '../../golden/print.ts';
import { connectRequest, op, Record, type SessionInfo } from '../../support/raw-client.ts';
import { describe, encode, type Request } from './request.ts';
import { unknownName } from './requests.ts';
import type { Greeting, Step } from './sequence.ts';
import { framed, parseFrame, Wire, type Frame } from './wire.ts';

/** What came, as text to compare and as it was. */
export interface Line {
  readonly text: string;
  readonly request?: Request;
  /** null: the connection ended instead. */
  readonly frame?: Frame | null;
}

type Session = Pick<SessionInfo, 'id' | 'password'>;

interface Client {
  readonly name: string;
  /** Place of the port where it connects next. */
  server: number;
  wire: Wire | null;
  session: Session | null;
  sessions: number;
  /** The last zxid it saw. */
  seen: bigint;
  xid: number;
  readonly lines: Line[];
}

const ping: Request = { name: 'ping', op: op.ping, fields: [], xid: -2 };
const sync: Request = { name: 'sync', op: op.sync, fields: [{ path: '/' }] };
const writes: ReadonlySet<number> = new Set([
  op.create,
  op.create2,
  op.createContainer,
  op.createTtl,
  op.delete,
  op.setData,
  op.setAcl,
  op.multi,
]);
const unimplemented = -6;
const authFailed = -115;
const noPassword = Buffer.alloc(16);
/** Longer than any sequence takes: none of its sessions expires and takes a zxid. */
const timeoutMs = 30_000;

export class Side {
  readonly #ports: readonly number[];
  readonly #root: string;
  readonly #names = new Names();
  readonly #clients = new Map<string, Client>();
  /** Sessions that were made and not closed. */
  readonly #open = new Map<bigint, Session>();

  /** With several ports, those of an ensemble, every connection of a client goes to the next one. */
  constructor(ports: readonly number[], root: string) {
    this.#ports = ports;
    this.#root = root;
  }

  get clients(): readonly string[] {
    return [...this.#clients.keys()];
  }

  lines(who: string): readonly Line[] {
    return this.#clients.get(who)?.lines ?? [];
  }

  async take(step: Step): Promise<void> {
    await this.#take(step);
    if (this.#isEnsemble) await this.#catchUp();
  }

  get #isEnsemble(): boolean {
    return this.#ports.length > 1;
  }

  async #take(step: Step): Promise<void> {
    const client = this.#client(step.who);
    switch (step.kind) {
      case 'requests':
        await this.#ensure(client);
        await this.#requests(client, step.requests);
        break;
      case 'drop':
        client.wire?.destroy();
        client.wire = null;
        break;
      case 'connect':
        await this.#connect(client, step.greeting);
        await this.#ensure(client);
        break;
      case 'bytes':
        await this.#ensure(client);
        client.wire!.send(Buffer.from(step.hex, 'hex'));
        await this.#exchange(client, [ping]);
        break;
    }
  }

  /** Writes down what no frame says. */
  note(who: string, text: string): void {
    this.#write(this.#client(who), { text });
  }

  /** Waits for what is still on its way to any connection. */
  async settle(): Promise<void> {
    if (this.#isEnsemble) await this.#catchUp();
    for (const client of this.#clients.values()) if (isOpen(client)) await this.#exchange(client, [ping]);
  }

  /** Ends all sessions, so that none expires in a later sequence. */
  async end(): Promise<void> {
    for (const client of this.#clients.values()) client.wire?.destroy();
    for (const session of this.#open.values()) {
      const wire = await Wire.open(this.#ports[0]!);
      wire.send(framed(connectRequest({ session })));
      if ((await wire.next('resuming a session')) !== null)
        wire.send(framed(new Record().int(1).int(op.closeSession).bytes()));
      while ((await wire.next('the end of a session')) !== null);
    }
  }

  #client(name: string): Client {
    let client = this.#clients.get(name);
    if (client === undefined) {
      const server = this.#clients.size;
      client = { name, server, wire: null, session: null, sessions: 0, seen: 0n, xid: 0, lines: [] };
      this.#clients.set(name, client);
    }
    return client;
  }

  // ---- handshakes --------------------------------------------------------------------------------

  async #ensure(client: Client): Promise<void> {
    if (isOpen(client)) return;
    client.wire = null;
    if (client.session !== null) await this.#connect(client, {});
    if (!isOpen(client)) await this.#connect(client, { session: 'none' });
    if (!isOpen(client)) throw new Error(`no session: ${client.lines.at(-1)!.text}`);
  }

  async #connect(client: Client, greeting: Greeting): Promise<void> {
    // What becomes of the connection to a server that is left, the two do not tell at the same time.
    const leaves = greeting.session === 'none' || this.#isEnsemble;
    if (leaves) client.wire?.destroy();
    const former = !leaves && isOpen(client) ? client.wire : null;
    const wire = await Wire.open(this.#ports[client.server++ % this.#ports.length]!);
    // A server may not have seen yet what another told a client.
    wire.send(
      framed(
        greet(
          client,
          this.#isEnsemble ? { ...greeting, since: greeting.since === 'never' ? 'never' : 'start' } : greeting,
        ),
      ),
    );
    const frame = await wire.next('handshake');
    this.#write(client, {
      text: `connect: ${frame === null ? 'closed' : this.#connected(client, frame)}`,
    });
    const welcome = frame !== null && frame.readInt32BE(4) > 0;
    if (welcome) client.wire = wire;
    else if (frame !== null && (await wire.next('end after a refusal')) === null) wire.destroy();
    if (former !== null) await this.#leave(client, former, welcome);
    if (welcome) await this.#mark(client);
  }

  /** Notes the session; returns how the response reads. */
  #connected(client: Client, frame: Buffer): string {
    const id = frame.readBigInt64BE(8);
    if (frame.readInt32BE(4) > 0 && client.session?.id !== id) {
      client.session = { id, password: frame.subarray(20, 36) };
      client.sessions++;
      this.#open.set(id, client.session);
      this.#names.sessions.set(id, `session-${client.name}${client.sessions}`);
    }
    return printConnect(frame, this.#names);
  }

  /** The connection that the client had before: the server ends it when its session moved. */
  async #leave(client: Client, former: Wire, moved: boolean): Promise<void> {
    if (!moved) former.send(this.#frame(client, ping));
    const frame = await this.#afterEvents(client, former);
    this.#write(client, { text: `the former connection ${frame === null ? 'closed' : 'goes on'}` });
    if (frame !== null) this.#names.mark(frame.readBigInt64BE(4));
  }

  /** Counts zxids from the server's last one on: not both spend the same on a handshake, or on `sync`. */
  async #mark(client: Client): Promise<void> {
    client.wire!.send(this.#frame(client, ping));
    const frame = await this.#afterEvents(client, client.wire!);
    if (frame !== null) this.#names.mark(frame.readBigInt64BE(4));
  }

  /** Every server has applied what any of them has told so far. */
  async #catchUp(): Promise<void> {
    for (const client of this.#clients.values()) {
      if (!isOpen(client)) continue;
      client.wire!.send(this.#frame(client, sync));
      if ((await this.#afterEvents(client, client.wire!)) !== null) await this.#mark(client);
    }
  }

  /** The next frame that is no event; null when the connection ends before. */
  async #afterEvents(client: Client, wire: Wire): Promise<Buffer | null> {
    for (;;) {
      const frame = await wire.next('ping');
      if (frame === null || parseFrame(frame)?.xid !== -1) return frame;
      this.#read(client, frame, null);
    }
  }

  // ---- requests ----------------------------------------------------------------------------------

  /** Sends all of them at once; returns the last reply. */
  async #exchange(client: Client, requests: readonly Request[]): Promise<Frame | null> {
    const wire = client.wire!;
    wire.send(Buffer.concat(requests.map((request) => this.#frame(client, request))));
    let last: Frame | null = null;
    for (const [at, request] of requests.entries()) {
      last = await this.#answer(client, wire, request);
      if (last === null) return null;
      if (request.op === op.sync) await this.#mark(client);
      if (request.op === op.closeSession && last.err === 0) return this.#sessionClosed(client, wire);
      if (request.name === unknownName) return this.#ended(client, wire);
      // Whether the server hangs up after such an answer shows in what becomes of the next request.
      if (at === requests.length - 1 && (last.err === unimplemented || last.err === authFailed))
        await this.#exchange(client, [ping]);
      if (wire.closed) return null;
    }
    return last;
  }

  #frame(client: Client, request: Request): Buffer {
    const xid = request.xid ?? ++client.xid;
    const body = encode(request, this.#root, client.seen);
    return framed(new Record().int(xid).int(request.op).raw(body).bytes());
  }

  async #answer(client: Client, wire: Wire, request: Request): Promise<Frame | null> {
    for (;;) {
      const frame = await wire.next(describe(request));
      if (frame === null) {
        this.#write(client, { text: `${describe(request)}: closed`, request, frame: null });
        return null;
      }
      const taken = this.#read(client, frame, request);
      if (taken !== null) return taken;
    }
  }

  /** Writes a frame down; returns it when it is the reply to `request`, which is null while none is awaited. */
  #read(client: Client, bytes: Buffer, request: Request | null): Frame | null {
    const frame = parseFrame(bytes);
    if (frame !== null && frame.zxid > client.seen) client.seen = frame.zxid;
    if (frame === null) {
      this.#write(client, { text: `frame 0x${bytes.toString('hex')}` });
    } else if (frame.xid === -1) {
      this.#write(client, { text: `event: ${frame.zxid} ${frame.err} ${printEvent(frame.body, this.#names)}`, frame });
    } else if (request !== null) {
      this.#write(client, { text: this.#printReply(request, frame), request, frame });
      return frame;
    }
    return null;
  }

  #printReply(request: Request, frame: Frame): string {
    // The commit of a `sync` takes a zxid here and none in ZooKeeper.
    // What a read tells of its server's position depends, in an ensemble, on when others catch up.
    const known = request.op !== op.sync && (!this.#isEnsemble || writes.has(request.op));
    const zxid = known ? this.#names.replyZxid(frame.zxid) : '*';
    const text = `${describe(request)}: ${frame.err} ${zxid} ${this.#printBody(request.op, frame)}`.trimEnd();
    return request.xid !== undefined && frame.xid !== request.xid ? `${text} as ${frame.xid}` : text;
  }

  #printBody(code: number, { err, body }: Frame): string {
    if (err !== 0) return body.toString('hex');
    try {
      return printBody(code, body, this.#names);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return `not a reply to this: 0x${body.toString('hex')}`;
    }
  }

  async #sessionClosed(client: Client, wire: Wire): Promise<null> {
    this.#open.delete(client.session!.id);
    client.session = null;
    return this.#ended(client, wire);
  }

  async #ended(client: Client, wire: Wire): Promise<null> {
    for (let frame = await wire.next('end'); frame !== null; frame = await wire.next('end'))
      this.#write(client, { text: `after the end: 0x${frame.toString('hex')}` });
    this.#write(client, { text: 'closed' });
    return null;
  }

  /**
   * The nodes of a closed session go in one txn and in no promised order: waits for what they caused
   * on every connection and brings it into one.
   */
  async #requests(client: Client, requests: readonly Request[]): Promise<void> {
    const closes = requests.some((request) => request.op === op.closeSession);
    const before = new Map([...this.#clients.values()].map((client) => [client, client.lines.length]));
    await this.#exchange(client, requests);
    if (!closes) return;
    await this.settle();
    for (const [client, from] of before) sortEvents(client.lines, from);
  }

  #write(client: Client, line: Line): void {
    client.lines.push({ ...line, text: `${client.name} ${line.text}` });
  }
}

function isOpen(client: Client): boolean {
  return client.wire !== null && !client.wire.closed;
}

/** Sorts each run of events from `from` on. */
function sortEvents(lines: Line[], from: number): void {
  const isEvent = ({ frame }: Line): boolean => frame?.xid === -1;
  for (let start = from; start < lines.length; start++) {
    let end = start;
    while (end < lines.length && isEvent(lines[end]!)) end++;
    const run = lines.slice(start, end).toSorted((a, b) => (a.text < b.text ? -1 : 1));
    lines.splice(start, run.length, ...run);
    start = end;
  }
}

function greet({ session, seen }: Client, greeting: Greeting): Buffer {
  const { protocol = 0, since = 'start', tail = [0], cut } = greeting;
  const known = greeting.session === undefined ? session : null;
  const id = known?.id ?? { none: 0n, unknown: 12_345n, negative: -1n }[greeting.session ?? 'none'];
  const request = new Record()
    .int(protocol)
    .long({ start: 0n, seen, never: 2n ** 62n }[since])
    .int(greeting.timeoutMs ?? timeoutMs)
    .long(id)
    .buffer(passwordOf(greeting, known?.password ?? noPassword))
    .raw(Buffer.from(tail))
    .bytes();
  return request.subarray(0, cut);
}

function passwordOf({ password = 'right' }: Greeting, right: Buffer): Buffer | null {
  switch (password) {
    case 'right':
      return right;
    case 'wrong':
      return Buffer.alloc(16, 1);
    case 'null':
      return null;
    case 'short':
      return right.subarray(0, 3);
    case 'long':
      return Buffer.concat([right, right]);
  }
}
