/** Nothing that a server keeps in memory grows without bound. */
import type { SimServer } from '../process.ts';
import { Checker } from './checker.ts';

/** One batch beyond the bound may be in memory at any time, and everything not yet applied. */
const slackBytes = 2 * 1024 * 1024;

export class Memory extends Checker {
  readonly name = 'memory bounded';

  override turn(server: SimServer): void {
    const { core, options } = server.server!;
    const { history } = core;
    this.expect(history.bytes <= options.historyBytesMax + options.bytesInFlightMax + slackBytes, () => {
      return `server ${server.id} keeps ${history.bytes} bytes of history`;
    });
    this.expect(core.batchesInFlight <= options.batchesInFlightMax, () => {
      return `server ${server.id} has ${core.batchesInFlight} batches in flight`;
    });
  }
}
