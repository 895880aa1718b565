/** Runs the bench as a person would, with its files in a folder that goes when the test is over. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readRecord, type RunRecord } from '../../bench/report/record.ts';

const command = fileURLToPath(new URL('../../bench/main.js', import.meta.url));

export class BenchProcess {
  readonly child: ChildProcess;
  output = '';
  code: number | null = null;
  readonly ended: Promise<void>;

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on('data', (chunk: Buffer) => (this.output += chunk.toString('utf8')));
    this.ended = new Promise((resolve) =>
      this.child.once('close', (code) => {
        this.code = code;
        resolve();
      }),
    );
  }
}

export class BenchFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'zabra-bench-'));
  readonly data = join(this.path, 'data');

  constructor() {
    after(() => rmSync(this.path, { recursive: true, force: true, maxRetries: 3 }));
  }

  /** What it saves goes to the folder `results`, its servers' data to `data`. */
  start(results: string, ...args: readonly string[]): BenchProcess {
    return new BenchProcess([...args, '--out', this.join(results), '--data', this.data, '--no-history']);
  }

  async run(results: string, ...args: readonly string[]): Promise<BenchProcess> {
    const running = this.start(results, ...args);
    await running.ended;
    return running;
  }

  join(name: string): string {
    return join(this.path, name);
  }

  files(results: string): string[] {
    return readdirSync(this.join(results)).map((name) => join(this.join(results), name));
  }

  record(results: string): RunRecord {
    return readRecord(this.files(results).find((name) => name.endsWith('.json'))!);
  }
}
