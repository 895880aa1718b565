/** All targets with processes of their own. */
import { liveClient } from './client.ts';
import { liveHttp } from './http.ts';
import type { LiveTarget } from './live.ts';
import { livePeer } from './peer.ts';

export const liveTargets: readonly LiveTarget[] = [liveClient, liveHttp, livePeer];
