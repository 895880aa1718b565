/**
 * Loaded before a server (`node --import`), it makes the server measure nothing of itself: what is timed and
 * counted per request, batch and turn. Readings of the clock that only measuring needs remain.
 */
import { Histogram } from '../../engine/base/histogram.ts';
import { Stages } from '../../engine/server/stages.ts';
import { Traffic } from '../../engine/server/traffic.ts';

const nothing = (): void => {};

Object.assign(Histogram.prototype, { record: nothing, recordMs: nothing });
Object.assign(Traffic.prototype, { answered: nothing });
Object.assign(Stages.prototype, {
  appended: nothing,
  synced: nothing,
  proposed: nothing,
  acked: nothing,
  pinged: nothing,
  ponged: nothing,
  committed: nothing,
});
