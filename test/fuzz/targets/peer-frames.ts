/** The decoder of messages between servers: a message or null, and a message that comes back the same. */
import { Writer } from '../../../engine/base/bytes.ts';
import { zxidOf } from '../../../engine/base/zxid.ts';
import { crc32 } from '../../../engine/io/crc32.ts';
import { decodeMessage } from '../../../engine/peer/frames.ts';
import { encodeMessage } from '../../support/frames.ts';
import { TxnCursor, type Batch } from '../../../engine/txn/batch.ts';
import { drawAnyMessage, drawPlay } from '../inputs/peer.ts';
import { must, type Target } from './target.ts';

/** What is known of a batch must be true of its bytes, and its txns can be walked. */
function checkBatch(batch: Batch): void {
  for (const value of [batch.prev, batch.first, batch.last])
    must(Number.isSafeInteger(value) && value >= 0, `a zxid of ${value}`);
  const cursor = new TxnCursor().reset(batch);
  let count = 0;
  while (cursor.next()) count++;
  must(count === batch.count, 'a batch has as many txns as it says');
}

export const peerFrames: Target = {
  name: 'peer-frames',
  about: 'messages between servers, decoded alone',
  draw: (prng) => (prng.chance(0.9) ? [drawAnyMessage(prng, 0.6)] : drawPlay(prng, zxidOf(1, 1))),
  run(input) {
    let accepted = 0;
    for (const body of input) {
      const message = decodeMessage(Buffer.from(body), crc32);
      if (message === null) continue;
      accepted++;
      if (message.kind === 'proposal') checkBatch(message.batch);
      const out = new Writer();
      encodeMessage(message, out);
      const again = decodeMessage(out.copy(), crc32);
      must(again !== null && JSON.stringify(again) === JSON.stringify(message), `a ${message.kind} changes on its way`);
    }
    return accepted > 0 ? 'accepted' : 'refused';
  },
};
