/** All targets that run within one process. */
import { client } from './client.ts';
import { config } from './config.ts';
import { log } from './log.ts';
import { peer } from './peer.ts';
import { peerFrames } from './peer-frames.ts';
import { replay } from './replay.ts';
import { snapshotFile } from './snapshot-file.ts';
import { state } from './state.ts';
import type { Target } from './target.ts';
import { wire } from './wire.ts';

export const targets: readonly Target[] = [wire, client, peerFrames, peer, log, state, snapshotFile, replay, config];
