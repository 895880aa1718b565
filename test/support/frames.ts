/** Frames of the links between servers, whole. */
import type { Writer } from '../../engine/base/bytes.ts';
import type { Message } from '../../engine/consensus/zab/messages.ts';
import { encodeHead } from '../../engine/peer/frames.ts';

/** Appends the frame body of `message`. */
export function encodeMessage(message: Message, out: Writer): void {
  out.raw(encodeHead(message, out));
}
