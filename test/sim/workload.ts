/**
 * What simulated clients ask for: everything whose guarantees a checker knows.
 *
 * Every value written is unique, so that a reply or a node says which write it came from.
 */
import { Writer } from '../../engine/base/bytes.ts';
import type { SimClient } from './client.ts';
import type { SimOptions } from './options.ts';
import type { World } from './world.ts';

export type RequestKind =
  'set' | 'create' | 'sequential' | 'ephemeral' | 'delete' | 'multi' | 'get' | 'exists' | 'children' | 'sync' | 'close';

export interface Request {
  readonly kind: RequestKind;
  readonly xid: number;
  readonly path: string;
  readonly data: string;
  readonly watch: boolean;
  readonly bytes: Buffer;
  readonly sentAt: number;
}

export interface Reply {
  readonly xid: number;
  readonly zxid: number;
  readonly error: number;
  /** Stands at the body. */
  readonly reader: import('../../engine/base/bytes.ts').Reader;
}

const op = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  sync: 9,
  getChildren2: 12,
  multi: 14,
  close: -11,
} as const;
const flags = { ephemeral: 1, sequential: 2 } as const;

/** The two nodes that a multi changes together. */
export const pairPaths = ['/pair-a', '/pair-b'] as const;
export const sequenceParent = '/q';

const kinds: readonly (readonly [RequestKind, number])[] = [
  ['set', 30],
  ['create', 10],
  ['sequential', 8],
  ['ephemeral', 6],
  ['delete', 8],
  ['multi', 8],
  ['get', 16],
  ['exists', 6],
  ['children', 3],
  ['sync', 5],
];
const weightTotal = kinds.reduce((sum, [, weight]) => sum + weight, 0);
const writer = new Writer(1024);

export function isWrite(kind: RequestKind): boolean {
  return kind !== 'get' && kind !== 'exists' && kind !== 'children';
}

function drawKind(world: World): RequestKind {
  let at = world.prng.below(weightTotal);
  for (const [kind, weight] of kinds) {
    if (at < weight) return kind;
    at -= weight;
  }
  return 'get';
}

/** Draws the next request of a client and encodes it. */
export function drawRequest(
  world: World,
  options: SimOptions,
  client: SimClient,
  serial: number,
  xid: number,
): Request {
  const { prng } = world;
  const key = `/k${prng.below(options.keys)}`;
  const data = `${client.id}:${serial}${prng.chance(0.02) ? 'x'.repeat(prng.below(3000)) : ''}`;
  const watch = prng.chance(0.3);
  const kind = serial === 0 ? 'create' : prng.chance(0.002) ? 'close' : drawKind(world);
  const w = writer;
  w.clear();
  w.at = 4;
  w.i32(xid);
  let path = key;
  switch (kind) {
    case 'set':
      w.i32(op.setData);
      put(path, data, w);
      w.i32(-1);
      break;
    case 'create':
      path = prng.chance(0.3) ? prng.pick([...pairPaths, sequenceParent, '/e']) : key;
      w.i32(op.create);
      node(path, data, 0, w);
      break;
    case 'sequential':
      path = `${sequenceParent}/n-`;
      w.i32(op.create);
      node(path, data, flags.sequential, w);
      break;
    case 'ephemeral':
      path = `/e/${client.id}-${prng.below(4)}`;
      w.i32(op.create);
      node(path, data, flags.ephemeral, w);
      break;
    case 'delete':
      path = client.created.length > 0 && prng.chance(0.7) ? prng.pick(client.created) : key;
      w.i32(op.delete);
      w.string(path);
      w.i32(-1);
      break;
    case 'multi':
      path = pairPaths[0];
      w.i32(op.multi);
      for (const each of pairPaths) {
        header(op.setData, w);
        put(each, data, w);
        w.i32(-1);
      }
      end(w);
      break;
    case 'get':
    case 'exists':
      path = prng.chance(0.2) ? prng.pick(pairPaths) : key;
      w.i32(kind === 'get' ? op.getData : op.exists);
      w.string(path);
      w.bool(watch);
      break;
    case 'children':
      path = prng.pick(['/', sequenceParent, '/e']);
      w.i32(op.getChildren2);
      w.string(path);
      w.bool(watch);
      break;
    case 'sync':
      w.i32(op.sync);
      w.string(path);
      break;
    default:
      w.i32(op.close);
  }
  w.setI32(0, w.at - 4);
  return { kind, xid, path, data, watch, bytes: w.copy(), sentAt: world.now };
}

function put(path: string, data: string, w: Writer): void {
  w.string(path);
  w.buffer(Buffer.from(data, 'latin1'));
}

function node(path: string, data: string, flag: number, w: Writer): void {
  put(path, data, w);
  w.i32(1);
  w.i32(31);
  w.string('world');
  w.string('anyone');
  w.i32(flag);
}

function header(type: number, w: Writer): void {
  w.i32(type);
  w.bool(false);
  w.i32(-1);
}

function end(w: Writer): void {
  w.i32(-1);
  w.bool(true);
  w.i32(-1);
}
