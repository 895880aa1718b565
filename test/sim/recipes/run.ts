/**
 * One run of a recipe: simulated programs upon simulated servers, with faults on both sides; then a healed quorum, on
 * which every program must get on and nothing may be left behind.
 */
import { Client } from '../../../engine/client/index.ts';
import { untilAnswered } from '../../../engine/recipes/calls.ts';
import { Checks } from '../checks.ts';
import { Faults } from '../faults.ts';
import { Network } from '../network.ts';
import { drawOptions, type SimOptions } from '../options.ts';
import { SimServer } from '../process.ts';
import { Violation, World } from '../world.ts';
import { Program } from './program.ts';
import { Referee } from './referee.ts';
import { isExpected, workloads, type Scene, type Workload } from './workloads.ts';

export interface RecipeRun {
  readonly recipe: string;
  readonly hash: string;
  readonly violation: Violation | null;
  readonly lines: readonly string[];
  readonly figures: RecipeFigures;
}

export interface RecipeFigures {
  acquisitions: number;
  uses: number;
  fenced: number;
  overlaps: number;
  /** Things that programs achieved. */
  rounds: number;
  serverCrashes: number;
  programFaults: number;
  kills: number;
  sessions: number;
  simulatedMs: number;
}

const leftoverMs = 5000;

export async function runRecipe(seed: number, recipe: string, keepsLines = false): Promise<RecipeRun> {
  const drawn = drawOptions(seed);
  const options: SimOptions = { ...drawn, clients: 3 + (seed % 3), livenessMs: drawn.livenessMs * 2 };
  const run = new Run(options, workloads[recipe]!(), keepsLines);
  const violation = await run.play();
  return { recipe, hash: run.world.hash, violation, lines: run.world.lastLines(2000), figures: run.figures };
}

class Run {
  readonly world: World;
  readonly figures: RecipeFigures;
  readonly #options: SimOptions;
  readonly #workload: Workload;
  readonly #servers: readonly SimServer[];
  readonly #faults: Faults;
  readonly #scene: Scene;
  readonly #programs: Program[] = [];
  readonly #achieved = new Set<Program>();
  readonly #living = new Set<Program>();
  #isHealing = false;
  #isTouched = false;
  #failure: Violation | null = null;

