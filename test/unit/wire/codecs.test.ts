/** Records of the client protocol: exact bytes out, no byte string in that does harm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { hex, Reader, Writer } from '../../../engine/base/bytes.ts';
import { decodeAcls, decodeIds, encodeIds, readAcls, writeAcls } from '../../../engine/wire/acl.ts';
import { decodeConnectRequest, writeConnectResponse } from '../../../engine/wire/connect.ts';
import { eventType } from '../../../engine/wire/events.ts';
import { isValidPath } from '../../../engine/wire/paths.ts';
import { beginReply, endReply, writeEvent, writeReply } from '../../../engine/wire/replies.ts';
import { connectRequest } from '../../support/raw-client.ts';

test('connect requests of 44 and 45 bytes', () => {
  const password = Buffer.from('0123456789abcdef');
  for (const readOnlyByte of [true, false]) {
    const bytes = connectRequest({ timeoutMs: 7000, lastZxidSeen: 5n, session: { id: 9n, password }, readOnlyByte });
    assert.equal(bytes.length, readOnlyByte ? 45 : 44);
    assert.deepEqual(decodeConnectRequest(bytes, 0, bytes.length), {
      lastZxidSeen: 5,
      timeoutMs: 7000,
      session: 9,
      password,
      readOnly: false,
      hasReadOnlyByte: readOnlyByte,
    });
  }
});

test('a connect request that is cut short anywhere is none', () => {
  const bytes = connectRequest({ readOnlyByte: false });
  for (let end = 0; end < bytes.length; end++) assert.equal(decodeConnectRequest(bytes, 0, end), null);
});

test('connect responses mirror the length', () => {
  const out = new Writer();
  writeConnectResponse(out, 4000, 0x100000001, Buffer.alloc(16, 7), false);
  assert.equal(hex(out.copy()), `00000025${'00000000'}00000fa0${'0000000100000001'}00000010${'07'.repeat(16)}00`);
  out.clear();
  writeConnectResponse(out, 0, 0, Buffer.alloc(16), null);
  assert.equal(hex(out.copy()), `00000024${'00'.repeat(16)}00000010${'00'.repeat(16)}`);
  out.clear();
  writeConnectResponse(out, 4000, 0x100000001, Buffer.alloc(16, 7), true);
  assert.equal(hex(out.copy()).slice(-2), '01');
});

test('replies and events', () => {
  const out = new Writer();
  writeReply(out, -4, 0, -115);
  assert.equal(hex(out.copy()), '00000010fffffffc0000000000000000ffffff8d');
  out.clear();
  const at = beginReply(out, 3, 0x200000009, 0);
  out.string('/x');
  endReply(out, at);
  assert.equal(hex(out.copy()), '0000001600000003000000020000000900000000 000000022f78'.replace(' ', ''));
  out.clear();
  writeEvent(out, eventType.nodeDeleted, '/é');
  assert.equal(
    hex(out.copy()),
    '0000001fffffffffffffffffffffffff00000000000000020000000300000003 2fc3a9'.replace(' ', ''),
  );
});

test('ACLs and ids come back', () => {
  const text = fc.string({ maxLength: 20 });
  const permissions = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  const acl = fc.record({ permissions, scheme: text, id: text }, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.array(acl), (acls) => {
      const out = new Writer();
      writeAcls(acls, out);
      assert.deepEqual(decodeAcls(out.copy()), acls);
      const ids = acls.map(({ scheme, id }) => ({ scheme, id }));
      assert.deepEqual(decodeIds(encodeIds(ids)), ids);
    }),
  );
});

test('no bytes make an ACL list longer than they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const reader = new Reader().reset(Buffer.from(bytes));
      assert.ok(readAcls(reader).length <= bytes.length / 12 + 1);
      assert.ok(reader.at <= bytes.length);
    }),
  );
});

function isForbidden(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xf900) || code >= 0xfff0;
}

/** ZooKeeper's PathUtils.validatePath, name by name. */
function isPath(path: string): boolean {
  if (path === '/') return true;
  if (!/^\/./s.test(path) || path.endsWith('/')) return false;
  if (Array.from(path, (letter) => letter.charCodeAt(0)).some(isForbidden)) return false;
  return path
    .slice(1)
    .split('/')
    .every((name) => !['', '.', '..'].includes(name));
}

test('paths', () => {
  const piece = fc.constantFrom(
    '/',
    '/',
    '.',
    'a',
    '\0',
    '\x1f',
    ' ',
    '\x7f',
    '\x9f',
    '\xa0',
    '\ud7ff',
    '\ue000',
    '\uf900',
    '\ufff0',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const path = `/${pieces.join('')}`;
      assert.equal(isValidPath(path), isPath(path), JSON.stringify(path));
      assert.equal(isValidPath(path.slice(1)), isPath(path.slice(1)), JSON.stringify(path.slice(1)));
    }),
    { numRuns: 3000 },
  );
  assert.equal(isValidPath(`/${'x'.repeat(16_383)}`), false);
});
