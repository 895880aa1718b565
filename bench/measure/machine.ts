/** Where a figure was measured: without this, it means nothing. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Histogram } from './histogram.ts';

/** The folder of the project; files run from dist/bench/measure. */
export const projectFolder = fileURLToPath(new URL('../../../', import.meta.url));

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** Average number of busy processes at the start of the run: above 1 or so, others shared the machine. */
  readonly load1: number;
}

export interface Disk {
  readonly folder: string;
  readonly fileSystem: string;
  /** Of 4 KiB written and fdatasync'ed, µs. */
  readonly fsyncP50Us: number;
  readonly fsyncP99Us: number;
}

export interface Revision {
  readonly commit: string;
  /** There were changes that are in no commit. */
  readonly dirty: boolean;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    load1: Math.round(loadavg()[0]! * 100) / 100,
  };
}

/** Processor time of the whole machine since it started, and what of it a hypervisor gave to others; in ticks. */
export interface ProcessorTime {
  readonly all: number;
  readonly stolen: number;
}

/** As Linux counts it; elsewhere nothing is known to be stolen. */
export function processorTime(file = '/proc/stat'): ProcessorTime {
  if (!existsSync(file)) return { all: 0, stolen: 0 };
  // cpu user nice system idle iowait irq softirq steal …: what follows is contained in user and nice.
  const ticks = readFileSync(file, 'latin1').split('\n', 1)[0]!.trim().split(/\s+/).slice(1, 9).map(Number);
  return { all: ticks.reduce((sum, each) => sum + each, 0), stolen: ticks[7] ?? 0 };
}

/** Share of the processor time between two moments that others had. */
export function stolenShare(from: ProcessorTime, to: ProcessorTime): number {
  return to.all > from.all ? (to.stolen - from.stolen) / (to.all - from.all) : 0;
}

/** The same machine and Node, as far as figures may be compared. */
export function machineKey({ cpu, cores, node }: Machine): string {
  return `${cpu} x${cores} node ${/^v(\d+)/.exec(node)?.[1] ?? node}`;
}

const fileSystems: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlayfs',
  0x6969: 'nfs',
  0x2fc12fc1: 'zfs',
};

/** Measures how long the disk under `folder` takes to make a small write durable. */
export function probeDisk(folder: string, writes = 150): Disk {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `.fsync-probe-${process.pid}`);
  const file = openSync(path, 'w');
  const block = Buffer.alloc(4096, 1);
  const histogram = new Histogram();
  try {
    for (let i = 0; i < writes; i++) {
      const started = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      histogram.record((performance.now() - started) * 1000);
    }
  } finally {
    closeSync(file);
    rmSync(path);
  }
  const { type } = statfsSync(folder);
  return {
    folder,
    fileSystem: fileSystems[type] ?? `0x${type.toString(16)}`,
    fsyncP50Us: Math.round(histogram.quantile(0.5)),
    fsyncP99Us: Math.round(histogram.quantile(0.99)),
  };
}

export const commitDigits = 12;

/** What was measured: the commit, or `unknown` outside of a git checkout. */
export function describeRevision(folder = projectFolder): Revision {
  const git = (...args: string[]): string =>
    spawnSync('git', ['-C', folder, ...args], { encoding: 'utf8' }).stdout?.trim() ?? '';
  const commit = git('rev-parse', `--short=${commitDigits}`, 'HEAD');
  // A new source is built as well; the history, which each run adds to, changes nothing.
  const changes = git('status', '--porcelain', '--', '.', ':!bench/history.ndjson');
  return { commit: commit === '' ? 'unknown' : commit, dirty: changes !== '' };
}
