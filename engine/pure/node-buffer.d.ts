/**
 * All that the pure layers may know of Node: the byte container.
 *
 * They compile with `types: []`, so timers, `process`, files and sockets do not resolve there.
 * This declaration gives back `node:buffer` and nothing else.
 */
declare module 'node:buffer' {
  export class Buffer extends Uint8Array<ArrayBuffer> {
    static alloc(size: number): Buffer;
    static allocUnsafe(size: number): Buffer;
    static allocUnsafeSlow(size: number): Buffer;
    static from(text: string, encoding?: 'utf8' | 'latin1' | 'base64' | 'hex'): Buffer;
    static from(bytes: ArrayLike<number>): Buffer;
    static from(buffer: ArrayBuffer, byteOffset?: number, length?: number): Buffer;
    static byteLength(text: string, encoding?: 'utf8'): number;
    static concat(list: readonly Uint8Array[], totalLength?: number): Buffer;
    static compare(a: Uint8Array, b: Uint8Array): number;
    copy(target: Uint8Array, targetStart?: number, sourceStart?: number, sourceEnd?: number): number;
    equals(other: Uint8Array): boolean;
    subarray(start?: number, end?: number): Buffer;
    toString(encoding?: 'utf8' | 'latin1' | 'base64' | 'hex', start?: number, end?: number): string;
    write(text: string, offset: number, length: number, encoding: 'utf8' | 'latin1'): number;
    readDoubleBE(offset: number): number;
    readUInt32BE(offset?: number): number;
    readInt32BE(offset: number): number;
    readUInt32BE(offset: number): number;
    indexOf(value: Uint8Array | number, byteOffset?: number): number;
    writeDoubleBE(value: number, offset: number): number;
    writeUInt32BE(value: number, offset: number): number;
  }
}
