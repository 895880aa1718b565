/** Snapshots: the records of a state, and the file around them, with all checksums and the digest as they should be. */
import type { Prng } from '../../../engine/base/prng.ts';
import { crc32 } from '../../../engine/io/crc32.ts';
import { decodeChunkHeader, encodeChunk, encodeFileHeader, Seal } from '../../../engine/snapshot/file.ts';
import { Digest } from '../../../engine/snapshot/state.ts';
import { openAclBytes, readOnlyAclBytes } from '../../../engine/tree/acl-table.ts';
import { lz4 } from '../../../workers/lz4.ts';
import { Draft } from '../draft.ts';
import { damaged } from '../mutate.ts';

const session = 2 ** 32 + 1;

interface Node {
  readonly path: string;
  readonly kind: number;
  readonly owner: number;
  readonly acl: number;
}

function node({ path, kind, owner, acl }: Node): Draft {
  const draft = new Draft().u8(4).i32(acl).text(path).text(`data of ${path}`).u8(kind);
  for (const value of [owner, 5, 6, 7, 1_700_000_000_000, 1_700_000_000_001]) draft.f64(value);
  return draft.i32(1).i32(2).i32(3);
}

/** The digest of a state whose records these are, as far as they still can be read. */
function digestOf(records: readonly Buffer[]): number {
  const digest = new Digest();
  for (const record of records) {
    if (record[0] === 2) digest.add(record, 0, record.length);
    if (record[0] !== 4 || record.length < 5) continue;
    const acl = record.readInt32BE(1) === 1 ? readOnlyAclBytes : openAclBytes;
    const whole = Buffer.concat([acl, record.subarray(5)]);
    digest.add(whole, 0, whole.length);
  }
  return digest.value;
}

/** The chunks of a state at `zxid`; each record is damaged with the given probability. */
export function drawState(prng: Prng, zxid: number, probability: number): Buffer[] {
  const names = ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config', '/a', '/a/b', '/a/b/c', '/e', '/d\u00e9'];
  const drafts = [
    new Draft().u8(1).i32(1).f64(zxid),
    new Draft().u8(2).f64(session).i32(10_000).i32(1).raw(Buffer.alloc(16, 3)),
    new Draft().u8(3).i32(1).text(readOnlyAclBytes),
    ...names.map((path) => {
      const isEphemeral = path === '/e' && prng.chance(0.8);
      const owner = isEphemeral ? session : 0;
      return node({ path, kind: isEphemeral ? 1 : 0, owner, acl: prng.below(2) });
    }),
  ];
  if (prng.chance(probability)) drafts.splice(1 + prng.below(drafts.length - 1), 1);
  if (prng.chance(probability))
    drafts.push(node({ path: '/a/new', kind: prng.below(5), owner: prng.below(2), acl: 0 }));
  if (prng.chance(0.3)) drafts.push(...drafts.splice(3, 2));
  if (prng.chance(probability / 2)) drafts.push(prng.pick(drafts));
  const records = drafts.map((draft) => damaged(prng, draft, probability / 4));
  const nodes = records.filter((record) => record[0] === 4).length;
  const end = new Draft().u8(5).f64(nodes).f64(digestOf(records));
  records.push(damaged(prng, end, probability / 8));
  const cut = prng.below(records.length);
  return [records.slice(0, cut), records.slice(cut)]
    .map((part) => Buffer.concat(part))
    .filter((part) => part.length > 0);
}

/** A snapshot file whose headers may be damaged before their checksums are written. */
export function drawSnapshotFile(prng: Prng, zxid: number, probability: number): Buffer {
  const seal = new Seal(crc32);
  const parts = [encodeFileHeader(zxid, crc32)];
  for (const raw of drawState(prng, zxid, probability)) {
    const compressed = lz4.compress(raw);
    const stored = damaged(prng, new Draft().raw(compressed.length < raw.length ? compressed : raw), probability / 4);
    const rawLength = prng.chance(probability / 4)
      ? prng.pick([0, 1, stored.length, 2 ** 31, 2 ** 32 - 1, 2 ** 27])
      : raw.length;
    const chunk = encodeChunk(rawLength, stored, crc32);
    seal.add(decodeChunkHeader(chunk));
    parts.push(chunk);
  }
  parts.push(damaged(prng, new Draft().raw(seal.encode()), probability / 8));
  return damaged(prng, { bytes: Buffer.concat(parts), marks: [] }, probability / 8);
}
