/**
 * What a client says it is: `auth` and `sasl`. Both are answered out of turn, with zxid 0; who fails
 * is told so and loses the connection.
 */
import { Buffer } from 'node:buffer';
import type { Reader, Writer } from '../base/bytes.ts';
import { authenticate, type Secrets } from '../prep/access.ts';
import { errorCode } from '../wire/errors.ts';
import { opcode } from '../wire/opcodes.ts';
import { beginReply, endReply, writeReply } from '../wire/replies.ts';
import type { Connection } from './connection.ts';

/** Writes the reply, none to what does not decode; false when the connection must be closed after it. */
export function logIn(
  connection: Connection,
  op: number,
  xid: number,
  reader: Reader,
  out: Writer,
  secrets: Secrets,
  superDigest: string,
): boolean {
  if (op === opcode.sasl) {
    // There is no SASL mechanism here. This is how ZooKeeper refuses a login, body included.
    const at = beginReply(out, xid, 0, errorCode.authFailed);
    out.buffer(null);
    endReply(out, at);
    return false;
  }
  reader.i32();
  const scheme = reader.string();
  const proof = reader.buffer() ?? Buffer.alloc(0);
  if (reader.bad) return false;
  const ids = authenticate(scheme, proof, secrets, superDigest);
  const isProved = ids !== null && connection.prove(ids);
  writeReply(out, xid, 0, isProved ? errorCode.ok : errorCode.authFailed);
  return isProved;
}
