/** What a server answers by itself, in the corners: long lists whose turn never came, watches of who may not read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longListMin } from '../../../engine/server/long-lists.ts';
import { Box, type BoxLink } from '../../fuzz/box.ts';
import { ask } from '../../support/machine.ts';
import { connectRequest, op, Record } from '../../support/raw-client.ts';

const request = (xid: number, [code, record]: readonly [number, Record]): Buffer =>
  new Record().buffer(new Record().int(xid).int(code).raw(record.bytes()).bytes()).bytes();

function connect(box: Box): BoxLink {
  const link = box.open();
  box.feed(link, new Record().buffer(connectRequest()).bytes());
  link.received.length = 0;
  return link;
}

/** xid and error of each reply or event, and what follows. */
function received(link: BoxLink): { xid: number; error: number; body: Buffer }[] {
  const bytes = Buffer.concat(link.received.splice(0));
  const found = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readInt32BE(at)) {
    const body = bytes.subarray(at + 20, at + 4 + bytes.readInt32BE(at));
    found.push({ xid: bytes.readInt32BE(at + 4), error: bytes.readInt32BE(at + 16), body });
  }
  return found;
}

test('who waits for a long list gets it also when the one before it in the line has left', () => {
  const box = new Box({ id: 1, servers: 1, ensembleId: 1 });
  const [first, leaver, last] = [connect(box), connect(box), connect(box)];
  for (let n = 0; n <= longListMin; n += 1000) {
    const parts = Array.from({ length: 1000 }, (_, i) => ask.create(`/${n + i}`));
    box.feed(first, request(1, ask.multi(...parts)));
  }
  received(first);
  const list = request(2, [op.getChildren, new Record().buffer('/').bool(false)]);
  for (const link of [first, leaver, last]) box.server.clientBytes(link, Buffer.from(list));
  box.server.clientClosed(leaver);
  box.settle();
  for (const link of [first, last])
    assert.deepEqual(
      received(link).map(({ xid, error }) => [xid, error]),
      [[2, 0]],
    );
});

test('a client that tells what it watched hears nothing of nodes that it may not read', () => {
  const box = new Box({ id: 1, servers: 1, ensembleId: 1 });
  const [owner, stranger] = [connect(box), connect(box)];
  box.feed(owner, request(1, [op.auth, new Record().int(0).buffer('digest').buffer('owner:secret')]));
  box.feed(owner, request(2, ask.create('/secret', '', 0, [{ perms: 31, scheme: 'auth', id: '' }])));
  box.feed(owner, request(3, ask.create('/open')));
  const events = (link: BoxLink, paths: readonly string[]): string[] => {
    received(link);
    const lists = new Record().long(0n).strings(paths).strings(paths).strings(paths);
    box.feed(link, request(-8, [op.setWatches, lists]));
    const replies = received(link);
    assert.deepEqual([replies.at(-1)!.xid, replies.at(-1)!.error], [-8, 0]);
    return replies.slice(0, -1).map(({ body }) => `${body.readInt32BE(0)} ${body.toString('utf8', 12)}`);
  };
  const both = ['/secret', '/open'];
  assert.deepEqual(events(stranger, both), ['3 /open', '1 /open', '4 /open']);
  assert.deepEqual(events(owner, both), ['3 /secret', '3 /open', '1 /secret', '1 /open', '4 /secret', '4 /open']);
});
