/**
 * One session's conversation that touches every operation, its errors and its events.
 *
 * `capture.ts` had it with Apache ZooKeeper 3.8.0 and wrote down what came back (`replies.json`); the
 * unit test has it with our server and compares byte for byte. What may differ (times, the high half
 * of zxids, session ids) is masked in both.
 */
import { op, openAcl, RawClient, Record } from '../support/raw-client.ts';

interface Step {
  readonly name: string;
  readonly code: number;
  readonly record: Record | Buffer;
  readonly xid?: number;
}

const create = (path: string, data: string | null, flags = 0, acl = openAcl): Record =>
  new Record().buffer(path).buffer(data).acl(acl).int(flags);
const watched = (path: string, watch = false): Record => new Record().buffer(path).bool(watch);
const set = (path: string, data: string | null, version = -1): Record =>
  new Record().buffer(path).buffer(data).int(version);
const remove = (path: string, version = -1): Record => new Record().buffer(path).int(version);
const header = (type: number): Record => new Record().int(type).bool(false).int(-1);
const end = (): Buffer => new Record().int(-1).bool(true).int(-1).bytes();
const multi = (...parts: readonly (readonly [number, Record])[]): Record => {
  const record = new Record();
  for (const [type, part] of parts) record.raw(header(type).bytes()).raw(part.bytes());
  return record.raw(end());
};
const digest = { perms: 31, scheme: 'digest', id: 'bob:aRNQpqsfDYS1RAcAgcBqkYB7iY4=' };
const readOnly = { perms: 1, scheme: 'world', id: 'anyone' };

