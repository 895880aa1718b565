/** Records and history: what is written is read again, and nothing else is. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { canonicalWorkload } from '../../../bench/load/workload.ts';
import { describeMachine, describeRevision, processorTime, stolenShare } from '../../../bench/measure/machine.ts';
import {
  appendHistory,
  comparable,
  readHistory,
  readRecord,
  recordFormat,
  saveRecord,
  summarize,
  type Round,
  type RunRecord,
} from '../../../bench/report/record.ts';
import { saveReport } from '../../../bench/report/save.ts';

const folder = mkdtempSync(join(tmpdir(), 'zabra-bench-'));
after(() => rmSync(folder, { recursive: true }));

const hasGit = spawnSync('git', ['--version']).status === 0;

function round(perSecond: number, p99: number): Round {
  const generator = { usPerOperation: 0.4, cpu: 0.3, busy: 0.5, verdict: 'fine' } as const;
  const percentiles = { p50: p99 / 2, p90: p99 * 0.8, p99, p999: p99 * 2, max: p99 * 3 };
  const counts = { errors: { [-101]: 2 }, lost: 1, unanswered: 0, serviceP99: 0, lagP99: 0 };
  const rates = { perSecond, writesPerSecond: perSecond, readsPerSecond: 0 };
  const latency = { max: p99 * 3, sum: 0, buckets: [] };
  return { ...rates, ...percentiles, ...counts, generator, latency, timeline: [1, 2] };
}

const record: RunRecord = {
  format: recordFormat,
  command: 'canonical',
  at: '2026-01-02T03:04:05.678Z',
  revision: { commit: 'abcdef', dirty: false },
  machine: describeMachine(),
  disk: { folder: '/data', fileSystem: 'ext4', fsyncP50Us: 130, fsyncP99Us: 900 },
  settings: { size: 3 },
  warnings: [],
  summaries: [],
  loads: [
    {
      name: 'set',
      target: 'zabra',
      workload: canonicalWorkload,
      rounds: [round(100, 10), round(120, 30), round(110, 20)],
    },
  ],
  headline: { writesPerSecond: 110, p99Us: 20 },
  details: {},
};

test('a record is read as it was saved', () => {
  assert.deepEqual(readRecord(`${saveRecord(record, folder)}.json`), record);
});

test('pictures: the browser is told a URL, and asked once only where it is missing', () => {
  const own = mkdtempSync(join(folder, 'chromium '));
  const said = join(own, 'said');
  const calls = (code: number): string[] => {
    const script = `#!/bin/sh\necho "$*" >> '${said}'\nexit ${code}\n`;
    writeFileSync(join(own, 'chromium'), script, { mode: 0o755 });
    saveReport(record, relative(process.cwd(), join(own, 'a record')), { svg: false, png: true });
    const lines = readFileSync(said, 'utf8').trim().split('\n');
    rmSync(said);
    return lines;
  };
  const { PATH = '' } = process.env;
  process.env['PATH'] = `${own}:${PATH}`;
  try {
    const [first = '', ...others] = calls(0);
    assert.ok(first.endsWith(` ${pathToFileURL(join(own, 'a record-throughput.svg')).href}`), first);
    assert.ok(others.length > 0);
    assert.equal(calls(1).length, 1);
  } finally {
    process.env['PATH'] = PATH;
  }
});

test('a revision is dirty with a new source or a change, and clean with more history', { skip: !hasGit }, () => {
  const own = mkdtempSync(join(folder, 'git-'));
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', own, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { encoding: 'utf8' });
  const write = (name: string, text: string): void => writeFileSync(join(own, name), text);
  assert.deepEqual(describeRevision(own), { commit: 'unknown', dirty: false });
  mkdirSync(join(own, 'bench'));
  write('bench/history.ndjson', '');
  write('source.ts', '');
  git('init', '-q');
  git('add', '.');
  git('commit', '-qm', 'one');
  const commit = git('rev-parse', 'HEAD').slice(0, 12);
  write('bench/history.ndjson', 'a run');
  assert.deepEqual(describeRevision(own), { commit, dirty: false });
  write('new.ts', '');
  assert.equal(describeRevision(own).dirty, true);
  rmSync(join(own, 'new.ts'));
  write('source.ts', 'changed');
  assert.equal(describeRevision(own).dirty, true);
});

test('processor time that a hypervisor gave to others', () => {
  const path = join(folder, 'stat');
  writeFileSync(path, 'cpu  100 20 30 400 5 6 7 32 99 1\ncpu0 1 1 1 1 1 1 1 1 1 1\n');
  const before = processorTime(path);
  assert.deepEqual(before, { all: 600, stolen: 32 });
  writeFileSync(path, 'cpu  150 20 30 425 5 6 7 57 99 1\n');
  assert.equal(stolenShare(before, processorTime(path)), 0.25);
  assert.equal(stolenShare(before, before), 0);
  assert.deepEqual(processorTime(join(folder, 'nothing')), { all: 0, stolen: 0 });
});

test('something else is refused with a sentence that names the file', () => {
  const path = join(folder, 'else.json');
  writeFileSync(path, '{"format":99,"loads":[]}');
  assert.throws(() => readRecord(path), /else\.json is no record of format 1: 99/);
  writeFileSync(path, 'not json');
  assert.throws(() => readRecord(path), /else\.json is no record of the bench/);
});

test('a load is summed up by medians over its rounds', () => {
  const { perSecond, p99, spread, max, failures } = summarize(record.loads[0]!);
  assert.deepEqual([perSecond, p99, max, failures], [110, 20, 90, 9]);
  assert.ok(Math.abs(spread - 10 / 110) < 1e-9);
});

test('history has a line per run, and compares only what ran on such a machine', () => {
  const file = join(folder, 'history.ndjson');
  assert.deepEqual(readHistory(file), []);
  appendHistory(record, file);
  appendHistory({ ...record, machine: { ...record.machine, cpu: 'another' } }, file);
  appendHistory({ ...record, command: 'tune' }, file);
  const history = readHistory(file);
  assert.equal(history.length, 3);
  assert.deepEqual(history[0]!.headline, record.headline);
  assert.deepEqual(comparable(record, history), [history[0]]);
});
