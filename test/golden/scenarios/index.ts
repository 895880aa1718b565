/**
 * Every conversation by name, in the order in which they are had with one new server.
 *
 * A suite is one server with its settings; what it answered is in a file of the suite's name.
 */
import type { ServerOptions } from '../../../engine/index.ts';
import { Talk } from '../talk.ts';
import { acls } from './acls.ts';
import { lastingWatches } from './lasting-watches.ts';
import { malformed } from './malformed.ts';
import { multis } from './multis.ts';
import { hardQuotas, quotas } from './quotas.ts';
import { reads } from './reads.ts';
import { notExtended, reaped } from './reaped.ts';
import { reconfigs, reconfigsDisabled } from './reconfigs.ts';
import { sessions } from './sessions.ts';
import { watches } from './watches.ts';
import { znodes } from './znodes.ts';

export type Scenario = (talk: Talk) => Promise<void>;

export interface Suite {
  /** What our server is told besides tickTime. */
  readonly settings: Partial<ServerOptions>;
  /** The same for ZooKeeper, as properties of its Java process. */
  readonly properties: readonly string[];
  readonly scenarios: Readonly<{ [name: string]: Scenario }>;
  /** Makes sense only with a server of an ensemble. */
  readonly isOfEnsemble?: boolean;
}

export const suites = {
  replies: {
    settings: {},
    properties: [],
    scenarios: {
      ...znodes,
      ...multis,
      ...acls,
      ...watches,
      ...lastingWatches,
      ...reads,
      ...notExtended,
      ...quotas,
      ...reconfigsDisabled,
      ...sessions,
      ...malformed,
    },
  },
  'replies-extended': {
    settings: { extendedTypesEnabled: true, enforceQuota: true, containerCheckIntervalMs: 300 },
    properties: [
      'zookeeper.extendedTypesEnabled=true',
      'zookeeper.enforceQuota=true',
      'znode.container.checkIntervalMs=300',
    ],
    scenarios: { ...reaped, ...hardQuotas },
  },
  'replies-ensemble': {
    settings: { reconfigEnabled: true },
    properties: ['zookeeper.reconfigEnabled=true'],
    scenarios: { ...reconfigs },
    isOfEnsemble: true,
  },
} as const satisfies { [name: string]: Suite };

/** Conversations with which a server of an ensemble goes on otherwise. */
export const ofServerAlone: ReadonlySet<string> = new Set(['no configuration in a server alone']);

export type SuiteName = keyof typeof suites;

/** What was said in each. */
export interface Transcripts {
  readonly [name: string]: readonly string[];
}

/** Has one conversation with the server at `port`. */
export async function converse(suite: SuiteName, name: string, port: number): Promise<readonly string[]> {
  const talk = new Talk(port);
  const { scenarios }: Suite = suites[suite];
  await scenarios[name]!(talk);
  await talk.end();
  return talk.lines;
}
