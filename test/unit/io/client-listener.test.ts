/** Connections of clients over real sockets. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { afterEach, test } from 'node:test';
import { ClientGate, type ClientEvents } from '../../../engine/io/client-gate.ts';
import { ClientListener } from '../../../engine/io/client-listener.ts';
import type { ClientLink } from '../../../engine/server/ports.ts';
import { until } from '../../support/until.ts';

const silent = { info: () => {}, warn: () => {}, error: () => {} };
let gate: ClientGate;
let listener: ClientListener;
afterEach(() => Promise.all([listener.close(), gate.close()]));

async function listen(events: Partial<ClientEvents>, max = 0): Promise<void> {
  gate = new ClientGate(
    { connectionsPerAddressMax: max, connectionsMax: 0 },
    { opened: () => {}, bytes: () => {}, closed: () => {}, refused: () => {}, ...events },
  );
  listener = new ClientListener({ host: '127.0.0.1', port: 0, journal: silent }, gate);
  await listener.listen();
}

test('a client that ends its side still gets the whole of a long answer', async () => {
  const answer = Buffer.alloc(20_000_000, 'x');
  await listen({
    bytes: (link) => {
      link.write(answer);
      link.close();
    },
  });
  const socket = connect({ port: listener.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end('cons');
  let received = 0;
  socket.on('data', (chunk: Buffer) => (received += chunk.length));
  await new Promise((resolve) => socket.once('close', resolve));
  assert.equal(received, answer.length);
});

test('connections above the limit of an address are refused; one that ends makes room', async () => {
  const opened: ClientLink[] = [];
  let closed = 0;
  const refused: string[] = [];
  const refuse = (reason: string, address: string): number => refused.push(`${reason} ${address}`);
  await listen({ opened: (link) => opened.push(link), closed: () => closed++, refused: refuse }, 2);
  const dial = (): ReturnType<typeof connect> =>
    connect({ port: listener.port, host: '127.0.0.1' }).on('error', () => {});
  const sockets = [dial(), dial()];
  await until('two connections', 5000, () => opened.length === 2);
  const third = dial();
  await new Promise((resolve) => third.once('close', resolve));
  assert.equal(opened.length, 2);
  assert.deepEqual(refused, ['connectionsOfAddress 127.0.0.1']);
  assert.equal(opened[0]!.address, '127.0.0.1');
  sockets[0]!.destroy();
  await until('end of a connection', 5000, () => closed === 1);
  sockets.push(dial());
  await until('a third connection', 5000, () => opened.length === 3);
  for (const socket of sockets) socket.destroy();
});

test('a client that does not read is cut off some seconds after its connection should end', async () => {
  let ended = 0;
  await listen({
    bytes: (link) => {
      link.write(Buffer.alloc(50_000_000));
      link.close();
    },
    closed: () => ended++,
  });
  const socket = connect({ port: listener.port, host: '127.0.0.1' }).pause();
  socket.on('error', () => {});
  socket.write('x');
  await until('end of the connection', 9000, () => ended === 1);
  socket.destroy();
});
