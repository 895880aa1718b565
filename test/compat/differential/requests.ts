/** Every operation that clients have, drawn with sensible and with senseless arguments. */
import type { Prng } from '../../../engine/base/prng.ts';
import { op } from '../../support/raw-client.ts';
import type { Field, Request } from './request.ts';
import {
  drawAcls,
  drawDamage,
  drawPath,
  drawProof,
  drawWatchKinds,
  stems,
  values,
  weighted,
  type WatchKind,
} from './values.ts';

/** What is not answered as by ZooKeeper yet. */
const notYet: ReadonlySet<string> = new Set(['createContainer', 'createTtl']);

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
  readonly close: () => Request;
}

type Weighted = readonly (readonly [weight: number, make: () => Request])[];

/** The table of all requests; each line holds the fields of a record. */
export function requestTable(prng: Prng): Draw {
  const request = (name: keyof typeof op, ...fields: Field[]): Request => ({ name, op: op[name], fields });
  const path = (): Field => ({ path: drawPath(prng) });
  const data = (): Field => ({ data: prng.pick(values) });
  const flag = (chance: number): Field => ({ flag: prng.chance(chance) });
  const int = (...choices: number[]): Field => ({ int: prng.pick(choices) });
  const version = (): Field => int(-1, -1, -1, -1, 0, 0, 1, 2, 3, -2, 99);
  const acl = (): Field => ({ acls: drawAcls(prng) });
  const since = (): Field => ({ since: prng.pick(['start', 'seen', 'seen', 'never']) });
  const created = (...strange: number[]): Field[] => {
    const sequential = prng.chance(0.25);
    const flags = prng.chance(0.03) ? int(4, 7, -1, 99, ...strange) : int(...(sequential ? [2, 2, 3] : [0, 0, 0, 1]));
    return [{ path: sequential ? `${drawPath(prng)}/${prng.pick(stems)}` : drawPath(prng) }, data(), acl(), flags];
  };
  const ttl = (): Field => ({ long: prng.pick([1_000_000, 1_000_000, 2 ** 39, 2 ** 40 - 1, 2 ** 40, 0, -1]) });

  const writes: Weighted = [
    [16, () => request('create', ...created())],
    [8, () => request('create2', ...created())],
    [4, () => request('createContainer', ...created().slice(0, 3), int(4, 4, 4, 0, 2))],
    [4, () => request('createTtl', ...created().slice(0, 3), int(5, 5, 6, 6, 0, 4), ttl())],
    [10, () => request('delete', path(), version())],
    [12, () => request('setData', path(), data(), version())],
  ];
  const parts: Weighted = [...writes, [6, () => request('check', path(), version())]];
  const readParts: Weighted = [
    [6, () => request('getData', path(), flag(0))],
    [4, () => request('getChildren', path(), flag(0))],
  ];
  const multi = (name: 'multi' | 'multiRead', own: Weighted, strange: Weighted): Request =>
    request(name, {
      parts: Array.from({ length: prng.below(5) }, () => drawFrom(prng, prng.chance(0.97) ? own : strange)),
    });
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
    [6, () => multi('multi', parts, readParts)],
    [4, () => multi('multiRead', readParts, parts)],
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
  const alone: Weighted = [
    [3, () => request('setAcl', path(), acl(), version())],
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
  return { any, pipelined: () => drawFrom(prng, pipelined), close: () => request('closeSession') };
}

function drawFrom(prng: Prng, table: Weighted): Request {
  for (;;) {
    const request = weighted(prng, table)();
    if (!notYet.has(request.name)) return request;
  }
}
