/**
 * Elections and joins that must come to an end: each of these once could not, or took a time limit
 * of half a minute.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epochMax } from '../../../engine/base/zxid.ts';
import type { Vote } from '../../../engine/consensus/zab/messages.ts';
import { emptyDisk, World, zxid, batchOf, type Disk } from '../../support/zab-world.ts';

/** A disk that holds one batch of epoch 1 for each counter up to `counter`. */
function diskAt(counter: number, epochs: Partial<Disk['state']> = {}): Disk {
  const log = Array.from({ length: counter }, (_, i) => batchOf(i === 0 ? 0 : zxid(1, i), zxid(1, i + 1), 1000 + i));
  return { ...emptyDisk, state: { acceptedEpoch: 1, currentEpoch: 1, ensembleId: 7, ...epochs }, log };
}

function worldOf(disks: readonly Disk[], observers: readonly Disk[] = []): World {
  const world = new World({ voters: disks.map((_, i) => i + 1) });
  for (const [i, disk] of [...disks, ...observers].entries()) world.add(i + 1, disk);
  return world;
}

const roles = (world: World): string => world.ids.map((id) => world.boxes.get(id)!.core?.role ?? 'down').join(' ');
const serving = (world: World): number[] => world.ids.filter((id) => world.boxes.get(id)!.core?.serving);

/** Lets time pass for everybody, in steps of a healthy server, settling after each. */
function pass(world: World, ms: number, isHeld?: (from: number, to: number) => boolean): void {
  for (let left = ms; left > 0; left -= 100) {
    for (const id of world.ids) if (!isHeld?.(id, id)) world.tick(id, 100);
    world.stabilize(isHeld);
  }
}

test('three empty servers elect the largest id at once', () => {
  const world = worldOf([emptyDisk, emptyDisk, emptyDisk]);
  world.startAll();
  world.stabilize();
  assert.equal(roles(world), 'following following leading');
  assert.deepEqual(serving(world), [1, 2, 3]);
  assert.deepEqual(world.resets, []);
});

test('the best candidate dies when it has everybody’s vote and nobody follows it yet', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(2)]);
  world.startAll();
  for (const [a, b] of world.pairs())
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const)
      world.deliver(from, to);
  // 1 and 2 hear 3 and choose it, but do not hear each other yet, so neither sees a quorum.
  world.stabilize((from) => from !== 3);
  world.crash(3);
  world.stabilize();
  pass(world, 300);
  assert.equal(roles(world), 'following leading down');
  assert.deepEqual(serving(world), [1, 2]);
});

test('a server that reaches no quorum does not bind the votes of the others', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(1), diskAt(1), diskAt(3)]);
  for (const id of world.ids) world.start(id);
  for (const [a, b] of world.pairs()) if (b !== 5 || a === 4) world.connect(a, b);
  world.stabilize();
  pass(world, 400);
  assert.equal(roles(world), 'following following following leading following');
  assert.deepEqual(serving(world), [1, 2, 3, 4, 5]);
});

/** Server `from` asks to join `to`, and says that it has promised this epoch. */
function forgeJoin(world: World, from: number, to: number, acceptedEpoch: number): void {
  world.step(to, { kind: 'message', from, message: { kind: 'join', acceptedEpoch, observer: false } });
}

test('a promise far beyond all others neither ends a leader nor uses up the epochs', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(1)]);
  for (const id of [1, 2]) world.start(id);
  world.connect(1, 2);
  forgeJoin(world, 3, 2, epochMax - 1);
  world.stabilize();
  pass(world, 300);
  assert.deepEqual([roles(world), serving(world), world.core(2).epoch], ['following leading down', [1, 2], 2]);
  forgeJoin(world, 3, 2, epochMax - 1);
  forgeJoin(world, 3, 2, epochMax - 1);
  pass(world, 5000);
  assert.deepEqual([roles(world), serving(world), world.core(2).epoch], ['following leading down', [1, 2], 2]);
  // One that is no further than usual is taken along.
  world.add(3, diskAt(1, { acceptedEpoch: 7 }));
  world.start(3);
  world.connect(2, 3);
  world.connect(1, 3);
  pass(world, 1000);
  assert.deepEqual([serving(world), world.core(2).epoch], [[1, 2, 3], 8]);
});

