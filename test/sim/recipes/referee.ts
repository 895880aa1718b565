/**
 * Who holds what, and whether that may be: judged by the committed txns, which no program sees.
 *
 *   granted   a place that is held: no node before it may be in the way any more
 *   used      what is guarded refuses tokens smaller than the largest it has seen; whoever is refused must have lost
 */
import type { Held } from '../../../engine/recipes/index.ts';
import type { Checks } from '../checks.ts';
import type { NodeState } from '../model.ts';
import { Violation, type World } from '../world.ts';
import type { Program } from './program.ts';

interface Grant {
  readonly program: Program;
  readonly held: Held;
}

export class Referee {
  acquisitions = 0;
  uses = 0;
  /** Uses that came too late, and were refused. */
  fenced = 0;
  /** Grants while another holder still took itself for one, by its own clock: what only fencing makes harmless. */
  overlaps = 0;
  readonly #world: World;
  readonly #checks: Checks;
  readonly #tokens = new Set<number>();
  readonly #largest = new Map<string, number>();
  readonly #held = new Map<string, Set<Grant>>();

  constructor(world: World, checks: Checks) {
    this.#world = world;
    this.#checks = checks;
  }

  /**
   * @param inTheWay which nodes of the folder keep this one from being held while they are before it
   * @param most how many of those may be before it
   */
  granted(program: Program, folder: string, held: Held, inTheWay = /./, most = 0): void {
    this.acquisitions++;
    this.#world.trace(`p${program.id} holds ${folder}`, held.token);
    this.expect(!this.#tokens.has(held.token), `the token ${held.token} of ${folder} was given twice`);
    this.#tokens.add(held.token);
    const before = this.#before(folder, held.token).filter((name) => inTheWay.test(name));
    this.expect(
      before.length <= most,
      `${folder}/…${held.token} is held by p${program.id} beside ${before.join(', ')}`,
    );
    const grants = this.#held.get(folder) ?? new Set();
    this.#held.set(folder, grants);
    const others = [...grants].filter(({ held: each, program: by }) => each.isHeld && !by.isDead && !by.isPaused);
    if (most === 0 && inTheWay.test('x') && others.length > 0) this.overlaps++;
    grants.add({ program, held });
  }

  /** Whether what is guarded takes it. */
  used(folder: string, { token }: Held): boolean {
    this.uses++;
    const largest = this.#largest.get(folder) ?? 0;
    if (token >= largest) {
      this.#largest.set(folder, token);
      return true;
    }
    this.fenced++;
    const isThere = this.#nodes(folder).some(({ czxid }) => czxid === token);
    this.expect(!isThere, `${folder}: ${largest} was in while the holder of ${token} has not lost its node`);
    return false;
  }

  released(folder: string, held: Held): void {
    const grants = this.#held.get(folder)!;
    for (const grant of grants) if (grant.held === held) grants.delete(grant);
  }

  /** The children of a folder, as they are committed. */
  children(folder: string): string[] {
    return this.#checks.model.childrenAt(folder, Infinity);
  }

  data(path: string): string | null {
    const node = this.node(path);
    return node.exists ? node.data : null;
  }

  /** As it is committed. */
  node(path: string): NodeState {
    return this.#checks.model.at(path, Infinity);
  }

  expect(holds: boolean, text: string): void {
    if (!holds) throw new Violation('recipes', text);
  }

  #before(folder: string, token: number): string[] {
    return this.#nodes(folder)
      .filter(({ czxid }) => czxid < token)
      .map(({ name }) => name);
  }

  #nodes(folder: string): { name: string; czxid: number }[] {
    const { model } = this.#checks;
    return this.children(folder).map((name) => ({ name, czxid: model.at(`${folder}/${name}`, Infinity).czxid }));
  }
}
