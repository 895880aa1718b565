/**
 * Who is not a server of this ensemble gets no link, and nonsense on a link ends that link alone.
 *
 * Servers 1 and 2 of three run; everybody here tries to be server 3, or something stranger.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { RawClient } from '../support/raw-client.ts';
import { ProcessEnsemble, word, type ServerProcess } from '../support/server-process.ts';

const helloBytes = 32;
/** A stranger is gone after this, ms: the server itself allows 3000 for a hello. */
const goneMs = 8000;

let ensemble: ProcessEnsemble;
let target: ServerProcess;
let client: RawClient;
let epoch = '';

before(async () => {
  ensemble = await ProcessEnsemble.start(3);
  const [first, second, third] = ensemble.servers;
  await ensemble.serving();
  await third!.kill();
  await Promise.all([first!.serving(), second!.serving()]);
  target = first!;
  client = await RawClient.connect(target.clientPort);
  assert.equal((await client.create('/kept', '0'))?.err, 0);
  epoch = await epochOf(target);
});
after(() => ensemble.close());

interface Hello {
  readonly magic?: number;
  readonly version?: number;
  readonly id?: number;
  readonly to?: number;
  readonly ensemble?: number;
  readonly crc?: number;
}

function hello({ magic = 0x5a424d48, version = 1, id = 3, to = 1, ensemble: of = 0, crc }: Hello): Buffer {
  const bytes = Buffer.alloc(helloBytes);
  for (const [n, value] of [magic, version, id, to].entries()) bytes.writeUInt32BE(value, n * 4);
  bytes.writeDoubleBE(of, 16);
  bytes.writeUInt32BE(crc ?? crc32(bytes.subarray(0, 24)), 24);
  return bytes;
}

function frame(body: Buffer, crc = crc32(body), length = body.length): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(length, 0);
  head.writeUInt32BE(crc, 4);
  return Buffer.concat([head, body]);
}

class Stranger {
  readonly #socket: Socket;
  received = Buffer.alloc(0);
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1' });
    this.#socket.on('data', (chunk: Buffer) => (this.received = Buffer.concat([this.received, chunk])));
    this.#socket.on('error', () => this.#socket.destroy());
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
  }

  say(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Resolves once the other side has answered with its hello. */
  async welcomed(): Promise<void> {
    while (this.received.length < helloBytes)
      await Promise.race([
        new Promise((resolve) => this.#socket.once('data', resolve)),
        this.closed.then(() => assert.fail('refused instead of welcomed')),
      ]);
  }

  async isClosed(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('the link is still open')), goneMs);
    });
    await Promise.race([this.closed, late]);
    clearTimeout(timer);
  }
}

async function epochOf(server: ServerProcess): Promise<string> {
  return /^Zxid: (0x[0-9a-f]+)$/m.exec(await word(server.clientPort, 'srvr'))![1]!.slice(0, -8);
}

/** The client that was there before is still served, in the same epoch. */
async function goesOn(): Promise<void> {
  const reply = await client.set('/kept', 'x');
  assert.equal(reply?.err, 0);
  assert.equal(await epochOf(target), epoch);
}

const refused: readonly (readonly [string, Buffer])[] = [
  ['data of another ensemble', hello({ ensemble: 12_345 })],
  ['an id that no server has', hello({ id: 9 })],
  ["the target's own id", hello({ id: 1 })],
  ['a hello for another server', hello({ to: 2 })],
  ['another version of the protocol', hello({ version: 99 })],
  ['another magic number', hello({ magic: 1 })],
  ['a hello with a bad checksum', hello({ crc: 7 })],
  ['a request of HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ['zeros', Buffer.alloc(64)],
];

for (const [name, bytes] of refused)
  test(`refused: ${name}`, async () => {
    const stranger = new Stranger(target.quorumPort);
    stranger.say(bytes);
    await stranger.isClosed();
    assert.equal(stranger.received.length, 0, 'a stranger is told nothing');
    await goesOn();
  });

test('closed in time: strangers that say nothing, or half a hello', async () => {
  const silent = Array.from({ length: 20 }, () => new Stranger(target.quorumPort));
  silent[0]!.say(hello({}).subarray(0, 20));
  await goesOn();
  await Promise.all(silent.map((stranger) => stranger.isClosed()));
  await goesOn();
});

const badFrames: readonly (readonly [string, Buffer])[] = [
  ['a bad checksum', frame(Buffer.from([19, ...Buffer.alloc(16)]), 1)],
  ['a length of 4 GiB', frame(Buffer.alloc(0), 0, 0xffffffff)],
  ['a kind that does not exist', frame(Buffer.from([99, 1, 2, 3]))],
  ['a vote that is no MessagePack', frame(Buffer.from([1, 0xc1, 0xff]))],
  ['a proposal that is no batch', frame(Buffer.concat([Buffer.from([16]), Buffer.alloc(64)]))],
  ['random bytes', Buffer.from('0badc0de'.repeat(32), 'hex')],
];

for (const [name, bytes] of badFrames)
  test(`a link ends at a frame with ${name}`, async () => {
    const stranger = new Stranger(target.quorumPort);
    stranger.say(hello({}));
    await stranger.welcomed();
    stranger.say(bytes);
    await stranger.isClosed();
    await goesOn();
  });

test('the real server 3 joins after all that', async () => {
  const third = ensemble.servers[2]!;
  third.start();
  assert.equal(await third.serving(), 'follower');
  await goesOn();
  assert.match(target.output, /its data belongs to another ensemble/);
});
