/** The shell line by line: on a terminal with prompt, history and completion, else from whatever is piped in. */
import { createInterface, type Interface } from 'node:readline';
import type { Client, SessionState } from '../../client/index.ts';
import { commandNames, exitCode, type Shell, type ShellOutput } from './shell.ts';

/** A server that is slow must not hold up whoever types, ms. */
const completionMsMax = 1000;

/** What a word may go on as: a command, or a path that exists. */
export async function complete(client: Client | null, line: string): Promise<[string[], string]> {
  const word = /\S*$/.exec(line)![0];
  const isFirst = line.trimStart() === word;
  if (isFirst) return [commandNames.filter((name) => name.startsWith(word)).map((name) => `${name} `), word];
  if (!word.startsWith('/') || client === null) return [[], word];
  const slash = word.lastIndexOf('/');
  const parent = slash === 0 ? '/' : word.slice(0, slash);
  const start = word.slice(slash + 1);
  const names = (await client.getChildren(parent, { timeoutMs: completionMsMax })).sort();
  const prefix = parent === '/' ? '/' : `${parent}/`;
  return [names.filter((name) => name.startsWith(start)).map((name) => prefix + name), word];
}

/** Reads lines until there are no more or `quit`; returns the exit code of the last command. */
export async function runLines(shell: Shell, input: NodeJS.ReadStream): Promise<number> {
  const lines = createInterface({ input, crlfDelay: Infinity });
  let code: number = exitCode.done;
  for await (const line of lines) {
    code = await shell.runLine(line);
    if (shell.isOver) break;
  }
  lines.close();
  return code;
}

const stateNames: Partial<Record<SessionState, string>> = { expired: 'EXPIRED', authFailed: 'AUTH_FAILED' };

/** A conversation on a terminal. */
export class Terminal implements ShellOutput {
  readonly #lines: Interface;
  #shell: Shell | null = null;
  #isBusy = true;

  constructor() {
    this.#lines = createInterface({
      input: process.stdin,
      output: process.stdout,
      historySize: 1000,
      completer: (line: string, done: (error: Error | null, result: [string[], string]) => void) => {
        complete(this.#shell?.client ?? null, line).then(
          (result) => done(null, result),
          // A path that is not there has nothing to go on with.
          () => done(null, [[], line]),
        );
      },
    });
    // Ctrl-C drops the line; on an empty one it ends the shell, as Ctrl-D does, and at once while it connects.
    this.#lines.on('SIGINT', () => {
      if (this.#shell === null) process.exit(exitCode.interrupted);
      if (this.#lines.line === '') this.#lines.close();
      else this.#lines.write(null, { ctrl: true, name: 'u' });
    });
  }

  /** Prints above the line that is being typed. */
  print(text: string): void {
    if (!this.#isBusy) process.stdout.write('\r\u001b[K');
    process.stdout.write(`${text}\n`);
    if (!this.#isBusy) this.#lines.prompt(true);
  }

  complain(text: string): void {
    this.print(text);
  }

  async run(shell: Shell): Promise<number> {
    this.#shell = shell;
    shell.onState = (state) => {
      this.#prompt();
      if (state !== 'closed') this.print(`\nWATCHER::\n\nWatchedEvent state:${stateText(state)} type:None path:null`);
    };
    this.#show();
    for await (const line of this.#lines) {
      this.#isBusy = true;
      await shell.runLine(line);
      if (shell.isOver) break;
      this.#show();
    }
    this.#isBusy = true;
    this.#lines.close();
    return exitCode.done;
  }

  #show(): void {
    this.#isBusy = false;
    this.#prompt();
    this.#lines.prompt();
  }

  #prompt(): void {
    const client = this.#shell!.client;
    const server = client?.server;
    const at = server === null || server === undefined ? '' : `${server.host}:${server.port}`;
    const state = client === null ? 'CLOSED' : (stateNames[client.state] ?? client.state.toUpperCase());
    this.#lines.setPrompt(`[zk: ${at}(${state}) ${this.#shell!.number}] `);
  }
}

/** ZooKeeper's names of the states. */
function stateText(state: SessionState): string {
  if (state === 'connected') return 'SyncConnected';
  if (state === 'connecting') return 'Disconnected';
  return state.charAt(0).toUpperCase() + state.slice(1);
}
