/** Links between servers over real sockets: introductions, frames of every size, silence, and lies. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { PeerMesh } from '../../../engine/io/peer-mesh.ts';
import { frame, hello } from '../../support/frames.ts';
import { until } from '../../support/until.ts';

let open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open) await close();
  open = [];
});

class Peer {
  readonly mesh: PeerMesh;
  readonly events: string[] = [];
  readonly warnings: string[] = [];
  readonly bodies: Buffer[] = [];
  /** Called with each frame. */
  onFrame: () => void = () => {};
  /** Called when a link is up. */
  onUp: () => void = () => {};

  constructor(id: number, peerTimeoutMs = 10_000, ensemble = 0) {
    const journal = { info: () => {}, warn: (event: string) => void this.warnings.push(event), error: () => {} };
    this.mesh = new PeerMesh(
      { id, host: '127.0.0.1', port: 0, ensembleId: () => ensemble, heartbeatMs: 20, peerTimeoutMs, journal },
      {
        up: (peer) => {
          this.events.push(`up ${peer}`);
          this.onUp();
        },
        down: (peer) => this.events.push(`down ${peer}`),
        frame: (_, body) => {
          this.bodies.push(Buffer.from(body));
          this.onFrame();
        },
      },
    );
    open.push(() => this.mesh.close());
  }

  async has(event: string, count = 1): Promise<void> {
    await until(`"${event}"`, 5000, () => this.events.filter((other) => other === event).length >= count);
  }
}

async function pair(ensembles = [0, 0]): Promise<[Peer, Peer]> {
  const peers: [Peer, Peer] = [new Peer(1, 10_000, ensembles[0]), new Peer(2, 10_000, ensembles[1])];
  for (const { mesh } of peers) await mesh.listen();
  const addresses = peers.map(({ mesh }, n) => ({ id: n + 1, host: '127.0.0.1', port: mesh.port }));
  for (const { mesh } of peers) mesh.setPeers(addresses);
  return peers;
}

test('frames of every size arrive whole and in order, both ways', async () => {
  const [one, two] = await pair([7, 0]);
  await Promise.all([one.has('up 2'), two.has('up 1')]);
  const sizes = [1, 7, 8, 9, 100, 65_535, 65_536, 16_400, 16_401, 20, 70_000, 1_000_000, 3, 5_000_000, 1];
  const bodies = sizes.map((size, n) => Buffer.alloc(size, n + 1));
  for (const [from, to, name] of [
    [one, 2, two],
    [two, 1, one],
  ] as const) {
    for (const [n, body] of bodies.entries()) {
      const cut = n % 2 === 0 ? 0 : Math.min(body.length, 17);
      from.mesh.send(to, body.subarray(0, cut), body.subarray(cut), n % 5 === 0);
      if (n % 3 === 0) from.mesh.flush(0);
    }
    from.mesh.flush(0);
    await until('last frame', 5000, () => name.bodies.length === bodies.length);
    for (const [n, body] of bodies.entries()) assert.ok(body.equals(name.bodies[n]!), `frame ${n}`);
  }
});

test('data of two ensembles: no link, and one line of it however often it is tried', async () => {
  const [one, two] = await pair([7, 8]);
  let tries = 0;
  const { port } = one.mesh;
  await until('several refusals', 5000, async () => {
    const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {});
    socket.write(hello({ id: 2, to: 1, ensemble: 9 }));
    await new Promise((resolve) => socket.once('close', resolve));
    return ++tries === 5;
  });
  assert.deepEqual([one.events, two.events], [[], []]);
  assert.deepEqual(one.warnings, ['peer refused']);
});

test('a link that is reset comes back; one whose other end is closed is reported at once', async () => {
  const [one, two] = await pair();
  await Promise.all([one.has('up 2'), two.has('up 1')]);
  one.mesh.reset(2, 'test');
  await Promise.all([one.has('up 2', 2), two.has('up 1', 2)]);
  assert.deepEqual(one.events, ['up 2', 'down 2', 'up 2']);
  await two.mesh.close();
  await one.has('down 2', 2);
});

