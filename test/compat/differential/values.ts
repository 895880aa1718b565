/** Small pools of names, values and ACLs, so that what is drawn meets. */
import type { Prng } from '../../../engine/base/prng.ts';
import type { Acls, Damage, Field } from './request.ts';

const names = ['a', 'b', 'c'] as const;
export const stems = ['s-', '', 'a'] as const;
export const grovePaths = ['@/a', '@/b', '@/c', '@/a/a', '@/a/b', '@/b/a', '@/b/c', '@/a/a/a'] as const;
const badPaths = [
  '',
  '@/',
  'a',
  '@/a/',
  '//',
  '@//a',
  '@/./a',
  '@/../a',
  '@/a/..',
  '@/a\0',
  '@/\u0001',
  '@/\u009f',
  '@/\ud83d\ude00',
  '@/\ufff0',
  '@/ä',
  '/',
  '/zookeeper',
  '/zookeeper/quota',
  '/zookeeper/config',
  '@/none/none',
] as const;
export const values = ['', 'x', 'some data', null, 'y'.repeat(300)] as const;
export const openAcl: Acls = [{ perms: 31, scheme: 'world', id: 'anyone' }];
/** bob:secret */
const bob = 'bob:fpFiqJ9LmDB+f9ULaDyDD17JF9c=';
const world = (perms: number): Acls => [{ perms, scheme: 'world', id: 'anyone' }];
const acls: readonly (readonly [number, Acls])[] = [
  [60, openAcl],
  [4, world(1)],
  [2, world(3)],
  [2, world(7)],
  [2, world(15)],
  [2, world(1 | 16)],
  [1, world(30)],
  [2, [{ perms: 31, scheme: 'digest', id: bob }, ...world(1)]],
  [1, [{ perms: 31, scheme: 'digest', id: bob }]],
  [2, [{ perms: 31, scheme: 'auth', id: '' }]],
  [1, [{ perms: 3, scheme: 'auth', id: 'ignored' }, ...world(1)]],
  [1, [{ perms: 31, scheme: 'ip', id: '127.0.0.0/8' }]],
  [1, [{ perms: 31, scheme: 'ip', id: '10.1.2.3' }, ...world(1)]],
  [1, []],
  [1, [{ perms: 31, scheme: 'nope', id: 'x' }]],
  [1, [{ perms: 31, scheme: 'digest', id: 'nocolon' }]],
  [1, [{ perms: 31, scheme: 'ip', id: '1.2.3' }]],
  [1, [{ perms: 31, scheme: 'world', id: 'bob' }]],
  [1, world(-1)],
  [1, [...openAcl, ...openAcl]],
];
const proofs = [
  ['digest', 'bob:secret'],
  ['digest', 'bob:secret'],
  ['digest', 'bob:secret'],
  ['digest', 'bob:wrong'],
  ['digest', 'nocolon'],
  ['ip', ''],
  ['world', 'anyone'],
  ['nope', 'x'],
] as const;
export function drawAcls(prng: Prng): Acls {
  if (prng.chance(0.002)) return [{ perms: 31, scheme: 'ip', id: '::1' }, ...world(1)];
  return weighted(prng, acls);
}

/** A watch that fires once, or one of the two that stay. */
export type WatchKind = 'once' | 'persistent' | 'recursive';

/**
 * Which kind of watch the paths of a sequence get, by their last component. Several kinds on one path
 * are an intended difference (intended.ts), so none gets two.
 */
export function drawWatchKinds(prng: Prng): (path: string) => WatchKind {
  if (prng.chance(0.4)) return () => 'once';
  const kinds = new Map<string, WatchKind>();
  for (const name of ['@', ...names]) kinds.set(name, prng.pick(['once', 'persistent', 'recursive']));
  return (path) => kinds.get(path.slice(path.lastIndexOf('/') + 1)) ?? 'once';
}

export function weighted<T>(prng: Prng, items: readonly (readonly [weight: number, item: T])[]): T {
  let at = prng.below(items.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, item] of items) {
    if (at < weight) return item;
    at -= weight;
  }
  throw new Error('weights do not add up');
}

export function drawPath(prng: Prng): string {
  if (prng.chance(0.05)) return prng.pick(badPaths);
  let path = '@';
  for (let depth = prng.pick([0, 1, 1, 1, 2, 2, 3]); depth > 0; depth--) path += `/${prng.pick(names)}`;
  // A sequential node that may be there by now.
  if (prng.chance(0.1)) path += `/${prng.pick(stems)}000000000${prng.below(6)}`;
  return path;
}

/**
 * A path below the sequence's own node: what is changed elsewhere stays, and would follow later
 * sequences once the two servers differ on purpose.
 */
export function drawOwnPath(prng: Prng): string {
  for (;;) {
    const path = drawPath(prng);
    if (path.startsWith('@')) return path;
  }
}

/** The node of a quota on some path. */
export function drawQuotaPath(prng: Prng): string {
  let path = '/zookeeper/quota/@';
  for (let depth = prng.below(3); depth > 0; depth--) path += `/${prng.pick(names)}`;
  return path;
}

export const quotaNodes = ['zookeeper_limits', 'zookeeper_stats'] as const;

export function drawLimits(prng: Prng, hard: boolean): string {
  const limit = (): number => prng.pick([-1, 0, 1, 3, 10, 400]);
  const soft = `count=${limit()},bytes=${limit()}`;
  if (prng.chance(0.05)) return prng.pick(['count=1', 'bytes=1', 'count=1,bytes=2,z=3']);
  return hard ? `${soft}=;byteHardLimit=${limit()};countHardLimit=${limit()}` : soft;
}

export function drawProof(prng: Prng): Field[] {
  const [scheme, secret] = prng.pick(proofs);
  return [{ data: scheme }, { data: secret }];
}

/** `bytes`: whether a byte may be changed. */
export function drawDamage(prng: Prng, bytes: boolean): Damage {
  const at = prng.unit();
  switch (prng.below(bytes ? 3 : 2)) {
    case 0:
      return { kind: 'cut', at };
    case 1:
      return { kind: 'more', bytes: 1 + prng.below(8) };
    default:
      return { kind: 'byte', at, value: prng.pick([0, 1, 2, 0x7f, 0x80, 0xff, prng.below(256)]) };
  }
}
