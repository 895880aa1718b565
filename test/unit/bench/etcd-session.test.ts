/** Calls of etcd's protocol, read by a server of HTTP/2 that keeps to its rules. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Load } from '../../../bench/load/load.ts';
import { MixSource } from '../../../bench/load/mix.ts';
import { payload } from '../../../bench/load/payload.ts';
import { canonicalWorkload } from '../../../bench/load/workload.ts';
import { keyPath } from '../../../bench/load/zookeeper-frames.ts';

for (const bytes of [100, 16_384, 40_000]) {
  test(`a put of ${bytes} bytes comes whole, in frames that any peer takes`, { timeout: 10_000 }, async (t) => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const workload = { ...canonicalWorkload, sessions: 1, window: 1, bytes, keys: 1 };
    const hosts = [{ host: '127.0.0.1', port: (server.address() as AddressInfo).port }];
    const spec = { hosts, workload, firstSession: 0, seed: 1, run: '123456', sessionTimeoutMs: 1000 };
    const load = new Load({ ...spec, protocol: 'etcd' }, new MixSource(workload, 1, 0));
    const session = load.sessions[0]!;
    t.after(() => session.close());
    load.onChange = () => {
      session.issue(0, 0);
      session.flush();
    };
    session.open();
    const [stream] = (await once(server, 'stream')) as [ServerHttp2Stream];
    const parts: Buffer[] = [];
    for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
    const message = Buffer.concat(parts);
    assert.equal(message.readUInt32BE(1), message.length - 5);
    assert.ok(message.includes(keyPath(0)));
    assert.deepEqual(message.subarray(-bytes), payload(bytes));
  });
}
