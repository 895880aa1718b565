/** The format of a snapshot file: what was written comes back, and no changed byte goes unnoticed. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from '../../../engine/io/crc32.ts';
import {
  decodeFileHeader,
  encodeChunk,
  encodeFileHeader,
  fileHeaderBytes,
  Seal,
} from '../../../engine/snapshot/file.ts';
import { append, begin, publish, read, verify } from '../../../workers/snapshot.ts';
import { memoryFolder } from '../../support/log.ts';

const zxid = 3 * 2 ** 32 + 17;
/** One that LZ4 makes smaller, and one that it cannot. */
const chunks = [Buffer.alloc(900, 'znode '), Buffer.from('short')];

function writeSnapshot(folder: string): string {
  const path = join(folder, 'a.tmp');
  const seal = new Seal(crc32);
  begin({ path, zxid });
  for (const raw of chunks) seal.add(append({ path, raw }));
  assert.equal(publish({ path, name: join(folder, 'a'), zxid, footer: seal.encode() }), null);
  return join(folder, 'a');
}

test('snapshot file header: comes back; a changed byte is noticed', () => {
  const bytes = encodeFileHeader(zxid, crc32);
  assert.equal(decodeFileHeader(bytes, crc32), zxid);
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    assert.equal(decodeFileHeader(changed, crc32), -1, `byte ${at}`);
    assert.equal(decodeFileHeader(bytes.subarray(0, at), crc32), -1);
  }
});

test('snapshot file: chunks come back', (t) => {
  const path = writeSnapshot(memoryFolder(t));
  let offset = fileHeaderBytes;
  for (const chunk of chunks) {
    const { raw, next, error } = read({ path, offset });
    assert.equal(error, null);
    assert.deepEqual(Buffer.from(raw!), chunk);
    offset = next;
  }
  assert.equal(read({ path, offset }).raw, null);
});

test('snapshot file: every changed byte, every length and another name are noticed', (t) => {
  const path = writeSnapshot(memoryFolder(t));
  const whole = readFileSync(path);
  assert.equal(verify({ path, zxid }), null);
  assert.equal(verify({ path, zxid: zxid + 1 }), 'its header tells another zxid than its name');
  for (let at = 0; at < whole.length; at++) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const changed = Buffer.from(whole);
      changed[at]! ^= mask;
      writeFileSync(path, changed);
      assert.notEqual(verify({ path, zxid }), null, `byte ${at}`);
    }
  }
  writeFileSync(path, whole);
  appendFileSync(path, '\0');
  assert.equal(verify({ path, zxid }), 'there are bytes after its footer');
  for (let length = whole.length - 1; length >= 0; length--) {
    truncateSync(path, length);
    assert.notEqual(verify({ path, zxid }), null, `${length} bytes`);
  }
});

test('snapshot file: one that is not whole does not get its name', (t) => {
  const folder = memoryFolder(t);
  const path = join(folder, 'b.tmp');
  begin({ path, zxid });
  append({ path, raw: chunks[0]! });
  const error = publish({ path, name: join(folder, 'b'), zxid, footer: new Seal(crc32).encode() });
  assert.equal(error, 'its footer does not match');
  assert.throws(() => readFileSync(join(folder, 'b')), /ENOENT/);
});

test('snapshot file: a block that does not expand is damage, a file that cannot be opened is not', (t) => {
  const folder = memoryFolder(t);
  const path = join(folder, 'a');
  writeFileSync(path, Buffer.concat([encodeFileHeader(zxid, crc32), encodeChunk(1000, Buffer.alloc(20, 0xff), crc32)]));
  assert.match(verify({ path, zxid })!, /^a chunk does not expand: /);
  assert.throws(() => verify({ path: folder, zxid }), { code: 'EISDIR' });
});