  constructor(options: SimOptions, workload: Workload, keepsLines: boolean) {
    const world = new World(options.seed, keepsLines);
    const checks = new Checks(world, options);
    const servers = Array.from({ length: options.servers }, (_, index) => new SimServer(index, world, options, checks));
    const network = new Network(world, { ...options, peerTimeoutMs: options.tickTime * 5 }, servers, checks);
    for (const server of servers) server.network = network;
    this.world = world;
    this.#options = options;
    this.#workload = workload;
    this.#servers = servers;
    const figures = { acquisitions: 0, uses: 0, fenced: 0, overlaps: 0, rounds: 0, simulatedMs: 0 };
    this.figures = { ...figures, serverCrashes: 0, programFaults: 0, kills: 0, sessions: 0 };
    this.#scene = {
      world,
      referee: new Referee(world, checks),
      programs: options.clients,
      isStopping: false,
      progress: (program) => {
        this.figures.rounds++;
        this.#achieved.add(program);
      },
    };
    for (let id = 1; id <= options.clients; id++) this.#begin(id);
    this.#faults = new Faults(world, options, servers, network, this.#programs, checks);
    for (const server of servers) world.after(world.between(0, 50), () => server.start());
    this.#nextFault();
  }

  async play(): Promise<Violation | null> {
    try {
      await this.#until(this.#options.safetyMs, () => false);
      this.#faults.healCore();
      this.#isHealing = true;
      this.#achieved.clear();
      const end = this.world.now + this.#options.livenessMs;
      await this.#until(end, () => this.#achieved.size === this.#programs.length);
      this.#expectAll('get on', (program) => this.#achieved.has(program));
      this.#scene.isStopping = true;
      await this.#until(this.world.now + this.#options.livenessMs, () => this.#living.size === 0);
      this.#expectAll('stop', (program) => !this.#living.has(program));
      await this.#verify();
    } catch (error) {
      this.#failure ??= error instanceof Violation ? error : new Violation('crash', String((error as Error).stack));
    }
    if (this.#failure !== null) this.world.trace(`VIOLATION ${this.#failure.message}`);
    const { acquisitions, uses, fenced, overlaps } = this.#scene.referee;
    const { crash, crashAll } = this.#faults.counts;
    const serverCrashes = crash + crashAll * this.#servers.length;
    Object.assign(this.figures, { acquisitions, uses, fenced, overlaps, serverCrashes, simulatedMs: this.world.now });
    return this.#failure;
  }

  // ---- time ----------------------------------------------------------------------------------------

  /** Lets the world go on; what the promises of the programs do belongs to the event that settled them. */
  async #until(end: number, isDone: () => boolean): Promise<void> {
    while (!isDone() && this.world.step(end)) {
      if (this.#isTouched) {
        this.#isTouched = false;
        await new Promise((resolve) => void setImmediate(resolve));
      }
      if (this.#failure !== null) throw this.#failure;
    }
  }

  #expectAll(what: string, holds: (program: Program) => boolean): void {
    const waiting = this.#programs.filter((program) => !holds(program));
    if (waiting.length === 0) return;
    throw new Violation('liveness', `on a healed quorum p${waiting.map(({ id }) => id).join(', p')} do not ${what}`);
  }

  // ---- programs ------------------------------------------------------------------------------------

  #begin(id: number): void {
    const program = new Program(id, this.world, this.#options, this.#servers, () => (this.#isTouched = true));
    this.#programs[id - 1] = program;
    this.#living.add(program);
    this.world.after(this.world.between(0, 100), () => program.enter(() => void this.#live(program)));
  }

  async #live(program: Program): Promise<void> {
    try {
      while (!this.#scene.isStopping) await this.#session(program);
    } catch (error) {
      this.#failure ??= error instanceof Violation ? error : new Violation('recipes', String((error as Error).stack));
    }
    this.#living.delete(program);
  }

  async #session(program: Program): Promise<void> {
    this.figures.sessions++;
    const client = this.#clientOf(program);
    try {
      await client.connected({ timeoutMs: 600_000 });
      await this.#workload.live(program, client, this.#scene);
      await this.#expectNothingLeft(program, client);
    } catch (error) {
      if (!isExpected(error)) throw error;
    }
    await client.close();
  }

  #clientOf({ connectString, connector, environment }: Program): Client {
    const { sessionTimeoutMs } = this.#options;
    return new Client(connectString, { connector, environment, sessionTimeoutMs });
  }

  /** A session that goes on must not keep nodes that nobody holds any more. */
  async #expectNothingLeft(program: Program, client: Client): Promise<void> {
    const end = this.world.now + leftoverMs + this.#options.sessionTimeoutMs * 4;
    for (;;) {
      const paths = await client.getEphemerals().catch((error: unknown) => {
        if (isExpected(error)) throw error;
        return null;
      });
      if (paths?.length === 0) return;
      if (this.world.now > end && paths !== null)
        throw new Violation('recipes', `p${program.id} has left ${paths.join(', ')} behind`);
      await program.sleep(50);
    }
  }

  async #verify(): Promise<void> {
    const program = new Program(99, this.world, this.#options, this.#servers, () => (this.#isTouched = true));
    let isDone = false;
    // A healed ensemble may still be slow for longer than a session lasts.
    const verify = async (): Promise<void> => {
      const client = this.#clientOf(program);
      try {
        await client.connected({ timeoutMs: 600_000 });
        await untilAnswered(() => client.sync());
        await this.#workload.verify?.(client, this.#scene);
        await client.close();
      } catch (error) {
        if (!isExpected(error)) throw error;
        await client.close();
        await verify();
      }
    };
    verify().then(
      () => (isDone = true),
      (error: unknown) => {
        this.#failure ??= error instanceof Violation ? error : new Violation('recipes', String((error as Error).stack));
      },
    );
    this.#isTouched = true;
    await this.#until(this.world.now + this.#options.livenessMs, () => isDone);
    if (!isDone) throw new Violation('liveness', 'what came of it cannot be read');
  }

  // ---- faults of programs --------------------------------------------------------------------------

  #nextFault(): void {
    const { world } = this;
    world.after(world.around(this.#options.faultEveryMs * 2), () => {
      if (this.#isHealing) return;
      this.#fault(world.prng.pick(this.#programs));
      this.#nextFault();
    });
  }

  #fault(program: Program): void {
    const { prng } = this.world;
    this.figures.programFaults++;
    const ms = this.#options.sessionTimeoutMs * prng.pick([0.1, 0.5, 1, 2]) * (0.5 + prng.unit());
    switch (prng.below(4)) {
      case 0:
        program.cut();
        break;
      case 1:
        program.pause(ms);
        break;
      case 2:
        program.cutOff(ms);
        break;
      default:
        this.figures.kills++;
        program.kill(prng.chance(0.5));
        this.#living.delete(program);
        this.#begin(program.id);
    }
  }
}
