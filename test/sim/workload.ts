/**
 * What simulated clients ask for: everything whose guarantees a checker knows.
 *
 * Every value written is unique, so that a reply or a node says which write it came from.
 */
import { Writer } from '../../engine/base/bytes.ts';
import type { SimClient } from './client.ts';
import type { SimOptions } from './options.ts';
import type { World } from './world.ts';

const writeKinds = [
  'set',
  'create',
  'sequential',
  'ephemeral',
  'container',
  'ttl',
  'delete',
  'multi',
  'sync',
  'close',
] as const;
const readKinds = ['get', 'exists', 'children', 'multiRead'] as const;
const watchKinds = ['addWatch', 'removeWatches'] as const;

export type RequestKind = (typeof writeKinds)[number] | (typeof readKinds)[number] | (typeof watchKinds)[number];

export interface Request {
  readonly kind: RequestKind;
  readonly xid: number;
  readonly path: string;
  readonly data: string;
  readonly watch: boolean;
  /** Of a lasting watch. */
  readonly isRecursive: boolean;
  /** What a multiRead reads: data, and the list of `sequenceParent`. */
  readonly paths: readonly string[];
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
  getChildren: 8,
  sync: 9,
  getChildren2: 12,
  multi: 14,
  removeWatches: 18,
  createContainer: 19,
  createTtl: 21,
  multiRead: 22,
  addWatch: 106,
  close: -11,
} as const;
const flags = { ephemeral: 1, sequential: 2, container: 4, ttl: 5 } as const;
/** WatcherType. */
const persistent = 4;
const persistentRecursive = 5;

/** The two nodes that a multi changes together. */
export const pairPaths = ['/pair-a', '/pair-b'] as const;
export const sequenceParent = '/q';

/** Nodes that go by themselves, and what comes and goes in the containers. */
const containers = ['/c0', '/c1', '/c2'] as const;
const ttlNodes = ['/t0', '/t1', '/t2'] as const;
/** A quota of what all sessions together have, and one of a container. */
const quotaPaths = ['/e', '/c0'].flatMap((path) =>
  ['', '/zookeeper_limits', '/zookeeper_stats'].map((name) => `/zookeeper/quota${path}${name}`),
);

const kinds: readonly (readonly [RequestKind, number])[] = [
  ['set', 30],
  ['create', 10],
  ['sequential', 8],
  ['ephemeral', 6],
  ['container', 3],
  ['ttl', 3],
  ['delete', 10],
  ['multi', 8],
  ['get', 16],
  ['exists', 6],
  ['children', 3],
  ['multiRead', 4],
  ['addWatch', 2],
  ['removeWatches', 1],
  ['sync', 5],
];
const weightTotal = kinds.reduce((sum, [, weight]) => sum + weight, 0);
const writer = new Writer(1024);

export function isWrite(kind: RequestKind): boolean {
  return (writeKinds as readonly RequestKind[]).includes(kind);
}

export function isRead(kind: RequestKind): boolean {
  return (readKinds as readonly RequestKind[]).includes(kind);
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
  let isRecursive = false;
  let paths: readonly string[] = [];
  switch (kind) {
    case 'set':
      w.i32(op.setData);
      put(path, data, w);
      w.i32(-1);
      break;
    case 'create':
      path = drawNew(world, key);
      w.i32(op.create);
      node(path, path.endsWith('_limits') ? `count=-1,bytes=50=;countHardLimit=${2 + prng.below(6)}` : data, 0, w);
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
    case 'container':
      path = prng.pick(containers);
      w.i32(op.createContainer);
      node(path, data, flags.container, w);
      break;
    case 'ttl':
      path = prng.pick(ttlNodes);
      w.i32(op.createTtl);
      node(path, data, flags.ttl, w);
      w.i64(1 + prng.below(2000));
      break;
    case 'delete':
      path = client.created.length > 0 && prng.chance(0.5) ? prng.pick(client.created) : drawNew(world, key);
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
      // A client remembers one watch for each path: data here, children of others below.
      path = prng.chance(0.3) ? prng.pick([...pairPaths, ...containers.slice(1), ...ttlNodes]) : key;
      w.i32(kind === 'get' ? op.getData : op.exists);
      w.string(path);
      w.bool(watch);
      break;
    case 'children':
      path = prng.pick(['/', sequenceParent, '/e', containers[0]]);
      w.i32(op.getChildren2);
      w.string(path);
      w.bool(watch);
      break;
    case 'multiRead':
      paths = [...pairPaths, key, sequenceParent, prng.pick(quotaPaths), prng.pick(containers)];
      w.i32(op.multiRead);
      for (const each of paths) {
        header(each === sequenceParent ? op.getChildren : op.getData, w);
        w.string(each);
        w.bool(false);
      }
      end(w);
      break;
    case 'addWatch':
    case 'removeWatches':
      isRecursive = prng.chance(0.5);
      path = prng.pick([key, '/e', ...pairPaths, ...containers, isRecursive ? '/' : sequenceParent]);
      w.i32(op[kind]);
      w.string(path);
      if (kind === 'addWatch') w.i32(isRecursive ? 1 : 0);
      else w.i32(isRecursive ? persistentRecursive : persistent);
      break;
    case 'sync':
      w.i32(op.sync);
      w.string(path);
      break;
    default:
      w.i32(op.close);
  }
  w.setI32(0, w.at - 4);
  return { kind, xid, path, data, watch, isRecursive, paths, bytes: w.copy(), sentAt: world.now };
}

/** A path for a plain create, or for a delete. */
function drawNew({ prng }: World, key: string): string {
  if (prng.chance(0.6)) return key;
  if (prng.chance(0.3)) return prng.pick(quotaPaths);
  if (prng.chance(0.5)) return `${prng.pick([...containers, ...ttlNodes])}/kid${prng.below(2)}`;
  return prng.pick([...pairPaths, sequenceParent, '/e']);
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
