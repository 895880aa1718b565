/**
 * Sequences from seeds: a few clients with a session each, on a handful of nodes, so that they meet.
 *
 * What is drawn knows nothing of the servers' state; small pools of names, versions and ACLs see to it
 * that about half of all requests succeed.
 */
import { Prng } from '../../../engine/base/prng.ts';
import { requestTable } from './requests.ts';
import type { Request } from './request.ts';
import type { Greeting, Step } from './sequence.ts';
import { weighted } from './values.ts';

const clients = ['a', 'b', 'c'] as const;
const stepsMax = 60;

/** Bytes that are no frame, or a frame without a whole header: the connection ends. */
const garbage = ['ffffffff', '7fffffff', '00100000', '80000000', '00000000', '0000000400000001', '72756f6b'] as const;

const greetings: readonly Greeting[] = [
  {},
  {},
  {},
  { since: 'seen' },
  { since: 'seen', tail: [] },
  { since: 'never' },
  { tail: [] },
  { tail: [1] },
  { tail: [0, 1, 2] },
  { protocol: 1 },
  { timeoutMs: 0 },
  { timeoutMs: -1 },
  { timeoutMs: 2 ** 31 - 1 },
  { session: 'none' },
  { session: 'unknown' },
  { session: 'negative' },
  { password: 'wrong' },
  { password: 'null' },
  { password: 'short' },
  { password: 'long' },
  { cut: 0 },
  { cut: 8 },
  { cut: 30 },
];

export function generate(seed: number): Step[] {
  const prng = new Prng(seed);
  // A hard quota is checked against what is applied: in ZooKeeper, pipelined writes slip through.
  const hardQuotas = prng.chance(0.1);
  const draw = requestTable(prng, hardQuotas);
  const steps: Step[] = [{ who: 'a', kind: 'requests', requests: draw.grove() }];
  const kinds: readonly (readonly [weight: number, make: (who: string) => Step])[] = [
    [70, (who) => ({ who, kind: 'requests', requests: [draw.any()] })],
    [
      hardQuotas ? 0 : 20,
      (who) => ({ who, kind: 'requests', requests: several(prng, 2 + prng.below(8), draw.pipelined) }),
    ],
    [hardQuotas ? 6 : 1, (who) => ({ who, kind: 'requests', requests: draw.quota() })],
    [3, (who) => ({ who, kind: 'drop' })],
    [2, (who) => ({ who, kind: 'connect', greeting: prng.pick(greetings) })],
    [1, (who) => ({ who, kind: 'requests', requests: [draw.close()] })],
    [1, (who) => ({ who, kind: 'bytes', hex: prng.pick(garbage) })],
  ];
  const length = 10 + prng.below(stepsMax);
  while (steps.length < length) steps.push(weighted(prng, kinds)(prng.pick(clients)));
  return steps;
}

function several(prng: Prng, count: number, draw: () => Request): Request[] {
  return Array.from({ length: count }, () => {
    const request = draw();
    // The number of a request is the client's own business, as long as it is no special one.
    const renumbered = request.xid === undefined && prng.chance(0.02);
    return renumbered ? { ...request, xid: 1 + prng.below(2 ** 31 - 1) } : request;
  });
}
