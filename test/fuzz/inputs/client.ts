/** What a client may send: valid connect requests and requests of every operation, as drafts. */
import type { Prng } from '../../../engine/base/prng.ts';
import { opcode } from '../../../engine/wire/opcodes.ts';
import { Draft } from '../draft.ts';

/** Few names, so that requests meet each other's nodes; the last ones are no paths. */
const paths = [
  ['/', '/a', '/a/b', '/a/b/c', '/e', '/e/x', '/s', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'],
  ['/none', '/none/x', '/d\u00e9', '', 'a', '/a/', '//', '/a/./b'],
].flat();
const schemes = ['world', 'auth', 'digest', 'ip', 'sasl', 'super', 'x509', 'host', ''];
const ids = ['anyone', 'u:6DY5WhzOfGsWQ1XFuIyzxkpwdPo=', '127.0.0.1', '::1/128', '10.0.0.0/8', '', ':', 'super'];
const versions = [-1, -1, -1, 0, 1, -2, 2 ** 31 - 1];

export const aPath = (prng: Prng): string => prng.pick(paths);

function someData(prng: Prng): Buffer | null {
  if (prng.chance(0.1)) return null;
  return Buffer.alloc(prng.pick([0, 1, 5, 47, 48, 49, 300, 70_000]), 'data');
}

function acl(prng: Prng, draft: Draft): void {
  const entries = prng.pick([1, 1, 1, 2, 5, 0]);
  draft.size(entries);
  for (let n = 0; n < entries; n++) {
    const isOpen = prng.chance(0.6);
    draft.i32(isOpen ? 31 : prng.below(64));
    draft.text(isOpen ? 'world' : prng.pick(schemes));
    draft.text(isOpen ? 'anyone' : prng.chance(0.1) ? null : prng.pick(ids));
  }
}

function somePaths(prng: Prng): string[] {
  return Array.from({ length: prng.pick([0, 1, 2, 9]) }, () => aPath(prng));
}

type Write = (prng: Prng, draft: Draft) => void;

const create: Write = (prng, draft) => {
  draft.text(aPath(prng)).text(someData(prng));
  acl(prng, draft);
  draft.i32(prng.pick([0, 0, 0, 1, 2, 3, 4, 5, 6]));
};
const createTtl: Write = (prng, draft) => {
  create(prng, draft);
  draft.i64(prng.pick([1000, 1, 0, -1, 2 ** 40]));
};
const remove: Write = (prng, draft) => void draft.text(aPath(prng)).i32(prng.pick(versions));
const setData: Write = (prng, draft) => void draft.text(aPath(prng)).text(someData(prng)).i32(prng.pick(versions));
const setAcl: Write = (prng, draft) => {
  draft.text(aPath(prng));
  acl(prng, draft);
  draft.i32(prng.pick(versions));
};
const path: Write = (prng, draft) => void draft.text(aPath(prng));
const watched: Write = (prng, draft) => void draft.text(aPath(prng)).bool(prng.chance(0.5));
const typed: Write = (prng, draft) => void draft.text(aPath(prng)).i32(prng.below(7) - 1);
const nothing: Write = () => {};

/** A multi of these operations; now and then one within another. */
function multi(parts: readonly (readonly [number, Write])[]): Write {
  const write: Write = (prng, draft) => {
    for (let left = prng.pick([0, 1, 2, 3, 20]); left > 0; left--) {
      const isNested = prng.chance(0.03);
      const [op, part] = isNested ? ([opcode.multi, write] as const) : prng.pick(parts);
      draft.i32(op).bool(false).i32(-1);
      part(prng, draft);
    }
    draft.i32(-1).bool(true).i32(-1);
  };
  return write;
}

const changes = [
  [opcode.create, create],
  [opcode.create2, create],
  [opcode.createContainer, create],
  [opcode.createTtl, createTtl],
  [opcode.delete, remove],
  [opcode.setData, setData],
  [opcode.check, remove],
] as const;

const setWatches: Write = (prng, draft) => {
  draft.i64(prng.below(100));
  for (let list = 0; list < 3; list++) draft.texts(somePaths(prng));
};
const setWatches2: Write = (prng, draft) => {
  setWatches(prng, draft);
  for (let list = 0; list < 2; list++) draft.texts(somePaths(prng));
};
const auth: Write = (prng, draft) => {
  const proof = prng.chance(0.05) ? Buffer.alloc(prng.pick([3000, 70_000]), 'u') : Buffer.from('user:password');
  draft.i32(0).text(prng.pick(schemes)).text(proof);
};
const reconfig: Write = (prng, draft) => {
  for (let n = 0; n < 3; n++) draft.text(prng.pick(['', 'server.4=h:1:2;3', '4', '1,2', 'x=y', null]));
  draft.i64(prng.pick([-1, 0, 4294967296]));
};

const operations: readonly (readonly [number, Write])[] = [
  ...changes,
  [opcode.setAcl, setAcl],
  [opcode.getData, watched],
  [opcode.exists, watched],
  [opcode.getChildren, watched],
  [opcode.getChildren2, watched],
  [opcode.getAcl, path],
  [opcode.sync, path],
  [opcode.ping, nothing],
  [opcode.multi, multi(changes)],
  [
    opcode.multiRead,
    multi([
      [opcode.getData, watched],
      [opcode.getChildren, watched],
    ]),
  ],
  [opcode.reconfig, reconfig],
  [opcode.checkWatches, typed],
  [opcode.removeWatches, typed],
  [opcode.addWatch, typed],
  [opcode.deleteContainer, path],
  [opcode.auth, auth],
  [opcode.sasl, path],
  [opcode.setWatches, setWatches],
  [opcode.setWatches2, setWatches2],
  [opcode.getEphemerals, path],
  [opcode.getAllChildrenNumber, path],
  [opcode.whoAmI, nothing],
  [opcode.closeSession, nothing],
];

/** Numbers that are no operation, or one that only servers use among each other. */
const strangeOps = [-10, -12, -13, -1, 0, 10, 23, 200, 99, 0x7fff_ffff, -0x8000_0000];

export interface Request {
  readonly op: number;
  readonly body: Draft;
}

/** A request's record. */
export function drawRequest(prng: Prng): Request {
  const [op, write] = prng.pick(operations);
  const body = new Draft();
  write(prng, body);
  return { op: prng.chance(0.02) ? prng.pick(strangeOps) : op, body };
}

/** A request with its header, without the length of the frame. */
export function drawClientRequest(prng: Prng, xid: number): Draft {
  const { op, body } = drawRequest(prng);
  const number = op === opcode.ping ? -2 : prng.chance(0.02) ? prng.pick([-1, -4, -8, 0, 0x7fff_ffff]) : xid;
  return new Draft().i32(number).i32(op).nest(body);
}

/** The first frame of a connection; most ask for a new session. */
export function drawConnect(prng: Prng): Draft {
  const isPlain = prng.chance(0.85);
  const draft = new Draft()
    .i32(0)
    .i64(isPlain ? 0 : prng.pick([1, 2 ** 40]))
    .i32(isPlain ? 10_000 : prng.pick([0, -1, 1, 2 ** 31 - 1]))
    .i64(isPlain ? 0 : prng.pick([1, 4294967297, 2 ** 52]))
    .text(Buffer.alloc(isPlain ? 16 : prng.pick([16, 16, 0, 15, 17]), 7));
  return prng.chance(0.8) ? draft.bool(prng.chance(0.1)) : draft;
}

/** A frame with its length ahead, which is wrong now and then. */
export function framed(prng: Prng, payload: Buffer, wrongLength: number): Buffer {
  const length = prng.chance(wrongLength)
    ? prng.pick([-1, -5, 0, 3, payload.length - 1, payload.length + 1, 0xf_ffff, 0x10_0000, 0x7fff_ffff, 0x7275_6f6b])
    : payload.length;
  const head = Buffer.alloc(4);
  head.writeInt32BE(length);
  return Buffer.concat([head, payload]);
}
