/**
 * Frames to the client: an int32 length, ReplyHeader{i32 xid, i64 zxid, i32 err} and a body.
 *
 *   const at = beginReply(out, xid, zxid, 0); …body… ; endReply(out, at);
 *
 * A reply with an error has no body.
 */
import type { Writer } from '../base/bytes.ts';
import { stateSyncConnected, type EventType } from './events.ts';
import { specialXid } from './opcodes.ts';

/** Starts a frame and returns where its length goes. */
export function beginReply(out: Writer, xid: number, zxid: number, error: number): number {
  const at = out.at;
  out.need(20);
  out.at += 4;
  out.i32(xid);
  out.i64(zxid);
  out.i32(error);
  return at;
}

export function endReply(out: Writer, at: number): void {
  out.setI32(at, out.at - at - 4);
}

/** A whole reply without a body. */
export function writeReply(out: Writer, xid: number, zxid: number, error: number): void {
  endReply(out, beginReply(out, xid, zxid, error));
}

/** WatcherEvent{i32 type, i32 state, ustring path}; the header's zxid is -1 as in ZooKeeper up to 3.8. */
export function writeEvent(out: Writer, type: EventType, path: string): void {
  const at = beginReply(out, specialXid.event, -1, 0);
  out.i32(type);
  out.i32(stateSyncConnected);
  out.string(path);
  endReply(out, at);
}

/** MultiHeader{i32 type, bool done, i32 err} before each result and after the last one. */
export function writeMultiHeader(out: Writer, type: number, done: boolean, error: number): void {
  out.i32(type);
  out.bool(done);
  out.i32(error);
}
