/**
 * A program with a server and a state machine of its own, for a test that kills it (state-machine-kill.test.ts).
 *
 *   argv[2]  JSON of Server.start's options, and `life`, which begins the names of its commands
 *   it sends  {name, outcome} of each proposal · {lines} when asked · {settled: true} after 'stop'
 *   it gets   'stop': propose no more · 'lines'
 */
import { ProposalError, Server, type Command, type StartOptions, type StateMachine } from 'zabra';

/** What the program tells the test. */
export interface News {
  readonly name?: string;
  readonly outcome?: string;
  readonly lines?: readonly string[];
  readonly settled?: boolean;
}

const inFlightMax = 30;

/** All that it was told, in order. */
class Journal implements StateMachine {
  lines: string[] = [];

  apply(batch: readonly Command[]): number[] {
    return batch.map(({ data }) => this.lines.push(data.toString()));
  }

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(JSON.stringify(this.lines))];
  }

  restore(pieces: readonly Buffer[]): void {
    this.lines = pieces.length === 0 ? [] : (JSON.parse(Buffer.concat(pieces).toString()) as string[]);
  }
}

const { life, ...options } = JSON.parse(process.argv[2]!) as StartOptions & { readonly life: string };
const machine = new Journal();
const server = await Server.start({ ...options, machine });
const tell = (news: News): boolean => process.send!(news);
let stopped = false;
let count = 0;

async function propose(): Promise<void> {
  while (!stopped) {
    const name = `${life}.${++count}`;
    const outcome = await server.propose<number>(name).then(
      (length) => (machine.lines[length - 1] === name ? 'applied' : 'answered with what another came to'),
      (error: unknown) => (error instanceof ProposalError ? error.outcome : String(error)),
    );
    tell({ name, outcome });
  }
}

process.on('disconnect', () => process.exit());
process.on('message', (message) => {
  if (message === 'stop') stopped = true;
  else tell({ lines: machine.lines });
});
await Promise.all(Array.from({ length: inFlightMax }, propose));
tell({ settled: true });
