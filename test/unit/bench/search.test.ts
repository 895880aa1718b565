/** The tuner finds what is better, and recommends nothing when nothing is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameOf, paretoFront, search, type Candidate, type Outcome } from '../../../bench/tune/search.ts';
import { boundOf, gainOf } from '../../../bench/report/tune-page.ts';
import { Prng } from '../../../engine/base/prng.ts';

const space = { a: [1, 2, 4], b: [10, 20, 40], c: [100, 200] };
const goal = { budget: 40, p99MaxUs: Infinity };

/** A machine where `gain` says what a setting brings, with noise on top of every measurement. */
function machine(random: Prng, noise: number, gain: (candidate: Candidate) => number) {
  return (candidate: Candidate): Promise<Outcome> => {
    const off = 1 + noise * (2 * random.unit() - 1);
    return Promise.resolve({ perSecond: 10_000 * gain(candidate) * off, p99Us: 1000 / off });
  };
}

test('two settings that help together are found and recommended', async () => {
  const random = new Prng(1);
  const gain = ({ a, b }: Candidate): number => (a === 4 ? 1.3 : 1) * (b === 20 ? 1.3 : 1);
  const found = await search(space, goal, machine(random, 0.05, gain), new Prng(2));
  assert.equal(found.best.candidate['a'], 4);
  assert.equal(found.best.candidate['b'], 20);
  assert.ok(Math.abs(found.verdict!.ratio - 1.69) < 0.15, `${found.verdict!.ratio}`);
  assert.ok(Math.abs(found.defaultsReach - 1 / 1.69) < 0.06);
});

test('where nothing matters the defaults are recommended, however lucky a candidate was', async () => {
  let recommended = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const found = await search(
      space,
      goal,
      machine(new Prng(seed), 0.1, () => 1),
      new Prng(seed),
    );
    if (nameOf(found.best.candidate) !== 'defaults') recommended++;
  }
  assert.ok(recommended <= 4, `${recommended} of 40`);
});

test('the budget is kept, and a third of it goes to confirming', async () => {
  let count = 0;
  const measured: string[] = [];
  await search(
    space,
    goal,
    (candidate) => {
      count++;
      return machine(new Prng(count), 0.1, () => 1)(candidate);
    },
    new Prng(1),
    (stage) => measured.push(stage),
  );
  assert.ok(count <= goal.budget && count >= goal.budget - 1, `${count}`);
  assert.ok(measured.filter((stage) => stage === 'confirm').length >= 12);
});

test('when time runs out before the measurements do, the rest of it goes to confirming', async () => {
  let used = 0;
  const stages: string[] = [];
  const measure = (candidate: Candidate): Promise<Outcome> => {
    used += 0.1;
    return machine(new Prng(1), 0.1, () => 1)(candidate);
  };
  const onStep = (stage: string): void => void stages.push(stage);
  await search(space, { ...goal, spent: () => used }, measure, new Prng(1), onStep);
  assert.deepEqual([...new Set(stages)], ['explore', 'confirm']);
  assert.ok(stages.length >= 10 && stages.length <= 12, stages.join());
  assert.ok(stages.filter((stage) => stage === 'confirm').length >= 4, stages.join());
});

test('what breaks the bound of p99 does not win, however fast it is', async () => {
  const measure = ({ a, b }: Candidate): Promise<Outcome> =>
    Promise.resolve(
      a === 2 ? { perSecond: 90_000, p99Us: 80_000 } : { perSecond: b === 40 ? 20_000 : 10_000, p99Us: 2000 },
    );
  const found = await search(space, { budget: 40, p99MaxUs: 10_000 }, measure, new Prng(3));
  assert.equal(found.best.candidate['b'], 40);
  assert.notEqual(found.best.candidate['a'], 2);
});

test('what is slower and keeps the bound is recommended, and its loss is told as a loss', async () => {
  const measure = ({ a }: Candidate): Promise<Outcome> =>
    Promise.resolve(a === 2 ? { perSecond: 60_000, p99Us: 4900 } : { perSecond: 100_000, p99Us: 5100 });
  const found = await search(space, { budget: 40, p99MaxUs: 5000 }, measure, new Prng(3));
  assert.equal(found.best.candidate['a'], 2);
  assert.equal(found.verdict!.ratio.toFixed(3), '0.600');
  assert.equal(found.defaultsReach, 1);
  assert.match(gainOf(found), /60,000\/s, the defaults: 100,000\/s \(-40 %, .* p99 4\.90 ms and 5\.10 ms/);
  const details = { workload: 'set', boundMs: 5, points: [], found };
  assert.deepEqual(boundOf(details), { within: ' with p99 within 5 ms', problem: '' });
  assert.match(boundOf({ ...details, boundMs: 4 }).problem, /^Nothing tried keeps p99 within 4 ms.* 4\.90 ms\.$/);
});

test('the front holds what nothing beats in both', () => {
  const tried = (
    [
      [{}, 100, 10],
      [{ a: 1 }, 200, 20],
      [{ a: 2 }, 150, 30],
      [{ a: 4 }, 90, 5],
      [{ b: 10 }, 100, 10],
      [{ b: 20 }, 0, 0],
    ] as const
  ).map(([candidate, perSecond, p99Us]) => ({ candidate, outcomes: [{ perSecond, p99Us }] }));
  const onFront = paretoFront(tried).map(({ onFront: is }) => is);
  assert.deepEqual(onFront, [true, true, false, true, true]);
});
