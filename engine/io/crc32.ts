/** CRC-32 of a range, by the zlib that Node brings along (since 20.15): several GB/s. */
import { crc32 as native } from 'node:zlib';

/** @param before that of the bytes which come before these */
export function crc32(bytes: Uint8Array, start: number, end: number, before = 0): number {
  return native(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), before);
}
