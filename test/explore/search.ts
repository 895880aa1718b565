/**
 * Goes through all schedules of a world that stray from an undisturbed run at most so often.
 *
 *   undisturbed run:  the first channel with something to do takes one step, until all is at rest
 *   straying, 1 each: hold a channel back · crash · cut a link · a time limit passes · and, while
 *                     something is still under way: propose · restart · heal
 *   at rest, free:    propose · restart · heal · let go of a held channel
 *
 * Holding a channel instead of reordering single steps reaches deep, telling schedules with little
 * straying. Crashes, cuts, proposals and time limits are bounded on top. States already seen with at
 * least as much left are not entered again; a state is known by 53 bits of hash (of 10 million
 * states, one is mistaken for another with a chance of about 1 %).
 */
import type { ExploredWorld } from './explored-world.ts';

export interface Budget {
  readonly strays: number;
  readonly proposals: number;
  readonly crashes: number;
  readonly cuts: number;
  readonly timeouts: number;
}

export interface Result {
  /** Distinct states, steps taken, and the longest schedule. */
  states: number;
  steps: number;
  depth: number;
  /** False when the time was over before all schedules were seen. */
  complete: boolean;
  /** What was violated and how, null when nothing was. */
  violation: { readonly what: string; readonly schedule: readonly string[] } | null;
}

interface Step {
  readonly name: string;
  readonly left: Budget;
  readonly carryOut: (world: ExploredWorld) => void;
}

interface Frame {
  readonly world: ExploredWorld;
  readonly left: Budget;
  readonly steps: Step[];
  readonly name: string;
}

export function explore(start: ExploredWorld, budget: Budget, deadline: () => boolean): Result {
  const result: Result = { states: 0, steps: 0, depth: 0, complete: true, violation: null };
  const seen = new States();
  const stack: Frame[] = [{ world: start, left: budget, steps: stepsFrom(start, budget), name: '' }];
  while (stack.length > 0) {
    const frame = stack.at(-1)!;
    const step = frame.steps.pop();
    if (step === undefined) {
      stack.pop();
      continue;
    }
    result.steps++;
    if (result.steps % 1024 === 0 && deadline()) {
      result.complete = false;
      break;
    }
    const world = frame.world.copy();
    world.act(step.carryOut);
    if (world.violation !== '') {
      const schedule = [...stack.slice(1).map(({ name }) => name), step.name];
      result.violation = { what: world.violation, schedule };
      break;
    }
    const { proposals, crashes, cuts, timeouts, strays } = step.left;
    if (!seen.enter(`${world.key()}#${proposals}${crashes}${cuts}${timeouts}`, strays)) continue;
    stack.push({ world, left: step.left, steps: stepsFrom(world, step.left), name: step.name });
    result.depth = Math.max(result.depth, stack.length - 1);
  }
  result.states = seen.size;
  return result;
}

/** What can happen next; the undisturbed step comes last, so that it is tried first. */
function stepsFrom(world: ExploredWorld, left: Budget): Step[] {
  const steps: Step[] = [];
  const enabled = world.enabled();
  const next = enabled.find((channel) => !world.held.has(channel));
  const isAtRest = next === undefined;
  const cost = isAtRest ? 0 : 1;
  const add = (
    name: string,
    price: number,
    change: Partial<Budget>,
    carryOut: (world: ExploredWorld) => void,
  ): void => {
    if (left.strays >= price) steps.push({ name, left: { ...left, ...change, strays: left.strays - price }, carryOut });
  };
  for (const id of world.ids) {
    const { core } = world.boxes.get(id)!;
    if (core === null) {
      add(`restart ${id}`, cost, {}, (each) => each.restart(id));
      continue;
    }
    if (left.crashes > 0) add(`crash ${id}`, 1, { crashes: left.crashes - 1 }, (each) => each.crash(id));
    if (left.timeouts > 0) add(`expire ${id}`, 1, { timeouts: left.timeouts - 1 }, (each) => each.expire(id));
    if (left.proposals > 0 && core.canPropose) {
      add(`propose ${id}`, cost, { proposals: left.proposals - 1 }, (each) => each.propose(id));
    }
  }
  for (const [a, b] of world.pairs()) {
    const areUp = world.boxes.get(a)!.core !== null && world.boxes.get(b)!.core !== null;
    if (!areUp) continue;
    if (!world.isConnected(a, b)) add(`heal ${a} ${b}`, cost, {}, (each) => each.connect(a, b));
    else if (left.cuts > 0) add(`cut ${a} ${b}`, 1, { cuts: left.cuts - 1 }, (each) => each.cut(a, b));
  }
  if (next === undefined) {
    for (const channel of world.held) {
      add(`let go ${channel}`, 0, {}, (each) => (each.held = without(each.held, channel)));
    }
  } else {
    add(`hold ${next}`, 1, {}, (each) => (each.held = new Set([...each.held, next])));
    add(next, 0, {}, (each) => each.run(next));
  }
  return steps;
}

function without(set: ReadonlySet<string>, element: string): ReadonlySet<string> {
  const rest = new Set(set);
  rest.delete(element);
  return rest;
}

/** A table from hash to the largest `strays` with which that state was entered; open addressing. */
class States {
  size = 0;
  #hashes = new Float64Array(1 << 16);
  #strays = new Uint8Array(1 << 16);

  /** False when the state was entered before with as many strays left. */
  enter(key: string, strays: number): boolean {
    if (this.size * 2 > this.#hashes.length) this.#grow();
    const hash = hashOf(key);
    const at = this.#find(hash);
    if (this.#hashes[at] === hash) {
      if (this.#strays[at]! >= strays) return false;
    } else {
      this.#hashes[at] = hash;
      this.size++;
    }
    this.#strays[at] = strays;
    return true;
  }

  #find(hash: number): number {
    const mask = this.#hashes.length - 1;
    let at = (hash % this.#hashes.length) & mask;
    while (this.#hashes[at] !== 0 && this.#hashes[at] !== hash) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const [hashes, strays] = [this.#hashes, this.#strays];
    this.#hashes = new Float64Array(hashes.length * 2);
    this.#strays = new Uint8Array(hashes.length * 2);
    for (const [i, hash] of hashes.entries()) {
      if (hash === 0) continue;
      const at = this.#find(hash);
      this.#hashes[at] = hash;
      this.#strays[at] = strays[i]!;
    }
  }
}

/** 53 bits from two multiplicative hashes; never 0. */
function hashOf(key: string): number {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x5bd1e995);
    b ^= b >>> 13;
  }
  a ^= a >>> 15;
  b = Math.imul(b ^ (b >>> 15), 0x2c1b3c6d);
  return (a >>> 0) * 2 ** 21 + ((b >>> 0) >>> 11) + 1;
}
