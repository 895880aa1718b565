/** A server's heap has room for buffers between two major collections. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { growingPercent } from '../../../engine/cli/heap-room.ts';

const MiB = 1024 * 1024;

test('the share is that which leaves the same room, within bounds', () => {
  assert.deepEqual(
    [8, 12, 24, 96, 192, 4096].map((size) => growingPercent(size * MiB)),
    [400, 400, 200, 50, 0, 0],
  );
});

/** KiB by which V8 lets the heap of a new process grow after a major collection: three times its size, by itself. */
function room(isServer: boolean): number {
  const file = new URL('../../../engine/cli/heap-room.js', import.meta.url);
  const program = `
    const { keepHeapRoom } = await import(${JSON.stringify(file)});
    if (${isServer}) keepHeapRoom();
    gc();
    process.exit();`;
  const args = ['--expose-gc', '--trace-gc-verbose', '--input-type=module', '-e', program];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const last = [...stdout.matchAll(/\[HeapController\] Limit: old size: (\d+) KB, new limit: (\d+) KB/g)].at(-1);
  assert.ok(last !== undefined, stdout);
  return Number(last[2]) - Number(last[1]);
}

test('V8 follows it', () => {
  const [usual, withRoom] = [room(false), room(true)];
  assert.ok(withRoom > 1.2 * usual, `room for ${withRoom} KiB, by itself ${usual} KiB`);
});