test('a server whose far promise does not go away is taken along after a minute', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(1, { acceptedEpoch: 9000 })]);
  for (const id of [1, 2]) world.start(id);
  world.connect(1, 2);
  world.stabilize();
  pass(world, 300);
  world.start(3);
  const again = (): void => {
    world.cut(2, 3);
    world.cut(1, 3);
    world.connect(2, 3);
    world.connect(1, 3);
    pass(world, 1000);
  };
  for (let n = 0; n < 55; n++) again();
  assert.deepEqual([serving(world), world.core(2).epoch], [[1, 2], 2]);
  for (let n = 0; n < 10; n++) again();
  assert.deepEqual(serving(world), [1, 2, 3]);
  assert.ok(world.core(2).epoch > 9000);
});

test('a join that is doubted is forgotten when its sender looks again', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(1)]);
  world.start(2);
  // It leads, since 3 and 1 have chosen it, and 1 has not joined yet.
  const said: Vote = { kind: 'vote', round: 1, state: 'looking', leader: 2, epoch: 1, zxid: zxid(1, 1) };
  for (const peer of [1, 3]) world.step(2, { kind: 'link', peer, up: true });
  for (const from of [1, 3]) world.step(2, { kind: 'message', from, message: said });
  world.tick(2, 300);
  assert.equal(world.core(2).role, 'leading');
  forgeJoin(world, 3, 2, 1_000_000);
  world.step(2, { kind: 'message', from: 3, message: { ...said, leader: 3 } });
  for (let n = 0; n < 6; n++) world.tick(2, 100);
  assert.deepEqual([world.core(2).role, world.box(2).pending], ['leading', []]);
});

test('a vote of a round that is far ahead does not use up the rounds', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(1)]);
  for (const id of [1, 2]) world.start(id);
  world.connect(1, 2);
  const vote: Vote = { kind: 'vote', round: 2 ** 53 - 1, state: 'looking', leader: 3, epoch: 1, zxid: zxid(1, 1) };
  world.deliver(1, 2);
  world.step(2, { kind: 'message', from: 3, message: vote });
  const rounds = world.queue(2, 1).flatMap((item) => (item.kind === 'vote' ? [item.round] : []));
  assert.ok(rounds.length > 0 && rounds.every((round) => round === 1), rounds.join());
  world.stabilize();
  pass(world, 300);
  assert.deepEqual(serving(world), [1, 2]);
});

test('a server that took over a round that is far ahead comes back', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(1)]);
  for (const id of [1, 2]) world.start(id);
  const vote: Vote = { kind: 'vote', round: 2 ** 32, state: 'looking', leader: 3, epoch: 1, zxid: zxid(1, 1) };
  world.step(1, { kind: 'message', from: 3, message: vote });
  world.step(1, { kind: 'message', from: 3, message: { ...vote, round: 2 ** 33 } });
  world.connect(1, 2);
  world.stabilize();
  pass(world, 500);
  assert.deepEqual(serving(world), [1, 2]);
});

test('servers that have promised far more than the best one are waited for, then believed', () => {
  const far = { acceptedEpoch: 9000 };
  const world = worldOf([diskAt(1, far), diskAt(2, far), diskAt(3, { acceptedEpoch: 2 })]);
  for (const id of [2, 3]) world.start(id);
  world.connect(2, 3);
  world.stabilize();
  assert.deepEqual([world.core(3).role, serving(world)], ['leading', []]);
  pass(world, 1000);
  assert.deepEqual([world.core(3).role, serving(world), world.core(3).epoch], ['leading', [2, 3], 9001]);
  assert.deepEqual(world.resets, []);
});

test('a bridge: two servers that do not see each other, and one that sees both', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(2)]);
  for (const id of world.ids) world.start(id);
  world.connect(1, 2);
  world.connect(2, 3);
  world.stabilize();
  pass(world, 400);
  assert.deepEqual(serving(world), [2, 3]);
  world.connect(1, 3);
  world.stabilize();
  assert.deepEqual(serving(world), [1, 2, 3]);
});

test('a candidate that hangs is given up after a second, not after the synchronization limit', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(2)]);
  world.startAll();
  for (const [a, b] of world.pairs())
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const)
      world.deliver(from, to);
  // 3 cast its vote and is stopped; its links stay up.
  const isHeld = (_: number, to: number): boolean => to === 3;
  world.stabilize(isHeld);
  assert.equal(world.core(1).leader, 3);
  pass(world, 1700, isHeld);
  assert.deepEqual(serving(world), [1, 2]);
  world.stabilize();
  pass(world, 300);
  assert.equal(roles(world), 'following leading following');
  assert.deepEqual(serving(world), [1, 2, 3]);
});

