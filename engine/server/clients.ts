/**
 * The client side of a server: frames in, requests sorted, replies and events out.
 *
 *   bytes ─► frames ─► handshake │ read (answered here) │ write (forwarded) │ auth, ping
 *   committed txn of ours ─► reply ─► reads parked behind it ─► one write per connection and turn
 *
 * Semantics: ZooKeeper's NIOServerCnxn, ZooKeeperServer and FinalRequestProcessor.
 */
import { Buffer } from 'node:buffer';
import { Reader, Writer } from '../base/bytes.ts';
import type { Results } from '../read/results.ts';
import type { Reads } from '../read/reads.ts';
import type { Tree } from '../tree/tree.ts';
import type { Watches } from '../tree/watches.ts';
import type { TxnCursor } from '../txn/batch.ts';
import { internalOp } from '../txn/request.ts';
import { passwordBytes, txnType } from '../txn/types.ts';
import { errorCode } from '../wire/errors.ts';
import { decodeConnectRequest, writeConnectResponse } from '../wire/connect.ts';
import { isReadOp, isWriteOp, opcode } from '../wire/opcodes.ts';
import { writeEvent, writeReply } from '../wire/replies.ts';
import { Connection } from './connection.ts';
import type { Forwarding } from './forwarding.ts';
import type { ServerOptions } from './options.ts';
import type { ClientLink, Ports } from './ports.ts';