export const steps: readonly Step[] = [
  { name: 'create', code: op.create, record: create('/a', 'one') },
  { name: 'create existing', code: op.create, record: create('/a', 'two') },
  { name: 'create null data', code: op.create, record: create('/null', null) },
  { name: 'create without parent', code: op.create, record: create('/no/where', 'x') },
  { name: 'create bad path', code: op.create, record: create('a', 'x') },
  { name: 'create double slash', code: op.create, record: create('/a//b', 'x') },
  { name: 'create trailing slash', code: op.create, record: create('/a/', 'x') },
  { name: 'create dot component', code: op.create, record: create('/a/./b', 'x') },
  { name: 'create root', code: op.create, record: create('/', 'x') },
  { name: 'create bad flags', code: op.create, record: create('/flags', 'x', 9) },
  { name: 'create ttl not enabled', code: op.create, record: create('/ttl', 'x', 5) },
  { name: 'create empty acl', code: op.create, record: create('/acl', 'x', 0, []) },
  {
    name: 'create acl auth of nobody',
    code: op.create,
    record: create('/acl', 'x', 0, [{ perms: 31, scheme: 'auth', id: '' }]),
  },
  {
    name: 'create acl bad scheme',
    code: op.create,
    record: create('/acl', 'x', 0, [{ perms: 31, scheme: 'nope', id: 'x' }]),
  },
  {
    name: 'create acl bad ip',
    code: op.create,
    record: create('/acl', 'x', 0, [{ perms: 31, scheme: 'ip', id: '300.1.1.1' }]),
  },
  { name: 'create2', code: op.create2, record: create('/b', 'two') },
  { name: 'create sequential', code: op.create, record: create('/a/s-', '', 2) },
  { name: 'create sequential again', code: op.create, record: create('/a/s-', '', 2) },
  { name: 'create sequential at root', code: op.create, record: create('/', '', 2) },
  { name: 'create sequential trailing slash', code: op.create, record: create('/a/', '', 2) },
  { name: 'create ephemeral', code: op.create, record: create('/e', 'mine', 1) },
  { name: 'create ephemeral sequential', code: op.create2, record: create('/a/e-', '', 3) },
  { name: 'create below ephemeral', code: op.create, record: create('/e/x', '') },
  { name: 'create unicode', code: op.create, record: create('/ünï-☃', 'snow') },
  { name: 'exists', code: op.exists, record: watched('/a') },
  { name: 'exists ephemeral', code: op.exists, record: watched('/e') },
  { name: 'exists none', code: op.exists, record: watched('/none', true) },
  { name: 'getData', code: op.getData, record: watched('/a', true) },
  { name: 'getData null', code: op.getData, record: watched('/null') },
  { name: 'getData none', code: op.getData, record: watched('/none') },
  { name: 'getData unicode', code: op.getData, record: watched('/ünï-☃') },
  { name: 'setData', code: op.setData, record: set('/a', 'three') },
  { name: 'setData version', code: op.setData, record: set('/a', 'four', 1) },
  { name: 'setData bad version', code: op.setData, record: set('/a', 'five', 1) },
  { name: 'setData none', code: op.setData, record: set('/none', 'x') },
  { name: 'setData null', code: op.setData, record: set('/null', null) },
  { name: 'getChildren', code: op.getChildren, record: watched('/b', true) },
  { name: 'getChildren2', code: op.getChildren2, record: watched('/b') },
  { name: 'getChildren none', code: op.getChildren, record: watched('/none') },
  { name: 'create child of watched', code: op.create, record: create('/b/c', '') },
  { name: 'create watched', code: op.create, record: create('/none', '') },
  { name: 'getAcl', code: op.getAcl, record: new Record().buffer('/a') },
  { name: 'getAcl none', code: op.getAcl, record: new Record().buffer('/nil') },
  { name: 'delete not empty', code: op.delete, record: remove('/b') },
  { name: 'delete bad version', code: op.delete, record: remove('/b/c', 7) },
  { name: 'delete', code: op.delete, record: remove('/b/c', 0) },
  { name: 'delete none', code: op.delete, record: remove('/b/c') },
  { name: 'delete without parent', code: op.delete, record: remove('/no/where') },
  { name: 'delete root', code: op.delete, record: remove('/') },
  { name: 'delete zookeeper', code: op.delete, record: remove('/zookeeper') },
  {
    name: 'multi',
    code: op.multi,
    record: multi(
      [op.create, create('/m', '1')],
      [op.create2, create('/m/x', '2')],
      [op.setData, set('/m', '3')],
      [op.check, remove('/m', 1)],
      [op.delete, remove('/m/x')],
    ),
  },
  {
    name: 'multi refused',
    code: op.multi,
    record: multi([op.create, create('/m2', '1')], [op.delete, remove('/nil')], [op.setData, set('/m', 'x')]),
  },
  {
    name: 'multi sequence',
    code: op.multi,
    record: multi([op.create, create('/m/s', '', 2)], [op.create, create('/m/s', '', 2)]),
  },
  {
    name: 'multi same node twice',
    code: op.multi,
    record: multi([op.setData, set('/m', 'p')], [op.setData, set('/m', 'qq')]),
  },
  { name: 'multi check fails', code: op.multi, record: multi([op.check, remove('/m', 9)]) },
  { name: 'multi empty', code: op.multi, record: multi() },
  { name: 'after refused multi', code: op.exists, record: watched('/m2') },
  { name: 'setAcl', code: op.setAcl, record: new Record().buffer('/m').acl([digest, readOnly]).int(-1) },
  { name: 'setAcl bad version', code: op.setAcl, record: new Record().buffer('/a').acl([readOnly]).int(4) },
  { name: 'setAcl invalid', code: op.setAcl, record: new Record().buffer('/a').acl([]).int(-1) },
  { name: 'setData refused', code: op.setData, record: set('/m', 'x') },
  { name: 'create refused', code: op.create, record: create('/m/y', '') },
  { name: 'getAcl masked', code: op.getAcl, record: new Record().buffer('/m') },
  { name: 'auth', code: op.auth, record: new Record().int(0).buffer('digest').buffer('bob:secret'), xid: -4 },
  { name: 'auth id acl', code: op.create, record: create('/mine', '', 0, [{ perms: 31, scheme: 'auth', id: '' }]) },
  { name: 'getAcl mine', code: op.getAcl, record: new Record().buffer('/mine') },
  { name: 'create acl duplicates', code: op.create, record: create('/dup', '', 0, [...openAcl, ...openAcl]) },
  { name: 'getAcl duplicates', code: op.getAcl, record: new Record().buffer('/dup') },
  { name: 'exists watch on /w', code: op.exists, record: watched('/w', true) },
  { name: 'create /w', code: op.create, record: create('/w', '') },
  { name: 'getData watch on /w', code: op.getData, record: watched('/w', true) },
  { name: 'getChildren watch on /w', code: op.getChildren, record: watched('/w', true) },
  { name: 'delete /w', code: op.delete, record: remove('/w') },
  {
    name: 'setWatches',
    code: op.setWatches,
    xid: -8,
    record: new Record().long(2n).strings(['/a', '/gone']).strings(['/b', '/later']).strings(['/a', '/gone']),
  },
  { name: 'create /later', code: op.create, record: create('/later', '') },
  { name: 'ping', code: op.ping, record: Buffer.alloc(0), xid: -2 },
  { name: 'truncated record', code: op.getData, record: new Record().int(100) },
  { name: 'truncated write', code: op.setData, record: new Record().int(100) },
  { name: 'close session', code: op.closeSession, record: Buffer.alloc(0) },
];