/** A socket that says it is server 2 and says what it is told to. */
async function impostor(target: Peer): Promise<Socket> {
  target.mesh.setPeers([{ id: 2, host: '127.0.0.1', port: 1 }]);
  const socket = connect({ port: target.mesh.port, host: '127.0.0.1' });
  socket.on('error', () => socket.destroy());
  open.push(() => void socket.destroy());
  socket.write(hello({ id: 2, to: 1 }));
  await target.has('up 2');
  return socket;
}

test('a link that is reset as soon as it is up is dialled ever more rarely', async () => {
  const [one, two] = await pair();
  one.onUp = () => one.mesh.reset(2, 'a test');
  const started = performance.now();
  await two.has('up 1', 8);
  // 10, 20, 40 … ms, of which at least half is waited.
  assert.ok(performance.now() - started > 300, `eight links in ${performance.now() - started} ms`);
});

test('a frame that comes byte by byte is a frame', async () => {
  const one = new Peer(1);
  await one.mesh.listen();
  const socket = await impostor(one);
  const bytes = Buffer.concat([frame(Buffer.from('first')), frame(Buffer.from('second'))]);
  for (const byte of bytes) {
    socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until('two frames', 5000, () => one.bodies.length === 2);
  assert.deepEqual(one.bodies.map(String), ['first', 'second']);
});

test('nothing that follows a bad frame is delivered, however the bytes were cut', async () => {
  for (const cut of [0, 14, 29]) {
    const one = new Peer(1);
    await one.mesh.listen();
    const socket = await impostor(one);
    const bytes = Buffer.concat([
      frame(Buffer.from('good')),
      frame(Buffer.from('damaged'), { crc: 1 }),
      frame(Buffer.from('never')),
    ]);
    socket.write(bytes.subarray(0, cut));
    if (cut > 16) await until('the good frame', 5000, () => one.bodies.length === 1);
    socket.write(bytes.subarray(cut));
    await one.has('down 2');
    assert.deepEqual(one.bodies.map(String), ['good'], `cut at ${cut}`);
  }
});

test('of a frame whose end has a checksum of its own, the rest is checked', async () => {
  const body = Buffer.from('head and tail');
  const covered = 'head'.length;
  const damaged = (at: number): Buffer => {
    const bytes = frame(body, { covered });
    bytes[bytes.length - body.length + at]! ^= 1;
    return bytes;
  };
  const one = new Peer(1);
  await one.mesh.listen();
  const socket = await impostor(one);
  socket.write(Buffer.concat([damaged(covered), damaged(covered - 1), frame(body)]));
  await one.has('down 2');
  assert.deepEqual(one.bodies.map(String), ['head!and tail']);
});

test('nothing that follows a frame that made no sense is delivered', async () => {
  const one = new Peer(1);
  await one.mesh.listen();
  one.onFrame = () => one.mesh.reset(2, 'nonsense');
  const socket = await impostor(one);
  socket.write(Buffer.concat([frame(Buffer.from('nonsense')), frame(Buffer.from('never'))]));
  await one.has('down 2');
  assert.deepEqual(one.bodies.map(String), ['nonsense']);
});

test('a silent peer is given up after its time-out, one that keeps the link alive is not', async () => {
  const one = new Peer(1, 300);
  await one.mesh.listen();
  const socket = await impostor(one);
  const started = performance.now();
  const alive = setInterval(() => socket.write(frame(Buffer.alloc(0))), 50);
  open.push(() => clearInterval(alive));
  await until('pause', 2000, () => performance.now() - started > 600);
  assert.deepEqual(one.events, ['up 2']);
  clearInterval(alive);
  await one.has('down 2');
  assert.ok(performance.now() - started > 800);
});
