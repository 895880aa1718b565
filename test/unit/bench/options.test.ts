/** Flags: what they mean, and what is refused. */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { castOf } from '../../../bench/command/failover.ts';
import { parseOptions } from '../../../bench/command/options.ts';
import { choosePeers } from '../../../bench/command/peers.ts';
import type { Run } from '../../../bench/command/run.ts';
import { refuseIgnored } from '../../../bench/command/takes.ts';
import { runThroughput } from '../../../bench/command/throughput.ts';

test('folders are meant as seen from here, wherever servers run', () => {
  const { dataFolder, outFolder } = parseOptions(['--data', 'here', '--out', '../there']);
  assert.deepEqual([dataFolder, outFolder], [resolve('here'), resolve('../there')]);
});

test('only a run without flags that change its figures is compared with earlier ones', () => {
  assert.equal(parseOptions(['--no-history', '--svg', '--out', 'there']).isStandard, true);
  for (const flag of ['--data', '--generators', '--bound', '--sessions', '--seconds'])
    assert.equal(parseOptions([flag, '1']).isStandard, false, flag);
});

test('numbers are finite, and whole where they count something', () => {
  for (const [flag, text, whole] of [
    ['sessions', 'Infinity', 'whole '],
    ['seconds', 'Infinity', ''],
    ['size', '2.5', 'whole '],
    ['window', '1,2.5', 'whole '],
    ['rate', '', ''],
  ] as const)
    assert.throws(
      () => parseOptions([`--${flag}`, text]),
      new RegExp(`^Error: --${flag} wants a ${whole}number of at`),
    );
  assert.equal(parseOptions(['--seconds', '0.5']).seconds, 0.5);
  assert.deepEqual(parseOptions(['--znodes', 'none', '--bytes', '0,1024']).lists.bytes, [0, 1024]);
});

test('what a command would ignore is refused', () => {
  const refuse = (name: string, ...args: string[]): void => refuseIgnored(name, parseOptions(args));
  for (const name of ['peers', 'compare', 'failover', 'scale', 'tune', 'overhead'])
    assert.throws(() => refuse(name, '--hosts', 'h:1'), new RegExp(`^Error: ${name} starts its own servers, without`));
  assert.throws(() => refuse('generator', '--hosts', 'h:1'), /^Error: generator takes no --hosts\.$/);
  assert.throws(() => refuse('latency', '--reads', '50'), /^Error: latency takes no --reads\.$/);
  assert.throws(() => refuse('latency', '--sessions', '1,2'), /^Error: latency wants one number for --sessions\.$/);
  assert.throws(() => refuse('latency', 'check'), /^Error: latency takes flags only, not "check"\.$/);
  refuse('latency', '--hosts', 'h:1', '--mix', 'get', '--data', 'here', '--svg');
  refuse('compare', 'A', 'B', '--rounds', '3');
});

test('a flag changes what it names and nothing else', () => {
  const cast = (...args: string[]): readonly number[] => {
    const { sessions, window, bytes } = castOf({} as Run, parseOptions(args));
    return [sessions, window, bytes];
  };
  assert.deepEqual(cast(), [30, 8, 100]);
  assert.deepEqual(cast('--sessions', '10'), [10, 8, 100]);
  assert.deepEqual(cast('--window', '3'), [30, 3, 100]);
});

test('a peer that is none, and a list without anything in it', async () => {
  assert.throws(() => choosePeers(['etcd', 'zookeper']), /^Error: --peer knows zookeeper, etcd, not "zookeper"\.$/);
  assert.deepEqual(
    choosePeers(['etcd']).map(({ label }) => label),
    ['etcd'],
  );
  await assert.rejects(runThroughput(parseOptions(['--sessions', 'none'])), /nothing to measure/);
});
