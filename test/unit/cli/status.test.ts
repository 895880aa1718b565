/** The status of an ensemble: a table in place on a terminal, a line per change elsewhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusLines } from '../../../engine/cli/status.ts';
import type { ServerStatus } from '../../../engine/io/host.ts';

const status = (id: number, more: Partial<ServerStatus> = {}): ServerStatus => ({
  id,
  role: 'following',
  serving: true,
  leader: 2,
  epoch: 1,
  zxid: 2 ** 32 + 10,
  clients: 0,
  znodes: 5,
  ...more,
});

function lines(isTTY: boolean, size: number): { shown: StatusLines; take: () => string } {
  let text = '';
  const shown = new StatusLines({ isTTY, write: (more: string) => (text += more) }, size);
  const take = (): string => {
    const all = text;
    text = '';
    return all;
  };
  return { shown, take };
}

test('elsewhere: one line for each server that changed, none for one that did not', () => {
  const { shown, take } = lines(false, 2);
  shown.draw();
  assert.equal(take(), 'server 1: starting\nserver 2: starting\n');
  shown.set(1, status(1));
  shown.set(2, status(2, { role: 'leading', serving: false }));
  shown.draw();
  assert.equal(
    take(),
    'server 1: following, epoch 1, zxid 0x10000000a, 0 clients, 0 commits/s\n' +
      'server 2: leading…, epoch 1, zxid 0x10000000a, 0 clients, 0 commits/s\n',
  );
  assert.equal(shown.hasLeader, false);
  shown.set(1, status(1, { zxid: 2 ** 32 + 11 }));
  shown.draw();
  assert.equal(take(), '', 'progress alone is no change');
  shown.set(1, null);
  shown.set(2, status(2, { role: 'leading' }));
  shown.draw();
  assert.match(take(), /^server 1: down\nserver 2: leading, epoch 1, .*\n$/);
  assert.equal(shown.hasLeader, true);
});

test('on a terminal: the table takes the place of the one before, notes stay above it', () => {
  const { shown, take } = lines(true, 1);
  shown.set(1, status(1, { clients: 3 }));
  shown.draw();
  assert.match(take(), /^ {2}id {2}role .*commits\/s\n {3}1 {2}following +1 {2}0x10000000a +3 +0\n$/);
  shown.note('ready');
  assert.ok(take().startsWith('\u001b[2A\u001b[Jready\n  id'));
});

test('commits/s come from two reports of the same epoch', async () => {
  const { shown, take } = lines(false, 1);
  shown.set(1, status(1));
  await new Promise((resolve) => setTimeout(resolve, 20));
  shown.set(1, status(1, { zxid: 2 ** 32 + 1010 }));
  shown.draw();
  const rate = Number(/(\d+) commits\/s/.exec(take())![1]);
  assert.ok(rate > 0 && rate <= 1000 / 0.015, `${rate}`);
  shown.set(1, status(1, { epoch: 2, zxid: 2 * 2 ** 32 + 1 }));
  shown.draw();
  assert.match(take(), / 0 commits\/s/);
});
