/** Every conversation by name, in the order in which they are had with one new server. */
import { Talk } from '../talk.ts';
import { acls } from './acls.ts';
import { lastingWatches } from './lasting-watches.ts';
import { malformed } from './malformed.ts';
import { multis } from './multis.ts';
import { reads } from './reads.ts';
import { sessions } from './sessions.ts';
import { watches } from './watches.ts';
import { znodes } from './znodes.ts';

export type Scenario = (talk: Talk) => Promise<void>;

const scenarios: Readonly<{ [name: string]: Scenario }> = {
  ...znodes,
  ...multis,
  ...acls,
  ...watches,
  ...lastingWatches,
  ...reads,
  ...sessions,
  ...malformed,
};

/** What was said in each. */
export interface Transcripts {
  readonly [name: string]: readonly string[];
}

/** Has one conversation with the server at `port`. */
export async function converse(name: string, port: number): Promise<readonly string[]> {
  const talk = new Talk(port);
  await scenarios[name]!(talk);
  await talk.end();
  return talk.lines;
}

export const scenarioNames: readonly string[] = Object.keys(scenarios);
