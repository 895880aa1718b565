/** `zabra snapshot dump FILE`: the state that a snapshot holds, sessions and then znodes by path. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { Writer } from '../base/bytes.ts';
import { zxidText } from '../base/zxid.ts';
import { crc32 } from '../io/crc32.ts';
import { decodeFileHeader, fileHeaderBytes, verifyFile } from '../snapshot/file.ts';
import { Restore } from '../snapshot/state.ts';
import type { Tree } from '../tree/tree.ts';
import { nodeKind } from '../txn/types.ts';
import { decodeAcls } from '../wire/acl.ts';
import { expand, rangesOf } from '../../workers/snapshot.ts';
import { aclText, dataJson, dataText, idText, printLine } from './print.ts';

const kindNames = Object.keys(nodeKind);

/** What a snapshot holds. */
export interface SnapshotState {
  readonly tree: Tree;
  /** bytes of the state of the program's own machine, null when it had none. */
  readonly machineBytes: number | null;
}

/** Reads a snapshot as a server does when it starts; returns the state, or what is wrong. */
export function readSnapshot(file: string, zxid: number | null): SnapshotState | string {
  const handle = openSync(file, 'r');
  try {
    const read = rangesOf(handle);
    const restore = new Restore();
    const named = zxid ?? decodeFileHeader(read(0, fileHeaderBytes), crc32);
    const { size } = fstatSync(handle);
    const error = verifyFile(read, size, named, crc32, (stored, rawLength) => {
      const raw = expandedOrNull(stored, rawLength);
      return raw === null ? 'a chunk cannot be expanded' : restore.chunk(raw);
    });
    const tree = error ?? restore.finish();
    if (typeof tree === 'string') return tree;
    const machineBytes = restore.machine?.reduce((sum, piece) => sum + piece.length, 0) ?? null;
    return { tree, machineBytes };
  } finally {
    closeSync(handle);
  }
}

/** LZ4 tells malformed blocks by throwing. */
function expandedOrNull(stored: Buffer, rawLength: number): Buffer | null {
  try {
    return expand(stored, rawLength);
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

/** @throws Error with one sentence when it is no whole snapshot */
export function dumpSnapshot(file: string, json: boolean): void {
  const state = readSnapshot(file, null);
  if (typeof state === 'string') throw new Error(`${file} is no whole snapshot: ${state}.`);
  const { tree, machineBytes } = state;
  const { store, table } = tree;
  const sessions = [...tree.sessions()].sort((a, b) => a.id - b.id);
  const zxid = zxidText(tree.lastZxid);
  const machine = machineBytes === null ? '' : `, ${machineBytes} bytes of a state machine`;
  if (json) printLine(JSON.stringify({ zxid, sessions: table.size, nodes: store.count, machineBytes }));
  else printLine(`snapshot at zxid ${zxid}: ${table.size} sessions, ${store.count} nodes${machine}`);
  for (const { id, timeoutMs, ephemerals } of sessions) {
    const count = ephemerals?.size ?? 0;
    if (json) printLine(JSON.stringify({ session: idText(id), timeoutMs, ephemeralNodes: count }));
    else printLine(`session ${idText(id)} timeout ${timeoutMs} ms, ${count} ephemeral nodes`);
  }
  const slots = Array.from({ length: store.slotEnd }, (_, slot) => slot).filter((slot) => store.used(slot));
  slots.sort((a, b) => (store.path(a) < store.path(b) ? -1 : 1));
  const out = new Writer();
  for (const slot of slots) dumpNode(tree, slot, out, json);
}

function dumpNode(tree: Tree, slot: number, out: Writer, json: boolean): void {
  const { store } = tree;
  const kind = kindNames[store.kind[slot]!] ?? 'unknown';
  const owner = store.owner[slot]!;
  const node = {
    path: store.path(slot),
    kind,
    czxid: zxidText(store.czxid[slot]!),
    mzxid: zxidText(store.mzxid[slot]!),
    pzxid: zxidText(store.pzxid[slot]!),
    ctime: new Date(store.ctime[slot]!).toISOString(),
    mtime: new Date(store.mtime[slot]!).toISOString(),
    version: store.version[slot]!,
    cversion: store.creations[slot]! * 2 - store.children[slot]!,
    aversion: store.aversion[slot]!,
    children: store.children[slot]!,
    ...(store.kind[slot] === nodeKind.ephemeral ? { owner: idText(owner) } : {}),
    ...(store.kind[slot] === nodeKind.ttl ? { ttlMs: owner } : {}),
  };
  const acl = decodeAcls(tree.aclBytes(store.aclId[slot]!));
  out.clear();
  tree.writeData(slot, out);
  const data = store.dataLength[slot]! < 0 ? null : Buffer.from(out.view().subarray(4));
  if (json) {
    printLine(JSON.stringify({ ...node, acl, ...dataJson(data) }));
    return;
  }
  const { path, ...rest } = node;
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${value}`);
  printLine(`${path} ${fields.join(' ')} acl=${aclText(acl)} data=${dataText(data)}`);
}
