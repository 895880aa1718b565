/** A run: rounds of loads on targets, with their warnings, towards one record. */
import { Generators, type Measured, type Timing } from '../load/generators.ts';
import { describeWorkload, type Workload } from '../load/workload.ts';
import {
  describeMachine,
  describeRevision,
  probeDisk,
  processorTime,
  stolenShare,
  type Disk,
  type Machine,
  type Revision,
} from '../measure/machine.ts';
import { time, whole } from '../report/format.ts';
import { Progress } from '../report/progress.ts';
import { recordFormat, summarize, toRound, type LoadRecord, type Round, type RunRecord } from '../report/record.ts';
import { Observer, type Observed } from '../target/observer.ts';
import type { Target } from '../target/target.ts';
import type { Options } from './options.ts';

export interface RoundResult {
  readonly round: Round;
  readonly measured: Measured;
  /** null where the servers tell nothing. */
  readonly observed: Observed | null;
}

/** From this share on, what a hypervisor gives to others is worth a warning. */
const stolenShareMax = 0.05;

export class Run {
  readonly options: Options;
  readonly command: string;
  readonly machine: Machine = describeMachine();
  /** As it was at the start: somebody may go on working meanwhile. */
  readonly revision: Revision = describeRevision();
  readonly disk: Disk | null;
  readonly progress: Progress;
  readonly #at = new Date().toISOString();
  readonly #processorTime = processorTime();
  readonly #warnings = new Set<string>();
  /** What happened how often. */
  readonly #counts = new Map<string, number>();
  /** Keys that are there, by target. */
  readonly #keys = new WeakMap<Target, { readonly keys: number; readonly bytes: number }>();

  /** @param expectedMs how long it will take, for the progress bar */
  constructor(command: string, options: Options, expectedMs: number) {
    this.command = command;
    this.options = options;
    this.disk = options.hosts === null ? probeDisk(options.dataFolder) : null;
    this.progress = new Progress(expectedMs);
    const { load1, cores } = this.machine;
    if (load1 > cores / 2)
      this.warn(`the machine was busy with something else at the start (load ${load1} on ${cores} cores)`);
    if (this.disk?.fileSystem === 'tmpfs')
      this.warn(`${this.disk.folder} is in memory (tmpfs): nothing is durable there, choose a disk with --data`);
  }

  warn(sentence: string): void {
    this.#warnings.add(sentence);
  }

  get warnings(): readonly string[] {
    return [...this.#warnings, ...Array.from(this.#counts, ([what, count]) => `${what}: ${whole(count)}`)];
  }

  /** Measures one round of a load on fresh generators. */
  async round(target: Target, workload: Workload, timing: Timing): Promise<RoundResult> {
    const { protocol, hosts } = target;
    const { keys, bytes } = workload;
    const made = this.#keys.get(target);
    const hasKeys = made !== undefined && made.keys >= keys && made.bytes === bytes;
    const processes = this.options.generators;
    const generators = await Generators.open({ protocol, hosts, workload, processes, hasKeys });
    this.#keys.set(target, { keys, bytes });
    try {
      return await this.measure(target, generators, workload, timing);
    } finally {
      await generators.close();
    }
  }

  /** The same with generators that are open, while the servers are watched. */
  async measure(target: Target, generators: Generators, workload: Workload, timing: Timing): Promise<RoundResult> {
    const observer = new Observer(target.metricsPorts);
    const observing = setTimeout(() => observer.start(), timing.warmMs);
    const measured = await this.stretch(target, generators, workload, timing);
    clearTimeout(observing);
    return { round: toRound(measured, timing.warmMs), measured, observed: await observer.stop() };
  }

  /** Measures with generators that are open. */
  async stretch(target: Target, generators: Generators, workload: Workload, timing: Timing): Promise<Measured> {
    const started = performance.now();
    const measured = await generators.run({
      ...timing,
      onProgress: (operations) => {
        const seconds = (performance.now() - started - timing.warmMs) / 1000;
        this.progress.detail(seconds > 0.3 ? `${whole(operations / seconds)}/s` : 'warming up');
        timing.onProgress?.(operations);
      },
    });
    this.#judge(target, workload, measured);
    return measured;
  }

  #judge({ label }: Target, workload: Workload, measured: Measured): void {
    const { operations, generator, errors, lost, reconnects, unanswered, malformed } = measured;
    const name = `${label}, "${describeWorkload(workload)}"`;
    const { verdict, cpu } = generator;
    if (operations === 0) this.warn(`${name}: nothing was done, the rounds are too short for this machine`);
    if (verdict === 'saturated')
      this.warn(`${name}: the generator was saturated (${Math.round(cpu * 100)} % of a core): add --generators`);
    for (const [code, count] of Object.entries(errors)) this.#count(`${name}: requests refused with ${code}`, count);
    this.#count(`${name}: connections that broke`, reconnects);
    this.#count(`${name}: requests lost with their connections`, lost);
    this.#count(`${name}: requests due and not answered in time`, unanswered);
    this.#count(`${name}: breaches of the protocol by a server`, malformed);
  }

  #count(what: string, count: number): void {
    if (count > 0) this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
  }

  record(loads: readonly LoadRecord[], headline: RunRecord['headline'], details: RunRecord['details'] = {}): RunRecord {
    const { hosts, size, settings, dataFolder, generators, seconds, warm, rounds } = this.options;
    const { workload, bound, budget } = this.options;
    const stolen = stolenShare(this.#processorTime, processorTime());
    if (stolen > stolenShareMax)
      this.warn(`the hypervisor gave ${Math.round(stolen * 100)} % of the processor time to other machines`);
    return {
      format: recordFormat,
      command: this.command,
      at: this.#at,
      revision: this.revision,
      machine: this.machine,
      stolen: Math.round(stolen * 1000) / 1000,
      disk: this.disk,
      settings: { hosts, size, settings, dataFolder, generators, seconds, warm, rounds, workload, bound, budget },
      warnings: this.warnings,
      summaries: loads.map((load) => ({ name: load.name, target: load.target, ...summarize(load) })),
      loads,
      headline,
      details,
    };
  }

  /** Where it was measured, in a line or two. */
  describe(): string {
    const { cpu, cores, memoryGiB, node, load1 } = this.machine;
    const { disk } = this;
    const where = [`${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node.slice(1)}`];
    if (disk !== null)
      where.push(`fdatasync ${time(disk.fsyncP50Us)}, p99 ${time(disk.fsyncP99Us)} on ${disk.fileSystem}`);
    where.push(`load ${load1} at the start`);
    return where.join('; ');
  }
}