test('a server that waits for its candidate hears that the candidate follows another', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(2)]);
  world.start(1);
  const say = (from: number, state: Vote['state'], leader: number, counter: number): void =>
    world.step(1, {
      kind: 'message',
      from,
      message: { kind: 'vote', round: 2, state, leader, epoch: 1, zxid: zxid(1, counter) },
    });
  for (const peer of [2, 3]) world.step(1, { kind: 'link', peer, up: true });
  say(3, 'looking', 3, 2);
  say(2, 'looking', 3, 1);
  assert.equal(world.core(1).leader, 3);
  assert.equal(world.core(1).phase, 'waiting');
  say(3, 'following', 2, 2);
  assert.equal(world.core(1).role, 'looking');
  say(2, 'leading', 2, 1);
  assert.equal(world.core(1).leader, 2);
  assert.equal(world.core(1).phase, 'joining');
});

test('a change of mind does not start the election over for the others', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(2)]);
  world.start(1);
  const say = (round: number, state: Vote['state'], leader: number): void =>
    world.step(1, {
      kind: 'message',
      from: 2,
      message: { kind: 'vote', round, state, leader, epoch: 1, zxid: zxid(1, 1) },
    });
  // 1 does not see 3, for which 2 changes its mind; with a new round 1 would make 2 start over, for ever.
  const rounds: number[] = [];
  world.onEvent = (_, what, detail) => {
    if (what === 'sends') rounds.push((detail as { message: Vote }).message.round);
  };
  world.step(1, { kind: 'link', peer: 2, up: true });
  say(1, 'looking', 2);
  assert.equal(world.core(1).leader, 2);
  say(1, 'looking', 3);
  assert.equal(world.core(1).role, 'looking');
  assert.deepEqual(new Set(rounds), new Set([1]));
});

test('whoever hears that its leader looks again does not call itself its follower once more', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(1)]);
  world.startAll();
  world.stabilize();
  const states: string[] = [];
  world.onEvent = (_, what, detail) => {
    if (what === 'sends') states.push((detail as { message: Vote }).message.state);
  };
  const message: Vote = { kind: 'vote', round: 2, state: 'looking', leader: 3, epoch: 2, zxid: zxid(1, 1) };
  world.step(1, { kind: 'message', from: 3, message });
  assert.deepEqual(new Set(states), new Set(['looking']));
});

test('what a candidate sent as our follower is no breach of the protocol', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(1)]);
  world.start(1);
  const message: Vote = { kind: 'vote', round: 1, state: 'leading', leader: 2, epoch: 1, zxid: zxid(1, 1) };
  world.step(1, { kind: 'link', peer: 2, up: true });
  world.step(1, { kind: 'message', from: 2, message });
  assert.equal(world.core(1).phase, 'joining');
  world.step(1, { kind: 'message', from: 2, message: { kind: 'ack', epoch: 1, zxid: zxid(1, 1) } });
  assert.equal(world.core(1).phase, 'joining');
  assert.deepEqual(world.resets, []);
});

test('who begins to follow tells everybody', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(2)]);
  const told: string[] = [];
  world.onEvent = (server, what, detail) => {
    const { to, message } = (detail ?? {}) as { to: number; message: { kind: string; state: string } };
    if (what === 'sends' && message.kind === 'vote' && message.state === 'following') told.push(`${server}>${to}`);
  };
  world.startAll();
  world.stabilize();
  assert.deepEqual(told.sort(), ['1>2', '1>3', '2>1', '2>3']);
});

test('a promise to a leader that failed costs one election, however late its epoch (335)', () => {
  const world = worldOf([diskAt(1), diskAt(1), diskAt(1, { acceptedEpoch: 9 })]);
  for (const id of [1, 2]) world.start(id);
  world.connect(1, 2);
  world.stabilize();
  pass(world, 300);
  assert.deepEqual(serving(world), [1, 2]);
  assert.equal(world.core(2).epoch, 2);
  world.restart(3);
  world.stabilize();
  pass(world, 300);
  assert.deepEqual(serving(world), [1, 2, 3]);
  assert.equal(world.core(1).epoch, 10);
  assert.deepEqual(world.resets, []);
});

test('an observer never makes an established leader step down', () => {
  const world = worldOf([diskAt(1), diskAt(1)], [diskAt(1, { acceptedEpoch: 9 })]);
  for (const id of [1, 2]) world.start(id);
  world.connect(1, 2);
  world.stabilize();
  assert.equal(world.core(2).epoch, 2);
  world.restart(3);
  world.stabilize();
  assert.deepEqual(serving(world), [1, 2, 3]);
  assert.equal(world.core(3).role, 'observing');
  assert.equal(world.core(2).epoch, 2);
  assert.equal(world.boxes.get(3)!.disk.state.currentEpoch, 2);
});

