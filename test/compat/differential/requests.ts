/** Every operation that clients have, drawn with sensible and with senseless arguments. */
import type { Prng } from '../../../engine/base/prng.ts';
import { op } from '../../support/raw-client.ts';
import type { Field, Request } from './request.ts';
import {
  drawAcls,
  drawDamage,
  drawLimits,
  drawOwnPath,
  drawPath,
  drawProof,
  drawQuotaPath,
  drawWatchKinds,
  grovePaths,
  openAcl,
  quotaNodes,
  stems,
  values,
  weighted,
  type WatchKind,
} from './values.ts';

/** Its server must hang up on it. */
export const unknownName = 'unknown';
/** A changed byte could put one kind of watch where another belongs. */
const watching: ReadonlySet<string> = new Set([
  'exists',
  'getData',
  'getChildren',
  'getChildren2',
  'addWatch',
  'removeWatches',
  'setWatches',
  'setWatches2',
]);
const unknownOps = [0, 10, 23, 99, 108, 777, -1, -12, 2 ** 31 - 1] as const;

export interface Draw {
  /** Any request on its own. */
  readonly any: () => Request;
  /** One that others may follow before it is answered. */
  readonly pipelined: () => Request;
  /** Nodes to begin with. */
  readonly grove: () => Request[];
  /** What sets a quota: its nodes one by one. */
  readonly quota: () => Request[];
  readonly close: () => Request;
}

type Weighted = readonly (readonly [weight: number, make: () => Request])[];

