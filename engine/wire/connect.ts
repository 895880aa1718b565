/**
 * The handshake: the first frame each way, without a header.
 *
 *   request   i32 protocolVersion · i64 lastZxidSeen · i32 timeOut · i64 sessionId · buffer passwd [· bool readOnly]
 *   response  i32 protocolVersion · i32 timeOut · i64 sessionId · buffer passwd [· bool readOnly]
 *
 * Clients older than 3.4 send 44 bytes and expect 36; later ones send the readOnly byte (45) and
 * expect it back (37). Some check the length, so the answer mirrors the request. The version is 0 in
 * every answer, whatever the client asked for.
 */
import { Buffer } from 'node:buffer';
import { Reader, Writer } from '../base/bytes.ts';
import { passwordBytes } from '../txn/types.ts';

export interface ConnectRequest {
  readonly lastZxidSeen: number;
  readonly timeoutMs: number;
  /** 0 asks for a new session. */
  readonly session: number;
  readonly password: Buffer;
  readonly readOnly: boolean;
  /** The request had the trailing byte, so the response needs it too. */
  readonly hasReadOnlyByte: boolean;
}

/** Decodes the frame in `bytes[start, end)`; null when it is no connect request. */
export function decodeConnectRequest(bytes: Buffer, start: number, end: number): ConnectRequest | null {
  const reader = new Reader().reset(bytes, start, end);
  reader.i32();
  const lastZxidSeen = reader.i64();
  const timeoutMs = reader.i32();
  const session = reader.i64();
  const password = reader.buffer() ?? Buffer.alloc(0);
  const hasReadOnlyByte = reader.left > 0;
  const readOnly = hasReadOnlyByte && reader.bool();
  if (reader.bad) return null;
  return { lastZxidSeen, timeoutMs, session, password: Buffer.from(password), readOnly, hasReadOnlyByte };
}

/**
 * Appends the response; timeoutMs 0 and session 0 tell the client that its session is gone.
 *
 * @param readOnly whether this server takes no writes at present; null when the request did not ask
 */
export function writeConnectResponse(
  out: Writer,
  timeoutMs: number,
  session: number,
  password: Uint8Array,
  readOnly: boolean | null,
): void {
  out.i32(20 + passwordBytes + (readOnly === null ? 0 : 1));
  out.i32(0);
  out.i32(timeoutMs);
  out.i64(session);
  out.buffer(password);
  if (readOnly !== null) out.bool(readOnly);
}