/** Brings the largest server to where its epoch is promised by all, but no promise has reached it. */
function undecided(size: number): { world: World; isHeld: (from: number, to: number) => boolean } {
  const world = worldOf(Array.from({ length: size }, () => diskAt(1)));
  world.startAll();
  const isHeld = (from: number, to: number): boolean => world.queue(from, to)[0]?.kind === 'ackEpoch';
  world.stabilize(isHeld);
  return { world, isHeld };
}

test('a promise that was made before counts for nobody; the others’ promises do', () => {
  const { world, isHeld } = undecided(5);
  world.cut(3, 5);
  world.connect(3, 5);
  world.stabilize(isHeld);
  assert.equal(world.queue(3, 5)[0]?.kind, 'ackEpoch');
  world.deliver(3, 5);
  assert.equal(world.core(5).role, 'leading');
  world.stabilize();
  assert.deepEqual(serving(world), [1, 2, 3, 4, 5]);
  assert.equal(world.core(5).epoch, 2);
});

test('when no quorum can promise an epoch any more the leader takes the next one at once', () => {
  const { world, isHeld } = undecided(3);
  world.crash(1);
  world.stabilize(isHeld);
  world.cut(2, 3);
  world.connect(2, 3);
  world.stabilize();
  assert.deepEqual(serving(world), [2, 3]);
  assert.equal(world.core(3).epoch, 3);
});

test('a second answer to a join is no breach of the protocol', () => {
  const { world } = undecided(3);
  world.step(2, { kind: 'message', from: 3, message: { kind: 'newEpoch', epoch: 2 } });
  world.stabilize();
  assert.deepEqual(world.resets, []);
  assert.deepEqual(serving(world), [1, 2, 3]);
});

test('a leader waits for a history that is being taken over, however long', () => {
  const world = worldOf([diskAt(30), emptyDisk]);
  for (const id of [1, 2]) world.start(id);
  world.connect(1, 2);
  const isHeld = (from: number, to: number): boolean => from === 2 && to === 2 && world.box(2).pending.length < 2;
  world.stabilize();
  assert.deepEqual(serving(world), [1, 2]);
  assert.equal(world.core(2).lastLogged, zxid(1, 30));
  assert.equal(isHeld(1, 2), false);
});

test('a leader with a slow disk stops proposing although its followers are a quorum', () => {
  const world = new World({ voters: [1, 2, 3], bytesInFlightMax: 100 });
  for (const id of [1, 2, 3]) world.add(id);
  world.startAll();
  world.stabilize();
  const isHeld = (from: number, to: number): boolean => from === 3 && to === 3;
  let proposed = 0;
  for (; world.core(3).canPropose && proposed < 100; proposed++) {
    world.propose(3);
    world.stabilize(isHeld);
  }
  assert.equal(world.core(3).committed, world.core(3).lastLogged);
  assert.equal(proposed, 10);
  world.sync(3);
  assert.ok(world.core(3).canPropose);
});

test('a server that cannot install its leader’s snapshot asks it again after longer and longer pauses', () => {
  const world = worldOf([diskAt(1), diskAt(3), diskAt(3)]);
  for (const id of [2, 3]) world.start(id);
  world.connect(2, 3);
  world.stabilize();
  for (const id of [2, 3]) world.compact(id);
  world.restart(1);
  /** All but the snapshot that is being installed. */
  const settle = (): void => {
    do world.stabilize((from, to) => from === 1 && to === 1);
    while (world.box(1).pending.length > 0 && (world.sync(1), true));
  };
  const msUntilInstalling = (): number => {
    settle();
    let ms = 0;
    for (; world.box(1).installing === null && ms < 100_000; ms += 100) {
      for (const id of world.ids) world.tick(id, 100);
      settle();
    }
    return ms;
  };
  const pauses = Array.from({ length: 9 }, () => {
    const ms = msUntilInstalling();
    world.box(1).installing = null;
    world.step(1, { kind: 'installFailed' });
    return ms;
  });
  assert.deepEqual(pauses, [0, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000, 10_000]);
  world.crash(3);
  assert.equal(msUntilInstalling() < 5000, true, 'another leader is asked at once');
  world.install(1);
  world.stabilize();
  assert.deepEqual(serving(world), [1, 2]);
});