/** What came back: the frame of each reply in hex, masked, and the order of replies and events. */
export interface Conversation {
  readonly connect: string;
  readonly replies: Readonly<{ [name: string]: string }>;
  readonly log: readonly string[];
}

/** Has the conversation with the server on `port`, which must be new. */
export async function converse(port: number): Promise<Conversation> {
  const client = await RawClient.connect(port, { timeoutMs: 10_000 });
  const replies: { [name: string]: string } = {};
  for (const { name, code, record, xid } of steps) {
    const reply = await (xid === undefined ? client.request(code, record) : client.request(code, record, xid));
    replies[name] =
      reply === null ? 'closed' : `${reply.err} ${maskZxid(reply.zxid)} ${mask(code, reply.err, reply.body)}`;
  }
  await client.ended();
  const { frame } = client.info;
  return { connect: `${frame.length} ${frame.readInt32BE(0)} ${frame.readInt32BE(4)}`, replies, log: client.log };
}

/** The counter alone: epochs differ. */
function maskZxid(zxid: bigint): string {
  return String(zxid & 0xffffffffn);
}

/** The body in hex with every Stat in it masked. */
function mask(code: number, err: number, body: Buffer): string {
  const bytes = Buffer.from(body);
  if (err === 0) for (const at of statOffsets(code, bytes)) maskStat(bytes, at);
  if (err === 0 && code === op.getChildren) return readSorted(bytes);
  return bytes.toString('hex');
}

function readSorted(bytes: Buffer): string {
  const names: string[] = [];
  for (let at = 4; at < bytes.length; at += 4 + bytes.readInt32BE(at))
    names.push(bytes.toString('utf8', at + 4, at + 4 + bytes.readInt32BE(at)));
  return names.toSorted().join(' ');
}

function statOffsets(code: number, bytes: Buffer): number[] {
  switch (code) {
    case op.setData:
    case op.exists:
    case op.setAcl:
      return [0];
    case op.create2:
    case op.getData:
    case op.getChildren2:
    case op.getAcl:
      return [bytes.length - 68];
    case op.multi:
      return multiStats(bytes);
    default:
      return [];
  }
}

function multiStats(bytes: Buffer): number[] {
  const offsets: number[] = [];
  for (let at = 0; bytes[at + 4] === 0;) {
    const type = bytes.readInt32BE(at);
    at += 9;
    if (type === -1) at += 4;
    if (type === op.create || type === op.create2) at += 4 + bytes.readInt32BE(at);
    if (type === op.create2 || type === op.setData) {
      offsets.push(at);
      at += 68;
    }
  }
  return offsets;
}

/** czxid mzxid ctime mtime version cversion aversion ephemeralOwner dataLength numChildren pzxid */
function maskStat(bytes: Buffer, at: number): void {
  for (const zxid of [0, 8, 60]) bytes.writeInt32BE(0, at + zxid);
  bytes.fill(0, at + 16, at + 32);
  const owned = bytes.subarray(at + 44, at + 52).some((byte) => byte !== 0);
  bytes.fill(0, at + 44, at + 52);
  if (owned) bytes[at + 51] = 1;
}
