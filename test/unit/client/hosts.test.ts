/** Clients that lose their server at the same moment neither come back together nor all to the same one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../../engine/base/prng.ts';
import { Hosts } from '../../../engine/client/hosts.ts';
import { settingsOf } from '../../../engine/client/options.ts';

const servers = [1, 2, 3].map((port) => ({ host: 'h', port }));

test('first choices and pauses of many clients are spread', () => {
  const random = new Prng(7);
  const counts = [0, 0, 0];
  const pauses: number[] = [];
  for (let n = 0; n < 3000; n++) {
    const hosts = new Hosts(servers, 30_000, () => random.unit());
    assert.equal(hosts.pause(), 0, 'the very first attempt does not wait');
    counts[hosts.next().port - 1]!++;
    hosts.succeeded();
    pauses.push(hosts.pause());
  }
  for (const count of counts) assert.ok(count > 900 && count < 1100, counts.join());
  const tenths = Array.from({ length: 10 }, (_, n) => pauses.filter((ms) => Math.floor(ms / 20) === n).length);
  for (const count of tenths) assert.ok(count > 200 && count < 400, tenths.join());
});

test('each round of all servers doubles the pause, up to a bound; all are tried in turn', () => {
  const hosts = new Hosts(servers, 30_000, () => 0.999);
  const seen: number[] = [];
  const pauses: number[] = [];
  for (let n = 0; n < 30; n++) {
    seen.push(hosts.next().port);
    pauses.push(Math.round(hosts.pause()));
  }
  assert.deepEqual(seen.slice(0, 3).toSorted(), [1, 2, 3]);
  assert.deepEqual(seen.slice(0, 3), seen.slice(3, 6));
  assert.deepEqual(pauses.slice(0, 7), [200, 200, 400, 400, 400, 799, 799]);
  assert.equal(pauses.at(-1), 3996);
  hosts.succeeded();
  assert.equal(Math.round(hosts.pause()), 200);
  hosts.prefer(servers[1]!);
  assert.equal(hosts.next().port, 2);
  const brief = new Hosts(servers, 1000, () => 0.999);
  brief.next();
  for (let n = 0; n < 30; n++, brief.next()) assert.ok(brief.pause() < 200, 'a short session cannot wait long');
});

test('connect strings', () => {
  const { servers, chroot } = settingsOf('one, 10.0.0.1:99,[::1]:2182/app/x/', {});
  assert.deepEqual(servers, [
    { host: 'one', port: 2181 },
    { host: '10.0.0.1', port: 99 },
    { host: '::1', port: 2182 },
  ]);
  assert.equal(chroot, '/app/x');
  assert.equal(settingsOf('one/', {}).chroot, '');
  for (const bad of ['', 'one,', 'one:0', 'one:70000', 'one:x', '::1', 'one//x', 'one/a/../b'])
    assert.throws(() => settingsOf(bad, {}), TypeError, bad);
});

test('an option that makes no sense is named', () => {
  assert.throws(() => settingsOf('a', { sessionTimeoutMs: 0 }), /^TypeError: sessionTimeoutMs must be/);
  assert.throws(() => settingsOf('a', { requestTimeoutMs: -1 }), /requestTimeoutMs/);
  assert.throws(() => settingsOf('a', { connectTimeoutMs: Number.NaN }), /connectTimeoutMs/);
  assert.throws(() => settingsOf('a', { session: { id: '17', password: new Uint8Array(16) } }), /session\.id/);
  assert.equal(settingsOf('a', { requestTimeoutMs: 0 }).requestTimeoutMs, 0);
  assert.equal(settingsOf('a,b,c', { sessionTimeoutMs: 6000 }).connectTimeoutMs, 2000);
});
