/** Who may do what: identities against ACL entries, address ranges, logging in, masked hashes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Writer } from '../../../engine/base/bytes.ts';
import { authenticate, expandAcls, holdsRight, isAllowed, maskDigests } from '../../../engine/prep/access.ts';
import { encodeIds, permission, writeAcls, type Acl } from '../../../engine/wire/acl.ts';
import { secrets } from '../../support/machine.ts';

const bob = { scheme: 'digest', id: 'bob:hash' };
const ip = (id: string): Acl => ({ permissions: permission.all, scheme: 'ip', id });
const from = (address: string, range: string): boolean =>
  holdsRight([ip(range)], permission.read, [{ scheme: 'ip', id: address }]);

test('an entry gives its rights to its identity alone', () => {
  const acl = [{ ...bob, permissions: permission.read | permission.write }];
  assert.equal(holdsRight(acl, permission.write, [bob]), true);
  assert.equal(holdsRight(acl, permission.admin, [bob]), false);
  assert.equal(holdsRight(acl, permission.admin | permission.read, [bob]), true, 'any of the rights asked for');
  assert.equal(holdsRight(acl, permission.write, [{ scheme: 'digest', id: 'bob:other' }]), false);
  assert.equal(holdsRight(acl, permission.write, [{ scheme: 'ip', id: 'bob:hash' }]), false);
  assert.equal(holdsRight(acl, permission.write, [{ scheme: 'super', id: '' }]), true);
  assert.equal(holdsRight(acl, permission.write, []), false);
});

test('IPv4 ranges compare the leading bits', () => {
  const number = (address: number): string => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), fc.nat(32), fc.nat(31), (address, bits, flipped) => {
      const other = (address ^ (2 ** flipped)) >>> 0;
      assert.equal(from(number(address), `${number(address)}/${bits}`), true);
      assert.equal(from(number(other), `${number(address)}/${bits}`), flipped < 32 - bits);
    }),
  );
});

test('IPv6 ranges, in every spelling', () => {
  assert.equal(from('fe80::1', 'fe80::/10'), true);
  assert.equal(from('fec0::1', 'fe80::/10'), false);
  assert.equal(from('::1', '0:0:0:0:0:0:0:1'), true);
  assert.equal(from('2001:DB8::1', '2001:db8:0:0::1/128'), true);
  assert.equal(from('2001:db8::1', '::/0'), true);
  assert.equal(from('127.0.0.1', '::/0'), false, 'the families are apart');
});

test('what is no address or range is refused', () => {
  for (const id of ['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.', '-1.2.3.4', '1.2.3.4/', '1.2.3.4/33', '1.2.3.4/x'])
    assert.equal(expandAcls([ip(id)], []), null, id);
  for (const id of [':', ':::', '1::2::3', '12345::', 'g::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '::1/129', '::1/-1'])
    assert.equal(expandAcls([ip(id)], []), null, id);
});

test('auth stands for what was proved by a login, not for an address', () => {
  const auth = [{ permissions: permission.read, scheme: 'auth', id: '' }];
  assert.equal(expandAcls(auth, [{ scheme: 'ip', id: '127.0.0.1' }]), null);
  assert.deepEqual(expandAcls(auth, [{ scheme: 'ip', id: '127.0.0.1' }, bob]), [
    { ...bob, permissions: permission.read },
  ]);
});

test('an ACL is bounded, and found so in no time: every entry once, 64 KiB in all', () => {
  const world = (permissions: number): Acl => ({ permissions, scheme: 'world', id: 'anyone' });
  const auth = (permissions: number): Acl => ({ permissions, scheme: 'auth', id: '' });
  const names = Array.from({ length: 1000 }, (_, n) => ({ scheme: 'digest', id: `${n}:${'h'.repeat(20)}` }));
  const since = performance.now();
  assert.equal(expandAcls(Array<Acl>(50_000).fill(world(1)), [])?.length, 1);
  assert.equal(expandAcls(Array<Acl>(50_000).fill(auth(1)), names)?.length, 1000);
  assert.equal(expandAcls([auth(1), ...names.map((name) => ({ ...name, permissions: 1 }))], names)?.length, 1000);
  assert.equal(
    expandAcls(
      Array.from({ length: 50_000 }, (_, n) => world(n)),
      [],
    ),
    null,
  );
  assert.equal(
    expandAcls(
      Array.from({ length: 1000 }, (_, n) => auth(n)),
      names,
    ),
    null,
  );
  // What `auth` stands for does not depend on its id.
  const named = Array.from({ length: 50_000 }, (_, n) => ({ ...auth(1), id: String(n) }));
  assert.equal(expandAcls(named, names)?.length, 1000);
  assert.equal(holdsRight([{ ...bob, permissions: 1 }], 1, [...names, bob]), true);
  assert.ok(performance.now() - since < 2000);
});

test('who looked last at an ACL is remembered, and nobody is taken for him', () => {
  const out = new Writer(64);
  writeAcls([{ ...bob, permissions: permission.read }], out);
  const acl = out.copy();
  const [asBob, asAnn] = [[bob], [{ ...bob, id: 'ann:hash' }]].map((ids) => encodeIds(ids));
  const may = (wanted: number, identity: Buffer): boolean => isAllowed(acl, wanted, identity, 0, identity.length);
  for (let n = 0; n < 3; n++) {
    assert.deepEqual([may(permission.read, asBob!), may(permission.write, asBob!)], [true, false]);
    assert.equal(may(permission.read, asAnn!), false);
  }
  // The bytes of a request are used again for the next one.
  const reused = Buffer.from(asBob!);
  assert.equal(may(permission.read, reused), true);
  asAnn!.copy(reused);
  assert.equal(may(permission.read, reused), false);
});

test('a long ACL is read once for all looks of one client', () => {
  const out = new Writer(64);
  writeAcls(
    Array.from({ length: 2800 }, (_, n) => ip(`10.${n >> 8}.${n & 255}.0/24`)),
    out,
  );
  const acl = out.copy();
  const identity = encodeIds([{ scheme: 'ip', id: '192.168.0.1' }]);
  const since = performance.now();
  for (let n = 0; n < 2000; n++) assert.equal(isAllowed(acl, permission.read, identity, 0, identity.length), false);
  // Some 6 ms each time that it is read.
  assert.ok(performance.now() - since < 2000);
});

test('auth of the super user is his name, not his power', () => {
  const auth = [{ permissions: permission.all, scheme: 'auth', id: '' }];
  assert.deepEqual(expandAcls(auth, [bob, { scheme: 'super', id: '' }]), [{ ...bob, permissions: permission.all }]);
});

test('digest proves user:base64(sha1(user:password)), and the super user besides', () => {
  const id = `bob:${secrets.sha1Base64('bob:secret')}`;
  const login = (scheme: string, text: string, superDigest = ''): unknown =>
    authenticate(scheme, Buffer.from(text), secrets, superDigest);
  assert.deepEqual(login('digest', 'bob:secret'), [{ scheme: 'digest', id }]);
  assert.deepEqual(login('digest', 'bob:secret', id), [
    { scheme: 'digest', id },
    { scheme: 'super', id: '' },
  ]);
  assert.deepEqual(login('digest', 'bob:Secret', id), [
    { scheme: 'digest', id: `bob:${secrets.sha1Base64('bob:Secret')}` },
  ]);
  assert.deepEqual(login('ip', 'x'), []);
  for (const scheme of ['world', 'super', 'sasl', '']) assert.equal(login(scheme, 'x'), null);
});

test('hashes are hidden, everything else is shown', () => {
  const acls = [{ ...bob, permissions: 1 }, ip('10.0.0.0/8')];
  assert.deepEqual(maskDigests(acls), [{ scheme: 'digest', id: 'bob:x', permissions: 1 }, ip('10.0.0.0/8')]);
});
