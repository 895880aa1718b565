/**
 * A client that asks for more than its share, as a program of its own: hog.js KIND PORT
 *
 * Prints `busy MS` once it is at it and goes on until it is ended, or until whoever started it is gone;
 * MS is what one such request takes alone, 0 for small ones.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connectRequest, op, openAcl, RawClient, Record } from './raw-client.ts';

const port = Number(process.argv[3]);

function framed(record: Record): Buffer {
  return new Record().buffer(record.bytes()).bytes();
}

function request(xid: number, code: number, body: Record): Buffer {
  return framed(new Record().int(xid).int(code).raw(body.bytes()));
}

/** A connection with a session; when it ends, `ended` is called. */
async function session(ended: () => void): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    ended();
    // Nobody waits any longer for room.
    socket.emit('drain');
  });
  socket.write(new Record().buffer(connectRequest({ timeoutMs: 8000 })).bytes());
  await once(socket, 'readable');
  socket.read();
  return socket;
}

/** Sends the chunks that `next` makes as fast as the server takes them, on one connection after the other. */
async function pour(next: () => Buffer, reads = true): Promise<void> {
  let ended = false;
  const socket = await session(() => (ended = true));
  if (reads) socket.on('data', () => {});
  while (!ended) {
    if (socket.write(next())) await new Promise((resolve) => setImmediate(resolve));
    else await once(socket, 'drain').catch(() => socket.destroy());
    busy(0);
  }
}

/** The same with one large request, which is sent alone at first. */
async function pourLarge(code: number, body: Record): Promise<void> {
  if (!isBusy) {
    const client = await RawClient.connect(port);
    const times: number[] = [];
    for (let n = 0; n < 3; n++) {
      const start = performance.now();
      await client.request(code, body);
      times.push(performance.now() - start);
    }
    client.destroy();
    busy(Math.round(times.toSorted((a, b) => a - b)[1]!));
  }
  const bytes = request(1, code, body);
  await pour(() => bytes);
}

let isBusy = false;
function busy(aloneMs: number): void {
  if (!isBusy) process.stdout.write(`busy ${aloneMs}\n`);
  isBusy = true;
}

let count = 0;

/** `each` requests in one chunk. */
function chunk(each: number, one: (xid: number) => Buffer): () => Buffer {
  return () => Buffer.concat(Array.from({ length: each }, () => one(++count & 0x7fffffff)));
}

/** One connection after the other, 100 at a time, each with a session that it leaves behind. */
async function openInALoop(): Promise<void> {
  for (;;) {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => socket.destroy());
    socket.write(new Record().buffer(connectRequest({ timeoutMs: 800 })).bytes());
    socket.once('data', () => socket.destroy());
    await once(socket, 'close');
    if (++count > 100) busy(0);
  }
}

/** Connections that say nothing at all. */
async function silent(): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => socket.destroy()).resume();
  if (++count > 100) busy(0);
  await once(socket, 'close');
}

const small = chunk(500, (xid) => request(xid, op.setData, new Record().buffer('/hog').buffer('x').int(-1)));
const large = new Record().buffer('/hog').buffer(Buffer.alloc(1_000_000)).int(-1);
const subs = new Record();
for (let n = 0; n < 9000; n++)
  subs.int(op.create).bool(false).int(-1).buffer(`/hog/multi-${n}`).buffer('').acl(openAcl).int(0)
    .int(op.delete).bool(false).int(-1).buffer(`/hog/multi-${n}`).int(-1); // prettier-ignore
const multi = subs.int(-1).bool(true).int(-1);

const kinds: { readonly [kind: string]: () => Promise<void> } = {
  writes: () => pour(small),
  unread: () =>
    pour(
      chunk(100, (xid) => request(xid, op.getData, new Record().buffer('/big').bool(false))),
      false,
    ),
  connections: () => Promise.race(Array.from({ length: 100 }, openInALoop)),
  silent: () => Promise.race(Array.from({ length: 500 }, silent)),
  frames: () => pourLarge(op.setData, large),
  announced: () => pour(() => new Record().int(0x7ffffff0).bytes()),
  multis: () => pourLarge(op.multi, multi),
  watches: () =>
    pour(chunk(500, (xid) => request(xid, op.exists, new Record().buffer(`/hog/no-such-node-${count}`).bool(true)))),
  lists: () => pour(chunk(100, (xid) => request(xid, op.getChildren, new Record().buffer('/wide').bool(false)))),
};

process.on('disconnect', () => process.exit());
for (;;) await kinds[process.argv[2]!]!();