/** The table of all requests; each line holds the fields of a record. */
export function requestTable(prng: Prng, hardQuotas: boolean): Draw {
  const request = (name: keyof typeof op, ...fields: Field[]): Request => ({ name, op: op[name], fields });
  const path = (): Field => ({ path: drawPath(prng) });
  const data = (): Field => ({ data: prng.pick(values) });
  const flag = (chance: number): Field => ({ flag: prng.chance(chance) });
  const int = (...choices: number[]): Field => ({ int: prng.pick(choices) });
  const version = (): Field => int(-1, -1, -1, -1, 0, 0, 1, 2, 3, -2, 99);
  const acl = (): Field => ({ acls: drawAcls(prng) });
  const since = (): Field => ({ since: prng.pick(['start', 'seen', 'seen', 'never']) });
  const ttl = (...more: number[]): Field => ({ long: prng.pick([1_000_000, 2 ** 39, 2 ** 40 - 1, ...more]) });
  /** Name, data and ACL of a new node; its flags are one of `plain`, or of `sequential` for such a name. */
  const created = (plain: readonly number[], sequential: readonly number[]): Field[] => {
    const isSequential = prng.chance(0.25);
    const path = isSequential ? `${drawOwnPath(prng)}/${prng.pick(stems)}` : drawPath(prng);
    return [{ path }, data(), acl(), int(...(isSequential ? sequential : plain))];
  };

  const writes: Weighted = [
    [16, () => request('create', ...created([0, 0, 0, 1], [2, 2, 3]))],
    [8, () => request('create2', ...created([0, 0, 0, 1], [2, 2, 3]))],
    [4, () => request('createContainer', ...created([4], [4]))],
    [4, () => request('createTtl', ...created([5], [6]), ttl(2 ** 40, 0, -1))],
    [10, () => request('delete', path(), version())],
    [12, () => request('setData', path(), data(), version())],
  ];
  const check: Weighted = [[6, () => request('check', path(), version())]];
  const reads: Weighted = [
    [6, () => request('getData', path(), flag(0))],
    [4, () => request('getChildren', path(), flag(0))],
  ];
  const strangeFlags = [0, 1, 2, 3, 4, 5, 6, 7, -1, 99];
  const strange: Weighted = [
    [3, () => request('create', ...created(strangeFlags, strangeFlags))],
    [1, () => request('create2', ...created(strangeFlags, strangeFlags))],
    [1, () => request('createContainer', ...created(strangeFlags, strangeFlags))],
    // A time out of range with flags that are for no TTL: that ends ZooKeeper, process and all.
    [1, () => request('createTtl', ...created(strangeFlags, strangeFlags), ttl())],
  ];
  const multi = (name: 'multi' | 'multiRead', ...tables: Weighted[]): Request =>
    request(name, { parts: Array.from({ length: prng.below(5) }, () => drawFrom(prng, tables.flat())) });
  const kindOf = drawWatchKinds(prng);
  const read = (name: keyof typeof op): Request => {
    const path = drawPath(prng);
    return request(name, { path }, { flag: kindOf(path) === 'once' && prng.chance(0.5) });
  };
  const watchable = (kind: WatchKind): Field => ({
    paths: Array.from({ length: prng.below(4) }, () => drawPath(prng)).filter((path) => kindOf(path) === kind),
  });
  const addWatch = (): Request => {
    const path = drawPath(prng);
    const mode = { once: prng.pick([-1, 2, 99]), persistent: 0, recursive: 1 }[kindOf(path)];
    return request('addWatch', { path }, { int: mode });
  };
  const unwatch = (name: 'removeWatches' | 'checkWatches'): Request => {
    const path = drawPath(prng);
    const types = kindOf(path) === 'once' ? [1, 2, 3, 3, 0, 9] : [3];
    return request(name, { path }, prng.chance(0.02) ? int(4, 5) : int(...types));
  };
  const pipelined: Weighted = [
    ...writes,
    [8, () => read('exists')],
    [8, () => read('getData')],
    [5, () => read('getChildren')],
    [5, () => read('getChildren2')],
    [3, () => request('getAcl', path())],
    [6, () => multi('multi', writes, check)],
    [4, () => multi('multiRead', reads)],
    [5, addWatch],
    [3, () => unwatch('removeWatches')],
    [1, () => unwatch('checkWatches')],
    [2, () => request('getEphemerals', path())],
    [2, () => request('getAllChildrenNumber', path())],
    [1, () => request('whoAmI')],
    [1, () => ({ ...request('ping'), xid: -2 })],
  ];
  const once = (): Field[] => [since(), watchable('once'), watchable('once'), watchable('once')];
  const lasting = (): Field[] => [watchable('persistent'), watchable('recursive')];
  // In ZooKeeper, changes of a refused multi may be seen until it is answered, and so may an ACL of before.
  const alone: Weighted = [
    [3, () => request('setAcl', { path: drawOwnPath(prng) }, acl(), version())],
    [2, () => drawFrom(prng, strange)],
    [1, () => request('getData', { path: `${drawQuotaPath(prng)}/zookeeper_stats` }, flag(0))],
    [1, () => request('delete', { path: `${drawQuotaPath(prng)}/${prng.pick(quotaNodes)}` }, version())],
    [
      1,
      () =>
        request(
          'setData',
          { path: `${drawQuotaPath(prng)}/zookeeper_limits` },
          { data: drawLimits(prng, hardQuotas) },
          version(),
        ),
    ],
    [1, () => request('reconfig', data(), data(), data(), { long: prng.pick([-1, 0, 1]) })],
    [1, () => multi('multi', writes, strange)],
    [1, () => multi(prng.pick(['multi', 'multiRead']), writes, check, reads)],
    [2, () => request('sync', path())],
    [2, () => ({ ...request('auth', int(0, 0, 1), ...drawProof(prng)), xid: prng.chance(0.9) ? -4 : 77 })],
    [3, () => ({ ...request('setWatches', ...once()), xid: -8 })],
    [3, () => ({ ...request('setWatches2', ...once(), ...lasting()), xid: -8 })],
    [1, () => request('ping')],
    [1, () => ({ name: unknownName, op: prng.pick(unknownOps), fields: [path()] })],
  ];
  const wellFormed: Weighted = [...pipelined, ...alone];
  const any = (): Request => {
    const drawn = drawFrom(prng, wellFormed);
    return prng.chance(0.05) ? { ...drawn, damage: drawDamage(prng, !watching.has(drawn.name)) } : drawn;
  };
  const quota = (): Request[] => {
    const path = drawQuotaPath(prng);
    const parts = path.split('/');
    const nodes = parts.slice(3).map((_, depth) => ({ path: parts.slice(0, depth + 4).join('/'), data: '' }));
    nodes.push({ path: `${path}/zookeeper_limits`, data: drawLimits(prng, hardQuotas) });
    nodes.push({ path: `${path}/zookeeper_stats`, data: 'count=0,bytes=0' });
    return nodes.map(({ path, data }) => request('create', { path }, { data }, { acls: openAcl }, { int: 0 }));
  };
  const grove = (): Request[] =>
    grovePaths
      .filter(() => prng.chance(0.7))
      .map((path) => request('create', { path }, data(), { acls: openAcl }, int(0, 0, 0, 0, 1)));
  return { any, grove, quota, pipelined: () => drawFrom(prng, pipelined), close: () => request('closeSession') };
}

function drawFrom(prng: Prng, table: Weighted): Request {
  return weighted(prng, table)();
}
